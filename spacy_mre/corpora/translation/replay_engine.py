"""Answers from a file, which another program or a batch service has made."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from ...files import replacing
from ..reading import Location, read_json_lines
from .engine import Answer, Message, NoAnswer


class ReplayEngine:
    """Answers prompts from a file of JSON lines: `{"prompt": "...", "answer": "..."}`. A prompt is the last message.

    path (Path): The file. Lines without an answer are passed over.
    RAISES (CorpusError): If the file is malformed, or a prompt has two answers.
    """

    def __init__(self, path: Path) -> None:
        self.name = Path(path).name
        self._answers: dict[str, str] = {}
        for line, item in read_json_lines(path):
            location = Location(Path(path), line)
            prompt = location.get(item, "prompt", str)
            if item.get("answer") is None:
                continue
            answer = location.get(item, "answer", str)
            if self._answers.setdefault(prompt, answer) != answer:
                raise location.error("this prompt has another answer in a line before")

    def answer(self, messages: Sequence[Message]) -> Answer:
        """RETURNS (Answer): The answer to the last message.

        messages (Sequence[Message]): The chat.
        RAISES (NoAnswer): If the file has none.
        """
        found = self._answers.get(messages[-1]["content"])
        if found is None:
            raise NoAnswer("the file has no answer to this prompt")
        return Answer(found)


def write_prompts(chats: Iterable[Sequence[Message]], path: Path) -> None:
    """Write prompts, each once, to fill in their answers.

    chats (Iterable[Sequence[Message]]): The chats. Their other messages, which tell what to do, are in the field
        "messages".
    path (Path): The file of JSON lines.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf8") as file:
        for prompt, messages in {messages[-1]["content"]: messages for messages in chats}.items():
            row = {"prompt": prompt, "messages": list(messages), "answer": None}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
