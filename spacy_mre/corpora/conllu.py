"""CoNLL-U: sentences with ten columns per word. Entities are BIO tags in MISC, as GiNZA and spaCy read and write them.

    # sent_id = 7
    1	京都	京都	PROPN	_	_	2	nmod	_	SpaceAfter=No|NE=B-place
    2	へ	へ	ADP	_	_	1	case	_	SpaceAfter=No

Lemmas, tags and dependencies are not read. A token of several words ("1-2") is one token; words without a form in the
text ("1.1") are skipped.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .reading import Location, read_lines
from .record import CharOffsets, CorpusError, EntityRecord, Record
from .report import Report
from .tags import decode_tags, has_closing_tags

ENTITY_KEYS = ("NE", "NER", "name")
BRACKETS = "Entity"
N_COLUMNS = 10
COMMENT = re.compile(r"#\s*(newdoc id|newdoc|sent_id|text)\s*(?:=\s*(.*))?\Z")
ID = re.compile(r"(\d{1,9})(?:([-.])(\d{1,9}))?\Z")
ESCAPES = {"\\s": " ", "\\t": "\t", "\\r": "\r", "\\n": "\n", "\\p": "|", "\\\\": "\\"}


@dataclass
class _Sentence:
    """The text, the tokens, and for each word its token and its entity tag."""

    location: Location
    comments: dict[str, str]
    group: str
    text: str = ""
    tokens: list[CharOffsets] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    last_of_token: int = 0


def read_conllu(path: Path, *, entity_key: str = "", report: Report | None = None) -> Iterator[Record]:
    """Read one file.

    path (Path): The file.
    entity_key (str): The key in MISC that contains the entity tags; empty for that of NE, NER and name which the file
        contains. GiNZA's fine-grained types have the key ENE.
    report (Report | None): Counts repaired tags, and notes sentences that differ from their text in the comments.
    YIELDS (Record): One record per sentence. Its id is its `sent_id`, or the name of the file and its number; its group
        is its document. Its entities are None if the file contains no tags.
    RAISES (CorpusError): If the input is malformed, or contains the tags of several keys.
    """
    path = Path(path)
    report = report if report is not None else Report()
    sentences = list(_sentences(path, report))
    key = entity_key or _find_key(sentences, path)
    if entity_key and not any(_value(misc, key) for sentence in sentences for misc in sentence.tags):
        raise CorpusError(path, 0, f"no word has the key '{key}' in MISC")
    tags = [[_value(misc, key) or "O" for misc in sentence.tags] for sentence in sentences]
    closing = any(map(has_closing_tags, tags))
    for number, (sentence, of_sentence) in enumerate(zip(sentences, tags), start=1):
        text = sentence.text.rstrip(" ")
        given = sentence.comments.get("text")
        if given is not None and given.split() != text.split():
            report.note("sentence that differs from its text in the comments", str(sentence.location))
        if any(_value(misc, BRACKETS) for misc in sentence.tags):
            report.lose("entities in brackets (MISC 'Entity'), not read", str(sentence.location))
        yield Record(
            text=text,
            id=sentence.comments.get("sent_id") or f"{path.stem}-{number}",
            entities=_entities(sentence, of_sentence, closing, report) if key else None,
            tokens=sentence.tokens,
            group=sentence.group,
            origin=str(sentence.location),
        )


def _find_key(sentences: list[_Sentence], path: Path) -> str:
    found = [key for key in ENTITY_KEYS if any(_value(misc, key) for sentence in sentences for misc in sentence.tags)]
    if len(found) > 1:
        raise CorpusError(path, 0, f"there are entity tags of several keys, {', '.join(found)}: choose by --entity-key")
    return found[0] if found else ""


def _entities(sentence: _Sentence, tags: list[str], closing: bool, report: Report) -> list[EntityRecord]:
    try:
        spans, repairs = decode_tags(tags, closing=closing)
    except ValueError as err:
        raise sentence.location.error(f"in the sentence that begins here: {err}") from None
    for _, repair in repairs:
        report.lose("malformed tag sequence (repaired)", str(sentence.location), repair)
    places = [sentence.tokens[token] for token in sentence.words]
    return [EntityRecord(places[span.start][0], places[span.end - 1][1], span.label) for span in spans]


def _sentences(path: Path, report: Report) -> Iterator[_Sentence]:
    comments: dict[str, str] = {}
    group, n_documents = "", 0
    sentence: _Sentence | None = None
    for number, line in read_lines(path, report=report):
        location = Location(path, number)
        if not line.strip():
            if sentence is not None:
                yield _checked(sentence, location)
                sentence, comments = None, {}
        elif line.startswith("#"):
            if sentence is not None:
                raise location.error("a comment inside of a sentence: a blank line is missing before it")
            comment = COMMENT.match(line)
            if comment and comment[1].startswith("newdoc"):
                n_documents += 1
                group = comment[2] or f"{path.stem}-doc-{n_documents}"
            elif comment:
                comments[comment[1]] = comment[2] or ""
        else:
            sentence = sentence or _Sentence(location, comments, group)
            _add_word(line, sentence, location)
    if sentence is not None:
        yield _checked(sentence, location)


def _checked(sentence: _Sentence, location: Location) -> _Sentence:
    if len(sentence.words) < sentence.last_of_token:
        raise location.error(f"the sentence ends before the word {sentence.last_of_token} of a token")
    return sentence


def _add_word(line: str, sentence: _Sentence, location: Location) -> None:
    columns = line.split("\t")
    if len(columns) != N_COLUMNS:
        raise location.error(f"found {len(columns)} columns, expected {N_COLUMNS} with tabs between them")
    name = ID.match(columns[0])
    if name is None:
        raise location.error(f"invalid id '{columns[0][:40]}': expected a number, as in 1, 1-2 or 1.1")
    if name[2] == ".":
        return
    first = int(name[1])
    if first != len(sentence.words) + 1 or (name[2] and first <= sentence.last_of_token):
        raise location.error(f"the word {columns[0]} follows the word {len(sentence.words)}")
    if first > sentence.last_of_token:
        if not columns[1]:
            raise location.error("the form of the word is empty")
        start = len(sentence.text)
        sentence.tokens.append((start, start + len(columns[1])))
        sentence.text += columns[1] + _space_after(columns[9])
        sentence.last_of_token = int(name[3]) if name[2] else first
        if sentence.last_of_token < first:
            raise location.error(f"invalid id '{columns[0]}'")
    if name[2] is None:
        sentence.words.append(len(sentence.tokens) - 1)
        sentence.tags.append(columns[9])


def _space_after(misc: str) -> str:
    spaces = _value(misc, "SpacesAfter")
    if spaces:
        return re.sub(r"\\[strnp\\]", lambda escape: ESCAPES[escape[0]], spaces)
    return "" if _value(misc, "SpaceAfter") == "No" else " "


def _value(misc: str, key: str) -> str:
    """The value of a key in MISC; empty if it has none."""
    pairs = (pair.partition("=") for pair in misc.split("|"))
    value = next((value for name, _, value in pairs if name == key), "")
    return "" if value in ("_", "*") else value
