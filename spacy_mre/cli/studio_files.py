"""How the command `studio` makes documents of its gold, and writes them with the writers of `export`."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import load_model

from ..annotations.storage import save_docs
from ..corpora import WRITERS, Record, Report, cat_labels, make_docs
from ..corpora.jsonl import make_record
from ..corpora.offsets import Offsets
from ..corpora.reading import Location
from ..pipeline.generative.formats.separating import separate_tasks
from ..scale.pipelines import read_config

# Of the file; a form without one is a folder.
ENDINGS = {
    "bioc": ".xml",
    "conllu": ".conllu",
    "doccano": ".jsonl",
    "docred": ".json",
    "jsonl": ".jsonl",
    "labelstudio": ".json",
    "prodigy": ".jsonl",
    "pubtator": ".txt",
    "spacy": ".spacy",
    "spacyjson": ".jsonl",
    "table": ".csv",
}
FORMS = sorted([*WRITERS, "spacy"])
NAME = "gold"

Row = dict[str, Any]


def make_gold_docs(rows: Sequence[Row], nlp: Language, report: Report | None = None) -> Iterable[Doc]:
    """Make documents of rows of the gold file.

    rows (Sequence[dict[str, Any]]): The rows.
    nlp (Language): Its tokenizer is used. A token is split where an entity begins or ends inside it. If it has tasks,
        the documents have gold of these, see `separate_tasks`.
    report (Report | None): Counts what was kept and lost.
    RETURNS (Iterable[Doc]): The documents.
    RAISES (ValueError): If a row is malformed.
    """
    report = report if report is not None else Report()
    records = [_as_record(row, report) for row in rows]
    return (separate_tasks(doc, nlp) for doc in make_docs(records, nlp, cats=cat_labels(records), report=report))


def export_gold(rows: Sequence[Row], form: str, folder: Path, model: str) -> dict[str, int]:
    """Write rows of the gold file.

    rows (Sequence[dict[str, Any]]): The rows.
    form (str): One of `FORMS`.
    folder (Path): The folder to write into.
    model (str): The pipeline whose tokenizer is used, a package or a folder.
    RETURNS (dict[str, int]): What was lost: how many annotations, by reason.
    RAISES (ValueError): If a row is malformed, or a package is missing.
    """
    report = Report()
    docs = make_gold_docs(rows, _load_tokenizer(model), report)
    ending = ENDINGS.get(form)
    path = folder / f"{NAME}{ending}" if ending else folder / NAME
    if form == "spacy":
        save_docs(docs, path)
    else:
        WRITERS[form](docs, path, gold=True, report=report)
    return dict(report.lost)


def _load_tokenizer(model: str) -> Language:
    return load_model(model, exclude=list(read_config(model)["components"]))


def _as_record(row: Row, report: Report) -> Record:
    name = row.get("id") or row["text"][:30]
    return make_record(row, "", Offsets(row["text"]), Location(Path(f"{NAME}.jsonl"), name=f"text '{name}'"), report)
