"""Samples of one model: the same prompt, asked several times with a temperature."""

from collections.abc import Sequence
from typing import Any

from ....corpora.translation.engine import Answer, Engine, Message
from ....corpora.translation.http_engine import HttpEngine

# With more than one sample. Enough for different answers, and too little for nonsense.
TEMPERATURE = 0.7


class SamplingEngine(HttpEngine):
    """Asks a server for plain strings with a temperature. In JSON, the backslashes of the strings would be doubled.

    base_url (str): The address, up to "/v1".
    model (str): The name of the model at the server.
    temperature (float): The temperature. A model that takes none has its own.
    options (Any): See `HttpEngine`.
    RAISES (ValueError): See `HttpEngine`.
    """

    def __init__(self, base_url: str, model: str, *, temperature: float = 0.0, **options: Any) -> None:
        super().__init__(base_url, model, **options)
        client: Any = _PlainClient(self._client, temperature)
        self._client = client


class _PlainClient:
    """Changes the requests of `HttpEngine`."""

    def __init__(self, client: Any, temperature: float) -> None:
        self._client = client
        self._temperature = temperature

    def post(self, url: str, *, json: dict[str, Any]) -> Any:
        body = {name: value for name, value in json.items() if name != "response_format"}
        if "temperature" in body:
            body["temperature"] = self._temperature
        return self._client.post(url, json=body)


class NumberedEngine:
    """One sample of an engine: its answers are cached under a name of its own.

    engine (Engine): Answers.
    temperature (float): Its temperature.
    number (int): The number of the sample.
    """

    def __init__(self, engine: Engine, temperature: float, number: int) -> None:
        self.name = f"{engine.name}, temperature {temperature:g}, sample {number}"
        self._engine = engine

    def answer(self, messages: Sequence[Message]) -> Answer:
        """RETURNS (Answer): The answer of the engine.

        messages (Sequence[Message]): The chat.
        """
        return self._engine.answer(messages)
