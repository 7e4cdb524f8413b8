"""The textbook formulation of the heads and of decoding (SpERT, arXiv 1909.07755; SpERT.MT, arXiv 2309.09713).

One text at a time. Every span is a mask over the tokens, the token vectors are repeated for every span, and each head
is one linear layer over one explicit concatenation. The weights are those of a `SpertMTHeads`, of any float type; in
evaluation mode the results are the same. The formulas of the three presets are written out here once more, so that
they can be compared with those of the package.
"""

from collections.abc import Sequence

import numpy
import torch
from thinc.api import xp2torch
from torch import Tensor, nn

from spacy_mre.encoders.encoder import Encoded
from spacy_mre.pipeline.spans.pooling import to_index
from spacy_mre.pipeline.spans.spans import Pairs, Spans
from spacy_mre.pipeline.spert_mt.heads import SpertMTHeads
from spacy_mre.pipeline.spert_mt.output import SpertMTOptions, SpertMTOutput
from spacy_mre.pipeline.spert_mt.targets import Targets

MASKED = -1e30
# The most pairs whose masks are in memory at once.
PAIR_CHUNK = 1000

Entity = tuple[int, int, int, float]  # start, end, label, score
Relation = tuple[int, int, int, float]  # indices of head and tail among the entities, label, score


def decode(module: SpertMTHeads, encoded: Encoded, options: SpertMTOptions) -> SpertMTOutput:
    """Find the entities and relations of a batch, as `spacy_mre.pipeline.spert_mt.decoding.decode` does, without its
    pair budget, distance limit and given entities."""
    tokens, texts = xp2torch(encoded.tokens), module.with_cats(xp2torch(encoded.texts), options.cats)
    entities: list[tuple[int, int, int, int, float]] = []
    relations: list[Relation] = []
    for text, (first, length) in enumerate(zip(encoded.offsets.tolist(), encoded.lengths.tolist())):
        found, related = find(module, tokens[first : first + length], texts[text], options)
        relations += [
            (len(entities) + head, len(entities) + tail, label, score) for head, tail, label, score in related
        ]
        entities += [(start, end, text, label, score) for start, end, label, score in found]
    *columns, entity_scores = _columns(entities, 5)
    heads, tails, labels, scores = _columns(relations, 4)
    pairs = Pairs(heads.astype(int), tails.astype(int))
    left_out = {"distance": 0, "budget": 0}
    spans = Spans(*(column.astype(int) for column in columns))
    return SpertMTOutput(spans, entity_scores, pairs, labels.astype(int), scores, left_out, encoded.cut)


def find(
    module: SpertMTHeads, tokens: Tensor, text: Tensor, options: SpertMTOptions
) -> tuple[list[Entity], list[Relation]]:
    """Find the entities and relations of one text.

    tokens (Tensor): Tokens x width.
    text (Tensor): The text vector, with the text labels appended if the heads read them.
    """
    length = len(tokens)
    widest = module.max_width
    every = [(i, j) for i in range(length) for j in range(i + 1, min(i + widest, length) + 1)]
    if not every:
        return [], []
    starts, ends = torch.tensor(every, device=tokens.device).T
    logits, pooled = score_spans(module, tokens, text, starts, ends)
    probabilities = entity_probabilities(module, logits, options.share_drawn)
    scores = probabilities.tolist()
    candidates = [i for i, score in enumerate(scores) if score >= max(options.entity_threshold, 0.0)]
    labels = logits[:, 1:].argmax(dim=1).tolist() if logits.shape[1] > 1 else [-1] * len(every)
    chosen = choose_spans(candidates, every, labels, scores, options.overlap)
    entities = [(*every[i], labels[i], scores[i]) for i in chosen]
    pairs = [(head, tail) for head in range(len(chosen)) for tail in range(len(chosen)) if head != tail]
    if not pairs:
        return entities, []
    kept = torch.tensor(chosen, device=tokens.device)
    heads, tails = torch.tensor(pairs, device=tokens.device).T
    arguments = (starts[kept], ends[kept], pooled[kept], logits[kept])
    chunks = [
        score_pairs(module, tokens, text, *arguments, heads[i : i + PAIR_CHUNK], tails[i : i + PAIR_CHUNK])
        for i in range(0, len(pairs), PAIR_CHUNK)
    ]
    rows = [allowed_labels(entities[head], entities[tail], options) for head, tail in pairs]
    allowed = torch.tensor(rows, dtype=torch.bool, device=tokens.device)
    of_entities = probabilities[kept]
    triples = relation_probabilities(module, torch.cat(chunks), allowed, of_entities[heads], of_entities[tails])
    relations = []
    for (head, tail), row in zip(pairs, triples.tolist()):
        for label, score in enumerate(row):
            # A symmetric relation is stored once, with the earlier mention as head.
            is_mirrored = (
                options.relation_labels[label] in options.symmetric and entities[head][:2] > entities[tail][:2]
            )
            if score >= max(options.relation_threshold, 0.0) and not is_mirrored:
                relations.append((head, tail, label, score))
    return entities, relations


def score_spans(
    module: SpertMTHeads, tokens: Tensor, text: Tensor, starts: Tensor, ends: Tensor
) -> tuple[Tensor, Tensor]:
    """The entity logits over [text; span; width; first token; last token], plus a hidden layer over the same; and the
    span vectors."""
    pooled = max_pool(tokens, span_masks(len(tokens), starts, ends))
    features = [text.unsqueeze(0).repeat(len(pooled), 1), pooled, embed_widths(module, starts, ends)]
    layers = [module.entity_text, module.entity_span, module.entity_width]
    if module.preset.uses_ends:
        features += [tokens[starts], tokens[ends - 1]]
        layers += [module.entity_first, module.entity_last]
    weight = torch.cat([layer.weight for layer in layers], dim=1)
    sums = nn.functional.linear(module.dropout(torch.cat(features, dim=1)), weight, module.entity_span.bias)
    if not module.preset.hidden_size:
        return sums, pooled
    linear, hidden = sums[:, : module.entity_columns], sums[:, module.entity_columns :]
    return linear + module.entity_hidden(nn.functional.gelu(hidden)), pooled


def score_pairs(
    module: SpertMTHeads,
    tokens: Tensor,
    text: Tensor,
    starts: Tensor,
    ends: Tensor,
    pooled: Tensor,
    logits: Tensor,
    heads: Tensor,
    tails: Tensor,
) -> Tensor:
    """The relation logits over [context; head; tail; text labels], plus the bilinear form of head and tail.

    starts, ends, pooled, logits (Tensor): Of the entities.
    heads, tails (Tensor): Indices of the entities of each pair.
    """
    masks = span_masks(
        len(tokens), torch.minimum(ends[heads], ends[tails]), torch.maximum(starts[heads], starts[tails])
    )
    context = max_pool(tokens, masks)
    context[~masks.any(dim=1)] = 0.0
    features = [pooled, embed_widths(module, starts, ends)]
    features += [tokens[starts], tokens[ends - 1]] if module.preset.uses_ends else []
    features += [logits] if module.preset.uses_entity_logits else []
    arguments = torch.cat(features, dim=1)
    parts = [context, arguments[heads], arguments[tails]]
    columns = module.relation_columns
    head_weight, tail_weight = module.head_argument.weight, module.tail_argument.weight
    weights = [module.relation_context.weight, head_weight[:columns], tail_weight[:columns]]
    if module.cat_labels:
        parts.append(text[module.width :].unsqueeze(0).repeat(len(heads), 1))
        weights.append(module.relation_cats.weight)
    vectors = module.dropout(torch.cat(parts, dim=1))
    scores = nn.functional.linear(vectors, torch.cat(weights, dim=1), module.relation_context.bias)
    if not module.preset.rank:
        return scores
    _, head, tail = vectors.split([part.shape[1] for part in parts], dim=1)[:3]
    return scores + module.argument_product((head @ head_weight[columns:].T) * (tail @ tail_weight[columns:].T))


def entity_probabilities(module: SpertMTHeads, logits: Tensor, share_drawn: float) -> Tensor:
    """The probability of each span to be an entity. In mode "spert", of the best type against None."""
    if not module.preset.has_identification:
        best = logits[:, 1:].exp().max(dim=1)[0]
        return best / (best + logits[:, 0].exp())
    logit = identification(module, logits)
    if module.preset.is_ranked:
        return torch.sigmoid(logit)
    odds = torch.exp(logit) * share_drawn
    return odds / (1 + odds) * (2 * logits[:, 1:].softmax(dim=1).max(dim=1)[0]).clamp(max=1)


def relation_probabilities(
    module: SpertMTHeads, logits: Tensor, allowed: Tensor, head_scores: Tensor, tail_scores: Tensor
) -> Tensor:
    """The score of each label of each pair; -1 if the label is not allowed or not chosen."""
    if not module.preset.has_identification:
        return torch.where(allowed, torch.sigmoid(logits), -torch.ones_like(logits))
    is_related = torch.sigmoid(identification(module, logits))[:, None]
    labels = torch.where(allowed, logits[:, 1:], logits.new_full((), MASKED))
    if module.preset.is_ranked:
        holds = (labels == labels.max(dim=1, keepdim=True)[0]) | (labels > 1.0)
        return torch.where(holds & allowed, is_related, -torch.ones_like(labels))
    triples = is_related * (2 * labels.softmax(dim=1)).clamp(max=1) * (head_scores * tail_scores).sqrt()[:, None]
    return torch.where(allowed, triples, -torch.ones_like(triples))


def identification(module: SpertMTHeads, logits: Tensor) -> Tensor:
    """The logit that a span is an entity at all, or that a pair is related at all."""
    return logits[:, 0] + logits[:, 1:].logsumexp(dim=1) if module.preset.is_tied else logits[:, 0]


def allowed_labels(head: Entity, tail: Entity, options: SpertMTOptions) -> list[bool]:
    """Which relation labels may join two entities; a symmetric one joins its types in either order."""
    types = [options.entity_labels[head[2]], options.entity_labels[tail[2]]]
    allowed = []
    for label in options.relation_labels:
        pairs = options.constraints.get(label)
        is_reversed_allowed = label in options.symmetric and pairs is not None and types[::-1] in pairs
        allowed.append(pairs is None or types in pairs or is_reversed_allowed)
    return allowed


def choose_spans(
    candidates: Sequence[int],
    spans: Sequence[tuple[int, int]],
    labels: Sequence[int],
    scores: Sequence[float],
    policy: str,
) -> list[int]:
    """Add the candidates from the best score down, unless one conflicts with those that were added before."""
    chosen: list[int] = []
    for i in sorted(candidates, key=lambda i: (-scores[i], spans[i][0], -spans[i][1])):
        if not any(is_conflict(spans[i], spans[other], labels[i] == labels[other], policy) for other in chosen):
            chosen.append(i)
    return sorted(chosen, key=lambda i: (spans[i][0], -spans[i][1]))


def is_conflict(one: tuple[int, int], other: tuple[int, int], is_same_label: bool, policy: str) -> bool:
    (start, end), (other_start, other_end) = sorted([one, other])
    if policy == "any" or other_start >= end:
        return False
    if policy == "flat" or (policy == "flat_by_label" and is_same_label):
        return True
    return start < other_start and end < other_end


def span_masks(length: int, starts: Tensor, ends: Tensor) -> Tensor:
    """True for the tokens of each span: bool, spans x tokens."""
    positions = torch.arange(length, device=starts.device)
    return (positions >= starts.unsqueeze(1)) & (positions < ends.unsqueeze(1))


def max_pool(tokens: Tensor, masks: Tensor) -> Tensor:
    """The maximum of the masked tokens by repeating all of them for each span: spans x width."""
    outside = (~masks).unsqueeze(-1).to(tokens.dtype) * MASKED
    return (outside + tokens.unsqueeze(0).repeat(len(masks), 1, 1)).max(dim=1)[0]


def embed_widths(module: SpertMTHeads, starts: Tensor, ends: Tensor) -> Tensor:
    return module.widths((ends - starts - 1).clamp(max=module.max_width))


def forward(module: SpertMTHeads, tokens: Tensor, texts: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
    """The logits of a training batch of one text, as `SpertMTHeads.forward` gives them."""
    text = module.with_cats(texts, targets.cats)[0]
    logits, _ = score_spans(module, tokens, text, *_offsets(targets.spans, tokens))
    if not len(targets.pairs):
        return logits, tokens.new_zeros(0, module.relation_columns)
    starts, ends = _offsets(targets.mentions, tokens)
    mention_logits, pooled = score_spans(module, tokens, text, starts, ends)
    heads, tails = to_index(targets.pairs.heads, tokens), to_index(targets.pairs.tails, tokens)
    return logits, score_pairs(module, tokens, text, starts, ends, pooled, mention_logits, heads, tails)


def _offsets(spans: Spans, like: Tensor) -> tuple[Tensor, Tensor]:
    return to_index(spans.starts, like), to_index(spans.ends, like)


def _columns(rows: Sequence[tuple], count: int) -> list[numpy.ndarray]:
    return list(numpy.array(rows, dtype=numpy.float64).reshape(-1, count).T)
