"""What is sent for a text."""

import json
from bisect import bisect_left
from typing import Any, NamedTuple

from spacy.tokens import Doc

from ..scale.analysis import LEVELS, read_analysis

EMPTY = b"{}"


class Form(NamedTuple):
    """What is sent of an analysis.

    select (tuple[str, ...]): Which of "entities", "relations" and "cats". Default: all.
    utf16 (bool): Count offsets in UTF-16 code units, as JavaScript and Java do. Default: False (in characters).
    """

    select: tuple[str, ...] = LEVELS
    utf16: bool = False


def make_answer(doc: Doc, spans_key: str, form: Form) -> bytes:
    """Write the analysis of a document.

    doc (Doc): The document.
    spans_key (str): The span group of the entities.
    form (Form): What to write.
    RETURNS (bytes): A JSON object.
    RAISES (ValueError): If it has values that JSON has not, NaN for example.
    """
    levels = read_analysis(doc, spans_key)
    if form.utf16:
        count_in_utf16(doc.text, levels["entities"] or [])
    return to_json({level: levels[level] for level in LEVELS if level in form.select})


def count_in_utf16(text: str, entities: list[dict[str, Any]]) -> None:
    """Replace the offsets of entities by those in UTF-16 code units.

    text (str): The text.
    entities (list[dict[str, Any]]): The entities, with "start" and "end" in characters.

    >>> entities = [{"start": 1, "end": 4}]
    >>> count_in_utf16("😀Ida", entities)
    >>> entities
    [{'start': 2, 'end': 5}]
    """
    longer = [place for place, char in enumerate(text) if char > "\uffff"]
    for entity in entities if longer else ():
        for side in ("start", "end"):
            entity[side] += bisect_left(longer, entity[side])


def to_json(value: object) -> bytes:
    """Write JSON.

    value (object): The value.
    RETURNS (bytes): On one line, in UTF-8.
    RAISES (ValueError): If the value has NaN or infinity.
    """
    # Numbers of numpy become floats.
    settings: dict[str, Any] = {"allow_nan": False, "separators": (",", ":"), "default": float}
    try:
        return json.dumps(value, ensure_ascii=False, **settings).encode("utf8")
    except UnicodeEncodeError:  # half of a surrogate pair, which only an escape can express
        return json.dumps(value, **settings).encode("ascii")


def join_objects(first: bytes, second: bytes) -> bytes:
    """Join two JSON objects.

    first (bytes): An object.
    second (bytes): Another one, with other names.
    RETURNS (bytes): An object with the values of both.

    >>> join_objects(b'{"a":1}', b'{"b":2}')
    b'{"a":1,"b":2}'
    """
    if EMPTY in (first, second):
        return first if second == EMPTY else second
    return first[:-1] + b"," + second[1:]
