"""Evaluation of a pipeline: its own scores, those with given entities, on documents, with overlap matching, and of a
baseline."""

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from spacy.language import Language
from spacy.scorer import Scorer
from spacy.tokens import Doc
from spacy.training import Example

from ..errors import Warnings
from .baselines import Baseline
from .documents import evaluate_documents
from .given_entities import evaluate_given
from .mistakes import find_mistakes
from .pipeline_settings import get_cats_settings, get_spans_key, get_symmetric
from .scorers import score_joint

Scores = dict[str, Any]

GIVEN = "given_"
DOCUMENTS = "documents_"
OVERLAP = "overlap_"
BASELINE = "baseline_"
# Prefixes of the scores that are repeated under the prefixes above.
REPEATED = ("spans_", "ents_", "rel_", "cats_")


def evaluate(
    nlp: Language,
    examples: Iterable[Example],
    *,
    gold_entities: bool = False,
    documents: int = 0,
    overlap_matching: bool = False,
    mistakes: bool = False,
    scored: list[Example] | None = None,
    train_docs: Iterable[Doc] | None = None,
    batch_size: int | None = None,
) -> Scores:
    """Evaluate a pipeline.

    nlp (Language): The pipeline.
    examples (Iterable[Example]): Gold, and documents to predict on.
    gold_entities (bool): Evaluate once more with the gold entities given, to measure the relations alone.
    documents (int): Evaluate once more on documents of so many texts, see `evaluate_documents`; 0 for not.
    overlap_matching (bool): Also score with overlap matching: counts a predicted entity that overlaps a gold one as
        having its boundaries.
    mistakes (bool): Also count the mistakes by kind, see `find_mistakes`.
    scored (list[Example] | None): A list to which the examples are added with the predictions that were scored.
    train_docs (Iterable[Doc] | None): Documents with gold to train the majority baseline on.
    batch_size (int | None): How many documents are predicted at once. Default: that of the pipeline.
    RETURNS (dict[str, Any]): The scores of `nlp.evaluate`; those with given entities, on documents, with overlap
        matching and of the baseline with the prefixes `given_`, `documents_`, `overlap_` and `baseline_`; and the
        counts of "mistakes".
    RAISES (ValueError): If `gold_entities` is set and no component takes given entities.

    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> ruler = nlp.add_pipe("entity_ruler")
    >>> ruler.add_patterns([{"label": "place", "pattern": "Lima"}])
    >>> example = Example.from_dict(nlp.make_doc("Old Lima"), {"entities": [(0, 8, "place")]})
    >>> scores = evaluate(nlp, [example], mistakes=True)
    >>> scores["mistakes"]["entities"]["wrong"]["boundaries"]
    1
    """
    examples = list(examples)
    given = evaluate_given(nlp, examples, batch_size=batch_size) if gold_entities else {}
    # The other scores are those of what was given, or the same as without.
    given = {key: value for key, value in given.items() if key.startswith("rel_")}
    joined = evaluate_documents(nlp, examples, documents, batch_size=batch_size) if documents else {}
    joined = {key: value for key, value in joined.items() if not key.startswith("cats_")}
    baseline = evaluate_baseline(nlp, examples, train_docs) if train_docs is not None else {}
    scorer = _KeepingScorer(nlp)
    scores = nlp.evaluate(examples, batch_size=batch_size, scorer=scorer)
    spans_key, symmetric = get_spans_key(nlp), get_symmetric(nlp)
    overlap = {}
    if overlap_matching:
        overlap = score_joint(scorer.examples, spans_key=spans_key, symmetric=symmetric, matching="overlap")
        # What no component predicts would score 0.
        overlap = {key: value for key, value in overlap.items() if key in scores}
    for prefix, more in ((GIVEN, given), (DOCUMENTS, joined), (OVERLAP, overlap), (BASELINE, baseline)):
        scores.update({f"{prefix}{key}": value for key, value in more.items() if key.startswith(REPEATED)})
    if mistakes:
        found = find_mistakes(scorer.examples, spans_key=spans_key, symmetric=symmetric, **get_cats_settings(nlp))
        scores["mistakes"] = {name: counts._asdict() for name, counts in found.items()}
    if scored is not None:
        scored += scorer.examples
    return scores


def evaluate_baseline(nlp: Language, examples: Iterable[Example], train_docs: Iterable[Doc]) -> Scores:
    """Score the majority baseline with the scorers of a pipeline.

    nlp (Language): The pipeline.
    examples (Iterable[Example]): Gold, and documents to predict on, which are not changed.
    train_docs (Iterable[Doc]): Documents with gold.
    RETURNS (dict[str, Any]): The scores of the pipeline's scorers.
    """
    baseline = Baseline.train(train_docs, spans_key=get_spans_key(nlp), symmetric=get_symmetric(nlp))
    examples = [Example(eg.predicted.copy(), eg.reference) for eg in examples]
    baseline.predict(eg.predicted for eg in examples)
    if baseline.lost.counts:
        warnings.warn(Warnings.W503.format(lost=baseline.lost), stacklevel=2)
    return Scorer(nlp).score(examples)


class _KeepingScorer(Scorer):
    """A scorer that keeps the predictions, because `nlp.evaluate` returns the scores only."""

    examples: Sequence[Example] = ()

    def score(self, examples: Iterable[Example], *, per_component: bool = False) -> Scores:
        self.examples = list(examples)
        return super().score(self.examples, per_component=per_component)
