"""CoNLL columns: one token a line, blank lines between sentences, BIO or BIOES tags in one column."""

from collections.abc import Iterator
from pathlib import Path

from .reading import Location, join_words, read_lines, split_blanks
from .record import CorpusError, EntityRecord, Record
from .report import Report
from .tags import decode_tags, has_closing_tags

Row = tuple[int, list[str]]


def read_conll(
    path: Path,
    *,
    token_column: int = 0,
    tag_column: int = -1,
    separator: str = " ",
    comment: str = "",
    report: Report | None = None,
) -> Iterator[Record]:
    """Read one file.

    path (Path): The file. Lines that begin with -DOCSTART- begin a new document, whose sentences a split keeps together.
    token_column (int): Where the token stands, counted from 0; from the end if negative.
    tag_column (int): Where the tag stands.
    separator (str): What to put between the tokens: a blank, or nothing for Chinese characters.
    comment (str): Lines that begin with this are skipped; none if empty.
    report (Optional[Report]): Counts tag sequences that had to be repaired.
    YIELDS (Record): The sentences; their ids are the file's name and their number.
    RAISES (CorpusError): Lines of another number of columns than the first, something that is no tag.
    """
    path = Path(path)
    report = report if report is not None else Report()
    sentences = list(_sentences(path, comment))
    width = len(sentences[0][1][0][1]) if sentences else 0
    for column in (token_column, tag_column):
        if not -width <= column < width:
            raise CorpusError(path, 0, f"there is no column {column}: the first sentence has {width} columns")
    for _, rows in sentences:
        for line, row in rows:
            if len(row) != width:
                raise CorpusError(path, line, f"there are {len(row)} columns, in the first sentence there were {width}")
            if not row[token_column]:
                raise CorpusError(path, line, "the token is empty")
    closing = any(has_closing_tags([row[tag_column] for _, row in rows]) for _, rows in sentences)
    for number, (group, rows) in enumerate(sentences, start=1):
        text, tokens = join_words([row[token_column] for _, row in rows], separator)
        try:
            spans, repairs = decode_tags([row[tag_column] for _, row in rows], closing=closing)
        except ValueError as err:
            raise CorpusError(path, rows[0][0], f"in the sentence that begins here, {err}") from None
        for i, repair in repairs:
            report.lose("malformed tag sequence (repaired)", str(Location(path, rows[i][0])), repair)
        yield Record(
            text=text,
            id=f"{path.stem}-{number}",
            entities=[EntityRecord(tokens[start][0], tokens[end - 1][1], label) for start, end, label in spans],
            tokens=tokens,
            group=group,
            origin=str(Location(path, rows[0][0])),
        )


def _sentences(path: Path, comment: str) -> Iterator[tuple[str, list[Row]]]:
    documents = 0
    rows: list[Row] = []
    for number, line in read_lines(path):
        begins_document = line.startswith("-DOCSTART-")
        if rows and (begins_document or not line.strip()):
            yield f"{path.stem}-doc-{documents}" if documents else "", rows
            rows = []
        documents += begins_document
        if line.strip() and not begins_document and not (comment and line.startswith(comment)):
            rows.append((number, _columns(line)))
    if rows:
        yield f"{path.stem}-doc-{documents}" if documents else "", rows


def _columns(line: str) -> list[str]:
    return [column.strip(" ") for column in line.split("\t")] if "\t" in line else split_blanks(line)
