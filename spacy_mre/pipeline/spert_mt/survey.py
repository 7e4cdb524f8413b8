"""What does the training data hold, and what of it can a span model not learn?"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from spacy.tokens import Doc
from spacy.training import Example

from ...annotations.alignment import Gold, Losses, align_gold
from ..spans.overlap import count_nested
from .targets import ALL


class Survey:
    """Counts over the examples of a corpus.

    key (str): The span group of the entities.
    max_width (Optional[int]): The widest entity in tokens that the model finds; None where entities are given.
    """

    def __init__(self, key: str, max_width: int | None):
        self.key = key
        self.max_width = max_width
        self.entity_labels: Counter = Counter()
        self.relation_labels: Counter = Counter()
        self.joined: Counter = Counter()
        self.farthest = 0
        self.lost = Losses()
        self.mentions = 0
        self.places = 0
        self.nested = 0
        self.cats: set[str] = set()
        self.negative_spans: list[int] = []
        self.negative_pairs: list[int] = []

    def add(self, example: Example) -> None:
        """Count one example in."""
        gold = align_gold(example, self.key)
        self.mentions += len(gold.mentions) + gold.lost.counts["entity off the token grid"]
        self.entity_labels.update(label for _, _, label, _ in gold.mentions if label)
        self.lost.update(gold.lost)
        self.cats.update(example.reference.cats)
        places = {(start, end) for start, end, _, _ in gold.entities}
        self.places += len(places)
        self.nested += count_nested(places)
        self._add_negatives(gold, len(example.predicted))
        if self.max_width is not None:
            self._add_out_of_reach(gold, example.predicted)
        for head, tail, label in gold.relations or ():
            self.relation_labels[label] += 1
            self.joined[label, gold.mentions[head][2], gold.mentions[tail][2]] += 1
            self.farthest = max(self.farthest, abs(gold.mentions[head][0] - gold.mentions[tail][0]))

    def _add_negatives(self, gold: Gold, length: int) -> None:
        """How many spans and pairs of a text are no entities and not related."""
        if gold.n_entities is not None and self.max_width is not None:
            widest = min(self.max_width, length)
            spans = widest * length - widest * (widest - 1) // 2
            self.negative_spans.append(
                spans - len({mention[:2] for mention in gold.entities if mention[1] - mention[0] <= widest})
            )
        if gold.relations is not None:
            related = {(head, tail) for head, tail, _ in gold.relations}
            self.negative_pairs.append(len(gold.mentions) * (len(gold.mentions) - 1) - len(related))

    def class_counts(
        self, entity_labels: Sequence[str], relation_labels: Sequence[str], limits: tuple[int, int]
    ) -> dict[str, list[int]]:
        """How many examples of each class a model is trained on in one pass over the data.

        entity_labels, relation_labels (Sequence[str]): The labels.
        limits (Tuple[int, int]): Negative spans and unrelated pairs per text, -1 for all.
        RETURNS (Dict[str, List[int]]): For "entities" and "relations": examples of no label, and then of each.
        """
        counts = {}
        for level, negatives, limit, labels, found in (
            ("entities", self.negative_spans, limits[0], entity_labels, self.entity_labels),
            ("relations", self.negative_pairs, limits[1], relation_labels, self.relation_labels),
        ):
            counts[level] = [_drawn(negatives, limit), *(found[label] for label in labels)]
        return counts

    def share_drawn(self, limit: int) -> float:
        """The share of all negative spans that a model is trained on in one pass over the data.

        limit (int): Negative spans per text, -1 for all.
        RETURNS (float): Above 0 to 1.
        """
        return max(_drawn(self.negative_spans, limit), 1) / max(sum(self.negative_spans), 1)

    def _add_out_of_reach(self, gold: Gold, doc: Doc) -> None:
        """What no span of the model stands for."""
        wide = [end - start > self.max_width for start, end, _, _ in gold.mentions]
        seen = set()
        for (start, end, label, _), is_wide in zip(gold.entities, wide):
            if is_wide:
                self.lost.add(f"entity wider than {self.max_width} tokens", doc[start:end].text)
            elif (start, end) in seen:
                self.lost.add("second label of an entity", f"{doc[start:end].text}: {label}")
            seen.add((start, end))
        for head, tail, _ in gold.relations or ():
            if wide[head] or wide[tail]:
                texts = (doc[start:end].text for start, end, _, _ in (gold.mentions[head], gold.mentions[tail]))
                self.lost.add(f"relation with an end wider than {self.max_width} tokens", " -> ".join(texts))

    def constraints(self) -> dict[str, list[list[Any]]]:
        """By relation label: head type, tail type and how often they were joined."""
        table: dict[str, list[list[Any]]] = {}
        for (label, head, tail), count in sorted(self.joined.items()):
            table.setdefault(label, []).append([head, tail, count])
        return table


def _drawn(negatives: Sequence[int], limit: int) -> int:
    return sum(count if limit == ALL else min(count, limit) for count in negatives)
