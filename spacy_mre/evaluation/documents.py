"""Evaluation on documents: texts are joined, to see whether a pipeline that was trained on sentences works on
documents of many sentences."""

from collections.abc import Sequence
from typing import Any

from spacy.language import Language
from spacy.training import Example

from ..annotations.storage import merge_docs


def evaluate_documents(
    nlp: Language, examples: Sequence[Example], size: int, *, batch_size: int | None = None
) -> dict[str, Any]:
    """Evaluate a pipeline on documents that are made of its examples.

    nlp (Language): The pipeline. Its tokenizer makes the tokens.
    examples (Sequence[Example]): Gold.
    size (int): How many texts a document is made of, in their order.
    batch_size (int | None): How many documents are predicted at once. Default: that of the pipeline.
    RETURNS (dict[str, Any]): The scores of `nlp.evaluate`. Text labels are those of single texts, so their scores mean
        nothing here.
    """
    references = [eg.reference for eg in examples]
    merged = [merge_docs(references[i : i + size]) for i in range(0, len(references), size)]
    return nlp.evaluate([Example(nlp.make_doc(gold.text), gold) for gold in merged if gold], batch_size=batch_size)
