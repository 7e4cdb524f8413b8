import gc
import json
import pickle
import re
import shutil
import warnings
import weakref
from itertools import product
from pathlib import Path

import pytest
import spacy
import torch
from confection import ConfigValidationError
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed, load_config

from spacy_mre.annotations.entities import get_entities
from spacy_mre.annotations.relations import get_relations
from spacy_mre.pipeline.generative.language_model import LanguageModel
from spacy_mre.training.optimizer import make_adamw

# Text, entities, text label. A name with delimiters, one that occurs twice, a nested one, and a text without any.
TEXTS = [
    ("play Foo Bar by Ida", [(1, 3, "album"), (4, 5, "artist")], "music"),
    ("book Lima at the port of Lima", [(1, 2, "place"), (4, 7, "site"), (6, 7, "place")], "travel"),
    ("is it cold in Oslo", [(4, 5, "place")], "weather"),
    ("it rains", [], "weather"),
    ("add a:b;c<d>/e", [(1, 2, "album")], "music"),
]
CLASSES = ("music", "travel", "weather")
BART = {
    "model_type": "bart",
    "d_model": 64,
    **{
        f"{half}_{name}": value
        for half in ("encoder", "decoder")
        for name, value in (("layers", 1), ("attention_heads", 4), ("ffn_dim", 128))
    },
    "max_position_embeddings": 192,
    "dropout": 0.0,
}
LLAMA = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 192,
}
TOKENIZER = {"kind": "bpe", "vocab_size": 320}
MODELS = {
    "slg": {"@architectures": "spacy_mre.Seq2SeqLM.v1", "config": BART, "tokenizer": TOKENIZER},
    "oiellm": {"@architectures": "spacy_mre.CausalLM.v1", "config": LLAMA, "tokenizer": TOKENIZER},
}
RAW = [*(text for text, _, _ in TEXTS), "", "Ida is in Oslo", " \n"]


def make_nlp(factory="slg", *, model=None, **settings):
    nlp = spacy.blank("en")
    nlp.add_pipe(factory, config={"model": {**MODELS[factory], **(model or {})}, **settings})
    return nlp


@pytest.fixture(scope="session")
def make_texts(make_doc):
    """Makes examples of texts that are tokenized at spaces only."""

    def make(nlp, texts=TEXTS):
        golds = []
        for words, entities, label in texts:
            cats = {name: float(name == label) for name in CLASSES} if label else {}
            spaces = [*[True] * (len(words.split()) - 1), False]
            golds.append(make_doc(nlp, words.split(), entities, cats=cats, spaces=spaces))
        return [Example(bare(nlp, gold), gold) for gold in golds]

    return make


def bare(nlp, doc):
    return Doc(nlp.vocab, words=[token.text for token in doc], spaces=[bool(token.whitespace_) for token in doc])


def fit(nlp, examples, steps=150, learn_rate=5e-3):
    fix_random_seed(0)
    nlp.initialize(lambda: examples)
    sgd = make_adamw(learn_rate)
    (name,) = nlp.pipe_names
    for _ in range(steps):
        loss = nlp.update(examples, sgd=sgd)[name]
        sgd.step_schedules()
        if loss < 0.01:
            break
    return loss


@pytest.fixture(scope="module")
def trained(make_texts):
    """One pipeline of each kind, overfit on the texts. Tests must not change it."""
    made = {}
    for factory in MODELS:
        nlp = make_nlp(factory)
        assert fit(nlp, make_texts(nlp)) < 0.05
        made[factory] = nlp
    return made


@pytest.fixture
def initialized(make_texts):
    """Makes initialized pipelines with random weights."""

    def make(factory="slg", texts=TEXTS, **settings):
        nlp = make_nlp(factory, **settings)
        examples = make_texts(nlp, texts)
        nlp.initialize(lambda: examples)
        return nlp, examples

    return make


def shown(doc):
    return (
        get_entities(doc),
        [ent.text for ent in doc.ents],
        doc.cats,
        get_relations(doc),
        doc._.generated,
        doc._.generated_score,
    )


def without_scores(doc):
    return [tuple(span[:3]) for span in get_entities(doc) or ()], max(doc.cats, key=doc.cats.get)


def weights(nlp):
    (name,) = nlp.pipe_names
    return {key: weight.detach().clone() for key, weight in nlp.get_pipe(name).model.shims[0]._model.named_parameters()}


# Learning


@pytest.mark.parametrize("factory", MODELS)
def test_overfits(factory, trained, make_texts):
    nlp = trained[factory]
    format = nlp.get_pipe(factory).format
    for eg in make_texts(nlp):
        doc = nlp(eg.predicted)
        assert without_scores(doc) == without_scores(eg.reference)
        assert set(doc.cats) == set(CLASSES)
        assert all(0.5 < span.score <= 1.0 for span in get_entities(doc))
        assert max(doc.cats.values()) > 0.5 and sorted(doc.cats.values())[:2] == [0.0, 0.0]
        assert -5 < doc._.generated_score < 0
        assert format.parse(doc._.generated).analysis.label == max(doc.cats, key=doc.cats.get)
    assert not nlp.get_pipe(factory).left_out


@pytest.mark.parametrize("factory", MODELS)
def test_scores_of_the_scorer(factory, trained, make_texts):
    scores = trained[factory].evaluate(make_texts(trained[factory]))
    for name in ("format_acc", "sc_acc", "ner_acc", "all_acc", "tl_f", "wl_f", "spans_entities_f", "cats_macro_f"):
        assert scores[name] == 1.0


def test_strings_of_the_two_formats(trained):
    assert trained["slg"](RAW[0])._.generated == "<music>Named Entity Recognition:album;Foo Bar:artist;Ida"
    assert trained["oiellm"](RAW[0])._.generated == "music/NER/:album;Foo Bar:artist;Ida"
    assert trained["slg"](RAW[3])._.generated == "<weather>Named Entity Recognition:None;"


@pytest.mark.parametrize("factory", MODELS)
def test_relations(factory, make_examples):
    nlp = make_nlp(factory, tasks=["TCREE:RE"])
    examples = make_examples(nlp)
    fit(nlp, examples)
    for eg in examples:
        found = get_relations(nlp(eg.predicted))
        places = sorted((*relation["head"], *relation["tail"], relation["label"]) for relation in found)
        assert places == sorted((*gold["head"], *gold["tail"], gold["label"]) for gold in get_relations(eg.reference))
        assert all(0.5 < relation["score"] <= 1.0 for relation in found)
    assert nlp.get_pipe(factory).label_data["TCREE:RE"]["labels"] == ["friend", "lives_in", "part_of", "works_in"]


@pytest.mark.parametrize("factory", MODELS)
def test_prompt_beams_and_parts(factory, make_texts):
    for settings in (
        {"parts": "words", "num_beams": 2},
        {"parts": "text", **({"prompt_words": False} if factory == "slg" else {})},
    ):
        nlp = make_nlp(factory, **settings)
        examples = make_texts(nlp)
        fit(nlp, examples)
        for eg in examples:
            doc = nlp(eg.predicted)
            if settings["parts"] == "words":
                assert without_scores(eg.reference)[0] == [tuple(span[:3]) for span in get_entities(doc)]
                assert not doc.cats
            else:
                assert max(doc.cats, key=doc.cats.get) == without_scores(eg.reference)[1]
                assert get_entities(doc) is None or not get_entities(doc)


def test_every_weight_learns(initialized):
    for factory in MODELS:
        nlp, examples = initialized(factory)
        before = weights(nlp)
        sgd = make_adamw(1e-2)
        nlp.update(examples, sgd=sgd)
        sgd.step_schedules()
        after = weights(nlp)
        unchanged = [name for name, weight in before.items() if torch.equal(weight, after[name])]
        assert all("k_proj.bias" in name for name in unchanged)  # the same bias on all keys has no effect


@pytest.mark.parametrize("factory", MODELS)
def test_default_settings_work(factory, make_texts):
    nlp = spacy.blank("en")
    nlp.add_pipe(factory)
    examples = make_texts(nlp, TEXTS[:2])
    nlp.initialize(lambda: examples)
    assert nlp.update(examples)[factory] > 1.0


# Saving, batches, processes


@pytest.mark.parametrize("factory", MODELS)
def test_disk_bytes_and_pickle(factory, trained, tmp_path):
    nlp = trained[factory]
    expected = [shown(doc) for doc in nlp.pipe(RAW)]
    nlp.to_disk(tmp_path)
    assert {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json"} <= {
        path.name for path in (tmp_path / factory / "model").iterdir()
    }
    assert [shown(doc) for doc in spacy.load(tmp_path).pipe(RAW)] == expected
    assert [shown(doc) for doc in make_nlp(factory).from_bytes(nlp.to_bytes()).pipe(RAW)] == expected
    pipe = pickle.loads(pickle.dumps(nlp.get_pipe(factory)))
    assert [shown(doc) for doc in pipe.pipe(nlp.make_doc(text) for text in RAW)] == expected


@pytest.mark.parametrize("factory", MODELS)
@pytest.mark.parametrize("batch_size", [2, 100])
def test_batches_do_not_matter(factory, batch_size, trained):
    nlp = trained[factory]
    for one, many in zip((nlp(text) for text in RAW), nlp.pipe(RAW, batch_size=batch_size)):
        assert one._.generated == many._.generated
        assert without_scores(one) == without_scores(many)
        assert one._.generated_score == pytest.approx(many._.generated_score, abs=1e-3)
        assert one.cats == pytest.approx(many.cats, abs=1e-4)


def test_small_batches_of_tokens(trained, monkeypatch):
    nlp = trained["slg"]
    expected = [doc._.generated for doc in nlp.pipe(RAW)]
    sizes, generate = [], LanguageModel.generate

    def spy(lm, sources, **settings):
        sizes.append(len(sources))
        return generate(lm, sources, **settings)

    monkeypatch.setattr(LanguageModel, "generate", spy)
    monkeypatch.setattr(nlp.get_pipe("slg"), "batch_tokens", 1)
    assert [doc._.generated for doc in nlp.pipe(RAW)] == expected
    assert sizes == [1] * sum(bool(text.strip()) for text in RAW)


@pytest.mark.filterwarnings("ignore:.W930")
@pytest.mark.parametrize("beams", [1, 3])
def test_each_beam_counts_in_a_batch(beams, initialized, monkeypatch):
    nlp, _ = initialized(num_beams=beams, max_new_tokens=4, constraint="none")
    longest = len(
        nlp.get_pipe("slg")._prompts([(nlp.make_doc("it rains"), task) for task in nlp.get_pipe("slg").tasks])[0].source
    )
    sizes, generate = [], LanguageModel.generate

    def spy(lm, sources, **settings):
        sizes.append(len(sources))
        return generate(lm, sources, **settings)

    monkeypatch.setattr(LanguageModel, "generate", spy)
    monkeypatch.setattr(nlp.get_pipe("slg"), "batch_tokens", 6 * (longest + 4))
    nlp.get_pipe("slg").predict([nlp.make_doc("it rains")] * 12)
    assert sizes == [6 // beams] * (2 * beams)


@pytest.mark.parametrize("factory", MODELS)
def test_two_processes_find_what_one_finds(factory, trained):
    one, two = (list(trained[factory].pipe(RAW * 2, n_process=n, batch_size=4)) for n in (1, 2))
    assert [doc._.generated for doc in one] == [doc._.generated for doc in two]
    assert [without_scores(doc) for doc in one] == [without_scores(doc) for doc in two]


@pytest.mark.filterwarnings("ignore:.W930")
def test_no_cycle_keeps_a_pipeline_alive(initialized):
    nlp, examples = initialized()
    nlp(RAW[0])
    gone = [weakref.ref(thing) for thing in (nlp, nlp.get_pipe("slg"), nlp.get_pipe("slg").model.shims[0].lm.module)]
    del nlp, examples
    gc.collect()
    assert [ref() for ref in gone] == [None] * 3


def test_a_missing_model_folder(trained, tmp_path):
    trained["slg"].to_disk(tmp_path)
    shutil.rmtree(tmp_path / "slg" / "model")
    with pytest.raises(ValueError, match=r"M020.*model"):
        spacy.load(tmp_path)


# Special texts


@pytest.mark.parametrize("factory", MODELS)
def test_empty_texts(factory, trained):
    nlp = trained[factory]
    for doc in [nlp(""), nlp(" \n "), *nlp.pipe(["", ""])]:
        assert get_entities(doc) == [] and not doc.ents
        assert doc.cats == dict.fromkeys(CLASSES, 0.0)
        assert doc._.generated == "" and doc._.generated_score == 0.0
    assert list(nlp.pipe([])) == []


@pytest.mark.filterwarnings("ignore:.W930.*(token grid|more often)")
@pytest.mark.parametrize("factory", MODELS)
def test_long_texts_are_truncated_at_a_word_and_counted(factory, initialized):
    nlp, _examples = initialized(factory)
    pipe = nlp.get_pipe(factory)
    text = "Oslo Lima Ida " * 100 + "Zanzibar"
    with pytest.warns(UserWarning, match=r"W930.*1 x text longer than the model reads .'Oslo Lima Ida"):
        answer = pipe.predict([nlp.make_doc(text)])[0]["SCNM"]
    assert text.startswith(answer.text) and text[len(answer.text)] == " " and len(answer.text) > 20
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*text longer than the model reads")
        doc = nlp(text)
        assert [shown(long) for long in nlp.pipe([text] * 2)] == [shown(doc)] * 2
    assert pipe.left_out["text longer than the model reads"] == 4
    assert all(span.end_char <= len(answer.text) for span in doc.spans["entities"])


@pytest.mark.parametrize("factory", MODELS)
def test_training_on_long_texts_uses_their_beginning(factory, initialized, make_texts):
    nlp, _ = initialized(factory)
    pipe = nlp.get_pipe(factory)
    words = ["Oslo", *["it", "is", "cold"] * 100, "Lima"]
    last = len(words) - 1
    (eg,) = make_texts(nlp, [(" ".join(words), [(0, 1, "place"), (last, last + 1, "place")], "weather")])
    with pytest.warns(UserWarning, match=r"W930.*text longer than the model reads"):
        pairs = pipe.get_pairs([eg])
    lm = pipe.model.shims[0].lm
    assert len(pairs.sources[0]) <= lm.source_limit(len(pairs.targets[0]))
    target = lm.decode(pairs.targets[0])
    assert ";Oslo" in target and "Lima" not in target


def test_long_answers_are_left_out(initialized, make_texts):
    nlp, _ = initialized("slg")
    entities = [(i, i + 1, label) for i in range(15) for label in ("album", "artist", "place", "site")]
    (eg,) = make_texts(nlp, [("a " * 15, entities, "weather")])
    with pytest.warns(UserWarning, match=r"W930.*1 x answer longer than the model writes"):
        assert nlp.update([eg])["slg"] == 0.0
    assert nlp.get_pipe("slg").left_out == {"answer longer than the model writes": 1}


# Constraints


@pytest.mark.filterwarnings("ignore:.W930.*(token grid|more often)")
@pytest.mark.parametrize("factory", MODELS)
def test_with_the_grammar_random_weights_write_valid_strings(factory, initialized):
    nlp, _examples = initialized(factory)
    format = nlp.get_pipe(factory).format
    docs = list(nlp.pipe([text for text in RAW if text.strip()]))
    for doc in docs:
        analysis = format.parse(doc._.generated).analysis
        assert all(item.text in doc.text for item in analysis.items)
    assert set(nlp.get_pipe(factory).left_out) <= {
        "given more often than it occurs in the text",
        "not on the token grid",
    }


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("constraint", ["none", "first_token"])
def test_without_the_grammar_problems_are_counted(constraint, strict, initialized):
    nlp, _examples = initialized("slg", constraint=constraint, strict=strict, max_new_tokens=20)
    what = "string that is not in the format" if strict else "part of a string that is not in the format"
    with pytest.warns(UserWarning, match=f"W930.*'slg'.* x {what}"):
        docs = list(nlp.pipe([text for text in RAW if text.strip()]))
    assert nlp.get_pipe("slg").left_out[what] >= len(docs)
    assert all(doc._.generated.startswith("<") for doc in docs) or constraint == "none"
    if strict:
        assert all(get_entities(doc) == [] and not any(doc.cats.values()) for doc in docs)


def test_lenient_and_strict_parsing(trained, monkeypatch):
    nlp = trained["slg"]
    pipe = nlp.get_pipe("slg")
    doc = nlp.make_doc("Ida is in Oslo")
    answer = pipe.predict([doc])[0]["SCNM"]
    broken = answer._replace(string="<music>Named Entity Recognition:artist;Ida:planet;Oslo:Location;Rome")
    with pytest.warns(UserWarning, match="W930"):
        pipe.set_annotations([doc], [{"SCNM": broken}])
    assert [(span.start, span.end, span.label_) for span in doc.spans["entities"]] == [(0, 1, "artist")]
    assert doc.cats["music"] > 0 and doc._.generated == broken.string
    assert pipe.left_out == {"part of a string that is not in the format": 1, "not in the text": 1}
    monkeypatch.setattr(pipe, "strict", True)
    with pytest.warns(UserWarning, match="string that is not in the format"):
        pipe.set_annotations([doc], [{"SCNM": broken}])
    assert get_entities(doc) == [] and not any(doc.cats.values())
    pipe.left_out.clear()


def test_cats_of_other_components_are_kept(trained):
    nlp = trained["oiellm"]
    doc = nlp.make_doc(RAW[0])
    doc.cats = {"long": 1.0}
    assert set(nlp(doc).cats) == {"long", *CLASSES} and doc.cats["long"] == 1.0


def test_beam_search_finds_strings_at_least_as_probable(initialized, monkeypatch):
    nlp, _ = initialized("slg", parts="text")
    texts = [text for text in RAW if text.strip()]
    greedy = [doc._.generated_score for doc in nlp.pipe(texts)]
    monkeypatch.setattr(nlp.get_pipe("slg"), "num_beams", 8)
    beams = [doc._.generated_score for doc in nlp.pipe(texts)]
    assert all(beam >= score - 1e-4 for beam, score in zip(beams, greedy))


# Missing gold


def test_a_part_without_gold_is_skipped(initialized, make_texts):
    nlp, _ = initialized("slg")
    pipe = nlp.get_pipe("slg")
    lm = pipe.model.shims[0].lm
    whole, no_label, no_entities, nothing = make_texts(
        nlp, [TEXTS[0], (*TEXTS[0][:2], None), (TEXTS[0][0], None, "music"), (TEXTS[0][0], None, None)]
    )
    with pytest.warns(UserWarning, match=r"W930.*1 x document without gold"):
        pairs = pipe.get_pairs([whole, no_label, no_entities, nothing])
    sources, targets = ([lm.decode(ids) for ids in part] for part in pairs)
    assert targets == [
        "<music>Named Entity Recognition:album;Foo Bar:artist;Ida",
        "Named Entity Recognition:album;Foo Bar:artist;Ida",
        "<music>",
    ]
    assert "<travel>" in sources[0] and "<travel>" not in sources[1] and ":artist;" not in sources[2]
    assert nlp.update([nothing])["slg"] == 0.0
    assert pipe.left_out["document without gold"] == 2


def test_documents_without_gold_are_reported(initialized):
    with pytest.warns(UserWarning, match=r"W931.*'slg'.*1 of 2 documents"):
        initialized("slg", [TEXTS[0], ("it snows", None, None)])


def test_unseen_labels_are_counted(initialized, make_texts):
    nlp, _ = initialized("oiellm", TEXTS[:1])
    pipe = nlp.get_pipe("oiellm")
    (eg,) = make_texts(nlp, [("Ida is in Oslo", [(0, 1, "artist"), (3, 4, "planet")], "weather")])
    eg.reference.cats = {"news": 1.0}
    with pytest.warns(UserWarning, match=r"W813.*add_label\('(news', level='classes'|planet')\)") as caught:
        pairs = pipe.get_pairs([eg])
    assert len(caught) == 2
    assert pipe.model.shims[0].lm.decode(pairs.targets[0]) == "/NER/:artist;Ida"
    assert pipe.left_out == {
        "text label 'news' unseen at initialization": 1,
        "entity 'planet' unseen at initialization": 1,
    }


def test_no_labels_at_all(initialized):
    texts = [("it rains", None, None), ("it snows", None, None)]
    with pytest.raises(ValueError, match=r"M939.*'slg'.*TCONER"):
        initialized("slg", texts, tasks=["TCONER"])
    nlp, _ = initialized("slg", texts, tasks=["SCNM"])  # a template with labels
    assert "literature_art" in nlp.get_pipe("slg").classes and "<Literature>" in nlp.get_pipe("slg").format.source("")


def test_several_text_labels_are_refused(initialized, make_texts):
    nlp = make_nlp()
    examples = make_texts(nlp)
    examples[0].reference.cats = {"music": 1.0, "travel": 1.0}
    with pytest.raises(ValueError, match=r"M941.*music, travel.*play Foo"):
        nlp.initialize(lambda: examples)
    examples[0].reference.cats = {"music": 0.5, "travel": 0.5}  # shares of one label
    nlp.initialize(lambda: examples)


# New labels


def test_incremental_learning(make_texts, tmp_path):
    """The second pipeline is initialized with the weights and labels of the first."""
    first = make_nlp("slg", parts="words")
    known = [(text, entities, None) for text, entities, _ in TEXTS]
    fit(first, make_texts(first, known), steps=60)
    first.to_disk(tmp_path)
    second = make_nlp("slg", model={"name": str(tmp_path), "config": None, "tokenizer": None})
    examples = make_texts(second, [("Ida sings", [(0, 1, "singer")], "music"), ("it snows", [], "weather")])
    second.initialize(lambda: examples)
    old, new = weights(first), weights(second)
    assert old.keys() == new.keys() and all(torch.equal(old[key], new[key]) for key in old)
    assert second.get_pipe("slg").label_data == {
        "SCNM": {
            "classes": ["music", "travel", "weather"],
            "labels": ["album", "artist", "place", "site", "singer"],
            "roles": [],
        }
    }
    fit(second, examples)
    for eg in examples:
        assert without_scores(second(eg.predicted)) == without_scores(eg.reference)


def test_the_labels_of_examples_can_be_added(initialized, make_texts):
    nlp, _ = initialized("slg", TEXTS)
    pipe = nlp.get_pipe("slg")
    (eg,) = make_texts(nlp, [("Ida is in Oslo", [(0, 1, "singer"), (3, 4, "place")], None)])
    eg.reference.cats = {"news": 1.0}
    assert pipe.add_labels_of([eg]) == ["news", "singer"] and pipe.add_labels_of([eg]) == []
    pairs = pipe.get_pairs([eg])
    assert ":singer;Ida" in pipe.model.shims[0].lm.decode(pairs.targets[0]) and not pipe.left_out


@pytest.mark.filterwarnings("ignore:.W930")
def test_a_label_can_be_added(initialized):
    nlp, _examples = initialized()
    pipe = nlp.get_pipe("slg")
    nlp(RAW[0])
    assert (
        pipe.add_label("planet") == 1 and pipe.add_label("planet") == 0 and pipe.add_label("news", level="classes") == 1
    )
    labels = ["album", "artist", "place", "site", "planet"]
    assert pipe.label_data == {"SCNM": {"classes": [*CLASSES, "news"], "labels": labels, "roles": []}}
    with pytest.raises(ValueError, match=r"M001.*'level'.*classes, labels, roles"):
        pipe.add_label("x", level="words")
    with pytest.raises(ValueError, match=r"M001.*'task'.*SCNM"):
        pipe.add_label("x", task="TCONER")
    assert ":planet;" in pipe.format.source("") and set(nlp(RAW[0]).cats) == {*CLASSES, "news"}


def test_labels_from_label_data(initialized):
    data = initialized()[0].get_pipe("slg").label_data
    nlp = make_nlp()
    nlp.get_pipe("slg").initialize(lambda: [Example(nlp.make_doc("a"), nlp.make_doc("a"))], nlp=nlp, labels=data)
    assert nlp.get_pipe("slg").label_data == data and nlp.get_pipe("slg").labels == (
        *data["SCNM"]["classes"],
        *data["SCNM"]["labels"],
    )


def test_labels_with_delimiters(make_texts):
    nlp = make_nlp("oiellm")
    examples = make_texts(nlp, [("play Foo", [(1, 2, "a:b;c")], "music"), ("it rains", [(1, 2, "<x>/\\y")], "weather")])
    fit(nlp, examples)
    for eg in examples:
        assert without_scores(nlp(eg.predicted)) == without_scores(eg.reference)


# A tokenizer that changes texts


@pytest.fixture(scope="module")
def tiny_bert(tmp_path_factory):
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny_bert")
    signs = "abcdefghijklmnopqrstuvwxyz<>:;/\\."
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "new", "york", *signs, *(f"##{sign}" for sign in signs)]
    (folder / "vocab.txt").write_text("\n".join(vocab))
    BertTokenizerFast(str(folder / "vocab.txt"), do_lower_case=True, model_max_length=192).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocab),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=192,
    )
    BertModel(config).save_pretrained(folder)
    return str(folder)


def test_an_uncased_encoder_keeps_the_spelling_of_the_text(tiny_bert, make_texts, tmp_path):
    nlp = spacy.blank("en")
    model = {
        "@architectures": "spacy_mre.WarmStartedSeq2Seq.v1",
        "name": tiny_bert,
        "decoder_layers": 1,
        "dropout": 0.0,
    }
    nlp.add_pipe("slg", config={"model": model, "prompt_words": False})
    texts = [
        ("Fly to New York", [(2, 4, "City")], "music"),
        ("José met T.J. today", [(0, 1, "Person"), (2, 3, "Person")], "travel"),
    ]
    examples = make_texts(nlp, texts)
    fit(nlp, examples, steps=250)
    assert nlp(examples[0].predicted)._.generated == "<music>:City;New York"
    assert nlp(examples[1].predicted)._.generated == "<travel>:Person;José:Person;T.J."
    for eg in examples:
        assert without_scores(eg.predicted) == without_scores(eg.reference)
    assert nlp.evaluate(make_texts(nlp, texts))["all_acc"] == 1.0
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded(bare(loaded, examples[0].reference))._.generated == "<music>:City;New York"


def test_characters_that_the_tokenizer_cannot_write_are_counted(tiny_bert, make_texts):
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy_mre.WarmStartedSeq2Seq.v1", "name": tiny_bert, "decoder_layers": 1}
    slg = nlp.add_pipe("slg", config={"model": model, "constraint": "grammar"})
    examples = make_texts(nlp, [("Fly to New York", [(2, 4, "City")], "music"), ("it rains", [], "travel")])
    nlp.initialize(lambda: examples)
    with pytest.warns(UserWarning, match=r"W930.*character that the tokenizer cannot write"):
        doc = nlp("Fly to 東京 now")
    assert slg.left_out["character that the tokenizer cannot write"] == 2
    assert all("東" not in span.text and "京" not in span.text for span in doc.spans["entities"])


@pytest.mark.parametrize("factory", ["slg", "oiellm"])
def test_with_the_grammar_names_end_at_token_boundaries(factory, make_texts):
    nlp = make_nlp(factory, constraint="grammar")
    examples = make_texts(nlp)
    fix_random_seed(1)
    nlp.initialize(lambda: examples)
    pipe = nlp.get_pipe(factory)
    for _ in range(3):  # several random weights
        docs = list(nlp.pipe([eg.predicted.copy() for eg in examples]))
        assert sum(pipe.left_out[what] for what in ("not on the token grid", "not in the text")) == 0
        for parameter in pipe.model.shims[0]._model.parameters():
            parameter.data += 0.05 * torch.randn_like(parameter)
    assert any(doc.spans["entities"] for doc in docs)


def test_normalizing_sentencepiece_keeps_the_spelling_of_the_text(make_texts, tmp_path):
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    texts = [
        ("昨日 ＡＢＣ１２ を 見た", [(1, 2, "商品")], "music"),
        ("東京：大阪 は ½ の 距離", [(0, 1, "区間"), (2, 3, "割合")], "travel"),
    ]
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    words = [text for text, _, _ in texts] * 3 + [
        "<music><travel><weather>:商品;:区間;:割合;:None;\\/",
        *"⁄120ABC：:;<>/\\",
    ]
    tokenizer.train_from_iterator(
        words,
        trainers.UnigramTrainer(
            vocab_size=120, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False
        ),
    )
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )
    wrapped.save_pretrained(tmp_path)
    nlp = make_nlp("slg", model={"tokenizer": str(tmp_path)}, prompt_words=False)
    examples = make_texts(nlp, texts)
    fit(nlp, examples, steps=200)
    docs = [nlp(eg.predicted) for eg in examples]
    assert [doc._.generated for doc in docs] == ["<music>:商品;ＡＢＣ１２", "<travel>:区間;東京：大阪:割合;½"]
    assert [without_scores(doc) for doc in docs] == [without_scores(eg.reference) for eg in examples]


def test_labels_that_the_tokenizer_cannot_write_are_refused(tiny_bert, make_texts):
    def begin(texts):
        nlp = spacy.blank("en")
        model = {"@architectures": "spacy_mre.WarmStartedSeq2Seq.v1", "name": tiny_bert}
        nlp.add_pipe("slg", config={"model": model, "prompt_words": False})
        examples = make_texts(nlp, texts)
        nlp.initialize(lambda: examples)

    with pytest.raises(ValueError, match=r"M921.*人"):
        begin([("Ida sings", [(0, 1, "人")], "music")])
    with pytest.raises(ValueError, match=r"M905.*city"):  # the same word in lower case
        begin([("Ida sings", [(0, 1, "City"), (1, 2, "city")], "music")])


# Settings


@pytest.mark.parametrize("setting", ["parts", "constraint", "language"])
def test_unknown_values_are_refused(setting):
    with pytest.raises(ValueError, match=setting):
        make_nlp("slg", **{setting: "nonsense"})


def test_an_unknown_task_is_m001():
    with pytest.raises(ValueError, match=r"M001.*'nonsense'.*'tasks'"):
        make_nlp("slg", tasks=["nonsense"])


NEW_VALUES = {
    "tasks": ["TCREE:RE"],
    "language": "zh",
    "parts": "text",
    "constraint": "none",
    "prompt_words": False,
    "strict": True,
    "max_new_tokens": 7,
    "num_beams": 3,
    "batch_tokens": 99,
    "spans_key": "mine",
    "set_ents": False,
}
SHARED_VALUES = [setting for setting in NEW_VALUES if setting != "prompt_words"]
SHARED_VALUES = [setting for setting in NEW_VALUES if setting != "prompt_words"]


@pytest.mark.parametrize("factory, setting", [*product(["slg"], NEW_VALUES), *product(["oiellm"], SHARED_VALUES)])
def test_settings_given_on_loading_win_and_changed_ones_are_saved(factory, setting, tmp_path):
    value, nlp = NEW_VALUES[setting], make_nlp(factory)
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path, config={"components": {factory: {setting: value}}})
    assert getattr(loaded.get_pipe(factory), setting) == value
    assert getattr(nlp.get_pipe(factory), setting) != value
    setattr(nlp.get_pipe(factory), setting, value)
    nlp.to_disk(tmp_path)
    assert load_config(tmp_path / "config.cfg")["components"][factory][setting] == value
    assert getattr(spacy.load(tmp_path).get_pipe(factory), setting) == value


def test_all_settings_are_tested():
    config = make_nlp("slg").get_pipe_config("slg")
    assert set(NEW_VALUES) == set(config) - {"factory", "model", "scorer"}


@pytest.mark.parametrize("factory", MODELS)
def test_default_settings_are_in_the_config(factory):
    nlp = make_nlp(factory)
    pipe, config = nlp.get_pipe(factory), nlp.get_pipe_config(factory)
    assert config["language"] is None and ("prompt_words" in config) == (factory == "slg")
    assert all(getattr(pipe, setting) == config[setting] for setting in NEW_VALUES if setting in config)
    assert pipe.label_data == {"SCNM": {"classes": [], "labels": [], "roles": []}}


@pytest.mark.parametrize("factory", MODELS)
@pytest.mark.parametrize("settings", [{"beams": 2}, {"model": {"tokeniser": "x"}}])
def test_a_misspelt_key_is_refused(factory, settings):
    with pytest.raises(ConfigValidationError, match=r"beams|tokeniser"):
        make_nlp(factory, **settings)


def test_oiellm_has_no_prompt_words():
    with pytest.raises(ConfigValidationError, match="prompt_words"):
        make_nlp("oiellm", prompt_words=False)


def test_the_words_have_the_language_of_the_pipeline_or_of_the_text(initialized):
    nlp = spacy.blank("zh")
    nlp.add_pipe("slg", config={"model": MODELS["slg"]})
    assert nlp.get_pipe("slg").language_of("Ida sings") == "zh"
    nlp = spacy.blank("xx")
    nlp.add_pipe("slg", config={"model": MODELS["slg"]})
    texts = ("今日は雨だ。", "今天下雨。", "it rains", "")
    assert list(map(nlp.get_pipe("slg").language_of, texts)) == ["ja", "zh", "en", "en"]
    assert initialized(language="ja", texts=TEXTS[:1])[0].get_pipe("slg").format.task.none_word == "無い"


def test_limits_that_leave_no_room(initialized):
    with pytest.raises(ValueError, match=r"M942.*500.*192"):
        initialized("slg", max_new_tokens=500)
    labels = [("a b", [(0, 1, f"a rather long label {i}") for i in range(80)], "music")]
    with pytest.raises(ValueError, match=r"M940.*'slg'.*192"):
        initialized("slg", labels)


def test_an_uninitialized_component_raises(make_texts):
    for factory in MODELS:
        nlp = make_nlp(factory)
        with pytest.raises(ValueError, match=f"M803.*'{factory}'"):
            nlp(RAW[0])
        with pytest.raises(ValueError, match="M803"):
            nlp.get_pipe(factory).update(make_texts(nlp))


def test_the_settings_table_of_the_docs_is_true():
    page = (Path(__file__).parents[3] / "docs" / "generation.md").read_text(encoding="utf8")
    table = page.split("## Settings")[1].split("## ")[0]
    documented = dict(re.findall(r"^\| `(\w+)` \| `?(.*?)`? \|", table, re.MULTILINE))
    nlp = spacy.blank("en")
    nlp.add_pipe("slg")
    defaults = nlp.get_pipe_config("slg")
    assert set(documented) == set(defaults) - {"factory"}
    for name in set(documented) - {"model", "scorer"}:
        assert json.loads(documented[name]) == defaults[name], name
