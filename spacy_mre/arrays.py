"""Small array operations that several parts of the package share."""

import numpy


def expand_ranges(firsts: numpy.ndarray, counts: numpy.ndarray) -> numpy.ndarray:
    """The numbers first, first + 1, ... of several ranges, one range after the other.

    firsts (numpy.ndarray): Where each range begins.
    counts (numpy.ndarray): How many numbers each has.
    RETURNS (numpy.ndarray): Shape (sum of counts,).
    """
    before = numpy.cumsum(counts) - counts
    return numpy.arange(int(counts.sum())) - numpy.repeat(before - firsts, counts)
