"""The tables of the suite generative."""

from typing import Any

from ..grid import Grid
from ..results import read
from .formatting import commits, legend, markdown, no_runs, nothing, percent

ACCURACIES = {
    "format_acc": "format",
    "sc_acc": "text label",
    "ner_acc": "entities",
    "all_acc": "both",
    "spans_f": "entities, F1",
}


def models() -> str:
    """Models, untrained and trained, under each constraint."""
    lines = []
    for row in _rows("test"):
        ratio = "-"
        if row.get("time_ratio") is not None:
            ratio = f"{row['time_ratio']:.2f} ({row['time_ratio_min']:.2f} to {row['time_ratio_max']:.2f})"
        lines.append([*_about(row), row["constraint"] or "-", *_accuracies(row), ratio])
    columns = ["model", "", "updates", "constraint", *ACCURACIES.values(), "time of a token (ratio)"]
    return _table(columns, lines, _rows("test"))


def ablation() -> str:
    """SLG with one idea removed at a time."""
    rows = _rows("ablation")
    lines = [[*_about(row), row["constraint"], *_accuracies(row)] for row in rows]
    return _table(["variant", "trained on", "updates", "constraint", *ACCURACIES.values()], lines, rows)


def adapted() -> str:
    """A language model with LoRA against a small one from scratch."""
    results = read("adapted")
    rows = results["rows"]
    if not rows:
        return no_runs("python -m benchmarks.adapted")
    names = {**ACCURACIES, "spans_entities_f": ACCURACIES["spans_f"]}
    del names["spans_f"]
    lines = [
        [row["model"], f"{row['updates'] * row['batch']:,}", *(percent(row[key]) for key in names)] for row in rows
    ]
    table = markdown(["model", "training texts", *names.values()], lines)
    return f"{table}\n\nCommit {commits(rows)}. {legend(results, rows)}"


def anchoring() -> str:
    """Gold written as strings, parsed and found again in the text."""
    rows = read("generative").get("anchoring", [])
    lines = [
        [
            row["corpus"],
            row["template"],
            f"{row['places']:,}",
            f"{100 * row['exact'] / row['places']:.2f} %",
            "; ".join(f"{reason}: {count}" for reason, count in row["others"].items()),
        ]
        for row in rows
    ]
    return markdown(["corpus", "template", "offsets", "exact", "others"], lines)


def _accuracies(row: dict[str, Any]) -> list[str]:
    """In percent. A model that writes one part alone has no accuracy of both."""
    has_both = None not in (row["sc_acc"], row["ner_acc"])
    return [percent(row[name]) if has_both or name != "all_acc" else "-" for name in ACCURACIES]


def _rows(phase: str) -> list[dict[str, Any]]:
    return [row for row in read("generative")["rows"] if row["phase"] == phase]


def _about(row: dict[str, Any]) -> list[str]:
    about = Grid.load().suites["generative"]["variants"][row["variant"]]["about"]
    return [f"`{row['variant']}`", about, f"{row['updates']:,}"]


def _table(columns: list[str], lines: list[list[str]], rows: list[dict[str, Any]]) -> str:
    if not lines:
        return nothing("generative")
    results = read("generative")
    results["command"] += f" --phase {rows[0]['phase']}"
    return f"{markdown(columns, lines)}\n\nCommit {commits(rows)}. {legend(results, rows)}"
