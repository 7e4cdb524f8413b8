"""Measure rows again and compare them with the committed ones."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from rich.console import Console
from rich.table import Table

from .. import results
from .measuring import Settings, set_threads
from .pipelines import CONLL04, TRAINED
from .run import about_here, choose, measure, name_here

PIPELINE = TRAINED / CONLL04 / "pipeline"
# What is checked if nothing is named, in about ten minutes on two cores, with the trained pipeline that a row needs.
CHECKED: dict[str, Path | None] = {
    "heads_vs_textbook_speedup": None,
    "blank_vs_without": None,
    "heads_vs_spancat": PIPELINE,
    "predict_vs_hf_encoder": PIPELINE,
    "int8_speedup": PIPELINE,
    "train_vs_encoder": PIPELINE,
}
# How much worse a median may be.
TOLERANCE = 0.1
# Rows of which more is better; of all others, less.
MORE_IS_BETTER = ("_speedup",)
SHARES = ("same_", "accuracy_")

Verdict = Literal["worse", "better", "same"]


class Spread(NamedTuple):
    """The median of some rounds, with the lowest and the highest."""

    median: float
    low: float
    high: float


class Finding(NamedTuple):
    """A row that was compared; or, without a verdict, why it was not.

    name (str): The row.
    verdict (Optional[Verdict]): "worse", "better" or "same".
    committed, new (Optional[Spread]): What was compared.
    note (str): Why there is no verdict.
    failed (bool): Whether it should have been measured, but could not.
    """

    name: str
    verdict: Verdict | None = None
    committed: Spread | None = None
    new: Spread | None = None
    note: str = ""
    failed: bool = False


def judge(committed: Spread, new: Spread, tolerance: float, *, more_is_better: bool = False) -> Verdict:
    """The one rule: a row is worse if the ranges from the lowest to the highest round do not overlap, and the median is
    worse by more than the tolerance. It is better if the same holds in the other direction, and else the same.

    committed (Spread): What it is compared with.
    new (Spread): What was measured.
    tolerance (float): A share of the committed median.
    more_is_better (bool): Whether a larger number is better. Default: False.
    RETURNS (Verdict): "worse", "better" or "same".
    """
    is_above = new.low > committed.high and new.median > committed.median * (1 + tolerance)
    is_below = new.high < committed.low and new.median < committed.median * (1 - tolerance)
    if not (is_above or is_below):
        return "same"
    return "better" if is_above == more_is_better else "worse"


def check(names: Sequence[str], settings: Settings, console: Console, *, threads: int = 2) -> list[Finding]:
    """Measure rows, each in its own process, and compare them with the committed ones. Nothing is recorded.

    names (Sequence[str]): Rows; if there are none, those of `CHECKED` whose trained pipeline is there. What a named row
        needs is trained.
    settings (Settings): Rounds and sizes.
    console (Console): Shows the rows while they are measured.
    threads (int): Of every process. Default: 2.
    RETURNS (list[Finding]): One for each row.
    RAISES (ValueError): If there is no row of a name.
    """
    set_threads(threads)
    committed = {row["name"]: row for row in read_committed()["rows"]}
    findings, wanted = [], list(names)
    for name, pipeline in CHECKED.items() if not names else ():
        if pipeline is None or pipeline.exists():
            wanted.append(name)
        else:
            note = f"{pipeline} is not trained; `python -m benchmarks check {name}` trains it"
            findings.append(Finding(name, note=note))
    choose(wanted)
    for name in [name for name in wanted if name not in committed]:
        findings.append(Finding(name, note="no committed row"))
        wanted.remove(name)
    for measurement in choose(wanted) if wanted else ():
        found = measure(measurement, settings, console)
        rows = {row["name"]: row for row in (found or {"rows": []})["rows"]}
        for name in wanted:
            if name in rows:
                findings.append(compare(committed[name], rows[name]))
            elif name in measurement.rows:
                findings.append(Finding(name, note="it could not be measured", failed=True))
    return findings


def compare(committed: dict[str, Any], new: dict[str, Any]) -> Finding:
    """RETURNS (Finding): The verdict on a row of `results/speed.json`, measured anew."""
    before, now = (Spread(row["ratio"], row["min"], row["max"]) for row in (committed, new))
    name: str = new["name"]
    more_is_better = name.endswith(MORE_IS_BETTER) or name.startswith(SHARES)
    return Finding(name, judge(before, now, TOLERANCE, more_is_better=more_is_better), before, now)


def differences(threads: int) -> list[str]:
    """RETURNS (list[str]): What differs between here and where the committed ratios were measured."""
    return differing(read_committed(), about_here(threads))


def read_committed() -> dict[str, Any]:
    """RETURNS (dict[str, Any]): The committed results of this processor; where there are none, those of the first."""
    here = results.read(name_here())
    return here if here["rows"] else results.read("speed")


def differing(committed: dict[str, Any], here: dict[str, Any]) -> list[str]:
    """RETURNS (list[str]): The values that differ, as text."""
    found = []
    for group, values in here.items():
        before = committed.get(group, {})
        for key in sorted(values.keys() | before.keys()):
            if values.get(key) != before.get(key):
                found.append(f"{key}: {values.get(key)} here, {before.get(key)} committed")
    return found


def table(findings: Iterable[Finding], title: str) -> Table:
    """RETURNS (Table): One line for each row."""
    made = Table("row", "committed", "new", "new / committed", "verdict", title=title)
    styles = {"worse": "red", "better": "green", "same": ""}
    for one in findings:
        if one.verdict is None or one.committed is None or one.new is None:
            verdict = "failed" if one.failed else "skipped"
            made.add_row(one.name, "", "", "", f"{verdict}: {one.note}", style="red" if one.failed else "dim")
            continue
        share = one.new.median / one.committed.median if one.committed.median else float("nan")
        made.add_row(
            one.name, show(one.committed), show(one.new), f"{share:.4g}", one.verdict, style=styles[one.verdict]
        )
    return made


def show(spread: Spread) -> str:
    if spread.median >= 1e4:
        return f"{spread.median:,.0f} ({spread.low:,.0f} to {spread.high:,.0f})"
    return f"{spread.median:.3g} ({spread.low:.3g} to {spread.high:.3g})"


def is_bad(finding: Finding) -> bool:
    return finding.failed or finding.verdict == "worse"
