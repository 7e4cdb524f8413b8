"""Decisions of a person about texts, as lines of the gold file."""

from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from ...scale.analysis import LEVELS
from .bodies import Given
from .comparing import Analysis, Cats, is_same, trace
from .journal import Journal
from .tally import Tally
from .texts import Text, Texts

SAVED = ("accepted", "corrected")
STATUS = {"skip": "skipped", "reject": "rejected"}
KINDS = {"entities": list, "relations": list, "cats": dict}
# What a line has of its text, besides its name.
ABOUT = ("group", "meta")


def is_decision(line: dict[str, Any]) -> bool:
    """RETURNS (bool): Whether an object is a line of a gold file."""
    text, predicted = line.get("text"), line.get("predicted")
    # A text is open again after "undo" only.
    statuses = (*SAVED, *STATUS.values(), *(("open",) if line.get("decision") == "undo" else ()))
    if not isinstance(text, str) or line.get("status") not in statuses:
        return False
    return _is_analysis(line, text) and (predicted is None or _is_analysis(predicted, text))


def _is_analysis(found: Any, text: str) -> bool:
    if not isinstance(found, dict) or not all(
        level in found and isinstance(found[level], (kind, type(None))) for level, kind in KINDS.items()
    ):
        return False
    try:
        given = Given.model_validate({level: found[level] for level in KINDS})
    except ValidationError:
        return False
    entities, relations = given.entities or [], given.relations or []
    places = [place for relation in relations for place in (relation.head, relation.tail)]
    return all(0 <= one.start < one.end <= len(text) for one in entities) and all(
        0 <= place < len(entities) for place in places
    )


class Gold:
    """The gold file. The last line of a text tells what holds for it.

    journal (Journal): The file.
    texts (Texts): Gets the texts of the file, with what was decided.
    tally (Tally): Sums over the decisions that hold.
    """

    def __init__(self, journal: Journal, texts: Texts) -> None:
        self.tally = Tally()
        self._journal = journal
        self._counts = dict.fromkeys((*SAVED, *STATUS.values()), 0)
        # The texts about which decisions were made that hold, in the order of the decisions.
        self._history: list[Text] = []
        for line in journal.lines:
            about = {name: line[name] for name in ABOUT if name in line}
            text = texts.add(line["text"], line.get("id"), about, from_input=False)
            self._apply(text, line)
        for text in self.decided():
            text.predicted, text.model = (text.decisions[-1].get(name) for name in ("predicted", "model"))
            self.tally.update(text)

    def decide(self, text: Text, decision: str, analysis: Analysis | None, cats: Cats) -> None:
        """Write a decision.

        text (Text): The text.
        decision (str): "save", "skip" or "reject".
        analysis (Optional[dict[str, Any]]): What is saved.
        cats (Cats): Which text labels hold.
        RAISES (OSError): If the disk is full, for example. Nothing has changed then.
        """
        line: dict[str, Any] = {"status": STATUS.get(decision), **dict.fromkeys(LEVELS)}
        if analysis is not None:
            is_accepted = text.predicted is not None and is_same(text.predicted, analysis, cats)
            line |= {"status": SAVED[0] if is_accepted else SAVED[1], **analysis}
            line["provenance"] = trace(text.predicted, analysis, cats)
        self._write(text, {"decision": decision, **line, "predicted": text.predicted, "model": text.model})

    def undo(self, text: Text) -> None:
        """Take back the last decision about a text, with a line that says what holds again.

        text (Text): The text, about which a decision holds.
        RAISES (OSError): If the disk is full, for example. Nothing has changed then.
        """
        before = text.decisions[-2] if len(text.decisions) > 1 else {"status": "open", **dict.fromkeys(LEVELS)}
        kept = ("status", *LEVELS, "provenance", "predicted", "model")
        self._write(text, {"decision": "undo", **{key: before[key] for key in kept if key in before}})

    @property
    def last(self) -> Text | None:
        """RETURNS (Optional[Text]): The text about which was decided last, if a decision holds."""
        return self._history[-1] if self._history else None

    def decided(self) -> list[Text]:
        """RETURNS (list[Text]): The texts about which a decision holds, in the order of the decisions."""
        return list(dict.fromkeys(self._history))

    def saved(self) -> list[Text]:
        """RETURNS (list[Text]): The texts that were accepted or corrected, in the order of the decisions."""
        return [text for text in self.decided() if text.status in SAVED]

    def count(self, total: int) -> dict[str, int]:
        """RETURNS (dict[str, int]): How many texts have each status, if there are so many in total."""
        return {"total": total, "open": total - sum(self._counts.values()), **self._counts}

    def _write(self, text: Text, values: dict[str, Any]) -> None:
        about = {"id": text.id, "text": text.text, **text.about, "version": text.version + 1}
        line = {**about, **values, "time": datetime.now(UTC).isoformat(timespec="seconds")}
        self._journal.append(line)
        self._apply(text, line)
        self.tally.update(text)

    def _apply(self, text: Text, line: dict[str, Any]) -> None:
        text.version += 1
        text.line = line
        if text.decisions:
            self._counts[text.status] -= 1
        if line.get("decision") != "undo":
            text.decisions.append(line)
            self._history.append(text)
        elif text.decisions:
            text.decisions.pop()
            del self._history[next(at for at in reversed(range(len(self._history))) if self._history[at] is text)]
        if text.decisions:
            self._counts[text.status] += 1
