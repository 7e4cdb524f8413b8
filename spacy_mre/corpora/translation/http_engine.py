"""A language model behind the interface of OpenAI's chat completions: that of vLLM, llama.cpp, Ollama and services."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from .chat_completion import FORM, MAX_TOKENS, OPTIONS, make_body, read_answer
from .engine import Answer, Message
from .http_client import ATTEMPTS, TIMEOUT, HttpClient


class HttpEngine(HttpClient[Sequence[Message], Answer]):
    """Asks a server, with a temperature and a JSON schema for the answer, if it takes them. Threads may share it.

    base_url (str): The address, up to "/v1".
    model (str): The name of the model at the server.
    max_tokens (int): The limit of tokens of an answer. Default: 4096.
    temperature (float): The temperature. Default: 0.
    is_plain (bool): Answers are plain text. Default: False, JSON with one field.
    key, timeout, attempts, wait: See `HttpClient`.
    RAISES (ValueError): If httpx is not installed, the address is none or has a password, or the key has characters
        that no key has.
    """

    options = OPTIONS
    first_left_out = FORM

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        key: str = "",
        timeout: float = TIMEOUT,
        attempts: int = ATTEMPTS,
        max_tokens: int = MAX_TOKENS,
        temperature: float = 0.0,
        is_plain: bool = False,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(base_url, key=key, timeout=timeout, attempts=attempts, wait=wait)
        self.name = model
        self._options: dict[str, Any] = {"max_tokens": max_tokens, "temperature": temperature, "is_plain": is_plain}

    def make_request(self, prompt: Sequence[Message], left_out: frozenset[str]) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): The JSON of a request, without the options that the server does not take."""
        return make_body(self.name, prompt, **self._options, left_out=left_out)

    def read_response(self, body: Any) -> Answer | None:
        """RETURNS (Optional[Answer]): The answer in the JSON of a response; None if it is something else."""
        return read_answer(body)

    def refusal(self) -> Answer:
        """RETURNS (Answer): The answer if a filter does not let a prompt through."""
        return Answer("", is_refused=True)
