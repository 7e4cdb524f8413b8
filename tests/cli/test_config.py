"""The command `config`, and names of configs in other commands."""

import pytest
import spacy
import srsly
from spacy.util import load_config
from typer.testing import CliRunner

from spacy_mre.annotations.storage import load_docs
from spacy_mre.cli import app
from spacy_mre.training.configs import config_names, config_path, config_purpose


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200", "TERM": "dumb"})


def test_without_a_name_all_configs_are_listed():
    result = run("config")
    rows = [line.split(maxsplit=1) for line in result.output.splitlines()]
    assert rows == [[name, config_purpose(name)] for name in config_names()]


def test_a_config_is_printed():
    assert run("config", "ja_cpu").output == config_path("ja_cpu").read_text(encoding="utf8")


def test_a_config_is_written_once(tmp_path):
    output = tmp_path / "my.cfg"
    assert run("config", "en_cpu", "-o", output).exit_code == 0
    assert load_config(output) == load_config(config_path("en_cpu"))
    result = run("config", "zh_cpu", "--output", output)
    assert result.exit_code == 1 and "[M031]" in result.output and "Traceback" not in result.output
    assert run("config", "zh_cpu", "-o", output, "--force").exit_code == 0
    assert load_config(output)["nlp"]["lang"] == "zh"


def test_an_unknown_name_is_reported():
    result = run("config", "ja_cup")
    assert result.exit_code == 1 and "[M030]" in result.output and "ja_cpu: Japanese" in result.output


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "北京很大"}\n', encoding="utf8")
    return path


def test_convert_takes_a_name(corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("convert", "jsonl", corpus, "a.spacy", "--nlp", "zh_cpu", "--allow-empty").exit_code == 0
    (doc,) = load_docs("a.spacy")
    assert [token.text for token in doc] == ["北", "京", "很", "大"]
    assert run("stats", "a.spacy", "--nlp", "zh_cpu").exit_code == 0


def test_a_folder_of_that_name_is_the_pipeline(corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spacy.blank("xx").to_disk("zh_cpu")
    assert run("convert", "jsonl", corpus, "a.spacy", "--nlp", "zh_cpu", "--allow-empty").exit_code == 0
    assert [len(doc) for doc in load_docs("a.spacy")] == [1]


def test_what_is_neither_is_reported(corpus, tmp_path):
    result = run("convert", "jsonl", corpus, tmp_path / "a.spacy", "--nlp", "zh_cup")
    assert result.exit_code == 1 and "[M032]" in result.output and "spacy_mre config" in result.output
    result = run("convert", "jsonl", corpus, tmp_path / "a.spacy", "--nlp", tmp_path / "my.cfg")
    assert result.exit_code == 1 and "[M030]" in result.output


def test_reinforce_takes_a_name(tmp_path, corpus):
    result = run("reinforce", "ja_cup", corpus, corpus, corpus, tmp_path / "out")
    assert result.exit_code == 1 and "[M030]" in result.output
    # Found; refused for what it contains.
    result = run("reinforce", "conll04", corpus, corpus, corpus, tmp_path / "out")
    assert result.exit_code == 1 and "[M030]" not in result.output and "Traceback" not in result.output


def test_a_config_is_adapted_to_training_texts(tmp_path, monkeypatch):
    pytest.importorskip("jieba")
    monkeypatch.chdir(tmp_path)
    entity = {"start": 0, "end": 2, "label": "place"}
    srsly.write_jsonl("a.jsonl", [{"text": "北京很大", "entities": [entity], "relations": []}])
    assert run("convert", "jsonl", "a.jsonl", "a.spacy", "--nlp", "zh_cpu", "--allow-empty").exit_code == 0
    result = run("config", "zh_cpu", "-o", "my.cfg", "--fit", "a.spacy", "--updates", "50")
    assert result.output == (
        "my.cfg: zh_cpu for 1 training text: tok2vec, spert_mt, doc_cleaner; 50 updates, evaluated after every 5\n"
    )
    config = load_config("my.cfg")
    assert config["nlp"]["pipeline"] == ["tok2vec", "spert_mt", "doc_cleaner"] and config["nlp"]["disabled"] == []
    assert config["training"]["max_steps"] == 50
    # Without the option, by the number of texts. The file is replaced only if asked.
    assert "[M031]" in run("config", "my.cfg", "-o", "my.cfg", "--fit", "a.spacy").output
    assert run("config", "my.cfg", "-o", "my.cfg", "--fit", "a.spacy", "--force").exit_code == 0
    assert load_config("my.cfg")["training"]["max_steps"] == 300


@pytest.mark.parametrize(
    "options",
    [
        ["zh_cpu", "--fit", "a.spacy"],
        ["zh_cpu", "-o", "my.cfg", "--updates", "3"],
        ["-o", "my.cfg"],
        ["zh_cpu", "--force"],
    ],
)
def test_options_that_need_another_one(options, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("config", *options)
    assert result.exit_code == 2 and "need" in result.output and not (tmp_path / "my.cfg").exists()
