"""What a Doc can have that a record cannot. Lemmas, tags and dependencies are not counted: a pipeline makes them
again."""

from typing import Any

from spacy.tokens import Doc

from ..annotations.entities import is_partly_annotated
from .report import Report

# How keys of custom attributes in `doc.user_data` begin.
PREFIX = "._."
# Custom attributes that become parts of a record, or can be computed again.
KNOWN = {"relations", "relation_writers", "relation_tokens", "trf_data"}


def count_beyond_records(doc: Doc, key: str, origin: str, report: Report) -> None:
    """Count the identifiers of entities, custom attributes and missing annotations of single tokens as lost. Note
    sentences, and entities of `doc.ents` beside the span group.

    doc (Doc): The document.
    key (str): The span group of the entities.
    origin (str): Names the document.
    report (Report): Counts them.
    """
    spans = (*doc.spans.get(key, ()), *doc.ents)
    # A set, because an entity may be in both.
    ids = {
        (span.start, span.end, span.label_, what)
        for span in spans
        for what, value in (("kb_id", span.kb_id_), ("id", span.id_))
        if value
    }
    for *_, label, what in sorted(ids):
        report.lose(f"'{what}' of an entity", origin, label)
    if is_partly_annotated(doc, key):
        report.lose("missing entity annotation of some tokens, read as O", origin)
    read = {(span.start, span.end, span.label) for span in doc.spans.get(key, ())}
    for ent in doc.ents if key in doc.spans else ():
        if (ent.start, ent.end, ent.label) not in read:
            report.note(
                f"entity of doc.ents that is not in the span group '{key}', not read", f"{origin}: {ent.label_}"
            )
    attributes = {place[1] for place, value in doc.user_data.items() if _is_custom(place) and value is not None}
    for name in sorted(attributes - KNOWN):
        report.lose(f"custom attribute '{name}'", origin)
    if len(doc) > 1 and doc.has_annotation("SENT_START"):  # one token is always a sentence
        report.note("sentences that are not kept", origin)


def _is_custom(place: Any) -> bool:
    return isinstance(place, tuple) and place[:1] == (PREFIX,)
