r"""The scanner of the inline mark-up: `[label:name|text]`, which nests, and a backslash before a plain character."""

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Mark:
    """A marked part of a text.

    word (str): What it is marked with: a label, or a name of it.
    key (str): Its identity.
    start (int): The first character, in the text without mark-up.
    end (int): The last character + 1.
    """

    word: str
    key: str
    start: int
    end: int


def scan(marked: str, opening: re.Pattern[str], escapes: Mapping[str, str] | None = None) -> tuple[str, list[Mark]]:
    """Separate a text from its marks.

    marked (str): The text with mark-up.
    opening (re.Pattern): How a mark begins: groups 1 and 2 are its word and key.
    escapes (Mapping[str, str] | None): What a character after a backslash stands for, if not for itself.
    RETURNS (tuple[str, list[Mark]]): The text without mark-up, and the marks, sorted by start, longest first. Of marks
        with the same offsets, the outer one is first.
    RAISES (ValueError): If brackets do not match, or a backslash is the last character.
    """
    escapes = escapes or {}
    text: list[str] = []
    # In the order in which they open; the end is -1 until the mark is closed.
    marks: list[Mark] = []
    open_marks: list[int] = []
    i = 0
    while i < len(marked):
        char = marked[i]
        if char == "\\":
            if i + 1 == len(marked):
                raise ValueError("a backslash at the end of the line escapes nothing")
            text.append(escapes.get(marked[i + 1], marked[i + 1]))
            i += 2
        elif char == "[":
            match = opening.match(marked, i)
            if match is None:
                excerpt = marked[i : i + 20]
                raise ValueError(f"invalid entity '{excerpt}': expected [label:name|text], or \\[ for a plain bracket")
            open_marks.append(len(marks))
            marks.append(Mark(match[1], match[2], len(text), -1))
            i = match.end()
        elif char == "]":
            if not open_marks:
                raise ValueError(f"the bracket at character {i + 1} closes no entity; write \\] for a plain bracket")
            number = open_marks.pop()
            mark = marks[number]
            marks[number] = Mark(mark.word, mark.key, mark.start, len(text))
            i += 1
        else:
            text.append(char)
            i += 1
    if open_marks:
        raise ValueError(f"the entity '{marks[open_marks[-1]].key}' is not closed")
    return "".join(text), sorted(marks, key=lambda mark: (mark.start, -mark.end))
