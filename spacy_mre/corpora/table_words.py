"""Columns of words and their tags, the usual form of data sets for named entity recognition.

{"tokens": ["Old", "Lima"], "ner_tags": ["B-place", "I-place"]}
"""

from collections.abc import Sequence
from typing import Any

from .reading import Location, entity_from_tokens, join_words
from .record import CharOffsets
from .report import Report
from .table_csv import parse_cell
from .tags import Scheme, read_tags

TAG_COLUMNS = ("ner_tags", "tags")


def tag_column(row: dict[str, Any], tags_column: str) -> str:
    """Find the column of the tags.

    row (dict[str, Any]): A row.
    tags_column (str): Its name, if the user gives it.
    RETURNS (str): The column: the given one, or the usual one that the row has; empty if there is none.
    """
    if tags_column:
        return tags_column
    return next((name for name in TAG_COLUMNS if row.get(name) is not None), "")


def shown_tags(row: dict[str, Any], tags_column: str, location: Location) -> list[str]:
    """RETURNS (list[str]): The tags of a row, to find their scheme. What is no tag is O."""
    tags = _given(row, tag_column(row, tags_column), location)
    return [tag if isinstance(tag, str) else "O" for tag in tags] if isinstance(tags, list) else []


def read_words(
    row: dict[str, Any],
    text: Any,
    tokens_column: str,
    tags_column: str,
    location: Location,
    report: Report,
    *,
    scheme: Scheme = "BIO",
) -> dict[str, Any]:
    """Read the words of a row, and the entities that their tags describe.

    row (dict[str, Any]): The row.
    text (Any): Its text, if it has one.
    tokens_column (str): The column of the words.
    tags_column (str): The column of their tags; empty if there is none.
    location (Location): Where the row was read.
    report (Report): Counts repaired tags, words without a tag, and words that are not those of the text.
    scheme (Literal["BIO", "BIOES", "IOB1"]): The scheme of the tags of the file.
    RETURNS (dict[str, Any]): "text", "tokens" and "entities" of JSON lines.
    RAISES (CorpusError): If a word is empty, or a tag is not valid.
    """
    words = location.words(row, tokens_column)
    joined, tokens = join_words(words)
    item: dict[str, Any] = {"text": joined}
    if isinstance(text, str):
        places = _places(words, text)
        if places is not None:
            item, tokens = {"text": text}, places
        elif not tags_column:
            report.lose(f"tokens that are not the words of the text ('{tokens_column}')", str(location))
            return {"text": text}
        else:
            report.lose(f"text that differs from its tokens (they were joined, '{tokens_column}')", str(location))
    item["tokens"] = [list(token) for token in tokens]
    tags = _tags(row, tags_column, len(words), location, report)
    if tags is None:
        return item
    spans = read_tags(tags, scheme, location, report, where=f"in '{tags_column}'")
    entities = [entity_from_tokens(tokens, span.start, span.end, span.label) for span in spans]
    item["entities"] = [{"start": e.start, "end": e.end, "label": e.label} for e in entities]
    return item


def _places(words: Sequence[str], text: str) -> list[CharOffsets] | None:
    """The offsets of words in a text, if there is only white space between them."""
    places = []
    position = 0
    for word in words:
        start = text.find(word, position)
        if start < 0 or text[position:start].strip():
            return None
        position = start + len(word)
        places.append((start, position))
    return None if text[position:].strip() else places


def _tags(row: dict[str, Any], column: str, count: int, location: Location, report: Report) -> list[str] | None:
    """The tags of a row; None if it is not annotated."""
    tags = _given(row, column, location)
    if tags is None:
        return None
    if not isinstance(tags, list) or len(tags) != count:
        found = f"{len(tags)} tags" if isinstance(tags, list) else "no list of tags"
        raise location.error(f"there are {count} tokens, but {found} in '{column}'")
    if tags and all(tag is None for tag in tags):
        return None
    for i, tag in enumerate(tags):
        if tag is None:
            report.lose(f"token without a tag (read as O, '{column}')", str(location), f"token {i}")
        elif not isinstance(tag, str):
            raise location.error(
                f"tag {i} of '{column}' is {tag}, which has no name: the file contains no feature ClassLabel for the "
                "column. Save it with tags such as B-person, or with to_parquet of datasets, which keeps their names"
            )
    return ["O" if tag is None else tag for tag in tags]


def _given(row: dict[str, Any], column: str, location: Location) -> Any:
    tags = row.get(column)
    return parse_cell(tags, column, location) if isinstance(tags, str) else tags
