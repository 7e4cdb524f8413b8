from pathlib import Path

import pytest

from spacy_mre.scale.options import FORMS, Options, form_of


def test_defaults():
    options = Options("parquet")
    assert (options.text, options.id, options.keep, options.prefix) == ("text", "id", None, "")
    assert list(options.columns().values()) == ["entities", "relations", "cats"]
    assert options.rows == options.batch_tokens == 10_000


def test_names_are_in_one_order():
    columns = Options("jsonl", select=("cats", "entities"), prefix="a_").columns()
    assert list(columns.items()) == [("entities", "a_entities"), ("cats", "a_cats")]
    assert Options("jsonl", select=()).columns() == {}


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"form": "csv"}, r"\[M001\] Invalid value 'csv' for 'form'. Expected one of: parquet, jsonl, jsonl.gz"),
        ({"form": "spacy", "select": ("cats", "ents")}, r"\[M001\] Invalid value 'ents' for 'select'.*entities, relat"),
    ],
)
def test_invalid_values(settings, message):
    with pytest.raises(ValueError, match=message):
        Options(**settings)


@pytest.mark.parametrize("form", FORMS)
def test_a_suffix_is_a_form(tmp_path, form):
    assert form_of(tmp_path / f"a.b.{form}") == form
    folder = tmp_path / f"folder.{form}"
    folder.mkdir()
    assert form_of(folder) is None


def test_a_name_without_a_suffix_is_a_folder(tmp_path):
    assert form_of(Path("annotated")) is None and form_of(Path(".hidden")) is None
    (tmp_path / "v1.2").mkdir()
    assert form_of(tmp_path / "v1.2") is None


@pytest.mark.parametrize("name", ["a.csv", "a.gz", "a.jsonl.bz2", "a.json", "a.v2"])
def test_other_suffixes(tmp_path, name):
    with pytest.raises(ValueError, match=r"\[M724\] .* its name must end in one of: .parquet, .jsonl, .jsonl.gz"):
        form_of(tmp_path / name)
