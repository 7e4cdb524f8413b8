"""Agreement of two annotators: F1 of entities and relations, and Cohen's kappa of text labels.

F1 is the same in both directions, so neither annotator is gold. For entities it is preferred to kappa, because it is
not defined how many spans were not annotated (Hripcsak and Rothschild 2005). Kappa is that of Cohen (1960), "A
coefficient of agreement for nominal scales": (po - pe) / (1 - pe), where po is the share of texts with the same labels,
and pe the share that is expected if both gave their labels at random, each with their own frequencies.

What one of the annotators has not annotated is left out. A text label that an annotator did not give does not hold.
Pipelines are compared in the same way.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..annotations.entities import DEFAULT_KEY, get_entities, set_entities
from ..annotations.relations import get_relations
from ..annotations.same_texts import match_texts
from .items import Item, entity_items, gold_cats, has_entities, predicted_cats, relation_items, without_entity_labels
from .pipeline_settings import get_cats_settings, get_spans_key
from .text_mistakes import TextMistakes, find_text_mistakes

Scores = dict[str, Any]


class Pairs(NamedTuple):
    """The texts of two annotators.

    both (list[Example]): The texts in both files: A as the reference, B as the prediction.
    only_a (int): How many texts only A has.
    only_b (int): How many texts only B has.
    """

    both: list[Example]
    only_a: int
    only_b: int


def pair_docs(a: Iterable[Doc], b: Iterable[Doc]) -> Pairs:
    """Find the texts that both annotators have: the same text with the same id, then the same text. White space may
    differ. If a text occurs several times, each is used once, in the order of the files.

    a (Iterable[Doc]): The documents of the first annotator.
    b (Iterable[Doc]): The documents of the second annotator.
    RETURNS (Pairs): The pairs, in the order of A, and the number of other texts.

    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> pairs = pair_docs([nlp("Old Lima"), nlp("Rain")], [nlp("Rain"), nlp("Wind")])
    >>> [eg.reference.text for eg in pairs.both], pairs.only_a, pairs.only_b
    (['Rain'], 1, 1)
    """
    a, b = list(a), list(b)
    texts = match_texts([[(str(doc.user_data.get("id", "")), doc.text) for doc in docs] for docs in (a, b)])
    labels = sorted({label for doc in (*a, *b) for label in doc.cats})
    pairs = [(a[places[0]], b[places[1]]) for places in texts if len(places) == 2]
    both = [Example(_complete(of_b, labels), _complete(of_a, labels)) for of_a, of_b in pairs]
    return Pairs(both, len(a) - len(both), len(b) - len(both))


def as_annotations(nlp: Language, docs: Iterable[Doc], *, spans_key: str = DEFAULT_KEY) -> Iterator[Doc]:
    """Make what a pipeline found comparable with what an annotator or another pipeline did.

    nlp (Language): The pipeline, whose settings say which text labels it predicts, and where its entities are.
    docs (Iterable[Doc]): What it has analysed. The documents are changed.
    spans_key (str): The span group to have the entities in.
    YIELDS (Doc): The documents. A text label has the value 1 if it is predicted, else 0.
    """
    own_key, settings = get_spans_key(nlp), get_cats_settings(nlp)
    for doc in docs:
        entities = get_entities(doc, own_key)
        if entities is not None and own_key != spans_key:
            set_entities(doc, entities, key=spans_key, set_ents=False)
        predicted = predicted_cats(doc, **settings)
        doc.cats = {label: float(label in predicted) for label in doc.cats}
        yield doc


def measure_agreement(
    examples: Sequence[Example], *, spans_key: str = DEFAULT_KEY, symmetric: Sequence[str] = ()
) -> Scores:
    """Measure the agreement of two annotators.

    examples (Sequence[Example]): The texts of both, as from `pair_docs`.
    spans_key (str): The span group of the entities.
    symmetric (Sequence[str]): Relation labels without direction.
    RETURNS (dict[str, Any]): "entities" (same offsets and label), "relations" (same label and offsets of head and tail)
        and "strict_relations" (the labels of head and tail too), each with `f1`, the counts `a`, `b` and `both`,
        `texts`, and these values without `texts` `per_label`. "cats": `kappa` (None if it is not defined, because both
        gave all texts the same labels), `observed` (po), `texts`, and `per_label`, whether the label holds. A
        level that no text has from both is left out.
    """
    scores: Scores = {}
    entities = [eg for eg in examples if all(has_entities(doc, spans_key) for doc in (eg.x, eg.y))]
    if entities:
        scores["entities"] = _compare([(_entities(eg.y, spans_key), _entities(eg.x, spans_key)) for eg in entities])
    related = [eg for eg in examples if all(get_relations(doc) is not None for doc in (eg.x, eg.y))]
    if related:
        strict = [
            (relation_items(eg.y, symmetric, spans_key), relation_items(eg.x, symmetric, spans_key)) for eg in related
        ]
        scores["relations"] = _compare([(without_entity_labels(a), without_entity_labels(b)) for a, b in strict])
        scores["strict_relations"] = _compare(strict)
    sides = [(gold_cats(eg.y, multi_label=True), gold_cats(eg.x, multi_label=True)) for eg in examples]
    labelled = [(a, b) for a, b in sides if a is not None and b is not None]
    if labelled:
        scores["cats"] = _compare_cats(labelled)
    return scores


def find_disagreements(
    examples: Sequence[Example], *, spans_key: str = DEFAULT_KEY, symmetric: Sequence[str] = ()
) -> list[TextMistakes]:
    """Find the annotations of each text that only one of the annotators has.

    examples (Sequence[Example]): The texts of both, as from `pair_docs`.
    spans_key (str): The span group of the entities.
    symmetric (Sequence[str]): Relation labels without direction.
    RETURNS (list[TextMistakes]): All texts: "missed" are annotations that only A has, "wrong" those that only B has.
    """
    texts = find_text_mistakes(examples, spans_key=spans_key, symmetric=symmetric, multi_label=True)
    for text in texts:
        b = text.example.predicted
        annotated = {
            "entities": has_entities(b, spans_key),
            "relations": get_relations(b) is not None,
            "cats": bool(b.cats),
        }
        text.right = {level: count for level, count in text.right.items() if annotated[level]}
        text.mistakes = [mistake._replace(score=None) for mistake in text.mistakes if annotated[mistake.level]]
    return texts


def cohens_kappa(a: Sequence[Hashable], b: Sequence[Hashable]) -> float | None:
    """Compute Cohen's kappa.

    a (Sequence[Hashable]): The category that the first annotator gave to each text.
    b (Sequence[Hashable]): Those of the second annotator.
    RETURNS (float | None): From -1 to 1. None without texts, or if both gave all texts the same category.

    >>> cohens_kappa("xxyy", "xxyx")
    0.5
    """
    total = len(a)
    in_a, in_b = Counter(a), Counter(b)
    same = sum(x == y for x, y in zip(a, b, strict=True)) * total
    expected = sum(in_a[category] * in_b[category] for category in in_a)
    # Both are multiplied by the square of the number of texts, so that 1 - pe is exactly 0 where it should be.
    return None if expected == total**2 else (same - expected) / (total**2 - expected)


def _complete(doc: Doc, labels: Sequence[str]) -> Doc:
    """The document with a value for every text label, if it has any: what was not given does not hold."""
    if not doc.cats or all(label in doc.cats for label in labels):
        return doc
    completed = doc.copy()
    completed.cats = {**dict.fromkeys(labels, 0.0), **doc.cats}
    return completed


def _entities(doc: Doc, spans_key: str) -> list[Item]:
    return entity_items(doc, get_entities(doc, spans_key) or ())


def _compare(pairs: Sequence[tuple[Sequence[Item], Sequence[Item]]]) -> Scores:
    counts = {"a": Counter[str](), "b": Counter[str](), "both": Counter[str]()}
    for a, b in pairs:
        for name, items in (("a", set(a)), ("b", set(b)), ("both", set(a) & set(b))):
            counts[name].update(item[-1] for item in items)
    labels = sorted(counts["a"] | counts["b"])
    per_label = {label: _f1(**{name: of[label] for name, of in counts.items()}) for label in labels}
    return {**_f1(**{name: of.total() for name, of in counts.items()}), "texts": len(pairs), "per_label": per_label}


def _f1(a: int, b: int, both: int) -> Scores:
    return {"f1": 2 * both / (a + b) if a + b else None, "a": a, "b": b, "both": both}


def _compare_cats(pairs: Sequence[tuple[set[str], set[str]]]) -> Scores:
    per_label = {}
    for label in sorted(set().union(*(a | b for a, b in pairs))):
        in_a, in_b = ([label in side for side in sides] for sides in zip(*pairs))
        both = sum(x and y for x, y in zip(in_a, in_b))
        per_label[label] = {"kappa": cohens_kappa(in_a, in_b), "a": sum(in_a), "b": sum(in_b), "both": both}
    sets_of_a, sets_of_b = ([frozenset(side) for side in sides] for sides in zip(*pairs))
    return {
        "kappa": cohens_kappa(sets_of_a, sets_of_b),
        "observed": sum(a == b for a, b in pairs) / len(pairs),
        "texts": len(pairs),
        "per_label": per_label,
    }
