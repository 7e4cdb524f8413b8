"""The grammar of a format for one text in GBNF, the notation of llama.cpp.

A rule for each state of the grammar, and a rule for each state of an automaton of the copies. All rules are
right-linear, so that a parser needs no memory.
"""

from collections.abc import Collection

from .copies import CopyAutomaton, copy_chunks
from .grammar import Grammar
from .rules import alternatives, name_of, rules_of

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def to_gbnf(grammar: Grammar, text: str, boundaries: Collection[int] | None = None) -> str:
    """Write a grammar for one text.

    grammar (Grammar): The grammar.
    text (str): The text.
    boundaries (Optional[Collection[int]]): The offsets at which a copy may start and end. Default: all offsets.
    RETURNS (str): The grammar.
    RAISES (ValueError): If it has no string.
    """
    chunks = copy_chunks(text, boundaries)
    rules = rules_of(grammar, has_copies=bool(chunks))
    lines = [f"root ::= {name_of(grammar.start)}"]
    for state, rule in rules.items():
        lines.append(f"{name_of(state)} ::= {alternatives(rule, _quoted, _excluding, 'copy0')}")
    if any(rule.copies for rule in rules.values()):
        lines += _copy_rules(CopyAutomaton(chunks))
    return "\n".join(lines) + "\n"


def _excluding(characters: list[str]) -> str:
    excluded = "".join(f"\\U{ord(char):08X}" for char in characters)
    return f"[^{excluded}]"


def _copy_rules(automaton: CopyAutomaton) -> list[str]:
    lines = []
    for state in automaton.reached():
        edges = automaton.edges[state]
        if state and not edges:
            continue  # nothing follows: the chunk that leads here is the last
        found = ['""'] * automaton.accepting[state]
        found += [
            _quoted(chunk) + (f" copy{after}" if automaton.edges[after] else "") for chunk, after in edges.items()
        ]
        lines.append(f"copy{state} ::= {' | '.join(found)}")
    return lines


def _quoted(string: str) -> str:
    return '"' + "".join(_ESCAPES.get(char) or _escaped(char) for char in string) + '"'


def _escaped(char: str) -> str:
    return f"\\x{ord(char):02X}" if ord(char) < 0x20 or ord(char) == 0x7F else char
