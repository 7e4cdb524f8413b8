"""CrossRE's JSON lines: entities and relations by token, ends inclusive; the file's name says the domain, which is the text class.

The Japanese and Chinese files also hold the untokenised text and where each token stands in it; in the English ones words are joined with
blanks. What annotators noted beside a relation (explanation, uncertainty, ambiguity) is left out.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .reading import Location, join_words, read_json_lines
from .record import CorpusError, EntityRecord, Record, RelationRecord
from .report import Report


def read_crossre(path: Path, *, part: str = "", report: Report | None = None) -> Iterator[Record]:
    """Read one file, or all files of one language.

    path (Path): A file such as `music-dev.json`, or the folder of such files.
    part (str): Read only the files of this part: "train", "dev" or "test"; all by default.
    report (Optional[Report]): Not needed: what does not fit is an error in this format.
    YIELDS (Record): The records, file by file in the order of their names.
    RAISES (CorpusError): Malformed input.
    """
    path = Path(path)
    files = sorted(path.glob(f"*-{part or '*'}.json")) if path.is_dir() else [path]
    if not files:
        raise CorpusError(path, 0, f"there is no file *-{part or '*'}.json in this folder")
    for file in files:
        domain = file.stem.rpartition("-")[0]
        if not domain:
            raise CorpusError(file, 0, "the name of the file must say domain and part, as music-dev.json does")
        for number, item in read_json_lines(file):
            yield _record(item, domain, Location(file, number))


def _record(item: Any, domain: str, place: Location) -> Record:
    words = place.words(item, "sentence")
    text, tokens = join_words(words)
    if "sentence-detokenized" in item:
        text = place.get(item, "sentence-detokenized", str)
        tokens = _offsets(place.get(item, "token2charspan", list), len(words), text, place)
    entities: list[EntityRecord] = []
    by_tokens = {}
    for given in place.get(item, "ner", list):
        first, last, label = _fields(given, 3, "an entity", place)
        start, end = _inside(first, last, len(tokens), f"the entity '{label}'", place)
        by_tokens.setdefault((start, end), len(entities))
        entities.append(EntityRecord(tokens[start][0], tokens[end - 1][1], label))
    relations = None
    if "relations" in item:
        relations = []
        for given in place.get(item, "relations", list):
            *ends, label = _fields(given, 5, "a relation", place)
            head = _inside(ends[0], ends[1], len(tokens), f"the head of '{label}'", place)
            tail = _inside(ends[2], ends[3], len(tokens), f"the tail of '{label}'", place)
            if head not in by_tokens or tail not in by_tokens:
                raise place.error(f"the relation '{label}' has an end that is no entity")
            relations.append(RelationRecord(by_tokens[head], by_tokens[tail], label))
    return Record(
        text=text,
        id=place.get(item, "doc_key", str),
        entities=entities,
        relations=relations,
        cats={domain: 1.0},
        tokens=tokens,
        origin=str(place),
    )


def _offsets(given: list[Any], count: int, text: str, place: Location) -> list[tuple[int, int]]:
    if len(given) != count:
        raise place.error(f"'token2charspan' has {len(given)} places for {count} tokens")
    tokens = []
    position = 0
    for i, pair in enumerate(given):
        start, end = place.inside(*_fields(pair, 2, "a place of 'token2charspan'", place), len(text), f"token {i}")
        if start < position:
            raise place.error(f"token {i} begins before the one before it ends")
        tokens.append((start, end))
        position = end
    return tokens


def _fields(given: Any, count: int, what: str, place: Location) -> list[Any]:
    """The first fields of a list, which may hold more."""
    if not isinstance(given, list) or len(given) < count:
        raise place.error(f"{what} must be a list of {count} values or more")
    return given[:count]


def _inside(first: Any, last: Any, length: int, what: str, place: Location) -> tuple[int, int]:
    """First and last token, as start and exclusive end."""
    return place.inside(first, last + 1 if type(last) is int else last, length, what)
