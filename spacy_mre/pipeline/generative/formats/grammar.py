"""All strings that a format can write about a text, as a finite-state automaton over characters.

A grammar is compiled from words, choices between words, copies of a part of the text, alternatives and repetition. It
has two kinds of states. A *literal* state has an edge for each character that may follow. A *copy* state writes an
escaped part of the text, and is left on a delimiter without a backslash. No escaped text contains one, so the grammar
is deterministic although the text is not known when it is compiled.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ....errors import Errors
from .escaping import DELIMITERS, ESCAPE, ESCAPED


@dataclass(frozen=True)
class Literal:
    """Exactly this string."""

    text: str


@dataclass(frozen=True)
class Choice:
    """Exactly one of these strings."""

    texts: tuple[str, ...]

    def __init__(self, texts: Iterable[str]):
        object.__setattr__(self, "texts", tuple(texts))


@dataclass(frozen=True)
class Copy:
    """A part of the text, escaped; not empty, and without white space at its ends."""


@dataclass(frozen=True)
class Repeat:
    """These parts one after another, once or more."""

    parts: tuple["Part", ...]

    def __init__(self, parts: Iterable["Part"]):
        object.__setattr__(self, "parts", tuple(parts))


@dataclass(frozen=True)
class Either:
    """One of these sequences of parts."""

    sequences: tuple[tuple["Part", ...], ...]

    def __init__(self, sequences: Iterable[Iterable["Part"]]):
        object.__setattr__(self, "sequences", tuple(tuple(sequence) for sequence in sequences))


Part = Literal | Choice | Copy | Repeat | Either


@dataclass(frozen=True)
class GrammarState:
    """One state of a grammar.

    edges (dict[str, int]): The next state for each character; in a copy state, for each delimiter on which it is left.
    copies (bool): Whether this state copies from the text.
    accepting (bool): Whether the string may end here; in a copy state, after the copy.
    """

    edges: dict[str, int]
    copies: bool
    accepting: bool


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
        return self.states[state].edges.get(char)

    def accepts(self, string: str, text: str) -> bool:
        """Whether the format can write a string about a text. This is the reference for the faster implementation over
        tokens.

        string (str): The string.
        text (str): The text.
        RETURNS (bool): Whether it can.
        """
        state, position = self.start, 0
        while position < len(string):
            if self.copies(state):
                copied, position = _read_copy(string, position)
                if copied is None or copied not in text or copied != copied.strip() or not copied:
                    return False
                if position == len(string):
                    return self.accepting(state)
            following = self.step(state, string[position])
            if following is None:
                return False
            state, position = following, position + 1
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


class _Builder:
    """A nondeterministic automaton. A node has edges by character, edges without a character (`free`), and possibly a
    copy that leads to another node."""

    def __init__(self, parts: Iterable[Part]):
        self.by_char: list[dict[str, set[int]]] = []
        self.free: list[set[int]] = []
        self.copy_to: dict[int, int] = {}
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
        if isinstance(part, Repeat):
            first = self.node()
            self.free[start].add(first)
            last = self.sequence(part.parts, first)
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
        targets: dict[str, set[int]] = {}
        for node in nodes:
            for char, ends in builder.by_char[node].items():
                targets.setdefault(char, set()).update(ends)
        if copies and (any(node in builder.copy_to for node in nodes) or not set(targets) <= set(DELIMITERS)):
            raise ValueError(Errors.M902.format(where="a copy is followed by another part than a delimiter"))
        edges = {char: number(builder.closure(ends)) for char, ends in sorted(targets.items())}
        states.append(GrammarState(edges, bool(copies), builder.end in nodes))
    return states
