"""Encoder-decoders behind the interface of `LanguageModel`."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers.modeling_outputs import BaseModelOutput

from ...errors import Errors
from .batches import padded
from .language_model import IGNORED, LanguageModel, Score, position_limit


class Seq2SeqLM(LanguageModel):
    """An encoder-decoder. Rows are padded on the right."""

    kind = "seq2seq"

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if self.chat:
            raise ValueError(Errors.M972.format(reason="it is an encoder-decoder"))

    def source_ids(self, sources: Sequence[str]) -> list[list[int]]:
        return self._encode(sources)

    def source_limit(self, new_tokens: int) -> int:
        config = self.module.config
        return min(position_limit(getattr(config, "encoder", config)), self.tokenizer.model_max_length)

    @property
    def target_limit(self) -> int:
        config = self.module.config
        return min(position_limit(getattr(config, "decoder", config)), self.tokenizer.model_max_length)

    def _room(self, length: int) -> int:
        return self.target_limit

    def collate(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> dict[str, Tensor]:
        return {**self._source_tensors(sources), "labels": padded(targets, IGNORED)}

    def _source_tensors(self, sources: Sequence[Sequence[int]]) -> dict[str, Tensor]:
        return {
            "input_ids": padded(sources, self.pad),
            "attention_mask": padded([[1] * len(row) for row in sources], 0),
        }

    def _begin(self, sources: Sequence[Sequence[int]], inputs: dict[str, Tensor]) -> tuple[dict[str, Any], Score]:
        # The sources are encoded once, for generation and for scoring.
        states, mask = self.module.get_encoder()(**inputs).last_hidden_state, inputs["attention_mask"]

        def score(part: slice, rows: Sequence[Sequence[int]]) -> Tensor:
            labels = padded(rows, IGNORED).to(self.device)
            encoded = {"encoder_outputs": BaseModelOutput(states[part]), "attention_mask": mask[part]}
            return self._log_probs_of(labels, encoded)

        return {"encoder_outputs": BaseModelOutput(states), "attention_mask": mask}, score

    def _new_tokens(self, output: Tensor, inputs: dict[str, Any]) -> Tensor:
        return output[:, 1:]

    def _logits(self, inputs: dict[str, Tensor], labels: Tensor) -> tuple[Tensor, Tensor]:
        start = labels.new_full((len(labels), 1), self.module.generation_config.decoder_start_token_id)
        shifted = torch.cat([start, labels[:, :-1]], dim=1)
        mask = (shifted != IGNORED).long()
        shifted = shifted.masked_fill(shifted == IGNORED, self.pad)
        output = self.module(**inputs, decoder_input_ids=shifted, decoder_attention_mask=mask, use_cache=False)
        return output.logits, labels
