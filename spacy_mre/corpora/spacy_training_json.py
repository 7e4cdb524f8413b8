"""The JSON for training of spaCy 2, which `spacy convert` and `spacy.training.docs_to_json` write.

    {"id": 0, "paragraphs": [{"raw": "Ada met Bo.", "sentences": [{"tokens": [
        {"orth": "Ada", "space": " ", "ner": "U-person"}, ...]}], "cats": [{"label": "diary", "value": 1.0}]}]}

A paragraph is a text. Its entities are the BILUO tags "ner", where "-" is a tag that is missing; if there are none, the
list "entities" of character offsets. Lemmas, tags, dependencies and sentences are not read.
"""

from collections.abc import Iterator
from typing import Any

from .extra_keys import count_extra_keys
from .jsonl import read_cats
from .offsets import Offsets
from .reading import Location, entity_from_tokens, join_words
from .record import CharOffsets, EntityRecord, Record
from .report import Report
from .tags import read_tags

KEYS = {"id", "paragraphs"}
PARAGRAPH_KEYS = {"raw", "sentences", "cats", "entities", "links", "brackets"}
SENTENCE_KEYS = {"tokens", "brackets"}
TOKEN_KEYS = {"id", "orth", "space", "tag", "pos", "morph", "lemma", "head", "dep", "ner"}
CAT_KEYS = {"label", "value"}
MISSING = "-"


def read_paragraphs(item: dict[str, Any], name: str, location: Location, report: Report) -> Iterator[Record]:
    """Read the paragraphs of a document.

    item (dict[str, Any]): The document.
    name (str): Its id, if it has none.
    location (Location): Where it was read.
    report (Report): Counts what records cannot represent, and repaired tags.
    YIELDS (Record): One record per paragraph, with its tokens. The document is the group of several paragraphs.
    RAISES (CorpusError): If it is malformed.
    """
    count_extra_keys(item, KEYS, location, report, "a document")
    name = location.get_id(item, "id", name)
    paragraphs = location.get(item, "paragraphs", list)
    for number, given in enumerate(paragraphs, start=1):
        sentences = _lists(given, "sentences", location)
        count_extra_keys(given, PARAGRAPH_KEYS, location, report, "a paragraph")
        tokens = [token for sentence in sentences for token in location.get(sentence, "tokens", list)]
        for sentence in sentences:
            count_extra_keys(sentence, SENTENCE_KEYS, location, report, "a sentence")
        for token in tokens:
            location.words({"orth": [location.get(token, "orth", str)]}, "orth")
            count_extra_keys(token, TOKEN_KEYS, location, report, "a token")
        text, places = _text(given, tokens, location)
        for _ in _lists(given, "links", location):
            report.lose("link of an entity to a database", str(location))
        yield Record(
            text=text,
            id=name if len(paragraphs) == 1 else f"{name}-{number}",
            entities=_entities(given, tokens, places, text, location, report),
            cats=_cats(given, location, report),
            tokens=places if tokens else None,
            group=name if len(paragraphs) > 1 else "",
            origin=str(location),
        )


def _lists(given: Any, key: str, location: Location) -> list[Any]:
    if not isinstance(given, dict):
        raise location.error("a paragraph must be a JSON object")
    return [] if given.get(key) is None else location.get(given, key, list)


def _text(given: dict[str, Any], tokens: list[dict[str, Any]], location: Location) -> tuple[str, list[CharOffsets]]:
    """The text and the offsets of its tokens. Without a raw text, it is made of the tokens."""
    words = [token["orth"] for token in tokens]
    spaces = [token.get("space") for token in tokens]
    if any(space is not None and not isinstance(space, str) for space in spaces):
        raise location.error("'space' of a token must be a string")
    if given.get("raw") is not None:
        return _in_raw(location.get(given, "raw", str), words, spaces, location)
    if not tokens:
        raise location.error("a paragraph needs 'raw', 'sentences' or both")
    if None in spaces:
        return join_words(words)
    pieces, places, position = [], [], 0
    for word, space in zip(words, spaces):
        places.append((position, position + len(word)))
        pieces.append(word + (space or ""))
        position += len(pieces[-1])
    return "".join(pieces), places


def _in_raw(raw: str, words: list[str], spaces: list[str | None], location: Location) -> tuple[str, list[CharOffsets]]:
    places, position = [], 0
    for word, space in zip(words, spaces):
        start = position
        while not raw.startswith(word, start) and raw[start : start + 1].isspace():
            start += 1
        if not raw.startswith(word, start):
            raise location.error(f"the token '{word[:40]}' is not in the raw text at {start}")
        position = start + len(word)
        places.append((start, position))
        if space and raw.startswith(space, position):
            position += len(space)
    return raw, places


def _entities(
    given: dict[str, Any],
    tokens: list[dict[str, Any]],
    places: list[CharOffsets],
    text: str,
    location: Location,
    report: Report,
) -> list[EntityRecord] | None:
    tags = [None if token.get("ner") is None else location.get(token, "ner", str) for token in tokens]
    if all(tag in (None, MISSING) for tag in tags):
        if given.get("entities") is None or (tokens and not given["entities"]):
            return None
        return [_entity(entity, text, location) for entity in _lists(given, "entities", location)]
    for tag in tags:
        if tag in (None, MISSING):
            report.lose("missing tag of a token, read as O", str(location))
    spans = read_tags(["O" if tag in (None, MISSING) else tag for tag in tags], "BIOES", location, report)
    return [entity_from_tokens(places, span.start, span.end, span.label) for span in spans]


def _entity(given: Any, text: str, location: Location) -> EntityRecord:
    if not isinstance(given, list) or len(given) != 3 or not isinstance(given[2], str):
        raise location.error("an entity must be [start, end, label]")
    place = Offsets(text).convert(given[0], given[1], location, f"the entity '{given[2][:40]}'")
    return EntityRecord(*place, given[2])


def _cats(given: dict[str, Any], location: Location, report: Report) -> dict[str, float] | None:
    cats: dict[str, Any] = {}
    for cat in _lists(given, "cats", location):
        label = location.get(cat, "label", str)
        count_extra_keys(cat, CAT_KEYS, location, report, "a category")
        if label in cats:
            raise location.error(f"the category '{label[:40]}' is there twice")
        if "value" not in cat:
            raise location.error("the key 'value' is missing")
        cats[label] = cat["value"]
    return read_cats(cats or None, location)
