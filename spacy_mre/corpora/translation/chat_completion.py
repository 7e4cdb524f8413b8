"""The form of OpenAI's chat completions: what is asked, and what is answered. Servers and batch files have it."""

import json
import re
from collections.abc import Collection, Sequence
from typing import Any

from .engine import Answer, Message

MAX_TOKENS = 4096
OPTIONS = FORM, TEMPERATURE, LIMIT = "response_format", "temperature", "max_tokens"
FIELD = "translation"
RESPONSE_FORMAT = {
    "type": "json_schema",
    "json_schema": {
        "name": FIELD,
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {FIELD: {"type": "string"}},
            "required": [FIELD],
            "additionalProperties": False,
        },
    },
}
# What OpenAI answers with 429 when nothing is paid for any more.
NO_CREDIT = "insufficient_quota"
FILTERS = ("content_filter", "content_policy_violation")
# Local servers put what a model thinks before what it answers. If the prompt begins the thoughts, only their end is
# here, in a line of its own.
THOUGHT = re.compile(r"\s*(<think>.*?|[^{\s].*?\n)</think>\s*", re.DOTALL)
# Some models put what they write into a block of code.
FENCED = re.compile(r"\s*```[\w-]*\n(.*?)\n?```\s*", re.DOTALL)


def make_body(
    model: str,
    messages: Sequence[Message],
    *,
    max_tokens: int = MAX_TOKENS,
    temperature: float = 0.0,
    is_plain: bool = False,
    left_out: Collection[str] = (),
) -> dict[str, Any]:
    """Make a request.

    model (str): The name of the model.
    messages (Sequence[Message]): The chat.
    max_tokens (int): The limit of tokens of the answer. Default: 4096.
    temperature (float): The temperature. Default: 0.
    is_plain (bool): The answer is plain text. Default: False, JSON with one field.
    left_out (Collection[str]): The options that the model does not take. Default: none.
    RETURNS (dict[str, Any]): Its JSON.
    """
    body: dict[str, Any] = {"model": model, "messages": list(messages)}
    if TEMPERATURE not in left_out:
        body[TEMPERATURE] = temperature
    # The newer name, for models that do not take the older one.
    body["max_completion_tokens" if LIMIT in left_out else LIMIT] = max_tokens
    if not is_plain and FORM not in left_out:
        body[FORM] = RESPONSE_FORMAT
    return body


def read_answer(body: Any) -> Answer | None:
    """RETURNS (Answer | None): The first answer of a response; None if it is no chat completion.

    body (Any): The JSON of the response.
    """
    try:
        choice = body["choices"][0]
        message = choice["message"]
        usage = body.get("usage") or {}
        tokens = [int(usage.get(f"{side}_tokens") or 0) for side in ("prompt", "completion")]
        content, refusal, finish = message.get("content"), message.get("refusal"), choice.get("finish_reason")
    except (LookupError, TypeError, AttributeError, ValueError, OverflowError):
        return None
    is_refused = bool(refusal) or finish == "content_filter"
    text = str(refusal or _text(content)) if is_refused else line_of(_text(content))
    return Answer(whole(text), finish == "length", is_refused, *tokens)


def line_of(content: str) -> str:
    """RETURNS (str): What a model answered, without its form and without what it thought before it."""
    content = THOUGHT.sub("", content, count=1) if THOUGHT.match(content) else content
    fenced = FENCED.fullmatch(content)
    content = fenced[1] if fenced else content
    try:
        given = json.loads(content)
    except (ValueError, RecursionError):
        return content
    line = given.get(FIELD) if isinstance(given, dict) and set(given) == {FIELD} else None
    return line if isinstance(line, str) else content


def error_of(body: Any, default: str = "") -> str:
    """RETURNS (str): What a server says about a fault, on one line; "no reason" if it says nothing.

    body (Any): The JSON of the response.
    default (str): If there is no error in it.
    """
    error = body.get("error") if isinstance(body, dict) else None
    told = error.get("message") if isinstance(error, dict) else error
    return whole(" ".join(str(told or default).split())) or "no reason"


def is_refusal(body: Any) -> bool:
    """RETURNS (bool): Whether an error says that a filter does not let the prompt through."""
    error = _error(body)
    metadata = error.get("metadata")
    return error.get("code") in FILTERS or (isinstance(metadata, dict) and "flagged_input" in metadata)


def has_no_credit(body: Any) -> bool:
    """RETURNS (bool): Whether an error says that nothing is paid for any more, which waiting does not change."""
    error = _error(body)
    return NO_CREDIT in (error.get("code"), error.get("type"))


def whole(text: str) -> str:
    """RETURNS (str): A text without halves of surrogate pairs, which JSON may have, and no file."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _error(body: Any) -> dict[str, Any]:
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def _text(content: Any) -> str:
    """The text of a message, which may be a list of parts: those of the type "text" are the answer."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""
