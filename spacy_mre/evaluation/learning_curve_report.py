"""A table and a plot of learning curves, and what they say of more texts, in words."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from .extrapolation import FEWEST_POINTS
from .figures import make_figure, save_figure
from .learning_curve import Curve
from .report import make_table
from .significance import Interval

NAMES = {"entities": "entities, F1", "relations": "strict relations, F1", "texts": "text labels, accuracy"}
COLOURS = {"entities": "#20639b", "relations": "#d1495b", "texts": "#3caea3"}


def curve_table(curves: Sequence[Curve]) -> Table:
    """Make the table of the scores in percent, with 95 % intervals.

    curves (Sequence[Curve]): The curves.
    RETURNS (Table): For `rich.print`. A row for each number of training texts.
    """
    table = make_table("Learning curve", *(NAMES[curve.level] for curve in curves))
    for size in sorted({size for curve in curves for size in curve.points}):
        row = [curve.points.get(size) for curve in curves]
        table.add_row(f"{size} texts", *("-" if point is None else _percent(point, ".1f") for point in row))
    return table


def curve_row(curve: Curve) -> dict[str, Any]:
    """RETURNS (dict[str, Any]): A curve as JSON."""
    points = [{"texts": size, **point._asdict()} for size, point in curve.points.items()]
    outlook = curve.outlook and {**curve.outlook._asdict(), "gain": curve.outlook.gain._asdict()}
    return {"level": curve.level, "points": points, "outlook": outlook}


def describe_outlook(curve: Curve) -> str:
    """RETURNS (str): What more texts would bring, or why that cannot be said."""
    name = NAMES[curve.level]
    if curve.outlook is None:
        return f"{name}: too few sizes for a prediction; give at least {FEWEST_POINTS} with --size"
    texts, more, gain = curve.outlook
    return f"{name}: {more} texts more than {texts} would bring {_percent(gain, '+.1f')}"


def plot_curves(curves: Sequence[Curve], path: Path) -> None:
    """Plot the scores with their intervals, and what is predicted for more texts.

    curves (Sequence[Curve]): The curves.
    path (Path): The image; its suffix is its format. Its folder is made.
    RAISES (ImportError): If matplotlib is not installed.
    """
    figure = make_figure(7, 4)
    ax = figure.subplots()
    for curve in curves:
        sizes, colour = sorted(curve.points), COLOURS[curve.level]
        points = [curve.points[size] for size in sizes]
        values = [100 * point.value for point in points]
        ax.fill_between(sizes, [100 * p.low for p in points], [100 * p.high for p in points], color=colour, alpha=0.15)
        ax.plot(sizes, values, "o-", color=colour, label=NAMES[curve.level])
        if curve.outlook:
            texts, more, gain = curve.outlook
            ends = [texts, texts + more]
            ax.plot(ends, [values[-1], values[-1] + 100 * gain.value], "--", color=colour)
            ax.fill_between(
                ends,
                [values[-1], values[-1] + 100 * gain.low],
                [values[-1], values[-1] + 100 * gain.high],
                color=colour,
                alpha=0.3,
            )
    ax.set_xscale("log")
    ticks = sorted({size for curve in curves for size in curve.points})
    ax.set_xticks(ticks, list(map(str, ticks)))
    ax.minorticks_off()
    ax.set_xlabel("training texts")
    ax.set_ylabel("score, % (95 % interval over documents and seeds)")
    ax.legend()
    save_figure(figure, path)


def _percent(interval: Interval, form: str) -> str:
    value, low, high = (format(100 * each, form) for each in interval)
    return f"{value} ({low} to {high})"
