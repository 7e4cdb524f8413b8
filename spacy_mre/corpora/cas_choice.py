"""The choice of the layers and features of a CAS that are read."""

from collections.abc import Iterator

from .cas_content import CasDocument, Layer
from .layers import LINGUISTIC, is_linguistic, pick_feature, pick_layer
from .reading import Location

BUILT_IN = ("uima.", LINGUISTIC)


class Choice:
    """What is read from a CAS. A layer that no annotation uses is chosen too if there is no other of its kind.

    documents (list[CasDocument]): All documents.
    layer (str): The span layer; empty for the only one.
    feature (str): The feature of the labels of entities.
    relation_feature (str): The feature of the labels of relations.
    document_layer (str): The layer of the text labels; empty for the only one.
    document_feature (str): The feature of the text labels.
    location (Location): The source.
    RAISES (CorpusError): If it is not clear which layer or feature to read.
    """

    def __init__(
        self,
        documents: list[CasDocument],
        layer: str,
        feature: str,
        relation_feature: str,
        document_layer: str,
        document_feature: str,
        location: Location,
    ) -> None:
        self.documents = documents
        self.location = location
        self.spans = self._layer("span", layer, "--layer")
        self.label = self._feature(self.spans, feature, "--feature")
        types = {name for of in self._layers() if of.name == self.spans for name in of.types}
        self.relations = {
            name: self._feature(name, relation_feature, "--relation-feature")
            for name in sorted({of.name for of in self._layers() if of.kind == "relation" and of.ends in types})
        }
        self.texts = self._layer("document", document_layer, "--document-layer")
        self.text_label = self._feature(self.texts, document_feature, "--document-feature")

    def _layers(self) -> Iterator[Layer]:
        for layers in {id(document.layers): document.layers for document in self.documents}.values():
            yield from layers.values()

    def _layer(self, kind: str, given: str, option: str) -> str:
        counts = {layer.name: 0 for layer in self._layers() if layer.kind == kind}
        for document in self.documents:
            for structure in document.of(kind):
                if structure.layer.name in counts:
                    counts[structure.layer.name] += 1
        used = {name: count for name, count in counts.items() if count and not is_linguistic(name)}
        own = [name for name in counts if not name.startswith(BUILT_IN)]
        if given:
            unused = ("uima.", *(name for name in counts if is_linguistic(name)))
            counts = {name: count for name, count in counts.items() if count or not name.startswith(unused)}
        else:
            counts = used or dict.fromkeys(own if len(own) == 1 else (), 0)
        return pick_layer(counts, given, self.location, kind=kind, option=option)

    def _feature(self, name: str, given: str, option: str) -> str:
        if not name:
            return ""
        used = {feature: False for layer in self._layers() if layer.name == name for feature in layer.features}
        for document in self.documents:
            for structure in document.structures:
                if structure.layer.name == name:
                    used.update(dict.fromkeys(structure.values, True))
        return pick_feature(name, used, given, option, self.location)
