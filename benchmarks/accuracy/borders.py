"""What do borders cost? The baseline and another variant, scored with borders as they are in gold and with borders forgiven."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import srsly

from spacy_mre.evaluation.evaluate import OVERLAP
from spacy_mre.evaluation.runs import get_device, get_versions, measure, read_examples

from .cell import decoding_as, trained_pipeline
from .grid import Cell, Grid
from .summary import LAYERS, SCORES, compare

RESULTS = Path("benchmarks/results/borders.json")
BASELINE = "spert"
COMPARED = ("spans_f", "rel_strict_f")


def write_borders(
    grid: Grid,
    datasets: Sequence[str],
    *,
    variant: str = "spert_mt",
    seed: int = 0,
    gpu: int = -1,
    results: Path = RESULTS,
) -> list[dict[str, Any]]:
    """Score pipelines of the phase "full", and write the rows. Pipelines that were kept are not trained again, and those that are trained are kept.

    grid (Grid): The grid.
    datasets (Sequence[str]): Of the grid.
    variant (str): What is compared with the baseline. Default: "spert_mt", what is shipped.
    seed (int): Of the training.
    gpu (int): The GPU, or -1 for the CPU.
    results (Path): The summary.
    RETURNS (List[Dict[str, Any]]): The rows: scores, and "over", the differences of the variant to the baseline; both with `overlap_` before
        those with forgiven borders.
    """
    rows: list[dict[str, Any]] = []
    for dataset in datasets:
        sides = []
        for name in (BASELINE, variant):
            cell = Cell("full", dataset, name, seed)
            config = grid.config(cell)
            nlp, seconds = trained_pipeline(grid, cell, gpu)
            with decoding_as(nlp, config):
                measured = measure(nlp, read_examples(config, nlp, grid.part(cell, "test")))
            scores = {
                score: measured.scores.get(score) for score in (*SCORES, *(f"{OVERLAP}{score}" for score in COMPARED))
            }
            about = {"dataset": dataset, "variant": name, "seed": seed, "split": "test", "seconds": round(seconds, 1)}
            rows.append({**about, **scores, "device": get_device(), "versions": get_versions(), "over": {}})
            sides.append({seed: measured._asdict()})
        theirs, ours = sides
        for prefix in ("", OVERLAP):
            for score in COMPARED:
                rows[-1]["over"][f"{prefix}{score}"] = compare(ours, theirs, f"{prefix}{LAYERS[score]}")
    results.parent.mkdir(parents=True, exist_ok=True)
    command = f"python -m benchmarks.accuracy borders {' '.join(datasets)} --variant {variant}"
    srsly.write_json(results, {"command": command, "versions": rows[-1]["versions"], "rows": rows})
    return rows
