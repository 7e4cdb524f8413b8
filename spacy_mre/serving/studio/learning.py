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

IDLE = {"state": "idle", "step": 0, "steps": 0, "message": "", "result": None}


class Learning:
    """At most one process that trains a pipeline further.

    gold (Path): The gold file. Beside it, the learned pipelines are saved.
    make_docs (Callable[[Sequence[dict[str, Any]], Language], Iterable[Doc]]): See `training.learn`.
    """

    def __init__(self, gold: Path, make_docs: MakeDocs) -> None:
        self.told: dict[str, Any] = IDLE
        self._gold, self._make_docs = gold, make_docs
        self._process: Any = None
        self._folder: Path | None = None

    @property
    def learned(self) -> Path | None:
        """RETURNS (Optional[Path]): The pipeline that has been learned, and is not used yet."""
        return self._folder if self.told["state"] == "done" else None

    def start(self, model: str, rows: Sequence[Row]) -> None:
        """Begin to learn.

        model (str): The pipeline: a package or a folder.
        rows (Sequence[dict[str, Any]]): What was saved, as in the gold file.
        RAISES (Refused): If it learns already, or there is nothing to learn from.
        """
        if self.told["state"] == "running":
            raise Refused(409, "the pipeline is learning already")
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
        self.told = {**IDLE, "state": "running", "steps": count_updates(len(train))}
        threading.Thread(target=self._watch, args=(process, reader, folder), name="learning", daemon=True).start()

    def cancel(self) -> None:
        """Stop to learn. Nothing happens if it does not learn."""
        if self.told["state"] == "running":
            self.told = {**self.told, "state": "cancelled"}
            self._process.terminate()
            self._process.join()

    def reset(self) -> None:
        """Forget the last result."""
        self.told = IDLE

    def fail(self, reason: str) -> None:
        """Tell that the result cannot be used.

        reason (str): For people.
        """
        self.told = {**IDLE, "state": "failed", "message": reason}

    def _watch(self, process: Any, reader: Connection, folder: Path) -> None:
        """Read what the process tells, until it ends."""
        with reader:
            while True:
                try:
                    kind, *values = reader.recv()
                except (EOFError, OSError):
                    break
                if process is not self._process or self.told["state"] != "running":
                    continue
                if kind == "step":
                    self.told = {**self.told, "step": values[0], "steps": values[1]}
                elif kind == "done":
                    self.told = {**self.told, "state": "done", "result": values[0]}
                else:
                    self.told = {**self.told, "state": "failed", "message": values[0]}
        process.join()
        if process is self._process and self.told["state"] == "running":
            message = f"the process has ended with code {process.exitcode}; perhaps there was not enough memory"
            self.told = {**self.told, "state": "failed", "message": message}
        for unfinished in folder.parent.glob(f".{folder.name}.*"):
            shutil.rmtree(unfinished, ignore_errors=True)
