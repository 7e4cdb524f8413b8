"""Gives freed memory back to the system: batches of all sizes leave gaps in the heap of the C library, which keeps them
and takes new memory for what does not fit."""

import ctypes
import sys
import time

# Seconds. To give memory back takes about 10 ms.
INTERVAL = 10.0


class FreedMemory:
    """The memory that this process has freed, but not given back.

    interval (float): Seconds between two times that it is given back. Default: 10.
    """

    def __init__(self, interval: float = INTERVAL) -> None:
        # Of glibc. The C libraries of other systems give memory back by themselves.
        self._trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
        self._interval = interval
        self._last = time.monotonic()

    def give_back(self) -> bool:
        """Give it back, if the last time is long enough ago.

        RETURNS (bool): Whether it was done.
        """
        if self._trim is None or time.monotonic() - self._last < self._interval:
            return False
        self._trim(0)
        self._last = time.monotonic()
        return True
