"""Entities and relations, jointly, over enumerated spans: the `spert_mt` component."""

import warnings
from collections.abc import Callable, Iterable
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples
from thinc.api import Model, set_dropout_rate

from ...annotations.alignment import Gold, align_gold
from ...annotations.entities import DEFAULT_KEY, EntitySpan, get_entities, set_entities
from ...annotations.relations import set_relations
from ...annotations.sentences import sentence_numbers
from ...encoders.check import check_pipeline
from ...encoders.encoder import Encoded
from ...errors import Errors, Warnings
from ...settings import NotNegative, Positive, Probability, as_table
from ..spans.overlap import Overlap
from ..spans.spans import Spans
from .candidates import ranks
from .labels import LabelledSpertMT
from .output import SpertMTOptions, SpertMTOutput
from .sentence_setters import find_setters
from .settings import DEFAULT_SPERT_MT_MODEL, PRESETS, Constraints, Negatives, Preset, Scope
from .survey import Survey, extend_limits, joined_mentions, reachable
from .targets import BEYOND_SCOPE, Sampler, Targets

if TYPE_CHECKING:  # torch is loaded by the architecture only
    from .loss import SpertMTLogits


class SpertMT(LabelledSpertMT):
    """Pipeline component for joint entity and relation extraction (SpERT.MT, arXiv 2309.09713).

    Entities are written to `doc.spans` and `doc.ents`, relations to `doc._.relations`.

    >>> import spacy
    >>> from spacy.training import Example
    >>> from spacy_mre import make_relation
    >>> nlp = spacy.blank("en")
    >>> spert_mt = nlp.add_pipe("spert_mt", config={"relation_threshold": 0.4})
    >>> entities = [(0, 3, "person"), (13, 17, "place")]
    >>> example = Example.from_dict(nlp.make_doc("Ida lives in Lima"), {"entities": entities})
    >>> example.reference._.relations = [make_relation((0, 1), (3, 4), "lives_in")]
    >>> optimizer = nlp.initialize(lambda: [example])
    >>> spert_mt.labels
    ('person', 'place', 'lives_in')
    >>> losses = nlp.update([example], sgd=optimizer)
    """

    left_out_warning = Warnings.W811
    lost_warnings: ClassVar[dict[str, str]] = {BEYOND_SCOPE: Warnings.W815}

    def __init__(
        self,
        nlp: Language,
        name: str = "spert_mt",
        *,
        model: Model,
        spans_key: str = DEFAULT_KEY,
        set_ents: bool = True,
        entities: Literal["predict", "given"] = "predict",
        entity_threshold: Probability | None = None,
        relation_threshold: Probability | None = None,
        overlap: Overlap | None = None,
        constraints: Literal["learned", "any"] | Constraints | None = None,
        symmetric: list[str] = [],  # noqa: B006 (spaCy reads the default config from here; the list is never changed)
        scope: Scope | None = None,
        max_distance: Literal["learned"] | NotNegative | None = None,
        pairs_per_token: Positive = 20,
        negatives: Negatives = 100,
        seed: NotNegative = 0,
        scorer: Callable | None = None,
    ) -> None:
        """Initialize the component. Settings that are None take the value of the model's `mode`; those of "spert_mt"
        are given below.

        nlp (Language): The pipeline.
        name (str): The component's name in the pipeline.
        model (Model): The model, see `spacy_mre.SpertMT.v1`.
        spans_key (str): The span group of the entities. Default: "entities".
        set_ents (bool): Also write to `doc.ents`, around the entities of other components. Default: True.
        entities (Literal): "predict"; or "given": read the entities that are on the Doc, and predict relations only.
            Default: "predict".
        entity_threshold (Optional[float]): The lowest score of an entity, after calibration. Default: None (0.25,
            before calibration).
        relation_threshold (Optional[float]): The lowest score of a relation, the same. Default: None (0.3).
        overlap (Optional[Overlap]): "flat", "flat_by_label" (spans may contain others of another label, but not
            cross), "nested" (spans may contain each other but not cross) or "any"; or "learned": nested if at least
            one in twenty entities of the training data is inside another one of its label, else flat by label if at
            least one in twenty is inside another one, else flat. Default: None ("learned").
        constraints (Optional[Union[Literal, dict[str, list[list[str]]], list]]): The (head type, tail type) pairs that
            a relation may join: a table by relation label, or a list of [label, pairs], which can have labels such as
            "per:title"; "learned" from the training data; or "any". Default: None ("learned").
        symmetric (list[str]): Relation labels without direction; the earlier mention is stored as head. Default: [].
        scope (Optional[Scope]): "sentence": relations join mentions of one sentence; "document": of the whole text; or
            "learned": as many sentences apart as in the training data, without its farthest 1%. See
            `sentence_numbers` for how sentences are found. Default: None ("learned").
        max_distance (Optional[Union[Literal, int]]): The most tokens between the starts of two related mentions, 0
            for no limit; or "learned": twice the longest distance in the training data, and at least 30. Default:
            None ("learned").
        pairs_per_token (int): The most pairs per token of a text that are scored, those of the best-scored entities
            first; if their scores are equal, of the nearest ones. Default: 20.
        negatives (int): Negative spans per text, and unrelated pairs per text, in training; as many pairs for each
            two neighbouring texts, if a learned scope crosses sentences; -1 for all. Default: 100.
        seed (int): The seed of the generator that draws negatives. Default: 0.
        scorer (Optional[Callable]): The scorer. Default: `spacy_mre.joint_scorer.v1`.
        RAISES (ValueError): If a setting has an invalid value.
        """
        super().__init__(nlp, name, model, scorer, learned=Survey(spans_key, None).learned(negatives) | {"scaling": {}})
        self.spans_key = spans_key
        self.set_ents = set_ents
        self.entities = entities
        self.entity_threshold = entity_threshold
        self.relation_threshold = relation_threshold
        self.overlap = overlap
        self.constraints = constraints
        self.symmetric = symmetric
        self.scope = scope
        self.max_distance = max_distance
        self.pairs_per_token = pairs_per_token
        self.negatives = negatives
        self.seed = seed
        self.generator = numpy.random.default_rng(seed)

    @property
    def preset(self) -> Preset:
        """RETURNS (Preset): What the model's `mode` sets."""
        return PRESETS[self._shim.settings["mode"]]

    def options(self) -> SpertMTOptions:
        """RETURNS (SpertMTOptions): The settings in force, with what was learned."""
        learned = self.cfg
        overlap, distance, constraints = (self._in_force(name) for name in ("overlap", "max_distance", "constraints"))
        if constraints == "learned":
            constraints = {label: [pair[:2] for pair in pairs] for label, pairs in learned["constraints"].items()}
        constraints = {} if constraints == "any" else as_table("constraints", constraints)
        return SpertMTOptions(
            entity_labels=self.entity_labels,
            relation_labels=self.relation_labels,
            entity_threshold=self._threshold("entity_threshold", "entities"),
            relation_threshold=self._threshold("relation_threshold", "relations"),
            overlap=learned["overlap"] if overlap == "learned" else overlap,
            pairs_per_token=self.pairs_per_token,
            max_distance=learned["distance"] if distance == "learned" else distance,
            symmetric=self.symmetric,
            constraints=constraints,
            share_drawn=learned["share_drawn"],
            scope=self._scope or 0,
        )

    def predict(self, docs: Iterable[Doc]) -> SpertMTOutput:
        """Find the entities and relations of a batch, without changing the Docs.

        docs (Iterable[Doc]): The documents.
        RETURNS (SpertMTOutput): Spans, pairs and scores.
        RAISES (ValueError): If the component is not initialized.
        """
        docs = list(docs)
        self._check_initialized()
        if not any(len(doc) for doc in docs):
            return SpertMTOutput.empty(len(docs))
        options = self.options()
        options.cats = self._predicted_cats(docs)
        options.sentences = None if self._scope is None else numpy.concatenate([sentence_numbers(doc) for doc in docs])
        if self.entities == "given":
            given = self._given(docs)
            options.given = lambda offsets: Spans.of(given, offsets, _ids(self.entity_labels))
            # Ranks, because calibration changes the scores, but not their order in a text.
            options.given_ranks = numpy.concatenate([ranks([span.score for span in spans]) for spans in given])
        scaling = None if self.entities == "given" else self.get_scaling("entities")
        return self.model.predict((docs, options)).scaled(scaling, self.get_scaling("relations"))

    def set_annotations(self, docs: Iterable[Doc], output: SpertMTOutput) -> None:
        """Write entities and relations to the Docs.

        docs (Iterable[Doc]): The documents.
        output (SpertMTOutput): What `predict` returned for them.
        """
        docs = list(docs)
        given = self._given(docs) if self.entities == "given" else None
        entities, relations = output.by_text(len(docs), self.entity_labels, self.relation_labels, given)
        for doc, spans, related in zip(docs, entities, relations):
            if given is None:
                # Spans that begin or end with white space are not written.
                spans = set_entities(doc, spans, key=self.spans_key, source=self.name, set_ents=self.set_ents)
                kept = {span.offsets for span in spans}
                related = [relation for relation in related if {relation["head"], relation["tail"]} <= kept]
            set_relations(doc, related, source=self.name)
        for limit, count in output.left_out.items():
            self._count_left_out(f"pairs beyond the {limit}", count)
        self._count_left_out("tokens truncated by the encoder", int(output.cut.sum()))

    def learn(self, examples: list[Example], drop: float) -> float | None:
        """Compute the loss of a batch and backpropagate it.

        examples (list[Example]): The batch. Documents without gold for entities or relations are skipped in that part
            of the loss.
        drop (float): Dropout of Thinc layers.
        RETURNS (Optional[float]): The loss; None if no document has tokens, because then the encoder expects no
            gradient.
        RAISES (ValueError): If the component is not initialized.
        """
        self._check_initialized()
        docs = [eg.predicted for eg in examples]
        if not any(map(len, docs)):
            return None
        set_dropout_rate(self.model, drop)
        encoded, backprop_encoder = self.model.get_ref("encoder").begin_update(docs)
        targets = self.get_targets(examples, encoded)
        self._count_lost(targets.lost)
        logits, backprop_heads = self.model.get_ref("heads").begin_update((encoded, targets))
        loss, d_logits = self.get_loss(examples, logits, targets)
        # Also if there was nothing to learn: the shared encoder waits for the gradient of each listener.
        backprop_encoder(backprop_heads(d_logits))
        return loss

    def get_targets(self, examples: list[Example], encoded: Encoded) -> Targets:
        """Draw the spans and pairs that a batch is trained on.

        examples (list[Example]): The batch.
        encoded (Encoded): Its vectors, for the lengths of the texts.
        RETURNS (Targets): The spans and pairs with their gold labels.
        """
        golds = [align_gold(eg, self.spans_key) for eg in examples]
        sentences = [sentence_numbers(eg.predicted) for eg in examples]
        given = None
        if self.entities == "given":
            golds = [Gold(gold.mentions, None, gold.relations, gold.lost) for gold in golds]
            given = self._given([eg.predicted for eg in examples])
        else:
            golds = [reachable(gold, eg.predicted, self.entity_labels) for gold, eg in zip(golds, examples)]
        extend_limits(self.cfg, chain.from_iterable(map(joined_mentions, golds, sentences)))
        sampler = Sampler(self.negatives, self._shim.settings["max_width"], self.generator)
        ids = _ids(self.entity_labels), _ids(self.relation_labels)
        lengths = numpy.asarray(encoded.lengths)
        targets = sampler.make_targets(
            golds,
            lengths,
            *ids,
            symmetric=self.symmetric,
            given=given,
            sentences=None if self._scope is None else sentences,
            scope=self._scope or 0,
        )
        if self.sees_cats:
            targets.cats = self._cats([eg.reference for eg in examples])
            targets.lost.add_unseen_cats(examples, self.cfg["cat_labels"])
        return targets

    def get_loss(
        self, examples: Iterable[Example], scores: "SpertMTLogits", targets: Targets
    ) -> tuple[float, "SpertMTLogits"]:
        """Compute the joint loss and its gradient.

        examples (Iterable[Example]): The batch.
        scores (SpertMTLogits): What the heads returned for the targets.
        targets (Targets): The gold labels.
        RETURNS (tuple[float, SpertMTLogits]): The loss and the gradient of the scores.
        """
        from .loss import joint_loss

        return joint_loss(scores, targets, self.preset)

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: dict[str, Any] | None = None,
    ) -> None:
        """Read the labels from the data, report what the model will not be able to learn, and make the heads.

        get_examples (Callable[[], Iterable[Example]]): The training data.
        nlp (Optional[Language]): The pipeline, which is checked for components that would break the shared encoder.
        labels (Optional[dict[str, Any]]): "entities", "relations", "cats", "constraints", "distance" and "scope", as in
            `label_data`. Default: read from the data, as is what they lack.
        RAISES (ValueError): If there are no labels for what is predicted, or for the text labels that are read; one is
            given twice; or the pipeline cannot work.
        """
        validate_get_examples(get_examples, "SpertMT.initialize")
        sample = [eg.x for eg in islice(get_examples(), 10)]
        if nlp is not None:
            check_pipeline(nlp, self, sample)
        survey = self._survey()
        setters = find_setters(nlp, self)
        for eg in get_examples():
            survey.add(eg)
        given = None if labels is None else as_table("labels", labels)
        self._set_learned(**survey.learned(self.negatives, given))
        self.set_scaling({})
        if not (self.relation_labels if self.entities == "given" else self.entity_labels):
            raise ValueError(Errors.M811.format(name=self.name, key=self.spans_key))
        if self._shim.settings["see_cats"] and not self.cfg["cat_labels"]:
            raise ValueError(Errors.M812.format(name=self.name))
        if labels is None and not survey.with_relations:
            warnings.warn(Warnings.W814.format(name=self.name, count=survey.documents), stacklevel=2)
        has_learned_scope = self._in_force("scope") == "learned" and "scope" not in (labels or {})
        if has_learned_scope and setters and survey.without_sentences:
            message = Warnings.W816.format(name=self.name, scope=self.cfg["scope"], setters=", ".join(setters))
            warnings.warn(message, stacklevel=2)
        self._warn_of_partly_annotated(survey.partly_annotated, survey.documents)
        survey.add_unpredictable(self.options(), self._scope)
        if survey.lost.counts:
            warnings.warn(Warnings.W801.format(name=self.name, total=survey.mentions, losses=survey.lost), stacklevel=2)
        self._set_announced(survey.lost)
        self.generator = numpy.random.default_rng(self.seed)
        self.model.get_ref("heads").attrs["labels"] = {
            f"{level}_labels": len(self.cfg[f"{level}_labels"]) for level in ("entity", "relation", "cat")
        }
        self._initialize_model(sample)

    def _in_force(self, setting: str) -> Any:
        """The value of a setting, or the preset's where it is None."""
        value = getattr(self, setting)
        return getattr(self.preset, setting) if value is None else value

    def _threshold(self, setting: str, level: str) -> float:
        """As a score of the network. The preset's is one; that of the user is one of calibrated scores, if they are."""
        threshold, scaling = getattr(self, setting), self.get_scaling(level)
        return self._in_force(setting) if threshold is None or scaling is None else scaling.invert(threshold)

    @property
    def _scope(self) -> int | None:
        """The most sentences between two related mentions; None for no limit."""
        scope = self._in_force("scope")
        return {"learned": self.cfg["scope"], "sentence": 0, "document": None}[scope]

    def _given(self, docs: Iterable[Doc]) -> list[list[EntitySpan]]:
        """The entities that are on the documents already, in the order in which they are scored and written."""
        return [sorted(get_entities(doc, self.spans_key) or ()) for doc in docs]


def _ids(labels: tuple[str, ...]) -> dict[str, int]:
    return {label: i for i, label in enumerate(labels)}


Language.factory(
    "spert_mt",
    assigns=["doc.spans", "doc.ents", "doc._.relations"],
    default_config={"model": DEFAULT_SPERT_MT_MODEL, "scorer": {"@scorers": "spacy_mre.joint_scorer.v1"}},
    default_score_weights={"spans_entities_f": 0.5, "rel_strict_f": 0.5, "ents_f": None, "rel_f": None},
    func=SpertMT,
)
