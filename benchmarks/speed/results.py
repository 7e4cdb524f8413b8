"""What was measured, on disk, and how its numbers are written."""

import platform
import re
from pathlib import Path
from typing import Any

from spacy_mre.evaluation.runs import get_versions

RESULTS = Path("benchmarks/results/speed.json")
PACKAGES = ("spacy", "spacy-transformers", "transformers", "torch", "thinc", "numpy", "onnxruntime")


def new_results(threads: int) -> dict[str, Any]:
    """Results without any row, and what they depend on."""
    return {
        "command": "python -m benchmarks.speed",
        "versions": get_versions(PACKAGES),
        "machine": {"processor": processor(), "threads": threads},
        "rows": [],
        "series": {},
        "stages": [],
        "floor": [],
    }


def processor() -> str:
    info = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*: (.+)", info.read_text()) if info.exists() else None
    return named[1] if named else platform.processor() or platform.machine()


def merge(results: dict[str, Any], measured: dict[str, Any]) -> None:
    """Put what was measured in the place of what stood there under the same names.

    results (Dict[str, Any]): Is changed.
    measured (Dict[str, Any]): What one measurement gave.
    """
    places = {row["name"]: place for place, row in enumerate(results["rows"])}
    for row in measured.get("rows", ()):
        if row["name"] in places:
            results["rows"][places[row["name"]]] = row
        else:
            results["rows"].append(row)
    results["series"].update(measured.get("series", {}))
    for part in ("stages", "floor"):
        results[part] = measured.get(part) or results[part]


def amount(row: dict[str, Any], side: str) -> str:
    """What side "a" or "b" of a row took, in a unit that suits it; empty where there is no such thing."""
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
    """Three figures, and all of a whole number."""
    return f"{value:,.0f}" if isinstance(value, int) or abs(value) >= 100 else f"{value:#.3g}"
