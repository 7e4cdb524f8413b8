"""The tables of docs/multi_ner.md, from benchmarks/results."""

from pathlib import Path
from statistics import mean, stdev
from typing import Any, Dict, List, Sequence

import srsly

from .multi_ner import VARIANTS

RESULTS = Path("benchmarks/results")
CONTROL = "bert_mrc"


def multi_ner() -> str:
    """Mean and deviation over the seeds, and the difference to BERT-MRC."""
    rows = read("multi_ner.json")
    if not rows:
        return "No runs yet: `python -m benchmarks.multi_ner run`."
    lines = [
        "| data | encoder | variant | | seeds | updates | all entities | flat entities | macro | rarer half, macro | over `bert_mrc` | minutes |",
        "|---|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for own in groups(rows, "dataset", "encoder", "variant"):
        row = own[0]
        control = [other for other in rows if other["variant"] == CONTROL and is_like(other, row)]
        over = f"{100 * (mean_of(own, 'spans_f') - mean_of(control, 'spans_f')):+.2f}" if control else "-"
        scores = " | ".join(spread(own, key) for key in ("spans_f", "ents_f", "spans_macro_f", "rare_macro_f"))
        about = VARIANTS[row["variant"]].about
        lines.append(
            f"| {row['dataset']} | {row['encoder']} | `{row['variant']}` | {about} | {len(own)} | {row['updates']:,} | {scores} | {over} "
            f"| {mean_of(own, 'seconds') / 60:.0f} |"
        )
    return "\n".join([*lines, "", devices(rows)])


def multi_ner_types() -> str:
    """F of each type, the rarest in training first."""
    rows = read("multi_ner.json")
    if not rows:
        return "No runs yet: `python -m benchmarks.multi_ner run`."
    lines = []
    for of_dataset in groups(rows, "dataset", "encoder"):
        by_variant = {own[0]["variant"]: own for own in groups(of_dataset, "variant")}
        counts = of_dataset[0]["per_type"]
        lines += [
            f"**{of_dataset[0]['dataset']}** ({of_dataset[0]['encoder']}):",
            "",
            f"| type | in training | in test | {' | '.join(f'`{name}`' for name in by_variant)} |",
            f"|---|---:|---:|{'---:|' * len(by_variant)}",
        ]
        for label in sorted(counts, key=lambda label: counts[label]["in_training"]):
            scores = (mean(row["per_type"].get(label, {"f": 0.0})["f"] for row in own) for own in by_variant.values())
            cells = " | ".join(f"{100 * score:.1f}" for score in scores)
            lines.append(f"| {label} | {counts[label]['in_training']:,} | {counts[label]['support']:,} | {cells} |")
        lines.append("")
    return "\n".join(lines).rstrip("\n")


def multi_ner_speed() -> str:
    """Words a second by number of types."""
    rows = read("multi_ner_speed.json")
    if not rows:
        return "Not measured yet: `python -m benchmarks.multi_ner_speed`."
    lines = [
        "| types | `spert_mt`, words/s | exact, words/s | late, words/s | time: exact / `spert_mt` | late / `spert_mt` | exact / late |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for own in groups(rows, "types"):
        by_variant = {row["variant"]: row for row in own}
        speeds = " | ".join(f"{by_variant[name]['words_per_second']:,}" for name in ("spert_mt", "exact", "late"))
        exact, late = by_variant["exact"], by_variant["late"]
        lines.append(
            f"| {own[0]['types']} | {speeds} | {exact['times_spert_mt']:.1f} | {late['times_spert_mt']:.1f} | {exact['times_late']:.1f} |"
        )
    return "\n".join([*lines, "", f"{rows[0]['words']:,} words in texts of CoNLL04, {rows[0]['threads']} threads."])


def read(name: str) -> List[Dict[str, Any]]:
    path = RESULTS / name
    return srsly.read_json(path)["rows"] if path.exists() else []


def groups(rows: Sequence[Dict[str, Any]], *keys: str) -> List[List[Dict[str, Any]]]:
    found: Dict[Any, List[Dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(tuple(row[key] for key in keys), []).append(row)
    return list(found.values())


def is_like(one: Dict[str, Any], other: Dict[str, Any]) -> bool:
    return all(one[key] == other[key] for key in ("dataset", "encoder"))


def mean_of(rows: Sequence[Dict[str, Any]], key: str) -> float:
    return mean(row[key] for row in rows)


def spread(rows: Sequence[Dict[str, Any]], key: str) -> str:
    values = [100 * row[key] for row in rows if row[key] is not None]
    if not values:
        return "-"
    return f"{mean(values):.2f}" + (f" ± {stdev(values):.2f}" if len(values) > 1 else "")


def devices(rows: Sequence[Dict[str, Any]]) -> str:
    return f"Made on: {', '.join(sorted({row['device'] for row in rows}))}."


TABLES = {"multi_ner": multi_ner, "multi_ner_types": multi_ner_types, "multi_ner_speed": multi_ner_speed}
