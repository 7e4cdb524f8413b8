"""The sending side of a stream, in a thread: a source of texts may be slow, and answers are not to wait for it."""

import json
from collections.abc import Callable, Iterable, Mapping
from http.client import HTTPException
from threading import Condition, Thread, current_thread
from typing import Any

# The last chunk of a body.
END = b"0\r\n\r\n"
# Seconds to wait for the end of the thread.
PATIENCE = 1.0


class Feeder(Thread):
    """Reads texts and sends them, a line for each. It stays at most some lines ahead of the answers.

    texts (Iterable[str | Mapping[str, Any]]): The texts, which are read in this thread.
    send (Callable[[bytes], None]): Sends a piece of the body.
    ahead (int): The most lines without an answer.
    """

    def __init__(self, texts: Iterable[str | Mapping[str, Any]], send: Callable[[bytes], None], ahead: int) -> None:
        super().__init__(name="texts of a stream", daemon=True)
        self.error: BaseException | None = None
        self.is_cut = False
        self._texts, self._send, self._ahead = texts, send, ahead
        self._open = 0
        self._is_over = self._is_reading = False
        self._changed = Condition()

    def run(self) -> None:
        """Send all texts. An error of their source is kept as `error`; `is_cut` tells that the connection is closed."""
        try:
            texts = iter(self._texts)
            while self._has_room():
                try:
                    self._is_reading = True
                    text = next(texts)
                except StopIteration:
                    self._try(END)
                    return
                finally:
                    self._is_reading = False
                line = json.dumps({"text": text} if isinstance(text, str) else dict(text)).encode("ascii") + b"\n"
                if not self._try(b"%x\r\n%b\r\n" % (len(line), line)):
                    return
                self._count(1)
        except BaseException as err:  # whatever it is, it is raised where the answers are read
            self.error = err
        finally:
            self.stop()

    def wait(self) -> bool:
        """Wait for a line that was sent and has no answer.

        RETURNS (bool): False if there is none, and there will be none.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._open or self._is_over)
            return self._open > 0

    def count_answer(self) -> None:
        """Make room for another line, after an answer."""
        self._count(-1)

    def stop(self) -> None:
        """Send no more lines."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def end(self) -> None:
        """Wait until the thread has ended, after `stop`; but not while it reads a text, which may take any time."""
        if not self._is_reading and self is not current_thread():
            self.join(PATIENCE)

    def _has_room(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._open < self._ahead or self._is_over)
            return not self._is_over

    def _count(self, change: int) -> None:
        with self._changed:
            self._open += change
            self._changed.notify_all()

    def _try(self, data: bytes) -> bool:
        if not self._is_over:
            try:
                self._send(data)
            except (OSError, HTTPException):
                self.is_cut = True
        return not (self._is_over or self.is_cut)
