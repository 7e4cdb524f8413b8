"""UIMA CAS, the format in which INCEpTION stores documents, as JSON or XMI: one file per document.

Annotations are objects with offsets in a text, the sofaString; relations are annotations with a Governor and a
Dependent. Entities are the annotations of one span layer, with one of its features as the label; relations those of the
relation layers between them; text labels those of a layer of the whole document. Offsets count UTF-16. Annotations of
other layers, other features, chains and slots are counted.

The entities, relations or text labels of a text are None if no file has a layer of them.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from .cas_choice import Choice
from .cas_content import CasDocument, require_cassis
from .cas_document import read_document
from .cas_files import ENDINGS, CasFiles
from .reading import Location, files_in
from .record import CorpusError, Record
from .report import Report, relative_name


def read_cas(
    path: Path,
    *,
    layer: str = "",
    feature: str = "",
    relation_feature: str = "",
    document_layer: str = "",
    document_feature: str = "",
    report: Report | None = None,
) -> Iterator[Record]:
    """Read one file, or a folder and its subfolders. XMI needs the TypeSystem.xml in its folder.

    path (Path): The file (.json or .xmi) or folder.
    layer (str): The span layer of the entities, with or without what is before its last dot. Empty for the only one
        that has annotations, without those of words (such as POS).
    feature (str): The feature that contains the labels of entities; empty for "label", "value", or the only one with
        values.
    relation_feature (str): The same for relations.
    document_layer (str): The layer of the text labels. Empty for the only one that has annotations.
    document_feature (str): As `feature`, for text labels.
    report (Report | None): Counts annotations that were not read.
    YIELDS (Record): One record per file. Its id is the title of the document, or the name of the file if titles are
        missing or the same.
    RAISES (CorpusError): If the input is malformed, or it is not clear which layer or feature to read.
    RAISES (ValueError): If the package `dkpro-cassis` is not installed.
    """
    path = Path(path)
    require_cassis(path)
    report = report if report is not None else Report()
    cas_files = CasFiles(path, report)
    files = {file: document for file in files_in(path, ENDINGS) if (document := cas_files.read(file)) is not None}
    if not files:
        raise CorpusError(path, 0, "the folder contains no CAS (.json or .xmi)")
    documents = list(files.values())
    source = Location(path, name="the source")
    choice = Choice(documents, layer, feature, relation_feature, document_layer, document_feature, source)
    titles = _titles(documents)
    for file, document in files.items():
        title = titles.get(id(document), "")
        yield read_document(document, choice, title, relative_name(file, path), report.of_file(file, path))


def _titles(documents: Iterable[CasDocument]) -> dict[int, str]:
    """The titles of documents, if each has one of its own."""
    found = {id(document): document.title for document in documents}
    return found if all(found.values()) and len(set(found.values())) == len(found) else {}
