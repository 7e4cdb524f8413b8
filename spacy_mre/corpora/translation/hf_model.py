"""A language model in a folder of Hugging Face: texts in, texts out. Nothing is downloaded."""

from collections.abc import Sequence
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from ...errors import Errors
from .engine import Answer, NoAnswer

# Texts that are computed at the same time.
BATCH_SIZE = 32


class HfModel:
    """A causal model with a chat template, or a seq2seq model.

    folder (Path): The folder of the model and its tokenizer.
    gpu (int): The GPU, or -1 for the CPU.
    max_tokens (int): The limit of tokens of an answer.
    RAISES (ValueError): If transformers is not installed, or the folder has no such model.
    """

    def __init__(self, folder: Path, gpu: int, max_tokens: int) -> None:
        try:
            import torch
            from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer
        except ImportError:
            raise ValueError(Errors.M280) from None
        options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            config = AutoConfig.from_pretrained(folder, **options)
            loader: Any = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
            # In half precision a CPU is slow.
            model = loader.from_pretrained(folder, torch_dtype=torch.float32 if gpu < 0 else "auto", **options)
            self.tokenizer: Any = AutoTokenizer.from_pretrained(folder, **options)
        except (OSError, ValueError, KeyError, ImportError) as err:
            raise ValueError(Errors.M281.format(folder=folder, reason=" ".join(str(err).split()))) from None
        self.is_causal = not config.is_encoder_decoder
        if self.is_causal and not self.tokenizer.chat_template:
            raise ValueError(Errors.M281.format(folder=folder, reason="it has no chat template"))
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.tokenizer.padding_side = "left" if self.is_causal else "right"
        self.kind: str = config.model_type
        self._device = torch.device("cpu" if gpu < 0 else f"cuda:{gpu}")
        self._model = model.to(self._device).eval()
        self._max_tokens = max_tokens
        # Models with relative positions have no limit.
        self._positions: int | None = getattr(config, "max_position_embeddings", None)

    def generate(self, texts: Sequence[str], first_token: int | None = None) -> list[Answer | NoAnswer]:
        """Continue or translate texts: at each step, the most probable token.

        texts (Sequence[str]): The texts.
        first_token (Optional[int]): What each answer begins with, which is no part of it. Default: None.
        RETURNS (list[Answer | NoAnswer]): What is written for each; NoAnswer if the text is too long for the model.
        RAISES (ValueError): If the GPU has too little memory.
        """
        found: list[Answer | NoAnswer] = [NoAnswer()] * len(texts)
        lengths = [len(ids) for ids in self._encode(texts)["input_ids"]]
        order = []
        for index in sorted(range(len(texts)), key=lengths.__getitem__):
            if self._room(lengths[index]) < 1:
                told = f"{lengths[index]:,} tokens, and the model reads at most {self._positions:,}"
                found[index] = NoAnswer(f"too long: {told}")
            else:
                order.append(index)
        for start in range(0, len(order), BATCH_SIZE):
            batch = order[start : start + BATCH_SIZE]
            answers = self._generate([texts[index] for index in batch], first_token)
            for index, answer in zip(batch, answers, strict=True):
                found[index] = answer
        return found

    def _encode(self, texts: Sequence[str], **options: Any) -> Any:
        # A chat template writes the special tokens itself.
        return self.tokenizer(list(texts), add_special_tokens=not self.is_causal, **options)

    def _room(self, length: int) -> int:
        """How many tokens an answer may have."""
        if self._positions is None:
            return self._max_tokens
        if self.is_causal:
            return min(self._max_tokens, self._positions - length)
        return min(self._max_tokens, self._positions - 1) if length <= self._positions else 0

    def _generate(self, texts: Sequence[str], first_token: int | None) -> list[Answer]:
        import torch

        encoded = self._encode(texts, padding=True, return_tensors="pt").to(self._device)
        inputs = {name: encoded[name] for name in ("input_ids", "attention_mask")}
        width = inputs["input_ids"].shape[1]
        options: dict[str, Any] = {"max_new_tokens": self._room(width), "pad_token_id": self.tokenizer.pad_token_id}
        if first_token is not None:
            options["forced_bos_token_id"] = first_token
        # The folder may have settings for sampling, which do not belong to temperature 0.
        options |= {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        try:
            with torch.inference_mode():
                written = self._model.generate(**inputs, **options)
        except torch.OutOfMemoryError:
            raise ValueError(Errors.M283.format(count=len(texts))) from None
        ends = self._model.generation_config.eos_token_id
        ends = set(ends if isinstance(ends, list) else [ends])
        # A seq2seq model begins with a token of its own, and that of the language is no special one for all tokenizers.
        begin = width if self.is_causal else 1 + (first_token is not None)
        rows = written[:, begin:].tolist()
        return [
            self._read(row, ends, int(read)) for row, read in zip(rows, inputs["attention_mask"].sum(1), strict=True)
        ]

    def _read(self, row: list[int], ends: set[int], prompt_tokens: int) -> Answer:
        end = next((position for position, token in enumerate(row) if token in ends), None)
        text = self.tokenizer.decode(row[:end], skip_special_tokens=True)
        return Answer(text, end is None, False, prompt_tokens, len(row) if end is None else end + 1)


def digest_of(folder: Path) -> str:
    """RETURNS (str): A digest of the files of a folder, so that another model of the same name is another one.

    folder (Path): The folder.
    """
    found = sha256()
    for path in sorted(path for path in Path(folder).iterdir() if path.is_file()):
        with path.open("rb") as file:
            found.update(path.name.encode("utf8") + file_digest(file, "sha256").digest())
    return found.hexdigest()[:12]
