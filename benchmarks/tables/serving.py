"""The table of the server."""

from typing import Any

from ..results import read
from .formatting import markdown, no_runs, versions

COMMAND = "python -m benchmarks.serving en_cpu"
CHECK = "python -m benchmarks.serving_check ja_cpu en_cpu zh_cpu"
COLUMNS = [
    "pipeline",
    "texts",
    "clients",
    "requests/s: `serve`",
    "without batches",
    "`nlp(text)` alone",
    "p50, p95, p99 in ms: `serve`",
    "without batches",
]


def ways() -> str:
    """Requests per second and times of the server, of one without batches, and of a loop."""
    results = read("serving")
    found = {(row["pipeline"], row.get("texts"), row["way"], row.get("clients")): row for row in results["rows"]}
    if not found:
        return no_runs(COMMAND)
    rows = []
    for (pipeline, texts, way, clients), served in found.items():
        if way != "serve" or texts is None:
            continue
        plain, loop = found[pipeline, texts, "plain", clients], found[pipeline, texts, "loop", 1]
        rates = [f"{row['rate']:,.0f}" for row in (served, plain, loop)]
        rows.append([f"`{pipeline}`", texts, str(clients), *rates, _times(served), _times(plain)])
    about = f"`{results['command']}`. Commit {results['commit']}. Versions: {versions(results)}."
    return f"{markdown(COLUMNS, rows)}\n\n{about}"


def check() -> str:
    """Answers to many clients, and the memory of the server."""
    results = read("serving_check")
    rows = [
        [
            ", ".join(f"`{name}`" for name in row["pipelines"]),
            f"{row['requests']:,}",
            str(row["clients"]),
            f"{row['wrong']:,}",
            f"{row['errors']:,}",
            *(f"{row['rss'][tenth]:,.0f}" for tenth in (0, 4, -1)),
        ]
        for row in results["rows"]
    ]
    if not rows:
        return no_runs(CHECK)
    columns = [
        "pipelines",
        "requests",
        "clients",
        "wrong answers",
        "no answer",
        "MB after a tenth",
        "after half",
        "at the end",
    ]
    about = f"`{results['command']}`. Commit {results['commit']}. Versions: {versions(results)}."
    return f"{markdown(columns, rows)}\n\n{about}"


def _times(row: dict[str, Any]) -> str:
    return ", ".join(f"{row[name]:,.0f}" for name in ("p50", "p95", "p99"))
