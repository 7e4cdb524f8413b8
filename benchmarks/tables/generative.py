"""The tables of the suite generative."""

from typing import Any

from ..grid import Grid
from ..mixes import MIXES
from ..results import read
from .formatting import Rows, commits, group, legend, markdown, no_runs, nothing, percent, scores, versions

ACCURACIES = {
    "format_acc": "format",
    "sc_acc": "text label",
    "ner_acc": "entities",
    "all_acc": "both",
    "spans_f": "entities, F1",
}


def models() -> str:
    """Models, untrained and trained, under each constraint."""
    lines = []
    for row in _rows("test"):
        ratio = "-"
        if row.get("time_ratio") is not None:
            ratio = f"{row['time_ratio']:.2f} ({row['time_ratio_min']:.2f} to {row['time_ratio_max']:.2f})"
        lines.append([*_about(row), row["constraint"] or "-", *_accuracies(row), ratio])
    columns = ["model", "", "updates", "constraint", *ACCURACIES.values(), "time of a token (ratio)"]
    return _table(columns, lines, _rows("test"))


def ablation() -> str:
    """SLG with one idea removed at a time."""
    return _scores("ablation")


def architectures() -> str:
    """Encoder-decoders of two families and a decoder, from scratch."""
    return _scores("architectures")


def languages() -> str:
    """Japanese and Chinese."""
    return _scores("languages", has_datasets=True)


def levels() -> str:
    """Both levels in one string, against one alone."""
    return _scores("levels", has_datasets=True)


def few_shot() -> str:
    """A few texts of each class, alone or after the entities of others."""
    return _scores("few_shot")


def adapted() -> str:
    """A language model with LoRA against a small one from scratch."""
    results = read("adapted")
    rows = results["rows"]
    if not rows:
        return no_runs("python -m benchmarks.adapted")
    names = {**ACCURACIES, "spans_entities_f": ACCURACIES["spans_f"]}
    del names["spans_f"]
    lines = [
        [row["model"], f"{row['updates'] * row['batch']:,}", *(percent(row[key]) for key in names)] for row in rows
    ]
    table = markdown(["model", "training texts", *names.values()], lines)
    return f"{table}\n\nCommit {commits(rows)}. {legend(results, rows)}"


def tasks() -> str:
    """Models of one task, against one of all tasks."""
    return _mixes("tasks")


def multilingual() -> str:
    """Models of one language, against one of all languages."""
    return _mixes("languages")


def _mixes(comparison: str) -> str:
    results = read("mixes")
    rows = [row for row in results["rows"] if row["comparison"] == comparison]
    if not rows:
        return no_runs(f"python -m benchmarks.mixes --comparison {comparison}")
    by_mix: dict[tuple[str, str, int], dict[str, str]] = {}
    for row in rows:
        cell = " / ".join(percent(row[key]) for key in ("tl_f", "wl_f", "all_acc"))
        by_mix.setdefault((row["task"], row["lang"], row["texts"]), {})[row["mix"]] = cell
    lines = [
        [f"`{task}`", lang, f"{texts:,}", *(cells.get(mix, "-") for mix in MIXES)]
        for (task, lang, texts), cells in by_mix.items()
    ]
    table = markdown(["task", "language", "texts", *(f"`{mix}`" for mix in MIXES)], lines)
    return f"{table}\n\nCommit {commits(rows)}. {legend(results, rows)}"


def anchoring() -> str:
    """Gold written as strings, parsed and found again in the text."""
    results = read("anchoring")
    if not results["rows"]:
        return no_runs("python -m benchmarks.anchoring")
    lines = [
        [
            row["corpus"],
            row["part"],
            row["template"],
            f"{row['places']:,}",
            f"{100 * row['exact'] / row['places']:.2f} %",
            "; ".join(f"{reason}: {count}" for reason, count in row["others"].items()),
        ]
        for row in results["rows"]
    ]
    table = markdown(["corpus", "part", "template", "offsets", "exact", "others"], lines)
    return f"{table}\n\n`{results['command']}`. Commit {results['commit']}. Versions: {versions(results)}."


def _scores(phase: str, *, has_datasets: bool = False) -> str:
    """The scores of all variants of a phase, under the constraints that were run; of several seeds the mean."""
    rows = _rows(phase)
    groups = group(rows, "dataset", "variant", "constraint")
    has_seeds = any(len(of_seeds) > 1 for of_seeds in groups.values())
    lines = []
    for (dataset, _, constraint), of_seeds in groups.items():
        about = [*([dataset] if has_datasets else []), *_about(of_seeds[0])]
        lines.append([*about, *([str(len(of_seeds))] if has_seeds else []), constraint or "-", *_means(of_seeds)])
    columns = [*(["data"] if has_datasets else []), "variant", "", "updates", *(["seeds"] if has_seeds else [])]
    return _table([*columns, "constraint", *ACCURACIES.values()], lines, rows)


def _means(rows: Rows) -> list[str]:
    return _accuracies(rows[0]) if len(rows) == 1 else [_mean(rows, name) for name in ACCURACIES]


def _mean(rows: Rows, name: str) -> str:
    return scores(rows, name)[0] if _is_shown(rows[0], name) else "-"


def _accuracies(row: dict[str, Any]) -> list[str]:
    """In percent."""
    return [percent(row[name]) if _is_shown(row, name) else "-" for name in ACCURACIES]


def _is_shown(row: dict[str, Any], name: str) -> bool:
    """Whether a model has a score: one that writes one part alone has no accuracy of both."""
    return row[name] is not None and (name != "all_acc" or None not in (row["sc_acc"], row["ner_acc"]))


def _rows(phase: str) -> list[dict[str, Any]]:
    return [row for row in read("generative")["rows"] if row["phase"] == phase]


def _about(row: dict[str, Any]) -> list[str]:
    about = Grid.load().suites["generative"]["variants"][row["variant"]]["about"]
    return [f"`{row['variant']}`", about, f"{row['updates']:,}"]


def _table(columns: list[str], lines: list[list[str]], rows: list[dict[str, Any]]) -> str:
    if not lines:
        return nothing("generative")
    results = read("generative")
    results["command"] += f" --phase {rows[0]['phase']}"
    return f"{markdown(columns, lines)}\n\nCommit {commits(rows)}. {legend(results, rows)}"
