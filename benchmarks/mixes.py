"""One model for one task or for all, in Japanese: `python -m benchmarks.mixes`, which writes results/mixes.json. Each
model is trained from scratch with `train-generative` for the same number of epochs, so every model that learns a data
set reads its texts equally often. A training that has a model is not made again.
"""

from hashlib import sha1
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import srsly
import typer
from rich.progress import track
from spacy.util import load_config, load_model_from_config

from spacy_mre.evaluation.run_config import set_values
from spacy_mre.evaluation.run_files import get_device
from spacy_mre.evaluation.runs import predict, read_examples
from spacy_mre.files import replacing
from spacy_mre.pipeline.generative.checkpoints import FORMAT_FILE

from .calling import call, run_here
from .few_texts import draw
from .results import RESULTS, get_commit, read

SUITE = "mixes"
ASSETS, FOLDER = Path("assets"), Path("training/benchmarks") / SUITE
MODEL, CONFIG = "configs/oiellm_llama.json", "configs/oiellm_folder.cfg"
BATCH = 16
# All data sets have 320 texts to learn from: of two, so many of each of the five classes are drawn.
SHOTS = {"SCNM": 64, "TCREE:RE": 64}
LANGUAGE, TOKENIZER, NLP = "ja", "spacy_mre.JapaneseTokenizer.v1", "ja_cpu"
SCORES = ("format_acc", "tl_f", "wl_f", "all_acc")
PACKAGES = ("spacy", "transformers", "torch")


class DataSet(NamedTuple):
    """A task in a language."""

    task: str
    lang: str

    @property
    def folder(self) -> Path:
        """Its `.spacy` files: train.spacy, and the folder held_out with dev.spacy and test.spacy."""
        return FOLDER / "corpus" / self.lang / self.task.replace(":", "_")


DATA_SETS = [DataSet(task, LANGUAGE) for task in ("SCNM", "TCREE:RE", "TCREE:EE", "SCPOS:RW", "TCONER")]
# By the name of a mix, what each of its models learns.
MIXES = {"one": [[one] for one in DATA_SETS], "tasks": [DATA_SETS]}


def prepare() -> None:
    """Convert the hand-written corpora, unless it was done."""
    compiled = FOLDER / "mmm"
    if not compiled.exists():
        run_here("compile-mmm", ASSETS, compiled)
    for one in DATA_SETS:
        source = compiled / one.lang / one.task.replace(":", "_")
        for part, target in (("train", "all"), ("dev", "held_out/dev"), ("test", "held_out/test")):
            path = one.folder / f"{target}.spacy"
            if not path.exists():
                run_here("convert", "jsonl", source / f"{part}.jsonl", path, "--nlp", NLP)
        train = one.folder / "train.spacy"
        if not train.exists():
            draw(one.folder / "all.spacy", train, shots=SHOTS.get(one.task), without_shots=0, seed=0)


def train(learned: list[DataSet], epochs: int) -> Path:
    """Train a model, unless it was done.

    learned (list[DataSet]): What it learns.
    epochs (int): How often it reads each text.
    RETURNS (Path): Its folder.
    """
    made_with = sha1(f"{learned} {SHOTS} {BATCH} {epochs}".encode()).hexdigest()[:8]
    folder = FOLDER / f"{'-'.join(learned[0])}-{len(learned)}-{made_with}".replace(":", "_")
    folder.mkdir(parents=True, exist_ok=True)
    strings, model = folder / "train.jsonl", folder / "model"
    if not strings.exists():
        sources = [f"{one.task}@{one.lang}={one.folder / 'train.spacy'}" for one in learned]
        run_here("strings", *sources, strings, "--format", "oiellm")
    if not (model / FORMAT_FILE).exists():  # which is written last
        steps = ["--epochs", epochs, "--batch-size", BATCH, "--group-by-length", "--save-steps", 100_000]
        call("spacy_mre", "train-generative", MODEL, strings, model, *steps)
    return model


def score(model: Path, one: DataSet) -> dict[str, Any]:
    """Score a model on the held-out texts of a data set.

    model (Path): Its folder.
    one (DataSet): The data set.
    RETURNS (dict[str, Any]): "texts", their number, and the `SCORES`.
    """
    values = {
        "nlp.lang": one.lang,
        "nlp.tokenizer": {"@tokenizers": TOKENIZER},
        "components.oiellm.tasks": [one.task],
        "paths.model": str(model),
    }
    config = set_values(load_config(CONFIG, interpolate=False), values)
    nlp = load_model_from_config(config, auto_fill=True)
    nlp.initialize()
    examples = read_examples(nlp.config, nlp, one.folder / "held_out")
    pipe: Any = nlp.get_pipe("oiellm")
    scores = pipe.score(predict(nlp, examples))
    return {"texts": len(examples), **{name: scores[name] for name in SCORES}}


def main(
    epochs: Annotated[int, typer.Option(min=1, help="How often each text is read.")] = 10,
    mix: Annotated[list[str] | None, typer.Option(help=f"One of: {', '.join(MIXES)}. May be repeated.")] = None,
) -> None:
    """Measure and record all mixes."""
    if unknown := set(mix or ()) - set(MIXES):
        raise typer.BadParameter(f"unknown mix: {', '.join(sorted(unknown))}")
    prepare()
    models = [(name, learned) for name in mix or MIXES for learned in MIXES[name]]
    for name, learned in track(models, "models"):
        folder = train(learned, epochs)
        rows = {}
        for one in learned:
            about = {"mix": name, "task": one.task, "lang": one.lang, "epochs": epochs, "batch": BATCH}
            about |= {"device": get_device(), "commit": get_commit()}
            rows[name, *one] = {**about, **score(folder, one)}
        record(rows)


def record(new: dict[tuple[str, str, str], dict[str, Any]]) -> None:
    """Add rows to the results, in place of older ones.

    new (dict[tuple[str, str, str], dict[str, Any]]): The rows by mix, task and language.
    """
    rows = {(row["mix"], row["task"], row["lang"]): row for row in read(SUITE)["rows"]} | new
    ordered = [rows[mix, *one] for mix in MIXES for one in DATA_SETS if (mix, *one) in rows]
    versions = {package: version(package) for package in PACKAGES}
    with replacing(RESULTS / f"{SUITE}.json") as temporary:
        srsly.write_json(temporary, {"command": f"python -m benchmarks.{SUITE}", "versions": versions, "rows": ordered})


if __name__ == "__main__":
    typer.run(main)
