"""Training is continued in Python, with the config that `spacy train` has saved."""

import subprocess
import sys
from pathlib import Path

import pytest
import spacy
from spacy.cli.debug_data import debug_data
from spacy.cli.init_config import fill_config
from spacy.training import Example
from spacy.util import load_config

from spacy_mre import save_docs
from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import set_relations
from spacy_mre.training.variables import make_resolve_variables

CALLBACK = {"@callbacks": "spacy_mre.resolve_variables.v1"}
SCHEDULE = {
    "@optimizers": "spacy_mre.AdamW.v1",
    "learn_rate": {
        "@schedules": "warmup_linear.v1",
        "initial_rate": 0.001,
        "warmup_steps": 1,
        "total_steps": "${training.max_steps}",
    },
}


@pytest.fixture
def trained(make_nlp, make_examples, tmp_path):
    """Trained by `spacy train`, with and without the callback."""
    nlp = make_nlp()
    save_docs([eg.reference for eg in make_examples(nlp)], tmp_path / "data.spacy")
    corpus = {"@readers": "spacy_mre.Corpus.v1", "path": str(tmp_path / "data.spacy")}
    config = nlp.config.copy()
    config["corpora"] = {"train": corpus, "dev": corpus}
    config["training"].update({"optimizer": SCHEDULE, "max_steps": 2, "eval_frequency": 2, "max_epochs": 0})

    def train(callback):
        config["training"]["before_to_disk"] = callback
        config.to_disk(tmp_path / "config.cfg")
        command = [sys.executable, "-m", "spacy", "train", "config.cfg", "--output", "out"]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        return spacy.load(tmp_path / "out" / "model-last")

    return train


def test_training_goes_on_in_python(trained, make_examples):
    nlp = trained(CALLBACK)
    assert nlp.config["training"]["optimizer"]["learn_rate"]["total_steps"] == 2
    assert nlp.create_optimizer().schedules
    examples = [Example(nlp.make_doc(eg.reference.text), eg.reference) for eg in make_examples(nlp)]
    assert nlp.update(examples, sgd=nlp.resume_training())["spert_mt"] > 0


def test_without_the_callback_spacy_cannot_make_the_optimizer(trained):
    """The reason for the callback. If this fails, spaCy resolves the variables itself, and the callback can go."""
    with pytest.raises(ValueError, match="total_steps"):
        trained(None).create_optimizer()


def test_the_callback_changes_nothing_else():
    nlp = spacy.blank("en", config={"training": {"dropout": "${training.seed}", "seed": 7}})
    expected = nlp.config.interpolate()
    assert make_resolve_variables()(nlp) is nlp and nlp.config == expected


@pytest.mark.parametrize("path", sorted(Path("configs").glob("*.cfg")), ids=lambda path: path.stem)
def test_shipped_configs_with_variables_have_the_callback(path):
    training = load_config(path, interpolate=False)["training"] if "training" in load_config(path) else {}
    if "${training." in path.read_text(encoding="utf8"):
        calibrates = {"@callbacks": "spacy_mre.calibrate.v1"}  # which resolves variables too
        assert training["before_to_disk"] in (CALLBACK, calibrates)
        assert (training["before_to_disk"] == calibrates) == any(
            component.get("factory") in ("spert_mt", "multi_ner", "mre_textcat")
            for component in load_config(path)["components"].values()
        )
        assert load_config(path)["initialize"]["before_init"] == CALLBACK


@pytest.mark.parametrize("name", ["ja_cpu", "zh_cpu"])
def test_debug_data_works_with_filled_configs(name, tmp_path):
    """It makes the optimizer from a part of the config, as `nlp.initialize` does without one."""
    pytest.importorskip({"ja_cpu": "ja_ginza", "zh_cpu": "jieba"}[name])
    nlp = spacy.blank("en")
    for part, verb in (("train", "lives"), ("dev", "works")):
        docs = [nlp.make_doc(f"Ida {verb} in Lima") for _ in range(100)]  # fewer are an error
        for i, doc in enumerate(docs):
            set_entities(doc, [(0, 1, "person"), (3, 4, "place")])
            set_relations(doc, [])
            doc.cats = {"a": float(i % 2), "b": float(i % 2 == 0)}
        save_docs(docs, tmp_path / f"{part}.spacy")
    paths = {f"paths.{part}": str(tmp_path / f"{part}.spacy") for part in ("train", "dev")}
    fill_config(tmp_path / "filled.cfg", Path("configs") / f"{name}.cfg", silent=True)
    debug_data(tmp_path / "filled.cfg", config_overrides=paths)
    # The file keeps its variables, so that --training.max_steps is still one number.
    assert "total_steps = ${training.max_steps}" in (tmp_path / "filled.cfg").read_text(encoding="utf8")
