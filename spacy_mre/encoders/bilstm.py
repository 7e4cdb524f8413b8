"""A bidirectional LSTM over the token vectors of an encoder, whose results do not depend on the other texts of a batch.

`spacy.TorchBiLSTMEncoder.v1` pads texts at their end, and its backward direction then starts in the padding: a text
gets other vectors next to a longer one than alone. Here each direction reads its own copy of the texts, in its own
order, so that the padding follows each text in both.
"""

from collections.abc import Callable
from io import BytesIO
from typing import Any, cast

import numpy
import torch
from spacy.util import registry
from thinc.api import Model, PyTorchShim, torch2xp, xp2torch
from thinc.types import Floats2d, Ints1d
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from ..arrays import expand_ranges
from ..errors import Errors
from ..training.dropout import Dropout
from ..training.sized import set_training
from ..training.torch_weights import averaged_weights, take_gradients

Sequences = list[Floats2d]


@registry.architectures("spacy_mre.BiLSTM.v1")
def build_bilstm(width: int, depth: int = 1, dropout: float = 0.0) -> Model[Sequences, Sequences]:
    """Build a bidirectional LSTM, as the `encode` of a `spacy.Tok2Vec.v2`. A text has the same vectors alone and in any
    batch, up to rounding.

    width (int): Width of its input and of its output; an even number, half of which is for each direction.
    depth (int): How many layers. Default: 1.
    dropout (float): Dropout between layers. Default: 0.0.
    RETURNS (Model[list[Floats2d], list[Floats2d]]): From the token vectors of each text to new ones.
    RAISES (ValueError): If the width is odd, or there is no layer.
    """
    if width < 2 or width % 2:
        raise ValueError(Errors.M001.format(setting="width", value=width, allowed="even numbers"))
    if depth < 1:
        raise ValueError(Errors.M001.format(setting="depth", value=depth, allowed="1 and more"))
    shim = _Shim(BiLSTM(width, depth, dropout), deserialize_model=_load)
    return Model("bilstm", _forward, shims=[shim], dims={"nI": width, "nO": width})


class BiLSTM(nn.Module):
    """One LSTM for each layer and direction.

    width (int): Width of the vectors.
    depth (int): How many layers.
    dropout (float): Dropout between layers.
    """

    def __init__(self, width: int, depth: int, dropout: float):
        super().__init__()
        self.dropout = Dropout(dropout)
        self.layers = nn.ModuleList(
            nn.ModuleList([nn.LSTM(width, width // 2), nn.LSTM(width, width // 2)]) for _ in range(depth)
        )

    def forward(self, vectors: Tensor, lengths: Ints1d) -> Tensor:
        """Read texts in both directions.

        vectors (Tensor): Total tokens x width.
        lengths (Ints1d): Tokens per text, in host memory.
        RETURNS (Tensor): Total tokens x width; the first half of each vector is of the direction of reading.
        """
        lengths = lengths[lengths > 0]
        if not len(lengths):
            return vectors
        texts = numpy.repeat(numpy.arange(len(lengths)), lengths)
        positions = expand_ranges(numpy.zeros_like(lengths), lengths)
        # Training is faster with padding. In prediction, one long text among many would fill the memory with it.
        read, rows = (_read_padded, _padded_rows) if self.training else (_read_packed, _packed_rows)
        firsts, columns, sizes = rows(lengths)
        steps = (positions, lengths[texts] - 1 - positions)
        places = [_to_tensor(firsts[step] + columns[texts], vectors) for step in steps]
        for i, pair in enumerate(self.layers):
            vectors = self.dropout(vectors) if i else vectors
            halves = [read(lstm, vectors, place, sizes) for lstm, place in zip(cast(Any, pair), places)]
            vectors = torch.cat(halves, dim=1)
        return vectors


def _padded_rows(lengths: Ints1d) -> tuple[Ints1d, Ints1d, Ints1d]:
    """Where each vector is among steps x texts: the first row of each step, the column of each text, texts per step."""
    steps = numpy.arange(int(lengths.max()))
    return steps * len(lengths), numpy.arange(len(lengths)), numpy.full_like(steps, len(lengths))


def _packed_rows(lengths: Ints1d) -> tuple[Ints1d, Ints1d, Ints1d]:
    """The same without padding: each step has only the texts that are long enough, longest first."""
    sizes = numpy.cumsum(numpy.bincount(lengths)[:0:-1])[::-1]
    columns = numpy.empty_like(lengths)
    columns[numpy.argsort(-lengths, kind="stable")] = numpy.arange(len(lengths))
    return numpy.cumsum(sizes) - sizes, columns, sizes


def _read_padded(lstm: nn.LSTM, vectors: Tensor, places: Tensor, sizes: Ints1d) -> Tensor:
    """The states of an LSTM that reads each vector at its place among steps x texts. Padding follows each text."""
    shape = len(sizes), int(sizes[0])
    padded = vectors.new_zeros(shape[0] * shape[1], vectors.shape[1]).index_copy(0, places, vectors)
    states, _ = lstm(padded.unflatten(0, shape))
    return states.flatten(0, 1).index_select(0, places)


def _read_packed(lstm: nn.LSTM, vectors: Tensor, places: Tensor, sizes: Ints1d) -> Tensor:
    packed = torch.empty_like(vectors).index_copy_(0, places, vectors)
    states, _ = lstm(PackedSequence(packed, torch.from_numpy(sizes.copy())))
    return states.data.index_select(0, places)


def _to_tensor(places: Ints1d, like: Tensor) -> Tensor:
    return torch.from_numpy(places).to(like.device)


def _forward(
    model: Model[Sequences, Sequences], sequences: Sequences, is_train: bool
) -> tuple[Sequences, Callable[[Sequences], Sequences]]:
    shim, xp, nothing = cast(_Shim, model.shims[0]), model.ops.xp, model.ops.alloc2f(0, model.get_dim("nO"))
    lengths = numpy.asarray([len(vectors) for vectors in sequences], dtype=numpy.int64)
    ends = numpy.cumsum(lengths)
    set_training(shim._model, is_train)
    read = xp2torch(xp.concatenate([nothing, *sequences]), requires_grad=is_train)
    with torch.set_grad_enabled(is_train):
        written = shim._model(read, lengths)

    def backprop(d_sequences: Sequences) -> Sequences:
        torch.autograd.backward(written, xp2torch(xp.concatenate([nothing, *d_sequences])))
        return _split(cast(Floats2d, torch2xp(cast(Tensor, read.grad))), ends)

    return _split(cast(Floats2d, torch2xp(written.detach())), ends), backprop


def _split(rows: Floats2d, ends: Ints1d) -> Sequences:
    starts = [0, *ends[:-1].tolist()]
    return [rows[start:end] for start, end in zip(starts, ends.tolist())]


class _Shim(PyTorchShim):
    """Its weights are loaded as plain tensors, and have the optimizer's learning rate of Thinc layers."""

    def finish_update(self, optimizer: Any) -> None:
        if not take_gradients(optimizer, self, _layer_name):
            super().finish_update(optimizer)

    def use_params(self, params: Any) -> Any:
        """Use averaged weights within a context."""
        return averaged_weights(self, params, _layer_name)


def _layer_name(name: str) -> str:
    """The name of a weight for the optimizer. Names of weights that are not pretrained have no dots."""
    return name.replace(".", "_")


def _load(module: nn.Module, data: bytes, device: torch.device) -> nn.Module:
    module.load_state_dict(torch.load(BytesIO(data), map_location=device, weights_only=True))
    return module.to(device)
