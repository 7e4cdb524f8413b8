"""From the scores of a batch to entities and relations: thresholds, overlaps, candidate pairs, type constraints."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy
import torch
from thinc.api import xp2torch
from torch import Tensor

from ...arrays import expand_ranges
from ...encoders.encoder import Encoded
from ..spans.overlap import resolve_overlaps
from ..spans.pooling import to_index
from ..spans.spans import Pairs, Spans
from .heads import SpertMTHeads
from .joint_decoding import CANDIDATES_FROM, choose, rescore


def candidate_pairs(
    starts: numpy.ndarray, texts: numpy.ndarray, scores: numpy.ndarray, budgets: numpy.ndarray, *, max_distance: int = 0
) -> tuple[numpy.ndarray, numpy.ndarray, dict[str, int]]:
    """All ordered pairs of spans of the same text, within a distance and a budget.

    starts, texts, scores (numpy.ndarray): The spans, sorted by text and then start; shape (spans,).
    budgets (numpy.ndarray): How many pairs each text may have: of more, those with the highest product of scores stay; of more than four
        times as many, the lower-scored spans go first, by halves, and fewer than the budget may be left. Shape (texts,).
    max_distance (int): At most so many tokens between the starts of the two; 0 for no limit.
    RETURNS (Tuple[numpy.ndarray, numpy.ndarray, Dict[str, int]]): Heads and tails, as places among the spans, and how many pairs were left
        out by which limit ("distance", "budget").
    """
    left_out = {"distance": 0, "budget": 0}
    heads: list[numpy.ndarray] = []
    tails: list[numpy.ndarray] = []
    borders = (
        numpy.flatnonzero(numpy.diff(texts, prepend=-1, append=-1)) if len(texts) else numpy.zeros(1, dtype=numpy.int64)
    )
    for begin, end in zip(borders[:-1], borders[1:]):
        kept, first, counts = numpy.arange(begin, end), *_reach(starts[begin:end], max_distance)
        left_out["distance"] += (end - begin) * (end - begin - 1) - 2 * int(counts.sum())
        total = 2 * int(counts.sum())
        budget = int(budgets[texts[begin]])
        while (
            2 * int(counts.sum()) > 4 * budget and len(kept) > 1
        ):  # never enumerate many times the budget: halve the spans first
            best = numpy.argsort(-scores[kept], kind="stable")[: len(kept) // 2]
            kept = kept[numpy.sort(best)]
            first, counts = _reach(starts[kept], max_distance)
        one = kept[numpy.repeat(numpy.arange(len(kept)), counts)]
        other = kept[expand_ranges(first, counts)]
        of_text = numpy.concatenate([one, other]), numpy.concatenate([other, one])
        if total > budget:
            best = numpy.argsort(-(scores[of_text[0]] * scores[of_text[1]]), kind="stable")[:budget]
            of_text = of_text[0][best], of_text[1][best]
            left_out["budget"] += total - len(best)
        heads.append(of_text[0])
        tails.append(of_text[1])
    none = numpy.zeros(0, dtype=numpy.int64)
    return numpy.concatenate([*heads, none]), numpy.concatenate([*tails, none]), left_out


def _reach(starts: numpy.ndarray, max_distance: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    """For each of some sorted starts: the place of the next, and how many later ones lie within the distance."""
    first = numpy.arange(1, len(starts) + 1)
    if not max_distance:
        return first, len(starts) - first
    return first, numpy.searchsorted(starts, starts + max_distance, side="right") - first


def allowed_types(
    constraints: dict[str, Sequence[Sequence[str]]], relation_labels: Sequence[str], entity_labels: Sequence[str]
) -> numpy.ndarray:
    """Which head and tail types each relation label may join.

    constraints (Dict[str, Sequence[Sequence[str]]]): Allowed (head type, tail type) of each relation label; a label that is not named may join any.
    relation_labels (Sequence[str]): R labels.
    entity_labels (Sequence[str]): E labels.
    RETURNS (numpy.ndarray): bool, shape (E + 1, E + 1, R); the last row and column stand for types that the model does not know, which
        no constraint speaks of.
    """
    size = len(entity_labels)
    places = {label: i for i, label in enumerate(entity_labels)}
    allowed = numpy.ones((size + 1, size + 1, len(relation_labels)), dtype=bool)
    for r, label in enumerate(relation_labels):
        if label in constraints:
            allowed[:size, :size, r] = False
            for head, tail in constraints[label]:
                if head in places and tail in places:
                    allowed[places[head], places[tail], r] = True
    return allowed


# So many pairs at once have their context vectors in memory.
PAIR_CHUNK = 16384


@dataclass
class Request:
    """How a batch is to be decoded, read from the component's settings at prediction time.

    given (Optional[Spans]): The entities, where they are not to be predicted; sorted by text and start.
    cats (Optional[numpy.ndarray]): The text labels of each text, where the model sees them; shape (texts, text labels).
    share_drawn (float): The share of all negative spans that the model was trained on.
    joint (bool): Entities are decided together with their relations, see `joint_decoding`.
    """

    entity_labels: Sequence[str]
    relation_labels: Sequence[str]
    entity_threshold: float
    relation_threshold: float
    overlap: str
    pairs_per_token: int
    max_distance: int
    symmetric: Sequence[str]
    constraints: dict[str, Sequence[Sequence[str]]]
    given: Callable[[numpy.ndarray], Spans] | None = None
    cats: numpy.ndarray | None = None
    share_drawn: float = 1.0
    joint: bool = False


@dataclass
class Found:
    """What was found in a batch, as host arrays.

    entities (Spans): Token offsets within their own texts.
    entity_scores (numpy.ndarray): Shape (entities,).
    pairs (Pairs): One row per relation: several labels of a pair stand in several rows.
    labels (numpy.ndarray): Relation label of each row.
    scores (numpy.ndarray): Shape (relations,).
    left_out (Dict[str, int]): Pairs that were not looked at, by reason.
    cut (numpy.ndarray): Tokens that the encoder did not see, per text.
    """

    entities: Spans
    entity_scores: numpy.ndarray
    pairs: Pairs
    labels: numpy.ndarray
    scores: numpy.ndarray
    left_out: dict[str, int]
    cut: numpy.ndarray


def find(module: SpertMTHeads, encoded: Encoded, request: Request) -> Found:
    """Find the entities and relations of a batch.

    module (SpertMTHeads): The heads.
    encoded (Encoded): The batch.
    request (Request): How to decode.
    RETURNS (Found): In host memory.
    """
    tokens, texts = xp2torch(encoded.tokens), module.with_cats(xp2torch(encoded.texts), request.cats)
    offsets = encoded.offsets
    if request.given is not None:
        entities = request.given(offsets)
        logits, pooled = module.score_spans(tokens, texts, entities)
        scores = numpy.ones(len(entities))
    else:
        entities, scores = find_spans(module, encoded, _for_candidates(request) if request.joint else request)
        logits, pooled = module.score_spans(tokens, texts, entities)
        if logits.shape[1] > 1:
            entities.labels = logits[:, 1:].argmax(dim=1).cpu().numpy()
    budgets = request.pairs_per_token * encoded.lengths
    heads, tails, left_out = candidate_pairs(
        entities.starts, entities.texts, scores, budgets, max_distance=request.max_distance
    )
    relations = _find_relations(module, tokens, texts, entities, scores, pooled, logits, Pairs(heads, tails), request)
    pairs = relations.pairs
    if request.joint and request.given is None:
        scores = rescore(scores, pairs, relations.alone)
        stays, holds = choose(entities, scores, pairs, threshold=request.entity_threshold, overlap=request.overlap)
        entities, scores = (
            Spans(entities.starts[stays], entities.ends[stays], entities.texts[stays], entities.labels[stays]),
            scores[stays],
        )
        place = numpy.cumsum(stays) - 1
        pairs = Pairs(place[pairs.heads[holds]], place[pairs.tails[holds]])
        relations = _Relations(pairs, relations.labels[holds], relations.alone[holds], relations.scores[holds])
    local = Spans(
        entities.starts - offsets[entities.texts],
        entities.ends - offsets[entities.texts],
        entities.texts,
        entities.labels,
    )
    return Found(local, scores, pairs, relations.labels, relations.scores, left_out, encoded.cut)


def _for_candidates(request: Request) -> Request:
    return replace(request, entity_threshold=CANDIDATES_FROM * request.entity_threshold, overlap="any")


class _Relations(NamedTuple):
    """One row per relation, in the order of the pairs: pair, label, how surely it holds between its two entities, and how surely all three are right."""

    pairs: Pairs
    labels: numpy.ndarray
    alone: numpy.ndarray
    scores: numpy.ndarray


def _find_relations(module, tokens, texts, entities, entity_scores, pooled, logits, pairs, request) -> _Relations:
    """Which of the pairs are related, by which label, and how surely."""
    types, symmetric = _allowed_types(request)
    place = numpy.lexsort((entities.ends, entities.starts)).argsort()
    # A symmetric relation is stored with the earlier mention as head.
    backwards = place[pairs.heads] > place[pairs.tails]
    # Given entities may share a place; nothing is related to itself.
    possible = (entities.starts[pairs.heads] != entities.starts[pairs.tails]) | (
        entities.ends[pairs.heads] != entities.ends[pairs.tails]
    )
    directed_types, mirrored_types = types[:, :, ~symmetric].any(axis=2), types[:, :, symmetric].any(axis=2)
    by_type = (
        entities.labels[pairs.heads],
        entities.labels[pairs.tails],
    )  # a label of -1 finds the row of unknown types, the last
    possible &= directed_types[by_type] | (mirrored_types[by_type] & ~backwards)
    pairs, backwards = Pairs(pairs.heads[possible], pairs.tails[possible]), backwards[possible]

    found: list[tuple[numpy.ndarray, ...]] = []
    if len(pairs):
        of_entities = torch.as_tensor(entity_scores, dtype=tokens.dtype, device=tokens.device)
        of_heads, of_tails = module.score_mentions(entities, pooled, logits, tokens, texts)
        for places, contexts in _joined_up(
            module.contexts_in_chunks(tokens, texts, entities, pairs, PAIR_CHUNK), PAIR_CHUNK
        ):
            heads, tails = pairs.heads[places], pairs.tails[places]
            allowed = torch.as_tensor(types[entities.labels[heads], entities.labels[tails]], device=tokens.device)
            heads, tails = to_index(heads, tokens), to_index(tails, tokens)
            of_both = module.score_both(of_heads.index_select(0, heads), of_tails.index_select(0, tails))
            alone = module.relation_probability(module.score_contexts(contexts) + of_both, allowed)
            scores = module.triple_probability(alone, of_entities[heads], of_entities[tails]).cpu().numpy()
            # Not before: a mirrored label wins its pair, or the second best would stand in for it.
            scores[backwards[places][:, None] & symmetric] = -1.0
            rows, labels = numpy.nonzero(scores >= max(request.relation_threshold, 0.0))
            found.append((places[rows], labels, alone.cpu().numpy()[rows, labels], scores[rows, labels]))
    none = numpy.zeros(0, dtype=numpy.int64)
    places, labels, alone, scores = (
        numpy.concatenate(parts) for parts in zip((none, none, numpy.zeros(0), numpy.zeros(0)), *found)
    )
    order = numpy.lexsort((labels, places))
    pairs = Pairs(pairs.heads[places[order]], pairs.tails[places[order]])
    return _Relations(pairs, labels[order], alone[order], scores[order])


def _joined_up(chunks: Iterable[tuple[numpy.ndarray, Tensor]], size: int) -> Iterator[tuple[numpy.ndarray, Tensor]]:
    """Small chunks become one, as long as it is not larger than the size: a short text has few pairs of every length, and each pass has its price."""
    waiting: list[tuple[numpy.ndarray, Tensor]] = []
    for chunk in chunks:
        if waiting and sum(len(places) for places, _ in waiting) + len(chunk[0]) > size:
            yield _as_one(waiting)
            waiting = []
        waiting.append(chunk)
    if waiting:
        yield _as_one(waiting)


def _as_one(chunks: list[tuple[numpy.ndarray, Tensor]]) -> tuple[numpy.ndarray, Tensor]:
    if len(chunks) == 1:
        return chunks[0]
    places, maxima = zip(*chunks)
    return numpy.concatenate(places), torch.cat(maxima)


def find_spans(module: SpertMTHeads, encoded: Encoded, request: Request) -> tuple[Spans, numpy.ndarray]:
    """The spans of a batch that are entities by threshold and overlap policy, and their scores; sorted by text and start, labels open (-1)."""
    tokens, texts = xp2torch(encoded.tokens), module.with_cats(xp2torch(encoded.texts), request.cats)
    scores = module.score_all(tokens, texts, encoded.lengths, request.share_drawn).cpu().numpy()
    widths, starts = numpy.nonzero(scores >= max(request.entity_threshold, 0.0))
    ends, scores = starts + widths + 1, scores[widths, starts]
    kept = resolve_overlaps(starts, ends, scores, request.overlap)
    starts, ends, scores = starts[kept], ends[kept], scores[kept]
    order = numpy.lexsort((-ends, starts))
    text_ids = numpy.repeat(numpy.arange(len(encoded.lengths)), encoded.lengths)
    spans = Spans(starts[order], ends[order], text_ids[starts[order]], numpy.full(len(order), -1))
    return spans, scores[order]


def _allowed_types(request: Request) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Which relation labels each pair of types may have (bool, types x types x labels), and which of them have no direction (bool)."""
    types = allowed_types(request.constraints, request.relation_labels, request.entity_labels)
    symmetric = numpy.array([label in request.symmetric for label in request.relation_labels], dtype=bool)
    types[:, :, symmetric] |= types.swapaxes(0, 1)[
        :, :, symmetric
    ]  # whose mention comes first is not a question of type
    return types, symmetric
