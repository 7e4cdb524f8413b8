"""The annotations of WebAnno TSV by layers, and the choice of the layer and the feature that are read."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .layers import NO_TEXT, SpanAnnotation, pick_feature, pick_layer
from .reading import Location
from .report import Report
from .webanno_rows import Document, Layer, Row
from .webanno_values import NO_VALUE, NOTHING, STACK, stacked


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

    def as_span(self) -> SpanAnnotation:
        """RETURNS (SpanAnnotation): Its first and last character, without the places of rows that have no text."""
        places = [(row.start, row.end) for row in self.rows if row.start != NO_TEXT]
        start, end = (min(places)[0], max(end for _, end in places)) if places else (NO_TEXT, NO_TEXT)
        return SpanAnnotation(self.location, start, end, self.values)


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
    return pick_layer(counts, given, location)


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
    used.pop("", None)  # of a layer without features
    return pick_feature(name, used, given, option, location)


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
