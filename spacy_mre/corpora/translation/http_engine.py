"""A language model behind the interface of OpenAI's chat completions: that of vLLM, llama.cpp, Ollama and services."""

import email.utils
import json
import math
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from ...errors import Errors
from .engine import Answer, Message, NoAnswer

# Seconds.
TIMEOUT, FIRST_WAIT, LONGEST_WAIT = 120.0, 1.0, 60.0
ATTEMPTS = 6
LONGEST_REASON = 200  # characters
MAX_TOKENS = 4096
# A wrong key, model or address: no other prompt would be answered.
FATAL = (401, 402, 403, 404)
# What OpenAI answers with 429 when nothing is paid for any more.
NO_CREDIT = "insufficient_quota"
# The server does not know a field, or the prompt is not allowed.
INVALID = (400, 422)
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


class HttpEngine:
    """Asks a server, with temperature 0 and a JSON schema for the answer, if it takes them. Threads may share it.

    base_url (str): The address, up to "/v1".
    model (str): The name of the model at the server.
    key (str): Sent as a bearer token. Default: "", none.
    timeout (float): Seconds to wait for an answer. Default: 120.
    attempts (int): How often a prompt is sent, if the server is busy (429) or fails (5xx, time-out). Default: 6.
    wait (Callable[[float], None]): Waits for so many seconds. Default: `time.sleep`.
    RAISES (ValueError): If httpx is not installed, the address is none, or the key has characters that no key has.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        key: str = "",
        timeout: float = TIMEOUT,
        attempts: int = ATTEMPTS,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        try:
            import httpx
        except ImportError:
            raise ValueError(Errors.M270) from None
        if not base_url.startswith(("http://", "https://")):
            raise ValueError(Errors.M271.format(url=base_url))
        key = key.strip()  # a file of a key ends with a line break
        if not (key.isascii() and key.isprintable()):
            raise ValueError(Errors.M275)
        self.name = model
        self.retries: Counter[str] = Counter()
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._key = key
        self._attempts = attempts
        self._wait = wait
        self._has_answered = False
        self._left_out: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(timeout=timeout, headers=headers)

    def answer(self, messages: Sequence[Message]) -> Answer:
        """Answer a chat. What was sent again is counted in `retries`, by reason.

        messages (Sequence[Message]): The chat.
        RETURNS (Answer): The answer.
        RAISES (NoAnswer): If there is none after all attempts, or the server does not take this prompt.
        RAISES (ValueError): If the key, the model or the address is wrong.
        """
        reason = ""
        for attempt in range(self._attempts):
            reason, seconds = "", None
            found = self._send(messages)
            if isinstance(found, str):
                reason = found
            elif found.status_code == 200:
                self._has_answered = True
                return _read(found)
            elif found.status_code in FATAL or NO_CREDIT in found.text:
                raise ValueError(Errors.M272.format(url=self._url, status=found.status_code, reason=self._told(found)))
            elif found.status_code == 429 or found.status_code >= 500:
                reason, seconds = str(found.status_code), _retry_after(found.headers.get("retry-after"))
            else:
                raise NoAnswer(f"{found.status_code}: {self._told(found)}")
            self._count(reason)
            if attempt + 1 < self._attempts:
                self._wait(_pause(attempt) if seconds is None else seconds)
        raise NoAnswer(f"{reason}, {self._attempts} times")

    def _send(self, messages: Sequence[Message]) -> Any:
        """The response, or why there is none. Before the first answer, options that the server does not take are left
        out."""
        import httpx

        left_out = self._left_out
        try:
            response = self._post(messages, left_out)
            # Models differ in the options that they take, and the error names the one that they do not.
            while response.status_code in INVALID and not self._has_answered:
                told = _told(response)
                names = [name for name in OPTIONS if name in told and name not in left_out]
                if not names and FORM not in left_out:
                    names = [FORM]
                if not names:
                    return response
                left_out = left_out | {names[0]}
                response = self._post(messages, left_out)
            if response.status_code == 200:
                self._left_out = left_out
            return response
        except httpx.TimeoutException:
            return "time-out"
        except httpx.RequestError as err:  # also an answer that cannot be unpacked
            if not self._has_answered and isinstance(err, httpx.ConnectError):
                raise ValueError(Errors.M273.format(url=self._url, reason=err)) from None
            return "connection"
        except httpx.InvalidURL as err:
            raise ValueError(Errors.M273.format(url=self._url, reason=err)) from None

    def _post(self, messages: Sequence[Message], left_out: frozenset[str]) -> Any:
        body: dict[str, Any] = {"model": self.name, "messages": list(messages)}
        if TEMPERATURE not in left_out:
            body[TEMPERATURE] = 0
        # The newer name, for models that do not take the older one.
        body["max_completion_tokens" if LIMIT in left_out else LIMIT] = MAX_TOKENS
        if FORM not in left_out:
            body[FORM] = RESPONSE_FORMAT
        return self._client.post(self._url, json=body)

    def _told(self, response: Any) -> str:
        """What the server says about a fault. Some repeat the key, and reasons are written to files."""
        told = _told(response)
        return (told.replace(self._key, "***") if self._key else told)[:LONGEST_REASON]

    def _count(self, reason: str) -> None:
        with self._lock:
            self.retries[reason] += 1


def _read(response: Any) -> Answer:
    """RAISES (NoAnswer): If it is no chat completion."""
    try:
        given = response.json()
        choice = given["choices"][0]
        message = choice["message"]
        usage = given.get("usage") or {}
        tokens = [int(usage.get(f"{side}_tokens") or 0) for side in ("prompt", "completion")]
        content, refusal, finish = message.get("content") or "", message.get("refusal"), choice.get("finish_reason")
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
        raise NoAnswer("the server answered something else than a chat completion") from None
    is_refused = bool(refusal) or finish == "content_filter"
    text = str(refusal or content) if is_refused else _line(str(content))
    return Answer(_whole(text), finish == "length", is_refused, *tokens)


def _line(content: str) -> str:
    """The answer without its form."""
    try:
        given = json.loads(content)
    except (ValueError, RecursionError):
        return content
    line = given.get(FIELD) if isinstance(given, dict) and set(given) == {FIELD} else None
    return line if isinstance(line, str) else content


def _retry_after(value: str | None) -> float | None:
    """The seconds of the header Retry-After, which are a number or a date."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (TypeError, ValueError):
            return None
    return None if math.isnan(seconds) else min(max(seconds, 0.0), 10 * LONGEST_WAIT)


def _pause(attempt: int) -> float:
    # With a random part, so that workers do not come back at the same time.
    return min(FIRST_WAIT * 2**attempt, LONGEST_WAIT) * random.uniform(0.5, 1.0)


def _told(response: Any) -> str:
    try:
        error = response.json()["error"]
        told = error["message"] if isinstance(error, dict) else error
    except (ValueError, KeyError, TypeError, RecursionError):
        told = response.text
    return _whole(" ".join(str(told).split())) or "no reason"


def _whole(text: str) -> str:
    """A text without halves of surrogate pairs, which JSON may have, and no file."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
