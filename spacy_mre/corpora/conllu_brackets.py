"""Entities in brackets in MISC, as in CorefUD and GUM: `Entity=(e1-person(e2-place)`, and at the end `Entity=e1)`.

The comment `# global.Entity = eid-etype-...` names the fields between the hyphens. Without it, the label is the first
field without a digit, so that `(person-1`, `(e1-person` and `(person` all have it.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

KEY = "Entity"
LABEL_FIELDS = ("etype", "entity", "type")
BRACKET = re.compile(r"\(([^()]*)(\)?)|([^()]*)\)")
PART = re.compile(r"\[(\d{1,9})/\d{1,9}\]")


class Node(NamedTuple):
    """A word, or a word without a form in the text.

    start (int): The number of words before it.
    end (int): The same for one without a form, otherwise one more.
    brackets (str): The value of `Entity`; empty if it has none.
    """

    start: int
    end: int
    brackets: str


class Bracketed(NamedTuple):
    """An entity in brackets.

    label (str): Its label; empty if it has none.
    parts (list[tuple[int, int]]): The first word and the last word + 1 of each of its parts; one unless it is
        discontinuous, none if it has no word.
    has_more (bool): Whether it has other fields, such as the cluster to which it belongs.
    """

    label: str
    parts: list[tuple[int, int]]
    has_more: bool


class _Open(NamedTuple):
    names: tuple[str, ...]  # by which it may be closed
    start: int
    parts: list[tuple[int, int]]


def decode_brackets(nodes: Iterable[Node], header: str = "") -> list[Bracketed]:
    """Read the entities of a sentence.

    nodes (Iterable[Node]): Its words.
    header (str): The names of the fields, such as "eid-etype-head-other".
    RETURNS (list[Bracketed]): The entities, in the order in which they begin.
    RAISES (ValueError): If brackets do not fit together.

    >>> nodes = [Node(0, 1, "(person-1(place-2)"), Node(1, 2, "person-1)")]
    >>> [(mention.label, mention.parts) for mention in decode_brackets(nodes)]
    [('person', [(0, 2)]), ('place', [(0, 1)])]
    """
    mentions: list[Bracketed] = []
    of_parts: dict[str, Bracketed] = {}
    opened: list[_Open] = []
    for node in nodes:
        found = list(BRACKET.finditer(node.brackets))
        if "".join(match[0] for match in found) != node.brackets:
            raise ValueError(f"invalid brackets '{node.brackets}'")
        for match in found:
            if match[1] is None:
                _close(match[3], node, opened)
                continue
            label, names, number = _fields(match[1], header)
            name = PART.sub("", match[1].split("-")[0])
            if number < 2 or name not in of_parts:
                of_parts[name] = Bracketed(label, [], match[1] != label)
                mentions.append(of_parts[name])
            opened.append(_Open(names, node.start, of_parts[name].parts))
            if match[2]:
                _close(match[1], node, opened)
    if opened:
        raise ValueError(f"the bracket of '{opened[-1].names[0]}' is not closed")
    return mentions


def _close(name: str, node: Node, opened: list[_Open]) -> None:
    place = next((i for i in reversed(range(len(opened))) if not name or name in opened[i].names), None)
    if place is None:
        raise ValueError(f"the bracket of '{name}' is closed, but not open")
    closed = opened.pop(place)
    if closed.start < node.end:
        closed.parts.append((closed.start, node.end))


def _fields(content: str, header: str) -> tuple[str, tuple[str, ...], int]:
    """The label, the names by which the bracket may be closed, and the number of the part of a discontinuous entity."""
    fields = content.split("-")
    named = dict(zip(header.split("-"), fields))
    label = next((named[name] for name in LABEL_FIELDS if name in named), "")
    if not header:
        label = next((field for field in fields if not re.search(r"\d", field)), "")
    part = PART.search(content)
    # By the identifier, by both as in older versions of GUM ("person-1"), or by the label alone.
    return label, (content, *fields[:2], "-".join(fields[:2])), int(part[1]) if part else 0
