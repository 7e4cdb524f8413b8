"""What survives when gold tokens and predicted tokens differ? Gold entities and relations, moved onto the predicted tokens; what cannot be
moved is counted, never hidden."""

from collections import Counter
from dataclasses import dataclass, field

import numpy
from spacy.attrs import ORTH
from spacy.training import Example

from .entities import DEFAULT_KEY, EntitySpan, Offsets, get_entities
from .relations import get_relations


@dataclass
class Losses:
    """What could not be represented, by reason, with an example of each."""

    counts: Counter = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, reason: str, example: str) -> None:
        self.counts[reason] += 1
        self.examples.setdefault(reason, example)

    def update(self, other: "Losses") -> None:
        self.counts.update(other.counts)
        for reason, example in other.examples.items():
            self.examples.setdefault(reason, example)

    def __str__(self) -> str:
        return "; ".join(
            f"{count} x {reason} (as {self.examples[reason]})" for reason, count in self.counts.most_common()
        )


@dataclass
class Gold:
    """One document's gold on its predicted tokens.

    mentions (list[EntitySpan]): Every entity, then of every end of a relation that is no entity.
    n_entities (Optional[int]): How many of the mentions are entities; None where the document has no gold for entities.
    relations (Optional[List[Tuple[int, int, str]]]): Head and tail as places in `mentions`, and the label; None without gold.
    lost (Losses): What could not be moved.
    """

    mentions: list[EntitySpan]
    n_entities: int | None
    relations: list[tuple[int, int, str]] | None
    lost: Losses

    @property
    def entities(self) -> list[EntitySpan]:
        return self.mentions[: self.n_entities or 0]


def align_gold(example: Example, key: str = DEFAULT_KEY) -> Gold:
    """Move the gold entities and relations of an example onto its predicted tokens.

    example (Example): Gold on `example.reference`, tokens on `example.predicted`.
    key (str): The span group of the entities.
    RETURNS (Gold): A span is moved if the predicted tokens cover exactly its text; a relation if both its ends are.
    """
    move = _Mover(example)
    lost = Losses()
    places: dict[EntitySpan, int] = {}
    entities = get_entities(example.reference, key)
    for entity in entities or ():
        place = move((entity.start, entity.end))
        if place is None:
            lost.add("entity off the token grid", move.text(entity.start, entity.end))
        else:
            places.setdefault(EntitySpan(*place, entity.label), len(places))
    n_entities = None if entities is None else len(places)
    relations = get_relations(example.reference)
    moved: dict[tuple[int, int, str], None] = {}
    for relation in relations or ():
        ends = [move(relation["head"]), move(relation["tail"])]
        if None in ends:
            lost.add(
                "relation with an end off the token grid",
                f"{move.text(*relation['head'])} -> {move.text(*relation['tail'])}",
            )
            continue
        if ends[0] == ends[1]:
            lost.add("relation of a span with itself", move.text(*relation["head"]))
            continue
        head, tail = (_mention(places, place, relation[f"{end}_label"]) for end, place in zip(("head", "tail"), ends))
        moved[head, tail, relation["label"]] = None
    return Gold(list(places), n_entities, None if relations is None else list(moved), lost)


def _mention(places: dict[EntitySpan, int], offsets: Offsets, label: str) -> int:
    """The index of the mention at some offsets: the one with the label of the relation's end, else any, else a new one."""
    wanted = EntitySpan(*offsets, label)
    if wanted in places:
        return places[wanted]
    for mention, index in places.items():
        if mention.offsets == offsets:
            return index
    return places.setdefault(wanted, len(places))


class _Mover:
    """Moves token spans from the reference of an example to its predicted document."""

    def __init__(self, example: Example):
        self.reference, self.predicted = example.reference, example.predicted
        # Comparing two arrays is far cheaper than aligning two texts that are tokenised alike, which is the usual case.
        same = numpy.array_equal(self.reference.to_array(ORTH), self.predicted.to_array(ORTH))
        self.alignment = None if same else example.alignment.y2x

    def __call__(self, span: tuple[int, int]) -> Offsets | None:
        start, end = span
        if self.alignment is None:
            return start, end
        indices = self.alignment[start:end]
        if not len(indices):
            return None
        first, last = int(indices[0]), int(indices[-1]) + 1
        found = "".join(self.predicted[first:last].text.lower().split())
        return (first, last) if found == "".join(self.text(start, end).lower().split()) else None

    def text(self, start: int, end: int) -> str:
        return self.reference[start:end].text
