"""Write the tables of the docs from benchmarks/results: `python -m benchmarks.tables`.

A table stands between the comments `<!-- table: NAME -->` and `<!-- end -->`.
"""

import re
from pathlib import Path
from typing import Any, Dict

import srsly

RESULTS = Path("benchmarks/results")
PLACE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    for page in sorted(Path("docs").glob("*.md")):
        text = page.read_text(encoding="utf8")
        filled = PLACE.sub(lambda place: f"{place[1]}{TABLES[place[2]]()}\n{place[3]}", text)
        if filled != text:
            page.write_text(filled, encoding="utf8")
            print(f"wrote {page}")


def real_data() -> str:
    results = srsly.read_json(RESULTS / "real_data.json")
    columns = ["spans_f", "ents_f", "rel_f", "rel_strict_f", "given_rel_f", "cats_macro_f"]
    names = ["all entities", "flat entities", "relations", "relations, strict", "relations, entities given", "text classes, macro"]
    lines = [
        f"| data | {' | '.join(names)} | seed | minutes | command |",
        f"|---|{'---:|' * (len(names) + 2)}---|",
    ]
    for row in results["rows"]:
        scores = " | ".join(percent(row, column) for column in columns)
        lines.append(f"| {row['dataset']} | {scores} | {row['seed']} | {row['seconds'] / 60:.0f} | `{row['command']}` |")
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    return "\n".join([*lines, "", f"Versions: {versions}."])


def percent(row: Dict[str, Any], column: str) -> str:
    return "-" if row.get(column) is None else f"{100 * row[column]:.1f}"


TABLES = {"real_data": real_data}

if __name__ == "__main__":
    main()
