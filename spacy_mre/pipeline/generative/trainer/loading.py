"""The model that a training starts from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import srsly

from ....errors import Errors
from ..checkpoints import load_language_model, make_pretrained
from ..language_model import LanguageModel
from ..rows import Row
from .adapters import four_bits
from .recipe import Recipe


def load_base(recipe: Recipe, rows: Sequence[Row], *, for_training: bool = True) -> LanguageModel:
    """Load the model, or make one from scratch.

    recipe (Recipe): The settings.
    rows (Sequence[tuple[str, str]]): The training data of a new tokenizer.
    for_training (bool): Load it in 4 bits, if the settings say so; otherwise as adapters are merged into it. Default:
        True.
    RETURNS (LanguageModel): The model.
    RAISES (ValueError): If there is no such model, or it cannot be loaded in this way.
    """
    settings: dict[str, Any] = {"dtype": recipe.weights_dtype, "separator": recipe.separator}
    if recipe.attn_implementation:
        settings["attn_implementation"] = recipe.attn_implementation
    if recipe.is_from_scratch:
        made = read_config(recipe)
        if recipe.chat:
            raise ValueError(Errors.M972.format(reason="it is made from scratch"))
        return make_pretrained([text for row in rows for text in row], **made, **settings).lm
    if recipe.load_in_4bit and for_training:
        settings["quantization_config"] = four_bits()
    return load_language_model(recipe.model, chat=recipe.chat, **settings)


def read_config(recipe: Recipe) -> dict[str, Any]:
    """Read the JSON file of a model from scratch.

    recipe (Recipe): The settings.
    RETURNS (dict[str, Any]): "kind", "config" and optionally "tokenizer".
    RAISES (ValueError): If there is no such file, or it contains something else.
    """
    if not Path(recipe.model).is_file():
        raise ValueError(Errors.M932.format(name=recipe.model, reason="there is no such file"))
    made = srsly.read_json(recipe.model)
    if not isinstance(made, dict) or not {"kind", "config"} <= set(made) <= {"kind", "config", "tokenizer"}:
        reason = f"{recipe.model} must contain 'kind', 'config' and optionally 'tokenizer'"
        raise ValueError(Errors.M937.format(reason=reason))
    return made
