"""Training of large language models with the Hugging Face Trainer, on rows of input and output. The result is a model
folder for `slg` or `oiellm`.

It runs on a CPU, on a GPU and, with `accelerate launch`, on several GPUs.
"""

import gc
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments, set_seed

from ....errors import Errors, Warnings
from ....files import replacing_files
from ..checkpoints import FORMAT_FILE, save_language_model, save_settings
from ..format_files import format_path, load_formats, save_formats
from ..formats import Format
from ..language_model import LanguageModel
from ..rows import Row, TokenizedRow, read_rows, tokenize_rows
from .adapters import merge_adapters, with_adapters
from .arguments import training_arguments
from .generated_scores import ScoresOfTasks, format_of_row, of_the_same_tasks
from .loading import load_base
from .recipe import Recipe, check_recipe
from .resuming import last_checkpoint

ADAPTER_FOLDER = "adapter"


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
    train (Path): JSON lines with "input" and "output". If the file of their formats is next to them, as the command
        `strings` writes it, it is copied to the model folder, from which the components read the labels.
    output (Path): The folder of the model and its checkpoints.
    dev (Optional[Path]): JSON lines that choose the best checkpoint, which is saved: by the F1 of the strings that
        are generated for them, or by their loss, if the format is not known.
    resume (bool): Continue from the last checkpoint in `output`, if there is one; otherwise checkpoints in it are an
        error. Default: True.
    progress (bool): Show a progress bar. Default: True.
    callbacks (Sequence[TrainerCallback]): Callbacks of the Trainer.
    RETURNS (dict[str, Any]): "steps", "rows", "left_out", "train_loss" (the mean of all steps, also of those before
        resuming) and "seconds" (without those); with dev rows "best_step" and its "dev_loss"; and with their formats
        "dev_scores", see `ScoresOfTasks`.
    RAISES (ValueError): If a row is malformed, there is no such model, a setting has an unknown value, `output`
        contains checkpoints of another training, or a loss or the weights are not finite.
    """
    check_recipe(recipe)
    formats = _formats_of(train)
    # Those of the dev rows may have other labels.
    dev_formats = () if dev is None or not formats else of_the_same_tasks(_formats_of(dev) or formats, formats)
    rows = read_rows(train)
    dev_rows = [] if dev is None else read_rows(dev)
    is_scored = dev is not None and bool(dev_formats) and _some_are_readable(dev_rows, dev_formats, dev)
    output.mkdir(parents=True, exist_ok=True)
    best_by = None if dev is None else "f1" if is_scored else "loss"
    arguments = training_arguments(recipe, output, progress=progress, best_by=best_by)
    is_first = arguments.process_index == 0
    checkpoint = last_checkpoint(recipe, train, dev, output, resume=resume, is_first_process=is_first)
    set_seed(recipe.seed)
    lm = load_base(recipe, rows)
    kept, left_out = tokenize_rows(lm, rows, train, recipe.max_length)
    dev_kept = None if dev is None else tokenize_rows(lm, dev_rows, dev, recipe.max_length)[0]
    trainer = CheckedTrainer(
        model=with_adapters(lm.module, recipe, lm.kind) if recipe.lora_rank else lm.module,
        args=arguments,
        data_collator=_Collate(lm),
        train_dataset=_Rows(kept),
        eval_dataset=None if dev_kept is None else _Rows(dev_kept),
        callbacks=[_Checkpoints(), *callbacks],
    )
    if is_scored and dev_kept is not None:
        dev_rows = [row.row for row in dev_kept]
        trainer.generated_scores = ScoresOfTasks(lm, dev_rows, formats, dev_formats, recipe.dev_texts)
    result = trainer.train(resume_from_checkpoint=checkpoint)
    trainer.check_weights()
    summary = {
        "steps": min(trainer.state.global_step, trainer.state.max_steps),
        "rows": len(kept),
        "left_out": left_out,
        "train_loss": result.training_loss if checkpoint is None else _mean_loss(trainer.state),
        "seconds": result.metrics["train_runtime"],
        **_best(trainer.state, best_by),
    }
    trainer.save_model(str(output / ADAPTER_FOLDER if recipe.lora_rank else output))
    if is_first and not recipe.lora_rank:
        with replacing_files(output) as fresh:
            lm.tokenizer.save_pretrained(fresh)
            save_settings(lm, fresh)
    del trainer, lm
    if is_first and recipe.lora_rank:
        # The weights in training may be in 4 bits, or distributed over devices. Their memory is freed first.
        gc.collect()
        torch.cuda.empty_cache()
        merged = load_base(recipe, [], for_training=False)
        merge_adapters(merged, output / ADAPTER_FOLDER)
        save_language_model(merged, output)
    if is_first and formats:
        save_formats(formats, output / FORMAT_FILE)
    return summary


class CheckedTrainer(Trainer):
    """Stops at the first loss that is not finite, and generates strings at each checkpoint. Trainer itself goes on and
    saves the model.

    generated_scores (Optional[ScoresOfTasks]): Generates the strings.
    """

    generated_scores: ScoresOfTasks | None = None

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        loss = super().training_step(*args, **kwargs)
        if not torch.isfinite(loss):
            self._refuse("training loss", float(loss))
        return loss

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """RETURNS (dict[str, float]): The dev loss, and the scores of the generated strings."""
        metrics = super().evaluate(*args, **kwargs)
        if self.generated_scores is not None:
            with self.compute_loss_context_manager():
                scores = {f"eval_{name}": score for name, score in self.generated_scores(self.args).items()}
            self.log(scores)
            metrics.update(scores)
        return metrics

    def check_weights(self) -> None:
        """The gradient of the last update may have been infinite, with a finite loss."""
        for name, weight in self.model.named_parameters():
            if weight.is_floating_point() and not torch.isfinite(weight).all():
                self._refuse("weights", name)

    def _refuse(self, what: str, value: Any) -> None:
        step, output = self.state.global_step, self.args.output_dir
        raise ValueError(Errors.M809.format(what=what, value=value, step=step, output=output))


class _Checkpoints(TrainerCallback):
    """The last step is evaluated like any other checkpoint: it may be the best. Each checkpoint knows the losses up to
    its step, as the mean of all steps needs them after resuming."""

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        control.should_log |= control.should_save
        if state.global_step >= state.max_steps and args.load_best_model_at_end:
            control.should_evaluate = True


class _Rows(torch.utils.data.Dataset):
    """Rows in the form in which Trainer finds their length: all tokens in "input_ids"."""

    def __init__(self, rows: Sequence[TokenizedRow]):
        self._rows = [{"input_ids": [*row.source, *row.target], "source_length": len(row.source)} for row in rows]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._rows[index]


class _Collate:
    """Makes the tensors of a batch."""

    def __init__(self, lm: LanguageModel):
        self._collate = lm.collate

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        sources = [row["input_ids"][: row["source_length"]] for row in rows]
        return self._collate(sources, [row["input_ids"][row["source_length"] :] for row in rows])


def _formats_of(rows: Path) -> Sequence[Format]:
    return load_formats(format_path(rows)) if format_path(rows).is_file() else ()


def _some_are_readable(rows: Sequence[Row], formats: Sequence[Format], path: Path) -> bool:
    unreadable = [row for row in rows if format_of_row(row, formats) is None]
    if unreadable:
        message = Warnings.W936.format(path=path, count=len(unreadable), total=len(rows), example=unreadable[0][0])
        warnings.warn(message, stacklevel=3)
    return len(unreadable) < len(rows)


def _mean_loss(state: TrainerState) -> float:
    """The mean of all steps, also of those before resuming, which the Trainer's own mean lacks."""
    total, before = 0.0, 0
    for logged in state.log_history:
        # A mean since the last time. A training that had ended may make one step more, at the end of its schedule.
        if "loss" in logged and logged["step"] <= state.max_steps:
            total += logged["loss"] * (logged["step"] - before)
            before = logged["step"]
    return total / before


def _best(state: TrainerState, best_by: str | None) -> dict[str, Any]:
    """The results of the checkpoint that was chosen: the first of the best."""
    if best_by is None:
        return {}
    found = [logged for logged in state.log_history if f"eval_{best_by}" in logged]
    sign = -1 if best_by == "loss" else 1
    step = max(found, key=lambda logged: sign * logged[f"eval_{best_by}"])["step"]
    best: dict[str, Any] = {}
    for logged in state.log_history:
        if logged["step"] == step:
            best.update({name.removeprefix("eval_"): score for name, score in logged.items() if "eval_" in name})
    result = {"best_step": step, "dev_loss": best["loss"]}
    scores = {name: best[name] for name in ("tl_f", "wl_f", "all_acc", "f1") if name in best}
    return {**result, "dev_scores": scores} if scores else result
