"""One model for one data set or for several: `python -m benchmarks.mixes`, which writes results/mixes.json. Each
model is trained from scratch with `train-generative`. In a comparison all are trained for the same number of epochs, so
every model that learns a data set reads its texts equally often. A training that has a model is not made again.
"""

from hashlib import sha1
from importlib.metadata import version
from operator import itemgetter
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
TOKENIZERS = {"ja": "spacy_mre.JapaneseTokenizer.v1", "zh": "spacy_mre.ChineseTokenizer.v1"}
SCORES = ("format_acc", "tl_f", "wl_f", "all_acc")
PACKAGES = ("spacy", "transformers", "torch")
# What a model learns: one data set, or all of its comparison.
MIXES = ("one", "all")


class DataSet(NamedTuple):
    """A task in a language.

    shots (Optional[int]): How many texts of each class are drawn to learn from. None: all.
    """

    task: str
    lang: str
    shots: int | None = None

    @property
    def folder(self) -> Path:
        """Its `.spacy` files: train.spacy, and the folder held_out with dev.spacy and test.spacy."""
        shots = "" if self.shots is None else f"-{self.shots}"
        return FOLDER / "corpus" / self.lang / f"{self.task.replace(':', '_')}{shots}"


class Comparison(NamedTuple):
    """A model for each of some data sets, against one for all of them.

    epochs (int): How often each model reads a text.
    """

    data_sets: list[DataSet]
    epochs: int

    def models(self) -> list[tuple[str, list[DataSet]]]:
        """RETURNS (list[tuple[str, list[DataSet]]]): By the name of its mix, what each model learns."""
        one, all_of_them = MIXES
        return [*((one, [data_set]) for data_set in self.data_sets), (all_of_them, self.data_sets)]


COMPARISONS = {
    # All have 320 texts to learn from: of two, so many of each of the five classes are drawn.
    "tasks": Comparison(
        [
            DataSet("SCNM", "ja", 64),
            DataSet("TCREE:RE", "ja", 64),
            DataSet("TCREE:EE", "ja"),
            DataSet("SCPOS:RW", "ja"),
            DataSet("TCONER", "ja"),
        ],
        epochs=10,
    ),
    "languages": Comparison([DataSet("SCNM", lang) for lang in ("ja", "en", "zh")], epochs=10),
}


def prepare(data_sets: list[DataSet]) -> None:
    """Convert the hand-written corpora, unless it was done.

    data_sets (list[DataSet]): What is needed of them.
    """
    compiled = FOLDER / "mmm"
    if not compiled.exists():
        run_here("compile-mmm", ASSETS, compiled)
    for one in data_sets:
        source = compiled / one.lang / one.task.replace(":", "_")
        for part, target in (("train", "all"), ("dev", "held_out/dev"), ("test", "held_out/test")):
            path = one.folder / f"{target}.spacy"
            if not path.exists():
                run_here("convert", "jsonl", source / f"{part}.jsonl", path, "--nlp", f"{one.lang}_cpu")
        train = one.folder / "train.spacy"
        if not train.exists():
            draw(one.folder / "all.spacy", train, shots=one.shots, without_shots=0, seed=0)


def train(learned: list[DataSet], epochs: int) -> Path:
    """Train a model, unless it was done.

    learned (list[DataSet]): What it learns.
    epochs (int): How often it reads each text.
    RETURNS (Path): Its folder.
    """
    made_with = sha1(f"{learned} {BATCH} {epochs}".encode()).hexdigest()[:8]
    folder = FOLDER / f"{learned[0].task}-{learned[0].lang}-{len(learned)}-{made_with}".replace(":", "_")
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
    values: dict[str, Any] = {
        "nlp.lang": one.lang,
        "components.oiellm.tasks": [one.task],
        "paths.model": str(model),
    }
    if one.lang in TOKENIZERS:
        values["nlp.tokenizer"] = {"@tokenizers": TOKENIZERS[one.lang]}
    config = set_values(load_config(CONFIG, interpolate=False), values)
    nlp = load_model_from_config(config, auto_fill=True)
    nlp.initialize()
    examples = read_examples(nlp.config, nlp, one.folder / "held_out")
    pipe: Any = nlp.get_pipe("oiellm")
    scores = pipe.score(predict(nlp, examples))
    return {"texts": len(examples), **{name: scores[name] for name in SCORES}}


def main(
    comparison: Annotated[
        list[str] | None, typer.Option(help=f"One of: {', '.join(COMPARISONS)}. May be repeated.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="How often each text is read.")] = None,
) -> None:
    """Measure and record all comparisons."""
    if unknown := set(comparison or ()) - set(COMPARISONS):
        raise typer.BadParameter(f"unknown comparison: {', '.join(sorted(unknown))}")
    models = [(name, *model) for name in comparison or COMPARISONS for model in COMPARISONS[name].models()]
    for name, mix, learned in track(models, "models"):
        reads = epochs or COMPARISONS[name].epochs
        prepare(learned)
        folder = train(learned, reads)
        about = {"comparison": name, "mix": mix, "epochs": reads, "batch": BATCH}
        about |= {"device": get_device(), "commit": get_commit()}
        record([{**about, "task": one.task, "lang": one.lang, **score(folder, one)} for one in learned])


def record(new: list[dict[str, Any]]) -> None:
    """Add rows to the results, in place of older ones.

    new (list[dict[str, Any]]): The rows.
    """
    key = itemgetter("comparison", "mix", "task", "lang")
    rows = {key(row): row for row in [*read(SUITE)["rows"], *new]}
    places = [
        (name, mix, one.task, one.lang) for name, of in COMPARISONS.items() for mix in MIXES for one in of.data_sets
    ]
    versions = {package: version(package) for package in PACKAGES}
    about = {"command": f"python -m benchmarks.{SUITE}", "versions": versions}
    with replacing(RESULTS / f"{SUITE}.json") as temporary:
        srsly.write_json(temporary, {**about, "rows": [rows[place] for place in places if place in rows]})


if __name__ == "__main__":
    typer.run(main)
