"""Run measurements, each in its own process, and keep their rows in `results/speed.json`, or in that of another
processor."""

import platform
import re
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from spacy_mre.evaluation.run_files import get_versions

from .. import results
from . import agreement, e5, growth, heads, japanese, predict, startup, train  # noqa: F401 (they register)
from .measuring import MEASUREMENTS, Measurement, Settings, call_in_process, set_threads

PACKAGES = ("spacy", "spacy-transformers", "transformers", "torch", "thinc", "numpy", "onnxruntime")


def run_speed(
    names: Sequence[str], settings: Settings, console: Console, *, threads: int = 2
) -> tuple[dict[str, Any], list[str]]:
    """Measure, and record what is measured with full inputs.

    names (Sequence[str]): Rows; all if there are none.
    settings (Settings): Rounds and sizes.
    console (Console): Shows the rows.
    threads (int): Of every process.
    RETURNS (tuple[dict[str, Any], list[str]]): The results, and the rows that failed.
    """
    set_threads(threads)
    measured = start(threads)
    failed: list[str] = []
    for measurement in choose(names):
        new = measure(measurement, settings, console)
        if new is None:  # the others are measured all the same
            failed.extend(measurement.rows)
            continue
        merge(measured, new)
        if not settings.quick:
            results.write("speed", measured, name_here())
    return measured, failed


def measure(measurement: Measurement, settings: Settings, console: Console) -> dict[str, Any] | None:
    """Measure in a fresh process, and show the rows.

    RETURNS (Optional[dict[str, Any]]): "rows", and perhaps "series"; None, after the error was shown, if it failed.
    """
    console.print(f"{', '.join(measurement.rows)} ...", style="dim")
    try:
        new = call_in_process(measurement.run, settings)
    except Exception:
        traceback.print_exc()
        return None
    for row in new["rows"]:
        row["commit"] = results.get_commit()
        spread = f"{row['ratio']:.3g} ({row['min']:.3g} to {row['max']:.3g})"
        console.print(f"{row['name']}: {spread}, {row['note']}", highlight=False, soft_wrap=True)
    return new


def choose(names: Sequence[str]) -> list[Measurement]:
    """The measurements that give some rows; all if there are no names.

    RAISES (ValueError): If no measurement gives a row of that name.
    """
    known = [row for measurement in MEASUREMENTS for row in measurement.rows]
    for name in names:
        if name not in known:
            raise ValueError(f"'{name}' is not one of the rows of speed: {', '.join(known)}")
    return [measurement for measurement in MEASUREMENTS if not names or set(names) & set(measurement.rows)]


def start(threads: int) -> dict[str, Any]:
    """The results of this processor so far, if its versions and threads were the same; else empty ones."""
    about, before = about_here(threads), results.read(name_here())
    if all(before.get(name) == value for name, value in about.items()):
        return before
    return {**about, "rows": [], "series": {}}


def name_here() -> str:
    """RETURNS (str): The name of this processor's results: "speed" for the first processor that was measured on, and
    "speed_" and the processor for every other one."""
    first = results.read("speed").get("machine", {}).get("processor", processor())
    if first == processor():
        return "speed"
    return "speed_" + re.sub(r"[^a-z0-9]+", "_", processor().lower()).strip("_")


def about_here(threads: int) -> dict[str, Any]:
    """RETURNS (dict[str, Any]): "versions" and "machine"."""
    return {"versions": get_versions(PACKAGES), "machine": {"processor": processor(), "threads": threads}}


def processor() -> str:
    info = Path("/proc/cpuinfo")
    match = re.search(r"model name\s*: (.+)", info.read_text()) if info.exists() else None
    return match[1] if match else platform.processor() or platform.machine()


def merge(measured: dict[str, Any], new: dict[str, Any]) -> None:
    """Replace rows and series of the same names, and append the others."""
    rows = {row["name"]: row for row in measured["rows"]}
    rows.update({row["name"]: row for row in new.get("rows", ())})
    measured["rows"] = list(rows.values())
    measured["series"].update(new.get("series", {}))
