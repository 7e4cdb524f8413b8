"""One text on the page of mistakes: its pictures, its text labels, and the table of its mistakes."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from markupsafe import Markup
from spacy.tokens import Doc, Span

from ..annotations.entities import get_entities
from ..annotations.relations import get_relations, identity
from ..annotations.storage import span_as_doc
from ..evaluation.items import Item, entity_items, gold_cats, relation_items
from ..evaluation.mistakes_file import Mentions
from ..evaluation.text_mistakes import Mistake, TextMistakes
from .bars import percent
from .excerpts import find_excerpts
from .marking import Marking
from .markup import printable, to_string
from .names import Names
from .svg import draw, guess_lang

# In the order in which they are shown.
SIGNS = {"wrong": "✗", "missed": "∅"}
SIDE_SIGNS = {"missed": "≠", "wrong": "≠"}


def label_key(mistake: Mistake) -> tuple[str, str]:
    """RETURNS (tuple[str, str]): The level and the label of a mistake."""
    return mistake.level, mistake.label


class TextDrawing(NamedTuple):
    """How texts are drawn, the same for all texts of a page.

    names (Names): The display names.
    words (Mapping[str, str]): The words on the page.
    hues (Mapping[str, int]): The colour number of each entity label.
    numbers (Mapping[tuple[str, str], int]): The number of each level and label, for the choice of a label.
    symmetric (Collection[str]): Relation labels without direction.
    spans_key (str): The span group of the entities.
    signs (Mapping[str, str]): The signs of what is wrong and of what is missed.
    """

    names: Names
    words: Mapping[str, str]
    hues: Mapping[str, int]
    numbers: Mapping[tuple[str, str], int]
    symmetric: Collection[str]
    spans_key: str
    signs: Mapping[str, str] = SIGNS

    def values(self, text: TextMistakes) -> dict[str, Any]:
        """Make what the template shows of a text.

        text (TextMistakes): The text.
        RETURNS (dict[str, Any]): The values. If entities and relations are right, gold and prediction are one picture.
        """
        gold, predicted = text.example.reference, text.example.predicted
        missed, wrong = self._marking(text, gold, "missed"), self._marking(text, predicted, "wrong")
        pictures = []
        position = 0
        for excerpt in find_excerpts(text, self.spans_key):
            pictures.append(
                {
                    "gap": excerpt.gold.start > position,
                    "gold": self._picture(excerpt.gold, missed),
                    "predicted": self._picture(excerpt.predicted, wrong),
                }
            )
            position = excerpt.gold.end
        mentions = Mentions(gold.text)
        return {
            "id": printable(text.id),
            "lang": guess_lang(gold),
            "counts": {what: sum(mistake.what == what for mistake in text.mistakes) for what in self.signs},
            "same": all(mistake.level == "cats" for mistake in text.mistakes),
            "cats": self._cats(text) if "cats" in text.right else None,
            "pictures": pictures,
            "ends_early": position < len(gold),
            "rows": [self._row(mistake, mentions) for mistake in text.mistakes],
        }

    def _marking(self, text: TextMistakes, doc: Doc, what: str) -> Marking:
        """Which entities and relations of a whole document are mistakes."""
        items = {mistake.item for mistake in text.mistakes if mistake.what == what}
        entities = get_entities(doc, self.spans_key) or []
        relations = get_relations(doc) or []
        relation_of = relation_items(doc, list(self.symmetric), self.spans_key)
        return Marking(
            what,
            self.signs[what],
            {entity[:3] for entity, item in zip(entities, entity_items(doc, entities)) if item in items},
            {identity(relation) for relation, item in zip(relations, relation_of) if item in items},
        )

    def _picture(self, span: Span, marking: Marking) -> Markup:
        doc = span.doc if len(span) == len(span.doc) else span_as_doc(span)
        svg = draw(
            doc,
            names=self.names,
            hues=self.hues,
            symmetric=self.symmetric,
            spans_key=self.spans_key,
            marking=marking.shifted(-span.start),
            bars=False,
        )
        return Markup(to_string(svg))

    def _cats(self, text: TextMistakes) -> dict[str, list[dict[str, Any]]]:
        """The text labels of gold and of the prediction, with their scores."""
        wrong, missed = (
            {mistake.label for mistake in text.mistakes if (mistake.level, mistake.what) == ("cats", what)}
            for what in ("wrong", "missed")
        )
        gold = gold_cats(text.example.reference, multi_label=True) or set()
        scores = text.example.predicted.cats
        name = self.names.of
        return {
            "gold": [{"name": printable(name("cats", cat)), "mark": cat in missed} for cat in sorted(gold)],
            "predicted": [
                {"name": printable(name("cats", cat)), "mark": cat in wrong, "score": percent(scores[cat])}
                for cat in sorted((gold - missed) | wrong, key=lambda cat: (-scores[cat], cat))
            ],
        }

    def _row(self, mistake: Mistake, mentions: Mentions) -> dict[str, Any]:
        return {
            "what": mistake.what,
            "kind": f"{mistake.level}: {mistake.kind}",
            "level": mistake.level,
            "number": self.numbers[label_key(mistake)],
            "label": printable(self.names.of(*label_key(mistake))),
            "score": "" if mistake.score is None else f"{mistake.score:.2f}",
            "both": mistake.label in self.symmetric,
            "mentions": [self._mention(item, mentions) for item in _arguments(mistake)],
        }

    def _mention(self, item: Item, mentions: Mentions) -> dict[str, str]:
        mention = mentions.of(item)
        return {
            "text": printable(" ".join(mention["text"].split())),
            "label": printable(self.names.of("entities", mention["label"])),
        }


def _arguments(mistake: Mistake) -> list[Item]:
    return {"entities": [mistake.item], "relations": list(mistake.item[:2]), "cats": []}[mistake.level]
