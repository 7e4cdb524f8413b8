"""Platt scaling: from the scores of a component to probabilities that agree with how often it is right.

A network that is trained to the end is sure even where it is wrong. Two numbers for each level mend that: the logit of
a score is multiplied by a slope, and a bias is added (Platt 1999, "Probabilistic outputs for support vector machines",
section 2). With a slope alone it is temperature scaling (Guo, Pleiss, Sun and Weinberger 2017, "On calibration of
modern neural networks", section 4.2), where the temperature is 1 / slope. The order of the scores of a level never
changes, nor that of the exclusive labels of one text.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy

if TYPE_CHECKING:
    from torch import Tensor

# Scores of 0 and 1 have no logit. float32 cannot tell scores apart that are nearer to 1 than this.
NEAREST = 1e-7
STEPS = 100


class Scaling(NamedTuple):
    """Platt scaling of one level.

    slope (float): Above 0; less than 1 if the scores are too sure.
    bias (float): Added to the scaled logit.
    """

    slope: float = 1.0
    bias: float = 0.0

    def apply(self, scores: numpy.ndarray) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): The probabilities of scores, of the same shape.

        >>> Scaling(0.5, 0.0).apply(numpy.array([0.1, 0.5, 0.9])).round(2).tolist()
        [0.25, 0.5, 0.75]
        """
        return _sigmoid(self.slope * to_logits(scores) + self.bias)

    def invert(self, probability: float) -> float:
        """RETURNS (float): The score that has a probability; 0 for 0, and infinity if no score has such a high one.

        >>> round(Scaling(0.5, 0.0).invert(0.75), 2)
        0.9
        """
        if probability <= 0.0:
            return 0.0
        if probability > self.apply(numpy.array(1.0)):
            return float("inf")
        if probability >= 1.0:
            return 1.0
        logit = numpy.log(probability) - numpy.log1p(-probability)
        return float(_sigmoid((logit - self.bias) / self.slope))


def to_logits(scores: numpy.ndarray) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): The logits of scores, limited where a score is 0 or 1; float64."""
    inside = numpy.clip(numpy.asarray(scores, dtype=float), NEAREST, 1.0 - NEAREST)
    return numpy.log(inside) - numpy.log1p(-inside)


def fit_scaling(scores: Sequence[float] | numpy.ndarray, right: Sequence[bool] | numpy.ndarray) -> Scaling:
    """Fit slope and bias by maximum likelihood, with a normal prior of standard deviation 1 on the logarithm of the
    slope and on the bias (our own rule): few predictions change little, and all right ones do not make it certain.

    scores (Union[Sequence[float], numpy.ndarray]): The scores of held-out predictions, between 0 and 1.
    right (Union[Sequence[bool], numpy.ndarray]): Whether each is right.
    RETURNS (Scaling): The identity if there are no predictions.

    >>> scaling = fit_scaling([0.99] * 100, [True] * 80 + [False] * 20)
    >>> scaling.apply(numpy.array([0.99])).round(2).tolist()
    [0.8]
    """
    from torch import tensor
    from torch.nn.functional import binary_cross_entropy_with_logits

    logits, truths = tensor(to_logits(numpy.asarray(scores))), tensor(numpy.asarray(right, dtype=float))

    def loss(slope: "Tensor", bias: "Tensor") -> "Tensor":
        return binary_cross_entropy_with_logits(slope * logits + bias, truths, reduction="sum")

    return _fit(loss, with_bias=True)


def fit_temperature(probabilities: numpy.ndarray, gold: numpy.ndarray, *, exclusive: bool) -> Scaling:
    """Fit a slope, with the prior of `fit_scaling`.

    probabilities (numpy.ndarray): The probabilities of labels in held-out texts, shape (texts, labels).
    gold (numpy.ndarray): 1 where a label holds, 0 where it does not, NaN where that is not known. The same shape. With
        exclusive labels exactly one of each text holds.
    exclusive (bool): The probabilities of a text sum to 1.
    RETURNS (Scaling): The bias is 0.

    >>> sure = numpy.array([[0.99, 0.01]] * 100)
    >>> scaling = fit_temperature(sure, numpy.array([[1, 0]] * 80 + [[0, 1]] * 20), exclusive=True)
    >>> scale_exclusive(sure[:1], scaling).round(1).tolist()
    [[0.8, 0.2]]
    """
    from torch import tensor
    from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

    truths = tensor(numpy.nan_to_num(gold.astype(float)))
    known = tensor(~numpy.isnan(gold.astype(float))).double()
    logits = tensor(_log_probabilities(probabilities) if exclusive else to_logits(probabilities))

    def loss(slope: "Tensor", bias: "Tensor") -> "Tensor":
        if exclusive:
            return cross_entropy(slope * logits, truths, reduction="sum")
        return binary_cross_entropy_with_logits(slope * logits, truths, weight=known, reduction="sum")

    return _fit(loss, with_bias=False)


def scale_exclusive(probabilities: numpy.ndarray, scaling: Scaling) -> numpy.ndarray:
    """Scale the probabilities of exclusive labels.

    probabilities (numpy.ndarray): Shape (texts, labels); each row sums to 1.
    scaling (Scaling): Its slope.
    RETURNS (numpy.ndarray): The same shape; each row sums to 1.
    """
    logits = scaling.slope * _log_probabilities(probabilities)
    powers = numpy.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _fit(loss: Callable[["Tensor", "Tensor"], "Tensor"], *, with_bias: bool) -> Scaling:
    import torch

    log_slope, bias = (torch.zeros((), dtype=torch.float64, requires_grad=True) for _ in range(2))
    optimizer = torch.optim.LBFGS([log_slope, bias], max_iter=STEPS, line_search_fn="strong_wolfe")

    def step() -> "Tensor":
        optimizer.zero_grad()
        total = loss(log_slope.exp(), bias * with_bias) + (log_slope**2 + bias**2) / 2
        total.backward()
        return total

    optimizer.step(step)
    return Scaling(round(float(log_slope.detach().exp()), 6), round(float(bias.detach()) * with_bias, 6))


def _log_probabilities(probabilities: numpy.ndarray) -> numpy.ndarray:
    return numpy.log(numpy.clip(numpy.asarray(probabilities, dtype=float), NEAREST, 1.0))


def _sigmoid(logits: numpy.ndarray) -> numpy.ndarray:
    return numpy.exp(-numpy.logaddexp(0.0, -logits))
