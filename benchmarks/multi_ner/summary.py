"""What do the runs say together? Rows for benchmarks/results/multi_ner.json, and the differences to BERT-MRC with intervals."""

from pathlib import Path
from statistics import mean
from typing import Any

from spacy_mre.evaluation.runs import load_run

from ..accuracy.summary import compare, versions_of
from .grid import VARIANTS

RESULTS = Path("benchmarks/results/multi_ner.json")
CONTROL = "bert_mrc"
SETTING = ("dataset", "encoder", "updates", "batch")
KEPT = (
    "dataset",
    "variant",
    "seed",
    "split",
    "encoder",
    "updates",
    "batch",
    "device",
    "seconds",
    "dev_spans_f",
    "in_training",
    "attention",
    "versions",
)
SCORES = ("spans_f", "spans_p", "spans_r", "spans_macro_f", "ents_f")
# Every row of every result file has these.
ABSENT = dict.fromkeys(["rel_f", "rel_strict_f", "cats_macro_f"])


def summarise(runs: Path) -> dict[str, Any]:
    """The content of benchmarks/results/multi_ner.json.

    runs (Path): The folder of the files of the runs.
    RETURNS (Dict[str, Any]): "rows", one per run, and "comparisons" of each variant with BERT-MRC, on the seeds that both have.
    """
    order = list(VARIANTS)
    found = sorted(
        map(load_run, runs.glob("*.json")), key=lambda run: (*_setting(run), order.index(run["variant"]), run["seed"])
    )
    comparisons = []
    for setting in dict.fromkeys(map(_setting, found)):
        by_variant: dict[str, dict[int, dict[str, Any]]] = {}
        for run in found:
            if _setting(run) == setting:
                by_variant.setdefault(run["variant"], {})[run["seed"]] = run
        control = by_variant.get(CONTROL, {})
        for variant, own in by_variant.items():
            difference = compare(own, control, "entities")
            if variant != CONTROL and difference is not None:
                about = dict(zip(SETTING, setting))
                comparisons.append({**about, "variant": variant, "against": CONTROL, **difference})
    return {
        "command": "python -m benchmarks.multi_ner run",
        "versions": versions_of(found),
        "rows": [_row(run) for run in found],
        "comparisons": comparisons,
    }


def rarer_half(in_training: dict[str, int]) -> list[str]:
    """The types with the fewest mentions in training, at most half of all; the rarest last."""
    ordered = sorted(in_training, key=lambda label: -in_training[label])
    return ordered[(len(ordered) + 1) // 2 :]


def _row(run: dict[str, Any]) -> dict[str, Any]:
    per_type = run["per_type"].get("spans_per_type", {})
    scores = {key: run["scores"].get(key) for key in SCORES}
    rare = [per_type[label]["f"] for label in rarer_half(run["in_training"]) if label in per_type]
    return {
        **{key: run[key] for key in KEPT},
        **scores,
        **ABSENT,
        "mistakes": run.get("mistakes", {}),
        "rare_macro_f": mean(rare) if rare else None,
        "per_type": {label: {key: values[key] for key in ("f", "support")} for label, values in per_type.items()},
    }


def _setting(run: dict[str, Any]) -> tuple[Any, ...]:
    """Runs are compared that have the same of all these."""
    return tuple(run[key] for key in SETTING)
