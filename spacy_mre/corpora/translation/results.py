"""What `translate` writes to its folder: the corpus, all rows, and the report.

The same answers give the same bytes, so that a run that was killed and repeated ends like one that was not. What a run
has cost is no part of it.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import srsly
from spacy.language import Language

from ...annotations.kinds import KINDS
from ...annotations.storage import save_docs
from ...files import replacing_files
from ..reading import Location, read_json
from ..report import Report
from ..to_docs import cat_labels, make_docs
from .label_table import LabelTable, read_label_table
from .quality import Quality
from .quality_text import as_markdown
from .row import Translated
from .rows import read_rows, write_rows

ABOUT, LABELS, ROWS = "about.json", "labels.json", "rows.jsonl"
REPORT, MARKDOWN = "report.json", "report.md"
NAMES = (ABOUT, LABELS, ROWS, REPORT, MARKDOWN)


@dataclass(frozen=True)
class About:
    """What a translation was made with.

    file (str): The name of the file that was translated, and of its translation: "train.spacy".
    source (str): Its language.
    target (str): The language it was translated into.
    model (str): The name of the engine.
    mode (str): "markers" or "strings".
    nlp (str): What makes the tokens of the translation: a config, package or folder; "" for those of the language.
    """

    file: str
    source: str
    target: str
    model: str
    mode: str
    nlp: str = ""


def write_results(
    folder: Path,
    rows: Iterable[Translated],
    about: About,
    table: LabelTable,
    nlp: Language,
    *,
    back: dict[str, Any] | None = None,
) -> Report:
    """Write the files of a translation, all or none.

    folder (Path): The folder. Other files in it are kept.
    rows (Iterable[Translated]): All rows, in order.
    about (About): What it was made with.
    table (LabelTable): The labels.
    nlp (Language): Makes the tokens.
    back (dict[str, Any] | None): The result of `check_back`, for the report. Default: None, nothing was translated
        back.
    RETURNS (Report): What the documents have kept and lost.
    """
    rows = list(rows)
    quality, report = Quality(table), Report()
    for row in rows:
        quality.add(row)
    kept = [row.record for row in rows if row.is_kept and row.record is not None]
    found = quality.report() if back is None else {**quality.report(), "back": back}
    with replacing_files(folder) as fresh:
        save_docs(make_docs(kept, nlp, cats=cat_labels(kept), report=report), fresh / about.file)
        write_rows(rows, fresh / ROWS)
        srsly.write_json(fresh / ABOUT, asdict(about))
        srsly.write_json(fresh / LABELS, {kind: dict(getattr(table, kind)) for kind in KINDS})
        srsly.write_json(fresh / REPORT, found)
        (fresh / MARKDOWN).write_text(as_markdown(found), encoding="utf8")
    return report


def read_results(folder: Path) -> tuple[list[Translated], About, LabelTable]:
    """Read what `write_results` has written.

    folder (Path): The folder.
    RETURNS (tuple[list[Translated], About, LabelTable]): All rows, what they were made with, and the labels.
    RAISES (CorpusError): If a file is missing or damaged.
    """
    path = Path(folder) / ABOUT
    given, location = read_json(path), Location(path)
    about = About(**{name: location.get(given, name, str) for name in About.__dataclass_fields__})
    if about.file != Path(about.file).name or not about.file.endswith(".spacy"):
        raise location.error(f"'file' must be the name of a .spacy file, not '{about.file}'")
    return list(read_rows(Path(folder) / ROWS)), about, read_label_table(Path(folder) / LABELS, about.target)


def read_back(folder: Path) -> dict[str, Any] | None:
    """Read the result of the back-translation.

    folder (Path): The folder.
    RETURNS (dict[str, Any] | None): What `check_back` has returned; None if nothing was translated back.
    RAISES (CorpusError): If the report is missing or damaged.
    """
    path = Path(folder) / REPORT
    report, location = read_json(path), Location(path)
    if not isinstance(report, dict):
        raise location.error("expected an object")
    if "back" not in report:
        return None
    back: dict[str, Any] = location.get(report, "back", dict)
    for key, kind in (("rows", int), ("answered", int), ("entities", dict), ("examples", list)):
        location.get(back, key, kind)
    return back
