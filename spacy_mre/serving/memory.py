"""Keeps the memory of a long-running process level."""

import ctypes
import sys

# To give memory back takes about 7 ms, and the next batch takes some of it again: a hundredth of the time of these.
BATCHES = 20


class FreedMemory:
    """What batches have freed. They have all sizes, so their arrays leave gaps in the heap; glibc keeps the gaps, and
    takes new memory for what does not fit.

    batches (int): After so many, it is given back. Default: 20.
    """

    def __init__(self, batches: int = BATCHES) -> None:
        # Other C libraries give memory back by themselves.
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
        self._batches = batches
        self._count = 0

    def add_batch(self) -> None:
        """Count a batch that is done, and give the memory back if it is time."""
        self._count += 1
        if self._count >= self._batches:
            self.give_back()

    def give_back(self) -> bool:
        """Give the memory back, if there was a batch since the last time.

        RETURNS (bool): Whether memory was given back.
        """
        if self._trim is None or not self._count:
            return False
        self._count = 0
        return bool(self._trim(0))
