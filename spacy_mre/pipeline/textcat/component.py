"""The text-level label, on the same encoder as the word level: the `mre_textcat` component."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model, set_dropout_rate
from thinc.types import Floats2d

from ...annotations.alignment import align_gold
from ...annotations.entities import DEFAULT_KEY, get_entities
from ...encoders.check import DEFAULT_ENCODER, check_pipeline
from ...errors import Errors
from ..old_base import MREPipe
from ..spans.spans import Spans

DEFAULT_TEXTCAT_MODEL = {"@architectures": "spacy_mre.TextCat.v1", "encoder": DEFAULT_ENCODER}


@Language.factory(
    "mre_textcat",
    assigns=["doc.cats"],
    default_config={
        "model": DEFAULT_TEXTCAT_MODEL,
        "multi_label": False,
        "threshold": 0.5,
        "loss_weight": 0.03,
        "spans_key": DEFAULT_KEY,
        "scorer": {"@scorers": "spacy_mre.textcat_scorer.v1"},
    },
    default_score_weights={"cats_score": 1.0, "cats_macro_f": None, "cats_micro_f": None},
)
def make_mre_textcat(
    nlp: Language,
    name: str,
    model: Model,
    multi_label: bool,
    threshold: float,
    loss_weight: float,
    spans_key: str,
    scorer: Callable | None,
) -> "MRETextCat":
    """Make the component.

    model (Model): The model, see `spacy_mre.TextCat.v1`.
    multi_label (bool): Any number of labels may hold; by default exactly one does.
    threshold (float): From which score a label counts as predicted, where several may hold. Default: 0.5.
    loss_weight (float): What the text label weighs in the shared encoder, beside the other components that train it. Default: 0.03.
    spans_key (str): The span group of the entities, for a model that sees them. Default: "entities".
    scorer (Optional[Callable]): The scorer, by default `spacy_mre.textcat_scorer.v1`.
    """
    return MRETextCat(
        nlp.vocab,
        model,
        name,
        multi_label=multi_label,
        threshold=threshold,
        loss_weight=loss_weight,
        spans_key=spans_key,
        scorer=scorer,
    )


class MRETextCat(MREPipe):
    """Pipeline component for text classification on a shared encoder."""

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        name: str = "mre_textcat",
        *,
        multi_label: bool = False,
        threshold: float = 0.5,
        loss_weight: float = 0.03,
        spans_key: str = DEFAULT_KEY,
        scorer: Callable | None = None,
    ) -> None:
        """Initialize the component; `make_mre_textcat` explains the settings.

        vocab (Vocab): The shared vocabulary.
        model (Model): The Thinc Model.
        name (str): The component's name in the pipeline.
        """
        settings = {
            "multi_label": multi_label,
            "threshold": threshold,
            "loss_weight": loss_weight,
            "spans_key": spans_key,
        }
        cfg = {"labels": [], "entity_labels": [], **settings}
        super().__init__(vocab, model, name, cfg=cfg, scorer=scorer)

    @property
    def labels(self) -> tuple[str, ...]:
        """RETURNS (Tuple[str]): The labels."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> dict[str, list[str]]:
        """RETURNS (Dict[str, List[str]]): What `spacy init labels` stores and `initialize` takes."""
        return {"labels": list(self.labels), "entity_labels": list(self.cfg["entity_labels"])}

    def add_label(self, label: str) -> int:
        """RAISES (NotImplementedError): Always: labels come from the training data or from `initialize(labels=...)`."""
        raise NotImplementedError(Errors.M802)

    def score(self, examples: Iterable[Example], **kwargs) -> dict[str, Any]:
        """Score the text labels of some examples, with this component's labels and settings.

        examples (Iterable[Example]): Predicted and gold documents.
        RETURNS (Dict[str, Any]): spaCy's `cats_*` keys.
        """
        if self.scorer is None:
            return {}
        settings = {"labels": self.labels, "multi_label": self.cfg["multi_label"], "threshold": self.cfg["threshold"]}
        return self.scorer(examples, **{**settings, **kwargs})

    def predict(self, docs: Iterable[Doc]) -> Floats2d:
        """Score the labels of a batch, without changing the Docs.

        docs (Iterable[Doc]): The documents.
        RETURNS (Floats2d): Docs x labels: probabilities, which sum to 1 where classes are exclusive.
        RAISES (ValueError): The component was not initialised.
        """
        docs = list(docs)
        self._check_initialized()
        if not any(len(doc) for doc in docs):
            return self.model.ops.alloc2f(len(docs), len(self.labels))
        logits = self.model.predict((docs, lambda offsets: self._seen_entities(docs, offsets)))
        # A text without tokens gets the same scores in every company.
        return self._probabilities(logits) * self.model.ops.xp.asarray([[len(doc) > 0] for doc in docs])

    def set_annotations(self, docs: Iterable[Doc], scores: Floats2d) -> None:
        """Write `doc.cats`. Cats of other components stay.

        docs (Iterable[Doc]): The documents.
        scores (Floats2d): What `predict` gave.
        """
        for doc, row in zip(docs, scores.tolist()):
            doc.cats = {**doc.cats, **dict(zip(self.labels, row))}

    def learn(self, examples: list[Example], drop: float) -> float | None:
        """Give the gradient of a batch back to the model.

        examples (List[Example]): The batch; documents without gold cats are left out of the loss.
        drop (float): Dropout of Thinc layers.
        RETURNS (Optional[float]): The loss; None where there is no text, so that the encoder waits for nothing.
        RAISES (ValueError): The component was not initialised.
        """
        self._check_initialized()
        docs = [eg.predicted for eg in examples]
        if not any(len(doc) for doc in docs):
            return None
        set_dropout_rate(self.model, drop)
        logits, backprop = self.model.begin_update((docs, lambda offsets: self._known_entities(examples, offsets)))
        loss, d_logits = self.get_loss(examples, logits)
        backprop(d_logits)  # also where there was nothing to learn: the encoder waits for it
        return loss

    def get_loss(self, examples: Iterable[Example], scores: Floats2d) -> tuple[float, Floats2d]:
        """Cross-entropy of the known labels, and its gradient.

        examples (Iterable[Example]): The batch.
        scores (Floats2d): Logits, texts x labels.
        RETURNS (Tuple[float, Floats2d]): Mean over the documents with gold, times `loss_weight`, and the gradient of the logits.
        """
        xp, weight = self.model.ops.xp, self.cfg["loss_weight"]
        truths, known = self._truths(examples)
        truths, known = xp.asarray(truths), xp.asarray(known)
        probabilities = self._probabilities(scores)
        with_gold = max(float(known.any(axis=1).sum()), 1.0)
        d_scores = weight * (probabilities - truths) * known / with_gold
        losses = -truths * xp.log(xp.clip(probabilities, 1e-9, 1.0))
        if self.cfg["multi_label"]:
            losses -= (1 - truths) * xp.log(xp.clip(1 - probabilities, 1e-9, 1.0))
        return weight * float((losses * known).sum()) / with_gold, d_scores.astype(scores.dtype)

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: dict[str, list[str]] | None = None,
    ) -> None:
        """Read the labels from the data and make the head.

        get_examples (Callable[[], Iterable[Example]]): The training data.
        nlp (Optional[Language]): The pipeline, which is checked for components that would break the shared encoder.
        labels (Optional[Dict[str, List[str]]]): "labels" and "entity_labels", as in `label_data`; read from the data by default.
        RAISES (ValueError): No labels; fewer than two, or more than one gold label in a document, where classes are exclusive; or a
            pipeline that cannot work.
        """
        validate_get_examples(get_examples, "MRETextCat.initialize")
        sample = [eg.x for eg in islice(get_examples(), 10)]
        if nlp is not None:
            check_pipeline(nlp, self, sample)
        cats, entity_labels = set(), set()
        for eg in get_examples():
            cats.update(eg.reference.cats)
            entity_labels.update(span.label for span in get_entities(eg.reference, self.key) or ())
            positive = [label for label, value in eg.reference.cats.items() if value >= 0.5]
            if not self.cfg["multi_label"] and len(positive) > 1:
                raise ValueError(
                    Errors.M822.format(name=self.name, labels=", ".join(positive), text=eg.reference.text[:40])
                )
        labels = labels or {"labels": sorted(cats), "entity_labels": sorted(entity_labels)}
        self.cfg["labels"] = list(labels["labels"])
        self.cfg["entity_labels"] = list(labels["entity_labels"])
        if len(self.labels) < (1 if self.cfg["multi_label"] else 2):
            raise ValueError(Errors.M821.format(name=self.name, labels=", ".join(self.labels) or "none"))
        self.model.get_ref("head").attrs["labels"] = {
            "labels": len(self.labels),
            "entity_labels": len(self.cfg["entity_labels"]),
        }
        self.model.initialize(X=sample)

    def _check_initialized(self) -> None:
        if self.model.get_ref("head").shims[0].module is None:
            raise ValueError(Errors.M803.format(name=self.name))

    def _probabilities(self, logits: Floats2d) -> Floats2d:
        return self.model.ops.sigmoid(logits) if self.cfg["multi_label"] else self.model.ops.softmax(logits)

    def _truths(self, examples: Iterable[Example]) -> tuple[numpy.ndarray, numpy.ndarray]:
        """Gold and whether it is known, docs x labels. Where classes are exclusive, one known label tells all of them."""
        rows = [[eg.reference.cats.get(label) for label in self.labels] for eg in examples]
        known = numpy.array([[value is not None for value in row] for row in rows], dtype="f")
        truths = numpy.array([[value or 0.0 for value in row] for row in rows], dtype="f")
        if not self.cfg["multi_label"]:
            known[:] = truths.any(axis=1, keepdims=True)
        return truths, known

    @property
    def _sees_entities(self) -> bool:
        return self.model.get_ref("head").attrs["config"]["see_entities"]

    def _seen_entities(self, docs: list[Doc], offsets: numpy.ndarray) -> Spans | None:
        if not self._sees_entities:
            return None
        return self._spans([get_entities(doc, self.key) or [] for doc in docs], offsets)

    def _known_entities(self, examples: list[Example], offsets: numpy.ndarray) -> Spans | None:
        """The entities on the predicted documents, where a component before annotates them in training; otherwise the gold ones."""
        if not self._sees_entities:
            return None
        mentions = []
        for eg in examples:
            predicted = get_entities(eg.predicted, self.key)
            mentions.append(align_gold(eg, self.key).entities if predicted is None else predicted)
        return self._spans(mentions, offsets)

    def _spans(self, mentions: list[list[tuple[int, int, str]]], offsets: numpy.ndarray) -> Spans:
        return Spans.of(mentions, offsets, {label: i for i, label in enumerate(self.cfg["entity_labels"])})
