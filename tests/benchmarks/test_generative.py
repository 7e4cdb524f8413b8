"""The benchmark of the generative components measures what it says."""

import json

import pytest
import spacy
from spacy.training import Example
from spacy.util import registry

from benchmarks import tables
from benchmarks.generative import __main__ as command
from benchmarks.generative import tables as generative_tables
from benchmarks.generative import variants
from benchmarks.generative.anchoring import measure
from benchmarks.generative.rows import time_ratios
from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.storage import load_docs, save_docs
from spacy_mre.pipeline.generative.component import CONSTRAINTS


def row(variant="slg", constraint="grammar", trained=True, **more):
    scores = {
        "format_acc": 1.0,
        "sc_acc": 0.9,
        "ner_acc": 0.8,
        "scnm_acc": 0.7,
        "all_acc": 0.75,
        "ents_f": 0.85,
        "cats_macro_f": 0.95,
    }
    about = {
        "variant": variant,
        "model": "a model",
        "seed": 0,
        "updates": 10,
        "trained": trained,
        "constraint": constraint,
    }
    times = {"time_ratio": 1.05, "time_ratio_min": 1.0, "time_ratio_max": 1.1}
    return {**about, **scores, **times, **more}


@pytest.fixture
def make_nlp():
    nlp = spacy.blank("en")
    config = {"model_type": "bart", "d_model": 16, "max_position_embeddings": 192}
    for half in ("encoder", "decoder"):
        config.update({f"{half}_layers": 1, f"{half}_attention_heads": 2, f"{half}_ffn_dim": 16})
    model = {
        "@architectures": "spacy_mre.Seq2SeqLM.v1",
        "config": config,
        "tokenizer": {"kind": "bpe", "vocab_size": 300},
    }
    nlp.add_pipe("slg", config={"model": model})
    examples = []
    for text, label in (("play Foo", "music"), ("fly to Lima", "travel")):
        doc = nlp.make_doc(text)
        gold = doc.copy()
        set_entities(gold, [(len(doc) - 1, len(doc), label, 1.0)])
        gold.cats = {name: float(name == label) for name in ("music", "travel")}
        examples.append(Example(doc, gold))
    nlp.initialize(lambda: examples)
    return nlp, examples


@pytest.mark.parametrize("name", variants.VARIANTS)
def test_every_variant_is_a_config_of_what_is_there(name, monkeypatch, tmp_path):
    monkeypatch.setattr(variants, "corpus_file", lambda name, part: tmp_path / f"{part}.spacy")
    monkeypatch.setattr(variants, "few_texts", lambda seed: tmp_path / "few.spacy")
    variant, config = variants.VARIANTS[name], variants.make_config(name, seed=3, updates=7)
    assert config["training"]["max_steps"] == 7 and config["training"]["seed"] == 3
    plain = config.interpolate()
    assert plain["corpora"]["train"]["path"].endswith("few.spacy" if variant.few else "train.spacy")
    spacy.Language()  # factories of entry points
    component = plain["components"][variants.component_of(variant)]
    assert registry.resolve({"model": component["model"]}, validate=True)["model"]
    if variant.begins_as is not None:
        assert component["model"]["name"] == str(variants.folder_of(variant.begins_as, 3) / "model-last")
    for key, value in variant.values.items():
        found = plain
        for part in key.split("."):
            found = found[part]
        assert found == value


def test_every_seed_draws_its_own_few_texts(monkeypatch, tmp_path):
    nlp, docs = spacy.blank("en"), []
    for i in range(60):
        docs.append(nlp(f"text {i}"))
        docs[-1].cats = {"x": 1.0}
    save_docs(docs, tmp_path / "train.spacy")
    monkeypatch.setattr(variants, "corpus_file", lambda name, part: tmp_path / f"{part}.spacy")
    monkeypatch.setattr(variants, "FEW", tmp_path / "few")
    drawn = [{doc.text for doc in load_docs(variants.few_texts(seed), nlp.vocab)} for seed in (0, 1, 0)]
    assert len(drawn[0]) == variants.SHOTS and drawn[0] != drawn[1] and drawn[0] == drawn[2]


def test_variants_are_chosen_by_name():
    assert variants.names_of([], variants.MODELS) == list(variants.MODELS)
    assert variants.names_of(["oiellm"], variants.MODELS) == ["oiellm"]
    with pytest.raises(ValueError, match="nobody"):
        variants.names_of(["nobody"], variants.MODELS)


def test_the_time_of_a_step_is_compared_and_settings_stay_usable(make_nlp):
    nlp, examples = make_nlp
    pipe = nlp.get_pipe("slg")
    write = pipe._lm.write
    ratios = time_ratios(pipe, nlp, examples, rounds=2)
    assert set(ratios) == set(CONSTRAINTS)
    assert ratios["none"]["time_ratio"] == 1.0
    for found in ratios.values():
        assert 0 < found["time_ratio_min"] <= found["time_ratio"] <= found["time_ratio_max"] and found["step_ms"] > 0
    assert pipe._lm.write == write


def test_rows_replace_those_of_before(tmp_path):
    path = tmp_path / "generative.json"
    command.keep("models", [row(constraint="none"), row()], path)
    command.keep("ablation", [row()], path)
    command.keep("models", [row(all_acc=0.5)], path)
    rows = json.loads(path.read_text(encoding="utf8"))["rows"]
    assert [(one["kind"], one["constraint"], one["all_acc"]) for one in rows] == [
        ("ablation", "grammar", 0.75),
        ("models", "grammar", 0.5),
        ("models", "none", 0.75),
    ]


def test_places_that_come_back_are_counted():
    nlp = spacy.blank("en")
    docs = []
    for text, entities in (
        ("Lima and Lima", [(2, 3, "place", 1.0)]),
        ("Ida in Lima", [(0, 1, "person", 1.0), (2, 3, "place", 1.0)]),
        ("none", []),
    ):
        doc = nlp(text)
        set_entities(doc, entities)
        doc.cats = {"x": 1.0}
        docs.append(doc)
    row = measure("three", "SCNM", "en", docs)
    assert (row["places"], row["exact"], row["others"]) == (3, 2, {"the same words stand elsewhere, too": 1})


def test_tables(tmp_path, monkeypatch):
    monkeypatch.setattr(generative_tables, "RESULTS", tmp_path / "generative.json")
    assert "No runs yet" in tables.TABLES["generative"]() and "No runs yet" in tables.TABLES["generative_ablation"]()
    joint = row(variants.JOINT, None, format_acc=None, time_ratio=None)
    command.keep("models", [row(), joint], tmp_path / "generative.json")
    assert "Not measured yet" in tables.TABLES["generative_anchoring"]()
    exact = {"corpus": "c", "template": "SCNM", "places": 1000, "exact": 998, "others": {"twice": 2}}
    command.write(tmp_path / "generative.json", anchoring=[exact])
    assert "| c | SCNM | 1,000 | 99.80 % | twice: 2 |" in tables.TABLES["generative_anchoring"]()
    command.keep("ablation", [row("joint")], tmp_path / "generative.json")
    assert (
        "| `slg` | a model | 10 | grammar | 100.0 | 90.0 | 80.0 | 75.0 | 85.0 | 1.05 (1.00 to 1.10) |"
        in tables.TABLES["generative"]()
    )
    assert "| - | - | 90.0 | 80.0 | 75.0 | 85.0 | - |" in tables.TABLES["generative"]()
    assert "| `slg` | a model | 10 | 85.0 | 95.0 | 90.0 | 80.0 | 75.0 | 0 |" in tables.TABLES["generative_results"]()
    assert "| joint | a model | 10 | grammar | 100.0 |" in tables.TABLES["generative_ablation"]()
