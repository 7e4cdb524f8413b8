"""Measure, print, and keep what was measured: `python -m benchmarks.speed [NAME ...] [--quick]`.

A NAME is that of a row. What was measured before, with the same versions on the same processor, stays. Afterwards `python -m benchmarks.tables` writes
the tables of the docs, and `python -m benchmarks.speed.plots` the plots.
"""

import os
import traceback
from pathlib import Path
from typing import Annotated, Any

import srsly
import typer
from rich.console import Console
from rich.table import Table

from . import agreement, floor, growth, heads, predict, stages, startup, train  # noqa: F401  they enter their measurements
from .measuring import MEASUREMENTS, Measurement, Settings, call_in_process, set_gpu, set_threads
from .results import RESULTS, amount, merge, new_results, number, seconds

MODEL = Path("training/conll04/model-last")
QUICK_ROUNDS = 2


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Names of rows; all by default.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Small inputs, two rounds: to see that it runs. Kept only with --output.")
    ] = False,
    rounds: Annotated[int, typer.Option(help="How often each side is measured.", min=1)] = 5,
    threads: Annotated[int, typer.Option(help="Of every process.", min=1)] = 2,
    model: Annotated[
        Path, typer.Option(help="A trained CoNLL04 pipeline; a short training makes one if there is none.")
    ] = MODEL,
    output: Annotated[
        Path | None, typer.Option(help=f"Where to keep the results; {RESULTS} by default, and beside it with a GPU.")
    ] = None,
    gpu: Annotated[int, typer.Option("--gpu-id", "-g", help="The GPU, or -1 for the CPU.")] = -1,
    precision: Annotated[
        str, typer.Option(help="Of pipeline and bare encoder alike, in the rows of prediction: fp32, bf16 or fp16.")
    ] = "fp32",
) -> None:
    """Measure speed and memory, each against something a user would run instead."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    set_threads(threads)
    set_gpu(gpu)
    chosen = choose(names or [])
    settings = Settings(str(model), QUICK_ROUNDS if quick else rounds, quick, precision)
    default = (
        RESULTS
        if gpu < 0 and precision == "fp32"
        else RESULTS.with_name(f"speed_{'cpu' if gpu < 0 else 'gpu'}_{precision}.json")
    )
    path = output or (None if quick else default)
    results = start_from(path, threads)
    failed: list[str] = []
    for measurement in chosen:
        Console(stderr=True).print(f"[dim]{', '.join(measurement.rows)} ...")
        try:
            measured = call_in_process(measurement.run, settings)
        except Exception:  # the others are measured all the same
            traceback.print_exc()
            failed.extend(measurement.rows)
            continue
        show(measured)
        merge(results, measured)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            srsly.write_json(path, results)
    if failed:
        Console(stderr=True).print(f"[red]Failed: {', '.join(failed)}")
        raise typer.Exit(1)


def choose(names: list[str]) -> list[Measurement]:
    """The measurements that yield some rows.

    names (List[str]): Names of rows; none for all measurements.
    RETURNS (List[Measurement]): The measurements.
    RAISES (typer.BadParameter): No measurement yields a row of that name.
    """
    known = [row for measurement in MEASUREMENTS for row in measurement.rows]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise typer.BadParameter(f"no row is called {', '.join(unknown)}; there are: {', '.join(known)}")
    return [measurement for measurement in MEASUREMENTS if not names or set(names) & set(measurement.rows)]


def start_from(path: Path | None, threads: int) -> dict[str, Any]:
    """What was measured before, if it may stand beside what is measured now."""
    results = new_results(threads)
    if path is not None and path.exists():
        before = srsly.read_json(path)
        if all(before[part] == results[part] for part in ("versions", "machine")):
            return before
    return results


def show(measured: dict[str, Any]) -> None:
    table = Table("row", "ratio", "min", "max", "runs", "A", "B")
    for row in measured.get("rows", ()):
        spread = (number(row[part]) for part in ("ratio", "min", "max"))
        table.add_row(
            f"{row['name']}\n[dim]{row['note']}", *spread, str(row["runs"]), amount(row, "a"), amount(row, "b")
        )
    for row in measured.get("stages", ()):
        table.add_row(row["stage"], f"{100 * row['share']:.1f} %", "", "", "", seconds(row["seconds"]), "")
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
