"""What the scorers compare: entities and relations as tuples of character offsets and labels.

White space is not counted in the offsets. So two spans are the same if they cover the same characters, whatever the
tokenization of gold and prediction is.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from spacy.attrs import IDX, LENGTH
from spacy.tokens import Doc
from spacy.training import Example

from ..annotations.entities import DEFAULT_KEY, EntitySpan, get_entities
from ..annotations.relations import get_arguments, get_relations
from ..annotations.text_labels import highest_cat, holding_cats
from ..annotations.visible_offsets import VisibleOffsets
from ..errors import Errors
from .overlap_matching import CharOffsets, match_to_gold, uses_overlap

# The last element is the label.
Item = tuple[Any, ...]


def check_texts(example: Example) -> None:
    """Check that gold and prediction have the same text; white space and case may differ, but not the number of other
    characters.

    example (Example): Gold and prediction.
    RAISES (ValueError): If the texts are different.
    """
    gold, predicted = example.reference.text, example.predicted.text
    if gold == predicted:
        return
    visible, other = "".join(gold.split()), "".join(predicted.split())
    # Offsets are compared, too. A few characters, such as "İ", have two in lower case.
    if len(visible) != len(other) or visible.lower() != other.lower():
        raise ValueError(Errors.M501.format(gold=gold[:80], predicted=predicted[:80]))


def entity_items(doc: Doc, entities: Sequence[EntitySpan]) -> list[Item]:
    """RETURNS (list[tuple]): Start, end and label of each entity."""
    if not entities:
        return []
    offsets = CharacterOffsets(doc)
    return [(*offsets.of(entity.start, entity.end), entity.label) for entity in entities]


def relation_items(doc: Doc, symmetric: Sequence[str], spans_key: str = DEFAULT_KEY) -> list[Item]:
    """Read the relations of a document.

    doc (Doc): The document.
    symmetric (Sequence[str]): Relation labels without direction. Their arguments are sorted.
    spans_key (str): The span group of the entities. Their labels are those of arguments without a label.
    RETURNS (list[tuple]): Head, tail and label of each relation; head and tail are start, end and entity label.
    """
    relations = get_relations(doc)
    if not relations:
        return []
    offsets = CharacterOffsets(doc)
    items = []
    for relation, ends in zip(relations, get_arguments(doc, spans_key)):
        arguments = [(*offsets.of(end.start, end.end), end.label) for end in ends]
        items.append(_relation_item(arguments, relation["label"], symmetric))
    return items


def scored_entities(doc: Doc, spans_key: str) -> dict[Item, float]:
    """RETURNS (dict[tuple, float]): The items of the entities of a document, with their scores."""
    entities = get_entities(doc, spans_key) or []
    return _best_scores(entity_items(doc, entities), [entity.score for entity in entities])


def scored_relations(doc: Doc, symmetric: Sequence[str], spans_key: str = DEFAULT_KEY) -> dict[Item, float]:
    """RETURNS (dict[tuple, float]): The items of the relations of a document, with their scores."""
    scores = [relation["score"] for relation in get_relations(doc) or ()]
    return _best_scores(relation_items(doc, symmetric, spans_key), scores)


def has_entities(doc: Doc, spans_key: str) -> bool:
    """RETURNS (bool): Whether a document says which entities it has."""
    return get_entities(doc, spans_key) is not None


def gold_cats(doc: Doc, multi_label: bool) -> set[str] | None:
    """Read the text labels that hold in gold.

    doc (Doc): The document.
    multi_label (bool): Any number of labels may hold; otherwise exactly one.
    RETURNS (set[str] | None): The labels with a value of at least 0.5; if exactly one holds, the one with the highest
        value. None if they are unknown: there are no text labels, or all values are 0.0 although exactly one holds.

    >>> import spacy
    >>> doc = spacy.blank("en")("Rain")
    >>> doc.cats = {"a": 0.0, "b": 0.0}
    >>> gold_cats(doc, multi_label=True), gold_cats(doc, multi_label=False)
    (set(), None)
    """
    if multi_label:
        return holding_cats(doc.cats) if doc.cats else None
    best = highest_cat(doc.cats)
    return None if best is None else {best}


def predicted_cats(doc: Doc, multi_label: bool, threshold: float) -> dict[str, float]:
    """Read the predicted text labels.

    doc (Doc): The document.
    multi_label (bool): Any number of labels may hold; otherwise the one with the highest score.
    threshold (float): The lowest score of a predicted label, if several may hold.
    RETURNS (dict[str, float]): The labels with their scores. If exactly one holds, it is empty for scores that are all
        0.0, as those of a text without tokens are.
    """
    if multi_label:
        return {label: value for label, value in doc.cats.items() if value >= threshold}
    best = highest_cat(doc.cats)
    return {} if best is None else {best: doc.cats[best]}


def compared_cats(example: Example, multi_label: bool, threshold: float) -> dict[str, float]:
    """Read the predicted text labels that can be compared with gold.

    example (Example): Gold and prediction.
    multi_label (bool): Any number of labels may hold; otherwise the one with the highest score.
    threshold (float): The lowest score of a predicted label, if several may hold.
    RETURNS (dict[str, float]): The labels with their scores. If several may hold, a label that gold does not name is
        unknown, and left out.
    """
    predicted, known = predicted_cats(example.predicted, multi_label, threshold), example.reference.cats
    return {label: score for label, score in predicted.items() if label in known or not multi_label}


def compared_entities(
    example: Example, gold: Sequence[EntitySpan], predicted: Sequence[EntitySpan], matching: str = "exact"
) -> tuple[list[Item], list[Item]]:
    """Prepare entities for comparison.

    example (Example): Gold and prediction.
    gold (Sequence[EntitySpan]): Entities of `example.reference`.
    predicted (Sequence[EntitySpan]): Entities of `example.predicted`.
    matching (str): "exact", or "overlap": predicted entities get the offsets of the gold entities matched to them.
    RETURNS (tuple[list[tuple], list[tuple]]): The items of gold and of the prediction.
    """
    gold_items, predicted_items = entity_items(example.reference, gold), entity_items(example.predicted, predicted)
    if not uses_overlap(matching):
        return gold_items, predicted_items
    matches = match_to_gold(gold_items, predicted_items)
    return gold_items, [_with_gold_offsets(item, matches) for item in predicted_items]


def compared_relations(
    example: Example, symmetric: Sequence[str], spans_key: str = DEFAULT_KEY, matching: str = "exact"
) -> tuple[list[Item], list[Item]]:
    """Prepare the relations of an example for comparison.

    example (Example): Gold and prediction.
    symmetric (Sequence[str]): Relation labels without direction.
    spans_key (str): The span group of the entities, for overlap matching and for arguments without a label.
    matching (str): "exact", or "overlap": arguments get the offsets of the gold entities matched to them.
    RETURNS (tuple[list[tuple], list[tuple]]): The items of gold and of the prediction.
    """
    gold_items = relation_items(example.reference, symmetric, spans_key)
    predicted_items = relation_items(example.predicted, symmetric, spans_key)
    if not uses_overlap(matching) or not gold_items or not predicted_items:
        return gold_items, predicted_items
    matches = match_to_gold(
        _mentions(example.reference, gold_items, spans_key), _mentions(example.predicted, predicted_items, spans_key)
    )
    matched_items = []
    for head, tail, label in predicted_items:
        arguments = [_with_gold_offsets(head, matches), _with_gold_offsets(tail, matches)]
        matched_items.append(_relation_item(arguments, label, symmetric))
    return gold_items, matched_items


def without_entity_labels(relations: Iterable[Item]) -> list[Item]:
    """RETURNS (list[tuple]): Relation items whose heads and tails are start and end only."""
    return [(head[:2], tail[:2], label) for head, tail, label in relations]


class CharacterOffsets:
    """Converts token offsets to offsets in the text without white space, see `VisibleOffsets`.

    doc (Doc): The document. It has tokens.
    """

    def __init__(self, doc: Doc) -> None:
        before = VisibleOffsets(doc.text).before
        start, length = doc.to_array([IDX, LENGTH]).astype("int64").T
        self.starts, self.ends = before[start].tolist(), before[start + length].tolist()

    def of(self, start: int, end: int) -> CharOffsets:
        """RETURNS (tuple[int, int]): The offsets of a span of tokens."""
        return self.starts[start], self.ends[end - 1]


def _best_scores(items: Iterable[Item], scores: Iterable[float]) -> dict[Item, float]:
    best: dict[Item, float] = {}
    for item, score in zip(items, scores):
        best[item] = max(score, best.get(item, score))
    return best


def _relation_item(arguments: Sequence[Item], label: str, symmetric: Sequence[str]) -> Item:
    head, tail = sorted(arguments) if label in symmetric else arguments
    return head, tail, label


def _mentions(doc: Doc, relations: Iterable[Item], spans_key: str) -> list[Item]:
    """The items of entities and of relation arguments."""
    arguments = [argument for head, tail, _ in relations for argument in (head, tail)]
    return [*entity_items(doc, get_entities(doc, spans_key) or ()), *arguments]


def _with_gold_offsets(item: Item, matches: dict[CharOffsets, CharOffsets]) -> Item:
    offsets = item[:2]
    return (*matches.get(offsets, offsets), item[2])
