"""GENIA as JSON lines: tokenised sentences with nested entities, ends exclusive."""

from collections.abc import Iterator
from pathlib import Path

from .reading import Location, join_words, read_json_lines
from .record import EntityRecord, Record
from .report import Report


def read_genia(path: Path, *, report: Report | None = None) -> Iterator[Record]:
    """Read one file.

    path (Path): The file: `{"tokens": [...], "doc_id", "sent_id", "entity_mentions": [{"start", "end", "entity_type"}]}` a line.
    report (Optional[Report]): Not needed: a record holds all of this format.
    YIELDS (Record): The sentences; their ids are the `sent_id`, or the file's name and the line, and their groups the `doc_id`.
    RAISES (CorpusError): Malformed input.
    """
    path = Path(path)
    for number, item in read_json_lines(path):
        place = Location(path, number)
        text, tokens = join_words(place.words(item, "tokens"))
        entities = None
        if "entity_mentions" in item:
            entities = []
            for given in place.get(item, "entity_mentions", list):
                label = place.get(given, "entity_type", str)
                start, end = place.get(given, "start", int), place.get(given, "end", int)
                start, end = place.inside(start, end, len(tokens), f"the entity '{label}'")
                entities.append(EntityRecord(tokens[start][0], tokens[end - 1][1], label))
        yield Record(
            text=text,
            id=str(item.get("sent_id", f"{path.stem}-{number}")),
            entities=entities,
            tokens=tokens,
            group=str(item.get("doc_id", "")),
            origin=str(place),
        )
