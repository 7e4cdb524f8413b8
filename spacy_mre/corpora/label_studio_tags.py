"""Which tag of Label Studio's interface shows the text that is read, if the interface shows several.

A result names the tag in `to_name`, but not the data that the tag shows: <Text name="title" value="$heading"/>. A tag
with the name of the text's key shows the text. One with the name of another key shows those data, unless the texts of
its regions say otherwise: "text" is the name of many a tag that shows "$body".
"""

from collections.abc import Sequence
from typing import Any

from .label_studio_results import Annotation
from .report import Report


def leave_out_other_texts(annotations: Sequence[Annotation], report: Report) -> None:
    """Leave out the regions and choices of other texts: the offsets and labels are of those texts.

    annotations (Sequence[Annotation]): All annotations of the file, with their regions and choices.
    report (Report): Counts the regions and choices.
    RAISES (CorpusError): If it is not clear which of several tags shows the text.
    """
    of_regions = [(annotation, region.shown_by) for annotation in annotations for region in annotation.regions]
    of_choices = [(annotation, choice.shown_by) for annotation in annotations for choice in annotation.choices]
    names = {name for _, name in of_regions + of_choices}
    of_the_text = _proven(annotations)
    # Choices can be for an image or a table too; regions with offsets are of texts.
    unclear = _unclear(of_regions, of_the_text) or _unclear(of_choices, of_the_text)
    for annotation in annotations:
        shown = {annotation.key} if annotation.key in names else unclear
        if len(shown) > 1 and (annotation.regions or annotation.choices):
            raise annotation.location.error(
                f"the results are of several texts (to_name: {', '.join(sorted(shown))}), none of which has the name "
                f"of the key '{annotation.key}': export a project with one text, or rename its Text tag to "
                f"'{annotation.key}'"
            )
        _leave_out(annotation, shown | {""}, report)


def _proven(annotations: Sequence[Annotation]) -> set[str]:
    """The tags with the name of other data, in which a region has a text that only the text contains."""
    return {
        region.shown_by
        for annotation in annotations
        for region in annotation.regions
        if region.text
        and region.text in annotation.record.text
        and not _contains(annotation.others.get(region.shown_by), region.text)
    }


def _contains(value: Any, text: str) -> bool:
    return isinstance(value, str) and text in value


def _unclear(given: Sequence[tuple[Annotation, str]], of_the_text: set[str]) -> set[str]:
    """The tags of which only the results show whether they show the text."""
    return {name for annotation, name in given if name and (name in of_the_text or name not in annotation.others)}


def _leave_out(annotation: Annotation, shown: set[str], report: Report) -> None:
    place = str(annotation.location)
    for region in annotation.regions:
        if region.shown_by not in shown:
            report.lose("region of another text", place, ", ".join(region.labels))
    for choice in annotation.choices:
        if choice.shown_by not in shown:
            report.lose("choice for another text", place, choice.name)
    annotation.regions = [region for region in annotation.regions if region.shown_by in shown]
    annotation.choices = [choice for choice in annotation.choices if choice.shown_by in shown]
