"""Learning curves of the shipped configs, of SpERT and of spaCy's own components. A run that has a file in runs/ is not
made again.

    python -m benchmarks.curves [DATA...]    # writes results/curves.json

The corpus is the hand-written one. SpERT has the same encoder, learning rates and updates; spaCy's components have the
same tok2vec or transformer and as many updates. Nothing is selected or tuned, so the test part is scored.
"""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import srsly
import typer
from rich.console import Console

from spacy_mre.evaluation.learning_curve import LEVELS, Runs, learning_curve
from spacy_mre.evaluation.run_files import counts_of, get_device, get_versions
from spacy_mre.evaluation.significance import bootstrap, paired_bootstrap
from spacy_mre.files import replacing

from .grid import RUNS, Grid
from .results import RESULTS, get_commit, read

SUITE = "curves"
# What the others are compared with.
OURS = "shipped"
SIZES = (50, 100, 200, 400)
console = Console()


def measure(
    grid: Grid, name: str, seeds: int, sizes: tuple[int, ...] = SIZES, updates: int | None = None
) -> list[dict[str, Any]]:
    """Train all variants on parts of a corpus.

    grid (Grid): Has the corpora and the variants.
    name (str): A data set of the suite.
    seeds (int): The number of seeds.
    sizes (tuple[int, ...]): The numbers of training texts.
    updates (Optional[int]): Updates of each run. Default: by the number of texts.
    RETURNS (list[dict[str, Any]]): A row for each variant, number of texts and level.
    """
    curves: dict[str, Runs] = {}
    for cell in grid.cells(SUITE, datasets=[name], seeds=[0]):
        grid.prepare(cell)
        curves[cell.variant] = learning_curve(
            grid.config(cell),
            grid.part(cell, "train"),
            grid.part(cell, "test"),
            RUNS / SUITE / name / cell.variant,
            sizes=sizes,
            seeds=range(seeds),
            updates=updates,
            log=partial(console.print, f"{name} {cell.variant}", highlight=False),
        )
    config = Path(grid.suites[SUITE]["datasets"][name]["config"]).stem
    about = {"data": name, "config": config, "seeds": seeds, "commit": get_commit(), "device": get_device()}
    return [{**about, "versions": get_versions(), **row} for row in make_rows(curves)]


def make_rows(curves: dict[str, Runs]) -> list[dict[str, Any]]:
    """Score the runs, and compare those of other variants with ours: ours - other, paired over texts and seeds.

    curves (dict[str, dict[int, list[dict[str, Any]]]]): The results of `learning_curve` by variant.
    RETURNS (list[dict[str, Any]]): A row for each level, number of texts and variant that has the level.
    """
    rows = []
    for level, (layer, score) in LEVELS.items():
        for texts, of_ours in curves[OURS].items():
            ours = counts_of(of_ours, layer)
            for variant, runs in curves.items():
                found = counts_of(runs[texts], layer)
                if not any(counts.any() for counts in found):
                    continue
                row = {"level": level, "texts": texts, "variant": variant, **_rounded(bootstrap(found, score))}
                if variant != OURS:
                    row["gain"] = _rounded(paired_bootstrap(ours, found, score))
                rows.append(row)
    return rows


def _rounded(found: Any) -> dict[str, float]:
    return {name: round(value, 5) for name, value in found._asdict().items()}


def record(grid: Grid, rows: list[dict[str, Any]], seeds: int) -> None:
    """Put the rows of corpora in place of the older ones, in the order of the grid."""
    new, order = {row["data"] for row in rows}, list(grid.suites[SUITE]["datasets"])
    kept = [row for row in read(SUITE)["rows"] if row["data"] not in new]
    ordered = sorted(kept + rows, key=lambda row: order.index(row["data"]))
    with replacing(RESULTS / f"{SUITE}.json") as temporary:
        srsly.write_json(temporary, {"command": f"python -m benchmarks.{SUITE} --seeds {seeds}", "rows": ordered})


def main(
    names: Annotated[list[str] | None, typer.Argument(metavar="DATA", help="Some of the data sets.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="The number of seeds, from 0 up.")] = 1,
    only_train: Annotated[bool, typer.Option("--only-train", help="Make the runs, and record nothing yet.")] = False,
) -> None:
    """Measure and record learning curves."""
    grid = Grid.load()
    for name in names or grid.suites[SUITE]["datasets"]:
        rows = measure(grid, name, seeds)
        if not only_train:
            record(grid, rows, seeds)


if __name__ == "__main__":
    typer.run(main)
