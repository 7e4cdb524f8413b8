"""Attention between entity types, and the start, end and span heads of Multi-NER (arXiv 2309.11027) and BERT-MRC (Li et al. 2020), as one torch module.

A vector stands for a position of a text in the light of one question; the vectors of a batch are types x positions x width. Of span matrices only the
cells of candidates are computed, never length x length.
"""

import math

import numpy
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..spans.pooling import to_index
from .boundaries import Candidates

ATTENTIONS = ("none", "token", "full", "released")
# Those with weights that sum to 1, which can be shown.
WITH_WEIGHTS = ("token", "full")
HEADS = ("per_type", "shared")
# The boundary logit before training: a probability of about 0.05.
PRIOR = -3.0


class MultiNERHeads(nn.Module):
    """The heads. With `heads = "shared"` no weight belongs to a type, so that types can be added later."""

    def __init__(self, width: int, types: int, *, type_attention: str, heads: str, hidden_size: int, dropout: float):
        super().__init__()
        groups = types if heads == "per_type" else 1
        self.attention = None if type_attention == "none" else TypeAttention(width, type_attention, dropout)
        self.dropout = nn.Dropout(dropout)
        self.start = TypedLinear(groups, width, 1)
        self.end = TypedLinear(groups, width, 1)
        self.span_start = TypedLinear(groups, width, hidden_size)
        self.span_end = TypedLinear(groups, width, hidden_size)
        self.span = TypedLinear(groups, hidden_size, 1)
        for layer in (self.start, self.end):  # few tokens are a boundary: begin near that
            nn.init.constant_(layer.bias, PRIOR)

    def attend(self, vectors: Tensor, sizes: numpy.ndarray) -> Tensor:
        """Let the types see each other.

        vectors (Tensor): Types x positions x width.
        sizes (numpy.ndarray): Positions per text.
        RETURNS (Tensor): Types x positions x width.
        """
        return vectors if self.attention is None else self.attention(vectors, sizes)

    def score_boundaries(self, vectors: Tensor, firsts: numpy.ndarray, lasts: numpy.ndarray) -> tuple[Tensor, Tensor]:
        """Does an entity begin or end here? A start is read at the first piece of a token, an end at its last.

        vectors (Tensor): Types x positions x width, after `attend`.
        firsts, lasts (numpy.ndarray): The positions of each token, -1 for a token without any.
        RETURNS (Tuple[Tensor, Tensor]): Start and end logits, types x tokens; the lowest number where there is no position.
        """
        return tuple(
            _at(head(vectors).squeeze(2), places) for head, places in ((self.start, firsts), (self.end, lasts))
        )

    def score_spans(
        self, vectors: Tensor, firsts: numpy.ndarray, lasts: numpy.ndarray, candidates: Candidates
    ) -> Tensor:
        """Do this start and this end belong together?

        The layer over [start; end] is the sum of one over starts and one over ends, so that each is computed once for all its partners.

        vectors (Tensor): Types x positions x width, after `attend`.
        firsts, lasts (numpy.ndarray): The positions of each token.
        candidates (Candidates): The spans, sorted by type.
        RETURNS (Tensor): Logits, shape (candidates,).
        """
        of_starts = self._once(self.span_start, vectors, candidates.types, firsts[candidates.starts])
        of_ends = self._once(self.span_end, vectors, candidates.types, lasts[candidates.lasts])
        counts = numpy.bincount(candidates.types, minlength=len(vectors)).tolist()
        return self.span.of_rows(self.dropout(F.gelu(of_starts + of_ends)), counts).squeeze(1)

    def _once(self, layer: "TypedLinear", vectors: Tensor, types: numpy.ndarray, positions: numpy.ndarray) -> Tensor:
        """A layer over the vectors at some types and positions, which may be given many times."""
        rows, back = numpy.unique(types * vectors.shape[1] + positions, return_inverse=True)
        counts = numpy.bincount(rows // max(vectors.shape[1], 1), minlength=len(vectors)).tolist()
        chosen = vectors.flatten(0, 1).index_select(0, to_index(rows, vectors))
        return layer.of_rows(chosen, counts).index_select(0, to_index(back.reshape(-1), vectors))


class TypedLinear(nn.Module):
    """A linear layer for each type, or one for all of them."""

    def __init__(self, groups: int, n_in: int, n_out: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(groups, n_out, n_in))
        self.bias = nn.Parameter(torch.zeros(groups * n_out))  # of one dimension, as weight decay passes over
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, vectors: Tensor) -> Tensor:
        """From types x n x n_in to types x n x n_out."""
        return vectors @ self.weight.transpose(1, 2) + self.bias.view(len(self.weight), 1, -1)

    def of_rows(self, rows: Tensor, counts: list[int]) -> Tensor:
        """From n x n_in to n x n_out; `counts` tells how many of the rows belong to each type, one type after the other."""
        bias = self.bias.view(len(self.weight), -1)
        if len(self.weight) == 1:
            return F.linear(rows, self.weight[0], bias[0])
        return torch.cat([F.linear(part, self.weight[i], bias[i]) for i, part in enumerate(rows.split(counts))])


class TypeAttention(nn.Module):
    """Single-head self-attention over what the questions say of a text (arXiv 2309.11027).

    "token": the vectors that the types have for one position attend to each other, O(positions x types^2); reconstructed. "full": all
    positions of all types of a text do, O((positions x types)^2). Both are scaled, masked to the text and have a residual, which the paper
    does not state and the released code does not have: "released" is the sum of all values weighted by unscaled products, without softmax
    and residual. The released code attends from question pieces too, here only positions of the text take part.
    """

    def __init__(self, width: int, scope: str, dropout: float):
        super().__init__()
        self.scope = scope
        self.query, self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(3))
        for layer in (self.query, self.key, self.value):
            nn.init.normal_(layer.weight, std=0.02)
        self.dropout = nn.Dropout(dropout)

    def forward(self, vectors: Tensor, sizes: numpy.ndarray) -> Tensor:
        """From types x positions x width to the same; `sizes` are the positions per text."""
        if self.scope == "token":
            return vectors + self.dropout(
                torch.einsum("pij,jpd->ipd", self._token_weights(vectors), self.value(vectors))
            )
        places, mask = _padded_places(sizes, vectors)
        query, key, value = (_by_text(layer(vectors), places, mask) for layer in (self.query, self.key, self.value))
        if self.scope == "released":
            # Without softmax the products may be taken in any order, and this one needs no positions x positions matrix.
            return _by_position(query @ (key.transpose(1, 2) @ value), places, mask, len(vectors))
        mask_of_keys = mask.repeat(1, len(vectors))[:, None]
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=mask_of_keys)
        return vectors + self.dropout(_by_position(attended, places, mask, len(vectors)))

    def between_types(self, vectors: Tensor, sizes: numpy.ndarray) -> Tensor:
        """How much the types attend to each other: attention weights, summed over the positions of a type and averaged over those that attend.

        RETURNS (Tensor): Types x types; each row, of the type that attends, sums to 1.
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


def _at(logits: Tensor, places: numpy.ndarray) -> Tensor:
    """Types x positions -> types x tokens."""
    seen = torch.as_tensor(places >= 0, device=logits.device)
    if not logits.shape[1]:
        return logits.new_full((len(logits), len(places)), torch.finfo(logits.dtype).min)
    return logits.index_select(1, to_index(numpy.maximum(places, 0), logits)).masked_fill(
        ~seen, torch.finfo(logits.dtype).min
    )


def _padded_places(sizes: numpy.ndarray, like: Tensor) -> tuple[Tensor, Tensor]:
    """Texts x longest: the positions of each text, and where there are any. Texts without positions are left out."""
    starts, sizes = (numpy.cumsum(sizes) - sizes)[sizes > 0], sizes[sizes > 0]
    columns = numpy.arange(int(sizes.max(initial=0)))
    mask = columns < sizes[:, None]
    return to_index(numpy.where(mask, starts[:, None] + columns, 0), like), torch.as_tensor(mask, device=like.device)


def _by_text(vectors: Tensor, places: Tensor, mask: Tensor) -> Tensor:
    """Types x positions x width -> texts x (types x longest) x width, zeros where there is no position."""
    padded = vectors[:, places] * mask[None, :, :, None].to(vectors.dtype)
    return padded.transpose(0, 1).flatten(1, 2)


def _by_position(vectors: Tensor, places: Tensor, mask: Tensor, types: int) -> Tensor:
    """The way back from `_by_text`."""
    return vectors.unflatten(1, (types, -1)).transpose(0, 1)[:, mask]
