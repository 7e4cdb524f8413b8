"""What a string can copy from a text, for grammars that other programs read."""

import re
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise

from .escaping import escape

_SURROGATE = re.compile(r"[\ud800-\udfff]")


def copy_chunks(text: str, boundaries: Collection[int] | None = None) -> list[str]:
    r"""Split a text so that its copies are the sequences of adjacent chunks, except those with white space at an end.

    >>> copy_chunks(" AC/DC ")
    ['A', 'C', '\\/', 'D', 'C']
    >>> copy_chunks("Ida met Bo", {0, 3, 4, 7, 8, 10})
    ['Ida', ' ', 'met', ' ', 'Bo']

    text (str): The text. Halves of surrogate pairs, which no tokenizer writes, become U+FFFD.
    boundaries (Optional[Collection[int]]): The offsets at which a copy may start and end. Default: all offsets.
    RETURNS (list[str]): The chunks, escaped, from the first possible start of a copy to the last possible end; empty if
        there is no copy.
    """
    text = _SURROGATE.sub("\ufffd", text)
    offsets = range(len(text) + 1) if boundaries is None else sorted(set(boundaries))
    starts = [offset for offset in offsets if 0 <= offset < len(text) and not text[offset].isspace()]
    ends = [offset for offset in offsets if 0 < offset <= len(text) and not text[offset - 1].isspace()]
    if not starts or not ends or starts[0] >= ends[-1]:
        return []
    cuts = [offset for offset in offsets if starts[0] <= offset <= ends[-1]]
    return [escape(text[start:end]) for start, end in pairwise(cuts)]


class CopyAutomaton:
    """The copies of a text as an automaton whose edges are chunks: its suffix automaton (Blumer et al. 1985), without
    what starts or ends with white space. It has at most twice as many states as the text has chunks.

    State 0 is the start. A state that is not reached from it has no meaning.

    chunks (Sequence[str]): What `copy_chunks` returns.
    """

    def __init__(self, chunks: Sequence[str]):
        self.edges: list[dict[str, int]] = [{}]
        # All strings that lead to a state end with the same chunk.
        self.accepting: list[bool] = [False]
        self._links = [-1]
        self._lengths = [0]
        last = 0
        for chunk in chunks:
            last = self._extend(last, chunk)
        self.edges[0] = {chunk: state for chunk, state in self.edges[0].items() if not chunk[0].isspace()}

    def reached(self) -> Iterable[int]:
        """RETURNS (Iterable[int]): The states that the start reaches, the start first."""
        reached, waiting = {0: None}, [0]
        while waiting:
            for state in self.edges[waiting.pop()].values():
                if state not in reached:
                    reached[state] = None
                    waiting.append(state)
        return reached

    def _new(self, length: int, edges: dict[str, int], link: int, accepting: bool) -> int:
        self.edges.append(edges)
        self.accepting.append(accepting)
        self._links.append(link)
        self._lengths.append(length)
        return len(self.edges) - 1

    def _extend(self, last: int, chunk: str) -> int:
        """Add a chunk to the text. Returns the state of the whole text."""
        new = self._new(self._lengths[last] + 1, {}, 0, not chunk[-1].isspace())
        state = last
        while state >= 0 and chunk not in self.edges[state]:
            self.edges[state][chunk] = new
            state = self._links[state]
        if state >= 0:
            self._links[new] = self._shortest(state, chunk)
        return new

    def _shortest(self, state: int, chunk: str) -> int:
        """The state after an edge, without the strings that are longer than those of the state before it."""
        after, length = self.edges[state][chunk], self._lengths[state] + 1
        if self._lengths[after] == length:
            return after
        copy = self._new(length, dict(self.edges[after]), self._links[after], self.accepting[after])
        self._links[after] = copy
        while state >= 0 and self.edges[state].get(chunk) == after:
            self.edges[state][chunk] = copy
            state = self._links[state]
        return copy
