"""Training of large language models with the Hugging Face Trainer, on rows of input and output. The result is a model
folder for `slg` or `oiellm`.

It runs on a CPU, on a GPU and, with `accelerate launch`, on several GPUs.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import srsly
import torch
from transformers import SchedulerType, Trainer, TrainerCallback, TrainingArguments, set_seed
from transformers.trainer_utils import get_last_checkpoint

from ...errors import Errors
from ...files import replacing, replacing_files
from .checkpoints import (
    DTYPES,
    FORMAT_FILE,
    load_language_model,
    make_pretrained,
    save_language_model,
    save_settings,
)
from .format_files import format_path, load_formats, save_formats
from .language_model import LanguageModel
from .rows import Row, TokenizedRow, read_rows, tokenize_rows
from .settings import DEFAULT_SEPARATOR

CONFIG_SUFFIX = ".json"
RUN_FILE = "run.json"
ADAPTER_FOLDER = "adapter"


@dataclass(frozen=True)
class Recipe:
    """The settings of a training.

    model (str): A name, folder or pipeline (see `spacy_mre.Seq2SeqLM.v1`), or a JSON file for a model from scratch:
        "kind" ("seq2seq" or "causal"), "config" and optionally "tokenizer".
    separator (str): The text between input and output of a decoder-only model, if the model folder does not define it.
    epochs (float): Passes over the training data. Default: 3, as in OIELLM.
    max_steps (int): Stop after this number of updates; 0 for no limit.
    batch_size (int): Rows per forward pass and device.
    accumulate (int): Forward passes per update.
    learn_rate (float): The highest learning rate. Default: 1e-5, as in OIELLM; 1e-4 is usual with LoRA.
    schedule (str): How the learning rate decays, by its name in Hugging Face. Default: "linear".
    warmup (float): The share of updates in which the learning rate rises.
    weight_decay (float): The weight decay of AdamW, which is not applied to biases and norms.
    lora_rank (int): Train low-rank adapters of this rank for all linear layers (LoRA, Hu et al. 2021), and merge them
        at the end. 0 trains all weights instead.
    lora_alpha (int): Adapters are scaled by alpha / rank; 0 for twice the rank.
    dtype (str): The type of the weights. "bfloat16" halves their memory, if only adapters are trained.
    bf16 (bool): Compute in bfloat16 where it is safe.
    gradient_checkpointing (bool): Compute activations twice instead of storing them.
    save_steps (int): Updates between two checkpoints.
    seed (int): The seed of the order of rows, of new weights and of dropout.
    """

    model: str
    separator: str = DEFAULT_SEPARATOR
    epochs: float = 3.0
    max_steps: int = 0
    batch_size: int = 8
    accumulate: int = 1
    learn_rate: float = 1e-5
    schedule: str = "linear"
    warmup: float = 0.03
    weight_decay: float = 0.0
    lora_rank: int = 0
    lora_alpha: int = 0
    dtype: str = "float32"
    bf16: bool = False
    gradient_checkpointing: bool = False
    save_steps: int = 500
    seed: int = 0


def train_generative(
    recipe: Recipe,
    train: Path,
    output: Path,
    *,
    dev: Path | None = None,
    resume: bool = True,
    progress: bool = True,
    callbacks: Sequence[TrainerCallback] = (),
) -> dict[str, Any]:
    """Train a language model.

    recipe (Recipe): The settings.
    train (Path): JSON lines with "input" and "output". If the file of their format is next to them, as the command
        `strings` writes it, it is copied to the model folder, from which the components read the labels.
    output (Path): The folder of the model and its checkpoints.
    dev (Optional[Path]): JSON lines whose loss is computed at each checkpoint.
    resume (bool): Continue from the last checkpoint in `output`, if there is one; otherwise checkpoints in it are an
        error. Default: True.
    progress (bool): Show a progress bar. Default: True.
    callbacks (Sequence[TrainerCallback]): Callbacks of the Trainer.
    RETURNS (dict[str, Any]): "steps", "rows", "left_out", "train_loss", "seconds" and, with dev rows, "dev_loss".
    RAISES (ValueError): If a row is malformed, there is no such model, a setting has an unknown value, `output`
        contains checkpoints of another training, or a loss or the weights are not finite.
    """
    _check_choice("dtype", recipe.dtype, DTYPES)
    _check_choice("schedule", recipe.schedule, [kind.value for kind in SchedulerType])
    output.mkdir(parents=True, exist_ok=True)
    arguments = _arguments(recipe, output, progress, dev is not None)
    checkpoint = _checkpoint(recipe, train, output, resume, is_first_process=arguments.process_index == 0)
    rows = read_rows(train)
    dev_rows = None if dev is None else read_rows(dev)
    set_seed(recipe.seed)
    lm = _load(recipe, rows)
    kept, left_out = tokenize_rows(lm, rows, train)
    dev_kept = None if dev is None or dev_rows is None else tokenize_rows(lm, dev_rows, dev)[0]
    model = _with_adapters(lm, recipe) if recipe.lora_rank else lm.module

    def collate(batch: list[TokenizedRow]) -> dict[str, torch.Tensor]:
        return lm.collate([source for source, _ in batch], [target for _, target in batch])

    trainer = _CheckedTrainer(
        model=model,
        args=arguments,
        data_collator=collate,
        train_dataset=kept,
        eval_dataset=dev_kept,
        callbacks=list(callbacks),
    )
    result = trainer.train(resume_from_checkpoint=checkpoint)
    trainer.check_weights()
    summary = {
        "steps": trainer.state.global_step,
        "rows": len(kept),
        "left_out": left_out,
        "train_loss": result.training_loss,
        "seconds": result.metrics["train_runtime"],
    }
    if dev_kept is not None:
        summary["dev_loss"] = trainer.evaluate()["eval_loss"]
    _save(trainer, lm, recipe, output)
    if trainer.is_world_process_zero() and format_path(train).is_file():
        save_formats(load_formats(format_path(train)), output / FORMAT_FILE)
    return summary


class _CheckedTrainer(Trainer):
    """Stops at the first loss that is not finite. Trainer itself goes on and saves the model."""

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        loss = super().training_step(*args, **kwargs)
        if not torch.isfinite(loss):
            self._refuse("training loss", float(loss))
        return loss

    def check_weights(self) -> None:
        """The gradient of the last update may have been infinite, with a finite loss."""
        for name, weight in self.model.named_parameters():
            if not torch.isfinite(weight).all():
                self._refuse("weights", name)

    def _refuse(self, what: str, value: Any) -> None:
        step, output = self.state.global_step, self.args.output_dir
        raise ValueError(Errors.M809.format(what=what, value=value, step=step, output=output))


def _check_choice(setting: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise ValueError(Errors.M001.format(setting=setting, value=value, allowed=", ".join(allowed)))


def _load(recipe: Recipe, rows: Sequence[Row]) -> LanguageModel:
    if not recipe.model.endswith(CONFIG_SUFFIX):
        return load_language_model(recipe.model, dtype=recipe.dtype, separator=recipe.separator)
    if recipe.lora_rank:
        raise ValueError(Errors.M945)
    if not Path(recipe.model).is_file():
        raise ValueError(Errors.M932.format(name=recipe.model, reason="there is no such file"))
    made = srsly.read_json(recipe.model)
    if not isinstance(made, dict) or not {"kind", "config"} <= set(made) <= {"kind", "config", "tokenizer"}:
        reason = f"{recipe.model} must contain 'kind', 'config' and optionally 'tokenizer'"
        raise ValueError(Errors.M937.format(reason=reason))
    texts = [text for row in rows for text in row]
    return make_pretrained(texts, **made, dtype=recipe.dtype, separator=recipe.separator).lm


def _with_adapters(lm: LanguageModel, recipe: Recipe) -> torch.nn.Module:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=recipe.lora_rank,
        lora_alpha=recipe.lora_alpha or 2 * recipe.lora_rank,
        lora_dropout=0.05,
        target_modules="all-linear",
        task_type="SEQ_2_SEQ_LM" if lm.kind == "seq2seq" else "CAUSAL_LM",
    )
    return get_peft_model(lm.module, config)


def _arguments(recipe: Recipe, output: Path, progress: bool, evaluate: bool) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(output),
        num_train_epochs=recipe.epochs,
        max_steps=recipe.max_steps or -1,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=recipe.batch_size,
        gradient_accumulation_steps=recipe.accumulate,
        learning_rate=recipe.learn_rate,
        lr_scheduler_type=recipe.schedule,
        warmup_ratio=recipe.warmup,
        weight_decay=recipe.weight_decay,
        bf16=recipe.bf16,
        use_cpu=not torch.cuda.is_available(),  # without it, bf16 needs a GPU
        gradient_checkpointing=recipe.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        save_strategy="steps",
        save_steps=recipe.save_steps,
        save_total_limit=2,
        eval_strategy="steps" if evaluate else "no",
        eval_steps=recipe.save_steps,
        logging_steps=min(50, recipe.save_steps),
        logging_nan_inf_filter=False,  # it would hide them
        prediction_loss_only=True,
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_pin_memory=torch.cuda.is_available(),
        disable_tqdm=not progress,
        report_to=[],
        seed=recipe.seed,
        data_seed=recipe.seed,
    )


def _checkpoint(recipe: Recipe, train: Path, output: Path, resume: bool, *, is_first_process: bool) -> str | None:
    """The last checkpoint of the same training. If there is none, the settings are saved for the next call."""
    checkpoint = get_last_checkpoint(str(output))
    files = {"rows": train}
    if recipe.model.endswith(CONFIG_SUFFIX):
        files["config"] = Path(recipe.model)
    hashes = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items() if path.is_file()}
    # The interval of checkpoints does not change the result.
    run = {**asdict(recipe), "save_steps": None, **hashes}
    if checkpoint is None:
        if is_first_process:
            with replacing(output / RUN_FILE) as temporary:
                srsly.write_json(temporary, run)
        return None
    if not resume:
        raise ValueError(Errors.M943.format(output=output, reason="resuming is off"))
    earlier = srsly.read_json(output / RUN_FILE) if (output / RUN_FILE).is_file() else {}
    different = sorted(key for key in run if run[key] != earlier.get(key))
    if different:
        raise ValueError(Errors.M943.format(output=output, reason=f"different {', '.join(different)}"))
    return checkpoint


def _save(trainer: Trainer, lm: LanguageModel, recipe: Recipe, output: Path) -> None:
    """Save the model folder. Trainer gathers weights that are distributed over devices."""
    trainer.save_model(str(output / ADAPTER_FOLDER if recipe.lora_rank else output))
    if not trainer.is_world_process_zero():
        return
    if recipe.lora_rank:
        from peft import PeftModel

        # Adapters are merged into a new copy, because the weights in training may be distributed over devices.
        lm = _load(recipe, [])
        lm.module = PeftModel.from_pretrained(lm.module, str(output / ADAPTER_FOLDER)).merge_and_unload()
        save_language_model(lm, output)
    else:
        with replacing_files(output) as fresh:
            lm.tokenizer.save_pretrained(fresh)
            save_settings(lm, fresh)
