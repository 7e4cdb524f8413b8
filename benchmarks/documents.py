"""Relations in documents: the demonstration with a learned scope and without a scope, `python -m benchmarks.documents`.

Trains configs/ja_cpu.cfg on the demonstration corpus and evaluates on single texts and on documents of ten. Run
`python -m spacy project run convert-demo` before. A run that has a file is not made again.
"""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import srsly

from .results import RESULTS, get_commit

SCOPES = ("learned", "document")
SEEDS = (0, 1, 2)
UPDATES = 500
TEXTS = 10
SCORES = ("spans_entities_f", "rel_p", "rel_r", "rel_f", "rel_strict_f")
RUNS = Path("benchmarks/runs/documents")


def run(scope: str, seed: int) -> dict[str, float]:
    """Train and evaluate.

    RETURNS (dict[str, float]): The scores on single texts, and those on documents with the prefix "documents_".
    """
    folder = RUNS / f"{scope}-{seed}"
    scores = folder / "scores.json"
    if not scores.exists():
        training = {
            "paths.train": "corpus/demo/train.spacy",
            "paths.dev": "corpus/demo/dev.spacy",
            "components.spert_mt.scope": scope,
            "system.seed": seed,
            "training.max_steps": UPDATES,
        }
        overrides = [part for name, value in training.items() for part in (f"--{name}", str(value))]
        _call("spacy", "train", "configs/ja_cpu.cfg", "--output", folder, *overrides)
        model, test = folder / "model-best", "corpus/demo/test.spacy"
        _call("spacy_mre", "evaluate", model, test, "--documents", TEXTS, "--output", scores)
    found = srsly.read_json(scores)
    return {f"{prefix}{name}": found[f"{prefix}{name}"] for prefix in ("", "documents_") for name in SCORES}


def _call(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", *map(str, arguments)], check=True)


if __name__ == "__main__":
    rows = [{"scope": scope, "seed": seed, **run(scope, seed)} for seed in SEEDS for scope in SCOPES]
    results = {
        "command": "python -m benchmarks.documents",
        "commit": get_commit(),
        "versions": {name: version(name) for name in ("spacy", "torch")},
        "rows": rows,
    }
    srsly.write_json(RESULTS / "documents.json", results)
