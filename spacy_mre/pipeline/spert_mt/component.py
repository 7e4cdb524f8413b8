"""Entities and relations, jointly, over enumerated spans: the `spert_mt` component."""

import warnings
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model, set_dropout_rate

from ...annotations.alignment import Gold, align_gold
from ...annotations.entities import DEFAULT_KEY, EntitySpan, get_entities, set_entities
from ...annotations.relations import make_relation, set_relations
from ...encoders.check import DEFAULT_ENCODER, check_pipeline
from ...encoders.encoder import Encoded
from ...errors import Errors, Warnings
from ..old_base import MREPipe
from ..spans.losses import balanced_weights
from ..spans.overlap import LEARNED, OVERLAPS, learned_policy
from ..spans.spans import Pairs, Spans
from .decoding import Found, Request, find_spans
from .model import Logits, joint_loss
from .survey import Survey
from .targets import Sampler, Targets

DEFAULT_SPERT_MT_MODEL = {
    "@architectures": "spacy_mre.SpertMT.v1",
    "mode": "spert_mt",
    "max_width": 10,
    "encoder": DEFAULT_ENCODER,
}

Constraints = dict[str, list[list[str]]]
ENTITY_SOURCES = ("predict", "given")
# Nearer pairs are looked at wherever the related ones of the training data lay.
LEAST_LEARNED_DISTANCE = 100


@Language.factory(
    "spert_mt",
    assigns=["doc.spans", "doc.ents", "doc._.relations"],
    default_config={
        "model": DEFAULT_SPERT_MT_MODEL,
        "spans_key": DEFAULT_KEY,
        "entities": "predict",
        "entity_threshold": 0.25,
        "relation_threshold": 0.3,
        "overlap": LEARNED,
        "entity_negatives": 100,
        "relation_negatives": 100,
        "train_on_predicted": False,
        "constraints": LEARNED,
        "symmetric": [],
        "pairs_per_token": 20,
        "max_distance": LEARNED,
        "joint_decoding": False,
        "seed": 0,
        "scorer": {"@scorers": "spacy_mre.joint_scorer.v1"},
    },
    default_score_weights={"spans_entities_f": 0.5, "rel_strict_f": 0.5, "ents_f": None, "rel_f": None},
)
def make_spert_mt(
    nlp: Language,
    name: str,
    model: Model,
    spans_key: str,
    entities: str,
    entity_threshold: float,
    relation_threshold: float,
    overlap: str,
    entity_negatives: int,
    relation_negatives: int,
    train_on_predicted: bool,
    constraints: str | Constraints | None,
    symmetric: list[str],
    pairs_per_token: int,
    max_distance: int | str,
    joint_decoding: bool,
    seed: int,
    scorer: Callable | None,
) -> "SpertMT":
    """Make the component.

    model (Model): The model, see `spacy_mre.SpertMT.v1`.
    spans_key (str): The span group of the entities. Default: "entities".
    entities (str): "predict", or "given": take the entities that stand on the Doc already, and find relations only.
    entity_threshold (float): The least probability of an entity; the best F1 lies at half of its own value, where probabilities are true (Lipton et al.
        2014, arXiv 1402.1892). In mode "spert" 0.0 gives SpERT's rule: a type beats None. Default: 0.25.
    relation_threshold (float): The least score of a relation: the probability that head, label and tail are all right; in mode "spert" that of the
        relation alone, by 0.4 in SpERT. Default: 0.3.
    overlap (str): "flat", "nested" (no crossing) or "any", as SpERT; or "learned": nested where at least one entity in twenty of the training data lies
        within another one, else flat. Default: "learned".
    entity_negatives (int): Negative spans per text in training, -1 for all. Default: 100.
    relation_negatives (int): Unrelated pairs per text in training, -1 for all. Default: 100.
    train_on_predicted (bool): Relations are also trained on the entities that the model predicts at that moment. Default: False.
    constraints (Optional[Union[str, Dict[str, List[List[str]]]]]): Which (head type, tail type) a relation may join: a list of pairs by relation label,
        "learned" for those of the training data, or None for any. Default: "learned".
    symmetric (List[str]): Relation labels without direction; the earlier mention is stored as head. Default: none.
    pairs_per_token (int): The pair budget: so many pairs for each token of a text are looked at, best-scored entities first. Default: 20.
    max_distance (Union[int, str]): Only pairs whose starts are at most so many tokens apart are looked at; 0 for all; "learned": twice as far as any
        relation of the training data reaches, and at least 100 tokens. Default: "learned".
    joint_decoding (bool): Spans from half of the entity threshold on are candidates, overlapping ones too. After the relations between them are found, a
        candidate's score is the mean of its own probability and of its best relation's times the other end's, if that is more; threshold
        and overlap policy then go by these scores, and relations stay whose ends both stay. Default: False.
    seed (int): Of the generator that draws negatives. Default: 0.
    scorer (Optional[Callable]): The scorer, by default `spacy_mre.joint_scorer.v1`.
    """
    return SpertMT(
        nlp.vocab,
        model,
        name,
        spans_key=spans_key,
        entities=entities,
        entity_threshold=entity_threshold,
        relation_threshold=relation_threshold,
        overlap=overlap,
        entity_negatives=entity_negatives,
        relation_negatives=relation_negatives,
        train_on_predicted=train_on_predicted,
        constraints=constraints,
        symmetric=symmetric,
        pairs_per_token=pairs_per_token,
        max_distance=max_distance,
        joint_decoding=joint_decoding,
        seed=seed,
        scorer=scorer,
    )


class SpertMT(MREPipe):
    """Pipeline component for joint entity and relation extraction (SpERT.MT, arXiv 2309.09713)."""

    left_out_warning = Warnings.W811

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        name: str = "spert_mt",
        *,
        spans_key: str = DEFAULT_KEY,
        entities: str = "predict",
        entity_threshold: float = 0.25,
        relation_threshold: float = 0.3,
        overlap: str = LEARNED,
        entity_negatives: int = 100,
        relation_negatives: int = 100,
        train_on_predicted: bool = False,
        constraints: str | Constraints | None = LEARNED,
        symmetric: Iterable[str] = (),
        pairs_per_token: int = 20,
        max_distance: int | str = LEARNED,
        joint_decoding: bool = False,
        seed: int = 0,
        scorer: Callable | None = None,
    ) -> None:
        """Initialize the component; `make_spert_mt` explains the settings.

        vocab (Vocab): The shared vocabulary.
        model (Model): The Thinc Model.
        name (str): The component's name in the pipeline.
        RAISES (ValueError): A setting with an unknown value.
        """
        if entities not in ENTITY_SOURCES:
            raise ValueError(Errors.M001.format(setting="entities", value=entities, allowed=", ".join(ENTITY_SOURCES)))
        if overlap not in OVERLAPS:
            raise ValueError(Errors.M001.format(setting="overlap", value=overlap, allowed=", ".join(OVERLAPS)))
        if isinstance(max_distance, str) and max_distance != LEARNED:
            raise ValueError(
                Errors.M001.format(setting="max_distance", value=max_distance, allowed="learned, a number of tokens")
            )
        if isinstance(constraints, str) and constraints != LEARNED:
            raise ValueError(
                Errors.M001.format(setting="constraints", value=constraints, allowed="null, learned, a table by label")
            )
        cfg: dict[str, Any] = {
            "entity_labels": [],
            "relation_labels": [],
            "cat_labels": [],
            "learned_constraints": {},
            "learned_distance": 0,
            "learned_overlap": "nested",
            "share_drawn": 1.0,
            "spans_key": spans_key,
            "entities": entities,
            "entity_threshold": entity_threshold,
            "relation_threshold": relation_threshold,
            "overlap": overlap,
            "entity_negatives": entity_negatives,
            "relation_negatives": relation_negatives,
            "train_on_predicted": train_on_predicted,
            "constraints": constraints,
            "symmetric": list(symmetric),
            "pairs_per_token": pairs_per_token,
            "max_distance": max_distance,
            "joint_decoding": joint_decoding,
            "seed": seed,
        }
        super().__init__(vocab, model, name, cfg=cfg, scorer=scorer)
        self.generator = numpy.random.default_rng(seed)

    @property
    def entity_labels(self) -> tuple[str, ...]:
        return tuple(self.cfg["entity_labels"])

    @property
    def relation_labels(self) -> tuple[str, ...]:
        return tuple(self.cfg["relation_labels"])

    @property
    def labels(self) -> tuple[str, ...]:
        """RETURNS (Tuple[str]): Entity labels, then relation labels."""
        return self.entity_labels + self.relation_labels

    @property
    def label_data(self) -> dict[str, Any]:
        """RETURNS (Dict[str, Any]): What `spacy init labels` stores and `initialize` takes."""
        return {
            "entities": list(self.entity_labels),
            "relations": list(self.relation_labels),
            "cats": list(self.cfg["cat_labels"]),
            "constraints": self.cfg["learned_constraints"],
            "distance": self.cfg["learned_distance"],
        }

    @property
    def constraints(self) -> Constraints:
        """RETURNS (Dict[str, List[List[str]]]): The allowed (head type, tail type) of each constrained relation label."""
        if self.cfg["constraints"] == LEARNED:
            return {label: [pair[:2] for pair in pairs] for label, pairs in self.cfg["learned_constraints"].items()}
        return self.cfg["constraints"] or {}

    @property
    def overlap(self) -> str:
        """RETURNS (str): "flat", "nested" or "any"."""
        return self._set_or_learned("overlap", "learned_overlap")

    @property
    def max_distance(self) -> int:
        """RETURNS (int): The most tokens between the starts of two related mentions; 0 for no limit."""
        return self._set_or_learned("max_distance", "learned_distance")

    def add_label(self, label: str) -> int:
        """Entity and relation labels come from the training data or from `initialize(labels=...)`, together.

        RAISES (NotImplementedError): Always: a bare label does not say which of the two it is.
        """
        raise NotImplementedError(Errors.M802)

    def predict(self, docs: Iterable[Doc]) -> Found:
        """Find the entities and relations of a batch, without changing the Docs.

        docs (Iterable[Doc]): The documents.
        RETURNS (Found): Spans, pairs and scores.
        RAISES (ValueError): The component was not initialised.
        """
        docs = list(docs)
        self._check_initialized()
        if not any(len(doc) for doc in docs):
            none = numpy.zeros(0, dtype=numpy.int64)
            spans = Spans(none, none, none, none)
            return Found(spans, none, Pairs(none, none), none, none, {}, numpy.zeros(len(docs), dtype=numpy.int64))
        return self.model.predict((docs, self._request(docs, self._predicted_cats(docs))))

    def set_annotations(self, docs: Iterable[Doc], found: Found) -> None:
        """Write entities and relations on the Docs.

        docs (Iterable[Doc]): The documents.
        found (Found): What `predict` found in them.
        """
        docs = list(docs)
        given = self.cfg["entities"] == "given"
        spans: list[list[tuple[int, int, str, float]]] = [[] for _ in docs]
        columns = (
            found.entities.starts,
            found.entities.ends,
            found.entities.texts,
            found.entities.labels,
            found.entity_scores,
        )
        mentions = list(zip(*(column.tolist() for column in columns)))
        if given:
            names = [label for of_doc in self._given(docs) for _, _, label, _ in of_doc]
        else:
            entity_labels = self.entity_labels
            names = [entity_labels[label] for _, _, _, label, _ in mentions]
        for (start, end, text, _, score), name in zip(mentions, names):
            spans[text].append((start, end, name, score))
        relations: list[list[dict[str, Any]]] = [[] for _ in docs]
        relation_labels = self.relation_labels
        rows = zip(found.pairs.heads.tolist(), found.pairs.tails.tolist(), found.labels.tolist(), found.scores.tolist())
        for head, tail, label, score in rows:
            relation = make_relation(
                mentions[head][:2],
                mentions[tail][:2],
                relation_labels[label],
                head_label=names[head],
                tail_label=names[tail],
                score=score,
            )
            relations[mentions[head][2]].append(relation)
        for doc, of_doc, related in zip(docs, spans, relations):
            if not given:
                kept = {span[:2] for span in set_entities(doc, of_doc, key=self.key, source=self.name)}
                # Spans with white space at their ends are not written.
                related = [
                    relation for relation in related if {tuple(relation["head"]), tuple(relation["tail"])} <= kept
                ]
            set_relations(doc, related)
        self._report(found)

    def learn(self, examples: list[Example], drop: float) -> float | None:
        """Give the gradient of a batch back to the model.

        examples (List[Example]): The batch; documents without gold for entities or relations are skipped in that part of the loss.
        drop (float): Dropout of Thinc layers.
        RETURNS (Optional[float]): The loss; None where there is no text, so that the encoder waits for nothing.
        RAISES (ValueError): The component was not initialised.
        """
        self._check_initialized()
        docs = [eg.predicted for eg in examples]
        if not any(len(doc) for doc in docs):
            return None
        set_dropout_rate(self.model, drop)
        encoded, backprop_encoder = self.model.get_ref("encoder").begin_update(docs)
        targets = self.get_targets(examples, encoded)
        logits, backprop_heads = self.model.get_ref("heads").begin_update((encoded, targets))
        loss, d_logits = self.get_loss(examples, logits, targets)
        backprop_encoder(backprop_heads(d_logits))  # also where there was nothing to learn: the encoder waits for it
        return loss

    def get_targets(self, examples: list[Example], encoded: Encoded) -> Targets:
        """Draw the spans and pairs that a batch is trained on.

        examples (List[Example]): The batch.
        encoded (Encoded): Its vectors; read only where the model trains on its own predictions.
        RETURNS (Targets): What is right about them.
        """
        golds = [align_gold(eg, self.key) for eg in examples]
        proposals: list[list[EntitySpan]] = [[] for _ in examples]
        if self.cfg["entities"] == "given":
            golds = [Gold(gold.mentions, None, gold.relations, gold.lost) for gold in golds]
            proposals = self._given([eg.predicted for eg in examples])
        elif self.cfg["train_on_predicted"]:
            proposals = self._propose(examples, encoded)
        targets = self._sampler.make_targets(
            golds,
            encoded.lengths,
            self._entity_ids,
            self._relation_ids,
            symmetric=self.cfg["symmetric"],
            proposals=proposals,
        )
        targets.cats = self._gold_cats(examples)
        return targets

    def get_loss(self, examples: Iterable[Example], scores: Logits, targets: Targets) -> tuple[float, Logits]:
        """The joint loss and its gradient.

        examples (Iterable[Example]): The batch.
        scores (Logits): What the heads gave for the targets.
        targets (Targets): What they should have given.
        RETURNS (Tuple[float, Logits]): The loss and the gradient of the scores.
        """
        attrs = self.model.get_ref("heads").attrs
        return joint_loss(scores, targets, attrs["config"], attrs["loss"])

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
        labels (Optional[Dict[str, Any]]): "entities", "relations", "cats", "constraints" and "distance", as in `label_data`; read from the data by
            default.
        RAISES (ValueError): No labels for what is to be predicted, or for what is to be seen; or a pipeline that cannot work.
        """
        validate_get_examples(get_examples, "SpertMT.initialize")
        sample = [eg.x for eg in islice(get_examples(), 10)]
        if nlp is not None:
            check_pipeline(nlp, self, sample)
        # Given entities need no span of the model.
        survey = Survey(self.key, self._max_width if self.cfg["entities"] == "predict" else None)
        for eg in get_examples():
            survey.add(eg)
        if labels is None:
            labels = {
                "entities": sorted(survey.entity_labels),
                "relations": sorted(survey.relation_labels),
                "cats": sorted(survey.cats),
                "constraints": survey.constraints(),
                "distance": max(2 * survey.farthest, LEAST_LEARNED_DISTANCE),
            }
        self.cfg["entity_labels"] = list(labels["entities"])
        self.cfg["relation_labels"] = list(labels["relations"])
        self.cfg["cat_labels"] = list(labels.get("cats", ()))
        self.cfg["learned_constraints"] = labels.get("constraints", {})
        self.cfg["learned_distance"] = labels.get("distance", 0)
        self.cfg["learned_overlap"] = learned_policy(survey.nested, survey.places)
        self.cfg["share_drawn"] = survey.share_drawn(self.cfg["entity_negatives"])
        if not (self.relation_labels if self.cfg["entities"] == "given" else self.entity_labels):
            raise ValueError(Errors.M811.format(name=self.name, key=self.key))
        heads = self.model.get_ref("heads")
        if heads.attrs["config"]["see_cats"] and not self.cfg["cat_labels"]:
            raise ValueError(Errors.M812.format(name=self.name))
        if survey.lost.counts:
            warnings.warn(Warnings.W801.format(name=self.name, total=survey.mentions, losses=survey.lost))
        self.generator = numpy.random.default_rng(self.cfg["seed"])
        heads.attrs["labels"] = {
            "entity_labels": len(self.entity_labels),
            "relation_labels": len(self.relation_labels),
            "cat_labels": len(self.cfg["cat_labels"]),
        }
        beta = heads.attrs["loss"]["class_weights_beta"]
        if beta is not None:
            limits = self.cfg["entity_negatives"], self.cfg["relation_negatives"]
            counts = survey.class_counts(self.entity_labels, self.relation_labels, limits)
            heads.attrs["loss"]["class_weights"] = {
                level: balanced_weights(of_level, beta) for level, of_level in counts.items()
            }
        self.model.initialize(X=sample)

    def _check_initialized(self) -> None:
        if self.model.get_ref("heads").shims[0].module is None:
            raise ValueError(Errors.M803.format(name=self.name))

    @property
    def _max_width(self) -> int:
        return self.model.get_ref("heads").attrs["config"]["max_width"]

    @property
    def _entity_ids(self) -> dict[str, int]:
        return {label: i for i, label in enumerate(self.entity_labels)}

    @property
    def _relation_ids(self) -> dict[str, int]:
        return {label: i for i, label in enumerate(self.relation_labels)}

    @property
    def _sampler(self) -> Sampler:
        smoothing = self.model.get_ref("heads").attrs["loss"]["boundary_smoothing"]
        return Sampler(
            self.cfg["entity_negatives"], self.cfg["relation_negatives"], self._max_width, self.generator, smoothing
        )

    def _request(self, docs: list[Doc], cats: numpy.ndarray | None = None) -> Request:
        given = None
        if self.cfg["entities"] == "given":

            def given(offsets):
                return Spans.of(self._given(docs), offsets, self._entity_ids)

        return Request(
            entity_labels=self.entity_labels,
            relation_labels=self.relation_labels,
            entity_threshold=self.cfg["entity_threshold"],
            relation_threshold=self.cfg["relation_threshold"],
            overlap=self.overlap,
            pairs_per_token=self.cfg["pairs_per_token"],
            max_distance=self.max_distance,
            symmetric=self.cfg["symmetric"],
            constraints=self.constraints,
            given=given,
            cats=cats,
            share_drawn=self.cfg["share_drawn"],
            joint=self.cfg["joint_decoding"],
        )

    def _predicted_cats(self, docs: list[Doc]) -> numpy.ndarray | None:
        """The text labels that stand on the documents, where the model sees them. Unknown ones are zeros, and are counted."""
        if not self._sees_cats:
            return None
        labels = set(self.cfg["cat_labels"])
        unknown = sum(len(doc) > 0 and labels.isdisjoint(doc.cats) for doc in docs)
        self._leave_out("texts without a known label", unknown, warning=Warnings.W812)
        return self._cats(docs)

    def _gold_cats(self, examples: list[Example]) -> numpy.ndarray | None:
        return self._cats([eg.reference for eg in examples]) if self._sees_cats else None

    @property
    def _sees_cats(self) -> bool:
        return self.model.get_ref("heads").shims[0].module.seen_cats > 0

    def _cats(self, docs: list[Doc]) -> numpy.ndarray:
        """Documents x text labels."""
        rows = [[doc.cats.get(label, 0.0) for label in self.cfg["cat_labels"]] for doc in docs]
        return numpy.array(rows, dtype="f").reshape(len(docs), -1)

    def _given(self, docs: Iterable[Doc]) -> list[list[EntitySpan]]:
        """The entities that stand on the documents already, in the order in which they are scored and written."""
        return [sorted(get_entities(doc, self.key) or ()) for doc in docs]

    def _propose(self, examples: list[Example], encoded: Encoded) -> list[list[EntitySpan]]:
        """The entities that the model finds at this moment, in their own texts' offsets."""
        import torch

        module = self.model.get_ref("heads").shims[0].module
        docs = [eg.predicted for eg in examples]
        module.eval()
        with torch.no_grad():
            spans, _ = find_spans(module, encoded, self._request(docs, self._gold_cats(examples)))
        proposals: list[list[EntitySpan]] = [[] for _ in docs]
        first = encoded.offsets[spans.texts]
        for text, start, end in zip(
            spans.texts.tolist(), (spans.starts - first).tolist(), (spans.ends - first).tolist()
        ):
            proposals[text].append(EntitySpan(start, end, ""))
        return proposals

    def _report(self, found: Found) -> None:
        for limit, count in found.left_out.items():
            self._leave_out(f"pairs beyond the {limit}", count)
        self._leave_out("tokens cut off by the encoder", int(found.cut.sum()))
