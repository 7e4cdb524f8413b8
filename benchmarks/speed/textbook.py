"""The textbook formulation of SpERT's heads (arXiv 1909.07755), as a reference for results, time and memory.

Every span is a mask over the tokens of its text; the token vectors are repeated once per span, masked, and their maximum is taken. What the heads see is
one explicit concatenation per span and per pair. Texts run one by one, and spans and pairs are put together in Python. The weights are
those of `SpertMTHeads`, whose parts are joined again into one linear layer; in evaluation mode the scores are the same.
"""

from collections.abc import Sequence

import numpy
import torch
from thinc.api import xp2torch
from torch import Tensor, nn

from spacy_mre.encoders.encoder import Encoded
from spacy_mre.pipeline.spans.pooling import to_index
from spacy_mre.pipeline.spans.spans import Pairs, Spans
from spacy_mre.pipeline.spert_mt.decoding import Found, Request
from spacy_mre.pipeline.spert_mt.heads import SpertMTHeads
from spacy_mre.pipeline.spert_mt.targets import Targets

MASKED = -1e30
# So many pairs at once have their masks in memory.
PAIR_CHUNK = 1000


def find(module: SpertMTHeads, encoded: Encoded, request: Request) -> Found:
    """Find the entities and relations of a batch, text by text.

    module (SpertMTHeads): The weights.
    encoded (Encoded): The batch.
    request (Request): How to decode. Budgets, distance limits, constraints, symmetric labels and given entities are not for it.
    RETURNS (Found): As `spacy_mre.pipeline.spert_mt.decoding.find` gives it.
    """
    tokens, texts = xp2torch(encoded.tokens), xp2torch(encoded.texts)
    entities: list[tuple[int, int, int, int, float]] = []
    relations: list[tuple[int, int, int, float]] = []
    for text, (first, length) in enumerate(zip(encoded.offsets.tolist(), encoded.lengths.tolist())):
        of_text, related = find_in_text(module, tokens[first : first + length], texts[text], request)
        relations.extend(
            (len(entities) + head, len(entities) + tail, label, score) for head, tail, label, score in related
        )
        entities.extend((start, end, text, label, score) for start, end, label, score in of_text)
    starts, ends, text_ids, labels, entity_scores = _columns(entities, 5)
    heads, tails, relation_labels, scores = _columns(relations, 4)
    spans = Spans(*(column.astype(numpy.int64) for column in (starts, ends, text_ids, labels)))
    pairs = Pairs(heads.astype(numpy.int64), tails.astype(numpy.int64))
    return Found(
        spans,
        entity_scores,
        pairs,
        relation_labels.astype(numpy.int64),
        scores,
        {"distance": 0, "budget": 0},
        encoded.cut,
    )


def find_in_text(
    module: SpertMTHeads, tokens: Tensor, text: Tensor, request: Request
) -> tuple[list[tuple[int, int, int, float]], list[tuple[int, int, int, float]]]:
    """Find the entities and relations of one text.

    tokens (Tensor): Tokens x width.
    text (Tensor): Its vector.
    RETURNS (Tuple[List[Tuple[int, int, int, float]], List[Tuple[int, int, int, float]]]): Start, end, label and score of each entity, and head and tail
        (places among the entities), label and score of each relation.
    """
    every = [
        (start, start + w)
        for start in range(len(tokens))
        for w in range(1, module.max_width + 1)
        if start + w <= len(tokens)
    ]
    if not every:
        return [], []
    starts, ends = torch.tensor(every, device=tokens.device).T
    logits, pooled = score_spans(module, tokens, text, starts, ends)
    probabilities = module.span_probability(logits).tolist()
    candidates = [i for i, score in enumerate(probabilities) if score >= max(request.entity_threshold, 0.0)]
    chosen = choose_spans(candidates, every, probabilities, request.overlap)
    labels = logits[:, 1:].argmax(dim=1).tolist() if logits.shape[1] > 1 else [-1] * len(every)
    entities = [(*every[i], labels[i], probabilities[i]) for i in chosen]
    pairs = [(head, tail) for head in range(len(chosen)) for tail in range(len(chosen)) if head != tail]
    if not pairs:
        return entities, []
    kept = torch.tensor(chosen, device=tokens.device)
    heads, tails = torch.tensor(pairs, device=tokens.device).T
    label_ids = torch.tensor([labels[i] for i in chosen], device=tokens.device)
    pair_logits = [
        score_pairs(module, tokens, starts[kept], ends[kept], label_ids, pooled[kept], logits[kept], heads[i : i + PAIR_CHUNK], tails[i : i + PAIR_CHUNK])
        for i in range(0, len(pairs), PAIR_CHUNK)
    ]  # fmt: skip
    scores = torch.cat(pair_logits)
    scores = module.relation_probability(
        scores, torch.ones(len(pairs), len(request.relation_labels), dtype=torch.bool, device=tokens.device)
    )
    of_entities = tokens.new_tensor(probabilities)[kept]
    scores = module.triple_probability(scores, of_entities[heads], of_entities[tails])
    relations = []
    for (head, tail), row in zip(pairs, scores.tolist()):
        for label, score in enumerate(row):
            if score >= max(request.relation_threshold, 0.0):
                relations.append((head, tail, label, score))
    return entities, relations


def score_spans(
    module: SpertMTHeads, tokens: Tensor, text: Tensor, starts: Tensor, ends: Tensor
) -> tuple[Tensor, Tensor]:
    """Entity logits over [text; span; width; first token; last token] and a hidden layer over the same, and the span vectors.

    RETURNS (Tuple[Tensor, Tensor]): Spans x entity columns, spans x width.
    """
    pooled = max_pool(tokens, span_masks(len(tokens), starts, ends))
    seen = [text.unsqueeze(0).repeat(len(pooled), 1), pooled, width_vectors(module, starts, ends)]
    layers = [module.entity_text, module.entity_span, module.entity_width]
    if module.sees_ends:
        seen += [tokens[starts], tokens[ends - 1]]
        layers += [module.entity_first, module.entity_last]
    seen, weight = torch.cat(seen, dim=1), torch.cat([layer.weight for layer in layers], dim=1)
    sums = nn.functional.linear(module.dropout(seen), weight, module.entity_span.bias)
    columns = module.entity_columns
    if sums.shape[1] == columns:
        return sums, pooled
    return sums[:, :columns] + module.entity_together(nn.functional.gelu(sums[:, columns:])), pooled


def score_pairs(
    module: SpertMTHeads,
    tokens: Tensor,
    starts: Tensor,
    ends: Tensor,
    labels: Tensor,
    pooled: Tensor,
    logits: Tensor,
    heads: Tensor,
    tails: Tensor,
) -> Tensor:
    """Relation logits over [between; head; width; first token; last token; its entity features; and the same of the tail], and the bilinear form.

    starts, ends, labels, pooled, logits (Tensor): Of the entities.
    heads, tails (Tensor): Places among the entities.
    RETURNS (Tensor): Pairs x relation columns.
    """
    begin = torch.minimum(ends[heads], ends[tails])
    masks = span_masks(len(tokens), begin, torch.maximum(starts[heads], starts[tails]))
    between = max_pool(tokens, masks)
    between[~masks.any(dim=1)] = 0.0
    features = [pooled, width_vectors(module, starts, ends)]
    if module.sees_ends:
        features += [tokens[starts], tokens[ends - 1]]
    if module.entity_features == "logits":
        features.append(logits)
    elif module.entity_features == "labels":
        features.append(nn.functional.one_hot(labels + 1, logits.shape[1]).to(pooled.dtype))
    mentions = torch.cat(features, dim=1)
    seen = module.dropout(torch.cat([between, mentions[heads], mentions[tails]], dim=1))
    columns = module.relation_columns
    of_heads, of_tails = module.relation_head.weight, module.relation_tail.weight
    weight = torch.cat([module.relation_context.weight, of_heads[:columns], of_tails[:columns]], dim=1)
    scores = nn.functional.linear(seen, weight, module.relation_context.bias)
    if not module.relation_rank:
        return scores
    _, head, tail = seen.split([between.shape[1], mentions.shape[1], mentions.shape[1]], dim=1)
    return scores + module.relation_product((head @ of_heads[columns:].T) * (tail @ of_tails[columns:].T))


def span_masks(length: int, starts: Tensor, ends: Tensor) -> Tensor:
    """RETURNS (Tensor): True for the tokens of each span: bool, spans x tokens."""
    places = torch.arange(length, device=starts.device)
    return (places >= starts.unsqueeze(1)) & (places < ends.unsqueeze(1))


def max_pool(tokens: Tensor, masks: Tensor) -> Tensor:
    """The maximum over each masked part: repeat, mask, max.

    tokens (Tensor): Tokens x width.
    masks (Tensor): Spans x tokens.
    RETURNS (Tensor): Spans x width.
    """
    outside = (~masks).unsqueeze(-1).to(tokens.dtype) * MASKED
    return (outside + tokens.unsqueeze(0).repeat(len(masks), 1, 1)).max(dim=1)[0]


def width_vectors(module: SpertMTHeads, starts: Tensor, ends: Tensor) -> Tensor:
    return module.widths((ends - starts - 1).clamp(max=module.max_width))


def choose_spans(
    candidates: Sequence[int], spans: Sequence[tuple[int, int]], scores: Sequence[float], policy: str
) -> list[int]:
    """One pass over the candidates, best first: each stays that may stand beside those that stay already. Sorted by start, then longer first."""
    chosen: list[int] = []
    for i in sorted(candidates, key=lambda i: (-scores[i], spans[i][0], -spans[i][1])):
        if not any(_conflict(spans[i], spans[other], policy) for other in chosen):
            chosen.append(i)
    return sorted(chosen, key=lambda i: (spans[i][0], -spans[i][1]))


def _conflict(one: tuple[int, int], other: tuple[int, int], policy: str) -> bool:
    (start, end), (other_start, other_end) = sorted([one, other])
    if policy == "any" or other_start >= end:
        return False
    return policy == "flat" or (start < other_start and end < other_end)


def _columns(rows: Sequence[tuple], count: int) -> list[numpy.ndarray]:
    return list(numpy.array(rows, dtype=numpy.float64).reshape(-1, count).T)


# In training


def forward(module: SpertMTHeads, tokens: Tensor, texts: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
    """What `SpertMTHeads.forward` gives for a batch of one text.

    tokens (Tensor): Tokens x width.
    texts (Tensor): 1 x width.
    targets (Targets): The spans, mentions and pairs.
    RETURNS (Tuple[Tensor, Tensor]): Spans x entity columns, pairs x relation columns.
    """
    logits, _ = score_spans(module, tokens, texts[0], *_places(targets.spans, tokens))
    if not len(targets.pairs):
        return logits, tokens.new_zeros(0, module.relation_context.out_features)
    starts, ends = _places(targets.mentions, tokens)
    mention_logits, pooled = score_spans(module, tokens, texts[0], starts, ends)
    labels = to_index(targets.mentions.labels, tokens)
    heads, tails = to_index(targets.pairs.heads, tokens), to_index(targets.pairs.tails, tokens)
    return logits, score_pairs(module, tokens, starts, ends, labels, pooled, mention_logits, heads, tails)


def _places(spans: Spans, like: Tensor) -> tuple[Tensor, Tensor]:
    return to_index(spans.starts, like), to_index(spans.ends, like)
