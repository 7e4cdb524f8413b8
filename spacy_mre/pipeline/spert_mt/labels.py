"""The labels of `spert_mt`, and how a trained component gets new ones."""

from collections.abc import Iterable
from typing import Any, ClassVar, Literal, get_args

import numpy
from spacy.tokens import Doc
from spacy.training import Example

from ...errors import Errors, Warnings
from ..base import MREPipe
from ..spans.overlap import wider_policy
from .settings import LabelKind, Negatives
from .survey import Survey, extend_limits


class LabelledSpertMT(MREPipe):
    """A component with labels of entities and of relations, and with text labels if its model reads those."""

    calls_to_add: ClassVar[dict[str, str]] = {
        "entity": "add_label('{label}', kind='entity')",
        "relation": "add_label('{label}', kind='relation')",
        "text label": "add_label('{label}', kind='cat')",
    }
    spans_key: str
    entities: Literal["predict", "given"]
    negatives: Negatives

    @property
    def entity_labels(self) -> tuple[str, ...]:
        """RETURNS (tuple[str, ...]): The entity labels."""
        return tuple(self.cfg["entity_labels"])

    @property
    def relation_labels(self) -> tuple[str, ...]:
        """RETURNS (tuple[str, ...]): The relation labels."""
        return tuple(self.cfg["relation_labels"])

    @property
    def labels(self) -> tuple[str, ...]:
        """RETURNS (tuple[str, ...]): Entity labels, then relation labels."""
        return self.entity_labels + self.relation_labels

    @property
    def label_data(self) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): What `spacy init labels` stores and `initialize` takes."""
        return {
            "entities": list(self.entity_labels),
            "relations": list(self.relation_labels),
            "cats": list(self.cfg["cat_labels"]),
            "constraints": self.cfg["constraints"],
            "distance": self.cfg["distance"],
            "scope": self.cfg["scope"],
        }

    def add_label(self, label: str, kind: LabelKind | None = None) -> int:
        """Add a label to a trained component, which predicts the old labels as before. The new one is predicted after
        training on examples of it: learned constraints allow a new relation label for no types of mentions yet, and
        grow with the relations of the updates. The learned scope does not: `add_labels_of` extends it.

        label (str): The label.
        kind (Optional[LabelKind]): "entity" or "relation"; or "cat", a text label that the model reads (`see_cats`).
        RETURNS (int): 0 if the label exists already, otherwise 1.
        RAISES (ValueError): If the component is not initialized, there is no such kind, or the model does not read
            text labels.
        """
        from .growth import grown_state

        self._check_initialized()
        kinds = get_args(LabelKind)
        if kind is None or kind not in kinds or (kind == "cat" and not self.sees_cats):
            allowed = ", ".join(kinds if self.sees_cats else kinds[:2])
            raise ValueError(Errors.M814.format(name=self.name, label=label, kind=kind, allowed=allowed))
        labels = self.cfg[f"{kind}_labels"]
        if label in labels:
            return 0
        labels.append(label)
        if kind == "relation":
            self.cfg["constraints"].setdefault(label, [])
        sizes = {f"{each}_labels": len(self.cfg[f"{each}_labels"]) for each in kinds}
        self.model.get_ref("heads").attrs["labels"] = sizes
        self._shim.grow(grown_state(self._shim.module, kind), **sizes)
        return 1

    def add_labels_of(self, examples: Iterable[Example]) -> list[str]:
        """Add the labels of some examples that the trained component lacks. The learned constraints, scope,
        distance and overlap policy are extended too. The share of negative spans that training draws becomes that of
        the examples, for scores after training on them: call it again if `negatives` is changed.

        examples (Iterable[Example]): All data of the further training, new and old.
        RETURNS (list[str]): The labels that were added.
        RAISES (ValueError): If the component is not initialized.
        """
        self._check_initialized()
        survey = self._survey()
        for eg in examples:
            survey.add(eg)
        found = survey.learned(self.negatives)
        kinds = get_args(LabelKind) if self.sees_cats else get_args(LabelKind)[:2]
        added = [label for kind in kinds for label in found[f"{kind}_labels"] if self.add_label(label, kind)]
        extend_limits(self.cfg, survey.joined)
        self.cfg["scope"] = max(self.cfg["scope"], found["scope"])
        self.cfg["overlap"] = wider_policy(self.cfg["overlap"], found["overlap"])
        # Texts without gold for entities draw no spans, and say nothing of the share.
        if survey.negative_spans:
            self.cfg["share_drawn"] = found["share_drawn"]
        return added

    def _survey(self) -> Survey:
        """Given entities may be wider than the model's spans, and others than those of gold."""
        return Survey(self.spans_key, self._shim.settings["max_width"] if self.entities == "predict" else None)

    @property
    def sees_cats(self) -> bool:
        """Whether the heads read the text labels in `doc.cats`."""
        return self._shim.module.cat_labels > 0

    def _predicted_cats(self, docs: list[Doc]) -> numpy.ndarray | None:
        """The text labels on the documents, if the model reads them. Unknown ones are zeros, and are counted."""
        if not self.sees_cats:
            return None
        labels = set(self.cfg["cat_labels"])
        unknown = sum(len(doc) > 0 and labels.isdisjoint(doc.cats) for doc in docs)
        self._count_left_out("texts without a known label", unknown, warning=Warnings.W812)
        return self._cats(docs)

    def _cats(self, docs: list[Doc]) -> numpy.ndarray:
        """Documents x text labels."""
        rows = [[doc.cats.get(label, 0.0) for label in self.cfg["cat_labels"]] for doc in docs]
        return numpy.array(rows, dtype="f").reshape(len(docs), -1)
