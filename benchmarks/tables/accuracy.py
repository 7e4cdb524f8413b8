"""The tables of the suites accuracy, joint and reinforcement."""

from spacy_mre.evaluation.significance import Difference

from ..grid import Grid
from ..results import read
from .formatting import (
    commits,
    compared,
    difference,
    group,
    legend,
    mark,
    markdown,
    minutes,
    mistakes_table,
    nothing,
    percent,
    scores,
)

# The data sets of the suite accuracy, and their encoders.
NAMES = {
    "conll04": ("CoNLL04, English", "MiniLM"),
    "crossre_en": ("CrossRE, English", "MiniLM"),
    "crossre_ja": ("CrossRE, Japanese", "tok2vec of `ja_ginza`"),
    "crossre_zh": ("CrossRE, Chinese", "a CNN over characters"),
    "crossre_ja_e5": ("CrossRE, Japanese", "multilingual E5"),
    "crossre_zh_e5": ("CrossRE, Chinese", "multilingual E5"),
}
COMPARED = ("spans_f", "rel_strict_f")
MAIN = ("spans_f", "rel_f", "rel_strict_f", "given_rel_f")


def headline() -> str:
    """The shipped model on the test parts, and its controls on the same encoder."""
    results = read("accuracy")
    rows = []
    for (dataset,), of_dataset in group(_of(results, "test"), "dataset").items():
        variants = {variant: own for (variant,), own in group(of_dataset, "variant").items()}
        if "spert_mt" in variants:
            over = compared(results, variants["spert_mt"][0], "spert")
            stock = [scores(variants[name], "spans_f")[0] if name in variants else "-" for name in ("ner", "spancat")]
            differences = [difference(over.get(score)) for score in COMPARED]
            rows.append([*NAMES[dataset], *scores(variants["spert_mt"], *COMPARED), *differences, *stock])
    columns = ["data", "encoder", "entities", "relations, strict", "over SpERT: entities", "relations, strict"]
    return markdown([*columns, "spaCy's `ner`, entities", "`spancat`, entities"], rows)


def test() -> str:
    """All variants on the test parts, and their differences from SpERT."""
    results = read("accuracy")
    rows = _of(results, "test")
    if not rows:
        return nothing("accuracy")
    lines = []
    for (dataset, variant), own in group(rows, "dataset", "variant").items():
        over = compared(results, own[0], "spert")
        cells = [*scores(own, *MAIN), *(difference(over.get(score)) for score in COMPARED), minutes(own), commits(own)]
        lines.append([dataset, f"`{variant}`{mark(own)}", str(len(own)), *cells])
    columns = ["data", "variant", "seeds", "entities", "relations", "relations, strict", "relations, given"]
    columns += ["over `spert`: entities", "relations, strict", "min.", "commit"]
    return f"{markdown(columns, lines)}\n\n{legend(results, rows)}"


def dev() -> str:
    """Variants on the dev parts, and their differences from what they are a change of."""
    results, variants = read("accuracy"), Grid.load().suites["accuracy"]["variants"]
    tables = []
    for (dataset, phase), of_dataset in group(_of(results, "dev", "dev_third"), "dataset", "phase").items():
        lines = []
        for (variant,), own in group(of_dataset, "variant").items():
            over = compared(results, own[0])
            against = next((f"`{found['against']}`" for found in over.values()), "")
            differences = [difference(over.get(score)) for score in COMPARED]
            about = [f"`{variant}`{mark(own)}", variants[variant]["about"]]
            lines.append([*about, *scores(own, *MAIN), against, *differences, minutes(own), commits(own)])
        columns = ["variant", "", "entities", "relations", "relations, strict", "relations, given"]
        columns += ["over", "entities", "relations, strict", "min.", "commit"]
        title = f"**{dataset}**, phase `{phase}`, {of_dataset[0]['updates']:,} updates:"
        tables.append(f"{title}\n\n{markdown(columns, lines)}")
    rows = _of(results, "dev", "dev_third")
    return "\n\n".join([*tables, legend(results, rows)]) if rows else nothing("accuracy --phase dev")


def mistakes() -> str:
    """What becomes of the gold of the test parts."""
    rows = [row for row in _of(read("accuracy"), "test") if row["mistakes"]]
    groups = {(dataset, f"`{variant}`"): own for (dataset, variant), own in group(rows, "dataset", "variant").items()}
    return mistakes_table(groups, "entities", "relations") if rows else nothing("accuracy")


def boundaries() -> str:
    """Entities and strict relations with the boundaries of the gold, and with any that overlap them."""
    results = read("accuracy")
    rows = _of(results, "test_cpu")
    if not rows:
        return nothing("accuracy --phase test_cpu")
    lines = []
    for (dataset,), of_dataset in group(rows, "dataset").items():
        theirs, ours = sorted(of_dataset, key=lambda row: row["variant"] == "spert_mt")
        over = compared(results, ours, "spert")
        for prefix, boundary in (("", "exact"), ("overlap_", "overlapping")):
            names = [f"{prefix}{score}" for score in COMPARED]
            cells = [percent(row[name], 2) for row in (theirs, ours) for name in names]
            lines.append([dataset, boundary, *cells, *(difference(over.get(name)) for name in names)])
    columns = ["data", "boundaries", "`spert`: entities", "relations, strict", "`spert_mt`: entities"]
    columns += ["relations, strict", "over `spert`: entities", "relations, strict"]
    return f"{markdown(columns, lines)}\n\nCommit {commits(rows)}. {legend(results, rows)}"


def joint() -> str:
    """The configs as shipped on everything that the data has."""
    results = read("joint")
    columns = {
        "spans_f": "all entities",
        "ents_f": "flat entities",
        "rel_f": "relations",
        "rel_strict_f": "relations, strict",
        "given_rel_f": "relations, given",
        "cats_macro_f": "text labels, macro",
    }
    lines = [
        [row["dataset"], *(percent(row[name]) for name in columns), f"{row['updates']:,}", f"{row['seconds'] / 60:.0f}"]
        for row in results["rows"]
    ]
    rows = results["rows"]
    table = markdown(["data", *columns.values(), "updates", "minutes"], lines)
    return f"{table}\n\nCommit {commits(rows)}. {legend(results, rows)}" if rows else nothing("joint")


def reinforcement() -> str:
    """What each level gains from the other."""
    results = read("reinforcement")
    names = {
        "cats_accuracy": "text label, accuracy",
        "spans_f": "entities, F1",
        "whole_f": "texts with all entities right",
        "rel_strict_f": "strict relations, F1",
    }
    lines = []
    for found in results["comparisons"]:
        verdict = Difference(*(found[key] for key in ("value", "low", "high", "p"))).verdict
        compared_variants = [f"`{found['variant']}`", f"`{found['against']}`"]
        cells = [str(len(found["seeds"])), difference(found), f"{found['p']:.3f}", verdict]
        lines.append([found["dataset"], names[found["score"]], *compared_variants, *cells])
    if not lines:
        return nothing("reinforcement")
    columns = ["data", "score", "gain of", "over", "seeds", "points (95 % interval)", "p", "verdict"]
    rows = results["rows"]
    return f"{markdown(columns, lines)}\n\nCommit {commits(rows)}. {legend(results, rows)}"


def _of(results: dict, *phases: str) -> list[dict]:
    return [row for row in results["rows"] if row["phase"] in phases]
