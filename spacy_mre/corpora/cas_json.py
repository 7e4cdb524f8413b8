"""The JSON of UIMA CAS (version 0.4), which INCEpTION exports as "UIMA CAS JSON"."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .cas_content import VIEW
from .cas_names import is_name, usable
from .cas_places import Ids, Places
from .offsets import Unit
from .reading import Location
from .report import Report

TYPES, STRUCTURES, VIEWS, HEADER = "%TYPES", "%FEATURE_STRUCTURES", "%VIEWS", "%HEADER"
SOFA = "uima.cas.Sofa"
ARRAY_TYPES = ("uima.cas.FSArray", "[]")
BUILT_IN = ("uima.cas.", "uima.tcas.")
# What the offsets count, if the header says so. The default is UTF-16.
UNITS: dict[Any, Unit] = {"UTF-8": "utf8", "UTF-16": "utf16", "UTF-32": "characters"}


def is_cas(item: Any) -> bool:
    """RETURNS (bool): Whether a value of JSON is a CAS."""
    return isinstance(item, dict) and bool({TYPES, STRUCTURES, VIEWS} & item.keys())


def load_json(data: Any, path: Path, known: dict[str, Any], report: Report) -> Any:
    """Read a CAS.

    data (Any): The JSON. Its offsets are converted to UTF-16, in place.
    path (Path): The file.
    known (dict[str, Any]): The type systems that were read before, by their JSON. To make one takes longest.
    report (Report): Counts annotations that are in no view.
    RETURNS (Cas): The CAS of `cassis`.
    RAISES (CorpusError): If it is malformed.
    """
    import cassis

    location = Location(path, name="the CAS")
    types = location.get(data, TYPES, dict)
    views = location.get(data, VIEWS, dict)
    _check_types(types, location)
    if not isinstance(data.get(STRUCTURES), (list, dict)):
        raise location.error(f"'{STRUCTURES}' must be a list of annotations")
    items = list(_structures(data[STRUCTURES], path))
    _check_structures(items, types, views, _unit(data.get(HEADER), location), location, report)
    for item in (*types.values(), *(item for _, item, _ in items)):
        _rename(item)
    written = json.dumps(types)
    try:
        if written in known:
            return cassis.load_cas_from_json(json.dumps(data), known[written], merge_typesystem=False)
        cas = cassis.load_cas_from_json(json.dumps(data))
    except Exception as err:  # whatever a malformed file leads to
        raise location.error(f"this is not a valid CAS: {type(err).__name__} {str(err)[:80]}") from None
    known[written] = cas.typesystem
    return cas


def _unit(header: Any, location: Location) -> Unit:
    """What offsets count. The specification does not name the key of the header yet."""
    unit: Unit = "utf16"
    for key, value in (header if isinstance(header, dict) else {"": header} if header is not None else {}).items():
        if key != "%VERSION":
            if not isinstance(value, str) or value.upper() not in UNITS:
                raise location.error(
                    f"the header has '{key[:40]}', which is not one of the encodings {', '.join(UNITS)}"
                )
            unit = UNITS[value.upper()]
    return unit


def _check_types(types: dict[str, Any], location: Location) -> None:
    for name, item in types.items():
        location.get(item, "%SUPER_TYPE", str)
        if not is_name(name):
            raise location.error(f"invalid name of a type '{name[:40]}'")
        for feature, description in item.items():
            if not feature.startswith("%"):
                if not is_name(feature):
                    raise location.error(f"invalid name of a feature '{feature[:40]}' of {name[:80]}")
                location.get(description, "%RANGE", str)


def _structures(given: list[Any] | dict[str, Any], path: Path) -> Iterator[tuple[Any, dict[str, Any], Location]]:
    """The ids, the annotations and their locations: a list, or an object with the ids as keys."""
    pairs = given.items() if isinstance(given, dict) else ((None, item) for item in given)
    for number, (key, item) in enumerate(pairs, start=1):
        location = Location(path, name=f"annotation {number}")
        kind = location.get(item, "%TYPE", str)
        id = item.get("%ID") if key is None else int(key) if key.isdecimal() and len(key) < 16 else key
        yield id, item, Location(path, name=f"{kind.rsplit('.', 1)[-1][:40]} {str(id)[:40]}")


def _check_structures(
    items: list[tuple[Any, dict[str, Any], Location]],
    types: dict[str, Any],
    views: dict[str, Any],
    unit: Unit,
    location: Location,
    report: Report,
) -> None:
    ids = Ids(location)
    for id, item, place in items:
        ids.add(id, place, needs_view="@sofa" in item)
    texts = {id: item["sofaString"] for id, item, _ in items if _has_text(item)}
    places = Places(texts, unit)
    features = {kind: _features_of(kind, types) for kind in types}
    for _, item, place in items:
        _check_features(item, features, place)
        for key, value in item.items():
            if key.startswith("@") and value not in (None, 0):
                ids.check(value, f"the feature '{key[1:41]}'", place)
        if item["%TYPE"].endswith(ARRAY_TYPES) and _holds_references(item["%TYPE"]) and item.get("%ELEMENTS"):
            for value in place.get(item, "%ELEMENTS", list):
                if value is not None:
                    ids.check(value, "an element", place)
        if "begin" in item or "end" in item:
            item["begin"], item["end"] = places.in_utf16(item.get("begin"), item.get("end"), item.get("@sofa"), place)
    for name, view in views.items():
        ids.add_members(location.get(view, "%MEMBERS", list), name)
    ids.lose_others(report)
    # cassis cannot read a second view, and it would not be used.
    for name in [name for name in views if name != VIEW]:
        for id in views.pop(name)["%MEMBERS"]:
            report.lose("annotation of another view, not read", str(ids.in_view.get(id, location)))


def _rename(item: dict[str, Any]) -> None:
    """Give the features of a type or an annotation names that `cassis` can use."""
    for key in list(item):
        mark = key[:1] if key[:1] in ("@", "#") else ""
        name = usable(key[len(mark) :])
        if mark + name != key:
            item[mark + name] = item.pop(key)


def _has_text(item: dict[str, Any]) -> bool:
    return item["%TYPE"] == SOFA and isinstance(item.get("sofaString"), str)


def _holds_references(kind: str) -> bool:
    return kind == ARRAY_TYPES[0] or not kind.startswith(BUILT_IN) or kind.startswith("uima.cas.TOP")


def _check_features(item: dict[str, Any], features: dict[str, set[str]], location: Location) -> None:
    kind = item["%TYPE"]
    if kind not in features:
        if not kind.startswith(BUILT_IN) and not kind.endswith("[]"):
            raise location.error(f"the type {kind[:80]} is not among the types of the file")
        return
    for key in item:
        name = key[1:] if key[:1] in ("@", "#") else key
        if not key.startswith("%") and name not in features[kind]:
            raise location.error(f"the type {kind[:80]} has no feature '{name[:40]}'")


def _features_of(kind: str, types: dict[str, Any]) -> set[str]:
    """The features of a type and of those that it is derived from."""
    found = {"begin", "end", "sofa", "language"}
    seen: set[str] = set()
    while kind in types and kind not in seen:
        found |= {key for key in types[kind] if not key.startswith("%")}
        seen.add(kind)
        kind = types[kind]["%SUPER_TYPE"]
    return found
