"""Relations between entities with several mentions, as relations between the mentions.

Some corpora annotate relations between concepts: all mentions of a person in a document, or all those with one database
identifier. The components learn relations between places in a text.
"""

import re
import sys
from collections.abc import Sequence
from itertools import product
from operator import itemgetter
from typing import Literal

import numpy

from .record import EntityRecord, RelationRecord

# nearest: between the two mentions with the fewest characters between them, the first ones if there are several;
# all: between all mentions.
Pairs = Literal["nearest", "all"]

BETWEEN = re.compile(r"[,;|]")  # the concepts of one mention
LOST_CONCEPT = "concept of a mention (its entry in a database)"
NO_CONCEPT = ("", "-", "-1")


def split_concepts(given: str) -> list[str]:
    """Read the concepts of a mention.

    given (str): One or more concepts, with commas, semicolons or vertical bars between them.
    RETURNS (list[str]): The whole string, and each of its concepts if there are several; nothing for no concept.

    >>> split_concepts("D006973;D007022")
    ['D006973;D007022', 'D006973', 'D007022']
    """
    concepts = dict.fromkeys(concept.strip() for concept in (given, *BETWEEN.split(given)))
    return [concept for concept in concepts if concept not in NO_CONCEPT]


def relations_between(
    heads: Sequence[int], tails: Sequence[int], label: str, entities: Sequence[EntityRecord], pairs: Pairs
) -> list[RelationRecord]:
    """Make the relations between mentions that a relation between two concepts becomes.

    heads (Sequence[int]): The mentions of the head, as indices of entities.
    tails (Sequence[int]): The mentions of the tail. If a concept is related to itself, they are the same.
    label (str): The label.
    entities (Sequence[EntityRecord]): The entities.
    pairs (Pairs): Which mentions are connected: "nearest" or "all".
    RETURNS (list[RelationRecord]): The relations; none if the head or tail has no mention.

    >>> entities = [EntityRecord(0, 3, "person"), EntityRecord(9, 12, "person"), EntityRecord(15, 19, "place")]
    >>> relations_between([0, 1], [2], "in", entities, "nearest")
    [RelationRecord(head=1, tail=2, label='in', score=1.0)]
    """
    if pairs == "nearest" and len(heads) * len(tails) > 1:
        nearest = _nearest(heads, tails, entities)
        return [RelationRecord(*nearest, label)] if nearest else []
    # A mention is related to itself only if there is no other.
    found = [pair for pair in product(heads, tails) if pair[0] != pair[1] or len(heads) == len(tails) == 1]
    return [RelationRecord(head, tail, label) for head, tail in found]


def _nearest(heads: Sequence[int], tails: Sequence[int], entities: Sequence[EntityRecord]) -> tuple[int, int] | None:
    """The two mentions with the fewest characters between them; of several, those where the later one ends first, then
    the first ones. A long text may name both concepts a thousand times, so all tails are compared at once."""
    starts, ends = numpy.array([(entities[tail].start, entities[tail].end) for tail in tails]).T
    found = []
    for head in heads:
        between = numpy.maximum(starts, entities[head].start) - numpy.minimum(ends, entities[head].end)
        later = numpy.maximum(ends, entities[head].end)
        between = numpy.where(numpy.equal(tails, head), sys.maxsize, numpy.maximum(between, 0))
        i = numpy.lexsort((later, between))[0]
        found.append((between[i], later[i], head, tails[i]))
    _, _, head, tail = min(found, key=itemgetter(0, 1))
    return None if head == tail else (head, tail)
