"""A training step of the joint pipeline, against the encoder's own step, and with textbook heads."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import torch
from spacy.language import Language
from spacy.training import Example
from spacy.util import minibatch
from thinc.api import PyTorchShim
from torch import nn

from spacy_mre.training.optimizer import make_adamw
from spacy_mre.training.torch_weights import take_gradients
from tests.fidelity import textbook

from .measuring import Settings, alternate, measures, ratio_row
from .pipelines import CONLL04, OURS, BareEncoder, heads_of, load, read_examples, trained

# As in configs/conll04.cfg, and as on a GPU.
BATCH_SIZES = {"": 4, "_batch_32": 32}


@measures("train_vs_encoder", "train_vs_encoder_batch_32")
def against_encoder(settings: Settings) -> dict[str, Any]:
    rows = []
    for suffix, size in BATCH_SIZES.items():
        nlp, bare = load(trained(CONLL04), OURS), BareEncoder(trained(CONLL04))
        fresh = partial(read_examples, nlp, settings.pick(64, 32))
        batches = bare.batches([eg.text for eg in fresh()], size, by_length=False)
        joint, encoder = joint_steps(nlp, size), encoder_steps(bare, batches)
        times = alternate(settings.rounds, joint, lambda _, encoder=encoder: encoder(), before=fresh)
        note = f"training step of the joint pipeline / of its encoder alone, {size} sentences per step"
        rows.append(ratio_row(f"train_vs_encoder{suffix}", *times, note=note, dataset=CONLL04))
    return {"rows": rows}


@measures("train_vs_textbook_speedup", "train_vs_textbook_batch_32_speedup")
def against_textbook(settings: Settings) -> dict[str, Any]:
    """With textbook heads, encoder and heads run text by text, the modules of both are those of Hugging Face and torch,
    and the optimizer steps once per batch."""
    nlp, other = load(trained(CONLL04), OURS), load(trained(CONLL04), OURS)
    heads, transformer = heads_of(other), cast("Any", other.get_pipe("transformer"))
    heads.forward = partial(textbook.forward, heads)
    heads.dropout = nn.Dropout(heads.dropout.p)
    transformer.model.transformer.register_forward_hook(lambda *_: None)  # so its own forward pass is called
    fresh = partial(read_examples, nlp, settings.pick(64, 32))
    rows = []
    for suffix, size in BATCH_SIZES.items():
        steps = joint_steps(other, size, one_by_one=True), joint_steps(nlp, size)
        times = alternate(settings.rounds, *steps, before=fresh)
        note = f"training with textbook heads, text by text / with ours, {size} sentences per step"
        rows.append(ratio_row(f"train_vs_textbook{suffix}_speedup", *times, note=note, dataset=CONLL04))
    return {"rows": rows}


@measures("train_bf16_speedup", "train_bf16_batch_32_speedup", "train_frozen_speedup", "train_frozen_batch_32_speedup")
def with_options(settings: Settings) -> dict[str, Any]:
    """In mixed precision, and with half of the six layers frozen."""
    nlp, mixed = load(trained(CONLL04), OURS), load(trained(CONLL04), OURS)
    transformer: Any = mixed.get_pipe("transformer")
    transformer.model.layers[0].shims[0]._mixed_precision = True
    frozen = load(trained(CONLL04), OURS, freeze_layers=3)
    fresh = partial(read_examples, nlp, settings.pick(64, 32))
    rows = []
    for suffix, size in BATCH_SIZES.items():
        plain, *faster = alternate(settings.rounds, *(joint_steps(n, size) for n in (nlp, mixed, frozen)), before=fresh)
        for name, setting, times in zip(("bf16", "frozen"), ("mixed_precision = true", "freeze_layers = 3"), faster):
            note = f"training as by default / with {setting}, {size} sentences per step"
            rows.append(ratio_row(f"train_{name}{suffix}_speedup", plain, times, note=note, dataset=CONLL04))
    return {"rows": rows}


def joint_steps(nlp: Language, size: int, one_by_one: bool = False) -> Callable[[list[Example]], None]:
    """Updates of the whole pipeline; gradients of a step may be gathered text by text."""
    optimizer = make_adamw(learn_rate=1e-8, head_learn_rate=1e-8)  # so small that the pipeline stays as it is

    def run(examples: list[Example]) -> None:
        for batch in minibatch(examples, size):
            for part in [[eg] for eg in batch] if one_by_one else [batch]:
                nlp.update(part, sgd=False)
            for _, pipe in nlp.pipeline:
                if hasattr(pipe, "finish_update"):
                    pipe.finish_update(optimizer)
            optimizer.step_schedules()

    return run


def encoder_steps(bare: BareEncoder, batches: list[dict[str, torch.Tensor]]) -> Callable[[], None]:
    """Updates of the encoder alone, with a constant gradient."""
    shim, optimizer = PyTorchShim(bare.module), make_adamw(learn_rate=1e-8, head_learn_rate=1e-8)

    def run() -> None:
        bare.module.train()
        for batch in batches:
            states = bare.module(**batch).last_hidden_state
            states.backward(torch.full_like(states, 1e-3))
            take_gradients(optimizer, shim)
            optimizer.step_schedules()

    return run
