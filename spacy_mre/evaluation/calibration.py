"""Whether scores can be read as probabilities: of the predictions with a score near 0.8, four in five should be right.

The expected calibration error is that of Guo, Pleiss, Sun and Weinberger (2017), "On calibration of modern neural
networks", section 2, equation 3, with ten bins of equal width: the mean distance between score and share of right
predictions, over all predictions. Only predictions count, not what a pipeline has left out. With few predictions the
error is above zero even if each score is an exact probability; draws of such predictions tell how far.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy
from rich.table import Table
from spacy.training import Example

from ..annotations.entities import DEFAULT_KEY, get_entities
from ..annotations.relations import get_relations
from .figures import make_figure, save_figure
from .items import Item, check_texts, compared_cats, gold_cats, scored_entities, scored_relations
from .report import make_table

BINS = 10
DRAWS = 200
TITLES = {"entities": "entities", "relations": "strict relations", "cats": "text labels"}


class Bin(NamedTuple):
    """The predictions with scores in a range.

    low (float): The lowest score.
    high (float): The score below which they are; 1.0 belongs to the last bin.
    predictions (int): Their number.
    score (float): The mean of their scores; 0.0 if there are none.
    right (float): The share of right ones; 0.0 if there are none.
    """

    low: float
    high: float
    predictions: int
    score: float
    right: float


class Calibration(NamedTuple):
    """How well the scores of a level agree with the shares of right predictions.

    error (float): The expected calibration error, between 0 and 1.
    chance (float): The mean error of as many predictions whose scores are exact probabilities.
    bins (list[Bin]): The ranges of scores, from the lowest.
    """

    error: float
    chance: float
    bins: list[Bin]


def compare_scores(scores: Sequence[float], right: Sequence[bool]) -> Calibration:
    """Compare scores with the shares of right predictions.

    scores (Sequence[float]): The scores of the predictions, between 0 and 1.
    right (Sequence[bool]): Whether each is right.
    RETURNS (Calibration): The error is 0 if there are no predictions.

    >>> compare_scores([0.9, 0.9, 0.9, 0.9], [True, True, True, False]).error
    0.15
    """
    values, hits = numpy.asarray(scores, dtype=float), numpy.asarray(right, dtype=float)
    places = numpy.clip((values * BINS).astype(int), 0, BINS - 1)
    counts, sums, found = (numpy.bincount(places, weights, BINS) for weights in (None, values, hits))
    filled = numpy.maximum(counts, 1)
    error = float(numpy.abs(sums - found).sum() / max(len(values), 1))
    generator, chance = numpy.random.default_rng(0), 0.0
    for _ in range(DRAWS):
        drawn = numpy.bincount(places, generator.random(len(values)) < values, BINS)
        chance += float(numpy.abs(sums - drawn).sum()) / max(len(values), 1) / DRAWS
    rows = zip(counts.tolist(), (sums / filled).tolist(), (found / filled).tolist())
    bins = [Bin(i / BINS, (i + 1) / BINS, int(count), score, share) for i, (count, score, share) in enumerate(rows)]
    return Calibration(round(error, 6), round(chance, 6), bins)


def measure_calibration(
    examples: Sequence[Example],
    *,
    spans_key: str = DEFAULT_KEY,
    symmetric: Sequence[str] = (),
    multi_label: bool = False,
    threshold: float = 0.5,
) -> dict[str, Calibration]:
    """Measure the calibration of each level.

    examples (Sequence[Example]): Gold and predictions. Texts without gold at a level are not counted there.
    spans_key (str): The span group of the entities.
    symmetric (Sequence[str]): Relation labels without direction.
    multi_label (bool): Any number of text labels may hold; otherwise the label with the highest score counts.
    threshold (float): The lowest score of a predicted text label, if several may hold.
    RETURNS (dict[str, Calibration]): "entities", "relations" (with the types of their entities) and "cats", as far as
        there are predictions.
    RAISES (ValueError): If gold and prediction have different texts.
    """
    found: dict[str, tuple[list[float], list[bool]]] = {level: ([], []) for level in TITLES}

    def add(level: str, gold: Mapping[Item, Any] | set[str], predicted: Mapping[Any, float]) -> None:
        scores, right = found[level]
        scores += predicted.values()
        right += (item in gold for item in predicted)

    for eg in examples:
        check_texts(eg)
        if get_entities(eg.reference, spans_key) is not None:
            add("entities", scored_entities(eg.reference, spans_key), scored_entities(eg.predicted, spans_key))
        if get_relations(eg.reference) is not None:
            gold = scored_relations(eg.reference, symmetric, spans_key)
            add("relations", gold, scored_relations(eg.predicted, symmetric, spans_key))
        held = gold_cats(eg.reference, multi_label)
        if held is not None:
            add("cats", held, compared_cats(eg, multi_label, threshold))
    return {level: compare_scores(*pair) for level, pair in found.items() if pair[0]}


def calibration_table(found: Mapping[str, Calibration]) -> Table:
    """RETURNS (Table): For `rich.print`: mean score, share of right predictions and error of each level."""
    table = make_table("Calibration", "predictions", "mean score", "right, %", "error", "by chance")
    for level, (error, chance, bins) in found.items():
        count = sum(each.predictions for each in bins)
        score, right = (sum(each.predictions * getattr(each, name) for each in bins) for name in ("score", "right"))
        values = (score / max(count, 1), right / max(count, 1), error, chance)
        table.add_row(TITLES[level], f"{count:,}", *(f"{100 * value:.1f}" for value in values))
    return table


def bin_tables(found: Mapping[str, Calibration]) -> list[Table]:
    """RETURNS (list[Table]): For `rich.print`: the ranges of scores of each level that have predictions."""
    tables = []
    for level, (_, _, bins) in found.items():
        table = make_table(f"{TITLES[level].capitalize()} by score", "predictions", "mean score", "right, %")
        for low, high, count, score, right in bins:
            if count:
                table.add_row(f"{low:.1f} to {high:.1f}", f"{count:,}", f"{100 * score:.1f}", f"{100 * right:.1f}")
        tables.append(table)
    return tables


def plot_calibration(found: Mapping[str, Calibration], path: Path) -> None:
    """Draw the reliability diagram of each level: the share of right predictions by score, with their numbers.

    found (Mapping[str, Calibration]): The result of `measure_calibration`.
    path (Path): The image; its suffix is its format. Its folder is made.
    RAISES (ImportError): If matplotlib is not installed.
    """
    figure = make_figure(3.4 * max(len(found), 1), 3.6)
    for ax, (level, (error, _, bins)) in zip(figure.subplots(1, max(len(found), 1), squeeze=False)[0], found.items()):
        filled = [each for each in bins if each.predictions]
        ax.plot([0, 1], [0, 1], color="#888888", linewidth=0.8)
        ax.bar([each.low for each in filled], [each.right for each in filled], 1 / BINS, align="edge", alpha=0.3)
        ax.plot([each.score for each in filled], [each.right for each in filled], "o", color="#20639b")
        for each in filled:
            ax.annotate(f"{each.predictions}", (each.low + 0.5 / BINS, 0.02), ha="center", fontsize="x-small")
        ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="score", ylabel="share of right predictions")
        ax.set_title(f"{TITLES[level]}: error {100 * error:.1f} points", fontsize="medium")
    save_figure(figure, path)
