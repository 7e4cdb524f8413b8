"""The plots of docs/performance.md: `python -m benchmarks.speed.plots`."""

from pathlib import Path
from typing import Annotated, Any

import srsly
import typer

from .results import RESULTS
from .tables import GROWS, PICTURES

COLOURS = {"seconds": "#20639b", "head_seconds": "#3caea3", "bytes": "#c0392b"}


def main(
    results: Annotated[Path, typer.Argument(help="What was measured.", exists=True)] = RESULTS,
    folder: Annotated[Path, typer.Argument(help="Where the pictures go.")] = Path("docs/images"),
) -> None:
    """Draw how time and memory grow."""
    series = srsly.read_json(results)["series"]
    if "length" in series:
        plot_length(series["length"], folder / PICTURES["length"])
    plot_heads({what: series[what] for what in GROWS if what in series}, folder / PICTURES["heads"])


def plot_length(points: list[dict[str, Any]], path: Path) -> None:
    """Time and memory over the length of the text; both axes are logarithmic, so that what is linear is a diagonal.

    points (List[Dict[str, Any]]): One for each length.
    path (Path): The picture.
    """
    figure, (left, right) = make_figure(2)
    lengths = [point["tokens"] for point in points]
    for part, name in (("seconds", "whole pipeline"), ("head_seconds", "behind the encoder")):
        draw(left, lengths, points, part, name)
    draw(right, lengths, points, "bytes", "", scale=1e-6)
    for ax, measured in ((left, "seconds"), (right, "peak memory, MB")):
        ax.set(xscale="log", yscale="log", xlabel="tokens", ylabel=measured)
    left.legend(frameon=False)
    save(figure, path)


def plot_heads(series: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """Time of heads and decoding over the width limit, the entities and the labels.

    series (Dict[str, List[Dict[str, Any]]]): The points of each.
    path (Path): The picture; without any series there is none.
    """
    if not series:
        return
    figure, axes = make_figure(len(series))
    for ax, (what, points) in zip(axes, series.items()):
        draw(ax, [point[what] for point in points], points, "seconds", "", scale=1000)
        ax.set(xlabel=GROWS[what], ylabel="ms", ylim=(0, None))
    save(figure, path)


def make_figure(panels: int):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.6 * panels, 2.8), layout="constrained")
    return figure, figure.subplots(1, panels, squeeze=False)[0]


def draw(ax, places: list[int], points: list[dict[str, Any]], part: str, name: str, scale: float = 1.0) -> None:
    """A line through the medians, in a band from the least to the most."""
    values, low, high = ([scale * point[key] for point in points] for key in (part, f"{part}_min", f"{part}_max"))
    ax.plot(places, values, "o-", color=COLOURS[part], label=name, markersize=4)
    ax.fill_between(places, low, high, color=COLOURS[part], alpha=0.2, linewidth=0)
    ax.spines[["top", "right"]].set_visible(False)


def save(figure, path: Path) -> None:
    from matplotlib import rc_context

    path.parent.mkdir(parents=True, exist_ok=True)
    with rc_context({"svg.hashsalt": path.stem}):  # the same numbers give the same file
        figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    typer.run(main)
