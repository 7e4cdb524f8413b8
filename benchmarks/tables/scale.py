"""The tables of the annotation of many texts."""

from typing import Any

from ..results import read
from .formatting import commits, markdown, no_runs, versions

COMMAND = "python -m benchmarks.scale ja_cpu"
MILLION = 1_000_000
HOUR = 3600
ENGINES = ("ray", "spark")


def speed() -> str:
    """Texts per second with one and two processes, what `annotate` adds to `nlp.pipe`, and the hours of many texts."""
    results = read("scale")
    rows = [row for row in results["rows"] if row["part"] == "speed"]
    if not rows:
        return no_runs(COMMAND)
    cells = [
        [
            f"`{row['pipeline']}`",
            f"{row['texts_per_second']:,.0f}",
            f"{row['texts_per_second_2']:,.0f}",
            _ratio(row["scaling"]),
            _ratio(row["overhead"]),
            f"{MILLION / row['texts_per_second_2'] / HOUR:,.1f}",
            f"{1000 * MILLION / row['texts_per_second_2'] / HOUR:,.0f}",
        ]
        for row in rows
    ]
    columns = ["pipeline", "texts/s, 1 process", "2 processes", "ratio", "time / `nlp.pipe`", "h per 10⁶", "h per 10⁹"]
    return f"{markdown(columns, cells)}\n\n{_source(results, rows)}"


def long() -> str:
    """Memory of a long run, and whether a killed run and the engines give the same."""
    results = read("scale")
    rows = [row for row in results["rows"] if row["part"] == "long"]
    if not rows:
        return no_runs("python -m benchmarks.scale ja_small --part long")
    cells = [
        [
            f"`{row['pipeline']}`",
            f"{row['texts']:,}",
            f"{row['seconds'] / 60:.0f}",
            *(f"{row['memory'][tenth]:,.0f}" for tenth in (0, 1, -1)),
            f"{max(row['memory'][1:]) / row['memory'][1] - 1:+.1%}",
            f"{row['kills']}: {'yes' if row['equal'] else 'no'}",
            *(f"{row[engine]['rows']:,}: {row[engine]['different']:,}" for engine in ENGINES),
        ]
        for row in rows
    ]
    columns = ["pipeline", "texts", "minutes", "MB, first tenth", "second", "last", "most growth after the second"]
    columns += ["kills: same bytes", *(f"rows of {engine.title()}: different" for engine in ENGINES)]
    return f"{markdown(columns, cells)}\n\n{_source(results, rows)}"


def _ratio(values: list[float]) -> str:
    median, low, high = values
    return f"{median:.2f} ({low:.2f} to {high:.2f})"


def _source(results: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    commands = "; ".join(f"`{row['command']}`" for row in rows)
    return f"{commands}. Commit {commits(rows)}. Versions: {versions(results)}."
