"""The torch module of Multi-NER (arXiv 2309.11027) and BERT-MRC (Li et al. 2020): attention between types, and scorers
of starts, ends and spans.

The vectors of a batch are types x positions x width: one for each position of a text and each question.
"""

import numpy
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...training.dropout import Dropout
from ...training.growth import PRIOR, State
from ..spans.pooling import to_index
from .boundaries import Candidates
from .settings import Heads
from .settings import TypeAttention as Scope
from .type_attention import TypeAttention


class MultiNERHeads(nn.Module):
    """Attention between types, and the scorers.

    Only candidate spans are scored, never all pairs of a start and an end.

    width (int): Width of the vectors.
    types (int): How many types there are.
    type_attention (Scope): "none", "token" or "full", see `TypeAttention`.
    heads (Heads): "per_type", or "shared": then no weight belongs to a type, and a new type needs no training.
    hidden_size (int): Size of the hidden layer of the span scorer.
    dropout (float): Dropout in the span scorer and after the attention.
    """

    def __init__(
        self, width: int, types: int, *, type_attention: Scope, heads: Heads, hidden_size: int, dropout: float
    ):
        super().__init__()
        self.per_type = heads == "per_type"
        groups = types if self.per_type else 1
        self.attention = None if type_attention == "none" else TypeAttention(width, type_attention, dropout)
        self.dropout = Dropout(dropout)
        self.start = TypedLinear(groups, width, 1)
        self.end = TypedLinear(groups, width, 1)
        self.span_start = TypedLinear(groups, width, hidden_size)
        self.span_end = TypedLinear(groups, width, hidden_size)
        self.span = TypedLinear(groups, hidden_size, 1)
        for scorer in (self.start, self.end):  # few tokens are a boundary
            nn.init.constant_(scorer.bias, PRIOR)

    def grown_state(self, new_type: "MultiNERHeads") -> State:
        """The weights of heads with one more type. The scorers of the old types do not change.

        new_type (MultiNERHeads): Heads with new weights for one type.
        RETURNS (dict[str, Tensor]): The state dict of the larger heads. The new type is the last one.
        """
        state: State = dict(self.state_dict())
        if self.per_type:
            for layer in ("start", "end", "span_start", "span_end", "span"):
                for name, weights in getattr(new_type, layer).state_dict().items():
                    state[f"{layer}.{name}"] = torch.cat([state[f"{layer}.{name}"], weights])
        return state

    def attend(self, vectors: Tensor, sizes: numpy.ndarray) -> Tensor:
        """Apply the attention between types, if there is one.

        vectors (Tensor): Types x positions x width.
        sizes (numpy.ndarray): Positions per text.
        RETURNS (Tensor): Types x positions x width.
        """
        return vectors if self.attention is None else self.attention(vectors, sizes)

    def score_boundaries(self, vectors: Tensor, firsts: numpy.ndarray, lasts: numpy.ndarray) -> tuple[Tensor, Tensor]:
        """Score each token as a start, by its first position, and as an end, by its last position.

        vectors (Tensor): Types x positions x width, after `attend`.
        firsts, lasts (numpy.ndarray): The positions of each token, -1 for a token without any.
        RETURNS (tuple[Tensor, Tensor]): Start and end logits, types x tokens. A token without positions has the lowest
            number of its type.
        """
        starts, ends = self.start(vectors).squeeze(2), self.end(vectors).squeeze(2)
        return _by_token(starts, firsts), _by_token(ends, lasts)

    def score_spans(
        self, vectors: Tensor, firsts: numpy.ndarray, lasts: numpy.ndarray, candidates: Candidates
    ) -> Tensor:
        """Score candidates with a hidden layer over the concatenated vectors of start and end.

        The layer is the sum of a layer over starts and a layer over ends, so each start and end is computed once.

        vectors (Tensor): Types x positions x width, after `attend`.
        firsts, lasts (numpy.ndarray): The positions of each token.
        candidates (Candidates): The spans, sorted by type.
        RETURNS (Tensor): Logits, shape (candidates,).
        """
        starts = self._apply_once(self.span_start, vectors, candidates.types, firsts[candidates.starts])
        ends = self._apply_once(self.span_end, vectors, candidates.types, lasts[candidates.lasts])
        counts = numpy.bincount(candidates.types, minlength=len(vectors)).tolist()
        return self.span.apply_to_rows(self.dropout(F.gelu(starts + ends)), counts).squeeze(1)

    def _apply_once(
        self, layer: "TypedLinear", vectors: Tensor, types: numpy.ndarray, positions: numpy.ndarray
    ) -> Tensor:
        """Apply a layer to the vectors of some types and positions, to repeated ones once."""
        rows, inverse = numpy.unique(types * vectors.shape[1] + positions, return_inverse=True)
        counts = numpy.bincount(rows // max(vectors.shape[1], 1), minlength=len(vectors)).tolist()
        chosen = vectors.flatten(0, 1).index_select(0, to_index(rows, vectors))
        return layer.apply_to_rows(chosen, counts).index_select(0, to_index(inverse.reshape(-1), vectors))


class TypedLinear(nn.Module):
    """A linear layer for each type, or one for all types.

    groups (int): How many layers there are: the number of types, or 1.
    n_in (int): Width of the input.
    n_out (int): Width of the output.
    """

    def __init__(self, groups: int, n_in: int, n_out: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(groups, n_out, n_in))
        # Of one dimension, because the optimizer excludes such weights from weight decay.
        self.bias = nn.Parameter(torch.zeros(groups * n_out))
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, vectors: Tensor) -> Tensor:
        """Apply the layers.

        vectors (Tensor): Types x n x n_in.
        RETURNS (Tensor): Types x n x n_out.
        """
        return vectors @ self.weight.transpose(1, 2) + self.bias.view(len(self.weight), 1, -1)

    def apply_to_rows(self, rows: Tensor, counts: list[int]) -> Tensor:
        """Apply the layers to types with different numbers of rows.

        rows (Tensor): n x n_in, sorted by type.
        counts (list[int]): How many rows each type has.
        RETURNS (Tensor): n x n_out.
        """
        bias = self.bias.view(len(self.weight), -1)
        if len(self.weight) == 1:
            return F.linear(rows, self.weight[0], bias[0])
        return torch.cat([F.linear(part, self.weight[i], bias[i]) for i, part in enumerate(rows.split(counts))])


def _by_token(logits: Tensor, positions: numpy.ndarray) -> Tensor:
    """Types x positions -> types x tokens."""
    lowest = torch.finfo(logits.dtype).min
    if not logits.shape[1]:
        return logits.new_full((len(logits), len(positions)), lowest)
    is_missing = torch.as_tensor(positions < 0, device=logits.device)
    chosen = logits.index_select(1, to_index(numpy.maximum(positions, 0), logits))
    return chosen.masked_fill(is_missing, lowest)
