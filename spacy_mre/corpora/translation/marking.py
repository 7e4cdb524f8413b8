r"""Texts with their entities marked inline, as engines get them and answer them.

`[place:a|仙台]` is an entity: a word for its label, its key, and its text. Marks nest. As in `markup.py`, a backslash
keeps `[`, `]`, `|` and `\` as plain characters. Line breaks are written as `\n` and `\r`, so that a text is one line.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..marks import Mark, scan
from ..record import EntityRecord, Record

OPENING = re.compile(r"\[([^\[\]|:\\]*):\s*([a-z][a-z0-9]*)\s*\|")
BREAKS = {"n": "\n", "r": "\r"}
ESCAPED = {**{char: f"\\{char}" for char in "[]|\\"}, **{char: f"\\{letter}" for letter, char in BREAKS.items()}}
NOT_IN_WORDS = re.compile(r"[\[\]|:\\\s]")


@dataclass(frozen=True)
class Marked:
    """A text with marks.

    line (str): The text with marks, as one line.
    text (str): The text.
    keys (dict[str, int]): For each key, the index of its entity in the record; in the order of position.
    others (dict[str, int]): Those of them that have no mark, because they cross another one or are empty.
    words (dict[str, str]): The word of each key.
    strings (dict[str, str]): The text of each key.
    """

    line: str
    text: str
    keys: dict[str, int] = field(default_factory=dict)
    others: dict[str, int] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    strings: dict[str, str] = field(default_factory=dict)


def mark(record: Record, words: Mapping[str, str] | None = None) -> Marked:
    """Mark the entities of a text. Of entities with the same offsets, the first is the outer one.

    record (Record): The text.
    words (Mapping[str, str] | None): The word of each label, as in `LabelTable.words`. A label without one stands for
        itself.
    RETURNS (Marked): The text with marks.

    >>> mark(Record("Ida lives in Lima.", entities=[EntityRecord(13, 17, "place")])).line
    'Ida lives in [place:a|Lima].'
    """
    entities = record.entities or []
    order = sorted(range(len(entities)), key=lambda index: (entities[index].start, -entities[index].end))
    keys = {_key(number): index for number, index in enumerate(order)}
    others = _find_others(entities, keys)
    shown = {key: _as_word((words or {}).get(entities[i].label, entities[i].label)) for key, i in keys.items()}
    return Marked(
        line=_insert_marks(record.text, entities, {key: i for key, i in keys.items() if key not in others}, shown),
        text=record.text,
        keys=keys,
        others=others,
        words=shown,
        strings={key: record.text[entities[i].start : entities[i].end] for key, i in keys.items()},
    )


def read_marks(line: str) -> tuple[str, list[Mark]]:
    r"""Read a text with marks. Keys may be repeated, and marks may be empty.

    line (str): The text with marks.
    RETURNS (tuple[str, list[Mark]]): The text, and its marks, sorted by start, longest first. Of marks with the same
        offsets, the outer one is first.
    RAISES (ValueError): If brackets do not match, or a backslash is the last character.

    >>> read_marks(r"[place:a|Lima]\n")
    ('Lima\n', [Mark(word='place', key='a', start=0, end=4)])
    """
    return scan(line, OPENING, BREAKS)


def _find_others(entities: list[EntityRecord], keys: Mapping[str, int]) -> dict[str, int]:
    others = {}
    ends: list[int] = []
    for key, index in keys.items():
        entity = entities[index]
        while ends and ends[-1] <= entity.start:
            ends.pop()
        # An empty entity has no text to mark.
        if entity.start >= entity.end or (ends and ends[-1] < entity.end):
            others[key] = index
        else:
            ends.append(entity.end)
    return others


def _insert_marks(text: str, entities: list[EntityRecord], keys: Mapping[str, int], words: Mapping[str, str]) -> str:
    opened: dict[int, list[str]] = {}
    closed: dict[int, int] = {}
    for key, index in keys.items():
        opened.setdefault(entities[index].start, []).append(f"[{words[key]}:{key}|")
        closed[entities[index].end] = closed.get(entities[index].end, 0) + 1
    pieces = []
    for position in range(len(text) + 1):
        pieces.append("]" * closed.get(position, 0))
        pieces += opened.get(position, ())
        pieces += (ESCAPED.get(char, char) for char in text[position : position + 1])
    return "".join(pieces)


def _key(number: int) -> str:
    """a, b, ..., z, aa, ab, ..."""
    letters = ""
    number += 1
    while number:
        number, letter = divmod(number - 1, 26)
        letters = chr(ord("a") + letter) + letters
    return letters


def _as_word(label: str) -> str:
    """A label without characters of the mark-up."""
    return NOT_IN_WORDS.sub(" ", label)
