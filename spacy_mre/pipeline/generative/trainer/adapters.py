"""Adapters: LoRA on weights in full precision or in 4 bits (QLoRA), and their way into the weights."""

from pathlib import Path
from typing import Any

import torch
from transformers import BitsAndBytesConfig

from ....errors import Errors
from ..language_model import LanguageModel
from .recipe import ALL_LINEAR, Recipe


def four_bits() -> BitsAndBytesConfig:
    """RETURNS (BitsAndBytesConfig): The quantization of QLoRA (Dettmers et al. 2023, arXiv 2305.14314)."""
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def with_adapters(module: torch.nn.Module, recipe: Recipe, kind: str) -> torch.nn.Module:
    """Add adapters to a model. Only they are trained.

    module (PreTrainedModel): The model, which is changed in place.
    recipe (Recipe): The settings.
    kind (str): "seq2seq" or "causal".
    RETURNS (PeftModel): The model with adapters.
    RAISES (ValueError): If the model does not have the layers.
    """
    from peft import LoraConfig, get_peft_model

    targets: Any = recipe.lora_targets
    if targets != ALL_LINEAR:
        targets = [name.strip() for name in targets.split(",")]
        names = {name.rpartition(".")[2] for name, layer in module.named_modules() if is_linear(layer)}
        unknown = [name for name in targets if name not in names]
        if unknown:
            raise ValueError(Errors.M975.format(targets=", ".join(unknown), names=", ".join(sorted(names))))
    config = LoraConfig(
        r=recipe.lora_rank,
        lora_alpha=recipe.lora_alpha or 2 * recipe.lora_rank,
        lora_dropout=recipe.lora_dropout,
        target_modules=targets,
        task_type="SEQ_2_SEQ_LM" if kind == "seq2seq" else "CAUSAL_LM",
    )
    return get_peft_model(module, config)


def is_linear(layer: torch.nn.Module) -> bool:
    """RETURNS (bool): Whether a layer is linear: of torch, or Conv1D, which is the same in GPT-2."""
    return isinstance(layer, torch.nn.Linear) or type(layer).__name__ == "Conv1D"


def merge_adapters(lm: LanguageModel, folder: Path) -> None:
    """Add the adapters in a folder to the weights of a model, layer by layer and in place, so that the weights are in
    memory once.

    lm (LanguageModel): The model that the adapters were trained on.
    folder (Path): The folder.
    """
    from peft import PeftModel

    lm.module = PeftModel.from_pretrained(lm.module, str(folder)).merge_and_unload()
