"""A source of which no annotation was read: its keys are misspelt, it is in another format, or it has none."""

from pathlib import Path

from ..errors import Errors
from .recognise import recognise
from .report import Report


def check_annotated(report: Report, path: Path, format: str) -> None:
    """Check that the documents of a conversion have an annotation. Lists that are all empty are none.

    report (Report): What was kept, lost and noted. The error names the last two.
    path (Path): The source.
    format (str): The format as which it was read.
    RAISES (ValueError): If no document has an entity, a relation or a text label.
    """
    if any(report.kept[what] for what in ("entities", "relations", "documents with text labels")):
        return
    other = other_format(path, format)
    seen = [*report.reasons(), *([other] if other else [])]
    count = report.kept["documents"]
    texts = f"{count} text" if count == 1 else f"{count} texts"
    text = "".join(f"{reason}. " for reason in seen)
    raise ValueError(Errors.M252.format(path=path, texts=texts, format=format, seen=text and f"What was seen: {text}"))


def other_format(path: Path, format: str) -> str:
    """Say that a source is in another format than the given one, for an error.

    path (Path): The source.
    format (str): The format as which it was read.
    RETURNS (str): The format that fits its content; empty if it is the given one, or if none or several fit.
    """
    try:
        other = recognise(path)
    except ValueError:
        return ""
    return f"its content is that of '{other}' (python -m spacy_mre convert {other} IN OUT)" if other != format else ""
