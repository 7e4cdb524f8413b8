"""The `cfg` of a component is checked when it is loaded: labels of the wrong type, or of another model, would give
wrong predictions or an error far away from its cause."""

from collections.abc import Iterable
from typing import Any

import numpy
from thinc.api import Model

from ..errors import Errors
from .spans.overlap import POLICIES


def checked_cfg(found: dict[str, Any], before: dict[str, Any], name: str) -> dict[str, Any]:
    """Refuse a cfg that is not of this kind of component.

    found (dict[str, Any]): What was read.
    before (dict[str, Any]): The component's own cfg: the keys and types that are expected.
    name (str): The name of the component, for the error.
    RETURNS (dict[str, Any]): What was read.
    RAISES (ValueError): If a key is missing, or a value has another type.
    """
    missing = next((key for key in before if key not in found), None)
    reason = _wrong_value(found, before) if missing is None else f"it has no '{missing}'"
    if reason:
        raise ValueError(Errors.M807.format(name=name, reason=reason))
    return found


def checked_labels(given: dict[str, Any], before: dict[str, Any], name: str) -> dict[str, Any]:
    """Refuse what is given to `initialize` if it could not be loaded as a cfg: a label that is there twice, say.

    given (dict[str, Any]): What the cfg is to contain.
    before (dict[str, Any]): The component's own cfg.
    name (str): The name of the component, for the error.
    RETURNS (dict[str, Any]): A copy of what was given, because training extends it, with lists in place of tuples, sets
        (sorted) and arrays.
    RAISES (ValueError): If a value has another type.
    """
    own: dict[str, Any] = _copy(given)
    reason = _wrong_value(own, {key: before[key] for key in own})
    if reason:
        raise ValueError(Errors.M813.format(name=name, reason=reason))
    return own


def check_sizes(model: Model, cfg: dict[str, Any], name: str) -> None:
    """Refuse weights that were made for another number of labels than the cfg contains.

    model (Model): The model of the component, after loading.
    cfg (dict[str, Any]): Its cfg.
    name (str): The name of the component, for the error.
    RAISES (ValueError): If the numbers differ.
    """
    numbers = {key: len(value) for key, value in cfg.items() if isinstance(value, list)}
    for shim in (shim for node in model.walk() for shim in node.shims):
        # With shared heads, types are added without new weights.
        if "questions" in cfg and getattr(shim, "settings", {}).get("heads") == "per_type":
            numbers["types"] = len(cfg["questions"])
        for key, size in getattr(shim, "sizes", {}).items():
            if numbers.get(key, size) != size:
                reason = f"it has {numbers[key]} {key}, but the weights are those of {size}"
                raise ValueError(Errors.M807.format(name=name, reason=reason))


def _wrong_value(found: dict[str, Any], before: dict[str, Any]) -> str:
    """The first value that is not of the expected type, and what was expected; empty if all are right."""
    for key, value in before.items():
        expected = _expected(key, value, found[key])
        if expected:
            return f"'{key}' is {found[key]!r:.100}, not {expected}"
    return ""


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    if isinstance(value, (set, frozenset)):  # its order differs from one process to the next
        value = sorted(value, key=str)
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return [_copy(inner) for inner in value]
    return value.item() if isinstance(value, numpy.generic) else value


def _expected(key: str, before: Any, found: Any) -> str:
    """What was expected in place of a value; empty if it is right."""
    if key == "overlap":
        return "" if found in POLICIES else f"one of {', '.join(POLICIES)}"
    if key == "constraints":
        valid = _is_table(found, lambda rows: isinstance(rows, list) and all(map(_is_pair, rows)))
        return "" if valid else "a table of pairs of entity labels by relation label"
    if key == "scaling":
        return "" if _is_table(found, _is_scaling) else "a table of a slope and a bias by level"
    if key == "tasks":
        levels = _is_table(found, lambda levels: _is_table(levels, _is_labels))
        return "" if levels else "a table of lists of different labels by task and level"
    if isinstance(before, dict):
        return "" if _is_table(found, lambda value: isinstance(value, str)) else "a table of strings by label"
    if isinstance(before, list):
        return "" if _is_labels(found) else "a list of different strings"
    valid = isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found < float("inf")
    return "" if valid and (isinstance(before, float) or isinstance(found, int)) else "a number"


def _is_table(found: Any, is_value: Any) -> bool:
    return isinstance(found, dict) and all(map(is_value, found.values()))


def _is_labels(found: Any) -> bool:
    valid = isinstance(found, list) and all(isinstance(label, str) for label in found)
    return valid and len(set(found)) == len(found)


def _is_scaling(row: Any) -> bool:
    """Whether this is a slope and a bias."""
    if not isinstance(row, list) or len(row) != 2:
        return False
    is_number = all(isinstance(value, int | float) and not isinstance(value, bool) for value in row)
    return is_number and 0 < row[0] < float("inf") and abs(row[1]) < float("inf")


def _is_pair(row: Any) -> bool:
    """Whether this is a head label, a tail label and perhaps a count."""
    return isinstance(row, list) and 2 <= len(row) <= 3 and all(isinstance(label, str) for label in row[:2])
