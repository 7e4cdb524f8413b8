"""A small interpreter of GBNF, written from the description of the notation, to check grammars with."""

import re
from collections.abc import Iterator

TOKEN = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([a-z][a-z0-9-]*)|([()|])|\[\^((?:[^]\\]|\\.)*)\])')
ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))")
SIGNS = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}

# Alternatives of sequences; a part of a sequence is a string, the name of a rule in <>, or a group of alternatives.
Alternatives = list[list["str | list"]]


class GbnfReader:
    """Reads a grammar, and decides whether it has a string."""

    def __init__(self, grammar: str):
        self.rules: dict[str, Alternatives] = {}
        for line in grammar.removesuffix("\n").split("\n"):
            name, mark, rest = line.partition(" ::= ")
            assert mark and re.fullmatch(r"[a-z][a-z0-9-]*", name) and name not in self.rules, line
            tokens = list(_tokens(rest))
            self.rules[name] = _alternatives(tokens)
            assert not tokens, line
        assert "root" in self.rules

    def accepts(self, string: str) -> bool:
        """All positions that the stacks of what is still to be read can be at, as in llama.cpp."""
        stacks = {(0, (("<", "root"),))}
        seen = set(stacks)
        while stacks:
            position, stack = stacks.pop()
            if not stack:
                if position == len(string):
                    return True
                continue
            (kind, content), rest = stack[0], stack[1:]
            if kind == '"':
                found = [(position + len(content), rest)] if string.startswith(content, position) else []
            elif kind == "[^":
                found = [(position + 1, rest)] if string[position : position + 1] not in ("", *content) else []
            else:
                alternatives = self.rules[content] if kind == "<" else content
                found = [(position, (*sequence, *rest)) for sequence in alternatives]
            stacks |= set(found) - seen
            seen.update(found)
        return False


def _tokens(line: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(line):
        match = TOKEN.match(line, position)
        assert match, line[position:]
        position = match.end()
        string, name, sign, excluded = match.groups()
        if string is not None:
            yield '"', ESCAPE.sub(_character, string)
        elif name is not None:
            yield "<", name
        elif excluded is not None:
            yield "[^", ESCAPE.sub(_character, excluded)
        else:
            yield sign, sign


def _character(match: re.Match) -> str:
    *codes, sign = match.groups()
    code = next(filter(None, codes), None)
    return chr(int(code, 16)) if code else SIGNS[sign]


def _alternatives(tokens: list[tuple[str, str]]) -> tuple:
    """Read up to the end or a closing bracket, which is left."""
    found: list[list] = [[]]
    while tokens and tokens[0][0] != ")":
        kind, content = tokens.pop(0)
        if kind == "|":
            found.append([])
        elif kind == "(":
            found[-1].append(("(", _alternatives(tokens)))
            assert tokens.pop(0)[0] == ")"
        else:
            found[-1].append((kind, content))
    return tuple(tuple(sequence) for sequence in found)
