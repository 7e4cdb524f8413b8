"""Names of classes: the library `datasets` stores a class as a number, and the names in the features of the columns.

{"label": {"names": ["bad", "good"], "_type": "ClassLabel"}}
"""

from typing import Any

from .reading import Location

LISTS = ("List", "LargeList", "Sequence")
UNLABELLED = -1


def with_names(value: Any, feature: Any, column: str, location: Location) -> Any:
    """Replace the numbers of classes by their names.

    value (Any): The value of a column.
    feature (Any): Its feature: {"_type": "ClassLabel"}, a list or struct that contains such features, or another.
    column (str): The name of the column, for errors.
    location (Location): Where the value was read.
    RETURNS (Any): The value. A class of -1 becomes None: it is not annotated.
    RAISES (CorpusError): If there is no class of a number.

    >>> feature = {"_type": "List", "feature": {"_type": "ClassLabel", "names": ["O", "B-place"]}}
    >>> with_names([1, 0], feature, "ner_tags", Location("a.arrow"))
    ['B-place', 'O']
    """
    if isinstance(feature, list):  # an older spelling of {"_type": "List"}
        feature = {"_type": "List", "feature": feature[0] if feature else None}
    if value is None or not isinstance(feature, dict):
        return value
    kind = feature.get("_type")
    if kind == "ClassLabel":
        return _name(value, feature.get("names"), column, location)
    if kind in LISTS:
        inner = feature.get("feature")
        if isinstance(value, list):
            return [with_names(part, inner, column, location) for part in value]
        if isinstance(value, dict) and isinstance(inner, dict):  # a list of structs, stored as a struct of lists
            fields = {name: {"_type": "List", "feature": inner.get(name)} for name in value}
            return {name: with_names(part, fields[name], column, location) for name, part in value.items()}
    elif isinstance(value, dict) and not isinstance(kind, str):
        return {name: with_names(part, feature.get(name), column, location) for name, part in value.items()}
    return value


def has_names(feature: Any) -> bool:
    """RETURNS (bool): Whether a feature contains names of classes."""
    if isinstance(feature, list):
        return any(map(has_names, feature))
    return isinstance(feature, dict) and (feature.get("_type") == "ClassLabel" or any(map(has_names, feature.values())))


def _name(value: Any, names: Any, column: str, location: Location) -> Any:
    if type(value) is not int or not isinstance(names, list):
        return value
    if value == UNLABELLED:
        return None
    if not 0 <= value < len(names):
        raise location.error(f"'{column}' contains the class {value}, but its feature names {len(names)} classes")
    return str(names[value])
