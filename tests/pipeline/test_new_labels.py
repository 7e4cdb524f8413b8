"""New labels for trained components: gold with a label that a component lacks is reported; a label that is added leaves
the predictions of the old ones as they are, is learned, and is saved."""

import math
import re
import warnings

import pytest
import spacy
import srsly
import torch
from spacy.cli.train import train
from spacy.util import registry
from thinc.api import Adam

from spacy_mre.annotations.entities import get_entities
from spacy_mre.annotations.relations import get_relations
from spacy_mre.annotations.storage import save_docs
from spacy_mre.training.growth import BELOW_OLD_LABELS
from spacy_mre.training.new_labels import make_add_labels
from spacy_mre.training.optimizer import make_adamw
from tests.conftest import TEXTS
from tests.pipeline.generative import test_component as generative
from tests.pipeline.multi_ner import pipelines as multi_ner

# New entity labels, a new relation label, an old relation between new types, and a new text label.
CATS = {"people": 0.0, "travel": 0.0, "space": 1.0}
NEW = [
    ("Bo orbits Mars .", [(0, 1, "robot"), (2, 3, "planet")], [(0, 1, "orbits")], CATS),
    ("Bo lives in Oslo .", [(0, 1, "robot"), (3, 4, "place")], [(0, 1, "lives_in")], CATS),
]
SMALLEST = math.exp(BELOW_OLD_LABELS)
CALLS = {
    "spert_mt": [
        "entity 'robot'.*add_label('robot', kind='entity')",
        "entity 'planet'.*add_label('planet', kind='entity')",
        "relation 'orbits'.*add_label('orbits', kind='relation')",
    ],
    "mre_textcat": ["text label 'space'.*add_label('space')"],
}
ADDED = {"spert_mt": ["planet", "robot", "orbits"], "mre_textcat": ["space"]}


@pytest.fixture(scope="module")
def trained(make_nlp, make_examples, fit):
    """Makes pipelines that were trained on the old labels. Each call returns a copy."""
    saved = {}

    def make(factory, **settings):
        key = repr((factory, settings))
        if key not in saved:
            nlp = make_nlp(factory, **settings)
            fit(nlp, make_examples(nlp), 50)
            saved[key] = nlp.to_bytes()
        return make_nlp(factory, **settings).from_bytes(saved[key])

    return make


def keep_training(nlp, examples, make_sgd=lambda: Adam(0.01), steps=60):
    sgd = nlp.resume_training(sgd=make_sgd())
    for _ in range(steps):
        nlp.update(examples, sgd=sgd)
        sgd.step_schedules()


def unseen_warnings(caught):
    return [str(warning.message) for warning in caught if "[W813]" in str(warning.message)]


def assert_nearly_the_same(old, new):
    """The same entities and relations, with nearly the same scores."""
    assert len(get_entities(old)) == len(get_entities(new)) and len(get_relations(old)) == len(get_relations(new))
    for one, other in zip(get_entities(old), get_entities(new)):
        assert one[:3] == other[:3] and abs(one.score - other.score) < SMALLEST
    for one, other in zip(get_relations(old), get_relations(new)):
        assert {**one, "score": 0} == {**other, "score": 0} and abs(one["score"] - other["score"]) < SMALLEST


# Gold with unknown labels


@pytest.mark.parametrize("factory", CALLS)
def test_each_unknown_label_is_reported_once_with_the_way_to_add_it(factory, trained, make_examples):
    nlp = trained(factory)
    nlp.resume_training(sgd=Adam(0.01))
    with pytest.warns(UserWarning, match="W813") as caught:
        nlp.update(make_examples(nlp, NEW))
        nlp.update(make_examples(nlp, NEW))
    messages = unseen_warnings(caught)
    assert len(messages) == len(CALLS[factory])
    for message, call in zip(messages, CALLS[factory]):
        assert re.search(call.replace("(", r"\(").replace(")", r"\)"), message) and "spacy_mre.add_labels.v1" in message
    assert sum(nlp.get_pipe(factory).left_out.values()) == {"spert_mt": 8, "mre_textcat": 4}[factory]
    nlp.initialize(lambda: make_examples(nlp))  # begins anew
    assert not nlp.get_pipe(factory).left_out


# Labels that are added


@pytest.mark.parametrize("mode", ["spert_mt", "paper", "spert"])
def test_old_entities_and_relations_are_predicted_as_before(mode, trained, make_examples):
    old, new = (trained("spert_mt", model={"mode": mode}) for _ in range(2))
    spert_mt = new.get_pipe("spert_mt")
    for label, kind in (("robot", "entity"), ("planet", "entity"), ("orbits", "relation"), ("sees", "relation")):
        assert spert_mt.add_label(label, kind=kind) == 1 and spert_mt.add_label(label, kind=kind) == 0
    assert spert_mt.labels[-2:] == ("orbits", "sees") and spert_mt.entity_labels[-2:] == ("robot", "planet")
    found = 0
    for text, *_ in [*TEXTS, *NEW]:
        before, after = old(text), new(text)
        found += len(get_relations(before))
        assert_nearly_the_same(before, after)
    assert found >= 4


@pytest.mark.parametrize("mode", ["spert_mt", "paper", "spert"])
def test_scores_of_old_labels_are_those_of_the_old_heads(mode, trained):
    """Each column of an old label, and the hidden layers, are computed from the old weights."""
    nlp = trained("spert_mt", model={"mode": mode})
    spert_mt = nlp.get_pipe("spert_mt")
    before = spert_mt._shim.module.eval()
    spert_mt.add_label("robot", kind="entity")
    spert_mt.add_label("orbits", kind="relation")
    after = spert_mt._shim.module.eval()
    encoded = spert_mt.model.get_ref("encoder").predict([nlp.make_doc(TEXTS[0][0]), nlp.make_doc(TEXTS[2][0])])
    tokens, texts = torch.tensor(encoded.tokens), torch.tensor(encoded.texts)
    output = spert_mt.predict([nlp.make_doc(TEXTS[0][0])])
    spans, pairs = output.entities, output.pairs
    with torch.no_grad():
        results = []
        for heads in (before, after):
            logits, pooled = heads.score_spans(tokens, texts, spans)
            results.append((logits, heads.score_pairs(tokens, texts, spans, pooled, logits, pairs)))
    (entities, relations), (more_entities, more_relations) = results
    assert len(pairs) and more_entities.shape[1] == entities.shape[1] + 1
    torch.testing.assert_close(more_entities[:, :-1], entities)
    torch.testing.assert_close(more_relations[:, :-1], relations)
    # The new column is as far below the mean of the old ones as stated; a sigmoid starts at its prior.
    torch.testing.assert_close(more_entities[:, -1], entities[:, 1:].mean(dim=1) + BELOW_OLD_LABELS)
    if mode == "spert":
        torch.testing.assert_close(more_relations[:, -1], torch.full((len(pairs),), -3.0))
    else:
        torch.testing.assert_close(more_relations[:, -1], relations[:, 1:].mean(dim=1) + BELOW_OLD_LABELS)


@pytest.mark.parametrize("make_sgd", [lambda: Adam(0.01), lambda: make_adamw(0.01, use_averages=True)])
def test_added_entities_and_relations_are_learned_and_saved(make_sgd, trained, make_examples, annotations, tmp_path):
    nlp = trained("spert_mt", entity_threshold=0.5)
    spert_mt = nlp.get_pipe("spert_mt")
    for label, kind in (("robot", "entity"), ("planet", "entity"), ("orbits", "relation")):
        spert_mt.add_label(label, kind=kind)
    examples = make_examples(nlp, [*TEXTS, *NEW])
    keep_training(nlp, examples, make_sgd)
    assert spert_mt.label_data["constraints"]["orbits"] == [["robot", "planet", 1]]
    assert ["robot", "place", 1] in spert_mt.label_data["constraints"]["lives_in"]
    nlp.to_disk(tmp_path)
    for pipeline in (nlp, spacy.load(tmp_path)):
        for eg in examples[-2:]:
            assert annotations(pipeline(eg.reference.text)) == annotations(eg.reference)
    loaded = spacy.load(tmp_path).get_pipe("spert_mt")
    assert loaded.labels == spert_mt.labels and loaded.label_data == spert_mt.label_data
    assert not any(spert_mt.left_out.values())


@pytest.mark.parametrize("make_sgd", [lambda: Adam(0.01), lambda: make_adamw(0.01, use_averages=True)])
def test_a_label_can_be_added_in_the_middle_of_a_training(make_sgd, make_nlp, make_examples):
    """The optimizer has moments and averages in the old shapes."""
    nlp, sgd = make_nlp("spert_mt"), make_sgd()
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    for labels in ((), (("robot", "entity"), ("planet", "entity"), ("orbits", "relation"))):
        for label, kind in labels:
            nlp.get_pipe("spert_mt").add_label(label, kind=kind)
        for _ in range(3):
            nlp.update([*examples, *(make_examples(nlp, NEW) if labels else ())], sgd=sgd)
            sgd.step_schedules()
    with nlp.use_params(sgd.averages):
        nlp("Bo orbits Mars .")


def test_a_text_label_that_the_heads_read_is_added(trained, make_examples):
    nlp = trained("spert_mt", model={"see_cats": True})
    spert_mt = nlp.get_pipe("spert_mt")
    with pytest.warns(UserWarning, match=r"W813.*text label 'space'.*add_label\('space', kind='cat'\)"):
        nlp.update(make_examples(nlp, NEW[:1]))

    def predict(cats):
        doc = nlp.make_doc(TEXTS[0][0])
        doc.cats = cats
        return spert_mt(doc)

    before = predict({"people": 1.0})
    spert_mt.add_label("space", kind="cat")
    assert spert_mt.label_data["cats"] == ["people", "travel", "space"]
    assert_nearly_the_same(before, predict({"people": 1.0, "space": 1.0}))
    nlp.update(make_examples(nlp, NEW[:1]), sgd=Adam(0.1))
    weights = spert_mt._shim.module.entity_text.weight[:, -1]
    assert weights.abs().max() > 0


@pytest.mark.parametrize("kind", [None, "entities", "cat"])
def test_an_unknown_kind_of_label_is_refused(kind, trained):
    spert_mt = trained("spert_mt").get_pipe("spert_mt")
    with pytest.raises(ValueError, match=r"M814.*'robot'.*entity, relation"):
        spert_mt.add_label("robot", kind=kind)
    assert "robot" not in spert_mt.labels


@pytest.mark.parametrize("factory", ADDED)
def test_labels_are_added_after_initialization(factory, make_nlp):
    with pytest.raises(ValueError, match="M803"):
        make_nlp(factory).get_pipe(factory).add_label("robot")


@pytest.mark.parametrize("hidden_size", [0, 8])
@pytest.mark.parametrize("multi_label", [False, True])
def test_a_text_label_is_added_to_the_classifier(multi_label, hidden_size, trained, make_examples, tmp_path):
    nlp = trained("mre_textcat", multi_label=multi_label, model={"hidden_size": hidden_size}, loss_weight=1.0)
    textcat = nlp.get_pipe("mre_textcat")
    before = nlp(TEXTS[0][0]).cats
    assert textcat.add_label("space") == 1 and textcat.add_label("space") == 0
    after = nlp(TEXTS[0][0]).cats
    assert list(after) == ["people", "travel", "space"]
    if multi_label:
        assert {label: after[label] for label in before} == before and after["space"] == pytest.approx(0.0474, abs=1e-4)
    else:
        assert all((1 - SMALLEST) * before[label] <= after[label] <= before[label] + 1e-6 for label in before)
        assert after["space"] < SMALLEST
    keep_training(nlp, make_examples(nlp, [*TEXTS, *NEW]))
    nlp.to_disk(tmp_path)
    cats = spacy.load(tmp_path)("Bo orbits Mars .").cats
    assert max(cats, key=cats.get) == "space" and cats["space"] > 0.5
    assert cats == pytest.approx(nlp("Bo orbits Mars .").cats)


@pytest.mark.parametrize("heads, attention", [("per_type", "none"), ("per_type", "token"), ("shared", "none")])
def test_a_type_is_added_to_multi_ner(heads, attention, tmp_path):
    nlp = multi_ner.make_nlp(model={"heads": heads, "type_attention": attention})
    multi_ner.fit(nlp, steps=30)
    texts = [*multi_ner.TEXTS, ("Bo orbits Lima .", [(0, 1, "robot"), (2, 3, "place")])]
    multi_ner.change(nlp, one_type_per_span=False)
    before = [get_entities(nlp(nlp.make_doc(text))) for text, _ in texts]
    nlp.get_pipe("multi_ner").add_question("robot", "Find machines .")
    if attention == "none":
        after = [get_entities(nlp(nlp.make_doc(text))) for text, _ in texts]
        assert before == [[span for span in spans if span.label != "robot"] for spans in after]
        if heads == "per_type":
            assert before == after
    keep_training(nlp, multi_ner.make_examples(nlp, texts), lambda: make_adamw(0.01), steps=80)
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded.get_pipe("multi_ner").labels == (*multi_ner.QUESTIONS, "robot")
    assert multi_ner.overfits(nlp, texts[-1:]) and multi_ner.overfits(loaded, texts[-1:])


# Labels of a corpus


@pytest.mark.parametrize("factory", ADDED)
def test_the_labels_of_examples_are_added(factory, trained, make_examples):
    nlp = trained(factory)
    pipe = nlp.get_pipe(factory)
    assert pipe.add_labels_of(make_examples(nlp)) == []
    assert pipe.add_labels_of(make_examples(nlp, NEW)) == ADDED[factory]
    nlp.update(make_examples(nlp, NEW))
    assert not any(pipe.left_out.values())


def test_old_labels_need_no_file_of_questions(tmp_path):
    """A trained component has its questions. The file may be on another machine."""
    path = tmp_path / "questions.json"
    srsly.write_json(path, multi_ner.QUESTIONS)
    nlp = multi_ner.make_and_initialize(questions=str(path))
    path.unlink()
    examples = multi_ner.make_examples(nlp)
    assert nlp.get_pipe("multi_ner").add_labels_of(examples) == []


def test_limits_of_relations_grow_with_the_labels_of_examples(trained, make_examples):
    nlp = trained("spert_mt")
    pipe = nlp.get_pipe("spert_mt")
    assert pipe.options().max_distance == 30 and pipe.cfg["overlap"] == "flat_by_label"
    pipe.cfg["overlap"] = "flat"
    far = ("Bo " + "and " * 79 + "Mars .", [(0, 1, "robot"), (80, 81, "planet")], [(0, 1, "orbits")], None)
    nested = ("The moon of Mars", [(0, 4, "moon"), (3, 4, "planet")], [], None)
    pipe.add_labels_of(make_examples(nlp, [far, nested]))
    assert pipe.options().max_distance == 160 and pipe.options().overlap == "flat_by_label"
    assert pipe.options().constraints["orbits"] == [["robot", "planet"]]
    pipe.add_labels_of(make_examples(nlp, [("The port of Oslo", [(0, 4, "place"), (3, 4, "place")], [], None)]))
    assert pipe.options().overlap == "nested"
    pipe.add_labels_of(make_examples(nlp, [nested]))
    assert pipe.options().overlap == "nested"


def test_the_share_of_negatives_that_is_drawn_is_that_of_the_last_examples(trained, make_examples):
    nlp = trained("spert_mt")
    pipe = nlp.get_pipe("spert_mt")
    assert pipe.cfg["share_drawn"] == 1.0
    long = make_examples(nlp, [("Ida " + "and " * 399, [(0, 1, "person")], [], None)])
    assert pipe.add_labels_of(long) == []
    assert pipe.cfg["share_drawn"] == pytest.approx(100 / 3954)  # 400 + 399 + ... + 391 spans, one of them an entity
    pipe.add_labels_of(make_examples(nlp, [("Ida left", None, None, CATS)]))
    assert pipe.cfg["share_drawn"] == pytest.approx(100 / 3954)
    pipe.negatives = -1
    pipe.add_labels_of(long)
    assert pipe.cfg["share_drawn"] == 1.0


def test_questions_of_new_types_are_those_of_the_setting_or_made_from_the_label():
    nlp = multi_ner.make_and_initialize()
    pipe = nlp.get_pipe("multi_ner")
    pipe.questions = {**multi_ner.QUESTIONS, "robot": "Find machines ."}
    examples = multi_ner.make_examples(nlp, [("Bo saw Mars .", [(0, 1, "robot"), (2, 3, "red_planet")])])
    with pytest.warns(UserWarning, match=r"W833.*'multi_ner'.*labels red_planet,"):
        assert pipe.add_labels_of(examples) == ["red_planet", "robot"]
    assert pipe.label_data["robot"] == "Find machines ."
    assert pipe.label_data["red_planet"] == "Find every mention of the type red planet."


CONFIG = """
[paths]
train = null
old = null

[nlp]
lang = "en"
pipeline = ["spert_mt", "mre_textcat"]

[components]

[components.spert_mt]
source = ${paths.old}

[components.mre_textcat]
source = ${paths.old}

[corpora]

[corpora.train]
@readers = "spacy_mre.Corpus.v1"
path = ${paths.train}

[corpora.dev]
@readers = "spacy_mre.Corpus.v1"
path = ${paths.train}

[training]
seed = 0
gpu_allocator = null
max_steps = 40
eval_frequency = 40

[training.optimizer]
@optimizers = "spacy_mre.AdamW.v1"
learn_rate = 0.01
"""
CALLBACK = """
[initialize]

[initialize.before_init]
@callbacks = "spacy_mre.add_labels.v1"
corpus = ${corpora.train}
"""


@pytest.fixture(scope="module")
def corpus_and_pipeline(make_nlp, make_examples, settings_of, tmp_path_factory):
    """The files of a corpus with new labels and of a pipeline that lacks them."""
    folder = tmp_path_factory.mktemp("sourced")
    nlp = make_nlp("spert_mt")
    nlp.add_pipe("mre_textcat", config=settings_of("mre_textcat", loss_weight=1.0))
    nlp.initialize(lambda: make_examples(nlp))
    nlp.to_disk(folder / "old")
    save_docs([eg.reference for eg in make_examples(nlp, [*TEXTS, *NEW])], folder / "train.spacy")
    return {"paths.train": str(folder / "train.spacy"), "paths.old": str(folder / "old")}


def test_spacy_train_reports_new_labels_of_sourced_components(corpus_and_pipeline, tmp_path):
    (tmp_path / "config.cfg").write_text(CONFIG)
    with pytest.warns(UserWarning, match="W813") as caught:
        train(tmp_path / "config.cfg", tmp_path / "out", overrides={**corpus_and_pipeline, "training.max_steps": 1})
    messages = " ".join(unseen_warnings(caught))
    assert all(f"'{label}'" in messages for labels in ADDED.values() for label in labels)


def test_spacy_train_adds_new_labels_to_sourced_components(corpus_and_pipeline, annotations, recwarn, tmp_path):
    assert registry.callbacks.get("spacy_mre.add_labels.v1") is make_add_labels
    (tmp_path / "config.cfg").write_text(CONFIG + CALLBACK)
    train(tmp_path / "config.cfg", tmp_path / "out", overrides=corpus_and_pipeline)
    assert not unseen_warnings(recwarn)
    nlp = spacy.load(tmp_path / "out" / "model-last")
    doc = nlp("Bo orbits Mars .")
    assert annotations(doc) == ([(0, 1, "robot"), (2, 3, "planet")], [(0, 1, 2, 3, "orbits", "robot", "planet")])
    assert max(doc.cats, key=doc.cats.get) == "space"


TWO_COMPONENTS = CONFIG.replace('"spert_mt", "mre_textcat"', '"multi_ner", "slg"').replace("spert_mt", "multi_ner")


@pytest.mark.filterwarnings("ignore:.W930")
@pytest.mark.parametrize("callback", ["", CALLBACK])
def test_spacy_train_with_multi_ner_and_slg(callback, corpus_and_pipeline, make_examples, tmp_path):
    nlp = multi_ner.make_nlp()
    nlp.add_pipe("slg", config={"model": generative.MODELS["slg"]})
    nlp.initialize(lambda: make_examples(nlp))
    nlp.to_disk(tmp_path / "old")
    (tmp_path / "config.cfg").write_text(TWO_COMPONENTS.replace("mre_textcat", "slg") + callback)
    overrides = {**corpus_and_pipeline, "paths.old": str(tmp_path / "old"), "training.max_steps": 1}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train(tmp_path / "config.cfg", tmp_path / "out", overrides=overrides)
    reported = " ".join(unseen_warnings(caught))
    trained = spacy.load(tmp_path / "out" / "model-last")
    for name, label in (("multi_ner", "robot"), ("multi_ner", "planet"), ("slg", "robot"), ("slg", "space")):
        assert (label in trained.get_pipe(name).labels) == bool(callback)
        assert bool(re.search(f"'{name}' learns nothing from [^']*'{label}'", reported)) != bool(callback)


def test_frozen_and_new_components_get_no_labels(trained, make_examples, settings_of):
    nlp = trained("spert_mt")
    nlp.add_pipe("mre_textcat", config=settings_of("mre_textcat"))
    nlp.config["training"] = {
        **nlp.config["training"],
        "frozen_components": "${training.frozen}",
        "frozen": ["spert_mt"],
    }
    labels = nlp.get_pipe("spert_mt").labels
    make_add_labels(lambda nlp: make_examples(nlp, NEW))(nlp)
    assert nlp.get_pipe("spert_mt").labels == labels and nlp.get_pipe("mre_textcat").labels == ()
