"""Exact interaction: a transformer reads each question together with each text."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy
import torch
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model, torch2xp, xp2torch
from thinc.types import Floats3d
from torch import Tensor

from ...encoders.transformer.wordpieces import count_positions, pack
from ...settings import NotNegative, Positive, checked
from ...training.processor import warn_if_slow_in
from ...training.sized import set_training
from ..spans.pooling import to_index
from .interaction import EncodedPairs, Interaction, TextsAndQuestions
from .pieces import count_cut, cut_questions, cut_texts
from .sequences import PairSequences, Template, read_template
from .windows import cut_windows

# For models that have no table of positions, and whose config does not tell their number.
DEFAULT_POSITIONS = 512


@dataclass(frozen=True)
class _Limits:
    """The settings of the architecture. They are not attributes of the Thinc model, because those are saved with the
    weights and would override the config."""

    max_batch_items: int
    overlap: int
    max_length: int


@registry.architectures("spacy_mre.CrossTransformer.v1")
@checked
def build_cross_transformer(
    transformer: Model, max_batch_items: Positive = 4096, overlap: NotNegative = 64, max_length: NotNegative = 0
) -> Interaction:
    """Read each question together with each text: [CLS] question [SEP] text [SEP], with token types if the model has
    them (BERT-MRC, Li et al. 2020, section 3.2).

    The transformer is not the shared one of the pipeline; the component's `init_from` copies the weights of that one.
    A text that is longer than the encoder is read in overlapping windows, so nothing is truncated.

    transformer (Model): A `spacy-transformers.TransformerModel.v3` or `spacy_mre.MiniLM.v1`. Its `get_spans` is not
        used. With mixed precision it computes in bfloat16.
    max_batch_items (int): The most pieces in one forward pass, including padding. Default: 4096.
    overlap (int): The fewest pieces that neighbouring windows share; at most half a window. Default: 64.
    max_length (int): The longest sequence in pieces; 0 for the number of positions of the model. Default: 0.
    RETURNS (Model[tuple[list[Doc], list[Doc]], EncodedPairs]): From texts and questions to vectors.
    """
    limits = _Limits(max_batch_items, overlap, max_length)
    # Gradients need no scale in bfloat16.
    transformer.layers[0].shims[0]._grad_scaler._enabled = False
    return Model(
        "cross_transformer",
        partial(_forward, limits),
        init=partial(_init, limits),
        layers=[transformer],
        refs={"encoder": transformer},
        dims={"nO": None},
    )


def _init(limits: _Limits, model: Interaction, X: TextsAndQuestions | None = None, Y: Any = None) -> None:
    transformer: Any = model.get_ref("encoder")
    transformer.initialize()
    model.set_dim("nO", transformer.get_dim("nO"), force=True)
    if X is not None:
        _cut_questions(transformer, X[1], limits)


def _forward(
    limits: _Limits, model: Interaction, X: TextsAndQuestions, is_train: bool
) -> tuple[EncodedPairs, Callable[[EncodedPairs], list]]:
    docs, questions = X
    transformer: Any = model.get_ref("encoder")
    template, question_ids, longest = _cut_questions(transformer, questions, limits)
    pieces = cut_texts(docs, transformer.tokenizer)
    room = longest - template.specials - max(len(ids) for ids in question_ids)
    windows = cut_windows(pieces.counts, room, min(limits.overlap, room // 2))
    positions, firsts, lasts = pieces.boundary_positions()
    sequences = PairSequences(template, question_ids, pieces.ids, windows)
    set_training(transformer.transformer, is_train)
    with torch.set_grad_enabled(is_train):
        vectors = _read(transformer, sequences, positions, limits.max_batch_items)

    def backprop(d_encoded: EncodedPairs) -> list:
        if vectors.requires_grad:
            torch.autograd.backward(vectors, xp2torch(d_encoded.vectors))
        return []

    texts = numpy.repeat(numpy.arange(len(docs)), pieces.counts)[positions]
    sizes = numpy.bincount(texts, minlength=len(docs))
    lengths = numpy.asarray([len(doc) for doc in docs], dtype=numpy.int64)
    array = cast(Floats3d, torch2xp(vectors.detach()))
    return EncodedPairs(array, firsts, lasts, sizes, lengths, count_cut(docs, firsts)), backprop


def _read(transformer: Any, sequences: PairSequences, positions: numpy.ndarray, max_batch_items: int) -> Tensor:
    """The vectors of some pieces, questions x positions x width. Sequences of similar length are read together."""
    module = transformer.transformer
    padding = transformer.tokenizer.pad_token_id or 0
    with_types = "token_type_ids" in transformer.tokenizer.model_input_names
    mixed_precision = bool(transformer.layers[0].shims[0]._mixed_precision)
    if mixed_precision and module.device.type == "cpu":
        warn_if_slow_in("bf16", "mixed_precision = true")
    states, n_rows = [], 0
    starts = numpy.zeros(len(sequences), dtype=numpy.int64)
    for group in pack(sequences.lengths, max_batch_items):
        inputs = sequences.inputs(group, padding, with_types)
        tensors = {name: torch.from_numpy(array).to(module.device) for name, array in inputs.items()}
        # A context for each pass: one for all would add up their gradients in bf16.
        with torch.autocast(module.device.type, torch.bfloat16, enabled=mixed_precision):
            state = module(**tensors).last_hidden_state
        starts[group] = n_rows + numpy.arange(len(group)) * state.shape[1]
        n_rows += len(group) * state.shape[1]
        states.append(state.flatten(0, 1))
    rows = sequences.rows(positions, starts)
    if not states:
        return torch.zeros((*rows.shape, transformer.get_dim("nO")), device=module.device)
    chosen = torch.cat(states).index_select(0, to_index(rows.reshape(-1), states[0]))
    return chosen.float().unflatten(0, rows.shape)


def _cut_questions(
    transformer: Any, questions: list[Doc], limits: _Limits
) -> tuple[Template, list[numpy.ndarray], int]:
    """The special pieces, the pieces of the questions, and the longest sequence. At least half of it is for the
    text."""
    longest = _longest(transformer, limits.max_length)
    template = read_template(transformer.tokenizer)
    texts = [question.text for question in questions]
    ids = cut_questions(texts, transformer.tokenizer, (longest - template.specials) // 2)
    return template, ids, longest


def _longest(transformer: Any, max_length: int) -> int:
    module = transformer.transformer
    positions = count_positions(module) or getattr(module.config, "max_position_embeddings", None) or DEFAULT_POSITIONS
    return min(positions, transformer.tokenizer.model_max_length, max_length or positions)
