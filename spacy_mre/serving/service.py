"""The pipelines of a server, and how requests wait for them."""

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from spacy.language import Language

from .answers import Form
from .batching import Answered, Batcher
from .metrics import Metrics
from .settings import Settings
from .waiting import Answer, Caller, Item

# Seconds after which a client may ask again.
RETRY_AFTER = 1
# Seconds between two looks whether a pipeline is loaded.
LOOK = 0.05


class Refused(Exception):
    """A request is not answered.

    status (int): The status code.
    reason (str): For people.
    kind (str): For the metrics. Default: none.
    """

    def __init__(self, status: int, reason: str, kind: str = "") -> None:
        super().__init__(reason)
        self.status, self.reason, self.kind = status, reason, kind


class Gone(Exception):
    """The client has closed the connection."""


class Service:
    """The pipelines, each with a thread of its own.

    loaders (Mapping[str, Callable[[], Language]]): Loads each pipeline, by its name. The first is the default.
    settings (Settings): See there.
    threads (int): Threads of torch for each pipeline. Default: 0 (the processors, shared among the pipelines).
    """

    def __init__(self, loaders: Mapping[str, Callable[[], Language]], settings: Settings, *, threads: int = 0) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.active = 0
        self.is_stopping = False
        threads = threads or max((os.cpu_count() or 1) // len(loaders), 1)
        self.pipelines = {name: Batcher(name, load, settings, self.metrics, threads) for name, load in loaders.items()}

    @property
    def is_ready(self) -> bool:
        """RETURNS (bool): Whether all pipelines are loaded, and the server does not stop."""
        return not self.is_stopping and all(pipeline.is_ready for pipeline in self.pipelines.values())

    def find_error(self) -> Exception | None:
        """RETURNS (Optional[Exception]): Why a pipeline cannot be loaded, if one cannot."""
        return next((pipeline.error for pipeline in self.pipelines.values() if pipeline.error is not None), None)

    def start(self) -> None:
        """Load the pipelines, each in its thread. To be called in the event loop that answers the requests."""
        self.stopped = asyncio.Event()
        for pipeline in self.pipelines.values():
            self._start(pipeline)

    async def replace(self, name: str, load: Callable[[], Language]) -> None:
        """Put another pipeline in the place of one, when it is loaded. Texts that wait are answered by the old one.

        name (str): The name of both.
        load (Callable[[], Language]): Loads the new one.
        RAISES (Exception): If it cannot be loaded. Then the old one stays.
        """
        old = self.pipelines[name]
        new = Batcher(name, load, self.settings, self.metrics, old.threads)
        self._start(new)
        while new.is_alive() and not new.is_ready:
            await asyncio.sleep(LOOK)
        if new.error is not None:
            self.metrics.watch(name, old.waiting.__len__)
            raise new.error
        self.pipelines[name] = new
        old.waiting.close()

    def _start(self, pipeline: Batcher) -> None:
        loop = asyncio.get_running_loop()

        def deliver(answered: Answered) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_resolve, answered)

        pipeline.deliver = deliver
        pipeline.start()

    def close(self) -> None:
        """Let the threads end. A batch that runs is finished first."""
        for pipeline in self.pipelines.values():
            pipeline.waiting.close()

    def join(self, seconds: float) -> None:
        """Wait until the threads have ended.

        seconds (float): How long to wait for all of them together.
        """
        end = time.monotonic() + seconds
        for pipeline in self.pipelines.values():
            pipeline.join(max(end - time.monotonic(), 0.0))

    def find(self, name: str | None) -> Batcher:
        """Find a pipeline for a new request.

        name (Optional[str]): Its name; None for the first.
        RETURNS (Batcher): The pipeline.
        RAISES (Refused): If there is none of this name, it is not loaded, or the server stops.
        """
        names = list(self.pipelines)
        name = names[0] if name is None else name
        if name not in self.pipelines:
            raise Refused(422, f"model: there is no {json.dumps(name)}; there are: {', '.join(names)}")
        if self.is_stopping:
            raise Refused(503, "the server is stopping", "stopping")
        if not self.pipelines[name].is_ready:
            raise Refused(503, "the pipeline is not loaded yet", "not_ready")
        return self.pipelines[name]

    async def analyse(
        self, pipeline: Batcher, texts: Sequence[Any], form: Form, gone: Callable[[], Awaitable[None]]
    ) -> list[Answer]:
        """Analyse the texts of a request.

        pipeline (Batcher): From `find`.
        texts (Sequence[Any]): The texts.
        form (Form): What is wanted.
        gone (Callable[[], Awaitable[None]]): Waits until the client has closed the connection.
        RETURNS (list[Answer]): One for each text.
        RAISES (Refused): If there is no room for them in the queue, or the time is over.
        """
        limit = self.settings.queue
        if len(texts) > limit:
            raise Refused(413, f"at most {limit:,} texts fit into a request; it has {len(texts):,}", "size")
        loop = asyncio.get_running_loop()
        caller, items = Caller(), [Item(text, form, loop.create_future()) for text in texts]
        for item in items:
            fault = pipeline.refuse(item.text)
            if fault is not None:
                item.future.set_result(fault)
        waiting = [item for item in items if not item.future.done()]
        if not pipeline.waiting.put(caller, waiting):
            raise Refused(429, "too many texts wait; ask again later", "full")
        pipeline.count_refused(len(items) - len(waiting))
        answers = asyncio.gather(*(item.future for item in items))
        watch = asyncio.ensure_future(gone())
        either: set[asyncio.Future[Any]] = {answers, watch}
        try:
            await asyncio.wait(either, timeout=self.settings.timeout, return_when=asyncio.FIRST_COMPLETED)
            if answers.done():
                return answers.result()
            if watch.done():
                raise Gone
            raise Refused(503, f"not answered within {self.settings.timeout:g} seconds", "timeout")
        finally:
            pipeline.waiting.drop(caller)
            answers.cancel()
            watch.cancel()


def _resolve(answered: Answered) -> None:
    for item, answer in answered:
        if not item.future.done():
            item.future.set_result(answer)
