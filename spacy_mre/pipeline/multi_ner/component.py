"""Entities by one question per type, with attention between the types: the `multi_ner` component."""

import warnings
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import numpy
from spacy.language import Language
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples
from thinc.api import Model, Optimizer, PyTorchShim, set_dropout_rate

from ...annotations.alignment import align_gold
from ...annotations.entities import DEFAULT_KEY, set_entities
from ...encoders.check import check_pipeline
from ...errors import Errors, Warnings
from ...settings import Positive, Probability, as_table
from ..membership import pipeline_of
from ..spans.overlap import Overlap
from .boundaries import Boundaries
from .interaction import EncodedPairs
from .labels import LabelledMultiNER
from .output import MultiNEROptions, MultiNEROutput
from .questions import check_questions, choose_questions
from .settings import DEFAULT_MULTI_NER_MODEL, QuestionPairs, Questions
from .starting_weights import copy_encoder_weights
from .survey import Survey

if TYPE_CHECKING:  # torch is loaded by the architecture only
    from .loss import MultiNERLogits


class MultiNER(LabelledMultiNER):
    """Pipeline component for named entities by machine reading comprehension (Multi-NER, arXiv 2309.11027).

    Entities are written to `doc.spans` and `doc.ents`.

    >>> import spacy
    >>> from spacy.training import Example
    >>> nlp = spacy.blank("en")
    >>> questions = {"person": "Find people.", "place": "Find towns and other places."}
    >>> multi_ner = nlp.add_pipe("multi_ner", config={"questions": questions})
    >>> entities = [(0, 3, "person"), (13, 17, "place")]
    >>> example = Example.from_dict(nlp.make_doc("Ida lives in Lima"), {"entities": entities})
    >>> optimizer = nlp.initialize(lambda: [example])
    >>> for step in range(50):
    ...     losses = nlp.update([example], sgd=optimizer)
    >>> doc = nlp("Ida lives in Lima")
    >>> [(span.text, span.label_) for span in doc.spans["entities"]]
    [('Ida', 'person'), ('Lima', 'place')]
    """

    def __init__(
        self,
        nlp: Language,
        name: str = "multi_ner",
        *,
        model: Model,
        questions: str | Questions | QuestionPairs | None = None,
        spans_key: str = DEFAULT_KEY,
        set_ents: bool = True,
        entities: Literal["predict", "given"] = "predict",
        boundary_threshold: Probability = 0.5,
        span_threshold: Probability = 0.5,
        overlap: Overlap = "learned",
        one_type_per_span: bool = True,
        ends_per_start: Positive = 10,
        init_from: str | None = None,
        scorer: Callable | None = None,
    ) -> None:
        """Initialize the component.

        nlp (Language): The pipeline. Its tokenizer makes the Docs of the questions.
        name (str): The component's name in the pipeline.
        model (Model): The model, see `spacy_mre.MultiNER.v1`.
        questions (Optional[Union[str, dict[str, str], list[list[str]]]]): The question of each label: a table; a list
            of [label, question], which can have labels such as "per:title"; or what
            `spacy_mre.pipeline.multi_ner.questions.read_questions` reads. Used at initialization only, because a
            trained pipeline contains its questions (see `label_data`). Default: None (made from the names of the
            labels, with a warning).
        spans_key (str): The span group of the entities. Default: "entities".
        set_ents (bool): Also write to `doc.ents`, around the entities of other components. Default: True.
        entities (Literal): "predict"; or "given": keep the entities that are on the Doc, for evaluation with given
            entities. Default: "predict".
        boundary_threshold (float): The lowest probability of a start and of an end. Default: 0.5.
        span_threshold (float): The lowest probability that a start and an end belong together. Default: 0.5.
        overlap (Overlap): "flat" (a start is joined with its nearest end only), "flat_by_label"
            (spans may contain others of another type, but not cross), "nested" (spans may contain each other but not
            cross) or "any"; or "learned": nested if at least one in twenty entities of the training data is inside
            another one of its type, else flat by label if at least one in twenty is inside another one, else flat. Of
            two entities that conflict, the better-scored one is kept. Default: "learned".
        one_type_per_span (bool): Of several types with the same start and end, keep only the best-scored one. Default:
            True.
        ends_per_start (int): The most ends that a start is joined with, the nearest first. Default: 10.
        init_from (Optional[str]): The name of a component before this one, "transformer" for example. At
            initialization, its weights are copied to the encoder, which must have the same architecture. Default: None.
        scorer (Optional[Callable]): The scorer. Default: `spacy_mre.entity_scorer.v1`.
        RAISES (ValueError): If a setting has an invalid value.
        """
        super().__init__(nlp, name, model, scorer, learned={"questions": {}, "overlap": "nested", "scaling": {}})
        self.questions = questions
        self.spans_key = spans_key
        self.set_ents = set_ents
        self.entities = entities
        self.boundary_threshold = boundary_threshold
        self.span_threshold = span_threshold
        self.overlap = overlap
        self.one_type_per_span = one_type_per_span
        self.ends_per_start = ends_per_start
        self.init_from = init_from
        self.tokenizer = nlp.tokenizer
        self._question_docs: tuple[Any, dict[str, Doc]] = (None, {})

    def options(self) -> MultiNEROptions:
        """RETURNS (MultiNEROptions): The settings in force, with what was learned."""
        return MultiNEROptions(
            questions=self._make_question_docs(),
            boundary_threshold=self.boundary_threshold,
            span_threshold=self.span_threshold,
            overlap=self.cfg["overlap"] if self.overlap == "learned" else self.overlap,
            one_type_per_span=self.one_type_per_span,
            ends_per_start=self.ends_per_start,
        )

    def predict(self, docs: Iterable[Doc]) -> MultiNEROutput:
        """Find the entities of a batch, without changing the Docs.

        docs (Iterable[Doc]): The documents.
        RETURNS (MultiNEROutput): Spans and scores.
        RAISES (ValueError): If the component is not initialized.
        """
        docs = list(docs)
        self._check_initialized()
        if self.entities == "given" or not any(len(doc) for doc in docs):
            return MultiNEROutput.empty(len(docs))
        output, scaling = self.model.predict((docs, self.options())), self.get_scaling("entities")
        if scaling is not None:
            output.scores = scaling.apply(output.scores)
        return output

    def set_annotations(self, docs: Iterable[Doc], output: MultiNEROutput) -> None:
        """Write entities to the Docs.

        docs (Iterable[Doc]): The documents.
        output (MultiNEROutput): What `predict` returned for them.
        """
        if self.entities == "given":
            return
        for doc, spans in zip(docs, output.by_text(self.labels)):
            set_entities(doc, spans, key=self.spans_key, source=self.name, set_ents=self.set_ents)
        self._count_left_out("pairs of a start and an end beyond ends_per_start", output.left_out)
        self._count_left_out("tokens without wordpieces", int(output.cut.sum()))

    def learn(self, examples: list[Example], drop: float) -> float | None:
        """Compute the loss of a batch and backpropagate it.

        examples (list[Example]): The batch. Documents without gold entities are skipped.
        drop (float): Dropout of Thinc layers.
        RETURNS (Optional[float]): The loss; None if no document has tokens, because then the encoder expects no
            gradient.
        RAISES (ValueError): If the component is not initialized.
        """
        from ...training.torch_weights import use_sparse_gradients

        self._check_initialized()
        docs = [eg.predicted for eg in examples]
        if not any(len(doc) for doc in docs):
            return None
        set_dropout_rate(self.model, drop)
        for shim in self._encoder_shims:
            use_sparse_gradients(shim)
        questions = self._make_question_docs()
        encoded, backprop_encoder = self.model.get_ref("interaction").begin_update((docs, questions))
        targets = self.get_targets(examples, encoded)
        self._count_lost(targets.lost)
        logits, backprop_heads = self.model.get_ref("heads").begin_update((encoded, targets, self.ends_per_start))
        loss, d_logits = self.get_loss(examples, logits, targets)
        # Also if there was nothing to learn: the shared encoder waits for the gradient of each listener.
        backprop_encoder(backprop_heads(d_logits))
        return loss

    def finish_update(self, sgd: Optimizer) -> None:
        """Update the weights. The optimizer gets the gradients of transformers without a copy.

        sgd (Optimizer): The optimizer.
        """
        from ...training.torch_weights import pass_gradients

        for shim in self._encoder_shims:
            pass_gradients(sgd, shim)
        self.model.finish_update(sgd)

    def get_targets(self, examples: list[Example], encoded: EncodedPairs) -> Boundaries:
        """The gold boundaries of a batch.

        examples (list[Example]): The batch.
        encoded (EncodedPairs): Its vectors. Tokens without a vector are not trained on.
        RETURNS (Boundaries): The targets.
        """
        golds = [align_gold(eg, self.spans_key) for eg in examples]
        label_ids = {label: i for i, label in enumerate(self.labels)}
        return Boundaries.of(golds, encoded.lengths, label_ids, encoded.firsts < 0)

    def get_loss(
        self, examples: Iterable[Example], scores: "MultiNERLogits", targets: Boundaries
    ) -> tuple[float, "MultiNERLogits"]:
        """Compute the loss and its gradient.

        examples (Iterable[Example]): The batch.
        scores (MultiNERLogits): What the heads returned.
        targets (Boundaries): The gold boundaries.
        RETURNS (tuple[float, MultiNERLogits]): The loss and the gradient of the scores.
        """
        from .loss import boundary_loss

        return boundary_loss(scores, targets)

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Questions | None = None,
    ) -> None:
        """Read the labels from the data, choose their questions, report what cannot be learned, and make the heads.

        get_examples (Callable[[], Iterable[Example]]): The training data.
        nlp (Optional[Language]): The pipeline, which is checked for components that would break a shared encoder. Its
            tokenizer makes the Docs of the questions.
        labels (Optional[dict[str, str]]): The question of each label, as in `label_data`. Default: the labels of the
            data, with the component's `questions`.
        RAISES (ValueError): If there are no labels; a label has no question; questions are too long, equal, or belong
            to other labels; or `init_from` has no weights for the encoder.
        """
        validate_get_examples(get_examples, "MultiNER.initialize")
        sample = [eg.x for eg in islice(get_examples(), 10)]
        if nlp is not None:
            check_pipeline(nlp, self, sample)
            self.join(nlp)
        survey = Survey(self.spans_key, self.one_type_per_span)
        for eg in get_examples():
            survey.add(eg)
        if survey.lost.counts:
            message = Warnings.W801.format(name=self.name, total=survey.entities, losses=survey.lost)
            warnings.warn(message, stacklevel=2)
        self._set_announced(survey.lost)
        self._warn_of_partly_annotated(survey.partly_annotated, survey.documents)
        self.cfg["overlap"] = survey.nesting.policy
        self.set_scaling({})
        if labels is not None:
            questions = check_questions(as_table("labels", labels), self.name)
        else:
            lang = (self.vocab.lang if nlp is None else nlp.lang) or ""
            questions = choose_questions(self.questions, survey.labels, lang, self.name)
        self._set_learned(questions=questions)
        if not self.labels:
            raise ValueError(Errors.M834.format(name=self.name, key=self.spans_key))
        self.model.get_ref("heads").attrs["labels"] = {"types": len(self.labels)}
        self._initialize_model((sample, self._make_question_docs()))
        if self.init_from is not None:
            copy_encoder_weights(nlp, self.init_from, self.model.get_ref("interaction"))

    def type_attention(self, docs: Iterable[Doc]) -> numpy.ndarray:
        """The attention weights between types, averaged over the tokens of some texts.

        docs (Iterable[Doc]): Texts that the components before this one have processed.
        RETURNS (numpy.ndarray): Types x types, in the order of `labels`. Each row, of the attending type, sums to 1.
        RAISES (ValueError): If the model has no attention between types, or there are no tokens.
        """
        from .model import attention_between_types

        self._check_initialized()
        if self._shim.settings["type_attention"] == "none":
            raise ValueError(Errors.M841.format(name=self.name))
        docs = [doc for doc in docs if len(doc)]
        if not docs:
            raise ValueError(Errors.M843)
        return attention_between_types(self.model, docs, self._make_question_docs())

    @property
    def _encoder_shims(self) -> list[PyTorchShim]:
        """The torch weights of the interaction, which no other component uses."""
        shims = [shim for node in self.model.get_ref("interaction").walk() for shim in node.shims]
        return [shim for shim in shims if isinstance(shim, PyTorchShim)]

    def _make_question_docs(self) -> list[Doc]:
        """The questions, cut by the tokenizer that the pipeline has now."""
        nlp = pipeline_of(self)
        if nlp is not None:  # otherwise the component was copied alone
            self.tokenizer = nlp.tokenizer
        tokenizer, questions = self.tokenizer, self.cfg["questions"].values()
        # The rules of spaCy's own tokenizer may change at any time, and it is fast. The words of a document that is
        # made in a memory zone are freed with it.
        if isinstance(tokenizer, Tokenizer) or self.vocab.in_memory_zone:  # type: ignore[attr-defined]
            return [tokenizer(question) for question in questions]
        cached = self._question_docs  # another thread may replace it
        if cached[0] is not tokenizer:
            cached = self._question_docs = (tokenizer, {})
        for question in questions:
            if question not in cached[1]:
                cached[1][question] = tokenizer(question)
        return [cached[1][question] for question in questions]


Language.factory(
    "multi_ner",
    assigns=["doc.spans", "doc.ents"],
    default_config={"model": DEFAULT_MULTI_NER_MODEL, "scorer": {"@scorers": "spacy_mre.entity_scorer.v1"}},
    default_score_weights={"spans_entities_f": 1.0, "spans_entities_macro_f": None, "ents_f": None},
    func=MultiNER,
)
