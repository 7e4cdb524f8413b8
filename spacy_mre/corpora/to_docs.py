"""How does a record become a Doc? Character offsets meet a token grid here, and whatever does not fit is counted."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Literal

from spacy.language import Language
from spacy.tokens import Doc

from ..annotations.entities import DEFAULT_KEY, set_entities
from ..annotations.relations import identity, make_relation, set_relations
from ..errors import Errors
from .record import EntityRecord, Record
from .report import Report

TokenPolicy = Literal["fitted", "source", "tokenizer"]


def make_docs(
    records: Iterable[Record],
    nlp: Language,
    *,
    tokens: TokenPolicy = "fitted",
    span_key: str = DEFAULT_KEY,
    cats: Sequence[str] = (),
    report: Report | None = None,
    strict: bool = False,
) -> Iterator[Doc]:
    """Make Docs of records: entities in a span group and in `doc.ents`, relations, cats, and the id (and group) in `doc.user_data`.

    records (Iterable[Record]): The records.
    nlp (Language): Its vocabulary is used, and its tokenizer where the source has no tokens.
    tokens (TokenPolicy): "source": the tokens of the source, where it has any; "tokenizer": always those of the tokenizer; "fitted": as "source",
        but a token is split where an entity begins or ends inside it, so that gold is never lost and a tokenizer that cannot represent it is
        charged with a miss when it is scored.
    span_key (str): The span group.
    cats (Sequence[str]): All labels of the corpus (see `cat_labels`): those that a record does not name are set to 0.0.
    report (Optional[Report]): Counts what was kept and lost.
    strict (bool): Refuse any loss, at the end.
    YIELDS (Doc): The documents.
    RAISES (ValueError): Records whose tokens overlap or lie outside the text; any loss, if `strict`.
    """
    report = report if report is not None else Report()
    for record in records:
        doc = _tokenize(record, nlp, tokens, report)
        if doc.text != record.text:
            report.lose("document whose text the tokenizer changes", record.origin, record.text)
            continue
        if record.id:
            doc.user_data["id"] = record.id
        if record.group:
            doc.user_data["group"] = record.group
        places = _add_entities(doc, record, span_key, report)
        _add_relations(doc, record, places, report)
        if record.cats is not None:
            doc.cats = {**dict.fromkeys(cats, 0.0), **record.cats}
            report.keep("documents with cats")
        report.keep("documents")
        yield doc
    if strict:
        report.check()


def _tokenize(record: Record, nlp: Language, policy: TokenPolicy, report: Report) -> Doc:
    if record.tokens is not None and policy != "tokenizer":
        words, spaces = split_words(record)
        doc = Doc(nlp.vocab, words=words, spaces=spaces)
    else:
        doc = nlp.make_doc(record.text)
    if policy != "fitted" or doc.text != record.text:
        return doc
    sound = [entity for entity in record.entities or () if not _fault(entity, record.text)]
    borders = {place for entity in sound for place in (entity.start, entity.end)}
    grid = [(token.idx, token.idx + len(token)) for token in doc]
    inside = [[start, *sorted(place for place in borders if start < place < end), end] for start, end in grid]
    if all(len(places) == 2 for places in inside):
        return doc
    report.keep("tokens split to fit an entity", sum(len(places) > 2 for places in inside))
    words, spaces = split_words(replace(record, tokens=[pair for places in inside for pair in pairwise(places)]))
    return Doc(nlp.vocab, words=words, spaces=spaces)


def cat_labels(records: Iterable[Record]) -> list[str]:
    """RETURNS (List[str]): All text classes that the records name, sorted."""
    return sorted({label for record in records for label in record.cats or ()})


def split_words(record: Record) -> tuple[list[str], list[bool]]:
    """Make words and spaces for a Doc that has the text of a record and its tokens. What stands between them becomes
    tokens of their own, apart from the single blank that may follow each token.

    record (Record): A record with tokens.
    RETURNS (Tuple[List[str], List[bool]]): Words, and whether a blank follows each.
    RAISES (ValueError): Tokens that overlap, are empty, or lie outside the text.
    """
    words: list[str] = []
    spaces: list[bool] = []
    position = 0
    for start, end in [*(record.tokens or []), (len(record.text), len(record.text))]:
        if not position <= start <= end <= len(record.text) or start == end < len(record.text):
            raise ValueError(Errors.M204.format(origin=record.origin, start=start, end=end))
        for piece in re.findall(r"\s+|\S+", record.text[position:start]):
            if words and piece[0] == " ":
                spaces[-1] = True
                piece = piece[1:]
            if piece:
                words.append(piece)
                spaces.append(False)
        if start < end:
            words.append(record.text[start:end])
            spaces.append(False)
        position = end
    return words, spaces


def _add_entities(doc: Doc, record: Record, span_key: str, report: Report) -> dict[int, tuple[int, int]]:
    """Write the entities. Returns the token span of each that could be written, by its place in the record."""
    if record.entities is None:
        return {}
    starts = {token.idx: token.i for token in doc}
    ends = {token.idx + len(token): token.i + 1 for token in doc}
    places: dict[int, tuple[int, int]] = {}
    seen: set[EntityRecord] = set()
    for i, entity in enumerate(record.entities):
        reason = _fault(entity, record.text)
        if not reason and (entity.start not in starts or entity.end not in ends):
            reason = "entity off the token grid"
        if reason:
            report.lose(reason, record.origin, _shown(entity, record.text))
            continue
        places[i] = (starts[entity.start], ends[entity.end])
        if entity in seen:
            report.lose("entity given twice", record.origin, _shown(entity, record.text))
        seen.add(entity)
    set_entities(doc, [(*place, record.entities[i].label, 1.0) for i, place in places.items()], key=span_key)
    report.keep("entities", len(seen))
    report.keep("nested or overlapping entities", len(seen) - len(doc.ents))
    return places


def _add_relations(doc: Doc, record: Record, places: dict[int, tuple[int, int]], report: Report) -> None:
    if record.relations is None:
        return
    kept = {}
    for given in record.relations:
        if given.head not in places or given.tail not in places:
            report.lose("relation with a lost end", record.origin, given.label)
            continue
        head_label, tail_label = (record.entities[i].label for i in (given.head, given.tail))
        relation = make_relation(
            places[given.head], places[given.tail], given.label, head_label=head_label, tail_label=tail_label
        )
        if identity(relation) in kept:
            report.lose("relation given twice", record.origin, given.label)
        else:
            kept[identity(relation)] = relation
    set_relations(doc, kept.values())
    report.keep("relations", len(kept))


def _fault(entity: EntityRecord, text: str) -> str:
    """What is wrong with an entity whatever the tokens; empty if nothing."""
    if not 0 <= entity.start <= entity.end <= len(text):
        return "entity outside the text"
    if entity.start == entity.end:
        return "empty entity"
    if text[entity.start].isspace() or text[entity.end - 1].isspace():
        return "entity that begins or ends with white space"
    return ""


def _shown(entity: EntityRecord, text: str) -> str:
    return f"{entity.label} '{text[entity.start : entity.end]}' ({entity.start} to {entity.end})"
