"""Corpus statistics: labels, nesting, entity widths and relation distances. They show which limits a config needs."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from spacy.language import Language
from spacy.tokens import Doc

from ..annotations.entities import DEFAULT_KEY, EntitySpan, get_entities
from ..annotations.nesting import count_nested
from ..annotations.relations import arguments, get_relations
from ..annotations.text_labels import holding_or_highest
from .misfits import note_misfits
from .report import Report


@dataclass
class Statistics:
    """Counts over a corpus.

    documents (int): Documents.
    tokens (int): Tokens.
    entities (Counter[str]): Entities by label.
    relations (Counter[str]): Relations by label.
    cats (Counter[str]): Documents by text label, where it holds.
    nested (int): Entities that are inside another one. Of two with the same offsets one is inside the other.
    widths (Counter[int]): Entities by their number of tokens.
    distances (Counter[int]): Relations by the number of tokens between the starts of head and tail.
    related_pairs (int): Pairs of spans with at least one relation.
    multi_label_pairs (int): Pairs of spans with several relations.
    beyond_first (int): Relations that would be lost if each pair could have only one label.
    without_entities (int): Documents that are not annotated with entities. An empty annotation counts as annotated.
    without_relations (int): Documents that are not annotated with relations.
    without_cats (int): Documents that are not annotated with text labels.
    misfits (Report): Notes of entities and relations that components may not learn; see `misfits`.
    """

    documents: int = 0
    tokens: int = 0
    entities: Counter[str] = field(default_factory=Counter)
    relations: Counter[str] = field(default_factory=Counter)
    cats: Counter[str] = field(default_factory=Counter)
    nested: int = 0
    widths: Counter[int] = field(default_factory=Counter)
    distances: Counter[int] = field(default_factory=Counter)
    related_pairs: int = 0
    multi_label_pairs: int = 0
    beyond_first: int = 0
    without_entities: int = 0
    without_relations: int = 0
    without_cats: int = 0
    misfits: Report = field(default_factory=Report)


def get_statistics(
    docs: Iterable[Doc], *, spans_key: str = DEFAULT_KEY, width_limit: int = 10, nlp: Language | None = None
) -> Statistics:
    """Count the annotations of a corpus.

    docs (Iterable[Doc]): The documents.
    spans_key (str): The span group of the entities.
    width_limit (int): Note the entities that have more tokens.
    nlp (Language | None): Also note the entities that its tokenizer cannot represent.
    RETURNS (Statistics): The counts.

    >>> import spacy
    >>> doc = spacy.blank("en")("Ida lives in Lima")
    >>> doc.set_ents([doc.char_span(0, 3, label="person")])
    >>> get_statistics([doc]).entities
    Counter({'person': 1})
    """
    stats = Statistics()
    for number, doc in enumerate(docs, start=1):
        stats.documents += 1
        stats.tokens += len(doc)
        entities = get_entities(doc, spans_key)
        if entities is None:
            stats.without_entities += 1
        else:
            _count_entities(entities, stats)
        _count_relations(doc, stats)
        origin, relations = str(doc.user_data.get("id", number)), get_relations(doc)
        note_misfits(doc, origin, entities or (), relations or (), stats.misfits, width_limit=width_limit, nlp=nlp)
        stats.without_cats += not doc.cats
        stats.cats.update(holding_or_highest(doc.cats))
    return stats


def reach(counts: Counter[int], limit: int) -> float:
    """Compute the share of lengths that are within a limit.

    counts (Counter[int]): Counts by length.
    limit (int): The maximum length.
    RETURNS (float): Between 0 and 1; 1.0 if `counts` is empty.

    >>> reach(Counter({1: 8, 12: 2}), limit=10)
    0.8
    """
    total = sum(counts.values())
    return sum(count for length, count in counts.items() if length <= limit) / total if total else 1.0


def quantile(counts: Counter[int], share: float) -> int:
    """Find the smallest limit that a given share of lengths is within.

    counts (Counter[int]): Counts by length.
    share (float): Between 0 and 1.
    RETURNS (int): The limit; 0 if `counts` is empty.

    >>> quantile(Counter({1: 8, 12: 2}), share=0.9)
    12
    """
    return next((length for length in sorted(counts) if reach(counts, length) >= share), 0)


def _count_entities(entities: list[EntitySpan], stats: Statistics) -> None:
    stats.entities.update(entity.label for entity in entities)
    stats.widths.update(entity.end - entity.start for entity in entities)
    stats.nested += count_nested(entity.offsets for entity in entities)


def _count_relations(doc: Doc, stats: Statistics) -> None:
    relations = get_relations(doc)
    if relations is None:
        stats.without_relations += 1
        return
    stats.relations.update(relation["label"] for relation in relations)
    pairs = Counter(arguments(relation) for relation in relations)
    for (left, right), count in pairs.items():
        stats.distances[abs(left[0] - right[0])] += count
    stats.related_pairs += len(pairs)
    stats.multi_label_pairs += sum(count > 1 for count in pairs.values())
    stats.beyond_first += sum(pairs.values()) - len(pairs)
