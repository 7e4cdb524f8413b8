"""One row per model and constraint: how good are its strings, and how long does a token take?"""

import statistics
import time
from typing import Any

import numpy
import torch
from spacy.language import Language
from spacy.training import Example
from transformers import LogitsProcessor

from spacy_mre.evaluation.runs import predict, read_examples
from spacy_mre.pipeline.generative.component import CONSTRAINTS, Generative
from spacy_mre.pipeline.generative.formats import SLGFormat, Task
from spacy_mre.pipeline.generative.formats.from_docs import analysis_of
from spacy_mre.pipeline.generative.scorer import score_generative

from ..speed.pipelines import corpus_file
from .variants import ABLATIONS, DATASET, JOINT, VARIANTS, component_of, make_config, trained, untrained

ACCURACIES = (
    "format_acc",
    "sc_acc",
    "ner_acc",
    "scnm_acc",
    "all_acc",
    "tl_f",
    "wl_f",
    "ents_f",
    "cats_macro_f",
    "rel_f",
    "rel_strict_f",
)
# Models with drawn weights never end by themselves: fewer texts suffice to show what they write.
UNTRAINED_TEXTS = 100
TIMED_TEXTS = 64
# As many at most on either side: reading a source is paid once, however many tokens are written after it.
TIMED_TOKENS = 64


class StepCounter(LogitsProcessor):
    """Counts the steps in which every text of a batch gets a token."""

    def __init__(self) -> None:
        self.steps = 0

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self.steps += 1
        return scores


def rows_of(
    name: str,
    *,
    learnt: bool = True,
    constraints=CONSTRAINTS,
    timed: bool = True,
    seed: int = 0,
    **trial: int | None,
) -> list[dict[str, Any]]:
    """Measure a variant.

    name (str): The variant.
    learnt (bool): Trained, or with the weights it begins with.
    constraints (Iterable[str]): Each is a row.
    timed (bool): Whether also the time of a token is compared.
    seed (int): The seed.
    trial (Optional[int]): "updates", "limit": other than the full ones.
    RETURNS (List[Dict[str, Any]]): The rows.
    """
    updates, limit = trial.get("updates"), trial.get("limit") or (None if learnt else UNTRAINED_TEXTS)
    nlp = trained(name, seed=seed, updates=updates) if learnt else untrained(name, seed=seed)
    config = make_config(name, seed=seed, updates=updates)
    examples = read_examples(config, nlp, corpus_file(DATASET, "test"))[:limit]
    about = {
        "dataset": DATASET,
        "variant": name,
        "seed": seed,
        "split": "test",
        "command": f"python -m benchmarks.generative {'ablation' if name in ABLATIONS else 'run'} '{name}'"
        + (f" --updates {updates}" if updates else ""),
        "model": VARIANTS[name].about,
        "trained": learnt,
        "updates": config["training"]["max_steps"] if learnt else 0,
        "texts": len(examples),
    }
    if name == JOINT:
        start = time.perf_counter()
        scores = chosen(joint_scores(nlp, examples))
        return [
            {
                **about,
                "constraint": None,
                **scores,
                "time_ratio": None,
                "seconds": round(time.perf_counter() - start, 1),
                "left_out": {},
            }
        ]
    pipe = nlp.get_pipe(component_of(VARIANTS[name]))
    ratios = time_ratios(pipe, nlp, examples[:TIMED_TEXTS]) if timed else {}
    rows = []
    for constraint in constraints:
        pipe.cfg["constraint"] = constraint
        pipe.left_out.clear()
        start = time.perf_counter()
        predicted = predict(nlp, examples)
        seconds = time.perf_counter() - start
        row = {**about, "constraint": constraint, **chosen(pipe.score(predicted))}
        rows.append(
            {
                **row,
                **ratios.get(constraint, {"time_ratio": None}),
                "seconds": round(seconds, 1),
                "left_out": dict(pipe.left_out),
            }
        )
    return rows


def time_ratios(
    pipe: Generative, nlp: Language, examples: list[Example], rounds: int = 5
) -> dict[str, dict[str, float]]:
    """The time of a step of decoding, in which every text gets a token, beside that without a constraint, for strings of the same greatest length.
    Constraints take turns.

    pipe (Generative): The component.
    nlp (Language): Its pipeline.
    examples (List[Example]): The texts.
    rounds (int): How often each is measured, after one uncounted run.
    RETURNS (Dict[str, Dict[str, float]]): By constraint: the median of the ratios, the least and the greatest, and the milliseconds of a step.
    """
    counter, write = StepCounter(), pipe._lm.write
    pipe._lm.write = lambda sources, processors=(), **settings: write(
        sources, processors=[*processors, counter], **settings
    )
    docs = [eg.reference.copy() for eg in examples]
    longest, pipe.cfg["max_new_tokens"] = pipe.cfg["max_new_tokens"], TIMED_TOKENS
    times: dict[str, list[float]] = {constraint: [] for constraint in CONSTRAINTS}
    try:
        for counted in [False] + [True] * rounds:
            for constraint, own in times.items():
                pipe.cfg["constraint"], counter.steps = constraint, 0
                start = time.perf_counter()
                pipe.predict(docs)
                if counted:
                    own.append((time.perf_counter() - start) / counter.steps)
    finally:
        pipe._lm.write, pipe.cfg["max_new_tokens"] = write, longest
    free = numpy.array(times["none"])
    return {
        constraint: {
            "time_ratio": round(float(numpy.median(own / free)), 3),
            "time_ratio_min": round(float((own / free).min()), 3),
            "time_ratio_max": round(float((own / free).max()), 3),
            "step_ms": round(1000 * statistics.median(own), 2),
        }
        for constraint, own in times.items()
    }


def joint_scores(nlp: Language, examples: list[Example]) -> dict[str, Any]:
    """The same scores for the joint pipeline: what it finds is written as a string."""
    predicted = predict(nlp, examples)
    classes, labels = nlp.get_pipe("mre_textcat").labels, nlp.get_pipe("spert_mt").label_data["entities"]
    task = Task.of_labels("SCNM", "en", list(classes), list(labels))
    format = SLGFormat(task)
    for eg in predicted:
        eg.predicted._.generated = format.target(analysis_of(eg.predicted, task))
    return score_generative(predicted, format=format)


def chosen(scores: dict[str, Any]) -> dict[str, Any]:
    """The scores that a row has; None for what the task does not ask for."""
    return {"spans_f": scores.get("spans_entities_f"), **{key: scores.get(key) for key in ACCURACIES}}
