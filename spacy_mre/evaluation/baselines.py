"""A majority baseline: a gazetteer of entities, the usual relation of two entity types, the usual text label.

It shows how much of a score is possible without learning.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import permutations

from spacy.tokens import Doc

from ..annotations.alignment import Losses
from ..annotations.entities import DEFAULT_KEY, EntitySpan, get_entities, set_entities
from ..annotations.relations import Relation, get_arguments, get_relations, make_relation, set_relations

SOURCE = "baseline"


@dataclass
class Baseline:
    """The majority baseline. What no training document had gold for is None, and is not predicted.

    entities (dict[str, str] | None): The most frequent label of each entity text.
    relations (dict[tuple[str, str], tuple[str, float]] | None): For the entity types of head and tail, the most
        frequent relation label and the share of related pairs. Only if more than half of the pairs are related. A
        relation without direction relates both pairs of its entities.
    cats (dict[str, float] | None): The mean gold value of each text label; 1.0 for the most frequent one, which holds
        for every text.
    spans_key (str): The span group of the entities.
    symmetric (Collection[str]): Relation labels without direction, which are predicted once for two entities.
    lost (Losses): Matches of the gazetteer that are not token spans.

    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> train_doc = nlp("Ida lives in Lima")
    >>> train_doc.ents = [train_doc.char_span(13, 17, label="place")]
    >>> (doc,) = Baseline.train([train_doc]).predict([nlp("Lima is old")])
    >>> doc.ents
    (Lima,)
    """

    entities: dict[str, str] | None = None
    relations: dict[tuple[str, str], tuple[str, float]] | None = None
    cats: dict[str, float] | None = None
    spans_key: str = DEFAULT_KEY
    symmetric: Collection[str] = ()
    lost: Losses = field(default_factory=Losses)

    @classmethod
    def train(cls, docs: Iterable[Doc], *, spans_key: str = DEFAULT_KEY, symmetric: Collection[str] = ()) -> "Baseline":
        """Count the annotations of the training data.

        docs (Iterable[Doc]): Documents with gold.
        spans_key (str): The span group of the entities.
        symmetric (Collection[str]): Relation labels without direction. Default: none.
        RETURNS (Baseline): The baseline.
        """
        docs = list(docs)
        relations = _count_relations(docs, spans_key, symmetric)
        return cls(_count_entities(docs, spans_key), relations, _usual_cats(docs), spans_key, symmetric)

    def predict(self, docs: Iterable[Doc]) -> list[Doc]:
        """Annotate documents.

        docs (Iterable[Doc]): Tokenized documents.
        RETURNS (list[Doc]): The same documents.
        """
        docs = list(docs)
        lengths = sorted({len(text) for text in self.entities or ()}, reverse=True)
        for doc in docs:
            entities: list[EntitySpan] = []
            if self.entities is not None:
                entities = set_entities(doc, self._match(doc, lengths), key=self.spans_key, source=SOURCE)
            if self.relations is not None:
                set_relations(doc, self._relate(entities))
            if self.cats is not None:
                doc.cats = dict(self.cats)
        return docs

    def _relate(self, entities: list[EntitySpan]) -> Iterator[Relation]:
        rules = self.relations or {}
        undirected: set[tuple[EntitySpan, EntitySpan, str]] = set()
        for head, tail in permutations(entities, 2):
            rule = rules.get((head.label, tail.label))
            if rule is not None:
                label, score = rule
                if (tail, head, label) in undirected:
                    continue
                if label in self.symmetric:
                    undirected.add((head, tail, label))
                yield make_relation(
                    head.offsets, tail.offsets, label, head_label=head.label, tail_label=tail.label, score=score
                )

    def _match(self, doc: Doc, lengths: list[int]) -> list[EntitySpan]:
        """Find the longest entries from left to right. By characters, so that words need no spaces between them."""
        text = doc.text
        entries = self.entities or {}
        found = []
        position = 0
        while position < len(text):
            step = 1
            for length in lengths:
                end = position + length
                entry = text[position:end]
                if len(entry) < length or entry not in entries:
                    continue
                span = doc.char_span(position, end)
                if span is None:
                    context = text[max(0, position - 10) : end + 10]
                    self.lost.add("match inside of a token", f"'{entry}' in '{context}'")
                    continue
                found.append(EntitySpan(span.start, span.end, entries[entry]))
                step = length
                break
            position += step
        return found


def _count_entities(docs: list[Doc], spans_key: str) -> dict[str, str] | None:
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    has_gold = False
    for doc in docs:
        entities = get_entities(doc, spans_key)
        has_gold = has_gold or entities is not None
        for entity in entities or ():
            labels[doc[entity.start : entity.end].text][entity.label] += 1
    if not has_gold:
        return None
    return {text: counts.most_common(1)[0][0] for text, counts in labels.items()}


def _count_relations(
    docs: list[Doc], spans_key: str, symmetric: Collection[str]
) -> dict[tuple[str, str], tuple[str, float]] | None:
    n_pairs: Counter[tuple[str, str]] = Counter()
    n_related: Counter[tuple[str, str]] = Counter()
    labels: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    has_gold = False
    for doc in docs:
        entities, relations = get_entities(doc, spans_key), get_relations(doc)
        has_gold = has_gold or relations is not None
        if entities is None or relations is None:
            continue
        labels_of_pair: dict[tuple[tuple[int, int, str], tuple[int, int, str]], set[str]] = defaultdict(set)
        for relation, (head, tail) in zip(relations, get_arguments(doc, spans_key)):
            pair = head[:3], tail[:3]
            labels_of_pair[pair].add(relation["label"])
            if relation["label"] in symmetric:
                labels_of_pair[pair[::-1]].add(relation["label"])
        mentions = dict.fromkeys((entity.start, entity.end, entity.label) for entity in entities)
        for pair in permutations(mentions, 2):
            types = pair[0][2], pair[1][2]
            n_pairs[types] += 1
            n_related[types] += pair in labels_of_pair
            labels[types].update(labels_of_pair.get(pair, ()))
    if not has_gold:
        return None
    shares = {types: count / n_pairs[types] for types, count in n_related.items() if count > n_pairs[types] / 2}
    return {types: (labels[types].most_common(1)[0][0], share) for types, share in shares.items()}


def _usual_cats(docs: list[Doc]) -> dict[str, float] | None:
    gold = [doc.cats for doc in docs if doc.cats]
    if not gold:
        return None
    labels = sorted({label for cats in gold for label in cats})
    means = {label: sum(cats.get(label, 0.0) for cats in gold) / len(gold) for label in labels}
    return means | {max(means, key=means.__getitem__): 1.0}
