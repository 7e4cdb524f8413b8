"""Stockmark's Wikipedia entities: a JSON list of texts with character offsets, ends exclusive."""

from collections.abc import Iterator
from pathlib import Path

from .reading import Location, read_json
from .record import EntityRecord, Record
from .report import Report


def read_stockmark(path: Path, *, report: Report | None = None) -> Iterator[Record]:
    """Read the file.

    path (Path): The file: `[{"curid", "text", "entities": [{"name", "span": [start, end], "type"}]}]`.
    report (Optional[Report]): Not needed: a record holds all of this format.
    YIELDS (Record): The texts; their ids are the page and their number in the file, their groups the page.
    RAISES (CorpusError): Malformed input, or a name that does not stand at its place.
    """
    path = Path(path)
    items = read_json(path)
    if not isinstance(items, list):
        raise Location(path, 1).error("a JSON list of texts was expected")
    for number, item in enumerate(items, start=1):
        place = Location(path, name=f"record {number}")
        text = place.get(item, "text", str)
        page = place.get(item, "curid", str)
        entities = None
        if "entities" in item:
            entities = []
            for given in place.get(item, "entities", list):
                name, label, span = (
                    place.get(given, "name", str),
                    place.get(given, "type", str),
                    place.get(given, "span", list),
                )
                if len(span) != 2:
                    raise place.error(f"the span of '{name}' must be two numbers")
                start, end = place.inside(*span, len(text), f"the entity '{name}'")
                if text[start:end] != name:
                    raise place.error(f"the entity '{name}' is not what stands at its place: '{text[start:end]}'")
                entities.append(EntityRecord(start, end, label))
        yield Record(text=text, id=f"{page}-{number}", entities=entities, group=page, origin=str(place))
