"""The inline mark-up of the hand-written corpus: one record, several languages, relations stated once.

    ## society-01
    en: The [political_organisation:a|[place:b|Aoba] City Council] met.
    ja: [political_organisation:a|[place:b|青葉市]議会]が開かれた。
    relations: a located_in b

A backslash keeps `[`, `]`, `|` and `\\` as plain characters. The text class is the part of the id before its last hyphen.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .reading import read_lines
from .record import CorpusError, EntityRecord, Record, RelationRecord

HEADING = re.compile(r"## ([a-z_]+)-(\d+)\Z")
FIELD = re.compile(r"([a-z]+): (.*)\Z")
OPENING = re.compile(r"\[([a-z_]+):([a-z][a-z0-9]*)\|")


@dataclass
class _Block:
    id: str
    cat: str
    line: int
    fields: dict[str, tuple[int, str]]


def read_markup(path: Path) -> dict[str, list[Record]]:
    """Read one mark-up file.

    path (Path): The file.
    RETURNS (Dict[str, List[Record]]): The records of each language, in file order. The cats of a record hold its own class only;
        `compile_corpus` fills in the zeros of the others.
    RAISES (CorpusError): Malformed mark-up, an unknown entity name in a relation, languages that disagree.
    """
    records: dict[str, list[Record]] = {}
    seen: dict[str, int] = {}
    for block in _blocks(path):
        if block.id in seen:
            raise CorpusError(path, block.line, f"the id {block.id} was used before, in line {seen[block.id]}")
        seen[block.id] = block.line
        relation_line, relation_text = block.fields.pop("relations", (block.line, ""))
        first: dict[str, str] = {}
        for lang, (line, marked) in block.fields.items():
            try:
                text, entities = parse_marked(marked)
            except ValueError as err:
                raise CorpusError(path, line, str(err)) from None
            types = {name: entity.label for name, entity in entities.items()}
            if first and types != first:
                differing = sorted(set(types.items()) ^ set(first.items()))
                raise CorpusError(path, line, f"{block.id}: the languages disagree on the entities {differing}")
            first = types
            names = list(entities)
            try:
                relations = [
                    RelationRecord(names.index(head), names.index(tail), label)
                    for head, label, tail in _triples(relation_text)
                ]
            except ValueError as err:
                raise CorpusError(path, relation_line, f"{block.id}: {err}") from None
            record = Record(
                text=text,
                id=block.id,
                entities=list(entities.values()),
                relations=relations,
                cats={block.cat: 1.0},
                origin=f"{path.name}, line {line}",
            )
            records.setdefault(lang, []).append(record)
    return records


def parse_marked(marked: str) -> tuple[str, dict[str, EntityRecord]]:
    """Take the mark-up out of one sentence.

    marked (str): The sentence with its `[type:name|text]` marks.
    RETURNS (Tuple[str, Dict[str, EntityRecord]]): The plain sentence, and its entities by name in order of their first character, the
        longer first.
    RAISES (ValueError): A bracket that does not close or open, a name used twice, an empty entity.
    """
    text: list[str] = []
    stack: list[tuple[str, str, int]] = []
    found: dict[str, EntityRecord] = {}
    i = 0
    while i < len(marked):
        char = marked[i]
        if char == "\\":
            if i + 1 == len(marked):
                raise ValueError("a backslash at the end of the line escapes nothing")
            text.append(marked[i + 1])
            i += 2
        elif char == "[":
            opening = OPENING.match(marked, i)
            if opening is None:
                raise ValueError(
                    f"'{marked[i : i + 20]}' is no entity: write [type:name|text], or \\[ for a plain bracket"
                )
            stack.append((opening[1], opening[2], len(text)))
            i = opening.end()
        elif char == "]":
            if not stack:
                raise ValueError(
                    f"character {i + 1} closes an entity that was never opened: write \\] for a plain bracket"
                )
            label, name, start = stack.pop()
            if start == len(text):
                raise ValueError(f"the entity '{name}' is empty")
            if name in found:
                raise ValueError(f"the name '{name}' stands for two entities")
            found[name] = EntityRecord(start, len(text), label)
            i += 1
        else:
            text.append(char)
            i += 1
    if stack:
        raise ValueError(f"the entity '{stack[-1][1]}' is never closed")
    in_order = sorted(found.items(), key=lambda item: (item[1].start, -item[1].end))
    return "".join(text), dict(in_order)


def _blocks(path: Path) -> Iterator[_Block]:
    block = None
    for number, line in read_lines(path):
        line = line.strip()
        if not line or line.startswith("<!--"):
            continue
        if line.startswith("##"):
            heading = HEADING.match(line)
            if heading is None:
                raise CorpusError(path, number, f"'{line}' is no heading: write ## class-number")
            if block is not None:
                yield block
            block = _Block(f"{heading[1]}-{heading[2]}", heading[1], number, {})
            continue
        field = FIELD.match(line)
        if field is None or block is None:
            raise CorpusError(
                path, number, "expected '## class-number', 'ja: ...', 'en: ...', 'zh: ...' or 'relations: ...'"
            )
        if field[1] in block.fields:
            raise CorpusError(path, number, f"{block.id} has two lines '{field[1]}:'")
        block.fields[field[1]] = (number, field[2])
    if block is not None:
        yield block


def _triples(text: str) -> Iterator[tuple[str, str, str]]:
    for part in filter(None, (part.strip() for part in text.split(","))):
        words = part.split()
        if len(words) != 3:
            raise ValueError(f"'{part}' is no relation: write 'head label tail'")
        yield words[0], words[1], words[2]
