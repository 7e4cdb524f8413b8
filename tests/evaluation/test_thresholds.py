from itertools import product

import numpy
import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed
from thinc.api import Adam

from spacy_mre.annotations.entities import get_entities, set_entities
from spacy_mre.annotations.relations import make_relation, set_relations
from spacy_mre.evaluation.runs import predict
from spacy_mre.evaluation.scorers import score_joint
from spacy_mre.evaluation.thresholds import CANDIDATES, Predictions, tune_thresholds

NAMES, PLACES = ["Ida", "Tom", "Bo", "Mara"], ["Lima", "Oslo", "Brook", "Fell"]


def make_example(nlp, name, place, verb):
    gold = Doc(nlp.vocab, words=[name, verb, "in", "old", place, "."])
    set_entities(gold, [(0, 1, "person", 1.0), (3, 5, "site", 1.0), (4, 5, "place", 1.0)])
    relations = (
        [make_relation((0, 1), (4, 5), "lives", head_label="person", tail_label="place")] if verb == "lives" else []
    )
    relations.append(make_relation((4, 5), (3, 5), "near", head_label="place", tail_label="site"))
    set_relations(gold, relations)
    return Example(Doc(nlp.vocab, words=[token.text for token in gold]), gold)


@pytest.fixture(scope="module")
def trained():
    """A pipeline after a few updates, for which thresholds give different scores."""
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("spert_mt", config={"symmetric": ["near"], "pairs_per_token": 1000})
    examples = [make_example(nlp, *words) for words in product(NAMES, PLACES, ["lives", "sings"])]
    nlp.initialize(lambda: examples)
    optimizer = Adam(0.001)
    for _ in range(5):
        nlp.update(examples[::3], sgd=optimizer)
    return nlp, examples[1::3]


@pytest.fixture
def pipe(trained):
    pipe = trained[0].get_pipe("spert_mt")
    yield pipe
    pipe.entity_threshold = pipe.relation_threshold = None


def slow_scores(nlp, examples, pipe, name, key):
    """Predicts again at each threshold."""
    scores, before = {}, getattr(pipe, name)
    for threshold in CANDIDATES:
        setattr(pipe, name, threshold)
        scores[threshold] = score_joint(predict(nlp, examples), symmetric=pipe.symmetric)[key]
    setattr(pipe, name, before)
    return scores


def test_one_prediction_gives_the_scores_of_all_thresholds(trained, pipe):
    nlp, examples = trained
    entities = slow_scores(nlp, examples, pipe, "entity_threshold", "spans_entities_f")
    assert len(set(entities.values())) >= 3  # thresholds give different scores
    chosen = tune_thresholds(nlp, examples)
    assert entities[chosen["entity_threshold"]] == max(entities.values())
    assert {name: getattr(pipe, name) for name in chosen} == chosen
    pipe.relation_threshold = 0.5
    relations = slow_scores(nlp, examples, pipe, "relation_threshold", "rel_strict_f")
    assert relations[chosen["relation_threshold"]] == max(relations.values()) > 0
    assert not any("entities" in eg.predicted.spans for eg in examples)


def test_without_gold_thresholds_stay_as_they_are(trained, pipe):
    nlp, examples = trained
    bare = [Example(eg.predicted, Doc(nlp.vocab, words=[token.text for token in eg.predicted])) for eg in examples]
    for before in ((None, None), (0.35, 0.7)):
        pipe.entity_threshold, pipe.relation_threshold = before
        assert tune_thresholds(nlp, bare) == {}
        assert (pipe.entity_threshold, pipe.relation_threshold) == before


def test_of_equally_good_thresholds_the_nearest_is_chosen():
    found = Predictions(numpy.array([0.92, 0.08]), numpy.array([True, False]), 1)
    everything = numpy.ones(2, dtype=bool)
    assert [found.best(everything, current) for current in (0.05, 0.35, 0.95)] == [0.1, 0.35, 0.9]


def test_with_given_entities_only_the_relation_threshold_is_chosen(trained, pipe):
    nlp, examples = trained
    given = [Example(eg.predicted.copy(), eg.reference) for eg in examples]
    for eg in given:
        # Their scores are of another component, and lower than any threshold.
        set_entities(eg.predicted, [span._replace(score=0.01) for span in get_entities(eg.reference)], source="other")
    pipe.entities = "given"
    try:
        scores = slow_scores(nlp, given, pipe, "relation_threshold", "rel_strict_f")
        chosen = tune_thresholds(nlp, given)
    finally:
        pipe.entities = "predict"
    assert list(chosen) == ["relation_threshold"] and len(set(scores.values())) >= 3
    assert scores[chosen["relation_threshold"]] == max(scores.values()) > 0
    assert (pipe.entity_threshold, pipe.relation_threshold) == (None, chosen["relation_threshold"])


def test_a_pipeline_without_thresholds_is_m516():
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    with pytest.raises(ValueError, match=r"\[M516\].*sentencizer"):
        tune_thresholds(nlp, [])
