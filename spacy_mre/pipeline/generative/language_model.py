"""A Hugging Face model and its tokenizer as two questions: how likely is this target, and which target would you write?

An encoder-decoder reads the source and writes the target; a decoder-only model continues the source. Everything else
is the same. Training, scoring and writing see the same tokens.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from inspect import signature
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers.modeling_outputs import BaseModelOutput

from .batches import padded
from .constraint.token_table import BEGIN, TokenTable

IGNORED = -100
# A quarter of a gigabyte.
MOST_LOGITS = 2**26

Score = Callable[[slice, Sequence[Sequence[int]]], Tensor]
# Between source and target of a decoder-only model: no template writes a line break.
DEFAULT_SEPARATOR = "\n"


class Written(NamedTuple):
    """What a model wrote for one source.

    tokens (list[int]): Without the end token.
    log_probs (list[float]): The log probability that the model, free of constraints, gives each token, and then the
        end if it came.
    """

    tokens: list[int]
    log_probs: list[float]


class LanguageModel:
    """What both kinds share.

    module (PreTrainedModel): The model.
    tokenizer (PreTrainedTokenizerBase): Its tokenizer.
    separator (str): What a decoder-only model reads between source and target.
    """

    kind = ""

    def __init__(self, module: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, separator: str = DEFAULT_SEPARATOR):
        self.module = module
        self.tokenizer = tokenizer
        self.separator = separator
        # Settings that came with a model, such as "never repeat three words", are those of another task.
        module.generation_config = GenerationConfig(
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=self.end,
            pad_token_id=self.pad,
            decoder_start_token_id=_start_token(module),
        )

    @property
    def end(self) -> int:
        """The token that ends a target. A BERT-like tokenizer has [SEP] for it."""
        return self.tokenizer.sep_token_id if self.tokenizer.eos_token_id is None else self.tokenizer.eos_token_id

    @property
    def pad(self) -> int:
        return self.end if self.tokenizer.pad_token_id is None else self.tokenizer.pad_token_id

    @property
    def device(self) -> torch.device:
        return self.module.device

    def source_ids(self, sources: Sequence[str]) -> list[list[int]]:
        """The tokens of some sources, with all that the model expects around them."""
        raise NotImplementedError

    def target_ids(self, targets: Sequence[str]) -> list[list[int]]:
        """The tokens of some targets, with the end token."""
        return [[*ids, self.end] for ids in self._encode(targets, add_special_tokens=False)]

    def source_limit(self, new_tokens: int) -> int:
        """How long a source may be if so many tokens are to be written."""
        raise NotImplementedError

    @property
    def target_limit(self) -> int:
        """How many tokens can be written at most."""
        raise NotImplementedError

    def allowance(self, source_length: int, text_length: int) -> int:
        """How many tokens to allow for an answer: 64, and two for each token of the text, in steps of 64, so that a
        text has the same allowance in any batch. A rule of ours; a model may have room for fewer.

        source_length (int): The tokens of the source.
        text_length (int): The tokens of the text in it.
        RETURNS (int): The allowance.
        """
        return min(64 * (2 + (2 * text_length - 1) // 64), self._room(source_length))

    def _room(self, length: int) -> int:
        raise NotImplementedError

    def collate(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> dict[str, Tensor]:
        """Make the tensors of a batch, as the forward pass of the Hugging Face model takes them.

        sources (Sequence[Sequence[int]]): As `source_ids` gives them.
        targets (Sequence[Sequence[int]]): As `target_ids` gives them.
        RETURNS (dict[str, Tensor]): "labels" are those tokens that are to be predicted, and -100 everywhere else;
            rows x positions.
        """
        raise NotImplementedError

    def log_probs(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Tensor:
        """How likely the targets are, token by token (teacher forcing).

        sources (Sequence[Sequence[int]]): As `source_ids` gives them.
        targets (Sequence[Sequence[int]]): As `target_ids` gives them.
        RETURNS (Tensor): One log probability per target token, rows one after the other.
        """
        batch = {name: tensor.to(self.device) for name, tensor in self.collate(sources, targets).items()}
        return self._log_probs_of(batch.pop("labels"), batch)

    @torch.no_grad()
    def write(
        self,
        sources: Sequence[Sequence[int]],
        *,
        max_new_tokens: int,
        num_beams: int = 1,
        processors: Sequence[Any] = (),
    ) -> list[Written]:
        """Write a target for every source: greedily, or by beam search.

        sources (Sequence[Sequence[int]]): As `source_ids` gives them. They should be of similar length.
        max_new_tokens (int): The most tokens to write, the end token among them.
        num_beams (int): 1 for greedy search.
        processors (Sequence[LogitsProcessor]): Constraints; they see the scores before anything is chosen.
        RETURNS (list[Written]): In the order of the sources.
        """
        self.module.eval()
        inputs = {name: tensor.to(self.device) for name, tensor in self._source_tensors(sources).items()}
        inputs, score = self._begin(sources, inputs)
        output = self.module.generate(
            **inputs,
            max_new_tokens=max_new_tokens,
            num_beams=num_beams,
            do_sample=False,
            **(
                {"length_penalty": 0.0} if num_beams > 1 else {}
            ),  # the likeliest string, not that with the likeliest tokens
            pad_token_id=self.end,  # a BERT decoder that reads its own padding warns of it
            logits_processor=list(processors),
        )
        rows = [self._until_end(row) for row in self._new_tokens(output, inputs).tolist()]
        # As many rows at once as have room: their logits are as wide as the vocabulary.
        size = max(1, MOST_LOGITS // (self.table.size * max(map(len, rows))))
        slices = [slice(first, first + size) for first in range(0, len(rows), size)]
        log_probs = iter([log_prob for part in slices for log_prob in score(part, rows[part]).tolist()])
        return [Written(row[:-1] if row[-1:] == [self.end] else row, [next(log_probs) for _ in row]) for row in rows]

    @cached_property
    def table(self) -> TokenTable:
        """What every token writes."""
        return TokenTable.of(self.tokenizer)

    def decode(self, tokens: Sequence[int]) -> str:
        """The string that some tokens write."""
        return self.table.decode(tokens)

    def spell(self, string: str) -> str:
        """A word as the tokenizer can write it: an uncased one, for instance, in small letters."""
        return self.table.surface(string).string.strip()

    def ends_of(self, tokens: Sequence[int]) -> list[int]:
        """How many bytes are written behind each of some tokens."""
        ends, context = [0], BEGIN
        for token in tokens:
            written = self.table.writes(token, context)
            if written:
                # Only WordPiece, which writes whole characters, asks for the one before.
                context = self.table.context_after(written.decode("utf8", "replace")[-1])
            ends.append(ends[-1] + len(written))
        return ends[1:]

    def _encode(self, texts: Sequence[str], **options: Any) -> list[list[int]]:
        # A text that happens to hold "</s>" must not end there.
        return (
            self.tokenizer(list(texts), split_special_tokens=True, verbose=False, **options)["input_ids"]
            if texts
            else []
        )

    def _until_end(self, row: list[int]) -> list[int]:
        return row[: row.index(self.end) + 1] if self.end in row else row

    def _log_probs_of(self, labels: Tensor, inputs: dict[str, Any]) -> Tensor:
        logits, labels = self._logits(inputs, labels)
        wanted = labels != IGNORED
        return -F.cross_entropy(logits[wanted].float(), labels[wanted], reduction="none")

    def _begin(self, sources: Sequence[Sequence[int]], inputs: dict[str, Tensor]) -> tuple[dict[str, Any], Score]:
        """What `generate` reads, and a function that scores some of the rows afterwards."""
        raise NotImplementedError

    def _source_tensors(self, sources: Sequence[Sequence[int]]) -> dict[str, Tensor]:
        raise NotImplementedError

    def _new_tokens(self, output: Tensor, inputs: dict[str, Any]) -> Tensor:
        raise NotImplementedError

    def _logits(self, inputs: dict[str, Tensor], labels: Tensor) -> tuple[Tensor, Tensor]:
        raise NotImplementedError


class Seq2SeqLM(LanguageModel):
    """An encoder-decoder."""

    kind = "seq2seq"

    def source_ids(self, sources: Sequence[str]) -> list[list[int]]:
        return self._encode(sources)

    def source_limit(self, new_tokens: int) -> int:
        return min(
            _positions(getattr(self.module.config, "encoder", self.module.config)), self.tokenizer.model_max_length
        )

    @property
    def target_limit(self) -> int:
        return min(
            _positions(getattr(self.module.config, "decoder", self.module.config)), self.tokenizer.model_max_length
        )

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
        # The sources are encoded once, for writing and for scoring.
        states, mask = self.module.get_encoder()(**inputs).last_hidden_state, inputs["attention_mask"]

        def score(part: slice, rows: Sequence[Sequence[int]]) -> Tensor:
            labels = padded(rows, IGNORED).to(self.device)
            return self._log_probs_of(
                labels, {"encoder_outputs": BaseModelOutput(states[part]), "attention_mask": mask[part]}
            )

        return {"encoder_outputs": BaseModelOutput(states), "attention_mask": mask}, score

    def _new_tokens(self, output: Tensor, inputs: dict[str, Any]) -> Tensor:
        return output[:, 1:]

    def _logits(self, inputs: dict[str, Tensor], labels: Tensor) -> tuple[Tensor, Tensor]:
        begun = labels.new_full((len(labels), 1), self.module.generation_config.decoder_start_token_id)
        read = torch.cat([begun, labels[:, :-1]], dim=1)
        mask = (read != IGNORED).long()
        read = read.masked_fill(read == IGNORED, self.pad)
        return self.module(
            **inputs, decoder_input_ids=read, decoder_attention_mask=mask, use_cache=False
        ).logits, labels


class CausalLM(LanguageModel):
    """A decoder-only model. Rows are padded in front, so that all targets end together."""

    kind = "causal"

    def source_ids(self, sources: Sequence[str]) -> list[list[int]]:
        # Some tokenizers end every text; this one goes on.
        rows = self._encode([source + self.separator for source in sources])
        return [row[:-1] if row and row[-1] == self.end else row for row in rows]

    def source_limit(self, new_tokens: int) -> int:
        return self.target_limit - new_tokens

    @property
    def target_limit(self) -> int:
        return min(_positions(self.module.config), self.tokenizer.model_max_length)

    def _room(self, length: int) -> int:
        # A long source must leave a quarter of the positions for the answer.
        return max(self.target_limit - length, self.target_limit // 4)

    def collate(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> dict[str, Tensor]:
        rows = [[*source, *target] for source, target in zip(sources, targets)]
        labels = [[IGNORED] * len(source) + list(target) for source, target in zip(sources, targets)]
        return {**self._source_tensors(rows), "labels": padded(labels, IGNORED, front=True)}

    def _source_tensors(self, sources: Sequence[Sequence[int]]) -> dict[str, Tensor]:
        mask = padded([[1] * len(row) for row in sources], 0, front=True)
        places = (mask.cumsum(dim=1) - 1).clamp(min=0)
        return {"input_ids": padded(sources, self.pad, front=True), "attention_mask": mask, "position_ids": places}

    def _begin(self, sources: Sequence[Sequence[int]], inputs: dict[str, Tensor]) -> tuple[dict[str, Any], Score]:
        # generate() counts positions itself.
        given = {name: inputs[name] for name in ("input_ids", "attention_mask")}
        return given, lambda part, rows: self.log_probs(sources[part], rows)

    def _new_tokens(self, output: Tensor, inputs: dict[str, Any]) -> Tensor:
        return output[:, inputs["input_ids"].shape[1] :]

    def _logits(self, inputs: dict[str, Tensor], labels: Tensor) -> tuple[Tensor, Tensor]:
        # Targets are shorter than sources, and logits are as wide as the vocabulary.
        kept = int((labels != IGNORED).any(dim=0).sum())
        options = {"logits_to_keep": kept + 1} if "logits_to_keep" in signature(self.module.forward).parameters else {}
        logits = self.module(**inputs, use_cache=False, **options).logits
        return logits[:, -kept - 1 : -1], labels[:, labels.shape[1] - kept :]


KINDS = {kind.kind: kind for kind in (Seq2SeqLM, CausalLM)}


def _positions(config: Any) -> int:
    """How many positions a model has. T5 counts distances instead; its published length is kept to."""
    for name in ("max_position_embeddings", "n_positions"):
        if isinstance(getattr(config, name, None), int):
            return getattr(config, name)
    return 512


def _start_token(module: PreTrainedModel) -> int | None:
    """The token before every target of an encoder-decoder."""
    for config in (module.config, getattr(module, "generation_config", None)):
        token = getattr(config, "decoder_start_token_id", None)
        if token is not None:
            return token
    return None
