"""The plots in docs/images/."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
from matplotlib import rc_context
from matplotlib.figure import Figure

from spacy_mre.evaluation.reinforce import Gain
from spacy_mre.evaluation.reinforce_report import plot_gains
from spacy_mre.evaluation.significance import Difference
from spacy_mre.files import replacing

from .grid import Grid
from .results import interval, read, read_counts

FOLDER = Path("docs/images")
COLOURS = {"seconds": "#20639b", "head_seconds": "#3caea3", "bytes": "#c0392b"}
LINES = {"entities": "#20639b", "strict_relations": "#c0392b"}
LEVELS = {"cats_accuracy": "text", "spans_f": "word", "whole_f": "whole", "rel_strict_f": "relations"}


def draw_plots(folder: Path = FOLDER) -> list[Path]:
    """Draw all plots that there are results for. The same results give the same files.

    RETURNS (list[Path]): The files.
    """
    plots: dict[str, Callable[[], Figure | None]] = {
        "negatives.svg": negatives,
        "speed_length.svg": speed_length,
    }
    drawn = []
    for name, plot in plots.items():
        figure = plot()
        if figure is not None:
            with rc_context({"svg.hashsalt": name}), replacing(folder / name) as temporary:
                figure.savefig(temporary, metadata={"Date": None})
            drawn.append(folder / name)
    if read("reinforcement")["comparisons"]:
        with rc_context({"svg.hashsalt": "reinforcement"}):
            plot_gains(gains(), folder / "reinforcement.svg")
        drawn.append(folder / "reinforcement.svg")
    return drawn


def negatives() -> Figure | None:
    """F1 on dev against the number of negative spans."""
    variants = [name for name in Grid.load().suites["accuracy"]["variants"] if name.startswith("negatives_")]
    counts = read_counts("conll04")
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    ax = figure.subplots()
    for layer, colour in LINES.items():
        found = {name: interval(counts, "accuracy", "dev_third", name, layer) for name in variants}
        known = {name.removeprefix("negatives_"): of for name, of in found.items() if of is not None}
        if not known:
            return None
        values = 100 * numpy.array(list(known.values()))
        errors = numpy.abs(values[:, 1:].T - values[:, 0])
        label = layer.replace("_", " ")
        ax.errorbar(range(len(known)), values[:, 0], yerr=errors, fmt="o-", color=colour, capsize=3, label=label)
        ax.set_xticks(range(len(known)), list(known))
    ax.set(xlabel="negative spans per text (intervals: 95 % over documents)", ylabel="F1 on dev, %")
    ax.set_title("CoNLL04", loc="left", fontsize="medium")
    ax.legend(frameon=False, ncols=2)
    return figure


def gains() -> dict[str, list[Gain]]:
    """The comparisons of the suite reinforcement, by data set."""
    found: dict[str, list[Gain]] = {}
    for one in read("reinforcement")["comparisons"]:
        difference = Difference(*(one[key] for key in ("value", "low", "high", "p")))
        gain = Gain(LEVELS[one["score"]], one["variant"], one["against"], one["seeds"], difference)
        found.setdefault(one["dataset"], []).append(gain)
    return found


def speed_length() -> Figure | None:
    """Time and memory against the length of the text; with logarithmic axes linear growth is a diagonal."""
    points = read("speed").get("series", {}).get("length")
    if not points:
        return None
    figure = Figure(figsize=(7.2, 2.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    lengths = [point["tokens"] for point in points]
    for part, name in (("seconds", "whole pipeline"), ("head_seconds", "after the encoder")):
        _draw_line(left, lengths, points, part, name)
    _draw_line(right, lengths, points, "bytes", "", scale=1e-6)
    for ax, measured in ((left, "seconds"), (right, "peak memory, MB")):
        ax.set(xscale="log", yscale="log", xlabel="tokens", ylabel=measured)
    left.legend(frameon=False)
    return figure


def _draw_line(ax: Any, places: list[int], points: list[dict], part: str, name: str, scale: float = 1.0) -> None:
    """A line through the medians, in a band from the lowest to the highest."""
    values, low, high = ([scale * point[key] for point in points] for key in (part, f"{part}_min", f"{part}_max"))
    ax.plot(places, values, "o-", color=COLOURS[part], label=name, markersize=4)
    ax.fill_between(places, low, high, color=COLOURS[part], alpha=0.2, linewidth=0)
    ax.spines[["top", "right"]].set_visible(False)
