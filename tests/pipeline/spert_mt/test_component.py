import gc
import pickle
import warnings
import weakref
from itertools import pairwise

import numpy
import pytest
import spacy
import srsly
import torch
from confection import ConfigValidationError
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.cli.find_threshold import find_threshold
from spacy.tokens import Doc, Span, SpanGroup
from spacy.training import Example

from spacy_mre import save_docs
from spacy_mre.annotations.entities import get_entities, set_entities
from spacy_mre.annotations.relations import get_relations
from spacy_mre.evaluation.scaling import Scaling
from spacy_mre.pipeline.spans.overlap import count_nested

# One setting changed at a time; each must still overfit.
VARIANTS = {
    "defaults": {},
    "paper": {"model": {"mode": "paper"}, "overlap": "nested"},
    "SpERT": {"model": {"mode": "spert"}},
    "any overlap": {"overlap": "any"},
    "all negatives": {"negatives": -1},
    "few negatives": {"negatives": 10},
    "any constraints": {"constraints": "any"},
    "given constraints": {
        "constraints": {"lives_in": [["person", "place"]], "part_of": [["site", "place"], ["place", "site"]]}
    },
    "symmetric": {"symmetric": ["friend"]},
    "text labels": {"model": {"see_cats": True}},
}
HASH_EMBED_CNN = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "pretrained_vectors": None,
    "width": 8,
    "depth": 1,
    "embed_size": 100,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": False,
}
TOK2VEC_ENCODER = {"@architectures": "spacy_mre.Tok2VecEncoder.v1", "tok2vec": HASH_EMBED_CNN}
# Only their labels tell these texts apart: the encoder of the test below sees nothing else.
BY_CATS = [
    ("Ida met Bo", [(0, 1, "person"), (2, 3, "person")], [(0, 1, "friend")], {"people": 1.0, "travel": 0.0}),
    ("Ida met Bo", [(0, 1, "place"), (2, 3, "place")], [], {"people": 0.0, "travel": 1.0}),
    ("Ida met Bo", [], [], {}),
]
RAW = ["Ida lives and works in Lima .", "A ferry left the port of Oslo for Lima .", "", "Ida and Tom are friends ."]


@pytest.fixture
def learn(make_nlp, make_examples, fit):
    def train(texts=None, steps=60, **settings):
        spacy.util.fix_random_seed(0)
        nlp = make_nlp("spert_mt", **settings)
        examples = make_examples(nlp, texts) if texts else make_examples(nlp)
        fit(nlp, examples, steps)
        return nlp, examples

    return train


@pytest.fixture(scope="module")
def trained(make_nlp, make_examples, fit):
    """A pipeline with the default settings that knows the texts; tests read it and leave it as it is."""
    spacy.util.fix_random_seed(0)
    nlp = make_nlp("spert_mt")
    examples = make_examples(nlp)
    fit(nlp, examples)
    return nlp, examples


# Learning


@pytest.mark.filterwarnings("ignore:.*W812")
@pytest.mark.parametrize("variant", VARIANTS)
def test_overfits_and_survives_the_disk(variant, learn, annotations, written, tmp_path):
    nlp, examples = learn(**VARIANTS[variant])
    for eg in examples:
        eg.predicted.cats = eg.reference.cats
        assert annotations(nlp(eg.predicted)) == annotations(eg.reference)
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    as_json = srsly.json_loads(srsly.json_dumps(nlp.get_pipe("spert_mt").cfg))  # of a float, srsly keeps ten digits
    assert loaded.get_pipe("spert_mt").cfg == as_json
    assert [written(doc) for doc in loaded.pipe(RAW)] == [written(doc) for doc in nlp.pipe(RAW)]


def test_the_share_of_negatives_that_is_drawn_is_counted(make_nlp, make_examples):
    # 3 + 2 + 1 spans of which one is an entity, and 5 + 4 + 3 of which two are.
    gold = [
        ("Ida left Lima", [(0, 1, "person")], [], {}),
        ("Tom left Oslo for Lima", [(0, 1, "person"), (2, 3, "place")], [], {}),
    ]
    for negatives, share in ((6, (5 + 6) / (5 + 10)), (-1, 1.0), (100, 1.0), (0, 1 / 15)):
        nlp = make_nlp("spert_mt", negatives=negatives, model={"max_width": 3})
        examples = make_examples(nlp, gold)
        nlp.initialize(lambda examples=examples: examples)
        assert nlp.get_pipe("spert_mt").cfg["share_drawn"] == pytest.approx(share)


def test_flat_overlap_keeps_the_better_of_two_nested(learn):
    nlp, examples = learn(overlap="flat")
    for eg in examples:
        found = get_entities(nlp(eg.predicted))
        assert found == sorted(found) and all(a.end <= b.start for a, b in pairwise(found))
    doc = nlp("A ferry left the port of Oslo for Lima .")
    assert len(get_entities(doc)) == 2  # either the port or its Oslo, and Lima
    assert len(doc.ents) == 2


@pytest.mark.parametrize(
    "label, flat_texts, policy",
    [("place", 0, "nested"), ("place", 9, "nested"), ("place", 10, "flat"), ("site", 9, "flat_by_label")],
)
def test_overlaps_are_decided_as_in_the_training_data(label, flat_texts, policy, make_nlp, make_examples, tmp_path):
    # One of two entities is nested, and then one of 20 and of 22.
    texts = [("the port of Oslo", [(0, 4, label), (3, 4, "place")], [], {})] + [
        ("Ida left Lima", [(0, 1, "person"), (2, 3, "place")], [], {})
    ] * flat_texts
    nlp = make_nlp("spert_mt")
    nlp.initialize(lambda: make_examples(nlp, texts))
    nlp.to_disk(tmp_path)
    for each in (nlp, spacy.load(tmp_path)):
        pipe = each.get_pipe("spert_mt")
        assert pipe.overlap is None and pipe.cfg["overlap"] == pipe.options().overlap == policy
        pipe.overlap = "any"
        assert pipe.options().overlap == "any"


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 5)), max_size=12, unique=True))
def test_nested_entities_are_counted(places):
    places = [(start, start + width) for start, width in places]
    inside = [
        one for one in places if any(one != other and other[0] <= one[0] and one[1] <= other[1] for other in places)
    ]
    assert count_nested(places) == len(inside)
    assert count_nested(places + places[:1]) == len(inside) + bool(places)


@pytest.mark.parametrize("policy,expected", [("any", 2), ("nested", 1), ("flat", 1)])
def test_crossing_entities_need_the_overlap_any(policy, expected, learn):
    crossing = [("North Sea Bridge Road ends .", [(0, 3, "sea"), (1, 4, "road")], [], {})]
    nlp, examples = learn(crossing, overlap=policy)
    doc = nlp(examples[0].predicted)
    assert len(get_entities(doc)) == expected
    assert len(doc.ents) == 1


def test_several_labels_of_a_pair(trained):
    nlp, _ = trained
    doc = nlp("Ida lives and works in Lima .")
    assert {(head.text, label, tail.text) for head, label, tail, _ in doc._.triples} == {
        ("Ida", "lives_in", "Lima"),
        ("Ida", "works_in", "Lima"),
    }


@pytest.mark.parametrize("mode", ["spert_mt", "spert"])
def test_symmetric_relations_begin_with_the_earlier_mention(mode, learn):
    # The first is annotated backwards, the second has another relation in the other direction.
    texts = [
        ("Ida and Tom are friends .", [(0, 1, "person"), (2, 3, "person")], [(1, 0, "friend")], {}),
        (
            "Bo , friend and boss of Max",
            [(0, 1, "person"), (6, 7, "person")],
            [(0, 1, "friend"), (1, 0, "works_for")],
            {},
        ),
    ]
    nlp, examples = learn(texts, symmetric=["friend"], model={"mode": mode})
    found = [[(head.text, label, tail.text) for head, label, tail, _ in nlp(eg.predicted)._.triples] for eg in examples]
    assert [sorted(of_doc) for of_doc in found] == [
        [("Ida", "friend", "Tom")],
        [("Bo", "friend", "Max"), ("Max", "works_for", "Bo")],
    ]


def test_constraints_forbid_what_was_learned(trained, annotations):
    nlp, examples = trained
    pipe = nlp.get_pipe("spert_mt")
    pipe.constraints = {"lives_in": [["place", "person"]]}
    try:
        labels = [relation["label"] for eg in examples for relation in get_relations(nlp(eg.predicted.copy()))]
    finally:
        pipe.constraints = None
    assert "lives_in" not in labels and "part_of" in labels


def test_learned_constraints_are_counted(trained):
    nlp, _ = trained
    pipe = nlp.get_pipe("spert_mt")
    assert pipe.label_data["constraints"] == {
        "friend": [["person", "person", 1]],
        "lives_in": [["person", "place", 2]],
        "part_of": [["site", "place", 2]],
        "works_in": [["person", "place", 1]],
    }
    assert pipe.options().constraints["part_of"] == [["site", "place"]]


def test_given_entities_are_kept_and_related(learn, annotations):
    nlp, examples = learn(entities="given")
    for eg in examples:
        set_entities(eg.predicted, get_entities(eg.reference), source="somebody")
        before = eg.predicted.spans["entities"].attrs
        assert annotations(nlp(eg.predicted)) == annotations(eg.reference)
        assert eg.predicted.spans["entities"].attrs == before
    doc = nlp(Doc(nlp.vocab, words=["Ida", "lives", "in", "Oslo"]))
    assert get_relations(doc) == [] and "entities" not in doc.spans


def test_given_entities_may_be_flat_unknown_wide_or_many(learn, make_doc):
    nlp, _ = learn(entities="given", model={"max_width": 3})
    flat = make_doc(nlp, "Tom lives in Oslo .")
    flat.set_ents([Span(flat, 0, 1, label="person"), Span(flat, 3, 4, label="place")])
    assert [(head.label_, label, tail.label_) for head, label, tail, _ in nlp(flat)._.triples] == [
        ("person", "lives_in", "place")
    ]
    odd = make_doc(
        nlp, "Tom lives in Oslo .", [(0, 1, "person"), (0, 1, "person_too"), (0, 5, "clause"), (3, 4, "place")]
    )
    odd = nlp(odd)
    assert len(get_entities(odd)) == 4
    assert all(relation["head"] != relation["tail"] for relation in get_relations(odd))
    assert {relation["head_label"] for relation in get_relations(odd)} <= {"person", "person_too", "clause", "place"}


@pytest.mark.filterwarnings("ignore:.*W811")
def test_the_best_scored_given_entities_are_related_first(make_nlp, make_examples):
    settings = {"relation_threshold": 0.0, "constraints": "any", "scope": "document", "max_distance": 0}
    nlp = make_nlp("spert_mt", entities="given", pairs_per_token=1, **settings)
    nlp.initialize(lambda: make_examples(nlp))

    def related(scores):
        doc = Doc(nlp.vocab, words=["Ida"] * 100)
        set_entities(doc, [(2 * i, 2 * i + 1, "person", float(score)) for i, score in enumerate(scores)])
        return {(relation["head"][0] // 2, relation["tail"][0] // 2) for relation in get_relations(nlp(doc))}

    scores = numpy.random.default_rng(0).permutation(50) / 64 + 0.1
    best = numpy.argsort(-scores)[:8].tolist()
    pairs = related(scores)
    assert {(one, other) for one in best for other in best if one != other} <= pairs and len(pairs) <= 100
    # Calibrated, they have the same order.
    assert related(Scaling(0.3, -2.0).apply(scores)) == pairs
    # Without scores, both directions of the nearest pairs in the whole text.
    assert related(numpy.ones(50)) == {(i, j) for i in range(50) for j in (i - 1, i + 1) if 0 <= j < 50} | {
        (0, 2),
        (2, 0),
    }


def test_trains_on_the_given_entities_of_an_annotating_component(make_nlp, make_examples, monkeypatch):
    """Gold and given entities differ: that crashes the usual tutorial's component."""
    nlp = make_nlp(entities="given")
    ruler = nlp.add_pipe("entity_ruler", first=True)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    ruler.add_patterns([{"label": "person", "pattern": "Ida"}, {"label": "verb", "pattern": "lives and works"}])
    pipe, seen = nlp.get_pipe("spert_mt"), []
    make_targets = pipe.get_targets
    monkeypatch.setattr(pipe, "get_targets", lambda *args: seen.append(make_targets(*args)) or seen[-1])
    assert nlp.update(examples[:1], annotates=["entity_ruler"])["spert_mt"] > 0
    (targets,) = seen
    assert len(targets.mentions) == 3 and len(targets.spans) == 0  # Ida and Lima are gold, "lives and works" is new
    assert targets.relations.sum() == 2 and len(targets.pairs) == 6


# Text labels


@pytest.mark.filterwarnings("ignore:.*W812")
@pytest.mark.parametrize("mode", ["spert_mt", "spert"])
def test_the_text_label_is_seen(mode, learn, annotations, make_doc, tmp_path):
    nlp, examples = learn(BY_CATS, 300, model={"see_cats": True, "mode": mode}, negatives=-1)
    nlp.to_disk(tmp_path)
    for pipeline in (nlp, spacy.load(tmp_path)):
        for eg, (words, *_, cats) in zip(examples, BY_CATS):
            assert annotations(pipeline(make_doc(pipeline, words, cats=cats))) == annotations(eg.reference)
        # What was predicted is rarely 1 or 0.
        unsure = make_doc(pipeline, "Ida met Bo", cats={"people": 0.9, "travel": 0.1, "news": 0.5})
        assert annotations(pipeline(unsure)) == annotations(examples[0].reference)


def test_training_sees_the_gold_label_and_prediction_the_predicted_one(learn):
    nlp, examples = learn(BY_CATS, steps=0, model={"see_cats": True})
    pipe = nlp.get_pipe("spert_mt")
    for eg in examples:
        eg.predicted.cats = {"people": 0.25, "travel": 0.75}
    encoded = pipe.model.get_ref("encoder").predict([eg.predicted for eg in examples])
    assert pipe.get_targets(examples, encoded).cats.tolist() == [[1, 0], [0, 1], [0, 0]]
    assert pipe._predicted_cats([eg.predicted for eg in examples]).tolist() == [[0.25, 0.75]] * 3
    assert learn(BY_CATS, steps=0)[0].get_pipe("spert_mt").get_targets(examples, encoded).cats is None


def test_the_label_of_a_component_before_is_seen(make_shared_nlp, make_examples, fit, annotations, tmp_path):
    nlp = make_shared_nlp("mre_textcat", "spert_mt", spert_mt={"model": {"see_cats": True}})
    examples = make_examples(nlp)
    losses = fit(nlp, examples, steps=90)
    assert set(losses) == {"tok2vec", "mre_textcat", "spert_mt"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for eg in examples:
            assert annotations(nlp(eg.reference.text)) == annotations(eg.reference)
    assert nlp.get_pipe("spert_mt").label_data["cats"] == ["people", "travel"]
    nlp.to_disk(tmp_path)
    assert spacy.load(tmp_path).get_pipe("spert_mt").label_data == nlp.get_pipe("spert_mt").label_data


def test_texts_without_a_label_are_reported_once_and_counted(learn, make_doc):
    nlp, _ = learn(BY_CATS, steps=1, model={"see_cats": True})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        docs = [make_doc(nlp, "Ida met Bo", cats=cats) for cats in ({}, {"news": 1.0}, {"travel": 0.0}, {})]
        list(nlp.pipe([*docs[:3], nlp.make_doc("")]))
        nlp(docs[3])
    (report,) = [str(warning.message) for warning in caught if "W812" in str(warning.message)]
    assert "2 documents" in report
    assert nlp.get_pipe("spert_mt").left_out["texts without a known label"] == 3


def test_no_text_labels_to_read_is_m812(make_nlp, make_examples):
    nlp = make_nlp("spert_mt", model={"see_cats": True})
    examples = make_examples(nlp, [("Ida met Bo", [(0, 1, "person")], [], {})])
    with pytest.raises(ValueError, match=r"\[M812\].*see_cats"):
        nlp.initialize(lambda: examples)
    make_nlp("spert_mt").initialize(lambda: examples)  # they are not read


# Serialisation, processes, memory


def test_bytes_and_pickle(trained, make_nlp, written):
    nlp, _ = trained
    expected = [written(doc) for doc in nlp.pipe(RAW)]
    from_bytes = make_nlp("spert_mt").from_bytes(nlp.to_bytes())
    pipe = pickle.loads(pickle.dumps(nlp.get_pipe("spert_mt")))
    from_pickle = spacy.blank("en", vocab=pipe.vocab)
    from_pickle.add_pipe("spert_mt")
    from_pickle._components[0] = ("spert_mt", pipe)
    for other in (from_bytes, from_pickle):
        assert [written(doc) for doc in other.pipe(RAW)] == expected
    assert pipe.label_data == nlp.get_pipe("spert_mt").label_data


def test_uninitialised_pipeline_can_be_saved(make_nlp, tmp_path):
    make_nlp("spert_mt").to_disk(tmp_path)
    with pytest.raises(ValueError, match="M803"):
        spacy.load(tmp_path)("Ida lives in Lima .")


def test_two_processes_find_what_one_finds(trained, written):
    nlp, _ = trained
    two = nlp.pipe(RAW * 3, n_process=2, batch_size=2)
    assert [written(doc) for doc in two] == [written(doc) for doc in nlp.pipe(RAW * 3, batch_size=2)]


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_batches_do_not_matter(batch_size, trained, written, annotations):
    nlp, _ = trained
    for one, doc in zip((nlp(text) for text in RAW), nlp.pipe(RAW, batch_size=batch_size)):
        assert annotations(one) == annotations(doc)
        assert [span.score for span in get_entities(one)] == pytest.approx(
            [span.score for span in get_entities(doc)], abs=1e-5
        )


def test_no_cycle_keeps_a_pipeline_or_its_documents_alive(learn):
    nlp, examples = learn(steps=2)
    pipe = nlp.get_pipe("spert_mt")
    doc = nlp("Ida lives in Lima .")
    group, gone = (
        doc.spans,
        [weakref.ref(thing) for thing in (doc, nlp, pipe, pipe.model.get_ref("heads").shims[0].module)],
    )
    assert group.doc_ref() is doc
    del doc, group
    gc.collect()
    assert gone[0]() is None
    del nlp, pipe, examples
    gc.collect()
    assert [ref() for ref in gone] == [None] * 4


# Writing


def test_a_second_run_replaces_the_first(trained, written):
    nlp, _ = trained
    doc = nlp("A ferry left the port of Oslo for Lima .")
    first = written(doc)
    assert first[0] and first[2]
    assert written(nlp.get_pipe("spert_mt")(doc)) == first
    assert doc.spans["entities"].attrs["sources"] == ["spert_mt"] * len(first[0])


def test_spans_of_others_stay_and_its_own_go(trained):
    nlp, _ = trained
    doc = nlp.make_doc("Ida lives and works in Lima .")
    set_entities(doc, [(1, 4, "activity", 0.9)], source="rules")
    doc.spans["other"] = SpanGroup(doc, spans=[Span(doc, 0, 2, label="x")])
    pipe = nlp.get_pipe("spert_mt")
    for _ in range(2):
        doc = pipe(doc)
        assert [(span.text, span.label_) for span in doc.spans["entities"]] == [
            ("Ida", "person"),
            ("lives and works", "activity"),
            ("Lima", "place"),
        ]
        assert doc.spans["entities"].attrs["sources"] == ["spert_mt", "rules", "spert_mt"]
        assert len(doc.spans["other"]) == 1
    pipe.entity_threshold = 1.0
    try:
        doc = pipe(doc)
    finally:
        pipe.entity_threshold = None
    assert [span.label_ for span in doc.spans["entities"]] == ["activity"] and get_relations(doc) == []


def test_relations_point_at_entities_of_the_group_and_scores_are_probabilities(trained):
    nlp, examples = trained
    pipe = nlp.get_pipe("spert_mt")
    doc = nlp(examples[2].predicted.copy())
    places = {(span.start, span.end): span.label for span in get_entities(doc)}
    assert get_relations(doc)
    for relation in get_relations(doc):
        assert places[tuple(relation["head"])] == relation["head_label"]
        assert places[tuple(relation["tail"])] == relation["tail_label"]
        assert pipe.options().relation_threshold <= relation["score"] <= 1.0
    assert all(0.5 <= span.score <= 1.0 for span in get_entities(doc))


def test_another_span_group(make_nlp, make_examples, settings_of):
    nlp = make_nlp("spert_mt")
    other = nlp.add_pipe("spert_mt", name="other", config=settings_of("spert_mt", spans_key="mine", overlap="any"))
    examples = make_examples(nlp)
    for eg in examples:
        eg.reference.spans["mine"] = eg.reference.spans["entities"]
    nlp.initialize(lambda: examples)
    other.entity_threshold = 0.0
    doc = nlp("Ida lives in Lima .")
    assert (
        len(doc.spans["mine"]) == 15 and len(doc.spans["entities"]) == 0
    )  # untrained: every span up to the width, or none
    assert "spans_mine_f" in nlp.evaluate(examples)


# Settings, labels, thresholds


def test_default_settings_work(make_examples):
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("spert_mt")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    assert nlp.update(examples)["spert_mt"] > 0
    assert pipe.entity_labels == ("person", "place", "site")
    assert pipe.labels == (*pipe.entity_labels, "friend", "lives_in", "part_of", "works_in")
    scores = nlp.evaluate(examples)
    assert {"spans_entities_f", "ents_f", "rel_f", "rel_strict_f"} <= set(scores)


@pytest.mark.parametrize(
    "settings",
    [
        {"overlap": "sometimes"},
        {"entities": "guess"},
        {"constraints": "lerned"},
        {"max_distance": "far"},
        {"negatives": "few"},
        {"model": {"mode": "sperm"}},
    ],
)
def test_invalid_values_are_refused_by_the_config(settings, make_nlp):
    with pytest.raises(ConfigValidationError, match=next(iter(settings))):
        make_nlp("spert_mt", **settings)


@pytest.mark.parametrize("setting", ["overlap", "entities", "constraints", "max_distance"])
def test_invalid_values_set_in_python_are_m001(setting, make_nlp):
    pipe = make_nlp("spert_mt").get_pipe("spert_mt")
    with pytest.raises(ValueError, match=rf"\[M001\].*{setting}"):
        setattr(pipe, setting, "nonsense")


@pytest.mark.parametrize(
    "encoder",
    [
        {**TOK2VEC_ENCODER, "text_pooling": "sum"},
        {"@architectures": "spacy_mre.TransformerEncoder.v1", "pooling": "sum"},
    ],
)
def test_an_invalid_pooling_is_refused(encoder, make_nlp):
    with pytest.raises(ValueError, match="pooling"):
        make_nlp("spert_mt", encoder=encoder)


NEW_VALUES = {
    "entities": "given",
    "entity_threshold": 0.9999,
    "relation_threshold": 0.9999,
    "overlap": "any",
    "constraints": {"friend": []},
    "symmetric": ["friend"],
    "max_distance": 1,
    "pairs_per_token": 1,
    "negatives": 7,
    "spans_key": "mine",
    "seed": 5,
}


@pytest.fixture(scope="module")
def saved(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    trained[0].to_disk(folder)
    return folder


@pytest.mark.parametrize("setting", NEW_VALUES)
def test_settings_given_on_loading_are_in_force(setting, saved):
    value = NEW_VALUES[setting]
    if setting != "constraints":  # spaCy overrides values, not whole sections
        pipe = spacy.load(saved, config={"components": {"spert_mt": {setting: value}}}).get_pipe("spert_mt")
        assert getattr(pipe, setting) == value
    # An edit of the file does the same.
    config = spacy.util.load_config(saved / "config.cfg")
    config["components"]["spert_mt"][setting] = value
    nlp = spacy.util.load_model_from_config(config, auto_fill=True).from_disk(saved)
    assert getattr(nlp.get_pipe("spert_mt"), setting) == value


def test_a_high_threshold_given_on_loading_finds_nothing(learn, tmp_path):
    text = "Ida lives and works in Lima ."
    nlp, _ = learn(steps=8)  # few steps, so that no probability is so high
    nlp.to_disk(tmp_path)
    assert get_entities(spacy.load(tmp_path)(text))
    nlp = spacy.load(tmp_path, config={"components": {"spert_mt": {"entity_threshold": 0.9999}}})
    assert get_entities(nlp(text)) == [] and get_relations(nlp(text)) == []


@pytest.mark.parametrize("setting", NEW_VALUES)
def test_settings_changed_in_python_are_saved_in_the_config(setting, saved, tmp_path):
    nlp = spacy.load(saved)
    setattr(nlp.get_pipe("spert_mt"), setting, NEW_VALUES[setting])
    nlp.to_disk(tmp_path)
    assert spacy.util.load_config(tmp_path / "config.cfg")["components"]["spert_mt"][setting] == NEW_VALUES[setting]
    assert getattr(spacy.load(tmp_path).get_pipe("spert_mt"), setting) == NEW_VALUES[setting]


def test_dropout_given_on_loading_is_in_force(saved):
    nlp = spacy.load(saved, config={"components": {"spert_mt": {"model": {"dropout": 0.7}}}})
    assert nlp.get_pipe("spert_mt").model.get_ref("heads").shims[0].module.dropout.p == 0.7


@pytest.mark.parametrize("settings", [{"max_width": 4}, {"mode": "spert"}])
def test_settings_that_do_not_fit_the_weights_are_m804(settings, saved):
    with pytest.raises(ValueError, match=r"\[M804\]"):
        spacy.load(saved, config={"components": {"spert_mt": {"model": settings}}})


def test_only_what_was_learned_is_saved_as_cfg(saved):
    learned = srsly.read_json(saved / "spert_mt" / "cfg")
    assert set(learned) == {
        "entity_labels",
        "relation_labels",
        "cat_labels",
        "constraints",
        "distance",
        "scope",
        "overlap",
        "share_drawn",
        "scaling",
    }


def test_there_are_at_most_twenty_settings(make_nlp):
    config = make_nlp("spert_mt").config["components"]["spert_mt"]
    assert len(config) - 2 + len(config["model"]) - 1 <= 20  # without factory, model and @architectures


@pytest.mark.parametrize(
    "mode, expected",
    [
        ("spert_mt", (0.25, 0.3, "flat", 100, {"friend": [["a", "b"]]})),
        ("paper", (0.5, 0.5, "any", 0, {})),
        ("spert", (0.5, 0.4, "any", 0, {})),
    ],
)
def test_mode_alone_sets_the_decoding(mode, expected, make_nlp):
    pipe = make_nlp("spert_mt", model={"mode": mode}).get_pipe("spert_mt")
    pipe.cfg.update(constraints={"friend": [["a", "b", 1]]}, distance=100, overlap="flat")
    options = pipe.options()
    found = (options.entity_threshold, options.relation_threshold, options.overlap, options.max_distance)
    assert (*found, options.constraints) == expected


@pytest.mark.parametrize("settings", [{"entity_treshold": 0.4}, {"model": {"max_with": 4}}])
def test_a_misspelt_key_is_named(settings, make_nlp):
    with pytest.raises(ConfigValidationError, match=r"entity_treshold|max_with"):
        make_nlp("spert_mt", **settings)


def test_labels_from_label_data(trained, make_nlp, make_examples):
    data = trained[0].get_pipe("spert_mt").label_data
    nlp = make_nlp("spert_mt")
    pipe = nlp.get_pipe("spert_mt")
    pipe.initialize(lambda: make_examples(nlp)[-1:], nlp=nlp, labels=data)  # "It rained ." has no labels at all
    assert pipe.label_data == data
    assert pipe.options().constraints == trained[0].get_pipe("spert_mt").options().constraints


@pytest.mark.parametrize("missing", ["entities", "relations", "cats", "constraints", "distance", "scope"])
def test_what_given_labels_lack_is_read_from_the_data(missing, trained, make_nlp, make_examples):
    data = trained[0].get_pipe("spert_mt").label_data
    given = {name: value for name, value in data.items() if name != missing}
    nlp = make_nlp("spert_mt")
    nlp.get_pipe("spert_mt").initialize(lambda: make_examples(nlp), nlp=nlp, labels=given)
    assert nlp.get_pipe("spert_mt").label_data == data


@pytest.mark.parametrize(
    "threshold,score", [("entity_threshold", "spans_entities_f"), ("relation_threshold", "rel_strict_f")]
)
def test_find_threshold(threshold, score, learn, tmp_path):
    nlp, examples = learn(steps=12, overlap="nested")  # few steps, so that no probability is rounded to 1
    nlp.to_disk(tmp_path / "nlp")
    save_docs([eg.reference for eg in examples], tmp_path / "dev.spacy")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        best, best_score, scores = find_threshold(
            tmp_path / "nlp", tmp_path / "dev.spacy", "spert_mt", threshold, score, n_trials=3
        )
    reports = [str(warning.message) for warning in caught if "W811" in str(warning.message)]
    # Only where every span is an entity the budget bites; in several documents, but it is said once.
    assert len(reports) == (1 if threshold == "entity_threshold" else 0) and all(
        "pairs beyond the budget" in report for report in reports
    )
    assert list(scores) == [0.0, 0.5, 1.0]
    assert (best, best_score) == (0.5, 1.0)
    assert scores[0.0] < 1.0 and scores[1.0] == 0.0


@pytest.mark.parametrize("setting,value,what", [("pairs_per_token", 6, "budget"), ("max_distance", 2, "distance")])
def test_limits_on_pairs_are_reported_once_and_counted(setting, value, what, trained):
    nlp = spacy.blank("en").from_config(trained[0].config).from_bytes(trained[0].to_bytes())
    pipe = nlp.get_pipe("spert_mt")
    # Every span an entity, and every pair that is looked at a relation: as at the start of find-threshold.
    values = {"entity_threshold": 0.0, "relation_threshold": 0.0, "overlap": "any", "constraints": "any"}
    for name, each in {**values, "pairs_per_token": 1000, setting: value}.items():
        setattr(pipe, name, each)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        doc = nlp("Ida lives and works in Lima .")
        nlp("Ida lives and works in Lima .")
    assert [str(warning.message)[:6] for warning in caught] == ["[W811]"]
    pairs = {(*relation["head"], *relation["tail"]) for relation in get_relations(doc)}
    left_out = 28 * 27 - len(pairs)
    assert len(get_entities(doc)) == 28  # 7 tokens
    assert pipe.left_out[f"pairs beyond the {what}"] == 2 * left_out
    assert f"{left_out} pairs beyond the {what}" in str(caught[0].message)
    if what == "budget":
        assert 0 < len(pairs) <= 7 * 6
    else:
        assert {abs(head - tail) for head, _, tail, _ in pairs} == {0, 1, 2}


def test_max_distance_leaves_near_pairs_alone(trained, annotations):
    nlp = spacy.blank("en").from_config(trained[0].config).from_bytes(trained[0].to_bytes())
    nlp.get_pipe("spert_mt").max_distance = 3
    with pytest.warns(UserWarning, match="W811"):
        assert get_relations(nlp("Ida lives and works in Lima .")) == []
    assert len(get_relations(nlp("Tom lives in Oslo ."))) == 1


@pytest.mark.parametrize("tokens_between, distance", [(0, 30), (79, 160)])
def test_the_distance_limit_is_learned(tokens_between, distance, make_nlp, make_examples):
    nlp = make_nlp("spert_mt")
    entities = [(0, 1, "person"), (1 + tokens_between, 2 + tokens_between, "place")]
    text = ("Ida " + "and " * tokens_between + "Lima .", entities, [(0, 1, "lives_in")], None)
    examples = make_examples(nlp) + make_examples(nlp, [text])
    nlp.initialize(lambda: examples)
    pipe = nlp.get_pipe("spert_mt")
    assert pipe.options().max_distance == pipe.label_data["distance"] == distance
    pipe.max_distance = 7
    assert pipe.options().max_distance == 7


def test_labels_unseen_at_initialization_are_reported_in_training(make_nlp, make_examples):
    nlp = make_nlp("spert_mt")
    nlp.initialize(lambda: make_examples(nlp))
    text = ("Ida met Bo", [(0, 1, "person"), (2, 3, "robot")], [(0, 1, "met")], {})
    with pytest.warns(UserWarning, match=r"\[W813\].*'robot'"):
        nlp.update(make_examples(nlp, [text]))
    left_out = nlp.get_pipe("spert_mt").left_out
    assert left_out["entity 'robot' unseen at initialization"] == 1
    assert left_out["relation 'met' unseen at initialization"] == 1


def make_unlearnable(make_doc, nlp):
    """An entity wider than two tokens, one that begins inside of a token, and its relation."""
    gold = make_doc(nlp, "The old tower of Li ma fell", [(0, 4, "place"), (5, 6, "place")], [(0, 1, "lives_in")])
    return Example(Doc(nlp.vocab, words=["The", "old", "tower", "of", "Lima", "fell"]), gold)


LOST = {
    "entity wider than 2 tokens": "place, 4 tokens",
    "entity off the token grid": "ma",
    "relation with an argument off the token grid": "The old tower of -> ma",
}


def test_gold_that_cannot_be_learned_is_reported_when_training_goes_on(make_nlp, make_doc, make_examples):
    nlp = make_nlp("spert_mt", model={"max_width": 2})
    nlp.initialize(lambda: make_examples(nlp)[:2])
    example = make_unlearnable(make_doc, nlp)
    with pytest.warns(UserWarning, match="W803") as caught:
        for _ in range(2):
            nlp.update([example])
    messages = [str(warning.message) for warning in caught if "W803" in str(warning.message)]
    left_out = nlp.get_pipe("spert_mt").left_out
    assert len(messages) == len(LOST)
    for reason, example in LOST.items():
        assert any(f"1 x {reason} in training (as {example})" in message for message in messages)
        assert left_out[f"{reason} in training"] == 2


def test_documents_that_are_annotated_in_part_are_reported(make_nlp, make_examples, recwarn):
    nlp = make_nlp("spert_mt")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    assert not any("W804" in str(warning.message) for warning in recwarn)
    gold = examples[0].reference
    gold.set_ents(gold.ents, default="missing")
    with pytest.warns(UserWarning, match=rf"W804.*'spert_mt' reads 1 of the {len(examples)} documents"):
        nlp.initialize(lambda: examples)
    recwarn.clear()
    nlp.get_pipe("spert_mt").entities = "given"
    nlp.initialize(lambda: examples)
    assert not any("W804" in str(warning.message) for warning in recwarn)


def test_what_initialization_announced_is_not_repeated(make_nlp, make_doc, make_examples, recwarn):
    nlp = make_nlp("spert_mt", model={"max_width": 2})
    example = make_unlearnable(make_doc, nlp)
    nlp.initialize(lambda: [*make_examples(nlp)[:2], example])
    nlp.update([example])
    assert [str(warning.message)[:6] for warning in recwarn if "W80" in str(warning.message)] == ["[W801]"]
    assert nlp.get_pipe("spert_mt").left_out["entity wider than 2 tokens in training"] == 1
    nlp.initialize(lambda: make_examples(nlp)[:2])  # which has nothing to announce
    nlp.get_pipe("spert_mt").left_out.clear()
    with pytest.warns(UserWarning, match="W803"):
        nlp.update([example])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_training(value, make_nlp, make_examples, monkeypatch):
    nlp = make_nlp("spert_mt")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    with torch.no_grad():
        nlp.get_pipe("spert_mt").model.get_ref("heads").shims[0].module.entity_span.bias[0] = value
    with pytest.raises(ValueError, match=r"\[M805\]"):
        nlp.update(examples)


@pytest.mark.parametrize(
    "relations, labels, is_reported", [(None, False, True), ([], False, False), (None, True, False)]
)
def test_data_without_relations_is_reported(relations, labels, is_reported, make_nlp, make_examples, recwarn):
    """Relations that were lost when the data was saved; none at all that are annotated; and given labels."""
    nlp = make_nlp()
    examples = make_examples(nlp, [("Ida met Bo", [(0, 1, "person")], relations, {})])
    given = {"entities": ["person"], "relations": []} if labels else None
    nlp.get_pipe("spert_mt").initialize(lambda: examples, nlp=nlp, labels=given)
    found = [str(warning.message) for warning in recwarn if "W814" in str(warning.message)]
    assert len(found) == is_reported and all("1 documents" in text and "save_docs" in text for text in found)


# Labels of constraints that a config file cannot have as keys


@pytest.mark.parametrize("factory, setting", [("spert_mt", "constraints"), ("multi_ner", "questions")])
@pytest.mark.parametrize("label", ["per:title", "a=b", "# x", "[x]", "", " a"])
def test_labels_that_cannot_be_keys_are_refused_in_tables(factory, setting, label):
    value = [["person", "title"]] if setting == "constraints" else "Which titles?"
    nlp = spacy.blank("en")
    with pytest.raises(ValueError, match=r"M003.*Give a list of pairs"):
        nlp.add_pipe(factory, config={setting: {"fine": value, label: value}})
    pipe = nlp.add_pipe(factory, config={setting: [["fine", value], [label, value]]})
    with pytest.raises(ValueError, match="M003"):
        setattr(pipe, setting, {label: value})
    assert getattr(pipe, setting) == [["fine", value], [label, value]]


def test_a_list_with_a_dollar_sign_or_a_label_twice_is_refused():
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("spert_mt")
    with pytest.raises(ValueError, match=r"M004.*'US\$'"):
        pipe.constraints = {"costs": [["thing", "US$"]]}
    for wrong in ([["near", []], ["near", [["a", "b"]]]], ["ab", "cd"], [5], [["near"]]):
        with pytest.raises(ValueError, match=r"M005.*Found: "):
            pipe.constraints = wrong
    assert pipe.constraints is None
    questions = nlp.add_pipe("multi_ner")
    with pytest.raises(ValueError, match=r"M004.*variable"):
        questions.questions = {"pay": "Which sums, as ${x}?"}
    questions.questions = {"pay": "Which sums in $?"}


def test_constraints_in_a_list_are_in_force(make_nlp, make_examples, fit, tmp_path):
    nlp = make_nlp(constraints=[["lives_in", []], ["per:title", [["person", "title"]]]])
    fit(nlp, make_examples(nlp))
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    found = {triple.label for doc in loaded.pipe(eg.text for eg in make_examples(nlp)) for triple in doc._.triples}
    assert "works_in" in found and "lives_in" not in found
