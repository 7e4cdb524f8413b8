"""The settings of a training in the words of the Hugging Face Trainer."""

from pathlib import Path

import torch
from transformers import TrainingArguments

from ....training.processor import warn_if_slow_in
from .recipe import Recipe


def training_arguments(recipe: Recipe, output: Path, *, progress: bool, best_by: str | None) -> TrainingArguments:
    """Make the arguments of the Trainer.

    recipe (Recipe): The settings.
    output (Path): The folder of the checkpoints.
    progress (bool): Show a progress bar.
    best_by (Optional[str]): The result on the dev rows that chooses the best checkpoint: "loss" or "f1"; None without
        dev rows.
    RETURNS (TrainingArguments): The arguments.
    """
    on_gpu = torch.cuda.is_available()
    if recipe.bf16 and not on_gpu:
        warn_if_slow_in("bf16", "--bf16")
    return TrainingArguments(
        output_dir=str(output),
        num_train_epochs=recipe.epochs,
        max_steps=recipe.max_steps or -1,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=recipe.batch_size,
        gradient_accumulation_steps=recipe.accumulate,
        group_by_length=recipe.group_by_length,
        learning_rate=recipe.rate,
        lr_scheduler_type=recipe.schedule,
        warmup_ratio=recipe.warmup,
        weight_decay=recipe.weight_decay,
        # The states of a paged optimizer leave the GPU when a long row needs its memory.
        optim="paged_adamw_32bit" if recipe.load_in_4bit and on_gpu else "adamw_torch",
        bf16=recipe.computes_in_bf16,
        use_cpu=not on_gpu,  # without it, bf16 needs a GPU
        gradient_checkpointing=recipe.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        save_strategy="steps",
        save_steps=recipe.save_steps,
        save_total_limit=2,  # the best and the last
        eval_strategy="no" if best_by is None else "steps",
        eval_steps=recipe.save_steps,
        load_best_model_at_end=best_by is not None,
        metric_for_best_model=best_by,
        greater_is_better=None if best_by is None else best_by != "loss",
        logging_steps=min(50, recipe.save_steps),
        logging_nan_inf_filter=False,  # it would hide them
        prediction_loss_only=True,
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_pin_memory=on_gpu,
        disable_tqdm=not progress,
        report_to=[] if recipe.report_to == "none" else [recipe.report_to],
        seed=recipe.seed,
        data_seed=recipe.seed,
    )
