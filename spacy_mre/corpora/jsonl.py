"""JSON lines with character offsets: the plain format that this project writes and anybody can.

    {"id": "1", "text": "Ada met Bo.", "entities": [{"start": 0, "end": 3, "label": "person"}, {"start": 8, "end": 10, "label": "person"}],
     "relations": [{"head": 0, "tail": 1, "label": "met"}], "cats": {"diary": 1.0, "news": 0.0}}

Ends are exclusive; relations name entities by their place in the list. A key that is absent, or null, says that there is no such
annotation. "cats" may also be one label or a list of labels. "tokens", a list of [start, end], and "group" are optional.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .reading import Location, read_json_lines
from .record import EntityRecord, Record, RelationRecord
from .report import Report


def read_jsonl(path: Path, *, report: Report | None = None) -> Iterator[Record]:
    """Read one file.

    path (Path): The file.
    report (Optional[Report]): Not needed: a record holds all of this format.
    YIELDS (Record): The records; where one has no id, it gets the file's name and the line.
    RAISES (CorpusError): Malformed input.
    """
    path = Path(path)
    for number, item in read_json_lines(path):
        place = Location(path, number)
        text = place.get(item, "text", str)
        entities = relations = tokens = None
        if item.get("entities") is not None:
            entities = [_entity(given, text, place) for given in place.get(item, "entities", list)]
        if item.get("relations") is not None:
            relations = [_relation(given, entities or [], place) for given in place.get(item, "relations", list)]
        if item.get("tokens") is not None:
            tokens = list(_tokens(place.get(item, "tokens", list), text, place))
        yield Record(
            text=text,
            id=str(item["id"]) if item.get("id") is not None else f"{path.stem}-{number}",
            entities=entities,
            relations=relations,
            cats=_cats(item.get("cats"), place),
            tokens=tokens,
            group=str(item.get("group") or ""),
            origin=str(place),
        )


def write_records(records: Iterable[Record], path: Path) -> int:
    """Write records as JSON lines; `read_jsonl` reads them back.

    records (Iterable[Record]): The records.
    path (Path): The file; its folder is made.
    RETURNS (int): How many records were written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("w", encoding="utf8", newline="\n") as file:
        for record in records:
            file.write(json.dumps(_as_json(record), ensure_ascii=False) + "\n")
            count += 1
    return count


def _entity(given: Any, text: str, place: Location) -> EntityRecord:
    label = place.get(given, "label", str)
    start, end = place.inside(
        place.get(given, "start", int), place.get(given, "end", int), len(text), f"the entity '{label}'"
    )
    return EntityRecord(start, end, label)


def _relation(given: Any, entities: list[EntityRecord], place: Location) -> RelationRecord:
    label = place.get(given, "label", str)
    head, tail = (
        place.index(place.get(given, end, int), len(entities), f"the {end} of '{label}'") for end in ("head", "tail")
    )
    return RelationRecord(head, tail, label)


def _tokens(given: list[Any], text: str, place: Location) -> Iterator[tuple[int, int]]:
    position = 0
    for i, pair in enumerate(given):
        if not isinstance(pair, list) or len(pair) != 2:
            raise place.error(f"token {i} must be [start, end]")
        start, end = place.inside(*pair, len(text), f"token {i}")
        if start < position:
            raise place.error(f"token {i} begins before the one before it ends")
        position = end
        yield start, end


def _cats(given: Any, place: Location) -> dict[str, float] | None:
    if given is None:
        return None
    if isinstance(given, str):
        given = [given]
    if isinstance(given, list) and all(isinstance(label, str) for label in given):
        return dict.fromkeys(given, 1.0)
    if isinstance(given, dict) and all(isinstance(value, (int, float)) for value in given.values()):
        return {label: float(value) for label, value in given.items()}
    raise place.error("'cats' must be a label, a list of labels, or an object of labels and numbers")


def _as_json(record: Record) -> dict[str, Any]:
    item: dict[str, Any] = {"id": record.id, "text": record.text}
    if record.group:
        item["group"] = record.group
    if record.tokens is not None:
        item["tokens"] = [list(token) for token in record.tokens]
    if record.entities is not None:
        item["entities"] = [
            {"start": entity.start, "end": entity.end, "label": entity.label} for entity in record.entities
        ]
    if record.relations is not None:
        item["relations"] = [
            {"head": relation.head, "tail": relation.tail, "label": relation.label} for relation in record.relations
        ]
    if record.cats is not None:
        item["cats"] = record.cats
    return item
