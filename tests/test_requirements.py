"""Pipelines record the packages that they need."""

import pytest
import spacy
from packaging.requirements import Requirement

from spacy_mre.requirements import make_record_requirements, record_requirements
from tests.robustness.pipelines import COMPONENTS

SUDACHI = ["sudachipy<0.7.0,>=0.6.11", "sudachidict-core>=20240409"]


def names_of(lines):
    return [Requirement(line).name for line in lines]


def make_japanese(meta=None):
    tokenizer = {"@tokenizers": "spacy_mre.JapaneseTokenizer.v1"}
    return spacy.blank("ja", config={"nlp": {"tokenizer": tokenizer}}, meta=meta or {})


def test_a_tokenizer_is_recorded_once(tmp_path):
    nlp = make_japanese()
    nlp.add_pipe("spert_mt", config=COMPONENTS["spert_mt"])
    assert nlp.meta["requirements"] == SUDACHI
    nlp.remove_pipe("spert_mt")
    nlp.to_disk(tmp_path)
    assert spacy.load(tmp_path).meta["requirements"] == SUDACHI


def test_what_is_recorded_already_stays(tmp_path):
    meta = {"requirements": ["mine>=1.0", "SudachiPy==0.6.11"]}
    assert make_japanese(meta).meta["requirements"] == [*meta["requirements"], SUDACHI[1]]
    assert meta == {"requirements": ["mine>=1.0", "SudachiPy==0.6.11"]}


def test_what_names_no_package_stays(tmp_path):
    """pip takes more than names with versions."""
    mine = ["./wheels/mine-1.0-py3-none-any.whl", "git+https://example.org/mine.git", "not a name"]
    nlp = make_japanese({"requirements": mine})
    nlp.add_pipe("spert_mt", config=COMPONENTS["spert_mt"])
    nlp.to_disk(tmp_path)
    assert spacy.load(tmp_path).meta["requirements"] == [*mine, *SUDACHI]


def test_nothing_is_recorded_without_need():
    nlp = spacy.blank("en")
    nlp.add_pipe("spert_mt", config=COMPONENTS["spert_mt"])
    assert nlp.meta["requirements"] == []
    tokenizer = {"@tokenizers": "spacy_mre.ChineseTokenizer.v1", "tags": False}
    assert spacy.blank("zh", config={"nlp": {"tokenizer": tokenizer}}).meta["requirements"] == []


@pytest.mark.parametrize(
    "lang, tokenizer, names",
    [
        ("ja", {"@tokenizers": "spacy.ja.JapaneseTokenizer"}, ["sudachipy", "sudachidict-core"]),
        ("zh", {"@tokenizers": "spacy.zh.ChineseTokenizer", "segmenter": "jieba"}, ["jieba"]),
        ("zh", {"@tokenizers": "spacy.zh.ChineseTokenizer", "segmenter": "char"}, []),
    ],
)
def test_components_record_the_tokenizers_of_spacy(lang, tokenizer, names):
    nlp = spacy.blank(lang, config={"nlp": {"tokenizer": tokenizer}})
    nlp.add_pipe("spert_mt", config=COMPONENTS["spert_mt"])
    assert names_of(nlp.meta["requirements"]) == names


def test_an_engine_is_recorded():
    nlp = spacy.blank("en")
    nlp.add_pipe("mre_transformer", config={"engine": "onnx", "precision": "int8"})
    assert names_of(nlp.meta["requirements"]) == ["spacy-transformers", "onnx", "onnxruntime"]


def test_the_callback_records_sourced_components():
    """spaCy does not create them anew, and so does not call their factories."""
    source = spacy.blank("xx")
    source.add_pipe("slg", config=COMPONENTS["slg"])
    nlp = make_japanese()
    nlp.add_pipe("slg", source=source)
    assert nlp.meta["requirements"] == SUDACHI
    assert make_record_requirements()(nlp) is nlp
    assert nlp.meta["requirements"][:2] == SUDACHI
    assert names_of(nlp.meta["requirements"][2:]) == ["transformers", "sentencepiece"]


def test_names_without_a_known_version_are_recorded():
    class Part:
        requires = ("unknown-package",)

    nlp = spacy.blank("en")
    record_requirements(nlp, Part())
    assert nlp.meta["requirements"] == ["unknown-package"]
