"""The project: configs build their pipelines, workflows name existing commands, and a short demonstration runs."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
import srsly
import yaml
from spacy.schemas import ConfigSchemaTraining
from spacy.util import load_config, load_model_from_config, registry

ROOT = Path(__file__).parent.parent
CONFIGS = sorted((ROOT / "configs").glob("*.cfg"))
PROJECT = yaml.safe_load((ROOT / "project.yml").read_text(encoding="utf8"))
PATHS = {"paths.train": "train.spacy", "paths.dev": "dev.spacy"}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_builds_its_pipeline(path):
    config = load_config(path, overrides=PATHS)
    if "ja_ginza" in path.read_text(encoding="utf8"):
        pytest.importorskip("ja_ginza")
    nlp = load_model_from_config(config, auto_fill=True)
    assert nlp.pipe_names == config["nlp"]["pipeline"]
    filled = nlp.config.interpolate()
    training = registry.resolve(filled["training"], schema=ConfigSchemaTraining)
    assert type(training["optimizer"]).__name__ == "AdamW"
    assert [type(corpus).__name__ for corpus in registry.resolve(filled["corpora"]).values()] == ["Corpus", "Corpus"]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_best_pipeline_is_chosen_by_the_written_weights(path):
    """spaCy adds the default weights of the components for every score that a config does not name."""
    config = load_config(path, overrides=PATHS)
    if "ja_ginza" in path.read_text(encoding="utf8"):
        pytest.importorskip("ja_ginza")
    written = config["training"].get("score_weights", {})
    nlp = load_model_from_config(config, auto_fill=True)
    used = {name: weight for name, weight in nlp.config["training"]["score_weights"].items() if weight}
    assert sum(used.values()) == pytest.approx(1.0)
    assert not written or used == {name: weight for name, weight in written.items() if weight}


def test_workflows_name_commands():
    commands = {command["name"] for command in PROJECT["commands"]}
    used = {step for steps in PROJECT["workflows"].values() for step in steps}
    assert used == commands
    assert set(PROJECT["workflows"]) >= {"all", "conll04", "crossre", "asdc", "snips"}


def test_commands_depend_on_the_files_that_they_read():
    """So that a command is run again when one has changed."""
    for command in PROJECT["commands"]:
        named = [Path(name) for key in ("deps", "outputs", "outputs_no_cache") for name in command.get(key, ())]
        words = [Path(word) for line in command["script"] for word in line.split()]
        read = [path for path in words if path.parts and (ROOT / path).is_file()]
        assert [path for path in read if not {path, *path.parents} & set(named)] == [], command["name"]
    deps = {command["name"]: command.get("deps", []) for command in PROJECT["commands"]}
    assert {"spacy_mre", "configs", "pyproject.toml", "setup.py"} <= set(deps["package"])
    assert "spacy_mre" in deps["evaluate-demo"]


@pytest.mark.timeout(600)
def test_a_short_demonstration(tmp_path):
    pytest.importorskip("ja_ginza")
    for name in ("assets", "configs", "project.yml", "spacy_mre"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("compiled", "real", "__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    for step in ("compile", "convert-demo", "train-demo", "evaluate-demo", "page"):
        command = [sys.executable, "-m", "spacy", "project", "run", step, str(tmp_path), "--vars.demo_steps", "20"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    scores = srsly.read_json(tmp_path / "metrics" / "demo.json")
    for key in ("ents_f", "spans_entities_f", "rel_f", "rel_strict_f", "cats_macro_f", "given_rel_f"):
        assert 0.0 <= scores[key] <= 1.0
    page = (tmp_path / "pages" / "demo.html").read_text(encoding="utf8")
    assert page.count("<svg") >= 10 and "src=" not in page and "http" not in page.replace("http://www.w3.org", "")
    nlp = spacy.load(tmp_path / "training" / "demo" / "model-best")
    doc = nlp("三浦美咲は京都で生まれた。")
    assert sum(doc.cats.values()) == pytest.approx(1.0, abs=1e-5)
    assert doc._.relations is not None and "entities" in doc.spans
