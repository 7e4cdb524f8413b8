"""Batch files in the form of OpenAI: prompts for a service or a program, and answers from it."""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from ...files import write_json_lines
from ..reading import Location, read_json_lines
from .chat_completion import MAX_TOKENS, OPTIONS, error_of, is_refusal, make_body, read_answer
from .engine import Answer, Message, NoAnswer

URL = "/v1/chat/completions"


class ReplayEngine:
    """Answers prompts from the output files of a batch. A prompt is found by its `custom_id`. Threads may share it.

    paths (Path): The files: output, errors, and those of a second batch with what the first one has not answered. An
        answer counts more than an error, and a whole one more than one that was cut off.
    RAISES (CorpusError): If a file is malformed, or a prompt has two different whole answers.

    >>> chat = [Message(role="user", content="Ida lives in Lima.")]
    >>> body = {"choices": [{"message": {"content": "Ida vive en Lima."}}]}
    >>> line = {"custom_id": id_of(chat), "response": {"status_code": 200, "body": body}, "error": None}
    >>> write_json_lines([line], Path("output.jsonl"))
    1
    >>> ReplayEngine(Path("output.jsonl")).answer(chat).text
    'Ida vive en Lima.'
    """

    def __init__(self, *paths: Path) -> None:
        self.left_out: set[str] = set()
        self._answers: dict[str, Answer] = {}
        self._faults: dict[str, str] = {}
        models = set()
        for path in map(Path, paths):
            for line, item in read_json_lines(path):
                location = Location(path, line)
                prompt = location.get(item, "custom_id", str)
                found = self._read(location, item)
                if isinstance(found, str):
                    self._faults[prompt] = found
                    continue
                models.add(_model(item["response"].get("body")))
                known = self._answers.setdefault(prompt, found)
                if not known.is_truncated and not found.is_truncated and known.text != found.text:
                    raise location.error("this prompt has another answer in a line before")
                self._answers[prompt] = max(known, found, key=_completeness)
        self.name = ", ".join(sorted(models - {""})) or ", ".join(Path(path).name for path in paths)

    def has(self, messages: Sequence[Message], max_tokens: int | None = None) -> bool:
        """RETURNS (bool): Whether a chat has an answer that need not be asked for again: a whole one, or one that was
        cut off and would not become longer.

        messages (Sequence[Message]): The chat.
        max_tokens (Optional[int]): The limit of tokens of an answer. Default: None, only whole answers count.
        """
        found = self.find(messages)
        if found is None or not found.is_truncated:
            return found is not None
        return max_tokens is not None and found.completion_tokens >= max_tokens

    def find(self, messages: Sequence[Message]) -> Answer | None:
        """RETURNS (Optional[Answer]): The answer to a chat, whole or not; None if there is none.

        messages (Sequence[Message]): The chat.
        """
        return self._answers.get(id_of(messages))

    def answer(self, messages: Sequence[Message]) -> Answer:
        """RETURNS (Answer): The answer to a chat.

        messages (Sequence[Message]): The chat.
        RAISES (NoAnswer): If the files have an error instead, which it names, or nothing.
        """
        prompt = id_of(messages)
        if prompt not in self._answers:
            raise NoAnswer(self._faults.get(prompt, "not in the answers"))
        return self._answers[prompt]

    def _read(self, location: Location, item: dict[str, Any]) -> Answer | str:
        """The answer of a line, or what went wrong: a code, and what was said about it."""
        error = item.get("error")
        if error:
            code = error.get("code") if isinstance(error, dict) else None
            return f"{code or 'error'}: {error_of(item)}"
        response = location.get(item, "response", dict)
        status, body = location.get(response, "status_code", int), response.get("body")
        if is_refusal(body):
            return Answer("", is_refused=True)
        if status == 200:
            return read_answer(body) or "no chat completion: the body has another form"
        told = error_of(body)
        if status in (400, 422):
            # The next batch goes without options that the model does not take.
            self.left_out |= {name for name in OPTIONS if name in told}
        return f"{status}: {told}"


def write_prompts(
    chats: Iterable[Sequence[Message]],
    path: Path,
    model: str,
    *,
    max_tokens: int = MAX_TOKENS,
    temperature: float = 0.0,
    is_plain: bool = False,
    left_out: Collection[str] = (),
) -> int:
    """Write a batch file, with each prompt once.

    chats (Iterable[Sequence[Message]]): The prompts.
    path (Path): The file.
    model (str): The name of the model at the service.
    max_tokens (int): The limit of tokens of an answer. Default: 4096.
    temperature (float): The temperature. Default: 0.
    is_plain (bool): Answers are plain text. Default: False, JSON with one field.
    left_out (Collection[str]): The options that the model does not take, as in `ReplayEngine.left_out`. Default: none.
    RETURNS (int): The number of prompts.
    """

    options: dict[str, Any] = {"max_tokens": max_tokens, "temperature": temperature, "is_plain": is_plain}
    options["left_out"] = left_out

    def lines() -> Iterator[dict[str, Any]]:
        for prompt, messages in {id_of(messages): messages for messages in chats}.items():
            body = make_body(model, messages, **options)
            yield {"custom_id": prompt, "method": "POST", "url": URL, "body": body}

    return write_json_lines(lines(), path)


def id_of(messages: Sequence[Message]) -> str:
    """RETURNS (str): The `custom_id` of a chat, which depends on all of it.

    messages (Sequence[Message]): The chat.
    """
    return sha256(json.dumps(list(messages), sort_keys=True).encode("utf8")).hexdigest()[:32]


def _completeness(answer: Answer) -> tuple[bool, int]:
    return not answer.is_truncated, answer.completion_tokens


def _model(body: Any) -> str:
    return str(body.get("model") or "") if isinstance(body, dict) else ""
