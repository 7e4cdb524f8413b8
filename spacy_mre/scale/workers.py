"""The processes that annotate parts. On Linux they share the memory of one pipeline, which is loaded before they are
forked; elsewhere, and on a GPU, each one loads its own.
"""

import gc
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from threading import Thread
from time import sleep

import torch
from pyarrow import Schema
from spacy import require_gpu
from spacy.language import Language

from ..errors import Errors
from .options import OnError, Options
from .parts import Counts, write_part
from .pipelines import load_pipeline
from .rows import Partition

# Seconds after which a worker notices that its parent was killed.
WATCH = 0.5
Done = tuple[Partition, Counts]


def set_threads(workers: int) -> None:
    """Share the processor among processes. To be called before the pipeline is loaded: a process that has started
    threads of torch cannot be forked.

    workers (int): The number of processes.
    """
    if workers > 1:
        torch.set_num_threads(1)


def write_parts(
    nlp: Language,
    partitions: Iterable[Partition],
    folder: Path,
    options: Options,
    schema: Schema | None,
    on_error: OnError,
    *,
    model: str,
    workers: int = 1,
    gpu: int = -1,
) -> Iterator[Done]:
    """Annotate and write the parts of an input, on several processes.

    nlp (Language): The pipeline.
    partitions (Iterable[Partition]): The parts. At most two per process are read ahead.
    folder (Path): Where to write.
    options (Options): The settings.
    schema (Optional[Schema]): The columns of parquet files.
    on_error (OnError): What to do with a row that has no analysis.
    model (str): The name of the pipeline, for processes that load it themselves.
    workers (int): The number of processes; with 1, it is this one. Default: 1.
    gpu (int): The GPU, or -1 for the CPU. Default: -1.
    YIELDS (tuple[Partition, Counts]): Each part that is written, in the order in which they are.
    RAISES (ValueError): If the run stops at errors and a row has no analysis, or a process was killed.
    """
    write = partial(write_part, folder=folder, options=options, schema=schema, on_error=on_error)
    if workers == 1:
        for partition in partitions:
            yield partition, write(nlp, partition)
        return
    try:
        with _Pool(nlp, model, workers, gpu) as pool:
            waiting: dict[Future[Counts], Partition] = {}
            for partition in partitions:
                waiting[pool.submit(_write, write, partition)] = partition
                if len(waiting) >= 2 * workers:
                    yield from _finished(waiting)
            while waiting:
                yield from _finished(waiting)
    except BrokenProcessPool:
        raise ValueError(Errors.M729) from None


def _finished(waiting: dict[Future[Counts], Partition]) -> Iterator[Done]:
    for future in wait(waiting, return_when=FIRST_COMPLETED).done:
        yield waiting.pop(future), future.result()


_pipeline: Language | None = None
_error: Exception | None = None


class _Pool(ProcessPoolExecutor):
    """Processes with a pipeline."""

    def __init__(self, nlp: Language, model: str, workers: int, gpu: int) -> None:
        global _pipeline
        is_forked = sys.platform == "linux" and gpu < 0
        _pipeline = nlp if is_forked else None
        # A search for garbage in the pipeline would write to its pages, and so make a copy of them in each process.
        gc.freeze()
        context = multiprocessing.get_context("fork" if is_forked else "spawn")
        threads = max((os.cpu_count() or 1) // workers, 1)
        super().__init__(workers, context, _begin, (os.getpid(), threads, model, gpu))

    def __exit__(self, *error: object) -> None:
        self.shutdown(cancel_futures=True)
        gc.unfreeze()


def _begin(parent: int, threads: int, model: str, gpu: int) -> None:
    global _pipeline, _error
    Thread(target=_watch, args=(parent,), daemon=True).start()
    torch.set_num_threads(threads)
    if _pipeline is None:
        try:
            if gpu >= 0:
                require_gpu(gpu)
            _pipeline = load_pipeline(model)
        except Exception as err:  # told with the first part: an error here looks like a process that was killed
            _error = err


def _watch(parent: int) -> None:
    """End this process when its parent was killed: nothing else would end it."""
    while os.getppid() == parent:
        sleep(WATCH)
    os._exit(1)


def _write(write: Callable[[Language, Partition], Counts], partition: Partition) -> Counts:
    if _pipeline is None:
        assert _error is not None
        raise _error
    return write(_pipeline, partition)
