"""The tables of docs/multi_ner.md, from benchmarks/results."""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import srsly

from spacy_mre.evaluation.reinforce_report import spread

from ..accuracy.summary import difference, gpu_note, minutes
from ..mistakes import mistakes_table
from .grid import VARIANTS
from .summary import SETTING

RESULTS = Path("benchmarks/results")
GROUP = (*SETTING, "variant")


def multi_ner() -> str:
    """Mean and deviation over the seeds, and the difference to BERT-MRC."""
    rows = read("multi_ner.json")
    if not rows:
        return "No runs yet: `python -m benchmarks.multi_ner run`."
    compared = {tuple(one[key] for key in GROUP): one for one in read("multi_ner.json", "comparisons")}
    lines = [
        "| data | encoder | variant | | seeds | updates | dev | all entities | flat entities | macro | rarer half, macro "
        "| over `bert_mrc` | a type's weights | min. |",
        "|---|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for own in groups(rows, *GROUP):
        row = own[0]
        over = compared.get(tuple(row[key] for key in GROUP))
        scores = " | ".join(
            spread([one[key] for one in own])
            for key in ("dev_spans_f", "spans_f", "ents_f", "spans_macro_f", "rare_macro_f")
        )
        about = VARIANTS[row["variant"]].about
        lines.append(
            f"| {row['dataset']} | {row['encoder']} | `{row['variant']}` | {about} | {len(own)} | {row['updates']:,} | {scores} "
            f"| {difference(over) if over else '-'} | {least_and_most(own)} | {minutes(own)} |"
        )
    return "\n".join([*lines, "", *gpu_note(rows), f"Made on: {'; '.join(sorted({row['device'] for row in rows}))}."])


def multi_ner_types() -> str:
    """F of each type, the rarest in training first."""
    rows = read("multi_ner.json")
    if not rows:
        return "No runs yet: `python -m benchmarks.multi_ner run`."
    lines = []
    for of_setting in groups(rows, *SETTING):
        by_variant = {own[0]["variant"]: own for own in groups(of_setting, "variant")}
        row = of_setting[0]
        lines += [
            f"**{row['dataset']}** ({row['encoder']}, {row['updates']:,} updates):",
            "",
            f"| type | in training | in test | {' | '.join(f'`{name}`' for name in by_variant)} |",
            f"|---|---:|---:|{'---:|' * len(by_variant)}",
        ]
        for label in sorted(row["per_type"], key=lambda label: row["in_training"].get(label, 0)):
            scores = (mean(one["per_type"].get(label, {"f": 0.0})["f"] for one in own) for own in by_variant.values())
            cells = " | ".join(f"{100 * score:.1f}" for score in scores)
            lines.append(
                f"| {label} | {row['in_training'].get(label, 0):,} | {row['per_type'][label]['support']:,} | {cells} |"
            )
        lines.append("")
    return "\n".join(lines).rstrip("\n")


def multi_ner_mistakes() -> str:
    """What becomes of the gold entities, where the runs have counted it."""
    rows = [row for row in read("multi_ner.json") if row["mistakes"]]
    if not rows:
        return "No runs yet: `python -m benchmarks.multi_ner run`."
    named = {
        (f"{own[0]['dataset']}, {own[0]['updates']:,} updates", own[0]["variant"]): own for own in groups(rows, *GROUP)
    }
    return mistakes_table(named, "entities")


def multi_ner_speed() -> str:
    """Words a second by number of types."""
    rows = read("multi_ner_speed.json")
    if not rows:
        return "Not measured yet: `python -m benchmarks.multi_ner.speed`."
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


def least_and_most(rows: Sequence[dict[str, Any]]) -> str:
    """The least and the most that a type attends to another one or itself, in all runs."""
    weights = [weight for row in rows for of_type in row["attention"] or () for weight in of_type]
    return f"{min(weights):.2f} to {max(weights):.2f}" if weights else "-"


def read(name: str, part: str = "rows") -> list[dict[str, Any]]:
    path = RESULTS / name
    return srsly.read_json(path)[part] if path.exists() else []


def groups(rows: Sequence[dict[str, Any]], *keys: str) -> list[list[dict[str, Any]]]:
    found: dict[Any, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(tuple(row[key] for key in keys), []).append(row)
    return list(found.values())


TABLES = {
    "multi_ner": multi_ner,
    "multi_ner_types": multi_ner_types,
    "multi_ner_mistakes": multi_ner_mistakes,
    "multi_ner_speed": multi_ner_speed,
}
