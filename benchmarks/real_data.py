"""Train and test on real data through the project, and keep the scores: `python -m benchmarks.real_data conll04 snips`.

Each data set is a workflow of project.yml. A data set that has a row already is left out unless named with --again, so that an interrupted run
can be taken up. Afterwards `python -m benchmarks.tables` writes the tables of the docs.
"""

import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import srsly
import typer
import yaml

RESULTS = Path("benchmarks/results/real_data.json")
WORKFLOWS = ["conll04", "crossre-en", "crossre-ja", "crossre-zh", "crossre-ja-e5", "crossre-zh-e5", "asdc", "snips"]
PACKAGES = [
    "spacy",
    "spacy-transformers",
    "transformers",
    "torch",
    "thinc",
    "numpy",
    "ja_ginza",
    "SudachiPy",
    "SudachiDict-core",
]


def main(
    workflows: Annotated[list[str], typer.Argument(help="Workflows of project.yml.")] = WORKFLOWS,
    again: Annotated[bool, typer.Option("--again", help="Also those that have a row.")] = False,
) -> None:
    project = yaml.safe_load(Path("project.yml").read_text(encoding="utf8"))
    for workflow in workflows:
        rows = read_rows()
        if again or workflow not in {row["dataset"] for row in rows}:
            rows = [row for row in rows if row["dataset"] != workflow]
            rows.append(run(workflow, project))
            write_rows(sorted(rows, key=lambda row: WORKFLOWS.index(row["dataset"])))


def run(workflow: str, project: dict[str, Any]) -> dict[str, Any]:
    """Run one workflow, step by step, and make a row of what it measured."""
    seconds = 0.0
    for step in project["workflows"][workflow]:
        start = time.perf_counter()
        force = ["--force"] if step.startswith("train-") else []
        subprocess.run([sys.executable, "-m", "spacy", "project", "run", step, ".", *force], check=True)
        if step.startswith("train-"):
            seconds = time.perf_counter() - start
    scores = srsly.read_json(f"metrics/{workflow}.json")
    config = Path(f"training/{workflow}/model-best/config.cfg").read_text(encoding="utf8")
    return {
        "dataset": workflow,
        "variant": "spert_mt" if 'mode = "spert_mt"' in config else "spert",
        "seed": project["vars"]["seed"],
        "split": "test",
        "command": f"python -m spacy project run {workflow}",
        "spans_f": scores.get("spans_entities_f"),
        "ents_f": scores.get("ents_f"),
        "rel_f": scores.get("rel_f"),
        "rel_strict_f": scores.get("rel_strict_f"),
        "given_rel_f": scores.get("given_rel_f"),
        "cats_macro_f": scores.get("cats_macro_f"),
        "seconds": round(seconds),
    }


def read_rows() -> list[dict[str, Any]]:
    return srsly.read_json(RESULTS)["rows"] if RESULTS.exists() else []


def write_rows(rows: list[dict[str, Any]]) -> None:
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    versions = {package: version(package) for package in PACKAGES}
    srsly.write_json(RESULTS, {"command": "python -m benchmarks.real_data", "versions": versions, "rows": rows})


if __name__ == "__main__":
    typer.run(main)
