"""The settings of a training."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal, get_type_hints

from transformers import SchedulerType

from ....errors import Errors
from ....settings import NotNegative, Positive, Probability, Rate, check_setting
from ..checkpoints import DTYPES
from ..settings import DEFAULT_SEPARATOR

CONFIG_SUFFIX = ".json"
ALL_LINEAR = "all-linear"

Attention = Literal["", "eager", "sdpa", "flash_attention_2"]
Tracker = Literal["none", "tensorboard", "wandb", "mlflow"]
# The packages of values that need one.
PACKAGES = {
    ("attn_implementation", "flash_attention_2"): "flash_attn",
    ("report_to", "tensorboard"): "tensorboard",
    ("report_to", "wandb"): "wandb",
    ("report_to", "mlflow"): "mlflow",
}


@dataclass(frozen=True)
class Recipe:
    """The settings of a training.

    model (str): A name, folder or pipeline (see `spacy_mre.Seq2SeqLM.v1`), or a JSON file for a model from scratch:
        "kind" ("seq2seq" or "causal"), "config" and optionally "tokenizer".
    separator (str): The text between input and output of a decoder-only model, if the model folder does not define it.
    chat (bool): Ask an instruct model in the form of its chat template: the input is the user's turn, and the output
        the assistant's.
    epochs (float): Passes over the training data. Default: 3, as in OIELLM.
    max_steps (int): Stop after this number of updates; 0 for no limit.
    batch_size (int): Rows per forward pass and device.
    accumulate (int): Forward passes per update.
    max_length (int): Leave out rows of more tokens, input and output together; 0 for no limit but that of the model.
    group_by_length (bool): Make batches of rows of similar length, with less padding.
    learn_rate (Optional[float]): The highest learning rate. Default: see `rate`.
    schedule (str): How the learning rate decays, by its name in Hugging Face. Default: "linear".
    warmup (float): The share of updates in which the learning rate rises.
    weight_decay (float): The weight decay of AdamW, which is not applied to biases and norms.
    lora_rank (int): Train low-rank adapters of this rank (LoRA, Hu et al. 2021), and merge them at the end. 0 trains
        all weights instead.
    lora_alpha (int): Adapters are scaled by alpha / rank; 0 for twice the rank.
    lora_targets (str): The linear layers with adapters, by the last part of their names, with commas. Default: all but
        the output layer, as QLoRA recommends (Dettmers et al. 2023).
    lora_dropout (float): The dropout before an adapter.
    load_in_4bit (bool): Train adapters on weights in 4 bits (QLoRA): NF4 with double quantization, computed in
        bfloat16, with a paged optimizer on a GPU. They are merged into the weights in bfloat16.
    dtype (str): The type of the weights. "bfloat16" halves their memory, if only adapters are trained.
    bf16 (bool): Compute in bfloat16 where it is safe.
    attn_implementation (str): How attention is computed: "eager", "sdpa" or "flash_attention_2". Default: the choice of
        transformers.
    gradient_checkpointing (bool): Compute activations twice instead of storing them.
    save_steps (int): Updates between two checkpoints.
    dev_texts (int): The most dev rows for which strings are generated at a checkpoint; 0 for all.
    report_to (str): Where the Trainer reports the losses and scores: "tensorboard", "wandb" or "mlflow".
    seed (int): The seed of the order of rows, of new weights and of dropout.
    """

    model: str
    separator: str = DEFAULT_SEPARATOR
    chat: bool = False
    epochs: float = 3.0
    max_steps: NotNegative = 0
    batch_size: Positive = 8
    accumulate: Positive = 1
    max_length: NotNegative = 0
    group_by_length: bool = False
    learn_rate: float | None = None
    schedule: str = "linear"
    warmup: Probability = 0.03
    weight_decay: float = 0.0
    lora_rank: NotNegative = 0
    lora_alpha: NotNegative = 0
    lora_targets: str = ALL_LINEAR
    lora_dropout: Rate = 0.05
    load_in_4bit: bool = False
    dtype: str = "float32"
    bf16: bool = False
    attn_implementation: Attention = ""
    gradient_checkpointing: bool = False
    save_steps: Positive = 500
    dev_texts: NotNegative = 200
    report_to: Tracker = "none"
    seed: int = 0

    @property
    def is_from_scratch(self) -> bool:
        """RETURNS (bool): Whether the model is made from a config."""
        return self.model.endswith(CONFIG_SUFFIX)

    @property
    def rate(self) -> float:
        """RETURNS (float): The learning rate: 2e-4 for adapters, as in QLoRA; 1e-5 for all weights of a trained model,
        as in OIELLM; 1e-3 for a model from scratch, as in the config `oiellm`."""
        if self.learn_rate is not None:
            return self.learn_rate
        if self.lora_rank:
            return 2e-4
        return 1e-3 if self.is_from_scratch else 1e-5

    @property
    def weights_dtype(self) -> str:
        """RETURNS (str): The type of the weights that are not in 4 bits, and of a merged model."""
        return "bfloat16" if self.load_in_4bit else self.dtype

    @property
    def computes_in_bf16(self) -> bool:
        """RETURNS (bool): Whether activations are in bfloat16 where it is safe."""
        return self.bf16 or self.load_in_4bit


def check_recipe(recipe: Recipe, *, packages: bool = True) -> None:
    """Check the settings.

    recipe (Recipe): The settings.
    packages (bool): Check also that the packages are installed. Default: True.
    RAISES (ValueError): If one has a value that is not allowed, or that does not go with another, or needs a package
        that is not installed.
    """
    for name, annotation in get_type_hints(Recipe, include_extras=True).items():
        check_setting(name, getattr(recipe, name), annotation)
    for setting, allowed in (("dtype", DTYPES), ("schedule", [kind.value for kind in SchedulerType])):
        if getattr(recipe, setting) not in allowed:
            value = getattr(recipe, setting)
            raise ValueError(Errors.M001.format(setting=setting, value=value, allowed=", ".join(allowed)))
    if recipe.is_from_scratch and recipe.lora_rank:
        raise ValueError(Errors.M945)
    if recipe.load_in_4bit and not recipe.lora_rank:
        raise ValueError(Errors.M974)
    if recipe.dtype != "float32" and not recipe.lora_rank:
        raise ValueError(Errors.M970.format(dtype=recipe.dtype))
    if packages:
        _check_packages(recipe)


def _check_packages(recipe: Recipe) -> None:
    for (setting, value), package in PACKAGES.items():
        if getattr(recipe, setting) == value:
            _check_package(f"{setting} = {value}", package, package.replace("_", "-"))
    if recipe.load_in_4bit:
        _check_package("--load-in-4bit", "bitsandbytes", "'spacy-mre[qlora]'")
    if recipe.lora_rank:
        _check_package("--lora-rank", "peft", "'spacy-mre[generative]'")


def _check_package(what: str, package: str, install: str) -> None:
    if find_spec(package) is None:
        raise ValueError(Errors.M973.format(what=what, package=package, install=install))
