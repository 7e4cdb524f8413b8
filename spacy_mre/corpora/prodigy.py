"""Prodigy's JSONL. Offsets count characters; ends are exclusive, but the last token of a span is inclusive.

    {"text": "Ada met Bo.", "tokens": [{"text": "Ada", "start": 0, "end": 3, "id": 0, "ws": true}, ...],
     "spans": [{"start": 0, "end": 3, "token_start": 0, "token_end": 0, "label": "person"}, ...],
     "relations": [{"head": 0, "child": 2, "label": "met", "head_span": {...}, "child_span": {...}}],
     "options": [{"id": "diary", "text": "diary"}], "accept": ["diary"], "meta": {"page": 3}, "answer": "accept"}

The head and child of a relation are the last tokens of spans. Only accepted texts are read; others are counted. Those
without an answer count as accepted, as in Prodigy's `db-in`, but keep their scores, and options need an answer. Text
labels are the ids of the options, or "label". Prodigy keeps keys that it does not know, so these are metadata, except
"id" and "group"; keys that begin with _ are ignored.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .extra_keys import count_extra_keys
from .metadata import other_keys, read_meta
from .offsets import Offsets
from .prodigy_relations import RELATION_KEYS, SPAN_KEYS, Spans
from .reading import Location, read_json_items
from .record import CharOffsets, EntityRecord, Record, RelationRecord
from .report import Report
from .surface import Mention, check_surface, find_mentions, with_offsets

KEYS = {
    *("text", "tokens", "spans", "relations", "options", "accept", "label", "meta", "answer", "id", "group"),
    *("config", "html", "score", "priority"),
}
TOKEN_KEYS = {"text", "start", "end", "id", "ws", "disabled", "style"}
ANSWERS = ("accept", "reject", "ignore")
# Interfaces in which spans or relations are annotated. A text without any may lack their key.
SPAN_VIEWS = ("ner", "ner_manual", "spans", "spans_manual", "relations")
RELATION_VIEWS = ("relations",)
# Interfaces that ask whether one label, or the spans that are shown, are right. Those of the text may be more.
BINARY_VIEWS = ("classification", "ner", "spans")


def read_prodigy(path: Path, *, report: Report | None = None) -> Iterator[Record]:
    """Read one file, as written by `prodigy db-out`.

    path (Path): The file.
    report (Report | None): Counts what records cannot represent, and notes texts that were not accepted or occur more
        than once, and answers to single questions.
    YIELDS (Record): One record per accepted answer. Without an id, it gets the name of the file and its number.
    RAISES (CorpusError): If the input is malformed, or the tokens of a span are not at its offsets.

    >>> line = '{"text": "Ada", "spans": [{"start": 0, "end": 3, "label": "person"}], "answer": "accept"}'
    >>> _ = Path("out.jsonl").write_text(line)
    >>> next(read_prodigy("out.jsonl")).entities
    [EntityRecord(start=0, end=3, label='person', score=1.0)]
    """
    path = Path(path)
    report = report if report is not None else Report()
    accepted: set[int] = set()  # hashes, which are smaller than texts
    found = with_offsets(lambda: read_json_items(path), _parts, report)
    for number, ((location, item), offsets) in enumerate(found, start=1):
        answer = "accept" if item.get("answer") is None else item["answer"]
        if answer not in ANSWERS:
            raise location.error(f"'answer' must be one of {', '.join(ANSWERS)}")
        if answer != "accept":
            report.note(f"text with the answer '{answer}', left out", str(location))
            continue
        if item.get("answer") is not None:
            _leave_out_scores(item)
            if item.get("_view_id") in BINARY_VIEWS:
                reason = f"answer to a single question (interface '{item['_view_id']}'), read as all that holds"
                report.note(reason, str(location))
        record = _record(item, f"{path.stem}-{number}", offsets, location, report)
        if hash(record.text) in accepted:
            report.note("text that occurs more than once", str(location))
        accepted.add(hash(record.text))
        yield record


def _parts(located: tuple[Location, dict[str, Any]]) -> tuple[str, list[Mention], Location]:
    """The text of an answer that is read, and its spans and tokens."""
    location, item = located
    text = item.get("text")
    if not isinstance(text, str) or item.get("answer") not in (None, "accept"):
        return "", [], location
    return text, find_mentions(item, "spans", "tokens"), location


def _record(item: dict[str, Any], name: str, offsets: Offsets, location: Location, report: Report) -> Record:
    text = location.get(item, "text", str)
    tokens = relations = None
    entities: list[EntityRecord] | None = None
    view = item.get("_view_id")
    if item.get("tokens") is not None:
        tokens = list(_tokens(location.get(item, "tokens", list), text, offsets, location, report))
    # For each span the index of its entity; None if it has no label.
    spans: list[tuple[dict[str, Any], int | None]] = []
    given_spans = location.get(item, "spans", list) if item.get("spans") is not None else None
    if given_spans and view is not None and view not in SPAN_VIEWS and not any(map(_has_label, given_spans)):
        report.note(f"highlights without a label (interface '{str(view)[:40]}'), not read", str(location))
        given_spans = None
    if given_spans is not None or view in SPAN_VIEWS:
        entities = []
        for given in given_spans or ():
            entity = _entity(given, text, tokens, offsets, location, report)
            spans.append((given, len(entities) if entity else None))
            if entity:
                entities.append(entity)
        if spans and not entities and view not in SPAN_VIEWS:
            entities = None
    if item.get("relations") is not None or view in RELATION_VIEWS:
        given_relations = location.get(item, "relations", list) if item.get("relations") is not None else ()
        known_spans = Spans([span for span, _ in spans])
        indices = [index for _, index in spans]
        found = [_relation(given, known_spans, indices, location, report) for given in given_relations]
        relations = [relation for relation in found if relation]
    known = KEYS | {key for key in item if key.startswith("_")}
    return Record(
        text=text,
        id=location.get_id(item, "id", name),
        entities=entities,
        relations=relations,
        cats=_cats(item, location, report),
        tokens=tokens,
        group=location.get_id(item, "group"),
        meta=read_meta(item.get("meta"), location) | other_keys(item, known, location, report),
        origin=str(location),
    )


def _leave_out_scores(item: dict[str, Any]) -> None:
    """Leave out the scores of what a person has accepted: they are those of the model that proposed it."""
    for given in (item.get("spans"), item.get("relations")):
        for part in given if isinstance(given, list) else ():
            if isinstance(part, dict):
                part.pop("score", None)


def _has_label(span: Any) -> bool:
    return not isinstance(span, dict) or span.get("label") is not None


def _tokens(given: list[Any], text: str, offsets: Offsets, location: Location, report: Report) -> Iterator[CharOffsets]:
    position = 0
    for i, token in enumerate(given):
        start, end = location.get(token, "start", int), location.get(token, "end", int)
        start, end = offsets.convert(start, end, location, f"token {i}")
        if start < position:
            raise location.error(f"token {i} begins before the end of the previous token")
        if token.get("text", text[start:end]) != text[start:end]:
            raise location.error(f"token {i} is not the text at its offsets, '{text[start:end]}'")
        count_extra_keys(token, TOKEN_KEYS, location, report, "a token")
        position = end
        yield start, end


def _entity(
    given: Any, text: str, tokens: list[CharOffsets] | None, offsets: Offsets, location: Location, report: Report
) -> EntityRecord | None:
    start, end = location.get(given, "start", int), location.get(given, "end", int)
    start, end = offsets.convert(start, end, location, "a span")
    surface = None if given.get("text") is None else location.get(given, "text", str)
    check_surface(surface, text[start:end], location, "a span")
    count_extra_keys(given, SPAN_KEYS, location, report, "a span")
    if tokens is not None and given.get("token_start") is not None and given.get("token_end") is not None:
        first, last = location.get(given, "token_start", int), location.get(given, "token_end", int)
        if not 0 <= first <= last < len(tokens) or (tokens[first][0], tokens[last][1]) != (start, end):
            raise location.error(f"a span goes from {start} to {end}, but its tokens {first} to {last} do not")
    if given.get("label") is None:
        report.lose("span without a label", str(location), text[start:end])
        return None
    return EntityRecord(start, end, location.get(given, "label", str), location.score(given.get("score")))


def _relation(
    given: Any, spans: Spans, indices: list[int | None], location: Location, report: Report
) -> RelationRecord | None:
    label = location.get(given, "label", str)
    count_extra_keys(given, RELATION_KEYS, location, report, "a relation")
    head, child = (spans.find(given, key, location) for key in ("head", "child"))
    if isinstance(head, str) or isinstance(child, str):
        report.lose(f"relation {head if isinstance(head, str) else child}", str(location), label)
        return None
    first, second = indices[head], indices[child]
    if first is None or second is None:
        report.lose("relation with a lost argument", str(location), label)
        return None
    return RelationRecord(first, second, label, location.score(given.get("score")))


def _cats(item: dict[str, Any], location: Location, report: Report) -> dict[str, float] | None:
    if item.get("options") is None and item.get("accept") is None:
        return {location.get(item, "label", str): 1.0} if item.get("label") is not None else None
    options = location.get(item, "options", list) if item.get("options") is not None else []
    names = [location.get_id(option, "id") if isinstance(option, dict) else "" for option in options]
    if not all(names):
        raise location.error("each of the 'options' must have an 'id'")
    if item.get("accept") is None and item.get("answer") is None:
        report.note("options without an answer, read as not annotated", str(location))
        return None
    cats = dict.fromkeys(names, 0.0)
    for name in location.get(item, "accept", list) if item.get("accept") is not None else ():
        if type(name) not in (str, int) or (names and str(name) not in cats):
            raise location.error(f"'accept' contains {name!r:.40}, which is none of the options")
        cats[str(name)] = 1.0
    return cats
