"""A language model behind a server, in the place of a `LanguageModel`.

The tokenizer of the server is not known, so the tokens of sources and targets are their characters. The server receives
strings, and the grammar of the answer.
"""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from ...corpora.translation.engine import NoAnswer
from .allowance import tokens_allowed
from .asking import Answer, Prompt
from .formats import Format
from .formats.export_gbnf import to_gbnf
from .formats.export_lark import to_lark
from .formats.grammar import Grammar
from .formats.scanning import split
from .served_requests import LARK_FIELDS, Asked, GeneratingClient, RequestForm, Written, token_ends

SURROGATE = re.compile(r"[\ud800-\udfff]")


class Verbatim:
    """In place of a `TokenTable`: texts are copied as they are."""

    def normalize(self, text: str) -> tuple[str, Sequence[int]]:
        """RETURNS (tuple[str, Sequence[int]]): The text as it is copied, and the offset of each character."""
        return SURROGATE.sub("\ufffd", text), range(len(text))


class ServedAnswer(NamedTuple):
    """What came of a prompt.

    answer (Optional[Answer]): The answer; None if there is none.
    problem (str): What is to be counted; empty if nothing.
    """

    answer: Answer | None
    problem: str = ""


class ServedLM:
    """Asks a server. Nothing is sent before the first prediction.

    base_url (str): The address, up to "/v1".
    form (RequestForm): How it is asked.
    key_env (str): The environment variable with the key.
    timeout (float): Seconds to wait for an answer.
    attempts (int): How often a prompt is sent, if the server is busy or fails.
    workers (int): The requests at the same time.
    """

    kind = "served"
    is_served = True
    table = Verbatim()
    target_limit = sys.maxsize

    def __init__(
        self, base_url: str, form: RequestForm, *, key_env: str, timeout: float, attempts: int, workers: int
    ) -> None:
        self.base_url = base_url
        self.form = form
        self.key_env = key_env
        self.timeout = timeout
        self.attempts = attempts
        self.workers = workers
        # With the process, because connections cannot be shared by processes.
        self._client: tuple[int, GeneratingClient] | None = None
        self._grammars: dict[Format, Grammar] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_client": None, "_grammars": {}}

    @property
    def client(self) -> GeneratingClient:
        """RETURNS (GeneratingClient): The connections of this process.

        RAISES (ValueError): If httpx is not installed, or the key has characters that no key has.
        """
        if self._client is None or self._client[0] != os.getpid():
            settings = {"timeout": self.timeout, "attempts": self.attempts}
            key = os.environ.get(self.key_env, "")
            self._client = os.getpid(), GeneratingClient(self.base_url, self.form, key=key, **settings)
        return self._client[1]

    def source_ids(self, sources: Sequence[str]) -> list[list[int]]:
        """RETURNS (list[list[int]]): The characters of sources."""
        return [list(map(ord, SURROGATE.sub("\ufffd", source))) for source in sources]

    def target_ids(self, targets: Sequence[str]) -> list[list[int]]:
        """RETURNS (list[list[int]]): The characters of targets."""
        return self.source_ids(targets)

    def source_limit(self, new_tokens: int) -> int:
        """RETURNS (int): The most characters of a source: only the server knows."""
        return sys.maxsize

    def allowance(self, source_length: int, text_length: int) -> int:
        """The most tokens of an answer: `tokens_allowed` with characters for tokens, so rather too many.

        source_length (int): Not used.
        text_length (int): The number of characters of the text.
        RETURNS (int): The allowance.
        """
        return tokens_allowed(text_length)

    def spell(self, string: str) -> str:
        """RETURNS (str): The string."""
        return string

    def answers(self, format: Format, prompts: Sequence[Prompt], *, has_grammar: bool) -> Iterator[ServedAnswer]:
        """Generate a string for each prompt.

        format (Format): The format.
        prompts (Sequence[Prompt]): The prompts.
        has_grammar (bool): Whether the server gets the grammar.
        YIELDS (ServedAnswer): In the order of the prompts.
        RAISES (ValueError): If the key, the model or the address is wrong, or the server is out of order.
        """
        client = self.client
        if has_grammar and self.form.grammar != "none" and format not in self._grammars:
            self._grammars[format] = format.grammar()

        def ask(prompt: Prompt) -> ServedAnswer:
            grammar = self._grammar(format, prompt) if has_grammar else ""
            try:
                written = client.answer(Asked("".join(map(chr, prompt.source)), grammar, prompt.new_tokens))
            except NoAnswer as error:
                # What follows the reason may contain the text.
                return ServedAnswer(None, f"text that the server did not answer ({error.reason})")
            if written.is_refused:
                return ServedAnswer(None, "text that the server refused")
            answer = to_answer(prompt.text, written)
            return ServedAnswer(answer, "answer that ended at max_new_tokens" if written.is_truncated else "")

        with ThreadPoolExecutor(self.workers) as pool:
            try:
                yield from pool.map(ask, prompts)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _grammar(self, format: Format, prompt: Prompt) -> str:
        if self.form.grammar == "none":
            return ""
        export = to_lark if self.form.grammar in LARK_FIELDS else to_gbnf
        return export(self._grammars[format], prompt.text, prompt.boundaries)


def to_answer(text: str, written: Written) -> Answer:
    """Make the answer for a text. Without probabilities, all are 1.

    text (str): The text.
    written (Written): What the server wrote. If it is truncated, its last item, which may be incomplete, is dropped.
    RETURNS (Answer): The answer.
    """
    string = written.string
    ends = token_ends(string, written.tokens)
    log_probs = [log_prob for _, log_prob in written.tokens]
    if ends is None:
        log_probs, ends = [0.0], [len(string.encode("utf8"))]
    if written.is_truncated:
        items = split(string, ":")
        string = string[: items[-1].start - 1] if len(items) > 1 else string
    return Answer(text, string, log_probs, ends)
