"""What `label` writes to its folder: the corpus, all rows, and the report.

The same answers give the same bytes, so that a run that was killed and repeated ends like one that was not. What a run
has cost is no part of it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import srsly
from spacy.language import Language

from ....annotations.storage import save_docs
from ....corpora.jsonl import as_json
from ....corpora.report import Report
from ....corpora.to_docs import cat_labels, make_docs
from ....files import replacing_files, write_json_lines
from .row import Labelled, Lost, Sample
from .summary import as_markdown, summarize

CORPUS, ROWS, REPORT, MARKDOWN = "silver.spacy", "rows.jsonl", "report.json", "report.md"


def write_results(folder: Path, rows: Sequence[Labelled], nlp: Language, *, needed: int) -> Report:
    """Write the files of a silver corpus, all or none.

    folder (Path): The folder. Other files in it are kept.
    rows (Sequence[Labelled]): All rows, in order.
    nlp (Language): Makes the tokens.
    needed (int): How many samples an annotation needed.
    RETURNS (Report): What the documents have kept and lost.
    """
    report = Report()
    kept = [row.record for row in rows if row.record is not None]
    found = summarize(rows, needed)
    with replacing_files(folder) as fresh:
        save_docs(make_docs(kept, nlp, cats=cat_labels(kept), report=report), fresh / CORPUS)
        write_json_lines(map(row_as_json, rows), fresh / ROWS)
        srsly.write_json(fresh / REPORT, found)
        (fresh / MARKDOWN).write_text(as_markdown(found), encoding="utf8")
    return report


def row_as_json(row: Labelled) -> dict[str, Any]:
    """RETURNS (dict[str, Any]): A row of `rows.jsonl`.

    row (Labelled): The row.
    """
    record = row.record
    scores = None
    if record is not None:
        scores = {
            "label": row.label_share,
            "entities": [entity.score for entity in record.entities or ()],
            "relations": [relation.score for relation in record.relations or ()],
        }
    return {
        "id": row.source.id,
        "status": "kept" if row.is_kept else "dropped",
        "reasons": _pairs(row.reasons),
        "text": row.source.text,
        "labelled": None if record is None else as_json(record),
        "agreement": scores,
        "left_out": _pairs(row.lost),
        "answers": [_sample(sample) for sample in row.samples],
    }


def _sample(sample: Sample) -> dict[str, Any]:
    return {
        "reply": sample.reply,
        "fault": None if sample.fault is None else [str(sample.fault.reason), sample.fault.detail],
        "left_out": _pairs(sample.lost),
    }


def _pairs(found: Sequence[Lost]) -> list[list[str]]:
    return [[str(lost.reason), lost.detail] for lost in found]
