"""Identification and classification losses, each a pure function of tensors."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import Errors


def identification_loss(
    logits: Tensor, targets: Tensor, weights: Tensor | None = None, *, gamma: float = 0.0
) -> Tensor:
    """Binary cross-entropy: is it one at all? (SpERT.MT, arXiv 2309.09713.) Or the focal loss.

    logits (Tensor): Shape (n,).
    targets (Tensor): From 0.0 to 1.0, shape (n,).
    weights (Optional[Tensor]): Weight of each, shape (n,); 1 by default.
    gamma (float): Of the focal loss, see `focal_factor`; 0 for cross-entropy.
    RETURNS (Tensor): The weighted losses, summed and divided by n; 0 if n is 0.
    """
    losses = F.binary_cross_entropy_with_logits(logits, targets, weight=weights, reduction="none")
    if gamma:
        losses = losses * focal_factor((targets - torch.sigmoid(logits)).abs(), gamma)
    return losses.sum() / max(len(logits), 1)


def focal_factor(misses: Tensor, gamma: float) -> Tensor:
    """What the focal loss multiplies a cross-entropy by: (1 - p)^gamma, p the probability of what is right.

    What is nearly right already counts for little (Lin et al. 2017, arXiv 1708.02002, equation 4). For a target t between 0 and 1 the miss is |t - p|
    (Li et al. 2020, arXiv 2006.04388).

    misses (Tensor): From 0.0 to 1.0, any shape.
    gamma (float): How much less; 2 in the paper.
    RETURNS (Tensor): The same shape.
    """
    # Below that, a gamma under 1 has no finite gradient.
    return misses.clamp(min=torch.finfo(misses.dtype).tiny) ** gamma


def balanced_weights(counts: Sequence[int], beta: float) -> list[float]:
    """The weights of classes by their effective numbers: (1 - beta) / (1 - beta^n), scaled so that they sum to the number of classes
    (Cui et al. 2019, arXiv 1901.05555, section 4).

    counts (Sequence[int]): How many examples each class has in training; a class without any weighs as if it had one.
    beta (float): From 0 (all weigh the same) to 1 (by the inverse of their counts); 0.9 to 0.9999 in the paper.
    RETURNS (List[float]): One weight per class.
    """
    weights = [(1 - beta) / (1 - beta ** max(count, 1)) for count in counts]
    return [weight * len(weights) / sum(weights) for weight in weights]


def row_weights(gold: Tensor, weights: Tensor) -> Tensor:
    """The weight of each row by its class: the mean over its labels, where there are several.

    gold (Tensor): True where a label is right, shape (n, labels).
    weights (Tensor): Of rows without a label, then of each label, shape (1 + labels,).
    RETURNS (Tensor): Shape (n,).
    """
    counts = gold.sum(dim=1)
    return torch.where(counts > 0, gold.to(weights.dtype) @ weights[1:] / counts.clamp(min=1), weights[0])


def iou_weights(ious: Tensor, delta: float, form: str = "linear") -> Tensor:
    """The weight of a negative span in the identification loss: hard negatives overlap gold. (SpERT.MT; both forms are reconstructed.)

    ious (Tensor): The largest token IoU of each span with a gold entity; 0 for positives, so that they weigh 1. Shape (n,).
    delta (float): How much the overlap counts; 0 switches it off.
    form (str): "linear" for `1 + delta * iou`, "power" for `(1 + iou) ** delta`.
    RETURNS (Tensor): Shape (n,).
    RAISES (ValueError): An unknown form.
    """
    if form == "linear":
        return 1 + delta * ious
    if form == "power":
        return (1 + ious) ** delta
    raise ValueError(Errors.M001.format(setting="iou_form", value=form, allowed="linear, power"))


def ranking_loss(
    scores: Tensor,
    gold: Tensor,
    weights: Tensor | None = None,
    *,
    gamma: float = 2.0,
    margin_right: float = 2.5,
    margin_wrong: float = 0.5,
    negatives: bool = False,
) -> Tensor:
    """Pairwise ranking loss (dos Santos et al. 2015, section 2.5): log(1 + exp(gamma (m+ - s_right))) + log(1 + exp(gamma (m- + s_wrong))).

    Several gold labels give one term for each right label; the wrong term takes the best-scored label that is not gold. The sum is divided by the
    number of all rows, negatives too, so that identification and classification together weigh a span as the cross-entropy over
    types and None does, of which they are the two factors. (Divided by the positives alone, classification drowns identification where the
    gradient is clipped.)

    scores (Tensor): Shape (n, labels).
    gold (Tensor): True where a label is right, shape (n, labels).
    weights (Optional[Tensor]): Weight of each row, shape (n,); 1 by default.
    gamma (float): Scale.
    margin_right (float): m+, what a right score should exceed.
    margin_wrong (float): m-, what a wrong score should stay below the negative of.
    negatives (bool): Rows without any gold label count with their wrong term; otherwise they are left out.
    RETURNS (Tensor): The sum divided by n; 0 if n is 0.
    """
    positive = gold.any(dim=1)
    counted = _weighted(torch.ones_like(positive) if negatives else positive, weights)
    right = (F.softplus(gamma * (margin_right - scores)) * gold).sum(dim=1)
    lowest = torch.finfo(scores.dtype).min
    if scores.shape[1]:
        best_wrong = scores.masked_fill(gold, lowest).amax(dim=1)
        # A row whose labels are all gold has no wrong label: its sum would be gamma * lowest, whose softplus is 0 anyway.
        wrong = F.softplus(gamma * (margin_wrong + best_wrong.clamp(min=lowest / (2 * gamma))))
    else:
        wrong = scores.sum(dim=1)
    return ((right + wrong) * counted).sum() / max(len(scores), 1)


def type_cross_entropy(scores: Tensor, gold: Tensor, weights: Tensor | None = None) -> Tensor:
    """Cross-entropy over the labels of positives: the control for the ranking loss. Several gold labels share the target equally.

    scores (Tensor): Shape (n, labels).
    gold (Tensor): True where a label is right, shape (n, labels).
    weights (Optional[Tensor]): Weight of each row, shape (n,); 1 by default.
    RETURNS (Tensor): The sum divided by n, as in `ranking_loss`; 0 if n is 0.
    """
    if not scores.shape[1]:
        return scores.sum()
    counts = gold.sum(dim=1)
    losses = -(F.log_softmax(scores, dim=1) * gold).sum(dim=1) / counts.clamp(min=1)
    return _weighted(losses, weights).sum() / max(len(scores), 1)


def softmax_loss(logits: Tensor, classes: Tensor, weights: Tensor | None = None, *, gamma: float = 0.0) -> Tensor:
    """Mean cross-entropy over types and None, as SpERT's entity head has it (spert/loss.py). Or the focal loss.

    logits (Tensor): Column 0 is None, shape (n, 1 + labels).
    classes (Tensor): 0 for None, else 1 + the place of the label, shape (n,).
    weights (Optional[Tensor]): Weight of each row, shape (n,); 1 by default.
    gamma (float): Of the focal loss, see `focal_factor`; 0 for cross-entropy.
    RETURNS (Tensor): The weighted losses, summed and divided by n; 0 if n is 0.
    """
    losses = F.cross_entropy(logits, classes, reduction="none")
    if gamma:
        losses = losses * focal_factor(-torch.expm1(-losses), gamma)
    return _weighted(losses, weights).sum() / max(len(classes), 1)


def sigmoid_loss(logits: Tensor, gold: Tensor, weights: Tensor | None = None, *, gamma: float = 0.0) -> Tensor:
    """Mean binary cross-entropy over pairs and labels, as SpERT's relation head has it (spert/loss.py). Or the focal loss.

    logits (Tensor): Shape (pairs, labels).
    gold (Tensor): True where a label holds, shape (pairs, labels).
    weights (Optional[Tensor]): Weight of each pair, for all its labels, shape (pairs,); 1 by default.
    gamma (float): Of the focal loss, see `focal_factor`; 0 for cross-entropy.
    RETURNS (Tensor): The weighted losses, summed and divided by pairs x labels; 0 if there are no pairs or labels.
    """
    targets = gold.to(logits.dtype)
    losses = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    if gamma:
        losses = losses * focal_factor((targets - torch.sigmoid(logits)).abs(), gamma)
    return _weighted(losses, None if weights is None else weights[:, None]).sum() / max(logits.numel(), 1)


def _weighted(losses: Tensor, weights: Tensor | None) -> Tensor:
    return losses if weights is None else losses * weights
