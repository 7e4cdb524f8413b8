"""Attention from the tokens of texts to the words of questions, as a torch module."""

import math
from typing import Any

import numpy
import torch
from torch import Tensor, nn

from ...training.dropout import Dropout


class CrossAttention(nn.Module):
    """Layers in which every token attends to the words of every question.

    width (int): Width of the token vectors.
    question_width (int): Width of the word vectors of the questions.
    depth (int): How many layers there are, at least one.
    size (int): Width inside the layers.
    attention_heads (int): Attention heads per layer; a divisor of `size`.
    dropout (float): Dropout after each attention and feed-forward layer.
    """

    def __init__(self, width: int, question_width: int, *, depth: int, size: int, attention_heads: int, dropout: float):
        super().__init__()
        self.layers = nn.ModuleList(
            CrossLayer(width, question_width, size, attention_heads, dropout) for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)
        # For prediction: the state of the questions and of the weights that read them, the word vectors and the
        # lengths.
        self.cached: tuple[Any, Any, numpy.ndarray] | None = None

    def forward(self, tokens: Tensor, questions: Tensor, lengths: numpy.ndarray) -> Tensor:
        """Let tokens attend to questions.

        tokens (Tensor): Total tokens x width.
        questions (Tensor): The words of all questions, total words x question width.
        lengths (numpy.ndarray): Words per question.
        RETURNS (Tensor): Questions x total tokens x width.
        """
        words = nn.utils.rnn.pad_sequence(questions.split(lengths.tolist()), batch_first=True)
        mask = torch.as_tensor(numpy.arange(words.shape[1]) < lengths[:, None], device=tokens.device)
        vectors = tokens.unsqueeze(0)  # the same for all questions before the first layer
        for layer in self.layers:
            vectors = layer(vectors, words, mask)
        return self.norm(vectors)


class CrossLayer(nn.Module):
    """One layer of cross-attention, with a feed-forward layer after it (pre-norm, Xiong et al. 2020).

    The arguments are those of `CrossAttention`.
    """

    def __init__(self, width: int, question_width: int, size: int, attention_heads: int, dropout: float):
        super().__init__()
        self.attention_heads = attention_heads
        self.attention_norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, size)
        self.key = nn.Linear(question_width, size)
        self.value = nn.Linear(question_width, size)
        self.output = nn.Linear(size, width)
        self.feed_norm = nn.LayerNorm(width)
        self.feed = nn.Sequential(nn.Linear(width, 2 * size), nn.GELU(), nn.Linear(2 * size, width))
        self.dropout = Dropout(dropout)

    def forward(self, vectors: Tensor, words: Tensor, mask: Tensor) -> Tensor:
        """Apply the layer.

        vectors (Tensor): 1 or questions x tokens x width.
        words (Tensor): Questions x longest x question width.
        mask (Tensor): False for padding, questions x longest.
        RETURNS (Tensor): Questions x tokens x width.
        """
        projected = self.query(self.attention_norm(vectors)), self.key(words), self.value(words)
        query, key, value = (self._split(part) for part in projected)
        scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[3])
        weights = scores.masked_fill(~mask[:, None, None], torch.finfo(scores.dtype).min).softmax(dim=3)
        attended = (weights @ value).transpose(1, 2).flatten(2)
        vectors = vectors + self.dropout(self.output(attended))
        return vectors + self.dropout(self.feed(self.feed_norm(vectors)))

    def _split(self, vectors: Tensor) -> Tensor:
        """n x length x size -> n x attention heads x length x (size / attention heads)."""
        return vectors.unflatten(2, (self.attention_heads, -1)).transpose(1, 2)
