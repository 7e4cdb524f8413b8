"""Mistakes as JSON lines: a text with its mistakes per line, with offsets in the text."""

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..annotations.visible_offsets import VisibleOffsets
from ..files import write_json_lines
from .items import Item
from .text_mistakes import Mistake, TextMistakes

WHAT_NAMES = {"wrong": "wrong", "missed": "missed"}
LEVEL_NAMES = {"entities": "entity", "relations": "relation", "cats": "text label"}


class Mentions:
    """Converts the items that the scorers compare back to parts of the text.

    text (str): The text. Offsets of items do not count its white space.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._offsets = VisibleOffsets(text)

    def of(self, item: Item) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): The offsets in the text, the text and the label of an entity or argument."""
        start, end, label = item
        first, last = self._offsets.in_text(start, end)
        return {"start": first, "end": last, "text": self.text[first:last], "label": label}


def mistake_to_json(mistake: Mistake, mentions: Mentions, what_names: Mapping[str, str] = WHAT_NAMES) -> dict[str, Any]:
    """Convert a mistake to JSON.

    mistake (Mistake): The mistake.
    mentions (Mentions): The text.
    what_names (Mapping[str, str]): Other words for "wrong" and "missed".
    RETURNS (dict[str, Any]): Its level, what it is ("wrong" or "missed"), its kind, its label, the score of the
        prediction (null if missed), and for an entity its offsets and text, for a relation those of head and tail.
    """
    values: dict[str, Any] = {"level": LEVEL_NAMES[mistake.level], "what": what_names[mistake.what]}
    values.update(kind=mistake.kind, label=mistake.label)
    finite = mistake.score is not None and math.isfinite(mistake.score)
    values["score"] = round(float(mistake.score or 0.0), 4) if finite else None
    if mistake.level == "entities":
        values.update(mentions.of(mistake.item))
    elif mistake.level == "relations":
        values.update(head=mentions.of(mistake.item[0]), tail=mentions.of(mistake.item[1]))
    return values


def write_mistakes(
    texts: Iterable[TextMistakes], path: Path, *, name: str = "mistakes", what_names: Mapping[str, str] = WHAT_NAMES
) -> int:
    """Write texts with their mistakes as JSON lines.

    texts (Iterable[TextMistakes]): The texts, for example the result of `worst_first`.
    path (Path): The file to write.
    name (str): The key of the mistakes.
    what_names (Mapping[str, str]): Other words for "wrong" and "missed".
    RETURNS (int): The number of texts.

    >>> import json
    >>> import spacy
    >>> from spacy.training import Example
    >>> from spacy_mre.evaluation.text_mistakes import find_text_mistakes
    >>> nlp = spacy.blank("en")
    >>> example = Example.from_dict(nlp("Old Lima"), {"entities": [(0, 8, "place")]})
    >>> example.predicted.ents = []
    >>> write_mistakes(find_text_mistakes([example]), Path("mistakes.jsonl"))
    1
    >>> json.loads(Path("mistakes.jsonl").read_text())["mistakes"][0]["kind"]
    'no overlap'
    """

    def lines() -> Iterator[dict[str, Any]]:
        for text in texts:
            mentions = Mentions(text.example.reference.text)
            mistakes = [mistake_to_json(mistake, mentions, what_names) for mistake in text.mistakes]
            yield {"id": text.id, "text": mentions.text, name: mistakes}

    return write_json_lines(lines(), path)
