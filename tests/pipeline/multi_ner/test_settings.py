"""Settings: the config in force wins, values set in Python are saved, and invalid ones are refused."""

import warnings

import pytest
import spacy
import srsly
from confection import ConfigValidationError
from spacy.cli.find_threshold import find_threshold
from spacy.util import load_config, load_model_from_config

from spacy_mre import save_docs
from tests.pipeline.multi_ner.pipelines import (
    LATE,
    QUESTIONS,
    RAW,
    change,
    cross,
    fit,
    found,
    make_and_initialize,
    make_examples,
    make_nlp,
)

NEW_VALUES = {
    "questions": "genia",
    "spans_key": "mine",
    "set_ents": False,
    "entities": "given",
    "boundary_threshold": 0.9999,
    "span_threshold": 0.9999,
    "overlap": "any",
    "one_type_per_span": False,
    "ends_per_start": 3,
    "init_from": "transformer",
}


@pytest.fixture(scope="module")
def saved(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    trained.to_disk(folder)
    return folder


def get_settings(nlp):
    return {name: getattr(nlp.get_pipe("multi_ner"), name) for name in NEW_VALUES}


def test_new_values_are_those_of_all_settings(saved):
    config = load_config(saved / "config.cfg")["components"]["multi_ner"]
    assert set(config) - {"factory", "model", "scorer"} == set(NEW_VALUES)


@pytest.mark.parametrize("setting", NEW_VALUES)
def test_settings_given_on_loading_are_in_force(setting, saved):
    value = NEW_VALUES[setting]
    if setting != "questions":  # spaCy overrides values, not whole sections
        nlp = spacy.load(saved, config={"components": {"multi_ner": {setting: value}}})
        assert get_settings(nlp) == {**get_settings(spacy.load(saved)), setting: value}
    # An edit of the file does the same.
    config = load_config(saved / "config.cfg")
    config["components"]["multi_ner"][setting] = value
    nlp = load_model_from_config(config, auto_fill=True).from_disk(saved)
    assert get_settings(nlp)[setting] == value
    assert nlp.get_pipe("multi_ner").label_data == QUESTIONS


@pytest.mark.parametrize("setting", ["boundary_threshold", "span_threshold"])
def test_a_high_threshold_given_on_loading_finds_nothing(setting, saved):
    assert found(spacy.load(saved)(RAW[0]))
    nlp = spacy.load(saved, config={"components": {"multi_ner": {setting: 1.0}}})
    assert not found(nlp(RAW[0]))


@pytest.mark.parametrize("setting", NEW_VALUES)
def test_settings_changed_in_python_are_saved_in_the_config(setting, saved, tmp_path):
    nlp = spacy.load(saved)
    change(nlp, **{setting: NEW_VALUES[setting]})
    nlp.to_disk(tmp_path)
    assert load_config(tmp_path / "config.cfg")["components"]["multi_ner"][setting] == NEW_VALUES[setting]
    assert get_settings(spacy.load(tmp_path))[setting] == NEW_VALUES[setting]


def test_only_what_was_learned_is_saved_as_cfg(saved):
    assert srsly.read_json(saved / "multi_ner" / "cfg") == {"questions": QUESTIONS, "overlap": "nested", "scaling": {}}


def load_with_model(saved, **settings):
    return spacy.load(saved, config={"components": {"multi_ner": {"model": settings}}})


def test_model_settings_given_on_loading_are_in_force(saved):
    model = load_with_model(saved, dropout=0.7, type_attention="full").get_pipe("multi_ner").model
    module = model.get_ref("heads").shims[0].module
    assert module.dropout.p == 0.7 and module.attention.dropout.p == 0.7 and module.attention.scope == "full"


def test_settings_of_the_late_interaction_given_on_loading_are_in_force(saved):
    model = load_with_model(saved, interaction={"dropout": 0.7, "attention_heads": 4}).get_pipe("multi_ner").model
    (layer, *_) = model.get_ref("interaction").get_ref("cross").shims[0].module.layers
    assert layer.dropout.p == 0.7 and layer.attention_heads == 4


def test_settings_of_the_cross_transformer_given_on_loading_are_in_force(tiny_bert, tmp_path):
    nlp = make_and_initialize(interaction=cross(tiny_bert))
    nlp.to_disk(tmp_path)
    shapes = {}
    for name, settings in {"saved": {}, "given": {"max_length": 42, "max_batch_items": 1}}.items():
        nlp = load_with_model(tmp_path, interaction=settings)
        module = nlp.get_pipe("multi_ner").model.get_ref("interaction").get_ref("encoder").transformer
        seen = shapes[name] = []
        module.register_forward_pre_hook(
            lambda module, args, inputs, seen=seen: seen.append(tuple(inputs["input_ids"].shape)), with_kwargs=True
        )
        nlp("Ida lives in Lima and " * 8)
    assert len(shapes["saved"]) == 1 and shapes["saved"][0][0] == len(QUESTIONS)
    assert len(shapes["given"]) > len(QUESTIONS)
    assert all(rows == 1 and pieces <= 42 for rows, pieces in shapes["given"])


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_size": 8},
        {"heads": "per_type"},
        {"type_attention": "none"},
        {"interaction": {"depth": 1}},
        {"interaction": {"size": 8}},
    ],
)
def test_settings_that_do_not_fit_the_weights_are_m804(settings, saved):
    with pytest.raises(ValueError, match=r"\[M804\]"):
        load_with_model(saved, **settings)


# Invalid values


@pytest.mark.parametrize(
    "settings",
    [
        {"overlap": "flatt"},
        {"entities": "gold"},
        {"boundary_threshold": "low"},
        {"model": {"heads": "own"}},
        {"model": {"type_attention": "tokens"}},
    ],
)
def test_invalid_values_are_refused_by_the_config(settings):
    with pytest.raises(ConfigValidationError, match=next(iter(settings))):
        make_nlp(**settings)


@pytest.mark.parametrize("setting", ["overlap", "entities"])
def test_invalid_values_set_in_python_are_m001(setting):
    with pytest.raises(ValueError, match=rf"\[M001\].*{setting}"):
        change(make_nlp(), **{setting: "nonsense"})


def test_a_start_needs_an_end():
    with pytest.raises(ValueError, match=r"\[M002\].*ends_per_start"):
        make_nlp(ends_per_start=0)


@pytest.mark.parametrize(
    "settings",
    [
        {"threshold": 0.5},
        {"model": {"head": "shared"}},
        {"model": {"span_weight": 0.5}},
        {"interaction": {**LATE, "deph": 1}},
    ],
)
def test_a_misspelt_key_is_named(settings):
    with pytest.raises(ConfigValidationError, match=r"threshold|head|span_weight|deph"):
        make_nlp(**settings)


# Effects


def test_default_settings_work():
    nlp = spacy.blank("en")
    nlp.add_pipe("multi_ner")
    with pytest.warns(UserWarning, match=r"W831.* 3 questions.*'Find every mention of the type person.'"):
        fit(nlp, steps=2)
    assert nlp.evaluate(make_examples(nlp))["spans_entities_f"] is not None


def test_thresholds_are_read_at_prediction_time(copy_of_trained):
    nlp = copy_of_trained
    assert found(nlp(RAW[0]))
    change(nlp, span_threshold=1.0)
    assert not found(nlp(RAW[0]))
    change(nlp, span_threshold=0.0, boundary_threshold=0.0, overlap="any", one_type_per_span=False)
    assert len(found(nlp(RAW[0]))) == 3 * 5 * 6 / 2
    change(nlp, ends_per_start=2)
    with pytest.warns(UserWarning, match=r"W802.*18 pairs of a start and an end beyond ends_per_start"):
        assert len(found(nlp(RAW[0]))) == 3 * (5 + 4)
    nlp(RAW[0])
    assert nlp.get_pipe("multi_ner").left_out == {
        "pairs of a start and an end beyond ends_per_start": 36,
        "tokens without wordpieces": 0,
    }


@pytest.mark.parametrize("setting", ["boundary_threshold", "span_threshold"])
def test_find_threshold(setting, saved, tmp_path):
    nlp = spacy.load(saved)
    save_docs([eg.reference for eg in make_examples(nlp)], tmp_path / "dev.spacy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        best, best_score, scores = find_threshold(
            saved, tmp_path / "dev.spacy", "multi_ner", setting, "spans_entities_f", n_trials=3
        )
    assert best in (0.0, 0.5) and best_score == 1.0
    assert list(scores) == [0.0, 0.5, 1.0] and scores[1.0] == 0.0


def test_flat_entities(copy_of_trained):
    change(copy_of_trained, overlap="flat")
    for text in RAW:
        doc = copy_of_trained(text)
        assert [(ent.start, ent.end) for ent in doc.ents] == [(span.start, span.end) for span in doc.spans["entities"]]
    assert len(copy_of_trained(RAW[3]).ents) == 2


def test_several_types_of_a_span():
    texts = [("Ida lives in Lima .", [(0, 1, "person"), (0, 1, "site"), (3, 4, "place")])]
    nlp = make_nlp(one_type_per_span=False)
    fit(nlp, texts=texts)
    assert sorted(found(nlp(texts[0][0]))) == texts[0][1][:2] + texts[0][1][2:]
    change(nlp, one_type_per_span=True)
    assert len(nlp(texts[0][0]).spans["entities"]) == 2


def test_another_span_group(copy_of_trained):
    change(copy_of_trained, spans_key="mine")
    doc = copy_of_trained(RAW[0])
    assert [span.label_ for span in doc.spans["mine"]] == ["person", "place"] and "entities" not in doc.spans
