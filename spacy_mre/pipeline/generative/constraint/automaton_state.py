"""A place in the grammar and, if something is copied there, in a text."""

import numpy

# Tokens, and the state or position to which each of them leads.
Edges = tuple[numpy.ndarray, numpy.ndarray]

NONE = numpy.zeros(0, dtype=numpy.int64)
NO_EDGES: Edges = NONE, NONE


class AutomatonState:
    """A place and its next tokens: first those that continue or start a copy at each of some positions, then others.

    tokens (numpy.ndarray): The tokens that may come next if the limit allows them, some more than once; shape (edges,).
    ends (numpy.ndarray): The state of the automaton to which each token leads or, numbered after these, the position
        in a copy; shape (edges,).
    near (tuple[numpy.ndarray, numpy.ndarray]): The tokens that reach over one border of a copy, and where they lead.
    far (tuple[numpy.ndarray, numpy.ndarray]): Those that reach over several borders.
    copy (int): The copy; -1 if nothing is copied here.
    counted (bool): Whether it is the last copy of a repetition.
    copying (bool): Whether the copy has started.
    lengths (Optional[numpy.ndarray]): See `Transitions`; of the other tokens.
    longest (int): The greatest of them; 0 if there are none.
    positions (numpy.ndarray): The positions in the text, sorted.
    firsts (list[int]): The first token of each position, and the end of the last one's.
    """

    __slots__ = (
        *("_following", "copy", "copying", "counted", "ends", "far", "firsts", "lengths", "longest"),
        *("near", "positions", "tokens"),
    )

    def __init__(
        self,
        tokens: numpy.ndarray,
        ends: numpy.ndarray,
        near: Edges = NO_EDGES,
        far: Edges = NO_EDGES,
        lengths: numpy.ndarray | None = None,
    ):
        self.lengths, self.longest = lengths, 0 if lengths is None else int(lengths.max(initial=0))
        self.tokens, self.ends, self.near, self.far = tokens, ends, near, far
        self.copy, self.counted, self.copying = -1, False, False
        self.positions, self.firsts = NONE, [0]
        self._following: dict[int, tuple[int, ...]] = {}

    def following(self, token: int) -> tuple[int, ...]:
        """RETURNS (tuple[int, ...]): Where a token leads, sorted; empty if it is not allowed."""
        if token not in self._following:
            edges = (self.tokens, self.ends), self.near, self.far
            ends = [ends[tokens == token].tolist() for tokens, ends in edges if len(tokens)]
            self._following[token] = tuple(sorted({end for some in ends for end in some}))
        return self._following[token]
