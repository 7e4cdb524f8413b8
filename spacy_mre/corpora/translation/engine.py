"""What answers prompts: an engine."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypedDict

AFTER_REASON = re.compile("[:,]")


class Message(TypedDict):
    """A message of a chat: "system", "user" or "assistant", and its text."""

    role: str
    content: str


@dataclass(frozen=True)
class Answer:
    """The answer of an engine.

    text (str): What it wrote; if it refused, why, or an empty string.
    is_truncated (bool): Whether it ended at the limit of tokens.
    is_refused (bool): Whether it refused, or a filter of the server did.
    prompt_tokens (int): Tokens read, as the engine counts them; 0 if it does not.
    completion_tokens (int): Tokens written.
    """

    text: str
    is_truncated: bool = False
    is_refused: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0


class NoAnswer(Exception):
    """The engine did not answer this prompt, after all attempts. Others may be answered. Its text begins with a short
    reason, up to a colon or comma: a status, "time-out", or the code of a batch service."""

    @property
    def reason(self) -> str:
        """RETURNS (str): The short reason, by which prompts without an answer are counted.

        >>> NoAnswer("too long: 600 tokens").reason
        'too long'
        """
        return AFTER_REASON.split(str(self))[0]


class Engine(Protocol):
    """Answers prompts. Threads may share it."""

    @property
    def name(self) -> str:
        """The model. Answers are cached by it."""
        ...

    def answer(self, messages: Sequence[Message], /) -> Answer:
        """Answer a chat.

        RAISES (NoAnswer): If there is none after all attempts.
        RAISES (ValueError): If no further prompt can be answered: a wrong key, model or address.
        """
        ...
