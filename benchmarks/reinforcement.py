"""What text labels and entities do for each other, with `reinforce`: `python -m benchmarks.reinforcement [DATA...]`,
which writes results/reinforcement.json. A run that has a file in runs/ is not made again.

Each arm and score has the weight of the text label's loss that is best on dev.
"""

from importlib.metadata import version
from typing import Annotated, Any

import srsly
import typer
from rich.console import Console
from rich.progress import track
from spacy.util import load_config

from spacy_mre.evaluation.reinforce import reinforce
from spacy_mre.evaluation.run_files import get_device
from spacy_mre.files import replacing

from .grid import RUNS, Grid
from .results import RESULTS, get_commit, read

SUITE = "reinforcement"
# By the name of a corpus in grid.yml: the config, and the updates of a run.
DATA = {
    "asdc": ("ja_cpu", 800),
    "smp2019": ("zh_cpu", 1000),
    "crossre_ja": ("ja_cpu", 500),
}
# That of the shipped configs, and one tenfold.
WEIGHTS = (0.03, 0.3)
PACKAGES = ("spacy", "spacy-transformers", "torch", "thinc", "ja_ginza")
console = Console()


def measure(grid: Grid, name: str, seeds: int, updates: int | None = None) -> list[dict[str, Any]]:
    """Train all arms on a corpus, and compare them.

    grid (Grid): Has the corpora.
    name (str): A key of `DATA`.
    seeds (int): The number of seeds.
    updates (Optional[int]): Other than those in `DATA`.
    RETURNS (list[dict[str, Any]]): A row for each gain.
    """
    corpus = grid.prepare_corpus(name)
    config, shipped = DATA[name]
    _, gains = reinforce(
        load_config(f"configs/{config}.cfg"),
        corpus / "train.spacy",
        corpus / "dev.spacy",
        corpus / "test.spacy",
        RUNS / SUITE / name,
        seeds=range(seeds),
        updates=updates or shipped,
        weights=WEIGHTS,
        log=console.print,
    )
    about = {"data": name, "config": config, "updates": updates or shipped, "device": get_device()}
    made = {"commit": get_commit(), "versions": {package: version(package) for package in PACKAGES}}
    return [{**about, **made, **gain._asdict(), **_rounded(gain.difference._asdict())} for gain in gains]


def _rounded(difference: dict[str, float]) -> dict[str, Any]:
    return {"difference": {name: round(value, 6) for name, value in difference.items()}}


def record(rows: list[dict[str, Any]], seeds: int) -> None:
    """Put the rows of corpora in place of the older ones, in the order of `DATA`."""
    new = {row["data"] for row in rows}
    kept = [row for row in read(SUITE)["rows"] if row["data"] not in new]
    ordered = sorted(kept + rows, key=lambda row: list(DATA).index(row["data"]))
    with replacing(RESULTS / f"{SUITE}.json") as temporary:
        srsly.write_json(temporary, {"command": f"python -m benchmarks.{SUITE} --seeds {seeds}", "rows": ordered})


def main(
    names: Annotated[list[str] | None, typer.Argument(metavar="DATA", help=f"Some of: {', '.join(DATA)}.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="The number of seeds, from 0 up.")] = 3,
) -> None:
    """Measure and record what each level gains from the other."""
    grid = Grid.load()
    for name in track(names or DATA, "corpora", console=console):
        record(measure(grid, name, seeds), seeds)


if __name__ == "__main__":
    typer.run(main)
