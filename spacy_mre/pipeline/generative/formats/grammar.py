"""All strings that a format can write about a text, as a finite-state automaton over characters.

A grammar is compiled from words, choices between words, copies of a part of the text, alternatives and repetition. It
has two kinds of states. A *literal* state has an edge for each character that may follow. A *copy* state writes an
escaped part of the text, and is left on a delimiter without a backslash. No escaped text contains one, so the grammar
is deterministic although the text is not known when it is compiled.

The automaton alone would let a model repeat itself for ever. So the same repetition, up to its last copy, may be
written no more often than the text has places for its copies: `:person;Ida` as often as "Ida" occurs, and a relation as
often as there are pairs of an occurrence of its head and one of its tail. A repetition within another one, such as the
arguments of an event, is counted anew in each.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from ....errors import Errors
from .escaping import DELIMITERS, ESCAPE, ESCAPED, MAX_WORD, is_free
from .occurrences import find_all
from .parts import Choice, Copy, Either, FreeWord, Part, Repeat

# Stands for all characters that a free word may contain and that have no edge of their own.
OTHERS = ""


@dataclass(frozen=True)
class GrammarState:
    """One state of a grammar.

    edges (dict[str, int]): The next state for each character; in a copy state, for each delimiter on which it is left.
    copies (bool): Whether this state copies from the text.
    accepting (bool): Whether the string may end here; in a copy state, after the copy.
    begins (frozenset[str]): The characters with which a repetition begins.
    begins_within (frozenset[str]): The characters with which a repetition within another one begins.
    counted (bool): Whether this state copies the last copy of a repetition, so that it is counted.
    others (Optional[int]): The next state for all other characters that a free word may contain.
    in_word (bool): Whether the last character belongs to a free word.
    """

    edges: dict[str, int]
    copies: bool
    accepting: bool
    begins: frozenset[str] = frozenset()
    begins_within: frozenset[str] = frozenset()
    counted: bool = False
    others: int | None = None
    in_word: bool = False


class Grammar:
    """The strings of a format. Use `Grammar.compile` to make one.

    states (Sequence[GrammarState]): The states, the start state first.
    """

    start = 0

    def __init__(self, states: Sequence[GrammarState]):
        self.states = tuple(states)

    def __len__(self) -> int:
        return len(self.states)

    @classmethod
    def compile(cls, parts: Iterable[Part]) -> "Grammar":
        """Compile a sequence of parts.

        parts (Iterable[Part]): The parts.
        RETURNS (Grammar): The grammar.
        RAISES (ValueError): If one character cannot decide between two parts, such as a copy next to a word.
        """
        return cls(_make_deterministic(_Builder(parts)))

    def edges(self, state: int) -> dict[str, int]:
        """RETURNS (dict[str, int]): The next state for each character; in a copy state, for each delimiter on which it
        is left."""
        return self.states[state].edges

    def copies(self, state: int) -> bool:
        """RETURNS (bool): Whether the state copies from the text."""
        return self.states[state].copies

    def accepting(self, state: int) -> bool:
        """RETURNS (bool): Whether the string may end here; in a copy state, after the copy."""
        return self.states[state].accepting

    def step(self, state: int, char: str) -> int | None:
        """RETURNS (Optional[int]): The next state for a character; None if it may not follow."""
        found = self.states[state]
        if char in found.edges or found.others is None:
            return found.edges.get(char)
        return found.others if is_free(char) else None

    def begins(self, state: int, char: str) -> bool:
        """RETURNS (bool): Whether a repetition begins with this character."""
        return char in self.states[state].begins

    def begins_within(self, state: int, char: str) -> bool:
        """RETURNS (bool): Whether a repetition within another one begins with this character."""
        return char in self.states[state].begins_within

    def counted(self, state: int) -> bool:
        """RETURNS (bool): Whether the state copies the last copy of a repetition."""
        return self.states[state].counted

    def others(self, state: int) -> int | None:
        """RETURNS (Optional[int]): The next state for all characters of free words without an edge of their own."""
        return self.states[state].others

    def in_word(self, state: int) -> bool:
        """RETURNS (bool): Whether the last character belongs to a free word."""
        return self.states[state].in_word

    def accepts(
        self, string: str, text: str, boundaries: Collection[int] | None = None, *, counted: bool = True
    ) -> bool:
        """Whether the format can write a string about a text. This is the reference for the faster implementation over
        tokens.

        string (str): The string.
        text (str): The text.
        boundaries (Optional[Collection[int]]): The offsets in the text at which a copy may start and end. Default: all.
        counted (bool): Whether repetitions, and the characters of free words, are counted. Exported grammars cannot
            count. Default: True.
        RETURNS (bool): Whether it can.
        """
        state, position = self.start, 0
        # The start of the repetition and of the one around it, the places for its copies, the length of
        # the word, and the repetitions so far.
        first, outer, most, length = 0, 0, 1, 0
        written: Counter[tuple[int, str]] = Counter()
        while position < len(string):
            if self.copies(state):
                copied, position = _read_copy(string, position)
                if copied is None or copied != copied.strip():
                    return False
                most *= _count_places(copied, text, boundaries)
                # Within another repetition, only what is written in this one counts.
                key = (outer if first != outer else -1, string[first:position])
                written[key] += self.counted(state)
                if not most or (counted and written[key] > most):
                    return False
                if position == len(string):
                    return self.accepting(state)
            following = self.step(state, string[position])
            if following is None:
                return False
            if self.begins(state, string[position]):
                outer = position
            if self.begins(state, string[position]) or self.begins_within(state, string[position]):
                first, most = position, 1
            state, position = following, position + 1
            length = length + 1 if self.in_word(state) else 0
            if counted and length > MAX_WORD:
                return False
        return self.accepting(state) and not self.copies(state)


def _read_copy(string: str, position: int) -> tuple[str | None, int]:
    """Read an escaped text. Returns the text, or None if it is not properly escaped, and the position after it."""
    characters = []
    while position < len(string) and string[position] not in DELIMITERS:
        if string[position] == ESCAPE:
            position += 1
            if position == len(string) or string[position] not in ESCAPED:
                return None, position
        characters.append(string[position])
        position += 1
    return "".join(characters), position


def _count_places(copied: str, text: str, boundaries: Collection[int] | None) -> int:
    """The number of places in a text, which may overlap, from which a string can be copied."""
    return sum(boundaries is None or set(offsets) <= set(boundaries) for offsets in find_all(text, copied))


def _last_copy(parts: Sequence[Part]) -> int | None:
    """The index of the last copy of a repetition that does not depend on what is written; None if there is none."""
    fixed = takewhile(lambda part: not isinstance(part, Repeat | Either), parts)
    return max((index for index, part in enumerate(fixed) if isinstance(part, Copy)), default=None)


class _Builder:
    """A nondeterministic automaton. A node has edges by character, edges without a character (`free`), and possibly a
    copy that leads to another node. `first` are the nodes at which a repetition begins, `first_within` those of
    repetitions within others, `counted` those of their last copies."""

    def __init__(self, parts: Iterable[Part]):
        self.by_char: list[dict[str, set[int]]] = []
        self.free: list[set[int]] = []
        self.copy_to: dict[int, int] = {}
        self.first: set[int] = set()
        self.first_within: set[int] = set()
        self._depth = 0
        self.counted: set[int] = set()
        self.in_word: set[int] = set()
        self.after_word: set[int] = set()
        self.start = self.node()
        self.end = self.sequence(parts, self.start)

    def node(self) -> int:
        self.by_char.append({})
        self.free.append(set())
        return len(self.free) - 1

    def sequence(self, parts: Iterable[Part], start: int) -> int:
        for part in parts:
            start = self.part(part, start)
        return start

    def part(self, part: Part, start: int) -> int:
        if isinstance(part, Copy):
            # A separate node, because another part may start at the previous one.
            copy, end = self.node(), self.node()
            self.free[start].add(copy)
            self.copy_to[copy] = end
            return end
        if isinstance(part, FreeWord):
            return self.free_word(start)
        if isinstance(part, Repeat):
            first = last = self.node()
            self.free[start].add(first)
            (self.first_within if self._depth else self.first).add(first)
            self._depth += 1
            counted = _last_copy(part.parts)
            for index, one in enumerate(part.parts):
                before, last = last, self.part(one, last)
                if index == counted:
                    self.counted.update(self.free[before] & self.copy_to.keys())
            self._depth -= 1
            self.free[last].add(first)
            return last
        if isinstance(part, Either):
            ends = [self.sequence(sequence, start) for sequence in part.sequences]
        else:
            ends = [self.word(text, start) for text in (part.texts if isinstance(part, Choice) else (part.text,))]
        end = self.node()
        for last in ends:
            self.free[last].add(end)
        return end

    def word(self, text: str, start: int) -> int:
        for char in text:
            end = self.node()
            self.by_char[start].setdefault(char, set()).add(end)
            start = end
        return start

    def free_word(self, start: int) -> int:
        first, solid, space, escape, end = (self.node() for _ in range(5))
        self.free[start].add(first)
        self.free[solid].add(end)
        for node in (first, solid, space):
            self.by_char[node] = {OTHERS: {solid}, ESCAPE: {escape}, **({} if node == first else {" ": {space}})}
        self.by_char[escape] = {char: {solid} for char in ESCAPED}
        self.in_word |= {solid, space, escape}
        self.after_word.add(end)
        return end

    def targets(self, nodes: Iterable[int]) -> dict[str, set[int]]:
        """The nodes after each character. A character with an edge of its own may also be one of a free word; a
        delimiter ends a free word only if no other word ends there."""
        targets: dict[str, set[int]] = {}
        chars = {char for node in nodes for char in self.by_char[node]}
        for char in chars:
            ends: set[int] = set()
            after_word: set[int] = set()
            for node in nodes:
                found = self.by_char[node].get(char, set())
                if not found and char and is_free(char):
                    found = self.by_char[node].get(OTHERS, set())
                (after_word if node in self.after_word else ends).update(found)
            targets[char] = ends or after_word
        return targets

    def closure(self, nodes: Iterable[int]) -> frozenset[int]:
        """All nodes that are reached without a character."""
        reached: set[int] = set()
        waiting = list(nodes)
        while waiting:
            node = waiting.pop()
            if node not in reached:
                reached.add(node)
                waiting.extend(self.free[node])
        return frozenset(reached)


def _make_deterministic(builder: _Builder) -> list[GrammarState]:
    """The subset construction. A set of nodes with a copy must not contain other nodes with edges."""
    numbers: dict[frozenset[int], int] = {}
    waiting: list[frozenset[int]] = []

    def number(nodes: frozenset[int]) -> int:
        if nodes not in numbers:
            numbers[nodes] = len(numbers)
            waiting.append(nodes)
        return numbers[nodes]

    number(builder.closure([builder.start]))
    states: list[GrammarState] = []
    while len(states) < len(numbers):
        nodes = waiting[len(states)]
        copies = [node for node in nodes if node in builder.copy_to]
        if copies:
            if builder.end in nodes or any(builder.by_char[node] for node in nodes):
                raise ValueError(Errors.M902.format(where="another part may start where a copy starts"))
            nodes = builder.closure(builder.copy_to[node] for node in copies)
        targets = builder.targets(nodes)
        if copies and (any(node in builder.copy_to for node in nodes) or not set(targets) <= set(DELIMITERS)):
            raise ValueError(Errors.M902.format(where="a copy is followed by another part than a delimiter"))
        edges = {char: number(builder.closure(ends)) for char, ends in sorted(targets.items())}
        begins, within = (
            frozenset(char for node in nodes & first for char in builder.by_char[node])
            for first in (builder.first, builder.first_within)
        )
        counted = not builder.counted.isdisjoint(copies)
        others, in_word = edges.pop(OTHERS, None), not builder.in_word.isdisjoint(nodes)
        accepting = builder.end in nodes
        states.append(GrammarState(edges, bool(copies), accepting, begins, within, counted, others, in_word))
    return states
