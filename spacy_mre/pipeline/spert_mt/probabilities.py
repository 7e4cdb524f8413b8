"""From logits to scores between 0 and 1: of spans, of relations, and of whole triples."""

import torch
from torch import Tensor

from .settings import RANKING_MARGIN_RIGHT, RANKING_MARGIN_WRONG, Preset

# A label beyond the best one holds if its ranking score is nearer to the margin of right labels than to that of wrong
# ones.
RANKING_MARGIN = (RANKING_MARGIN_RIGHT - RANKING_MARGIN_WRONG) / 2
# Below every threshold.
EXCLUDED = -1.0


def identification_logits(logits: Tensor, tied: bool) -> Tensor:
    """The logit that a span is an entity, or that a pair is related.

    logits (Tensor): Identification column, then one column per label. Shape (n, 1 + labels).
    tied (bool): Add the log-sum-exp of the label scores. With cross-entropy for the labels, identification and
        classification are then exactly the two factors of a softmax over labels and None.
    RETURNS (Tensor): Shape (n,).
    """
    if tied and logits.shape[1] > 1:
        return logits[:, 0] + logits[:, 1:].logsumexp(dim=1)
    return logits[:, 0]


def span_probability(logits: Tensor, preset: Preset) -> Tensor:
    """The probability of each span to be an entity.

    In "spert_mt" multiplied by the `certainty` of its best type; in "paper" the identification alone, because ranking
    scores are not probabilities; in "spert" the softmax over the best type and None: above 0.5 the type has a higher
    probability than None.

    logits (Tensor): Spans x entity columns.
    preset (Preset): The preset of the heads.
    RETURNS (Tensor): Shape (spans,). In "spert" -1 without types.
    """
    if not preset.has_identification:
        if logits.shape[1] == 1:
            return logits.new_full((len(logits),), EXCLUDED)
        return torch.sigmoid(logits[:, 1:].amax(dim=1) - logits[:, 0])
    is_entity = torch.sigmoid(identification_logits(logits, preset.is_tied))
    if preset.is_ranked or logits.shape[1] == 1:
        return is_entity
    return is_entity * certainty(torch.exp(logits[:, 1:].amax(dim=1) - logits[:, 1:].logsumexp(dim=1)))


def relation_probability(logits: Tensor, allowed: Tensor, preset: Preset) -> Tensor:
    """The probability of each relation label between two entities.

    In "spert_mt" the identification multiplied by the `certainty` of the label. In "paper" the identification for the
    best label, and for any other label above the ranking margin (reconstructed: the paper has one label per pair). In
    "spert" a sigmoid per label.

    logits (Tensor): Pairs x relation columns.
    allowed (Tensor): Which labels a pair may have, bool, pairs x labels. The other labels get no probability.
    preset (Preset): The preset of the heads.
    RETURNS (Tensor): Pairs x labels; -1 for a label that is not allowed, or in "paper" loses to another one of its
        pair.
    """
    if not preset.has_identification:
        return torch.sigmoid(logits).masked_fill(~allowed, EXCLUDED)
    scores = logits[:, 1:].masked_fill(~allowed, torch.finfo(logits.dtype).min)
    if not scores.shape[1]:
        return scores
    is_related = torch.sigmoid(identification_logits(logits, preset.is_tied))[:, None]
    if not preset.is_ranked:
        return (is_related * certainty(scores.softmax(dim=1))).masked_fill(~allowed, EXCLUDED)
    holds = (scores >= scores.amax(dim=1, keepdim=True)) | (scores > RANKING_MARGIN)
    return torch.where(holds & allowed, is_related, scores.new_tensor(EXCLUDED))


def triple_probability(relations: Tensor, head_entities: Tensor, tail_entities: Tensor, preset: Preset) -> Tensor:
    """The score of head, label and tail together.

    In "spert_mt" the probability of the relation times the geometric mean of its arguments' probabilities, as if both
    arguments were right or wrong together (our own rule). In the other presets the probability of the relation alone.

    relations (Tensor): From `relation_probability`, pairs x labels; negative values are kept.
    head_entities, tail_entities (Tensor): From `span_probability`, shape (pairs,).
    preset (Preset): The preset of the heads.
    RETURNS (Tensor): Pairs x labels.
    """
    if not preset.scores_triples:
        return relations
    return torch.where(relations < 0, relations, relations * (head_entities * tail_entities).sqrt()[:, None])


def certainty(shares: Tensor) -> Tensor:
    """How certain a label is, from its softmax probability: twice as much, and at most 1, because two labels that
    both hold have half each. (Our own rule.)

    shares (Tensor): The probability of a label among the labels, any shape.
    RETURNS (Tensor): From 0 to 1, the same shape.
    """
    return (2 * shares).clamp(max=1.0)
