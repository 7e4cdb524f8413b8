"""The plots in docs/images/."""

from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from spacy_mre.evaluation.figures import save_figure
from spacy_mre.evaluation.learning_curve_report import NAMES
from spacy_mre.evaluation.reinforce import Gain
from spacy_mre.evaluation.reinforce_report import plot_gains
from spacy_mre.evaluation.significance import Difference
from spacy_mre.files import replacing

from .results import read
from .tables.curves import VARIANTS
from .tables.speed import GROWN

FOLDER = Path("docs/images")
COLOURS = {"seconds": "#20639b", "head_seconds": "#3caea3", "bytes": "#c0392b"}
VARIANT_COLOURS = dict(zip(VARIANTS, ("#20639b", "#d1495b", "#8d99ae")))


def draw_plots(folder: Path = FOLDER) -> list[Path]:
    """Draw all plots that there are results for. The same results give the same files.

    RETURNS (list[Path]): The files.
    """
    drawn = []
    figure = speed_length()
    if figure is not None:
        with rc_context({"svg.hashsalt": "speed_length.svg"}), replacing(folder / "speed_length.svg") as temporary:
            figure.savefig(temporary, metadata={"Date": None})
        drawn.append(folder / "speed_length.svg")
    figure = learning_curves()
    if figure is not None:
        with rc_context({"svg.hashsalt": "learning_curves"}):
            save_figure(figure, folder / "learning_curves.svg")
        drawn.append(folder / "learning_curves.svg")
    if read("reinforcement")["rows"]:
        with rc_context({"svg.hashsalt": "reinforcement"}):
            plot_gains(gains(), folder / "reinforcement.svg")
        drawn.append(folder / "reinforcement.svg")
    return drawn


def gains() -> dict[str, list[Gain]]:
    """The gains of text labels and entities from each other, by corpus."""
    found: dict[str, list[Gain]] = {}
    for row in read("reinforcement")["rows"]:
        values = {name: row[name] for name in Gain._fields[:-1]}
        gain = Gain(**values, difference=Difference(**row["difference"]))
        found.setdefault(row["data"], []).append(gain)
    return found


def learning_curves() -> Figure | None:
    """Scores by the number of training texts: a column for each config, a row for each level."""
    rows = read("curves")["rows"]
    if not rows:
        return None
    configs, levels = (list(dict.fromkeys(row[key] for row in rows)) for key in ("config", "level"))
    sizes = sorted({row["texts"] for row in rows})
    figure = Figure(figsize=(2.6 * len(configs), 2.1 * len(levels)), layout="constrained")
    axes = figure.subplots(len(levels), len(configs), sharex=True, sharey="row", squeeze=False)
    for i, level in enumerate(levels):
        for j, config in enumerate(configs):
            ax = axes[i, j]
            for variant, colour in VARIANT_COLOURS.items():
                points = [
                    row for row in rows if (row["level"], row["config"], row["variant"]) == (level, config, variant)
                ]
                places = [row["texts"] for row in points]
                value, low, high = ([100 * row[key] for row in points] for key in ("value", "low", "high"))
                ax.plot(places, value, "o-", color=colour, label=VARIANTS[variant].replace("`", ""), markersize=3)
                ax.fill_between(places, low, high, color=colour, alpha=0.12, linewidth=0)
            ax.set_xscale("log")
            ax.set_xticks(sizes, list(map(str, sizes)))
            ax.minorticks_off()
            ax.spines[["top", "right"]].set_visible(False)
        axes[i, 0].set_ylabel(f"{NAMES[level]} (%)")
    for j, config in enumerate(configs):
        axes[0, j].set_title(config, fontsize="medium")
        axes[-1, j].set_xlabel("training texts")
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize="small"
    )
    return figure


def speed_length() -> Figure | None:
    """Time and memory against the length of the text; with logarithmic axes linear growth is a diagonal."""
    series = read("speed").get("series", {})
    grown = {name: series[key] for key, name in GROWN.items() if key in series}
    if not grown:
        return None
    figure = Figure(figsize=(7.2, 2.8 * len(grown)), layout="constrained")
    for (left, right), (name, points) in zip(figure.subplots(len(grown), 2, squeeze=False), grown.items()):
        lengths = [point["tokens"] for point in points]
        for part, about in (("seconds", "whole pipeline"), ("head_seconds", "after the encoder")):
            _draw_line(left, lengths, points, part, about)
        _draw_line(right, lengths, points, "bytes", "", scale=1e-6)
        for ax, measured in ((left, "seconds"), (right, "peak memory, MB")):
            ax.set(xscale="log", yscale="log", xlabel="tokens", ylabel=measured)
        left.set_title(name, loc="left", fontsize="medium")
        left.legend(frameon=False)
    return figure


def _draw_line(ax: Any, places: list[int], points: list[dict], part: str, name: str, scale: float = 1.0) -> None:
    """A line through the medians, in a band from the lowest to the highest."""
    values, low, high = ([scale * point[key] for point in points] for key in (part, f"{part}_min", f"{part}_max"))
    ax.plot(places, values, "o-", color=COLOURS[part], label=name, markersize=4)
    ax.fill_between(places, low, high, color=COLOURS[part], alpha=0.2, linewidth=0)
    ax.spines[["top", "right"]].set_visible(False)
