"""The training configs that come with the package."""

import pytest
from spacy.util import load_config

from spacy_mre.training.configs import config_names, config_path, config_purpose, write_config


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
