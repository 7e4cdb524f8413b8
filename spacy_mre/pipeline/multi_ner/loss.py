"""The loss of BERT-MRC and Multi-NER."""

from dataclasses import dataclass
from typing import Any

import numpy
import torch
from thinc.api import torch2xp, xp2torch

from ..spans.losses import sigmoid_loss
from .boundaries import Boundaries, Candidates
from .settings import END_WEIGHT, SPAN_WEIGHT, START_WEIGHT


@dataclass
class MultiNERLogits:
    """The scores of a training batch, as Thinc arrays.

    starts, ends (Floats2d): Types x tokens.
    spans (Floats1d): Shape (candidates,).
    candidates (Candidates): For each predicted or gold start its nearest `ends_per_start` ends, predicted or gold, and
        all gold entities.
    gold (numpy.ndarray): Which candidates are entities (bool), shape (candidates,).
    """

    starts: Any
    ends: Any
    spans: Any
    candidates: Candidates
    gold: numpy.ndarray


def boundary_loss(logits: MultiNERLogits, targets: Boundaries) -> tuple[float, MultiNERLogits]:
    """The weighted sum of the binary cross-entropies of starts, ends and candidate spans (Li et al. 2020, section 3.4),
    and its gradient.

    logits (MultiNERLogits): The scores.
    targets (Boundaries): The gold boundaries.
    RETURNS (tuple[float, MultiNERLogits]): The loss and its gradient with respect to each score.
    """
    starts = xp2torch(logits.starts, requires_grad=True)
    ends = xp2torch(logits.ends, requires_grad=True)
    spans = xp2torch(logits.spans, requires_grad=True)
    gold_starts, gold_ends = (torch.as_tensor(array, device=starts.device) for array in targets.matrices(len(starts)))
    gold_spans = torch.as_tensor(logits.gold, device=spans.device)
    known = torch.as_tensor(targets.known, device=starts.device)
    loss = START_WEIGHT * sigmoid_loss(starts[:, known], gold_starts[:, known])
    loss = loss + END_WEIGHT * sigmoid_loss(ends[:, known], gold_ends[:, known])
    loss = loss + SPAN_WEIGHT * sigmoid_loss(spans, gold_spans)
    loss.backward()
    d_starts, d_ends, d_spans = (
        torch2xp(torch.zeros_like(x) if x.grad is None else x.grad) for x in (starts, ends, spans)
    )
    return float(loss.detach()), MultiNERLogits(d_starts, d_ends, d_spans, logits.candidates, logits.gold)
