"""Parts of a corpus for cross-validation."""

from collections.abc import Hashable, Sequence

from spacy.tokens import Doc

from ..annotations.entities import DEFAULT_KEY, get_entities
from ..annotations.relations import get_relations
from ..errors import Errors
from .stratified import stratify


def make_folds(docs: Sequence[Doc], count: int, *, seed: int = 0) -> list[int]:
    """Divide a corpus into parts that have the same share of every label. Groups and equal texts are in one part.

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
    groups = [doc.user_data.get("group") or doc.text for doc in docs]
    if len({*groups}) < count:
        raise ValueError(Errors.M519.format(count=count, groups=len({*groups})))
    shares = {str(fold): 1 / count for fold in range(count)}
    return [int(fold) for fold in stratify([_labels(doc) for doc in docs], shares, groups=groups, seed=seed)]


def _labels(doc: Doc) -> set[Hashable]:
    return {
        *(("entity", entity.label) for entity in get_entities(doc, DEFAULT_KEY) or ()),
        *(("relation", relation["label"]) for relation in get_relations(doc) or ()),
        *(("text", label) for label, value in doc.cats.items() if value >= 0.5),
    }
