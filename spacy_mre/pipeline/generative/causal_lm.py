"""Decoder-only models behind the interface of `LanguageModel`."""

from collections.abc import Sequence
from functools import cached_property
from inspect import signature
from typing import Any

from torch import Tensor

from .batches import padded
from .chat import ChatForm
from .language_model import IGNORED, LanguageModel, Score, position_limit


class CausalLM(LanguageModel):
    """A decoder-only model. Rows are padded on the left, so that all targets end at the same position."""

    kind = "causal"

    @cached_property
    def form(self) -> ChatForm | None:
        """RETURNS (Optional[ChatForm]): The form of the chat template; None if the model is asked without it."""
        return ChatForm.of(self.tokenizer) if self.chat else None

    @property
    def end(self) -> int:
        return super().end if self.form is None or self.form.end is None else self.form.end

    def source_ids(self, sources: Sequence[str]) -> list[list[int]]:
        if self.form is not None:
            rows = self._encode(sources, add_special_tokens=False)
            return [[*self.form.before, *row, *self.form.between] for row in rows]
        # Some tokenizers add an end token, but the target follows.
        rows = self._encode([source + self.separator for source in sources])
        return [row[:-1] if row and row[-1] == self.end else row for row in rows]

    def source_limit(self, new_tokens: int) -> int:
        return self.target_limit - new_tokens

    @property
    def target_limit(self) -> int:
        return min(position_limit(self.module.config), self.tokenizer.model_max_length)

    def _room(self, length: int) -> int:
        # A long source is truncated, so that a quarter of the positions is left for the answer.
        return max(self.target_limit - length, self.target_limit // 4)

    def collate(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> dict[str, Tensor]:
        rows = [[*source, *target] for source, target in zip(sources, targets)]
        labels = [[IGNORED] * len(source) + list(target) for source, target in zip(sources, targets)]
        return {**self._source_tensors(rows), "labels": padded(labels, IGNORED, left=True)}

    def _source_tensors(self, sources: Sequence[Sequence[int]]) -> dict[str, Tensor]:
        mask = padded([[1] * len(row) for row in sources], 0, left=True)
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        return {"input_ids": padded(sources, self.pad, left=True), "attention_mask": mask, "position_ids": positions}

    def _begin(self, sources: Sequence[Sequence[int]], inputs: dict[str, Tensor]) -> tuple[dict[str, Any], Score]:
        def score(part: slice, rows: Sequence[Sequence[int]]) -> Tensor:
            return self.log_probs(sources[part], rows)

        # generate() computes the positions itself.
        return {name: inputs[name] for name in ("input_ids", "attention_mask")}, score

    def _new_tokens(self, output: Tensor, inputs: dict[str, Any]) -> Tensor:
        return output[:, inputs["input_ids"].shape[1] :]

    def _logits(self, inputs: dict[str, Tensor], labels: Tensor) -> tuple[Tensor, Tensor]:
        # Only the logits of targets are computed, because logits are as wide as the vocabulary.
        kept = int((labels != IGNORED).any(dim=0).sum())
        options = {"logits_to_keep": kept + 1} if "logits_to_keep" in signature(self.module.forward).parameters else {}
        logits = self.module(**inputs, use_cache=False, **options).logits
        return logits[:, -kept - 1 : -1], labels[:, labels.shape[1] - kept :]
