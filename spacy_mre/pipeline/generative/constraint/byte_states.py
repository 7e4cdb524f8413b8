"""The grammar of a format as an automaton over bytes."""

import numpy

from ..formats.grammar import Grammar
from .token_table import BEGIN, OTHER, TokenTable


class ByteStates:
    """The states of a grammar, split so that their edges are bytes. State 0 is that after the end token.

    contexts (list[int]): What is just before each state: BEGIN, WORD or OTHER.
    copies (list[int]): The index of the copy for states that copy, -1 for all others.
    accepting (list[bool]): Whether the string may end in the state.
    edges (list[dict[int, int]]): The next state for each byte.
    leaving (list[int]): The state at the end of each copy.
    counted (list[bool]): Whether each copy is the last one of a repetition.
    characters (dict[int, tuple[int, str]]): For each edge that ends a character, counted over all states, the state of
        the grammar and the character.
    """

    def __init__(self, grammar: Grammar, table: TokenTable):
        self.grammar, self.table = grammar, table
        self.contexts: list[int] = [OTHER]
        self.copies: list[int] = [-1]
        self.accepting: list[bool] = [False]
        self.edges: list[dict[int, int]] = [{}]
        self.leaving: list[int] = []
        self.counted: list[bool] = []
        self._numbers: dict[tuple[int, int], int] = {}
        self._copy_numbers: dict[int, int] = {}
        # States without edges so far, each with its state of the grammar.
        self._waiting: list[tuple[int, int]] = []
        self._ends_of_characters: dict[tuple[int, int], tuple[int, str]] = {}
        self.start = self._number(grammar.start, BEGIN)
        self.restart: int | None = None
        if table.roots[BEGIN] != table.roots[OTHER]:
            self.restart = self._number(grammar.start, OTHER)
        while self._waiting:
            self._add_edges(*self._waiting.pop())
        first_edges = numpy.cumsum([0, *map(len, self.edges)]).tolist()
        self.characters = {
            first_edges[state] + list(self.edges[state]).index(byte): found
            for (state, byte), found in self._ends_of_characters.items()
        }

    def example(self, edge: tuple[int, str]) -> str:
        """RETURNS (str): The shortest string up to an edge, given as a state of the grammar and a character. Copies are
        shown as "..."."""
        shortest = {self.grammar.start: ""}
        waiting = [self.grammar.start]
        for state in waiting:
            for char, after in self.grammar.edges(state).items():
                if after not in shortest:
                    shortest[after] = shortest[state] + "..." * self.grammar.copies(state) + char
                    waiting.append(after)
        state, char = edge
        return shortest[state] + "..." * self.grammar.copies(state) + char

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
            self.counted.append(self.grammar.counted(state))
            # The string of a delimiter does not depend on what is before it.
            self.leaving.append(self._new(OTHER, accepting=self.grammar.accepting(state)))
            self._waiting.append((self.leaving[-1], state))
        return self._copy_numbers[state]

    def _add_edges(self, number: int, state: int) -> None:
        for char, after in self.grammar.edges(state).items():
            *first, last = char.encode("utf8")
            current = number
            for byte in first:
                if byte not in self.edges[current]:
                    self.edges[current][byte] = self._new(OTHER)
                current = self.edges[current][byte]
            self.edges[current][last] = self._number(after, self.table.context_after(char))
            self._ends_of_characters[current, last] = state, char
