"""Train generative components on SNIPS, and measure them under every constraint: `python -m benchmarks.generative run`, `... ablation`.

What is trained stands in `training/generative`; a variant that is there, trained by the same config, is not trained again. A row that was measured stays
until its variant is measured again. Afterwards `python -m benchmarks.tables` writes the tables of the docs.
"""

from pathlib import Path
from typing import Annotated, Any

import srsly
import typer
from rich.console import Console
from rich.table import Table
from spacy.util import fix_random_seed

from spacy_mre.evaluation.runs import get_device, get_versions
from spacy_mre.pipeline.generative.component import CONSTRAINTS

from .anchoring import anchoring
from .rows import rows_of
from .variants import ABLATIONS, JOINT, MODELS, names_of

RESULTS = Path("benchmarks/results/generative.json")
# Of the test part; to write 700 texts takes as long as a training.
ABLATION_TEXTS = 300
COLUMNS = ("format_acc", "sc_acc", "ner_acc", "all_acc", "time_ratio")

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
Names = Annotated[list[str] | None, typer.Argument(help="Variants; all by default.")]
Seed = Annotated[int, typer.Option(help="Of the trainings.")]
Updates = Annotated[
    int | None, typer.Option(help="Another budget than the full one: a trial, not kept without --output.", min=1)
]
Limit = Annotated[int | None, typer.Option(help="Only so many texts of the test part: a trial as well.", min=1)]
Output = Annotated[Path | None, typer.Option(help=f"Where to keep the rows; {RESULTS} by default.")]


@app.command("run")
def run_cli(names: Names = None, seed: Seed = 0, updates: Updates = None, limit: Limit = None, output: Output = None):
    """Models, untrained and trained, under each constraint; and beside them the joint pipeline."""
    for name in names_of(names or [], (*MODELS, JOINT)):
        for learnt in (True,) if name == JOINT else (False, True):
            fix_random_seed(seed)
            keep(
                "models",
                rows_of(name, learnt=learnt, seed=seed, updates=updates, limit=limit),
                _path(output, updates, limit),
            )


@app.command("ablation")
def ablation_cli(
    names: Names = None, seed: Seed = 0, updates: Updates = None, limit: Limit = None, output: Output = None
):
    """Prompt words, constraint, incremental learning and joint learning: each switched off alone."""
    for name in names_of(names or [], ABLATIONS):
        fix_random_seed(seed)
        constraints = (
            CONSTRAINTS if name == ABLATIONS[0] else ("grammar",)
        )  # one model is enough to show what they are worth
        rows = rows_of(
            name, constraints=constraints, timed=False, seed=seed, updates=updates, limit=limit or ABLATION_TEXTS
        )
        keep("ablation", rows, _path(output, updates, limit))


@app.command("anchoring")
def anchoring_cli():
    """Gold as strings and back, on the corpora in MRE_DATA and in assets: how many places are exact?"""
    rows = anchoring()
    for row in rows:
        Console().print(
            f"{row['corpus']}, {row['template']}: {row['exact']} of {row['places']}, {row['others']}", highlight=False
        )
    write(RESULTS, anchoring=rows)


def keep(kind: str, rows: list[dict[str, Any]], path: Path | None) -> None:
    """Print rows, and put them in place of those that were measured before."""
    table = Table("variant", "trained", "constraint", *COLUMNS)
    for row in rows:
        table.add_row(
            row["variant"],
            str(row["trained"]),
            row["constraint"],
            *("-" if row[key] is None else f"{row[key]:.3f}" for key in COLUMNS),
        )
    Console().print(table)
    if path is None:
        return
    kept = srsly.read_json(path)["rows"] if path.exists() else []
    new = {_key({**row, "kind": kind}) for row in rows}
    kept = [row for row in kept if _key(row) not in new] + [{**row, "kind": kind} for row in rows]
    write(path, rows=sorted(kept, key=_key))


def write(path: Path, **parts: list[dict[str, Any]]) -> None:
    """Write the results, with some parts anew and the others as they were."""
    before = srsly.read_json(path) if path.exists() else {"rows": [], "anchoring": []}
    command = "; ".join(f"python -m benchmarks.generative {name}" for name in ("run", "ablation", "anchoring"))
    path.parent.mkdir(parents=True, exist_ok=True)
    srsly.write_json(path, {**before, "command": command, "versions": get_versions(), "device": get_device(), **parts})


def _key(row: dict[str, Any]):
    return tuple(str(row[part]) for part in ("kind", "variant", "seed", "trained", "constraint"))


def _path(output: Path | None, updates: int | None, limit: int | None) -> Path | None:
    return output or (None if updates or limit else RESULTS)


if __name__ == "__main__":
    app()
