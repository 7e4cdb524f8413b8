"""What a studio does when the page asks. All of it runs in the event loop, one request after the other."""

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ...scale.texts import find_fault
from ..labels import Labels
from ..service import Refused, Service
from .analyst import FIRST, Analyst
from .bodies import Decision, check_analysis, with_labels_of
from .comparing import Analysis
from .exporting import Download, make_download
from .gold import Gold
from .journal import Journal
from .learning import Learning
from .model import Model
from .orders import DISAGREEMENT, FILE, UNCERTAIN, arrange
from .texts import MAX_LENGTH, Text, Texts
from .tools import Tools


class Desk:
    """The texts, the decisions about them, and the order in which they are looked at.

    service (Service): The pipelines, with the names of `analyst`.
    model (Model): The first pipeline.
    other (Optional[Model]): The second pipeline.
    gold (Journal): The gold file.
    typed (Journal): The texts that were typed.
    tools (Tools): See there.
    """

    def __init__(
        self, service: Service, model: Model, other: Model | None, gold: Journal, typed: Journal, tools: Tools
    ) -> None:
        self.service, self.other, self.tools = service, other, tools
        self.learning = Learning(gold.path, tools.make_docs)
        self.texts = Texts()
        self.gold = Gold(gold, self.texts)
        self.analyst = Analyst(service, model, self.gold.saved(), self.gold.tally.update)
        self._typed = typed
        self._typed_texts = {line["text"] for line in typed.lines}
        for line in typed.lines:
            self.texts.add(line["text"])
        self.order = FILE
        self._used: int | None = None

    @property
    def model(self) -> Model:
        """RETURNS (Model): The first pipeline."""
        return self.analyst.model

    @property
    def labels(self) -> Labels:
        """RETURNS (dict[str, list[str]]): The labels of the pipeline."""
        return self.service.find(FIRST).labels

    @property
    def orders(self) -> list[str]:
        """RETURNS (list[str]): The orders that can be chosen."""
        return [FILE, UNCERTAIN, *([DISAGREEMENT] if self.other else [])]

    def find(self, key: int) -> Text:
        """RETURNS (Text): A text.
        RAISES (Refused): If there is none with the key.
        """
        text = self.texts.find(key)
        if text is None:
            raise Refused(404, "there is no such text")
        return text

    def progress(self) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): The number of texts by status; which decision can be taken back; and the F1 of the
        entities that the pipelines found against those that were saved, None without any: of the first pipeline in
        texts that were saved with it, of the second one in all that it has answered, with their number."""
        first, other = self.gold.tally.of_model(self.model.as_json()), self.gold.tally.other
        last = self.gold.last
        return {
            **self.gold.count(len(self.texts)),
            "agreement": first.f1,
            "other": {"agreement": other.f1, "texts": other.pairs},
            "undo": None if last is None else {"key": last.key, "version": last.version},
        }

    def set_order(self, order: str) -> None:
        """Choose the order.

        order (str): One of `orders`.
        RAISES (Refused): If it is none.
        """
        if order not in self.orders:
            raise Refused(422, f"order: expected one of: {', '.join(self.orders)}")
        self.order = order

    def arranged(self) -> Iterator[Text]:
        """YIELDS (Text): The texts in the chosen order. If it depends on pipelines, open texts come first, and of these
        the ones that are analysed."""
        if self.order == FILE:
            yield from self.texts
            return
        first = self._ranked()
        ranked = {text.key for text in first}
        yield from first
        yield from (text for text in self.texts if text.status == "open" and text.key not in ranked)
        yield from (text for text in self.texts if text.status != "open")

    def search(self, words: str, label: str, status: str, first: int, most: int) -> tuple[int, list[Text]]:
        """Find texts.

        words (str): What the text contains; empty for anything.
        label (str): A label that its shown analysis has; empty for any or none.
        status (str): Its status; empty for any.
        first (int): How many to pass over.
        most (int): The most texts.
        RETURNS (tuple[int, list[Text]]): How many there are, and some of them, in the chosen order.
        """
        if not (words or label or status):
            return len(self.texts), list(itertools.islice(self.arranged(), first, first + most))
        found = [
            text
            for text in self.arranged()
            if words in text.text and status in ("", text.status) and (not label or label in self._labels_of(text))
        ]
        return len(found), found[first : first + most]

    def next(self, after: int | None) -> int | None:
        """Find the next open text.

        after (Optional[int]): The key of the text that is looked at.
        RETURNS (Optional[int]): Its key; None if no other is open. After the last one, it begins from the start.
        """
        ranked = [] if self.order == FILE else self._ranked()
        place = next((number for number, text in enumerate(ranked) if text.key == after), -1)
        others = itertools.chain(ranked[place + 1 :], self.texts.after(None if ranked else after), ranked)
        return next((text.key for text in others if text.status == "open" and text.key != after), None)

    def decide(self, key: int, decision: Decision) -> Text:
        """Save, skip or reject a text, or take back its last decision. A decision that was made already is not made
        again: its answer was lost.

        key (int): The text.
        decision (Decision): What the person decided.
        RETURNS (Text): The text.
        RAISES (Conflict): If the text was changed meanwhile.
        RAISES (Refused): If the analysis cannot be saved, or there is no decision to take back.
        """
        text = self.find(key)
        if decision.version == text.version and decision.model in (None, text.model):
            self._make(text, decision)
        elif decision.version != text.version - 1 or not self._is_last(text, decision):
            raise Conflict(text)
        return text

    def add(self, words: str) -> Text:
        """Add a text that was typed.

        words (str): The text.
        RETURNS (Text): The text, or the one that is there already.
        RAISES (Refused): If it is empty, or no text.
        """
        reason = find_fault(words, MAX_LENGTH) or ("" if words.strip() else "the text is empty")
        if reason:
            raise Refused(422, reason)
        if words not in self._typed_texts:
            self._typed.append({"text": words})
            self._typed_texts.add(words)
        return self.texts.add(words)

    def rows(self) -> list[dict[str, Any]]:
        """RETURNS (list[dict[str, Any]]): What was saved, as in the gold file."""
        return [text.decisions[-1] for text in self.gold.saved()]

    def learn(self, run: int | None) -> None:
        """Begin to learn from what was saved.

        run (Optional[int]): The last run that the page knows. If there was another one since, none is begun.
        RAISES (Refused): If it learns already, what was learned is being loaded, or there is nothing to learn from.
        """
        if run is None or run >= self.learning.told["run"]:
            self.learning.start(self.model.path, self.rows())

    async def use(self, run: int | None) -> None:
        """Put the learned pipeline in the place of the old one. Open texts are analysed anew.

        run (Optional[int]): The run whose pipeline is meant. Nothing happens if it is in use already.
        RAISES (Refused): If there is none, or it cannot be loaded.
        """
        if run is not None and run == self._used:
            return
        learned = self.learning.take()
        try:
            await self.analyst.replace(Model(str(learned)))
        except Exception as err:
            self.learning.taken(f"the learned pipeline cannot be loaded: {err}")
            raise Refused(503, self.learning.told["message"]) from None
        self._used = self.learning.told["run"]
        self.learning.taken()

    def download(self, form: str) -> Callable[[], Download]:
        """Prepare a download.

        form (str): The name of a form.
        RETURNS (Callable[[], Download]): Makes the file, in any thread.
        RAISES (Refused): If there is no such form, or nothing was saved.
        """
        rows = self.rows()
        if form not in self.tools.forms:
            raise Refused(422, f"form: expected one of: {', '.join(self.tools.forms)}")
        if not rows:
            raise Refused(422, "nothing was saved yet")
        return partial(make_download, self.tools, rows, form, self.model.path)

    def _make(self, text: Text, decision: Decision) -> None:
        if decision.decision != "undo":
            self.gold.decide(text, decision.decision, self._checked(text, decision), self.model.cats)
            return
        if not text.decisions:
            raise Refused(422, "there is no decision to take back")
        self.gold.undo(text)
        if text.status == "open":
            text.forget()  # another pipeline may have found it

    def _is_last(self, text: Text, decision: Decision) -> bool:
        """Whether the last line of a text says what a person decided."""
        line = text.line or {}
        analysis = self._checked(text, decision) or {}
        return line.get("decision") == decision.decision and all(line[level] == analysis[level] for level in analysis)

    def _checked(self, text: Text, decision: Decision) -> Analysis | None:
        if decision.decision != "save":
            return None
        if decision.analysis is None:
            raise Refused(422, "analysis: it is missing")
        exclusive = not self.model.cats.multi_label
        labels = with_labels_of((text.predicted, text.gold), self.labels)
        return check_analysis(decision.analysis, text.text, labels, exclusive=exclusive)

    def _ranked(self) -> list[Text]:
        return arrange(self.analyst.ready(), self.gold.tally.names, self.order, self.model.cats)

    def _labels_of(self, text: Text) -> Iterator[str]:
        shown = text.gold or text.predicted
        if shown is None:
            return
        for level in ("entities", "relations"):
            yield from (one["label"] for one in shown[level] or ())
        yield from self.model.cats.held(shown["cats"])


class Conflict(Exception):
    """Another tab was faster.

    text (Text): As it is now.
    """

    def __init__(self, text: Text) -> None:
        super().__init__()
        self.text = text
