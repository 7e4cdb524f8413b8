"""Evaluation on documents: texts are joined, to see whether a pipeline that was trained on sentences works on
documents of many sentences."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..annotations.relations import get_relations
from ..annotations.storage import merge_docs


def evaluate_documents(
    nlp: Language, examples: Sequence[Example], size: int, *, batch_size: int | None = None
) -> dict[str, Any]:
    """Evaluate a pipeline on documents that are made of its examples. Only texts that have gold of the same levels are
    joined, because a document has gold of a level if all its texts have it.

    nlp (Language): The pipeline.
    examples (Sequence[Example]): Gold, and unannotated documents, whose tokens are kept.
    size (int): How many texts a document is made of, in their order.
    batch_size (int | None): How many documents are predicted at once. Default: that of the pipeline.
    RETURNS (dict[str, Any]): The scores of `nlp.evaluate`. Text labels are those of single texts, so their scores mean
        nothing here.
    """
    alike: dict[Hashable, list[Example]] = defaultdict(list)
    for eg in examples:
        if len(eg.reference):
            alike[_levels(eg.reference)].append(eg)
    groups = [found[first : first + size] for found in alike.values() for first in range(0, len(found), size)]
    merged = []
    for group in groups:
        predicted, gold = merge_docs([eg.predicted for eg in group]), merge_docs([eg.reference for eg in group])
        if predicted and gold:
            # A merged document has a sentence start at the beginning of each text, which a real one does not have.
            for token in predicted:
                token.is_sent_start = None
            merged.append(Example(predicted, gold))
    return nlp.evaluate(merged, batch_size=batch_size)


def _levels(gold: Doc) -> Hashable:
    """Which annotations a text has, also if there is nothing in them."""
    return gold.has_annotation("ENT_IOB"), frozenset(gold.spans), get_relations(gold) is not None
