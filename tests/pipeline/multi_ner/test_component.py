"""The component: it learns, keeps what it learned, and answers bad input with a number or a count."""

import gc
import json
import pickle
import warnings
import weakref

import pytest
import spacy
import torch
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed
from thinc.api import Adam
from thinc.config import ConfigValidationError

from spacy_mre.annotations.entities import get_entities, set_entities
from spacy_mre.annotations.relations import get_relations
from spacy_mre.evaluation.evaluate import evaluate_given
from spacy_mre.training.optimizer import make_adamw

QUESTIONS = {"person": "Find people .", "place": "Find towns and other places .", "site": "Find buildings and ports ."}
# Nested entities of two types, and of one: "the port of Oslo" with "Oslo", "the north of the town" with "the town".
TEXTS = [
    ("Ida lives in Lima .", [(0, 1, "person"), (3, 4, "place")]),
    ("A ferry left the port of Oslo for Lima .", [(3, 7, "site"), (6, 7, "place"), (8, 9, "place")]),
    ("Tom saw the north of the town .", [(0, 1, "person"), (2, 7, "place"), (5, 7, "place")]),
    ("It rained .", []),
]
RAW = ["Ida lives in Lima .", "", " \n ", "A ferry left the port of Oslo for Lima .", "Who is Tom ?"]
CNN = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "pretrained_vectors": None,
    "width": 32,
    "depth": 2,
    "embed_size": 500,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": False,
}
READER = {"@architectures": "spacy_mre.Tok2VecEncoder.v1", "tok2vec": CNN}
LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32, "upstream": "*"}
LATE = {
    "@architectures": "spacy_mre.LateInteraction.v1",
    "encoder": READER,
    "size": 16,
    "attention_heads": 2,
    "dropout": 0.0,
}
LISTENING = {
    **LATE,
    "encoder": {"@architectures": "spacy_mre.Tok2VecEncoder.v1", "tok2vec": LISTENER},
    "questions": READER,
}
CROSS_CNN = {"@architectures": "spacy_mre.CrossTok2Vec.v1", "tok2vec": CNN}


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory):
    """A random BERT of two layers, and a tokenizer that knows some words whole and all others by letter."""
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("spacy_transformers")
    folder = tmp_path_factory.mktemp("tiny_bert")
    letters = "abcdefghijklmnopqrstuvwxyz.?"
    words = ["ida", "lives", "in", "tom", "os", "##lo", "li", "##ma", "and", "the", "of", "find"]
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, *letters, *(f"##{letter}" for letter in letters)]
    (folder / "vocab.txt").write_text("\n".join(vocab))
    transformers.BertTokenizerFast(str(folder / "vocab.txt"), do_lower_case=True).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(vocab),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=96,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.1,
    )
    transformers.BertModel(config).save_pretrained(folder)
    return str(folder)


def transformer_model(name):
    return {
        "@architectures": "spacy-transformers.TransformerModel.v3",
        "name": name,
        "get_spans": {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 16, "stride": 12},
        "tokenizer_config": {"use_fast": True},
    }


def cross(name, **settings):
    return {"@architectures": "spacy_mre.CrossTransformer.v1", "transformer": transformer_model(name), **settings}


def settings_of(interaction=LATE, questions=QUESTIONS, model=None, **own):
    model = {
        "@architectures": "spacy_mre.MultiNER.v1",
        "interaction": interaction,
        "hidden_size": 16,
        "dropout": 0.0,
        **(model or {}),
    }
    return {"model": model, "questions": questions, **own}


def make_nlp(interaction=LATE, **settings):
    nlp = spacy.blank("en")
    nlp.add_pipe("multi_ner", config=settings_of(interaction, **settings))
    return nlp


def make_examples(nlp, texts=TEXTS):
    examples = []
    for words, entities in texts:
        gold = Doc(nlp.vocab, words=words.split())
        if entities is not None:
            set_entities(gold, [(*entity, 1.0) for entity in entities])
        examples.append(Example(Doc(nlp.vocab, words=words.split()), gold))
    return examples


def fit(nlp, steps=60, texts=TEXTS, sgd=None, **settings):
    examples = make_examples(nlp, texts)
    nlp.initialize(lambda: examples)
    sgd = sgd or Adam(0.01)
    losses = {}
    for _ in range(steps):
        losses = nlp.update(examples, sgd=sgd, **settings)
        sgd.step_schedules()
    return examples, losses


@pytest.fixture(scope="module")
def learned():
    """Trained by heart, with heads that all types share."""
    fix_random_seed(0)
    nlp = make_nlp(model={"heads": "shared"})
    fit(nlp, steps=80)
    return nlp


@pytest.fixture(autouse=True)
def one_thread_and_one_seed():
    torch.set_num_threads(1)
    fix_random_seed(0)


def found(doc):
    return [tuple(span[:3]) for span in get_entities(doc)]


def knows_by_heart(nlp, texts=TEXTS):
    return all(sorted(found(nlp(Doc(nlp.vocab, words=words.split())))) == sorted(entities) for words, entities in texts)


# It learns


@pytest.mark.parametrize(
    "type_attention, heads",
    [("none", "shared"), ("token", "per_type"), ("token", "shared"), ("full", "per_type"), ("released", "per_type")],
)
def test_learns_by_heart_with_late_interaction(type_attention, heads):
    nlp = make_nlp(model={"type_attention": type_attention, "heads": heads})
    fit(nlp, steps=70, sgd=make_adamw(0.01, head_learn_rate=0.003 if type_attention == "released" else 0.01))
    assert knows_by_heart(nlp)


def test_learns_by_heart_over_a_tok2vec_of_question_and_text():
    nlp = make_nlp(CROSS_CNN)
    fit(nlp)
    assert knows_by_heart(nlp)


@pytest.mark.parametrize("type_attention, heads", [("none", "shared"), ("token", "per_type")])
def test_learns_by_heart_over_a_transformer(type_attention, heads, tiny_bert):
    nlp = make_nlp(cross(tiny_bert), model={"type_attention": type_attention, "heads": heads})
    fit(nlp, steps=60, sgd=make_adamw(3e-3, head_learn_rate=1e-2))
    assert knows_by_heart(nlp)


def test_entities_are_written_with_scores(learned):
    doc = learned(TEXTS[1][0])
    assert [span.text for span in doc.spans["entities"]] == ["the port of Oslo", "Oslo", "Lima"]
    group = doc.spans["entities"]
    assert all(0.5 <= score <= 1.0 for score in group.attrs["scores"]) and set(group.attrs["sources"]) == {"multi_ner"}
    assert [ent.text for ent in doc.ents][-1] == "Lima" and len(doc.ents) == 2


def test_nested_entities_of_one_type_are_found_and_scored(learned):
    examples = make_examples(learned)
    assert learned.evaluate(examples)["spans_entities_f"] == 1.0
    doc = learned(TEXTS[2][0])
    assert [span.text for span in doc.spans["entities"] if span.label_ == "place"] == [
        "the north of the town",
        "the town",
    ]


def test_default_settings_work():
    nlp = spacy.blank("en")
    nlp.add_pipe("multi_ner")
    with pytest.warns(UserWarning, match="W831.*3 of the labels.*'Find every mention of the type person.'"):
        fit(nlp, steps=2)
    assert nlp.evaluate(make_examples(nlp))["spans_entities_f"] is not None


def test_the_loss_falls_over_all_weights(tiny_bert):
    nlp = make_nlp(cross(tiny_bert), model={"type_attention": "token"})
    examples, _ = fit(nlp, steps=0)
    pipe = nlp.get_pipe("multi_ner")
    module = pipe.model.get_ref("interaction").get_ref("encoder").transformer
    modules = {"encoder": module, "heads": pipe.model.get_ref("heads").shims[0].module}
    before = {
        (part, name): weight.detach().clone() for part, of in modules.items() for name, weight in of.named_parameters()
    }
    sgd = make_adamw(1e-3)
    losses = []
    for _ in range(10):
        losses.append(nlp.update(examples, sgd=sgd)["multi_ner"])
        sgd.step_schedules()
    assert losses[-1] < losses[0]
    still = {
        (part, name)
        for part, of in modules.items()
        for name, weight in of.named_parameters()
        if torch.equal(weight, before[part, name])
    }
    assert all("pooler" in name for _, name in still)


# Texts and batches


@pytest.mark.parametrize("interaction", ["late", "cross_cnn", "cross"])
def test_batches_do_not_matter(interaction, tiny_bert, monkeypatch):
    nlp = make_nlp({"late": LATE, "cross_cnn": CROSS_CNN, "cross": cross(tiny_bert, max_batch_items=100)}[interaction])
    fit(nlp, steps=3)
    nlp.get_pipe("multi_ner").cfg.update(
        boundary_threshold=0.01, span_threshold=0.1, overlap="any", one_type_per_span=False
    )
    alone = [nlp(text) for text in RAW]
    assert any(found(doc) for doc in alone)
    for vectors in (65536, 20):
        monkeypatch.setattr("spacy_mre.pipeline.multi_ner.model.MAX_VECTORS", vectors)
        for one, doc in zip(alone, nlp.pipe(RAW, batch_size=100)):
            assert found(doc) == found(one)
            assert list(doc.spans["entities"].attrs["scores"]) == pytest.approx(
                list(one.spans["entities"].attrs["scores"]), abs=1e-4
            )


def test_two_processes_find_what_one_finds(learned):
    one, two = (list(learned.pipe(RAW * 3, batch_size=2, n_process=n)) for n in (1, 2))
    assert [get_entities(doc) for doc in one] == [get_entities(doc) for doc in two]


@pytest.mark.filterwarnings("ignore:.*W802")
@pytest.mark.parametrize(
    "text", ["", " \n\t ", "Ida", "👩‍👩‍👧‍👦 Ida 🎉", "ﾄｳｷｮｳ Ｉｄａ", "Ida\x00in\u200b Lima\u202e", "x" * 600]
)
def test_odd_texts(text, tiny_bert):
    for interaction in (LATE, cross(tiny_bert)):
        nlp = make_nlp(interaction)
        fit(nlp, steps=1)
        nlp.get_pipe("multi_ner").cfg.update(boundary_threshold=0.0, span_threshold=0.0)
        doc = nlp(text)
        assert doc.text == text and "entities" in doc.spans
        assert all(span.text.strip() == span.text for span in doc.spans["entities"])


def test_a_text_that_is_longer_than_the_encoder_is_learned_to_its_end(tiny_bert):
    words, entities = TEXTS[0]
    many = range(0, 50, 5)
    text = (
        " ".join([words] * 10),
        [(start + first, end + first, label) for first in many for start, end, label in entities],
    )
    questions = {label: QUESTIONS[label] for label in ("person", "place")}
    interaction = cross(tiny_bert, max_length=48, overlap=10)  # of 60 pieces a window has room for 26
    nlp = make_nlp(interaction, questions=questions, overlap="flat", ends_per_start=1)
    fit(nlp, steps=50, texts=[text], sgd=make_adamw(3e-3, head_learn_rate=1e-2))
    assert knows_by_heart(nlp, [text]) and len(text[1]) == 20
    assert not nlp.get_pipe("multi_ner").left_out.total()


def test_documents_without_gold_teach_nothing():
    nlp = make_and_initialize()
    examples, unknown = make_examples(nlp), make_examples(nlp, [("Lima , Lima , Lima", None)])
    alone = nlp.update(examples, sgd=False)["multi_ner"]
    assert alone > 0.0
    assert nlp.update(unknown, sgd=False)["multi_ner"] == 0.0
    assert nlp.update([*examples, *unknown], sgd=False)["multi_ner"] == pytest.approx(alone)
    assert nlp.update([Example(nlp.make_doc(""), nlp.make_doc(""))], sgd=False)["multi_ner"] == 0.0


def make_and_initialize(**settings):
    nlp = make_nlp(**settings)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    return nlp


# A shared encoder, and other components


def make_shared(*factories, **settings):
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": CNN})
    nlp.add_pipe("multi_ner", config=settings_of(LISTENING, **settings))
    for factory in factories:
        model = {"@architectures": "spacy_mre.SpertMT.v1", "encoder": LISTENING["encoder"], "dropout": 0.0}
        nlp.add_pipe(factory, config={"model": model, "entities": "given"})
    return nlp


def test_the_text_may_be_read_by_the_shared_encoder():
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


def test_it_finds_the_entities_that_spert_mt_relates():
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
    scores = nlp.evaluate(make_examples(nlp))
    assert scores["spans_entities_f"] == 1.0
    # With gold entities given, this component stands aside.
    nlp.get_pipe("multi_ner").cfg.update(boundary_threshold=0.0, span_threshold=0.0, overlap="any")
    given = evaluate_given(nlp, examples)
    assert given["spans_entities_f"] == 1.0 and given["rel_strict_f"] == 1.0
    assert nlp.get_pipe("multi_ner").cfg["entities"] == "predict"


def test_spans_of_others_stay_and_its_own_are_replaced(learned):
    doc = learned.make_doc("Ida lives in Lima .")
    set_entities(doc, [(1, 2, "verb", 0.4)], source="somebody")
    first = get_entities(learned(doc))
    assert ("verb" in [span.label for span in first]) and len(first) == 3
    assert get_entities(learned(doc)) == first


def test_the_encoder_starts_from_the_weights_of_the_transformer(tiny_bert):
    nlp = spacy.blank("en")
    nlp.add_pipe("transformer", config={"model": transformer_model(tiny_bert)})
    nlp.get_pipe("transformer").model.initialize()
    with torch.no_grad():
        for weight in nlp.get_pipe("transformer").model.transformer.parameters():
            weight += 0.5
    nlp.add_pipe("multi_ner", config=settings_of(cross(tiny_bert), init_from="transformer"))
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    own = nlp.get_pipe("multi_ner").model.get_ref("interaction").get_ref("encoder").transformer
    theirs = nlp.get_pipe("transformer").model.transformer
    assert own is not theirs
    for name, weight in own.state_dict().items():
        assert torch.equal(weight, theirs.state_dict()[name]), name
    assert nlp.update(examples, sgd=make_adamw(1e-3))["multi_ner"] > 0


def test_a_tok2vec_starts_from_the_weights_of_the_tok2vec():
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": CNN})
    nlp.add_pipe("multi_ner", config=settings_of(CROSS_CNN, init_from="tok2vec"))
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    own = nlp.get_pipe("multi_ner").model.get_ref("interaction").get_ref("encoder")
    docs = [eg.x for eg in examples]
    for one, other in zip(own.predict(docs), nlp.get_pipe("tok2vec").model.predict(docs)):
        assert (one == other).all()


@pytest.mark.parametrize(
    "init_from, width, order, reason",
    [("tok3vec", 32, 1, "no such component"), ("tok2vec", 16, 1, "no encoder of the same architecture and width")],
)
def test_nothing_to_start_from(init_from, width, order, reason):
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": {**CNN, "width": width}})
    nlp.add_pipe("multi_ner", config=settings_of(CROSS_CNN, init_from=init_from))
    examples = make_examples(nlp)
    with pytest.raises(ValueError, match=f"M839.*{reason}"):
        nlp.initialize(lambda: examples)


def test_a_transformer_behind_it_is_nothing_to_start_from(tiny_bert):
    nlp = make_nlp(cross(tiny_bert), init_from="transformer")
    nlp.add_pipe("transformer", config={"model": transformer_model(tiny_bert)})
    examples = make_examples(nlp)
    with pytest.raises(ValueError, match="M839.*not initialised yet"):
        nlp.initialize(lambda: examples)


# Keeping what was learned


@pytest.mark.parametrize("interaction", ["late", "cross_cnn", "cross"])
def test_disk_and_bytes(interaction, tiny_bert, tmp_path):
    nlp = make_nlp({"late": LATE, "cross_cnn": CROSS_CNN, "cross": cross(tiny_bert)}[interaction])
    fit(nlp, steps=60, sgd=make_adamw(3e-3, head_learn_rate=1e-2, layer_learn_rate=1e-2))
    expected = [get_entities(doc) for doc in nlp.pipe(RAW)]
    assert any(expected)
    nlp.to_disk(tmp_path / "model")
    config = (tmp_path / "model" / "config.cfg").read_text()
    assert "spacy_mre.MultiNER.v1" in config
    loaded = spacy.load(tmp_path / "model")
    assert loaded.get_pipe("multi_ner").questions == QUESTIONS
    assert [get_entities(doc) for doc in loaded.pipe(RAW)] == expected
    again = spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert [get_entities(doc) for doc in again.pipe(RAW)] == expected
    again.resume_training()
    assert again.update(make_examples(again), sgd=make_adamw(1e-3))["multi_ner"] > 0


def test_a_trained_pipeline_does_not_read_its_question_file_again(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(QUESTIONS))
    nlp = make_nlp(questions=str(path))
    fit(nlp, steps=1)
    nlp.to_disk(tmp_path / "model")
    path.unlink()
    assert spacy.load(tmp_path / "model").get_pipe("multi_ner").questions == QUESTIONS


def test_pickle(learned):
    pipe = pickle.loads(pickle.dumps(learned.get_pipe("multi_ner")))
    assert [get_entities(doc) for doc in pipe.pipe(learned.make_doc(text) for text in RAW)] == [
        get_entities(doc) for doc in learned.pipe(RAW)
    ]


def test_averages_come_and_go():
    nlp = make_nlp()
    sgd = make_adamw(0.01, use_averages=True)
    fit(nlp, steps=30, sgd=sgd)
    nlp.get_pipe("multi_ner").cfg.update(boundary_threshold=0.01, span_threshold=0.01)
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
    gone = [weakref.ref(thing) for thing in (nlp, pipe, pipe.model.get_ref("heads").shims[0].module)]
    del nlp, pipe
    gc.collect()
    assert [ref() for ref in gone] == [None] * 3


# Questions and labels


def test_types_are_asked_for_in_the_order_of_the_questions():
    nlp = make_nlp(questions={"site": "Find sites .", "person": "Find people .", "place": "Find places ."})
    fit(nlp, steps=0)
    pipe = nlp.get_pipe("multi_ner")
    assert pipe.labels == ("site", "person", "place") and pipe.label_data == pipe.questions


def test_labels_from_label_data():
    nlp = make_nlp(questions=None)
    pipe = nlp.get_pipe("multi_ner")
    data = {"place": "Find places .", "person": "Find people ."}
    pipe.initialize(lambda: make_examples(nlp, [("nothing here", [])]), nlp=nlp, labels=data)
    assert pipe.label_data == data


def test_a_type_is_added_by_its_question(learned):
    nlp = make_nlp(model={"heads": "shared"}).from_bytes(learned.to_bytes())
    pipe = nlp.get_pipe("multi_ner")
    pipe.add_question("town", "Find towns and other places , please .")
    assert pipe.labels == (*QUESTIONS, "town")
    doc = nlp.make_doc("Ida lives in Lima .")
    pipe.cfg["one_type_per_span"] = False
    spans = get_entities(nlp(doc))
    assert len(spans) == len({span[:3] for span in spans})
    # It is a type as any other: trained on, it is found.
    texts = [("Ida lives in Lima .", [(0, 1, "person"), (3, 4, "town")]), ("Oslo fell .", [(0, 1, "town")])]
    examples, sgd = make_examples(nlp, texts), Adam(0.01)
    for _ in range(60):
        nlp.update(examples, sgd=sgd)
    assert knows_by_heart(nlp, texts)


def test_types_that_cannot_be_added(learned):
    pipe = make_nlp(model={"heads": "shared"}).from_bytes(learned.to_bytes()).get_pipe("multi_ner")
    with pytest.raises(ValueError, match="M842.*'place'"):
        pipe.add_question("place", "Find places !")
    with pytest.raises(ValueError, match="M835.*'person' and 'human'"):
        pipe.add_question("human", QUESTIONS["person"])
    with pytest.raises(ValueError, match="M836"):
        pipe.add_question("human", " ")
    assert pipe.questions == QUESTIONS
    with pytest.raises(ValueError, match="M837.*'human'.*per_type"):
        make_and_initialize().get_pipe("multi_ner").add_question("human", "Find humans .")
    with pytest.raises(ValueError, match="M803"):
        make_nlp(model={"heads": "shared"}).get_pipe("multi_ner").add_question("human", "Find humans .")
    with pytest.raises(NotImplementedError, match="M838.*add_question"):
        pipe.add_label("human")


@pytest.mark.parametrize(
    "questions, number",
    [
        ({"person": "Find people .", "place": "Find places ."}, "M831.*site"),
        ("genia", "M832.*genia.*DNA.*person"),
        ("nowhere.json", "M830.*nowhere.json"),
        ({**QUESTIONS, "site": ""}, "M836.*'site'"),
        ({**QUESTIONS, "site": QUESTIONS["place"]}, "M835.*'place' and 'site'"),
    ],
)
def test_questions_that_do_not_belong_to_the_data(questions, number):
    with pytest.raises(ValueError, match=number):
        make_and_initialize(questions=questions)


def test_a_question_that_is_longer_than_the_encoder(tiny_bert):
    with pytest.raises(ValueError, match="M833.*Find people"):
        make_and_initialize(interaction=cross(tiny_bert), questions={**QUESTIONS, "person": "Find people . " * 30})


def test_questions_without_data_are_left_out_and_named():
    with pytest.warns(UserWarning, match="W832.*1 questions.*river"):
        nlp = make_and_initialize(questions={"river": "Find rivers .", **QUESTIONS})
    assert nlp.get_pipe("multi_ner").labels == tuple(QUESTIONS)


def test_no_types():
    nlp = make_nlp()
    with pytest.raises(ValueError, match="M834"):
        nlp.initialize(lambda: make_examples(nlp, [("It rained .", [])]))


def test_what_cannot_be_learned_is_reported():
    nlp = make_nlp()
    (eg,) = make_examples(
        nlp, [("Ida lives in Lima .", [(0, 1, "person"), (0, 1, "site"), (3, 4, "place"), (2, 4, "place")])]
    )
    joined = Example(Doc(nlp.vocab, words=["Ida", "lives", "in Lima", "."]), eg.reference)
    with pytest.warns(
        UserWarning,
        match="W801.*4 mentions.*off the token grid \\(as Lima\\).*second type of a span \\(as Ida: site\\)",
    ):
        nlp.initialize(lambda: [joined])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp = make_nlp(one_type_per_span=False)
        nlp.initialize(lambda: [eg])


def test_several_types_of_a_span():
    texts = [("Ida lives in Lima .", [(0, 1, "person"), (0, 1, "site"), (3, 4, "place")])]
    nlp = make_nlp(one_type_per_span=False)
    fit(nlp, texts=texts)
    assert knows_by_heart(nlp, texts)
    nlp.get_pipe("multi_ner").cfg["one_type_per_span"] = True
    assert len(nlp(texts[0][0]).spans["entities"]) == 2


@pytest.mark.parametrize("flat_texts, policy", [(0, "nested"), (9, "nested"), (10, "flat")])
def test_overlaps_are_decided_as_in_the_training_data(flat_texts, policy):
    texts = [("the port of Oslo", [(0, 4, "site"), (3, 4, "place")])] + [
        ("Ida left Lima", [(0, 1, "person"), (2, 3, "place")])
    ] * flat_texts
    nlp = make_nlp()
    nlp.initialize(lambda: make_examples(nlp, texts))
    multi_ner = nlp.get_pipe("multi_ner")
    assert multi_ner.cfg["overlap"] == "learned" and multi_ner.overlap == multi_ner._request().overlap == policy
    multi_ner.cfg["overlap"] = "any"
    assert multi_ner.overlap == "any"


# Settings


@pytest.mark.parametrize(
    "settings",
    [
        {"overlap": "flatt"},
        {"entities": "gold"},
        {"ends_per_start": 0},
        {"model": {"heads": "own"}},
        {"model": {"type_attention": "tokens"}},
    ],
)
def test_an_unknown_value_is_named(settings):
    with pytest.raises(ValueError, match="M001"):
        make_nlp(**settings)


@pytest.mark.parametrize("settings", [{"threshold": 0.5}, {"model": {"head": "shared"}}])
def test_a_misspelt_key_is_named(settings):
    with pytest.raises(ConfigValidationError, match="threshold|head"):
        make_nlp(**settings)


def test_not_initialised():
    nlp = make_nlp()
    with pytest.raises(ValueError, match="M803"):
        nlp("Ida")
    with pytest.raises(NotImplementedError, match="M801"):
        nlp = make_and_initialize()
        nlp.get_pipe("multi_ner").model.begin_update(([], None))


def test_thresholds_are_read_at_prediction_time(learned):
    nlp = make_nlp(model={"heads": "shared"}).from_bytes(learned.to_bytes())
    cfg = nlp.get_pipe("multi_ner").cfg
    assert found(nlp(RAW[0]))
    cfg["span_threshold"] = 1.0
    assert not found(nlp(RAW[0]))
    cfg.update(span_threshold=0.0, boundary_threshold=0.0, overlap="any", one_type_per_span=False)
    assert len(found(nlp("Ida lives in Lima ."))) == 3 * 5 * 6 / 2
    cfg["ends_per_start"] = 2
    with pytest.warns(UserWarning, match="W802.*18 pairs of a start and an end beyond ends_per_start"):
        assert len(found(nlp("Ida lives in Lima ."))) == 3 * (5 + 4)
    nlp("Ida lives in Lima .")
    assert nlp.get_pipe("multi_ner").left_out == {
        "pairs of a start and an end beyond ends_per_start": 36,
        "tokens that the encoder does not see": 0,
    }


def test_flat_entities(learned):
    nlp = make_nlp(model={"heads": "shared"}).from_bytes(learned.to_bytes())
    nlp.get_pipe("multi_ner").cfg["overlap"] = "flat"
    for text in RAW:
        doc = nlp(text)
        assert [(ent.start, ent.end) for ent in doc.ents] == [(span.start, span.end) for span in doc.spans["entities"]]
    assert len(nlp(RAW[3]).ents) == 2


def test_tokens_without_pieces_are_counted(tiny_bert):
    nlp = make_nlp(cross(tiny_bert))
    fit(nlp, steps=1)
    with pytest.warns(UserWarning, match="W802.*1 tokens that the encoder does not see"):
        nlp("Ida \u200b lives")


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


@pytest.mark.parametrize("type_attention", ["none", "released"])
def test_no_weights_to_show(type_attention):
    nlp = make_and_initialize(model={"type_attention": type_attention})
    with pytest.raises(ValueError, match=f"M841.*{type_attention}"):
        nlp.get_pipe("multi_ner").type_attention([nlp.make_doc("Ida")])
