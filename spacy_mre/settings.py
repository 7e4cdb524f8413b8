"""The values that a setting allows, written in its annotation and checked when it is set."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from typing import Annotated, Any, Literal, ParamSpec, TypeAlias, TypeVar, get_args, get_origin

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


def check_setting(name: str, value: Any, annotation: Any) -> None:
    """Check the value of a setting against its annotation: the strings of a `Literal`, the range of a number, and the
    pairs of a list in place of a table.

    name (str): The setting.
    value (Any): Its value. Values of other types are not checked.
    annotation (Any): Its annotation, which may be a union.
    RAISES (ValueError): If the annotation does not allow the value.

    >>> check_setting("entity_threshold", 0.4, Probability | None)
    """
    if isinstance(value, str):
        choices = list(_choices(annotation))
        if choices and value not in choices:
            raise ValueError(Errors.M001.format(setting=name, value=value, allowed=", ".join(map(str, choices))))
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        for interval in _intervals(annotation):
            if not _contains(interval, value):
                raise ValueError(Errors.M002.format(setting=name, value=value, range=_described(interval)))
    elif isinstance(value, (list, tuple)) and any(get_origin(part) is dict for part in get_args(annotation)):
        as_table(name, value)


def check_storable(name: str, value: Any) -> None:
    """Refuse a table or list that would be another one, or none, after it was saved in a config file.

    name (str): The setting.
    value (Any): Its value.
    RAISES (ValueError): If a label cannot be a key of the file, or a dollar sign would be read as that of a variable or
        be doubled.

    >>> check_storable("constraints", [["per:title", [["person", "title"]]]])
    """
    if isinstance(value, Mapping):
        if not _are_keys(value):
            label = next((label for label in value if not _are_keys({label: value[label]})), "")
            raise ValueError(Errors.M003.format(setting=name, label=label))
        for inner in value.values():
            if isinstance(inner, str) and "${" in inner:
                raise ValueError(Errors.M004.format(setting=name, text=inner))
            check_storable(name, inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            if isinstance(inner, str) and "$" in inner:
                raise ValueError(Errors.M004.format(setting=name, text=inner))
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

    @wraps(function)
    def check_and_call(*args: P.args, **kwargs: P.kwargs) -> R:
        for name, value in signature.bind(*args, **kwargs).arguments.items():
            check_setting(name, value, signature.parameters[name].annotation)
        return function(*args, **kwargs)

    # spaCy reads argument names with `getfullargspec`, which does not look behind a wrapper.
    check_and_call.__signature__ = signature  # type: ignore[attr-defined]
    return check_and_call


def _choices(annotation: Any) -> Iterator[Any]:
    """The values of a Literal, or of the Literals in a union."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    else:
        for part in get_args(annotation):
            if get_origin(part) is Literal:
                yield from get_args(part)


def _intervals(annotation: Any) -> Iterator[Interval]:
    """The range of an annotated number, or those in a union."""
    for part in (annotation, *get_args(annotation)):
        yield from (data for data in getattr(part, "__metadata__", ()) if isinstance(data, Interval))


def _contains(interval: Interval, value: Any) -> bool:
    """Also False for NaN."""
    return (interval.ge is None or value >= interval.ge) and (
        value < interval.lt if interval.lt is not None else interval.le is None or value <= interval.le
    )


def _described(interval: Interval) -> str:
    if interval.lt is not None:
        return f"a number from {interval.ge} to less than {interval.lt}"
    return f"{interval.ge} or more" if interval.le is None else f"a number from {interval.ge} to {interval.le}"


def _are_keys(table: Mapping[Any, Any]) -> bool:
    """Whether the labels of a table are the same after it was a section of a config file. It depends on the values too:
    "[ = []" is read as the beginning of another section."""
    try:
        read = Config().from_str(Config({"a": {"b": dict(table)}}).to_str(), interpolate=False)
    except Exception:  # of many kinds: by the parser, or because a label is no string
        return False
    return [*read["a"]["b"]] == [*table]
