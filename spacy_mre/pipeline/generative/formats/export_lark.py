"""The grammar of a format for one text in the Lark dialect of llguidance, which vLLM, SGLang and llama.cpp can read.

Copies are one terminal, a regular expression: llguidance knows the substrings of a text. The rest is a rule for each
state of the grammar.
"""

import json
from collections.abc import Collection, Iterable

from .copies import copy_chunks
from .grammar import Grammar
from .rules import alternatives, name_of, rules_of


def to_lark(grammar: Grammar, text: str, boundaries: Collection[int] | None = None) -> str:
    """Write a grammar for one text.

    grammar (Grammar): The grammar.
    text (str): The text.
    boundaries (Optional[Collection[int]]): The offsets at which a copy may start and end. Default: all offsets.
    RETURNS (str): The grammar.
    RAISES (ValueError): If it has no string.
    """
    chunks = copy_chunks(text, boundaries)
    rules = rules_of(grammar, has_copies=bool(chunks))
    # By the first line, servers that read several languages recognize this one.
    lines = ["%llguidance {}", f"start: {name_of(grammar.start)}"]
    for state, rule in rules.items():
        lines.append(f"{name_of(state)}: {alternatives(rule, _quoted, _excluding, 'COPY')}")
    if any(rule.copies for rule in rules.values()):
        lines += _copy_terminals(chunks)
    return "\n".join(lines) + "\n"


def _excluding(characters: list[str]) -> str:
    return f"/[^{_characters(characters)}]/"


def _copy_terminals(chunks: list[str]) -> list[str]:
    spaces = _characters(char for char in sorted(set("".join(chunks))) if char.isspace())
    solid = f"/[^{spaces}](?s:.*[^{spaces}])?/" if spaces else "/(?s:.+)/"
    return [f"COPY: PART & {solid}", f'PART: %regex {{"substring_chunks":{_quoted(chunks)}}}']


def _characters(characters: Iterable[str]) -> str:
    return "".join(f"\\u{{{ord(char):x}}}" for char in characters)


def _quoted(content: str | list[str]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
