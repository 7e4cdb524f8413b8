"""The content of a CAS, from the objects of the package `cassis`: its text, its layers and their annotations."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import Errors
from .cas_names import original
from .layers import LINGUISTIC, NO_TEXT, short_name
from .reading import Location
from .report import Report

VIEW = "_InitialView"
ANNOTATION, WITH_VIEW = "uima.tcas.Annotation", "uima.cas.AnnotationBase"
DOCUMENT, STRING = "uima.tcas.DocumentAnnotation", "uima.cas.String"
TOKEN = LINGUISTIC + "segmentation.type.Token"
SENTENCE = LINGUISTIC + "segmentation.type.Sentence"
HEAD, TAIL = "Governor", "Dependent"
# INCEpTION describes the layers and tagsets of the project in each export.
DEFINITIONS = ("de.tudarmstadt.ukp.clarin.webanno.api.type.", LINGUISTIC + "metadata.type.Tag")
TITLE = "documentTitle"
# The metadata that `cas_writer` writes: a key and a value.
METADATA, KEY, VALUE = "custom.Metadata", "key", "value"
PLACE = ("sofa", "begin", "end")


@dataclass(frozen=True)
class Layer:
    """A type of annotations.

    name (str): Its name.
    kind (str): "span", "relation", "document" (annotations of the whole text), "chain", "token", "sentence", "metadata"
        (of the whole text, by the tool), "property" (the same, by `cas_writer`), "definition" (of a layer), "part" (of
        other annotations) or "none" (arrays, and the beginnings of chains, whose links are annotations).
    features (tuple[str, ...]): Its features with strings, numbers or truth values.
    types (frozenset[str]): Itself and the types that it is derived from.
    ends (str): The type that the ends of a relation have.
    """

    name: str
    kind: str
    features: tuple[str, ...]
    types: frozenset[str]
    ends: str


@dataclass
class Structure:
    """An annotation.

    location (Location): Where it was read.
    id (int): Its id in the file.
    layer (Layer): Its layer.
    start (int): Its first character; `NO_TEXT` if it has none.
    end (int): Its last character + 1.
    values (dict[str, str | None]): The features with a value, other than 0 and false.
    references (dict[str, int]): The features that refer to other annotations, with their ids.
    """

    location: Location
    id: int
    layer: Layer
    start: int
    end: int
    values: dict[str, str | None]
    references: dict[str, int]


@dataclass
class CasDocument:
    """A CAS.

    location (Location): The file.
    text (str): Its text.
    layers (dict[str, Layer]): All layers that its types define.
    structures (list[Structure]): Its annotations.
    """

    location: Location
    text: str
    layers: dict[str, Layer]
    structures: list[Structure]

    @property
    def title(self) -> str:
        """The title of the document; empty without one."""
        return next((value for item in self.of("metadata") if (value := item.values.get(TITLE))), "")

    def of(self, kind: str) -> Iterator[Structure]:
        """YIELDS (Structure): The annotations of all layers of a kind."""
        return (structure for structure in self.structures if structure.layer.kind == kind)


def require_cassis(path: Path) -> None:
    """RAISES (ValueError): If the package `dkpro-cassis` is not installed."""
    try:
        import cassis  # noqa: F401
    except ImportError:
        raise ValueError(Errors.M241.format(path=path)) from None


def layers_of(types: Any) -> dict[str, Layer]:
    """RETURNS (dict[str, Layer]): The layers of a type system of `cassis`."""
    # In one order: that of cassis differs between runs.
    return {type_.name: _layer(type_) for type_ in sorted(types.get_types(built_in=True), key=lambda made: made.name)}


def content_of(cas: Any, layers: dict[str, Layer], path: Path, report: Report) -> CasDocument:
    """Read the first view of a CAS.

    cas (Cas): A CAS of `cassis`.
    layers (dict[str, Layer]): Its layers.
    path (Path): The file.
    report (Report): Counts the annotations of other views.
    RETURNS (CasDocument): Its content.
    RAISES (CorpusError): If the view has no text, or a value has a wrong type.
    """
    file = Location(path, name="the CAS")
    document: CasDocument | None = None
    for view in cas.views:
        found = [fs for index in view.type_index.values() for fs in index]
        if view.sofa.sofaID != VIEW:
            for fs in found:
                report.lose("annotation of another view, not read", str(_location(fs, path)))
        elif isinstance(view.sofa.sofaString, str):
            structures = sorted((_structure(fs, layers, path) for fs in found), key=lambda structure: structure.id)
            document = CasDocument(file, view.sofa.sofaString, layers, structures)
    if document is None:
        raise file.error(f"there is no text (the sofaString of the view {VIEW})")
    return document


def _layer(type_: Any) -> Layer:
    types = []
    above = type_
    while above is not None:
        types.append(above.name)
        above = above.supertype
    features = {original(feature.name): feature.rangeType for feature in type_.all_features}
    primitive = tuple(name for name, of in features.items() if name not in PLACE and _is_primitive(of))
    ends = features[HEAD].name if HEAD in features else ""
    return Layer(type_.name, _kind(types, features), primitive, frozenset(types), ends)


def _kind(types: list[str], features: dict[str, Any]) -> str:
    if types[0].startswith(DEFINITIONS):
        return "definition"
    if DOCUMENT in types:
        return "metadata"
    if ANNOTATION in types:
        words = {TOKEN: "token", SENTENCE: "sentence"}
        if types[0] in words:
            return words[types[0]]
        if {HEAD, TAIL} <= features.keys():
            return "relation"
        return "chain" if {"next", "referenceType"} <= features.keys() else "span"
    if types[0].startswith("uima.cas.") or "first" in features:
        return "none"
    if types[0] == METADATA and {KEY, VALUE} <= features.keys():
        return "property"
    return "document" if WITH_VIEW in types else "part"


def _is_primitive(type_: Any) -> bool:
    from cassis.typesystem import is_primitive

    return bool(is_primitive(type_))


def _location(fs: Any, path: Path) -> Location:
    return Location(path, name=f"{short_name(fs.type.name)} {fs.xmiID}")


def _structure(fs: Any, layers: dict[str, Layer], path: Path) -> Structure:
    location = _location(fs, path)
    layer = layers[fs.type.name]
    values: dict[str, str | None] = {}
    references: dict[str, int] = {}
    for feature in fs.type.all_features:
        value = getattr(fs, feature.name)
        if feature.name in PLACE or value is None:
            continue
        name = original(feature.name)
        if name not in layer.features:
            if not hasattr(value, "xmiID"):
                raise location.error(f"the value of the feature '{name[:40]}' must be a reference (@{name[:40]})")
            references[name] = value.xmiID
        elif (shown := _as_text(value, feature.rangeType.name, name, location)) is not None:
            values[name] = shown
    start, end = (fs.begin, fs.end) if ANNOTATION in layer.types else (NO_TEXT, NO_TEXT)
    if start == end:
        start = end = NO_TEXT
    return Structure(location, fs.xmiID, layer, start, end, values, references)


def _as_text(value: Any, kind: str, name: str, location: Location) -> str | None:
    """A value as a string. Java writes 0 and false for what has no value."""
    if kind == STRING and not isinstance(value, str):
        raise location.error(f"the value of the feature '{name[:40]}' must be a string")
    if not isinstance(value, (str, int, float)):
        raise location.error(f"the value of the feature '{name[:40]}' must be a string, a number, true or false")
    return (value if isinstance(value, str) else str(value).lower()) if value else None
