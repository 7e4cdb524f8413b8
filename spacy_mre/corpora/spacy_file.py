"""Reads `.spacy` files: those of this package, and those of other programs, with entities under another key."""

from collections.abc import Iterator
from pathlib import Path

from ..annotations.storage import load_docs
from .from_docs import make_records
from .record import Record
from .report import Report
from .span_groups import choose_group


def read_spacy(path: Path, *, report: Report | None = None) -> Iterator[Record]:
    """Read a `.spacy` file, or a folder that `save_docs` wrote.

    path (Path): The file or folder.
    report (Report | None): Counts relations whose head or tail is not an entity, tokens without entity annotation
        among others, identifiers of entities and custom attributes, and notes sentences, and span groups and entities
        that are not read. Entities are read from the group that `choose_group` chooses for the file; without it from
        `doc.ents`.
    YIELDS (Record): One record per document, with its tokens and scores.
    RAISES (ValueError): If the file is damaged or not a `.spacy` file.
    """
    report = report if report is not None else Report()
    # The file is read twice: it may be too large for the memory.
    key = choose_group((list(doc.spans), bool(doc.ents)) for doc in load_docs(path))
    for number, doc in enumerate(load_docs(path), start=1):
        for other in sorted(doc.spans.keys() - {key}):
            report.note(f"span group '{other}' that is not read", f"document {number}")
        doc.user_data.setdefault("id", str(number))
        converted = Report()
        (record,) = make_records([doc], spans_key=key, scores=True, report=converted)
        report.add_losses(converted, Path(path).name)
        record.origin = f"{Path(path).name}, document {number}"
        yield record
