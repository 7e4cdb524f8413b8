"""CrossRE's JSON lines: token offsets with inclusive ends. The domain in the file name is the text label.

The Japanese and Chinese files also contain the untokenized text and the character offsets of each token; in the English
files the tokens are joined. The annotators' notes on relations (explanation, uncertainty, ambiguity) are
not read.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..annotations.entities import Offsets
from .extra_keys import count_extra_keys
from .reading import Location, entity_from_tokens, join_words, read_json_lines
from .record import CharOffsets, CorpusError, EntityRecord, Record, RelationRecord
from .report import Report

RECORD_KEYS = {
    "doc_key",
    "sentence",
    "ner",
    "relations",
    "sentence-detokenized",
    "token2charspan",
    "ner_mapping_to_source",
    "relations_mapping_to_source",
}


def read_crossre(path: Path, *, part: str = "", report: Report | None = None) -> Iterator[Record]:
    """Read one file, or all files of one language.

    path (Path): A file such as `music-dev.json`, or the folder of such files.
    part (str): In a folder, read only the files of this part: "train", "dev" or "test"; empty reads all. A
        file has none.
    report (Report | None): Counts keys that the format does not have.
    YIELDS (Record): The records of each file, with the files sorted by name.
    RAISES (CorpusError): If the input is malformed.
    """
    path = Path(path)
    report = report if report is not None else Report()
    if part and not path.is_dir():
        raise CorpusError(path, 0, "a file has no parts to choose from: leave out --part")
    files = sorted(path.glob(f"*-{part or '*'}.json")) if path.is_dir() else [path]
    if not files:
        raise CorpusError(path, 0, f"the folder contains no file *-{part or '*'}.json")
    for file in files:
        domain = file.stem.rpartition("-")[0]
        if not domain:
            raise CorpusError(file, 0, "the file name must contain domain and part, as in music-dev.json")
        for number, item in read_json_lines(file):
            location = Location(file, number)
            count_extra_keys(item, RECORD_KEYS, location, report)
            yield _record(item, domain, location)


def _record(item: Any, domain: str, location: Location) -> Record:
    words = location.words(item, "sentence")
    text, tokens = join_words(words)
    if "sentence-detokenized" in item:
        text = location.get(item, "sentence-detokenized", str)
        tokens = _tokens(location.get(item, "token2charspan", list), len(words), text, location)
    entities: list[EntityRecord] = []
    # Relations name their arguments by token offsets. If several entities have the same offsets, the first one is used.
    indices: dict[Offsets, int] = {}
    for given in location.get(item, "ner", list):
        first, last, label = _first_values(given, 3, "an entity", location)
        _check_label(label, "an entity", location)
        start, end = _token_offsets(first, last, len(tokens), f"the entity '{label}'", location)
        indices.setdefault((start, end), len(entities))
        entities.append(entity_from_tokens(tokens, start, end, label))
    relations = None
    if "relations" in item:
        given_relations = location.get(item, "relations", list)
        relations = [_relation(given, len(tokens), indices, location) for given in given_relations]
    return Record(
        text=text,
        id=location.get(item, "doc_key", str),
        entities=entities,
        relations=relations,
        cats={domain: 1.0},
        tokens=tokens,
        origin=str(location),
    )


def _relation(given: Any, n_tokens: int, indices: dict[Offsets, int], location: Location) -> RelationRecord:
    head_first, head_last, tail_first, tail_last, label = _first_values(given, 5, "a relation", location)
    _check_label(label, "a relation", location)
    head = _token_offsets(head_first, head_last, n_tokens, f"the head of '{label}'", location)
    tail = _token_offsets(tail_first, tail_last, n_tokens, f"the tail of '{label}'", location)
    if head not in indices or tail not in indices:
        raise location.error(f"the head or tail of the relation '{label}' is not an entity")
    return RelationRecord(indices[head], indices[tail], label)


def _tokens(given: list[Any], n_tokens: int, text: str, location: Location) -> list[CharOffsets]:
    if len(given) != n_tokens:
        raise location.error(f"'token2charspan' has {len(given)} spans for {n_tokens} tokens")
    tokens = []
    position = 0
    for i, pair in enumerate(given):
        first, last = _first_values(pair, 2, "a span of 'token2charspan'", location)
        start, end = location.check_offsets(first, last, len(text), f"token {i}")
        if start < position:
            raise location.error(f"token {i} begins before the end of the previous token")
        tokens.append((start, end))
        position = end
    return tokens


def _first_values(given: Any, count: int, what: str, location: Location) -> list[Any]:
    """The first values of a list, which may have more."""
    if not isinstance(given, list) or len(given) < count:
        raise location.error(f"{what} must be a list of {count} values or more")
    return given[:count]


def _check_label(label: Any, what: str, location: Location) -> None:
    if not isinstance(label, str):
        raise location.error(f"the label of {what} must be a string")


def _token_offsets(first: Any, last: Any, n_tokens: int, what: str, location: Location) -> Offsets:
    """Convert the first and last token of a span to start and exclusive end."""
    return location.check_offsets(first, last + 1 if type(last) is int else last, n_tokens, what)
