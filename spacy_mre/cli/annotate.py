"""The command `annotate`."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

from .app import app
from .common import counted, refuse_given, use_gpu

if TYPE_CHECKING:
    from ..scale.options import Options
    from ..scale.parts import Counts
    from ..scale.rows import Partition

LEVELS = "entities,relations,cats"
STANDARD = "-"


@app.command("annotate")
def annotate_cli(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The trained pipeline, a package or a folder.")],
    source: Annotated[
        str,
        typer.Argument(
            metavar="IN",
            help="A .jsonl, .csv, .tsv or .txt file (also .gz, .bz2, .zst), a .parquet or .spacy file, or a folder of "
            "such files; - for JSON lines on standard input.",
        ),
    ],
    output: Annotated[
        str,
        typer.Argument(
            metavar="OUT",
            help="A folder, which gets a parquet file for each part of the input; or a .parquet, .jsonl, .jsonl.gz, "
            ".jsonl.zst or .spacy file; - for JSON lines on standard output.",
        ),
    ],
    text: Annotated[str, typer.Option(help="The column of the texts.")] = "text",
    name: Annotated[str, typer.Option("--id", help="The column of the names of the texts.")] = "id",
    keep: Annotated[
        str | None, typer.Option(help="The other columns to keep, separated by commas. Default: all.")
    ] = None,
    select: Annotated[str, typer.Option(help="What to write, separated by commas.")] = LEVELS,
    prefix: Annotated[str, typer.Option(help="Put before the names of the new columns.")] = "",
    form: Annotated[
        str | None, typer.Option(help="The form of a folder's files: parquet, jsonl, jsonl.gz, jsonl.zst or spacy.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="The number of processes.")] = 1,
    gpu_id: Annotated[int, typer.Option("--gpu-id", "-g", help="The GPU, or -1 for the CPU.")] = -1,
    rows: Annotated[
        int, typer.Option(min=1, help="Texts in a part. A killed run resumes after the last complete part.")
    ] = 10_000,
    batch_tokens: Annotated[int, typer.Option(min=1, help="Tokens in a batch.")] = 10_000,
    on_error: Annotated[
        Literal["stop", "skip"],
        typer.Option(help="With a text that cannot be analysed: stop, or list it with the reason and continue."),
    ] = "stop",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Start over instead of resuming; replace a file.")
    ] = False,
    engine: Annotated[
        Literal["local", "ray", "spark"],
        typer.Option(
            help="What runs the processes. Ray and Spark write files of their own: a text without an analysis is a row "
            "with an error, and a run that was killed starts over."
        ),
    ] = "local",
    address: Annotated[str | None, typer.Option(help="The cluster of Ray, or the master of Spark.")] = None,
) -> None:
    """Annotate any number of texts. A run that was stopped or killed resumes when the same command is given again."""
    from ..scale.inputs import open_input
    from ..scale.one_file import annotate_file, annotate_to_stdout
    from ..scale.options import Options, form_of
    from ..scale.run import annotate_folder

    is_stdout = output == STANDARD
    of_file = "jsonl" if is_stdout else form_of(Path(output))
    if form is not None and of_file is not None:
        raise typer.BadParameter("--form is for folders; a file has the form of its suffix.")
    options = Options(
        form=of_file or form or "parquet",
        text=text,
        id=name,
        keep=None if keep is None else tuple(_names(keep)),
        select=tuple(_names(select)),
        prefix=prefix,
        rows=rows,
        batch_tokens=batch_tokens,
    )
    if options.form == "spacy" and (options.prefix or len(options.select) < len(LEVELS.split(","))):
        raise typer.BadParameter("--select and --prefix are for columns; .spacy files have whole documents.")
    if engine != "local":
        if of_file is not None or overwrite or on_error != "stop":
            raise typer.BadParameter("Ray and Spark write a new folder, without --overwrite and --on-error.")
        refuse_given(context, ["name"], "Ray and Spark do not list the texts that they leave out")
        _annotate_on_engine(engine, model, source, output, options, workers, gpu_id, address)
        return
    refuse_given(context, ["address"], "it is for --engine ray and spark")
    opened = open_input(source, text=text, size=rows)
    use_gpu(gpu_id, silent=is_stdout)
    started = perf_counter()
    with _Bar(opened.total) as bar, _quiet_end():
        settings: dict[str, Any] = {"workers": workers, "gpu": gpu_id, "on_error": on_error, "overwrite": overwrite}
        settings["on_part"] = bar.move
        if is_stdout:
            totals = annotate_to_stdout(model, opened, options, **settings)
        elif of_file is not None:
            totals = annotate_file(model, opened, Path(output), options, **settings)
        else:
            totals = annotate_folder(model, opened, Path(output), options, **settings)
    new = totals.written + totals.rejected - totals.earlier
    rate = f", {new / (perf_counter() - started):,.3g} texts per second" if new else ""
    earlier = f", {totals.earlier:,} of them by an earlier run" if totals.earlier else ""
    typer.echo(
        f"{counted(totals.written, 'text')} in {output}{earlier}; {totals.rejected:,} left out{rate}", err=is_stdout
    )


def _annotate_on_engine(
    engine: str,
    model: str,
    source: str,
    output: str,
    options: "Options",
    workers: int,
    gpu: int,
    address: str | None,
) -> None:
    if engine == "ray":
        from ..scale.on_ray import annotate_with_ray

        found = annotate_with_ray(model, source, output, options, workers=workers, gpu=gpu, address=address)
    elif gpu >= 0:
        raise typer.BadParameter("--gpu-id is not for Spark.")
    else:
        from ..scale.on_spark import annotate_with_spark

        found = annotate_with_spark(model, source, output, options, workers=workers, master=address)
    typer.echo(f"{counted(found.rows, 'text')} in {output}; {found.errors:,} with an error")


@contextmanager
def _quiet_end() -> Iterator[None]:
    """End without a message when nobody reads standard output any more, as `head` does after some lines."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None


class _Bar(Progress):
    """How much of the input is read, the speed, and the time that is left.

    total (Optional[int]): The size of the input, in bytes or rows; None if it is not known.
    """

    def __init__(self, total: int | None) -> None:
        columns: list[ProgressColumn] = [TextColumn("Annotating"), BarColumn(), TaskProgressColumn()]
        speed = TextColumn("{task.fields[texts]:,} texts, {task.fields[rate]:,.0f} a second")
        console = Console(stderr=True)
        is_hidden = not console.is_terminal
        super().__init__(*columns, speed, TimeRemainingColumn(), console=console, transient=True, disable=is_hidden)
        self.task = self.add_task("", total=total, texts=0, rate=0.0)
        self.texts, self.position, self.started = 0, 0, perf_counter()

    def move(self, partition: "Partition", counts: "Counts") -> None:
        """Show that a part is written."""
        self.texts += sum(counts)
        self.position = max(self.position, partition.position)  # parts end in any order
        rate = self.texts / (perf_counter() - self.started)
        self.update(self.task, completed=self.position, texts=self.texts, rate=rate)


def _names(given: str) -> list[str]:
    return [name.strip() for name in given.split(",") if name.strip()]
