"""The thread of a pipeline. It analyses together what arrived while it analysed the texts before."""

import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from threading import Thread

import torch
from spacy.language import Language
from spacy.tokens import Doc

from ..errors import Errors
from ..evaluation.pipeline_settings import get_spans_key
from ..scale.texts import Fault, find_fault, read_texts
from .answers import make_answer
from .labels import Labels, read_labels
from .memory import FreedMemory
from .metrics import Metrics
from .settings import Settings
from .waiting import CHARACTERS, Answer, Item, Waiting

WARM_UP = "Ida lives in Lima."
# Strings of the first words. They are kept: a zone forgets its words, and a new one takes longer to split.
KEPT_STRINGS = 50_000
# Seconds without a text, after which memory is given back.
REST = 0.5
Answered = list[tuple[Item, Answer]]
log = logging.getLogger("spacy_mre.serving")


class Batcher(Thread):
    """Loads a pipeline and answers the texts that wait for it. Nothing else may use the pipeline.

    name (str): The name of the pipeline.
    load (Callable[[], Language]): Loads it. Called in the thread.
    settings (Settings): See there.
    metrics (Metrics): What is counted.
    threads (int): Threads of torch.
    """

    def __init__(
        self, name: str, load: Callable[[], Language], settings: Settings, metrics: Metrics, threads: int
    ) -> None:
        super().__init__(name=f"pipeline {name}", daemon=True)
        self.model = name
        # What fits into a body fits into an empty queue.
        self.waiting = Waiting(settings.queue, max(CHARACTERS, settings.max_bytes))
        self.error: Exception | None = None
        self.labels: Labels = {}
        self.deliver: Callable[[Answered], None] = lambda answered: None
        self._load = load
        self._metrics = metrics
        self.threads = threads
        self._batch_tokens = settings.batch_tokens
        self._is_loaded = False
        metrics.watch(name, self.waiting.__len__)

    @property
    def is_ready(self) -> bool:
        """RETURNS (bool): Whether it answers texts."""
        return self._is_loaded and self.is_alive()

    def refuse(self, text: object) -> Fault | None:
        """Check a text before it waits. To be called when the pipeline is loaded.

        text (object): The text, or what the client sent in its place.
        RETURNS (Optional[Fault]): Why it cannot be analysed; None if it can.
        """
        reason = find_fault(text, self._nlp.max_length)
        return Fault(reason) if reason else None

    def count_refused(self, texts: int) -> None:
        """Count texts that were refused. Those of a request that is to come again are counted then.

        texts (int): How many.
        """
        self._metrics.texts.labels(self.model, "error").inc(texts)

    def run(self) -> None:
        """Load the pipeline, and answer texts until the queue is closed."""
        try:
            torch.set_num_threads(self.threads)
            self._nlp = self._load()
            self._spans_key = get_spans_key(self._nlp)
            self.labels = read_labels(self._nlp)
            self._warm_up()
            self._most_strings = len(self._nlp.vocab.strings) + KEPT_STRINGS
        except Exception as err:
            self.error = err
            return
        self._is_loaded = True
        log.info("%s is ready", self.model)
        freed = FreedMemory()
        while True:
            if not self.waiting.wait(REST):
                freed.give_back()
                if not self.waiting.wait():
                    return
            self._answer_batch()
            freed.add_batch()

    def _warm_up(self) -> None:
        (found,) = read_texts(self._nlp, [WARM_UP], lambda _, doc: len(doc))
        if isinstance(found, Fault):
            raise ValueError(Errors.M757.format(model=self.model, text=WARM_UP, reason=found.reason))

    def _answer_batch(self) -> None:
        batch: list[Item] = []

        def arrived() -> Iterator[object]:
            while (item := self.waiting.take()) is not None:
                batch.append(item)
                yield item.text

        def read(index: int, doc: Doc) -> bytes:
            return make_answer(doc, self._spans_key, batch[index].form)

        try:
            results = read_texts(self._nlp, arrived(), read, batch_tokens=self._batch_tokens)
            first = next(results, None)
            if first is None:  # they were dropped meanwhile
                return
            # The others are there already. To ask for one more would begin another batch.
            answers: list[Answer] = [first, *islice(results, len(batch) - 1)]
        except Exception as err:
            # Without the message, which can quote a text.
            log.error("%s: a batch failed: %s", self.model, type(err).__name__)
            answers = [Fault(f"the pipeline failed: {type(err).__name__}")] * len(batch)
        self._count(answers)
        answered = list(zip(batch, answers))
        self.deliver(answered)
        self._keep_words(str(item.text) for item, answer in answered if not isinstance(answer, Fault))

    def _keep_words(self, texts: Iterable[str]) -> None:
        for text in texts:
            if len(self._nlp.vocab.strings) >= self._most_strings:
                return
            self._nlp.tokenizer(text)

    def _count(self, answers: list[Answer]) -> None:
        failed = sum(isinstance(answer, Fault) for answer in answers)
        self._metrics.texts.labels(self.model, "ok").inc(len(answers) - failed)
        self._metrics.texts.labels(self.model, "error").inc(failed)
        self._metrics.batches.labels(self.model).observe(len(answers))
