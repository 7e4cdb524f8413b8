"""The command `train-generative`."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from .app import app
from .common import counted


@app.command("train-generative")
def train_generative_cli(
    model: Annotated[
        str,
        typer.Argument(
            help="A Hugging Face name, a model folder or a trained pipeline; or a .json file with the config of a "
            "model that is trained from scratch."
        ),
    ],
    train: Annotated[Path, typer.Argument(metavar="TRAIN", help='The JSON lines with "input" and "output".')],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The folder for the model and its checkpoints.")],
    dev: Annotated[Path | None, typer.Option(help="JSON lines whose loss is computed at each checkpoint.")] = None,
    epochs: Annotated[float, typer.Option(help="The number of passes over the training data.")] = 3.0,
    max_steps: Annotated[int, typer.Option(help="Stop after this number of updates; 0 for no limit.")] = 0,
    batch_size: Annotated[int, typer.Option(help="Rows per forward pass and device.")] = 8,
    accumulate: Annotated[int, typer.Option(help="Forward passes per update.")] = 1,
    learn_rate: Annotated[
        float, typer.Option(help="The highest learning rate. Adapters need about ten times that of all weights.")
    ] = 1e-5,
    schedule: Annotated[
        str, typer.Option(help="How the learning rate decays: linear, cosine, constant_with_warmup and so on.")
    ] = "linear",
    warmup: Annotated[float, typer.Option(help="The share of updates in which the learning rate rises.")] = 0.03,
    weight_decay: Annotated[float, typer.Option(help="The weight decay of AdamW.")] = 0.0,
    lora_rank: Annotated[int, typer.Option(help="The rank of the adapters. 0 trains all weights instead.")] = 0,
    lora_alpha: Annotated[int, typer.Option(help="Adapters are scaled by alpha / rank; 0 for twice the rank.")] = 0,
    dtype: Annotated[str, typer.Option(help="The type of the weights, float32 or bfloat16.")] = "float32",
    bf16: Annotated[bool, typer.Option("--bf16", help="Compute in bfloat16 where it is safe.")] = False,
    gradient_checkpointing: Annotated[
        bool,
        typer.Option("--gradient-checkpointing", help="Compute activations twice instead of storing them."),
    ] = False,
    save_steps: Annotated[int, typer.Option(help="Updates between two checkpoints.")] = 500,
    resume: Annotated[bool, typer.Option(help="Continue from the last checkpoint in OUT, if there is one.")] = True,
    separator: Annotated[
        str | None,
        typer.Option(help="The text between input and output for a decoder-only model. [default: a line break]"),
    ] = None,
    seed: Annotated[int, typer.Option(help="The seed of the order of rows, of new weights and of dropout.")] = 0,
) -> None:
    """Train a language model on JSON lines. `slg` and `oiellm` load the result. Works with `accelerate launch`."""
    # These imports take seconds, and only this command needs them.
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
    summary = train_generative(recipe, train, output, dev=dev, resume=resume, progress=console.is_terminal)
    # With several processes, only the first prints.
    if int(os.environ.get("RANK", 0)):
        return
    losses = f"training loss {summary['train_loss']:.4f}"
    if "dev_loss" in summary:
        losses += f", dev loss {summary['dev_loss']:.4f}"
    rows = f"{counted(summary['rows'], 'row')} ({summary['left_out']} left out)"
    typer.echo(f"{summary['steps']} updates on {rows}, {losses}. The model is in {output}")
