"""Stockmark's Wikipedia entities: a JSON list of texts with character offsets, ends exclusive."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .extra_keys import count_extra_keys
from .offsets import Offsets
from .reading import Location, read_json
from .record import EntityRecord, Record
from .report import Report
from .surface import Mention, check_surface, find_mentions, with_offsets

RECORD_KEYS = {"curid", "text", "entities"}
ENTITY_KEYS = {"name", "span", "type", "type_id"}


def read_stockmark(path: Path, *, report: Report | None = None) -> Iterator[Record]:
    """Read the file.

    path (Path): The file: `[{"curid", "text", "entities": [{"name", "span": [start, end], "type"}]}]`.
    report (Report | None): Counts keys that the format does not have.
    YIELDS (Record): One record per text. Its id is the page and its number in the file; its group is the page.
    RAISES (CorpusError): If the input is malformed, or the name of an entity differs from the text at its offsets.
    """
    path = Path(path)
    report = report if report is not None else Report()
    items = read_json(path)
    if not isinstance(items, list):
        raise Location(path, 1).error("expected a JSON list of texts")
    located = [(Location(path, name=f"record {number}"), item) for number, item in enumerate(items, start=1)]
    found = with_offsets(lambda: located, _parts, report)
    for number, ((location, item), offsets) in enumerate(found, start=1):
        text = location.get(item, "text", str)
        page = location.get(item, "curid", str)
        count_extra_keys(item, RECORD_KEYS, location, report)
        entities = None
        if "entities" in item:
            entities = [
                _entity(given, text, offsets, location, report) for given in location.get(item, "entities", list)
            ]
        yield Record(text=text, id=f"{page}-{number}", entities=entities, group=page, origin=str(location))


def _parts(located: tuple[Location, Any]) -> tuple[str, list[Mention], Location]:
    """The text and the entities of a record, with names and spans in the form of those of JSON lines."""
    location, item = located
    text, given = (item.get("text"), item.get("entities")) if isinstance(item, dict) else (None, None)
    if not isinstance(text, str) or not isinstance(given, list):
        return "", [], location
    entities = [entity for entity in given if isinstance(entity, dict) and isinstance(entity.get("span"), list)]
    places = [dict(zip(("start", "end"), entity["span"]), text=entity.get("name")) for entity in entities]
    return text, find_mentions({"entities": places}, "entities"), location


def _entity(given: Any, text: str, offsets: Offsets, location: Location, report: Report) -> EntityRecord:
    name = location.get(given, "name", str)
    label = location.get(given, "type", str)
    span = location.get(given, "span", list)
    if len(span) != 2:
        raise location.error(f"the span of '{name}' must be two numbers")
    start, end = offsets.convert(span[0], span[1], location, f"the entity '{name}'")
    check_surface(name, text[start:end], location, "the entity")
    count_extra_keys(given, ENTITY_KEYS, location, report, "an entity")
    return EntityRecord(start, end, label)
