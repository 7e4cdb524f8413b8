"""Run a studio."""

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from ...errors import Warnings
from ...scale.inputs import Input, open_input
from ...scale.texts import find_fault
from ..server import Server, listen, url_of
from ..service import Service
from ..settings import Settings
from .analyst import FIRST, OTHER
from .app import make_studio_app
from .desk import Desk
from .gold import is_decision
from .journal import Journal
from .model import Model
from .texts import MAX_LENGTH
from .tools import Tools

# Rows that are read before the page sees them.
ROWS = 1_000

# Text, name, and what else is known.
Rows = list[tuple[str, str | None, dict[str, Any]]]
log = logging.getLogger("spacy_mre.serving")


def serve_studio(
    model: str,
    source: str | None,
    gold: Path,
    settings: Settings,
    tools: Tools,
    *,
    other: str | None = None,
    text: str = "text",
    threads: int = 0,
    on_listen: Callable[[str], None] = lambda url: None,
) -> None:
    """Serve a studio until the process is told to stop (SIGTERM or SIGINT).

    model (str): The pipeline: a package or a folder.
    source (Optional[str]): The texts, see `scale.inputs.open_input`. Default: those that were typed, or decided before.
    gold (Path): The gold file.
    settings (Settings): See there.
    tools (Tools): See there.
    other (Optional[str]): A second pipeline, for comparison. Default: none.
    text (str): The column of the texts. Default: "text".
    threads (int): Threads of torch for each pipeline. Default: 0 (the processors, shared among the pipelines).
    on_listen (Callable[[str], None]): Called with the URL when the server listens. Default: nothing is called.
    RAISES (ValueError): If a pipeline or the texts cannot be loaded, another process uses the gold file, or the server
        cannot listen.
    """
    first = Model(model)
    second = None if other is None else Model(other)
    opened = None if source is None else open_input(source, text=text, size=ROWS)
    loaders = {FIRST: first.load, **({OTHER: second.load} if second else {})}
    service = Service(loaders, settings, threads=threads)
    with ExitStack() as stack:
        decisions = stack.enter_context(Journal(gold, is_decision))
        typed = stack.enter_context(Journal(typed_path(gold), is_text))
        desk = Desk(service, first, second, decisions, typed, tools)
        listener = listen(settings.host, settings.port)
        stack.callback(listener.close)
        on_listen(url_of(listener))
        reader = Reader(lambda: read_texts(opened, text) if opened else iter(()))
        server = Server(service, make_studio_app(desk, lambda: reader.begin(desk, server.stop)))
        asyncio.run(server.serve(sockets=[listener]))
        service.join(server.seconds_left)
        error = service.find_error() or reader.error
        if error is not None:
            raise error


def _describe(values: dict[str, Any], column: str) -> tuple[str | None, dict[str, Any]]:
    """The name of a text, and its other columns."""
    from ...scale.forms import as_json  # it needs pyarrow, which a studio without an input does not

    # Dates become text, and what JSON has not (NaN, bytes) is left out.
    others: dict[str, Any] = {}
    for name, value in values.items():
        if name != column and value is not None:
            with suppress(TypeError, ValueError):
                others[name] = json.loads(json.dumps(value, allow_nan=False, default=as_json))
    name, group, meta = (others.pop(key, None) for key in ("id", "group", "meta"))
    meta = {**others, **(meta if isinstance(meta, dict) else {})}
    about = {"group": None if group is None else str(group), "meta": meta}
    return None if name is None else str(name), {key: value for key, value in about.items() if value}


def is_text(line: dict[str, Any]) -> bool:
    """RETURNS (bool): Whether an object is a line of a file of typed texts."""
    return isinstance(line.get("text"), str)


def typed_path(gold: Path) -> Path:
    """RETURNS (Path): The file of the texts that were typed, beside the gold file.

    >>> typed_path(Path("gold.jsonl")).name
    'gold.texts.jsonl'
    """
    return gold.with_name(f"{gold.stem}.texts.jsonl")


class Reader:
    """Reads texts in a thread, so that the page need not wait for the last one.

    parts (Callable[[], Iterator[list]]): Reads lists of texts with their names.
    """

    def __init__(self, parts: Callable[[], Iterator[Rows]]) -> None:
        self.error: Exception | None = None
        self._parts = parts

    def begin(self, desk: Desk, stop: Callable[[], None]) -> None:
        """Begin to read.

        desk (Desk): Gets the texts. To be called in its event loop.
        stop (Callable[[], None]): Called if the texts cannot be read; `error` tells why.
        """
        loop = asyncio.get_running_loop()

        def add(rows: Rows) -> None:
            for row in rows:
                desk.texts.add(*row)

        def run() -> None:
            try:
                for rows in self._parts():
                    loop.call_soon_threadsafe(add, rows)
            except RuntimeError:  # the server has stopped
                pass
            except Exception as err:
                self.error = err
                loop.call_soon_threadsafe(stop)

        threading.Thread(target=run, name="texts", daemon=True).start()


def read_texts(opened: Input, column: str) -> Iterator[Rows]:
    """Read the texts of an input, and tell at the end what was left out.

    opened (Input): The input.
    column (str): The column of the texts.
    YIELDS (list[tuple[str, Optional[str], dict[str, Any]]]): Some texts, their names, and their "group" and "meta".
    """
    count, first = 0, ("", "")
    for part in opened.partitions():
        found: Rows = []
        for row in part.rows:
            words: Any = row.values.get(column)
            reason = row.fault or find_fault(words, MAX_LENGTH) or ("" if words.strip() else "the text is empty")
            if not reason:
                found.append((words, *_describe(row.values, column)))
                continue
            count, first = count + 1, first if count else (row.place, reason)
        yield found
    if count:
        place, reason = first
        log.warning("%s", Warnings.W772.format(count=count, path=opened.path, place=place, reason=reason))
