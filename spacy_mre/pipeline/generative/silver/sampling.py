"""Samples of one model: the same prompt, asked several times with a temperature."""

from collections.abc import Sequence

from ....corpora.translation.engine import Answer, Engine, Message

# With more than one sample. Enough for different answers, and too little for nonsense.
TEMPERATURE = 0.7


class NumberedEngine:
    """One sample of an engine: its answers are cached under a name of its own.

    engine (Engine): Answers.
    temperature (float): Its temperature.
    number (int): The number of the sample.
    """

    def __init__(self, engine: Engine, temperature: float, number: int) -> None:
        self.name = sample_name(engine.name, temperature, number)
        self._engine = engine

    def answer(self, messages: Sequence[Message]) -> Answer:
        """RETURNS (Answer): The answer of the engine.

        messages (Sequence[Message]): The chat.
        """
        return self._engine.answer(messages)


def sample_name(model: str, temperature: float, number: int) -> str:
    """RETURNS (str): The name by which the answers of a sample are cached.

    model (str): The model.
    temperature (float): Its temperature.
    number (int): The number of the sample.
    """
    return f"{model}, temperature {temperature:g}, sample {number}"
