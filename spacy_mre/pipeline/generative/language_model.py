"""A Hugging Face model and its tokenizer behind one interface, for training, scoring and generation.

An encoder-decoder reads the source and writes the target; a decoder-only model continues the source.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

from ...encoders.threads import encode
from .allowance import tokens_allowed
from .constraint.token_table import BEGIN, TokenTable
from .settings import DEFAULT_SEPARATOR

# The label of positions without a loss, as in the Hugging Face models.
IGNORED = -100
# The most logits that are computed at once when generated strings are scored: 256 MiB in float32.
MOST_LOGITS = 2**26

# Scores the generated tokens of some rows of a batch.
Score = Callable[[slice, Sequence[Sequence[int]]], Tensor]


class Generated(NamedTuple):
    """The output of a model for one source.

    tokens (list[int]): The tokens, without the end token.
    log_probs (list[float]): The log probability of each token, and of the end token if it was generated, without a
        constraint.
    """

    tokens: list[int]
    log_probs: list[float]


class LanguageModel:
    """A model with its tokenizer: the common part of `Seq2SeqLM` and `CausalLM`.

    module (PreTrainedModel): The model.
    tokenizer (PreTrainedTokenizerBase): Its tokenizer.
    separator (str): The text between source and target of a decoder-only model.
    chat (bool): Ask a decoder-only model in the form of its chat template, without the separator.
    RAISES (ValueError): If `chat` is set, and there is no chat template, or the model is an encoder-decoder.
    """

    kind = ""
    is_served = False

    def __init__(
        self,
        module: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        separator: str = DEFAULT_SEPARATOR,
        chat: bool = False,
    ):
        self.module = module
        self.tokenizer = tokenizer
        self.separator = separator
        self.chat = chat
        # Generation settings saved with a model, such as "never repeat three words", were made for another task.
        module.generation_config = GenerationConfig(
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=self.end,
            pad_token_id=self.pad,
            decoder_start_token_id=_start_token(module),
        )

    @property
    def end(self) -> int:
        """RETURNS (int): The token that ends a target; [SEP] for tokenizers like that of BERT."""
        return self.tokenizer.sep_token_id if self.tokenizer.eos_token_id is None else self.tokenizer.eos_token_id

    @property
    def pad(self) -> int:
        """RETURNS (int): The padding token; the end token if the tokenizer has none."""
        return self.end if self.tokenizer.pad_token_id is None else self.tokenizer.pad_token_id

    @property
    def device(self) -> torch.device:
        """RETURNS (torch.device): The device of the model."""
        return self.module.device

    def source_ids(self, sources: Sequence[str]) -> list[list[int]]:
        """RETURNS (list[list[int]]): The tokens of sources, with the special tokens that the model expects."""
        raise NotImplementedError

    def target_ids(self, targets: Sequence[str]) -> list[list[int]]:
        """RETURNS (list[list[int]]): The tokens of targets, with the end token."""
        return [[*ids, self.end] for ids in self._encode(targets, add_special_tokens=False)]

    def source_limit(self, new_tokens: int) -> int:
        """RETURNS (int): The most tokens of a source, if this number of tokens is to be generated."""
        raise NotImplementedError

    @property
    def target_limit(self) -> int:
        """RETURNS (int): The most tokens that can be generated."""
        raise NotImplementedError

    def allowance(self, source_length: int, text_length: int) -> int:
        """The most tokens of an answer: `tokens_allowed`, if the model has room for them.

        source_length (int): The number of tokens of the source.
        text_length (int): The number of tokens of the text in it.
        RETURNS (int): The allowance, at most what the model has room for.
        """
        return min(tokens_allowed(text_length), self._room(source_length))

    def _room(self, length: int) -> int:
        """The most tokens that can be generated for a source of this length."""
        raise NotImplementedError

    def collate(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> dict[str, Tensor]:
        """Make the tensors of a batch, as the forward pass of the Hugging Face model takes them.

        sources (Sequence[Sequence[int]]): What `source_ids` returns.
        targets (Sequence[Sequence[int]]): What `target_ids` returns.
        RETURNS (dict[str, Tensor]): "labels" contains the target tokens, and -100 at all other positions; rows x
            positions.
        """
        raise NotImplementedError

    def log_probs(self, sources: Sequence[Sequence[int]], targets: Sequence[Sequence[int]]) -> Tensor:
        """Score targets token by token (teacher forcing).

        sources (Sequence[Sequence[int]]): What `source_ids` returns.
        targets (Sequence[Sequence[int]]): What `target_ids` returns.
        RETURNS (Tensor): The log probability of each target token, row after row.
        """
        batch = {name: tensor.to(self.device) for name, tensor in self.collate(sources, targets).items()}
        return self._log_probs_of(batch.pop("labels"), batch)

    @torch.no_grad()
    def generate(
        self,
        sources: Sequence[Sequence[int]],
        *,
        max_new_tokens: int,
        num_beams: int = 1,
        processors: Sequence[Any] = (),
    ) -> list[Generated]:
        """Generate a target for each source, by greedy or beam search.

        sources (Sequence[Sequence[int]]): What `source_ids` returns. They should be of similar length.
        max_new_tokens (int): The most tokens to generate, including the end token.
        num_beams (int): 1 for greedy search. Default: 1.
        processors (Sequence[LogitsProcessor]): Constraints, which change the logits before a token is chosen.
        RETURNS (list[Generated]): In the order of the sources.
        """
        self.module.eval()
        inputs = {name: tensor.to(self.device) for name, tensor in self._source_tensors(sources).items()}
        inputs, score = self._begin(sources, inputs)
        # Beams compete by the probability of the whole string, not by the mean over its tokens.
        options = {"length_penalty": 0.0} if num_beams > 1 else {}
        output = self.module.generate(
            **inputs,
            **options,
            max_new_tokens=max_new_tokens,
            num_beams=num_beams,
            do_sample=False,
            pad_token_id=self.end,  # a BERT decoder warns about its own padding token
            logits_processor=list(processors),
        )
        rows = [self._until_end(row) for row in self._new_tokens(output, inputs).tolist()]
        size = max(1, MOST_LOGITS // (self.table.size * max(map(len, rows))))
        generated = []
        for first in range(0, len(rows), size):
            part = rows[first : first + size]
            log_probs = score(slice(first, first + size), part).tolist()
            start = 0
            for row in part:
                tokens = row[:-1] if row[-1:] == [self.end] else row
                generated.append(Generated(tokens, log_probs[start : start + len(row)]))
                start += len(row)
        return generated

    @cached_property
    def table(self) -> TokenTable:
        """RETURNS (TokenTable): The string of each token."""
        return TokenTable.of(self.tokenizer)

    def decode(self, tokens: Sequence[int]) -> str:
        """RETURNS (str): The string of a sequence of tokens."""
        return self.table.decode(tokens)

    def spell(self, string: str) -> str:
        """RETURNS (str): The string as the tokenizer can write it: in lower case, if it is uncased."""
        return self.table.surface(string).string.strip()

    def ends_of(self, tokens: Sequence[int]) -> list[int]:
        """RETURNS (list[int]): The number of bytes of the string up to the end of each token."""
        ends, context = [0], BEGIN
        for token in tokens:
            written = self.table.writes(token, context)
            if written:
                # Only WordPiece depends on the previous character, and its tokens are whole characters.
                context = self.table.context_after(written.decode("utf8", "replace")[-1])
            ends.append(ends[-1] + len(written))
        return ends[1:]

    def _encode(self, texts: Sequence[str], **options: Any) -> list[list[int]]:
        if not texts:
            return []
        # "</s>" within a text must not end it.
        return encode(self.tokenizer, list(texts), split_special_tokens=True, **options)["input_ids"]

    def _until_end(self, row: list[int]) -> list[int]:
        return row[: row.index(self.end) + 1] if self.end in row else row

    def _log_probs_of(self, labels: Tensor, inputs: dict[str, Any]) -> Tensor:
        logits, labels = self._logits(inputs, labels)
        wanted = labels != IGNORED
        return -F.cross_entropy(logits[wanted].float(), labels[wanted], reduction="none")

    def _begin(self, sources: Sequence[Sequence[int]], inputs: dict[str, Tensor]) -> tuple[dict[str, Any], Score]:
        """The inputs of `generate`, and a function that scores the generated rows."""
        raise NotImplementedError

    def _source_tensors(self, sources: Sequence[Sequence[int]]) -> dict[str, Tensor]:
        raise NotImplementedError

    def _new_tokens(self, output: Tensor, inputs: dict[str, Any]) -> Tensor:
        raise NotImplementedError

    def _logits(self, inputs: dict[str, Tensor], labels: Tensor) -> tuple[Tensor, Tensor]:
        raise NotImplementedError


def position_limit(config: Any) -> int:
    """The number of positions of a model. T5 has relative positions; its published length is used.

    config (PretrainedConfig): The configuration of the model, or of its encoder or decoder.
    RETURNS (int): The limit.
    """
    for name in ("max_position_embeddings", "n_positions"):
        if isinstance(getattr(config, name, None), int):
            return getattr(config, name)
    return 512


def _start_token(module: PreTrainedModel) -> int | None:
    """The first input token of the decoder of an encoder-decoder."""
    for config in (module.config, getattr(module, "generation_config", None)):
        token = getattr(config, "decoder_start_token_id", None)
        if token is not None:
            return token
    return None
