"""The table of what `translate` drops."""

from ..results import read
from .formatting import markdown, no_runs, versions

COMMAND = "python -m benchmarks.filters"


def dropped() -> str:
    """Rows by the filters that drop them, and entities by where they are found."""
    results = read("filters")
    rows = results["rows"]
    if not rows:
        return no_runs(COMMAND)
    lines = [
        [
            row["corpus"],
            f"{row['source']} to {row['target']}",
            f"`{row['mode']}`",
            f"{row['texts']:,}",
            f"{row['kept']:,}",
            "; ".join(f"{reason}: {count:,}" for reason, count in row["dropped"].items()),
            f"{row['entities']:,}",
            f"{row['exact']:,}",
            f"{row['elsewhere']:,}",
        ]
        for row in rows
    ]
    columns = ["corpus", "languages", "mode", "texts", "kept", "dropped", "entities", "exact", "elsewhere"]
    about = "A row may be dropped for several reasons. `entities`: those that the translations have; `exact`: found"
    about += " where they are; `elsewhere`: at another place with the same words; the others were not found."
    about += f" `{results['command']}`. Commit {results['commit']}. Versions: {versions(results)}."
    return f"{markdown(columns, lines)}\n\n{about}"
