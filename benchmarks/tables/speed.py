"""The tables of the suite speed."""

from collections.abc import Sequence
from typing import Any

from ..results import RESULTS, read
from .formatting import commits, markdown, nothing, versions

SECTIONS = {
    "Prediction": ("predict_", "single_", "int8_", "bf16_", "fast_", "transformer_"),
    "Heads and decoding": ("heads_",),
    "Entities by questions": ("multi_ner_",),
    "Training": ("train_",),
    "Before the first text": ("load_", "blank_", "size_"),
    "Growth": ("growth_",),
    "The same results": ("same_", "accuracy_"),
}
# Series of the growth with the length of a text.
GROWN = {"length": "English, MiniLM", "length_ja": "Japanese, ja_cpu"}
ABOUT_TEXTS = {
    "length": "Sentences of the test part of CoNLL04.",
    "length_ja": "Whole texts of the corpus that the pipeline was trained on, so with at least this many tokens. After "
    "the encoder: after the tok2vec of `ja_ginza`, so with the BiLSTM.",
}


def ratios() -> str:
    """All rows by section: of the first processor with both sides, of any other one the ratio alone."""
    results, others = read("speed"), [read(path.stem) for path in sorted(RESULTS.glob("speed_*.json"))]
    columns = [
        "row",
        "A / B",
        "ratio",
        "min - max",
        "runs",
        "A",
        "B",
        *(f"on {other['machine']['processor']}" for other in others),
    ]
    lines = []
    for section, prefixes in SECTIONS.items():
        rows = [row for row in results["rows"] if row["name"].startswith(prefixes)]
        if rows:
            table = markdown(columns, [[*_cells(row), *(_elsewhere(row, other) for other in others)] for row in rows])
            lines += [f"**{section}**", "", table, ""]
    if not lines:
        return nothing("speed")
    abouts = [
        f"{each['machine']['processor']}, {each['machine']['threads']} threads, commit {commits(each['rows'])}"
        for each in (results, *others)
    ]
    return "\n".join([*lines, f"`{results['command']}`. {'; '.join(abouts)}. Versions: {versions(results)}."])


def _elsewhere(row: dict[str, Any], other: dict[str, Any]) -> str:
    """The same row, measured on another processor."""
    found = next((each for each in other["rows"] if each["name"] == row["name"]), None)
    return "" if found is None else f"**{number(found['ratio'])}** ({_spread(found)})"


def _spread(row: dict[str, Any]) -> str:
    return f"{number(row['min'])} - {number(row['max'])}"


def growth() -> str:
    """Time and memory by length of the text, in each language."""
    results, parts = read("speed"), []
    for key, name in GROWN.items():
        if key in results.get("series", {}):
            table = _of_lengths(results["series"][key])
            fits = [row for row in results["rows"] if row["name"] == key.replace("length", "growth_exponent_time")]
            parts.append(f"**{name}**\n\n{table}\n\n{ABOUT_TEXTS[key]} Commit {commits(fits)}.")
    return "\n\n".join(parts) or nothing("speed")


def _of_lengths(points: Sequence[dict[str, Any]]) -> str:
    columns = ["tokens", "whole pipeline", "after the encoder", "peak memory", "entities", "relations"]
    rows = [
        [
            f"{point['tokens']:,}",
            seconds(point["seconds"]),
            seconds(point["head_seconds"]),
            size(point["bytes"]),
            *(f"{point[what]:,}" for what in ("entities", "relations", "pairs_left_out")),
        ]
        for point in points
    ]
    return markdown([*columns, "pairs beyond the budget"], rows)


def types() -> str:
    """Words per second by number of entity types."""
    results = read("speed")
    points = results.get("series", {}).get("types", [])
    names = ("spert_mt", "exact", "late")
    rows = []
    for point in points:
        speeds = [f"{point['words'] / point[name]:,.0f}" for name in names]
        times = [f"{point[name]:.1f}" for name in ("exact_ratio", "late_ratio", "exact_late_ratio")]
        rows.append([str(point["types"]), *speeds, *times])
    if not rows:
        return nothing("speed")
    columns = ["types", "`spert_mt`, words/s", "exact, words/s", "late, words/s"]
    columns += ["time: exact / `spert_mt`", "late / `spert_mt`", "exact / late"]
    commit = commits([row for row in results["rows"] if row["name"].startswith("multi_ner_")])
    about = (
        f"{points[0]['words']:,} words in texts of CoNLL04, {results['machine']['threads']} threads. Commit {commit}."
    )
    return f"{markdown(columns, rows)}\n\n{about}"


def _cells(row: dict[str, Any]) -> list[str]:
    note = f"{row['note']} ({row['dataset']})" if "dataset" in row else row["note"]
    amounts = [amount(row, "a"), amount(row, "b")]
    return [f"`{row['name']}`", note, f"**{number(row['ratio'])}**", _spread(row), str(row["runs"]), *amounts]


def amount(row: dict[str, Any], side: str) -> str:
    """RETURNS (str): What side "a" or "b" of a row took; empty if it has no unit."""
    if f"{side}_seconds" in row:
        return seconds(row[f"{side}_seconds"])
    if f"{side}_f1" in row:
        return f"{100 * row[f'{side}_f1']:.2f} F1"
    return size(row[f"{side}_bytes"]) if f"{side}_bytes" in row else ""


def seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.3g} ms"


def size(value: float) -> str:
    return f"{value / 1e9:.2f} GB" if value >= 1e9 else f"{value / 1e6:.3g} MB"


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}"
