"""Which text labels hold, read from their values in `doc.cats`: the same in training, scores, samples and strings."""

from collections.abc import Iterable, Mapping

from spacy.tokens import Doc

# From this value on a label holds, if any number may hold.
HOLDS = 0.5
# Shares of exclusive classes sum to 1. More than this is no error of rounding.
MOST_SHARES = 1.05


def holding_cats(cats: Mapping[str, float]) -> set[str]:
    """RETURNS (set[str]): The labels that hold, if any number may: those with a value of at least 0.5."""
    return {label for label, value in cats.items() if value >= HOLDS}


def holding_or_highest(cats: Mapping[str, float]) -> set[str]:
    """Find the labels that hold in a text of which it is not known whether exactly one does.

    cats (Mapping[str, float]): The value of each label, which may be predicted.
    RETURNS (set[str]): The labels with a value of at least 0.5. If there are none and the values are shares that sum to
        1, the one with the highest value.

    >>> sorted(holding_or_highest({"a": 0.4, "b": 0.3, "c": 0.3})), sorted(holding_or_highest({"a": 0.4, "b": 0.3}))
    (['a'], [])
    """
    holding = holding_cats(cats)
    best = highest_cat(cats)
    return {best} if not holding and best is not None and _are_shares(cats) else holding


def highest_cat(cats: Mapping[str, float]) -> str | None:
    """Choose the label that holds if exactly one does.

    cats (Mapping[str, float]): The value of each label, which may be a share: exclusive classes are learned from such.
    RETURNS (Optional[str]): The label with the highest value; None if no value is above 0, so that none is known.

    >>> highest_cat({"a": 0.4, "b": 0.3, "c": 0.3}), highest_cat({"a": 0.0, "b": 0.0})
    ('a', None)
    """
    best = max(cats, key=cats.__getitem__, default=None)
    return None if best is None or cats[best] <= 0 else best


def contradicting_cats(cats: Mapping[str, float]) -> set[str]:
    """Find the labels that contradict exclusive classes.

    cats (Mapping[str, float]): The value of each label. Shares that sum to 1 contradict nothing.
    RETURNS (set[str]): The labels that hold, if there are several and the values sum to clearly more than 1; otherwise
        none.

    >>> sorted(contradicting_cats({"a": 1.0, "b": 1.0})), contradicting_cats({"a": 0.5, "b": 0.5})
    (['a', 'b'], set())
    """
    holding = holding_cats(cats)
    return holding if len(holding) > 1 and sum(cats.values()) > MOST_SHARES else set()


def has_several_labels(docs: Iterable[Doc]) -> bool:
    """Find out from gold whether any number of text labels may hold.

    docs (Iterable[Doc]): Documents with gold.
    RETURNS (bool): Whether a text has several text labels, or has text labels of which none holds. Shares that sum to 1
        are those of exclusive classes.
    """
    return any(len(holding_cats(doc.cats)) != 1 and not _are_shares(doc.cats) for doc in docs if doc.cats)


def _are_shares(cats: Mapping[str, float]) -> bool:
    return abs(sum(cats.values()) - 1) <= MOST_SHARES - 1
