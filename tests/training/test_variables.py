"""Training goes on with the config that `spacy train` has saved: in Python, and with new values for its variables."""

import copy
import gc
from pathlib import Path
from weakref import ref

import pytest
import spacy
from spacy.cli.debug_data import debug_data
from spacy.cli.init_config import fill_config
from spacy.cli.train import train as spacy_train
from spacy.training import Example
from spacy.util import load_config

from spacy_mre import save_docs
from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import set_relations

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
def train(make_nlp, make_examples, tmp_path):
    """Trains by `spacy train`, with or without the callbacks. Its data is gone afterwards."""

    def run(after_creation, before_to_disk=None):
        nlp = make_nlp()
        save_docs([eg.reference for eg in make_examples(nlp)], tmp_path / "data.spacy")
        corpus = {"@readers": "spacy_mre.Corpus.v1", "path": "${paths.train}"}
        config = nlp.config.copy()
        config["paths"].update({"train": str(tmp_path / "data.spacy")})
        config["corpora"] = {"train": corpus, "dev": corpus}
        config["nlp"]["after_creation"] = after_creation
        config["training"].update({"optimizer": SCHEDULE, "max_steps": 2, "eval_frequency": 2, "max_epochs": 0})
        config["training"]["before_to_disk"] = before_to_disk
        config.to_disk(tmp_path / "config.cfg")
        spacy_train(tmp_path / "config.cfg", tmp_path / "out")
        (tmp_path / "data.spacy").rename(tmp_path / "moved.spacy")
        return spacy.load(tmp_path / "out" / "model-last")

    return run


def total_steps(optimizer):
    """From the rate of the second step, halfway down after one step of warmup: 0.001 * (total - 2) / (total - 1)."""
    for _ in range(2):
        optimizer.step_schedules()
    return round(1 / (1 - optimizer.learn_rate / 0.001)) + 1


def test_training_goes_on_in_python(train, make_examples):
    nlp = train(CALLBACK)
    # 0.0 at the end of two steps.
    assert total_steps(nlp.create_optimizer()) == 2
    examples = [Example(nlp.make_doc(eg.reference.text), eg.reference) for eg in make_examples(nlp)]
    assert nlp.update(examples, sgd=nlp.resume_training())["spert_mt"] > 0
    assert total_steps(nlp.initialize(lambda: examples)) == 2


@pytest.mark.parametrize("before_to_disk", [None, "calibrate", "record_requirements"])
def test_the_saved_config_takes_new_values(train, before_to_disk, tmp_path):
    callback = before_to_disk and {"@callbacks": f"spacy_mre.{before_to_disk}.v1"}
    train(CALLBACK, callback)
    values = {"paths.train": str(tmp_path / "moved.spacy"), "system.seed": 7, "training.max_steps": 3}
    spacy_train(tmp_path / "out" / "model-last" / "config.cfg", tmp_path / "again", overrides=values)
    nlp = spacy.load(tmp_path / "again" / "model-last")
    config = nlp.config.interpolate()
    assert config["training"]["seed"] == 7 and config["corpora"]["dev"]["path"] == str(tmp_path / "moved.spacy")
    assert total_steps(nlp.create_optimizer()) == 3
    # A pipeline that is loaded and saved keeps its variables, too.
    nlp.to_disk(tmp_path / "copy")
    assert "total_steps = ${training.max_steps}" in (tmp_path / "copy" / "config.cfg").read_text(encoding="utf8")


def test_without_the_callback_spacy_cannot_make_the_optimizer(train):
    """The reason for the callback. If this fails, spaCy resolves the variables itself, and the callback can go."""
    with pytest.raises(ValueError, match="total_steps"):
        train(None).create_optimizer()


def test_a_copied_pipeline_makes_the_optimizer_of_its_own_config():
    nlp = spacy.blank("en", config={"nlp": {"after_creation": CALLBACK}, "training": {"optimizer": SCHEDULE}})
    copied = copy.deepcopy(nlp)
    copied.config["training"]["max_steps"] = 9
    assert total_steps(copied.create_optimizer()) == 9
    assert total_steps(nlp.create_optimizer()) == nlp.config["training"]["max_steps"]


@pytest.mark.parametrize("path", sorted(Path("configs").glob("*.cfg")), ids=lambda path: path.stem)
def test_shipped_configs_with_variables_have_the_callback(path):
    config = load_config(path, interpolate=False)
    if "${training." in path.read_text(encoding="utf8"):
        assert config["nlp"]["after_creation"] == CALLBACK
        calibrates = any(
            component.get("factory") in ("spert_mt", "multi_ner", "mre_textcat")
            for component in config["components"].values()
        )
        # Both record the packages of components with a `source`.
        name = "calibrate" if calibrates else "record_requirements"
        assert config["training"]["before_to_disk"] == {"@callbacks": f"spacy_mre.{name}.v1"}


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


def test_the_callback_does_not_keep_a_pipeline_alive():
    nlp = spacy.blank("en", config={"nlp": {"after_creation": CALLBACK}})
    gone = ref(nlp)
    gc.collect()
    gc.disable()
    try:
        del nlp
        assert gone() is None
    finally:
        gc.enable()
