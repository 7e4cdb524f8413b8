"""Gold -> arrays: which spans and pairs of a batch are scored in training, and what is right about them. Shared by the span models."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy

from ...annotations.alignment import Gold, Losses
from ...annotations.entities import EntitySpan
from ..spans.spans import Pairs, Spans

ALL = -1


@dataclass
class Targets:
    """What a batch of a span model is trained on.

    spans (Spans): The entities and the sampled negative spans.
    ious (numpy.ndarray): For a negative span its largest token IoU with an entity, 0 for entities; shape (spans,).
    mentions (Spans): What relations are between.
    pairs (Pairs): The related pairs and the sampled unrelated ones.
    relations (numpy.ndarray): True where a label holds, shape (pairs, relation labels).
    lost (Losses): Gold that the model cannot learn from.
    smoothed (Optional[numpy.ndarray]): How much of an entity each span is, see `smooth_boundaries`, shape (spans,); None where it is one or none.
    cats (Optional[numpy.ndarray]): The text labels of each text, where the model sees them; shape (texts, text labels).
    """

    spans: Spans
    ious: numpy.ndarray
    mentions: Spans
    pairs: Pairs
    relations: numpy.ndarray
    lost: Losses = field(default_factory=Losses)
    smoothed: numpy.ndarray | None = None
    cats: numpy.ndarray | None = None


@dataclass
class Sampler:
    """Draws negatives with a random generator of its own.

    entity_negatives (int): Negative spans per text, -1 for all.
    relation_negatives (int): Unrelated pairs per text, -1 for all.
    max_width (int): The widest span in tokens.
    generator (numpy.random.Generator): Seeded by the component.
    boundary_smoothing (float): What of an entity its neighbouring spans share, see `smooth_boundaries`; 0 for nothing.
    """

    entity_negatives: int
    relation_negatives: int
    max_width: int
    generator: numpy.random.Generator
    boundary_smoothing: float = 0.0

    def make_targets(
        self,
        golds: Sequence[Gold],
        lengths: numpy.ndarray,
        entity_ids: dict[str, int],
        relation_ids: dict[str, int],
        *,
        symmetric: Sequence[str] = (),
        proposals: Sequence[Sequence[EntitySpan]] | None = None,
    ) -> Targets:
        """Make the targets of a batch.

        golds (Sequence[Gold]): The aligned gold of each text.
        lengths (numpy.ndarray): Tokens per text.
        entity_ids (Dict[str, int]): The place of each entity label.
        relation_ids (Dict[str, int]): The place of each relation label.
        symmetric (Sequence[str]): Relation labels without direction: they hold for the reverse pair too.
        proposals (Optional[Sequence[Sequence[EntitySpan]]]): Further mentions of each text, predicted or given; they join the unrelated pairs.
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
            extra = [
                mention
                for mention in (proposals[i] if proposals else ())
                if mention[:2] not in {m[:2] for m in gold.mentions}
            ]
            mentions.append([*gold.mentions, *extra])
        positives = Spans.of(entities, offsets, entity_ids)
        spans, ious = _with_negatives(positives, entities, negatives, offsets)
        smoothed = None
        if self.boundary_smoothing:
            smoothed = smooth_boundaries(
                spans, offsets, lengths, max_width=self.max_width, epsilon=self.boundary_smoothing
            )
        all_mentions = Spans.of(mentions, offsets, entity_ids)
        pairs, relations = self._pairs(golds, mentions, relation_ids, frozenset(symmetric), lost)
        return Targets(spans, ious, all_mentions, pairs, relations, lost, smoothed)

    def _learnable(self, entities: Sequence[EntitySpan], entity_ids: dict[str, int], lost: Losses) -> list[EntitySpan]:
        """The entities that the model could predict."""
        learnable = []
        for mention in entities:
            if mention[2] not in entity_ids:
                lost.add("entity label unseen at initialisation", mention[2])
            elif mention[1] - mention[0] > self.max_width:
                lost.add(
                    f"entity wider than {self.max_width} tokens", f"{mention[2]}, {mention[1] - mention[0]} tokens"
                )
            else:
                learnable.append(mention)
        return learnable

    def _negative_spans(self, gold: Gold, length: int) -> tuple[numpy.ndarray, numpy.ndarray]:
        """Start and end of the sampled spans that are no entity."""
        if gold.n_entities is None:
            return numpy.zeros(0, dtype=numpy.int64), numpy.zeros(0, dtype=numpy.int64)
        starts, widths = numpy.meshgrid(numpy.arange(length), numpy.arange(1, self.max_width + 1), indexing="ij")
        allowed = starts + widths <= length
        for start, end, _, _ in gold.entities:
            if end - start <= self.max_width:
                allowed[start, end - start - 1] = False
        starts, widths = starts[allowed], widths[allowed]
        chosen = self._choose(len(starts), self.entity_negatives)
        return starts[chosen], starts[chosen] + widths[chosen]

    def _pairs(
        self,
        golds: Sequence[Gold],
        mentions: Sequence[Sequence[EntitySpan]],
        relation_ids: dict[str, int],
        symmetric: frozenset,
        lost: Losses,
    ) -> tuple[Pairs, numpy.ndarray]:
        heads, tails, labels = [], [], []
        first = 0
        for gold, of_text in zip(golds, mentions):
            if gold.relations is not None and len(of_text) > 1:
                matrix = numpy.zeros((len(of_text), len(of_text), len(relation_ids)), dtype=bool)
                free = ~numpy.eye(len(of_text), dtype=bool)
                for head, tail, label in gold.relations:
                    if label not in relation_ids:
                        lost.add("relation label unseen at initialisation", label)
                        free[head, tail] = False
                        continue
                    matrix[head, tail, relation_ids[label]] = True
                    if label in symmetric:
                        matrix[tail, head, relation_ids[label]] = True
                related = matrix.any(axis=2)
                unrelated = numpy.argwhere(free & ~related)
                chosen = unrelated[self._choose(len(unrelated), self.relation_negatives)]
                both = numpy.concatenate([numpy.argwhere(related), chosen])
                heads.append(both[:, 0] + first)
                tails.append(both[:, 1] + first)
                labels.append(matrix[both[:, 0], both[:, 1]])
            first += len(of_text)
        none = numpy.zeros(0, dtype=numpy.int64)
        pairs = Pairs(numpy.concatenate([*heads, none]), numpy.concatenate([*tails, none]))
        return pairs, numpy.concatenate([*labels, numpy.zeros((0, len(relation_ids)), dtype=bool)])

    def _choose(self, available: int, wanted: int) -> numpy.ndarray:
        if wanted == ALL or available <= wanted:
            return numpy.arange(available)
        return self.generator.choice(available, size=wanted, replace=False)


def token_iou(starts: numpy.ndarray, ends: numpy.ndarray, others: Sequence[EntitySpan]) -> numpy.ndarray:
    """The largest token IoU of each span with any of some others (SpERT.MT; the formula is reconstructed).

    starts (numpy.ndarray): First tokens, shape (spans,).
    ends (numpy.ndarray): Tokens after the last, shape (spans,).
    others (Sequence[EntitySpan]): Start, end and label.
    RETURNS (numpy.ndarray): Shape (spans,); 0 where nothing overlaps.
    """
    if not others or not len(starts):
        return numpy.zeros(len(starts))
    other_starts, other_ends = numpy.array([other[:2] for other in others]).T
    overlap = numpy.minimum(ends[:, None], other_ends) - numpy.maximum(starts[:, None], other_starts)
    union = numpy.maximum(ends[:, None], other_ends) - numpy.minimum(starts[:, None], other_starts)
    return (numpy.maximum(overlap, 0) / union).max(axis=1)


def smooth_boundaries(
    spans: Spans, offsets: numpy.ndarray, lengths: numpy.ndarray, *, max_width: int, epsilon: float
) -> numpy.ndarray:
    """How much of an entity each span is (boundary smoothing, Zhu & Li 2022, section 2.2, with D = 1): an entity gives a part of itself to the four spans
    of which one border lies one token off. What would go to a span that cannot be (empty, beyond the text, wider than the limit) stays with
    the entity, and a span that several entities give to has the sum (both as in the authors' code, eznlp), at most 1.

    spans (Spans): The entities (labels from 0) and other spans.
    offsets, lengths (numpy.ndarray): The first row and the tokens of each text, shape (texts,).
    max_width (int): The widest span in tokens.
    epsilon (float): What an entity gives away in all.
    RETURNS (numpy.ndarray): From 0 to 1, shape (spans,).
    """
    size = int(lengths.sum()) + 2  # a border may lie one before and one after
    place = (spans.starts + 1) * size + spans.ends
    is_entity = spans.labels >= 0
    entities = numpy.unique(place[is_entity])
    first, last = offsets[spans.texts], offsets[spans.texts] + lengths[spans.texts]
    given, received = numpy.zeros(len(spans)), numpy.zeros(len(spans))
    for start, end in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        starts, ends = spans.starts + start, spans.ends + end
        given += (starts >= first) & (ends <= last) & (ends > starts) & (ends - starts <= max_width)
        # It lies in the same text: it shares one of its borders, and some token, with the span.
        received += numpy.isin((starts + 1) * size + ends, entities)
    return numpy.minimum(is_entity * (1 - epsilon / 4 * given) + epsilon / 4 * received, 1.0)


def _with_negatives(
    positives: Spans,
    entities: Sequence[Sequence[EntitySpan]],
    negatives: Sequence[tuple[numpy.ndarray, numpy.ndarray]],
    offsets: numpy.ndarray,
) -> tuple[Spans, numpy.ndarray]:
    counts = [len(starts) for starts, _ in negatives]
    texts = numpy.repeat(numpy.arange(len(negatives)), counts)
    first = offsets[texts] if len(texts) else numpy.zeros(0, dtype=numpy.int64)
    none = numpy.zeros(0, dtype=numpy.int64)
    starts = numpy.concatenate([*(starts for starts, _ in negatives), none]) + first
    ends = numpy.concatenate([*(ends for _, ends in negatives), none]) + first
    ious = [token_iou(*spans, of_text) for spans, of_text in zip(negatives, entities)]
    spans = Spans(
        numpy.concatenate([positives.starts, starts]),
        numpy.concatenate([positives.ends, ends]),
        numpy.concatenate([positives.texts, texts]),
        numpy.concatenate([positives.labels, numpy.full(len(starts), -1)]),
    )
    return spans, numpy.concatenate([numpy.zeros(len(positives)), *ious])
