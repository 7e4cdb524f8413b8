"""JSON lines with character offsets: the simplest format, which this project also writes.

    {"id": "1", "text": "Ada met Bo.",
     "entities": [{"start": 0, "end": 3, "label": "person"}, {"start": 8, "end": 10, "label": "person"}],
     "relations": [{"head": 0, "tail": 1, "label": "met"}], "cats": {"diary": 1.0, "news": 0.0}}

Each record is one line. Ends are exclusive; head and tail of a relation are indices of the list of entities. A missing
key, or null, means that the text is not annotated with it. "cats" may also be a label or a list of labels. "tokens", a
list of [start, end], "group" and "meta", any JSON object, are optional. The "text" of an entity is compared with the
text at its offsets, and shows what these count. The "id" of an entity or relation is ignored. Other keys are counted as
lost.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..files import write_json_lines
from .extra_keys import count_extra_keys
from .metadata import read_meta
from .offsets import Offsets
from .reading import Location, read_json_lines
from .record import CharOffsets, EntityRecord, Record, RelationRecord
from .report import Report
from .surface import Mention, check_surface, find_mentions, with_offsets

Located = tuple[Location, dict[str, Any]]

RECORD_KEYS = {"id", "text", "entities", "relations", "cats", "tokens", "group", "meta"}
ENTITY_KEYS = {"start", "end", "label", "id", "text"}
RELATION_KEYS = {"head", "tail", "label", "id"}


def read_jsonl(path: Path, *, report: Report | None = None) -> Iterator[Record]:
    """Read one file.

    path (Path): The file.
    report (Report | None): Counts keys that the format does not have, and notes offsets that were converted.
    YIELDS (Record): One record per line. Without an id, it gets the name of the file and the line number.
    RAISES (CorpusError): If the input is malformed.

    >>> line = '{"text": "Ada met Bo.", "entities": [{"start": 0, "end": 3, "label": "person"}]}'
    >>> _ = Path("data.jsonl").write_text(line)
    >>> [record.id for record in read_jsonl("data.jsonl")]
    ['data-1']
    """
    path = Path(path)
    report = report if report is not None else Report()

    def read() -> Iterator[Located]:
        return ((Location(path, number), item) for number, item in read_json_lines(path))

    for (location, item), offsets in with_offsets(read, text_parts, report):
        count_extra_keys(item, RECORD_KEYS, location, report)
        yield make_record(item, f"{path.stem}-{location.line}", offsets, location, report)


def text_parts(located: Located) -> tuple[str, list[Mention], Location]:
    """RETURNS (tuple[str, list[Mention], Location]): The text, entities and tokens of a record, for `with_offsets`."""
    location, item = located
    text = item.get("text")
    return (text, find_mentions(item, "entities", "tokens"), location) if isinstance(text, str) else ("", [], location)


def make_record(item: dict[str, Any], name: str, offsets: Offsets, location: Location, report: Report) -> Record:
    """Read one record.

    item (dict[str, Any]): The record as JSON.
    name (str): Its id, if it has none.
    offsets (Offsets): What its offsets count.
    location (Location): Where it was read.
    report (Report): Counts keys of entities and relations that the format does not have.
    RETURNS (Record): The record.
    RAISES (CorpusError): If it is malformed.
    """
    text = location.get(item, "text", str)
    entities = relations = tokens = None
    if item.get("entities") is not None:
        entities = [_entity(given, text, offsets, location, report) for given in location.get(item, "entities", list)]
    if item.get("relations") is not None:
        n_entities = len(entities or ())
        given_relations = location.get(item, "relations", list)
        relations = [_relation(given, n_entities, location, report) for given in given_relations]
    if item.get("tokens") is not None:
        tokens = list(read_tokens(location.get(item, "tokens", list), offsets, location))
    return Record(
        text=text,
        id=location.get_id(item, "id", name),
        entities=entities,
        relations=relations,
        cats=read_cats(item.get("cats"), location),
        tokens=tokens,
        group=location.get_id(item, "group"),
        meta=read_meta(item.get("meta"), location),
        origin=str(location),
    )


def write_records(records: Iterable[Record], path: Path, report: Report | None = None) -> int:
    """Write records as JSON lines; `read_jsonl` reads them.

    records (Iterable[Record]): The records.
    path (Path): The file; its folder is created.
    report (Report | None): Gets nothing: the format represents everything.
    RETURNS (int): The number of records.
    """
    return write_json_lines((as_json(record) for record in records), path)


def _entity(given: Any, text: str, offsets: Offsets, location: Location, report: Report) -> EntityRecord:
    label = location.get(given, "label", str)
    start, end = location.get(given, "start", int), location.get(given, "end", int)
    start, end = offsets.convert(start, end, location, f"the entity '{label}'")
    surface = None if given.get("text") is None else location.get(given, "text", str)
    check_surface(surface, text[start:end], location, f"the entity '{label}'")
    count_extra_keys(given, ENTITY_KEYS, location, report, "an entity")
    return EntityRecord(start, end, label)


def _relation(given: Any, n_entities: int, location: Location, report: Report) -> RelationRecord:
    label = location.get(given, "label", str)
    head = location.check_index(location.get(given, "head", int), n_entities, f"the head of '{label}'")
    tail = location.check_index(location.get(given, "tail", int), n_entities, f"the tail of '{label}'")
    count_extra_keys(given, RELATION_KEYS, location, report, "a relation")
    return RelationRecord(head, tail, label)


def read_tokens(given: list[Any], offsets: Offsets, location: Location) -> Iterator[CharOffsets]:
    position = 0
    for i, pair in enumerate(given):
        if not isinstance(pair, list) or len(pair) != 2:
            raise location.error(f"token {i} must be [start, end]")
        start, end = offsets.convert(pair[0], pair[1], location, f"token {i}")
        if start < position:
            raise location.error(f"token {i} begins before the end of the previous token")
        position = end
        yield start, end


def read_cats(given: Any, location: Location) -> dict[str, float] | None:
    if given is None:
        return None
    if isinstance(given, str):
        given = [given]
    if isinstance(given, list) and all(isinstance(label, str) for label in given):
        return dict.fromkeys(given, 1.0)
    if isinstance(given, dict) and all(isinstance(value, (int, float)) and 0 <= value <= 1 for value in given.values()):
        return {label: float(value) for label, value in given.items()}
    raise location.error("'cats' must be a label, a list of labels, or an object of labels and numbers from 0 to 1")


def as_json(record: Record) -> dict[str, Any]:
    """RETURNS (dict[str, Any]): The record as JSON. Keys without a value are left out."""
    item: dict[str, Any] = {"id": record.id, "text": record.text}
    if record.group:
        item["group"] = record.group
    if record.meta:
        item["meta"] = record.meta
    if record.tokens is not None:
        item["tokens"] = [list(token) for token in record.tokens]
    if record.entities is not None:
        item["entities"] = [{"start": e.start, "end": e.end, "label": e.label} for e in record.entities]
    if record.relations is not None:
        item["relations"] = [{"head": r.head, "tail": r.tail, "label": r.label} for r in record.relations]
    if record.cats is not None:
        item["cats"] = record.cats
    return item
