import gc
import pickle
import re
import weakref

import numpy
import pytest
import spacy
from confection import ConfigValidationError
from spacy.cli.find_threshold import find_threshold

from spacy_mre import save_docs

RAW = ["Ida lives in Oslo .", "The old tower of Lima fell .", "", "It rained ."]
VARIANTS = {
    "exclusive": {},
    "hidden layer": {"model": {"hidden_size": 16}},
    "several labels": {"multi_label": True},
}


@pytest.fixture
def learn(make_nlp, make_examples, fit):
    def train(texts=None, steps=40, **settings):
        nlp = make_nlp("mre_textcat", **settings)
        examples = make_examples(nlp, texts) if texts else make_examples(nlp)
        fit(nlp, examples, steps)
        return nlp, examples

    return train


# Learning


@pytest.mark.parametrize("variant", VARIANTS)
def test_overfits_and_survives_the_disk(variant, learn, tmp_path):
    nlp, examples = learn(**VARIANTS[variant])
    for eg in examples:
        cats = nlp(eg.predicted).cats
        assert {label: float(score > 0.5) for label, score in cats.items()} == eg.reference.cats
        if not VARIANTS[variant].get("multi_label"):
            assert sum(cats.values()) == pytest.approx(1.0)
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded.get_pipe("mre_textcat").cfg == nlp.get_pipe("mre_textcat").cfg
    assert [doc.cats for doc in loaded.pipe(RAW)] == [doc.cats for doc in nlp.pipe(RAW)]


def test_any_number_of_labels(learn):
    texts = [
        ("red and blue", None, None, {"red": 1.0, "blue": 1.0}),
        ("only red", None, None, {"red": 1.0, "blue": 0.0}),
        ("nothing", None, None, {"red": 0.0, "blue": 0.0}),
    ]
    nlp, examples = learn(texts, multi_label=True)
    for eg in examples:
        assert {label: float(score > 0.5) for label, score in nlp(eg.predicted).cats.items()} == eg.reference.cats


def test_texts_without_gold_teach_nothing(learn, make_examples):
    nlp, _ = learn(steps=1)
    pipe = nlp.get_pipe("mre_textcat")
    pipe.loss_weight = 1.0
    examples = make_examples(nlp)
    for eg in examples[1:]:
        eg.reference.cats = {}
    scores = numpy.zeros((len(examples), 2), dtype="f")
    loss, gradient = pipe.get_loss(examples, scores)
    assert loss == pytest.approx(numpy.log(2))
    assert gradient[0].tolist() == [-0.5, 0.5] and not gradient[1:].any()
    for eg in examples:
        eg.reference.cats = {}
    loss, gradient = pipe.get_loss(examples, scores)
    assert loss == 0.0 and not gradient.any()
    assert nlp.update(examples)["mre_textcat"] == 0.0


def test_the_loss_weight_scales_loss_and_gradient(learn, make_examples):
    nlp, _ = learn(steps=1)
    pipe = nlp.get_pipe("mre_textcat")
    examples = make_examples(nlp)
    scores = numpy.zeros((len(examples), 2), dtype="f")
    loss, gradient = pipe.get_loss(examples, scores)
    pipe.loss_weight *= 4
    heavier, of_heavier = pipe.get_loss(examples, scores)
    assert heavier == pytest.approx(4 * loss) and loss > 0
    numpy.testing.assert_allclose(of_heavier, 4 * gradient)


@pytest.mark.parametrize(
    "cats",
    [{"people": 1.0, "travel": 1.0}, {"people": 0.3, "travel": 0.2}, {"people": 0.25, "other": 0.75}, {"travel": 1.0}],
)
def test_the_gradient_of_exclusive_classes_is_that_of_the_loss(cats, learn, make_examples):
    nlp, _ = learn(steps=1)
    pipe = nlp.get_pipe("mre_textcat")
    pipe.loss_weight = 1.0
    examples = make_examples(nlp)[:1]
    examples[0].reference.cats = cats
    scores = numpy.array([[0.7, -0.4]])
    _, gradient = pipe.get_loss(examples, scores)
    shifts = 1e-5 * numpy.eye(2)
    differences = [pipe.get_loss(examples, scores + x)[0] - pipe.get_loss(examples, scores - x)[0] for x in shifts]
    numpy.testing.assert_allclose(gradient[0], numpy.array(differences) / 2e-5, atol=1e-6)
    # With all mass on the gold labels the loss is their cross-entropy, whatever the values sum to.
    share = cats.get("people", 0.0) / (cats.get("people", 0.0) + cats.get("travel", 0.0))
    chance = 1 / (1 + numpy.exp(-1.1))
    numpy.testing.assert_allclose(gradient[0], [chance - share, share - chance], atol=1e-6)


# Serialisation, processes, memory


def test_bytes_and_pickle(learn, make_nlp):
    nlp, _ = learn(model={"hidden_size": 8})
    expected = [doc.cats for doc in nlp.pipe(RAW)]
    assert [
        doc.cats for doc in make_nlp("mre_textcat", model={"hidden_size": 8}).from_bytes(nlp.to_bytes()).pipe(RAW)
    ] == expected
    pipe = pickle.loads(pickle.dumps(nlp.get_pipe("mre_textcat")))
    assert [doc.cats for doc in pipe.pipe(nlp.make_doc(text) for text in RAW)] == expected


def test_two_processes_find_what_one_finds(learn):
    nlp, _ = learn(steps=5)
    assert [doc.cats for doc in nlp.pipe(RAW * 3, n_process=2, batch_size=2)] == [
        doc.cats for doc in nlp.pipe(RAW * 3, batch_size=2)
    ]


@pytest.mark.parametrize("batch_size", [1, 100])
def test_batches_do_not_matter_even_to_empty_texts(batch_size, learn):
    nlp, _ = learn(steps=5)
    for one, doc in zip((nlp(text) for text in RAW), nlp.pipe(RAW, batch_size=batch_size)):
        assert one.cats == pytest.approx(doc.cats, abs=1e-6)


def test_no_cycle_keeps_a_pipeline_alive(learn):
    nlp, examples = learn(steps=2)
    pipe = nlp.get_pipe("mre_textcat")
    gone = [weakref.ref(thing) for thing in (nlp, pipe, pipe.model.get_ref("head").shims[0].module)]
    del nlp, pipe, examples
    gc.collect()
    assert [ref() for ref in gone] == [None] * 3


# Writing, settings, labels


def test_cats_of_others_are_kept_and_its_own_are_replaced(learn):
    nlp, _ = learn(steps=5)
    doc = nlp.make_doc(RAW[0])
    doc.cats = {"long": 1.0}
    first = dict(nlp(doc).cats)
    assert set(first) == {"long", "people", "travel"} and first["long"] == 1.0
    assert nlp(doc).cats == first


def test_default_settings_work(make_examples):
    nlp = spacy.blank("en")
    nlp.add_pipe("mre_textcat")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    assert nlp.update(examples)["mre_textcat"] > 0
    assert nlp.evaluate(examples)["cats_macro_f"] is not None


def test_labels_from_label_data(learn, make_nlp, make_examples):
    data = learn(steps=0)[0].get_pipe("mre_textcat").label_data
    assert data == ["people", "travel"]
    nlp = make_nlp("mre_textcat")
    pipe = nlp.get_pipe("mre_textcat")
    pipe.initialize(lambda: make_examples(nlp, [("no gold at all",)]), nlp=nlp, labels=data)
    assert pipe.label_data == data


@pytest.mark.parametrize("settings", [{"multilabel": True}, {"model": {"hiden_size": 4}}])
def test_a_misspelt_key_is_named(settings, make_nlp):
    with pytest.raises(ConfigValidationError, match=r"multilabel|hiden_size"):
        make_nlp("mre_textcat", **settings)


def test_the_scorer_gets_the_settings_of_the_component(learn):
    nlp, examples = learn(multi_label=True)
    assert nlp.evaluate(examples)["cats_micro_f"] == 1.0
    nlp.get_pipe("mre_textcat").threshold = 1.0
    assert nlp.evaluate(examples)["cats_micro_f"] == 0.0


@pytest.mark.parametrize("setting, value", [("multi_label", True), ("threshold", 0.9), ("loss_weight", 0.5)])
def test_settings_given_on_loading_are_in_force_and_changed_ones_are_saved(setting, value, learn, tmp_path):
    nlp, _ = learn(steps=1)
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path, config={"components": {"mre_textcat": {setting: value}}})
    assert getattr(loaded.get_pipe("mre_textcat"), setting) == value
    setattr(nlp.get_pipe("mre_textcat"), setting, value)
    nlp.to_disk(tmp_path)
    assert getattr(spacy.load(tmp_path).get_pipe("mre_textcat"), setting) == value


def test_settings_that_do_not_fit_the_weights_are_m804(learn, tmp_path):
    learn(steps=1)[0].to_disk(tmp_path)
    with pytest.raises(ValueError, match=r"\[M804\]"):
        spacy.load(tmp_path, config={"components": {"mre_textcat": {"model": {"hidden_size": 8}}}})


# Training data that cannot teach


@pytest.mark.parametrize(
    "cats, multi_label, messages",
    [
        ([{"a": 1.0, "b": 0.0}, {"a": 0.0, "b": 1.0}], True, []),
        ([{"a": 1.0, "b": 0.0}, {"a": 0.0, "b": 1.0}], False, []),
        # Only positive labels are named.
        ([{"a": 1.0}, {"b": 1.0}, {}], True, [r"W822.*every text: a, b\..*2 documents.*0\.0"]),
        ([{"a": 1.0}, {"b": 1.0}], False, []),
        ([{"a": 1.0, "b": 0.0}, {"b": 1.0}], True, [r"W822.*every text: a\."]),
        # A label that never holds; one that always does.
        ([{"a": 1.0, "b": 0.0}, {"a": 0.0, "b": 0.0}], True, [r"W821.*labels: b\..*2 documents"]),
        ([{"a": 1.0, "b": 0.0, "c": 0.0}] * 2, False, [r"W821.*labels: b, c\."]),
        # Exclusive classes are learned from shares.
        ([{"a": 0.6, "b": 0.4}, {"a": 0.5, "b": 0.5}], False, []),
        ([{"a": 0.6, "b": 0.4, "c": 0.0}] * 2, False, [r"W821.*labels: c\."]),
        ([{"a": 0.6, "b": 0.4}] * 2, True, [r"W821.*labels: b\.", r"W822.*every text: a\."]),
    ],
)
def test_labels_that_cannot_be_learned_are_reported(cats, multi_label, messages, make_nlp, make_examples, recwarn):
    nlp = make_nlp("mre_textcat", multi_label=multi_label)
    nlp.initialize(lambda: make_examples(nlp, [(f"text {i}", None, None, gold) for i, gold in enumerate(cats)]))
    found = [str(warning.message) for warning in recwarn if "[W82" in str(warning.message)]
    assert len(found) == len(messages)
    assert all(re.search(message, text) for message, text in zip(messages, found))


@pytest.mark.parametrize("cats, number", [({}, "W823"), ({"people": 1.0}, "")])
def test_given_labels_may_be_missing_in_a_sample(cats, number, make_nlp, make_examples, recwarn):
    nlp = make_nlp("mre_textcat")
    examples = make_examples(nlp, [("Ida lives", None, None, cats)])
    nlp.get_pipe("mre_textcat").initialize(lambda: examples, nlp=nlp, labels=["people", "travel"])
    assert [number in str(warning.message) for warning in recwarn if "[W82" in str(warning.message)] == [True] * bool(
        number
    )


def test_only_positive_labels_with_several_labels_give_1_everywhere(make_nlp, make_examples, fit):
    """What W822 warns of, and its remedy."""
    texts = [("Ida lives", None, None, {"people": 1.0}), ("A ferry", None, None, {"travel": 1.0})]
    full = [(*text[:3], {"people": 0.0, "travel": 0.0, **text[3]}) for text in texts]
    for data, is_wrong in ((texts, True), (full, False)):
        nlp = make_nlp("mre_textcat", multi_label=True, loss_weight=1.0)
        fit(nlp, make_examples(nlp, data), 40)
        assert (nlp("Ida lives").cats["travel"] > 0.5) is is_wrong


# Several components


def test_thresholds_of_two_components(settings_of, make_examples, fit, tmp_path):
    """Each has scores of its own, by its own labels."""
    nlp = spacy.blank("en")
    labels = {"topic": ["people", "travel"], "length": ["long", "short"]}
    for name in labels:
        scorer = {"@scorers": "spacy_mre.textcat_scorer.v1", "prefix": name}
        nlp.add_pipe("mre_textcat", name=name, config=settings_of("mre_textcat", multi_label=True, scorer=scorer))
    nlp.config["initialize"]["components"] = {name: {"labels": own} for name, own in labels.items()}
    examples = make_examples(nlp)
    for eg in examples:
        is_long = float(len(eg.reference) > 5)
        eg.reference.cats = {**eg.reference.cats, "long": is_long, "short": 1 - is_long}
    fit(nlp, examples)
    scores = nlp.evaluate(examples)
    for name, own in labels.items():
        assert scores[f"{name}_macro_f"] == 1.0 and set(scores[f"{name}_f_per_type"]) == set(own)
    assert not any(key.startswith("cats") for key in scores)
    save_docs([eg.reference for eg in examples], tmp_path / "dev.spacy")
    nlp.to_disk(tmp_path / "model")
    best, score, tried = find_threshold(
        str(tmp_path / "model"), tmp_path / "dev.spacy", "topic", "threshold", "topic_macro_f", n_trials=3
    )
    # Everything holds at 0, and nothing at 1.
    assert (best, score) == (0.5, 1.0) and tried[0.0] == pytest.approx(2 / 3, abs=0.05) and tried[1.0] < 0.5
