"""Keys of JSON objects that a format does not have: misspelt ones, or data that is not read."""

from collections.abc import Set
from difflib import get_close_matches
from typing import Any

from .reading import Location
from .report import Report

MAX_SHOWN = 40  # characters of a key


def count_extra_keys(
    item: dict[str, Any], known: Set[str], location: Location, report: Report, where: str = "a record"
) -> None:
    """Count the keys that are not read as losses, by their names. Keys with null have no content to lose.

    item (dict[str, Any]): A JSON object.
    known (Set[str]): The keys of the format, including those that may be ignored.
    location (Location): Where it was read.
    report (Report): Counts the keys.
    where (str): What the object is.
    """
    if item.keys() <= known:
        return
    for key, value in item.items():
        if key not in known and value is not None:
            close = get_close_matches(key, sorted(known), n=1)
            hint = f" (did you mean '{close[0]}'?)" if close else ""
            report.lose(f"unknown key '{key[:MAX_SHOWN]}' of {where}, not read{hint}", str(location))
