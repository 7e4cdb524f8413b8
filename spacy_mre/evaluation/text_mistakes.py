"""The mistakes of each text, with their kinds.

Each wrong prediction is compared with the missed gold, and each missed gold item with the wrong predictions. The kinds
of entities are those of SemEval-2013 task 9.1 (Segura-Bedmar et al. 2013, section 4), which extend MUC: a wrong type,
wrong boundaries, both, or no overlap. The kinds of relations show whether the relation itself or an argument is wrong.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from spacy.training import Example

from ..annotations.entities import DEFAULT_KEY
from ..annotations.relations import get_relations
from .items import Item, check_texts, compared_cats, gold_cats, has_entities, scored_entities, scored_relations

ENTITY_KINDS = ("type", "boundaries", "type and boundaries", "no overlap")
RELATION_KINDS = ("argument type", "label", "direction", "argument offsets", "not related")
CAT_KINDS = ("label", "no label")
# By level, in the order in which they are shown.
KINDS = {"entities": ENTITY_KINDS, "relations": RELATION_KINDS, "cats": CAT_KINDS}

What = Literal["wrong", "missed"]


class Mistake(NamedTuple):
    """A wrong prediction, or a missed annotation of gold.

    level (str): "entities", "relations" or "cats".
    what (str): "wrong": predicted but not in gold. "missed": in gold but not predicted.
    kind (str): One of the `KINDS` of its level.
    item (tuple): What is wrong or missed, as the scorers compare it (see `items`). The last element is the label.
    score (float | None): That of the prediction; None if missed.
    """

    level: str
    what: What
    kind: str
    item: Item
    score: float | None

    @property
    def label(self) -> str:
        """RETURNS (str): The label of the entity or relation, or of the text."""
        return self.item[-1]


@dataclass
class TextMistakes:
    """What is right and what is wrong in a text.

    id (str): The id of the text, or without one its number in the file.
    example (Example): Gold and prediction.
    right (dict[str, int]): The correct items by level. Without levels that gold or the pipeline does not have.
    mistakes (list[Mistake]): Sorted by level, then by position.
    """

    id: str
    example: Example
    right: dict[str, int] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)


def find_text_mistakes(
    examples: Iterable[Example],
    *,
    spans_key: str = DEFAULT_KEY,
    symmetric: Sequence[str] = (),
    multi_label: bool = False,
    threshold: float = 0.5,
) -> list[TextMistakes]:
    """Find the mistakes of each text. "Other side" is the missed gold for predictions, and the wrong predictions for
    gold.

    The kinds of entities, of which the first that fits is given: "type": the other side has the same offsets with
    another type. "boundaries": it has an overlapping entity of the same type. "type and boundaries": it has an
    overlapping entity of another type. "no overlap": none of these.

    The kinds of relations: "argument type": the other side has the same relation with other entity types. "label": it
    has another label between the same arguments. "direction": it has the same relation in the other direction.
    "argument offsets": an argument is not an entity there. "not related": both arguments are entities there.

    The kinds of text labels: "label": the other side has another label. "no label": it has none.

    examples (Iterable[Example]): Gold and predictions.
    spans_key (str): The span group of the entities.
    symmetric (Sequence[str]): Relation labels without direction.
    multi_label (bool): Any number of text labels may hold; otherwise the label with the highest score. If several may
        hold, a label that is not in `doc.cats` of gold is unknown, and its prediction no mistake.
    threshold (float): The lowest score of a predicted text label, if several may hold.
    RETURNS (list[TextMistakes]): All texts, in their order, also those without a mistake.
    RAISES (ValueError): If gold and prediction have different texts.

    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> example = Example.from_dict(nlp("Old Lima"), {"entities": [(0, 8, "place")]})
    >>> example.predicted.ents = [example.predicted.char_span(4, 8, label="place")]
    >>> (text,) = find_text_mistakes([example])
    >>> [(mistake.what, mistake.kind) for mistake in text.mistakes]
    [('missed', 'boundaries'), ('wrong', 'boundaries')]
    """
    examples = list(examples)
    has_ents = any(has_entities(eg.predicted, spans_key) for eg in examples)
    has_relations = any(get_relations(eg.predicted) is not None for eg in examples)
    has_cats = any(eg.predicted.cats for eg in examples)
    found = []
    for number, eg in enumerate(examples, start=1):
        text = TextMistakes(str(eg.reference.user_data.get("id", number)), eg)
        found.append(text)
        gold, predicted = scored_entities(eg.reference, spans_key), scored_entities(eg.predicted, spans_key)
        if has_ents and has_entities(eg.reference, spans_key):
            check_texts(eg)
            _compare(text, "entities", gold, predicted)
        if has_relations and get_relations(eg.reference) is not None:
            check_texts(eg)
            arguments: dict[What, set[Item]] = {
                "wrong": {item[:2] for item in gold},
                "missed": {item[:2] for item in predicted},
            }
            gold = scored_relations(eg.reference, symmetric, spans_key)
            predicted = scored_relations(eg.predicted, symmetric, spans_key)
            _compare(text, "relations", gold, predicted, arguments)
        held = gold_cats(eg.reference, multi_label)
        if has_cats and held is not None:
            cats = {(label,): score for label, score in compared_cats(eg, multi_label, threshold).items()}
            _compare(text, "cats", [(label,) for label in held], cats)
    return found


def worst_first(texts: Iterable[TextMistakes]) -> list[TextMistakes]:
    """Select the texts with mistakes, in the order in which they are worth reading.

    texts (Iterable[TextMistakes]): The result of `find_text_mistakes`.
    RETURNS (list[TextMistakes]): Those with most mistakes first. Of texts with equally many, the one with the most
        confident wrong prediction is first.
    """

    def order(text: TextMistakes) -> tuple[int, float]:
        scores = [mistake.score for mistake in text.mistakes if mistake.score is not None]
        return -len(text.mistakes), -max(scores, default=0.0)

    return sorted((text for text in texts if text.mistakes), key=order)


def _compare(
    text: TextMistakes,
    level: str,
    gold: Collection[Item],
    predicted: Mapping[Item, float],
    arguments: Mapping[What, Collection[tuple[Any, ...]]] | None = None,
) -> None:
    """Add the mistakes of a level. `arguments`: the offsets of the entities on the other side."""
    wrong, missed = predicted.keys() - set(gold), set(gold) - predicted.keys()
    text.right[level] = len(predicted) - len(wrong)
    sides: tuple[tuple[What, set[Item], set[Item]], ...] = (("missed", missed, wrong), ("wrong", wrong, missed))
    mistakes = []
    for what, items, others in sides:
        for item in items:
            if level == "entities":
                kind = _entity_kind(item, others)
            elif arguments is not None:
                kind = _relation_kind(item, others, arguments[what])
            else:
                kind = "label" if others else "no label"
            mistakes.append(Mistake(level, what, kind, item, predicted.get(item)))
    text.mistakes += sorted(mistakes, key=lambda mistake: (mistake.item, mistake.what))


def _entity_kind(item: Item, others: set[Item]) -> str:
    start, end, label = item
    if any(other[:2] == (start, end) for other in others):
        return "type"
    overlapping = {other[2] for other in others if other[0] < end and start < other[1]}
    if not overlapping:
        return "no overlap"
    return "boundaries" if label in overlapping else "type and boundaries"


def _relation_kind(item: Item, others: set[Item], entities: Collection[tuple[Any, ...]]) -> str:
    head, tail, label = item[0][:2], item[1][:2], item[2]
    same_arguments = {other[2] for other in others if (other[0][:2], other[1][:2]) == (head, tail)}
    if same_arguments:
        return "argument type" if label in same_arguments else "label"
    if any((other[0][:2], other[1][:2], other[2]) == (tail, head, label) for other in others):
        return "direction"
    return "not related" if head in entities and tail in entities else "argument offsets"
