"""A row of a table as an object of JSON lines (`jsonl.py`)."""

from collections.abc import Collection
from typing import Any, NamedTuple

from .json_values import InvalidJSON, parse_json
from .metadata import other_keys, read_meta
from .reading import Location
from .report import Report
from .table_features import UNLABELLED
from .table_words import TAG_COLUMNS, read_words, tag_column
from .tags import Scheme

MAX_NAMES = 20
SEVERAL = "#"  # between the labels of a text in doccano's CSV
RESULT_KEYS = {"labels", "choices"}  # of Label Studio


class Columns(NamedTuple):
    """The names of columns. Those that differ from the usual ones must exist.

    text (str): The text.
    label (str): The text labels.
    entities (str): The entities.
    relations (str): The relations.
    tokens (str): The tokens: offsets, or words.
    tags (str): The tags of the words; empty means a usual name.
    """

    text: str = "text"
    label: str = "label"
    entities: str = "entities"
    relations: str = "relations"
    tokens: str = "tokens"
    tags: str = ""


def check_columns(names: Collection[str], columns: Columns, location: Location) -> None:
    """Check that a table has the columns that the user names, and a text.

    names (Collection[str]): The columns of the table.
    columns (Columns): The names that are expected.
    location (Location): Where they were read.
    RAISES (CorpusError): If one is missing.
    """
    wanted = columns._asdict()
    missing = [kind for kind, name in wanted.items() if name not in names and name != Columns._field_defaults[kind]]
    if columns.text not in names and columns.tokens not in names:
        missing.append("text")
    if missing:
        raise location.error(
            f"there is no column '{wanted[missing[0]]}'. The columns are: {', '.join([*names][:MAX_NAMES])}. Give the "
            f"right one with --{missing[0]}-column"
        )


def has_words(row: dict[str, Any], columns: Columns) -> bool:
    """RETURNS (bool): Whether the tokens of a row are words, not offsets in a text."""
    tokens = row.get(columns.tokens)
    return isinstance(tokens, list) and (isinstance(tokens[0], str) if tokens else columns.text not in row)


def marked_text(row: dict[str, Any], columns: Columns, location: Location) -> dict[str, Any]:
    """Convert those columns of a row that contain its text and offsets.

    row (dict[str, Any]): The values of the columns.
    columns (Columns): The names of the columns.
    location (Location): Where the row was read.
    RETURNS (dict[str, Any]): "text", "entities" and "tokens" of JSON lines, as far as they are annotated.
    RAISES (CorpusError): If entities are neither a list nor an object of lists.
    """
    item = {"text": row.get(columns.text)}
    if row.get(columns.entities) is not None:
        item["entities"] = _objects(row[columns.entities], columns.entities, location)
    if row.get(columns.tokens) is not None:
        item["tokens"] = row[columns.tokens]
    return item


def make_item(
    row: dict[str, Any], columns: Columns, location: Location, report: Report, *, scheme: Scheme = "BIO"
) -> dict[str, Any]:
    """Convert a row to an object of JSON lines.

    row (dict[str, Any]): The values of the columns.
    columns (Columns): The names of the columns.
    location (Location): Where the row was read.
    report (Report): Notes columns that are read as metadata, and counts what is not read.
    scheme (Literal["BIO", "BIOES", "IOB1"]): The scheme of the tags of words.
    RETURNS (dict[str, Any]): The object.
    RAISES (CorpusError): If its values are of a wrong type, or the row is annotated twice.
    """
    item = marked_text(row, columns, location)
    item |= {key: row[key] for key in ("id", "group") if row.get(key) is not None}
    cats = _cats(row.get("cats"), location)
    if cats is not None:
        item["cats"] = cats
    if row.get(columns.relations) is not None:
        item["relations"] = _objects(row[columns.relations], columns.relations, location)
    names = {"id", "group", "cats", "meta", *columns} - {columns.tags}
    others = {name: value for name, value in row.items() if name not in names}
    if has_words(row, columns):
        tags = tag_column(row, columns.tags)
        if tags and row.get(tags) is not None and item.get("entities") is not None:
            raise location.error(f"there are entities in '{columns.entities}' and in '{tags}'")
        del item["tokens"]
        item |= read_words(row, row.get(columns.text), columns.tokens, tags, location, report, scheme=scheme)
        # The columns of other tags, of parts of speech for example, resemble that of the tags.
        others.pop(tags, None)
        names = names if tags else names | {*TAG_COLUMNS}
    if row.get(columns.label) is not None and columns.label != columns.text:
        if item.get("cats") is not None:
            raise location.error(f"there are text labels in '{columns.label}' and in 'cats'")
        item["cats"] = _labels(row, columns.label, location, report)
    item["meta"] = read_meta(row.get("meta"), location) | other_keys(others, names, location, report)
    return item


def _cats(given: Any, location: Location) -> Any:
    """Labels with scores as an object, as which a table cannot store them without a field for each label. So null is no
    score, and a row without any is not annotated."""
    if isinstance(given, dict):
        held = {label: value for label, value in given.items() if value is not None}
        return None if given and not held else held
    if not isinstance(given, list) or not any(isinstance(pair, dict) for pair in given):
        return given
    pairs = [(location.get(pair, "label", str), pair.get("score")) for pair in given]
    if len(dict(pairs)) < len(pairs):
        raise location.error("'cats' contains a label twice")
    return dict(pairs)


def _labels(row: dict[str, Any], column: str, location: Location, report: Report) -> Any:
    """The label or the list of labels of a row. A list in CSV is one in JSON."""
    given = row[column]
    if isinstance(given, str) and given.startswith(("[", "{")):
        try:
            given = parse_json(given)
        except InvalidJSON:
            report.note(
                f"text label in brackets that is no list in JSON, read as one label ('{column}')", str(location)
            )
    if _is_of_label_studio(given):
        raise location.error(
            f"'{column}' contains results of Label Studio, which its CSV and TSV write as JSON: export the project as "
            "JSON, and read it with convert labelstudio"
        )
    if any(type(label) is int and label == UNLABELLED for label in (given if isinstance(given, list) else [given])):
        report.note(f"class of {UNLABELLED}, read as not annotated ('{column}')", str(location))
        given = [None if label == UNLABELLED else label for label in given] if isinstance(given, list) else None
    if given is None:
        return None
    if not isinstance(given, list):
        if given == str(UNLABELLED):
            report.note(f"text label {UNLABELLED}, which may mean not annotated ('{column}')", str(location))
        if isinstance(given, str) and SEVERAL in given.strip(SEVERAL):
            reason = f"text label with #, by which doccano's CSV joins several, read as one ('{column}')"
            report.note(reason, str(location))
        return location.get_id(row, column)
    held = [location.get_id({column: label}, column) for label in given if label is not None]
    return None if given and not held else held  # a list of nulls says nothing


def _is_of_label_studio(given: Any) -> bool:
    """Whether a label is a list of regions, or an object of choices."""
    results = given if isinstance(given, list) else [given]
    return any(isinstance(result, dict) and result.keys() & RESULT_KEYS for result in results)


def _objects(value: Any, column: str, location: Location) -> Any:
    """A list of objects; `datasets` stores it as an object of lists."""
    if not isinstance(value, dict):
        return value
    lists = {name: given for name, given in value.items() if given is not None}
    if not all(isinstance(given, list) for given in lists.values()):
        raise location.error(f"'{column}' must be a list of objects, or an object of lists")
    if len({len(given) for given in lists.values()}) > 1:
        raise location.error(f"the lists of '{column}' have different lengths")
    return [dict(zip(lists, values)) for values in zip(*lists.values())] if lists else None
