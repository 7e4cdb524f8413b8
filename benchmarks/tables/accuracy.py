"""The tables of the suite accuracy."""

from collections.abc import Container
from pathlib import Path
from statistics import mean, median
from typing import Any

from ..grid import Grid
from ..results import read
from .formatting import (
    calibration_error,
    commits,
    compared,
    difference,
    group,
    legend,
    markdown,
    mistakes_table,
    nothing,
    scores,
)

# The data sets of the suite accuracy, and their encoders.
NAMES = {
    "conll04": ("CoNLL04, English", "MiniLM"),
    "crossre_en": ("CrossRE, English", "MiniLM"),
    "crossre_ja_e5": ("CrossRE, Japanese", "multilingual E5"),
    "crossre_zh_e5": ("CrossRE, Chinese", "multilingual E5"),
    "genia": ("GENIA, English", "MiniLM"),
    "stockmark_e5": ("Stockmark, Japanese", "multilingual E5"),
    "crossre_ja": ("CrossRE, Japanese", "tok2vec of `ja_ginza`"),
    "crossre_zh": ("CrossRE, Chinese", "a CNN over characters"),
}
# The texts of the training parts, as they are converted.
TRAINING_TEXTS = {
    ("conll04", "train"): 922,
    ("conll04", "train_dev"): 1153,
    ("crossre_en", "train"): 2151,
    ("crossre_ja_e5", "train"): 2151,
    ("crossre_zh_e5", "train"): 2151,
    ("genia", "train"): 1591,
    ("stockmark_e5", "train"): 4297,
}
# A run that took less for an update did not train: its weights were there before.
LEAST_SECONDS = 0.05
COMPARED = ("spans_f", "rel_strict_f")
LEVELS = ("entities", "relations")
SIDES = ("spert_mt", "spert")
# Variants of the first side: without one idea, and with options of training.
IDEAS = ("separate", "no_iou", "no_logits", "no_ends", "no_hidden", "no_product", "no_constraints", "overlap_any")
OPTIONS = ("bf16", "frozen")
MAIN = ("spans_f", "rel_f", "rel_strict_f", "given_rel_f")


def headline() -> str:
    """The shipped model and SpERT on the test parts."""
    results = read("accuracy")
    rows = []
    for (dataset, updates), of_dataset in group(_of(results, "test", "long", "longer"), "dataset", "updates").items():
        variants = {variant: own for (variant,), own in group(of_dataset, "variant").items()}
        if {"spert", "spert_mt"} <= set(variants):
            over = compared(results, variants["spert_mt"][0], "spert")
            cells = [scores(variants[name], score)[0] for score in COMPARED for name in ("spert_mt", "spert")]
            differences = [difference(over.get(score)) for score in COMPARED]
            about = [*NAMES[dataset], f"{updates:,}", str(len(variants["spert_mt"]))]
            rows.append([*about, *cells[:2], differences[0], *cells[2:], differences[1]])
    if not rows:
        return nothing("accuracy")
    columns = ["data", "encoder", "updates", "seeds"]
    for level in ("entities", "strict relations"):
        columns += [f"{level}: `spert_mt`", "SpERT", "difference"]
    return markdown(columns, rows)


def test() -> str:
    """Both sides on the test parts, and their difference."""
    results, grid = read("accuracy"), Grid.load().suites["accuracy"]
    rows = _of(results, "test", "published", "long", "longer")
    if not rows:
        return nothing("accuracy")
    lines = []
    for (dataset, phase, variant), own in group(rows, "dataset", "phase", "variant").items():
        over = compared(results, own[0], "spert")
        config = grid["datasets"][dataset]["config"].rpartition("/")[2] if dataset in grid["datasets"] else ""
        about = [dataset, phase, f"`{config}`", f"{own[0]['updates']:,}", f"`{variant}`", str(len(own))]
        cells = [*scores(own, *MAIN), *(difference(over.get(score)) for score in COMPARED)]
        lines.append([*about, *cells, commits(own)])
    columns = ["data", "phase", "config", "updates", "variant", "seeds", "entities", "relations"]
    columns += ["relations, strict", "relations, given", "difference from `spert`: entities", "relations, strict"]
    columns.append("commit")
    return f"{markdown(columns, lines)}\n\n{legend(results, rows)}"


def seen() -> str:
    """The scores with and without the test texts that stand in training too."""
    lines = []
    for (dataset, variant), own in group(_of(read("accuracy"), "test"), "dataset", "variant").items():
        if own[0].get("seen"):
            cells = [scores(own, name)[0] for score in COMPARED for name in (score, f"unseen_{score}")]
            lines.append([dataset, f"`{variant}`", str(own[0]["seen"]), *cells])
    columns = ["data", "variant", "texts seen in training", "entities", "entities without them"]
    return markdown([*columns, "relations, strict", "relations, strict, without them"], lines)


def calibration() -> str:
    """The expected calibration errors on the test parts, and the thresholds that were chosen on dev."""
    lines = []
    rows = [row for row in _of(read("accuracy"), "test") if "calibration" in row]
    for (dataset, variant), own in group(rows, "dataset", "variant").items():
        errors = [_errors([row["calibration"].get(level) for row in own]) for level in LEVELS]
        thresholds = [" ".join(_threshold(row, place) for row in own) for place in range(len(LEVELS))]
        lines.append([dataset, f"`{variant}`", *errors, *thresholds])
    if not lines:
        return nothing("accuracy")
    columns = ["data", "variant", *(f"error of {level} (by chance)" for level in LEVELS)]
    return markdown([*columns, *(f"thresholds of {level}" for level in LEVELS)], lines)


def _threshold(row: dict[str, Any], place: int) -> str:
    """What was chosen for a level; nothing if the data has no gold for it."""
    chosen = row["thresholds"][place] if row["calibration"].get(LEVELS[place]) else None
    return "-" if chosen is None else f"{chosen:.2f}"


def _errors(pairs: list[Any]) -> str:
    return "-" if None in pairs else calibration_error(*(mean(values) for values in zip(*pairs)))


def mistakes() -> str:
    """What becomes of the gold of the test parts."""
    rows = [row for row in _of(read("accuracy"), "test") if row["mistakes"]]
    groups = {(dataset, f"`{variant}`"): own for (dataset, variant), own in group(rows, "dataset", "variant").items()}
    return mistakes_table(groups, "entities", "relations") if rows else nothing("accuracy")


def boundaries() -> str:
    """Entities and strict relations with the boundaries of the gold, and with any that overlap them."""
    results = read("accuracy")
    lines = []
    for (dataset, updates), of_dataset in group(_of(results, "test", "long", "longer"), "dataset", "updates").items():
        variants = {variant: own for (variant,), own in group(of_dataset, "variant").items()}
        if {"spert", "spert_mt"} <= set(variants):
            over = compared(results, variants["spert_mt"][0], "spert")
            for prefix, boundary in (("", "exact"), ("overlap_", "overlapping")):
                names = [f"{prefix}{score}" for score in COMPARED]
                # A corpus without relations has no score of them with any boundaries.
                cells = [
                    scores(variants[side], f"{prefix}{score}" if variants[side][0][score] is not None else score)[0]
                    for side in ("spert", "spert_mt")
                    for score in COMPARED
                ]
                differences = [difference(over.get(name)) for name in names]
                lines.append([dataset, f"{updates:,}", boundary, *cells, *differences])
    if not lines:
        return nothing("accuracy")
    columns = ["data", "updates", "boundaries", "`spert`: entities", "relations, strict", "`spert_mt`: entities"]
    columns += ["relations, strict", "difference from `spert`: entities", "relations, strict"]
    return markdown(columns, lines)


def swaps() -> str:
    """Training with and without copies of the texts with other names, on the dev parts."""
    lines = []
    rows = _of(read("accuracy"), "dev", variants=("spert_mt", "swaps"))
    for (dataset, updates), of_dataset in group(rows, "dataset", "updates").items():
        variants = {variant: own for (variant,), own in group(of_dataset, "variant").items()}
        if {"spert_mt", "swaps"} <= set(variants):
            sides = variants["spert_mt"], variants["swaps"]
            cells = [scores(own, score)[0] for score in COMPARED for own in sides]
            lines.append([*NAMES[dataset], f"{updates:,}", str(len(sides[1])), *cells, commits(sides[1])])
    if not lines:
        return nothing("accuracy")
    columns = ["data", "encoder", "updates", "seeds", "entities", "with copies", "relations, strict", "with copies"]
    return markdown([*columns, "commit"], lines)


def ideas() -> str:
    """The shipped model without one of its ideas, on the test parts and on the dev parts."""
    return _changed(IDEAS, "test", "choice")


def reads_text() -> str:
    """The shipped model with heads that read the text label, on the test parts."""
    return _changed(("sees_text",), "long")


def options() -> str:
    """The shipped model with options that make training faster, on the test parts."""
    return _changed(OPTIONS, "test")


def times() -> str:
    """How long the shipped model was trained on a CPU, by the data and the number of updates."""
    results, datasets = read("accuracy"), Grid.load().suites["accuracy"]["datasets"]
    rows = [row for row in results["rows"] if row["variant"] == "spert_mt" and row["device"].startswith("CPU")]
    rows = [row for row in rows if row["seconds"] and row["seconds"] / row["updates"] >= LEAST_SECONDS]
    lines = []
    for (dataset, part, updates), own in sorted(group(rows, "dataset", "trained_on", "updates").items()):
        took = median(row["seconds"] for row in own)
        config = Path(datasets[dataset]["config"]).stem
        texts = TRAINING_TEXTS.get((dataset, part))
        data, encoder = NAMES[dataset]
        about = [f"`{config}`", encoder, data, f"{texts:,}" if texts else "", f"{updates:,}", str(len(own))]
        lines.append([*about, f"{took / 60:.0f}", f"{took / updates:.1f}"])
    if not lines:
        return nothing("accuracy")
    columns = ["config", "encoder", "data", "training texts", "updates", "runs", "minutes, median"]
    return markdown([*columns, "seconds for an update"], sorted(lines, key=lambda line: line[0]))


def _changed(variants: Container[str], *phases: str) -> str:
    """Variants of the shipped model, and their differences from it on the seeds that both have."""
    results, about = read("accuracy"), Grid.load().suites["accuracy"]["variants"]
    lines = []
    rows = _of(results, *phases, variants=variants)
    for (variant, dataset, split), own in group(rows, "variant", "dataset", "split").items():
        over = compared(results, own[0], "spert_mt")
        cells = [scores(own, score)[0] for score in COMPARED]
        differences = [difference(over.get(score)) for score in COMPARED]
        named = f"`{variant}`: {about[variant]['about']}"
        lines.append([named, dataset, split, str(len(own)), *cells, *differences, commits(own)])
    if not lines:
        return nothing("accuracy")
    columns = ["variant", "data", "part", "seeds", "entities", "relations, strict"]
    columns += ["difference from `spert_mt`: entities", "relations, strict", "commit"]
    return markdown(columns, sorted(lines))


def _of(results: dict, *phases: str, variants: Container[str] = SIDES) -> list[dict]:
    """RETURNS (list[dict]): The rows of some phases, by default of the two sides only."""
    return [row for row in results["rows"] if row["phase"] in phases and row["variant"] in variants]
