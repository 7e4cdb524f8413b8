"""Analyses texts before they are looked at, with the pipelines of the server."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice

from ...scale.texts import Fault
from ..answers import Form
from ..service import LOOK, Refused, Service
from .model import Model
from .orders import find_uncertainty
from .texts import Text, Texts

# The names of the pipelines in the service.
FIRST, OTHER = "the pipeline", "the other pipeline"
# Open texts that are analysed already. More of them make a better choice in the order "uncertain".
AHEAD = 300
# Texts that are analysed at once: so many texts at most are before one that a person opens.
AT_ONCE = 16
PAUSE = 0.2


class Analyst:
    """Asks the pipelines.

    service (Service): The pipelines, with the names `FIRST` and `OTHER`.
    model (Model): The first pipeline.
    decided (Iterable[Text]): Texts of an earlier run, which the second pipeline has not seen. They come last.
    on_answer (Callable[[Text], None]): Called with each text that a pipeline has analysed.
    """

    def __init__(
        self, service: Service, model: Model, decided: Iterable[Text], on_answer: Callable[[Text], None]
    ) -> None:
        self.service, self.model, self._on_answer = service, model, on_answer
        self._decided = deque(decided if OTHER in service.pipelines else ())
        self.generation = 0
        # The texts that were analysed, and the place in the input from where on there are others.
        self._asked: dict[int, Text] = {}
        self._place = 0

    async def wait(self) -> None:
        """Wait until the pipelines are loaded.

        RAISES (Refused): If one cannot be loaded.
        """
        while not self.service.is_ready:
            if self.service.is_stopping or self.service.find_error() is not None:
                raise Refused(503, "the server is stopping")
            await asyncio.sleep(LOOK)

    async def ask(self, texts: Iterable[Text]) -> None:
        """Analyse texts that are not analysed.

        texts (Iterable[Text]): The texts.
        """
        await self.wait()
        wanted = list(texts)
        # What a pipeline says that was replaced meanwhile is not kept.
        while wanted := [text for text in wanted if self._open_questions(text)]:
            generation = self.generation
            for name in reversed(self.service.pipelines):
                if asked := [text for text in wanted if name in self._open_questions(text)]:
                    await self._ask_one(name, asked, generation)
            self._asked |= {text.key: text for text in wanted if text.is_asked and text.status == "open"}

    async def replace(self, model: Model) -> None:
        """Put another pipeline in the place of the first.

        model (Model): The pipeline.
        RAISES (Exception): If it cannot be loaded.
        """
        await self.service.replace(FIRST, model.load)
        self.model = model
        self.generation += 1
        for text in self.ready():
            text.forget()
        self._asked, self._place = {}, 0

    def ready(self) -> list[Text]:
        """RETURNS (list[Text]): The open texts that were analysed."""
        return [text for text in self._asked.values() if text.status == "open"]

    async def run(self, texts: Texts) -> None:
        """Analyse some texts before they are looked at, until the task is cancelled.

        texts (Texts): The texts, to which more may be added.
        """
        while True:
            chosen = self._choose(texts)
            try:
                await self.ask(chosen)
            except Refused:  # it is stopping, or too slow
                chosen = []
            if not chosen:
                await asyncio.sleep(PAUSE)

    def _choose(self, texts: Texts) -> list[Text]:
        """Choose texts to analyse next; none if enough are analysed."""
        most = min(AT_ONCE, AHEAD - len(self.ready()))
        chosen: list[Text] = []
        while len(chosen) < most and (text := texts.from_input(self._place)) is not None:
            self._place += 1
            if text.status == "open" and not text.is_asked:
                chosen.append(text)
        while self._decided and not self._open_questions(self._decided[0]):
            self._decided.popleft()
        return chosen or list(islice(self._decided, AT_ONCE))

    def _open_questions(self, text: Text) -> list[str]:
        """The pipelines that have not answered about a text."""
        asked = {FIRST: text.is_asked, OTHER: text.is_other_asked}
        return [name for name in self.service.pipelines if not asked[name]]

    async def _ask_one(self, name: str, texts: list[Text], generation: int) -> None:
        pipeline = self.service.find(name)
        answers = await self.service.analyse(pipeline, [text.text for text in texts], Form(), _never)
        if name == FIRST and generation != self.generation:
            return
        for text, answer in zip(texts, answers):
            if name == OTHER:
                text.other, text.is_other_asked = None if isinstance(answer, Fault) else json.loads(answer), True
            elif text.decisions and text.predicted is not None:
                continue  # what was looked at when it was decided
            elif isinstance(answer, Fault):
                text.error = answer.reason
            else:
                text.predicted, text.model = json.loads(answer), self.model.as_json()
                text.uncertainty = find_uncertainty(text.predicted, self.model.cats)
            self._on_answer(text)


async def _never() -> None:
    await asyncio.Event().wait()
