"""The component overfits, saves what it learned, and reports bad input."""

import copy
import gc
import json
import pickle
import warnings
import weakref
from contextlib import nullcontext

import pytest
import spacy
import torch
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Adam

from spacy_mre.annotations.entities import get_entities, set_entities
from spacy_mre.annotations.relations import get_relations, make_relation, set_relations
from spacy_mre.evaluation.evaluate import evaluate_given
from spacy_mre.training.optimizer import make_adamw
from tests.pipeline.multi_ner.pipelines import (
    CROSS_CNN,
    LATE,
    QUESTIONS,
    RAW,
    TEXTS,
    change,
    cross,
    drop_snowmen,
    fit,
    found,
    make_and_initialize,
    make_examples,
    make_interaction,
    make_nlp,
    make_shared,
    overfits,
)

# Training


@pytest.mark.parametrize(
    "type_attention, heads", [("none", "shared"), ("token", "per_type"), ("token", "shared"), ("full", "per_type")]
)
def test_late_interaction_overfits(type_attention, heads):
    nlp = make_nlp(model={"type_attention": type_attention, "heads": heads})
    fit(nlp, steps=70, sgd=make_adamw(0.01))
    assert overfits(nlp)


def test_a_tok2vec_of_question_and_text_overfits():
    nlp = make_nlp(CROSS_CNN)
    fit(nlp)
    assert overfits(nlp)


@pytest.mark.parametrize("type_attention, heads", [("none", "shared"), ("token", "per_type")])
def test_a_transformer_of_question_and_text_overfits(type_attention, heads, tiny_bert):
    nlp = make_nlp(cross(tiny_bert), model={"type_attention": type_attention, "heads": heads})
    fit(nlp, steps=60, sgd=make_adamw(3e-3, head_learn_rate=1e-2))
    assert overfits(nlp)


def test_entities_are_written_with_scores(trained):
    doc = trained(TEXTS[1][0])
    group = doc.spans["entities"]
    assert [span.text for span in group] == ["the port of Oslo", "Oslo", "Lima"]
    assert all(0.5 <= score <= 1.0 for score in group.attrs["scores"]) and set(group.attrs["sources"]) == {"multi_ner"}
    assert [ent.text for ent in doc.ents][-1] == "Lima" and len(doc.ents) == 2


class WhiteSpace:
    """A tokenizer that is not spaCy's own, whose Docs of questions are kept."""

    def __init__(self, vocab, characters=False):
        self.vocab, self.characters, self.texts = vocab, characters, []

    def __call__(self, text):
        self.texts.append(text)
        spaces = None if not self.characters else [False] * len(text)
        return Doc(self.vocab, words=list(text) if self.characters else text.split(), spaces=spaces)


def test_questions_do_not_outlive_a_memory_zone(copy_of_trained):
    nlp, found = copy_of_trained, []
    pipe = nlp.get_pipe("multi_ner")
    nlp.tokenizer = WhiteSpace(nlp.vocab)
    for zone in (nullcontext(), nlp.memory_zone(), nlp.memory_zone()):
        pipe._question_docs = (None, {})
        with zone:
            doc = nlp(TEXTS[1][0])
            found.append([span.text for span in doc.spans["entities"]])
            assert bool(pipe._question_docs[1]) == (not nlp.vocab.in_memory_zone)
    assert found == [["the port of Oslo", "Oslo", "Lima"]] * 3


@pytest.mark.parametrize("copied", [lambda nlp: nlp, copy.deepcopy, lambda nlp: pickle.loads(pickle.dumps(nlp))])
def test_questions_are_cut_by_the_tokenizer_that_the_pipeline_has_now(copied, copy_of_trained):
    nlp = copied(copy_of_trained)
    pipe = nlp.get_pipe("multi_ner")
    words = [[token.text for token in question] for question in pipe.options().questions]
    assert words == [question.split() for question in QUESTIONS.values()]
    nlp.tokenizer.add_special_case("Find", [{"ORTH": "Fi"}, {"ORTH": "nd"}])  # changes the tokenizer that is there
    assert [question[0].text for question in pipe.options().questions] == ["Fi"] * 3
    for tokenizer in (WhiteSpace(nlp.vocab, characters=True), WhiteSpace(nlp.vocab)):
        nlp.tokenizer = tokenizer
        for _ in range(2):
            found = [[token.text for token in question] for question in pipe.options().questions]
            assert found == [list(q) if tokenizer.characters else q.split() for q in QUESTIONS.values()]
        assert tokenizer.texts == list(QUESTIONS.values())  # cut once


def test_question_vectors_are_those_of_the_present_tokens(copy_of_trained):
    nlp = copy_of_trained
    nlp(TEXTS[1][0])
    cached = nlp.get_pipe("multi_ner").model.get_ref("interaction").get_ref("cross").shims[0].module
    before = cached.cached
    nlp(TEXTS[1][0])
    assert cached.cached is before  # the same tokens are read once
    nlp.tokenizer = WhiteSpace(nlp.vocab, characters=True)
    nlp.get_pipe("multi_ner")(Doc(nlp.vocab, words=TEXTS[1][0].split()))
    assert cached.cached[2].tolist() == [len(question) for question in QUESTIONS.values()]


def test_nested_entities_of_one_type_are_predicted_and_scored(trained):
    examples = make_examples(trained)
    assert trained.evaluate(examples)["spans_entities_f"] == 1.0
    doc = trained(TEXTS[2][0])
    places = [span.text for span in doc.spans["entities"] if span.label_ == "place"]
    assert places == ["the north of the town", "the town"]


def test_the_loss_falls_and_all_weights_change(tiny_bert):
    nlp = make_nlp(cross(tiny_bert), model={"type_attention": "token"})
    examples, _ = fit(nlp, steps=0)
    pipe = nlp.get_pipe("multi_ner")
    transformer = pipe.model.get_ref("interaction").get_ref("encoder").transformer
    modules = {"encoder": transformer, "heads": pipe.model.get_ref("heads").shims[0].module}
    before = {
        (part, name): weight.detach().clone()
        for part, module in modules.items()
        for name, weight in module.named_parameters()
    }
    sgd = make_adamw(1e-3)
    losses = []
    for _ in range(10):
        losses.append(nlp.update(examples, sgd=sgd)["multi_ner"])
        sgd.step_schedules()
    assert losses[-1] < losses[0]
    unchanged = {
        (part, name)
        for part, module in modules.items()
        for name, weight in module.named_parameters()
        if torch.equal(weight, before[part, name])
    }
    assert all("pooler" in name for _, name in unchanged)


def test_documents_without_gold_are_skipped():
    nlp = make_and_initialize()
    examples, unknown = make_examples(nlp), make_examples(nlp, [("Lima , Lima , Lima", None)])
    alone = nlp.update(examples, sgd=False)["multi_ner"]
    assert alone > 0.0
    assert nlp.update(unknown, sgd=False)["multi_ner"] == 0.0
    assert nlp.update([*examples, *unknown], sgd=False)["multi_ner"] == pytest.approx(alone)
    assert nlp.update([Example(nlp.make_doc(""), nlp.make_doc(""))], sgd=False)["multi_ner"] == 0.0


# Texts and batches


@pytest.mark.parametrize("kind", ["late", "cross_cnn", "cross"])
def test_predictions_do_not_depend_on_batches(kind, tiny_bert, monkeypatch):
    nlp = make_nlp(make_interaction(kind, tiny_bert, max_batch_items=100))
    fit(nlp, steps=3)
    change(nlp, boundary_threshold=0.01, span_threshold=0.1, overlap="any", one_type_per_span=False)
    alone = [nlp(text) for text in RAW]
    assert any(found(doc) for doc in alone)
    for vectors in (65536, 20):
        monkeypatch.setattr("spacy_mre.pipeline.multi_ner.model.MAX_VECTORS", vectors)
        for one, doc in zip(alone, nlp.pipe(RAW, batch_size=100)):
            assert found(doc) == found(one)
            scores = list(one.spans["entities"].attrs["scores"])
            assert list(doc.spans["entities"].attrs["scores"]) == pytest.approx(scores, abs=1e-4)


def test_two_processes_predict_what_one_does(trained):
    one, two = (list(trained.pipe(RAW * 3, batch_size=2, n_process=n)) for n in (1, 2))
    assert [get_entities(doc) for doc in one] == [get_entities(doc) for doc in two]


@pytest.mark.filterwarnings("ignore:.*W802")
@pytest.mark.parametrize(
    "text", ["", " \n\t ", "Ida", "👩‍👩‍👧‍👦 Ida 🎉", "ﾄｳｷｮｳ Ｉｄａ", "Ida\x00in\u200b Lima\u202e", "x" * 600]
)
def test_odd_texts(text, tiny_bert):
    for interaction in (LATE, cross(tiny_bert)):
        nlp = make_nlp(interaction)
        fit(nlp, steps=1)
        change(nlp, boundary_threshold=0.0, span_threshold=0.0)
        doc = nlp(text)
        assert doc.text == text and "entities" in doc.spans
        assert all(span.text.strip() == span.text for span in doc.spans["entities"])


def test_entities_beyond_the_length_of_the_encoder_are_learned(tiny_bert):
    words, entities = TEXTS[0]
    entities = [(start + first, end + first, label) for first in range(0, 50, 5) for start, end, label in entities]
    text = (" ".join([words] * 10), entities)
    questions = {label: QUESTIONS[label] for label in ("person", "place")}
    interaction = cross(tiny_bert, max_length=48, overlap=10)  # the text has 60 pieces, a window has room for 26
    nlp = make_nlp(interaction, questions=questions, overlap="flat", ends_per_start=1)
    fit(nlp, steps=50, texts=[text], sgd=make_adamw(3e-3, head_learn_rate=1e-2))
    assert overfits(nlp, [text]) and len(entities) == 20
    assert not nlp.get_pipe("multi_ner").left_out.total()


def test_tokens_without_pieces_are_counted(tiny_bert):
    nlp = make_nlp(cross(tiny_bert))
    fit(nlp, steps=1)
    drop_snowmen(nlp.get_pipe("multi_ner").model.get_ref("interaction").get_ref("encoder").tokenizer)
    with pytest.warns(UserWarning, match=r"W802.*1 tokens without wordpieces"):
        nlp("Ida ☃ lives \u200b")


# A shared encoder, and other components


def test_a_shared_encoder_may_read_the_text():
    nlp = make_shared()
    examples, _ = fit(nlp, steps=0)
    assert nlp.get_pipe("tok2vec").listening_components == ["multi_ner"]
    before = nlp.get_pipe("tok2vec").model.to_bytes()
    losses = []
    sgd = Adam(0.01)
    for _ in range(80):
        losses.append(nlp.update(examples, sgd=sgd)["multi_ner"])
    assert nlp.get_pipe("tok2vec").model.to_bytes() != before and losses[-1] < losses[0] / 10
    assert all(found(nlp(words)) == sorted(entities, key=lambda span: (span[0], -span[1])) for words, entities in TEXTS)


def test_spert_mt_relates_its_entities():
    nlp = make_shared("spert_mt")
    examples = make_examples(nlp)
    for eg in examples:
        eg.reference._.relations = []
    lives = {
        "head": [0, 1],
        "tail": [3, 4],
        "head_label": "person",
        "tail_label": "place",
        "label": "lives_in",
        "score": 1.0,
    }
    examples[0].reference._.relations = [lives]
    nlp.initialize(lambda: examples)
    sgd = Adam(0.01)
    for _ in range(100):
        nlp.update(examples, sgd=sgd, annotates=["tok2vec", "multi_ner"])
    doc = nlp(TEXTS[0][0])
    assert found(doc) == TEXTS[0][1]
    assert [{**relation, "score": 1.0} for relation in get_relations(doc)] == [lives]
    assert nlp.evaluate(make_examples(nlp))["spans_entities_f"] == 1.0
    # In an evaluation with given entities it predicts none.
    change(nlp, boundary_threshold=0.0, span_threshold=0.0, overlap="any")
    given = evaluate_given(nlp, examples)
    assert given["spans_entities_f"] == 1.0 and given["rel_strict_f"] == 1.0
    assert nlp.get_pipe("multi_ner").entities == "predict"


def test_given_entities_are_kept(copy_of_trained):
    change(copy_of_trained, entities="given", boundary_threshold=0.0, span_threshold=0.0, overlap="any")
    doc = copy_of_trained.make_doc("Ida lives in Lima .")
    set_entities(doc, [(1, 2, "verb", 1.0)])
    assert found(copy_of_trained(doc)) == [(1, 2, "verb")]


def test_entities_of_others_are_kept_and_its_own_are_replaced(trained):
    doc = trained.make_doc("Ida lives in Lima .")
    set_entities(doc, [(1, 2, "verb", 0.4)], source="somebody")
    first = get_entities(trained(doc))
    assert ("verb" in [span.label for span in first]) and len(first) == 3
    assert get_entities(trained(doc)) == first


# Saving


@pytest.mark.parametrize("kind", ["late", "cross_cnn", "cross"])
def test_disk_and_bytes(kind, tiny_bert, tmp_path):
    nlp = make_nlp(make_interaction(kind, tiny_bert))
    fit(nlp, steps=60, sgd=make_adamw(3e-3, head_learn_rate=1e-2, layer_learn_rate=1e-2))
    expected = [get_entities(doc) for doc in nlp.pipe(RAW)]
    assert any(expected)
    nlp.to_disk(tmp_path / "model")
    loaded = spacy.load(tmp_path / "model")
    assert loaded.get_pipe("multi_ner").label_data == QUESTIONS
    assert [get_entities(doc) for doc in loaded.pipe(RAW)] == expected
    again = spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert [get_entities(doc) for doc in again.pipe(RAW)] == expected
    again.resume_training()
    assert again.update(make_examples(again), sgd=make_adamw(1e-3))["multi_ner"] > 0


def test_a_trained_pipeline_contains_its_questions(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(QUESTIONS))
    nlp = make_nlp(questions=str(path))
    fit(nlp, steps=1)
    nlp.to_disk(tmp_path / "model")
    path.unlink()
    assert spacy.load(tmp_path / "model").get_pipe("multi_ner").label_data == QUESTIONS


def test_pickle(trained):
    pipe = pickle.loads(pickle.dumps(trained.get_pipe("multi_ner")))
    expected = [get_entities(doc) for doc in trained.pipe(RAW)]
    assert [get_entities(doc) for doc in pipe.pipe(trained.make_doc(text) for text in RAW)] == expected


def test_averages_are_used_within_their_context_only():
    nlp = make_nlp()
    sgd = make_adamw(0.01, use_averages=True)
    fit(nlp, steps=30, sgd=sgd)
    change(nlp, boundary_threshold=0.01, span_threshold=0.01)
    before = [get_entities(doc) for doc in nlp.pipe(RAW)]
    with nlp.use_params(sgd.averages):
        averaged = [get_entities(doc) for doc in nlp.pipe(RAW)]
    assert averaged != before
    assert [get_entities(doc) for doc in nlp.pipe(RAW)] == before


def test_no_cycle_keeps_a_pipeline_alive():
    nlp = make_nlp()
    fit(nlp, steps=2)
    nlp("Ida")
    pipe = nlp.get_pipe("multi_ner")
    references = [weakref.ref(thing) for thing in (nlp, pipe, pipe.model.get_ref("heads").shims[0].module)]
    del nlp, pipe
    gc.collect()
    assert [reference() for reference in references] == [None] * 3


# Labels


def test_labels_have_the_order_of_the_questions():
    questions = {"site": "Find sites .", "person": "Find people .", "place": "Find places ."}
    pipe = make_and_initialize(questions=questions).get_pipe("multi_ner")
    assert pipe.labels == ("site", "person", "place") and pipe.label_data == pipe.questions == questions


def test_labels_from_label_data():
    nlp = make_nlp(questions=None)
    pipe = nlp.get_pipe("multi_ner")
    data = {"place": "Find places .", "person": "Find people ."}
    pipe.initialize(lambda: make_examples(nlp, [("nothing here", [])]), nlp=nlp, labels=data)
    assert pipe.label_data == data


def test_a_type_is_added_by_its_question(copy_of_trained):
    nlp = copy_of_trained
    pipe = nlp.get_pipe("multi_ner")
    pipe.add_question("town", "Find towns and other places , please .")
    assert pipe.labels == (*QUESTIONS, "town")
    change(nlp, one_type_per_span=False)
    spans = get_entities(nlp(nlp.make_doc("Ida lives in Lima .")))
    assert len(spans) == len({span[:3] for span in spans})
    # It can be trained like any other type.
    texts = [("Ida lives in Lima .", [(0, 1, "person"), (3, 4, "town")]), ("Oslo fell .", [(0, 1, "town")])]
    examples, sgd = make_examples(nlp, texts), Adam(0.01)
    for _ in range(60):
        nlp.update(examples, sgd=sgd)
    assert overfits(nlp, texts)


def test_types_that_cannot_be_added(copy_of_trained):
    pipe = copy_of_trained.get_pipe("multi_ner")
    with pytest.raises(ValueError, match=r"M842.*'place'"):
        pipe.add_question("place", "Find places !")
    with pytest.raises(ValueError, match=r"M835.*'person' and 'human'"):
        pipe.add_question("human", QUESTIONS["person"])
    with pytest.raises(ValueError, match="M836"):
        pipe.add_question("human", " ")
    assert pipe.label_data == QUESTIONS
    with pytest.raises(ValueError, match="M803"):
        make_nlp(model={"heads": "shared"}).get_pipe("multi_ner").add_question("human", "Find humans .")
    with pytest.raises(NotImplementedError, match=r"M838.*add_question"):
        pipe.add_label("human")


@pytest.mark.parametrize(
    "questions, number",
    [
        ({"person": "Find people .", "place": "Find places ."}, r"M831.*site"),
        ("genia", r"M832.*genia.*DNA.*person.*--components\.multi_ner\.questions"),
        ("nowhere.json", r"M830.*nowhere.json"),
        ({**QUESTIONS, "site": ""}, r"M836.*'site'"),
        ({**QUESTIONS, "site": QUESTIONS["place"]}, r"M835.*'place' and 'site'"),
    ],
)
def test_questions_that_do_not_fit_the_data(questions, number):
    with pytest.raises(ValueError, match=number):
        make_and_initialize(questions=questions)


def test_a_question_that_is_longer_than_the_encoder(tiny_bert):
    with pytest.raises(ValueError, match=r"M833.*Find people"):
        make_and_initialize(interaction=cross(tiny_bert), questions={**QUESTIONS, "person": "Find people . " * 30})


def test_questions_without_data_are_ignored_and_reported():
    with pytest.warns(UserWarning, match=r"W832.*1 questions.*river"):
        nlp = make_and_initialize(questions={"river": "Find rivers .", **QUESTIONS})
    assert nlp.get_pipe("multi_ner").labels == tuple(QUESTIONS)


def test_no_types():
    nlp = make_nlp()
    with pytest.raises(ValueError, match="M834"):
        nlp.initialize(lambda: make_examples(nlp, [("It rained .", [])]))


def test_labels_unseen_at_initialization_are_reported_in_training():
    nlp = make_and_initialize()
    with pytest.warns(UserWarning, match=r"\[W813\].*'robot'"):
        nlp.update(make_examples(nlp, [("Ida met Bo", [(0, 1, "person"), (2, 3, "robot")])]))
    assert nlp.get_pipe("multi_ner").left_out["entity 'robot' unseen at initialization"] == 1


def test_gold_without_wordpieces_is_reported_in_training(tiny_bert):
    nlp = make_nlp(cross(tiny_bert))
    examples = make_examples(nlp, [*TEXTS, ("Ida \u200b Tom", [(0, 2, "person"), (2, 3, "person")])])
    nlp.initialize(lambda: examples)
    with pytest.warns(UserWarning, match="W803.*1 x entity with a boundary token that has no wordpieces") as caught:
        for _ in range(2):
            nlp.update(examples)
    assert len([warning for warning in caught if "W803" in str(warning.message)]) == 1
    left_out = nlp.get_pipe("multi_ner").left_out
    assert left_out["entity with a boundary token that has no wordpieces in training"] == 2


def test_documents_that_are_annotated_in_part_are_reported():
    nlp = make_nlp()
    with pytest.warns(UserWarning, match="W030"):  # spaCy: "ma" is no token, so nothing is known of "Lima"
        entities = {"entities": [(0, 3, "person"), (15, 17, "place")]}
        example = Example.from_dict(nlp.make_doc("Ida lives in Lima"), entities)
    with pytest.warns(UserWarning, match=r"W804.*'multi_ner' reads 1 of the 5 documents"):
        nlp.initialize(lambda: [*make_examples(nlp), example])


def test_only_lost_entities_are_reported_in_training():
    nlp = make_and_initialize()
    (eg,) = make_examples(nlp, [("Ida lives in Li ma .", [(0, 1, "person"), (4, 5, "place")])])
    set_relations(eg.reference, [make_relation((0, 1), (4, 5), "lives_in")])
    example = Example(Doc(nlp.vocab, words=["Ida", "lives", "in", "Lima", "."]), eg.reference)
    with pytest.warns(UserWarning, match="W803.*1 x entity off the token grid in training"):
        nlp.update([example])
    assert nlp.get_pipe("multi_ner").left_out == {"entity off the token grid in training": 1}


def test_gold_that_cannot_be_learned_is_reported():
    nlp = make_nlp()
    (eg,) = make_examples(
        nlp, [("Ida lives in Lima .", [(0, 1, "person"), (0, 1, "site"), (3, 4, "place"), (2, 4, "place")])]
    )
    joined = Example(Doc(nlp.vocab, words=["Ida", "lives", "in Lima", "."]), eg.reference)
    expected = r"W801.*4 mentions.*off the token grid \(as Lima\).*second type of a span \(as Ida: site\)"
    with pytest.warns(UserWarning, match=expected):
        nlp.initialize(lambda: [joined])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp = make_nlp(one_type_per_span=False)
        nlp.initialize(lambda: [eg])


@pytest.mark.filterwarnings("ignore:.*W832")
@pytest.mark.parametrize(
    "label, flat_texts, policy",
    [("place", 0, "nested"), ("place", 9, "nested"), ("place", 10, "flat"), ("site", 9, "flat_by_label")],
)
def test_the_overlap_is_learned_from_the_training_data(label, flat_texts, policy):
    nested = ("the port of Oslo", [(0, 4, label), (3, 4, "place")])
    flat = ("Ida left Lima", [(0, 1, "person"), (2, 3, "place")])
    nlp = make_nlp()
    nlp.initialize(lambda: make_examples(nlp, [nested] + [flat] * flat_texts))
    multi_ner = nlp.get_pipe("multi_ner")
    assert multi_ner.overlap == "learned" and multi_ner.options().overlap == policy
    multi_ner.overlap = "any"
    assert multi_ner.options().overlap == "any"


def test_not_initialized():
    nlp = make_nlp()
    with pytest.raises(ValueError, match="M803"):
        nlp("Ida")
    nlp = make_and_initialize()
    with pytest.raises(NotImplementedError, match="M801"):
        nlp.get_pipe("multi_ner").model.begin_update(([], None))


# Attention between types


@pytest.mark.parametrize("type_attention", ["token", "full"])
def test_attention_between_types(type_attention, monkeypatch):
    nlp = make_and_initialize(model={"type_attention": type_attention})
    pipe = nlp.get_pipe("multi_ner")
    docs = [nlp.make_doc(text) for text in RAW]
    weights = pipe.type_attention(docs)
    assert weights.shape == (3, 3) and weights.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    monkeypatch.setattr("spacy_mre.pipeline.multi_ner.model.MAX_VECTORS", 20)
    assert pipe.type_attention(docs) == pytest.approx(weights, abs=1e-5)
    with pytest.raises(ValueError, match="M843"):
        pipe.type_attention([nlp.make_doc("")])


def test_no_attention_between_types():
    nlp = make_and_initialize(model={"type_attention": "none"})
    with pytest.raises(ValueError, match="M841"):
        nlp.get_pipe("multi_ner").type_attention([nlp.make_doc("Ida")])
