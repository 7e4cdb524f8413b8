"""How good is a pipeline on this data? Its own scores; with given entities, with forgiven borders; of the baseline; what goes wrong; and tables."""

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.markup import escape
from rich.table import Table
from spacy.language import Language
from spacy.scorer import Scorer
from spacy.tokens import Doc
from spacy.training import Example

from ..annotations.alignment import Losses, align_gold
from ..annotations.entities import DEFAULT_KEY, get_entities, set_entities
from ..errors import Errors, Warnings
from .baselines import Baseline
from .mistakes import find_mistakes
from .scorers import score_joint

Scores = dict[str, Any]

GIVEN = "given_"
OVERLAP = "overlap_"
BASELINE = "baseline_"
DEFAULT_GROUP = f"spans_{DEFAULT_KEY}"
MODES = ("predict", "given")
OURS = ("spans_", "ents_", "rel_", "cats_")


def evaluate(
    nlp: Language,
    examples: Iterable[Example],
    *,
    gold_entities: bool = False,
    forgive_borders: bool = False,
    mistakes: bool = False,
    train_docs: Iterable[Doc] | None = None,
    batch_size: int | None = None,
) -> Scores:
    """Evaluate a pipeline.

    nlp (Language): The pipeline.
    examples (Iterable[Example]): Gold, and documents to predict on.
    gold_entities (bool): Evaluate once more with the gold entities given, so that `given_rel_f` speaks of the relations alone.
    forgive_borders (bool): Also score as if a found entity that overlaps a gold one stood in its place, see `borders`. For gold whose borders are
        not to be trusted, as in translated corpora.
    mistakes (bool): Also sort the mistakes by kind, see `find_mistakes`.
    train_docs (Optional[Iterable[Doc]]): Documents with gold to train the majority baseline on.
    batch_size (Optional[int]): How many documents to predict on at once; by default that of the pipeline.
    RETURNS (Dict[str, Any]): The scores of `nlp.evaluate`; those with given entities after `given_`, with forgiven borders after `overlap_`, of the
        baseline after `baseline_`; and the "mistakes" of entities and relations.
    RAISES (ValueError): No component takes given entities.
    """
    examples = list(examples)
    given = evaluate_given(nlp, examples, batch_size=batch_size) if gold_entities else {}
    baseline = evaluate_baseline(nlp, examples, train_docs) if train_docs is not None else {}
    scorer = _KeepingScorer(nlp)
    scores = nlp.evaluate(examples, batch_size=batch_size, scorer=scorer)
    labels = {"spans_key": get_spans_key(nlp), "symmetric": get_symmetric(nlp)}
    forgiven = score_joint(scorer.examples, **labels, borders="overlap") if forgive_borders else {}
    forgiven = {key: value for key, value in forgiven.items() if key in scores}  # what no component predicts is no miss
    scores = {**scores, **_prefixed(GIVEN, given), **_prefixed(OVERLAP, forgiven), **_prefixed(BASELINE, baseline)}
    if mistakes:
        scores["mistakes"] = {name: each._asdict() for name, each in find_mistakes(scorer.examples, **labels).items()}
    return scores


def evaluate_given(nlp: Language, examples: Iterable[Example], *, batch_size: int | None = None) -> Scores:
    """Evaluate a pipeline that is given the gold entities.

    nlp (Language): The pipeline. Components with `cfg["entities"]` take given entities meanwhile.
    examples (Iterable[Example]): Gold, and documents to predict on, which stay as they are.
    batch_size (Optional[int]): How many documents to predict on at once; by default that of the pipeline.
    RETURNS (Dict[str, Any]): The scores of `nlp.evaluate` on the documents with gold for entities.
    RAISES (ValueError): No component takes given entities.
    """
    with taking_given_entities(nlp):
        return nlp.evaluate(give_gold_entities(examples, get_spans_key(nlp)), batch_size=batch_size)


def give_gold_entities(examples: Iterable[Example], key: str = DEFAULT_KEY) -> list[Example]:
    """Write the gold entities on copies of the predicted documents. What cannot be given is counted in a warning.

    examples (Iterable[Example]): Gold, and bare documents, which stay as they are.
    key (str): The span group of the entities.
    RETURNS (List[Example]): Those with gold for entities.
    """
    examples = list(examples)
    with_gold = [eg for eg in examples if get_entities(eg.reference, key) is not None]
    if len(with_gold) < len(examples):
        warnings.warn(Warnings.W502.format(count=len(examples) - len(with_gold), total=len(examples)))
    lost = Losses()
    given = []
    for eg in with_gold:
        gold = align_gold(eg, key)
        doc = eg.predicted.copy()
        set_entities(doc, gold.entities, key=key)
        given.append(Example(doc, eg.reference))
        lost.update(gold.lost)
    if lost.counts:
        warnings.warn(Warnings.W501.format(lost=lost))
    return given


@contextmanager
def taking_given_entities(nlp: Language) -> Iterator[None]:
    """Meanwhile, the components of a pipeline that can take given entities do.

    nlp (Language): The pipeline. Components with `cfg["entities"]` can.
    RAISES (ValueError): None of them can.
    """
    taking = [pipe.cfg for _, pipe in nlp.pipeline if (getattr(pipe, "cfg", None) or {}).get("entities") in MODES]
    if not taking:
        raise ValueError(Errors.M502.format(names=", ".join(nlp.pipe_names)))
    before = [cfg["entities"] for cfg in taking]
    try:
        for cfg in taking:
            cfg["entities"] = "given"
        yield
    finally:
        for cfg, value in zip(taking, before):
            cfg["entities"] = value


def evaluate_baseline(nlp: Language, examples: Iterable[Example], train_docs: Iterable[Doc]) -> Scores:
    """Score the majority baseline with the scorers of a pipeline.

    nlp (Language): The pipeline.
    examples (Iterable[Example]): Gold, and documents to predict on, which stay as they are.
    train_docs (Iterable[Doc]): Documents with gold.
    RETURNS (Dict[str, Any]): What the scorers of the pipeline return.
    """
    baseline = Baseline.train(train_docs, spans_key=get_spans_key(nlp))
    examples = [Example(eg.predicted.copy(), eg.reference) for eg in examples]
    baseline.predict(eg.predicted for eg in examples)
    if baseline.lost.counts:
        warnings.warn(Warnings.W503.format(lost=baseline.lost))
    return Scorer(nlp).score(examples)


def get_spans_key(nlp: Language) -> str:
    """The span group that a pipeline works on.

    nlp (Language): The pipeline.
    RETURNS (str): What the first component with a `spans_key` has chosen; "entities" if there is none.
    """
    keys = (pipe.cfg["spans_key"] for _, pipe in nlp.pipeline if "spans_key" in (getattr(pipe, "cfg", None) or {}))
    return next(keys, DEFAULT_KEY)


def get_symmetric(nlp: Language) -> list[str]:
    """The relation labels whose head and tail may change places.

    nlp (Language): The pipeline.
    RETURNS (List[str]): Those of all components, sorted.
    """
    return sorted(
        {label for _, pipe in nlp.pipeline for label in (getattr(pipe, "cfg", None) or {}).get("symmetric", ())}
    )


def results_table(scores: Scores) -> Table:
    """All entities, relations and cats in one table, with the F for given entities, for forgiven borders and of the baseline beside.

    scores (Dict[str, Any]): What `evaluate` returned.
    RETURNS (Table): For `rich.print`.
    """
    beside = [
        (name, prefix)
        for name, prefix in (("given", GIVEN), ("overlap", OVERLAP), ("baseline", BASELINE))
        if any(key.startswith(prefix) for key in scores)
    ]
    table = _table("Results", "P", "R", "F", "macro F", *(f"{name} F" for name, _ in beside))
    for title, keys in _layers(scores):
        columns = [*keys, *(f"{prefix}{keys[2]}" for _, prefix in beside)]
        table.add_row(title, *(_percent(scores.get(key)) for key in columns))
    return table


def other_table(scores: Scores) -> Table:
    """All single numbers that `results_table` does not show, as those of a tagger, and the speed in words a second.

    scores (Dict[str, Any]): What `evaluate` returned.
    RETURNS (Table): For `rich.print`.
    """
    table = _table("Other scores", "")
    shown = {key for _, keys in _layers(scores) for key in keys}
    for key, value in scores.items():
        if isinstance(value, (int, float)) and key not in shown and not key.startswith((GIVEN, OVERLAP, BASELINE)):
            table.add_row(key, f"{value:.0f}" if key == "speed" else _percent(value))
    return table


def per_type_tables(scores: Scores, examples: Iterable[Example]) -> list[Table]:
    """P, R, F and support of every label, a table for each key that ends in `_per_type`.

    scores (Dict[str, Any]): What `evaluate` returned.
    examples (Iterable[Example]): The examples that were evaluated, to count the text labels, of which spaCy gives no support.
    RETURNS (List[Table]): For `rich.print`.
    """
    cats = Counter(label for eg in examples for label, value in eg.reference.cats.items() if value > 0)
    tables = []
    for key, per_type in scores.items():
        if (
            not key.endswith("_per_type")
            or not per_type
            or not all(isinstance(values, dict) for values in per_type.values())
        ):
            continue
        table = _table(key, "P", "R", "F", "support")
        for label, values in per_type.items():
            support = values.get("support", cats[label] if "cats_" in key else "-")
            table.add_row(escape(label), *(_percent(values[name]) for name in ("p", "r", "f")), str(support))
        tables.append(table)
    return tables


class _KeepingScorer(Scorer):
    """Keeps what it has scored: `nlp.evaluate` gives nobody its predictions."""

    examples: Sequence[Example] = ()

    def score(self, examples: Iterable[Example], *, per_component: bool = False) -> Scores:
        self.examples = list(examples)
        return super().score(self.examples, per_component=per_component)


def _layers(scores: Scores) -> list[tuple[str, Sequence[str]]]:
    """The rows of the table: a title, and the keys of P, R, F and macro F."""
    groups = [key[: -len("_macro_f")] for key in scores if key.startswith("spans_") and key.endswith("_macro_f")]
    titles = [
        ("All entities" if group == DEFAULT_GROUP else f"All entities ({group})", f"{group}_", f"{group}_")
        for group in groups
    ]
    titles += [
        ("Flat entities", "ents_", "ents_"),
        ("Relations", "rel_", "rel_"),
        ("Strict relations", "rel_strict_", "rel_strict_"),
    ]
    titles += [("Categories", "cats_micro_", "cats_")]
    rows = [(title, (f"{micro}p", f"{micro}r", f"{micro}f", f"{macro}macro_f")) for title, micro, macro in titles]
    return [(title, keys) for title, keys in rows if keys[2] in scores]


def _table(title: str, *columns: str) -> Table:
    table = Table("", *columns, title=title, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _percent(value: float | None) -> str:
    return f"{value * 100:.2f}" if isinstance(value, (int, float)) else "-"


def _prefixed(prefix: str, scores: Scores) -> Scores:
    return {f"{prefix}{key}": value for key, value in scores.items() if key.startswith(OURS)}
