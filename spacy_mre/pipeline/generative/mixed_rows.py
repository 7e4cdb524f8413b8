"""A constraint for each question of a batch that contains several questions."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import LogitsProcessor


class MixedRows(LogitsProcessor):
    """Lets the processors of each question see its rows only, as if they were a batch. For one call of `generate`.

    sizes (Sequence[int]): The number of sources of each question, whose rows are adjacent.
    processors (Sequence[Sequence[LogitsProcessor]]): The processors of each question.
    """

    def __init__(self, sizes: Sequence[int], processors: Sequence[Sequence[LogitsProcessor]]):
        self.sizes = list(sizes)
        self.processors = processors

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Mask tokens.

        input_ids (Tensor): The prompt and the tokens generated so far; rows x positions. Each source may have several
            adjacent rows.
        scores (Tensor): Logits or log probabilities, rows x vocabulary.
        RETURNS (Tensor): The scores, with -inf for tokens that are not allowed.
        """
        rows_per_source = len(scores) // sum(self.sizes)
        masked = []
        start = 0
        for size, processors in zip(self.sizes, self.processors):
            rows = slice(start, start + size * rows_per_source)
            part = scores[rows]
            for processor in processors:
                part = processor(input_ids[rows], part)
            masked.append(part)
            start = rows.stop
        return torch.cat(masked)
