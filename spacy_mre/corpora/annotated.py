"""A source of which no annotation was read: its keys are misspelt, it is in another format, or it has none."""

from collections.abc import Collection
from pathlib import Path

from spacy.tokens import Doc

from ..annotations.entities import get_entities
from ..annotations.relations import get_relations
from ..errors import Errors
from .recognise import recognise
from .report import Report


def check_annotated(docs: Collection[Doc], path: Path, format: str, report: Report, *, spans_key: str) -> None:
    """Check that the documents have an annotation. Lists that are all empty are none.

    docs (Collection[Doc]): The documents that were converted.
    path (Path): Their source.
    format (str): The format as which it was read.
    report (Report): What was lost and noted, which the error names.
    spans_key (str): The span group of the entities.
    RAISES (ValueError): If no document has an entity, a relation or a text label.
    """
    if any(doc.cats or get_entities(doc, spans_key) or get_relations(doc) for doc in docs):
        return
    seen = [*report.reasons(), *_other_format(path, format)]
    texts = f"{len(docs)} text" if len(docs) == 1 else f"{len(docs)} texts"
    text = "".join(f"{reason}. " for reason in seen)
    raise ValueError(Errors.M252.format(path=path, texts=texts, format=format, seen=text and f"What was seen: {text}"))


def _other_format(path: Path, format: str) -> list[str]:
    try:
        other = recognise(path)
    except ValueError:
        return []
    return [f"its content is that of '{other}' (python -m spacy_mre convert {other} IN OUT)"] if other != format else []
