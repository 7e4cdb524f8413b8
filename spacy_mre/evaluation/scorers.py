"""How good is a prediction? Scorers of entities, relations and text categories.

**Places.** Two spans are the same if they begin and end at the same character, white space not counted. So tokenisation cannot hide an
error: gold is read from `example.reference` with its own tokens, predictions from `example.predicted`, and gold that the predicted tokens
or a width limit cannot reach counts as missed. The texts themselves may differ in white space only, as raw Chinese and joined tokens do.

**Right.** An entity is right if its place and label are those of a gold entity. A relation is right if label, head and tail are those of a
gold relation (`rel`), and strictly right if both entity labels are too (`rel_strict`). Several labels between two spans count one each;
the same item twice counts once. These are the definitions of SpERT's evaluation (Eberts and Ulges 2020, `spert/evaluator.py`: "Without
NER" and "With NER").

**Borders forgiven.** With `borders="overlap"` a found entity that overlaps a gold one stands in its place (`borders`), as an end of relations too.

**Micro and macro.** `p`, `r` and `f` count over all documents and labels. `macro_f` is the mean of the F1 of every label that occurs in
gold. SpERT takes the mean (scikit-learn's `average="macro"`) over the labels of gold and predictions together. A label that is only
predicted stands in `per_type` and lowers the micro precision here, but is no part of the mean: every system has the same labels in it.

**Absent is not empty.** A document without gold for entities, relations or cats is not scored for them. Where nothing is left to count,
neither gold nor predicted, the scores are None, as spaCy has it. An empty prediction scores 0.0 where there is gold.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy
from spacy.attrs import IDX, LENGTH
from spacy.scorer import PRFScore, Scorer
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import registry

from ..annotations.entities import DEFAULT_KEY, EntitySpan, flat_subset, get_entities
from ..annotations.relations import get_relations, get_triples
from ..errors import Errors
from .borders import Place, are_forgiven, moves_to_gold

Scores = dict[str, Any]
Item = tuple[Any, ...]

CATS_KEYS = (
    "score",
    "score_desc",
    "micro_p",
    "micro_r",
    "micro_f",
    "macro_p",
    "macro_r",
    "macro_f",
    "macro_auc",
    "f_per_type",
    "auc_per_type",
)


@registry.scorers("spacy_mre.entity_scorer.v1")
def make_entity_scorer(spans_key: str | None = None) -> Callable[..., Scores]:
    """Make a scorer of entities.

    spans_key (Optional[str]): The span group; by default that of the component, or "entities".
    RETURNS (Callable[..., Dict[str, Any]]): See `score_entities`.
    """
    return _make_scorer(score_entities, spans_key=spans_key)


@registry.scorers("spacy_mre.relation_scorer.v1")
def make_relation_scorer(symmetric: list[str] | None = None) -> Callable[..., Scores]:
    """Make a scorer of relations.

    symmetric (Optional[List[str]]): Labels whose head and tail may change places; by default those of the component, or none.
    RETURNS (Callable[..., Dict[str, Any]]): See `score_relations`.
    """
    return _make_scorer(score_relations, symmetric=symmetric)


@registry.scorers("spacy_mre.joint_scorer.v1")
def make_joint_scorer(spans_key: str | None = None, symmetric: list[str] | None = None) -> Callable[..., Scores]:
    """Make a scorer of entities and relations.

    spans_key (Optional[str]): The span group; by default that of the component, or "entities".
    symmetric (Optional[List[str]]): Labels whose head and tail may change places; by default those of the component, or none.
    RETURNS (Callable[..., Dict[str, Any]]): See `score_joint`.
    """
    return _make_scorer(score_joint, spans_key=spans_key, symmetric=symmetric)


@registry.scorers("spacy_mre.textcat_scorer.v1")
def make_textcat_scorer(multi_label: bool | None = None, threshold: float | None = None) -> Callable[..., Scores]:
    """Make a scorer of text categories.

    multi_label (Optional[bool]): Whether several labels may hold; by default as the component has it, or exclusive labels.
    threshold (Optional[float]): The score from which on a label holds, if several may; by default that of the component, or 0.5.
    RETURNS (Callable[..., Dict[str, Any]]): See `score_cats`.
    """
    return _make_scorer(score_cats, multi_label=multi_label, threshold=threshold)


def score_joint(
    examples: Iterable[Example],
    *,
    spans_key: str = DEFAULT_KEY,
    symmetric: Sequence[str] = (),
    borders: str = "exact",
    **cfg,
) -> Scores:
    """Score entities and relations.

    examples (Iterable[Example]): Gold and predictions.
    spans_key (str): The span group.
    symmetric (Sequence[str]): Relation labels whose head and tail may change places.
    borders (str): "exact", or "overlap": borders are forgiven.
    RETURNS (Dict[str, Any]): What `score_entities` and `score_relations` return.
    """
    examples = list(examples)
    return {
        **score_entities(examples, spans_key=spans_key, borders=borders),
        **score_relations(examples, symmetric=symmetric, spans_key=spans_key, borders=borders),
    }


def score_entities(
    examples: Iterable[Example], *, spans_key: str = DEFAULT_KEY, borders: str = "exact", **cfg
) -> Scores:
    """Score entities: all of the span group, nested ones too, and the flat ones of `doc.ents`.

    examples (Iterable[Example]): Gold and predictions.
    spans_key (str): The span group. A document without it has all its entities in `doc.ents`.
    borders (str): "exact", or "overlap": borders are forgiven.
    RETURNS (Dict[str, Any]): `p`, `r`, `f`, `macro_f` and `per_type`, each with `spans_{spans_key}_` and with `ents_` before it. A value of
        `per_type` has `p`, `r`, `f` and `support`, the number of gold entities with this label.
    """
    every, flat = _Tally(), _Tally()
    for eg in examples:
        gold = get_entities(eg.reference, spans_key)
        if gold is None:
            continue
        check_texts(eg)
        predicted = get_entities(eg.predicted, spans_key) or []
        every.add(*entity_sides(eg, gold, predicted, borders))
        flat.add(*entity_sides(eg, _flat(eg.reference, gold), _flat(eg.predicted, predicted), borders))
    return {**every.scores(f"spans_{spans_key}"), **flat.scores("ents")}


def score_relations(
    examples: Iterable[Example],
    *,
    symmetric: Sequence[str] = (),
    spans_key: str = DEFAULT_KEY,
    borders: str = "exact",
    **cfg,
) -> Scores:
    """Score relations: by label and both places, and strictly, by both entity labels too.

    examples (Iterable[Example]): Gold and predictions.
    symmetric (Sequence[str]): Labels whose head and tail may change places. Gold that has such a relation in both directions has it once.
    spans_key (str): The span group of the entities, by which borders are forgiven.
    borders (str): "exact", or "overlap": borders are forgiven.
    RETURNS (Dict[str, Any]): `p`, `r`, `f`, `macro_f` and `per_type`, each with `rel_` and with `rel_strict_` before it. A value of
        `per_type` has `p`, `r`, `f` and `support`, the number of gold relations with this label.
    RAISES (ValueError): A relation that points outside its document.
    """
    loose, strict = _Tally(), _Tally()
    for eg in examples:
        if get_relations(eg.reference) is None:
            continue
        check_texts(eg)
        gold, predicted = relation_sides(eg, symmetric, spans_key, borders)
        strict.add(gold, predicted)
        loose.add(without_entity_labels(gold), without_entity_labels(predicted))
    return {**loose.scores("rel"), **strict.scores("rel_strict")}


def score_cats(
    examples: Iterable[Example],
    *,
    labels: Iterable[str] | None = None,
    multi_label: bool = False,
    threshold: float | None = None,
    positive_label: str | None = None,
    **cfg,
) -> Scores:
    """Score text categories as `spacy.scorer.Scorer.score_cats` does, apart from three cases that it does not foresee.

    Documents without gold cats are left out. A gold label that the component does not know is a label all the same, and missed. A
    document without any predicted label, on which spaCy's exclusive case fails, is a miss of its gold label.

    examples (Iterable[Example]): Gold and predictions.
    labels (Optional[Iterable[str]]): The labels of the component; by default all labels of gold and predictions.
    multi_label (bool): Whether several labels may hold for one document.
    threshold (Optional[float]): The score from which on a label holds, if several may; 0.5 by default.
    positive_label (Optional[str]): The label that counts, of two exclusive ones.
    RETURNS (Dict[str, Any]): The scores of spaCy, all None if no document has gold.
    """
    examples = [eg for eg in examples if eg.reference.cats]
    if not examples:
        return {f"cats_{key}": None for key in CATS_KEYS}
    known = _known_labels(examples, labels)
    options = {"labels": known, "positive_label": positive_label}
    if multi_label:
        return Scorer.score_cats(examples, "cats", multi_label=True, threshold=threshold, **options)
    if all(any(label in eg.predicted.cats for label in known) for eg in examples):
        return Scorer.score_cats(examples, "cats", multi_label=False, **options)
    return _score_unanswered(examples, **options)


class _Tally:
    """Right, wrong and missed items per label. The label of an item is its last member."""

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


class _Places:
    """The places of token spans in the text without white space."""

    def __init__(self, doc: Doc) -> None:
        text = doc.text
        visible = numpy.fromiter((not char.isspace() for char in text), dtype="int64", count=len(text))
        before = numpy.concatenate(([0], numpy.cumsum(visible)))
        start, length = doc.to_array([IDX, LENGTH]).astype("int64").T
        self.starts, self.ends = before[start].tolist(), before[start + length].tolist()

    def __call__(self, start: int, end: int) -> tuple[int, int]:
        return self.starts[start], self.ends[end - 1]


def entity_items(doc: Doc, entities: Sequence[EntitySpan]) -> list[Item]:
    """What each entity is compared by: first and last character, white space not counted, and label."""
    if not entities:
        return []
    place = _Places(doc)
    return [(*place(entity.start, entity.end), entity.label) for entity in entities]


def relation_items(doc: Doc, symmetric: Sequence[str]) -> list[Item]:
    """What each relation of a document is strictly compared by: place and entity label of head and of tail, and label."""
    triples = get_triples(doc)
    if not triples:
        return []
    place = _Places(doc)
    items = []
    for head, label, tail, _ in triples:
        ends = [(*place(span.start, span.end), span.label_) for span in (head, tail)]
        items.append(_relation_item(ends, label, symmetric))
    return items


def _relation_item(ends: Sequence[Item], label: str, symmetric: Sequence[str]) -> Item:
    return (*(sorted(ends) if label in symmetric else ends), label)


def entity_sides(
    eg: Example, gold: Sequence[EntitySpan], predicted: Sequence[EntitySpan], borders: str = "exact"
) -> tuple[list[Item], list[Item]]:
    """The entities of gold and of a prediction, so that they can be compared."""
    right, found = entity_items(eg.reference, gold), entity_items(eg.predicted, predicted)
    if not are_forgiven(borders):
        return right, found
    moves = moves_to_gold(right, found)
    return right, [_moved(item, moves) for item in found]


def relation_sides(
    eg: Example, symmetric: Sequence[str], spans_key: str = DEFAULT_KEY, borders: str = "exact"
) -> tuple[list[Item], list[Item]]:
    """The relations of gold and of a prediction, so that they can be compared."""
    right, found = relation_items(eg.reference, symmetric), relation_items(eg.predicted, symmetric)
    if not are_forgiven(borders) or not (right and found):
        return right, found
    ends = []
    for doc, relations in ((eg.reference, right), (eg.predicted, found)):
        entities = entity_items(doc, get_entities(doc, spans_key) or ())
        ends.append([*entities, *(end for head, tail, _ in relations for end in (head, tail))])
    moves = moves_to_gold(*ends)
    return right, [
        _relation_item([_moved(head, moves), _moved(tail, moves)], label, symmetric) for head, tail, label in found
    ]


def _moved(item: Item, moves: dict[Place, Place]) -> Item:
    """An entity at the place that it stands for."""
    return (*moves.get(item[:2], item[:2]), item[2])


def without_entity_labels(relations: Iterable[Item]) -> list[Item]:
    """What each relation is compared by where entity labels do not count."""
    return [(head[:2], tail[:2], label) for head, tail, label in relations]


def _flat(doc: Doc, entities: Sequence[EntitySpan]) -> Sequence[EntitySpan]:
    if doc.has_annotation("ENT_IOB"):
        return [EntitySpan(ent.start, ent.end, ent.label_) for ent in doc.ents]
    return flat_subset(entities)


def check_texts(eg: Example) -> None:
    """Refuse an example of two different texts (ValueError); white space and case may differ."""
    gold, predicted = eg.reference.text, eg.predicted.text
    if gold != predicted and "".join(gold.split()).lower() != "".join(predicted.split()).lower():
        raise ValueError(Errors.M501.format(gold=gold[:80], predicted=predicted[:80]))


def _known_labels(examples: Sequence[Example], labels: Iterable[str] | None) -> list[str]:
    if labels is None:
        return sorted({label for eg in examples for label in (*eg.reference.cats, *eg.predicted.cats)})
    known = list(labels)
    in_gold = {label for eg in examples for label, value in eg.reference.cats.items() if value > 0}
    return [*known, *sorted(in_gold.difference(known))]


def _score_unanswered(examples: Sequence[Example], *, labels: Sequence[str], positive_label: str | None) -> Scores:
    """Exclusive labels, where some documents have none predicted: a yes or no per label counts the same and may be no for all of them."""

    def chosen(doc: Doc, attr: str) -> dict[str, float]:
        cats = {label: value for label, value in doc.cats.items() if label in labels}
        best = max(cats, key=cats.__getitem__) if cats else None
        return {label: float(label == best) for label in labels}

    def filled(doc: Doc, attr: str) -> dict[str, float]:
        return {label: doc.cats.get(label, 0.0) for label in labels}

    scores = Scorer.score_cats(examples, "cats", getter=chosen, labels=labels, multi_label=True)
    ranked = Scorer.score_cats(examples, "cats", getter=filled, labels=labels, multi_label=True)
    scores.update({key: ranked[key] for key in ("cats_macro_auc", "cats_auc_per_type")})
    if positive_label and len(labels) == 2:
        return {
            **scores,
            "cats_score": scores["cats_f_per_type"][positive_label]["f"],
            "cats_score_desc": f"F ({positive_label})",
        }
    return {**scores, "cats_score": scores["cats_macro_f"], "cats_score_desc": "macro F"}


def _make_scorer(score: Callable[..., Scores], **options) -> Callable[..., Scores]:
    """What stands in the config of the scorer goes before what the component says. A partial, unlike a closure, can be pickled."""
    return partial(_score_with, score, {name: value for name, value in options.items() if value is not None})


def _score_with(score: Callable[..., Scores], options: dict[str, Any], examples: Iterable[Example], **cfg) -> Scores:
    return score(examples, **{**cfg, **options})
