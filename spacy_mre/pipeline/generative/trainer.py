"""Language models at the size people use: Hugging Face Trainer over rows of input and output. The result is a model
folder for `slg` or `oiellm`.

The same function runs on one CPU, on one GPU, and, under `accelerate launch`, on many.
"""

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import srsly
import torch
from transformers import SchedulerType, Trainer, TrainerCallback, TrainingArguments, set_seed
from transformers.trainer_utils import get_last_checkpoint

from ...corpora.reading import Location, read_json_lines
from ...errors import Errors, Warnings
from .checkpoints import DTYPES, FORMAT_FILE, SETTINGS_FILE, load_language_model, make_pretrained, save_language_model
from .language_model import DEFAULT_SEPARATOR, LanguageModel
from .strings import format_path, load_format, save_format

CONFIG_SUFFIX = ".json"
RUN_FILE = "run.json"
ADAPTER_FOLDER = "adapter"

Row = tuple[str, str]
TokenizedRow = tuple[list[int], list[int]]


@dataclass(frozen=True)
class Recipe:
    """All that decides what a training ends with, apart from the rows.

    model (str): A name, folder or pipeline (see `spacy_mre.Seq2SeqLM.v1`), or a JSON file with the config of a model
        from scratch: "kind" ("seq2seq" or "causal"), "config" and, if wanted, "tokenizer".
    separator (str): What a decoder-only model reads between input and output, if the model's folder does not define it.
    epochs (float): How often every row is seen. Default: 3, as OIELLM.
    max_steps (int): Stop after so many updates, if positive.
    batch_size (int): Rows in a forward pass, on each device.
    accumulate (int): Forward passes in an update.
    learn_rate (float): The highest rate. Default: 1e-5, as OIELLM; 1e-4 is usual with LoRA.
    schedule (str): How the rate falls, in the words of Hugging Face.
    warmup (float): The share of the updates in which the rate rises.
    weight_decay (float): Of AdamW, not on biases and norms.
    lora_rank (int): Train low-rank adapters of this rank for all linear layers (Hu et al. 2021), and merge them at
        the end; 0 for all weights.
    lora_alpha (int): The adapters are scaled by alpha / rank; twice the rank if 0.
    dtype (str): The type of the weights in memory. Under LoRA "bfloat16" saves half of it.
    bf16 (bool): Compute in bfloat16 where that is safe.
    gradient_checkpointing (bool): Compute activations twice instead of keeping them.
    save_steps (int): Updates between two checkpoints.
    seed (int): Of the order of the rows, of new weights and of dropout.
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

    recipe (Recipe): How.
    train (Path): JSON lines with "input" and "output". If their format is next to them, as `strings` writes it, it
        is copied into the folder of the model, and tells the components which labels there are.
    output (Path): The folder for the model, and for the checkpoints in between.
    dev (Optional[Path]): Rows whose loss is told at every checkpoint.
    resume (bool): Go on from the last checkpoint in `output`, if there is one; otherwise checkpoints there are refused.
    progress (bool): Show a progress bar.
    callbacks (Sequence[TrainerCallback]): Whatever else shall happen.
    RETURNS (dict[str, Any]): "steps", "rows", "left_out", "train_loss", "seconds" and, with dev rows, "dev_loss".
    RAISES (ValueError): Broken rows, no such model, unknown settings, or checkpoints of another training.
    """
    for setting, allowed in (("dtype", DTYPES), ("schedule", [kind.value for kind in SchedulerType])):
        if getattr(recipe, setting) not in allowed:
            raise ValueError(
                Errors.M001.format(setting=setting, value=getattr(recipe, setting), allowed=", ".join(allowed))
            )
    output.mkdir(parents=True, exist_ok=True)
    arguments = _arguments(recipe, output, progress, dev is not None)
    checkpoint = _checkpoint(recipe, train, output, resume, note=arguments.process_index == 0)
    rows = read_rows(train)
    dev_rows = None if dev is None else read_rows(dev)
    set_seed(recipe.seed)
    lm = _load(recipe, rows)
    kept, left_out = encode_rows(lm, rows, train)
    dev_kept = None if dev is None or dev_rows is None else encode_rows(lm, dev_rows, dev)[0]
    model = _with_adapters(lm, recipe) if recipe.lora_rank else lm.module
    trainer = Trainer(
        model=model,
        args=arguments,
        data_collator=lambda pairs: lm.collate([source for source, _ in pairs], [target for _, target in pairs]),
        train_dataset=kept,
        eval_dataset=dev_kept,
        callbacks=list(callbacks),
    )
    result = trainer.train(resume_from_checkpoint=checkpoint)
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
        save_format(load_format(format_path(train)), output / FORMAT_FILE)
    return summary


def read_rows(path: Path) -> list[Row]:
    """Read rows of input and output.

    path (Path): JSON lines; other keys are left alone.
    RETURNS (list[tuple[str, str]]): Inputs and outputs.
    RAISES (CorpusError): A line without them, named with the file.
    """
    path = Path(path)
    rows = []
    for number, item in read_json_lines(path):
        place = Location(path, number)
        row = (place.get(item, "input", str), place.get(item, "output", str))
        for key, value in zip(("input", "output"), row):
            if not value.strip():
                raise place.error(f"'{key}' is empty")
        rows.append(row)
    return rows


def encode_rows(lm: LanguageModel, rows: Sequence[Row], path: Path) -> tuple[list[TokenizedRow], int]:
    """Make tokens of rows. A row that the model cannot read or write whole is left out, and counted: half of an
    answer would teach to stop there.

    lm (LanguageModel): The model.
    rows (Sequence[tuple[str, str]]): Inputs and outputs.
    path (Path): Where they are from.
    RETURNS (tuple[list[tuple[list[int], list[int]]], int]): Sources and targets, and how many were left out.
    RAISES (ValueError): None is left.
    """
    sources = lm.source_ids([source for source, _ in rows])
    targets = lm.target_ids([target for _, target in rows])
    fits = [
        len(target) <= lm.target_limit and len(source) <= lm.source_limit(len(target))
        for source, target in zip(sources, targets)
    ]
    kept = [pair for pair, fit in zip(zip(sources, targets), fits) if fit]
    left_out = len(rows) - len(kept)
    if not kept:
        raise ValueError(Errors.M944.format(path=path, count=len(rows), limit=lm.target_limit))
    if left_out:
        example = rows[fits.index(False)][0][:40]
        message = Warnings.W932.format(
            path=path, count=left_out, total=len(rows), limit=lm.target_limit, example=example
        )
        warnings.warn(message, stacklevel=2)
    return kept, left_out


def _load(recipe: Recipe, rows: Sequence[Row]) -> LanguageModel:
    if not recipe.model.endswith(CONFIG_SUFFIX):
        return load_language_model(recipe.model, dtype=recipe.dtype, separator=recipe.separator)
    if recipe.lora_rank:
        raise ValueError(Errors.M945)
    if not Path(recipe.model).is_file():
        raise ValueError(Errors.M932.format(name=recipe.model, reason="there is no such file"))
    made = srsly.read_json(recipe.model)
    if not isinstance(made, dict) or not {"kind", "config"} <= set(made) <= {"kind", "config", "tokenizer"}:
        raise ValueError(
            Errors.M937.format(reason=f"{recipe.model} must hold 'kind', 'config' and perhaps 'tokenizer'")
        )
    texts = [text for row in rows for text in row]
    return make_pretrained(texts, **made, dtype=recipe.dtype, separator=recipe.separator)[0]


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
        use_cpu=not torch.cuda.is_available(),  # otherwise bf16 is refused without a GPU
        gradient_checkpointing=recipe.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        save_strategy="steps",
        save_steps=recipe.save_steps,
        save_total_limit=2,
        eval_strategy="steps" if evaluate else "no",
        eval_steps=recipe.save_steps,
        logging_steps=min(50, recipe.save_steps),
        prediction_loss_only=True,
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_pin_memory=torch.cuda.is_available(),
        disable_tqdm=not progress,
        report_to=[],
        seed=recipe.seed,
        data_seed=recipe.seed,
    )


def _checkpoint(recipe: Recipe, train: Path, output: Path, resume: bool, *, note: bool) -> str | None:
    """The last checkpoint of the same training; or a note of which training begins."""
    checkpoint = get_last_checkpoint(str(output))
    files = {"rows": train, **({"config": Path(recipe.model)} if recipe.model.endswith(CONFIG_SUFFIX) else {})}
    sums = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items() if path.is_file()}
    # How often a checkpoint is written changes nothing.
    run = {**asdict(recipe), "save_steps": None, **sums}
    if checkpoint is not None:
        if not resume:
            raise ValueError(Errors.M943.format(output=output, reason="resuming is off"))
        known = srsly.read_json(output / RUN_FILE) if (output / RUN_FILE).is_file() else {}
        other = sorted(key for key in run if run[key] != known.get(key))
        if other:
            raise ValueError(Errors.M943.format(output=output, reason=f"other: {', '.join(other)}"))
    elif note:
        srsly.write_json(output / RUN_FILE, run)
    return checkpoint


def _save(trainer: Trainer, lm: LanguageModel, recipe: Recipe, output: Path) -> None:
    """Write the model folder. Trainer gathers weights that are spread over devices."""
    trainer.save_model(str(output / ADAPTER_FOLDER if recipe.lora_rank else output))
    if not trainer.is_world_process_zero():
        return
    if recipe.lora_rank:
        from peft import PeftModel

        # Adapters are merged into a fresh copy: those in training may be spread over devices.
        lm = _load(recipe, [])
        lm.module = PeftModel.from_pretrained(lm.module, str(output / ADAPTER_FOLDER)).merge_and_unload()
        save_language_model(lm, output)
    else:
        lm.tokenizer.save_pretrained(output)
        srsly.write_json(output / SETTINGS_FILE, {"kind": lm.kind, "separator": lm.separator})
