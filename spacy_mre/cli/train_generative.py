"""The command `train-generative`."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from .app import app
from .common import counted

if TYPE_CHECKING:
    from ..pipeline.generative.trainer.recipe import Recipe

# The names of the scores in OIELLM.
SCORES = {"tl_f": "TL", "wl_f": "WL", "all_acc": "ALL", "f1": "F1"}


@app.command("train-generative")
def train_generative_cli(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="A Hugging Face name, a model folder or a trained pipeline; or a .json file with the config of a "
            "model that is trained from scratch.",
        ),
    ],
    train: Annotated[Path, typer.Argument(metavar="TRAIN", help='The JSON lines with "input" and "output".')],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The folder for the model and its checkpoints.")],
    dev: Annotated[
        Path | None,
        typer.Option(help="JSON lines that choose the best checkpoint: by the F1 of strings generated for them."),
    ] = None,
    dev_texts: Annotated[int, typer.Option(help="The most dev rows that strings are generated for; 0 for all.")] = 200,
    epochs: Annotated[float, typer.Option(help="The number of passes over the training data.")] = 3.0,
    max_steps: Annotated[int, typer.Option(help="Stop after this number of updates; 0 for no limit.")] = 0,
    batch_size: Annotated[int, typer.Option(help="Rows per forward pass and device.")] = 8,
    accumulate: Annotated[int, typer.Option(help="Forward passes per update.")] = 1,
    max_length: Annotated[
        int, typer.Option(help="Leave out rows of more tokens; 0 for no limit but that of the model.")
    ] = 0,
    group_by_length: Annotated[
        bool, typer.Option("--group-by-length", help="Make batches of rows of similar length.")
    ] = False,
    learn_rate: Annotated[
        float | None,
        typer.Option(
            help="The highest learning rate. Default: 2e-4 for adapters; for all weights 1e-5, or 1e-3 from scratch."
        ),
    ] = None,
    schedule: Annotated[
        str, typer.Option(help="How the learning rate decays: linear, cosine, constant_with_warmup and so on.")
    ] = "linear",
    warmup: Annotated[float, typer.Option(help="The share of updates in which the learning rate rises.")] = 0.03,
    weight_decay: Annotated[float, typer.Option(help="The weight decay of AdamW.")] = 0.0,
    lora_rank: Annotated[int, typer.Option(help="The rank of the adapters. 0 trains all weights instead.")] = 0,
    lora_alpha: Annotated[int, typer.Option(help="Adapters are scaled by alpha / rank; 0 for twice the rank.")] = 0,
    lora_targets: Annotated[
        str, typer.Option(help="The linear layers with adapters: q_proj,v_proj, for example.")
    ] = "all-linear",
    lora_dropout: Annotated[float, typer.Option(help="The dropout before an adapter.")] = 0.05,
    load_in_4bit: Annotated[
        bool, typer.Option("--load-in-4bit", help="Train adapters on weights in 4 bits (QLoRA).")
    ] = False,
    dtype: Annotated[
        str, typer.Option(help="The type of the weights, float32; or bfloat16, if only adapters are trained.")
    ] = "float32",
    bf16: Annotated[bool, typer.Option("--bf16", help="Compute in bfloat16 where it is safe.")] = False,
    attn_implementation: Annotated[
        str,
        typer.Option(
            help="How attention is computed: eager, sdpa or flash_attention_2. Default: the choice of transformers.",
            show_default=False,
        ),
    ] = "",
    gradient_checkpointing: Annotated[
        bool,
        typer.Option("--gradient-checkpointing", help="Compute activations twice instead of storing them."),
    ] = False,
    save_steps: Annotated[int, typer.Option(help="Updates between two checkpoints.")] = 500,
    resume: Annotated[bool, typer.Option(help="Continue from the last checkpoint in OUT, if there is one.")] = True,
    report_to: Annotated[
        str, typer.Option(help="Where losses and scores are reported: none, tensorboard, wandb or mlflow.")
    ] = "none",
    chat: Annotated[
        bool, typer.Option("--chat", help="Ask an instruct model in the form of its chat template.")
    ] = False,
    separator: Annotated[
        str | None,
        typer.Option(help="The text between input and output for a decoder-only model. Default: a line break."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The seed of the order of rows, of new weights and of dropout.")] = 0,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only show how much memory a device needs. Nothing is read but the config."),
    ] = False,
) -> None:
    """Train a language model on JSON lines. `slg` and `oiellm` load the result. Works with `accelerate launch`."""
    # These imports take seconds, and only this command needs them.
    from ..pipeline.generative.settings import DEFAULT_SEPARATOR
    from ..pipeline.generative.trainer.recipe import Recipe, check_recipe

    recipe = Recipe(
        model=model,
        separator=DEFAULT_SEPARATOR if separator is None else separator,
        chat=chat,
        epochs=epochs,
        max_steps=max_steps,
        batch_size=batch_size,
        accumulate=accumulate,
        max_length=max_length,
        group_by_length=group_by_length,
        learn_rate=learn_rate,
        schedule=schedule,
        warmup=warmup,
        weight_decay=weight_decay,
        lora_rank=lora_rank,
        lora_alpha=lora_alpha,
        lora_targets=lora_targets,
        lora_dropout=lora_dropout,
        load_in_4bit=load_in_4bit,
        dtype=dtype,
        bf16=bf16,
        attn_implementation=attn_implementation,  # type: ignore[arg-type]  # checked by check_recipe
        gradient_checkpointing=gradient_checkpointing,
        save_steps=save_steps,
        dev_texts=dev_texts,
        report_to=report_to,  # type: ignore[arg-type]
        seed=seed,
    )
    if dry_run:
        check_recipe(recipe, packages=False)
        _show_memory(recipe)
        return
    from ..pipeline.generative.trainer.train import train_generative

    progress = Console(stderr=True).is_terminal
    summary = train_generative(recipe, train, output, dev=dev, resume=resume, progress=progress)
    # With several processes, only the first prints.
    if int(os.environ.get("RANK", 0)):
        return
    losses = f"training loss {summary['train_loss']:.4f}"
    if "dev_loss" in summary:
        losses += f", dev loss {summary['dev_loss']:.4f}"
    rows = f"{counted(summary['rows'], 'row')} ({summary['left_out']} left out)"
    typer.echo(f"{summary['steps']} updates on {rows}, {losses}. The model is in {output}")
    if "best_step" in summary:
        scores = [f"{SCORES[name]} {score:.3f}" for name, score in summary.get("dev_scores", {}).items()]
        typer.echo(f"It is the best on {dev}, after {summary['best_step']} updates. {', '.join(scores)}".rstrip())


def _show_memory(recipe: "Recipe") -> None:
    from ..pipeline.generative.trainer.memory import DEFAULT_LENGTH, estimate_memory

    memory = estimate_memory(recipe)
    tokens = recipe.max_length or DEFAULT_LENGTH
    rows = counted(recipe.batch_size, "row")
    table = Table(title=f"Memory of a device for {rows} of {tokens} tokens, estimated", title_justify="left")
    table.add_column("")
    table.add_column("GB", justify="right")
    for name, size in {**asdict(memory), "total": memory.total}.items():
        table.add_row(name, f"{size / 1e9:,.3f}")
    Console().print(table)
