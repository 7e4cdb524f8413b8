"""Requests to a server with the interface of OpenAI: what is sent again, what is waited for, and when nothing more is
asked."""

import email.utils
import math
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from ...errors import Errors
from .chat_completion import error_of, has_no_credit, is_refusal
from .engine import NoAnswer

Prompt = TypeVar("Prompt")
Found = TypeVar("Found")

# Seconds. A server that asks for a longer wait has a limit per day, as a rule.
TIMEOUT, FIRST_WAIT, LONGEST_WAIT, LONGEST_ASKED = 120.0, 1.0, 60.0, 600.0
ATTEMPTS = 6
# Prompts without an answer, one after the other: the server is out of order.
MAX_FAILED = 10
LONGEST_REASON = 200  # characters
# A wrong key, model or address: no other prompt would be answered.
FATAL = (401, 402, 403, 404)
# The server does not know a field, or the prompt is not allowed.
INVALID = (400, 422)
# No user and password (@), and nothing behind the path (? and #), where some servers have a key.
ADDRESS = re.compile(r"https?://[^\s/?#@]+(/[^\s?#@]*)?")
NOT_SHOWN = re.compile(r"[@?#]")


class HttpClient(Generic[Prompt, Found]):
    """Asks a server. Threads may share it. A subclass makes the requests and reads the answers.

    options (tuple[str, ...]): The options of a request that are left out if the server does not take them.
    first_left_out (Optional[str]): The option that is left out if the server does not name one.

    base_url (str): The address, up to "/v1".
    path (str): The part of the address after "/v1". Default: "/chat/completions".
    key (str): Sent as a bearer token. Default: "", none.
    timeout (float): Seconds to wait for an answer. Default: 120.
    attempts (int): How often a prompt is sent, if the server is busy (429) or fails (5xx, time-out). Default: 6.
    wait (Callable[[float], None]): Waits for so many seconds. Default: `time.sleep`.
    RAISES (ValueError): If httpx is not installed, the address is none or has a password, or the key has characters
        that no key has.
    """

    options: ClassVar[tuple[str, ...]] = ()
    first_left_out: ClassVar[str | None] = None

    def __init__(
        self,
        base_url: str,
        path: str = "/chat/completions",
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
        check_address(base_url)
        key = key.strip()  # a file of a key ends with a line break
        if not (key.isascii() and key.isprintable()):
            raise ValueError(Errors.M275)
        self.retries: Counter[str] = Counter()
        self._url = f"{base_url.rstrip('/')}{path}"
        self._key = key
        self._attempts = attempts
        self._wait = wait
        self._has_answered = False
        self._failed = 0
        self._left_out: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # A connection for each thread: waiting for one would count as a time-out.
        self._client = httpx.Client(timeout=timeout, headers=headers, limits=httpx.Limits(max_connections=None))

    def make_request(self, prompt: Prompt, left_out: frozenset[str]) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): The JSON of a request, without the options that the server does not take."""
        raise NotImplementedError

    def read_response(self, body: Any) -> Found | None:
        """RETURNS (Optional[Found]): The answer in the JSON of a response; None if it is something else."""
        raise NotImplementedError

    def refusal(self) -> Found:
        """RETURNS (Found): The answer if a filter does not let a prompt through."""
        raise NotImplementedError

    def answer(self, prompt: Prompt) -> Found:
        """Answer a prompt. What was sent again is counted in `retries`, by reason.

        prompt (Any): The prompt.
        RETURNS (Any): The answer.
        RAISES (NoAnswer): If there is none after all attempts, or the server does not take this prompt.
        RAISES (ValueError): If the key, the model or the address is wrong, nothing is paid for any more, the server
            wants a wait of more than ten minutes, or has not answered ten prompts in turn.
        """
        reason = ""
        for attempt in range(self._attempts):
            found = self._send(prompt)
            if isinstance(found, str):
                reason, seconds = found, None
            elif found.status_code == 429 or found.status_code >= 500:
                reason, seconds = str(found.status_code), self._asked_wait(found)
            else:
                return self._read(found)
            self._count(reason)
            if attempt + 1 < self._attempts:
                self._wait(_pause(attempt) if seconds is None else seconds)
        raise self._fail(f"{reason}, {self._attempts} times")

    def _send(self, prompt: Prompt) -> Any:
        """The response, or why there is none. Before the first answer, options that the server does not take are left
        out."""
        import httpx

        left_out = self._left_out
        try:
            response = self._post(prompt, left_out)
            # Models differ in the options that they take, and the error names the one that they do not.
            while response.status_code in INVALID and not self._has_answered:
                told = _told(response)
                names = [name for name in self.options if name in told and name not in left_out]
                if not names and self.first_left_out and self.first_left_out not in left_out:
                    names = [self.first_left_out]
                if not names:
                    return response
                left_out = left_out | {names[0]}
                response = self._post(prompt, left_out)
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

    def _post(self, prompt: Prompt, left_out: frozenset[str]) -> Any:
        return self._client.post(self._url, json=self.make_request(prompt, left_out))

    def _read(self, response: Any) -> Found:
        """The answer in a response, or why the server will not give one."""
        body = _json(response)
        answer = self.refusal() if is_refusal(body) else None
        if response.status_code == 200:
            answer = answer or self.read_response(body)
            if answer is None:
                raise self._fail("the server answered something else than a completion")
        if answer is not None:
            with self._lock:
                # A refusal does not tell which options the server takes.
                self._has_answered = self._has_answered or response.status_code == 200
                self._failed = 0
            return answer
        if response.status_code in FATAL:
            raise self._stop(response)
        raise self._fail(f"{response.status_code}: {self._told(response)}", is_rejected=self._has_answered)

    def _asked_wait(self, response: Any) -> float | None:
        """The seconds that a busy server wants; None if it does not say."""
        seconds = _retry_after(response.headers.get("retry-after"))
        if has_no_credit(_json(response)):
            raise self._stop(response)
        if seconds is not None and seconds > LONGEST_ASKED:
            raise self._stop(response, f" (it wants {seconds:,.0f} seconds)")
        return seconds

    def _stop(self, response: Any, more: str = "") -> ValueError:
        reason = self._told(response) + more
        return ValueError(Errors.M272.format(url=self._url, status=response.status_code, reason=reason))

    def _fail(self, reason: str, *, is_rejected: bool = False) -> Exception:
        """A prompt without an answer, or the last that is sent. A server that rejects one, but has answered others, is
        not out of order."""
        with self._lock:
            self._failed += not is_rejected
            if self._failed < MAX_FAILED:
                return NoAnswer(reason)
        return ValueError(Errors.M276.format(url=self._url, count=MAX_FAILED, reason=reason))

    def _told(self, response: Any) -> str:
        """What the server says about a fault. Some repeat the key, and reasons are written to files."""
        told = _told(response)
        return (told.replace(self._key, "***") if self._key else told)[:LONGEST_REASON]

    def _count(self, reason: str) -> None:
        with self._lock:
            self.retries[reason] += 1


def describe_retries(retries: Mapping[str, int]) -> str:
    """RETURNS (str): How often prompts were sent again, by reason, as the end of a sentence; empty if none was.

    retries (Mapping[str, int]): The counts.

    >>> describe_retries({"429": 2, "time-out": 1})
    '; no answer at first: 429 (2), time-out (1)'
    """
    told = ", ".join(f"{reason} ({count})" for reason, count in sorted(retries.items()))
    return f"; no answer at first: {told}" if told else ""


def check_address(base_url: str) -> None:
    """Check the address of a server.

    base_url (str): The address.
    RAISES (ValueError): If it is none, or has a password.
    """
    if not ADDRESS.fullmatch(base_url):
        # What may be a password is not shown.
        raise ValueError(Errors.M271.format(url="..." if NOT_SHOWN.search(base_url) else base_url))


def _json(response: Any) -> Any:
    """The JSON of a response; None if it is none."""
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None


def _told(response: Any) -> str:
    return error_of(_json(response), response.text)


def _retry_after(value: str | None) -> float | None:
    """The seconds of the header Retry-After, which are a number or a date."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (TypeError, ValueError, OverflowError):
            return None
    return None if math.isnan(seconds) else max(seconds, 0.0)


def _pause(attempt: int) -> float:
    # With a random part, so that workers do not come back at the same time.
    return min(FIRST_WAIT * 2**attempt, LONGEST_WAIT) * random.uniform(0.5, 1.0)
