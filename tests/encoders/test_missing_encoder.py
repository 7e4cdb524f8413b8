"""Without its shared encoder a component finds nothing. That is an error, wherever the listener is in the model, and
however the encoder got lost."""

from pathlib import Path

import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import load_config, load_model_from_config
from thinc.api import Adam

from tests.conftest import HASH_EMBED_CNN

CONFIGS = Path(__file__).parents[2] / "configs"
# Those whose components share an encoder, but stock.cfg, whose components are all spaCy's own.
SHARED = [
    "conll04",
    "en_cpu",
    "ja_cpu",
    "ja_e5",
    "multi_ner_crossre_ja",
    "multi_ner_stockmark",
    "trf",
    "xx_e5",
    "zh_cpu",
    "zh_e5",
]
TEXTS = {
    "en": ("Ida lives in Lima", "Ida", "Lima"),
    "ja": ("三浦は京都で生まれた", "三浦", "京都"),
    "zh": ("小明在北京工作", "小明", "北京"),
    "xx": ("小明在北京工作", "小明", "北京"),
}
LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32, "upstream": "*"}
TRF_LISTENER = {
    "@architectures": "spacy-transformers.TransformerListener.v1",
    "pooling": {"@layers": "reduce_mean.v1"},
    "grad_factor": 1.0,
}
TRF_ENCODER = {"@architectures": "spacy_mre.TransformerEncoder.v1"}


def over(tok2vec):
    return {"@architectures": "spacy_mre.Tok2VecEncoder.v1", "tok2vec": tok2vec}


def with_bilstm(embed, width=32):
    encode = {"@architectures": "spacy.TorchBiLSTMEncoder.v1", "width": width, "depth": 1, "dropout": 0.0}
    return {"@architectures": "spacy.Tok2Vec.v2", "embed": embed, "encode": encode}


def beside(first, second):
    return {"@architectures": "spacy_mre.Tok2VecBesideTok2Vec.v1", "first": first, "second": second}


# The encoder of the pipeline, and the encoder of the component.
ENCODERS = {
    "listener": ("tok2vec", over(LISTENER)),
    "bilstm": ("tok2vec", over(with_bilstm(LISTENER))),
    "first of two": ("tok2vec", over(with_bilstm(beside(LISTENER, HASH_EMBED_CNN), 64))),
    "second of two": ("tok2vec", over(beside(HASH_EMBED_CNN, LISTENER))),
    "beside an encoder": (
        "tok2vec",
        {"@architectures": "spacy_mre.EncoderBesideTok2Vec.v1", "encoder": over(HASH_EMBED_CNN), "tok2vec": LISTENER},
    ),
    "transformer": ("transformer", TRF_ENCODER),
    "mre_transformer": ("mre_transformer", TRF_ENCODER),
    "transformer listener": ("mre_transformer", over(TRF_LISTENER)),
    "transformer bilstm": ("transformer", over(with_bilstm(TRF_LISTENER))),
    "transformer beside a tok2vec": (
        "mre_transformer",
        {"@architectures": "spacy_mre.EncoderBesideTok2Vec.v1", "encoder": TRF_ENCODER, "tok2vec": HASH_EMBED_CNN},
    ),
}


@pytest.fixture
def make(settings_of, tiny_bert):
    """Makes a pipeline of an encoder with the name "shared" and a component that listens to it."""

    def make(kind, factory="spert_mt", **settings):
        shared, encoder = ENCODERS[kind]
        if shared == "tok2vec":
            config = {"model": HASH_EMBED_CNN}
        else:
            pytest.importorskip("spacy_transformers")
            config = {"model": {"@architectures": "spacy-transformers.TransformerModel.v3", "name": tiny_bert}}
        nlp = spacy.blank("en")
        nlp.add_pipe(shared, name="shared", config=config)
        nlp.add_pipe(factory, config=settings_of(factory, encoder=encoder, **settings))
        return nlp

    return make


@pytest.fixture
def make_trained(make, make_examples):
    def make_and_train(kind, factory="spert_mt"):
        nlp = make(kind, factory)
        examples = make_examples(nlp)
        nlp.initialize(lambda: examples)
        nlp.update(examples, sgd=Adam(0.001))
        return nlp

    return make_and_train


def assert_m302(nlp, text="Ida lives in Lima ."):
    with pytest.raises(ValueError, match="M302"):
        nlp(text)
    with pytest.raises(ValueError, match="M302"):
        list(nlp.pipe(["", text, ""]))
    assert not len(nlp(""))


@pytest.mark.parametrize(
    "kind, factory",
    [*((kind, "spert_mt") for kind in ENCODERS), ("bilstm", "mre_textcat"), ("transformer", "mre_textcat")],
)
def test_an_encoder_that_is_lost_in_prediction(kind, factory, make_trained):
    nlp = make_trained(kind, factory)
    assert [len(doc) for doc in nlp.pipe(["", "Ida lives", " ", ""])] == [0, 2, 1, 0]
    with nlp.select_pipes(disable="shared"):
        assert_m302(nlp)
    with nlp.select_pipes(enable=factory):
        assert_m302(nlp)
    other = spacy.blank("en")
    other.add_pipe(factory, source=nlp)
    assert_m302(other)
    other.add_pipe("shared", source=nlp)  # too late
    assert_m302(other)


@pytest.mark.parametrize("kind", ["bilstm", "mre_transformer"])
def test_an_encoder_that_is_not_loaded(kind, make_trained, tmp_path):
    make_trained(kind).to_disk(tmp_path)
    assert_m302(spacy.load(tmp_path, exclude=["shared"]))
    assert_m302(spacy.load(tmp_path, disable=["shared"]))


@pytest.mark.parametrize("kind", ENCODERS)
def test_an_encoder_that_is_lost_in_training(kind, make_trained, make_examples):
    """spaCy's listeners raise E203 themselves, or E953 if they keep another batch."""
    nlp = make_trained(kind)
    examples = make_examples(nlp, [("Bo saw Oslo .", [(0, 1, "person")], None, {})])
    with nlp.select_pipes(disable="shared"), pytest.raises(ValueError, match=r"E203|E953|Mismatched IDs"):
        nlp.update(examples, sgd=Adam(0.001))


@pytest.mark.parametrize("kind", ["bilstm", "mre_transformer"])
def test_a_component_that_annotates_in_training_without_its_encoder(kind, make_trained, make_examples):
    nlp = make_trained(kind)
    examples = make_examples(nlp)
    with pytest.raises(ValueError, match=r"M302.*annotating_components"):
        nlp.update(examples, sgd=Adam(0.001), annotates=["spert_mt"])
    nlp.update(make_examples(nlp), sgd=Adam(0.001), annotates=["shared", "spert_mt"])


@pytest.mark.parametrize("kind", ENCODERS)
def test_an_encoder_that_is_missing_at_initialization(kind, make, make_examples):
    nlp = make(kind)
    nlp.remove_pipe("shared")
    with pytest.raises(ValueError, match="M301"):
        nlp.initialize(lambda: make_examples(nlp))


def test_an_encoder_after_the_component(settings_of, make_examples):
    nlp = spacy.blank("en")
    nlp.add_pipe("spert_mt", config=settings_of("spert_mt", encoder=over(LISTENER)))
    nlp.add_pipe("tok2vec", config={"model": HASH_EMBED_CNN})
    with pytest.raises(ValueError, match="M301"):
        nlp.initialize(lambda: make_examples(nlp))


@pytest.mark.parametrize("factory", ["spert_mt", "mre_textcat"])
def test_an_upstream_that_does_not_exist(factory, make, make_examples, monkeypatch):
    monkeypatch.setitem(ENCODERS, "misspelt", ("tok2vec", over({**LISTENER, "upstream": "tok2vek"})))
    nlp = make("misspelt", factory)
    with pytest.raises(ValueError, match=r"M301.*'tok2vek'"):
        nlp.initialize(lambda: make_examples(nlp))


@pytest.mark.parametrize("name", SHARED)
def test_every_config_with_a_shared_encoder(name, tiny_bert):
    """The encoder is replaced by a small one, the components are those of the config."""
    config = load_config(CONFIGS / f"{name}.cfg", overrides={"paths.train": "train.spacy", "paths.dev": "dev.spacy"})
    encoder, *components = [pipe for pipe in config["nlp"]["pipeline"] if pipe != "doc_cleaner"]
    if "source" in config["components"][encoder]:
        config["components"][encoder] = {"factory": "tok2vec", "model": {**HASH_EMBED_CNN, "width": 256}}
        config["initialize"]["vectors"] = None
        if "mre_textcat" in components:
            config["components"]["mre_textcat"]["model"]["encoder"]["encoder"]["tok2vec"] = HASH_EMBED_CNN
    if "multi_ner" in components:
        questions = config["components"]["multi_ner"]["model"]["interaction"]["questions"]["tok2vec"]["embed"]
        questions["include_static_vectors"] = False
    if encoder == "transformer":
        pytest.importorskip("spacy_transformers")
        model = config["components"]["transformer"]["model"]
        tiny = {"@architectures": "spacy-transformers.TransformerModel.v3", "name": tiny_bert}
        config["components"]["transformer"]["model"] = {**tiny, "get_spans": model["get_spans"]}
    lang = config["nlp"]["lang"]
    text, person, place = TEXTS[lang]
    nlp = load_model_from_config(config, auto_fill=True)
    if "multi_ner" in components:
        nlp.get_pipe("multi_ner").questions = {"person": "?", "place": "!"}
    doc = nlp.make_doc(text)
    gold = Example(doc, doc.copy()).reference
    gold.ents = [
        gold.char_span(text.index(word), text.index(word) + len(word), label, alignment_mode="expand")
        for word, label in ((person, "person"), (place, "place"))
    ]
    gold.cats = {"people": 1.0, "travel": 0.0}
    nlp.initialize(lambda: [Example(nlp.make_doc(text), gold)], sgd=Adam(0.001))
    assert not len(next(nlp.pipe(["", text])))
    with nlp.select_pipes(disable=encoder):
        for component in components:
            with nlp.select_pipes(enable=component):
                assert_m302(nlp, text)
    assert isinstance(nlp(text), Doc)


def test_a_document_without_a_tensor_has_no_output(make_shared_nlp, make_examples):
    """`doc_cleaner` sets it to None."""
    nlp = make_shared_nlp("spert_mt")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    doc = nlp.get_pipe("tok2vec")(nlp.make_doc("Ida lives in Lima"))
    doc.tensor = None
    with pytest.raises(ValueError, match="M302"):
        nlp.get_pipe("spert_mt")(doc)
