"""Finds the character offsets of entities, relations and events that are given as strings only.

Entities are written in the order of their ends, an inner one before the outer one; relations in the order of their
later argument; events in the order of their triggers, and the arguments of each like entities. So the order of an
analysis determines the positions of a repeated string, and nesting needs no markup.

A place that begins or ends inside of a word is used only if there is no other: "京都" is not found in "東京都庁" if it
stands alone elsewhere, whatever the order.

**Entities** are aligned with the occurrences of their strings, monotonically in that order. Of all alignments with the
most entities, the most plausible one is used: at word boundaries, not overlapping, rather nested than crossing, then
the leftmost. An entity that does not fit into the order (a model may write in any order) is aligned with any free
occurrence.

**Relations** are aligned by beam search, with costs for every new argument, for arguments that are not at word
boundaries or overlap another one, for leaving the order, and for the distance between head and tail.

**Events**: triggers are aligned like entities, then the arguments of all events by beam search with the same costs; the
distance is that to the trigger.

The method is ours; the papers (arXiv 2307.10291, arXiv 2407.10953) give no offsets.
"""

from collections.abc import Container

from .analysis import Analysis, EntityText, EventText, RelationText
from .anchored import Anchored
from .entity_alignment import anchor_entities
from .event_alignment import anchor_events
from .occurrences import Normalize, SearchedText
from .relation_alignment import anchor_relations


def anchor(
    text: str, analysis: Analysis, *, normalize: Normalize | None = None, boundaries: Container[int] | None = None
) -> Anchored:
    """Find the character offsets of an analysis in its text.

    >>> text = "From Lima to Lima by the Lima Express"
    >>> anchored = anchor(text, Analysis(None, (EntityText("place", "Lima"), EntityText("train", "Lima Express"))))
    >>> [(entity.start, entity.end) for entity in anchored.entities]
    [(5, 9), (25, 37)]

    text (str): The text.
    analysis (Analysis): The strings to find.
    normalize (Optional[Callable[[str], tuple[str, Sequence[int]]]]): Turns the text into the form of the strings. It
        returns the normalized text, and for each of its characters the offset of the original character; one more
        offset for the end is allowed. Normalized text must not change again. Default: no normalization.
    boundaries (Optional[Container[int]]): The offsets of word boundaries, such as those of a Doc's tokens. Default:
        where the kind of character changes.
    RETURNS (Anchored): The offsets.
    """
    searched = SearchedText(text, analysis, normalize, boundaries)
    items = analysis.items or ()
    entities = [(number, item) for number, item in enumerate(items) if isinstance(item, EntityText)]
    relations = [(number, item) for number, item in enumerate(items) if isinstance(item, RelationText)]
    anchored_entities, lost_entities = anchor_entities(searched, entities)
    known = frozenset((entity.start, entity.end) for entity in anchored_entities)
    anchored_relations, lost_relations = anchor_relations(searched, relations, known)
    events = [(number, item) for number, item in enumerate(items) if isinstance(item, EventText)]
    anchored_events, lost_events = anchor_events(searched, events)
    dropped = tuple(sorted([*lost_entities, *lost_relations, *lost_events]))
    return Anchored(analysis.label, anchored_entities, anchored_relations, dropped, anchored_events)
