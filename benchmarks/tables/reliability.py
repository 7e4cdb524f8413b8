"""The table of the robustness tests."""

from pathlib import Path

import srsly

from ..results import read
from .formatting import group, markdown, no_runs, versions

# By test file, the faults that it found, which are mended.
FAULTS = Path(__file__).parents[2] / "tests" / "robustness" / "faults.yml"
# It tests how `make fuzz` counts, not the package.
COUNTING = "effort"


def tests() -> str:
    """What was tried, and how many faults were found and are left."""
    results = read("reliability")
    tried = [row for row in results["rows"] if row["file"] != COUNTING]
    if not tried:
        return no_runs("make fuzz")
    faults = srsly.read_yaml(FAULTS)
    rows = []
    for (file,), of_file in group(tried, "file").items():
        left = sum(row["failed"] for row in of_file)
        found = len(faults.get(file, ())) + left
        about = of_file[0]["about"]
        rows.append([f"`{file}`", about, f"{sum(row['inputs'] for row in of_file):,}", str(found), str(left)])
    table = markdown(["test", "what is tried", "inputs", "faults found", "faults left"], rows)
    total = sum(row["inputs"] for row in tried)
    minutes = results["seconds"] / 60
    return (
        f"{table}\n\n`{results['command']}`: {total:,} inputs in {minutes:.0f} minutes. "
        f"Commit {results['commit']}. Versions: {versions(results)}.{results.get('note', '')}"
    )
