"""Tables and a plot of the results of `reinforce`."""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev

import numpy
from rich.table import Table

from .figures import make_figure, save_figure
from .reinforce import Gain, Records, kind_of
from .report import make_table
from .significance import share

SCORES = {
    "cats_accuracy": "text acc.",
    "cats_macro_f": "macro F",
    "spans_f": "entities",
    "whole": "all correct",
    "rel_strict_f": "strict rel.",
}
NAMES = {
    "text": "text alone",
    "word": "word alone",
    "both": "both",
    "word_reads_text": "word reads text",
}
LEVELS = {"text": "text label", "word": "entities", "whole": "all entities", "relations": "strict rel."}
# Level and arm of the gains in the plot, which are over the level alone.
PLOTTED = (("text", "both"), ("word", "both"), ("word", "word_reads_text"))


def arms_table(records: Records) -> Table:
    """Make the table of the scores of each arm in percent: mean and standard deviation over the seeds.

    records (dict[str, dict[int, dict[str, Any]]]): The runs by arm and seed.
    RETURNS (Table): For `rich.print`. "all correct" is the share of texts without a wrong or missed entity.
    """
    table = make_table("Each level alone, and both", "n", *SCORES.values())
    table.columns[0].no_wrap = True
    for arm, by_seed in records.items():
        scores = [{**run["scores"], "whole": _share_of_whole_texts(run["counts"])} for run in by_seed.values()]
        table.add_row(name_of(arm), str(len(scores)), *(spread([row.get(key) for row in scores]) for key in SCORES))
    return table


def gains_table(gains: Sequence[Gain]) -> Table:
    """Make the table of the gains in percentage points.

    gains (Sequence[Gain]): The result of `compare_arms`.
    RETURNS (Table): For `rich.print`.
    """
    table = Table("score", "gain of", "over", "n", "points (95 %)", "p", "verdict", title="Gains", title_justify="left")
    for column in table.columns[:5]:
        column.no_wrap = True
    for gain in gains:
        value, low, high, p = gain.difference
        table.add_row(
            LEVELS[gain.level],
            name_of(gain.arm),
            name_of(gain.control),
            str(len(gain.seeds)),
            f"{100 * value:+.2f} ({100 * low:+.2f} to {100 * high:+.2f})",
            f"{p:.3f}",
            gain.difference.verdict,
        )
    return table


def plot_gains(by_corpus: dict[str, list[Gain]], path: Path) -> None:
    """Plot the gains over each level alone, with their intervals.

    by_corpus (dict[str, list[Gain]]): The gains by name of the corpus.
    path (Path): The image; its suffix is its format. Its folder is made.
    RAISES (ImportError): If matplotlib is not installed.
    """
    figure = make_figure(7, 1 + 0.5 * sum(len(gains) for gains in by_corpus.values()))
    axes = figure.subplots(len(by_corpus), 1, sharex=True, squeeze=False)[:, 0]
    for ax, (corpus, gains) in zip(axes, by_corpus.items()):
        alone = [gain for gain in gains if kind_of(gain.control) == gain.level]
        by_arm = {(gain.level, kind_of(gain.arm)): gain for gain in alone}
        plotted = [by_arm[key] for key in PLOTTED if key in by_arm]
        values = 100 * numpy.array([gain.difference[:3] for gain in plotted]).reshape(-1, 3)
        rows = numpy.arange(len(plotted))[::-1]
        errors = numpy.abs(values[:, 1:].T - values[:, 0])
        ax.errorbar(values[:, 0], rows, xerr=errors, fmt="o", color="#20639b", capsize=3)
        ax.axvline(0, color="#888888", linewidth=0.8)
        ax.set_yticks(rows, [f"{LEVELS[gain.level]}: {name_of(gain.arm)}" for gain in plotted])
        ax.set_ylim(-0.6, len(plotted) - 0.4)
        ax.set_title(corpus, loc="left", fontsize="medium", parse_math=False)
    axes[-1].set_xlabel("gain over the level alone, in points (95 % interval over documents and seeds)")
    save_figure(figure, path)


def name_of(arm: str) -> str:
    """RETURNS (str): An arm in words.

    >>> name_of("both"), name_of("word_reads_text-0.3")
    ('both', 'word reads text, weight 0.3')
    """
    weight = arm.partition("-")[2]
    return NAMES[kind_of(arm)] + (f", weight {weight}" if weight else "")


def spread(values: Sequence[float | None]) -> str:
    """Format mean and standard deviation in percent.

    values (Sequence[float | None]): Fractions, one per seed.
    RETURNS (str): For example "84.31 ± 0.42". Without the deviation for a single value; "-" if a value is missing.

    >>> spread([0.5, 0.7]), spread([0.5]), spread([0.5, None])
    ('60.00 ± 14.14', '50.00', '-')
    """
    known: list[float] = [100 * value for value in values if value is not None]
    if not known or len(known) < len(values):
        return "-"
    return f"{mean(known):.2f}" + (f" ± {stdev(known):.2f}" if len(known) > 1 else "")


def _share_of_whole_texts(counts: dict[str, numpy.ndarray]) -> float | None:
    return float(share(counts["whole_entities"].sum(axis=0))) if "whole_entities" in counts else None
