"""What is in a corpus? Labels, nesting, widths and distances: what a config's limits must reach."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from spacy.language import Language
from spacy.tokens import Doc

from ..annotations.entities import DEFAULT_KEY, EntitySpan, get_entities
from ..annotations.relations import get_relations


@dataclass
class Statistics:
    """Counts over a corpus.

    documents (int): Documents.
    tokens (int): Tokens.
    entities (Counter): Entities by label.
    relations (Counter): Relations by label.
    cats (Counter): Documents by text class (of a value of 0.5 or more).
    nested (int): Entities that lie inside another one, or on the same tokens with another label.
    crossing (int): Entities that overlap another one without either lying inside the other.
    widths (Counter): Entities by their width in tokens.
    distances (Counter): Relations by the number of tokens between their ends; 0 where these touch or overlap.
    related_pairs (int): Pairs of spans with a relation.
    multi_label_pairs (int): Those of them with several.
    beyond_first (int): Relations that one label per pair would lose.
    without_entities, without_relations, without_cats (int): Documents that have no such annotation; an empty one is one.
    misaligned (Counter): Entities that the tokens of another tokenizer cannot hold, by label.
    """

    documents: int = 0
    tokens: int = 0
    entities: Counter = field(default_factory=Counter)
    relations: Counter = field(default_factory=Counter)
    cats: Counter = field(default_factory=Counter)
    nested: int = 0
    crossing: int = 0
    widths: Counter = field(default_factory=Counter)
    distances: Counter = field(default_factory=Counter)
    related_pairs: int = 0
    multi_label_pairs: int = 0
    beyond_first: int = 0
    without_entities: int = 0
    without_relations: int = 0
    without_cats: int = 0
    misaligned: Counter = field(default_factory=Counter)


def get_statistics(docs: Iterable[Doc], *, span_key: str = DEFAULT_KEY, nlp: Language | None = None) -> Statistics:
    """Count over a corpus.

    docs (Iterable[Doc]): The documents.
    span_key (str): The span group that holds the entities.
    nlp (Optional[Language]): Count the entities that its tokenizer cannot represent, too.
    RETURNS (Statistics): The counts.
    """
    stats = Statistics()
    for doc in docs:
        stats.documents += 1
        stats.tokens += len(doc)
        _count_entities(doc, get_entities(doc, span_key), nlp, stats)
        _count_relations(doc, stats)
        stats.without_cats += not doc.cats
        stats.cats.update(label for label, value in doc.cats.items() if value >= 0.5)
    return stats


def reach(counts: Counter, limit: int) -> float:
    """What share of the counted lengths a limit reaches.

    counts (Counter): Counts by length.
    limit (int): The greatest length allowed.
    RETURNS (float): Between 0 and 1; 1 where there is nothing to reach.
    """
    total = sum(counts.values())
    return sum(count for length, count in counts.items() if length <= limit) / total if total else 1.0


def quantile(counts: Counter, share: float) -> int:
    """RETURNS (int): The least limit that reaches this share of the counted lengths; 0 where there are none."""
    return next((length for length in sorted(counts) if reach(counts, length) >= share), 0)


def _count_entities(doc: Doc, entities: list[EntitySpan] | None, nlp: Language | None, stats: Statistics) -> None:
    if entities is None:
        stats.without_entities += 1
        return
    stats.entities.update(entity.label for entity in entities)
    stats.widths.update(entity.end - entity.start for entity in entities)
    for i, entity in enumerate(entities):
        others = [
            other
            for j, other in enumerate(entities)
            if j != i and other.start < entity.end and entity.start < other.end
        ]
        stats.nested += any(other.start <= entity.start and entity.end <= other.end for other in others)
        stats.crossing += any(
            (other.start < entity.start) == (other.end < entity.end) and _differ(other, entity) for other in others
        )
    if nlp is not None:
        starts, ends = _borders(nlp.make_doc(doc.text))
        for entity in entities:
            span = doc[entity.start : entity.end]
            if span.start_char not in starts or span.end_char not in ends:
                stats.misaligned[entity.label] += 1


def _count_relations(doc: Doc, stats: Statistics) -> None:
    relations = get_relations(doc)
    if relations is None:
        stats.without_relations += 1
        return
    stats.relations.update(relation["label"] for relation in relations)
    pairs = Counter((*relation["head"], *relation["tail"]) for relation in relations)
    for relation in relations:
        left, right = sorted((relation["head"], relation["tail"]))
        stats.distances[max(0, right[0] - left[1])] += 1
    stats.related_pairs += len(pairs)
    stats.multi_label_pairs += sum(count > 1 for count in pairs.values())
    stats.beyond_first += sum(pairs.values()) - len(pairs)


def _differ(left: EntitySpan, right: EntitySpan) -> bool:
    return left.start != right.start and left.end != right.end


def _borders(doc: Doc) -> tuple[set[int], set[int]]:
    return {token.idx for token in doc}, {token.idx + len(token) for token in doc}
