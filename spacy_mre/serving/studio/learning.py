"""Learning from what was saved: a process that can be watched and cancelled."""

import multiprocessing
import shutil
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ..service import Refused
from .training import MakeDocs, Row, count_updates, is_held_out, learn

IDLE = {"state": "idle", "run": 0, "step": 0, "steps": 0, "message": "", "result": None}


class Learning:
    """At most one process that trains a pipeline further.

    gold (Path): The gold file. Beside it, the learned pipelines are saved.
    make_docs (Callable[[Sequence[dict[str, Any]], Language], Iterable[Doc]]): See `training.learn`.
    """

    def __init__(self, gold: Path, make_docs: MakeDocs) -> None:
        # The number of the last run is 0 before the first one. It tells a request that is repeated from a new one.
        self.told: dict[str, Any] = IDLE
        self._gold, self._make_docs = gold, make_docs
        self._process: Any = None
        self._lock = threading.Lock()
        self._folder: Path | None = None

    def start(self, model: str, rows: Sequence[Row]) -> None:
        """Begin to learn.

        model (str): The pipeline: a package or a folder.
        rows (Sequence[dict[str, Any]]): What was saved, as in the gold file.
        RAISES (Refused): If it learns already, what was learned is being loaded, or there is nothing to learn from.
        """
        if self.told["state"] == "running":
            raise Refused(409, "the pipeline is learning already")
        if self.told["state"] == "loading":
            raise Refused(409, "the learned pipeline is being loaded; learn when it is in use")
        train = [row for row in rows if not is_held_out(row["text"])]
        if not train:
            raise Refused(422, "save some texts first: there is nothing to learn from")
        number = 1
        while (folder := self._gold.with_name(f"{self._gold.stem}.learned-{number}")).exists():
            number += 1
        # A fork of a process with threads can hang.
        context = multiprocessing.get_context("spawn")
        reader, writer = context.Pipe(duplex=False)
        arguments = (writer, model, rows, folder, number, self._make_docs)
        process = context.Process(target=learn, args=arguments, name="learning", daemon=True)
        process.start()
        writer.close()
        self._process, self._folder = process, folder
        self.told = {
            **IDLE,
            "state": "running",
            "run": self.told["run"] + 1,
            "steps": count_updates(len(train)),
        }
        threading.Thread(target=self._watch, args=(process, reader, folder), name="learning", daemon=True).start()

    def cancel(self) -> None:
        """Stop to learn. Nothing happens if it does not learn."""
        with self._lock:
            if self.told["state"] != "running":
                return
            self.told = {**self.told, "state": "cancelled"}
        self._process.terminate()
        self._process.join()

    def take(self) -> Path:
        """Begin to load what was learned. Nothing can be learned until it is `taken`.

        RETURNS (Path): The pipeline.
        RAISES (Refused): If there is none, or it is being loaded already.
        """
        if self.told["state"] == "loading":
            raise Refused(409, "the learned pipeline is being loaded")
        if self.told["state"] != "done" or self._folder is None:
            raise Refused(409, "there is no learned pipeline")
        self.told = {**self.told, "state": "loading", "message": ""}
        return self._folder

    def taken(self, error: str = "") -> None:
        """Tell that what was learned is in use, or why it is not. Then it can be taken again.

        error (str): Why it cannot be used. Default: it is.
        """
        idle = {**IDLE, "run": self.told["run"]}
        self.told = idle if not error else {**self.told, "state": "done", "message": error}

    def _watch(self, process: Any, reader: Connection, folder: Path) -> None:
        """Read what the process tells, until it ends."""
        with reader:
            while True:
                try:
                    kind, *values = reader.recv()
                except (EOFError, OSError):
                    break
                if kind == "step":
                    self._tell(process, step=values[0], steps=values[1])
                elif kind == "done":
                    self._tell(process, state="done", result=values[0])
                else:
                    self._tell(process, state="failed", message=values[0])
        process.join()
        message = f"the process has ended with code {process.exitcode}; perhaps there was not enough memory"
        self._tell(process, state="failed", message=message)
        for unfinished in folder.parent.glob(f".{folder.name}.*"):
            shutil.rmtree(unfinished, ignore_errors=True)

    def _tell(self, process: Any, **values: Any) -> None:
        """Change what is told, unless the process was cancelled meanwhile, or has told its end."""
        with self._lock:
            if process is self._process and self.told["state"] == "running":
                self.told = {**self.told, **values}
