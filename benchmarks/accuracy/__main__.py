"""`python -m benchmarks.accuracy run --phase screen`, then `table` and `plot`. What is in the grid stands in grid.yml."""

from pathlib import Path
from typing import Annotated

import srsly
import typer
from rich.console import Console
from spacy.util import load_config

from spacy_mre.evaluation.reinforce import reinforce
from spacy_mre.evaluation.reinforce_report import arms_table, gains_table, plot_gains

from .borders import write_borders
from .cell import copy_cell, group_by_training, is_cell_made, make_cell, share_runs
from .corpora import prepare
from .grid import MODELS, RUNS, TRIALS, Cell, Grid
from .plot import PICTURE, plot_negatives
from .reinforcement import PICTURE as GAINS
from .reinforcement import REINFORCEMENT, write_reinforcement
from .runner import Runner
from .summary import RESULTS, read_runs, summarise, tables, write_summary

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console()

Phase = Annotated[str, typer.Option(help="screen and choose: on dev, to choose by; held_out and full: on test.")]
Datasets = Annotated[
    list[str], typer.Option("--dataset", help="A data set; by default all of the phase. May be given several times.")
]
Variants = Annotated[
    list[str], typer.Option("--variant", help="A variant; by default all of the phase. May be given several times.")
]
Seeds = Annotated[
    list[int], typer.Option("--seed", help="A seed; by default those of the phase. May be given several times.")
]
Gpu = Annotated[int, typer.Option(help="The GPU, or -1 for the CPU.")]
Updates = Annotated[int | None, typer.Option(min=1, help="A trial with so many updates, which counts for nothing.")]
Limit = Annotated[int, typer.Option(min=0, help="A trial on so many test documents, which counts for nothing.")]
KeepModels = Annotated[bool, typer.Option("--keep-models", help=f"Leave the trained pipelines in {MODELS}.")]


@app.command("run")
def run_cli(
    phase: Phase = "screen",
    dataset: Datasets = [],
    variant: Variants = [],
    seed: Seeds = [],
    jobs: Annotated[
        int,
        typer.Option(
            min=1, help="So many runs at a time: one on a small CPU, several on a GPU machine with many cores."
        ),
    ] = 1,
    gpu: Gpu = -1,
    again: Annotated[bool, typer.Option("--again", help="Also those that are made.")] = False,
    updates: Updates = None,
    limit: Limit = 0,
    keep_models: KeepModels = False,
    dry: Annotated[bool, typer.Option("--dry", help="Only tell what would be run.")] = False,
):
    """Make the runs that are not made yet. A run whose config has changed since is made again, and so is one that was interrupted."""
    grid = _load(phase, dataset, variant)
    cells = list(grid.cells(phase, dataset, variant, seed, updates, limit))
    shared = share_runs(grid, cells)
    missing = [cell for cell in cells if again or not is_cell_made(grid, cell)]
    needed = [cell for cell in cells if cell in map(shared.get, missing) and (again or not is_cell_made(grid, cell))]
    console.print(
        f"{len(cells)} runs: {len(cells) - len(missing)} made already, {len(needed)} to make, the others are the same as these"
    )
    if dry:
        for cell in needed:
            changed = ", config has changed" if cell.path.exists() and not again else ""
            console.print(
                f"{cell}: {grid.config(cell)['training']['max_steps']} updates{changed}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        return
    for name in dict.fromkeys(cell.dataset for cell in needed):
        prepare(grid.datasets[name])
    failed = Runner(jobs, gpu, keep_models, console).run(group_by_training(grid, needed))
    for cell in missing:
        if cell not in needed and is_cell_made(grid, shared[cell]):
            copy_cell(grid, cell, shared[cell])
    _show(grid, TRIALS if updates or limit else RUNS, phase)
    if failed:
        console.print(f"{len(failed)} runs failed", style="red")
        raise typer.Exit(1)


@app.command("one", hidden=True)
def one_cli(
    phase: str,
    dataset: str,
    variant: str,
    seed: int,
    gpu: Gpu = -1,
    updates: Updates = None,
    limit: Limit = 0,
    keep_models: KeepModels = False,
    also: Annotated[list[str], typer.Option(help="A variant that decodes the same training otherwise.")] = [],
):
    """Make one run in this process."""
    cell = Cell(phase, dataset, variant, seed, updates, limit)
    make_cell(Grid.load(), cell, gpu, keep_models, [cell._replace(variant=other) for other in also])


@app.command("table")
def table_cli(
    phase: Annotated[str | None, typer.Option(help="Only this phase.")] = None,
    trials: Annotated[bool, typer.Option("--trials", help="The trials, of which nothing is written.")] = False,
):
    """Compare the runs, print tables, and write the summary, of which `python -m benchmarks.tables` makes the tables of the docs."""
    _show(Grid.load(), TRIALS if trials else RUNS, phase)


@app.command("plot")
def plot_cli(phase: Phase = "screen", output: Annotated[Path, typer.Option(help="The picture.")] = PICTURE):
    """Draw F1 against the number of negative spans."""
    drawn = plot_negatives(Grid.load(), read_runs(), phase, output)
    console.print(
        f"{output}: {', '.join(drawn)}"
        if drawn
        else f"No runs with different numbers of negatives in the phase '{phase}' yet."
    )


@app.command("config")
def config_cli(dataset: str, variant: str, phase: Phase = "full", seed: int = 0):
    """Print the complete config of a run, for `python -m spacy train`."""
    grid = _load(phase, [dataset], [variant])
    typer.echo(grid.config(Cell(phase, dataset, variant, seed)).to_str())


@app.command("borders")
def borders_cli(
    datasets: Annotated[list[str], typer.Argument(help="Data sets of grid.yml.")] = [
        "crossre_en",
        "crossre_ja_e5",
        "crossre_zh_e5",
    ],
    variant: Annotated[str, typer.Option(help="What SpERT is compared with.")] = "spert_mt",
    seed: Annotated[int, typer.Option(help="The seed of the trainings.")] = 0,
    gpu: Gpu = -1,
):
    """What do borders cost? SpERT and another variant, with borders as they are in gold and with borders forgiven."""
    grid = _load("full", datasets, [variant])
    for name in datasets:
        prepare(grid.datasets[name])
    for row in write_borders(grid, datasets, variant=variant, seed=seed, gpu=gpu):
        scores = ", ".join(
            f"{name} {100 * row[name]:.2f}" for name in row if name.endswith("_f") and row[name] is not None
        )
        console.print(f"{row['dataset']} {row['variant']}: {scores}", markup=False, highlight=False, soft_wrap=True)


@app.command("reinforce")
def reinforce_cli(
    corpora: Annotated[list[str], typer.Argument(help="Corpora of grid.yml; by default all.")] = [],
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds: 0, 1, ...")] = 3,
    gpu: Gpu = -1,
    updates: Updates = None,
):
    """Mutual reinforcement on the corpora of the grid: `python -m spacy_mre reinforce` for each, and one summary and plot of all."""
    grid = Grid.load()
    _check(corpora, grid.reinforcement, "corpus")
    for name in corpora or grid.reinforcement:
        about = grid.reinforcement[name]
        prepare(about)
        parts = (Path(about["corpus"]) / f"{part}.spacy" for part in ("train", "dev", "test"))
        output = (TRIALS / "reinforcement" if updates else REINFORCEMENT) / name
        config = load_config(about["config"], interpolate=False)
        budget = updates or about["updates"]
        records, gains = reinforce(
            config, *parts, output, seeds=range(seeds), updates=budget, gpu=gpu, tell=console.print
        )
        console.print(arms_table(records), gains_table(gains))
    if not updates:
        by_corpus = write_reinforcement(grid)
        plot_gains(by_corpus, GAINS)


def _load(phase: str, datasets: list[str], variants: list[str]) -> Grid:
    grid = Grid.load()
    _check([phase], grid.phases, "phase")
    _check(datasets, grid.datasets, "data set")
    _check(variants, grid.variants, "variant")
    return grid


def _check(names, known, what: str) -> None:
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"there is no {what} '{name}' in grid.yml; there are: {', '.join(known)}")


def _show(grid: Grid, folder: Path, phase: str | None = None) -> None:
    runs = read_runs(folder)
    if folder == RUNS and runs:
        write_summary(grid, runs)
    summary = srsly.read_json(RESULTS) if folder == RUNS and runs else summarise(grid, runs)
    for part in ("rows", "comparisons"):
        summary[part] = [row for row in summary[part] if phase in (None, row["phase"])]
    if not summary["rows"]:
        console.print("No runs yet: python -m benchmarks.accuracy run")
    console.print(*tables(summary))


if __name__ == "__main__":
    app()
