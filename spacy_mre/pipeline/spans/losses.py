"""Losses of the span models, each a pure function of tensors."""

import torch
import torch.nn.functional as F
from torch import Tensor


def identification_loss(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Binary cross-entropy: is it one at all? (SpERT.MT, arXiv 2309.09713.)

    logits (Tensor): Shape (n,).
    targets (Tensor): 0.0 or 1.0, shape (n,).
    weights (Optional[Tensor]): Weight of each, shape (n,). Default: 1.
    RETURNS (Tensor): The weighted losses, summed and divided by n; 0 if n is 0.
    """
    losses = F.binary_cross_entropy_with_logits(logits, targets, weight=weights, reduction="none")
    return losses.sum() / max(len(logits), 1)


def iou_weights(ious: Tensor, delta: float) -> Tensor:
    """The weight of a negative span in the identification loss: negatives that overlap gold are harder. (SpERT.MT;
    the formula `1 + delta * iou` is reconstructed.)

    ious (Tensor): The largest token IoU of each span with a gold entity; 0 for positives, so that their weight is 1.
        Shape (n,).
    delta (float): How much the overlap counts; 0 disables it.
    RETURNS (Tensor): Shape (n,).
    """
    return 1 + delta * ious


def ranking_loss(scores: Tensor, gold: Tensor, *, gamma: float, margin_right: float, margin_wrong: float) -> Tensor:
    """Pairwise ranking loss (dos Santos et al. 2015, section 2.5):
    `log(1 + exp(gamma (m+ - s_right))) + log(1 + exp(gamma (m- + s_wrong)))`.

    Each gold label adds a right term; the wrong term takes the best-scored label that is not gold. Rows without a
    gold label are skipped. The sum is divided by the number of all rows, so that identification and classification
    together have the weight of one cross-entropy over types and None. (Divided by the positives alone, classification
    dominates the clipped gradient.)

    scores (Tensor): Shape (n, labels).
    gold (Tensor): True where a label is right, shape (n, labels).
    gamma (float): Scale.
    margin_right (float): m+, what a right score should exceed.
    margin_wrong (float): m-, a wrong score should be below its negative.
    RETURNS (Tensor): The sum divided by n; 0 if n is 0.
    """
    right = (F.softplus(gamma * (margin_right - scores)) * gold).sum(dim=1)
    if not scores.shape[1]:
        return right.sum()
    lowest = torch.finfo(scores.dtype).min
    best_wrong = scores.masked_fill(gold, lowest).amax(dim=1)
    # A row whose labels are all gold has no wrong label. `gamma * lowest` would overflow to -inf; the softplus of the
    # limit is 0 too.
    wrong = F.softplus(gamma * (margin_wrong + best_wrong.clamp(min=lowest / (2 * gamma))))
    return ((right + wrong) * gold.any(dim=1)).sum() / max(len(scores), 1)


def type_cross_entropy(scores: Tensor, gold: Tensor) -> Tensor:
    """Cross-entropy over the labels of positives. Several gold labels share the target equally.

    scores (Tensor): Shape (n, labels).
    gold (Tensor): True where a label is right, shape (n, labels).
    RETURNS (Tensor): The sum divided by n, as in `ranking_loss`; 0 if n is 0.
    """
    if not scores.shape[1]:
        return scores.sum()
    counts = gold.sum(dim=1)
    losses = -(F.log_softmax(scores, dim=1) * gold).sum(dim=1) / counts.clamp(min=1)
    return losses.sum() / max(len(scores), 1)


def softmax_loss(logits: Tensor, classes: Tensor) -> Tensor:
    """Mean cross-entropy over types and None, as in SpERT's entity head (spert/loss.py).

    logits (Tensor): Column 0 is None, shape (n, 1 + labels).
    classes (Tensor): 0 for None, else 1 + the index of the label, shape (n,).
    RETURNS (Tensor): The losses, summed and divided by n; 0 if n is 0.
    """
    return F.cross_entropy(logits, classes, reduction="sum") / max(len(classes), 1)


def sigmoid_loss(logits: Tensor, gold: Tensor) -> Tensor:
    """Mean binary cross-entropy over rows and labels, as in SpERT's relation head (spert/loss.py).

    logits (Tensor): Any shape, (pairs, labels) for relations.
    gold (Tensor): True where a label holds, the same shape.
    RETURNS (Tensor): The losses, summed and divided by their number; 0 if there are none.
    """
    losses = F.binary_cross_entropy_with_logits(logits, gold.to(logits.dtype), reduction="none")
    return losses.sum() / max(logits.numel(), 1)
