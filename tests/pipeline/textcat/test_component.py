import gc
import pickle
import weakref

import numpy
import pytest
import spacy
from confection import ConfigValidationError
from spacy.tokens import Span

from spacy_mre.annotations.entities import set_entities

RAW = ["Ida lives in Oslo .", "The old tower of Lima fell .", "", "It rained ."]
VARIANTS = {
    "exclusive": {},
    "hidden layer": {"model": {"hidden_size": 16}},
    "several labels": {"multi_label": True},
    "entities": {"model": {"see_entities": True}},
    "entities, a hidden layer and several labels": {
        "model": {"see_entities": True, "hidden_size": 16},
        "multi_label": True,
    },
}
# Only their entities tell these texts apart: the encoder of the test below sees nothing else.
BY_ENTITIES = [
    ("a b c", [(0, 1, "person")], None, {"people": 1.0, "travel": 0.0}),
    ("a b c", [(0, 1, "place")], None, {"people": 0.0, "travel": 1.0}),
]


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
def test_learns_by_heart_and_survives_the_disk(variant, learn, tmp_path):
    nlp, examples = learn(**VARIANTS[variant])
    for eg in examples:
        set_entities(
            eg.predicted, [(span.start, span.end, span.label_, 1.0) for span in eg.reference.spans["entities"]]
        )
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


def test_entities_are_seen(learn, make_doc):
    nlp, _ = learn(BY_ENTITIES, model={"see_entities": True})
    for text in BY_ENTITIES:
        cats = nlp(make_doc(nlp, *text[:2])).cats
        assert {label: float(score > 0.5) for label, score in cats.items()} == text[3]
    flat = make_doc(nlp, "a b c")
    flat.set_ents([Span(flat, 0, 1, label="place")])  # where there is no span group
    assert nlp(flat).cats["travel"] > 0.5
    unknown = make_doc(nlp, "a b c", [(0, 1, "planet"), (1, 3, "person")])  # a type that was not in the training data
    assert sum(nlp(unknown).cats.values()) == pytest.approx(1.0)


def test_entities_of_an_annotating_component_are_seen_in_training(make_nlp, make_examples, fit):
    nlp = make_nlp("mre_textcat", model={"see_entities": True})
    nlp.add_pipe("spert_mt", first=True)
    examples = make_examples(nlp)
    fit(nlp, examples, 2, annotates=["spert_mt"])
    assert nlp.get_pipe("mre_textcat").label_data["entity_labels"] == ["person", "place", "site"]


def test_texts_without_gold_teach_nothing(learn, make_examples):
    nlp, _ = learn(steps=1)
    pipe = nlp.get_pipe("mre_textcat")
    pipe.cfg["loss_weight"] = 1.0
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


def test_the_loss_weighs_what_it_is_set_to(learn, make_examples):
    nlp, _ = learn(steps=1)
    pipe = nlp.get_pipe("mre_textcat")
    examples = make_examples(nlp)
    scores = numpy.zeros((len(examples), 2), dtype="f")
    loss, gradient = pipe.get_loss(examples, scores)
    pipe.cfg["loss_weight"] *= 4
    heavier, of_heavier = pipe.get_loss(examples, scores)
    assert heavier == pytest.approx(4 * loss) and loss > 0
    numpy.testing.assert_allclose(of_heavier, 4 * gradient)


# Serialisation, processes, memory


def test_bytes_and_pickle(learn, make_nlp):
    nlp, _ = learn(model={"hidden_size": 8})
    expected = [doc.cats for doc in nlp.pipe(RAW)]
    assert [doc.cats for doc in make_nlp("mre_textcat").from_bytes(nlp.to_bytes()).pipe(RAW)] == expected
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
    nlp, examples = learn(steps=2, model={"see_entities": True})
    pipe = nlp.get_pipe("mre_textcat")
    gone = [weakref.ref(thing) for thing in (nlp, pipe, pipe.model.get_ref("head").shims[0].module)]
    del nlp, pipe, examples
    gc.collect()
    assert [ref() for ref in gone] == [None] * 3


# Writing, settings, labels


def test_cats_of_others_stay_and_its_own_are_replaced(learn):
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
    assert data == {"labels": ["people", "travel"], "entity_labels": ["person", "place", "site"]}
    nlp = make_nlp("mre_textcat")
    pipe = nlp.get_pipe("mre_textcat")
    pipe.initialize(lambda: make_examples(nlp, [("no gold at all",)]), nlp=nlp, labels=data)
    assert pipe.label_data == data


def test_labels_are_not_added_one_by_one(make_nlp):
    with pytest.raises(NotImplementedError, match="M802"):
        make_nlp("mre_textcat").get_pipe("mre_textcat").add_label("people")


@pytest.mark.parametrize("settings", [{"multilabel": True}, {"model": {"hiden_size": 4}}])
def test_a_misspelt_key_is_named(settings, make_nlp):
    with pytest.raises(ConfigValidationError, match="multilabel|hiden_size"):
        make_nlp("mre_textcat", **settings)


def test_the_scorer_gets_the_settings_of_the_component(learn):
    nlp, examples = learn(multi_label=True)
    assert nlp.evaluate(examples)["cats_micro_f"] == 1.0
    nlp.get_pipe("mre_textcat").cfg["threshold"] = 1.1
    assert nlp.evaluate(examples)["cats_micro_f"] == 0.0
