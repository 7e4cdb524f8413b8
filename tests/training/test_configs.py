"""The training configs that come with the package."""

import pytest
from spacy.util import load_config

from spacy_mre.training.configs import config_names, config_path, config_purpose, read_config, write_config


def test_every_config_says_in_one_line_what_it_is_for():
    assert {"ja_cpu", "en_cpu", "zh_cpu", "ja_e5", "trf", "slg", "oiellm"} <= set(config_names())
    for name in config_names():
        purpose = config_purpose(name)
        assert 40 < len(purpose) <= 118 and purpose.endswith("."), name
        assert f"configs/{name}.cfg" in config_path(name).read_text(encoding="utf8"), name


def test_a_path_is_returned_as_it_is(tmp_path, monkeypatch):
    own = tmp_path / "ja_cpu.cfg"
    own.write_text("[paths]\n")
    assert config_path(own) == config_path(str(own)) == own
    monkeypatch.chdir(tmp_path)
    assert config_path("ja_cpu.cfg").read_text() == "[paths]\n"
    assert config_path("ja_cpu").read_text(encoding="utf8").startswith("# Japanese")


@pytest.mark.parametrize("name", ["ja_cup", "ja_cup.cfg", "", ".", "../configs/ja_cpu", "demo.json", "ja_*"])
def test_other_names_are_refused_with_a_list(name):
    with pytest.raises(ValueError, match=r"\[M030\]") as caught:
        config_path(name)
    lines = str(caught.value).splitlines()
    assert f"'{name}'" in lines[0]
    assert lines[1:] == [f"{known}: {config_purpose(known)}" for known in config_names()]


def test_a_written_config_names_itself(tmp_path):
    output = tmp_path / "new" / "my.cfg"
    write_config("zh_cpu", output)
    assert load_config(output) == load_config(config_path("zh_cpu"))
    text = output.read_text(encoding="utf8")
    assert f"# python -m spacy train {output} " in text and "configs/zh_cpu.cfg" not in text


def test_an_existing_file_is_replaced_only_by_force(tmp_path):
    output = tmp_path / "my.cfg"
    output.write_text("mine")
    with pytest.raises(ValueError, match=r"\[M031\].*my\.cfg.*--force"):
        write_config("ja_cpu", output)
    assert output.read_text() == "mine"
    write_config("ja_cpu", output, force=True)
    assert load_config(output)["nlp"]["lang"] == "ja"
    assert [path.name for path in tmp_path.iterdir()] == ["my.cfg"]


# Reading


def test_every_config_that_comes_with_the_package_is_complete():
    for name in config_names():
        assert read_config(name) == load_config(config_path(name)), name


FULL = """[nlp]
pipeline = ["spert_mt"]
[corpora]
[components]
[components.spert_mt]
factory = "spert_mt"
[training]
train_corpus = "corpora.train"
dev_corpus = "corpora.dev"
frozen_components = []
[training.optimizer]
@optimizers = "Adam.v1"
[training.batcher]
@batchers = "spacy.batch_by_words.v1"
"""


@pytest.mark.parametrize(
    "old,new,reason",
    [
        (FULL, "", "lacks [nlp.pipeline], [components], [corpora], [training.train_corpus], [training.dev_corpus], "),
        ("[nlp]\n", "[nlp\n", "no section headers"),
        ("[corpora]", "[nlp]", "section 'nlp' already exists"),
        ("[corpora]", "[corpora]\nx = 1\nx = 2", "option 'x' in section 'corpora' already exists"),
        ("[corpora]", "[corpora]\nx", "line 4"),
        ("[corpora]\n", "", "lacks [corpora]"),
        ("[components]\n", "", "components"),
        ('["spert_mt"]', '["spert_mt", "ner"]', "lacks [components.ner]"),
        ('@optimizers = "Adam.v1"', "", "lacks [training.optimizer.@optimizers]"),
        ("[training.batcher]\n@batchers", "batcher", "lacks [training.batcher.@batchers]"),
        ('["spert_mt"]', "null", "lacks [nlp.pipeline]"),
        ("[nlp]", "# \udcff\n[nlp]", "byte 2 is not UTF-8"),
    ],
)
def test_a_config_that_is_broken_or_incomplete(tmp_path, old, new, reason):
    path = tmp_path / "own.cfg"
    assert old in FULL
    path.write_bytes(FULL.encode())
    assert read_config(path)["nlp"]["pipeline"] == ["spert_mt"]
    path.write_bytes(FULL.replace(old, new).encode("utf8", "surrogateescape"))
    with pytest.raises(ValueError, match=r"\[M613\].*own\.cfg is not a training config: ") as caught:
        read_config(path)
    assert reason in str(caught.value) and "<string>" not in str(caught.value)


def test_only_what_is_needed_is_asked_for(tmp_path):
    path = tmp_path / "own.cfg"
    path.write_text('[nlp]\nlang = "ja"\n')
    assert read_config(path, needed=["nlp"])["nlp"] == {"lang": "ja"}
    with pytest.raises(ValueError, match=r"\[M613\].*lacks \[nlp\.pipeline\]"):
        read_config(path, needed=["nlp.pipeline"])


@pytest.mark.parametrize(
    "old,new",
    [
        ('pipeline = ["spert_mt"]', "pipeline = ${vars.pipeline}"),
        ("[training.optimizer]\n@optimizers", "optimizer = ${vars}\n#"),
    ],
)
def test_variables_are_not_looked_up(tmp_path, old, new):
    path = tmp_path / "own.cfg"
    assert old in FULL
    path.write_text(FULL.replace(old, new) + '[vars]\npipeline = ["spert_mt"]\n')
    assert read_config(path)["nlp"]["pipeline"] in (["spert_mt"], "${vars.pipeline}")
