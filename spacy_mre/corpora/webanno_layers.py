"""The annotations of WebAnno TSV by layers, and the choice of the layer and the feature that are read."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .reading import Location
from .report import Report
from .webanno_rows import Document, Layer, Row
from .webanno_values import NO_VALUE, NOTHING, STACK, stacked

# Layers of linguistic annotations, which a preprocessing of the tool may have written.
LINGUISTIC = "de.tudarmstadt.ukp.dkpro.core.api."
NAMED_ENTITY = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"
USUAL_FEATURES = ("label", "value")


@dataclass
class Annotation:
    """A span.

    location (Location): Its first row.
    values (dict[str, str | None]): The values of its features.
    id (int): Its id; 0 without one.
    rows (list[Row]): Its rows.
    """

    location: Location
    values: dict[str, str | None]
    id: int
    rows: list[Row] = field(default_factory=list)


def short_name(name: str) -> str:
    """RETURNS (str): The name of a layer without what is before its last dot."""
    return name.rsplit(".", 1)[-1]


def choose_layer(documents: Iterable[Document], given: str, location: Location) -> str:
    """Find the span layer to read.

    documents (Iterable[Document]): All files.
    given (str): Its name; empty for the only one with annotations that are not linguistic.
    location (Location): The source.
    RETURNS (str): Its name; empty if there is none.
    RAISES (CorpusError): If there are several.
    """
    counts: dict[str, int] = {}
    for document in documents:
        for layer in document.layers:
            if layer.kind == "SP":
                cells = (row.cells[layer.first] for row in document.rows)
                counts[layer.name] = counts.get(layer.name, 0) + sum(cell != NOTHING for cell in cells)
    if given:
        named = [name for name in counts if given in (name, short_name(name))]
        if len(named) != 1:
            number = "several span layers" if named else "no span layer"
            raise location.error(f"there is {number} '{given}' among {', '.join(counts) or 'none'}")
        return named[0]
    candidates = [name for name in counts if name == NAMED_ENTITY or not name.startswith(LINGUISTIC)]
    annotated = [name for name in candidates if counts[name]] or candidates
    if len(annotated) > 1:
        raise location.error(f"there are several span layers, {', '.join(annotated)}: choose one with --layer")
    return annotated[0] if annotated else ""


def choose_feature(documents: Iterable[Document], name: str, given: str, option: str, location: Location) -> str:
    """Find the feature that contains the labels of a layer.

    documents (Iterable[Document]): All files.
    name (str): The layer.
    given (str): The feature; empty for a usual one, or the only one with values.
    option (str): The option that gives it, for errors.
    location (Location): The source.
    RETURNS (str): The feature; empty if the layer has none.
    RAISES (CorpusError): If there are several.
    """
    used: dict[str, bool] = {}
    for document in documents:
        for layer in document.layers:
            for column, feature in layer.columns() if layer.name == name else ():
                values = any(row.cells[column][:1] not in (NOTHING, NO_VALUE) for row in document.rows)
                used[feature] = used.get(feature, False) or values
    features = [feature for feature in used if feature]
    if given:
        if given not in features:
            raise location.error(f"{name} has no feature '{given}' among {', '.join(features) or 'none'}")
        return given
    for usual in USUAL_FEATURES:
        if usual in features:
            return usual
    chosen = [feature for feature in features if used[feature]] or features
    if len(chosen) > 1:
        raise location.error(f"{name} has several features, {', '.join(chosen)}: choose the label with {option}")
    return chosen[0] if chosen else ""


def read_spans(document: Document, name: str, report: Report) -> list[Annotation]:
    """Collect the annotations of a span layer from the rows.

    document (Document): The file.
    name (str): The layer.
    report (Report): Counts the links of slots.
    RETURNS (list[Annotation]): The annotations, in the order of their first rows.
    RAISES (CorpusError): If cells are malformed, or contradict each other.
    """
    annotations: list[Annotation] = []
    by_id: dict[int, Annotation] = {}
    for layer in document.layers:
        if layer.kind != "SP" or layer.name != name:
            continue
        for row in document.rows:
            for values, id in _row_values(row, layer):
                annotation = by_id.get(id)
                if annotation is None:
                    annotation = Annotation(row.location, values, id)
                    annotations.append(annotation)
                    if id:
                        by_id[id] = annotation
                elif annotation.values != values:
                    raise row.location.error(f"the annotation [{id}] has other values than in the rows above")
                annotation.rows.append(row)
        for column, _ in layer.columns(slots=True):
            _lose_cells(document, column, f"link of a slot of the layer {name[:80]}", report)
    return annotations


def _row_values(row: Row, layer: Layer) -> Iterator[tuple[dict[str, str | None], int]]:
    """The annotations of a layer in a row: their values and ids."""
    columns = [column for column, _ in layer.columns()]
    stacks = [stack(row, column) for column in columns]
    if len({tuple(id for _, id in values) for values in stacks}) > 1:
        raise row.location.error(f"the columns of {layer.name} have different numbers or ids of annotations")
    for values in zip(*stacks):
        yield {feature: value for (_, feature), (value, _) in zip(layer.columns(), values)}, values[0][1]


def stack(row: Row, column: int) -> list[tuple[str | None, int]]:
    """RETURNS (list[tuple[str | None, int]]): The values and ids in a cell."""
    try:
        return list(stacked(row.cells[column]))
    except ValueError as err:
        raise row.location.error(str(err)) from None


def lose_layer(document: Document, layer: Layer, report: Report) -> None:
    """Count the annotations of a layer that is not read.

    document (Document): The file.
    layer (Layer): The layer.
    report (Report): Counts them.
    """
    kind = {"SP": "annotation", "RL": "relation", "CH": "link of a chain"}[layer.kind]
    # The last column has the links of a chain, which have numbers, and the other ends of relations.
    last = layer.first + len(layer.features) - (layer.kind != "RL")
    column = layer.first if layer.kind == "SP" else last
    _lose_cells(document, column, f"{kind} of the layer {layer.name[:80]}, not read", report)


def _lose_cells(document: Document, column: int, reason: str, report: Report) -> None:
    counted = set()
    for row in document.rows:
        for value in STACK.findall(row.cells[column]) if row.cells[column] != NOTHING else ():
            # An id, or the number of a link, shows that the annotation continues.
            if value not in counted:
                report.lose(reason, str(row.location), value[:40])
            if value.endswith("]") or "->" in value:
                counted.add(value)
