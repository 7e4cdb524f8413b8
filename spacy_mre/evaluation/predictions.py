"""Evaluation of predictions that are already made: by another program, on another machine, or by a language model."""

import unicodedata
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from spacy.tokens import Doc
from spacy.training import Example

from ..annotations.entities import DEFAULT_KEY, get_entities, set_entities
from ..annotations.relations import get_relations
from ..annotations.same_texts import match_texts
from ..errors import Errors, Warnings
from .cats import Scores, score_cats
from .evaluate import OVERLAP, REPEATED
from .items import has_entities
from .mistakes import find_mistakes
from .scorers import score_joint

# Characters of a text that an error shows.
SHOWN = 40


def pair_predictions(predictions: Iterable[Doc], gold: Iterable[Doc]) -> list[Example]:
    """Find the prediction for each text: that of the same text with the same id, then of the same text. White space and
    tokens may differ. Predictions for other texts are counted in a warning.

    predictions (Iterable[Doc]): The documents with predictions.
    gold (Iterable[Doc]): The documents with gold.
    RETURNS (list[Example]): One for each document with gold, in their order.
    RAISES (ValueError): If a text has no prediction.

    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> [eg.predicted.text for eg in pair_predictions([nlp("Rain"), nlp("Old  Lima")], [nlp("Old Lima"), nlp("Rain")])]
    ['Old  Lima', 'Rain']
    """
    gold, predictions = list(gold), list(predictions)
    files = [[(str(doc.user_data.get("id", "")), doc.text) for doc in docs] for docs in (gold, predictions)]
    places = match_texts(files)
    missing = [gold[found[0]] for found in places if 0 in found and 1 not in found]
    if missing:
        unused = [predictions[found[1]] for found in places if 0 not in found]
        text, cause = _likely_cause(missing, unused)
        raise ValueError(Errors.M524.format(count=len(missing), total=len(gold), text=text[:SHOWN], cause=cause))
    others = sum(0 not in found for found in places)
    if others:
        warnings.warn(Warnings.W504.format(count=others, total=len(predictions)), stacklevel=2)
    return [Example(predictions[found[1]], gold[found[0]]) for found in places if 0 in found]


def _likely_cause(missing: Sequence[Doc], predictions: Sequence[Doc]) -> tuple[str, str]:
    """A text without a prediction, and why it has none, as far as the predictions for other texts tell."""
    forms = {_form(doc.text): doc for doc in predictions}
    ids = {str(doc.user_data["id"]): doc for doc in predictions if "id" in doc.user_data}
    alike = [(doc.text, forms[_form(doc.text)]) for doc in missing if _form(doc.text) in forms]
    if alike:
        text, other = alike[0]
        reason = "differs only in case or in the forms of characters"
        return text, f": the predicted text '{other.text[:SHOWN]}...' {reason}, as {len(alike)} of them do"
    same_id = [(doc, ids[id]) for doc in missing if (id := str(doc.user_data.get("id", ""))) in ids]
    if same_id:
        doc, other = same_id[0]
        id = doc.user_data["id"]
        return doc.text, f": the prediction with its id '{id}' has another text, '{other.text[:SHOWN]}...'"
    return missing[0].text, ""


def _form(text: str) -> str:
    """A text without what often changes on its way through other programs."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def name_entities(docs: Iterable[Doc], spans_key: str, name: str) -> Iterator[Doc]:
    """Write the entities of a span group to another one too, so that they can be compared.

    docs (Iterable[Doc]): The documents, which are changed.
    spans_key (str): The span group.
    name (str): The other one.
    YIELDS (Doc): The documents.
    """
    for doc in docs:
        if spans_key in doc.spans:
            set_entities(doc, get_entities(doc, spans_key) or [], key=name, set_ents=False)
        yield doc


def evaluate_predictions(
    examples: Sequence[Example],
    *,
    spans_key: str = DEFAULT_KEY,
    symmetric: Sequence[str] = (),
    multi_label: bool = False,
    threshold: float = 0.5,
    overlap_matching: bool = False,
    mistakes: bool = False,
) -> Scores:
    """Score predictions as `evaluate` scores those of a pipeline. What no document has a prediction of is left out.

    examples (Sequence[Example]): Gold and predictions, from `pair_predictions`.
    spans_key (str): The span group of the entities. Default: "entities".
    symmetric (Sequence[str]): Relation labels without direction. Default: none.
    multi_label (bool): Whether any number of text labels may hold. Default: False.
    threshold (float): The lowest score of a predicted text label, if several may hold. Default: 0.5.
    overlap_matching (bool): Also score with overlap matching, with the prefix `overlap_`. Default: False.
    mistakes (bool): Also count the mistakes by kind, see `find_mistakes`. Default: False.
    RETURNS (dict[str, Any]): The scores of `score_joint` and `score_cats`, and the counts of "mistakes".
    RAISES (ValueError): If nothing is predicted that the scorers know.
    """
    has_ents = any(has_entities(eg.predicted, spans_key) for eg in examples)
    has_relations = any(get_relations(eg.predicted) is not None for eg in examples)
    has_cats = any(eg.predicted.cats for eg in examples)
    if not (has_ents or has_relations or has_cats):
        raise ValueError(Errors.M525.format(total=len(examples), spans_key=spans_key))
    others = sorted({key for eg in examples for key, group in eg.predicted.spans.items() if len(group)})
    if others and not has_ents and any(get_entities(eg.reference, spans_key) for eg in examples):
        warnings.warn(Warnings.W505.format(spans_key=spans_key, others=", ".join(others)), stacklevel=2)

    def is_predicted(key: str) -> bool:
        return has_relations if key.startswith("rel_") else has_ents

    joint: dict[str, Any] = {"spans_key": spans_key, "symmetric": symmetric}
    scores = {key: value for key, value in score_joint(examples, **joint).items() if is_predicted(key)}
    if overlap_matching:
        overlap = score_joint(examples, **joint, matching="overlap")
        scores |= {f"{OVERLAP}{key}": overlap[key] for key in list(scores) if key.startswith(REPEATED)}
    if has_cats:
        scores |= score_cats(examples, multi_label=multi_label, threshold=threshold)
    if mistakes:
        found = find_mistakes(examples, **joint, multi_label=multi_label, threshold=threshold)
        scores["mistakes"] = {name: counts._asdict() for name, counts in found.items()}
    return scores
