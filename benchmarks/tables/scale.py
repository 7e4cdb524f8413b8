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
            *(f"{row['texts_per_second'][kind]:,.0f}" for kind in ("one_process", "one_thread", "two_processes")),
            _ratio(row["scaling"]),
            _ratio(row["overhead"]),
            f"{MILLION / row['texts_per_second']['two_processes'] / HOUR:,.1f}",
            f"{1000 * MILLION / row['texts_per_second']['two_processes'] / HOUR:,.0f}",
        ]
        for row in rows
    ]
    columns = ["pipeline", "texts/s, 1 process", "1 thread", "2 processes", "2 / 1 thread", "time / `nlp.pipe`"]
    columns += ["h per 10⁶", "h per 10⁹"]
    return f"{markdown(columns, cells)}\n\n{_source(results, rows)}"


def memory() -> str:
    """Memory of a long run."""
    results = read("scale")
    rows = [row for row in results["rows"] if row["part"] == "memory"]
    if not rows:
        return no_runs("python -m benchmarks.scale ja_small --part memory")
    cells = [
        [
            f"`{row['pipeline']}`",
            f"{row['texts']:,}",
            *(f"{row[kind][tenth]:,.0f}" for kind in ("rss", "pss") for tenth in (0, 4, -1)),
            f"{row['rss'][-1] / row['rss'][0] - 1:+.1%}",
        ]
        for row in rows
    ]
    columns = ["pipeline", "texts", "MB (RSS), first tenth", "fifth", "last", "MB (PSS), first tenth", "fifth", "last"]
    return f"{markdown([*columns, 'growth of RSS'], cells)}\n\n{_source(results, rows)}"


def long() -> str:
    """Whether a killed run and the engines give the same as a run that was left alone."""
    results = read("scale")
    rows = [row for row in results["rows"] if row["part"] == "long"]
    if not rows:
        return no_runs("python -m benchmarks.scale ja_small --part long")
    lines = []
    for row in rows:
        about = [f"`{row['pipeline']}`", f"{row['texts']:,}"]
        same = "all files, byte for byte" if row["equal"] else "not all files"
        lines.append([*about, f"killed {row['kills']} times, and started again", same])
        for engine in ENGINES:
            found = row[engine]
            same = f"{found['rows'] - found['different']:,} of {found['rows']:,} rows; scores within"
            lines.append([*about, engine.title(), f"{same} {found['score_difference']:.0e}"])
    return f"{markdown(['pipeline', 'texts', 'run', 'the same'], lines)}\n\n{_source(results, rows)}"


def _ratio(values: list[float]) -> str:
    median, low, high = values
    return f"{median:.2f} ({low:.2f} to {high:.2f})"


def _source(results: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    commands = "; ".join(f"`{row['command']}`" for row in rows)
    return f"{commands}. Commit {commits(rows)}. Versions: {versions(results)}."
