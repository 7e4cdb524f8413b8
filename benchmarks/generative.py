"""The suite `generative`: how good are generated strings under each constraint of decoding, and what does it cost?"""

import statistics
import time
from typing import Any, get_args

import numpy
import torch
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from transformers import LogitsProcessor

from spacy_mre.evaluation.runs import predict
from spacy_mre.pipeline.generative.component import Generative
from spacy_mre.pipeline.generative.formats import SLGFormat, Task
from spacy_mre.pipeline.generative.formats.from_docs import analysis_of
from spacy_mre.pipeline.generative.scorer import score_generative
from spacy_mre.pipeline.generative.settings import ConstraintKind

from .grid import Cell, Grid

CONSTRAINTS = get_args(ConstraintKind)
SCORES = ("format_acc", "sc_acc", "ner_acc", "scnm_acc", "all_acc", "tl_f", "wl_f", "ents_f", "cats_macro_f")
ALWAYS = ("rel_f", "rel_strict_f")
# Reading a source has a fixed cost, so all constraints are timed on strings of the same greatest length.
TIMED_TEXTS, TIMED_TOKENS, ROUNDS = 64, 64, 5


def measure_strings(
    grid: Grid, cell: Cell, nlp: Language, examples: list[Example]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """One row per constraint, or a single one for the joint pipeline. There are no counts: nothing is compared.

    grid (Grid): The grid.
    cell (Cell): The cell.
    nlp (Language): Its pipeline.
    examples (list[Example]): The test texts.
    RETURNS (tuple[list[dict[str, Any]], dict[str, Any]]): The rows, and empty counts.
    """
    if nlp.has_pipe("spert_mt"):
        scores = score_as_strings(nlp, predict(nlp, examples))
        return [_row(len(examples), None, scores)], {}
    pipe = next(pipe for _, pipe in nlp.pipeline if isinstance(pipe, Generative))
    is_first = cell.phase == "test"
    ratios = {} if not is_first else time_ratios(pipe, [eg.reference for eg in examples[:TIMED_TEXTS]])
    # In the other phases one model, that of the ablation, shows what the constraints change.
    constraints = CONSTRAINTS if is_first or cell.variant == "both_levels" else ("grammar",)
    rows = []
    for constraint in constraints:
        pipe.constraint = constraint
        pipe.left_out.clear()
        scores = pipe.score(predict(nlp, examples))
        rows.append({**_row(len(examples), constraint, scores), **ratios.get(constraint, {})})
        rows[-1]["left_out"] = dict(pipe.left_out)
    return rows, {}


def _row(texts: int, constraint: str | None, scores: dict[str, Any]) -> dict[str, Any]:
    kept = {name: scores.get(name) for name in (*SCORES, *ALWAYS)}
    return {"texts": texts, "constraint": constraint, "spans_f": scores.get("spans_entities_f"), **kept}


def score_as_strings(nlp: Language, predicted: list[Example]) -> dict[str, Any]:
    """The scores of generated strings for a joint pipeline: what it predicts is written as a string."""
    textcat: Any = nlp.get_pipe("mre_textcat")
    joint: Any = nlp.get_pipe("spert_mt")
    task = Task.of_labels("SCNM", nlp.lang or "en", list(textcat.labels), list(joint.entity_labels))
    format = SLGFormat(task)
    for eg in predicted:
        eg.predicted._.generated = format.target(analysis_of(eg.predicted, task))
    return score_generative(predicted, format=format)


class StepCounter(LogitsProcessor):
    """Counts the steps in which every text of a batch gets a token."""

    def __init__(self) -> None:
        self.steps = 0

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self.steps += 1
        return scores


def time_ratios(pipe: Generative, docs: list[Doc], rounds: int = ROUNDS) -> dict[str, dict[str, float]]:
    """The time of a decoding step under each constraint over that without one. Constraints take turns.

    pipe (Generative): The component.
    docs (list[Doc]): The texts.
    rounds (int): How often each is measured, after one run that does not count.
    RETURNS (dict[str, dict[str, float]]): By constraint the median, lowest and highest ratio.
    """
    counter = StepCounter()
    model: Any = pipe._lm  # whose method is replaced
    generate = model.generate

    def counted_generate(sources, processors=(), **settings):
        return generate(sources, processors=[*processors, counter], **settings)

    times: dict[Any, list[float]] = {constraint: [] for constraint in CONSTRAINTS}
    before, longest = pipe.constraint, pipe.max_new_tokens
    model.generate, pipe.max_new_tokens = counted_generate, TIMED_TOKENS
    try:
        for is_counted in [False] + [True] * rounds:
            for constraint, of_constraint in times.items():
                pipe.constraint, counter.steps = constraint, 0
                start = time.perf_counter()
                pipe.predict([doc.copy() for doc in docs])
                if is_counted:
                    of_constraint.append((time.perf_counter() - start) / counter.steps)
    finally:
        model.generate, pipe.max_new_tokens, pipe.constraint = generate, longest, before
    found = {}
    for constraint, of_constraint in times.items():
        ratios = numpy.array(of_constraint) / numpy.array(times["none"])
        found[constraint] = {
            "time_ratio": round(statistics.median(ratios), 3),
            "time_ratio_min": round(float(ratios.min()), 3),
            "time_ratio_max": round(float(ratios.max()), 3),
        }
    return found
