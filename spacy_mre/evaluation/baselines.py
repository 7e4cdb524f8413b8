"""What would somebody get without learning? A gazetteer of entities, the usual relation of two entity types, the most frequent text class.

Printed beside a score it tells how much of that score the data gives away.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

from spacy.tokens import Doc

from ..annotations.alignment import Losses
from ..annotations.entities import DEFAULT_KEY, EntitySpan, get_entities, set_entities
from ..annotations.relations import arguments, get_relations, set_relations

SOURCE = "baseline"


@dataclass
class Baseline:
    """The majority baseline. A layer that no training document had is None and is not predicted.

    entities (Optional[Dict[str, str]]): The most frequent label of every entity text.
    relations (Optional[Dict[Tuple[str, str], Tuple[str, float]]]): For the entity labels of a head and a tail that were related in more
        than half of the training pairs, the most frequent relation label, and the share of related pairs.
    cats (Optional[Dict[str, float]]): The mean of the gold values of every text label, so that the most frequent label has the best score.
    spans_key (str): The span group of the entities.
    lost (Losses): Gazetteer matches inside of tokens, which no span can hold.
    """

    entities: dict[str, str] | None = None
    relations: dict[tuple[str, str], tuple[str, float]] | None = None
    cats: dict[str, float] | None = None
    spans_key: str = DEFAULT_KEY
    lost: Losses = field(default_factory=Losses)

    @classmethod
    def train(cls, docs: Iterable[Doc], *, spans_key: str = DEFAULT_KEY) -> "Baseline":
        """Count.

        docs (Iterable[Doc]): Documents with gold.
        spans_key (str): The span group of the entities.
        RETURNS (Baseline): The baseline.
        """
        docs = list(docs)
        return cls(_count_entities(docs, spans_key), _count_relations(docs, spans_key), _mean_cats(docs), spans_key)

    def predict(self, docs: Iterable[Doc]) -> list[Doc]:
        """Annotate documents.

        docs (Iterable[Doc]): Tokenised documents.
        RETURNS (List[Doc]): The same documents with entities, relations and cats, as far as there was training data for them.
        """
        docs = list(docs)
        lengths = sorted({len(text) for text in self.entities or ()}, reverse=True)
        for doc in docs:
            entities = []
            if self.entities is not None:
                entities = set_entities(doc, self._match(doc, lengths), key=self.spans_key, source=SOURCE)
            if self.relations is not None:
                set_relations(doc, self._relate(entities))
            if self.cats is not None:
                doc.cats = dict(self.cats)
        return docs

    def _relate(self, entities: list[EntitySpan]) -> Iterator[dict[str, Any]]:
        for head, tail in permutations(entities, 2):
            rule = (self.relations or {}).get((head.label, tail.label))
            if rule is not None:
                label, score = rule
                yield {
                    "head": head.offsets,
                    "tail": tail.offsets,
                    "head_label": head.label,
                    "tail_label": tail.label,
                    "label": label,
                    "score": score,
                }

    def _match(self, doc: Doc, lengths: list[int]) -> list[EntitySpan]:
        """From left to right the longest entry that is a token span, found by characters, so that words need no boundaries."""
        text = doc.text
        entries = self.entities or {}
        found = []
        place = 0
        while place < len(text):
            step = 1
            for length in lengths:
                entry = text[place : place + length]
                if len(entry) < length or entry not in entries:
                    continue
                span = doc.char_span(place, place + length)
                if span is None:
                    self.lost.add(
                        "match inside of a token", f"'{entry}' in '{text[max(0, place - 10) : place + length + 10]}'"
                    )
                    continue
                found.append(EntitySpan(span.start, span.end, entries[entry]))
                step = length
                break
            place += step
        return found


def _count_entities(docs: list[Doc], spans_key: str) -> dict[str, str] | None:
    labels: dict[str, Counter] = defaultdict(Counter)
    layers = [(doc, get_entities(doc, spans_key)) for doc in docs]
    for doc, entities in layers:
        for entity in entities or ():
            labels[doc[entity.start : entity.end].text][entity.label] += 1
    if all(entities is None for _, entities in layers):
        return None
    return {text: counts.most_common(1)[0][0] for text, counts in labels.items()}


def _count_relations(docs: list[Doc], spans_key: str) -> dict[tuple[str, str], tuple[str, float]] | None:
    pairs: Counter = Counter()
    related: Counter = Counter()
    labels: dict[tuple[str, str], Counter] = defaultdict(Counter)
    layers = [(get_entities(doc, spans_key), get_relations(doc)) for doc in docs]
    for entities, relations in layers:
        if entities is None or relations is None:
            continue
        by_ends: dict[tuple[tuple[int, int, str], ...], list[str]] = defaultdict(list)
        for relation in relations:
            head, tail = arguments(relation)
            by_ends[(*head, relation["head_label"]), (*tail, relation["tail_label"])].append(relation["label"])
        for ends in permutations(dict.fromkeys((entity.start, entity.end, entity.label) for entity in entities), 2):
            types = (ends[0][2], ends[1][2])
            pairs[types] += 1
            related[types] += ends in by_ends
            labels[types].update(by_ends.get(ends, ()))
    if all(relations is None for _, relations in layers):
        return None
    often = {types: count / pairs[types] for types, count in related.items() if count > pairs[types] / 2}
    return {types: (labels[types].most_common(1)[0][0], share) for types, share in often.items()}


def _mean_cats(docs: list[Doc]) -> dict[str, float] | None:
    gold = [doc.cats for doc in docs if doc.cats]
    if not gold:
        return None
    labels = sorted({label for cats in gold for label in cats})
    return {label: sum(cats.get(label, 0.0) for cats in gold) / len(gold) for label in labels}
