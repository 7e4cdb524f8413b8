"""Which texts a person sees first."""

from collections import Counter
from collections.abc import Iterable
from operator import itemgetter

from .comparing import Analysis, Cats, Names, f1, find_names, items
from .texts import Text

FILE, UNCERTAIN, DISAGREEMENT = "file", "uncertain", "disagreement"


def find_uncertainty(analysis: Analysis, cats: Cats) -> float:
    """How unsure a pipeline is about what it found. It says nothing about what it did not find.

    analysis (dict[str, Any]): What it found, with scores.
    cats (Cats): Which text labels hold.
    RETURNS (float): 1 minus the least margin: for an entity, a relation, and a text label that others do not exclude,
        how far its score is from 0.5; for exclusive text labels, the distance of the best two.

    >>> cats = {"news": 0.75, "diary": 0.25}
    >>> find_uncertainty({"entities": [{"score": 0.9}, {"score": 0.625}], "relations": None, "cats": cats}, Cats())
    0.75
    """
    scores = [one["score"] for level in ("entities", "relations") for one in analysis[level] or ()]
    labels = sorted((analysis["cats"] or {}).values(), reverse=True)
    if cats.multi_label:
        scores += labels
    margins = [abs(2 * score - 1) for score in scores]
    if len(labels) > 1 and not cats.multi_label:
        margins.append(labels[0] - labels[1])
    return 1 - min(margins, default=1.0)


def find_agreement(text: Text, cats: Cats) -> float | None:
    """RETURNS (Optional[float]): The F1 of what two pipelines found in a text; None if one has no answer."""
    if text.predicted is None or text.other is None:
        return None
    score = f1([(items(text.predicted, cats), items(text.other, cats))])
    return 1.0 if score is None else score


def arrange(analysed: Iterable[Text], decided: Counter[Names], order: str, cats: Cats) -> list[Text]:
    """Put texts into an order that depends on what pipelines found in them.

    analysed (Iterable[Text]): Open texts that were analysed, in the order of the input.
    decided (Counter[frozenset[tuple[str, str]]]): How many texts about which was decided have the same names.
    order (str): "uncertain" or "disagreement".
    cats (Cats): Which text labels hold.
    RETURNS (list[Text]): The open texts. "uncertain" puts a text with the same names as one before it, or as one that
        was decided, behind those with new names.
    """
    if order == DISAGREEMENT:
        return sorted(analysed, key=lambda text: _first_if_known(find_agreement(text, cats)))
    seen: Counter[Names] = Counter()
    ranks: list[tuple[int, Text]] = []
    for text in sorted(
        analysed, key=lambda text: _first_if_known(None if text.uncertainty is None else -text.uncertainty)
    ):
        names = find_names(text.predicted)
        ranks.append((decided[names] + seen[names] if names else 0, text))
        seen[names] += 1
    return [text for _, text in sorted(ranks, key=itemgetter(0))]


def _first_if_known(value: float | None) -> tuple[bool, float]:
    return value is None, value or 0.0
