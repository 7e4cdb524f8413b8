"""Label Studio's results, of which an annotation has many: regions, relations between them, and choices for a text."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .extra_keys import count_extra_keys
from .offsets import Offsets
from .reading import Location
from .record import EntityRecord, Record, RelationRecord
from .report import Report
from .surface import check_surface

DATA_KEYS = {"text", "record_id", "group", "meta"}
RESULT_KEYS = {
    *("id", "type", "value", "from_name", "to_name", "origin", "score", "meta", "readonly", "hidden", "parentID"),
    *("from_id", "to_id", "direction", "labels", "source"),
}
RELATION = "relation"
CHOICES = "choices"
TEXT_LABELS = ("labels", "hypertextlabels")
UNCERTAIN = "emoji or rare characters before a region without its text: old versions count them twice"
DIRECTIONS = ("right", "left", "bi")


@dataclass
class Region:
    """A labelled part of a text.

    start (Any): Its first offset, as given.
    end (Any): Its last offset + 1, as given.
    text (str | None): Its text, if given.
    labels (list[str]): Its labels.
    id (str): Its id, to which relations refer.
    score (float): The score of a prediction.
    shown_by (str): The tag of the interface that shows its text; empty if not given.
    """

    start: Any
    end: Any
    text: str | None
    labels: list[str]
    id: str
    score: float
    shown_by: str = ""


class Choice(NamedTuple):
    """A choice for a text.

    name (str): Its name.
    tag (str): The tag of the interface that offers it; empty if not given.
    shown_by (str): The tag that shows the text; empty if not given.
    """

    name: str
    tag: str
    shown_by: str


@dataclass
class Annotation:
    """One annotation or prediction of a text, before its offsets are converted.

    location (Location): Where it was read.
    record (Record): The record, with its text.
    key (str): The key of the text in the data.
    results (list[Any] | None): Its results; None if the text is not annotated.
    others (dict[str, Any]): The other data of the task.
    is_prediction (bool): Whether its scores are read; those of a person's annotation are left from a prediction.
    regions (list[Region]): The labelled parts of the text.
    choices (list[Choice]): The choices for the text.
    relations (list[dict[str, Any]]): The relations.
    """

    location: Location
    record: Record
    key: str
    results: list[Any] | None
    others: dict[str, Any]
    is_prediction: bool = False
    regions: list[Region] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    relations: list[dict[str, Any]] = field(default_factory=list)


def sort_result(result: Any, annotation: Annotation, report: Report) -> None:
    """Add a result to the regions, relations or choices of its annotation.

    result (Any): The result.
    annotation (Annotation): The annotation.
    report (Report): Counts other kinds of results.
    RAISES (CorpusError): If it is malformed.
    """
    location = annotation.location
    kind = location.get(result, "type", str)
    count_extra_keys(result, RESULT_KEYS, location, report, "a result")
    if kind == RELATION:
        annotation.relations.append(result)
        return
    value = location.get(result, "value", dict)
    has_place = "start" in value or "end" in value
    if kind == CHOICES and not has_place:
        names = location.get(value, "choices", list)
        if not all(isinstance(name, str) for name in names):
            raise location.error("'choices' must be a list of strings")
        tag, shown_by = location.get_id(result, "from_name"), location.get_id(result, "to_name")
        annotation.choices += [Choice(name, tag, shown_by) for name in names]
    elif kind == CHOICES:
        report.lose("choice for a region, not for the text", str(location))
    elif kind not in TEXT_LABELS or type(value.get("start")) is str:
        report.lose(f"result of type '{kind[:40]}'{' in HTML' * (kind in TEXT_LABELS)}", str(location))
    else:
        labels = location.get(value, kind, list) if value.get(kind) is not None else []
        if not all(isinstance(label, str) for label in labels):
            raise location.error(f"'{kind}' must be a list of strings")
        text = location.get(value, "text", str) if value.get("text") is not None else None
        start, end = location.get(value, "start", int), location.get(value, "end", int)
        name, shown_by = location.get_id(result, "id"), location.get_id(result, "to_name")
        annotation.regions.append(Region(start, end, text, labels, name, _score(result, annotation), shown_by))


def read_choices(annotations: Sequence[Annotation], report: Report) -> list[dict[str, float]]:
    """Read the choices for the texts of a file. A text label is the name of the choice alone: which tags a project has
    cannot be seen in a file, and all its files are to have the same labels.

    annotations (Sequence[Annotation]): All annotations of the file.
    report (Report): Notes choices whose name is one of several tags. Of those that a text has twice, one is lost.
    RETURNS (list[dict[str, float]]): The text labels of each annotation.
    """
    tags: dict[str, set[str]] = {}
    for annotation in annotations:
        for choice in annotation.choices:
            tags.setdefault(choice.name, set()).add(choice.tag)
    for annotation in annotations:
        for name in dict.fromkeys(choice.name for choice in annotation.choices if len(tags[choice.name]) > 1):
            place = f"{annotation.location}: {name}"
            report.note(f"choice that several tags have ({', '.join(sorted(tags[name]))}), read without its tag", place)
            of_text = {choice.tag for choice in annotation.choices if choice.name == name}
            for _ in range(len(of_text) - 1):
                report.lose("choice with the name of one of another tag", str(annotation.location), name)
    return [dict.fromkeys((choice.name for choice in annotation.choices), 1.0) for annotation in annotations]


def note_uncertain_offsets(annotation: Annotation, report: Report) -> None:
    """Note regions of which it is not certain what their offsets count.

    annotation (Annotation): The annotation, with its regions.
    report (Report): Gets the note.
    """
    text = annotation.record.text
    last = max((r.end for r in annotation.regions if r.text is None and isinstance(r.end, int)), default=0)
    if max(text[: max(last, 0)], default="") > "\uffff":
        report.note(UNCERTAIN, str(annotation.location))


def read_entities(
    annotation: Annotation, offsets: Offsets, report: Report
) -> tuple[list[EntityRecord], dict[str, list[int]]]:
    """Convert regions to entities.

    annotation (Annotation): The annotation.
    offsets (Offsets): What its offsets count.
    report (Report): Counts regions without a label.
    RETURNS (tuple[list[EntityRecord], dict[str, list[int]]]): The entities, and for each id of a region their indices:
        one for each of its labels.
    RAISES (CorpusError): If the text of a region differs from that at its offsets.
    """
    location = annotation.location
    entities: list[EntityRecord] = []
    indices: dict[str, list[int]] = {}
    places: dict[str, tuple[int, int]] = {}
    for region in annotation.regions:
        # A region with labels of several tags has a result for each.
        if places.setdefault(region.id, (region.start, region.end)) != (region.start, region.end) and region.id:
            raise location.error(f"two regions have the id '{region.id}'")
        start, end = offsets.convert(region.start, region.end, location, "a region")
        check_surface(region.text, annotation.record.text[start:end], location, "a region")
        if region.id:
            indices.setdefault(region.id, []).extend(range(len(entities), len(entities) + len(region.labels)))
        entities += [EntityRecord(start, end, label, region.score) for label in region.labels]
        if not region.labels:
            report.lose("region without a label", annotation.record.origin, annotation.record.text[start:end])
    return entities, indices


def read_relations(annotation: Annotation, indices: dict[str, list[int]], report: Report) -> list[RelationRecord]:
    """Convert relations.

    annotation (Annotation): The annotation.
    indices (dict[str, list[int]]): The indices of the entities, as from `read_entities`.
    report (Report): Counts relations without a label, and those of results that are not read.
    RETURNS (list[RelationRecord]): The relations.
    RAISES (CorpusError): If one is malformed, or refers to a region that does not exist.
    """
    location = annotation.location
    relations = []
    for given in annotation.relations:
        ends = []
        for key in ("from_id", "to_id"):
            name = location.get_id(given, key)
            if name not in indices and not _is_other_result(name, annotation):
                raise location.error(f"the {key} of a relation is '{name}', which is not the id of a region")
            ends.append(indices.get(name, []))
        direction = "right" if given.get("direction") is None else given["direction"]
        if direction not in DIRECTIONS:
            raise location.error(f"the direction of a relation must be one of {', '.join(DIRECTIONS)}")
        labels = location.get(given, "labels", list) if given.get("labels") is not None else []
        if not all(isinstance(label, str) for label in labels):
            raise location.error("'labels' of a relation must be a list of strings")
        if not all(ends):
            report.lose("relation with a lost argument", str(location), ", ".join(labels))
            continue
        if not labels:
            report.lose("relation without a label", str(location))
        if any(len(end) > 1 for end in ends):
            report.note("relation of a region with several labels, read with the first of them", str(location))
        (first, *_), (second, *_) = ends
        pairs = {"right": [(first, second)], "left": [(second, first)], "bi": [(first, second), (second, first)]}
        score = _score(given, annotation)
        relations += [RelationRecord(*pair, label, score) for label in labels for pair in pairs[direction]]
    return relations


def _score(result: dict[str, Any], annotation: Annotation) -> float:
    return annotation.location.score(result.get("score")) if annotation.is_prediction else 1.0


def _is_other_result(name: str, annotation: Annotation) -> bool:
    """Whether an id is that of a result that is not read, such as a region in HTML."""
    return bool(name) and any(str(result.get("id")) == name for result in annotation.results or ())
