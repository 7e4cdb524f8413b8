"""The command `audit`."""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..corpora.folds import make_folds
from ..evaluation.audit import audit, only_confident
from ..evaluation.mistakes_file import LEVEL_NAMES, write_mistakes
from ..evaluation.report import make_table
from ..evaluation.text_mistakes import TextMistakes, worst_first
from ..files import check_can_write, replacing_files
from ..training.configs import read_config
from ..visual import write_mistakes_page
from ..visual.names import Names
from .app import app
from .common import DisplayNames, PageLanguage, counted, read_display_names, read_docs, use_gpu

LINES, PAGE = "audit.jsonl", "audit.html"
WHAT_NAMES = {"wrong": "only predicted", "missed": "only annotated"}


@app.command("audit")
def audit_cli(
    corpus: Annotated[Path, typer.Argument(metavar="CORPUS", help="The .spacy file to check.", exists=True)],
    output: Annotated[
        Path, typer.Argument(metavar="OUT", help=f"A folder for {PAGE} and {LINES}. It is made.", file_okay=False)
    ],
    config: Annotated[str, typer.Option(help="The training config, or its name.")],
    folds: Annotated[int, typer.Option(min=2, help="The parts of the corpus, and the pipelines to train.")] = 5,
    updates: Annotated[
        int | None, typer.Option(min=1, help="The updates of each pipeline. Default: by the number of texts.")
    ] = None,
    least_score: Annotated[
        float,
        typer.Option(min=0, max=1, help="Leave out predictions with a lower score: mostly the pipeline errs there."),
    ] = 0.9,
    seed: Annotated[int, typer.Option(min=0, help="The seed of the parts and of the training.")] = 0,
    labels: DisplayNames = None,
    lang: PageLanguage = "en",
    gpu_id: Annotated[int, typer.Option("--gpu-id", "-g", help="The GPU, or -1 for the CPU.")] = -1,
) -> None:
    """Find annotations that may be wrong: a pipeline that was not trained on them predicts something else."""
    check_can_write(output, folder=True)
    names = None if labels is None else read_display_names(labels)
    Names(names, lang)  # refuses an unknown language before the training
    use_gpu(gpu_id)
    console = Console()
    log = partial(console.print, markup=False, highlight=False)
    settings, docs = read_config(config), read_docs(corpus)
    parts = make_folds(docs, folds, seed=seed)
    found = audit(settings, docs, parts, updates=updates, seed=seed, gpu=gpu_id, log=log)
    texts = only_confident(found.texts, least_score)
    options: dict[str, Any] = {"labels": names, "lang": lang, "spans_key": found.spans_key}
    about = f"{corpus} · {config}, {folds} parts"
    with replacing_files(output) as fresh:  # both files, or neither
        write_mistakes_page(texts, fresh / PAGE, file=LINES, about=about, symmetric=found.symmetric, **options)
        count = write_mistakes(worst_first(texts), fresh / LINES, name="disagreements", what_names=WHAT_NAMES)
    console.print(_table(texts))
    typer.echo(f"{counted(count, 'text')} of {len(texts)} to read in {output}")
    if left_out := _count(found.texts) - _count(texts):
        typer.echo(f"{counted(left_out, 'difference')} left out, see --least-score")


def _count(texts: list[TextMistakes]) -> int:
    return sum(len(text.mistakes) for text in texts)


def _table(texts: list[TextMistakes]) -> Table:
    found: Counter[tuple[str, str, str]] = Counter(
        (mistake.level, mistake.label, mistake.what) for text in texts for mistake in text.mistakes
    )
    table = make_table("Disagreements", *WHAT_NAMES.values())
    for level, name in LEVEL_NAMES.items():
        for label in sorted({key[1] for key in found if key[0] == level}):
            table.add_row(f"{name} {escape(label)}", *(str(found[level, label, what]) for what in WHAT_NAMES))
    return table
