"""Alignment of gold entities and relations with the predicted tokens. What cannot be aligned is counted."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import numpy
from spacy.training import Example

from .entities import DEFAULT_KEY, EntitySpan, Offsets, get_entities, trim
from .relations import arguments, get_relations
from .text_labels import holding_cats

# The end of the reason for gold with a label that a component does not know, see `Losses.add_unseen`.
UNSEEN = "unseen at initialization"
# The end of the reason for gold without a label, which no component can learn.
UNLABELLED = "without a label"


@dataclass
class Losses:
    """Counts of annotations that could not be represented.

    counts (Counter): The number of annotations by reason.
    examples (dict[str, str]): The first annotation of each reason.
    """

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, reason: str, example: str) -> None:
        """Count one annotation.

        reason (str): Why it was lost.
        example (str): Its text.
        """
        self.counts[reason] += 1
        self.examples.setdefault(reason, example)

    def add_unseen(self, kind: str, label: str, example: str = "") -> None:
        """Count one annotation with a label that the component does not know, or with an empty one. Each label is a
        reason of its own.

        kind (str): "entity", "relation" or "text label".
        label (str): The label.
        example (str): The text of the annotation, for one without a label.
        """
        if label:
            self.add(f"{kind} '{label}' {UNSEEN}", label)
        else:
            self.add(f"{kind} {UNLABELLED}", example)

    def add_unseen_cats(self, examples: Iterable[Example], known: Collection[str]) -> None:
        """Count the text labels that hold for a text, but that the component does not know.

        examples (Iterable[Example]): Gold on `example.reference`.
        known (Collection[str]): The labels of the component.
        """
        for eg in examples:
            held = holding_cats(eg.reference.cats)
            for label in eg.reference.cats:  # in their order
                if label in held and label not in known:
                    self.add_unseen("text label", label)

    def update(self, other: "Losses") -> None:
        """Add other counts to these.

        other (Losses): The other counts.
        """
        self.counts.update(other.counts)
        for reason, example in other.examples.items():
            self.examples.setdefault(reason, example)

    def of_entities(self) -> "Losses":
        """RETURNS (Losses): The counts of entities only."""
        counts = Counter({reason: count for reason, count in self.counts.items() if reason.startswith("entity")})
        return Losses(counts, {reason: self.examples[reason] for reason in counts})

    def __str__(self) -> str:
        return "; ".join(
            f"{count} x {reason} (as {self.examples[reason]})" for reason, count in self.counts.most_common()
        )


@dataclass
class Gold:
    """The gold annotations of one document on its predicted tokens.

    mentions (list[EntitySpan]): The entities, followed by those heads and tails of relations that are not entities.
    n_entities (int | None): How many of the mentions are entities; None if the document has no gold entities set.
    relations (list[tuple[int, int, str]] | None): Head and tail as indices of `mentions`, and the label; None if the
        document has no gold relations set.
    lost (Losses): The annotations that could not be aligned.
    """

    mentions: list[EntitySpan]
    n_entities: int | None
    relations: list[tuple[int, int, str]] | None
    lost: Losses

    @property
    def entities(self) -> list[EntitySpan]:
        """RETURNS (list[EntitySpan]): The mentions that are entities."""
        return self.mentions[: self.n_entities or 0]


def align_gold(example: Example, key: str = DEFAULT_KEY) -> Gold:
    """Align the gold entities and relations of an example with its predicted tokens.

    example (Example): Gold in `example.reference`, tokens in `example.predicted`.
    key (str): The span group of the entities.
    RETURNS (Gold): The spans whose text is covered exactly by predicted tokens, and the relations between such spans.

    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> example = Example.from_dict(nlp("Ida lives in Lima"), {"entities": [(0, 3, "person"), (13, 17, "place")]})
    >>> align_gold(example).entities
    [EntitySpan(start=0, end=1, label='person', score=1.0), EntitySpan(start=3, end=4, label='place', score=1.0)]
    """
    aligner = _SpanAligner(example)
    lost = Losses()
    indices: dict[EntitySpan, int] = {}
    entities = get_entities(example.reference, key)
    for entity in entities or ():
        offsets = aligner.align(entity.offsets)
        if not _comparable(aligner.gold_text(entity.offsets)):
            lost.add("entity of white space only", repr(aligner.gold_text(entity.offsets)))
        elif offsets is None:
            lost.add("entity off the token grid", aligner.gold_text(entity.offsets))
        else:
            indices.setdefault(EntitySpan(*offsets, entity.label), len(indices))
    n_entities = None if entities is None else len(indices)
    firsts: dict[Offsets, int] = {}
    for mention, index in indices.items():
        firsts.setdefault(mention.offsets, index)
    relations = get_relations(example.reference)
    # A dict, not a list: two gold relations may be the same after alignment.
    aligned: dict[tuple[int, int, str], None] = {}
    for relation in relations or ():
        gold_head, gold_tail = arguments(relation)
        head, tail = aligner.align(gold_head), aligner.align(gold_tail)
        if head is None or tail is None:
            lost.add(
                "relation with an argument off the token grid",
                f"{aligner.gold_text(gold_head)} -> {aligner.gold_text(gold_tail)}",
            )
        elif head == tail:
            lost.add("relation of a span with itself", aligner.gold_text(gold_head))
        else:
            head_index = _mention_index(indices, firsts, head, relation["head_label"])
            tail_index = _mention_index(indices, firsts, tail, relation["tail_label"])
            aligned[head_index, tail_index, relation["label"]] = None
    return Gold(list(indices), n_entities, None if relations is None else list(aligned), lost)


def _mention_index(indices: dict[EntitySpan, int], firsts: dict[Offsets, int], offsets: Offsets, label: str) -> int:
    """Find the mention with these offsets: one with this label, or else the first one. If there is none, add it."""
    wanted = EntitySpan(*offsets, label)
    if wanted in indices:
        return indices[wanted]
    if offsets not in firsts:
        firsts[offsets] = indices[wanted] = len(indices)
    return firsts[offsets]


class _SpanAligner:
    """Finds the predicted tokens of gold spans."""

    def __init__(self, example: Example) -> None:
        self.reference, self.predicted = example.reference, example.predicted
        # Usually both have the same tokens, and comparing two arrays is far cheaper than aligning two texts.
        same_tokens = numpy.array_equal(self.reference.to_array("ORTH"), self.predicted.to_array("ORTH"))
        self.gold_to_predicted = None if same_tokens else example.alignment.y2x

    def align(self, offsets: Offsets) -> Offsets | None:
        offsets = trim(self.reference, offsets)
        if self.gold_to_predicted is None:
            return offsets
        start, end = offsets
        tokens = self.gold_to_predicted[start:end]
        if not len(tokens):
            return None
        first, last = int(tokens[0]), int(tokens[-1]) + 1
        same_text = _comparable(self.predicted[first:last].text) == _comparable(self.gold_text(offsets))
        return (first, last) if same_text else None

    def gold_text(self, offsets: Offsets) -> str:
        start, end = offsets
        return self.reference[start:end].text


def _comparable(text: str) -> str:
    """Remove what the alignment of spaCy ignores: white space and capitalization."""
    return "".join(text.lower().split())
