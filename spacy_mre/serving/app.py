"""The endpoints."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI, Request, Response

from ..scale.texts import Fault
from .answers import to_json
from .bodies import Body, Options, read_body, read_query
from .frame import make_frame, make_json
from .guard import Guard
from .service import Service
from .streams import Stream
from .waiting import Answer

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


def make_app(service: Service) -> FastAPI:
    """Make the application.

    service (Service): The pipelines, which are loaded when the application starts.
    RETURNS (FastAPI): The application.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        service.close()

    app = make_frame(service, Guard, lifespan, title="spacy_mre")

    @app.get("/health", summary="Whether the process runs")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/ready", summary="Whether the pipelines are loaded")
    async def ready() -> Response:
        return make_json({"ready": service.is_ready}, 200 if service.is_ready else 503)

    @app.get("/labels", summary="The labels of each pipeline")
    async def labels() -> Response:
        for name in service.pipelines:
            service.find(name)
        return make_json({name: pipeline.labels for name, pipeline in service.pipelines.items()})

    @app.get("/metrics", summary="Counts for Prometheus")
    async def metrics() -> Response:
        return Response(service.metrics.read(), media_type=PROMETHEUS)

    @app.post("/analyse", summary="Analyse a text or several texts", openapi_extra=_body_schema())
    async def analyse(request: Request) -> Response:
        body = await read_body(request, service)
        pipeline = service.find(body.model)
        answers = await service.analyse(pipeline, body.given(), body.form(), partial(_disconnect, request))
        results = b",".join(map(_result, answers))
        return _json_bytes(b'{"model":' + to_json(pipeline.model) + b',"results":[' + results + b"]}")

    @app.post("/stream", summary="Analyse lines of JSON, each with a text", openapi_extra=_stream_schema())
    async def stream(request: Request) -> Response:
        options = read_query(request)
        return Stream(service, service.find(options.model), options.form())

    return app


def _result(answer: Answer) -> bytes:
    return to_json({"error": answer.reason}) if isinstance(answer, Fault) else answer


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _json_bytes(body: bytes) -> Response:
    return Response(body, media_type="application/json")


def _body_schema() -> dict[str, Any]:
    schema = Body.model_json_schema()
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _stream_schema() -> dict[str, Any]:
    query = [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"}, "description": field.description}
        for name, field in Options.model_fields.items()
    ]
    line = {"type": "object", "required": ["text"], "properties": {"id": {}, "text": {"type": "string"}}}
    return {"parameters": query, "requestBody": {"required": True, "content": {Stream.media_type: {"schema": line}}}}
