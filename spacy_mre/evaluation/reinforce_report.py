"""The outcome of `reinforce` for a person: two tables and a plot."""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev

import numpy
from rich.table import Table

from ..errors import Errors
from .reinforce import Gain, Records
from .significance import share

SCORES = {
    "cats_accuracy": "text acc.",
    "cats_macro_f": "macro F",
    "spans_f": "entities",
    "whole": "whole",
    "rel_strict_f": "strict rel.",
}
NAMES = {
    "text": "text alone",
    "word": "word alone",
    "both": "both",
    "text_reads_word": "text reads word",
    "word_reads_text": "word reads text",
}
LEVELS = {"text": "text label", "word": "entities", "whole": "whole texts", "relations": "strict rel."}


def arms_table(records: Records) -> Table:
    """The scores of every arm in percent: mean and standard deviation over the seeds.

    records (Dict[str, Dict[int, Dict[str, Any]]]): By arm and seed.
    RETURNS (Table): For `rich.print`. "whole" is the share of texts without a wrong or missed entity.
    """
    table = Table("", "n", *SCORES.values(), title="Each level alone, and both", title_justify="left")
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
    for arm, by_seed in records.items():
        scores = [{**run["scores"], "whole": _whole(run["counts"])} for run in by_seed.values()]
        table.add_row(NAMES[arm], str(len(scores)), *(spread([row.get(key) for row in scores]) for key in SCORES))
    return table


def gains_table(gains: Sequence[Gain]) -> Table:
    """The gains in points of percent.

    gains (Sequence[Gain]): See `compare_arms`.
    RETURNS (Table): For `rich.print`.
    """
    table = Table("what", "gain of", "over", "n", "points (95 %)", "p", "verdict", title="Gains", title_justify="left")
    for column in table.columns[:5]:
        column.no_wrap = True
    for gain in gains:
        value, low, high, p = gain.difference
        table.add_row(
            LEVELS[gain.level],
            NAMES[gain.arm],
            NAMES[gain.control],
            str(len(gain.seeds)),
            f"{100 * value:+.2f} ({100 * low:+.2f} to {100 * high:+.2f})",
            f"{p:.3f}",
            gain.difference.verdict,
        )
    return table


def plot_gains(by_corpus: dict[str, Sequence[Gain]], path: Path) -> None:
    """Draw the gains over each level alone, with their intervals.

    by_corpus (Dict[str, Sequence[Gain]]): The gains on one or more corpora, by name.
    path (Path): The picture; its suffix says the format.
    RAISES (ImportError): matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as err:
        raise ImportError(Errors.M514) from err
    shown = [
        (level, arm)
        for level, arms in (("text", ("both", "text_reads_word")), ("word", ("both", "word_reads_text")))
        for arm in arms
    ]
    figure = Figure(figsize=(7, 1 + 0.5 * sum(len(gains) for gains in by_corpus.values())), layout="constrained")
    axes = figure.subplots(len(by_corpus), 1, sharex=True, squeeze=False)[:, 0]
    for ax, (corpus, gains) in zip(axes, by_corpus.items()):
        rows = [
            gain
            for level, arm in shown
            for gain in gains
            if (gain.level, gain.arm, gain.control) == (level, arm, level)
        ]
        values = 100 * numpy.array([gain.difference[:3] for gain in rows]).reshape(-1, 3)
        places = numpy.arange(len(rows))[::-1]
        ax.errorbar(
            values[:, 0], places, xerr=numpy.abs(values[:, 1:].T - values[:, 0]), fmt="o", color="#20639b", capsize=3
        )
        ax.axvline(0, color="#888888", linewidth=0.8)
        ax.set_yticks(places, [f"{LEVELS[gain.level]}: {NAMES[gain.arm]}" for gain in rows])
        ax.set_ylim(-0.6, len(rows) - 0.4)
        ax.set_title(corpus, loc="left", fontsize="medium")
    axes[-1].set_xlabel("gain over the level alone, in points (95 % interval over documents and seeds)")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def spread(values: Sequence[float | None]) -> str:
    """Mean and standard deviation in percent; a hyphen where a value is missing.

    values (Sequence[Optional[float]]): Fractions, one per seed.
    RETURNS (str): "84.31 ± 0.42"; without the second number for one value.
    """
    known: list[float] = [100 * value for value in values if value is not None]
    if not known or len(known) < len(values):
        return "-"
    return f"{mean(known):.2f}" + (f" ± {stdev(known):.2f}" if len(known) > 1 else "")


def _whole(counts: dict[str, numpy.ndarray]) -> float | None:
    return float(share(counts["whole_entities"].sum(axis=0))) if "whole_entities" in counts else None
