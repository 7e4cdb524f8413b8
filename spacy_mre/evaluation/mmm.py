"""The scores of MMM (Gan et al. 2024, arXiv 2407.10953): of the text label, of the words, and of both together.

TL, `tl_p`, `tl_r`, `tl_f`: the micro F1 of text labels. WL, `wl_p`, `wl_r`, `wl_f`: the micro F1 of pairs of label and
text, or of whole relations: text of the head, label, text of the tail. ALL, `all_acc`: the share of texts with the
right text label and exactly the right pairs or relations. Offsets do not matter. Our choice: duplicates count, and the
order does not.

**Absent is not empty.** A text without gold for a part is scored neither for that part nor as a whole. What is not part
of the task is not scored. Scores without anything to count are None.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable
from typing import Any, NamedTuple

from spacy.scorer import PRFScore

Scores = dict[str, Any]


class TextAndWords(NamedTuple):
    """What a text has at both levels.

    text (Collection[str] | None): The text labels. Empty if they are not part of the task, or if none holds; None if
        they are unknown.
    words (Collection[Hashable] | None): The pairs of label and text, or the relations; empty and None likewise.
    """

    text: Collection[str] | None
    words: Collection[Hashable] | None


def score_mmm(texts: Iterable[tuple[TextAndWords, TextAndWords | None]]) -> Scores:
    """Compute TL, WL and ALL.

    texts (Iterable[tuple[TextAndWords, TextAndWords | None]]): Gold and prediction of each text. What is unknown in a
        prediction counts as empty. None: the prediction cannot be read, so that it is wrong as a whole.
    RETURNS (dict[str, Any]): `tl_p`, `tl_r`, `tl_f`, `wl_p`, `wl_r`, `wl_f` and `all_acc`.

    >>> gold = TextAndWords(["travel"], [("place", "Lima"), ("place", "Lima")])
    >>> scores = score_mmm([(gold, TextAndWords(["travel"], [("place", "Lima")]))])
    >>> scores["tl_f"], scores["wl_p"], scores["wl_r"], scores["all_acc"]
    (1.0, 1.0, 0.5, 0.0)
    """
    labels, words, whole = PRFScore(), PRFScore(), []
    for gold, readable in texts:
        predicted = readable or TextAndWords(None, None)
        right = readable is not None
        if gold.text is not None:
            right &= _count(labels, gold.text, predicted.text or ())
        if gold.words is not None:
            right &= _count(words, gold.words, predicted.words or ())
        if gold.text is not None and gold.words is not None:
            whole.append(right)
    return {**_prf("tl", labels), **_prf("wl", words), "all_acc": share(whole)}


def share(values: Collection[bool]) -> float | None:
    """RETURNS (float | None): The share of what is right; None if there is nothing.

    values (Collection[bool]): Whether each is right.
    """
    return sum(values) / len(values) if values else None


def _count(score: PRFScore, gold: Iterable[Hashable], predicted: Iterable[Hashable]) -> bool:
    """Count true and false positives and false negatives. Returns whether the prediction equals gold."""
    # Of a mapping, Counter would take the values for counts.
    predicted_counts, gold_counts = Counter(list(predicted)), Counter(list(gold))
    score.tp += (predicted_counts & gold_counts).total()
    score.fp += (predicted_counts - gold_counts).total()
    score.fn += (gold_counts - predicted_counts).total()
    return predicted_counts == gold_counts


def _prf(name: str, score: PRFScore) -> Scores:
    if not score.tp + score.fp + score.fn:
        return dict.fromkeys((f"{name}_p", f"{name}_r", f"{name}_f"))
    return {f"{name}_p": score.precision, f"{name}_r": score.recall, f"{name}_f": score.fscore}
