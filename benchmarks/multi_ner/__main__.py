"""`python -m benchmarks.multi_ner run --dataset genia --variant multi_ner --seed 0`, then `summary`.

Every run is one JSON file, so that an interrupted grid can be taken up. On a machine with a GPU (and cupy) runs are made there.
"""

from pathlib import Path
from typing import Annotated

import srsly
import typer

from .grid import DATASETS, VARIANTS
from .runner import models_of, run, score_again
from .summary import RESULTS, summarise

RUNS = Path("benchmarks/runs/multi_ner")
# Runs with a budget or a limit of one's own prove that things work; they are no results.
TRIALS = Path("training/multi_ner-trials")

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

Runs = Annotated[Path, typer.Option(help="Where the files of the runs are kept.")]


@app.command("run")
def run_cli(
    dataset: Annotated[list[str], typer.Option(help="A data set; may be repeated.")] = [
        "genia",
        "conll04",
        "stockmark",
    ],
    variant: Annotated[list[str], typer.Option(help="A variant; may be repeated.")] = list(VARIANTS),
    seed: Annotated[list[int], typer.Option(help="A seed; may be repeated.")] = [0, 1, 2],
    updates: Annotated[
        int | None, typer.Option(help="So many updates: a trial, which counts for nothing without --runs.")
    ] = None,
    batch: Annotated[
        int | None, typer.Option(help="A trial with so many documents per update, which counts for nothing.")
    ] = None,
    transformer: Annotated[
        str | None,
        typer.Option(help="A model of the Hugging Face hub for all variants, instead of the CPU's encoder."),
    ] = None,
    limit: Annotated[
        int, typer.Option(help="A trial on so many documents of each part, which counts for nothing.")
    ] = 0,
    runs: Annotated[
        Path | None, typer.Option(help=f"Where the files of the runs are kept: {RUNS}, for trials {TRIALS}.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Also what was run already.")] = False,
) -> None:
    """Train and test, and keep one JSON file per run. A run that is there already is passed over, a trial never."""
    is_trial = bool(batch or limit or (updates and runs is None))
    folder = runs or (TRIALS if is_trial else RUNS)
    for name in dataset:
        for kind in variant:
            if VARIANTS[kind].interaction == "late" and not (DATASETS[name].exact or transformer):
                continue  # the main one is late already
            for number in seed:
                encoder, budget = transformer.split("/")[-1] if transformer else "", str(updates or "")
                parts = filter(None, [name, encoder, kind, str(number), budget])
                path = folder / f"{'-'.join(parts)}.json"
                if again or is_trial or not path.exists():
                    typer.echo(path.stem)
                    run(path, name, kind, number, updates=updates, batch=batch, transformer=transformer, limit=limit)


@app.command("score")
def score_cli(runs: Runs = RUNS) -> None:
    """Measure the trained models once more, after a change of what is measured."""
    for path in sorted(runs.glob("*.json")):
        typer.echo(path.stem if score_again(path) else f"{path.stem}: no model in {models_of(path)}")


@app.command("summary")
def summary_cli(runs: Runs = RUNS, output: Annotated[Path, typer.Option(help="The file to write.")] = RESULTS) -> None:
    """Put all runs into one file."""
    summary = summarise(runs)
    output.parent.mkdir(parents=True, exist_ok=True)
    srsly.write_json(output, summary)
    typer.echo(f"{len(summary['rows'])} runs in {output}")


if __name__ == "__main__":
    app()
