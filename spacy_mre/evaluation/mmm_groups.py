"""The scores of MMM of any pipeline, by group of texts: a task in a language, for example.

**The same definitions for every system.** Labels are read from documents, so that generated strings, spans and
probabilities are compared alike. Text is that of gold, so that tokens and white space do not matter.

**Several text labels.** A label that the gold of a text does not name is unknown: its prediction is neither right nor
wrong.

**Words.** Entities and relations are scored apart, each with the text label. A part that a group has no gold for,
or that is predicted in no group, is not part of its task.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, get_args

from spacy.tokens import Doc
from spacy.training import Example

from ..annotations.entities import DEFAULT_KEY, TASK_GROUPS, get_entities
from ..annotations.relations import get_relations
from ..annotations.visible_offsets import VisibleOffsets
from .items import (
    Item,
    check_texts,
    compared_cats,
    entity_items,
    gold_cats,
    predicted_cats,
    relation_items,
    without_entity_labels,
)
from .mmm import Scores, TextAndWords, score_mmm

Words = Literal["entities", "relations"]
WORDS: tuple[Words, ...] = get_args(Words)
MMM_KEYS = ("tl_p", "tl_r", "tl_f", "wl_p", "wl_r", "wl_f", "all_acc")


class _Reader(NamedTuple):
    """Reads what documents have at both levels. The fields are the arguments of `score_groups`."""

    spans_key: str
    symmetric: Sequence[str]
    multi_label: bool
    threshold: float
    labels: frozenset[str] = frozenset()

    def gold_text(self, doc: Doc) -> set[str] | None:
        """The text labels of gold."""
        return gold_cats(doc, self.multi_label)

    def predicted_text(self, eg: Example) -> set[str] | None:
        """The predicted text labels: of several that may hold those that gold names, and of predictions for several
        tasks those that the gold of the group knows."""
        if self.multi_label:
            return set(compared_cats(eg, True, self.threshold))
        doc = eg.predicted
        if isinstance(doc._.get("generated") if doc.has_extension("generated") else None, dict):
            doc = doc.copy()
            doc.cats = {label: score for label, score in doc.cats.items() if label in self.labels}
        return set(predicted_cats(doc, False, 0.0)) or None

    def items(self, doc: Doc, words: Words) -> set[Item] | None:
        """The offsets and label of each entity or relation, once each."""
        if words == "relations":
            relations = relation_items(doc, self.symmetric, self.spans_key)
            return None if get_relations(doc) is None else set(without_entity_labels(relations))
        entities = get_entities(doc, self.spans_key)
        return None if entities is None else set(entity_items(doc, entities))


def score_groups(
    groups: Mapping[str, Sequence[Example]],
    *,
    spans_key: str = DEFAULT_KEY,
    symmetric: Sequence[str] = (),
    multi_label: bool = False,
    threshold: float = 0.5,
) -> list[Scores]:
    """Compute TL, WL and ALL of each group, see `score_mmm`.

    groups (Mapping[str, Sequence[Example]]): Gold and predictions by the name of the group.
    spans_key (str): The span group of the entities. Default: "entities".
    symmetric (Sequence[str]): Relation labels without direction. Default: none.
    multi_label (bool): Whether any number of text labels may hold. Default: False.
    threshold (float): The lowest score of a predicted text label, if several may hold. Default: 0.5.
    RETURNS (list[dict[str, Any]]): One for the entities and one for the relations of each group, or a single one
        without either: "data", the name; "words", "entities", "relations" or None; "texts", their number; and the
        scores of `score_mmm`.
    RAISES (ValueError): If gold and prediction have different texts.

    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> gold, predicted = nlp("Old Lima"), nlp("Old Lima")
    >>> gold.cats, predicted.cats = {"sea": 0.0, "travel": 1.0}, {"sea": 0.3, "travel": 0.7}
    >>> [(row["tl_f"], row["wl_f"], row["all_acc"]) for row in score_groups({"en": [Example(predicted, gold)]})]
    [(1.0, None, 1.0)]
    """
    everywhere = _Reader(spans_key, symmetric, multi_label, threshold)
    groups = {name: list(examples) for name, examples in groups.items()}
    everything = [eg for examples in groups.values() for eg in examples]
    for eg in everything:
        check_texts(eg)
    # What is predicted in one group is the task of the system in all: where it says nothing, it finds nothing. A
    # predicted text without any label is a prediction too. spaCy says of an empty document that it has all annotations.
    predicts_text = any(eg.predicted.cats for eg in everything)
    predicted = [
        words
        for words in WORDS
        if any(
            everywhere._replace(spans_key=key).items(eg.predicted, words) is not None
            for eg in everything
            if len(eg.reference)
            for key in (spans_key, *TASK_GROUPS.intersection(eg.predicted.spans))
        )
    ]
    rows = []
    for name, examples in groups.items():
        # A system with several tasks predicts the labels of all; a group is about those of its gold.
        labels = frozenset(label for eg in examples for label in eg.reference.cats)
        read = everywhere._replace(spans_key=_key_of(examples, spans_key), labels=labels)
        has_text = predicts_text and any(read.gold_text(eg.reference) is not None for eg in examples)
        full = [eg for eg in examples if len(eg.reference)]
        scored: list[Words | None] = [
            words for words in predicted if any(read.items(eg.reference, words) is not None for eg in full)
        ]
        for words in scored or [None]:
            scores = score_mmm(_levels(eg, read, has_text, words) for eg in examples)
            if not has_text and words is None:
                scores = dict.fromkeys(scores)  # there is nothing to be right
            rows.append({"data": name, "words": words, "texts": len(examples), **scores})
    return rows


def _key_of(examples: Sequence[Example], spans_key: str) -> str:
    """The span group of a group's entities: that of its task, if the gold has only this one."""
    found = {key for eg in examples for key in eg.reference.spans}
    named = sorted(TASK_GROUPS & found)
    return named[0] if spans_key not in found and len(named) == 1 else spans_key


def mean_of_groups(rows: Iterable[Scores]) -> Scores:
    """Compute the macro means over groups. Of a group with entities and relations, the relations count.

    rows (Iterable[dict[str, Any]]): The result of `score_groups`.
    RETURNS (dict[str, Any]): The keys of `score_mmm`. A group without a score is left out of its mean; None if all are.
    """
    of_group = {row["data"]: row for row in rows}  # relations are the last
    values = {key: [row[key] for row in of_group.values() if row[key] is not None] for key in MMM_KEYS}
    return {key: sum(found) / len(found) if found else None for key, found in values.items()}


def _levels(eg: Example, read: _Reader, has_text: bool, words: Words | None) -> tuple[TextAndWords, TextAndWords]:
    offsets = VisibleOffsets(eg.reference.text)

    def text_of(start: int, end: int) -> str:
        return offsets.text[slice(*offsets.in_text(start, end))]

    def with_texts(items: Iterable[Item]) -> list[Item]:
        # What has white space only has no text.
        if words == "relations":
            arguments = [(head, tail, label) for head, tail, label in items if head[0] < head[1] and tail[0] < tail[1]]
            return [(text_of(*head), label, text_of(*tail)) for head, tail, label in arguments]
        return [(label, text_of(start, end)) for start, end, label in items if start < end]

    def of(doc: Doc, text: Collection[str] | None) -> TextAndWords:
        items = read.items(doc, words) if words else ()
        return TextAndWords(text, None if items is None else with_texts(items))

    texts = (read.gold_text(eg.reference), read.predicted_text(eg)) if has_text else ((), ())
    return of(eg.reference, texts[0]), of(eg.predicted, texts[1])
