"""Parts of a corpus for cross-validation."""

from collections.abc import Sequence

from spacy.tokens import Doc

from ..errors import Errors
from .from_docs import make_records
from .stratified import group_of, labels_of, stratify


def make_folds(docs: Sequence[Doc], count: int, *, seed: int = 0) -> list[int]:
    """Divide a corpus into parts that have the same share of every label. Groups are in one part, and so
    are equal texts without a group.

    docs (Sequence[Doc]): The documents.
    count (int): The number of parts.
    seed (int): Decides between equally good divisions.
    RETURNS (list[int]): The part of each document, from 0.
    RAISES (ValueError): If there are fewer documents that may be separated than parts.

    >>> import spacy
    >>> docs = [spacy.blank("en")(text) for text in ("Ada left.", "It rained.", "It rained.")]
    >>> folds = make_folds(docs, 2)
    >>> folds[1] == folds[2] != folds[0]
    True
    """
    records = list(make_records(docs, scores=True))
    groups = [group_of(record) for record in records]
    if len({*groups}) < count:
        raise ValueError(Errors.M519.format(count=count, groups=len({*groups})))
    shares = {str(fold): 1 / count for fold in range(count)}
    return [int(fold) for fold in stratify([labels_of(record) for record in records], shares, groups=groups, seed=seed)]
