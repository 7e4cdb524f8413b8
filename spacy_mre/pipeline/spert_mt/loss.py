"""The joint loss of SpERT.MT and of SpERT."""

from dataclasses import dataclass
from typing import Any

import torch
from thinc.api import torch2xp, xp2torch
from torch import nn

from ..spans.losses import (
    identification_loss,
    iou_weights,
    ranking_loss,
    sigmoid_loss,
    softmax_loss,
    type_cross_entropy,
)
from ..spans.pooling import to_index
from .probabilities import identification_logits
from .settings import RANKING_GAMMA, RANKING_MARGIN_RIGHT, RANKING_MARGIN_WRONG, Preset
from .targets import Targets


@dataclass
class SpertMTLogits:
    """The scores of a training batch, as Thinc arrays.

    entities (Floats2d): Spans x entity columns.
    relations (Floats2d): Pairs x relation columns.
    """

    entities: Any
    relations: Any


def joint_loss(logits: SpertMTLogits, targets: Targets, preset: Preset) -> tuple[float, SpertMTLogits]:
    """The weighted sum of the four losses (in mode "spert" of its two), and its gradient.

    logits (SpertMTLogits): The scores.
    targets (Targets): The gold labels.
    preset (Preset): The preset of the heads.
    RETURNS (tuple[float, SpertMTLogits]): The loss and its gradient with respect to each score.
    """
    entities = xp2torch(logits.entities, requires_grad=True)
    relations = xp2torch(logits.relations, requires_grad=True)
    labels = to_index(targets.spans.labels, entities)
    gold_pairs = torch.as_tensor(targets.relations, device=relations.device)
    entity_weight, entity_type_weight, relation_weight, relation_type_weight = preset.loss_weights
    if preset.has_identification:
        gold_spans = nn.functional.one_hot(labels + 1, entities.shape[1])[:, 1:].bool()
        ious = torch.as_tensor(targets.ious, dtype=entities.dtype, device=entities.device)
        is_entity = identification_logits(entities, preset.is_tied)
        is_related = identification_logits(relations, preset.is_tied)
        weights = iou_weights(ious, preset.iou_delta)
        loss = entity_weight * identification_loss(is_entity, gold_spans.any(dim=1).to(entities.dtype), weights)
        loss = loss + relation_weight * identification_loss(is_related, gold_pairs.any(dim=1).to(relations.dtype))
        loss = loss + entity_type_weight * _classification_loss(entities[:, 1:], gold_spans, preset)
        loss = loss + relation_type_weight * _classification_loss(relations[:, 1:], gold_pairs, preset)
    else:
        loss = entity_weight * softmax_loss(entities, labels + 1) + relation_weight * sigmoid_loss(
            relations, gold_pairs
        )
    loss.backward()
    gradients = [torch.zeros_like(x) if x.grad is None else x.grad for x in (entities, relations)]
    return float(loss.detach()), SpertMTLogits(*map(torch2xp, gradients))


def _classification_loss(scores: torch.Tensor, gold: torch.Tensor, preset: Preset) -> torch.Tensor:
    if preset.is_ranked:
        margins = {"margin_right": RANKING_MARGIN_RIGHT, "margin_wrong": RANKING_MARGIN_WRONG}
        return ranking_loss(scores, gold, gamma=RANKING_GAMMA, **margins)
    return type_cross_entropy(scores, gold)
