"""Entities by one question per type, the types informing each other: the `multi_ner` component."""

import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer, PyTorchShim, set_dropout_rate
from thinc.types import Floats2d

from ...annotations.alignment import Losses, align_gold
from ...annotations.entities import DEFAULT_KEY, set_entities
from ...encoders.check import DEFAULT_ENCODER, check_pipeline
from ...errors import Errors, Warnings
from ...training.sized import SizedShim
from ...training.torch_weights import hand_over, keep_touched_rows
from ..old_base import MREPipe
from ..spans.overlap import LEARNED, OVERLAPS, count_nested, learned_policy
from .boundaries import Boundaries
from .exact import Asked
from .heads import WITH_WEIGHTS
from .model import Found, Logits, Request, attention_between_types, boundary_loss
from .questions import check_questions, default_questions, read_questions

DEFAULT_MULTI_NER_MODEL = {
    "@architectures": "spacy_mre.MultiNER.v1",
    "type_attention": "token",
    "heads": "per_type",
    "hidden_size": 256,
    "interaction": {"@architectures": "spacy_mre.LateInteraction.v1", "encoder": DEFAULT_ENCODER},
}

Questions = dict[str, str]
ENTITY_SOURCES = ("predict", "given")


@Language.factory(
    "multi_ner",
    assigns=["doc.spans", "doc.ents"],
    default_config={
        "model": DEFAULT_MULTI_NER_MODEL,
        "questions": None,
        "spans_key": DEFAULT_KEY,
        "entities": "predict",
        "boundary_threshold": 0.5,
        "span_threshold": 0.5,
        "overlap": LEARNED,
        "one_type_per_span": True,
        "ends_per_start": 10,
        "init_from": None,
        "scorer": {"@scorers": "spacy_mre.entity_scorer.v1"},
    },
    default_score_weights={"spans_entities_f": 1.0, "spans_entities_macro_f": None, "ents_f": None},
)
def make_multi_ner(
    nlp: Language,
    name: str,
    model: Model,
    questions: str | Questions | None,
    spans_key: str,
    entities: str,
    boundary_threshold: float,
    span_threshold: float,
    overlap: str,
    one_type_per_span: bool,
    ends_per_start: int,
    init_from: str | None,
    scorer: Callable | None,
) -> "MultiNER":
    """Make the component.

    model (Model): The model, see `spacy_mre.MultiNER.v1`.
    questions (Optional[Union[str, Dict[str, str]]]): The question of each label: a table, or what `spacy_mre.pipeline.multi_ner.questions.read_questions` reads. Read at
        initialisation only: a trained pipeline carries its questions. By default they are made of the names of the labels, with a warning. A label that
        cannot be a key of a config (with ":" or "=", or beginning with "#" or "[") needs a file.
    spans_key (str): The span group of the entities. Default: "entities".
    entities (str): "predict", or "given": leave the entities that stand on the Doc already, as evaluation with given entities wants it.
    boundary_threshold (float): The least probability of a start and of an end. Default: 0.5.
    span_threshold (float): The least probability that a start and an end belong together. Default: 0.5.
    overlap (str): "nested" (entities do not cross), "any", or "flat": no two overlap, and a start goes with its nearest end. Of two that may not stand
        beside each other, of whatever types, the better scored stays. "learned": nested where at least one entity in twenty of the training data
        lies within another one, else flat. Default: "learned".
    one_type_per_span (bool): Of several types of the same place only the best scored stays. Default: True.
    ends_per_start (int): A start is joined with so many ends at most, the nearest first. Default: 10.
    init_from (Optional[str]): The name of a component before this one, "transformer" say, whose weights the encoder starts from. It has to be the
        same architecture. Default: None.
    scorer (Optional[Callable]): The scorer, by default `spacy_mre.entity_scorer.v1`.
    """
    return MultiNER(
        nlp.vocab,
        model,
        name,
        tokenizer=nlp.tokenizer,
        questions=questions,
        spans_key=spans_key,
        entities=entities,
        boundary_threshold=boundary_threshold,
        span_threshold=span_threshold,
        overlap=overlap,
        one_type_per_span=one_type_per_span,
        ends_per_start=ends_per_start,
        init_from=init_from,
        scorer=scorer,
    )


class MultiNER(MREPipe):
    """Pipeline component for named entities by machine reading comprehension (Multi-NER, arXiv 2309.11027)."""

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        name: str = "multi_ner",
        *,
        tokenizer: Callable[[str], Doc],
        questions: str | Questions | None = None,
        spans_key: str = DEFAULT_KEY,
        entities: str = "predict",
        boundary_threshold: float = 0.5,
        span_threshold: float = 0.5,
        overlap: str = LEARNED,
        one_type_per_span: bool = True,
        ends_per_start: int = 10,
        init_from: str | None = None,
        scorer: Callable | None = None,
    ) -> None:
        """Initialize the component; `make_multi_ner` explains the settings.

        vocab (Vocab): The shared vocabulary.
        model (Model): The Thinc Model.
        name (str): The component's name in the pipeline.
        tokenizer (Callable[[str], Doc]): Makes the Docs of the questions.
        RAISES (ValueError): A setting with an unknown value.
        """
        if entities not in ENTITY_SOURCES:
            raise ValueError(Errors.M001.format(setting="entities", value=entities, allowed=", ".join(ENTITY_SOURCES)))
        if overlap not in OVERLAPS:
            raise ValueError(Errors.M001.format(setting="overlap", value=overlap, allowed=", ".join(OVERLAPS)))
        if ends_per_start < 1:
            raise ValueError(Errors.M001.format(setting="ends_per_start", value=ends_per_start, allowed="1 and more"))
        cfg: dict[str, Any] = {
            "questions": {},
            "learned_overlap": "nested",
            "spans_key": spans_key,
            "entities": entities,
            "boundary_threshold": boundary_threshold,
            "span_threshold": span_threshold,
            "overlap": overlap,
            "one_type_per_span": one_type_per_span,
            "ends_per_start": ends_per_start,
        }
        super().__init__(vocab, model, name, cfg=cfg, scorer=scorer)
        self.tokenizer = tokenizer
        self.question_source = questions
        self.init_from = init_from
        self._question_docs: dict[str, Doc] = {}

    @property
    def questions(self) -> Questions:
        """RETURNS (Dict[str, str]): The question of each label."""
        return dict(self.cfg["questions"])

    @property
    def overlap(self) -> str:
        """RETURNS (str): "flat", "nested" or "any"."""
        return self._set_or_learned("overlap", "learned_overlap")

    @property
    def labels(self) -> tuple[str, ...]:
        """RETURNS (Tuple[str]): The labels, in the order in which they are asked for."""
        return tuple(self.cfg["questions"])

    @property
    def label_data(self) -> Questions:
        """RETURNS (Dict[str, str]): What `spacy init labels` stores and `initialize` takes: the question of each label."""
        return self.questions

    def add_label(self, label: str) -> int:
        """RAISES (NotImplementedError): Always: a label needs a question, see `add_question`."""
        raise NotImplementedError(Errors.M838.format(label=label))

    def add_question(self, label: str, question: str) -> None:
        """Ask for one more type. Without further training the model answers from what it has learned of other questions.

        label (str): The new label.
        question (str): Its question.
        RAISES (ValueError): The heads belong to types; or the label or the question is there already, or empty.
        """
        self._check_initialized()
        if self.model.get_ref("heads").attrs["config"]["heads"] != "shared":
            raise ValueError(Errors.M837.format(label=label, name=self.name))
        if label in self.cfg["questions"]:
            raise ValueError(Errors.M842.format(label=label, question=self.cfg["questions"][label]))
        self.cfg["questions"] = check_questions({**self.cfg["questions"], label: question}, self.name)

    def predict(self, docs: Iterable[Doc]) -> Found:
        """Find the entities of a batch, without changing the Docs.

        docs (Iterable[Doc]): The documents.
        RETURNS (Found): Spans and scores.
        RAISES (ValueError): The component was not initialised.
        """
        docs = list(docs)
        self._check_initialized()
        if self.cfg["entities"] == "given" or not any(len(doc) for doc in docs):
            return Found.nothing(len(docs))
        return self.model.predict((docs, self._request()))

    def set_annotations(self, docs: Iterable[Doc], found: Found) -> None:
        """Write entities on the Docs.

        docs (Iterable[Doc]): The documents.
        found (Found): What `predict` found in them.
        """
        if self.cfg["entities"] == "given":
            return
        docs, labels = list(docs), self.labels
        spans: list[list[tuple[int, int, str, float]]] = [[] for _ in docs]
        columns = (found.spans.starts, found.spans.ends, found.spans.texts, found.spans.labels, found.scores)
        for start, end, text, label, score in zip(*(column.tolist() for column in columns)):
            spans[text].append((start, end, labels[label], score))
        for doc, of_doc in zip(docs, spans):
            set_entities(doc, of_doc, key=self.key, source=self.name)
        self._leave_out("pairs of a start and an end beyond ends_per_start", found.left_out)
        self._leave_out("tokens that the encoder does not see", int(found.cut.sum()))

    def learn(self, examples: list[Example], drop: float) -> float | None:
        """Give the gradient of a batch back to the model.

        examples (List[Example]): The batch; documents without gold for entities teach nothing.
        drop (float): Dropout of Thinc layers.
        RETURNS (Optional[float]): The loss; None where there is no text, so that a shared encoder waits for nothing.
        RAISES (ValueError): The component was not initialised.
        """
        self._check_initialized()
        docs = [eg.predicted for eg in examples]
        if not any(len(doc) for doc in docs):
            return None
        set_dropout_rate(self.model, drop)
        for shim in self._own_encoders:
            keep_touched_rows(shim._model)
        asked, backprop_encoder = self.model.get_ref("interaction").begin_update((docs, self._asked_docs()))
        targets = self.get_targets(examples, asked)
        logits, backprop_heads = self.model.get_ref("heads").begin_update((asked, targets, self.cfg["ends_per_start"]))
        loss, d_logits = self.get_loss(examples, logits, targets)
        backprop_encoder(
            backprop_heads(d_logits)
        )  # also where there was nothing to learn: a shared encoder waits for it
        return loss

    def finish_update(self, sgd: Optimizer) -> None:
        """Give the gradients to the optimizer, those of a transformer of the component's own without a copy.

        sgd (Optimizer): The optimizer.
        """
        for shim in self._own_encoders:
            hand_over(sgd, shim)
        self.model.finish_update(sgd)

    def get_targets(self, examples: list[Example], asked: Asked) -> Boundaries:
        """The boundaries that a batch is trained on.

        examples (List[Example]): The batch.
        asked (Asked): Its vectors; tokens that the encoder does not see teach nothing.
        RETURNS (Boundaries): What is right.
        """
        golds = [align_gold(eg, self.key) for eg in examples]
        return Boundaries.of(golds, asked.lengths, {label: i for i, label in enumerate(self.labels)}, asked.firsts < 0)

    def get_loss(self, examples: Iterable[Example], scores: Logits, targets: Boundaries) -> tuple[float, Logits]:
        """The loss and its gradient.

        examples (Iterable[Example]): The batch.
        scores (Logits): What the heads gave.
        targets (Boundaries): What they should have given.
        RETURNS (Tuple[float, Logits]): The loss and the gradient of the scores.
        """
        return boundary_loss(scores, targets, self.model.get_ref("heads").attrs["loss"])

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Questions | None = None,
    ) -> None:
        """Read the labels from the data and the questions of them, and make the heads.

        get_examples (Callable[[], Iterable[Example]]): The training data.
        nlp (Optional[Language]): The pipeline: its tokenizer makes the Docs of the questions, and it is checked for components that would break a
            shared encoder.
        labels (Optional[Dict[str, str]]): The question of each label, as in `label_data`; by default the labels of the data, with the questions of the
            component's `questions`.
        RAISES (ValueError): No labels; a label without a question; questions for other labels, too long for the encoder, or alike; or nothing to
            start from where `init_from` says.
        """
        validate_get_examples(get_examples, "MultiNER.initialize")
        sample = [eg.x for eg in islice(get_examples(), 10)]
        if nlp is not None:
            check_pipeline(nlp, self, sample)
            self.tokenizer = nlp.tokenizer
        in_data = self._survey(get_examples)
        if labels is not None:
            self.cfg["questions"] = check_questions(labels, self.name)
        else:
            self.cfg["questions"] = self._choose_questions(in_data, self.vocab.lang if nlp is None else nlp.lang)
        if not self.labels:
            raise ValueError(Errors.M834.format(name=self.name, key=self.key))
        self.model.get_ref("heads").attrs["labels"] = {"types": len(self.labels)}
        self.model.initialize(X=(sample, self._asked_docs()))
        if self.init_from is not None:
            self._start_from(nlp)

    def type_attention(self, docs: Iterable[Doc]) -> Floats2d:
        """How much the types attend to each other, on average over the tokens of some texts.

        docs (Iterable[Doc]): Texts that the components before this one have seen.
        RETURNS (Floats2d): Attention weights, types x types, in the order of `labels`; each row, of the type that attends, sums to 1.
        RAISES (ValueError): This model has no attention weights; or there is no token.
        """
        self._check_initialized()
        kind = self.model.get_ref("heads").attrs["config"]["type_attention"]
        if kind not in WITH_WEIGHTS:
            raise ValueError(Errors.M841.format(name=self.name, kind=kind))
        docs = [doc for doc in docs if len(doc)]
        if not docs:
            raise ValueError(Errors.M843)
        return attention_between_types(self.model, docs, self._asked_docs())

    def _check_initialized(self) -> None:
        if self.model.get_ref("heads").shims[0].module is None:
            raise ValueError(Errors.M803.format(name=self.name))

    def _request(self) -> Request:
        return Request(
            questions=self._asked_docs(),
            boundary_threshold=self.cfg["boundary_threshold"],
            span_threshold=self.cfg["span_threshold"],
            overlap=self.overlap,
            one_type=self.cfg["one_type_per_span"],
            ends_per_start=self.cfg["ends_per_start"],
        )

    def _asked_docs(self) -> list[Doc]:
        for question in self.cfg["questions"].values():
            if question not in self._question_docs:
                self._question_docs[question] = self.tokenizer(question)
        return [self._question_docs[question] for question in self.cfg["questions"].values()]

    @property
    def _own_encoders(self) -> list[PyTorchShim]:
        """What holds the weights of an encoder in torch that no other component reads."""
        shims = [shim for node in self.model.get_ref("interaction").walk() for shim in node.shims]
        return [shim for shim in shims if isinstance(shim, PyTorchShim) and not isinstance(shim, SizedShim)]

    def _survey(self, get_examples: Callable[[], Iterable[Example]]) -> Counter:
        """The labels of the data, and whether its entities are nested. What the component cannot learn of it is reported."""
        found: Counter = Counter()
        lost = Losses()
        total = entities = nested = 0
        for eg in get_examples():
            gold = align_gold(eg, self.key)
            total += len(gold.entities) + gold.lost.counts["entity off the token grid"]
            for reason, count in gold.lost.counts.items():
                if reason.startswith("entity"):
                    lost.counts[reason] += count
                    lost.examples.setdefault(reason, gold.lost.examples[reason])
            places = set()
            for start, end, label, _ in gold.entities:
                found[label] += 1
                if self.cfg["one_type_per_span"] and (start, end) in places:
                    lost.add("second type of a span", f"{eg.predicted[start:end].text}: {label}")
                places.add((start, end))
            found_at = places if self.cfg["one_type_per_span"] else [mention[:2] for mention in gold.entities]
            entities += len(found_at)
            nested += count_nested(found_at)
        if lost.counts:
            warnings.warn(Warnings.W801.format(name=self.name, total=total, losses=lost))
        self.cfg["learned_overlap"] = learned_policy(nested, entities)
        return found

    def _choose_questions(self, in_data: Iterable[str], lang: str) -> Questions:
        """The questions of the labels in the data, in the order in which they were given."""
        wanted = sorted(in_data)
        source = self.question_source
        if source is None:
            made = default_questions(wanted, lang)
            if made:
                label = wanted[0]
                warnings.warn(Warnings.W831.format(name=self.name, count=len(made), label=label, question=made[label]))
            return made
        known = read_questions(source) if isinstance(source, str) else check_questions(source, self.name)
        where = source if isinstance(source, str) else "the table of questions"
        missing = [label for label in wanted if label not in known]
        if wanted and len(missing) == len(wanted):
            raise ValueError(Errors.M832.format(source=where, asked=", ".join(known), labels=", ".join(wanted)))
        if missing:
            raise ValueError(Errors.M831.format(source=where, labels=", ".join(missing)))
        unused = [label for label in known if label not in in_data]
        if unused and wanted:
            warnings.warn(
                Warnings.W832.format(name=self.name, count=len(unused), source=where, labels=", ".join(unused))
            )
        return {label: question for label, question in known.items() if label in in_data}

    def _start_from(self, nlp: Language | None) -> None:
        """Copy the weights of another component's encoder."""
        if nlp is None or self.init_from not in nlp.component_names:
            raise ValueError(Errors.M839.format(donor=self.init_from, reason="there is no such component"))
        donor = nlp.get_pipe(self.init_from).model
        if not donor.attrs.get("has_transformer", True) or not donor.has_dim("nO"):
            raise ValueError(
                Errors.M839.format(
                    donor=self.init_from, reason="it is not initialised yet; put it before this component"
                )
            )
        size = len(list(donor.walk()))
        for node in self.model.get_ref("interaction").walk():
            if node.name == donor.name and len(list(node.walk())) == size and node.get_dim("nO") == donor.get_dim("nO"):
                node.from_bytes(donor.to_bytes())
                return
        raise ValueError(
            Errors.M839.format(
                donor=self.init_from, reason="this component has no encoder of the same architecture and width"
            )
        )
