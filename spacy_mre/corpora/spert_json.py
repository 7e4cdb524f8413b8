"""SpERT's JSON: a list of tokenised sentences; entities by token, ends exclusive; relations by the entities' places in their list."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .reading import Location, join_words, read_json
from .record import EntityRecord, Record, RelationRecord
from .report import Report


def read_spert(path: Path, *, report: Report | None = None) -> Iterator[Record]:
    """Read a SpERT file.

    path (Path): The file: `[{"tokens": [...], "entities": [{"type", "start", "end"}], "relations": [{"type", "head", "tail"}]}]`. A record
        without the key "entities" or "relations" has no such annotation.
    report (Optional[Report]): Not needed: a record holds all of this format.
    YIELDS (Record): The records; their ids are the file's name and their `orig_id`, or their number where there is none.
    RAISES (CorpusError): Malformed input.
    """
    path = Path(path)
    items = read_json(path)
    if not isinstance(items, list):
        raise Location(path, 1).error("a JSON list of sentences was expected")
    for number, item in enumerate(items, start=1):
        place = Location(path, name=f"record {number}")
        text, tokens = join_words(place.words(item, "tokens"))
        entities = relations = None
        if "entities" in item:
            entities = [_entity(given, tokens, place) for given in place.get(item, "entities", list)]
        if "relations" in item:
            relations = [_relation(given, entities or [], place) for given in place.get(item, "relations", list)]
        yield Record(
            text=text,
            id=f"{path.stem}-{item.get('orig_id', number)}",
            entities=entities,
            relations=relations,
            tokens=tokens,
            origin=str(place),
        )


def _entity(given: Any, tokens: list[tuple[int, int]], place: Location) -> EntityRecord:
    label = place.get(given, "type", str)
    start, end = place.inside(
        place.get(given, "start", int), place.get(given, "end", int), len(tokens), f"the entity '{label}'"
    )
    return EntityRecord(tokens[start][0], tokens[end - 1][1], label)


def _relation(given: Any, entities: list[EntityRecord], place: Location) -> RelationRecord:
    label = place.get(given, "type", str)
    head, tail = (
        place.index(place.get(given, end, int), len(entities), f"the {end} of '{label}'") for end in ("head", "tail")
    )
    return RelationRecord(head, tail, label)
