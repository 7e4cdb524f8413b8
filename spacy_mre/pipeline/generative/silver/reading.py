"""Reads one answer: parsed, and grounded in the text."""

from collections.abc import Container

from ....corpora.translation.engine import Answer
from ....corpora.translation.refusals import is_prose_refusal
from ..formats import FormatError
from ..formats.anchoring import anchor
from .form import SilverForm, describe
from .row import FoundEntity, FoundRelation, Lost, Reason, Sample


def read_sample(text: str, answer: Answer, form: SilverForm, *, boundaries: Container[int] | None = None) -> Sample:
    """Read an answer to a text.

    text (str): The text.
    answer (Answer): The answer.
    form (SilverForm): The form that was asked for.
    boundaries (Optional[Container[int]]): See `anchor`. Default: None.
    RETURNS (Sample): What it says about the text, or why it cannot be used.
    """
    sample = Sample(answer.text)
    # What a refusal lacks, or an answer that broke off, is no fault of its own.
    is_refused = answer.is_refused or is_prose_refusal(answer.text, text)
    if is_refused or answer.is_truncated:
        sample.fault = Lost(Reason.REFUSED if is_refused else Reason.TRUNCATED)
        return sample
    if not answer.text.strip():
        sample.fault = Lost(Reason.EMPTY)
        return sample
    try:
        analysis, sample.lost = form.read(answer.text.strip())
    except FormatError as err:
        sample.fault = Lost(Reason.UNPARSABLE, err.reason)
        return sample
    anchored = anchor(text, analysis, boundaries=boundaries)
    items = analysis.items or ()
    sample.label = analysis.label
    sample.entities = list(dict.fromkeys(FoundEntity(one.start, one.end, one.label) for one in anchored.entities))
    found = (FoundRelation(one.head, one.label, one.tail) for one in anchored.relations)
    sample.relations = list(dict.fromkeys(found))
    sample.lost += [Lost(Reason.NOT_IN_TEXT, f"{describe(items[item])} ({why})") for item, why in anchored.dropped]
    return sample
