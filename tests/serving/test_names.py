"""The names of the pipelines."""

import json

import pytest

from spacy_mre.serving.names import name_pipelines


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """Folders of pipelines; only their meta.json is read."""
    monkeypatch.chdir(tmp_path)
    names = {"one": ("en", "demo"), "two": ("en", "demo"), "three": ("ja", "demo"), "a=b": ("en", "x")}
    for folder, (lang, name) in names.items():
        meta = {"lang": lang, "name": name, "version": "1.0.0"}
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "meta.json").write_text(json.dumps(meta))


def test_names_are_those_of_the_pipelines(saved, tmp_path):
    assert name_pipelines(["three", str(tmp_path / "one")]) == {"ja_demo": "three", "en_demo": str(tmp_path / "one")}


def test_a_package():
    pytest.importorskip("ja_ginza")
    assert name_pipelines(["ja_ginza", "x=ja_ginza"]) == {"ja_ginza": "ja_ginza", "x": "ja_ginza"}


def test_names_can_be_given(saved):
    given = ["b=one", "two", "a.1-x=one", "a=b", "c=a=b"]
    assert name_pipelines(given) == {"b": "one", "en_demo": "two", "a.1-x": "one", "en_x": "a=b", "c": "a=b"}


@pytest.mark.parametrize("given", [["one", "two"], ["en_demo=three", "two"], ["x=one", "x=two"]])
def test_two_pipelines_with_one_name(saved, given):
    with pytest.raises(ValueError, match=r"M754.*NAME=two"):
        name_pipelines(given)


@pytest.mark.parametrize("given", ["nowhere", "b=nowhere", "x y=one", "=one", "b="])
def test_no_pipeline(saved, given):
    with pytest.raises(ValueError, match="M753"):
        name_pipelines([given])
