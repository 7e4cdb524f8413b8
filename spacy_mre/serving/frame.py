"""What the applications of a server and of a studio begin with: their middleware, and how refusals are told."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from ..about import __version__
from .answers import to_json
from .guard import Guard
from .service import RETRY_AFTER, Refused, Service

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def make_frame(service: Service, guard: type[Guard], lifespan: Lifespan, **about: Any) -> FastAPI:
    """Make an application without endpoints.

    service (Service): The pipelines. It counts what it refuses.
    guard (type[Guard]): The middleware.
    lifespan (Callable[[FastAPI], AsyncContextManager[None]]): What is done when it starts and stops.
    about (Any): Other settings of FastAPI, such as the title.
    RETURNS (FastAPI): The application.
    """
    # The pages that FastAPI makes of openapi.json load scripts from another host.
    app = FastAPI(
        version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False, **about
    )
    app.add_middleware(guard, service=service)

    @app.exception_handler(Refused)
    async def refuse(request: Request, err: Refused) -> Response:
        if err.kind:
            service.metrics.rejected.labels(err.kind).inc()
        return make_refusal(err.status, err.reason)

    @app.exception_handler(HTTPException)
    async def explain(request: Request, err: HTTPException) -> Response:
        return make_refusal(err.status_code, str(err.detail), err.headers)

    return app


def make_refusal(status: int, reason: str, headers: Mapping[str, str] | None = None) -> Response:
    """RETURNS (Response): An error, as JSON. What may be asked again tells when.

    status (int): The status code.
    reason (str): For people.
    headers (Optional[Mapping[str, str]]): Further headers. Default: none.
    """
    response = make_json({"error": reason}, status)
    response.headers.update(headers or {})
    if status in (429, 503):
        response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def make_json(value: object, status: int = 200) -> Response:
    """RETURNS (Response): An answer, as JSON.

    value (object): What to answer.
    status (int): The status code. Default: 200.
    """
    return Response(to_json(value), status, media_type="application/json")
