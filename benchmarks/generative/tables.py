"""The tables of docs/generation.md, and one of docs/results.md, from benchmarks/results/generative.json."""

from pathlib import Path
from typing import Any

import srsly

RESULTS = Path("benchmarks/results/generative.json")


def generative() -> str:
    """Models and constraints."""
    rows = read("models")
    if not rows:
        return "No runs yet: `python -m benchmarks.generative run`."
    lines = [
        "| model | | updates | constraint | format | text label | entities | both | entities F1 | time of a token (ratio) |",
        "|---|---|---:|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        scores = " | ".join(percent(row, key) for key in ("format_acc", "sc_acc", "ner_acc", "all_acc", "ents_f"))
        about = f"`{row['variant']}` | {row['model']} | {row['updates']:,} | {row['constraint'] or '-'}"
        lines.append(f"| {about} | {scores} | {ratio(row)} |")
    return "\n".join([*lines, "", *told()])


def generative_results() -> str:
    """Trained models as they are shipped, beside the joint pipeline."""
    rows = [row for row in read("models") if row["trained"] and row["constraint"] in (None, "grammar")]
    if not rows:
        return "No runs yet: `python -m benchmarks.generative run`."
    columns = {
        "ents_f": "entities F1",
        "cats_macro_f": "text classes, macro F1",
        "sc_acc": "text label",
        "ner_acc": "all entities",
        "all_acc": "both",
    }
    lines = [
        f"| model | | updates | {' | '.join(columns.values())} | seed |",
        f"|---|---|{'---:|' * (len(columns) + 2)}",
    ]
    for row in sorted(rows, key=lambda row: -row["all_acc"]):
        scores = " | ".join(percent(row, key) for key in columns)
        lines.append(f"| `{row['variant']}` | {row['model']} | {row['updates']:,} | {scores} | {row['seed']} |")
    return "\n".join([*lines, "", *told()])


def generative_ablation() -> str:
    """What each idea of SLG is worth."""
    rows = read("ablation")
    if not rows:
        return "No runs yet: `python -m benchmarks.generative ablation`."
    lines = [
        "| | trained on | updates | constraint | format | text label | entities | both | entities F1 |",
        "|---|---|---:|---|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        scores = " | ".join(percent(row, key) for key in ("format_acc", "sc_acc", "ner_acc", "all_acc", "ents_f"))
        lines.append(f"| {row['variant']} | {row['model']} | {row['updates']:,} | {row['constraint']} | {scores} |")
    return "\n".join([*lines, "", *told()])


def generative_anchoring() -> str:
    """Gold as strings and back."""
    rows = srsly.read_json(RESULTS)["anchoring"] if RESULTS.exists() else []
    if not rows:
        return "Not measured yet: `python -m benchmarks.generative anchoring`."
    lines = ["| corpus | template | places | exact | others |", "|---|---|---:|---:|---|"]
    for row in rows:
        others = "; ".join(f"{reason}: {count}" for reason, count in row["others"].items())
        lines.append(
            f"| {row['corpus']} | {row['template']} | {row['places']:,} | {100 * row['exact'] / row['places']:.2f} % | {others} |"
        )
    return "\n".join(lines)


def read(kind: str) -> list[dict[str, Any]]:
    return [row for row in srsly.read_json(RESULTS)["rows"] if row["kind"] == kind] if RESULTS.exists() else []


def told() -> list[str]:
    results = srsly.read_json(RESULTS)
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    return [f"Command: `{results['command']}`. Made on: {results['device']}. Versions: {versions}."]


def percent(row: dict[str, Any], key: str) -> str:
    return "-" if row[key] is None else f"{100 * row[key]:.1f}"


def ratio(row: dict[str, Any]) -> str:
    return (
        "-"
        if row["time_ratio"] is None
        else f"{row['time_ratio']:.2f} ({row['time_ratio_min']:.2f} to {row['time_ratio_max']:.2f})"
    )


TABLES = {
    "generative": generative,
    "generative_results": generative_results,
    "generative_ablation": generative_ablation,
    "generative_anchoring": generative_anchoring,
}
