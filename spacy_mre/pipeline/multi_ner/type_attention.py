"""Attention between entity types (Multi-NER, arXiv 2309.11027), as a torch module."""

import math

import numpy
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...training.dropout import Dropout
from ..spans.pooling import to_index


class TypeAttention(nn.Module):
    """Single-head self-attention over the vectors that the types have for a text (arXiv 2309.11027).

    The scaling, the residual connection and the restriction to positions of the text are reconstructed: the paper does
    not state them.

    width (int): Width of the vectors.
    scope (str): "token": the vectors of all types for one position attend to each other, O(positions x types^2).
        "full": those for all positions of a text do, O((positions x types)^2).
    dropout (float): Dropout before the residual connection.
    """

    def __init__(self, width: int, scope: str, dropout: float):
        super().__init__()
        self.scope = scope
        self.query, self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(3))
        for layer in (self.query, self.key, self.value):
            nn.init.normal_(layer.weight, std=0.02)
        self.dropout = Dropout(dropout)

    def forward(self, vectors: Tensor, sizes: numpy.ndarray) -> Tensor:
        """Add what each vector attends to.

        vectors (Tensor): Types x positions x width.
        sizes (numpy.ndarray): Positions per text.
        RETURNS (Tensor): Types x positions x width.
        """
        if self.scope == "token":
            attended = torch.einsum("pij,jpd->ipd", self._token_weights(vectors), self.value(vectors))
            return vectors + self.dropout(attended)
        positions, mask = _padded_positions(sizes, vectors)
        query, key, value = (_by_text(layer(vectors), positions, mask) for layer in (self.query, self.key, self.value))
        key_mask = mask.repeat(1, len(vectors))[:, None]
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=key_mask)
        return vectors + self.dropout(_by_position(attended, mask, len(vectors)))

    def between_types(self, vectors: Tensor, sizes: numpy.ndarray) -> Tensor:
        """The attention weights between types: summed over the attended positions, and averaged over the attending
        ones.

        vectors (Tensor): Types x positions x width.
        sizes (numpy.ndarray): Positions per text.
        RETURNS (Tensor): Types x types. Each row, of the attending type, sums to 1.
        """
        if self.scope == "token":
            return self._token_weights(vectors).mean(dim=0)
        sums = vectors.new_zeros(len(vectors), len(vectors))
        for text in vectors.split(sizes.tolist(), dim=1):
            query, key = (layer(text).flatten(0, 1) for layer in (self.query, self.key))
            weights = (query @ key.T / math.sqrt(query.shape[1])).softmax(dim=1)
            shape = (len(text), text.shape[1], len(text), text.shape[1])
            sums += weights.view(shape).sum(dim=(1, 3))
        return sums / max(vectors.shape[1], 1)

    def _token_weights(self, vectors: Tensor) -> Tensor:
        """Positions x types x types."""
        scores = torch.einsum("ipd,jpd->pij", self.query(vectors), self.key(vectors))
        return (scores / math.sqrt(vectors.shape[2])).softmax(dim=2)


def _padded_positions(sizes: numpy.ndarray, like: Tensor) -> tuple[Tensor, Tensor]:
    """The positions of each text, and which of them are not padding; texts x longest. Texts without positions are
    skipped."""
    starts, sizes = (numpy.cumsum(sizes) - sizes)[sizes > 0], sizes[sizes > 0]
    columns = numpy.arange(int(sizes.max(initial=0)))
    mask = columns < sizes[:, None]
    return to_index(numpy.where(mask, starts[:, None] + columns, 0), like), torch.as_tensor(mask, device=like.device)


def _by_text(vectors: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
    """Types x positions x width -> texts x (types x longest) x width. Padding is zeros."""
    padded = vectors[:, positions] * mask[None, :, :, None].to(vectors.dtype)
    return padded.transpose(0, 1).flatten(1, 2)


def _by_position(vectors: Tensor, mask: Tensor, types: int) -> Tensor:
    """The inverse of `_by_text`."""
    return vectors.unflatten(1, (types, -1)).transpose(0, 1)[:, mask]
