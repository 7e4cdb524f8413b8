"""What do the runs say together? Rows for benchmarks/results/accuracy.json, comparisons with intervals, and tables."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import srsly
from rich.table import Table

from spacy_mre.evaluation.reinforce_report import spread
from spacy_mre.evaluation.runs import counts_of, fingerprint, load_run
from spacy_mre.evaluation.significance import bootstrap, paired_bootstrap

from .grid import RUNS, Cell, Grid

RESULTS = Path("benchmarks/results/accuracy.json")
SCORES = (
    "spans_f",
    "spans_macro_f",
    "ents_f",
    "rel_f",
    "rel_strict_f",
    "rel_strict_macro_f",
    "given_rel_f",
    "cats_macro_f",
)
# What is compared: the layer of the counts that a score is of.
LAYERS = {
    "spans_f": "entities",
    "rel_f": "relations",
    "rel_strict_f": "strict_relations",
    "given_rel_f": "given_relations",
}

Group = tuple[str, str, str]
Runs = dict[Group, dict[int, dict[str, Any]]]


def read_runs(folder: Path = RUNS) -> Runs:
    """All runs that have their file, by phase, data set and variant, then by seed."""
    runs: Runs = {}
    for path in sorted(folder.glob("*/*/*.json")):
        run = load_run(path)
        runs.setdefault((run["phase"], run["dataset"], run["variant"]), {})[run["seed"]] = run
    return runs


def summarise(grid: Grid, runs: Runs) -> dict[str, Any]:
    """The content of benchmarks/results/accuracy.json.

    grid (Grid): Says which variants are compared.
    runs (Dict[Tuple[str, str, str], Dict[int, Dict[str, Any]]]): See `read_runs`.
    RETURNS (Dict[str, Any]): "rows", one per run ("as_now" tells whether it would be made the same way today), and "comparisons", with the seeds that
        both sides have. Runs that were scored on different documents are not compared.
    """
    order = {name: i for names in (grid.phases, grid.datasets, grid.variants) for i, name in enumerate(names)}
    ordered = sorted(runs.items(), key=lambda item: [order.get(name, len(order)) for name in item[0]])
    rows = [_row(grid, by_seed[seed]) for _, by_seed in ordered for seed in sorted(by_seed)]
    comparisons = []
    for phase, dataset in dict.fromkeys(group[:2] for group, _ in ordered):
        for variant, against in grid.pairs():
            ours, theirs = (runs.get((phase, dataset, name), {}) for name in (variant, against))
            for score, layer in LAYERS.items():
                found = compare(ours, theirs, layer)
                if found is not None:
                    about = {"phase": phase, "dataset": dataset, "variant": variant, "against": against, "score": score}
                    comparisons.append({**about, **found})
    versions = versions_of(run for by_seed in runs.values() for run in by_seed.values())
    return {
        "command": "python -m benchmarks.accuracy run",
        "versions": versions,
        "rows": rows,
        "comparisons": comparisons,
    }


def compare(ours: dict[int, dict[str, Any]], theirs: dict[int, dict[str, Any]], layer: str) -> dict[str, Any] | None:
    """The difference of two variants, by seed, on the seeds that both have and that were scored on the same documents.

    ours, theirs (Dict[int, Dict[str, Any]]): Runs by seed.
    layer (str): Of their counts.
    RETURNS (Optional[Dict[str, Any]]): The "seeds", and what `paired_bootstrap` gives; None where nothing can be compared.
    """
    seeds = sorted(seed for seed in set(ours) & set(theirs) if ours[seed]["documents"] == theirs[seed]["documents"])
    counts = [counts_of([side[seed] for seed in seeds], layer) for side in (ours, theirs)]
    if not all(counts):
        return None
    return {"seeds": seeds, **{key: round(value, 6) for key, value in paired_bootstrap(*counts)._asdict().items()}}


def write_summary(grid: Grid, runs: Runs, path: Path = RESULTS) -> None:
    """Write benchmarks/results/accuracy.json."""
    path.parent.mkdir(parents=True, exist_ok=True)
    srsly.write_json(path, summarise(grid, runs))


def tables(summary: dict[str, Any]) -> list[Table]:
    """For each phase and data set a table of scores, mean and deviation over the seeds, and one of differences with their intervals."""
    found = []
    for phase, dataset in dict.fromkeys((row["phase"], row["dataset"]) for row in summary["rows"]):
        rows, compared = (
            [row for row in summary[part] if (row["phase"], row["dataset"]) == (phase, dataset)]
            for part in ("rows", "comparisons")
        )
        title = f"{phase}: {dataset}, scored on {rows[0]['split']}, trained on {rows[0]['trained_on']}"
        scores = _table(title, "variant", "n", "entities", "rel.", "strict rel.", "given", "min.")
        for variant in dict.fromkeys(row["variant"] for row in rows):
            own = [row for row in rows if row["variant"] == variant]
            columns = (spread([row[key] for row in own]) for key in ("spans_f", "rel_f", "rel_strict_f", "given_rel_f"))
            scores.add_row(variant, str(len(own)), *columns, f"{mean(row['seconds'] for row in own) / 60:.0f}")
        found.append(scores)
        differences = _table("Differences, with 95 % intervals", "variant", "over", "n", "entities", "strict rel.")
        for variant, against, by_score in differences_of(compared):
            seeds = {len(row["seeds"]) for row in by_score.values()}
            columns = (difference(by_score[key]) if key in by_score else "-" for key in ("spans_f", "rel_strict_f"))
            differences.add_row(variant, against, "/".join(map(str, seeds)), *columns)
        if compared:
            found.append(differences)
    return found


def differences_of(comparisons: Sequence[dict[str, Any]]) -> Iterator[tuple[str, str, dict[str, dict[str, Any]]]]:
    """The comparisons of one phase and data set, those of each two variants together: both names, and the comparison by score."""
    for variant, against in dict.fromkeys((row["variant"], row["against"]) for row in comparisons):
        yield (
            variant,
            against,
            {row["score"]: row for row in comparisons if (row["variant"], row["against"]) == (variant, against)},
        )


def interval_of(run: dict[str, Any], score: str) -> tuple[float, float, float] | None:
    """A score of one run, and the ends of its interval over documents; None where the run has no such score."""
    counts = counts_of([run], LAYERS[score])
    return tuple(bootstrap(counts)) if counts else None


def difference(comparison: dict[str, Any]) -> str:
    """A difference in points, with its interval: "+1.23 (+0.10 to +2.30)"."""
    value, low, high = (f"{100 * comparison[key]:+.2f}" for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def minutes(rows: Sequence[dict[str, Any]]) -> str:
    """How long a training took on average: "24.0", and "3.1 ‡" on a GPU."""
    return f"{mean(row['seconds'] for row in rows) / 60:.1f}{' ‡' if any(map(_is_on_gpu, rows)) else ''}"


def gpu_note(rows: Sequence[dict[str, Any]]) -> list[str]:
    """What the mark of `minutes` says, as lines under a table; none where nothing is marked."""
    return ["‡ on a GPU, beside other runs.", ""] if any(map(_is_on_gpu, rows)) else []


def _is_on_gpu(row: dict[str, Any]) -> bool:
    return not row["device"].startswith("CPU")


def versions_of(runs: Iterable[dict[str, Any]]) -> dict[str, str]:
    """The versions of all runs; several of one package are named one after the other."""
    seen: dict[str, list[str]] = {}
    for run in runs:
        for package, number in run["versions"].items():
            if number not in seen.setdefault(package, []):
                seen[package].append(number)
    return {package: ", ".join(numbers) for package, numbers in seen.items()}


def _row(grid: Grid, run: dict[str, Any]) -> dict[str, Any]:
    kept = (
        "phase",
        "dataset",
        "variant",
        "seed",
        "about",
        "command",
        "fingerprint",
        "commit",
        "device",
        "updates",
        "batch",
        "seconds",
    )
    about = grid.variants.get(run["variant"], {})
    return {
        **{key: run[key] for key in kept},
        "split": Path(run["scored_on"]).stem,
        "trained_on": Path(run["trained_on"]).stem,
        "negatives": about.get("negatives"),
        **{key: run["scores"].get(key) for key in SCORES},
        "mistakes": run.get("mistakes", {}),
        "versions": run["versions"],
        "as_now": _is_as_now(grid, run),
    }


def _is_as_now(grid: Grid, run: dict[str, Any]) -> bool:
    """Whether the run was made with the config that the grid and the defaults of the code have now."""
    if run["dataset"] not in grid.datasets or run["variant"] not in grid.variants:
        return False
    return run["fingerprint"] == fingerprint(
        grid.config(Cell(run["phase"], run["dataset"], run["variant"], run["seed"]))
    )


def _table(title: str, *columns: str) -> Table:
    table = Table(*columns, title=title, title_justify="left")
    for column in table.columns:
        column.no_wrap = True
        column.justify = "left" if column.header in ("variant", "over") else "right"
    return table
