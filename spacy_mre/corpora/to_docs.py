"""Conversion of records to Docs: character offsets become token offsets. Annotations that do not fit are counted."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Literal

from spacy.language import Language
from spacy.tokens import Doc

from ..annotations.entities import DEFAULT_KEY, EntitySpan, Offsets, set_entities
from ..annotations.relations import identity, set_relations
from ..annotations.white_space import trim_offsets
from ..errors import Errors
from .record import CharOffsets, EntityRecord, Record, RelationRecord
from .report import Report

TokenPolicy = Literal["fitted", "source", "tokenizer"]


def make_docs(
    records: Iterable[Record],
    nlp: Language,
    *,
    tokens: TokenPolicy = "fitted",
    spans_key: str = DEFAULT_KEY,
    cats: Sequence[str] = (),
    report: Report | None = None,
    strict: bool = False,
) -> Iterator[Doc]:
    """Convert records to Docs. Entities are written to a span group and to `doc.ents`, relations to `doc._.relations`,
    text labels to `doc.cats`, id, group and meta to `doc.user_data`. White space at the ends of entities is left out.

    records (Iterable[Record]): The records.
    nlp (Language): Its vocabulary is used, and its tokenizer if the source is not tokenized.
    tokens (TokenPolicy): "source": the tokens of the source, if it has any, otherwise those of the tokenizer.
        "tokenizer": always those of the tokenizer. "fitted": as "source", but a token is split if an entity begins or
        ends inside it. Then no gold is lost, and an entity that the tokenizer cannot represent counts as missed in the
        scores.
    spans_key (str): The span group.
    cats (Sequence[str]): All text labels of the corpus (see `cat_labels`). Those that a record does not have are set to
        0.0.
    report (Report | None): Counts what was kept and lost.
    strict (bool): Raise an error if anything was lost, after the last record.
    YIELDS (Doc): The documents.
    RAISES (ValueError): If the tokens of a record overlap or are outside its text, or a text is too long for the
        tokenizer; with `strict`, if anything was lost.

    >>> import spacy
    >>> record = Record("Ida lives in Lima", entities=[EntityRecord(0, 3, "person")])
    >>> [doc.ents for doc in make_docs([record], spacy.blank("en"))]
    [(Ida,)]
    """
    report = report if report is not None else Report()
    for given in records:
        record = _trim_entities(given, report)
        doc = _tokenize(record, nlp, tokens, report)
        if doc.text != record.text:
            report.lose("document whose text is changed by the tokenizer", record.origin, record.text)
            continue
        if record.id:
            doc.user_data["id"] = record.id
        if record.group:
            doc.user_data["group"] = record.group
        if record.meta:
            doc.user_data["meta"] = record.meta
        offsets: dict[int, Offsets] = {}
        if record.entities is not None:
            offsets = _add_entities(doc, record, record.entities, spans_key, report)
        if record.relations is not None:
            _add_relations(doc, record, record.relations, offsets, report)
        if record.cats is not None:
            doc.cats = {**dict.fromkeys(cats, 0.0), **record.cats}
        if doc.cats:
            report.keep("documents with text labels")
        elif record.cats is not None:
            # An empty `doc.cats` means that nothing is known.
            report.lose("text without a text label, where no text has one", record.origin)
        report.keep("documents")
        yield doc
    if strict:
        report.check()


def cat_labels(records: Iterable[Record]) -> list[str]:
    """RETURNS (list[str]): All text labels of the records, sorted."""
    return sorted({label for record in records for label in record.cats or ()})


def split_words(record: Record) -> tuple[list[str], list[bool]]:
    """Make the words and spaces of a Doc from the tokens of a record. Other text, which is all of it without
    tokens, becomes additional tokens: each run of white space or of other characters, except for one space after each
    token.

    record (Record): The record.
    RETURNS (tuple[list[str], list[bool]]): The words, and whether a space follows each.
    RAISES (ValueError): If tokens overlap, are empty, or are outside the text.
    """
    words: list[str] = []
    spaces: list[bool] = []
    position = 0
    text_end = (len(record.text), len(record.text))
    for start, end in [*(record.tokens or []), text_end]:
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


def _tokenize(record: Record, nlp: Language, policy: TokenPolicy, report: Report) -> Doc:
    if record.tokens is not None and policy != "tokenizer":
        words, spaces = split_words(record)
        doc = Doc(nlp.vocab, words=words, spaces=spaces)
    else:
        doc = _apply_tokenizer(record, nlp)
    if policy == "fitted" and doc.text == record.text:
        return _split_tokens_at_entities(doc, record, report)
    return doc


def _apply_tokenizer(record: Record, nlp: Language) -> Doc:
    if len(record.text) > nlp.max_length:
        raise ValueError(Errors.M209.format(origin=record.origin, count=len(record.text), limit=nlp.max_length))
    try:
        return nlp.make_doc(record.text)
    except Exception as err:
        # The class of this error is in a package that need not be installed.
        if type(err).__name__ != "SudachiError" or "too long" not in str(err):
            raise
        count = len(record.text.encode("utf8"))
        raise ValueError(Errors.M210.format(origin=record.origin, count=count)) from None


def _split_tokens_at_entities(doc: Doc, record: Record, report: Report) -> Doc:
    valid = [entity for entity in record.entities or () if not _invalid_because(entity, record.text)]
    boundaries = sorted({position for entity in valid for position in (entity.start, entity.end)})
    tokens: list[CharOffsets] = []
    n_split = 0
    for token in doc:
        start, end = token.idx, token.idx + len(token)
        inside = boundaries[bisect_right(boundaries, start) : bisect_left(boundaries, end)]
        tokens += pairwise([start, *inside, end])
        n_split += bool(inside)
    if not n_split:
        return doc
    report.keep("tokens split to fit an entity", n_split)
    words, spaces = split_words(replace(record, tokens=tokens))
    return Doc(doc.vocab, words=words, spaces=spaces)


def _add_entities(
    doc: Doc, record: Record, entities: list[EntityRecord], spans_key: str, report: Report
) -> dict[int, Offsets]:
    """Write the entities. Returns the token offsets of those that were kept, by their index."""
    starts = {token.idx: token.i for token in doc}
    ends = {token.idx + len(token): token.i + 1 for token in doc}
    offsets: dict[int, Offsets] = {}
    kept: set[EntityRecord] = set()
    for i, entity in enumerate(entities):
        reason = _invalid_because(entity, record.text)
        if not reason and (entity.start not in starts or entity.end not in ends):
            reason = "entity off the token grid"
        if reason:
            report.lose(reason, record.origin, _excerpt(entity, record.text))
            continue
        offsets[i] = (starts[entity.start], ends[entity.end])
        if entity in kept:
            report.lose("duplicate entity", record.origin, _excerpt(entity, record.text))
        kept.add(entity)
    set_entities(doc, [EntitySpan(*offsets[i], entities[i].label, entities[i].score) for i in offsets], key=spans_key)
    report.keep("entities", len(kept))
    report.keep("nested or overlapping entities", len(kept) - len(doc.ents))
    return offsets


def _add_relations(
    doc: Doc, record: Record, given_relations: list[RelationRecord], offsets: dict[int, Offsets], report: Report
) -> None:
    entities = record.entities or []
    relations: dict[tuple[int, int, int, int, str], dict[str, Any]] = {}
    for given in given_relations:
        if given.head not in offsets or given.tail not in offsets:
            report.lose("relation with a lost argument", record.origin, given.label)
            continue
        relation = {
            "head": offsets[given.head],
            "tail": offsets[given.tail],
            "head_label": entities[given.head].label,
            "tail_label": entities[given.tail].label,
            "label": given.label,
            "score": given.score,
        }
        if relation["head"] == relation["tail"]:
            # Kept, so that it counts as missed in the scores.
            report.note("relation of an entity with itself, which is never predicted", record.origin)
        if not given.label:
            report.lose("relation without a label", record.origin)
        elif identity(relation) in relations:
            report.lose("duplicate relation", record.origin, given.label)
        else:
            relations[identity(relation)] = relation
    set_relations(doc, relations.values())
    report.keep("relations", len(relations))


def _invalid_because(entity: EntityRecord, text: str) -> str:
    """Why an entity is invalid with any tokens; empty if it is valid."""
    if not 0 <= entity.start <= entity.end <= len(text):
        return "entity outside the text"
    if entity.start == entity.end:
        return "empty entity"
    if text[entity.start].isspace():  # after trimming
        return "entity of white space only"
    return "" if entity.label else "entity without a label"


def _trim_entities(record: Record, report: Report) -> Record:
    """Leave out white space at the ends of entities, which annotators often select too."""
    entities = [_trimmed(entity, record.text) for entity in record.entities or ()]
    changed = sum(new != old for new, old in zip(entities, record.entities or ()))
    if not changed:
        return record
    report.keep("entities trimmed of white space", changed)
    return replace(record, entities=entities)


def _trimmed(entity: EntityRecord, text: str) -> EntityRecord:
    if not 0 <= entity.start <= entity.end <= len(text):
        return entity
    start, end = trim_offsets(text, entity.start, entity.end)
    return replace(entity, start=start, end=end) if start < end else entity


def _excerpt(entity: EntityRecord, text: str) -> str:
    return f"{entity.label} '{text[entity.start : entity.end]}' ({entity.start} to {entity.end})"
