"""Answers that are there already: in the output files of a batch, and in the cache of earlier runs."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from .cache import CachedEngine
from .engine import Answer, Message, NoAnswer
from .replay_engine import ReplayEngine


class KeptAnswers:
    """An engine that asks nobody. Files count more than the cache: they can be corrected. Threads may share it.

    replay (Optional[ReplayEngine]): The files. Default: None, there are none.
    model (str): The name under which the cache keeps the answers. Default: "", the cache is not read.
    cache (Path): The cache. It need not exist.
    max_tokens (int): The limit of tokens of an answer. What broke off at another limit is not found in the cache, and
        what broke off at a lower one in a file is asked for again.
    RAISES (ValueError): If the cache is something else.
    """

    def __init__(self, replay: ReplayEngine | None = None, *, model: str = "", cache: Path, max_tokens: int) -> None:
        self.name = replay.name if replay is not None else model
        self._replay = replay
        self._max_tokens = max_tokens
        self._cache: CachedEngine | None = None
        if model and cache.exists():
            self._cache = CachedEngine(_Nobody(model), cache, max_tokens=max_tokens)

    def __enter__(self) -> "KeptAnswers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, place: TracebackType | None
    ) -> None:
        if self._cache is not None:
            self._cache.close()

    def has(self, messages: Sequence[Message]) -> bool:
        """RETURNS (bool): Whether a chat has an answer that need not be asked for again (see `ReplayEngine.has`).

        messages (Sequence[Message]): The chat.
        """
        in_files = self._replay is not None and self._replay.has(messages, self._max_tokens)
        return in_files or self._in_cache(messages) is not None

    def answer(self, messages: Sequence[Message]) -> Answer:
        """RETURNS (Answer): The answer to a chat. A whole one counts more than one that was cut off.

        messages (Sequence[Message]): The chat.
        RAISES (NoAnswer): If there is none. If a file has an error instead, it is named.
        """
        in_files = None if self._replay is None else self._replay.find(messages)
        if in_files is None or in_files.is_truncated:
            in_cache = self._in_cache(messages)
            if in_cache is not None and (in_files is None or not in_cache.is_truncated):
                return in_cache
        if self._replay is None:
            raise NoAnswer("not in the answers")
        return self._replay.answer(messages)

    def _in_cache(self, messages: Sequence[Message]) -> Answer | None:
        return None if self._cache is None else self._cache.find(messages)


class _Nobody:
    def __init__(self, name: str) -> None:
        self.name = name

    def answer(self, messages: Sequence[Message]) -> Answer:
        raise NoAnswer("not in the answers")
