"""Scorers of entities, relations and text labels.

**Same span.** Two spans are the same if they cover the same characters, white space not counted. So tokenization cannot
hide an error: gold is read from `example.reference` with its own tokens, and gold that the predicted tokens or a width
limit cannot represent counts as missed. The texts may differ in white space and case only.

**Correct.** An entity is correct if a gold entity has the same span and label. A relation is correct if a gold relation
has the same label, head and tail (`rel`), and strictly correct if the entity labels of head and tail are also the same
(`rel_strict`). Several labels of a pair count separately; duplicates count once. These are the definitions of SpERT
(Eberts and Ulges 2020, `spert/evaluator.py`: "Without NER" and "With NER").

**Overlap matching.** With `matching="overlap"`, a predicted entity that overlaps a gold one counts as having its
boundaries, also as an argument of relations; see `overlap_matching`.

**Micro and macro.** `p`, `r` and `f` are computed over all documents and labels. `macro_f` is the mean F1 of all labels
that occur in gold, so that it is a mean over the same labels for every system. SpERT's mean also includes labels that
are only predicted. Here such a label is listed in `per_type` and lowers the micro precision.

**Absent is not empty.** Documents without gold for entities, relations or text labels are skipped in that part. Scores
are None, as in spaCy, if there is neither gold nor a prediction. An empty prediction scores 0.0 if there is gold.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from spacy.scorer import PRFScore
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import registry

from ..annotations.entities import DEFAULT_KEY, EntitySpan, flat_subset, get_entities
from ..annotations.relations import get_relations
from .cats import Scores, score_cats
from .items import Item, check_texts, compared_entities, compared_relations, without_entity_labels


@registry.scorers("spacy_mre.entity_scorer.v1")
def make_entity_scorer(spans_key: str | None = None) -> Callable[..., Scores]:
    """Make a scorer of entities.

    spans_key (str | None): The span group. Default: that of the component, or "entities".
    RETURNS (Callable[..., dict[str, Any]]): See `score_entities`.
    """
    return _make_scorer(score_entities, spans_key=spans_key)


@registry.scorers("spacy_mre.relation_scorer.v1")
def make_relation_scorer(symmetric: list[str] | None = None) -> Callable[..., Scores]:
    """Make a scorer of relations.

    symmetric (list[str] | None): Labels without direction. Default: those of the component, or none.
    RETURNS (Callable[..., dict[str, Any]]): See `score_relations`.
    """
    return _make_scorer(score_relations, symmetric=symmetric)


@registry.scorers("spacy_mre.joint_scorer.v1")
def make_joint_scorer(spans_key: str | None = None, symmetric: list[str] | None = None) -> Callable[..., Scores]:
    """Make a scorer of entities and relations.

    spans_key (str | None): The span group. Default: that of the component, or "entities".
    symmetric (list[str] | None): Relation labels without direction. Default: those of the component, or none.
    RETURNS (Callable[..., dict[str, Any]]): See `score_joint`.
    """
    return _make_scorer(score_joint, spans_key=spans_key, symmetric=symmetric)


@registry.scorers("spacy_mre.textcat_scorer.v1")
def make_textcat_scorer(
    multi_label: bool | None = None, threshold: float | None = None, prefix: str | None = None
) -> Callable[..., Scores]:
    """Make a scorer of text labels.

    multi_label (bool | None): Any number of labels may hold. Default: the setting of the component, or False.
    threshold (float | None): The lowest probability of a predicted label, if several may hold. Default: that of the
        component, or 0.5.
    prefix (str | None): What the names of the scores begin with: another one for each of several components. Default:
        "cats".
    RETURNS (Callable[..., dict[str, Any]]): See `score_cats`.
    """
    return _make_scorer(score_cats, multi_label=multi_label, threshold=threshold, prefix=prefix)


def score_joint(
    examples: Iterable[Example],
    *,
    spans_key: str = DEFAULT_KEY,
    set_ents: bool = True,
    symmetric: Sequence[str] = (),
    matching: str = "exact",
    **cfg: Any,
) -> Scores:
    """Score entities and relations.

    examples (Iterable[Example]): Gold and predictions.
    spans_key (str): The span group of the entities.
    set_ents (bool): Also score `doc.ents`.
    symmetric (Sequence[str]): Relation labels without direction.
    matching (str): "exact" or "overlap".
    cfg (Any): Settings of the component that are not used.
    RETURNS (dict[str, Any]): The scores of `score_entities` and `score_relations`.

    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> gold = {"entities": [(0, 3, "person"), (13, 17, "place")]}
    >>> example = Example.from_dict(nlp("Ida lives in Lima"), gold)
    >>> example.predicted.ents = [example.predicted.char_span(0, 3, label="person")]
    >>> scores = score_joint([example])
    >>> scores["spans_entities_p"], scores["spans_entities_r"], scores["rel_f"]
    (1.0, 0.5, None)
    """
    examples = list(examples)
    return {
        **score_entities(examples, spans_key=spans_key, set_ents=set_ents, matching=matching),
        **score_relations(examples, symmetric=symmetric, spans_key=spans_key, matching=matching),
    }


def score_entities(
    examples: Iterable[Example],
    *,
    spans_key: str = DEFAULT_KEY,
    set_ents: bool = True,
    matching: str = "exact",
    **cfg: Any,
) -> Scores:
    """Score all entities of the span group, including nested ones, and the flat entities of `doc.ents`.

    examples (Iterable[Example]): Gold and predictions.
    spans_key (str): The span group. For a document without it, the entities are those of `doc.ents`.
    set_ents (bool): Also score `doc.ents`. A component that does not write to it leaves its scores to others.
    matching (str): "exact" or "overlap".
    cfg (Any): Settings of the component that are not used.
    RETURNS (dict[str, Any]): `p`, `r`, `f`, `macro_f` and `per_type`, with the prefixes `spans_{spans_key}_` and
        `ents_`. `per_type` contains `p`, `r`, `f` and `support`, the number of gold entities, by label.
    RAISES (ValueError): If gold and prediction have different texts.
    """
    all_entities, flat_entities = _Tally(), _Tally()
    for eg in examples:
        gold = get_entities(eg.reference, spans_key)
        if gold is None:
            continue
        check_texts(eg)
        predicted = get_entities(eg.predicted, spans_key) or []
        all_entities.add(*compared_entities(eg, gold, predicted, matching))
        flat = _flat(eg.reference, gold), _flat(eg.predicted, predicted)
        flat_entities.add(*compared_entities(eg, *flat, matching))
    scores = all_entities.scores(f"spans_{spans_key}")
    return {**scores, **flat_entities.scores("ents")} if set_ents else scores


def score_relations(
    examples: Iterable[Example],
    *,
    symmetric: Sequence[str] = (),
    spans_key: str = DEFAULT_KEY,
    matching: str = "exact",
    **cfg: Any,
) -> Scores:
    """Score relations by label, head and tail, and strictly, by the entity labels too. A head or tail without a label
    has that of the entity with its offsets; if there is none, only one without a label is equal to it.

    examples (Iterable[Example]): Gold and predictions.
    symmetric (Sequence[str]): Labels without direction. Such a relation counts once if it is stored in both directions.
    spans_key (str): The span group of the entities, for overlap matching and for heads and tails without a label.
    matching (str): "exact" or "overlap".
    cfg (Any): Settings of the component that are not used.
    RETURNS (dict[str, Any]): `p`, `r`, `f`, `macro_f` and `per_type`, with the prefixes `rel_` and `rel_strict_`.
        `per_type` contains `p`, `r`, `f` and `support`, the number of gold relations, by label.
    RAISES (ValueError): If gold and prediction have different texts, or a relation points outside its document.
    """
    loose, strict = _Tally(), _Tally()
    for eg in examples:
        if get_relations(eg.reference) is None:
            continue
        check_texts(eg)
        gold, predicted = compared_relations(eg, symmetric, spans_key, matching)
        strict.add(gold, predicted)
        loose.add(without_entity_labels(gold), without_entity_labels(predicted))
    return {**loose.scores("rel"), **strict.scores("rel_strict")}


class _Tally:
    """Counts correct, wrong and missed items by label."""

    def __init__(self) -> None:
        self.per_type: dict[str, PRFScore] = {}

    def add(self, gold_items: Iterable[Item], predicted_items: Iterable[Item]) -> None:
        gold, predicted = set(gold_items), set(predicted_items)
        for item in gold | predicted:
            score = self.per_type.setdefault(item[-1], PRFScore())
            score.tp += item in gold and item in predicted
            score.fp += item not in gold
            score.fn += item not in predicted

    def scores(self, name: str) -> Scores:
        if not self.per_type:
            return {f"{name}_{key}": None for key in ("p", "r", "f", "macro_f", "per_type")}
        micro = sum(self.per_type.values(), PRFScore())
        in_gold = [score.fscore for score in self.per_type.values() if score.tp + score.fn]
        return {
            f"{name}_p": micro.precision,
            f"{name}_r": micro.recall,
            f"{name}_f": micro.fscore,
            f"{name}_macro_f": sum(in_gold) / len(in_gold) if in_gold else 0.0,
            f"{name}_per_type": {
                label: {**score.to_dict(), "support": score.tp + score.fn}
                for label, score in sorted(self.per_type.items())
            },
        }


def _flat(doc: Doc, entities: Sequence[EntitySpan]) -> Sequence[EntitySpan]:
    if doc.has_annotation("ENT_IOB"):
        return [EntitySpan(ent.start, ent.end, ent.label_) for ent in doc.ents]
    return flat_subset(entities)


def _make_scorer(score: Callable[..., Scores], **options: Any) -> Callable[..., Scores]:
    """Make a scorer whose options replace the settings of the component."""
    # A partial can be pickled, unlike a closure.
    return partial(_score_with, score, {name: value for name, value in options.items() if value is not None})


def _score_with(
    score: Callable[..., Scores], options: dict[str, Any], examples: Iterable[Example], **cfg: Any
) -> Scores:
    return score(examples, **{**cfg, **options})
