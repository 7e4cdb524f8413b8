"""Run, check and show the benchmarks; README.md in this folder shows how it works."""

from typing import Annotated

import typer
from rich.console import Console

from .grid import MODELS, Cell, Grid

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console()

SPEED = "speed"
Suite = Annotated[str, typer.Option(help="accuracy, multi_ner, generative or speed.")]
Phase = Annotated[str | None, typer.Option(help="A phase of the suite. Default: its first.")]
Gpu = Annotated[int, typer.Option(help="The GPU, or -1 for the CPU.")]
Updates = Annotated[int | None, typer.Option(min=1, help="A trial with so many updates, which is not recorded.")]
KeepModels = Annotated[bool, typer.Option("--keep-models", help=f"Leave the trained pipelines in {MODELS}.")]


@app.command("run")
def run_cli(
    suite: Suite = "accuracy",
    phase: Phase = None,
    dataset: Annotated[list[str] | None, typer.Option(help="A data set; may be repeated.")] = None,
    variant: Annotated[list[str] | None, typer.Option(help="A variant, or a row of speed; may be repeated.")] = None,
    seed: Annotated[list[int] | None, typer.Option(help="A seed; may be repeated.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Runs at a time.")] = 1,
    gpu: Gpu = -1,
    updates: Updates = None,
    again: Annotated[bool, typer.Option("--again", help="Also what was run already.")] = False,
    dry: Annotated[bool, typer.Option("--dry", help="Only print what would be run.")] = False,
    keep_models: KeepModels = False,
    quick: Annotated[bool, typer.Option("--quick", help="speed: small inputs, two rounds, not recorded.")] = False,
    rounds: Annotated[int, typer.Option(min=1, help="speed: how often each side is measured.")] = 5,
    threads: Annotated[int, typer.Option(min=1, help="speed: threads of each process.")] = 2,
) -> None:
    """Run what was not run yet, and record it in benchmarks/results. Then `table` writes the tables."""
    grid = Grid.load()
    if suite == SPEED:
        from .speed.measuring import Settings
        from .speed.run import choose, run_speed

        _check(choose, variant or ())
        settings = Settings(2 if quick else rounds, quick)
        _, failed_rows = run_speed(variant or (), settings, console, threads=threads)
        _exit_if(failed_rows)
        return
    if suite not in grid.suites:
        raise typer.BadParameter(f"'{suite}' is not a suite: {', '.join([*grid.suites, SPEED])}")
    if "command" in grid.suites[suite]:
        raise typer.BadParameter(f"'{suite}' is run by: {grid.suites[suite]['command']}")
    cells = _check(lambda: list(grid.cells(suite, phase, dataset or (), variant or (), seed or (), updates)))
    from .run import is_made, run_cells

    missing = [cell for cell in cells if again or updates or not is_made(grid, cell)]
    console.print(f"{len(cells)} runs: {len(cells) - len(missing)} made already, {len(missing)} to make")
    if dry:
        for cell in missing:
            console.print(f"{cell}: {grid.config(cell)['training']['max_steps']} updates", soft_wrap=True)
        return
    _exit_if(run_cells(grid, missing, console, jobs=jobs, gpu=gpu, keep_models=keep_models))


@app.command("check")
def check_cli(
    rows: Annotated[list[str] | None, typer.Argument(help="Rows of speed. Default: some that are quick.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each side is measured.")] = 5,
    threads: Annotated[int, typer.Option(min=1, help="Threads of each process.")] = 2,
) -> None:
    """Measure rows of the suite speed again, and fail if one is worse than the committed one beyond both spreads."""
    from .speed.check import check, differences, is_bad, table
    from .speed.measuring import Settings
    from .speed.run import choose

    _check(choose, rows or ())
    for difference in differences(threads):
        console.print(f"ratios may differ: {difference}", style="yellow", soft_wrap=True)
    findings = check(rows or (), Settings(rounds), console, threads=threads)
    console.print(table(findings, "Ratios"))
    _exit_if([finding.name for finding in findings if is_bad(finding)])


@app.command("instructions")
def instructions_cli(
    record: Annotated[bool, typer.Option("--record", help="Write the counts instead of comparing them.")] = False,
) -> None:
    """Count the instructions of the heads, and fail if there are more than the committed number. Needs valgrind."""
    from .speed import instructions
    from .speed.check import is_bad, table

    if reason := instructions.missing() if record else instructions.why_not_compared():
        console.print(f"skipped: {reason}", style="yellow", soft_wrap=True)
        raise typer.Exit(1 if record else 0)
    counted = instructions.count()
    if record:
        instructions.record(counted)
        console.print(f"wrote {instructions.FILE}")
        return
    findings = instructions.check_instructions(counted, instructions.read())
    console.print(table(findings, "Instructions"))
    _exit_if([finding.name for finding in findings if is_bad(finding)])


@app.command("one", hidden=True)
def one_cli(
    suite: str,
    phase: str,
    dataset: str,
    variant: str,
    seed: int,
    gpu: Gpu = -1,
    updates: Updates = None,
    keep_models: KeepModels = False,
) -> None:
    """Run one cell in this process."""
    from .run import run_cell

    cell = Cell(suite, phase, dataset, variant, seed, updates)
    run_cell(Grid.load(), cell, gpu=gpu, keep_models=keep_models)


@app.command("table")
def table_cli() -> None:
    """Write the tables of README.md and docs/ from benchmarks/results."""
    from .tables import write_tables

    for page in write_tables():
        console.print(f"wrote {page}")


@app.command("plot")
def plot_cli() -> None:
    """Draw the plots in docs/images from benchmarks/results."""
    from .plots import draw_plots

    for path in draw_plots():
        console.print(f"drew {path}")


@app.command("config")
def config_cli(dataset: str, variant: str, suite: Suite = "accuracy", phase: Phase = None, seed: int = 0) -> None:
    """Print the complete config of a cell, for `python -m spacy train`."""
    grid = Grid.load()
    cells = _check(lambda: list(grid.cells(suite, phase, [dataset], [variant], [seed])))
    if not cells:
        raise typer.BadParameter(f"the variant '{variant}' is not for '{dataset}'")
    typer.echo(grid.config(cells[0]).to_str())


def _check(call, *arguments):
    try:
        return call(*arguments)
    except ValueError as err:
        raise typer.BadParameter(str(err)) from err


def _exit_if(failed: list) -> None:
    if failed:
        console.print(f"failed: {', '.join(map(str, failed))}", style="red", soft_wrap=True)
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
