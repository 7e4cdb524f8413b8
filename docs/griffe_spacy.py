"""A griffe extension that reads docstrings in spaCy's form, for the API pages.

A summary, then fields: `name (Type): text.`, `RETURNS (Type): text.`, `YIELDS (Type): text.`, `RAISES (Type): when.`
Continuation lines are indented. Examples begin with `>>>`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import griffe

FIELD = re.compile(r"(?P<name>\*{0,2}\w+) \((?P<type>[^()]*(?:\([^()]*\)[^()]*)*)\): (?P<text>.*)")
RESULTS = ("RETURNS", "YIELDS", "RAISES")


class SpacyDocstrings(griffe.Extension):
    """Replaces the parsed docstring of every object."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """RETURNS (None): The sections are cached on the docstring."""
        if obj.docstring is not None:
            obj.docstring.parsed = parse_docstring(obj.docstring.lines, has_attributes=obj.is_class)


@dataclass
class Field:
    """An argument, an attribute or a result.

    name (str): Its name, or one of `RESULTS`.
    type (str): Its type.
    text (str): Its description.
    """

    name: str
    type: str
    text: str


def parse_docstring(lines: list[str], *, has_attributes: bool = False) -> list[griffe.DocstringSection]:
    """Parse a docstring.

    lines (list[str]): Its lines, without common indentation.
    has_attributes (bool): The fields are attributes, not parameters. Default: False.
    RETURNS (list[DocstringSection]): Its sections, in the order of the docstring; fields of one kind that follow each
        other are one section.
    """
    sections: list[griffe.DocstringSection] = []
    for part in _parts(lines):
        section = _section(part, has_attributes)
        if sections and not isinstance(part, str) and sections[-1].kind == section.kind:
            sections[-1].value.extend(section.value)
        else:
            sections.append(section)
    return sections


def _parts(lines: list[str]) -> Iterator[str | Field]:
    """The paragraphs, examples and fields."""
    block: list[str] = []
    for line in [*lines, ""]:
        starts_field = FIELD.match(line) is not None and not _is_example(block)
        continues = bool(block) and (not FIELD.match(block[0]) or line.startswith(" "))
        if block and (not line.strip() or starts_field or not continues):
            yield _part(block)
            block = []
        if line.strip():
            block.append(line)


def _is_example(block: list[str]) -> bool:
    return bool(block) and block[0].startswith(">>>")


def _part(block: list[str]) -> str | Field:
    match = FIELD.match(block[0])
    if match is None:
        return "\n".join(block)
    text = " ".join([match["text"], *(line.strip() for line in block[1:])])
    return Field(match["name"], match["type"], text)


def _section(part: str | Field, has_attributes: bool) -> griffe.DocstringSection:
    if isinstance(part, str):
        if part.startswith(">>>"):
            return griffe.DocstringSectionExamples([(griffe.DocstringSectionKind.examples, part)])
        return griffe.DocstringSectionText(part)
    if part.name == "RETURNS":
        return griffe.DocstringSectionReturns([griffe.DocstringReturn("", annotation=part.type, description=part.text)])
    if part.name == "YIELDS":
        return griffe.DocstringSectionYields([griffe.DocstringYield("", annotation=part.type, description=part.text)])
    if part.name == "RAISES":
        return griffe.DocstringSectionRaises([griffe.DocstringRaise(annotation=part.type, description=part.text)])
    if has_attributes:
        attribute = griffe.DocstringAttribute(part.name, annotation=part.type, description=part.text)
        return griffe.DocstringSectionAttributes([attribute])
    parameter = griffe.DocstringParameter(part.name, annotation=part.type, description=part.text)
    return griffe.DocstringSectionParameters([parameter])
