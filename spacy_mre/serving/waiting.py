"""The texts that wait for a pipeline. Requests take turns, so that a large one does not hold up small ones."""

from asyncio import Future
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from threading import Condition

from ..scale.texts import Fault
from .answers import Form

# The most characters of all texts that wait for a pipeline, if a body has fewer bytes.
CHARACTERS = 32 * 2**20
# The analysis of a text as JSON, or why it has none.
Answer = bytes | Fault


@dataclass(eq=False)
class Item:
    """A text that waits.

    text (object): The text, or what the client sent in its place.
    form (Form): What is sent of its analysis.
    future (Future[Answer]): Where the answer goes.
    """

    text: object
    form: Form
    future: "Future[Answer]"

    @property
    def size(self) -> int:
        """RETURNS (int): The characters of the text."""
        return len(self.text) if isinstance(self.text, str) else 0


@dataclass(eq=False)
class Caller:
    """A request or a stream.

    items (deque[Item]): Its texts that wait.
    """

    items: deque[Item] = field(default_factory=deque)


class Waiting:
    """Texts that wait, for several threads.

    limit (int): The most texts.
    characters (int): The most characters of all texts together. Default: `CHARACTERS`.
    """

    def __init__(self, limit: int, characters: int = CHARACTERS) -> None:
        self.limit = limit
        self.characters = characters
        self.is_closed = False
        self._callers: deque[Caller] = deque()
        self._count = 0
        self._size = 0
        self._changed = Condition()

    def __len__(self) -> int:
        return self._count

    def put(self, caller: Caller, items: Sequence[Item]) -> bool:
        """Add texts: all or none.

        caller (Caller): Whose texts they are.
        items (Sequence[Item]): The texts.
        RETURNS (bool): False if there is no room for them.
        """
        size = sum(item.size for item in items)
        with self._changed:
            if self.is_closed or self._count + len(items) > self.limit or self._size + size > self.characters:
                return False
            if items and not caller.items:
                self._callers.append(caller)
            caller.items.extend(items)
            self._count += len(items)
            self._size += size
            self._changed.notify()
        return True

    def take(self) -> Item | None:
        """Take a text of the caller whose turn it is. The turn then goes to the next one.

        RETURNS (Optional[Item]): The text; None if none waits.
        """
        with self._changed:
            if not self._callers:
                return None
            caller = self._callers.popleft()
            item = caller.items.popleft()
            if caller.items:
                self._callers.append(caller)
            self._count -= 1
            self._size -= item.size
            return item

    def drop(self, caller: Caller, items: Collection[Item] | None = None) -> int:
        """Remove texts that still wait.

        caller (Caller): Whose texts they are.
        items (Optional[Collection[Item]]): Which. Default: all.
        RETURNS (int): How many still waited.
        """
        with self._changed:
            kept = deque(item for item in caller.items if items is not None and item not in items)
            dropped = len(caller.items) - len(kept)
            self._size -= sum(item.size for item in caller.items) - sum(item.size for item in kept)
            if dropped and not kept:
                self._callers.remove(caller)
            caller.items = kept
            self._count -= dropped
            return dropped

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until there is a text, or the queue is closed.

        seconds (float | None): At most so long. Default: None, no limit.
        RETURNS (bool): Whether there is a text.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._callers or self.is_closed, seconds)
            return bool(self._callers)

    def close(self) -> None:
        """Take no more texts."""
        with self._changed:
            self.is_closed = True
            self._changed.notify_all()
