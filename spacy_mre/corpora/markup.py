r"""The inline mark-up of the hand-written corpus: one record in several languages, with its relations written once.

    ## society-01
    en: The [political_organisation:a|[place:b|Aoba] City Council] met.
    ja: [political_organisation:a|[place:b|青葉市]議会]が開かれた。
    relations: a located_in b
    register: minutes

`[place:b|Aoba]` is an entity with the label "place" and the name "b"; relations refer to names. A backslash before `[`,
`]`, `|` or `\` keeps it as a plain character. The text label is the part of the id before its last hyphen. The register
(news, mail, ...) is optional; it is metadata.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .marks import scan
from .reading import read_lines
from .record import CorpusError, EntityRecord, Record, RelationRecord

HEADING = re.compile(r"## ([a-z_]+)-([0-9]{1,15})\Z")
FIELD = re.compile(r"([a-z]+): (.*)\Z")
OPENING = re.compile(r"\[([a-z_]+):([a-z][a-z0-9]*)\|")


@dataclass
class Block:
    """A heading and the lines below it.

    id (str): The id of the record.
    text_label (str): Its text label.
    line (int): The line of the heading.
    fields (dict[str, tuple[int, str]]): Line number and content by language, and by "relations" and "register".
    """

    id: str
    text_label: str
    line: int
    fields: dict[str, tuple[int, str]] = field(default_factory=dict)


def read_markup(path: Path) -> dict[str, list[Record]]:
    """Read one mark-up file.

    path (Path): The file.
    RETURNS (dict[str, list[Record]]): The records of each language, in file order. `cats` contains only the record's
        own text label; `read_corpus` adds the others.
    RAISES (CorpusError): If the mark-up is malformed, a relation refers to an unknown name or is written twice, or the
        languages of a record have different entities.
    """
    records: dict[str, list[Record]] = {}
    lines: dict[str, int] = {}
    for block in read_blocks(path):
        if block.id in lines:
            raise CorpusError(path, block.line, f"duplicate id {block.id}, first used in line {lines[block.id]}")
        lines[block.id] = block.line
        for lang, record in _read_block(block, path).items():
            records.setdefault(lang, []).append(record)
    return records


def parse_marked(marked: str) -> tuple[str, dict[str, EntityRecord]]:
    """Parse the mark-up of one sentence.

    marked (str): The sentence, with entities as `[label:name|text]`.
    RETURNS (tuple[str, dict[str, EntityRecord]]): The plain sentence, and the entities by name, sorted by start,
        longest first.
    RAISES (ValueError): If brackets do not match, a name is used twice, or an entity is empty.

    >>> parse_marked("Ida lives in [place:a|Lima].")
    ('Ida lives in Lima.', {'a': EntityRecord(start=13, end=17, label='place', score=1.0)})
    """
    text, marks = scan(marked, OPENING)
    entities: dict[str, EntityRecord] = {}
    for mark in marks:
        if mark.start == mark.end:
            raise ValueError(f"the entity '{mark.key}' is empty")
        if mark.key in entities:
            raise ValueError(f"the name '{mark.key}' is used for two entities")
        entities[mark.key] = EntityRecord(mark.start, mark.end, mark.word)
    return text, entities


def read_blocks(path: Path) -> Iterator[Block]:
    """Read the blocks of a mark-up file.

    path (Path): The file.
    YIELDS (Block): The blocks, with lines that are not parsed yet.
    RAISES (CorpusError): If a line is neither a heading nor a field.
    """
    block = None
    for number, line in read_lines(path):
        line = line.strip()
        if not line or line.startswith("<!--"):
            continue
        if line.startswith("##"):
            heading = HEADING.match(line)
            if heading is None:
                raise CorpusError(path, number, f"invalid heading '{line}': expected ## label-number")
            if block is not None:
                yield block
            block = Block(f"{heading[1]}-{heading[2]}", heading[1], number)
            continue
        match = FIELD.match(line)
        if match is None or block is None:
            expected = "'## label-number', 'ja: ...', 'en: ...', 'zh: ...', 'relations: ...' or 'register: ...'"
            raise CorpusError(path, number, f"expected {expected}")
        if match[1] in block.fields:
            raise CorpusError(path, number, f"{block.id} has two lines '{match[1]}:'")
        block.fields[match[1]] = (number, match[2])
    if block is not None:
        yield block


def _read_block(block: Block, path: Path) -> dict[str, Record]:
    """The record of each language of a block."""
    relation_line, relation_text = block.fields.pop("relations", (block.line, ""))
    _, register = block.fields.pop("register", (block.line, ""))
    records: dict[str, Record] = {}
    first_labels: dict[str, str] = {}
    for lang, (line, marked) in block.fields.items():
        try:
            text, entities = parse_marked(marked)
        except ValueError as err:
            raise CorpusError(path, line, str(err)) from None
        labels = {name: entity.label for name, entity in entities.items()}
        if records and labels != first_labels:
            different = sorted(set(labels.items()) ^ set(first_labels.items()))
            raise CorpusError(path, line, f"{block.id}: the languages have different entities: {different}")
        first_labels = labels
        try:
            relations = list(_relations(relation_text, list(entities)))
        except ValueError as err:
            raise CorpusError(path, relation_line, f"{block.id}: {err}") from None
        records[lang] = Record(
            text=text,
            id=block.id,
            entities=list(entities.values()),
            relations=relations,
            cats={block.text_label: 1.0},
            meta={"register": register} if register else {},
            origin=f"{path.name}, line {line}",
        )
    return records


def _relations(text: str, names: list[str]) -> Iterator[RelationRecord]:
    read: set[RelationRecord] = set()
    for part in text.split(","):
        words = part.split()
        if not words:
            continue
        if len(words) != 3:
            raise ValueError(f"invalid relation '{part.strip()}': expected 'head label tail'")
        head, label, tail = words
        for name in (head, tail):
            if name not in names:
                raise ValueError(f"a relation refers to '{name}', but there is no such entity")
        relation = RelationRecord(names.index(head), names.index(tail), label)
        if relation in read:
            raise ValueError(f"the relation '{head} {label} {tail}' is written twice")
        read.add(relation)
        yield relation
