"""Small array operations that several parts of the package share."""

from collections.abc import Sequence

import numpy


def concatenate(arrays: Sequence[numpy.ndarray]) -> numpy.ndarray:
    """Like NumPy's function, but a single array is not copied. For many small arrays of integers, of which most are
    empty: then NumPy's function would take longer than all else.

    arrays (Sequence[numpy.ndarray]): Any number of arrays, each of shape (numbers,).
    RETURNS (numpy.ndarray): The numbers. It may be one of the arrays, and must not be changed.
    """
    filled = [array for array in arrays if len(array)]
    if len(filled) == 1:
        return filled[0]
    return numpy.concatenate(filled) if filled else numpy.zeros(0, dtype=numpy.int64)


def expand_ranges(firsts: numpy.ndarray, counts: numpy.ndarray) -> numpy.ndarray:
    """The numbers first, first + 1, ... of several ranges, one range after the other.

    firsts (numpy.ndarray): Where each range begins.
    counts (numpy.ndarray): How many numbers each has.
    RETURNS (numpy.ndarray): Shape (sum of counts,).
    """
    if len(firsts) == 1:
        return numpy.arange(firsts[0], firsts[0] + counts[0])
    before = numpy.cumsum(counts) - counts
    return numpy.arange(int(counts.sum())) - numpy.repeat(before - firsts, counts)
