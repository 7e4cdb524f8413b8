"""What a request contains."""

import asyncio
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from starlette.requests import ClientDisconnect, Request

from ..scale.analysis import LEVELS
from .answers import Form
from .service import Gone, Refused, Service

Kind = TypeVar("Kind", bound=BaseModel)
Level = Literal["entities", "relations", "cats"]


class Options(BaseModel):
    """What to do with texts. The query of a stream has the same names."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: str | None = Field(None, description="The name of a pipeline. Default: the first.")
    select: list[Level] | None = Field(None, description="What to answer. Default: all.")
    offsets: Literal["characters", "utf16"] = Field(
        "characters", description="What offsets count: Unicode characters, or UTF-16 code units as in JavaScript."
    )

    def form(self) -> Form:
        """RETURNS (Form): What is wanted of an analysis."""
        return Form(LEVELS if self.select is None else tuple(self.select), self.offsets == "utf16")


class Body(Options):
    """The body of a request."""

    text: Annotated[Any, Field(json_schema_extra={"type": "string"})] = None
    # A text that is none gets an error in its place, and does not fail the others.
    texts: Annotated[list[Any] | None, Field(json_schema_extra={"type": "array", "items": {"type": "string"}})] = None

    @model_validator(mode="after")
    def _check(self) -> "Body":
        if len({"text", "texts"} & self.model_fields_set) != 1:
            raise ValueError("give either 'text' or 'texts'")
        if self.texts is None and not isinstance(self.text, str):
            raise ValueError("'text' must be a string, and 'texts' a list of strings")
        return self

    def given(self) -> list[Any]:
        """RETURNS (list[Any]): The texts."""
        return [self.text] if self.texts is None else self.texts


async def read_body(request: Request, service: Service) -> Body:
    """Read the body of a request.

    request (Request): The request.
    service (Service): Has the limits.
    RETURNS (Body): The body.
    RAISES (Refused): If it is too large, too slow, or not valid.
    """
    return await read_as(Body, request, service)


async def read_as(kind: type[Kind], request: Request, service: Service) -> Kind:
    """Read the body of a request as a model of pydantic.

    kind (type[BaseModel]): The model.
    request (Request): The request.
    service (Service): Has the limits.
    RETURNS (BaseModel): The body.
    RAISES (Refused): If it is too large, too slow, or not valid.
    """
    limit, timeout = service.settings.max_bytes, service.settings.timeout
    too_large = Refused(413, f"the body has more than {limit:,} bytes", "size")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(timeout):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise too_large
    except TimeoutError:
        raise Refused(408, f"the body did not arrive within {timeout:g} seconds", "timeout") from None
    except ClientDisconnect:
        raise Gone from None
    return _validated(kind, parse_json(bytes(body)))


def read_query(request: Request) -> Options:
    """Read the query of a stream.

    request (Request): The request.
    RETURNS (Options): What is wanted.
    RAISES (Refused): If something of it is not valid.
    """
    query: dict[str, Any] = dict(request.query_params)
    if "select" in query:
        query["select"] = [name for name in query["select"].split(",") if name]
    return _validated(Options, query)


def parse_json(data: bytes) -> Any:
    """Read JSON.

    data (bytes): In UTF-8.
    RETURNS (Any): The value.
    RAISES (Refused): If it is not valid.
    """
    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=_refuse)
    except UnicodeDecodeError as err:
        reason = f"byte {err.start + 1} is not UTF-8"
    except json.JSONDecodeError as err:
        reason = f"not valid JSON: {err.msg}, character {err.pos + 1}"
    except RecursionError:
        reason = "not valid JSON: it is nested too deeply"
    except ValueError:
        reason = "not valid JSON: a number is out of range"
    raise Refused(422, reason)


def _refuse(name: str) -> None:
    raise ValueError(name)


def _validated(kind: type[Kind], values: Any) -> Kind:
    if not isinstance(values, Mapping):
        raise Refused(422, "expected a JSON object")
    try:
        return kind.model_validate(values)
    except ValidationError as err:
        raise Refused(422, "; ".join(map(_explain, err.errors()))[:1000]) from None


def _explain(error: ErrorDetails) -> str:
    """A reason without the input, which can be a text."""
    place, reason = ".".join(map(str, error["loc"])), error["msg"].removeprefix("Value error, ")
    return f"{place}: {reason}" if place else reason
