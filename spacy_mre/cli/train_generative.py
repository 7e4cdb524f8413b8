import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from .app import app
from .common import told_errors


@app.command("train-generative")
def train_generative_cli(
    model: Annotated[
        str,
        typer.Argument(
            help="A Hugging Face name, a model folder or a trained pipeline; or a .json file with the config of a model from nothing."
        ),
    ],
    train: Annotated[Path, typer.Argument(metavar="TRAIN", help='JSON lines with "input" and "output".')],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The folder for the model and its checkpoints.")],
    dev: Annotated[Path | None, typer.Option(help="Rows whose loss is told at every checkpoint.")] = None,
    epochs: Annotated[float, typer.Option(help="How often every row is seen.")] = 3.0,
    max_steps: Annotated[int, typer.Option(help="Stop after so many updates; 0 for all epochs.")] = 0,
    batch_size: Annotated[int, typer.Option(help="Rows in a forward pass, on each device.")] = 8,
    accumulate: Annotated[int, typer.Option(help="Forward passes in an update.")] = 1,
    learn_rate: Annotated[
        float, typer.Option(help="The highest learning rate; with adapters about ten times that of all weights.")
    ] = 1e-5,
    schedule: Annotated[
        str, typer.Option(help="How the rate falls: linear, cosine, constant_with_warmup, ...")
    ] = "linear",
    warmup: Annotated[float, typer.Option(help="The share of the updates in which the rate rises.")] = 0.03,
    weight_decay: Annotated[float, typer.Option(help="Of AdamW.")] = 0.0,
    lora_rank: Annotated[
        int, typer.Option(help="Train adapters of this rank instead of all weights; 0 for all weights.")
    ] = 0,
    lora_alpha: Annotated[int, typer.Option(help="The adapters are scaled by alpha / rank; 0 for twice the rank.")] = 0,
    dtype: Annotated[str, typer.Option(help="The type of the weights in memory: float32 or bfloat16.")] = "float32",
    bf16: Annotated[bool, typer.Option("--bf16", help="Compute in bfloat16 where that is safe.")] = False,
    gradient_checkpointing: Annotated[
        bool, typer.Option("--gradient-checkpointing", help="Compute activations twice instead of keeping them.")
    ] = False,
    save_steps: Annotated[int, typer.Option(help="Updates between two checkpoints.")] = 500,
    resume: Annotated[bool, typer.Option(help="Go on from the last checkpoint in OUT, if there is one.")] = True,
    separator: Annotated[
        str | None,
        typer.Option(help="What a decoder-only model reads between input and output. [default: a line break]"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the order of rows, of new weights and of dropout.")] = 0,
):
    """Train a language model on rows of input and output; the result is loaded by `slg` or `oiellm`. Works under accelerate launch."""
    # Only this command needs them, and they take seconds to import.
    from ..pipeline.generative.trainer import DEFAULT_SEPARATOR, Recipe, train_generative

    console = Console(stderr=True)
    recipe = Recipe(
        model=model,
        separator=DEFAULT_SEPARATOR if separator is None else separator,
        epochs=epochs,
        max_steps=max_steps,
        batch_size=batch_size,
        accumulate=accumulate,
        learn_rate=learn_rate,
        schedule=schedule,
        warmup=warmup,
        weight_decay=weight_decay,
        lora_rank=lora_rank,
        lora_alpha=lora_alpha,
        dtype=dtype,
        bf16=bf16,
        gradient_checkpointing=gradient_checkpointing,
        save_steps=save_steps,
        seed=seed,
    )
    with told_errors():
        summary = train_generative(recipe, train, output, dev=dev, resume=resume, progress=console.is_terminal)
    if int(os.environ.get("RANK", 0)):  # of several processes one tells
        return
    losses = f"training loss {summary['train_loss']:.4f}"
    if "dev_loss" in summary:
        losses += f", dev loss {summary['dev_loss']:.4f}"
    typer.echo(
        f"{summary['steps']} updates on {summary['rows']} rows ({summary['left_out']} left out), {losses}. The model is in {output}"
    )
