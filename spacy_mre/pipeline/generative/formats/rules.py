"""The states of a grammar as rules, with as few as possible: what the exported forms of a grammar have in common."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ....errors import Errors
from .escaping import is_free
from .grammar import Grammar

# No free character comes after these, except for halves of surrogate pairs, which are in no string.
NOT_FREE = frozenset(char for char in map(chr, range(0x3001)) if not is_free(char))


class Rule(NamedTuple):
    """What may follow in one state of a grammar.

    copies (bool): First a copy from the text.
    accepting (bool): The string may end here; if the state copies, after the copy.
    edges (dict[str, Optional[int]]): The strings that may follow, each with the state to which it leads; None if the
        string of the format ends there. No two begin with the same character.
    others (Optional[int]): The state to which every other character of a free word leads.
    """

    copies: bool
    accepting: bool
    edges: dict[str, int | None]
    others: int | None = None

    @property
    def excluded(self) -> list[str]:
        """RETURNS (list[str]): The characters that do not lead to `others`."""
        return sorted(NOT_FREE.union(string[0] for string in self.edges))


def rules_of(grammar: Grammar, *, has_copies: bool) -> dict[int, Rule]:
    """Make rules.

    grammar (Grammar): The grammar.
    has_copies (bool): Whether anything can be copied from the text.
    RETURNS (dict[int, Rule]): A rule for each state that is needed, the start state first.
    RAISES (ValueError): If the grammar has no string, because it must copy from a text without copies.
    """
    finished = _states_with_end(grammar, has_copies)
    if grammar.start not in finished:
        raise ValueError(Errors.M960)
    rules: dict[int, Rule] = {}
    waiting: list[int | None] = [grammar.start]
    while waiting:
        state = waiting.pop()
        if state is None or state in rules:
            continue
        edges = dict(
            _follow(grammar, finished, char, after) for char, after in grammar.edges(state).items() if after in finished
        )
        others = grammar.others(state)
        rules[state] = Rule(grammar.copies(state), grammar.accepting(state), edges, others)
        waiting.extend([*edges.values(), others])
    return rules


def name_of(state: int) -> str:
    """RETURNS (str): The name of the rule of a state."""
    return f"s{state}"


def alternatives(rule: Rule, quoted: Callable[[str], str], excluding: Callable[[list[str]], str], copy: str) -> str:
    """Write what may follow in one state, as both notations do.

    rule (Rule): The rule.
    quoted (Callable[[str], str]): Writes a string.
    excluding (Callable[[list[str]], str]): Writes any character but some.
    copy (str): The name of the copies.
    RETURNS (str): The right side of the rule.
    """
    found = ['""'] * rule.accepting
    found += [quoted(string) + ("" if after is None else f" {name_of(after)}") for string, after in rule.edges.items()]
    if rule.others is not None:
        found.append(f"{excluding(rule.excluded)} {name_of(rule.others)}")
    return f"{copy} ({' | '.join(found)})" if rule.copies else " | ".join(found)


def _states_with_end(grammar: Grammar, has_copies: bool) -> set[int]:
    """The states from which the end of a string can be reached."""
    before: dict[int, list[int]] = {}
    usable = [state for state in range(len(grammar)) if has_copies or not grammar.copies(state)]
    for state in usable:
        others = grammar.others(state)
        for after in (*grammar.edges(state).values(), *(() if others is None else (others,))):
            before.setdefault(after, []).append(state)
    finished: set[int] = set()
    waiting = [state for state in usable if grammar.accepting(state)]
    while waiting:
        state = waiting.pop()
        if state not in finished:
            finished.add(state)
            waiting.extend(before.get(state, ()))
    return finished


def _follow(grammar: Grammar, finished: Iterable[int], string: str, state: int) -> tuple[str, int | None]:
    """Extend an edge while there is no choice."""
    while not grammar.copies(state) and grammar.others(state) is None:
        edges = [(char, after) for char, after in grammar.edges(state).items() if after in finished]
        if grammar.accepting(state):
            return string, state if edges else None
        if len(edges) > 1:
            break
        ((char, state),) = edges
        string += char
    return string, state
