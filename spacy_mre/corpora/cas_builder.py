"""One text as a CAS of the package `cassis`, with the layers that projects of INCEpTION have."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from .cas_content import (
    ANNOTATION,
    DOCUMENT,
    HEAD,
    KEY,
    METADATA,
    SENTENCE,
    STRING,
    TAIL,
    TITLE,
    TOKEN,
    VALUE,
    WITH_VIEW,
)
from .cas_document import ID, LANGUAGE, UNSPECIFIED
from .held_labels import held_labels
from .layers import LINGUISTIC
from .record import CharOffsets, Record
from .report import Report
from .word_pieces import words_in
from .xml_text import NOT_XML

SPANS, RELATIONS, LABELS, FEATURE = "custom.Span", "custom.Relation", "custom.DocumentLabel", "label"
PROPERTIES = LINGUISTIC + "metadata.type.DocumentMetaData"
PROPERTY_FEATURES = (TITLE, ID, "documentUri", "documentBaseUri", "collectionId")


def make_types(records: list[Record]) -> Any:
    """Define the layers. One that no text is annotated with is left out: it would be read as empty.

    records (list[Record]): All texts.
    RETURNS (TypeSystem): A type system of `cassis`.
    """
    import cassis

    types = cassis.TypeSystem()
    has = {what: any(getattr(record, what) is not None for record in records) for what in ("entities", "cats")}
    has_relations = any(record.relations is not None for record in records)
    layers: dict[str, tuple[str, dict[str, str]]] = {
        PROPERTIES: (DOCUMENT, dict.fromkeys(PROPERTY_FEATURES, STRING)),
        SENTENCE: (ANNOTATION, {}),
        TOKEN: (ANNOTATION, {}),
        METADATA: (WITH_VIEW, {KEY: STRING, VALUE: STRING}),
    }
    if has["entities"] or has_relations:
        layers[SPANS] = (ANNOTATION, {FEATURE: STRING})
    if has_relations:
        layers[RELATIONS] = (ANNOTATION, {HEAD: SPANS, TAIL: SPANS, FEATURE: STRING})
    if has["cats"]:
        layers[LABELS] = (WITH_VIEW, {FEATURE: STRING})
    for name, (above, features) in layers.items():
        made = types.create_type(name, above)
        for feature, range_type in features.items():
            types.create_feature(made, feature, range_type)
    return types


class Builder:
    """Makes the CAS of a text.

    record (Record): The text.
    types (TypeSystem): The types from `make_types`.
    is_xml (bool): It will be written as XML, which has no control characters.
    report (Report): Counts what cannot be written.
    """

    def __init__(self, record: Record, types: Any, report: Report, *, is_xml: bool) -> None:
        import cassis

        self.record = record
        self.types = types
        self.report = report
        self.is_xml = is_xml
        self.text = self._clean(record.text)
        self.cas = cassis.Cas(types, sofa_string=self.text, sofa_mime="text")
        self._add_properties(self._clean(record.id))
        self._add_words()
        self._add_annotations()
        for label in held_labels(record, report):
            if self._can_be_written(label, "text label"):
                self._add(LABELS, label=label)
        if record.group:
            report.lose("group (not supported by UIMA CAS)", record.origin)

    def _add(self, type_: str, **features: Any) -> Any:
        made = self.types.get_type(type_)(**features)
        self.cas.add(made)
        return made

    def _clean(self, text: str) -> str:
        if not self.is_xml or not NOT_XML.search(text):
            return text
        self.report.lose("control character (written as a space in XML)", self.record.origin)
        return NOT_XML.sub(" ", text)

    def _can_be_written(self, label: str, what: str) -> bool:
        if label and not (self.is_xml and NOT_XML.search(label)):
            return True
        self.report.lose(f"{what} that is empty or contains a control character", self.record.origin, repr(label))
        return False

    def _add_properties(self, title: str) -> None:
        """Add the id as the title, and the metadata. What the tool has no property for is a layer of its own."""
        properties = {TITLE: title, ID: title, LANGUAGE: UNSPECIFIED}
        others = {}
        for key, value in self.record.meta.items():
            if not isinstance(value, str):
                self.report.lose("metadata that is not a string", self.record.origin, key)
            elif self.is_xml and NOT_XML.search(key + value):
                self.report.lose("metadata with a control character", self.record.origin, key)
            elif key in (*PROPERTY_FEATURES[1:], LANGUAGE) and value and value != properties.get(key):
                properties[key] = value
            else:
                others[key] = value
        self._add(PROPERTIES, begin=0, end=len(self.text), **properties)
        for key, value in others.items():
            self._add(METADATA, key=key, value=value)

    def _add_words(self) -> None:
        words = words_in(self.text, self.record.tokens)
        for start, end in _sentences(self.text, words):
            self._add(SENTENCE, begin=start, end=end)
        for start, end in words:
            self._add(TOKEN, begin=start, end=end)

    def _add_annotations(self) -> None:
        made: dict[int, Any] = {}
        for i, entity in enumerate(self.record.entities or ()):
            if self._can_be_written(entity.label, "label"):
                made[i] = self._add(SPANS, begin=entity.start, end=entity.end, label=entity.label)
        for relation in self.record.relations or ():
            if relation.head not in made or relation.tail not in made:
                self.report.lose("relation with a lost argument", self.record.origin, relation.label)
            elif self._can_be_written(relation.label, "label"):
                # The tool draws a relation at its dependent.
                head, tail = made[relation.head], made[relation.tail]
                self._add(
                    RELATIONS, begin=tail.begin, end=tail.end, Governor=head, Dependent=tail, label=relation.label
                )


def _sentences(text: str, words: list[CharOffsets]) -> Iterator[CharOffsets]:
    """The lines of a text, without white space at their ends."""
    if words:
        start = words[0][0]
        for left, right in pairwise(words):
            if "\n" in text[left[1] : right[0]] or "\r" in text[left[1] : right[0]]:
                yield start, left[1]
                start = right[0]
        yield start, words[-1][1]
