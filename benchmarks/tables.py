"""Write the tables of README.md and the docs from benchmarks/results: `python -m benchmarks.tables`.

A table stands between the comments `<!-- table: NAME -->` and `<!-- end -->`.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import srsly

from .accuracy.summary import gpu_note, minutes
from .generative.tables import TABLES as GENERATIVE_TABLES
from .mistakes import mistakes_table
from .multi_ner.tables import TABLES as MULTI_NER_TABLES
from .speed.tables import TABLES as SPEED_TABLES

RESULTS = Path("benchmarks/results")
OLD = "† made before a default or its variant changed."
# Of the data sets in the README: what they are, and with which encoder.
NAMES = {
    "conll04": ("CoNLL04, English", "MiniLM"),
    "crossre_en": ("CrossRE, English", "MiniLM"),
    "crossre_ja": ("CrossRE, Japanese", "tok2vec of `ja_ginza`"),
    "crossre_zh": ("CrossRE, Chinese", "a CNN over characters"),
    "crossre_ja_e5": ("CrossRE, Japanese", "multilingual E5"),
    "crossre_zh_e5": ("CrossRE, Chinese", "multilingual E5"),
}
PLACE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    for page in [Path("README.md"), *sorted(Path("docs").glob("*.md"))]:
        text = page.read_text(encoding="utf8")
        filled = PLACE.sub(lambda place: f"{place[1]}{TABLES[place[2]]()}\n{place[3]}", text)
        if filled != text:
            page.write_text(filled, encoding="utf8")
            print(f"wrote {page}")


def real_data() -> str:
    results = srsly.read_json(RESULTS / "real_data.json")
    columns = ["spans_f", "ents_f", "rel_f", "rel_strict_f", "given_rel_f", "cats_macro_f"]
    names = [
        "all entities",
        "flat entities",
        "relations",
        "relations, strict",
        "relations, entities given",
        "text classes, macro",
    ]
    lines = [
        f"| data | {' | '.join(names)} | seed | minutes | command |",
        f"|---|{'---:|' * (len(names) + 2)}---|",
    ]
    for row in results["rows"]:
        scores = " | ".join(percent(row, column) for column in columns)
        lines.append(
            f"| {row['dataset']} | {scores} | {row['seed']} | {row['seconds'] / 60:.0f} | `{row['command']}` |"
        )
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    return "\n".join([*lines, "", f"Versions: {versions}."])


def headline() -> str:
    """What is shipped, on the test parts, beside its controls on the same encoder. Where it was not run yet, what was shipped before it, marked as old."""
    summary = read("accuracy.json")
    rows = [row for row in summary["rows"] if row["phase"] == "full"]
    lines = [
        "| data | encoder | entities | relations, strict | over SpERT: entities | relations, strict | spaCy's `ner`, entities | `spancat`, entities |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for (dataset,), of_dataset in grouped(rows, "dataset").items():
        by_variant = {variant: own for (variant,), own in grouped(of_dataset, "variant").items()}
        shipped = by_variant.get("spert_mt") or by_variant.get("no_hidden")
        if not shipped:
            continue
        entities, _, strict, _ = spreads(shipped)
        compared = compared_with(summary, shipped[0], "spert")
        over = (difference(compared.get(score)) for score in ("spans_f", "rel_strict_f"))
        stock = (spreads(by_variant[name])[0] if name in by_variant else "-" for name in ("ner", "spancat"))
        name, encoder = NAMES[dataset]
        old = mark([*shipped, *by_variant.get("spert", ())]) or ("" if "spert_mt" in by_variant else " †")
        lines.append(f"| {name}{old} | {encoder} | {entities} | {strict} | {' | '.join(over)} | {' | '.join(stock)} |")
    old = any("†" in line for line in lines)
    return "\n".join([*lines, *(["", OLD] if old else [])])


def accuracy() -> str:
    """Runs on the test parts: mean and deviation over the seeds, and the difference to the baseline."""
    summary = read("accuracy.json")
    rows = [row for row in summary["rows"] if row["split"] == "test"]
    if not rows:
        return "No runs yet: `python -m benchmarks.accuracy run --phase full`."
    lines = [
        "| data | trained on | variant | seeds | entities | relations | relations, strict | relations, given | over `spert`: entities | strict | min. |",
        "|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for (dataset, trained_on, variant), own in grouped(rows, "dataset", "trained_on", "variant").items():
        compared = compared_with(summary, own[0], "spert")
        cells = [
            *spreads(own),
            *(difference(compared.get(score)) for score in ("spans_f", "rel_strict_f")),
            minutes(own),
        ]
        lines.append(f"| {dataset} | {trained_on} | {variant}{mark(own)} | {len(own)} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *legend(rows), *versions_of(summary)])


def mistakes() -> str:
    """What becomes of the gold of the test parts, where the runs have counted it."""
    rows = [row for row in read("accuracy.json")["rows"] if row["split"] == "test" and row["mistakes"]]
    if not rows:
        return "No runs yet: `python -m benchmarks.accuracy run --phase full`."
    groups = grouped(rows, "dataset", "trained_on", "variant")
    return mistakes_table(
        {(dataset, variant): own for (dataset, _, variant), own in groups.items()}, "entities", "relations"
    )


def borders() -> str:
    """Entities and strict relations with borders as they are in gold, and forgiven."""
    summary = read("borders.json")
    if not summary["rows"]:
        return "No runs yet: `python -m benchmarks.accuracy borders`."
    lines = [
        "| data | borders | {0}: entities | relations, strict | {1}: entities | relations, strict | over {0}: entities | strict |".format(
            *dict.fromkeys(f"`{row['variant']}`" for row in summary["rows"])
        ),
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for (dataset,), (theirs, ours) in grouped(summary["rows"], "dataset").items():
        for prefix, name in (("", "as in gold"), ("overlap_", "forgiven")):
            keys = [f"{prefix}{score}" for score in ("spans_f", "rel_strict_f")]
            scores = [f"{100 * row[key]:.2f}" for row in (theirs, ours) for key in keys]
            lines.append(
                f"| {dataset} | {name} | {' | '.join([*scores, *(difference(ours['over'][key]) for key in keys)])} |"
            )
    return "\n".join([*lines, "", *versions_of(summary)])


def ablations() -> str:
    """Runs on the parts for choosing, each variant beside the one that it changes."""
    summary = read("accuracy.json")
    rows = [row for row in summary["rows"] if row["split"] == "dev"]
    if not rows:
        return "No runs yet: `python -m benchmarks.accuracy run --phase screen`."
    lines = []
    for (dataset, _), of_dataset in grouped(rows, "dataset", "phase").items():
        lines += [
            f"**{dataset}**, {of_dataset[0]['updates']:,} updates:",
            "",
            "| variant | | entities | relations | relations, strict | relations, given | over | entities | strict | min. |",
            "|---|---|---:|---:|---:|---:|---|---:|---:|---:|",
        ]
        for (variant,), own in grouped(of_dataset, "variant").items():
            against = next((row["against"] for row in summary["comparisons"] if is_of(row, own[0])), "")
            compared = compared_with(summary, own[0], against)
            cells = [
                *spreads(own),
                against,
                *(difference(compared.get(score)) for score in ("spans_f", "rel_strict_f")),
                minutes(own),
            ]
            lines.append(f"| {variant}{mark(own)} | {own[0]['about']} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join([*lines, *legend(rows), *versions_of(summary)])


def reinforcement() -> str:
    """The gain of each level from the other, beside the paper's."""
    summary = read("reinforcement.json")
    if not summary["rows"]:
        return "No runs yet: `python -m benchmarks.accuracy reinforce`."
    names = {
        "text": "text label, accuracy",
        "word": "entities, F1",
        "whole": "all entities of a text",
        "relations": "relations, strict F1",
    }
    # Gan et al. 2023 (arXiv 2307.10291), both levels together over each alone, on Japanese sentences of their own.
    paper = {"text": "+1.13", "whole": "+1.06"}
    lines = [
        "| data | what | gain of | over | seeds | points (95 % interval) | p | paper | verdict |",
        "|---|---|---|---|---:|---:|---:|---:|---|",
    ]
    for gain in summary["gains"]:
        found = gain["difference"]
        verdict = "better" if found["low"] > 0 else "worse" if found["high"] < 0 else "undecided"
        beside = paper.get(gain["level"], "") if gain["arm"] == "both" else ""
        about = f"{gain['dataset']} | {names[gain['level']]} | {gain['arm'].replace('_', ' ')} | {gain['control'].replace('_', ' ')}"
        lines.append(
            f"| {about} | {len(gain['seeds'])} | {difference(found)} | {found['p']:.3f} | {beside} | {verdict} |"
        )
    return "\n".join([*lines, "", *versions_of(summary)])


def read(name: str) -> dict[str, Any]:
    """A results file; where there is none yet, one without rows."""
    path = RESULTS / name
    return srsly.read_json(path) if path.exists() else {"rows": []}


def grouped(rows: Sequence[dict[str, Any]], *keys: str) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return groups


def is_of(comparison: dict[str, Any], row: dict[str, Any]) -> bool:
    return all(comparison[key] == row[key] for key in ("phase", "dataset", "variant"))


def compared_with(summary: dict[str, Any], row: dict[str, Any], against: str) -> dict[str, dict[str, Any]]:
    """The comparisons of a row's variant with another one, by score."""
    return {
        found["score"]: found for found in summary["comparisons"] if is_of(found, row) and found["against"] == against
    }


def mark(rows: Sequence[dict[str, Any]]) -> str:
    """A dagger for runs of which some would not be made the same way today."""
    return "" if all(row["as_now"] for row in rows) else " †"


def legend(rows: Sequence[dict[str, Any]]) -> list[str]:
    return [*([OLD, ""] if mark(rows) else []), *gpu_note(rows)]


def spreads(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Mean and deviation of the scores of several seeds."""
    columns = [
        [100 * row[key] for row in rows if row[key] is not None]
        for key in ("spans_f", "rel_f", "rel_strict_f", "given_rel_f")
    ]
    return [
        f"{mean(values):.2f}" + (f" ± {stdev(values):.2f}" if len(values) > 1 else "") if values else "-"
        for values in columns
    ]


def difference(found: dict[str, Any] | None) -> str:
    if found is None:
        return "-"
    value, low, high = (f"{100 * found[key]:+.2f}" for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def versions_of(summary: dict[str, Any]) -> list[str]:
    devices = sorted({row["device"] for row in summary["rows"]})
    return [
        f"Made on: {'; '.join(devices)}. Versions: {', '.join(f'{name} {number}' for name, number in summary['versions'].items())}."
    ]


def percent(row: dict[str, Any], column: str) -> str:
    return "-" if row.get(column) is None else f"{100 * row[column]:.1f}"


TABLES = {
    "headline": headline,
    "real_data": real_data,
    "accuracy": accuracy,
    "mistakes": mistakes,
    "borders": borders,
    "ablations": ablations,
    "reinforcement": reinforcement,
    **GENERATIVE_TABLES,
    **SPEED_TABLES,
    **MULTI_NER_TABLES,
}

if __name__ == "__main__":
    main()
