"""PubTator: texts with a title and an abstract, mentions by character offsets, and relations between concepts.

    227508|t|Naloxone reverses the effect of clonidine.
    227508|a|The hypotensive effect ...
    227508	0	8	Naloxone	Chemical	D009270
    227508	CID	D009270	D006973

The text is the title, one character (a line end) and the abstract. Relations connect concepts, such as the entries of a
database, which may have many mentions; they become relations between the two nearest mentions, or all pairs. Concepts,
and what else a line may have, are lost and counted, except the numbers that our writer gives (T1, T2). The entities or
relations of a text are None if no text of the file has any.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .mentions import LOST_CONCEPT, Pairs, relations_between, split_concepts
from .offsets import Offsets
from .reading import DIGITS, Location, read_lines
from .record import CorpusError, EntityRecord, Record, RelationRecord
from .report import Report
from .surface import check_surface, with_offsets

TEXT = re.compile(r"([^|\t]+)\|([ta])\|(.*)\Z", re.DOTALL)
# What our writer gives each entity instead of a concept.
NUMBER = re.compile(r"T[1-9][0-9]*\Z")


@dataclass
class _Mention:
    """A mention, as given."""

    location: Location
    start: int
    end: int
    text: str | None
    label: str
    concept: str


@dataclass
class _Document:
    """A text, its mentions, and its relations: a label and two concepts."""

    location: Location
    id: str
    title: str
    abstract: str | None = None
    mentions: list[_Mention] = field(default_factory=list)
    relations: list[tuple[Location, str, str, str]] = field(default_factory=list)

    @property
    def text(self) -> str:
        return f"{self.title}\n{self.abstract}" if self.abstract else self.title


def read_pubtator(path: Path, *, pairs: Pairs = "nearest", report: Report | None = None) -> Iterator[Record]:
    """Read one file.

    path (Path): The file.
    pairs (Pairs): The mentions between which a relation is read: the "nearest" two, or "all" pairs.
    report (Report | None): Counts what records cannot represent.
    YIELDS (Record): One record per text. Its id is that of the text.
    RAISES (CorpusError): If a line is malformed, or the text of a mention differs from that at its offsets.
    """
    path = Path(path)
    report = report if report is not None else Report()
    documents = list(_documents(path, report))
    if not documents:
        raise CorpusError(path, 0, "the file contains no text (a line such as 227508|t|Naloxone reverses ...)")
    has_entities = any(document.mentions for document in documents)
    has_relations = any(document.relations for document in documents)
    for document, offsets in with_offsets(lambda: documents, _parts, report):
        entities, concepts = _entities(document, offsets, report)
        relations = _relations(document, entities, concepts, pairs, report)
        yield Record(
            text=document.text,
            id=document.id,
            entities=entities if has_entities else None,
            relations=relations if has_relations else None,
            origin=str(document.location),
        )


def _parts(document: _Document) -> tuple[str, list[_Mention], Location]:
    return document.text, document.mentions, document.location


def is_pubtator(path: Path) -> bool:
    """RETURNS (bool): Whether the first line of a file that is not blank is a title or an abstract of PubTator."""
    line = next((line for _, line in read_lines(path) if line.strip()), "")
    return bool(TEXT.match(line)) and line[:1] not in "[{<#"


def _documents(path: Path, report: Report) -> Iterator[_Document]:
    document: _Document | None = None
    for number, line in read_lines(path, report=report):
        location = Location(path, number)
        match = TEXT.match(line)
        if match and match[2] == "t":
            if document is not None:
                yield _checked(document)
            document = _Document(location, match[1], match[3])
        elif line.strip():
            fields = line.split("\t")
            name = match[1] if match else fields[0]
            if document is None or name != document.id:
                raise location.error(f"expected a title, as in 227508|t|Naloxone reverses ..., not '{line[:40]}'")
            if match and (document.abstract is not None or document.mentions or document.relations):
                raise location.error("the abstract must follow the title")
            if match:
                document.abstract = match[3]
            else:
                _add_line(document, fields, location, report)
    if document is not None:
        yield _checked(document)


def _checked(document: _Document) -> _Document:
    if document.abstract is None:
        raise document.location.error(f"there is no abstract ({document.id[:40]}|a|), which may be empty")
    return document


def _add_line(document: _Document, fields: list[str], location: Location, report: Report) -> None:
    """Add a mention or relation: the second field of a mention is a number."""
    if len(fields) >= 5 and DIGITS.match(fields[1]) and DIGITS.match(fields[2]):
        concept = fields[5].strip() if len(fields) > 5 else ""
        mention = _Mention(location, int(fields[1]), int(fields[2]), fields[3], fields[4], concept)
        document.mentions.append(mention)
        further = fields[6:]
    elif len(fields) >= 4 and fields[1] and not DIGITS.match(fields[1]):
        document.relations.append((location, fields[1], fields[2].strip(), fields[3].strip()))
        further = fields[4:]
    else:
        raise location.error("expected ID, START, END, TEXT and TYPE of a mention, or ID, TYPE and two CONCEPTs")
    for value in filter(str.strip, further):
        report.lose("further column of a mention or relation", str(location), value[:40])


def _entities(document: _Document, offsets: Offsets, report: Report) -> tuple[list[EntityRecord], dict[str, list[int]]]:
    """The entities, and the indices of the mentions of each concept."""
    entities: list[EntityRecord] = []
    concepts: dict[str, list[int]] = {}
    given = [mention.concept for mention in document.mentions]
    only_numbers = len(set(given)) == len(given) and all(map(NUMBER.match, given))
    for i, mention in enumerate(document.mentions):
        start, end = offsets.convert(mention.start, mention.end, mention.location, "a mention")
        check_surface(mention.text, document.text[start:end], mention.location, "a mention")
        entities.append(EntityRecord(start, end, mention.label))
        names = split_concepts(mention.concept)
        if names and not only_numbers:
            report.lose(LOST_CONCEPT, str(mention.location), mention.concept[:40])
        for name in names:
            concepts.setdefault(name, []).append(i)
    return entities, concepts


def _relations(
    document: _Document, entities: list[EntityRecord], concepts: dict[str, list[int]], pairs: Pairs, report: Report
) -> list[RelationRecord]:
    found: list[RelationRecord] = []
    for location, label, head, tail in document.relations:
        relations = relations_between(concepts.get(head, []), concepts.get(tail, []), label, entities, pairs)
        if not relations:
            report.lose("relation of a concept without a mention", str(location), f"{label} {head} {tail}"[:40])
        found += relations
    return found
