"""The grammar of a format, compiled for a tokenizer: the tokens that may come next.

A grammar describes characters, but a token may pass through several of its states, and start in a label and end in a
copy. So the grammar is compiled to an automaton over bytes, which is followed once through the trie of all tokens. The
tokens of copies depend on the texts, and are added in `text_automata`.
"""

from typing import NamedTuple

import numpy

from ....arrays import expand_ranges
from ....errors import Errors
from ..formats.grammar import Grammar
from .byte_states import ByteStates
from .token_table import BEGIN, TokenTable

# The distance of a state without a path to the end.
UNREACHABLE = 1 << 30
# The state after the end token.
ENDED = 0
# States with more edges are followed through the trie from its side.
FEW_EDGES = 32
# The weight of a character of a free word against a token, so that the shortest ways have the shortest free words.
_CHARACTER = 1 << 16


# Nodes of the trie with states.
Entries = tuple[tuple[int, int], ...]


class Transitions(NamedTuple):
    """The tokens that may come next, and the states to which they lead.

    tokens (numpy.ndarray): The tokens, shape (edges,).
    ends (numpy.ndarray): The state after each token, shape (edges,).
    entries (tuple[tuple[int, int], ...]): For longer tokens that end within a copy: the node of the trie at which the
        copy starts, and the state that copies.
    lengths (Optional[numpy.ndarray]): The characters of a free word that each token adds, and those that the word then
        needs at least, shape (edges,); None in a grammar without free words.
    """

    tokens: numpy.ndarray
    ends: numpy.ndarray
    entries: Entries
    lengths: numpy.ndarray | None = None


class TokenAutomaton:
    """The grammar of a format over the tokens of a tokenizer.

    A state of the grammar is split into several if the string of a token depends on what is before it (see
    `TokenTable`), or if a character has several bytes. A state that copies is split into one before the copy, and one
    at its end. Arrays of states are indexed by the states.

    grammar (Grammar): The allowed strings.
    table (TokenTable): The strings of the tokens.
    end_token (int): The token that ends a string.
    RAISES (ValueError): If the tokenizer cannot write a word of the format.
    """

    def __init__(self, grammar: Grammar, table: TokenTable, end_token: int):
        self.table, self.end_token = table, end_token
        states = ByteStates(grammar, table)
        # The string of a first token may be empty. Then the next token starts at `restart`.
        self.start, self.restart = states.start, states.restart
        self.empty_tokens = table.trie.tokens(numpy.asarray([table.roots[BEGIN]]))
        self.contexts = numpy.asarray(states.contexts)
        # The index of the copy for states that copy, -1 for all others; the state at the end of each copy; and whether
        # it is the last copy of a repetition.
        self.copies = numpy.asarray(states.copies)
        self.leaving = numpy.asarray(states.leaving, dtype=numpy.int64)
        self.counted = numpy.asarray(states.counted, dtype=bool)
        self._edge_counts = numpy.asarray([len(edges) for edges in states.edges])
        self._first_edges = numpy.cumsum(self._edge_counts) - self._edge_counts
        self._edge_bytes = numpy.asarray([byte for edges in states.edges for byte in edges], dtype=numpy.int64)
        self._edge_ends = numpy.asarray([end for edges in states.edges for end in edges.values()], dtype=numpy.int64)
        self.in_word = numpy.asarray(states.in_word)
        self._edge_chars = numpy.asarray(
            [byte in counted for edges, counted in zip(states.edges, states.word_bytes) for byte in edges],
            dtype=numpy.int64,
        )
        # The bytes with which a copy can be left.
        self.exit_bytes = sorted(set(self._edge_bytes[self._edges_of(self.leaving)].tolist()))
        # The edges of states with many of them, by their bytes.
        many = numpy.flatnonzero(self._edge_counts > FEW_EDGES)
        self._many = numpy.zeros(len(self._edge_counts), dtype=numpy.int64)
        self._many[many] = numpy.arange(len(many))
        self._edges_by_byte = numpy.full((len(many), 256), -1)
        edges = self._edges_of(many)
        rows = numpy.repeat(numpy.arange(len(many)), self._edge_counts[many])
        self._edges_by_byte[rows, self._edge_bytes[edges]] = edges
        self.has_words = bool(self._edge_chars.any())
        self._distances: dict[int, numpy.ndarray] = {}
        self._transitions: dict[int, Transitions] = {}
        # Equal lists are one object, so that what follows from them is computed once.
        self._entries: dict[Entries, Entries] = {}
        self._within: dict[tuple[int, int], Transitions] = {}
        self._add_tokens(states)

    def __len__(self) -> int:
        return len(self.contexts)

    def root(self, state: int) -> int:
        """RETURNS (int): The node of the trie at which the tokens of a state start."""
        return self.table.roots[self.contexts[state]]

    def transitions(self, state: int) -> Transitions:
        """The transitions from a state.

        state (int): The state. If it copies, the tokens of the copy are not included.
        RETURNS (Transitions): The tokens and the states after them.
        """
        if state not in self._transitions:
            edges = slice(self._firsts[state], self._firsts[state + 1])
            lengths = self._lengths[edges] if self.has_words else None
            entered = self._entered.get(state, ())
            self._transitions[state] = Transitions(self._tokens[edges], self._ends[edges], entered, lengths)
        return self._transitions[state]

    def transitions_within(self, node: int, state: int) -> Transitions:
        """The transitions of tokens that pass through a state.

        node (int): The node of the trie at which they are in the state.
        state (int): A state that does not copy.
        RETURNS (Transitions): The tokens and the states after them.
        """
        if (node, state) not in self._within:
            walk = self._walk(numpy.asarray([node]), numpy.asarray([state]))
            _, tokens, ends, _ = self._found(walk)
            kept = self.distances(1)[ends] < UNREACHABLE
            self._within[node, state] = Transitions(tokens[kept], ends[kept], self._entering(walk).get(0, ()))
        return self._within[node, state]

    def distances(self, copy_cost: int) -> numpy.ndarray:
        """The fewest tokens from each state to the end, including the end token, if no token crosses the boundary of a
        copy; of those ways on which free words have the fewest characters.

        copy_cost (int): The fewest tokens of a copy; UNREACHABLE if there is no copy.
        RETURNS (numpy.ndarray): The distances, UNREACHABLE for states without a path to the end; shape (states,).
        """
        if copy_cost not in self._distances:
            weighted = self._weighted_distances(copy_cost)
            self._distances[copy_cost] = numpy.where(weighted < UNREACHABLE, weighted % _CHARACTER, UNREACHABLE)
        return self._distances[copy_cost]

    def _weighted_distances(self, copy_cost: int) -> numpy.ndarray:
        copying = numpy.flatnonzero(self.copies >= 0)
        distances = numpy.full(len(self), UNREACHABLE)
        distances[ENDED] = 0
        before = None
        while before is None or (before != distances).any():
            before = distances.copy()
            numpy.minimum.at(distances, self._starts, distances[self._ends] + self._weights)
            distances[copying] = distances[self.leaving[self.copies[copying]]] + copy_cost
            numpy.minimum(distances, UNREACHABLE, out=distances)
        return distances

    def _add_tokens(self, states: "ByteStates") -> None:
        """Find the tokens of all states, and check that they can write all strings of the grammar."""
        roots = numpy.asarray(self.table.roots)[self.contexts]
        walk = self._walk(roots, numpy.arange(len(self)))
        starts, tokens, ends, chars = self._found(walk)
        accepting = numpy.flatnonzero(states.accepting)
        parts = [
            (starts, tokens, ends, chars),
            (
                accepting,
                numpy.full_like(accepting, self.end_token),
                numpy.full_like(accepting, ENDED),
                numpy.zeros_like(accepting),
            ),
        ]
        if self.restart is not None:
            starts = numpy.full_like(self.empty_tokens, self.start)
            restart = numpy.full_like(self.empty_tokens, self.restart)
            parts.append((starts, self.empty_tokens, restart, numpy.zeros_like(starts)))
        starts, tokens, ends, chars = (numpy.concatenate(arrays) for arrays in zip(*parts))
        order = numpy.argsort(starts, kind="stable")
        self._starts, self._tokens, self._ends = starts[order], tokens[order], ends[order]
        self._weights = 1 + _CHARACTER * chars[order]
        needed = self._weighted_distances(1)
        kept = needed[self._ends] < UNREACHABLE
        self._starts, self._tokens, self._ends = self._starts[kept], self._tokens[kept], self._ends[kept]
        self._weights = self._weights[kept]
        # The fewest characters that a free word still needs in each state.
        self.needed = numpy.where(self.in_word, needed // _CHARACTER, 0)
        self._lengths = self._weights // _CHARACTER + self.needed[self._ends]
        self._firsts = numpy.searchsorted(self._starts, numpy.arange(len(self) + 1))
        self._entered = self._entering(walk)
        self._check(states, walk)

    def _walk(self, nodes: numpy.ndarray, states: numpy.ndarray) -> list["_Step"]:
        """Follow all strings of the automaton through the trie, from pairs of a node and a state, byte by byte."""
        steps: list[_Step] = []
        origins = numpy.arange(len(nodes))
        chars = numpy.zeros_like(origins)
        while len(origins):
            rows, edges, nodes = self._follow(nodes, states)
            origins, states = origins[rows], self._edge_ends[edges]
            chars = chars[rows] + self._edge_chars[edges]
            steps.append(_Step(origins, nodes, states, rows, edges, chars))
        return steps

    def _follow(
        self, nodes: numpy.ndarray, states: numpy.ndarray
    ) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
        """One byte of a walk: the rows, the edges and the nodes. States with few edges look for each of them in the
        trie; for those within a free word, it is the other way round."""
        is_few = self._edge_counts[states] <= FEW_EDGES
        few, many = numpy.flatnonzero(is_few), numpy.flatnonzero(~is_few)
        rows, edges = numpy.repeat(few, self._edge_counts[states[few]]), self._edges_of(states[few])
        below = self.table.trie.children(nodes[rows], self._edge_bytes[edges])
        found = numpy.flatnonzero(below >= 0)
        rows, edges, below = rows[found], edges[found], below[found]
        if not len(many):
            return rows, edges, below
        more, signs, children = self.table.trie.all_children(nodes[many])
        of_signs = self._edges_by_byte[self._many[states[many[more]]], signs]
        found = numpy.flatnonzero(of_signs >= 0)
        return (
            numpy.concatenate([rows, many[more[found]]]),
            numpy.concatenate([edges, of_signs[found]]),
            numpy.concatenate([below, children[found]]),
        )

    def _edges_of(self, states: numpy.ndarray) -> numpy.ndarray:
        return expand_ranges(self._first_edges[states], self._edge_counts[states])

    def _found(self, walk: list["_Step"]) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray, numpy.ndarray]:
        """The tokens that end on a walk: the index of the pair at which they start, the tokens, the states after them,
        and their number of characters of free words."""
        empty = numpy.zeros(0, dtype=numpy.int64)
        nodes = numpy.concatenate([empty, *(step.nodes for step in walk)])
        origins = numpy.concatenate([empty, *(step.origins for step in walk)])
        states = numpy.concatenate([empty, *(step.states for step in walk)])
        chars = numpy.concatenate([empty, *(step.chars for step in walk)])
        counts, tokens = self.table.trie.counts[nodes], self.table.trie.tokens(nodes)
        return numpy.repeat(origins, counts), tokens, numpy.repeat(states, counts), numpy.repeat(chars, counts)

    def _entering(self, walk: list["_Step"]) -> dict[int, Entries]:
        """The nodes and states at which longer tokens enter a copy, by the index of the pair at which they start."""
        entered: dict[int, list[tuple[int, int]]] = {}
        for step in walk:
            rows = numpy.flatnonzero((self.copies[step.states] >= 0) & self.table.trie.grows[step.nodes])
            for origin, node, state in zip(
                step.origins[rows].tolist(), step.nodes[rows].tolist(), step.states[rows].tolist()
            ):
                entered.setdefault(origin, []).append((node, state))
        return {origin: self._entries.setdefault(tuple(pairs), tuple(pairs)) for origin, pairs in entered.items()}

    def _check(self, states: "ByteStates", walk: list["_Step"]) -> None:
        """Check that each character of the grammar is written by tokens on a path from the start to the end."""
        useful = self._reachable() & (self.distances(1) < UNREACHABLE)
        used = numpy.zeros(len(self._edge_bytes), dtype=bool)
        before = numpy.zeros(0, dtype=numpy.int64)
        for step in reversed(walk):
            writes = (self.table.trie.counts[step.nodes] > 0) & useful[step.states] & useful[step.origins]
            writes[before] = True  # a longer token passes through here
            used[step.edges[writes]] = True
            before = step.rows[writes]
        written = {states.characters[edge] for edge in numpy.flatnonzero(used).tolist() if edge in states.characters}
        lost = [edge for edge in states.characters.values() if edge not in written]
        if lost:
            chars = {char for _, char in lost if not self.table.can_write(char)} or {char for _, char in lost}
            example = states.example(next(edge for edge in lost if edge[1] in chars))
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
    """One byte of a walk. All arrays have shape (rows,).

    origins (numpy.ndarray): The index of the pair at which the row started.
    nodes (numpy.ndarray): The node of the trie after the byte.
    states (numpy.ndarray): The state after the byte.
    rows (numpy.ndarray): The row of the previous step.
    edges (numpy.ndarray): The edge of the automaton from there.
    chars (numpy.ndarray): The characters of free words that began so far.
    """

    origins: numpy.ndarray
    nodes: numpy.ndarray
    states: numpy.ndarray
    rows: numpy.ndarray
    edges: numpy.ndarray
    chars: numpy.ndarray
