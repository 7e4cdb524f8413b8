"""Metadata of a text: what a source stores with it that is no annotation. It stays with the Doc."""

from collections.abc import Mapping, Set
from difflib import get_close_matches
from typing import Any

from .reading import Location
from .report import Report

MAX_SHOWN = 40  # characters of a key
MAX_LEVELS = 200  # of lists and objects; msgpack has 511, some of which are around the metadata


def read_meta(given: Any, location: Location) -> dict[str, Any]:
    """Read a value of JSON as metadata.

    given (Any): An object; another value is stored under the key "meta". None is no metadata.
    location (Location): Where it was read.
    RETURNS (dict[str, Any]): The metadata.
    RAISES (CorpusError): If a `.spacy` file cannot store it.
    """
    if given is None:
        return {}
    meta = given if isinstance(given, dict) else {"meta": given}
    if not meta:
        return {}
    try:
        fits = _fits(meta, MAX_LEVELS)
    except RecursionError:
        fits = False
    if not fits:
        raise location.error(
            "the metadata cannot be stored: a number has more than 64 bits, or there are too many levels of brackets"
        ) from None
    return meta


def other_keys(item: Mapping[str, Any], known: Set[str], location: Location, report: Report) -> dict[str, Any]:
    """Read the keys that a tool does not have as metadata, and note them. One that is spelt almost like a key of the
    tool, and contains a list or an object, is probably an annotation: it is counted as lost.

    item (Mapping[str, Any]): A JSON object.
    known (Set[str]): The keys of the tool.
    location (Location): Where it was read.
    report (Report): Gets a note or a loss for each key that is not null.
    RETURNS (dict[str, Any]): The metadata.
    """
    others = {key: value for key, value in item.items() if key not in known and value is not None}
    for key, value in others.items():
        close = get_close_matches(key, sorted(known), n=1)
        hint = f" (did you mean '{close[0]}'?)" if close else ""
        tell = report.lose if close and _may_be_annotation(value) else report.note
        tell(f"key '{key[:MAX_SHOWN]}' read as metadata{hint}", str(location))
    return read_meta(others, location)


def _fits(value: Any, levels: int) -> bool:
    """Whether msgpack can store a value. To try it is slow: srsly searches its plugins each time."""
    if isinstance(value, dict):
        return levels > 0 and all(_fits(inner, levels - 1) for inner in value.values())
    if isinstance(value, list):
        return levels > 0 and all(_fits(inner, levels - 1) for inner in value)
    return type(value) is not int or -(2**63) <= value < 2**64


def _may_be_annotation(value: Any) -> bool:
    """Whether a value contains a list or an object, perhaps as JSON in the cell of a table."""
    return isinstance(value, (list, dict)) or (isinstance(value, str) and value.startswith(("[", "{")))
