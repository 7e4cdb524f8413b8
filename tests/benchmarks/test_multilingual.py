import pytest
import srsly

from benchmarks import multilingual, results, tables
from benchmarks.grid import Cell
from benchmarks.results import read
from spacy_mre.annotations.storage import load_docs


def test_the_config_is_the_shipped_one_without_text_labels():
    config = multilingual.make_config("train.spacy", "dev.spacy", updates=7, seed=3)
    assert config["nlp"]["pipeline"] == list(config["components"]) == ["transformer", "spert_mt", "doc_cleaner"]
    assert (config["training"]["max_steps"], config["system"]["seed"]) == (7, 3)
    assert config["components"]["transformer"]["model"]["@architectures"] == "spacy_mre.MultilingualE5.v1"


@pytest.mark.filterwarnings("ignore")
def test_one_training_and_a_row_for_each_language(small, monkeypatch):
    small.corpora = {f"crossre_{lang}": small.corpora["hand"] for lang in multilingual.LANGUAGES}
    small.suites["accuracy"]["datasets"]["hand"]["corpus"] = "crossre_zh"
    config = small.config(Cell("accuracy", "test", "hand", "spert_mt", 0))
    trained = []

    def train(config, folder):
        trained.append(config)
        return before(config, folder)

    before = multilingual.train_last
    monkeypatch.setattr(multilingual, "train_last", train)
    monkeypatch.setattr(multilingual, "INT8", {})  # there is no transformer
    monkeypatch.setattr(multilingual, "make_config", lambda train, dev, **_: config)
    monkeypatch.setattr(multilingual.Grid, "load", lambda: small)
    multilingual.main(updates=4, seed=0)
    multilingual.main(updates=4, seed=0)
    assert len(trained) == 1  # the second one takes the model of the first
    folder = multilingual.MODELS / "multilingual-4-0"
    assert len(list(load_docs(folder / "train.spacy"))) == 3 * 40
    rows = read("multilingual")["rows"]
    assert [row["language"] for row in rows] == ["ja", "en", "zh"]
    first = {name: rows[0][name] for name in multilingual.SCORES}
    assert all({name: row[name] for name in multilingual.SCORES} == first for row in rows)  # the same test part
    assert 0 <= first["spans_f"] == rows[0]["int8_spans_f"] <= 1
    table = tables.TABLES["multilingual"]()
    assert f"| Chinese | all three | `xx_e5` | 4 | 1 | {100 * first['spans_f']:.2f} |" in table


def test_the_committed_rows_have_all_languages():
    rows = srsly.read_json(results.RESULTS / "multilingual.json")["rows"]
    assert {row["language"] for row in rows} == set(multilingual.LANGUAGES)
