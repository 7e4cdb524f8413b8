"""Commands that end at once when they are interrupted."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console


@contextmanager
def ending_at_once() -> Iterator[None]:
    """End at Ctrl-C. Python would wait for the threads, which may wait for a server for minutes.

    YIELDS (None): Nothing.
    """

    def end(number: int, frame: FrameType | None) -> None:
        Console(stderr=True).show_cursor()  # the progress bar hides it
        os.write(2, b"Interrupted. The answers so far are kept; the same command resumes.\n")
        os._exit(128 + number)

    before = signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
