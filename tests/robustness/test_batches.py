"""A text has the same results alone, in any batch, in any order, and in several processes: for every config."""

import pickle

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.util import load_config

from tests.robustness.effort import count
from tests.robustness.shipped_configs import (
    CONFIGS,
    FUZZ,
    TESTED,
    TWINS,
    assert_same,
    examples_of,
    pipeline_of,
    results,
    texts_of,
    thresholds_of,
)

WARNINGS = pytest.mark.filterwarnings("ignore")


@WARNINGS
@pytest.mark.parametrize("name", TESTED)
def test_alone_and_in_batches(name):
    nlp = pipeline_of(name)
    thresholds = thresholds_of(nlp)

    @settings(
        max_examples=2 * FUZZ,
        deadline=None,
        derandomize=FUZZ == 1,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(texts_of(nlp.lang), min_size=2, max_size=5), st.integers(1, 6), st.randoms(use_true_random=False))
    def check(texts, batch_size, random):
        order = [*range(len(texts)), *random.choices(range(len(texts)), k=1)]
        random.shuffle(order)
        if nlp.has_pipe("textcat"):  # spaCy's classifier gives an empty text other scores alone than in a batch
            texts = [text or "." for text in texts]
        count(len(texts))
        alone = [results(nlp(text)) for text in texts]
        batched = nlp.pipe([texts[i] for i in order], batch_size=batch_size)
        for i, doc in zip(order, batched, strict=True):
            assert doc.text == texts[i]
            assert_same(results(doc), alone[i], thresholds)

    check()


@WARNINGS
@pytest.mark.parametrize("name", TESTED)
def test_in_two_processes(name):
    nlp = pipeline_of(name)
    texts = [eg.text * i for eg in examples_of(nlp) for i in (1, 2)]
    found = nlp.pipe(texts, n_process=2, batch_size=2)
    for text, doc in zip(texts, found, strict=True):
        expected = results(nlp(text))
        assert_same(results(doc), expected, thresholds_of(nlp))
        assert doc.text == text


@WARNINGS
@pytest.mark.parametrize("name", TESTED)
def test_pickled_as_for_a_spawned_process(name):
    nlp = pipeline_of(name)
    text = examples_of(nlp)[0].text
    tokenizer, components = pickle.loads(pickle.dumps((nlp.tokenizer, list(nlp.components))))
    doc = tokenizer(text)
    for _, component in components:
        doc = component(doc)
    assert_same(results(doc), results(nlp(text)), thresholds_of(nlp))


@pytest.mark.parametrize("name", TESTED)
def test_pipelines_find_something(name):
    """Otherwise the tests above would compare nothing."""
    nlp = pipeline_of(name)
    found = [results(nlp(eg.text)) for eg in examples_of(nlp)]
    kinds = {"spert_mt": "relations", "multi_ner": "entities", "oiellm": "generated", "slg": "generated"}
    kinds = {"spancat": "entities", "mre_textcat": "cats", **kinds}
    for pipe_name, kind in kinds.items():
        if nlp.has_pipe(pipe_name):
            assert any(result[kind] for result in found), kind


@pytest.mark.parametrize("name", TWINS)
def test_twins_differ_only_in_labels_and_vocabulary(name):
    path = CONFIGS[0].parent
    one, other = (load_config(path / f"{each}.cfg")["components"] for each in (name, TWINS[name]))
    layers = [[value for key, value in _leaves(each) if key == "@architectures"] for each in (one, other)]
    assert sorted(one) == sorted(other)
    assert layers[0] == layers[1]


def _leaves(config):
    for key, value in config.items():
        if isinstance(value, dict):
            yield from _leaves(value)
        else:
            yield key, value
