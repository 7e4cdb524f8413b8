"""The table of what each format keeps."""

from ..formats import FEATURES
from ..results import read
from .formatting import markdown, no_runs

READ, WRITTEN, NO = "→", "↔", "-"


def kept() -> str:
    """Formats by what is read and written."""
    results = read("formats")
    if not results["rows"]:
        return no_runs("python -m benchmarks.formats")
    rows = []
    for row in results["rows"]:
        marks = [WRITTEN if name in row["written"] else READ if name in row["read"] else NO for name in FEATURES]
        rows.append([f"`{row['format']}`", *marks, ", ".join(row["told"]) or NO])
    table = markdown(["", *FEATURES, "none or not annotated"], rows)
    return f"{table}\n\n{WRITTEN} read and written, {READ} only read. `{results['command']}`."
