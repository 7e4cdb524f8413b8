"""How anything is measured here: calls that take turns, memory at its peak, and every measurement in a process of its own."""

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
GPU_VARIABLE = "SPACY_MRE_BENCHMARK_GPU"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS")


class Settings(NamedTuple):
    """What every measurement is told.

    wanted_model (str): The folder of the trained CoNLL04 pipeline.
    rounds (int): How often each call is timed.
    quick (bool): Small inputs: to see that it runs, not to measure.
    precision (str): In which pipeline and bare encoder predict, on a GPU: "fp32", "bf16" or "fp16".
    """

    wanted_model: str
    rounds: int
    quick: bool
    precision: str = "fp32"

    @property
    def model(self) -> str:
        """RETURNS (str): The wanted pipeline, or what a short training makes where there is none."""
        from .pipelines import CONLL04, trained

        return trained(CONLL04, self.wanted_model)

    def pick(self, full: Any, quick: Any) -> Any:
        """RETURNS (Any): The size of an input."""
        return quick if self.quick else full


class Measurement(NamedTuple):
    """One function that measures.

    rows (Tuple[str]): The rows it yields.
    run (Callable[[Settings], Dict[str, Any]]): Gives back "rows", and maybe "series", "stages", "floor".
    """

    rows: tuple[str, ...]
    run: Callable[[Settings], dict[str, Any]]


MEASUREMENTS: list[Measurement] = []


def measures(*rows: str) -> Callable:
    """Enter a function into the list of measurements.

    rows (str): The names of the rows that it yields.
    """

    def enter(run: Callable[[Settings], dict[str, Any]]) -> Callable:
        MEASUREMENTS.append(Measurement(rows, run))
        return run

    return enter


# Time


def alternate(rounds: int, *calls: Callable, before: Callable[[], Any] | None = None) -> list[list[float]]:
    """Time some calls in turn: A B A B ... Each runs once before, uncounted.

    rounds (int): How often each is timed.
    calls (Callable): What is timed.
    before (Optional[Callable[[], Any]]): Makes the argument of a call, anew and untimed; without it the calls take none.
    RETURNS (List[List[float]]): Seconds, calls x rounds.
    """
    times: list[list[float]] = [[] for _ in calls]
    for counted in [False] + [True] * rounds:
        for call, of_call in zip(calls, times):
            given = () if before is None else (before(),)
            gc.collect()
            synchronise()
            start = time.perf_counter()
            call(*given)
            synchronise()
            if counted:
                of_call.append(time.perf_counter() - start)
    return times


def ratio_row(
    name: str, a: Sequence[float], b: Sequence[float], note: str, unit: str = "seconds", **more: Any
) -> dict[str, Any]:
    """A row: A over B, taken round by round.

    name (str): The name of the row.
    a, b (Sequence[float]): What was measured, round by round.
    note (str): What A and B are.
    unit (str): "seconds" or "bytes".
    more (Any): Further fields.
    RETURNS (Dict[str, Any]): The row.
    """
    ratios = [one / other for one, other in zip(a, b)]
    return {
        **spread_row(name, ratios, note),
        f"a_{unit}": statistics.median(a),
        f"b_{unit}": statistics.median(b),
        **more,
    }


def spread_row(name: str, values: Sequence[float], note: str, **more: Any) -> dict[str, Any]:
    """A row of the median and the extremes of what was measured, round by round."""
    return {
        "name": name,
        "ratio": statistics.median(values),
        "min": min(values),
        "max": max(values),
        "runs": len(values),
        "note": note,
        **more,
    }


def synchronise() -> None:
    """Wait until the GPU, where one is used, has done what it was told."""
    if gpu_id() >= 0:
        import torch

        torch.cuda.synchronize()


# Memory


def extra_memory(call: Callable[[], Any]) -> int:
    """How much the process grew by at most while a call ran.

    call (Callable[[], Any]): What is measured.
    RETURNS (int): Bytes: the high-water mark of resident memory, which Linux lets us reset, over what was resident before; on a GPU that of its memory.
    """
    gc.collect()
    if gpu_id() >= 0:
        import torch

        torch.cuda.reset_peak_memory_stats()
        allocated = torch.cuda.memory_allocated()
        call()
        return torch.cuda.max_memory_allocated() - allocated
    ctypes.CDLL(None).malloc_trim(0)  # or freed memory that is still resident would be filled unseen
    Path("/proc/self/clear_refs").write_text("5")
    before = _resident("VmRSS")
    kept = call()
    peak = _resident("VmHWM")
    del kept
    return peak - before


def _resident(field: str) -> int:
    return 1024 * int(re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])


# Processes


def set_threads(threads: int) -> None:
    """How many threads the processes have that are started from now on."""
    os.environ.update({variable: str(threads) for variable in THREAD_VARIABLES})


def set_gpu(gpu: int) -> None:
    """The GPU of the processes that are started from now on; -1 for the CPU."""
    os.environ[GPU_VARIABLE] = str(gpu)


def gpu_id() -> int:
    return int(os.environ.get(GPU_VARIABLE, "-1"))


def call_in_process(function: Callable, *arguments: Any) -> Any:
    """Call a function in a fresh process.

    function (Callable): A function of a module.
    arguments (Any): What it takes.
    RETURNS (Any): What it returns.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_called, function, arguments).result()


def _called(function: Callable, arguments: tuple) -> Any:
    if sys.platform == "linux":  # if its parent is killed, the process would wait for work for ever
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    warnings.simplefilter("ignore")
    if gpu_id() >= 0:
        from thinc.api import require_gpu, set_gpu_allocator

        set_gpu_allocator("pytorch")
        require_gpu(gpu_id())
    return function(*arguments)


def run_script(script: str, *arguments: str) -> float:
    """Run a few lines of Python in a fresh process that has imported nothing yet.

    script (str): Prints a number last.
    arguments (str): Its `sys.argv[1:]`.
    RETURNS (float): The number.
    """
    command = [sys.executable, "-W", "ignore", "-c", script, *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout.split()[-1])
