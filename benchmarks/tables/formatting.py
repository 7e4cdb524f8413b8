"""How numbers and tables are written."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import mean
from typing import Any

from spacy_mre.evaluation.reinforce_report import spread
from spacy_mre.evaluation.text_mistakes import KINDS

Rows = Sequence[dict[str, Any]]

LANGUAGES = {"ja": "Japanese", "en": "English", "zh": "Chinese"}
ON_GPU = "‡ on a GPU, next to other runs."


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; columns of numbers are aligned right."""
    rows = list(rows)
    numeric = [
        columns[i] != "commit" and all(not row[i] or row[i][0] in "0123456789+-*" for row in rows)
        for i in range(len(columns))
    ]
    lines = [columns, ["---:" if right else "---" for right in numeric], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def group(rows: Rows, *keys: str) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    """RETURNS (dict[tuple, list[dict[str, Any]]]): The rows by the values of some fields."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return groups


def scores(rows: Rows, *names: str) -> list[str]:
    """RETURNS (list[str]): For each score mean and standard deviation over the seeds, in percent."""
    return [spread([row[name] for row in rows]) for name in names]


def percent(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{100 * value:.{digits}f}"


def calibration_error(error: float, chance: float) -> str:
    """RETURNS (str): An expected calibration error in points, and that of exact probabilities: "2.5 (2.2)"."""
    return f"{percent(error)} ({percent(chance)})"


def difference(found: dict[str, Any] | None) -> str:
    """RETURNS (str): A difference in points with its interval: "+1.23 (+0.10 to +2.30)"."""
    if found is None:
        return "-"
    value, low, high = (f"{100 * found[key]:+.2f}" for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def compared(results: dict[str, Any], row: dict[str, Any], against: str | None = None) -> dict[str, dict[str, Any]]:
    """RETURNS (dict[str, dict[str, Any]]): The comparisons of a row's variant with another (or with the first that it
    is compared with), by score."""
    own = [
        found
        for found in results["comparisons"]
        if all(found[key] == row[key] for key in ("phase", "dataset", "variant"))
        and against in (None, found["against"])
    ]
    return {found["score"]: found for found in own if found["against"] == own[0]["against"]}


def minutes(rows: Rows) -> str:
    on_gpu = any(is_on_gpu(row) for row in rows)
    return f"{mean(row['seconds'] for row in rows) / 60:.1f}{' ‡' if on_gpu else ''}"


def is_on_gpu(row: dict[str, Any]) -> bool:
    return not row["device"].startswith("CPU")


def commits(rows: Rows) -> str:
    """RETURNS (str): The commits of some rows. "+": files differed from it."""
    return ", ".join(dict.fromkeys(row["commit"] for row in rows))


def versions(results: dict[str, Any]) -> str:
    return ", ".join(f"{name} {number}" for name, number in results["versions"].items())


def legend(results: dict[str, Any], rows: Rows) -> str:
    """What the mark of a table means, and what its rows were measured on."""
    lines = [ON_GPU] if any(is_on_gpu(row) for row in rows) else []
    devices = "; ".join(sorted({row["device"].replace("CPU, 1 threads", "CPU, 1 thread") for row in rows}))
    return "\n\n".join([*lines, f"`{results['command']}`. Measured on: {devices}. Versions: {versions(results)}."])


def nothing(suite: str) -> str:
    return no_runs(f"python -m benchmarks run --suite {suite}")


def no_runs(command: str) -> str:
    return f"No runs yet: `{command}`."


def mistakes_table(groups: Mapping[tuple[str, str], Rows], *layers: str) -> str:
    """A table per layer: what part of the gold is right, and the mistakes by kind, in percent.

    groups (Mapping[tuple[str, str], Rows]): By data set and variant the rows of all seeds, with "mistakes".
    layers (str): "entities" and "relations". A group without a layer is left out of its table.
    """
    tables = []
    for layer in layers:
        shares = {
            names: [gold_shares(row["mistakes"][layer]) for row in rows]
            for names, rows in groups.items()
            if all(layer in row["mistakes"] for row in rows)
        }
        if shares:
            lines = [
                [*names, str(len(seeds)), *(percent(mean(of_kind)) for of_kind in zip(*seeds))]
                for names, seeds in shares.items()
            ]
            tables.append(markdown([f"{layer}: data", "variant", "seeds", "right", *KINDS[layer]], lines))
    return "\n\n".join(tables)


def gold_shares(mistakes: dict[str, Any]) -> list[float]:
    """RETURNS (list[float]): What is right and each kind of mistake, as shares of the gold."""
    counts = [mistakes["right"], *mistakes["missed"].values()]
    return [count / max(sum(counts), 1) for count in counts]
