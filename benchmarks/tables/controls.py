"""The tables of the suite controls: the same encoder, decoding and choice of thresholds for all variants."""

from statistics import mean
from typing import Any

from ..grid import Grid
from ..results import read
from .formatting import commits, compared, difference, group, legend, markdown, minutes, nothing, scores

COMPARED = ("spans_f", "rel_strict_f")
LEVELS = ("entities", "relations")


def test() -> str:
    """All variants on the test parts, and their differences from SpERT."""
    results, datasets = read("controls"), Grid.load().suites["controls"]["datasets"]
    lines = []
    for (dataset, variant), own in group(results["rows"], "dataset", "variant").items():
        over = compared(results, own[0], "spert")
        config = datasets[dataset]["config"].rpartition("/")[2]
        about = [dataset, f"`{config}`", f"{own[0]['updates']:,}", f"`{variant}`", str(len(own))]
        cells = [*scores(own, *COMPARED), *(difference(over.get(score)) for score in COMPARED)]
        lines.append([*about, *cells, minutes(own), commits(own)])
    if not lines:
        return nothing("controls")
    columns = ["data", "encoder and rates of", "updates", "variant", "seeds", "entities", "relations, strict"]
    columns += ["over `spert`: entities", "relations, strict", "min.", "commit"]
    return f"{markdown(columns, lines)}\n\n{legend(results, results['rows'])}"


def calibration() -> str:
    """The expected calibration errors on the test parts, and the thresholds that were chosen on dev."""
    lines = []
    for (dataset, variant), own in group(read("controls")["rows"], "dataset", "variant").items():
        errors = [
            _errors([row["calibration"][level] for row in own if level in row["calibration"]]) for level in LEVELS
        ]
        thresholds = [" ".join(f"{row['thresholds'][place]:.2f}" for row in own) for place in range(2)]
        lines.append([dataset, f"`{variant}`", *errors, *thresholds])
    if not lines:
        return nothing("controls")
    columns = ["data", "variant", *(f"error of {level} (by chance)" for level in LEVELS)]
    return markdown([*columns, *(f"thresholds of {level}" for level in LEVELS)], lines)


def _errors(pairs: list[Any]) -> str:
    if not pairs:
        return "-"
    error, chance = (100 * mean(values) for values in zip(*pairs))
    return f"{error:.1f} ({chance:.1f})"
