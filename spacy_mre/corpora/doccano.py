"""doccano's JSONL, and its JSON for text classification. Offsets count characters; ends are exclusive.

The keys depend on the project in doccano:

    relations      {"id": 1, "text": "Ada met Bo.",
                    "entities": [{"id": 4, "label": "person", "start_offset": 0, "end_offset": 3}, ...],
                    "relations": [{"id": 9, "from_id": 4, "to_id": 5, "type": "met"}], "Comments": []}
    sequences      {"id": 1, "text": "Ada met Bo.", "label": [[0, 3, "person"]]}
    intents        {"id": 1, "text": "Ada met Bo.", "entities": [[0, 3, "person"]], "cats": ["diary"]}
    classes        {"id": 1, "text": "Ada met Bo.", "label": ["diary"]}

Older versions have "labels" instead of "label", or "data" instead of "text"; their export with the numbers of labels
("annotations") cannot be read. doccano writes the metadata of a text beside these keys, so all other keys are metadata,
except "group": the dialogue, article or the like that the text belongs to. Comments are counted as lost.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from .extra_keys import count_extra_keys
from .json_evidence import is_old_export
from .metadata import other_keys, read_meta
from .offsets import Offsets, Unit, has_clusters
from .reading import Location, read_json_items
from .record import EntityRecord, Record, RelationRecord
from .report import Report

LABEL_KEYS = ("label", "labels")
COMMENT_KEYS = ("Comments", "comments")
ENTITY_KEYS = {"id", "label", "start_offset", "end_offset", "text", "user", "created_at", "updated_at"}
RELATION_KEYS = {"id", "from_id", "to_id", "type", "user", "created_at", "updated_at"}
IGNORED_KEYS = ("annotation_approver", "comment_count")
KEYS = {"id", "text", "entities", "relations", "cats", "group", "meta", *LABEL_KEYS, *COMMENT_KEYS, *IGNORED_KEYS}
CLUSTERS = (
    "emoji, accents or line ends of several characters before an entity: use --offsets graphemes if the project has "
    "the option 'Count grapheme clusters as one character'"
)


Kind = Literal["spans", "names"]


def read_doccano(path: Path, *, offsets: Unit = "characters", report: Report | None = None) -> Iterator[Record]:
    """Read one file. With several annotators, doccano exports one file for each; they contain the same texts.

    path (Path): The file.
    offsets (Unit): What the offsets count: "characters", or "graphemes" if the project has the option "Count grapheme
        clusters as one character".
    report (Report | None): Counts comments, and notes keys that were read as metadata.
    YIELDS (Record): One record per text. Without an id, it gets the name of the file and its number.
    RAISES (CorpusError): If the input is malformed.

    >>> line = '{"id": 5, "text": "Ada met Bo.", "label": [[0, 3, "person"], [8, 10, "person"]]}'
    >>> _ = Path("admin.jsonl").write_text(line)
    >>> next(read_doccano("admin.jsonl")).entities[1]
    EntityRecord(start=8, end=10, label='person', score=1.0)
    """
    path = Path(path)
    report = report if report is not None else Report()
    # The file is read twice: it may be too large for the memory.
    kinds = {_kind(_label(item, location), location) for location, item in read_json_items(path)} - {None}
    kind_of_empty = kinds.pop() if len(kinds) == 1 else None
    for number, (location, item) in enumerate(read_json_items(path), start=1):
        label = _label(item, location)
        kind = _kind(label, location) or (kind_of_empty if label == [] else None)
        if label == [] and kind is None:
            report.note("empty 'label', of entities or of text labels: read as not annotated", str(location))
        spans = _one_of(item, "entities", label if kind == "spans" else None, location)
        names = _one_of(item, "cats", label if kind == "names" else None, location)
        yield _record(item, spans, names, f"{path.stem}-{number}", offsets, location, report)


def _record(
    item: dict[str, Any], spans: Any, names: Any, name: str, unit: Unit, location: Location, report: Report
) -> Record:
    text_key = "data" if "text" not in item and "data" in item else "text"
    text = location.get(item, text_key, str)
    if is_old_export(item):
        raise location.error(
            "'annotations' has labels as numbers, whose names are not in this export of an old version of doccano: "
            "export 'JSONL (Text label)' instead"
        )
    entities = relations = None
    indices: dict[str, int] = {}
    if spans is not None:
        entities = _entities(spans, Offsets(text, unit), indices, location, report)
        if unit == "characters" and entities and has_clusters(text[: max(entity.end for entity in entities)]):
            report.note(CLUSTERS, str(location))
    if item.get("relations") is not None:
        given = location.get(item, "relations", list)
        relations = [_relation(relation, indices, location, report) for relation in given]
    for key in COMMENT_KEYS:
        if item.get(key):
            report.lose("comments of a text", str(location))
    return Record(
        text=text,
        id=location.get_id(item, "id", name),
        entities=entities,
        relations=relations,
        cats=None if names is None else dict.fromkeys(_names(names, location), 1.0),
        group=location.get_id(item, "group"),
        meta={**read_meta(item.get("meta"), location), **other_keys(item, KEYS | {text_key}, location, report)},
        origin=str(location),
    )


def _label(item: dict[str, Any], location: Location) -> Any:
    """The value of "label", a list; None without one."""
    if all(item.get(key) is not None for key in LABEL_KEYS):
        raise location.error("there is both a 'label' and a 'labels'")
    label = next((item[key] for key in LABEL_KEYS if item.get(key) is not None), None)
    return [label] if type(label) in (str, int) else label


def _kind(label: Any, location: Location) -> Kind | None:
    """What "label" contains; None if it is missing or empty."""
    if label is None or label == []:
        return None
    if isinstance(label, list) and all(isinstance(value, (list, dict)) for value in label):
        return "spans"
    if isinstance(label, list) and all(type(value) in (str, int) for value in label):
        return "names"
    raise location.error("'label' must be a list of [start, end, label], or of text labels")


def _one_of(item: dict[str, Any], key: str, label: Any, location: Location) -> Any:
    """The value of a key, or of "label" if that contains the same."""
    if label is not None and item.get(key) is not None:
        raise location.error(f"there is both a 'label' and '{key}'")
    return item.get(key) if label is None else label


def _names(given: Any, location: Location) -> list[str]:
    names = [given] if type(given) in (str, int) else given
    if not isinstance(names, list) or not all(type(name) in (str, int) for name in names):
        raise location.error("text labels must be a list of strings")
    return [str(name) for name in names]


def _entities(
    spans: Any, offsets: Offsets, indices: dict[str, int], location: Location, report: Report
) -> list[EntityRecord]:
    """Read the entities, and add their ids to the indices."""
    if not isinstance(spans, list):
        raise location.error("'entities' must be a list")
    entities: list[EntityRecord] = []
    for given in spans:
        if isinstance(given, list):
            if len(given) != 3 or not isinstance(given[2], str):
                raise location.error("an entity must be [start, end, label]")
            start, end, label = given
        else:
            label = location.get(given, "label", str)
            start, end = location.get(given, "start_offset", int), location.get(given, "end_offset", int)
            count_extra_keys(given, ENTITY_KEYS, location, report, "an entity")
            name = location.get_id(given, "id")
            if name in indices:
                raise location.error(f"two entities have the id {name}")
            if name:
                indices[name] = len(entities)
        start, end = offsets.convert(start, end, location, f"the entity '{label}'")
        entities.append(EntityRecord(start, end, label))
    return entities


def _relation(given: Any, indices: dict[str, int], location: Location, report: Report) -> RelationRecord:
    label = location.get(given, "type", str)
    ends = []
    for key in ("from_id", "to_id"):
        name = location.get_id(given, key)
        if name not in indices:
            raise location.error(f"the {key} of the relation '{label}' is '{name}', which is not the id of an entity")
        ends.append(indices[name])
    count_extra_keys(given, RELATION_KEYS, location, report, "a relation")
    return RelationRecord(ends[0], ends[1], label)
