"""The tokens that may come next if copies must occur in the text: a `TokenAutomaton`, joined with the texts of a batch.

All texts of a batch are in one array of bytes, escaped as in a string of the format, and are looked up in the trie of
all tokens at once. So for each position, the tokens that continue a copy there are known, and where they end. While a
row copies, it is at all positions that match the copied string.
"""

from collections.abc import Collection, Sequence

import numpy

from ....arrays import concatenate, expand_ranges
from ....errors import Errors
from .automaton_state import NO_EDGES, AutomatonState, Edges
from .names import Names
from .text_layout import TextLayout, lay_out
from .token_automaton import ENDED, UNREACHABLE, Entries, TokenAutomaton, Transitions
from .token_table import OTHER, WORD


class TextAutomata:
    """The tokens that may come next, for each text of a batch.

    `surfaces` contains the texts as they can be copied, `names` the copies, and `unwritable` the characters of each
    text that the tokenizer cannot write and that no copy can contain.

    automaton (TokenAutomaton): The grammar.
    texts (Sequence[str]): The texts.
    max_new_tokens (int): The most tokens to generate, including the end token.
    boundaries (Optional[Sequence[Collection[int]]]): For each text the offsets at which a copy may start and end, such
        as word boundaries. Default: all offsets.
    RAISES (ValueError): If there is no string for a text, or none within the limit.
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
        self._lay_out_texts(boundaries or [None] * len(texts))
        self._add_tokens()
        rows = list(self._start_rows.values())
        self.names = Names(
            self._layout, self._first_positions, self._starts, rows, self._firsts, self._ends, self._to_end
        )
        self._longest_paths: dict[tuple[int, int], int] = {}
        self._bounds: dict[int, numpy.ndarray] = {}
        # By text and by where its rows are; and where nothing of a text is, so that it is the same for all of them.
        self._states: dict[tuple[int, tuple[int, ...]], AutomatonState] = {}
        self._common: dict[int, AutomatonState] = {}
        self._entry_edges: dict[tuple[int, int], tuple[Edges, Edges]] = {}
        self.end_state = AutomatonState(numpy.asarray([automaton.end_token]), numpy.asarray([ENDED]))
        for index, text in enumerate(texts):
            least = self.least(index)
            if least >= UNREACHABLE:
                raise ValueError(Errors.M924.format(text=text[:40]))
            if least > max_new_tokens:
                raise ValueError(Errors.M922.format(given=max_new_tokens, least=least, text=text[:40]))

    def __len__(self) -> int:
        return len(self.surfaces)

    def start(self, text: int) -> AutomatonState:
        """RETURNS (AutomatonState): The state before the first token, for the text with this index."""
        return self._state(text, (self.automaton.start,))

    def step(self, text: int, state: AutomatonState, token: int) -> AutomatonState | None:
        """The state after a token.

        text (int): The index of the text.
        state (AutomatonState): The state before it.
        token (int): The token.
        RETURNS (Optional[AutomatonState]): The next state; None if the token is not allowed. After the end token, all
            tokens are allowed.
        """
        if state is self.end_state:
            return state
        ends = state.following(token)
        return self._state(text, ends) if ends else None

    def least(self, text: int) -> int:
        """RETURNS (int): The fewest tokens of a string for a text."""
        return int(self.automaton.distances(self.names.cost(text, 0))[self.automaton.start])

    # The texts, and the tokens that write parts of them

    def _lay_out_texts(self, boundaries: Sequence[Collection[int] | None]) -> None:
        """Concatenate the texts, each with a last position that no token passes."""
        table = self.automaton.table
        parts = [lay_out(surface, table, allowed) for surface, allowed in zip(self.surfaces, boundaries)]
        self._first_positions = numpy.cumsum([0, *(len(part.data) for part in parts)])
        self._layout = TextLayout.concatenate(parts)
        self._starts = numpy.flatnonzero(self._layout.can_start)
        self._first_starts = numpy.searchsorted(self._starts, self._first_positions)

    def _add_tokens(self) -> None:
        """Find the tokens that continue a copy at each position and, in further rows, those that start a copy."""
        table, positions = self.automaton.table, numpy.arange(len(self._layout.data))
        roots_within = numpy.where(self._layout.after_word, table.roots[WORD], table.roots[OTHER])
        copying = numpy.flatnonzero(self.automaton.copies >= 0).tolist()
        roots = sorted({self.automaton.root(state) for state in copying})
        self._start_rows = {root: len(positions) + i * len(self._starts) for i, root in enumerate(roots)}
        rows, nodes, ends = self._follow(
            numpy.concatenate([roots_within, *(numpy.full_like(self._starts, root) for root in roots)]),
            numpy.concatenate([positions, *(self._starts for _ in roots)]),
        )
        crossing_rows, self._crossings = self._find_crossings(rows, nodes, ends)
        counts = table.trie.counts[nodes]
        rows, tokens, ends = numpy.repeat(rows, counts), table.trie.tokens(nodes), numpy.repeat(ends, counts)
        self._to_end = self._distances_to_end(rows, ends)
        kept = numpy.flatnonzero(self._to_end[ends] < UNREACHABLE)
        kept = kept[numpy.argsort(rows[kept], kind="stable")]
        rows, self._tokens, self._ends = rows[kept], tokens[kept], ends[kept]
        bounds = numpy.arange(len(positions) + len(roots) * len(self._starts) + 1)
        self._firsts, self._first_crossings = (numpy.searchsorted(of, bounds) for of in (rows, crossing_rows))
        within = rows < len(positions)
        self.unwritable = self._find_unwritable(rows[within], self._ends[within])

    def _follow(
        self, nodes: numpy.ndarray, positions: numpy.ndarray
    ) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
        """Follow the texts through the trie, from pairs of a node and a position. Returns the index of the pair, the
        node and the position of every step."""
        rows = numpy.arange(len(nodes))
        steps = [(rows[:0], nodes[:0], positions[:0])]
        while len(rows):
            nodes = self.automaton.table.trie.children(nodes, self._layout.data[positions])
            found = numpy.flatnonzero(nodes >= 0)
            rows, nodes, positions = rows[found], nodes[found], positions[found] + 1
            steps.append((rows, nodes, positions))
        rows, nodes, positions = (numpy.concatenate(arrays) for arrays in zip(*steps))
        return rows, nodes, positions

    def _find_crossings(self, rows: numpy.ndarray, nodes: numpy.ndarray, ends: numpy.ndarray) -> Edges:
        """The tokens that cross the end of a copy: the rows, sorted, and the node at the end of the copy."""
        trie = self.automaton.table.trie
        at_end = numpy.flatnonzero(self._layout.can_end[ends] & trie.grows[nodes])
        leaves = numpy.zeros(len(at_end), dtype=bool)
        for byte in self.automaton.exit_bytes:
            leaves |= trie.children(nodes[at_end], numpy.full(len(at_end), byte)) >= 0
        at_end = at_end[leaves]
        at_end = at_end[numpy.argsort(rows[at_end], kind="stable")]
        return rows[at_end], nodes[at_end]

    def _distances_to_end(self, rows: numpy.ndarray, ends: numpy.ndarray) -> numpy.ndarray:
        """The fewest tokens from each position to one where a copy can end: none, except within a character or a
        sequence of spaces."""
        can_end = self._layout.can_end
        distances = numpy.where(can_end, 0, UNREACHABLE)
        needed = numpy.flatnonzero(rows < len(can_end))
        needed = needed[~can_end[rows[needed]]]
        rows, ends = rows[needed], ends[needed]
        before = None
        while before is None or (before != distances).any():
            before = distances.copy()
            numpy.minimum.at(distances, rows, numpy.minimum(distances[ends] + 1, UNREACHABLE))
        return distances

    def _find_unwritable(self, rows: numpy.ndarray, ends: numpy.ndarray) -> list[str]:
        """The characters of each text that no token covers."""
        size = len(self._layout.data) + 1
        covered = numpy.cumsum(numpy.bincount(rows, minlength=size) - numpy.bincount(ends, minlength=size))[:-1] > 0
        found = []
        for surface, first, last in zip(self.surfaces, self._first_positions[:-1], self._first_positions[1:]):
            missed = numpy.unique(self._layout.chars[first : last - 1][~covered[first : last - 1]])
            found.append("".join(char for char in (surface.string[i] for i in missed) if not char.isspace()))
        return found

    # Distances to the end, in tokens

    def longest_path(self, text: int, cost: int) -> int:
        """An upper bound of the distances to the end.

        text (int): The index of the text.
        cost (int): The most tokens that the next copies need.
        RETURNS (int): The bound; UNREACHABLE if there is no copy, because then some states have no path to the end.
        """
        if cost >= UNREACHABLE:
            return UNREACHABLE
        if (text, cost) not in self._longest_paths:
            to_end = self._to_end[self._first_positions[text] : self._first_positions[text + 1]]
            distances = self.automaton.distances(cost)
            longest = distances[distances < UNREACHABLE].max() + to_end[to_end < UNREACHABLE].max(initial=0)
            self._longest_paths[text, cost] = int(longest)
        return self._longest_paths[text, cost]

    def bounds(self, cost: int) -> numpy.ndarray:
        """RETURNS (numpy.ndarray): The distances of all states and positions to the end, if the next copies need this
        number of tokens."""
        if cost not in self._bounds:
            distances = self.automaton.distances(cost)
            within = distances[self.automaton.leaving][:, None] + self._to_end
            self._bounds[cost] = numpy.concatenate([distances, within.reshape(-1)])
        return self._bounds[cost]

    def offset(self, copy: int) -> int:
        """RETURNS (int): The number of the first position of a copy: positions are numbered after the states, for each
        copy anew."""
        return len(self.automaton) + copy * len(self._layout.data)

    def position(self, end: int) -> tuple[int, int]:
        """RETURNS (tuple[int, int]): The copy and the position of a number that is not a state."""
        return divmod(end - len(self.automaton), len(self._layout.data))

    # The states of rows

    def _state(self, text: int, ends: tuple[int, ...]) -> AutomatonState:
        """The state of a row at a state of the automaton, or at positions in a copy."""
        first = ends[0]
        if first == ENDED:
            return self.end_state
        if first in self._common:
            return self._common[first]
        if first < len(self.automaton):
            ends = ends[:1]
        if (text, ends) not in self._states:
            self._states[text, ends] = self._new_state(text, ends)
        return self._states[text, ends]

    def _new_state(self, text: int, ends: tuple[int, ...]) -> AutomatonState:
        first, size = ends[0], len(self.automaton)
        if first >= size:
            copy, _ = self.position(first)
            return self._continue_copy(text, copy, numpy.asarray(ends) - self.offset(copy))
        if self.automaton.copies[first] >= 0:
            return self._start_copy(text, first)
        direct = self.automaton.transitions(first)
        made = AutomatonState(direct.tokens, direct.ends, *self._crossing(text, (), [direct]), direct.lengths)
        if not direct.entries:
            self._common[first] = made
        return made

    def _start_copy(self, text: int, state: int) -> AutomatonState:
        """The tokens that start a copy."""
        starts = numpy.arange(*self._first_starts[text : text + 2])
        rows, copy = self._start_rows[self.automaton.root(state)] + starts, int(self.automaton.copies[state])
        return self._copying(text, copy, self._starts[starts], rows, [self.automaton.transitions(state)])

    def _continue_copy(self, text: int, copy: int, positions: numpy.ndarray) -> AutomatonState:
        """The tokens that continue a copy and, where it can end, those that follow it."""
        after = []
        if self._layout.can_end[positions].any():
            after.append(self.automaton.transitions(int(self.automaton.leaving[copy])))
        state = self._copying(text, copy, positions, positions, after)
        state.copying = True
        return state

    def _copying(
        self, text: int, copy: int, positions: numpy.ndarray, rows: numpy.ndarray, others: list[Transitions]
    ) -> AutomatonState:
        counts = self._firsts[rows + 1] - self._firsts[rows]
        edges = expand_ranges(self._firsts[rows], counts)
        firsts, lasts = self._first_crossings[rows], self._first_crossings[rows + 1]
        crossed: list[Transitions] = []
        if (firsts != lasts).any():
            crossed = self._after_copy(copy, self._crossings[expand_ranges(firsts, lasts - firsts)])
        tokens = concatenate([self._tokens[edges], *(some.tokens for some in others)])
        ends = concatenate([self._ends[edges] + self.offset(copy), *(some.ends for some in others)])
        of_others = [some.lengths for some in others if some.lengths is not None]
        lengths = concatenate(of_others) if of_others else None
        state = AutomatonState(tokens, ends, *self._crossing(text, crossed, after=others), lengths)
        state.copy, state.counted = copy, bool(self.automaton.counted[copy])
        state.positions, state.firsts = positions, [0, *numpy.cumsum(counts).tolist()]
        return state

    def _after_copy(self, copy: int, crossings: numpy.ndarray) -> list[Transitions]:
        """The transitions of tokens that start within a copy and end after it."""
        return [
            self.automaton.transitions_within(node, int(self.automaton.leaving[copy]))
            for node in numpy.unique(crossings).tolist()
        ]

    def _crossing(
        self,
        text: int,
        crossed: Sequence[Transitions],
        before: Sequence[Transitions] = (),
        after: Sequence[Transitions] = (),
    ) -> tuple[Edges, Edges]:
        """The tokens that start within a copy and end after it, or start before a copy and end within it; and those
        that reach further, or start where a copy ends and end within the next one."""
        if not (crossed or any(some.entries for some in (*before, *after))):
            return NO_EDGES, NO_EDGES
        near = [(some.tokens, some.ends) for some in crossed]
        far: list[Edges] = []
        for is_first, some in [*((True, some) for some in before), *((False, some) for some in (*crossed, *after))]:
            if some.entries:
                within, further = self._into_copies(text, some.entries)
                (near if is_first else far).append(within)
                far.append(further)
        return _joined(near), _joined(far)

    def _into_copies(self, text: int, entries: Entries) -> tuple[Edges, Edges]:
        """The tokens within which a copy starts, at nodes of the trie and in states: those that end in it, and all
        others."""
        key = text, id(entries)  # the automaton keeps one object for equal ones
        if key not in self._entry_edges:
            nodes_of: dict[int, list[int]] = {}
            for node, state in entries:
                nodes_of.setdefault(state, []).append(node)
            parts = [self._into_copy(text, numpy.asarray(nodes), state) for state, nodes in nodes_of.items()]
            self._entry_edges[key] = _joined([near for near, _ in parts]), _joined([far for _, far in parts])
        return self._entry_edges[key]

    def _into_copy(self, text: int, nodes: numpy.ndarray, state: int) -> tuple[Edges, Edges]:
        starts = self._starts[slice(*self._first_starts[text : text + 2])]
        first_nodes, first_positions = numpy.repeat(nodes, len(starts)), numpy.tile(starts, len(nodes))
        rows, nodes, ends = self._follow(first_nodes, first_positions)
        copy, trie = int(self.automaton.copies[state]), self.automaton.table.trie
        crossed = self._after_copy(copy, self._find_crossings(rows, nodes, ends)[1])
        tokens, ends = trie.tokens(nodes), numpy.repeat(ends, trie.counts[nodes])
        kept = self._to_end[ends] < UNREACHABLE
        within = tokens[kept], ends[kept] + self.offset(copy)
        return within, _joined(self._crossing(text, crossed))


def _joined(edges: Sequence[Edges]) -> Edges:
    return concatenate([tokens for tokens, _ in edges]), concatenate([ends for _, ends in edges])
