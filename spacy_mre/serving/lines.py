"""The lines of a body that arrives in pieces."""

from collections.abc import Iterator

TOO_LONG = None


class Lines:
    """Splits a body into lines. Memory does not grow with lines that are too long.

    limit (int): The most bytes of a line.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> Iterator[bytes | None]:
        """Add a piece of the body.

        piece (bytes): The piece.
        YIELDS (Optional[bytes]): Each line that ends in it; `TOO_LONG` for one that has too many bytes.

        >>> lines = Lines(4)
        >>> [*lines.feed(b"ab"), *lines.feed(b"c\\nabcde\\nd"), *lines.end()]
        [b'abc', None, b'd']
        """
        *ended, rest = piece.split(b"\n")
        for part in ended:
            self._add(part)
            yield self._take()
        self._add(rest)

    def end(self) -> Iterator[bytes | None]:
        """End the body.

        YIELDS (Optional[bytes]): The last line, if it does not end with a line break.
        """
        if self._size:
            yield self._take()

    def _add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self.limit:
            self._parts.clear()
        else:
            self._parts.append(part)

    def _take(self) -> bytes | None:
        line = TOO_LONG if self._size > self.limit else b"".join(self._parts)
        self._parts, self._size = [], 0
        return line
