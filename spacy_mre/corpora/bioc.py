"""BioC in XML and JSON, read by the package `bioc`.

A document has passages, with their offsets in the document, and annotations with an infon "type" (the label). Relations
connect annotations, in the order of their nodes if these have no roles (head and tail, Arg1 and Arg2), or, as in
PubTator's exports, the concepts of the infons "entity1" and "entity2"; those become relations between the two nearest
mentions, or all pairs. Offsets count characters, or UTF-16 or bytes of UTF-8 if only these fit.

The infons of a document are metadata. The concept of an annotation (the infon "identifier"), other infons, and
relations of more than two annotations are lost and counted.
The entities or relations of a text are None if no text of the file has any.
"""

from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import Any

from ..errors import Errors
from .bioc_text import Passages
from .bioc_xml import read_xml_documents
from .fragments import Discontinuous, join_fragments
from .json_values import InvalidJSON, parse_json
from .mentions import LOST_CONCEPT, Pairs, relations_between, split_concepts
from .metadata import read_meta
from .reading import Location, read_text
from .record import CorpusError, EntityRecord, Record, RelationRecord
from .report import Report

CONCEPTS = "identifier"
TYPE = "type"
ROLES = (("head", "tail"), ("arg1", "arg2"))  # of the nodes of a relation


def read_bioc(
    path: Path,
    *,
    pairs: Pairs = "nearest",
    discontinuous: Discontinuous = "drop",
    report: Report | None = None,
) -> Iterator[Record]:
    """Read one file.

    path (Path): The file, in XML or JSON.
    pairs (Pairs): The mentions between which a relation of concepts is read: the "nearest" two, or "all" pairs.
    discontinuous (Discontinuous): What to read of an annotation of several parts: nothing ("drop"), all from its first
        to its last part ("whole"), or its "longest" part.
    report (Report | None): Counts what records cannot represent, and notes other roles.
    YIELDS (Record): One record per document.
    RAISES (CorpusError): If the input is malformed.
    RAISES (ValueError): If the package `bioc` is not installed.
    """
    path = Path(path)
    report = report if report is not None else Report()
    documents = _documents(path)
    if not documents:
        raise CorpusError(path, 0, "the collection contains no document")
    parts = [(Location(path, name=f"document {number}"), document) for number, document in enumerate(documents, 1)]
    has_entities = any(_all(document, "annotations") for _, document in parts)
    has_relations = any(_all(document, "relations") for _, document in parts)
    for number, (location, document) in enumerate(parts, start=1):
        _check_infons(document, location)
        passages = Passages(document, location, report)
        mentions = _Mentions(document, passages, discontinuous, location, report)
        relations = mentions.relations(_all(document, "relations"), pairs)
        _lose_infons(document, location, report)
        yield Record(
            text=passages.text,
            id=str(document.id or f"{path.stem}-{number}"),
            entities=mentions.entities if has_entities else None,
            relations=relations if has_relations else None,
            meta=read_meta(_infons(document), location),
            origin=str(location),
        )


def require_bioc(path: Path) -> None:
    """RAISES (ValueError): If the package `bioc` is not installed."""
    try:
        import bioc  # noqa: F401
    except ImportError:
        raise ValueError(Errors.M240.format(path=path)) from None


def _documents(path: Path) -> list[Any]:
    require_bioc(path)
    from bioc.biocjson import decoder

    text = read_text(path)
    if text.lstrip().startswith("<"):
        return read_xml_documents(path, text)
    try:
        return _json_documents(path, parse_json(text), decoder)
    except InvalidJSON as err:
        raise CorpusError(path, err.line, err.reason) from None
    except KeyError as err:
        raise CorpusError(path, 0, f"a part of the collection has no {err}") from None
    except CorpusError:
        raise
    except (TypeError, ValueError, AttributeError) as err:
        raise CorpusError(path, 0, f"this is not a BioC collection: {err}") from None


def _json_documents(path: Path, collection: Any, decoder: Any) -> list[Any]:
    """The documents of a collection, one by one, because the package does not say which of them is wrong."""
    decoder.parse_collection({**collection, "documents": []})
    documents = []
    for number, document in enumerate(collection["documents"], 1):
        location = Location(path, name=f"document {number}")
        try:
            documents.append(decoder.parse_doc(document))
        except KeyError as err:
            raise location.error(f"{_wrong_part(document, decoder)} has no {err}") from None
        except (TypeError, ValueError, AttributeError) as err:
            raise location.error(f"{_wrong_part(document, decoder)} is not as in BioC: {err}") from None
    return documents


def _wrong_part(document: Any, decoder: Any) -> str:
    """RETURNS (str): The first annotation that cannot be read, in words."""
    for annotation in _find_items(document, "annotations"):
        try:
            decoder.parse_annotation(annotation)
        except (KeyError, TypeError, ValueError, AttributeError):
            name = annotation.get("id") if isinstance(annotation, dict) else annotation
            return f"the annotation '{str(name)[:40]}'"
    return "a part of it"


def _find_items(value: Any, key: str) -> Iterator[Any]:
    """The items of all lists with a key."""
    for name, inner in value.items() if isinstance(value, dict) else ():
        if name == key and isinstance(inner, list):
            yield from inner
        yield from _find_items(inner, key)
    for inner in value if isinstance(value, list) else ():
        yield from _find_items(inner, key)


def _all(document: Any, what: str) -> list[Any]:
    """The annotations or relations of a document, and of its passages and their sentences."""
    passages = [part for passage in document.passages for part in (passage, *passage.sentences)]
    return [item for part in (document, *passages) for item in getattr(part, what)]


def _check_infons(document: Any, location: Location) -> None:
    items = [document, *document.passages, *(part for passage in document.passages for part in passage.sentences)]
    for item in (*items, *_all(document, "annotations"), *_all(document, "relations")):
        if not isinstance(item.infons, (dict, NoneType)):
            raise location.error(f"'infons' must be an object, not {str(item.infons)[:40]!r}")


def _infons(document: Any) -> dict[str, Any]:
    """The infons of a document. In XML, an empty value has no text."""
    return {key: "" if value is None else value for key, value in (document.infons or {}).items()}


def _lose_infons(document: Any, location: Location, report: Report) -> None:
    for passage in document.passages:
        for part in (passage, *passage.sentences):
            for key in part.infons or {}:
                report.lose(f"infon '{key[:40]}' of a passage", str(location))


class _Mentions:
    """The annotations of a document: its entities, and their indices by annotation and by concept."""

    def __init__(
        self, document: Any, passages: Passages, discontinuous: Discontinuous, location: Location, report: Report
    ) -> None:
        self.discontinuous = discontinuous
        self.location = location
        self.report = report
        self.entities: list[EntityRecord] = []
        self.by_id: dict[str, list[int]] = {}
        self.by_concept: dict[str, list[int]] = {}
        for annotation in _all(document, "annotations"):
            name = str(annotation.id)
            if name in self.by_id:
                raise location.error(f"two annotations have the id '{name[:40]}'")
            self.by_id[name] = []
            self._add(annotation, name, passages)

    def _add(self, annotation: Any, name: str, passages: Passages) -> None:
        infons = dict(annotation.infons or {})
        label = infons.pop(TYPE, None)
        fragments = passages.fragments(annotation, f"the annotation '{name[:40]}'")
        if not fragments:
            self.report.lose("entity without offsets", str(self.location), str(annotation.text)[:40])
            return
        if not isinstance(label, str) or not label:
            self.report.lose("entity without a label", str(self.location), name[:40])
            return
        place = join_fragments(fragments, passages.text, self.discontinuous, self.location, self.report)
        if place is None:
            return
        self.by_id[name].append(len(self.entities))
        concepts = split_concepts(infons[CONCEPTS]) if isinstance(infons.get(CONCEPTS), str) else []
        if concepts:
            self.report.lose(LOST_CONCEPT, str(self.location), infons.pop(CONCEPTS)[:40])
        for concept in concepts:
            self.by_concept.setdefault(concept, []).append(len(self.entities))
        for key, value in infons.items():
            self.report.lose(f"infon '{str(key)[:40]}' of an annotation", str(self.location), str(value)[:40])
        self.entities.append(EntityRecord(*place, label))

    def relations(self, given: list[Any], pairs: Pairs) -> list[RelationRecord]:
        """RETURNS (list[RelationRecord]): The relations."""
        found: list[RelationRecord] = []
        for relation in given:
            infons = dict(relation.infons or {})
            label = infons.pop(TYPE, None)
            ends = self._ends(relation, infons)
            for key, value in infons.items():
                self.report.lose(f"infon '{str(key)[:40]}' of a relation", str(self.location), str(value)[:40])
            if ends is None:
                continue
            if not isinstance(label, str) or not label:
                self.report.lose("relation without a label", str(self.location), str(relation.id)[:40])
                continue
            made = relations_between(*ends, label, self.entities, pairs)
            if not made:
                self.report.lose("relation with a lost argument", str(self.location), label[:40])
            found += made
        return found

    def _ends(self, relation: Any, infons: dict[str, Any]) -> tuple[list[int], list[int]] | None:
        """The mentions of the head and those of the tail; None if there are no two ends."""
        if not relation.nodes and {"entity1", "entity2"} <= infons.keys():
            concepts = str(infons.pop("entity1")).strip(), str(infons.pop("entity2")).strip()
            return self.by_concept.get(concepts[0], []), self.by_concept.get(concepts[1], [])
        if len(relation.nodes) != 2:
            self.report.lose("relation that does not have two ends", str(self.location), str(relation.id)[:40])
            return None
        names = [str(node.refid) for node in relation.nodes]
        for name in names:
            if name not in self.by_id:
                self.report.lose("relation with an end that is no annotation", str(self.location), name[:40])
                return None
        first, second = (str(node.role or "") for node in relation.nodes)
        ordered = (first.lower(), second.lower())
        if ordered[::-1] in ROLES:
            names.reverse()
        elif ordered not in ROLES and ordered != ("", ""):
            reason = f"roles '{first[:40]}' and '{second[:40]}' of a relation, read as head and tail"
            self.report.note(reason, str(self.location))
        return self.by_id[names[0]], self.by_id[names[1]]
