"""Make many runs, each in a process of its own, several at a time, and say what became of each."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Lock

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from spacy_mre.evaluation.runs import load_run

from .grid import Cell

COMMAND = [sys.executable, "-m", "benchmarks.accuracy", "one"]
# The last lines of a log tell what went wrong.
TOLD_LINES = 15


class Runner:
    """Processes of `python -m benchmarks.accuracy one`. A run that is stopped leaves no file, and is made from its start the next time."""

    def __init__(self, jobs: int, gpu: int, keep_models: bool, console: Console) -> None:
        self.jobs = jobs
        self.gpu = gpu
        self.keep_models = keep_models
        self.console = console
        self.stopped = False
        self.living: list[subprocess.Popen] = []
        self.lock = Lock()

    def run(self, groups: Mapping[Cell, Sequence[Cell]]) -> list[Cell]:
        """Make the runs.

        groups (Mapping[Cell, Sequence[Cell]]): What is to be trained, and what else is scored with it, see `group_by_training`.
        RETURNS (List[Cell]): Those that failed.
        """
        failed = []
        before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        try:
            with Progress(*columns, console=self.console) as progress, ThreadPoolExecutor(self.jobs) as pool:
                task = progress.add_task("Runs", total=len(groups))
                try:
                    futures = {pool.submit(self._make, cell, also): [cell, *also] for cell, also in groups.items()}
                    for future in as_completed(futures):
                        if future.result():
                            self._tell(futures[future])
                        else:
                            failed += futures[future]
                            self._tell_failed(futures[future][0])
                        progress.advance(task)
                except BaseException:
                    self._stop()
                    pool.shutdown(cancel_futures=True)
                    raise
        finally:
            signal.signal(signal.SIGTERM, before)
        return failed

    def _make(self, cell: Cell, also: Sequence[Cell]) -> bool:
        command = [*COMMAND, *map(str, cell[:4]), "--gpu", str(self.gpu)]
        for other in also:
            command += ["--also", other.variant]
        command += ["--updates", str(cell.updates)] if cell.updates else []
        command += ["--limit", str(cell.limit)] if cell.limit else []
        command += ["--keep-models"] if self.keep_models else []
        # What the user has set counts: beside other work, threads that wait for each other are far slower than one.
        threads = os.environ.get("OMP_NUM_THREADS") or str(max(1, (os.cpu_count() or 1) // self.jobs))
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": threads,
            "PYTHONWARNINGS": "ignore::FutureWarning,ignore::DeprecationWarning",
        }
        cell.folder.mkdir(parents=True, exist_ok=True)
        with _log(cell).open("w", encoding="utf8") as log:
            with self.lock:
                if self.stopped:
                    return False
                process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
                self.living.append(process)
            code = process.wait()
            with self.lock:
                self.living.remove(process)
        return code == 0

    def _stop(self) -> None:
        with self.lock:
            self.stopped = True
            for process in self.living:
                process.terminate()

    def _tell_failed(self, cell: Cell) -> None:
        lines = _log(cell).read_text(encoding="utf8", errors="replace").splitlines()[-TOLD_LINES:]
        self.console.print(
            f"{cell}: failed ({_log(cell)})",
            *lines,
            sep="\n  ",
            style="red",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )

    def _tell(self, cells: Sequence[Cell]) -> None:
        for cell in cells:
            run = load_run(cell.path)
            scores = ", ".join(
                f"{name} {100 * run['scores'][key]:.2f}"
                for name, key in (
                    ("entities", "spans_f"),
                    ("strict relations", "rel_strict_f"),
                    ("given", "given_rel_f"),
                )
                if run["scores"].get(key) is not None
            )
            self.console.print(
                f"{cell}: {scores} (trained for {run['seconds']:.0f} s)", markup=False, highlight=False, soft_wrap=True
            )


def _log(cell: Cell) -> Path:
    return cell.folder / "log.txt"
