import srsly

from benchmarks import adapted, results, tables
from benchmarks.results import read

SCORES = {
    "format_acc": 1.0,
    "sc_acc": 0.9,
    "ner_acc": 0.5,
    "all_acc": 0.45,
    "spans_entities_f": 0.75,
    "cats_macro_f": 0.9,
}


def test_every_model_is_trained_as_people_do_it(small, monkeypatch):
    calls = []

    def call(*words):
        calls.append([str(word) for word in words])
        if "evaluate" in words:
            srsly.write_json(words[-1], SCORES)

    monkeypatch.setattr(adapted, "call", call)
    monkeypatch.setattr(adapted, "CORPUS", "hand")
    monkeypatch.setattr(adapted.Grid, "load", lambda: small)
    adapted.main(updates=40)
    assert [words[1] for words in calls] == ["strings", "train-generative", "assemble", "evaluate"] * len(
        adapted.MODELS
    )
    trained = [words for words in calls if words[1] == "train-generative"]
    assert all(words[words.index("--max-steps") + 1] == "40" for words in trained)
    assert "--lora-rank" in trained[0] and "configs/oiellm_llama.json" in trained[1]
    rows = read("adapted")["rows"]
    assert [row["model"] for row in rows] == list(adapted.MODELS) and rows[0]["spans_entities_f"] == 0.75
    table = tables.TABLES["generative_adapted"]()
    assert "| SmolLM2, 135 M weights, LoRA | 640 | 100.0 | 90.0 | 50.0 | 45.0 | 75.0 |" in table


def test_the_committed_models_are_those_of_the_suite():
    rows = srsly.read_json(results.RESULTS / "adapted.json")["rows"]
    assert [row["model"] for row in rows] == list(adapted.MODELS)
    assert len({row["updates"] for row in rows}) == 1
