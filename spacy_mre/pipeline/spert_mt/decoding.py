"""From the vectors of a batch to its entities and relations: thresholds, overlaps, candidate pairs and type
constraints."""

from collections.abc import Iterable, Iterator

import numpy
import torch
from thinc.api import xp2torch
from torch import Tensor

from ...encoders.encoder import Encoded
from ..spans.overlap import resolve_overlaps
from ..spans.pooling import context_ranges, range_max_in_chunks, to_index
from ..spans.spans import Pairs, Spans
from .candidates import allowed_types, candidate_pairs
from .heads import SpertMTHeads
from .output import SpertMTOptions, SpertMTOutput
from .probabilities import EXCLUDED, relation_probability, triple_probability

# The most pairs whose context vectors, and the most spans whose pooled vectors, are in memory at once.
PAIR_CHUNK = 16384
SPAN_CHUNK = 16384


def decode(module: SpertMTHeads, encoded: Encoded, options: SpertMTOptions) -> SpertMTOutput:
    """Find the entities and relations of a batch.

    module (SpertMTHeads): The heads, in evaluation mode.
    encoded (Encoded): The batch.
    options (SpertMTOptions): How to decode.
    RETURNS (SpertMTOutput): In host memory.
    """
    tokens, texts = xp2torch(encoded.tokens), module.with_cats(xp2torch(encoded.texts), options.cats)
    lengths, offsets = numpy.asarray(encoded.lengths), numpy.asarray(encoded.offsets)
    if options.given is None:
        entities, entity_scores = find_spans(module, tokens, texts, lengths, options)
    else:
        entities = options.given(offsets)
        # The given scores only decide which pairs come first: what is given is an entity.
        entity_scores = numpy.ones(len(entities))
    logits, pooled = module.score_spans(tokens, texts, entities)
    if options.given is None and logits.shape[1] > 1:
        entities.labels = logits[:, 1:].argmax(dim=1).cpu().numpy()
    budgets = options.pairs_per_token * lengths
    sentences = None if options.sentences is None else options.sentences[entities.starts]
    heads, tails, left_out = candidate_pairs(
        entities.starts,
        entities.texts,
        entity_scores if options.given_ranks is None else options.given_ranks,
        budgets,
        sentences=sentences,
        scope=options.scope,
        max_distance=options.max_distance,
    )
    allowed = _allowed_types(options)
    pairs, backwards = _possible_pairs(entities, Pairs(heads, tails), *allowed)
    arguments = module.score_arguments(tokens, texts, entities, pooled, logits) if len(pairs) else None
    rows, labels, scores = _score_pairs(
        module, tokens, entities, entity_scores, arguments, pairs, backwards, *allowed, options.relation_threshold
    )
    first = offsets[entities.texts]
    local = Spans(entities.starts - first, entities.ends - first, entities.texts, entities.labels)
    related = Pairs(pairs.heads[rows], pairs.tails[rows])
    return SpertMTOutput(local, entity_scores, related, labels, scores, left_out, numpy.asarray(encoded.cut))


def find_spans(
    module: SpertMTHeads, tokens: Tensor, texts: Tensor, lengths: numpy.ndarray, options: SpertMTOptions
) -> tuple[Spans, numpy.ndarray]:
    """The spans that are entities by threshold and overlap policy.

    module (SpertMTHeads): The heads.
    tokens (Tensor): Total tokens x width.
    texts (Tensor): Texts x text width.
    lengths (numpy.ndarray): Tokens per text.
    options (SpertMTOptions): How to decode.
    RETURNS (tuple[Spans, numpy.ndarray]): Spans with labels not yet set (-1) and their scores, sorted by text, start
        and then longer first.
    """
    scores = module.score_all(tokens, texts, lengths, options.share_drawn).cpu().numpy()
    widths, starts = numpy.nonzero(scores >= options.entity_threshold)
    ends, scores = starts + widths + 1, scores[widths, starts]
    text_ids = numpy.repeat(numpy.arange(len(lengths)), lengths)
    spans = Spans(starts, ends, text_ids[starts], numpy.full(len(starts), -1))
    labels = _best_labels(module, tokens, texts, spans) if options.overlap == "flat_by_label" else spans.labels
    kept = numpy.flatnonzero(resolve_overlaps(starts, ends, labels, scores, options.overlap))
    kept = kept[numpy.lexsort((-ends[kept], starts[kept]))]
    return spans[kept], scores[kept]


def _best_labels(module: SpertMTHeads, tokens: Tensor, texts: Tensor, spans: Spans) -> numpy.ndarray:
    """The label of each span with the highest logit; 0 if there are no labels."""
    found = [numpy.zeros(0, dtype=numpy.int64)]
    for begin in range(0, len(spans), SPAN_CHUNK):
        chunk = spans[begin : begin + SPAN_CHUNK]
        logits, _ = module.score_spans(tokens, texts, chunk)
        has_labels = logits.shape[1] > 1
        found.append(logits[:, 1:].argmax(dim=1).cpu().numpy() if has_labels else numpy.zeros(len(chunk), dtype=int))
    return numpy.concatenate(found)


def _possible_pairs(
    entities: Spans, pairs: Pairs, types: numpy.ndarray, is_symmetric: numpy.ndarray
) -> tuple[Pairs, numpy.ndarray]:
    """The pairs that some label may join, and whether each has its later mention as head."""
    order = numpy.lexsort((entities.ends, entities.starts)).argsort()
    backwards: numpy.ndarray = order[pairs.heads] > order[pairs.tails]
    # Given entities may have the same offsets. Nothing is related to itself.
    possible: numpy.ndarray = entities.starts[pairs.heads] != entities.starts[pairs.tails]
    possible |= entities.ends[pairs.heads] != entities.ends[pairs.tails]
    directed = numpy.asarray(types[:, :, ~is_symmetric].any(axis=2))
    symmetric = numpy.asarray(types[:, :, is_symmetric].any(axis=2))
    # The label -1 reads the last row, that of unknown types.
    by_type = entities.labels[pairs.heads], entities.labels[pairs.tails]
    possible &= directed[by_type] | (symmetric[by_type] & ~backwards)
    return Pairs(pairs.heads[possible], pairs.tails[possible]), backwards[possible]


def _score_pairs(
    module: SpertMTHeads,
    tokens: Tensor,
    entities: Spans,
    entity_scores: numpy.ndarray,
    arguments: tuple[Tensor, Tensor] | None,
    pairs: Pairs,
    backwards: numpy.ndarray,
    types: numpy.ndarray,
    is_symmetric: numpy.ndarray,
    threshold: float,
) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """The relations above the threshold, in the order of the pairs: index of the pair, label, score."""
    found: list[tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]] = []
    if arguments is not None:
        probabilities = torch.as_tensor(entity_scores, dtype=tokens.dtype, device=tokens.device)
        ranges = context_ranges(entities.starts, entities.ends, pairs.heads, pairs.tails)
        for rows, contexts in _merge_small(range_max_in_chunks(tokens, *ranges, PAIR_CHUNK), PAIR_CHUNK):
            heads, tails = pairs.heads[rows], pairs.tails[rows]
            allowed = torch.as_tensor(types[entities.labels[heads], entities.labels[tails]], device=tokens.device)
            heads, tails = to_index(heads, tokens), to_index(tails, tokens)
            logits = module.add_product(arguments[0].index_select(0, heads), arguments[1].index_select(0, tails))
            relations = relation_probability(module.score_contexts(contexts) + logits, allowed, module.preset)
            triples = triple_probability(relations, probabilities[heads], probabilities[tails], module.preset)
            scores = triples.cpu().numpy()
            # A symmetric relation is stored with the earlier mention as head. The mirrored label is removed only now:
            # it must win its pair, or the second best would replace it.
            scores[backwards[rows][:, None] & is_symmetric] = EXCLUDED
            chosen, labels = numpy.nonzero(scores >= threshold)
            found.append((rows[chosen], labels, scores[chosen, labels]))
    none = numpy.zeros(0, dtype=numpy.int64)
    rows, labels, scores = (numpy.concatenate(parts) for parts in zip((none, none, numpy.zeros(0)), *found))
    order = numpy.lexsort((labels, rows))
    return rows[order], labels[order], scores[order]


def _merge_small(chunks: Iterable[tuple[numpy.ndarray, Tensor]], size: int) -> Iterator[tuple[numpy.ndarray, Tensor]]:
    """Merge chunks up to a size: a short text has few pairs of each length, and every pass has a fixed cost."""
    waiting: list[tuple[numpy.ndarray, Tensor]] = []
    for chunk in chunks:
        if waiting and sum(len(rows) for rows, _ in waiting) + len(chunk[0]) > size:
            yield _concatenate(waiting)
            waiting = []
        waiting.append(chunk)
    if waiting:
        yield _concatenate(waiting)


def _concatenate(chunks: list[tuple[numpy.ndarray, Tensor]]) -> tuple[numpy.ndarray, Tensor]:
    if len(chunks) == 1:
        return chunks[0]
    return numpy.concatenate([rows for rows, _ in chunks]), torch.cat([vectors for _, vectors in chunks])


def _allowed_types(options: SpertMTOptions) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Which relation labels each pair of types may have (bool, types x types x labels), and which labels are
    symmetric (bool)."""
    types = allowed_types(options.constraints, options.relation_labels, options.entity_labels)
    symmetric = numpy.array([label in options.symmetric for label in options.relation_labels], dtype=bool)
    types[:, :, symmetric] |= types.swapaxes(0, 1)[:, :, symmetric]
    return types, symmetric
