"""Answers that are kept, so that nothing is asked twice."""

import json
import sqlite3
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from types import TracebackType

from ...errors import Errors
from .engine import Answer, Engine, Message

TABLE = "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT NOT NULL)"
FIND = "SELECT answer FROM answers WHERE key IN (?, ?) ORDER BY key = ?"
# Seconds to wait for another process that writes.
TIMEOUT = 60.0


class CachedEngine:
    """An engine whose answers are kept in a SQLite file. Each is on the disk when it is returned. Threads may share it:
    what several ask at the same time is asked once.

    engine (Engine): Answers what is not kept. Its name is part of what an answer is found by.
    path (Path): The file. It is made with its folder.
    max_tokens (Optional[int]): The limit of tokens of an answer. What broke off at another limit is asked for again.
        Default: None, the limit is always the same.
    RAISES (ValueError): If the file is something else, or cannot be written.
    """

    def __init__(self, engine: Engine, path: Path, *, max_tokens: int | None = None) -> None:
        self.name = engine.name
        self.calls = self.hits = 0
        self._engine = engine
        self._path = Path(path)
        self._max_tokens = max_tokens
        self._lock = threading.Lock()
        # What is being asked. Who asks the same waits for its answer.
        self._in_flight: dict[str, Future[Answer]] = {}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = sqlite3.connect(self._path, timeout=TIMEOUT, check_same_thread=False)
            self._file.execute(TABLE)
            self._file.execute("SELECT key, answer FROM answers LIMIT 1")
            self._file.commit()
        except (sqlite3.Error, OSError) as err:
            raise ValueError(Errors.M274.format(path=path, reason=err)) from None

    def __enter__(self) -> "CachedEngine":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, place: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def answer(self, messages: Sequence[Message]) -> Answer:
        """Answer a chat from the file, or else by the engine.

        messages (Sequence[Message]): The chat.
        RETURNS (Answer): The answer.
        RAISES (NoAnswer): If the engine has none. It is asked again the next time.
        RAISES (ValueError): If the engine cannot answer anything, or the file cannot be read or written.
        """
        key = self._keys(messages)[0]
        with self._lock:
            asked = self._in_flight.get(key)
            if asked is None:
                own = self._in_flight[key] = Future[Answer]()
        if asked is not None:
            answer = asked.result()
            self._count_hit()
            return answer
        try:
            answer = self._find_or_ask(messages)
            own.set_result(answer)
        except BaseException as err:
            own.set_exception(err)
            raise
        finally:
            with self._lock:
                del self._in_flight[key]
        return answer

    def find(self, messages: Sequence[Message]) -> Answer | None:
        """RETURNS (Answer | None): The answer in the file; None if there is none. The engine is not asked.

        messages (Sequence[Message]): The chat.
        RAISES (ValueError): If the file cannot be read.
        """
        whole, broken_off = self._keys(messages)
        try:
            with self._lock:
                row = self._file.execute(FIND, (whole, broken_off, broken_off)).fetchone()
            return None if row is None else Answer(**json.loads(row[0]))
        except (sqlite3.Error, ValueError, TypeError) as err:
            raise ValueError(Errors.M274.format(path=self._path, reason=err)) from None

    def _find_or_ask(self, messages: Sequence[Message]) -> Answer:
        found = self.find(messages)
        if found is not None:
            self._count_hit()
            return found
        answer = self._engine.answer(messages)
        whole, broken_off = self._keys(messages)
        self._keep(broken_off if answer.is_truncated else whole, answer)
        # Another process may have had an answer sooner, which stays.
        return self.find(messages) or answer

    def _count_hit(self) -> None:
        with self._lock:
            self.hits += 1

    def _keys(self, messages: Sequence[Message]) -> tuple[str, str]:
        return _key(self.name, list(messages)), _key(self.name, list(messages), self._max_tokens)

    def _keep(self, key: str, answer: Answer) -> None:
        row = (key, json.dumps(asdict(answer), ensure_ascii=False))
        try:
            with self._lock, self._file:  # which commits
                self.calls += 1
                self._file.execute("INSERT OR IGNORE INTO answers VALUES (?, ?)", row)
        except sqlite3.Error as err:
            raise ValueError(Errors.M274.format(path=self._path, reason=err)) from None


def _key(*of: object) -> str:
    return sha256(json.dumps(of, sort_keys=True).encode("utf8")).hexdigest()
