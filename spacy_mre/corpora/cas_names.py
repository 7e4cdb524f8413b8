"""Names of types and features that the package `cassis` cannot use as they are: it makes Python code of them."""

from keyword import kwlist

# Words that features of a layer may well be called. cassis itself renames `type` and `self` in this way.
TAKEN = {*kwlist, "get", "set", "type", "self"}
BY_CASSIS = {"type", "self"}


def is_name(name: str) -> bool:
    """RETURNS (bool): Whether the name of a type or feature is that of a variable, and means nothing to Python."""
    parts = name.split(".")
    return all(part.isidentifier() and not part.startswith("__") for part in parts) and parts[-1] != "xmiID"


def usable(name: str) -> str:
    """RETURNS (str): The name of a feature for `cassis`.

    >>> usable("class"), usable("label")
    ('class_', 'label')
    """
    return f"{name}_" if name in TAKEN - BY_CASSIS else name


def original(name: str) -> str:
    """RETURNS (str): The name of a feature in the file.

    >>> original("class_"), original("label")
    ('class', 'label')
    """
    return name[:-1] if name.endswith("_") and name[:-1] in TAKEN else name
