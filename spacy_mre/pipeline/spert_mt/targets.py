"""From gold to arrays: the spans and pairs of a batch that are scored in training, and their labels."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy

from ...annotations.alignment import Gold, Losses
from ...annotations.entities import EntitySpan, Offsets
from ..spans.spans import Pairs, Spans

ALL = -1
BEYOND_SCOPE = "relation across more sentences than the scope"


@dataclass
class Targets:
    """What a batch is trained on.

    spans (Spans): The entities and the sampled negative spans.
    ious (numpy.ndarray): For a negative span its largest token IoU with a gold entity, of any width; 0 for entities.
        Shape (spans,).
    mentions (Spans): The mentions that relations join.
    pairs (Pairs): The related pairs and the sampled unrelated ones.
    relations (numpy.ndarray): True where a label holds, shape (pairs, relation labels).
    lost (Losses): Gold that is not learned, or that will not be predicted.
    cats (Optional[numpy.ndarray]): The text labels of each text, if the model reads them; shape (texts, text labels).
    """

    spans: Spans
    ious: numpy.ndarray
    mentions: Spans
    pairs: Pairs
    relations: numpy.ndarray
    lost: Losses = field(default_factory=Losses)
    cats: numpy.ndarray | None = None


@dataclass
class Sampler:
    """Draws negatives with its own random generator.

    negatives (int): Negative spans per text, and unrelated pairs per text; as many pairs for each two neighbouring
        texts, if there is a scope above 0; -1 for all.
    max_width (int): The widest span in tokens.
    generator (numpy.random.Generator): Seeded by the component.
    """

    negatives: int
    max_width: int
    generator: numpy.random.Generator

    def make_targets(
        self,
        golds: Sequence[Gold],
        lengths: numpy.ndarray,
        entity_ids: dict[str, int],
        relation_ids: dict[str, int],
        *,
        symmetric: Sequence[str] = (),
        given: Sequence[Sequence[EntitySpan]] | None = None,
        sentences: Sequence[numpy.ndarray] | None = None,
        scope: int = 0,
    ) -> Targets:
        """Make the targets of a batch.

        golds (Sequence[Gold]): The aligned gold of each text.
        lengths (numpy.ndarray): Tokens per text.
        entity_ids (dict[str, int]): The index of each entity label.
        relation_ids (dict[str, int]): The index of each relation label.
        symmetric (Sequence[str]): Relation labels without direction: they hold for the reverse pair too.
        given (Optional[Sequence[Sequence[EntitySpan]]]): Further mentions of each text, which add unrelated pairs.
        sentences (Optional[Sequence[numpy.ndarray]]): The number of the sentence of each token, if relations have a
            scope: unrelated pairs are drawn from those that prediction may relate.
        scope (int): The most sentences between two related mentions.
        RETURNS (Targets): Texts without gold for entities add no spans, texts without gold for relations no pairs.
        """
        offsets = numpy.cumsum(lengths) - lengths
        lost = Losses()
        entities: list[list[EntitySpan]] = []
        negatives: list[tuple[numpy.ndarray, numpy.ndarray]] = []
        mentions: list[list[EntitySpan]] = []
        for i, gold in enumerate(golds):
            lost.update(gold.lost)
            entities.append(self._learnable(gold.entities, entity_ids, lost))
            negatives.append(self._negative_spans(gold, int(lengths[i])))
            known = {mention.offsets for mention in gold.mentions}
            extra = [mention for mention in (given[i] if given else ()) if mention.offsets not in known]
            mentions.append([*gold.mentions, *extra])
        positives = Spans.of(entities, offsets, entity_ids)
        spans, ious = _with_negatives(positives, [gold.entities for gold in golds], negatives, offsets)
        in_scope = [_in_scope(mentions[i], sentences[i] if sentences else None, scope) for i in range(len(golds))]
        pairs, relations = self._pairs(golds, mentions, in_scope, relation_ids, frozenset(symmetric), lost)
        if sentences is not None and scope:
            pairs, relations = self._with_pairs_across_texts(pairs, relations, golds, mentions, sentences, scope)
        return Targets(spans, ious, Spans.of(mentions, offsets, entity_ids), pairs, relations, lost)

    def _learnable(self, entities: Sequence[EntitySpan], entity_ids: dict[str, int], lost: Losses) -> list[EntitySpan]:
        """The entities that the model could predict."""
        learnable = []
        for entity in entities:
            width = entity.end - entity.start
            if entity.label not in entity_ids:
                lost.add_unseen("entity", entity.label, f"tokens {entity.start} to {entity.end}")
            elif width > self.max_width:
                lost.add(f"entity wider than {self.max_width} tokens", f"{entity.label}, {width} tokens")
            else:
                learnable.append(entity)
        return learnable

    def _negative_spans(self, gold: Gold, length: int) -> tuple[numpy.ndarray, numpy.ndarray]:
        """Start and end of the sampled spans that are no entity."""
        if gold.n_entities is None:
            return numpy.zeros(0, dtype=numpy.int64), numpy.zeros(0, dtype=numpy.int64)
        starts, widths = numpy.meshgrid(numpy.arange(length), numpy.arange(1, self.max_width + 1), indexing="ij")
        allowed = starts + widths <= length
        taken = numpy.array([entity.offsets for entity in gold.entities], dtype=numpy.int64).reshape(-1, 2)
        taken_starts, taken_widths = taken[:, 0], taken[:, 1] - taken[:, 0]
        fits = taken_widths <= self.max_width
        allowed[taken_starts[fits], taken_widths[fits] - 1] = False
        starts, widths = starts[allowed], widths[allowed]
        chosen = self._choose(len(starts))
        return starts[chosen], starts[chosen] + widths[chosen]

    def _pairs(
        self,
        golds: Sequence[Gold],
        mentions: Sequence[Sequence[EntitySpan]],
        in_scope: Sequence[numpy.ndarray],
        relation_ids: dict[str, int],
        symmetric: frozenset[str],
        lost: Losses,
    ) -> tuple[Pairs, numpy.ndarray]:
        """The related pairs and the sampled unrelated ones, and their labels."""
        heads, tails, labels = [], [], []
        first = 0
        for gold, text_mentions, text_in_scope in zip(golds, mentions, in_scope):
            count = len(text_mentions)
            if gold.relations is not None and count > 1:
                matrix = numpy.zeros((count, count, len(relation_ids)), dtype=bool)
                free = text_in_scope & ~numpy.eye(count, dtype=bool)
                for head, tail, label in gold.relations:
                    if label not in relation_ids:
                        lost.add_unseen("relation", label, f"mentions {head} and {tail}")
                        free[head, tail] = False
                        continue
                    if not text_in_scope[head, tail]:
                        lost.add(BEYOND_SCOPE, label)
                    matrix[head, tail, relation_ids[label]] = True
                    if label in symmetric:
                        matrix[tail, head, relation_ids[label]] = True
                related = matrix.any(axis=2)
                unrelated = numpy.argwhere(free & ~_at_same_offsets(text_mentions, numpy.asarray(related)))
                chosen = unrelated[self._choose(len(unrelated))]
                pairs = numpy.concatenate([numpy.argwhere(related), chosen])
                heads.append(pairs[:, 0] + first)
                tails.append(pairs[:, 1] + first)
                labels.append(matrix[pairs[:, 0], pairs[:, 1]])
            first += count
        none = numpy.zeros(0, dtype=numpy.int64)
        no_labels = numpy.zeros((0, len(relation_ids)), dtype=bool)
        all_pairs = Pairs(numpy.concatenate([*heads, none]), numpy.concatenate([*tails, none]))
        return all_pairs, numpy.concatenate([*labels, no_labels])

    def _with_pairs_across_texts(
        self,
        pairs: Pairs,
        relations: numpy.ndarray,
        golds: Sequence[Gold],
        mentions: Sequence[Sequence[EntitySpan]],
        sentences: Sequence[numpy.ndarray],
        scope: int,
    ) -> tuple[Pairs, numpy.ndarray]:
        """Add unrelated pairs of neighbouring texts, as if these were one document. Documents have far more pairs
        across sentences than texts of one or two sentences, and most of them are unrelated."""
        heads, tails = [pairs.heads], [pairs.tails]
        first = numpy.cumsum([0, *map(len, mentions)])
        for i, (gold, next_gold) in enumerate(pairwise(golds)):
            if gold.relations is None or next_gold.relations is None or not mentions[i] or not mentions[i + 1]:
                continue
            before = sentences[i][-1] - sentences[i][[mention.start for mention in mentions[i]]]
            after = sentences[i + 1][[mention.start for mention in mentions[i + 1]]]
            one, other = numpy.nonzero(before[:, None] + after + 1 <= scope)
            some_heads = numpy.concatenate([one + first[i], other + first[i + 1]])
            some_tails = numpy.concatenate([other + first[i + 1], one + first[i]])
            chosen = self._choose(len(some_heads))
            heads.append(some_heads[chosen])
            tails.append(some_tails[chosen])
        added = sum(map(len, heads[1:]))
        unrelated = numpy.zeros((added, relations.shape[1]), dtype=bool)
        return Pairs(numpy.concatenate(heads), numpy.concatenate(tails)), numpy.concatenate([relations, unrelated])

    def _choose(self, available: int) -> numpy.ndarray:
        if self.negatives == ALL or available <= self.negatives:
            return numpy.arange(available)
        return self.generator.choice(available, size=self.negatives, replace=False)


def _in_scope(mentions: Sequence[EntitySpan], sentences: numpy.ndarray | None, scope: int) -> numpy.ndarray:
    """Which pairs of mentions are in the same sentence, or at most some sentences apart."""
    if sentences is None:
        return numpy.ones((len(mentions), len(mentions)), dtype=bool)
    numbers = sentences[[mention.start for mention in mentions]]
    return numpy.asarray(abs(numbers[:, None] - numbers) <= scope)


def _at_same_offsets(mentions: Sequence[EntitySpan], related: numpy.ndarray) -> numpy.ndarray:
    """Which pairs have the offsets of a related pair: an entity with two labels is two mentions of the same words."""
    ids: dict[Offsets, int] = {}
    spans = numpy.array([ids.setdefault(mention.offsets, len(ids)) for mention in mentions])
    by_span = numpy.zeros((len(ids), len(ids)), dtype=bool)
    heads, tails = numpy.nonzero(related)
    by_span[spans[heads], spans[tails]] = True
    return by_span[numpy.ix_(spans, spans)]


def token_iou(starts: numpy.ndarray, ends: numpy.ndarray, entities: Sequence[EntitySpan]) -> numpy.ndarray:
    """The largest token IoU of each span with any of some entities (SpERT.MT; the formula is reconstructed).

    starts (numpy.ndarray): First tokens, shape (spans,).
    ends (numpy.ndarray): Tokens after the last, shape (spans,).
    entities (Sequence[EntitySpan]): The entities.
    RETURNS (numpy.ndarray): Shape (spans,); 0 where nothing overlaps.
    """
    if not entities or not len(starts):
        return numpy.zeros(len(starts))
    other_starts, other_ends = numpy.array([entity[:2] for entity in entities]).T
    overlap = numpy.minimum(ends[:, None], other_ends) - numpy.maximum(starts[:, None], other_starts)
    union = numpy.maximum(ends[:, None], other_ends) - numpy.minimum(starts[:, None], other_starts)
    return (numpy.maximum(overlap, 0) / union).max(axis=1)


def _with_negatives(
    positives: Spans,
    entities: Sequence[Sequence[EntitySpan]],
    negatives: Sequence[tuple[numpy.ndarray, numpy.ndarray]],
    offsets: numpy.ndarray,
) -> tuple[Spans, numpy.ndarray]:
    """The entities and the negative spans of all texts, and the IoU of each."""
    counts = [len(starts) for starts, _ in negatives]
    texts = numpy.repeat(numpy.arange(len(negatives)), counts)
    first = offsets[texts] if len(texts) else numpy.zeros(0, dtype=numpy.int64)
    none = numpy.zeros(0, dtype=numpy.int64)
    starts = numpy.concatenate([*(starts for starts, _ in negatives), none]) + first
    ends = numpy.concatenate([*(ends for _, ends in negatives), none]) + first
    ious = [token_iou(*spans, text_entities) for spans, text_entities in zip(negatives, entities)]
    spans = Spans(
        numpy.concatenate([positives.starts, starts]),
        numpy.concatenate([positives.ends, ends]),
        numpy.concatenate([positives.texts, texts]),
        numpy.concatenate([positives.labels, numpy.full(len(starts), -1)]),
    )
    return spans, numpy.concatenate([numpy.zeros(len(positives)), *ious])
