"""SpERT's JSON: a list of tokenized sentences. Entities are token offsets, ends exclusive; relations entity indices."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .extra_keys import count_extra_keys
from .reading import Location, entity_from_tokens, join_words, read_json
from .record import CharOffsets, EntityRecord, Record, RelationRecord
from .report import Report

RECORD_KEYS = {"tokens", "entities", "relations", "orig_id"}
ENTITY_KEYS = {"type", "start", "end"}
RELATION_KEYS = {"type", "head", "tail"}


def read_spert(path: Path, *, report: Report | None = None) -> Iterator[Record]:
    """Read a SpERT file.

    path (Path): The file: `[{"tokens": [...], "entities": [...], "relations": [...]}, ...]`, each entity
        `{"type", "start", "end"}`, each relation `{"type", "head", "tail"}`. A sentence without the key "entities" or
        "relations" is not annotated with them.
    report (Report | None): Counts keys that the format does not have.
    YIELDS (Record): One record per sentence. Its id is the name of the file and the `orig_id`, or its number without
        one.
    RAISES (CorpusError): If the input is malformed.
    """
    path = Path(path)
    report = report if report is not None else Report()
    items = read_json(path)
    if not isinstance(items, list):
        raise Location(path, 1).error("expected a JSON list of sentences")
    for number, item in enumerate(items, start=1):
        location = Location(path, name=f"record {number}")
        text, tokens = join_words(location.words(item, "tokens"))
        count_extra_keys(item, RECORD_KEYS, location, report)
        entities = relations = None
        if "entities" in item:
            entities = [_entity(given, tokens, location, report) for given in location.get(item, "entities", list)]
        if "relations" in item:
            n_entities = len(entities or ())
            given_relations = location.get(item, "relations", list)
            relations = [_relation(given, n_entities, location, report) for given in given_relations]
        yield Record(
            text=text,
            id=f"{path.stem}-{location.get_id(item, 'orig_id', str(number))}",
            entities=entities,
            relations=relations,
            tokens=tokens,
            origin=str(location),
        )


def _entity(given: Any, tokens: list[CharOffsets], location: Location, report: Report) -> EntityRecord:
    label = location.get(given, "type", str)
    start, end = location.get(given, "start", int), location.get(given, "end", int)
    start, end = location.check_offsets(start, end, len(tokens), f"the entity '{label}'")
    count_extra_keys(given, ENTITY_KEYS, location, report, "an entity")
    return entity_from_tokens(tokens, start, end, label)


def _relation(given: Any, n_entities: int, location: Location, report: Report) -> RelationRecord:
    label = location.get(given, "type", str)
    head = location.check_index(location.get(given, "head", int), n_entities, f"the head of '{label}'")
    tail = location.check_index(location.get(given, "tail", int), n_entities, f"the tail of '{label}'")
    count_extra_keys(given, RELATION_KEYS, location, report, "a relation")
    return RelationRecord(head, tail, label)
