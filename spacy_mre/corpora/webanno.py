"""WebAnno TSV 3, the text format of INCEpTION and WebAnno: one file per document, one row per token.

    #FORMAT=WebAnno TSV 3.3
    #T_SP=custom.Span|label
    #T_RL=custom.Relation|label|BT_custom.Span


    #Text=Ada Fox met Bo.
    1-1	0-3	Ada	person[1]	_	_
    1-2	4-7	Fox	person[1]	_	_
    1-3	8-11	met	_	_	_
    1-4	12-14	Bo	person	met	1-1[1_0]
    1-5	14-15	.	_	_	_

Entities are the annotations of one span layer, with one of its features as the label; relations those of the relation
layers between them. Offsets count UTF-16. Annotations over several rows, and several ones in a row, have ids in
brackets. Annotations of other layers, other features, chains and slots are counted. What is between two sentences is
not in the file; as INCEpTION does, a line end and blanks are read.

The entities or relations of a text are None if no file has a layer of them: the tool leaves out layers without
annotations.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from .layers import lose_values, read_entities, read_relation, short_name
from .reading import Location, files_in
from .record import CorpusError, Record, RelationRecord
from .report import Report, relative_name
from .webanno_layers import Annotation, choose_feature, choose_layer, lose_layer, read_spans, stack
from .webanno_rows import ENDING, Document, Layer, Row, read_document
from .webanno_values import NOTHING

REFERENCE = re.compile(r"(\d{1,9}-\d{1,9}(?:\.\d{1,9})?)(?:\[(\d{1,9})_(\d{1,9})\])?\Z")


def read_webanno(
    path: Path, *, layer: str = "", feature: str = "", relation_feature: str = "", report: Report | None = None
) -> Iterator[Record]:
    """Read one file, or a folder and its subfolders.

    path (Path): The file (.tsv) or folder.
    layer (str): The span layer of the entities, with or without what is before its last dot. Empty for the only one
        that has annotations, without those of words (such as POS).
    feature (str): The feature that contains the labels of entities; empty for "label", "value", or the only one with
        values.
    relation_feature (str): The same for relations.
    report (Report | None): Counts annotations that were not read, and notes files that may have been cut off.
    YIELDS (Record): One record per file. Its id is the name of the file without its suffix.
    RAISES (CorpusError): If the input is malformed, or it is not clear which layer or feature to read.
    """
    path = Path(path)
    report = report if report is not None else Report()
    documents = {file: read_document(file, report) for file in files_in(path, (ENDING,))}
    if not documents:
        raise CorpusError(path, 0, "the folder contains no .tsv file")
    source, every = Location(path, name="the source"), documents.values()
    spans = choose_layer(every, layer, source)
    label = choose_feature(every, spans, feature, "--feature", source)
    relation_labels = {
        name: choose_feature(every, name, relation_feature, "--relation-feature", source)
        for name in sorted({of.name for document in every for of in document.layers if spans and of.base == spans})
    }
    for file, document in documents.items():
        name, of_file = relative_name(file, path), report.of_file(file, path)
        annotations = read_spans(document, spans, of_file)
        entities, indices = read_entities([annotation.as_span() for annotation in annotations], spans, label, of_file)
        relations: list[RelationRecord] = []
        for of in document.layers:
            if of.name in relation_labels:
                found = _Relations(annotations, indices, relation_labels[of.name], of_file)
                relations += found.read(document, of)
            elif of.name != spans:
                lose_layer(document, of, of_file)
        yield Record(
            text=document.text,
            id=name.removesuffix(file.suffix),
            entities=entities if spans else None,
            relations=relations if relation_labels else None,
            tokens=document.tokens,
            origin=name,
        )


class _Relations:
    """Reads relations between annotations."""

    def __init__(self, annotations: list[Annotation], indices: dict[int, int], feature: str, report: Report) -> None:
        self.annotations = annotations
        self.indices = indices
        self.feature = feature
        self.report = report
        self.by_id = {annotation.id: i for i, annotation in enumerate(annotations) if annotation.id}
        self.by_unit: dict[str, list[int]] = {}
        for i, annotation in enumerate(annotations):
            if not annotation.id:
                self.by_unit.setdefault(annotation.rows[0].unit, []).append(i)

    def read(self, document: Document, layer: Layer) -> Iterator[RelationRecord]:
        columns = list(layer.columns())
        for row in document.rows:
            cell = row.cells[layer.first + len(layer.features)]
            references = [] if cell == NOTHING else cell.split("|")
            stacks = [stack(row, column) for column, _ in columns]
            if any(len(values) != len(references) for values in stacks):
                raise row.location.error(f"the columns of {layer.name} have different numbers of relations")
            for i, reference in enumerate(references):
                values = {feature: values[i][0] for (_, feature), values in zip(columns, stacks)}
                label = values.get(self.feature) if self.feature else short_name(layer.name)
                yield from self._relation(reference, label, row)
                lose_values(values, self.feature, row.location, self.report)

    def _relation(self, reference: str, label: str | None, row: Row) -> Iterator[RelationRecord]:
        match = REFERENCE.match(reference)
        if match is None:
            raise row.location.error(f"invalid end of a relation '{reference[:40]}': expected 1-3 or 1-3[1_2]")
        head = self._find(match[1], int(match[2] or 0), row)
        tail = self._find(row.unit, int(match[3] or 0), row)
        yield from read_relation(self.indices.get(head), self.indices.get(tail), label, row.location, self.report)

    def _find(self, unit: str, id: int, row: Row) -> int:
        """The annotation of a row with an id; 0 if it is the only one of the row."""
        found = [self.by_id[id]] if id in self.by_id else [] if id else self.by_unit.get(unit, [])
        found = [i for i in found if any(part.unit == unit for part in self.annotations[i].rows)]
        if len(found) != 1:
            number = "several annotations" if found else "no annotation"
            raise row.location.error(f"a relation refers to {unit}{f'[{id}]' * bool(id)}, where there is {number}")
        return found[0]
