"""The grammar of a format as an automaton over bytes."""

from typing import cast

import numpy

from ..formats.escaping import ESCAPED
from ..formats.grammar import Grammar
from .token_table import BEGIN, OTHER, WORD, TokenTable

# A block of characters differs in the last byte of UTF-8 only.
BLOCK = 64


class ByteStates:
    """The states of a grammar, split so that their edges are bytes. State 0 is that after the end token.

    contexts (list[int]): What is just before each state: BEGIN, WORD or OTHER.
    copies (list[int]): The index of the copy for states that copy, -1 for all others.
    accepting (list[bool]): Whether the string may end in the state.
    edges (list[dict[int, int]]): The next state for each byte.
    leaving (list[int]): The state at the end of each copy.
    counted (list[bool]): Whether each copy is the last one of a repetition.
    word_bytes (list[set[int]]): For each state, the bytes with which a character of a free word begins.
    in_word (list[bool]): Whether a free word can be continued with more characters, or a character of it is not
        complete.
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
        self.word_bytes: list[set[int]] = [set()]
        self.in_word: list[bool] = [False]
        self._blocks: dict[bytes, int] = {}
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
        self.word_bytes.append(set())
        self.in_word.append(False)
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
        self.in_word[number] = self.grammar.in_word(state) or self.grammar.others(state) is not None
        if self.grammar.others(state) is not None:
            self._add_all_characters(number, state)
            return
        for char, after in self.grammar.edges(state).items():
            *first, last = char.encode("utf8")
            current = number
            if self.grammar.in_word(after):
                self.word_bytes[number].add(char.encode("utf8")[0])
            for byte in first:
                if byte not in self.edges[current]:
                    self.edges[current][byte] = self._new(OTHER)
                current = self.edges[current][byte]
            self.edges[current][last] = self._number(after, self.table.context_after(char))
            # No single character of a free word is needed.
            if not self.in_word[number]:
                self._ends_of_characters[current, last] = state, char

    def _add_all_characters(self, number: int, state: int) -> None:
        """Add the edges of a state within a free word, for all characters of Unicode. States of incomplete characters
        with the same continuations are shared."""
        others = cast(int, self.grammar.others(state))
        targets = numpy.zeros(0x110000, dtype=numpy.int64)
        targets[_free_characters()] = self._number(others, OTHER)
        for char in self.table.characters_of_words():
            if targets[ord(char)]:
                targets[ord(char)] = self._number(others, WORD)
        for char, after in self.grammar.edges(state).items():
            targets[ord(char)] = self._number(after, self.table.context_after(char))
            if not self.grammar.in_word(after):
                self._ends_of_characters[number, ord(char)] = state, char
        blocks = targets.reshape(-1, BLOCK)
        constant = (blocks == blocks[:, :1]).all(axis=1)
        shared = {int(value): self._block(numpy.full(BLOCK, value)) for value in numpy.unique(blocks[constant, 0])}
        nodes = numpy.asarray(
            [shared[first] if same else 0 for same, first in zip(constant.tolist(), blocks[:, 0].tolist())]
        )
        for index in numpy.flatnonzero(~constant)[2:].tolist():
            nodes[index] = self._block(blocks[index])
        edges = {code: int(targets[code]) for code in range(0x80)}
        edges |= {0xC0 + index: int(nodes[index]) for index in range(2, 32)}
        for lead in range(16):
            of_lead = nodes[lead * BLOCK : (lead + 1) * BLOCK].copy()
            if lead == 0:
                of_lead[:32] = 0
            edges[0xE0 + lead] = self._block(of_lead)
        planes = [self._block(nodes[first : first + BLOCK]) for first in range(0x400, len(nodes), BLOCK)]
        planes = [0] * 16 + planes + [0] * 48
        for lead in range(5):
            edges[0xF0 + lead] = self._block(numpy.asarray(planes[lead * BLOCK : (lead + 1) * BLOCK]))
        self.edges[number] = {byte: target for byte, target in edges.items() if target}
        exits = {ord(char) for char, after in self.grammar.edges(state).items() if not self.grammar.in_word(after)}
        self.word_bytes[number] = self.edges[number].keys() - exits

    def _block(self, targets: numpy.ndarray) -> int:
        """The state before a byte that is not the first one of its character; 0 if there is none."""
        if not targets.any():
            return 0
        key = targets.astype(numpy.int64).tobytes()
        if key not in self._blocks:
            self._blocks[key] = self._new(OTHER)
            self.in_word[-1] = True
            self.edges[-1] = {0x80 + byte: int(targets[byte]) for byte in numpy.flatnonzero(targets).tolist()}
        return self._blocks[key]


def _free_characters() -> numpy.ndarray:
    """Whether a free word may contain each character; see `is_free`."""
    free = numpy.ones(0x110000, dtype=bool)
    free[0xD800:0xE000] = free[:0x20] = free[0x7F:0xA0] = False
    free[[code for code in range(0x3001) if chr(code).isspace() or chr(code) in ESCAPED]] = False
    return free
