import io
import json

import numpy
import pytest
import spacy
from spacy.lang.zh import Chinese
from spacy.language import Language
from spacy.training import Corpus, Example
from spacy.util import load_config, registry
from thinc.api import Config

from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import make_relation, set_relations
from spacy_mre.evaluation.run_config import component_settings, fingerprint, set_budget, set_values
from spacy_mre.evaluation.run_files import counts_of, is_made, load_run, save_run
from spacy_mre.evaluation.runs import Measured, measure, predict, read_examples, train_last
from spacy_mre.evaluation.significance import f1

PATHS = {"train": "train.spacy", "dev": "dev.spacy"}


def budget(config, updates=100, seed=0, **paths):
    return set_budget(config, updates=updates, seed=seed, **{**PATHS, **paths})


def test_values_are_set_on_a_copy(small_config):
    changed = set_values(
        small_config, {"components.spert_mt.overlap": "flat", "new.block": {"a": 1}, "nlp.pipeline": ["tok2vec"]}
    )
    assert changed["components"]["spert_mt"]["overlap"] == "flat"
    assert (changed["new"]["block"], changed["nlp"]["pipeline"]) == ({"a": 1}, ["tok2vec"])
    assert "overlap" not in small_config["components"]["spert_mt"] and "new" not in small_config


def test_the_budget_scales_the_schedules():
    config = load_config("configs/conll04.cfg", interpolate=False)
    small = budget(config, updates=500, seed=7).interpolate()
    training = small["training"]
    assert (training["max_steps"], training["seed"], training["patience"], training["max_epochs"]) == (500, 7, 0, 0)
    assert (small["corpora"]["train"]["path"], small["corpora"]["dev"]["path"]) == ("train.spacy", "dev.spacy")
    assert small["components"]["spert_mt"]["seed"] == 7 and small["system"]["seed"] == 7
    for name in ("learn_rate", "head_learn_rate"):  # scaled with the updates
        assert (training["optimizer"][name]["warmup_steps"], training["optimizer"][name]["total_steps"]) == (50, 500)
    literal = set_values(config, {"training.optimizer.learn_rate.total_steps": 2000})
    assert budget(literal, updates=500)["training"]["optimizer"]["learn_rate"]["total_steps"] == 500
    assert config["training"]["max_steps"] == 2000


def test_settings_are_completed_with_the_defaults_of_the_signature(small_config):
    settings = component_settings(small_config.interpolate(), "spert_mt")
    assert (settings["seed"], settings["negatives"], settings["factory"]) == (0, 100, "spert_mt")
    assert settings["model"]["max_width"] == 8
    small_config = set_values(small_config, {"components.spert_mt.negatives": 7})
    assert component_settings(small_config.interpolate(), "spert_mt")["negatives"] == 7


@registry.readers("tests.two_corpora.v1")
def make_two_corpora(train: str, dev: str, path: str = ""):
    """All corpora from one function, as spaCy allows it."""
    return {"train": Corpus(train), "dev": Corpus(dev)}


ONE_FUNCTION = {"@readers": "tests.two_corpora.v1", "train": "train.spacy", "dev": "dev.spacy"}


@pytest.mark.parametrize("corpora", [ONE_FUNCTION, {"train": {"@readers": "tests.two_corpora.v1"}}, {"train": 1}, {}])
def test_corpora_without_a_path_of_their_own_are_m529(corpora, small_config):
    config = small_config.copy()
    config["corpora"] = corpora
    with pytest.raises(ValueError, match=r"\[M529\] The corpus 'corpora\.(train|dev)'.*section \[corpora\."):
        budget(config)
    with pytest.raises(ValueError, match=r"\[M529\] The corpus 'corpora\.dev'"):
        read_examples(config, spacy.blank("en"), "test.spacy")


def test_the_fingerprint_of_corpora_from_one_function(small_config):
    config = small_config.copy()
    config["corpora"] = ONE_FUNCTION
    changed = set_values(config, {"corpora.train": "other.spacy"})
    assert fingerprint(config) == fingerprint(set_values(config, {"corpora.path": "other"})) != fingerprint(changed)


def test_a_config_without_training_is_m515():
    with pytest.raises(ValueError, match=r"\[M515\].*train_corpus"):
        budget(Config({"nlp": {"lang": "en", "pipeline": []}}))


def test_the_fingerprint_depends_on_what_is_trained(small_config):
    config = budget(small_config)
    same = [
        budget(small_config, train="elsewhere.spacy"),
        set_values(config, {"training.logger": {"@loggers": "spacy.ConsoleLogger.v1"}}),
        set_values(config, {"components.spert_mt.model.dropout": 0.1}),  # the default
        set_values(config, {"components.spert_mt.pairs_per_token": 20}),
    ]
    other = [
        budget(small_config, seed=1),
        budget(small_config, updates=101),
        set_values(config, {"components.spert_mt.model.dropout": 0.5}),
        set_values(config, {"components.spert_mt.negatives": 7}),
        set_values(config, {"components.spert_mt.overlap": "flat"}),
        set_values(config, {"nlp.pipeline": ["tok2vec", "spert_mt"]}),
        set_values(config, {"training.batcher.size": 3}),
        set_values(config, {"corpora.train.tokens": "gold"}),
    ]
    assert {fingerprint(changed) for changed in same} == {fingerprint(config)}
    assert len({fingerprint(changed) for changed in [config, *other]}) == 1 + len(other)


def test_a_changed_default_changes_the_fingerprint(small_config, monkeypatch):
    config = budget(small_config)
    before = fingerprint(config)
    meta = Chinese.get_factory_meta("spert_mt")
    monkeypatch.setitem(meta.default_config, "pairs_per_token", 99)
    assert fingerprint(config) != before


@pytest.fixture(scope="module")
def trained(small_config, assets, tmp_path_factory):
    config = set_budget(small_config, updates=60, seed=0, train=assets / "train.spacy", dev=assets / "dev.spacy")
    log = io.StringIO()
    nlp = train_last(config, tmp_path_factory.mktemp("model"), log=log)
    return config, nlp, log.getvalue()


def test_the_last_weights_are_trained_and_measured(trained, assets):
    config, nlp, log = trained
    assert [line.split()[1] for line in log.splitlines() if line.split()[:1] and line.split()[0].isdigit()] == [
        "0",
        "60",
    ]
    examples = read_examples(config, nlp, assets / "test.spacy")
    assert len(examples) == 20
    measured = measure(nlp, examples)
    assert {"spans_f", "ents_f", "rel_f", "rel_strict_f", "given_rel_f", "cats_macro_f", "cats_accuracy"} <= set(
        measured.scores
    )
    layers = {"entities", "relations", "strict_relations"}
    assert set(measured.counts) == {
        *layers,
        *(f"overlap_{layer}" for layer in layers),
        "whole_entities",
        "texts",
        "given_relations",
    }
    assert measured.scores["overlap_spans_f"] >= measured.scores["spans_f"]
    for layer, key in (
        ("entities", "spans_f"),
        ("strict_relations", "rel_strict_f"),
        ("given_relations", "given_rel_f"),
    ):
        assert len(measured.counts[layer]) == 20
        assert f1(measured.counts[layer].sum(axis=0)) == pytest.approx(measured.scores[key])
    assert {"spans_per_type", "cats_f_per_type"} <= set(measured.per_type)
    # Nothing was written on the documents of the examples.
    assert not any(eg.predicted.cats or eg.predicted.spans for eg in examples)
    assert measure(nlp, examples).scores == measured.scores
    assert measure(nlp, examples[:10]).documents != measured.documents


def test_a_level_that_is_not_predicted_has_no_scores(trained, assets):
    config, nlp, _ = trained
    examples = read_examples(config, nlp, assets / "test.spacy")
    with nlp.select_pipes(disable=["spert_mt"]):
        measured = measure(nlp, examples)
    assert (
        set(measured.counts) == {"texts"} and "spans_f" not in measured.scores and measured.scores["cats_accuracy"] >= 0
    )
    pipe = nlp.get_pipe("spert_mt")
    pipe.entities = "given"
    try:
        measured = measure(nlp, examples)
    finally:
        pipe.entities = "predict"
    assert "spans_f" not in measured.scores and "rel_f" not in measured.scores  # entities are not predicted
    assert measured.scores["given_rel_f"] >= 0 and "given_relations" in measured.counts


def test_relations_without_entities_are_measured(nlp_of_relations):
    nlp, examples = nlp_of_relations
    measured = measure(nlp, examples)
    assert (measured.scores["rel_f"], measured.scores["overlap_rel_f"]) == (1.0, 1.0)
    assert "spans_f" not in measured.scores and measured.counts["relations"].tolist() == [[1, 0, 0]]


@pytest.fixture
def nlp_of_relations():
    """A component that writes nothing else, and a text with gold."""

    def relate(doc):
        set_relations(doc, [make_relation((0, 1), (2, 3), "met", head_label="person", tail_label="person")])
        return doc

    Language.component("only_relations", func=relate)
    nlp = spacy.blank("en")
    nlp.add_pipe("only_relations")
    gold = relate(nlp.make_doc("Ada met Bo"))
    set_entities(gold, [(0, 1, "person", 1.0), (2, 3, "person", 1.0)])
    return nlp, [Example(nlp.make_doc("Ada met Bo"), gold)]


def test_given_relations_are_counted_in_their_documents(trained, assets):
    config, nlp, _ = trained
    examples = read_examples(config, nlp, assets / "test.spacy")
    del examples[3].reference.spans["entities"]
    examples[3].reference.set_ents([], default="missing")
    with pytest.warns(UserWarning, match="W502"):
        counts = measure(nlp, examples, predict(nlp, examples)).counts
    assert len(counts["given_relations"]) == 20 and not counts["given_relations"][3].any()
    assert not counts["entities"][3].any() and counts["given_relations"].any()


def test_a_run_is_restored_from_its_file(tmp_path):
    counts = {"entities": numpy.array([[1, 0, 2], [3, 4, 0]]), "texts": numpy.array([[1, 1], [0, 1]])}
    path = tmp_path / "deep" / "run.json"
    save_run(
        path, {"variant": "x", "fingerprint": "abc"}, Measured({"spans_f": 0.5, "rel_f": None}, {}, counts, {}, "d")
    )
    run = load_run(path)
    assert (run["variant"], run["scores"], run["documents"]) == ("x", {"spans_f": 0.5, "rel_f": None}, "d")
    assert run["versions"]["spacy"] and run["device"].startswith("CPU")
    assert {layer: rows.tolist() for layer, rows in run["counts"].items()} == {
        layer: rows.tolist() for layer, rows in counts.items()
    }
    assert is_made(path, "abc") and not is_made(path, "abd") and not is_made(tmp_path / "none.json", "abc")
    assert is_made(path, "abc", needed=["scores"]) and not is_made(path, "abc", needed=["scores", "dev"])
    assert [path.name for path in path.parent.iterdir()] == ["run.json"]  # no temporary file is left
    assert json.loads(path.read_text(encoding="utf8"))["counts"]["entities"] == [[1, 3], [0, 4], [2, 0]]
    assert counts_of([run, run], "texts")[1].tolist() == [[1, 1], [0, 1]]
    assert counts_of([run], "relations") == []
