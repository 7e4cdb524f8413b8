"""What a row has written so far: its repetitions, and how often each of them may still be written."""

import re
from collections.abc import Callable

from ..formats.escaping import DELIMITERS, ESCAPE, MAX_WORD
from ..formats.grammar import Grammar
from .token_table import BEGIN, OTHER, TokenTable

_DELIMITERS = DELIMITERS.encode("utf8")
(_ESCAPE,) = ESCAPE.encode("utf8")
_SPECIAL = re.compile(f"[{re.escape(DELIMITERS + ESCAPE)}]".encode())

# The number of places of an escaped string in the text.
CountPlaces = Callable[[bytes], int]


class Written:
    """The beginning of a string. Objects are not changed: `after` returns another one.

    banned (dict[bytes, frozenset[bytes]]): For each beginning of a repetition, up to its last copy, the copies with
        which it was written as often as it may be; escaped.
    prefix (bytes): The current repetition up to the current copy.
    copied (Optional[bytes]): The current copy so far, escaped; None outside of a copy.
    """

    def __init__(self, grammar: Grammar):
        self._state = grammar.start
        self._context = BEGIN
        # The bytes of an incomplete character, and whether the last one was a backslash.
        self._pending, self._escaped = b"", False
        # The current repetition, the number of places for its copies so far, and how often each one was written.
        self._item, self._most = b"", 1
        self._counts: dict[bytes, int] = {}
        # The same before the current repetition within another one began: what is within is counted anew in each.
        self._outer: tuple[dict[bytes, int], dict[bytes, frozenset[bytes]]] | None = None
        self.banned: dict[bytes, frozenset[bytes]] = {}
        self.prefix = b""
        self._length = 0
        self.copied: bytes | None = b"" if grammar.copies(grammar.start) else None

    @property
    def key(self) -> tuple:
        """RETURNS (tuple): Equal for two beginnings with the same continuations."""
        counts = frozenset(self._counts.items())
        return self._state, self._context, self._pending, self._escaped, self._item, self._most, self.copied, counts

    @property
    def word_length(self) -> int:
        """RETURNS (int): The characters of the current free word so far."""
        return self._length + bool(self._pending)

    @property
    def banned_here(self) -> frozenset[bytes]:
        """RETURNS (frozenset[bytes]): The strings with which the current copy must not end."""
        return self.banned.get(self.prefix, frozenset()) if self.copied is not None else frozenset()

    @property
    def is_near_banned(self) -> bool:
        """RETURNS (bool): Whether what is written can be continued to something that is banned."""
        if self.copied is not None:
            copied = self.copied
            return any(name.startswith(copied) for name in self.banned_here)
        return any(prefix.startswith(self._item) for prefix in self.banned)

    @property
    def most_banned(self) -> int:
        """RETURNS (int): The most copies that are banned after the same beginning."""
        return max(map(len, self.banned.values()), default=0)

    def after(self, token: int, table: TokenTable, grammar: Grammar, places: CountPlaces) -> "Written | None":
        """Write a token that the automaton allows.

        token (int): The token.
        table (TokenTable): The strings of the tokens.
        grammar (Grammar): The grammar.
        places (Callable[[bytes], int]): The number of places of an escaped string in the text.
        RETURNS (Optional[Written]): The string with the token; None if it has a repetition too often, or too long a
            word.
        """
        data = table.writes(token, self._context)
        new = object.__new__(Written)
        new.__dict__.update(self.__dict__)
        if not data:
            new._context = OTHER if self._context == BEGIN else self._context
        elif self.copied is not None and not self._escaped and not _SPECIAL.search(data):
            new.copied = self.copied + data
            new._context = table.context_after(data.decode("utf8", "replace")[-1])
        else:
            for byte in data:
                if not new._write(byte, grammar, places):
                    return None
            new._context = table.context_after(data.decode("utf8", "replace")[-1])
        return new

    def _write(self, byte: int, grammar: Grammar, places: CountPlaces) -> bool:
        if self.copied is not None:
            if self._escaped or byte not in _DELIMITERS:
                self._escaped = byte == _ESCAPE and not self._escaped
                self.copied += bytes([byte])
                return True
            if not self._end_copy(self.copied, grammar, places):
                return False
        self._pending += bytes([byte])
        try:
            char = self._pending.decode("utf8")
        except UnicodeDecodeError:
            return True
        if grammar.begins(self._state, char):
            self._item, self._most = b"", 1
            if self._outer is not None:
                (self._counts, self.banned), self._outer = self._outer, None
        elif grammar.begins_within(self._state, char):
            self._item, self._most = b"", 1
            self._outer = self._outer or (self._counts, self.banned)
        state = grammar.step(self._state, char)
        if state is None:
            return False
        self._state = state
        self._item += self._pending
        self._pending = b""
        self._length = self._length + 1 if grammar.in_word(state) else 0
        if self._length > MAX_WORD:
            return False
        if grammar.copies(state):
            self.copied, self.prefix = b"", self._item
        return True

    def _end_copy(self, copied: bytes, grammar: Grammar, places: CountPlaces) -> bool:
        self._item += copied
        self._most *= places(copied)
        self.copied = None
        if not grammar.counted(self._state):
            return True
        count = self._counts.get(self._item, 0) + 1
        if count > self._most:
            return False
        self._counts = {**self._counts, self._item: count}
        if count == self._most:
            self.banned = {**self.banned, self.prefix: self.banned.get(self.prefix, frozenset()) | {copied}}
        return True
