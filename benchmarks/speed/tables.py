"""The tables of docs/performance.md, from what was measured."""

from collections.abc import Callable, Sequence
from typing import Any

import srsly

from .results import RESULTS, amount, number, seconds, size

NOTHING = "Not measured yet: `make bench`."
SECTIONS = (
    ("Prediction", ("predict_", "single_", "int8_", "transformer_", "hf_")),
    ("Heads and decoding", ("heads_",)),
    ("Training", ("train_",)),
    ("Before the first text", ("load_", "start_", "blank_", "import_", "size_")),
    ("Growth", ("growth_",)),
    ("The same results", ("same_", "accuracy_")),
)
PICTURES = {"length": "speed_length.svg", "heads": "speed_heads.svg"}


def measured(write: Callable[[dict[str, Any]], list[str]], part: str) -> Callable[[], str]:
    """A table that says so where there is nothing yet.

    write (Callable[[Dict[str, Any]], List[str]]): From the results to lines.
    part (str): What of the results it needs.
    RETURNS (Callable[[], str]): Reads the results and writes the table.
    """

    def table() -> str:
        results = srsly.read_json(RESULTS) if RESULTS.exists() else {}
        return "\n".join(write(results)) if results.get(part) else NOTHING

    return table


def ratios(results: dict[str, Any]) -> list[str]:
    lines = []
    for section, prefixes in SECTIONS:
        rows = [row for row in results["rows"] if row["name"].startswith(prefixes)]
        if rows:
            cells = [ratio_cells(row) for row in rows]
            lines += [
                f"**{section}**",
                "",
                *markdown(["row", "A / B", "ratio", "min - max", "runs", "A", "B"], cells),
                "",
            ]
    machine = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    return [
        *lines,
        f"`{results['command']}`, {machine['threads']} threads, {machine['processor']}. Versions: {versions}.",
    ]


def ratio_cells(row: dict[str, Any]) -> list[str]:
    about = f"{row['note']} ({row['dataset']})" if "dataset" in row else row["note"]
    spread = f"{number(row['min'])} - {number(row['max'])}"
    return [
        f"`{row['name']}`",
        about,
        f"**{number(row['ratio'])}**",
        spread,
        str(row["runs"]),
        amount(row, "a"),
        amount(row, "b"),
    ]


def growth(results: dict[str, Any]) -> list[str]:
    series, lines = results["series"], []
    if "length" in series:
        columns = [
            "tokens",
            "whole pipeline",
            "behind the encoder",
            "peak memory",
            "entities",
            "relations",
            "pairs beyond the budget",
        ]
        lines += markdown(columns, [length_cells(point) for point in series["length"]])
        lines += ["", f"![Growth with the length of the text](images/{PICTURES['length']})", ""]
    others = [what for what in ("width", "entities", "labels") if what in series]
    for what in others:
        cells = [[str(point[what]), seconds(point["seconds"])] for point in series[what]]
        lines += [*markdown([GROWS[what], "heads and decoding"], cells), ""]
    return [*lines, f"![Growth with width limit, entities and labels](images/{PICTURES['heads']})"] if others else lines


GROWS = {"width": "width limit", "entities": "entities per text", "labels": "entity labels, and relation labels"}


def length_cells(point: dict[str, Any]) -> list[str]:
    counts = [f"{point[what]:,}" for what in ("entities", "relations", "pairs_left_out")]
    return [
        f"{point['tokens']:,}",
        seconds(point["seconds"]),
        seconds(point["head_seconds"]),
        size(point["bytes"]),
        *counts,
    ]


def stages(results: dict[str, Any]) -> list[str]:
    rows = sorted(results["stages"], key=lambda row: -row["seconds"])
    return markdown(
        ["stage", "time", "share"],
        [[row["stage"], seconds(row["seconds"]), f"{100 * row['share']:.1f} %"] for row in rows],
    )


def floor(results: dict[str, Any]) -> list[str]:
    return markdown(
        ["", "value", "unit"], [[row["quantity"], number(row["value"]), row["unit"]] for row in results["floor"]]
    )


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table whose numbers stand to the right."""
    numeric = [
        all(row[i][:1].isdigit() or not row[i] or row[i].startswith("**") for row in rows) for i in range(len(columns))
    ]
    lines = [columns, ["---:" if right else "---" for right in numeric], *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


TABLES = {
    "speed": measured(ratios, "rows"),
    "growth": measured(growth, "series"),
    "stages": measured(stages, "stages"),
    "floor": measured(floor, "floor"),
}
