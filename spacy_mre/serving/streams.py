"""A stream: lines of JSON in, and a line out for each, in order, while others still arrive."""

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ..scale.texts import Fault
from .answers import Form, join_objects, to_json
from .batching import Batcher
from .bodies import parse_json
from .lines import TOO_LONG, Lines
from .service import Gone, Refused, Service
from .waiting import Caller, Item

# Lines that are read ahead of the answers, and their bytes, if no line can have more.
AHEAD = 128
BYTES = 4 * 2**20
# Seconds between two looks whether the queue has room.
PAUSE = 0.01
STOPPED = "the server is stopping; this line and those after it are not analysed"


class _Line(NamedTuple):
    """A line that was read.

    number (int): Its number, from 1.
    known (dict[str, Any]): Its "id", if it has one; "stopped" of the line that tells where to go on.
    item (Optional[Item]): Its text.
    reason (str): Why it has no text.
    size (int): Its bytes.
    """

    number: int
    known: dict[str, Any]
    item: Item | None = None
    reason: str = ""
    size: int = 0


class Stream(Response):
    """The response to a stream, which also reads the request.

    service (Service): Has the limits.
    pipeline (Batcher): Analyses the texts.
    form (Form): What is wanted.
    """

    media_type = "application/x-ndjson"

    def __init__(self, service: Service, pipeline: Batcher, form: Form) -> None:
        super().__init__()
        del self.headers["content-length"]
        self.service, self.pipeline, self.form = service, pipeline, form
        self.caller = Caller()
        self.lines: asyncio.Queue[_Line | None] = asyncio.Queue()
        self.room = asyncio.Semaphore(AHEAD)
        self.size = 0  # of the lines that were read and have no answer yet
        self.count = 0
        self.is_read = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request.

        RAISES (Gone): If the client closes the connection, or reads nothing.
        """
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        reader = asyncio.create_task(self._read(receive))
        writer = asyncio.create_task(self._write(send))
        stopped = asyncio.create_task(self.service.stopped.wait())
        try:
            done, _ = await asyncio.wait({reader, writer, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if stopped in done and not writer.done() and not reader.done():
                await self._stop(reader)
                done, _ = await asyncio.wait({writer}, timeout=self.service.settings.timeout)
            if writer not in done:
                if reader in done:
                    reader.result()
                raise Gone
            writer.result()
        finally:
            for task in (reader, writer, stopped):
                task.cancel()
            self.pipeline.waiting.drop(self.caller)
        await send({"type": "http.response.body", "body": b""})

    async def _read(self, receive: Receive) -> None:
        """Read lines until the client closes the connection."""
        split = Lines(self.service.settings.max_bytes)
        more = True
        while (message := await receive())["type"] != "http.disconnect":
            for line in split.feed(message.get("body", b"")):
                await self._accept(line)
            if more and not message.get("more_body", False):
                more = False
                for line in split.end():
                    await self._accept(line)
                self.is_read = True
                self.lines.put_nowait(None)

    async def _accept(self, data: bytes | None) -> None:
        await self.room.acquire()
        size = 0 if data is TOO_LONG else len(data)
        while self.size and self.size + size > max(BYTES, self.service.settings.max_bytes):
            await asyncio.sleep(PAUSE)
        self.size += size
        line = self._parse(self.count + 1, data)._replace(size=size)
        if line.item is not None:
            # The client is not told to wait: what it sends stays in the connection.
            while not self.pipeline.waiting.put(self.caller, [line.item]):
                await asyncio.sleep(PAUSE)
        self.lines.put_nowait(line)
        self.count += 1

    def _parse(self, number: int, data: bytes | None) -> _Line:
        if data is TOO_LONG:
            return _Line(number, {}, reason=f"the line has more than {self.service.settings.max_bytes:,} bytes")
        try:
            values = parse_json(data)
        except Refused as err:
            return _Line(number, {}, reason=err.reason)
        known = {"id": values["id"]} if isinstance(values, Mapping) and "id" in values else {}
        try:
            to_json(known)
        except ValueError:
            return _Line(number, {}, reason="the id has a number that is out of range")
        if not isinstance(values, Mapping) or not isinstance(values.get("text"), str):
            return _Line(number, known, reason="expected an object with a string 'text'")
        fault = self.pipeline.refuse(values["text"])
        if fault is not None:
            self.pipeline.count_refused(1)
            return _Line(number, known, reason=fault.reason)
        return _Line(number, known, Item(values["text"], self.form, asyncio.get_running_loop().create_future()))

    async def _write(self, send: Send) -> None:
        while (line := await self.lines.get()) is not None:
            body = await self._answer(line)
            self.room.release()
            try:
                async with asyncio.timeout(self.service.settings.timeout):
                    await send({"type": "http.response.body", "body": body + b"\n", "more_body": True})
            except TimeoutError:  # the client reads nothing
                raise Gone from None
            self.size -= line.size

    async def _answer(self, line: _Line) -> bytes:
        reason = line.reason
        if line.item is not None:
            try:
                answer = await asyncio.wait_for(line.item.future, self.service.settings.timeout)
            except TimeoutError:
                self.pipeline.waiting.drop(self.caller, [line.item])
                self.service.metrics.rejected.labels("timeout").inc()
                answer = Fault(f"not answered within {self.service.settings.timeout:g} seconds")
            if not isinstance(answer, Fault):
                return join_objects(to_json(line.known), answer)
            reason = answer.reason
        return to_json({**line.known, "line": line.number, "error": reason})

    async def _stop(self, reader: "asyncio.Task[None]") -> None:
        """Read no more lines, answer those that were read, and say where the rest begins."""
        reader.cancel()
        await asyncio.wait({reader})
        if not self.is_read:
            self.lines.put_nowait(_Line(self.count + 1, {"stopped": True}, reason=STOPPED))
            self.lines.put_nowait(None)
