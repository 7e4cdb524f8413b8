"""The grammar of a format, compiled for a tokenizer: the tokens that may come next.

A grammar describes characters. A token may run through several of its states, and begin in a label and end in a copy.
So the grammar becomes an automaton over bytes, which walks through the trie of all tokens once. What the texts have
to say is added in `text_automata`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy

from ....arrays import expand_ranges
from ....errors import Errors
from ..formats.grammar import Grammar
from .token_table import BEGIN, OTHER, TokenTable

# More tokens than can be written: there is no path.
FAR = 1 << 30
# The state behind the end token.
ENDED = 0


class Reached(NamedTuple):
    """Where tokens lead.

    tokens (numpy.ndarray): Shape (edges,).
    ends (numpy.ndarray): The state behind each token, shape (edges,).
    entered (Sequence[tuple[int, int]]): Some tokens begin here and end within a copy: their place in the trie at
        which the copy begins, and the state that copies.
    """

    tokens: numpy.ndarray
    ends: numpy.ndarray
    entered: Sequence[tuple[int, int]]


class TokenAutomaton:
    """The grammar of a format over the tokens of a tokenizer.

    A state of the grammar becomes several where it matters what was written before it (see `TokenTable`), or where a
    character has several bytes; one that copies becomes two: before the copy, and at its end. All arrays of states
    are indexed by them.

    grammar (Grammar): The strings that may be written.
    table (TokenTable): What the tokens write.
    end_token (int): The token that ends a string.
    RAISES (ValueError): A word of the format that the tokenizer cannot write.
    """

    def __init__(self, grammar: Grammar, table: TokenTable, end_token: int):
        self.table, self.end_token = table, end_token
        states = _ByteStates(grammar, table)
        # A tokenizer may write nothing for a space at the beginning; then a string begins once more.
        self.start, self.restart = states.start, states.restart
        self.unwritten = table.trie.tokens(numpy.asarray([table.roots[BEGIN]]))
        self.contexts = numpy.asarray(states.contexts)
        # The number of the copy for states that copy, -1 for all others; and the state at the end of each copy.
        self.copies = numpy.asarray(states.copies)
        self.leaving = numpy.asarray(states.leaving, dtype=numpy.int64)
        self._edge_counts = numpy.asarray([len(edges) for edges in states.edges])
        self._first_edges = numpy.cumsum(self._edge_counts) - self._edge_counts
        self._edge_bytes = numpy.asarray([byte for edges in states.edges for byte in edges], dtype=numpy.int64)
        self._edge_ends = numpy.asarray([end for edges in states.edges for end in edges.values()], dtype=numpy.int64)
        # The bytes with which a copy can be left.
        self.exit_bytes = sorted(set(self._edge_bytes[self._edges_of(self.leaving)].tolist()))
        self._distances: dict[int, numpy.ndarray] = {}
        self._behind: dict[tuple[int, int], Reached] = {}
        self._add_tokens(states)

    def __len__(self) -> int:
        return len(self.contexts)

    def root(self, state: int) -> int:
        """RETURNS (int): The node of the trie from which the tokens of a state are looked up."""
        return self.table.roots[self.contexts[state]]

    def reached(self, state: int) -> Reached:
        """Where the tokens lead that may be written in a state.

        state (int): The state; of one that copies, the texts know the tokens.
        RETURNS (Reached): The tokens and the states behind them.
        """
        first, last = self._firsts[state], self._firsts[state + 1]
        return Reached(self._tokens[first:last], self._ends[first:last], self._entered.get(state, ()))

    def reached_within(self, node: int, state: int) -> Reached:
        """Where the tokens lead in whose middle a state is reached.

        node (int): Their place in the trie there.
        state (int): A state that does not copy.
        RETURNS (Reached): The tokens and the states behind them.
        """
        if (node, state) not in self._behind:
            walk = self._walk(numpy.asarray([node]), numpy.asarray([state]))
            _, tokens, ends = self._found(walk)
            kept = self.distances(1)[ends] < FAR
            self._behind[node, state] = Reached(tokens[kept], ends[kept], self._entering(walk).get(0, ()))
        return self._behind[node, state]

    def distances(self, copy_cost: int) -> numpy.ndarray:
        """The fewest tokens from each state to behind the end token, if no token reaches over the boundary of a copy.

        copy_cost (int): The fewest tokens with which something can be copied; FAR if nothing can.
        RETURNS (numpy.ndarray): FAR for those states from which no way leads to the end; shape (states,).
        """
        if copy_cost not in self._distances:
            copying = numpy.flatnonzero(self.copies >= 0)
            distances = numpy.full(len(self), FAR)
            distances[ENDED] = 0
            before = None
            while before is None or (before != distances).any():
                before = distances.copy()
                numpy.minimum.at(distances, self._starts, distances[self._ends] + 1)
                distances[copying] = distances[self.leaving[self.copies[copying]]] + copy_cost
                numpy.minimum(distances, FAR, out=distances)
            self._distances[copy_cost] = distances
        return self._distances[copy_cost]

    def _add_tokens(self, states: "_ByteStates") -> None:
        """Find the tokens of all states, and look whether they can write all that the grammar can."""
        roots = numpy.asarray(self.table.roots)[self.contexts]
        walk = self._walk(roots, numpy.arange(len(self)))
        starts, tokens, ends = self._found(walk)
        accepting = numpy.flatnonzero(states.accepting)
        parts = [
            (starts, tokens, ends),
            (accepting, numpy.full_like(accepting, self.end_token), numpy.full_like(accepting, ENDED)),
        ]
        if self.restart is not None:
            alike = numpy.ones_like(self.unwritten)
            parts.append((alike * self.start, self.unwritten, alike * self.restart))
        starts, tokens, ends = (numpy.concatenate(arrays) for arrays in zip(*parts))
        order = numpy.argsort(starts, kind="stable")
        self._starts, self._tokens, self._ends = starts[order], tokens[order], ends[order]
        kept = self.distances(1)[self._ends] < FAR
        self._starts, self._tokens, self._ends = self._starts[kept], self._tokens[kept], self._ends[kept]
        self._firsts = numpy.searchsorted(self._starts, numpy.arange(len(self) + 1))
        self._entered = self._entering(walk)
        self._check(states, walk)

    def _walk(self, nodes: numpy.ndarray, states: numpy.ndarray) -> list["_Step"]:
        """Follow all strings of the automaton through the trie, from pairs of node and state, byte by byte."""
        steps: list[_Step] = []
        origins = numpy.arange(len(nodes))
        while len(origins):
            rows = numpy.repeat(numpy.arange(len(origins)), self._edge_counts[states])
            edges = self._edges_of(states)
            below = self.table.trie.children(nodes[rows], self._edge_bytes[edges])
            found = numpy.flatnonzero(below >= 0)
            rows, edges, nodes = rows[found], edges[found], below[found]
            origins, states = origins[rows], self._edge_ends[edges]
            steps.append(_Step(origins, nodes, states, rows, edges))
        return steps

    def _edges_of(self, states: numpy.ndarray) -> numpy.ndarray:
        return expand_ranges(self._first_edges[states], self._edge_counts[states])

    def _found(self, walk: list["_Step"]) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
        """The tokens that end on a walk: where they began, what they are, and the states behind them."""
        none = numpy.zeros(0, dtype=numpy.int64)
        nodes = numpy.concatenate([none, *(step.nodes for step in walk)])
        counts = self.table.trie.counts[nodes]
        origins, states = (
            numpy.concatenate([none, *(getattr(step, name) for step in walk)]) for name in ("origins", "states")
        )
        return numpy.repeat(origins, counts), self.table.trie.tokens(nodes), numpy.repeat(states, counts)

    def _entering(self, walk: list["_Step"]) -> dict[int, list[tuple[int, int]]]:
        """Where longer tokens enter a copy, by where they began."""
        entered: dict[int, list[tuple[int, int]]] = {}
        for step in walk:
            rows = numpy.flatnonzero((self.copies[step.states] >= 0) & self.table.trie.grows[step.nodes])
            for origin, node, state in zip(
                step.origins[rows].tolist(), step.nodes[rows].tolist(), step.states[rows].tolist()
            ):
                entered.setdefault(origin, []).append((node, state))
        return entered

    def _check(self, states: "_ByteStates", walk: list["_Step"]) -> None:
        """Find the characters of the grammar that no tokens write on any way from the start to the end."""
        useful = self._reachable() & (self.distances(1) < FAR)
        used = numpy.zeros(len(self._edge_bytes), dtype=bool)
        before = numpy.zeros(0, dtype=numpy.int64)
        for step in reversed(walk):
            writes = (self.table.trie.counts[step.nodes] > 0) & useful[step.states] & useful[step.origins]
            writes[before] = True  # a longer token goes on from here
            used[step.edges[writes]] = True
            before = step.rows[writes]
        written = {states.characters[edge] for edge in numpy.flatnonzero(used).tolist() if edge in states.characters}
        lost = [place for place in states.characters.values() if place not in written]
        if lost:
            chars = {char for _, char in lost if not self.table.can_write(char)} or {char for _, char in lost}
            example = states.example(next(place for place in lost if place[1] in chars))
            raise ValueError(Errors.M921.format(chars=" ".join(sorted(chars)), example=example))

    def _reachable(self) -> numpy.ndarray:
        """The states to which tokens lead from the start; bool, shape (states,)."""
        reached = numpy.zeros(len(self), dtype=bool)
        reached[self.start] = True
        before = None
        while before is None or (before != reached).any():
            before = reached.copy()
            reached[self._ends[reached[self._starts]]] = True
            reached[self.leaving[self.copies[reached & (self.copies >= 0)]]] = True
        return reached


class _Step(NamedTuple):
    """One byte of a walk. Shape of each (rows,): where the row began, its node and state, the row before it and the
    edge that it took from there."""

    origins: numpy.ndarray
    nodes: numpy.ndarray
    states: numpy.ndarray
    rows: numpy.ndarray
    edges: numpy.ndarray


class _ByteStates:
    """The states of a grammar with edges over bytes, as lists that grow. `characters` marks the edges that end a
    character of which state of the grammar."""

    def __init__(self, grammar: Grammar, table: TokenTable):
        self.grammar, self.table = grammar, table
        self.contexts: list[int] = [OTHER]
        self.copies: list[int] = [-1]
        self.accepting: list[bool] = [False]
        self.edges: list[dict[int, int]] = [{}]
        self.leaving: list[int] = []
        self._numbers: dict[tuple[int, int], int] = {}
        self._copy_numbers: dict[int, int] = {}
        self._waiting: list[
            tuple[int, int]
        ] = []  # states whose edges are still to be made, and the state of the grammar behind each
        self._ends_of_characters: dict[tuple[int, int], tuple[int, str]] = {}
        self.start = self._number(grammar.start, BEGIN)
        self.restart: int | None = (
            self._number(grammar.start, OTHER) if table.roots[BEGIN] != table.roots[OTHER] else None
        )
        while self._waiting:
            self._add_edges(*self._waiting.pop())
        first_edges = numpy.cumsum([0, *map(len, self.edges)]).tolist()
        self.characters = {
            first_edges[state] + list(self.edges[state]).index(byte): found
            for (state, byte), found in self._ends_of_characters.items()
        }

    def example(self, place: tuple[int, str]) -> str:
        """RETURNS (str): The shortest string that leads to a character of a state of the grammar; what is copied is
        left out."""
        shortest = {self.grammar.start: ""}
        waiting = [self.grammar.start]
        for state in waiting:
            for char, after in self.grammar.edges(state).items():
                if after not in shortest:
                    shortest[after] = shortest[state] + "..." * self.grammar.copies(state) + char
                    waiting.append(after)
        return shortest[place[0]] + "..." * self.grammar.copies(place[0]) + place[1]

    def _new(self, context: int, copy: int = -1, accepting: bool = False) -> int:
        self.contexts.append(context)
        self.copies.append(copy)
        self.accepting.append(accepting)
        self.edges.append({})
        return len(self.edges) - 1

    def _number(self, state: int, context: int) -> int:
        if (state, context) not in self._numbers:
            if self.grammar.copies(state):
                number = self._new(context, copy=self._copy(state))
            else:
                number = self._new(context, accepting=self.grammar.accepting(state))
                self._waiting.append((number, state))
            self._numbers[state, context] = number
        return self._numbers[state, context]

    def _copy(self, state: int) -> int:
        if state not in self._copy_numbers:
            self._copy_numbers[state] = len(self.leaving)
            # A delimiter is written alike behind everything.
            self.leaving.append(self._new(OTHER, accepting=self.grammar.accepting(state)))
            self._waiting.append((self.leaving[-1], state))
        return self._copy_numbers[state]

    def _add_edges(self, number: int, state: int) -> None:
        for char, after in self.grammar.edges(state).items():
            *first, last = char.encode("utf8")
            place = number
            for byte in first:
                if byte not in self.edges[place]:
                    self.edges[place][byte] = self._new(OTHER)
                place = self.edges[place][byte]
            self.edges[place][last] = self._number(after, self.table.context_after(char))
            self._ends_of_characters[place, last] = state, char
