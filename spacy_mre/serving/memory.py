"""Keeps the memory of a long-running process level."""

import ctypes
import sys

# glibc's name of the setting in mallopt, and bytes.
M_MMAP_THRESHOLD, THRESHOLD = -3, 256 * 1024


def return_large_arrays() -> bool:
    """Let the C library give the memory of large arrays back as soon as they are freed.

    Batches have all sizes, so their arrays leave gaps in the heap, and glibc takes new memory for what does not fit. It
    would not for arrays of more than 128 kB, but raises that limit to the size of any that is freed, up to 32 MB.

    RETURNS (bool): Whether there was something to do. Other C libraries give memory back by themselves.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(M_MMAP_THRESHOLD, THRESHOLD) == 1
