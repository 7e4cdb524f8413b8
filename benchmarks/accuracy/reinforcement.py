"""The runs of mutual reinforcement on all corpora, as rows and gains in benchmarks/results/reinforcement.json."""

from pathlib import Path
from typing import Any

import srsly

from spacy_mre.evaluation.reinforce import Gain, compare_arms
from spacy_mre.evaluation.runs import load_run

from .grid import Grid
from .summary import SCORES

REINFORCEMENT = Path("benchmarks/runs/reinforcement")
RESULTS = Path("benchmarks/results/reinforcement.json")
PICTURE = Path("docs/images/reinforcement.svg")


def write_reinforcement(grid: Grid, runs: Path = REINFORCEMENT, results: Path = RESULTS) -> dict[str, list[Gain]]:
    """Gather the runs of all corpora.

    grid (Grid): Says in which order.
    runs (Path): A folder for each corpus, as `reinforce` writes it.
    results (Path): The summary.
    RETURNS (Dict[str, List[Gain]]): The gains, by corpus.
    """
    rows: list[dict[str, Any]] = []
    gains: dict[str, list[Gain]] = {}
    for corpus in grid.reinforcement:
        records: dict[str, dict[int, dict[str, Any]]] = {}
        for path in sorted((runs / corpus / "runs").glob("*.json")):
            run = load_run(path)
            records.setdefault(run["arm"], {})[run["seed"]] = run
            rows.append(
                {
                    "dataset": corpus,
                    "variant": run["arm"],
                    "seed": run["seed"],
                    "split": "test",
                    "updates": run["updates"],
                    **{key: run["scores"].get(key) for key in (*SCORES, "cats_accuracy")},
                    "seconds": run["seconds"],
                    "device": run["device"],
                    "versions": run["versions"],
                }
            )
        if records:
            gains[corpus] = compare_arms(records)
    summary = {
        "command": "python -m benchmarks.accuracy reinforce",
        "versions": rows[-1]["versions"] if rows else {},
        "rows": rows,
        "gains": [
            {"dataset": corpus, **gain._asdict(), "difference": gain.difference._asdict()}
            for corpus, own in gains.items()
            for gain in own
        ],
    }
    results.parent.mkdir(parents=True, exist_ok=True)
    srsly.write_json(results, summary)
    return gains
