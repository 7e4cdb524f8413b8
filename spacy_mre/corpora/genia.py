"""GENIA as JSON lines: tokenized sentences with nested entities, ends exclusive."""

from collections.abc import Iterator
from pathlib import Path

from .reading import Location, entity_from_tokens, join_words, read_json_lines
from .record import Record
from .report import Report


def read_genia(path: Path, *, report: Report | None = None) -> Iterator[Record]:
    """Read one file.

    path (Path): The file. Each line is `{"tokens": [...], "doc_id", "sent_id", "entity_mentions": [...]}`, each entity
        `{"start", "end", "entity_type"}`.
    report (Report | None): Not used: records can represent everything in this format.
    YIELDS (Record): One record per sentence. Its id is the `sent_id`, or the name of the file and the line; its group
        is the `doc_id`.
    RAISES (CorpusError): If the input is malformed.
    """
    path = Path(path)
    for number, item in read_json_lines(path):
        location = Location(path, number)
        text, tokens = join_words(location.words(item, "tokens"))
        entities = None
        if "entity_mentions" in item:
            entities = []
            for given in location.get(item, "entity_mentions", list):
                label = location.get(given, "entity_type", str)
                start, end = location.get(given, "start", int), location.get(given, "end", int)
                start, end = location.check_offsets(start, end, len(tokens), f"the entity '{label}'")
                entities.append(entity_from_tokens(tokens, start, end, label))
        yield Record(
            text=text,
            id=str(item.get("sent_id", f"{path.stem}-{number}")),
            entities=entities,
            tokens=tokens,
            group=str(item.get("doc_id", "")),
            origin=str(location),
        )
