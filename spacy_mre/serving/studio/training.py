"""Further training of a pipeline on what was saved. It runs in a process of its own."""

import hashlib
import os
import random
import signal
from collections.abc import Callable, Iterable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed, load_model, registry
from thinc.api import Optimizer, warmup_linear

from ...evaluation.evaluate import evaluate
from ...evaluation.pipeline_settings import get_spans_key

# One in so many texts is held out.
HELD_OUT = 5
BATCH_SIZE = 8
# Passes over the texts, and limits of the number of updates.
PASSES = 10
FEWEST_UPDATES, MOST_UPDATES = 20, 400
WARMUP_SHARE = 0.1
# Of the learning rate with which the pipeline was trained: it has much to lose, and little to learn from.
RATE_SHARE = 0.3
DEFAULT_RATE = 0.001
VERSION = "+studio."

Row = dict[str, Any]
MakeDocs = Callable[[Sequence[Row], Language], Iterable[Doc]]


def learn(
    connection: Connection, model: str, rows: Sequence[Row], folder: Path, number: int, make_docs: MakeDocs
) -> None:
    """Train a pipeline further, save it, and tell how it goes.

    connection (Connection): Gets ("step", updates so far, all updates) after each update, and at the end ("done",
        result) or ("failed", reason). The result has the number of texts and the scores on those that were held out.
    model (str): The pipeline: a package or a folder.
    rows (Sequence[dict[str, Any]]): What was saved, as in the gold file.
    folder (Path): Where the new pipeline is saved.
    number (int): How many pipelines were learned, with this one. It becomes a part of its version.
    make_docs (Callable[[Sequence[dict[str, Any]], Language], Iterable[Doc]]): Makes gold documents of the rows.
    """
    # The person who stops the server with Ctrl-C stops this process through it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(5)
    torch.set_num_threads(max((os.cpu_count() or 1) - 1, 1))
    try:
        result = _learn(connection, model, rows, folder, number, make_docs)
    except Exception as err:
        connection.send(("failed", f"{type(err).__name__}: {err}"))
    else:
        connection.send(("done", result))


def is_held_out(text: str) -> bool:
    """Whether a text is held out. It is so in every run, so that the pipeline never learns from it.

    text (str): The text.
    RETURNS (bool): True for one in five.
    """
    return hashlib.sha256(text.encode("utf8", "surrogatepass")).digest()[0] % HELD_OUT == 0


def count_updates(texts: int) -> int:
    """RETURNS (int): How many updates of the weights are made with so many texts.

    >>> count_updates(3), count_updates(100), count_updates(10_000)
    (20, 125, 400)
    """
    return min(max(PASSES * texts // BATCH_SIZE, FEWEST_UPDATES), MOST_UPDATES)


def make_optimizer(nlp: Language, updates: int) -> Optimizer:
    """Make an optimizer whose learning rates are a part of those with which a pipeline was trained.

    nlp (Language): The pipeline.
    updates (int): The number of updates, at the end of which the rates are 0.
    RETURNS (Optimizer): The optimizer.
    """
    settings = nlp.config.interpolate()["training"]["optimizer"]
    names = ("learn_rate", "head_learn_rate", "layer_learn_rate")
    rates = {name: _first_rate(settings[name]) for name in names if settings.get(name) is not None}
    warmup = max(round(WARMUP_SHARE * updates), 1)
    schedules = {name: warmup_linear(RATE_SHARE * rate, warmup, updates + 1) for name, rate in rates.items()}
    return registry.get("optimizers", "spacy_mre.AdamW.v1")(**schedules)


def _first_rate(given: Any) -> float:
    """The rate of a constant, or of a schedule."""
    if isinstance(given, (int, float)):
        return float(given)
    return float(given.get("initial_rate", given.get("max_rate", DEFAULT_RATE)))


def _learn(
    connection: Connection, model: str, rows: Sequence[Row], folder: Path, number: int, make_docs: MakeDocs
) -> dict[str, Any]:
    fix_random_seed(0)
    nlp = load_model(model)
    train = _examples(nlp, [row for row in rows if not is_held_out(row["text"])], make_docs)
    held_out = _examples(nlp, [row for row in rows if is_held_out(row["text"])], make_docs)
    before = _score(nlp, held_out)
    _update(nlp, train, lambda step, steps: connection.send(("step", step, steps)))
    after = _score(nlp, held_out)
    nlp.meta["version"] = nlp.meta["version"].partition(VERSION)[0] + f"{VERSION}{number}"
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}")
    nlp.to_disk(unfinished)
    unfinished.rename(folder)
    return {"train": len(train), "held_out": len(held_out), "before": before, "after": after}


def _examples(nlp: Language, rows: Sequence[Row], make_docs: MakeDocs) -> list[Example]:
    return [Example(nlp.make_doc(gold.text), gold) for gold in make_docs(rows, nlp)]


def _update(nlp: Language, examples: list[Example], tell: Callable[[int, int], None]) -> None:
    training = nlp.config.interpolate()["training"]
    updates = count_updates(len(examples))
    optimizer = nlp.resume_training(sgd=make_optimizer(nlp, updates))
    chance = random.Random(0)
    waiting: list[Example] = []
    for step in range(1, updates + 1):
        if len(waiting) < BATCH_SIZE:
            waiting += chance.sample(examples, len(examples))
        batch, waiting = waiting[:BATCH_SIZE], waiting[BATCH_SIZE:]
        nlp.update(
            [Example(nlp.make_doc(eg.reference.text), eg.reference) for eg in batch],
            drop=training["dropout"],
            sgd=optimizer,
            exclude=training["frozen_components"],
            annotates=training["annotating_components"],
        )
        optimizer.step_schedules()
        tell(step, updates)


def _score(nlp: Language, examples: list[Example]) -> dict[str, float | None]:
    if not examples:
        return dict.fromkeys(("entities", "relations", "cats"))
    fresh = [Example(nlp.make_doc(eg.reference.text), eg.reference) for eg in examples]
    scores = evaluate(nlp, fresh)
    entities = scores.get(f"spans_{get_spans_key(nlp)}_f")
    return {
        "entities": scores.get("ents_f") if entities is None else entities,
        "relations": scores.get("rel_strict_f"),
        # Not the macro F1, which is low if a label is in none of the few texts.
        "cats": scores.get("cats_micro_f"),
    }
