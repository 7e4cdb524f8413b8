"""Layers of annotations, as INCEpTION has them: the choice of the layer and the feature that are read, and what its
annotations become.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .reading import Location
from .record import EntityRecord, RelationRecord
from .report import Report

# Layers of linguistic annotations, which a preprocessing of the tool may have written.
LINGUISTIC = "de.tudarmstadt.ukp.dkpro.core.api."
NAMED_ENTITY = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"
USUAL_FEATURES = ("label", "value")
NO_TEXT = -1  # the offsets of a place between two characters, which no entity can have
MAX_SHOWN = 40  # characters of a value


class SpanAnnotation(NamedTuple):
    """An annotation of a span layer.

    location (Location): Where it was read.
    start (int): Its first character; `NO_TEXT` if it has no character.
    end (int): Its last character + 1.
    values (Mapping[str, str | None]): The values of its features.
    """

    location: Location
    start: int
    end: int
    values: Mapping[str, str | None]


def short_name(name: str) -> str:
    """RETURNS (str): The name of a layer without what is before its last dot."""
    return name.rsplit(".", 1)[-1]


def is_linguistic(name: str) -> bool:
    """RETURNS (bool): Whether a layer is one of words, such as POS."""
    return name.startswith(LINGUISTIC) and name != NAMED_ENTITY


def pick_layer(
    counts: Mapping[str, int], given: str, location: Location, *, kind: str = "span", option: str = "--layer"
) -> str:
    """Choose the layer to read.

    counts (Mapping[str, int]): The number of annotations by layer.
    given (str): Its name, with or without what is before its last dot; empty for the only one with annotations that
        are not linguistic.
    location (Location): The source.
    kind (str): The kind of layer, for errors.
    option (str): The option that gives it, for errors.
    RETURNS (str): Its name; empty if there is none.
    RAISES (CorpusError): If there are several.
    """
    if given:
        named = [name for name in counts if given in (name, short_name(name))]
        if len(named) != 1:
            number = f"several {kind} layers" if named else f"no {kind} layer"
            raise location.error(f"there is {number} '{given}' among {', '.join(counts) or 'none'}")
        return named[0]
    candidates = [name for name in counts if not is_linguistic(name)]
    annotated = [name for name in candidates if counts[name]] or candidates
    if len(annotated) > 1:
        raise location.error(f"there are several {kind} layers, {', '.join(annotated)}: choose one with {option}")
    return annotated[0] if annotated else ""


def pick_feature(name: str, used: Mapping[str, bool], given: str, option: str, location: Location) -> str:
    """Choose the feature that contains the labels of a layer.

    name (str): The layer.
    used (Mapping[str, bool]): Its features, and whether they have values.
    given (str): The feature; empty for a usual one, or the only one with values.
    option (str): The option that gives it, for errors.
    location (Location): The source.
    RETURNS (str): The feature; empty if the layer has none.
    RAISES (CorpusError): If there are several.
    """
    if given:
        if given not in used:
            raise location.error(f"{name} has no feature '{given}' among {', '.join(used) or 'none'}")
        return given
    for usual in USUAL_FEATURES:
        if usual in used:
            return usual
    chosen = [feature for feature in used if used[feature]] or list(used)
    if len(chosen) > 1:
        raise location.error(f"{name} has several features, {', '.join(chosen)}: choose the label with {option}")
    return chosen[0] if chosen else ""


def read_entities(
    annotations: Iterable[SpanAnnotation], layer: str, feature: str, report: Report
) -> tuple[list[EntityRecord], dict[int, int]]:
    """Convert the annotations of a span layer to entities.

    annotations (Iterable[SpanAnnotation]): The annotations.
    layer (str): The layer.
    feature (str): The feature that contains the labels. Empty if the layer has none: it is itself the label then.
    report (Report): Counts annotations and values that are not read.
    RETURNS (tuple[list[EntityRecord], dict[int, int]]): The entities, and their indices by those of their annotations.
    """
    entities: list[EntityRecord] = []
    indices: dict[int, int] = {}
    for i, (location, start, end, values) in enumerate(annotations):
        label = values.get(feature) if feature else short_name(layer)
        if start == NO_TEXT:
            report.lose("annotation without text", str(location))
        elif not label:
            report.lose("entity without a label", str(location))
        else:
            indices[i] = len(entities)
            entities.append(EntityRecord(start, end, label))
        lose_values(values, feature, location, report)
    return entities, indices


def read_relation(
    head: int | None, tail: int | None, label: str | None, location: Location, report: Report
) -> list[RelationRecord]:
    """Make a relation between two entities.

    head (int | None): The index of the head; None if its annotation was lost.
    tail (int | None): The index of the tail.
    label (str | None): The label.
    location (Location): Where it was read.
    report (Report): Counts a relation that cannot be read.
    RETURNS (list[RelationRecord]): The relation, or nothing.
    """
    if head is None or tail is None:
        report.lose("relation with a lost argument", str(location), label or "")
    elif not label:
        report.lose("relation without a label", str(location))
    else:
        return [RelationRecord(head, tail, label)]
    return []


def lose_values(values: Mapping[str, str | None], feature: str, location: Location, report: Report) -> None:
    """Count the values of other features.

    values (Mapping[str, str | None]): The values of all features.
    feature (str): The feature that is read.
    location (Location): Where they were read.
    report (Report): Counts them.
    """
    for name, value in values.items():
        if value is not None and name != feature:
            report.lose(f"value of the feature '{name[:MAX_SHOWN]}', not read", str(location), value[:MAX_SHOWN])
