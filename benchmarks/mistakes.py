"""What becomes of gold, as a table: how much of it is right, and what kinds of mistakes are made of the rest."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any


def mistakes_table(groups: Mapping[tuple[str, str], Sequence[dict[str, Any]]], *layers: str) -> str:
    """The shares of gold in percent, means over the runs of a group.

    groups (Mapping[Tuple[str, str], Sequence[Dict[str, Any]]]): By data set and variant the rows of runs, with "mistakes" as `find_mistakes` counts them.
    layers (str): "entities", "relations".
    RETURNS (str): A Markdown table for each layer; a group without the layer is left out, and so is a layer without groups.
    """
    tables = []
    for layer in layers:
        shares = {
            names: [shares_of_gold(row["mistakes"][layer]) for row in rows]
            for names, rows in groups.items()
            if all(layer in row["mistakes"] for row in rows)
        }
        if not shares:
            continue
        kinds = list(next(iter(shares.values()))[0])
        lines = [f"| {layer}: data | variant | seeds | {' | '.join(kinds)} |", f"|---|---|---:|{'---:|' * len(kinds)}"]
        for (dataset, variant), of_seeds in shares.items():
            cells = " | ".join(f"{100 * mean(one[kind] for one in of_seeds):.1f}" for kind in kinds)
            lines.append(f"| {dataset} | `{variant}` | {len(of_seeds)} | {cells} |")
        tables.append("\n".join(lines))
    return "\n\n".join(tables)


def shares_of_gold(mistakes: dict[str, Any]) -> dict[str, float]:
    """What is right and each kind of what was missed, as shares of all gold."""
    counts = {"right": mistakes["right"], **mistakes["missed"]}
    total = sum(counts.values())
    return {kind: count / total if total else 0.0 for kind, count in counts.items()}
