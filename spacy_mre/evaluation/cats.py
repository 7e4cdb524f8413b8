"""Scores of text labels, as spaCy computes them, also for documents without gold or without a prediction."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from spacy.scorer import Scorer
from spacy.tokens import Doc
from spacy.training import Example

from ..annotations.text_labels import highest_cat
from .items import gold_cats

Scores = dict[str, Any]

# The names of spaCy's scores of text labels begin with it.
PREFIX = "cats"

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


def score_cats(
    examples: Iterable[Example],
    *,
    labels: Iterable[str] | None = None,
    multi_label: bool = False,
    threshold: float | None = None,
    positive_label: str | None = None,
    prefix: str = PREFIX,
    **cfg: Any,
) -> Scores:
    """Score text labels like `spacy.scorer.Scorer.score_cats`, except for four cases that it does not handle.

    Documents without gold are skipped; if exactly one label holds, so are those in which none does. A gold label that
    no component knows counts as missed; those that only another component predicts are not scored. For a document
    without any predicted label, or whose scores are all 0.0 if exactly one label holds, the gold label counts as
    missed. Which gold labels hold is that of `gold_cats`.

    examples (Iterable[Example]): Gold and predictions.
    labels (Iterable[str] | None): The labels of the component. Default: all labels of gold and predictions.
    multi_label (bool): Any number of labels may hold; otherwise exactly one.
    threshold (float | None): The lowest probability of a predicted label, if several may hold. Default: 0.5.
    positive_label (str | None): Of two exclusive labels, the one that is scored.
    prefix (str): What the names of the scores begin with, in place of "cats": another one for each of several
        components, because spaCy keeps only the last score of a name.
    cfg (Any): Settings of the component that are not used.
    RETURNS (dict[str, Any]): The scores of spaCy; all None if no document has gold.
    """
    scores = _score(examples, labels, multi_label=multi_label, threshold=threshold, positive_label=positive_label)
    return {f"{prefix}{name.removeprefix(PREFIX)}": value for name, value in scores.items()}


def _score(
    examples: Iterable[Example],
    labels: Iterable[str] | None,
    *,
    multi_label: bool,
    threshold: float | None,
    positive_label: str | None,
) -> Scores:
    examples = list(examples)
    known = _known_labels(examples, labels)
    own = (_with_own_gold(eg, set(known)) for eg in examples)
    with_gold = [eg for eg in own if gold_cats(eg.reference, multi_label) is not None]
    examples = [_with_binary_gold(eg, multi_label) for eg in with_gold]
    if not examples:
        return {f"cats_{key}": None for key in CATS_KEYS}
    if multi_label:
        return Scorer.score_cats(
            examples, "cats", labels=known, positive_label=positive_label, multi_label=True, threshold=threshold
        )
    if all(any(eg.predicted.cats.get(label, 0.0) > 0 for label in known) for eg in examples):
        return Scorer.score_cats(examples, "cats", labels=known, positive_label=positive_label, multi_label=False)
    return _score_with_missing(examples, labels=known, positive_label=positive_label)


def _known_labels(examples: Sequence[Example], labels: Iterable[str] | None) -> list[str]:
    if labels is None:
        return sorted({label for eg in examples for label in (*eg.reference.cats, *eg.predicted.cats)})
    known = list(labels)
    of_any = {label for eg in examples for label in eg.predicted.cats}
    in_gold = {label for eg in examples for label, value in eg.reference.cats.items() if value}
    return [*known, *sorted(in_gold.difference(known, of_any))]


def _with_own_gold(example: Example, known: Collection[str]) -> Example:
    gold = example.reference.cats
    own = {label: value for label, value in gold.items() if label in known}
    return example if len(own) == len(gold) else _with_gold(example, own)


def _with_binary_gold(example: Example, multi_label: bool) -> Example:
    """Gold values become 0 or 1, because spaCy takes every label with a value above 0 as one that holds."""
    gold = example.reference.cats
    if all(value in (0.0, 1.0) for value in gold.values()):
        return example
    held = gold_cats(example.reference, multi_label) or ()
    return _with_gold(example, {label: float(label in held) for label in gold})


def _with_gold(example: Example, cats: dict[str, float]) -> Example:
    gold = Doc(example.reference.vocab)
    gold.cats = cats
    return Example(example.predicted, gold)


def _score_with_missing(examples: Sequence[Example], *, labels: Sequence[str], positive_label: str | None) -> Scores:
    """Score exclusive labels where some documents have no prediction.

    spaCy needs a prediction if classes are exclusive. One yes or no per label gives the same counts, and all of them
    may be no.
    """

    def best_label(doc: Doc, attr: str) -> dict[str, float]:
        cats = {label: value for label, value in doc.cats.items() if label in labels}
        best = highest_cat(cats)
        return {label: float(label == best) for label in labels}

    def all_labels(doc: Doc, attr: str) -> dict[str, float]:
        return {label: doc.cats.get(label, 0.0) for label in labels}

    scores = Scorer.score_cats(examples, "cats", getter=best_label, labels=labels, multi_label=True)
    ranked = Scorer.score_cats(examples, "cats", getter=all_labels, labels=labels, multi_label=True)
    scores.update({key: ranked[key] for key in ("cats_macro_auc", "cats_auc_per_type")})
    if positive_label and len(labels) == 2:
        scores["cats_score"] = scores["cats_f_per_type"][positive_label]["f"]
        scores["cats_score_desc"] = f"F ({positive_label})"
    else:
        scores["cats_score"] = scores["cats_macro_f"]
        scores["cats_score_desc"] = "macro F"
    return scores
