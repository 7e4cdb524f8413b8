"""From an answer to an annotated text: entities by their marks, then by their strings; what is not found is noted."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...annotations.white_space import trim_offsets
from ..json_values import parse_json
from ..marks import Mark
from ..record import CharOffsets, EntityRecord, Record, RelationRecord
from .chat_completion import FENCED
from .folding import fold
from .label_table import LabelTable
from .marking import Marked, read_marks
from .pairing import find_between
from .prompts import Mode
from .row import Reason, Translated
from .string_anchors import anchor_strings, occurrences

# The ends of sentences.
ENDS = (".", "!", "?", "。", "！", "？")
# Quotation marks that some put around it. Those of the text itself stay.
QUOTES = {'"': '"', "“": "”", "'": "'", "「": "」", "『": "』", "`": "`"}


@dataclass
class _Reply:
    """What an answer contains: the text, marks, and strings by key."""

    text: str
    marks: list[Mark] = field(default_factory=list)
    strings: dict[str, str] = field(default_factory=dict)


def project(source: Record, marked: Marked, answer: str, table: LabelTable, mode: Mode = "markers") -> Translated:
    """Make the annotated translation of a text from the answer of an engine.

    An entity without a mark is found by its string: the one that the answer gives it, or that of another entity with
    the same source text, or the source text itself.

    source (Record): The text.
    marked (Marked): The text as it was sent.
    answer (str): The answer.
    table (LabelTable): The labels.
    mode (Mode): How entities were sent, as in `make_messages`.
    RETURNS (Translated): The translation, with the reasons to drop it.
    RAISES (ValueError): If a label is not in the table.

    >>> from spacy_mre.corpora.translation.marking import mark
    >>> source = Record("Ida lives in Lima.", entities=[EntityRecord(13, 17, "place")])
    >>> table = LabelTable(entities={"place": "place"})
    >>> project(source, mark(source), "イダは[place:a|リマ]に住んでいる。", table).record.entities
    [EntityRecord(start=3, end=5, label='place', score=1.0)]
    """
    row = Translated(source, methods=[""] * len(source.entities or ()), reply=answer)
    if not answer.strip():
        row.drop(Reason.EMPTY)
        return row
    try:
        reply = _read(answer, marked, mode)
    except ValueError as err:
        row.drop(Reason.UNPARSABLE, str(err))
        return row
    if not reply.text.strip():
        row.drop(Reason.EMPTY)
        return row
    target = table.apply(source)
    by_mark = _find_marked(row, marked, reply)
    by_string = _find_strings(row, marked, reply, target.entities or [], by_mark)
    for method, found in (("marker", by_mark), ("string", by_string)):
        for index in found:
            row.methods[index] = method
    places = {**by_mark, **by_string}
    row.record = replace(target, text=reply.text, tokens=None)
    if target.entities is not None:
        row.record.entities = [
            replace(target.entities[index], start=places[index][0], end=places[index][1]) for index in sorted(places)
        ]
    if target.relations is not None:
        row.record.relations = _project_relations(row, target.relations, sorted(places))
    return row


def _read(answer: str, marked: Marked, mode: Mode) -> _Reply:
    answer = answer.strip()
    fenced = FENCED.fullmatch(answer)
    if fenced:
        answer = fenced[1].strip()
    if mode == "strings":
        value = parse_json(answer)
        if not isinstance(value, dict) or not isinstance(value.get("text"), str):
            raise ValueError('expected {"text": ..., "entities": {...}}')
        return _Reply(value["text"], strings=_strings(value.get("entities")))
    line, _, last = answer.rpartition("\n")
    if marked.others and line and last.lstrip().startswith("{"):
        return _Reply(*read_marks(_translated(line.strip(), marked)), _strings(parse_json(last)))
    return _Reply(*read_marks(_translated(answer, marked)))


def _translated(answer: str, marked: Marked) -> str:
    """The translated line, without what a model says before it and quotation marks around it.

    RAISES (ValueError): If there are more lines. Line breaks of the text are escaped, but some models write them, and
        some break a sentence.
    """
    if "\n" not in marked.text:
        lead, _, rest = answer.partition("\n")
        if rest and lead.rstrip().endswith((":", "：")):
            answer = rest.strip()
        if any(line.rstrip().endswith(ENDS) or not line.strip() for line in answer.split("\n")[:-1]):
            raise ValueError("more than one line")
    first, last = answer[:1], answer[-1:]
    is_quoted = len(answer) > 1 and QUOTES.get(first) == last and not {first, last} & {*answer[1:-1], *marked.text}
    return answer[1:-1] if is_quoted else answer


def _strings(given: Any) -> dict[str, str]:
    if not isinstance(given, dict):
        return {}
    return {key: value.strip() for key, value in given.items() if isinstance(value, str)}


def _find_marked(row: Translated, marked: Marked, reply: _Reply) -> dict[int, CharOffsets]:
    """The offsets of the entities with marks, by index."""
    first: dict[str, Mark] = {}
    doubled = set()
    for mark in reply.marks:
        if mark.key in first:
            doubled.add(mark.key)
        first.setdefault(mark.key, mark)
    for key in [*first, *(key for key in reply.strings if key not in first)]:
        if key not in marked.keys:
            row.drop(Reason.MARKER_INVENTED, key)
    places = {}
    for key, mark in first.items():
        if key not in marked.keys:
            continue
        if key in doubled:
            row.drop(Reason.MARKER_DOUBLED, _name(marked, key))
        if fold(mark.word) != fold(marked.words[key]):
            row.drop(Reason.LABEL_CHANGED, f"{_name(marked, key)}: {marked.words[key]} -> {mark.word}")
        start, end = trim_offsets(reply.text, mark.start, mark.end)
        if start < end:
            places[marked.keys[key]] = (start, end)
    return places


def _find_strings(
    row: Translated,
    marked: Marked,
    reply: _Reply,
    entities: list[EntityRecord],
    by_mark: Mapping[int, CharOffsets],
) -> dict[int, CharOffsets]:
    """The offsets of the other entities, by index."""
    lost = {key: index for key, index in marked.keys.items() if index not in by_mark}
    translations = {
        marked.strings[key]: string for key, string in reply.strings.items() if string and key in marked.keys
    }
    for key, index in marked.keys.items():
        if index in by_mark:
            translations[marked.strings[key]] = reply.text[slice(*by_mark[index])]
    given, guessed = {}, {}
    for key, index in lost.items():
        if reply.strings.get(key):
            given[index] = reply.strings[key]
        else:
            guessed[index] = translations.get(marked.strings[key]) or marked.strings[key].strip()
    places = anchor_strings(reply.text, {**given, **guessed}, entities, by_mark)
    alone = anchor_strings(reply.text, given, entities, by_mark)
    if not alone.keys() <= places.keys():  # a guess has the place of an entity that the answer contains
        places = {**alone, **anchor_strings(reply.text, guessed, entities, {**by_mark, **alone})}
    for key, index in lost.items():
        if index in places:
            continue
        if index in given and not any(occurrences(reply.text, given[index])):
            row.drop(Reason.NOT_IN_TEXT, f"{_name(marked, key)} -> {given[index]}")
        else:
            row.drop(Reason.MARKER_LOST, _name(marked, key))
    return places


def _project_relations(row: Translated, relations: list[RelationRecord], found: list[int]) -> list[RelationRecord]:
    """The relations between the entities that were found, which are given by their old indices."""
    for relation in relations:
        if relation.head not in found or relation.tail not in found:
            row.drop(Reason.RELATION_LOST, _show_relation(row.source, relation))
    return find_between(relations, found)


def _show_relation(source: Record, relation: RelationRecord) -> str:
    head, tail = ((source.entities or [])[index] for index in (relation.head, relation.tail))
    return f"{source.text[head.start : head.end]} {relation.label} {source.text[tail.start : tail.end]}"


def _name(marked: Marked, key: str) -> str:
    return f"{key}: {marked.strings[key]}"
