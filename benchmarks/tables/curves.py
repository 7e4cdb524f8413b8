"""The table of the learning curves."""

from spacy_mre.evaluation.learning_curve_report import NAMES

from ..curves import OURS
from ..results import read
from .formatting import commits, group, legend, markdown, no_runs, percent

# As they are called in the table and in the plot.
VARIANTS = {OURS: "as shipped", "spert": "with SpERT's heads", "spacy": "spaCy's `ner` and `textcat`"}


def curves() -> str:
    """The scores by the number of training texts, and what the shipped config gains over the others."""
    results = read("curves")
    rows = results["rows"]
    if not rows:
        return no_runs("python -m benchmarks.curves")
    sizes = sorted({row["texts"] for row in rows})
    lines = []
    for (_, config, level, variant), points in group(rows, "data", "config", "level", "variant").items():
        cells = {row["texts"]: _cell(row) for row in points}
        lines.append([f"`{config}`", NAMES[level], VARIANTS[variant], *(cells.get(size, "-") for size in sizes)])
    columns = ("config", "score (%)", "heads", *(f"{size} texts" for size in sizes))
    about = {**results, "versions": rows[-1]["versions"]}
    return f"{markdown(columns, lines)}\n\nCommit {commits(rows)}. {legend(about, rows)}"


def _cell(row: dict) -> str:
    """A score, and how much better the shipped config is: "50.1 (+4.4, +0.5 to +8.2)"."""
    value = percent(row["value"])
    if "gain" not in row:
        return value
    gain, low, high = (f"{100 * row['gain'][name]:+.1f}" for name in ("value", "low", "high"))
    return f"{value} ({gain}, {low} to {high})"
