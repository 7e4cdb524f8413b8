"""The values that a setting allows, written in its annotation and checked when it is set."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, ParamSpec, TypeAlias, TypeVar, Union, get_args, get_origin

import numpy
import srsly
from annotated_types import Interval
from thinc.api import Config

from .errors import Errors

P = ParamSpec("P")
R = TypeVar("R")

Probability: TypeAlias = Annotated[float, Interval(ge=0, le=1)]
# Of dropout: 1 would drop everything.
Rate: TypeAlias = Annotated[float, Interval(ge=0, lt=1)]
Positive: TypeAlias = Annotated[int, Interval(ge=1)]
NotNegative: TypeAlias = Annotated[int, Interval(ge=0)]
NotNegativeFloat: TypeAlias = Annotated[float, Interval(ge=0)]


def check_setting(name: str, value: Any, annotation: Any) -> Any:
    """Check the value of a setting against its annotation: its type, the strings of a `Literal`, the range of a number,
    and the pairs of a list in place of a table.

    name (str): The setting.
    value (Any): Its value.
    annotation (Any): Its annotation, which may be a union. Types that a config file does not contain are not checked.
    RETURNS (Any): The value, with Python's own numbers, strings and bools in place of numpy's.
    RAISES (ValueError): If the annotation does not allow the value.

    >>> check_setting("entity_threshold", 0.4, Probability | None)
    0.4
    """
    value = _plain(value)
    choices = [choice for part in _parts(annotation) if get_origin(part) is Literal for choice in get_args(part)]
    if choices and isinstance(value, str) and not _allows(annotation, value):
        raise ValueError(Errors.M001.format(setting=name, value=value, allowed=", ".join(map(str, choices))))
    if isinstance(value, (list, tuple)) and any(get_origin(part) is dict for part in _parts(annotation)):
        as_table(name, value)
    if not _allows(annotation, value):
        expected = " or ".join(dict.fromkeys(filter(None, map(_described, _parts(annotation)))))
        raise ValueError(Errors.M002.format(setting=name, value=repr(value), range=expected))
    return value


def check_storable(name: str, value: Any) -> None:
    """Refuse a value that would be another one, or none, after it was saved in a config file.

    name (str): The setting.
    value (Any): Its value.
    RAISES (ValueError): If a label cannot be a key of the file, a dollar sign would be read as that of a variable or
        be doubled, or JSON has no such value.

    >>> check_storable("constraints", [["per:title", [["person", "title"]]]])
    """
    if not _is_json(value):
        raise ValueError(Errors.M006.format(setting=name, value=value))
    if isinstance(value, Mapping):
        if not _are_keys(value):
            label = next((label for label in value if not _are_keys({label: value[label]})), "")
            raise ValueError(Errors.M003.format(setting=name, label=label))
        for inner in value.values():
            if isinstance(inner, str):  # a dollar sign in a table is not doubled
                if "${" in inner:
                    raise ValueError(Errors.M004.format(setting=name, text=inner))
            else:
                check_storable(name, inner)
    elif isinstance(value, str):
        if "$" in value:
            raise ValueError(Errors.M004.format(setting=name, text=value))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            check_storable(name, inner)


def as_table(name: str, value: Mapping[str, Any] | Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Read a setting that is a table, or the list of its pairs.

    name (str): The setting.
    value (Union[Mapping[str, Any], Sequence[Sequence[Any]]]): Its value. A list can have labels that cannot be keys of
        a config file.
    RETURNS (dict[str, Any]): The table.
    RAISES (ValueError): If the list does not contain pairs, or a label twice.

    >>> as_table("questions", [["per:title", "Which title has somebody?"]])
    {'per:title': 'Which title has somebody?'}
    """
    if isinstance(value, Mapping):
        return dict(value)
    table: dict[str, Any] = {}
    for pair in value:
        is_pair = isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], str)
        if not is_pair or pair[0] in table:
            raise ValueError(Errors.M005.format(setting=name, pair=pair))
        table[pair[0]] = pair[1]
    return table


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Check the arguments of a registered function against its annotations.

    function (Callable): An architecture, for example.
    RETURNS (Callable): The function with the same signature, which raises a ValueError if an argument is not allowed.
    """
    signature = inspect.signature(function)
    call: Callable[..., R] = function

    @wraps(function)
    def check_and_call(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = signature.bind(*args, **kwargs)
        for name, value in bound.arguments.items():
            bound.arguments[name] = check_setting(name, value, signature.parameters[name].annotation)
        return call(*bound.args, **bound.kwargs)

    # spaCy reads argument names with `getfullargspec`, which does not look behind a wrapper.
    check_and_call.__signature__ = signature  # type: ignore[attr-defined]
    return check_and_call


def _plain(value: Any) -> Any:
    """A value without numpy's scalars: JSON has none of them, and only some are Python's numbers too."""
    if isinstance(value, numpy.generic):
        return value.item()
    if isinstance(value, dict):
        return {_plain(key): _plain(inner) for key, inner in value.items()}
    return type(value)(map(_plain, value)) if type(value) in (list, tuple) else value


def _parts(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the annotation alone."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _allows(annotation: Any, value: Any) -> bool:
    """Whether a value has one of the types of an annotation, and is in its range."""
    return any(_allows_one(part, value) for part in _parts(annotation))


def _allows_one(part: Any, value: Any) -> bool:
    origin, arguments = get_origin(part), get_args(part)
    if origin is Literal:
        return any(isinstance(value, type(choice)) and value == choice for choice in arguments)
    if origin is Annotated:
        ranges = [data for data in part.__metadata__ if isinstance(data, Interval)]
        return _allows(arguments[0], value) and all(_contains(interval, value) for interval in ranges)
    if origin in (list, Sequence):
        return isinstance(value, (list, tuple)) and all(_allows(arguments[0], inner) for inner in value)
    if origin is dict:
        of_keys, of_values = arguments
        return isinstance(value, Mapping) and all(
            _allows(of_keys, key) and _allows(of_values, inner) for key, inner in value.items()
        )
    if part in (None, NoneType):
        return value is None
    if part in (int, float):
        return isinstance(value, int if part is int else (int, float)) and not isinstance(value, bool)
    return isinstance(value, part) if part in (bool, str) else True


def _contains(interval: Interval, value: Any) -> bool:
    """Also False for NaN, and for infinity, which is not in JSON."""
    return (
        not (isinstance(value, float) and math.isinf(value))
        and (interval.ge is None or value >= interval.ge)
        and (value < interval.lt if interval.lt is not None else interval.le is None or value <= interval.le)
    )


def _described(part: Any) -> str:
    """What a part of an annotation allows, in words; empty for None."""
    origin, arguments = get_origin(part), get_args(part)
    if origin is Literal:
        return " or ".join(repr(choice) for choice in arguments)
    if origin is Annotated:
        kind, interval = _described(arguments[0]), next(d for d in part.__metadata__ if isinstance(d, Interval))
        if interval.lt is not None:
            return f"{kind} from {interval.ge} to less than {interval.lt}"
        return (
            f"{kind} of {interval.ge} or more" if interval.le is None else f"{kind} from {interval.ge} to {interval.le}"
        )
    if origin in (list, Sequence):
        return "a list"
    names = {dict: "a table", int: "a whole number", float: "a number", bool: "True or False", str: "a string"}
    return names.get(origin or part, "")


def _is_json(value: Any) -> bool:
    try:
        return srsly.is_json_serializable(value)
    except (SystemError, ValueError):  # of an integer beyond 64 bits, or half of a surrogate pair
        return False


def _are_keys(table: Mapping[Any, Any]) -> bool:
    """Whether the labels of a table are the same after it was a section of a config file. It depends on the values too:
    "[ = []" is read as the beginning of another section."""
    try:
        read = Config().from_str(Config({"a": {"b": dict(table)}}).to_str(), interpolate=False)
    except Exception:  # of many kinds: by the parser, or because a label is no string
        return False
    return [*read["a"]["b"]] == [*table]
