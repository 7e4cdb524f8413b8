"""GENIA as JSON lines: tokenized sentences with nested entities, ends exclusive."""

from collections.abc import Iterator
from pathlib import Path

from .extra_keys import count_extra_keys
from .reading import Location, entity_from_tokens, join_words, read_json_lines
from .record import Record
from .report import Report

RECORD_KEYS = {"tokens", "doc_id", "sent_id", "entity_mentions"}
ENTITY_KEYS = {"start", "end", "entity_type", "text"}


def read_genia(path: Path, *, report: Report | None = None) -> Iterator[Record]:
    """Read one file.

    path (Path): The file. Each line is `{"tokens": [...], "doc_id", "sent_id", "entity_mentions": [...]}`, each entity
        `{"start", "end", "entity_type"}`.
    report (Report | None): Counts keys that the format does not have.
    YIELDS (Record): One record per sentence. Its id is the `sent_id`, or the name of the file and the line; its group
        is the `doc_id`.
    RAISES (CorpusError): If the input is malformed.
    """
    path = Path(path)
    report = report if report is not None else Report()
    for number, item in read_json_lines(path):
        location = Location(path, number)
        text, tokens = join_words(location.words(item, "tokens"))
        count_extra_keys(item, RECORD_KEYS, location, report)
        entities = None
        if "entity_mentions" in item:
            entities = []
            for given in location.get(item, "entity_mentions", list):
                label = location.get(given, "entity_type", str)
                start, end = location.get(given, "start", int), location.get(given, "end", int)
                start, end = location.check_offsets(start, end, len(tokens), f"the entity '{label}'")
                count_extra_keys(given, ENTITY_KEYS, location, report, "an entity")
                entities.append(entity_from_tokens(tokens, start, end, label))
        yield Record(
            text=text,
            id=location.get_id(item, "sent_id", f"{path.stem}-{number}"),
            entities=entities,
            tokens=tokens,
            group=location.get_id(item, "doc_id"),
            origin=str(location),
        )
