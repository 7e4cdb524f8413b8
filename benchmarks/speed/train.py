"""One training step of the joint pipeline, against the encoder's own forward, backward and optimizer, and with textbook heads."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from spacy.language import Language
from spacy.training import Example
from spacy.util import minibatch
from thinc.api import PyTorchShim

from spacy_mre.training.optimizer import AdamW, make_adamw
from spacy_mre.training.torch_weights import take_gradients

from . import textbook
from .measuring import Settings, alternate, measures, ratio_row
from .pipelines import CONLL04, OURS, BareEncoder, load, read_examples, with_invented_classes

# As in configs/conll04.cfg, and as on a GPU; and what SpERT is trained with.
BATCH_SIZES = (4, 32)
SPERT_BATCH = 2


@measures("train_vs_encoder", "train_vs_encoder_batch_32")
def against_encoder(settings: Settings) -> dict[str, Any]:
    rows = []
    for size, name in zip(BATCH_SIZES, ("train_vs_encoder", "train_vs_encoder_batch_32")):
        nlp, bare = load(settings.model, OURS), BareEncoder(settings.model)
        fresh = partial(fresh_examples, nlp, settings.pick(64, 32))
        batches = bare.batches([eg.text for eg in fresh()], size, by_length=False)
        joint, encoder = joint_steps(nlp, size), encoder_steps(bare, batches)
        times = alternate(settings.rounds, joint, lambda _: encoder(), before=fresh)
        note = f"training step of the joint pipeline / encoder forward, backward and the same optimizer, {size} sentences per step"
        rows.append(ratio_row(name, *times, note, dataset=CONLL04))
    return {"rows": rows}


@measures(
    "train_vs_textbook_speedup",
    "train_vs_textbook_batch_32_speedup",
    "train_vs_textbook_batch_2_speedup",
    "train_vs_textbook_heads_speedup",
)
def against_textbook(settings: Settings) -> dict[str, Any]:
    """Encoder and textbook heads run text by text and gather their gradients; only the step of the optimizer is made for a batch."""
    nlp, other = load(settings.model, OURS), load(settings.model, OURS)
    heads = other.get_pipe("spert_mt").model.get_ref("heads").shims[0].module
    heads.forward = partial(textbook.forward, heads)
    fresh = partial(fresh_examples, nlp, settings.pick(64, 32))
    small, large = BATCH_SIZES
    compared = (
        ("train_vs_textbook_speedup", small, joint_steps(nlp, small), f"ours, {small} too"),
        ("train_vs_textbook_batch_32_speedup", large, joint_steps(nlp, large), f"ours, {large} too"),
        ("train_vs_textbook_batch_2_speedup", SPERT_BATCH, joint_steps(nlp, small), f"ours, {small} per step"),
        (
            "train_vs_textbook_heads_speedup",
            small,
            joint_steps(nlp, small, one_by_one=True),
            "our heads, text by text too",
        ),
    )
    rows = []
    for name, size, our_steps, note in compared:
        times = alternate(settings.rounds, joint_steps(other, size, one_by_one=True), our_steps, before=fresh)
        about = f"training on as many sentences: textbook heads, text by text, {size} sentences per step / {note}"
        rows.append(ratio_row(name, *times, about, dataset=CONLL04))
    return {"rows": rows}


def fresh_examples(nlp: Language, count: int) -> list[Example]:
    """Examples whose alignment nobody has asked for yet."""
    return with_invented_classes(read_examples(nlp, count))


def joint_steps(nlp: Language, size: int, one_by_one: bool = False) -> Callable[[list[Example]], None]:
    """Updates of the whole pipeline.

    size (int): Examples per step of the optimizer.
    one_by_one (bool): The gradients of a step are gathered text by text.
    """
    optimizer = tiny_steps()

    def run(examples: list[Example]) -> None:
        for batch in minibatch(examples, size):
            parts: Iterable[list[Example]] = [[eg] for eg in batch] if one_by_one else [batch]
            for part in parts:
                nlp.update(part, sgd=False)
            for _, pipe in nlp.pipeline:
                if hasattr(pipe, "finish_update"):
                    pipe.finish_update(optimizer)
            optimizer.step_schedules()

    return run


def encoder_steps(bare: BareEncoder, batches: list[dict[str, torch.Tensor]]) -> Callable[[], None]:
    """Updates of the encoder alone, from a gradient that costs nothing to compute."""
    shim, optimizer = PyTorchShim(bare.module), tiny_steps()

    def run() -> None:
        bare.module.train()
        for batch in batches:
            states = bare.module(**batch).last_hidden_state
            states.backward(torch.full_like(states, 1e-3))
            take_gradients(optimizer, shim)
            optimizer.step_schedules()

    return run


def tiny_steps() -> AdamW:
    """The optimizer, with rates that leave the pipeline as it is."""
    return make_adamw(learn_rate=1e-8, head_learn_rate=1e-8)
