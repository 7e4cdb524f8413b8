"""The tables of the suite multi_ner."""

from collections.abc import Sequence
from statistics import mean
from typing import Any

from ..grid import Grid
from ..results import read
from . import formatting
from .formatting import commits, compared, difference, group, legend, markdown, minutes, mistakes_table, nothing

SETTING = ("dataset", "phase")


def scores() -> str:
    """All variants, and their differences from BERT-MRC."""
    results, variants = read("multi_ner"), Grid.load().suites["multi_ner"]["variants"]
    lines = []
    for (dataset, _, variant), own in group(results["rows"], *SETTING, "variant").items():
        over = compared(results, own[0], "bert_mrc").get("spans_f")
        cells = formatting.scores(own, "dev_spans_f", "spans_f", "ents_f", "spans_macro_f", "rare_macro_f")
        about = [dataset, f"`{variant}`", variants[variant]["about"], str(len(own)), f"{own[0]['updates']:,}"]
        lines.append([*about, *cells, difference(over), attention(own), minutes(own), commits(own)])
    if not lines:
        return nothing("multi_ner")
    columns = ["data", "variant", "", "seeds", "updates", "dev", "all entities", "flat entities", "macro"]
    columns += ["rarer half, macro", "difference from `bert_mrc`", "attention of a type", "min.", "commit"]
    return f"{markdown(columns, lines)}\n\n{legend(results, results['rows'])}"


def types() -> str:
    """F1 of each type, the rarest in training first."""
    tables = []
    for (dataset, _), of_setting in group(read("multi_ner")["rows"], *SETTING).items():
        variants, first = group(of_setting, "variant"), of_setting[0]
        lines = []
        for label in sorted(first["per_type"], key=lambda label: first["in_training"].get(label, 0)):
            counts = [f"{first['in_training'].get(label, 0):,}", f"{first['per_type'][label]['support']:,}"]
            of_label = [mean(row["per_type"].get(label, {"f": 0.0})["f"] for row in own) for own in variants.values()]
            lines.append([label, *counts, *map(formatting.percent, of_label)])
        columns = ["type", "in training", "in test", *(f"`{variant}`" for (variant,) in variants)]
        tables.append(f"**{dataset}**, {first['updates']:,} updates:\n\n{markdown(columns, lines)}")
    return "\n\n".join(tables) or nothing("multi_ner")


def mistakes() -> str:
    """What becomes of the gold entities."""
    rows = [row for row in read("multi_ner")["rows"] if row["mistakes"]]
    groups = {
        (f"{dataset}, {own[0]['updates']:,} updates", f"`{variant}`"): own
        for (dataset, _, variant), own in group(rows, *SETTING, "variant").items()
    }
    return mistakes_table(groups, "entities") if rows else nothing("multi_ner")


def attention(rows: Sequence[dict[str, Any]]) -> str:
    """RETURNS (str): The lowest and the highest weight that a type gives to one type; "-" if there are no weights."""
    weights = [weight for row in rows for weight_row in row["attention"] or () for weight in weight_row]
    return f"{min(weights):.2f} to {max(weights):.2f}" if weights else "-"
