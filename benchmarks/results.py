"""The committed results: rows and comparisons in `results/SUITE.json`, counts per document in `results/counts/`."""

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy
import srsly

from spacy_mre.evaluation.significance import f1, paired_bootstrap, share
from spacy_mre.files import replacing

from .grid import Grid

RESULTS = Path("benchmarks/results")
# What tells the rows of a suite apart.
KEY = ("phase", "dataset", "variant", "seed", "constraint")

Row = dict[str, Any]
Counts = dict[str, numpy.ndarray]


def get_commit() -> str:
    """RETURNS (str): The commit of the code; "+" if files differ from it, other than results and docs."""
    commit = ["git", "rev-parse", "--short", "HEAD"]
    changes = ["git", "diff", "--quiet", "HEAD", "--", ".", ":!benchmarks/results", ":!docs", ":!*.md"]
    name = subprocess.run(commit, capture_output=True, text=True).stdout.strip()
    return name + "+" * bool(subprocess.run(changes, capture_output=True).returncode)


def read(suite: str) -> dict[str, Any]:
    """RETURNS (dict[str, Any]): "rows" and "comparisons" of a suite, among others; empty if nothing is recorded."""
    path = RESULTS / f"{suite}.json"
    return srsly.read_json(path) if path.exists() else {"rows": [], "comparisons": []}


def write(suite: str, results: dict[str, Any], name: str | None = None) -> None:
    """Write the results of a suite, with the command that gives them and all versions in its rows.

    suite (str): The suite.
    results (dict[str, Any]): The results.
    name (Optional[str]): The name of the file. Default: the suite.
    """
    command = f"python -m benchmarks run --suite {suite}"
    versions: dict[str, list[str]] = {}
    for row in results["rows"]:
        for package, number in row.get("versions", {}).items():
            if number not in versions.setdefault(package, []):
                versions[package].append(number)
    merged = {package: ", ".join(numbers) for package, numbers in versions.items()}
    with replacing(RESULTS / f"{name or suite}.json") as temporary:
        srsly.write_json(temporary, {**results, "command": command, "versions": merged or results.get("versions", {})})


def record(grid: Grid, suite: str, run: dict[str, Any]) -> None:
    """Add a run to the results in place of an older one of the same cell, and compare its variant again.

    grid (Grid): Tells what is compared.
    suite (str): The suite.
    run (dict[str, Any]): The content of a run's file: "rows" and "counts".
    """
    results, first = read(suite), run["rows"][0]
    phase, dataset, variant = first["phase"], first["dataset"], first["variant"]
    new = {_key(row) for row in run["rows"]}
    rows = [row for row in results["rows"] if _key(row) not in new] + run["rows"]
    results["rows"] = sorted(rows, key=lambda row: _order(grid, suite, row))
    kept = set(grid.suites[suite]["compare"].values())
    counts = read_counts(dataset)
    prefix = f"{suite}/{phase}/{variant}/{first['seed']}/"
    counts = {name: array for name, array in counts.items() if not name.startswith(prefix)}
    counts.update({prefix + layer: numpy.asarray(of) for layer, of in run["counts"].items() if layer in kept})
    write_counts(dataset, counts)
    results["comparisons"] = [
        found
        for found in results["comparisons"]
        if (found["phase"], found["dataset"]) != (phase, dataset) or variant not in (found["variant"], found["against"])
    ]
    for ours, theirs in grid.pairs(suite, variant):
        for score, layer in grid.suites[suite]["compare"].items():
            about = {"phase": phase, "dataset": dataset, "variant": ours, "against": theirs, "score": score}
            found = compare(counts, suite, about, layer, results["rows"])
            if found is not None:
                results["comparisons"].append({**about, **found})
    write(suite, results)


def compare(
    counts: Counts, suite: str, about: Row, layer: str, rows: Iterable[Row] | None = None
) -> dict[str, Any] | None:
    """The difference between two variants on the seeds that both have.

    counts (dict[str, numpy.ndarray]): From `read_counts`.
    suite (str): The suite.
    about (dict[str, Any]): "phase", "dataset", "variant" and "against".
    layer (str): Which counts are scored.
    rows (Optional[Iterable[dict[str, Any]]]): If given, runs whose rows name different documents are not compared.
    RETURNS (Optional[dict[str, Any]]): "seeds", and the fields of `paired_bootstrap`; None if there is no such seed, or
        nothing to find.
    """
    sides = [seeds_of(counts, suite, about["phase"], about[side], layer) for side in ("variant", "against")]
    documents = {
        (row["variant"], row["seed"]): row.get("documents")
        for row in rows or ()
        if (row["phase"], row["dataset"]) == (about["phase"], about["dataset"])
    }
    seeds = [
        seed
        for seed in sorted(set(sides[0]) & set(sides[1]))
        if documents.get((about["variant"], seed)) == documents.get((about["against"], seed))
    ]
    if not seeds:
        return None
    ours, theirs = ([side[seed] for seed in seeds] for side in sides)
    if not any(counts.any() for counts in (*ours, *theirs)):  # there is no gold
        return None
    difference = paired_bootstrap(ours, theirs, _score(ours[0]))
    return {"seeds": seeds, **{name: round(value, 6) for name, value in difference._asdict().items()}}


def seeds_of(counts: Counts, suite: str, phase: str, variant: str, layer: str) -> dict[int, numpy.ndarray]:
    """RETURNS (dict[int, numpy.ndarray]): The counts of a variant by seed, documents x counts."""
    found = {}
    for name, array in counts.items():
        *cell, seed, of = name.split("/")
        if (*cell, of) == (suite, phase, variant, layer):
            found[int(seed)] = array.astype(numpy.int64)
    return found


def read_counts(dataset: str) -> Counts:
    """RETURNS (dict[str, numpy.ndarray]): By "suite/phase/variant/seed/layer": per document right, wrong and missed, or
    right and all."""
    path = RESULTS / "counts" / f"{dataset}.npz"
    if not path.exists():
        return {}
    with numpy.load(path) as arrays:
        return {name: arrays[name] for name in arrays.files}


def write_counts(dataset: str, counts: Counts) -> None:
    """Write the counts of a data set, each in the smallest type that holds it."""
    small = {name: array.astype(numpy.min_scalar_type(int(array.max(initial=0)))) for name, array in counts.items()}
    arrays: dict[str, Any] = dict(sorted(small.items()))
    with replacing(RESULTS / "counts" / f"{dataset}.npz") as temporary:
        numpy.savez_compressed(temporary, **arrays)


def _score(counts: numpy.ndarray):
    return f1 if counts.shape[1] == 3 else share


def _key(row: Row) -> tuple:
    return tuple(row.get(name) for name in KEY)


def _order(grid: Grid, suite: str, row: Row) -> tuple:
    """Rows have the order of the grid."""
    about = grid.suites[suite]
    names = [list(about[kind]) for kind in ("phases", "datasets", "variants")]
    places = [
        known.index(row[kind]) if row[kind] in known else len(known)
        for known, kind in zip(names, ("phase", "dataset", "variant"))
    ]
    return (*places, row["seed"], str(row.get("constraint")))
