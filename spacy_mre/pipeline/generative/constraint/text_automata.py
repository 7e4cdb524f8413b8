"""The tokens that may come next if what is copied must occur in the text. The automaton of a format's grammar, joined
with the texts of a batch.

All texts of a batch lie in one array of bytes, escaped as a format writes them, and walk through the trie of all
tokens together: so it is known for every place which tokens go on from there, and where they end. A row that copies
is at all positions at once that agree with what it has copied.
"""

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy

from ....arrays import expand_ranges
from ....errors import Errors
from ..formats.escaping import escape
from .token_automaton import ENDED, FAR, Reached, TokenAutomaton
from .token_table import OTHER, WORD, Surface, TokenTable
from .token_trie import NOWHERE

Edges = tuple[numpy.ndarray, numpy.ndarray]


class AutomatonState:
    """The state of a row, and its next tokens.

    text (int): The number of its text.
    tokens (numpy.ndarray): The tokens that may come next if there is room enough, some more than once; shape (edges,).
    ends (numpy.ndarray): Where each of them leads: to a state of the automaton or, counted on from these, to a place
        of a copy; shape (edges,).
    """

    __slots__ = ("ends", "following", "text", "tokens")

    def __init__(self, text: int, tokens: numpy.ndarray, ends: numpy.ndarray):
        self.text, self.tokens, self.ends = text, tokens, ends
        self.following: dict[int, AutomatonState | None] = {}


class TextAutomata:
    """For each text of a batch, which tokens may come next.

    `surfaces` are the texts as they can be copied; `unwritable` holds, for each text, the characters that the
    tokenizer cannot write: nothing with them can be copied.

    automaton (TokenAutomaton): The grammar.
    texts (Sequence[str]): The texts.
    max_new_tokens (int): The most tokens to write, the end token among them.
    boundaries (Optional[Sequence[Collection[int]]]): For each text the offsets at which a copy may begin and end, such
        as the boundaries of words; by default all.
    RAISES (ValueError): There is a text about which nothing can be written, or nothing with so few tokens.
    """

    def __init__(
        self,
        automaton: TokenAutomaton,
        texts: Sequence[str],
        max_new_tokens: int,
        boundaries: Sequence[Collection[int]] | None = None,
    ):
        self.automaton = automaton
        self.max_new_tokens = max_new_tokens
        self.surfaces = [automaton.table.surface(text) for text in texts]
        self._lay_out(boundaries or [None] * len(texts))
        self._add_tokens()
        self._copy_costs = [self._copy_cost(text) for text in range(len(texts))]
        self._enough = [self._longest_way(text) for text in range(len(texts))]
        self._bounds: dict[int, numpy.ndarray] = {}
        self._states: dict[tuple[int, ...], AutomatonState] = {}
        self._entering: dict[tuple[int, int, int], Edges] = {}
        self._ended = AutomatonState(-1, numpy.asarray([automaton.end_token]), numpy.asarray([ENDED]))
        for text, cost in zip(texts, self._copy_costs):
            least = int(automaton.distances(cost)[automaton.start])
            if least >= FAR:
                raise ValueError(Errors.M924.format(text=text[:40]))
            if least > max_new_tokens:
                raise ValueError(Errors.M922.format(given=max_new_tokens, least=least, text=text[:40]))

    def __len__(self) -> int:
        return len(self.surfaces)

    def start(self, text: int) -> AutomatonState:
        """RETURNS (AutomatonState): The state before the first token about a text, given by its number."""
        return self._state(text, numpy.asarray([self.automaton.start]))

    def step(self, state: AutomatonState, token: int) -> AutomatonState | None:
        """Write a token.

        state (AutomatonState): The state before it.
        token (int): The token.
        RETURNS (Optional[AutomatonState]): The state after it; None if the token is not allowed. After the end token,
            anything is allowed.
        """
        if state is self._ended:
            return state
        if token not in state.following:
            ends = state.ends[state.tokens == token]
            state.following[token] = self._state(state.text, ends) if len(ends) else None
        return state.following[token]

    def allowed(self, state: AutomatonState, written: int) -> numpy.ndarray:
        """Which tokens may come next, so that the string can still be ended in time.

        state (AutomatonState): The state.
        written (int): How many tokens are written already.
        RETURNS (numpy.ndarray): The tokens, some more than once; never empty, if only such tokens were written.
        """
        left = self.max_new_tokens - written
        if state is self._ended or left > self._enough[state.text]:
            return state.tokens
        return state.tokens[self._bounds_of(state.text)[state.ends] < left]

    # The texts, and the tokens that write pieces of them

    def _lay_out(self, boundaries: Sequence[Collection[int] | None]) -> None:
        """The texts one after the other, with a place behind each that no token goes beyond."""
        parts = [
            _lay_out(surface, self.automaton.table, of_text) for surface, of_text in zip(self.surfaces, boundaries)
        ]
        self._first_places = numpy.cumsum([0, *(len(part.data) for part in parts)])
        nothing = _Layout(*(numpy.zeros(0, dtype) for dtype in (numpy.int64, bool, bool, bool, numpy.int64)))
        self._layout = _Layout(*(numpy.concatenate(arrays) for arrays in zip(nothing, *parts)))
        self._starts = numpy.flatnonzero(self._layout.can_start)
        self._first_starts = numpy.searchsorted(self._starts, self._first_places)

    def _add_tokens(self) -> None:
        """Find the tokens that go on from each place within a copy; and, in rows behind those of the places, the
        tokens with which a copy begins."""
        table, places = self.automaton.table, numpy.arange(len(self._layout.data))
        nodes_to_go_on = numpy.where(self._layout.after_word, table.roots[WORD], table.roots[OTHER])
        roots = sorted({self.automaton.root(state) for state in numpy.flatnonzero(self.automaton.copies >= 0).tolist()})
        self._begin_rows = {root: len(places) + i * len(self._starts) for i, root in enumerate(roots)}
        rows, nodes, ends = self._follow(
            numpy.concatenate([nodes_to_go_on, *(numpy.full_like(self._starts, root) for root in roots)]),
            numpy.concatenate([places, *(self._starts for _ in roots)]),
        )
        self._crossing_rows, self._crossings = self._find_crossings(rows, nodes, ends)
        counts = table.trie.counts[nodes]
        rows, tokens, ends = numpy.repeat(rows, counts), table.trie.tokens(nodes), numpy.repeat(ends, counts)
        self._to_end = self._distances_to_end(rows, ends)
        kept = numpy.flatnonzero(self._to_end[ends] < FAR)
        kept = kept[numpy.argsort(rows[kept], kind="stable")]
        rows, self._tokens, self._ends = rows[kept], tokens[kept], ends[kept]
        self._firsts = numpy.searchsorted(rows, numpy.arange(len(places) + len(roots) * len(self._starts) + 1))
        within = rows < len(places)
        self.unwritable = self._find_unwritable(rows[within], self._ends[within])

    def _follow(
        self, nodes: numpy.ndarray, places: numpy.ndarray
    ) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
        """Walk on through the texts and the trie from pairs of a node and a place: the number of the pair, the node
        and the place at every step."""
        rows = numpy.arange(len(nodes))
        steps = [(rows[:0], nodes[:0], places[:0])]
        while len(rows):
            nodes = self.automaton.table.trie.children(nodes, self._layout.data[places])
            found = numpy.flatnonzero(nodes >= 0)
            rows, nodes, places = rows[found], nodes[found], places[found] + 1
            steps.append((rows, nodes, places))
        rows, nodes, places = (numpy.concatenate(arrays) for arrays in zip(*steps))
        return rows, nodes, places

    def _find_crossings(self, rows: numpy.ndarray, nodes: numpy.ndarray, ends: numpy.ndarray) -> Edges:
        """Where tokens go on beyond the end of a copy: the rows, sorted, and the node there."""
        trie = self.automaton.table.trie
        at_end = numpy.flatnonzero(self._layout.can_end[ends] & trie.grows[nodes])
        leaves = numpy.zeros(len(at_end), dtype=bool)
        for byte in self.automaton.exit_bytes:
            leaves |= trie.children(nodes[at_end], numpy.full(len(at_end), byte)) >= 0
        at_end = at_end[leaves]
        at_end = at_end[numpy.argsort(rows[at_end], kind="stable")]
        return rows[at_end], nodes[at_end]

    def _distances_to_end(self, rows: numpy.ndarray, ends: numpy.ndarray) -> numpy.ndarray:
        """The fewest tokens from each place to one where a copy can end: mostly none, but a few from within a
        character or a run of spaces."""
        can_end = self._layout.can_end
        distances = numpy.where(can_end, 0, FAR)
        needed = numpy.flatnonzero(rows < len(can_end))
        needed = needed[~can_end[rows[needed]]]
        rows, ends = rows[needed], ends[needed]
        before = None
        while before is None or (before != distances).any():
            before = distances.copy()
            numpy.minimum.at(distances, rows, numpy.minimum(distances[ends] + 1, FAR))
        return distances

    def _find_unwritable(self, rows: numpy.ndarray, ends: numpy.ndarray) -> list[str]:
        size = len(self._layout.data) + 1
        covered = numpy.cumsum(numpy.bincount(rows, minlength=size) - numpy.bincount(ends, minlength=size))[:-1] > 0
        found = []
        for surface, first, last in zip(self.surfaces, self._first_places[:-1], self._first_places[1:]):
            missed = numpy.unique(self._layout.chars[first : last - 1][~covered[first : last - 1]])
            found.append("".join(char for char in (surface.string[i] for i in missed) if not char.isspace()))
        return found

    # How far it is to the end

    def _copy_cost(self, text: int) -> int:
        """The fewest tokens with which something of a text can be copied; FAR if there is nothing."""
        first, last = self._first_starts[text : text + 2]
        ends = [self._ends[self._firsts[row + first] : self._firsts[row + last]] for row in self._begin_rows.values()]
        return max((1 + int(self._to_end[some].min(initial=FAR - 1)) for some in ends), default=FAR)

    def _longest_way(self, text: int) -> int:
        """At least as many tokens as it takes to the end from anywhere; FAR if not every state has a way there, as
        there is nothing to copy."""
        if self._copy_costs[text] == FAR:
            return FAR
        to_end = self._to_end[self._first_places[text] : self._first_places[text + 1]]
        distances = self.automaton.distances(self._copy_costs[text])
        return int(distances[distances < FAR].max() + to_end[to_end < FAR].max(initial=0))

    def _bounds_of(self, text: int) -> numpy.ndarray:
        """The distances from all states and places."""
        cost = self._copy_costs[text]
        if cost not in self._bounds:
            distances = self.automaton.distances(cost)
            within = distances[self.automaton.leaving][:, None] + self._to_end
            self._bounds[cost] = numpy.concatenate([distances, within.reshape(-1)])
        return self._bounds[cost]

    # The states of rows

    def _state(self, text: int, ends: numpy.ndarray) -> AutomatonState:
        """The state at one state of the automaton, or at some places of a copy."""
        first, size = int(ends[0]), len(self.automaton)
        if first == ENDED:
            return self._ended
        key = (text, first) if first < size else (text, *ends.tolist())
        if key not in self._states:
            if first >= size:
                copy, _ = divmod(first - size, len(self._layout.data))
                edges = self._going_on(text, copy, ends - self._offset(copy))
            elif self.automaton.copies[first] >= 0:
                edges = self._beginning(text, first)
            else:
                edges = self._joined(text, [self.automaton.reached(first)])
            self._states[key] = AutomatonState(text, *edges)
        return self._states[key]

    def _beginning(self, text: int, state: int) -> Edges:
        """How a copy can begin."""
        rows = self._begin_rows[self.automaton.root(state)] + numpy.arange(*self._first_starts[text : text + 2])
        return self._copying(text, int(self.automaton.copies[state]), rows, [self.automaton.reached(state)])

    def _going_on(self, text: int, copy: int, places: numpy.ndarray) -> Edges:
        """How a copy can go on and, if it is at an end, what can follow."""
        at_end = self._layout.can_end[places].any()
        return self._copying(
            text, copy, places, [self.automaton.reached(int(self.automaton.leaving[copy]))] if at_end else []
        )

    def _copying(self, text: int, copy: int, rows: numpy.ndarray, beyond: list[Reached]) -> Edges:
        edges = expand_ranges(self._firsts[rows], self._firsts[rows + 1] - self._firsts[rows])
        firsts, lasts = (numpy.searchsorted(self._crossing_rows, rows, side=side) for side in ("left", "right"))
        crossings = self._crossings[expand_ranges(firsts, lasts - firsts)]
        return self._joined(
            text,
            [*beyond, *self._crossed(copy, crossings)],
            (self._tokens[edges], self._ends[edges] + self._offset(copy)),
        )

    def _crossed(self, copy: int, crossings: numpy.ndarray) -> list[Reached]:
        """Where tokens lead that begin within a copy and end behind it."""
        return [
            self.automaton.reached_within(node, int(self.automaton.leaving[copy]))
            for node in numpy.unique(crossings).tolist()
        ]

    def _joined(self, text: int, reached: Sequence[Reached], *edges: Edges) -> Edges:
        """All edges, with those of tokens that begin before a copy and end within it."""
        parts = [*edges, *((some.tokens, some.ends) for some in reached)]
        parts += [self._entered(text, node, state) for some in reached for node, state in some.entered]
        if len(parts) == 1:
            return parts[0]
        return numpy.concatenate([tokens for tokens, _ in parts]), numpy.concatenate([ends for _, ends in parts])

    def _entered(self, text: int, node: int, state: int) -> Edges:
        """The tokens in whose middle a copy begins, at a node of the trie."""
        if (text, node, state) not in self._entering:
            starts = self._starts[slice(*self._first_starts[text : text + 2])]
            rows, nodes, ends = self._follow(numpy.full_like(starts, node), starts)
            copy, trie = int(self.automaton.copies[state]), self.automaton.table.trie
            crossed = self._crossed(copy, self._find_crossings(rows, nodes, ends)[1])
            tokens, ends = trie.tokens(nodes), numpy.repeat(ends, trie.counts[nodes])
            kept = self._to_end[ends] < FAR
            self._entering[text, node, state] = self._joined(
                text, crossed, (tokens[kept], ends[kept] + self._offset(copy))
            )
        return self._entering[text, node, state]

    def _offset(self, copy: int) -> int:
        """What is added to places, so that they are numbers behind those of the states of the automaton, others for
        every copy."""
        return len(self.automaton) + copy * len(self._layout.data)


class _Layout(NamedTuple):
    """Escaped texts as bytes. All arrays have one element per place.

    data (numpy.ndarray): The byte behind the place, NOWHERE at the end of a text.
    can_start (numpy.ndarray): Whether a copy can start here.
    can_end (numpy.ndarray): Whether a copy can end here.
    after_word (numpy.ndarray): Whether the character before it counts as that of a word, in the sense of `TokenTable`.
    chars (numpy.ndarray): The character to which the byte belongs.
    """

    data: numpy.ndarray
    can_start: numpy.ndarray
    can_end: numpy.ndarray
    after_word: numpy.ndarray
    chars: numpy.ndarray


def _lay_out(surface: Surface, table: TokenTable, allowed: Collection[int] | None) -> _Layout:
    """Copies start and end at solid characters, and at allowed offsets. If a character of the text became several, it
    is copied whole."""
    string, firsts, lasts = surface
    written = [_escaped(char) for char in string]
    boundaries = numpy.cumsum([0, *map(len, written)])
    solid = ~numpy.asarray([char.isspace() for char in string], dtype=bool)
    apart = numpy.where(solid, firsts, FAR)[1:] >= numpy.where(solid, lasts, 0)[:-1]
    can_start, can_end, after_word = numpy.zeros((3, boundaries[-1] + 1), dtype=bool)
    can_start[boundaries[:-1]] = solid & numpy.append(True, apart)[: len(solid)]
    can_end[boundaries[1:]] = solid & numpy.append(apart, True)[: len(solid)]
    if allowed is not None:
        offsets = numpy.fromiter(allowed, dtype=numpy.int64)
        can_start[boundaries[:-1]] &= numpy.isin(firsts, offsets)
        can_end[boundaries[1:]] &= numpy.isin(lasts, offsets)
    after_word[boundaries[1:]] = [table.context_after(char) == WORD for char in string]
    data = numpy.append(numpy.frombuffer(b"".join(written), dtype=numpy.uint8).astype(numpy.int64), NOWHERE)
    chars = numpy.append(numpy.repeat(numpy.arange(len(string)), numpy.diff(boundaries)), len(string))
    return _Layout(data, can_start, can_end, after_word, chars)


@lru_cache(maxsize=65536)
def _escaped(char: str) -> bytes:
    return escape(char).encode("utf8")
