"""Writing of BioC, in JSON or XML by the ending of the file name, with the package `bioc`."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..files import replacing
from .bioc import TYPE, require_bioc
from .presence import lose_parts, lose_presence
from .record import Record
from .report import Report
from .xml_text import NOT_XML


def write_records(records: Iterable[Record], path: Path, report: Report | None = None) -> int:
    """Write records as a collection, which `read_bioc` reads. Each text is one passage.

    records (Iterable[Record]): The records.
    path (Path): The file. It is JSON if its name ends with .json, otherwise XML.
    report (Report | None): Counts what BioC cannot represent.
    RETURNS (int): The number of records.
    RAISES (ValueError): If the package `bioc` is not installed.
    """
    path = Path(path)
    require_bioc(path)
    from bioc import BioCCollection, biocjson, biocxml

    report = report if report is not None else Report()
    records = list(records)
    collection = BioCCollection()
    collection.source = "spacy_mre"
    is_json = path.suffix == ".json"
    for number, record in enumerate(records, start=1):
        collection.add_document(_as_document(record, number, is_json, report))
    passages = [document.passages[0] for document in collection.documents]
    written = {"entities": any(p.annotations for p in passages), "relations": any(p.relations for p in passages)}
    lose_presence(records, "BioC", report, written={what for what in written if written[what]})
    with replacing(path) as temporary:
        content = biocjson.dumps(collection, ensure_ascii=False) if is_json else biocxml.dumps(collection)
        temporary.write_bytes(content.encode("utf8"))
    return len(records)


def _as_document(record: Record, number: int, is_json: bool, report: Report) -> Any:
    from bioc import BioCAnnotation, BioCDocument, BioCLocation, BioCNode, BioCPassage, BioCRelation

    lose_parts(record, "BioC", report, metadata=False)
    if not is_json and NOT_XML.search(record.text):
        report.lose("control character (written as a space in XML)", record.origin)
        record = replace(record, text=NOT_XML.sub(" ", record.text))
    document = BioCDocument()
    document.id = record.id
    if NOT_XML.search(record.id):
        report.lose("id that contains a control character", record.origin, repr(record.id))
        document.id = f"text-{number:06}"
    document.infons = _infons(record, report)
    passage = BioCPassage()
    passage.offset, passage.text = 0, record.text
    document.add_passage(passage)
    written = set()
    for i, entity in enumerate(record.entities or ()):
        if not entity.label or NOT_XML.search(entity.label):
            report.lose("label that is empty or contains a control character", record.origin, repr(entity.label))
            continue
        written.add(i)
        annotation = BioCAnnotation()
        annotation.id, annotation.infons = f"T{i + 1}", {TYPE: entity.label}
        annotation.text = record.text[entity.start : entity.end]
        annotation.add_location(BioCLocation(entity.start, entity.end - entity.start))
        passage.add_annotation(annotation)
    for number, given in enumerate(record.relations or (), start=1):
        if given.head not in written or given.tail not in written:
            report.lose("relation with a lost argument", record.origin, given.label)
        elif not given.label or NOT_XML.search(given.label):
            report.lose("label that is empty or contains a control character", record.origin, repr(given.label))
        else:
            relation = BioCRelation()
            relation.id, relation.infons = f"R{number}", {TYPE: given.label}
            for end, role in ((given.head, "head"), (given.tail, "tail")):
                relation.add_node(BioCNode(f"T{end + 1}", role))
            passage.add_relation(relation)
    return document


def _infons(record: Record, report: Report) -> dict[str, str]:
    """The metadata that are strings, as infons are."""
    infons = {}
    for key, value in record.meta.items():
        if isinstance(value, str) and not NOT_XML.search(key + value):
            infons[key] = value
        else:
            report.lose("metadata that is not a string", record.origin, key)
    return infons
