"""The sentences and words of CoNLL-U, with the text that they make."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .conllu_brackets import KEY as BRACKETS
from .conllu_brackets import Node
from .conllu_misc import get_value, unescape
from .reading import Location, read_lines
from .record import CharOffsets
from .report import Report

N_COLUMNS = 10
COMMENT = re.compile(r"#\s*(newdoc id|newdoc|sent_id|text|global\.Entity)\s*(?:=\s*(.*))?\Z")
ID = re.compile(r"(\d{1,9})(?:([-.])(\d{1,9}))?\Z")


@dataclass
class Sentence:
    """The text, the tokens, and for each word its token and its MISC."""

    location: Location
    comments: dict[str, str]
    group: str
    fields: str  # of entities in brackets
    text: str = ""
    blank: str = ""  # between the last word and the next one, if there is a next one
    tokens: list[CharOffsets] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    misc: list[str] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)  # with entities in brackets; also words without a form
    ranges: list[tuple[int, int, str]] = field(default_factory=list)  # words of one token, with the MISC of the token
    last_of_token: int = 0

    @property
    def all_misc(self) -> list[str]:
        """MISC of words, and of tokens of several words."""
        return [*self.misc, *(misc for _, _, misc in self.ranges)]


def read_sentences(path: Path, report: Report) -> Iterator[Sentence]:
    """Read the sentences of a file.

    path (Path): The file.
    report (Report): Gets a note if the last line does not end.
    YIELDS (Sentence): The sentences.
    RAISES (CorpusError): If the input is malformed.
    """
    comments: dict[str, str] = {}
    group, fields, n_documents = "", "", 0
    sentence: Sentence | None = None
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
            elif comment and comment[1] == "global.Entity":
                fields = comment[2] or ""
            elif comment:
                comments[comment[1]] = comment[2] or ""
        else:
            sentence = sentence or Sentence(location, comments, group, fields)
            _add_word(line, sentence, location)
    if sentence is not None:
        yield _checked(sentence, location)


def _checked(sentence: Sentence, location: Location) -> Sentence:
    if len(sentence.words) < sentence.last_of_token:
        raise location.error(f"the sentence ends before the word {sentence.last_of_token} of a token")
    return sentence


def _add_word(line: str, sentence: Sentence, location: Location) -> None:
    columns = line.split("\t")
    if len(columns) != N_COLUMNS:
        raise location.error(f"found {len(columns)} columns, expected {N_COLUMNS} with tabs between them")
    name = ID.match(columns[0])
    if name is None:
        raise location.error(f"invalid id '{columns[0][:40]}': expected a number, as in 1, 1-2 or 1.1")
    n_words = len(sentence.words)
    if name[2] != "-":
        sentence.nodes.append(Node(n_words, n_words + (name[2] is None), get_value(columns[9], BRACKETS)))
    if name[2] == ".":
        return
    first = int(name[1])
    if first != n_words + 1 or (name[2] and first <= sentence.last_of_token):
        raise location.error(f"the word {columns[0]} follows the word {n_words}")
    if first > sentence.last_of_token:
        if not columns[1]:
            raise location.error("the form of the word is empty")
        _add_token(columns[1], columns[9], sentence, location)
        sentence.last_of_token = int(name[3]) if name[2] else first
        if sentence.last_of_token < first:
            raise location.error(f"invalid id '{columns[0]}'")
        if name[2]:
            sentence.ranges.append((n_words, sentence.last_of_token, columns[9]))
    if name[2] is None:
        sentence.words.append(len(sentence.tokens) - 1)
        sentence.misc.append(columns[9])


def _add_token(form: str, misc: str, sentence: Sentence, location: Location) -> None:
    in_token = unescape(get_value(misc, "SpacesInToken"))
    if in_token and in_token.split() != form.split():
        raise location.error(f"the form of the word is '{form}', but SpacesInToken is '{in_token}'")
    sentence.text += sentence.blank + unescape(get_value(misc, "SpacesBefore"))
    start = len(sentence.text)
    sentence.text += in_token or form
    sentence.tokens.append((start, len(sentence.text)))
    after = get_value(misc, "SpacesAfter")
    sentence.text += unescape(after)
    sentence.blank = "" if after or get_value(misc, "SpaceAfter") == "No" else " "
