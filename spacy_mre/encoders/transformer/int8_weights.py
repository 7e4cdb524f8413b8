"""The weights of a transformer in int8, with one scale per row: a quarter of the bytes of fp32.

Linear layers become fp32 again when they are loaded. The table of embeddings stays in int8, and only the rows that are
looked up become fp32, until training needs the whole table.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ...errors import Errors
from ...training.torch_file import check_state

SCALE = ".scale"


class Int8Embedding(nn.Module):
    """A table of embeddings in int8. Its state is that of the table in fp32."""

    quantized: Tensor
    scales: Tensor

    def __init__(self, quantized: Tensor, scales: Tensor, padding_idx: int | None):
        """Initialize the table.

        quantized (Tensor): From `quantize_rows`.
        scales (Tensor): From `quantize_rows`.
        padding_idx (Optional[int]): The row that training does not change.
        """
        super().__init__()
        # Not persistent: the state has the weights in fp32 instead.
        self.register_buffer("quantized", quantized, persistent=False)
        self.register_buffer("scales", scales, persistent=False)
        self.padding_idx = padding_idx

    def forward(self, ids: Tensor) -> Tensor:
        return self.quantized[ids] * self.scales[ids]

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        destination[f"{prefix}weight"] = self.quantized * self.scales


def quantize_rows(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Round a matrix to int8. Rounding the product of the results again finds the same results.

    weights (Tensor): The matrix.
    RETURNS (tuple[Tensor, Tensor]): Integers from -127 to 127, and the scale of each row (fp32, rows x 1). A weight is
        off by at most 1/254 of the largest one in its row.
    """
    weights = weights.detach().float()
    scales = weights.abs().amax(dim=1, keepdim=True) / 127
    # With 8 bits fewer, the product of a scale and an integer is exact.
    scales = (scales.view(torch.int32) & ~0xFF).view(torch.float32)
    return (weights / scales.where(scales > 0, 1)).round().clamp(-127, 127).to(torch.int8), scales


def save_int8(transformer: Any, path: Path) -> None:
    """Write linear layers and the table of embeddings in int8, and all other weights in fp32.

    transformer (PreTrainedModel): The Hugging Face model. It is not changed.
    path (Path): A safetensors file.
    """
    state = dict(transformer.state_dict())
    for name in _matrices(transformer):
        state[name], state[name + SCALE] = quantize_rows(state[name])
    # Copied, because the format has no weights that share memory.
    save_file({name: weight.clone().cpu().contiguous() for name, weight in state.items()}, path, {"format": "pt"})


def load_int8(transformer: Any, path: Path) -> None:
    """Load what `save_int8` wrote.

    transformer (PreTrainedModel): A model of the same config, in fp32 and on the CPU, that gets the weights.
    path (Path): The file.
    RAISES (ValueError): If the file contains other weights than those of the model, or is damaged.
    """
    state, wanted, matrices = load_file(path), dict(transformer.state_dict()), _matrices(transformer)
    for name in matrices:
        rows, width = wanted[name].shape
        wanted[name] = torch.empty(rows, width, dtype=torch.int8, device="meta")
        wanted[name + SCALE] = torch.empty(rows, 1, device="meta")
    check_state(wanted, state, str(path))
    for name in matrices:
        if not (state[name + SCALE] >= 0).all() or state[name + SCALE].isinf().any():
            raise ValueError(Errors.M012.format(origin=path, reason=f"the scales of {name} are no numbers from 0 up"))
    table = transformer.get_input_embeddings()
    for name, module in matrices.items():
        quantized, scales = state.pop(name), state.pop(name + SCALE)
        if module is table:
            transformer.set_input_embeddings(Int8Embedding(quantized, scales, table.padding_idx))
        else:
            state[name] = quantized * scales
    # Assigned, not copied: what is in fp32 stays mapped into memory.
    transformer.load_state_dict(state, strict=False, assign=True)


@contextmanager
def rounded_to_int8(transformer: Any) -> Iterator[None]:
    """Within this context, a transformer has the weights that it would have if it were saved in int8 and loaded.

    transformer (PreTrainedModel): The Hugging Face model.
    """
    table = transformer.get_input_embeddings()
    exact = [(module, module.weight.data) for module in _matrices(transformer).values() if module is not table]
    try:
        if type(table) is nn.Embedding:
            transformer.set_input_embeddings(Int8Embedding(*quantize_rows(table.weight), table.padding_idx))
        for module, weights in exact:
            quantized, scales = quantize_rows(weights)
            module.weight.data = quantized * scales
        yield
    finally:
        transformer.set_input_embeddings(table)
        for module, weights in exact:
            module.weight.data = weights


def make_trainable(transformer: Any) -> None:
    """Turn a table of embeddings in int8 into one of weights in fp32.

    transformer (PreTrainedModel): The Hugging Face model.
    """
    table = transformer.get_input_embeddings()
    if isinstance(table, Int8Embedding):
        weights = table.state_dict()["weight"]
        embedding = nn.Embedding.from_pretrained(weights, freeze=False, padding_idx=table.padding_idx)
        transformer.set_input_embeddings(embedding)


def _matrices(transformer: Any) -> dict[str, Any]:
    """The names of the weights that are stored in int8, with their modules."""
    table = transformer.get_input_embeddings()
    return {
        f"{name}.weight": module
        for name, module in transformer.named_modules()
        if type(module) is nn.Linear or (module is table and type(table) in (nn.Embedding, Int8Embedding))
    }
