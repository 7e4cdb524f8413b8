"""F1 against the number of negative spans, one panel for each data set."""

from pathlib import Path
from typing import Any

import numpy

from .grid import Grid
from .summary import Runs, interval_of

PICTURE = Path("docs/images/negatives.svg")
LINES = (("spans_f", "entities", "#20639b"), ("rel_strict_f", "strict relations", "#c0392b"))


def plot_negatives(grid: Grid, runs: Runs, phase: str = "screen", path: Path = PICTURE) -> list[str]:
    """Draw the picture.

    grid (Grid): Its variants with `negatives` are the points.
    runs (Dict[Tuple[str, str, str], Dict[int, Dict[str, Any]]]): See `read_runs`; of several seeds the first is drawn.
    phase (str): Of the runs.
    path (Path): The picture; its suffix says the format.
    RETURNS (List[str]): The data sets drawn; without any there is no picture.
    """
    from matplotlib.figure import Figure

    points = {dataset: _points(grid, runs, phase, dataset) for dataset in grid.datasets}
    points = {dataset: found for dataset, found in points.items() if len(found) > 1}
    if not points:
        return []
    figure = Figure(figsize=(7, 2.6 * len(points)), layout="constrained")
    for ax, (dataset, found) in zip(figure.subplots(len(points), 1, squeeze=False)[:, 0], points.items()):
        places = numpy.arange(len(found))
        for score, name, colour in LINES:
            values = 100 * numpy.array([interval_of(run, score) or (numpy.nan,) * 3 for run in found.values()])
            errors = numpy.abs(values[:, 1:].T - values[:, 0])
            ax.errorbar(places, values[:, 0], yerr=errors, fmt="o-", color=colour, capsize=3, label=name)
        ax.set_xticks(places, list(found))
        ax.set_ylabel("F1 on dev, %")
        ax.set_title(dataset, loc="left", fontsize="medium")
    ax.set_xlabel("negative spans per text (intervals: 95 % over documents)")
    figure.legend(*ax.get_legend_handles_labels(), loc="outside upper right", ncols=2, frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    return list(points)


def _points(grid: Grid, runs: Runs, phase: str, dataset: str) -> dict[str, dict[str, Any]]:
    """The run of each number of negatives, in the order of the grid."""
    found = {}
    for variant, about in grid.variants.items():
        by_seed = runs.get((phase, dataset, variant))
        if "negatives" in about and by_seed:
            found[str(about["negatives"])] = by_seed[min(by_seed)]
    return found
