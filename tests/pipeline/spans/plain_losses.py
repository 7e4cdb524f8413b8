"""The losses once more in plain numpy, row by row."""

import numpy


def softplus(x):
    return numpy.logaddexp(0, x)


def plain_identification(logits, targets, weights):
    probabilities = 1 / (1 + numpy.exp(-logits))
    losses = targets * numpy.log(probabilities) + (1 - targets) * numpy.log(1 - probabilities)
    return -(weights * losses).sum() / max(len(logits), 1)


def plain_ranking(scores, gold, gamma=2.0, margin_right=2.5, margin_wrong=0.5):
    total = 0.0
    for row, right in zip(scores, gold):
        if right.any():
            total += softplus(gamma * (margin_right - row[right])).sum()
            if not right.all():
                total += softplus(gamma * (margin_wrong + row[~right].max()))
    return total / max(len(scores), 1)


def plain_cross_entropy(scores, gold):
    total = 0.0
    for row, right in zip(scores, gold):
        if right.any():
            total -= (row[right] - numpy.log(numpy.exp(row).sum())).mean()
    return total / max(len(scores), 1)


def plain_softmax(logits, classes):
    rights = [numpy.exp(row[label]) / numpy.exp(row).sum() for row, label in zip(logits, classes)]
    return -sum(numpy.log(right) for right in rights) / max(len(classes), 1)


def plain_sigmoid(logits, gold):
    return numpy.where(gold, softplus(-logits), softplus(logits)).mean() if logits.size else 0.0
