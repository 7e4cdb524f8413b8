"""The endpoints of a studio."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request, Response
from starlette.staticfiles import StaticFiles

from ..bodies import read_as
from ..frame import make_frame, make_json, make_refusal
from ..service import Refused
from .bodies import Decision, NewText, Order, Run
from .desk import Conflict, Desk
from .guard import StudioGuard

STATIC = Path(__file__).parent / "static"
MOST_ROWS = 500
# A header of downloads: what the form cannot represent.
LOST = "Studio-Lost"


def make_studio_app(desk: Desk, on_start: Callable[[], None] = lambda: None) -> FastAPI:
    """Make the application.

    desk (Desk): What it shows.
    on_start (Callable[[], None]): Called in the event loop when the application starts. Default: nothing is called.
    RETURNS (FastAPI): The application.
    """
    service = desk.service

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.start()
        on_start()
        task = asyncio.create_task(desk.analyst.run(desk.texts))
        try:
            yield
        finally:  # it is cancelled if it is told to stop twice
            task.cancel()
            desk.learning.cancel()
            service.close()

    app = make_frame(service, StudioGuard, lifespan, title="spacy_mre studio", openapi_url=None)

    @app.exception_handler(Conflict)
    async def tell_conflict(request: Request, err: Conflict) -> Response:
        return make_json({"error": "the text was changed meanwhile, in another tab", "item": err.text.as_item()}, 409)

    @app.exception_handler(OSError)
    async def tell_full(request: Request, err: OSError) -> Response:
        return make_refusal(507, f"nothing was saved: {err.strerror or type(err).__name__}")

    @app.get("/")
    async def page() -> Response:
        return Response((STATIC / "index.html").read_bytes(), media_type="text/html")

    @app.get("/studio/state")
    async def state() -> Response:
        await desk.analyst.wait()
        return _state()

    def _state() -> Response:
        cats = desk.model.cats
        labels = {**desk.labels, "exclusive_cats": not cats.multi_label, "cats_threshold": cats.threshold}
        other = desk.other.name if desk.other else None
        orders = {"order": desk.order, "orders": desk.orders}
        about = {"model": desk.model.as_json(), "other": other, "labels": labels, "progress": desk.progress()}
        return make_json({**about, **orders, "exports": desk.tools.forms, "learning": desk.learning.told})

    @app.get("/studio/items")
    async def items(request: Request) -> Response:
        query = request.query_params
        words, label, status = (query.get(name, "") for name in ("text", "label", "status"))
        first, most = _number(query.get("offset"), 0), min(_number(query.get("limit"), 50), MOST_ROWS)
        total, found = desk.search(words, label, status, first, most)
        return make_json({"total": total, "items": [text.as_row() for text in found]})

    @app.get("/studio/next")
    async def next_open(request: Request) -> Response:
        after = request.query_params.get("after")
        return make_json({"key": desk.next(_number(after, 0) if after else None)})

    @app.get("/studio/items/{key}")
    async def item(key: str) -> Response:
        text = desk.find(_number(key, 0))
        await desk.analyst.ask([text])
        return make_json(text.as_item())

    @app.post("/studio/items/{key}")
    async def decide(key: str, request: Request) -> Response:
        decision = await read_as(Decision, request, service)
        text = desk.find(_number(key, 0))
        await desk.analyst.ask([text])
        desk.decide(text.key, decision)
        await desk.analyst.ask([text])  # one that is open again
        about = {"item": text.as_item(), "progress": desk.progress()}
        return make_json({**about, "next": desk.next(text.key)})

    @app.post("/studio/texts")
    async def add(request: Request) -> Response:
        return make_json({"key": desk.add((await read_as(NewText, request, service)).text).key})

    @app.post("/studio/order")
    async def order(request: Request) -> Response:
        desk.set_order((await read_as(Order, request, service)).order)
        return make_json(desk.progress())

    @app.post("/studio/learn")
    async def learn(request: Request) -> Response:
        desk.learn((await read_as(Run, request, service)).run)
        return make_json(desk.learning.told)

    @app.get("/studio/learn")
    async def learning() -> Response:
        return make_json(desk.learning.told)

    @app.delete("/studio/learn")
    async def cancel() -> Response:
        await asyncio.to_thread(desk.learning.cancel)
        return make_json(desk.learning.told)

    @app.post("/studio/use")
    async def use(request: Request) -> Response:
        await desk.use((await read_as(Run, request, service)).run)
        return _state()

    @app.get("/studio/export")
    async def export(request: Request) -> Response:
        make = desk.download(request.query_params.get("form", ""))
        try:
            made = await asyncio.to_thread(make)
        except (ValueError, OSError) as err:  # a package is missing, for example
            raise Refused(422, str(err)) from None
        headers = {"Content-Disposition": f'attachment; filename="{made.name}"', LOST: json.dumps(made.lost)}
        return Response(made.content, media_type="application/octet-stream", headers=headers)

    app.mount("/static", StaticFiles(directory=STATIC))
    return app


def _number(given: str | None, default: int) -> int:
    if given is None:
        return default
    if not given.isdecimal() or len(given) > 16:
        raise Refused(422, "expected a whole number")
    return int(given)
