"""What an engine costs, and the end of a budget."""

import threading
from collections.abc import Sequence

from .engine import Answer, Engine, Message

# Characters for one token: about four letters of an alphabet, and one character of other scripts.
LETTERS_OF_TOKEN = 4
# Tokens around each message of a chat.
AROUND = 4
MILLION = 1_000_000


class BudgetSpent(Exception):
    """The budget is spent: nothing more is asked."""


class Spending:
    """An engine whose tokens are counted. Threads may share it.

    engine (Engine): Answers.
    budget (Optional[float]): Nothing more is asked when so much was spent. What is being answered then is still paid.
        Default: None, no limit.
    price_in (float): The price of a million tokens of prompts, in the currency of the budget. Default: 0.
    price_out (float): The price of a million tokens of answers. Default: 0.
    """

    def __init__(
        self, engine: Engine, budget: float | None = None, price_in: float = 0.0, price_out: float = 0.0
    ) -> None:
        self.name = engine.name
        self.prompt_tokens = self.completion_tokens = 0
        self._engine = engine
        self._budget = budget
        self._prices = (price_in, price_out)
        self._lock = threading.Lock()

    @property
    def cost(self) -> float:
        """RETURNS (float): What was spent."""
        return cost_of(self.prompt_tokens, self.completion_tokens, *self._prices)

    def answer(self, messages: Sequence[Message]) -> Answer:
        """Answer a chat, and count its tokens. An engine that does not count them gets an estimate.

        messages (Sequence[Message]): The chat.
        RETURNS (Answer): The answer.
        RAISES (BudgetSpent): If the budget is spent.
        RAISES (NoAnswer): If the engine has none.
        RAISES (ValueError): If the engine cannot answer anything.
        """
        if self._budget is not None and self.cost >= self._budget:
            raise BudgetSpent
        answer = self._engine.answer(messages)
        with self._lock:
            self.prompt_tokens += answer.prompt_tokens or count_tokens(messages)
            self.completion_tokens += answer.completion_tokens or count_letters(answer.text)
        return answer

    def describe(self) -> str:
        """RETURNS (str): Tokens and cost, for people."""
        cost = f", for {self.cost:.2f}" if any(self._prices) else ""
        return f"{self.prompt_tokens:,} tokens read and {self.completion_tokens:,} written{cost}"


def cost_of(read: int, written: int, price_in: float, price_out: float) -> float:
    """Compute what tokens cost.

    read (int): The tokens of prompts.
    written (int): The tokens of answers.
    price_in (float): The price of a million tokens of prompts.
    price_out (float): The price of a million tokens of answers.
    RETURNS (float): The cost.

    >>> cost_of(2_000_000, 500_000, 1.0, 4.0)
    4.0
    """
    return (read * price_in + written * price_out) / MILLION


def count_tokens(messages: Sequence[Message]) -> int:
    """Estimate the tokens of a chat. Tokenizers differ; it is meant for a cost before anything is asked.

    messages (Sequence[Message]): The chat.
    RETURNS (int): About how many.

    >>> count_tokens([{"role": "user", "content": "仙台 rains"}])
    8
    """
    return sum(AROUND + count_letters(message["content"]) for message in messages)


def count_letters(text: str) -> int:
    """RETURNS (int): About the tokens of a text."""
    latin = sum(char < "\u0250" for char in text)
    return len(text) - latin + -(-latin // LETTERS_OF_TOKEN)
