"""How it is measured: calls that take turns, peak memory, and a fresh process for every measurement."""

import ctypes
import gc
import multiprocessing
import os
import re
import signal
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

PR_SET_PDEATHSIG = 1
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")


class Settings(NamedTuple):
    """What every measurement gets.

    rounds (int): How often each call is timed.
    quick (bool): Small inputs, to check that it runs.
    """

    rounds: int = 5
    quick: bool = False

    def pick(self, full: Any, quick: Any) -> Any:
        """RETURNS (Any): The size of an input."""
        return quick if self.quick else full


class Measurement(NamedTuple):
    """A function that measures, and the names of the rows that it gives."""

    rows: tuple[str, ...]
    run: Callable[[Settings], dict[str, Any]]


MEASUREMENTS: list[Measurement] = []


def measures(*rows: str) -> Callable:
    """Register a function that gives these rows. It returns "rows", and may return "series"."""

    def register(run: Callable[[Settings], dict[str, Any]]) -> Callable:
        MEASUREMENTS.append(Measurement(rows, run))
        return run

    return register


# Time


def alternate(rounds: int, *calls: Callable, before: Callable[[], Any] | None = None) -> list[list[float]]:
    """Time calls in turn (A B A B ...), after one run of each that does not count.

    rounds (int): How often each is timed.
    calls (Callable): What is timed.
    before (Optional[Callable[[], Any]]): Makes the argument of a call, untimed. Default: calls take no argument.
    RETURNS (list[list[float]]): Seconds, calls x rounds.
    """
    times: list[list[float]] = [[] for _ in calls]
    for is_counted in [False] + [True] * rounds:
        for call, of_call in zip(calls, times):
            arguments = () if before is None else (before(),)
            gc.collect()
            start = time.perf_counter()
            call(*arguments)
            if is_counted:
                of_call.append(time.perf_counter() - start)
    return times


def ratio_row(
    name: str, a: Sequence[float], b: Sequence[float], *, note: str, unit: str = "seconds", **more: Any
) -> dict[str, Any]:
    """A row of the ratios A / B, taken round by round.

    name (str): The name of the row.
    a, b (Sequence[float]): What was measured in each round.
    note (str): What A and B are.
    unit (str): "seconds" or "bytes".
    more (Any): Further fields.
    """
    ratios = [one / other for one, other in zip(a, b)]
    medians = {f"a_{unit}": statistics.median(a), f"b_{unit}": statistics.median(b)}
    return {**spread_row(name, ratios, note), **medians, **more}


def spread_row(name: str, values: Sequence[float], note: str, **more: Any) -> dict[str, Any]:
    """A row with the median and the extremes of what was measured in each round."""
    spread = {"ratio": statistics.median(values), "min": min(values), "max": max(values), "runs": len(values)}
    return {"name": name, **spread, "note": note, **more}


# Memory


def extra_memory(call: Callable[[], Any]) -> int:
    """The peak of resident memory beyond what was used before a call, in bytes."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # freed memory that is still resident could be filled unnoticed
    Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark
    before = _resident("VmRSS")
    kept = call()
    peak = _resident("VmHWM")
    del kept
    return peak - before


def _resident(field: str) -> int:
    match = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert match is not None
    return 1024 * int(match[1])


# Processes


def set_threads(threads: int) -> None:
    """Set the threads of the processes that are started from now on."""
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    os.environ.setdefault("HF_HUB_OFFLINE", "1")


def call_in_process(function: Callable, *arguments: Any) -> Any:
    """Call a function of a module in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_call, function, arguments).result()


def _call(function: Callable, arguments: tuple) -> Any:
    if sys.platform == "linux":  # the process ends with its parent
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    warnings.simplefilter("ignore")
    return function(*arguments)


def run_script(script: str, *arguments: str) -> float:
    """Run Python code that prints a number in a fresh process that has imported nothing, with some `sys.argv[1:]`."""
    command = [sys.executable, "-W", "ignore", "-c", script, *arguments]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1])
