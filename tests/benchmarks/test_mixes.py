from pathlib import Path

import pytest
import srsly

from benchmarks import mixes, results, tables
from benchmarks.results import read
from spacy_mre.annotations.storage import load_docs

ROOT = Path(__file__).parents[2]
SCORES = {"texts": 80, "format_acc": 1.0, "tl_f": 0.9, "wl_f": 0.5, "all_acc": 0.25}


@pytest.fixture
def two(monkeypatch, tmp_path):
    """Two small data sets in one comparison, in a folder like the checkout."""
    for folder in ("assets", "configs"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    (tmp_path / results.RESULTS).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    data_sets = [mixes.DataSet("SCPOS:RW", "ja"), mixes.DataSet("TCREE:EE", "ja")]
    monkeypatch.setattr(mixes, "COMPARISONS", {"tasks": mixes.Comparison(data_sets, epochs=3)})
    return data_sets


@pytest.mark.parametrize("name", mixes.COMPARISONS)
def test_every_data_set_is_learned_alone_and_with_all_others(name):
    data_sets = mixes.COMPARISONS[name].data_sets
    alone = [("one", [data_set]) for data_set in data_sets]
    assert mixes.COMPARISONS[name].models() == [*alone, ("all", data_sets)]
    assert len({one.folder for one in data_sets}) == len(data_sets)


def test_data_sets_of_which_texts_are_drawn_have_other_folders():
    assert mixes.DataSet("SCNM", "ja").folder != mixes.DataSet("SCNM", "ja", 64).folder


def test_models_are_trained_as_people_do_it_and_scored(two, monkeypatch):
    calls = []

    def call(*words):
        calls.append([str(word) for word in words])

    monkeypatch.setattr(mixes, "call", call)
    monkeypatch.setattr(mixes, "score", lambda model, one: SCORES)
    mixes.main()
    assert [words[1] for words in calls] == ["train-generative"] * 3
    assert all(words[words.index("--epochs") + 1] == "3" for words in calls)
    # A model of both reads the rows of each, which are the drawn texts; those that are held out are others.
    files = [srsly.read_jsonl(words[3]) for words in calls]
    first, second, both = ([row["input"] for row in rows] for rows in files)
    assert len(first) == len(second) == 320 and sorted(both) == sorted(first + second)
    for one in two:
        learned = {doc.text for doc in load_docs(one.folder / "train.spacy")}
        held_out = [doc.text for part in ("dev", "test") for doc in load_docs(one.folder / f"held_out/{part}.spacy")]
        assert len(held_out) == 80 and not learned.intersection(held_out)
    rows = read("mixes")["rows"]
    assert [(row["mix"], row["task"]) for row in rows] == [
        ("one", "SCPOS:RW"),
        ("one", "TCREE:EE"),
        ("all", "SCPOS:RW"),
        ("all", "TCREE:EE"),
    ]
    assert "| `TCREE:EE` | ja | 80 | 90.0 / 50.0 / 25.0 | 90.0 / 50.0 / 25.0 |" in tables.TABLES["generative_tasks"]()


def test_a_model_is_scored_on_texts_that_it_has_not_learned(two, tmp_path, monkeypatch):
    monkeypatch.setattr(mixes, "MODEL", tmp_path / "tiny.json")
    config = {"model_type": "llama", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1}
    config |= {"num_attention_heads": 4, "max_position_embeddings": 512}
    srsly.write_json(mixes.MODEL, {"kind": "causal", "config": config, "tokenizer": {"kind": "bpe", "vocab_size": 400}})
    mixes.prepare(two)
    model = mixes.train(two, epochs=1)
    scores = mixes.score(model, two[1])
    assert scores["texts"] == 80 and scores["format_acc"] == 1.0
    assert all(0.0 <= scores[name] <= 1.0 for name in mixes.SCORES)


@pytest.mark.parametrize("name", mixes.COMPARISONS)
def test_the_committed_mixes_are_complete(name):
    comparison = mixes.COMPARISONS[name]
    rows = [row for row in srsly.read_json(results.RESULTS / "mixes.json")["rows"] if row["comparison"] == name]
    keys = [(row["mix"], row["task"], row["lang"], row["epochs"]) for row in rows]
    assert keys == [(mix, one.task, one.lang, comparison.epochs) for mix in mixes.MIXES for one in comparison.data_sets]
