"""The label of a whole text, on the same encoder as the word level: the `mre_textcat` component."""

import warnings
from collections.abc import Callable, Iterable
from itertools import islice
from typing import ClassVar

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples
from thinc.api import Model, set_dropout_rate
from thinc.types import Floats2d

from ...annotations.alignment import Losses
from ...annotations.text_labels import contradicting_cats
from ...encoders.check import check_pipeline
from ...encoders.over_tok2vec import DEFAULT_ENCODER
from ...errors import Errors, Warnings
from ...evaluation.scaling import scale_exclusive
from ...settings import NotNegativeFloat, Probability
from ..base import MREPipe
from ..membership import pipelines_with
from .survey import Survey

CATS = "doc.cats"
DEFAULT_TEXTCAT_MODEL = {"@architectures": "spacy_mre.TextCat.v1", "encoder": DEFAULT_ENCODER}


class MRETextCat(MREPipe):
    """Pipeline component for text classification on a shared encoder. Its labels are written to `doc.cats`.

    >>> import spacy
    >>> from spacy.training import Example
    >>> nlp = spacy.blank("en")
    >>> textcat = nlp.add_pipe("mre_textcat")
    >>> example = Example.from_dict(nlp.make_doc("A ferry to Lima"), {"cats": {"travel": 1.0, "sport": 0.0}})
    >>> optimizer = nlp.initialize(lambda: [example])
    >>> sorted(nlp("A ferry").cats)
    ['sport', 'travel']
    """

    calls_to_add: ClassVar[dict[str, str]] = {"text label": "add_label('{label}')"}
    head_ref: ClassVar[str] = "head"

    def __init__(
        self,
        nlp: Language,
        name: str = "mre_textcat",
        *,
        model: Model,
        multi_label: bool = False,
        threshold: Probability = 0.5,
        loss_weight: NotNegativeFloat = 0.03,
        scorer: Callable | None = None,
    ) -> None:
        """Initialize the component.

        nlp (Language): The pipeline.
        name (str): The component's name in the pipeline.
        model (Model): The model, see `spacy_mre.TextCat.v1`.
        multi_label (bool): Any number of labels may hold; otherwise exactly one. Default: False.
        threshold (float): The lowest probability of a predicted label, if several may hold. Default: 0.5.
        loss_weight (float): Weight of the loss, relative to other components that train the same encoder. Default:
            0.03.
        scorer (Optional[Callable]): The scorer. Default: `spacy_mre.textcat_scorer.v1`.
        """
        super().__init__(nlp, name, model, scorer, learned={"labels": [], "scaling": {}})
        self.multi_label = multi_label
        self.threshold = threshold
        self.loss_weight = loss_weight

    @property
    def labels(self) -> tuple[str, ...]:
        """RETURNS (tuple[str, ...]): The labels."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> list[str]:
        """RETURNS (list[str]): What `spacy init labels` stores and `initialize` takes."""
        return list(self.labels)

    def add_label(self, label: str) -> int:
        """Add a label to a trained component, which predicts the old labels as before: with exclusive classes their
        probabilities become smaller by a factor of at least 0.9999 (before calibration), otherwise they do not change.
        The new label is predicted after training on examples of it.

        label (str): The label.
        RETURNS (int): 0 if the label exists already, otherwise 1.
        RAISES (ValueError): If the component is not initialized.
        """
        self._check_initialized()
        if label in self.labels:
            return 0
        self.cfg["labels"].append(label)
        sizes = self.model.get_ref("head").attrs["labels"] = {"labels": len(self.labels)}
        self._shim.grow(self._shim.module.grown_state(exclusive=not self.multi_label), **sizes)
        return 1

    def add_labels_of(self, examples: Iterable[Example]) -> list[str]:
        """Add the labels of some examples that the trained component lacks, except those of other components.

        examples (Iterable[Example]): The examples.
        RETURNS (list[str]): The labels that were added.
        RAISES (ValueError): If the component is not initialized.
        """
        found = {label for eg in examples for label in eg.reference.cats}.difference(self._labels_of_others())
        return [label for label in sorted(found) if self.add_label(label)]

    def predict(self, docs: Iterable[Doc]) -> Floats2d:
        """Score the labels of a batch, without changing the Docs.

        docs (Iterable[Doc]): The documents.
        RETURNS (Floats2d): Probabilities, docs x labels. They sum to 1 if classes are exclusive.
        RAISES (ValueError): If the component is not initialized.
        """
        docs = list(docs)
        self._check_initialized()
        if not any(len(doc) for doc in docs):
            return self.model.ops.alloc2f(len(docs), len(self.labels))
        probabilities = self._scaled(self._probabilities(self.model.predict(docs)))
        # A text without tokens gets zeros, alone and in a batch.
        return probabilities * self.model.ops.xp.asarray([[len(doc) > 0] for doc in docs])

    def set_annotations(self, docs: Iterable[Doc], scores: Floats2d) -> None:
        """Write `doc.cats`. Labels of other components are kept.

        docs (Iterable[Doc]): The documents.
        scores (Floats2d): What `predict` returned.
        """
        for doc, row in zip(docs, scores.tolist()):
            doc.cats = {**doc.cats, **dict(zip(self.labels, row))}

    def learn(self, examples: list[Example], drop: float) -> float | None:
        """Compute the loss of a batch and backpropagate it.

        examples (list[Example]): The batch. Documents without gold labels are skipped.
        drop (float): Dropout of Thinc layers.
        RETURNS (Optional[float]): The loss; None if no document has tokens, because then the encoder expects no
            gradient.
        RAISES (ValueError): If the component is not initialized.
        """
        self._check_initialized()
        docs = [eg.predicted for eg in examples]
        if not any(len(doc) for doc in docs):
            return None
        lost = Losses()
        known = set(self.labels)
        if any(label not in known for eg in examples for label in eg.reference.cats):
            known |= self._labels_of_others()
        lost.add_unseen_cats(examples, known)
        self._count_lost(lost)
        set_dropout_rate(self.model, drop)
        logits, backprop = self.model.begin_update(docs)
        loss, d_logits = self.get_loss(examples, logits)
        # Also if there was nothing to learn: the shared encoder waits for the gradient of each listener.
        backprop(d_logits)
        return loss

    def get_loss(self, examples: Iterable[Example], scores: Floats2d) -> tuple[float, Floats2d]:
        """Compute the cross-entropy of the known labels, and its gradient.

        examples (Iterable[Example]): The batch.
        scores (Floats2d): Logits, texts x labels.
        RETURNS (tuple[float, Floats2d]): The mean over documents with gold, times `loss_weight`, and the gradient of
            the logits.
        """
        xp, weight = self.model.ops.xp, self.loss_weight
        truths, known = self._truths(examples)
        truths, known = xp.asarray(truths), xp.asarray(known)
        probabilities = self._probabilities(scores)
        with_gold = max(float(known.any(axis=1).sum()), 1.0)
        d_scores = weight * (probabilities - truths) * known / with_gold
        losses = -truths * xp.log(xp.clip(probabilities, 1e-9, 1.0))
        if self.multi_label:
            losses -= (1 - truths) * xp.log(xp.clip(1 - probabilities, 1e-9, 1.0))
        return weight * float((losses * known).sum()) / with_gold, d_scores.astype(scores.dtype)

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: list[str] | None = None,
    ) -> None:
        """Read the labels from the data and make the head.

        get_examples (Callable[[], Iterable[Example]]): The training data.
        nlp (Optional[Language]): The pipeline, which is checked for components that would break the shared encoder.
        labels (Optional[list[str]]): The labels. Default: all labels of the data, so give them to each of several
            components for text labels.
        RAISES (ValueError): If there are no labels, or one is given twice; if classes are exclusive and there are fewer
            than two, or a document has more than one; or if the pipeline cannot work.
        """
        validate_get_examples(get_examples, "MRETextCat.initialize")
        sample = [eg.x for eg in islice(get_examples(), 10)]
        if nlp is not None:
            check_pipeline(nlp, self, sample)
        survey = Survey(self.multi_label)
        for eg in get_examples():
            cats = {label: value for label, value in eg.reference.cats.items() if labels is None or label in labels}
            survey.add(cats)
            several = sorted(contradicting_cats(cats))
            if several and not self.multi_label:
                text = eg.reference.text[:40]
                raise ValueError(Errors.M822.format(name=self.name, labels=", ".join(several), text=text))
        self._set_learned(labels=survey.labels if labels is None else labels)
        self.set_scaling({})
        if len(self.labels) < (1 if self.multi_label else 2):
            raise ValueError(Errors.M821.format(name=self.name, labels=", ".join(self.labels) or "none"))
        if labels is None:  # with given labels the examples may be a sample
            for problem in survey.problems(self.name):
                warnings.warn(problem, stacklevel=2)
        elif not survey.documents:
            warnings.warn(Warnings.W823.format(name=self.name), stacklevel=2)
        self.model.get_ref("head").attrs["labels"] = {"labels": len(self.labels)}
        self._initialize_model(sample)

    def _labels_of_others(self) -> set[str]:
        """The labels of the other components of the pipeline that write `doc.cats`."""
        others = [
            pipe
            for nlp in pipelines_with(self)
            for name, pipe in nlp.components
            if pipe is not self and CATS in nlp.get_pipe_meta(name).assigns
        ]
        return {label for pipe in others for label in getattr(pipe, "labels", ())}

    def _probabilities(self, logits: Floats2d) -> Floats2d:
        return self.model.ops.sigmoid(logits) if self.multi_label else self.model.ops.softmax(logits)

    def _scaled(self, probabilities: Floats2d) -> Floats2d:
        scaling, ops = self.get_scaling("cats"), self.model.ops
        if scaling is None:
            return probabilities
        values = ops.to_numpy(probabilities)
        scaled = scaling.apply(values) if self.multi_label else scale_exclusive(values, scaling)
        return ops.asarray2f(scaled.astype("f"))

    def _truths(self, examples: Iterable[Example]) -> tuple[numpy.ndarray, numpy.ndarray]:
        """Gold and whether it is known, docs x labels. With exclusive classes, one positive label makes all of them
        known, and the shares of the known labels sum to 1."""
        rows = [[eg.reference.cats.get(label) for label in self.labels] for eg in examples]
        known = numpy.array([[value is not None for value in row] for row in rows], dtype="f")
        truths = numpy.array([[value or 0.0 for value in row] for row in rows], dtype="f")
        if not self.multi_label:
            known[:] = truths.any(axis=1, keepdims=True)
            total = truths.sum(axis=1, keepdims=True)
            truths /= numpy.where(total > 0, total, 1.0)
        return truths, known


Language.factory(
    "mre_textcat",
    assigns=[CATS],
    default_config={"model": DEFAULT_TEXTCAT_MODEL, "scorer": {"@scorers": "spacy_mre.textcat_scorer.v1"}},
    default_score_weights={"cats_score": 1.0, "cats_macro_f": None, "cats_micro_f": None},
    func=MRETextCat,
)
