"""The parts of a text to show for its mistakes: the sentences with a mistake, in gold and in the prediction."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from spacy.tokens import Doc, Span

from ..annotations.entities import Offsets, get_entities
from ..annotations.relations import arguments, get_relations
from ..annotations.sentences import sentence_numbers
from ..evaluation.items import CharacterOffsets
from ..evaluation.text_mistakes import Mistake, TextMistakes


class Excerpt(NamedTuple):
    """The same part of a text in gold and in the prediction, whose tokens may differ."""

    gold: Span
    predicted: Span


def find_excerpts(text: TextMistakes, spans_key: str) -> list[Excerpt]:
    """Find the sentences with a wrong or missed entity or relation. Sentences that an entity or relation of either side
    joins are one excerpt, so that no annotation is cut.

    text (TextMistakes): The text.
    spans_key (str): The span group of the entities.
    RETURNS (list[Excerpt]): The excerpts, in order. The whole text if only its text labels, or entities of white space
        only, are mistakes.
    """
    gold, predicted = text.example.reference, text.example.predicted
    extents = [(start, end) for mistake in text.mistakes for start, end in _extents(mistake) if start < end]
    if not extents:
        return [Excerpt(gold[:], predicted[:])]
    gold_offsets, predicted_offsets = CharacterOffsets(gold), CharacterOffsets(predicted)
    annotated = [gold_offsets.of(*extent) for extent in _annotated(gold, spans_key)]
    annotated += [predicted_offsets.of(*extent) for extent in _annotated(predicted, spans_key)]
    blocks = _join(_sentences(gold, gold_offsets), [*annotated, *extents])
    shown = [(start, end) for start, end in blocks if any(start < right and left < end for left, right in extents)]
    return [Excerpt(_span(gold, gold_offsets, *block), _span(predicted, predicted_offsets, *block)) for block in shown]


def _extents(mistake: Mistake) -> Iterator[Offsets]:
    """From the first to the last character of an entity or relation, without white space."""
    if mistake.level == "entities":
        yield mistake.item[0], mistake.item[1]
    elif mistake.level == "relations":
        head, tail, _ = mistake.item
        yield min(head[0], tail[0]), max(head[1], tail[1])


def _annotated(doc: Doc, spans_key: str) -> Iterator[Offsets]:
    for entity in get_entities(doc, spans_key) or ():
        yield entity.offsets
    for relation in get_relations(doc) or ():
        head, tail = arguments(relation)
        yield min(head[0], tail[0]), max(head[1], tail[1])


def _sentences(doc: Doc, offsets: CharacterOffsets) -> list[Offsets]:
    numbers = sentence_numbers(doc).tolist()
    firsts = [token for token, number in enumerate(numbers) if token == 0 or number != numbers[token - 1]]
    return [offsets.of(start, end) for start, end in pairwise([*firsts, len(doc)])]


def _join(sentences: list[Offsets], extents: Iterable[Offsets]) -> list[Offsets]:
    """Join sentences where an extent goes across their boundary."""
    crossed = [0] * (len(sentences) + 1)
    starts, last = [start for start, _ in sentences], len(sentences) - 1
    for left, right in extents:
        first = max(0, bisect_right(starts, left) - 1)
        final = min(last, max(first, bisect_left(starts, right) - 1))
        crossed[first] += 1
        crossed[final] -= 1
    blocks: list[Offsets] = []
    depth = 0
    for number, (start, end) in enumerate(sentences):
        blocks[-1:] = [(blocks[-1][0], end)] if depth else [*blocks[-1:], (start, end)]
        depth += crossed[number]
    return blocks


def _span(doc: Doc, offsets: CharacterOffsets, start: int, end: int) -> Span:
    """The tokens of a document that share characters with a range."""
    first = bisect_right(offsets.ends, start)
    return doc[first : max(first, bisect_left(offsets.starts, end))]
