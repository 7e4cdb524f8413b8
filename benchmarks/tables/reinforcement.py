"""The table of what text labels and entities do for each other."""

from spacy_mre.evaluation.reinforce_report import LEVELS, name_of
from spacy_mre.evaluation.significance import Difference

from ..results import read
from .formatting import commits, difference, legend, markdown, no_runs

COLUMNS = ("data", "config", "score", "gain of", "over", "seeds", "points (95 % interval)", "p", "verdict")


def reinforcement() -> str:
    """What each level gains from the other, with the best weight of each on dev."""
    results = read("reinforcement")
    rows = results["rows"]
    if not rows:
        return no_runs("python -m benchmarks.reinforcement")
    lines = []
    for row in rows:
        found = Difference(**row["difference"])
        arms = [name_of(row["arm"]), name_of(row["control"])]
        cells = [str(len(row["seeds"])), difference(row["difference"]), f"{found.p:.3f}", found.verdict]
        lines.append([row["data"], f"`{row['config']}`", LEVELS[row["level"]], *arms, *cells])
    about = {**results, "versions": rows[-1]["versions"]}
    return f"{markdown(COLUMNS, lines)}\n\nCommit {commits(rows)}. {legend(about, rows)}"
