"""What the training data contains, and what of it a span model cannot learn."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

import numpy
from spacy.tokens import Doc
from spacy.training import Example

from ...annotations.alignment import Gold, Losses, align_gold
from ...annotations.entities import is_partly_annotated
from ...annotations.sentences import sentence_numbers
from ..spans.overlap import Nesting
from .output import SpertMTOptions
from .targets import ALL, BEYOND_SCOPE

# The distance limit is never below this number of tokens.
MIN_LEARNED_DISTANCE = 30
# The share of relations that the learned scope may leave out. Sentences are sometimes split wrongly, at abbreviations
# for example; without it, one such sentence would extend the scope.
OUT_OF_SCOPE = 0.01


# Why no relation between predicted entities can be the one of gold.
NO_ENTITY = "relation with an argument that is not an entity"
UNKNOWN_TYPE = "relation with an argument of a type that is not that of an entity"


class Joined(NamedTuple):
    """What a relation joins.

    label (str): The relation label.
    head (str): The type of the head.
    tail (str): The type of the tail.
    tokens (int): How far apart the mentions begin.
    sentences (int): How many sentences apart they are, 0 in the same one.
    """

    label: str
    head: str
    tail: str
    tokens: int
    sentences: int


class Survey:
    """Counts over the examples of a corpus.

    key (str): The span group of the entities.
    max_width (Optional[int]): The widest entity in tokens that the model finds; None if entities are given.
    """

    def __init__(self, key: str, max_width: int | None):
        self.key = key
        self.max_width = max_width
        self.entity_labels: set[str] = set()
        self.joined: Counter[Joined] = Counter()
        self.texts_of_joined: dict[Joined, str] = {}
        self.lost = Losses()
        self.documents = 0
        self.partly_annotated = 0
        self.without_sentences = 0
        self.with_relations = 0
        self.mentions = 0
        self.nesting = Nesting()
        self.cats: set[str] = set()
        self.negative_spans: list[int] = []

    def add(self, example: Example) -> None:
        """Count one example.

        example (Example): Gold on `example.reference`.
        """
        gold = align_gold(example, self.key)
        self.mentions += len(gold.mentions) + gold.lost.counts["entity off the token grid"]
        if self.max_width is not None:
            gold = reachable(gold, example.predicted)
        self.documents += 1
        self.without_sentences += not example.predicted.has_annotation("SENT_START")
        self.with_relations += gold.relations is not None
        # A type that only arguments of relations have is never learned as that of an entity.
        labelled = gold.mentions if self.max_width is None else gold.entities
        self.entity_labels.update(mention.label for mention in labelled if mention.label)
        self.lost.update(gold.lost)
        self.cats.update(example.reference.cats)
        self.nesting.add({entity.offsets: entity.label for entity in gold.entities}.items())
        if self.max_width is not None:
            self.partly_annotated += is_partly_annotated(example.reference, self.key)
            self._add_negative_spans(gold, len(example.predicted), self.max_width)
            self._add_unreachable(gold, example.predicted, self.max_width)
        if gold.relations:
            found = joined_mentions(gold, sentence_numbers(example.predicted))
            for joined, (head, tail, label) in zip(found, gold.relations):
                text = _text_of(gold, example.predicted, head, tail)
                if label:
                    self.joined[joined] += 1
                    self.texts_of_joined.setdefault(joined, text)
                else:
                    self.lost.add_unseen("relation", label, text)

    def learned(self, negatives: int, labels: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What the component learns from the corpus besides its weights.

        negatives (int): Negative spans per text in training, -1 for all.
        labels (Optional[Mapping[str, Any]]): What to use in place of the counts of the corpus, as in
            `SpertMT.label_data`. What it lacks is counted.
        RETURNS (dict[str, Any]): "entity_labels", "relation_labels" and "cat_labels", sorted; "constraints": by
            relation label, lists of head type, tail type and count; "distance": the limit between related mentions,
            in tokens; "scope": the same in sentences, 0 for the same one; "overlap": the policy; "share_drawn": the
            share of all negative spans that training draws.
        """
        types: Counter[tuple[str, str, str]] = Counter()
        for joined, count in self.joined.items():
            types[joined[:3]] += count
        constraints: dict[str, list[list[Any]]] = {}
        for (label, head, tail), count in sorted(types.items()):
            constraints.setdefault(label, []).append([head, tail, count])
        used: dict[str, Any] = {
            "entities": sorted(self.entity_labels),
            "relations": sorted(constraints),
            "cats": sorted(self.cats),
            "constraints": constraints,
            "distance": _distance_limit(max((joined.tokens for joined in self.joined), default=0)),
            "scope": self._scope(),
            **(labels or {}),
        }
        return {
            "entity_labels": used["entities"],
            "relation_labels": used["relations"],
            "cat_labels": used["cats"],
            "constraints": used["constraints"],
            "distance": used["distance"],
            "scope": used["scope"],
            "overlap": self.nesting.policy,
            "share_drawn": self.share_drawn(negatives),
        }

    def share_drawn(self, limit: int) -> float:
        """The share of all negative spans that a model is trained on in one pass over the data.

        limit (int): Negative spans per text, -1 for all.
        RETURNS (float): Above 0, at most 1.
        """
        drawn = sum(count if limit == ALL else min(count, limit) for count in self.negative_spans)
        return max(drawn, 1) / max(sum(self.negative_spans), 1)

    def add_unpredictable(self, options: SpertMTOptions, scope: int | None) -> None:
        """Count the relations that are never predicted because of the limits in force.

        options (SpertMTOptions): The limits.
        scope (Optional[int]): The most sentences between two related mentions; None for no limit.
        """
        allowed = {label: {tuple(types) for types in pairs} for label, pairs in options.constraints.items()}
        for label in allowed.keys() & set(options.symmetric):
            allowed[label] |= {types[::-1] for types in allowed[label]}
        known = set(options.entity_labels)
        for joined, count in self.joined.items():
            unknown = {joined.head, joined.tail} - known if self.max_width is not None else set()
            if scope is not None and joined.sentences > scope:
                reason = BEYOND_SCOPE
            elif 0 < options.max_distance < joined.tokens:
                reason = f"relation over more than {options.max_distance} tokens"
            elif unknown - {""} or (unknown and joined.label in allowed):
                reason = UNKNOWN_TYPE
            elif joined.label in allowed and (joined.head, joined.tail) not in allowed[joined.label]:
                reason = "relation between types that the constraints exclude"
            else:
                continue
            self.lost.counts[reason] += count
            self.lost.examples.setdefault(reason, self.texts_of_joined[joined])

    def _scope(self) -> int:
        """The fewest sentences between mentions that all but few relations are within."""
        apart: Counter[int] = Counter()
        for joined, count in self.joined.items():
            apart[joined.sentences] += count
        within, total = 0, apart.total()
        for sentences, count in sorted(apart.items()):
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
            if not entity.label:
                self.lost.add_unseen("entity", entity.label, text)
            elif wide:
                self.lost.add(f"entity wider than {max_width} tokens", text)
            elif entity.offsets in seen:
                self.lost.add("second label of an entity", f"{text}: {entity.label}")
            seen.add(entity.offsets)
        for head, tail, _ in gold.relations or ():
            if is_wide[head] or is_wide[tail]:
                reason = f"relation with an argument wider than {max_width} tokens"
                self.lost.add(reason, _text_of(gold, doc, head, tail))


def _text_of(gold: Gold, doc: Doc, head: int, tail: int) -> str:
    """The texts of two mentions."""
    return " -> ".join(doc[gold.mentions[end].start : gold.mentions[end].end].text for end in (head, tail))


def reachable(gold: Gold, doc: Doc, labels: Collection[str] | None = None) -> Gold:
    """Leave out the relations with a lost end: gold says which entities there are, and an argument is none of them.

    gold (Gold): The aligned gold.
    doc (Doc): The predicted document.
    labels (Optional[Collection[str]]): The entity labels: relations with other types are counted, if gold says nothing
        of entities. Default: None (they are not counted).
    RETURNS (Gold): What entities that are predicted can have, with the losses.
    """
    lost = Losses()
    lost.update(gold.lost)
    kept = []
    for head, tail, label in gold.relations or ():
        types = {gold.mentions[head].label, gold.mentions[tail].label, ""}
        if gold.n_entities is not None and max(head, tail) >= gold.n_entities:
            lost.add(NO_ENTITY, _text_of(gold, doc, head, tail))
            continue
        if gold.n_entities is None and labels is not None and not types <= {*labels, ""}:
            lost.add(UNKNOWN_TYPE, _text_of(gold, doc, head, tail))
        kept.append((head, tail, label))
    mentions = gold.mentions[: gold.n_entities]
    return Gold(mentions, gold.n_entities, None if gold.relations is None else kept, lost)


def joined_mentions(gold: Gold, sentences: numpy.ndarray) -> list[Joined]:
    """What the relations of a text join, in their order.

    gold (Gold): The aligned gold.
    sentences (numpy.ndarray): The number of the sentence of each token of the predicted document.
    RETURNS (list[Joined]): One for each relation.
    """
    found = []
    for head, tail, label in gold.relations or ():
        one, other = gold.mentions[head], gold.mentions[tail]
        apart = abs(int(sentences[one.start]) - int(sentences[other.start]))
        found.append(Joined(label, one.label, other.label, abs(one.start - other.start), apart))
    return found


def extend_limits(learned: dict[str, Any], relations: Iterable[Joined]) -> None:
    """Extend the learned constraints and the learned distance, so that relations that the component is trained on can
    be predicted.

    learned (dict[str, Any]): What `Survey.learned` returned. It is changed. A label without constraints keeps none.
    relations (Iterable[Joined]): What they join.
    """
    known: dict[str, set[tuple[str, str]]] = {}
    for joined in relations:
        allowed, types = learned["constraints"].get(joined.label), (joined.head, joined.tail)
        if allowed is not None:
            if joined.label not in known:
                known[joined.label] = {(head, tail) for head, tail, *_ in allowed}
            if types not in known[joined.label]:
                known[joined.label].add(types)
                allowed.append([*types, 1])
        if learned["distance"]:
            learned["distance"] = max(learned["distance"], _distance_limit(joined.tokens))


def _distance_limit(longest: int) -> int:
    return max(2 * longest, MIN_LEARNED_DISTANCE)
