"""What the training data contains, and what of it a span model cannot learn."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from spacy.tokens import Doc
from spacy.training import Example

from ...annotations.alignment import Gold, Losses, align_gold
from ...annotations.sentences import sentence_numbers
from ..spans.overlap import count_nested, learned_policy
from .targets import ALL

# The distance limit is never below this number of tokens.
MIN_LEARNED_DISTANCE = 30
# The share of relations that the learned scope may leave out. Sentences are sometimes split wrongly, at abbreviations
# for example; without it, one such sentence would extend the scope.
OUT_OF_SCOPE = 0.01


class Survey:
    """Counts over the examples of a corpus.

    key (str): The span group of the entities.
    max_width (Optional[int]): The widest entity in tokens that the model finds; None if entities are given.
    """

    def __init__(self, key: str, max_width: int | None):
        self.key = key
        self.max_width = max_width
        self.entity_labels: Counter[str] = Counter()
        self.relation_labels: Counter[str] = Counter()
        self.joined: Counter[tuple[str, str, str]] = Counter()
        self.longest_distance = 0
        self.sentences_between: Counter[int] = Counter()
        self.lost = Losses()
        self.documents = 0
        self.with_relations = 0
        self.mentions = 0
        self.places = 0
        self.nested = 0
        self.cats: set[str] = set()
        self.negative_spans: list[int] = []

    def add(self, example: Example) -> None:
        """Count one example.

        example (Example): Gold on `example.reference`.
        """
        gold = align_gold(example, self.key)
        self.documents += 1
        self.with_relations += gold.relations is not None
        self.mentions += len(gold.mentions) + gold.lost.counts["entity off the token grid"]
        self.entity_labels.update(mention.label for mention in gold.mentions if mention.label)
        self.lost.update(gold.lost)
        self.cats.update(example.reference.cats)
        places = {entity.offsets for entity in gold.entities}
        self.places += len(places)
        self.nested += count_nested(places)
        if self.max_width is not None:
            self._add_negative_spans(gold, len(example.predicted), self.max_width)
            self._add_unreachable(gold, example.predicted, self.max_width)
        if gold.relations:
            self.sentences_between.update(sentences_between(gold, example.predicted))
        joined, longest = joined_types(gold)
        self.relation_labels.update(label for label, _, _ in joined)
        self.joined.update(joined)
        self.longest_distance = max(self.longest_distance, longest)

    def learned(self, negatives: int, labels: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What the component learns from the corpus besides its weights.

        negatives (int): Negative spans per text in training, -1 for all.
        labels (Optional[Mapping[str, Any]]): What to use in place of the counts of the corpus, as in
            `SpertMT.label_data`.
        RETURNS (dict[str, Any]): "entity_labels", "relation_labels" and "cat_labels", sorted; "constraints": by
            relation label, lists of head type, tail type and count; "distance": the limit between related mentions,
            in tokens; "scope": the same in sentences, 0 for the same one; "overlap": the policy; "share_drawn": the
            share of all negative spans that training draws.
        """
        constraints: dict[str, list[list[Any]]] = {}
        for (label, head, tail), count in sorted(self.joined.items()):
            constraints.setdefault(label, []).append([head, tail, count])
        found: dict[str, Any] = {
            "entities": sorted(self.entity_labels),
            "relations": sorted(self.relation_labels),
            "cats": sorted(self.cats),
            "constraints": constraints,
            "distance": _distance_limit(self.longest_distance),
            "scope": self._scope(),
        }
        labels = found if labels is None else labels
        return {
            "entity_labels": list(labels["entities"]),
            "relation_labels": list(labels["relations"]),
            "cat_labels": list(labels.get("cats", ())),
            # A copy, because training extends it.
            "constraints": {
                label: [list(pair) for pair in pairs] for label, pairs in labels.get("constraints", {}).items()
            },
            "distance": labels.get("distance", 0),
            "scope": labels.get("scope", found["scope"]),
            "overlap": learned_policy(self.nested, self.places),
            "share_drawn": self.share_drawn(negatives),
        }

    def share_drawn(self, limit: int) -> float:
        """The share of all negative spans that a model is trained on in one pass over the data.

        limit (int): Negative spans per text, -1 for all.
        RETURNS (float): Above 0, at most 1.
        """
        drawn = sum(count if limit == ALL else min(count, limit) for count in self.negative_spans)
        return max(drawn, 1) / max(sum(self.negative_spans), 1)

    def _scope(self) -> int:
        """The fewest sentences between mentions that all but few relations are within."""
        within, total = 0, self.sentences_between.total()
        for sentences, count in sorted(self.sentences_between.items()):
            within += count
            if total - within <= OUT_OF_SCOPE * total:
                return sentences
        return 0

    def _add_negative_spans(self, gold: Gold, length: int, max_width: int) -> None:
        if gold.n_entities is not None:
            widest = min(max_width, length)
            spans = widest * length - widest * (widest - 1) // 2
            reachable = {entity.offsets for entity in gold.entities if entity.end - entity.start <= widest}
            self.negative_spans.append(spans - len(reachable))

    def _add_unreachable(self, gold: Gold, doc: Doc, max_width: int) -> None:
        """Count entities and relations that no span of the model can represent."""
        is_wide = [mention.end - mention.start > max_width for mention in gold.mentions]
        seen = set()
        for entity, wide in zip(gold.entities, is_wide):
            text = doc[entity.start : entity.end].text
            if wide:
                self.lost.add(f"entity wider than {max_width} tokens", text)
            elif entity.offsets in seen:
                self.lost.add("second label of an entity", f"{text}: {entity.label}")
            seen.add(entity.offsets)
        for head, tail, _ in gold.relations or ():
            if is_wide[head] or is_wide[tail]:
                texts = [doc[gold.mentions[end].start : gold.mentions[end].end].text for end in (head, tail)]
                self.lost.add(f"relation with an argument wider than {max_width} tokens", " -> ".join(texts))


def joined_types(gold: Gold) -> tuple[list[tuple[str, str, str]], int]:
    """What the relations of a text join.

    gold (Gold): The aligned gold.
    RETURNS (tuple[list[tuple[str, str, str]], int]): Relation label, head type and tail type of each relation, and the
        longest distance between two related mentions in tokens.
    """
    joined, longest = [], 0
    for head, tail, label in gold.relations or ():
        head_mention, tail_mention = gold.mentions[head], gold.mentions[tail]
        joined.append((label, head_mention.label, tail_mention.label))
        longest = max(longest, abs(head_mention.start - tail_mention.start))
    return joined, longest


def sentences_between(gold: Gold, doc: Doc) -> list[int]:
    """RETURNS (list[int]): For each relation, how many sentences its tail is from its head; 0 in the same one."""
    numbers = sentence_numbers(doc)
    starts = [mention.start for mention in gold.mentions]
    return [abs(int(numbers[starts[head]]) - int(numbers[starts[tail]])) for head, tail, _ in gold.relations or ()]


def extend_limits(learned: dict[str, Any], joined: Iterable[tuple[str, str, str]], longest: int) -> None:
    """Extend the learned constraints and the learned distance, so that relations that the component is trained on can
    be predicted.

    learned (dict[str, Any]): What `Survey.learned` returned. It is changed. A label without constraints keeps none.
    joined (Iterable[tuple[str, str, str]]): Relation label, head type and tail type.
    longest (int): The longest distance between two related mentions.
    """
    for label, *types in joined:
        allowed = learned["constraints"].get(label)
        if allowed is not None and not any(pair[:2] == types for pair in allowed):
            allowed.append([*types, 1])
    if learned["distance"]:
        learned["distance"] = max(learned["distance"], _distance_limit(longest))


def _distance_limit(longest: int) -> int:
    return max(2 * longest, MIN_LEARNED_DISTANCE)
