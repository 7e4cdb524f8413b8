"""CoNLL columns: one token per line, blank lines between sentences, BIO, BIOES, BMES or IOB1 tags in one column."""

from collections.abc import Iterator
from pathlib import Path

from .reading import Location, entity_from_tokens, join_words, read_lines, split_blanks
from .record import CorpusError, Record
from .report import Report
from .tags import IN_SENTENCE, find_scheme, is_tag, read_tags

HINT = ". If lines that begin with # are comments, skip them: --comment '#'"
# Line number and columns.
Row = tuple[int, list[str]]


def read_conll(
    path: Path,
    *,
    token_column: int = 0,
    tag_column: int = -1,
    separator: str | None = None,
    comment: str = "",
    report: Report | None = None,
) -> Iterator[Record]:
    """Read one file.

    path (Path): The file. A line that begins with -DOCSTART- begins a new document; the document is the group of its
        sentences.
    token_column (int): The column of the token, counted from 0, or from the end if negative.
    tag_column (int): The column of the tag, counted in the same way.
    separator (str | None): The string between tokens; None puts blanks where the script has them.
    comment (str): Skip lines that begin with this string; empty skips none.
    report (Report | None): Counts repaired tag sequences, and notes a last line without an end.
    YIELDS (Record): One record per sentence. Its id is the name of the file and the number of the sentence.
    RAISES (CorpusError): If lines differ in their number of columns, or a tag is invalid.
    """
    path = Path(path)
    report = report if report is not None else Report()
    sentences = list(_sentences(path, comment, report))
    _check_columns(path, sentences, token_column, tag_column)
    scheme = find_scheme([row[tag_column] for _, row in rows] for _, rows in sentences)
    for number, (group, rows) in enumerate(sentences, start=1):
        text, tokens = join_words([row[token_column] for _, row in rows], separator)
        tags = [row[tag_column] for _, row in rows]
        places = [Location(path, line) for line, _ in rows]
        for place, (_, row) in zip(places, rows):
            if row[0].startswith("#") and not is_tag(row[tag_column]):
                raise place.error(f"'{row[tag_column][:40]}' is no tag{HINT}")
        spans = read_tags(tags, scheme, places[0], report, where=IN_SENTENCE, places=places)
        yield Record(
            text=text,
            id=f"{path.stem}-{number}",
            entities=[entity_from_tokens(tokens, span.start, span.end, span.label) for span in spans],
            tokens=tokens,
            group=group,
            origin=str(places[0]),
        )


def _sentences(path: Path, comment: str, report: Report) -> Iterator[tuple[str, list[Row]]]:
    """The group and the rows of each sentence."""
    n_documents = 0
    rows: list[Row] = []
    for number, line in read_lines(path, report=report):
        begins_document = line.startswith("-DOCSTART-")
        if rows and (begins_document or not line.strip()):
            yield _group(path, n_documents), rows
            rows = []
        n_documents += begins_document
        if line.strip() and not begins_document and not (comment and line.startswith(comment)):
            rows.append((number, _columns(line)))
    if rows:
        yield _group(path, n_documents), rows


def _group(path: Path, n_documents: int) -> str:
    return f"{path.stem}-doc-{n_documents}" if n_documents else ""


def _columns(line: str) -> list[str]:
    return [column.strip(" ") for column in line.split("\t")] if "\t" in line else split_blanks(line)


def _check_columns(path: Path, sentences: list[tuple[str, list[Row]]], token_column: int, tag_column: int) -> None:
    if not sentences:
        return
    width = len(sentences[0][1][0][1])
    for column in (token_column, tag_column):
        if not -width <= column < width:
            raise CorpusError(path, 0, f"column {column} does not exist: the first sentence has {width} columns")
    for _, rows in sentences:
        for line, row in rows:
            if len(row) != width:
                hint = HINT if "#" in (row[0][:1], sentences[0][1][0][1][0][:1]) else ""
                raise CorpusError(path, line, f"found {len(row)} columns, but the first sentence has {width}{hint}")
            if not row[token_column]:
                raise CorpusError(path, line, "the token is empty")
