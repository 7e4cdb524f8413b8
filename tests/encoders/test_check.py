import warnings
from typing import Any

import numpy
import pytest
import spacy
from spacy.cli.train import train
from spacy.ml.featureextractor import FeatureExtractor
from spacy.tokens import Doc
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train as train_nlp
from spacy.util import fix_random_seed, registry
from thinc.api import Adam, Config, HashEmbed, Model, chain, with_array

from spacy_mre import save_docs
from spacy_mre.encoders.check import check_pipeline
from spacy_mre.training.optimizer import make_adamw

CONFIG = """
[nlp]
lang = "en"
pipeline = ["tok2vec", "ner", "spert_mt", "mre_textcat"]

[components]

[components.tok2vec]
factory = "tok2vec"

[components.tok2vec.model]
@architectures = "spacy.HashEmbedCNN.v2"
pretrained_vectors = null
width = 32
depth = 1
embed_size = 500
window_size = 1
maxout_pieces = 2
subword_features = false

[components.ner]
factory = "ner"

[components.ner.model]
@architectures = "spacy.TransitionBasedParser.v2"
state_type = "ner"
extra_state_tokens = false
hidden_width = 16
maxout_pieces = 1
use_upper = false

[components.ner.model.tok2vec]
@architectures = "spacy.Tok2VecListener.v1"
width = ${components.tok2vec.model.width}

[components.spert_mt]
factory = "spert_mt"

[components.spert_mt.model]
@architectures = "spacy_mre.SpertMT.v1"

[components.spert_mt.model.encoder]
@architectures = "spacy_mre.Tok2VecEncoder.v1"

[components.spert_mt.model.encoder.tok2vec]
@architectures = "spacy.Tok2VecListener.v1"
width = ${components.tok2vec.model.width}

[components.mre_textcat]
factory = "mre_textcat"

[components.mre_textcat.model]
@architectures = "spacy_mre.TextCat.v1"

[components.mre_textcat.model.encoder]
@architectures = "spacy_mre.Tok2VecEncoder.v1"
text_pooling = "max"

[components.mre_textcat.model.encoder.tok2vec]
@architectures = "spacy.Tok2VecListener.v1"
width = ${components.tok2vec.model.width}

[corpora]

[corpora.train]
@readers = "spacy_mre.Corpus.v1"
path = ${paths.train}

[corpora.dev]
@readers = "spacy_mre.Corpus.v1"
path = ${paths.train}
tokens = "tokenizer"

[paths]
train = null

[training]
seed = 0
gpu_allocator = null
max_steps = 30
eval_frequency = 10
train_corpus = "corpora.train"
dev_corpus = "corpora.dev"

[training.batcher]
@batchers = "spacy.batch_by_sequence.v1"
size = 3

[training.logger]
@loggers = "spacy.ConsoleLogger.v1"

[training.optimizer]
@optimizers = "spacy_mre.AdamW.v1"
learn_rate = 0.01
use_averages = true

[training.score_weights]
spans_entities_f = 0.5
rel_strict_f = 0.25
cats_macro_f = 0.25
"""


def weights_of(model):
    return [node.get_param(name).copy() for node in model.walk() for name in node.param_names if node.has_param(name)]


def gradients_of(model):
    return [node.get_grad(name).copy() for node in model.walk() for name in node.param_names if node.has_grad(name)]


def largest(arrays):
    return max((float(numpy.abs(array).max()) for array in arrays), default=0.0)


@pytest.fixture
def gradients_without(make_shared_nlp, make_examples):
    """The gradients of the shared encoder after one batch without some kinds of gold."""

    def run(*lacking, factories=("spert_mt", "mre_textcat"), texts=slice(None)):
        fix_random_seed(0)
        nlp = make_shared_nlp(*factories, spert_mt={"negatives": -1})
        examples = make_examples(nlp)
        nlp.initialize(lambda: examples)
        for eg in examples[texts]:
            if "entities" in lacking:
                bare = Doc(nlp.vocab, words=[token.text for token in eg.reference], user_data=eg.reference.user_data)
                bare.cats = eg.reference.cats
                eg.reference = bare
            if "relations" in lacking:
                eg.reference._.relations = None
            if "cats" in lacking:
                eg.reference.cats = {}
        losses = nlp.update(examples, sgd=False)
        assert set(losses) == {"tok2vec", *factories} and all(numpy.isfinite(loss) for loss in losses.values())
        return numpy.concatenate([gradient.ravel() for gradient in gradients_of(nlp.get_pipe("tok2vec").model)])

    return run


# From the corpus and the config to the saved pipeline


def test_spacy_train_runs_and_its_pipelines_load(make_examples, tmp_path, capsys):
    nlp = spacy.blank("en")
    examples = make_examples(nlp)
    save_docs([eg.reference for eg in examples], tmp_path / "train.spacy")
    (tmp_path / "config.cfg").write_text(CONFIG)
    train(tmp_path / "config.cfg", tmp_path / "out", overrides={"paths.train": str(tmp_path / "train.spacy")})
    assert "LOSS SPERT_MT" in capsys.readouterr().out

    trained = spacy.load(tmp_path / "out" / "model-last")
    assert trained.pipe_names == ["tok2vec", "ner", "spert_mt", "mre_textcat"]
    shared: Any = trained.get_pipe("tok2vec")
    assert shared.listening_components == ["ner", "spert_mt", "mre_textcat"]
    scores = trained.evaluate([Example(trained.make_doc(eg.text), eg.reference) for eg in examples])
    assert scores["spans_entities_f"] == pytest.approx(trained.meta["performance"]["spans_entities_f"])
    assert scores["spans_entities_f"] > 0.5
    assert scores["cats_macro_f"] > 0.5 and scores["rel_f"] > 0
    assert spacy.load(tmp_path / "out" / "model-best").meta["performance"]["spans_entities_f"] > 0


@pytest.mark.parametrize("make_sgd", [lambda: Adam(0.003), lambda: make_adamw(0.003)])
@pytest.mark.parametrize(
    "factories",
    [("spert_mt",), ("mre_textcat",), ("ner", "spert_mt", "mre_textcat"), ("mre_textcat", "ner", "spert_mt")],
)
def test_the_encoder_is_trained_and_the_components_overfit(
    factories, make_sgd, make_shared_nlp, make_examples, written, tmp_path
):
    nlp = make_shared_nlp(*factories)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    encoder = nlp.get_pipe("tok2vec").model
    before, sgd = weights_of(encoder), make_sgd()
    for _ in range(300):
        nlp.update(examples, sgd=sgd)
        sgd.step_schedules()
    assert all(numpy.abs(old - new).max() > 0 for old, new in zip(before, weights_of(encoder)))
    scores = nlp.evaluate(examples)
    assert (
        scores.get("spans_entities_f", 1.0) == scores.get("rel_strict_f", 1.0) == scores.get("cats_macro_f", 1.0) == 1.0
    )

    nlp.to_disk(tmp_path)
    texts = [eg.text for eg in examples]
    assert [written(doc) for doc in spacy.load(tmp_path).pipe(texts)] == [written(doc) for doc in nlp.pipe(texts)]
    assert [written(doc) for doc in nlp.pipe(texts, n_process=2, batch_size=2)] == [
        written(doc) for doc in nlp.pipe(texts, batch_size=2)
    ]


# Gradients


@registry.architectures("test_shared_encoder.Table.v1")
def build_table() -> Model:
    """A tok2vec that is linear in its weights, so that finite differences are exact except at maxima over spans."""
    return chain(FeatureExtractor(["NORM"]), with_array(HashEmbed(16, 500, column=0)))


@pytest.mark.parametrize("text_pooling", ["mean", "max"])
@pytest.mark.parametrize(
    "factory,settings",
    [
        ("spert_mt", {}),
        ("spert_mt", {"model": {"mode": "spert"}}),
        ("spert_mt", {"model": {"mode": "paper"}}),
        ("spert_mt", {"entities": "given"}),
        ("spert_mt", {"model": {"see_cats": True}}),
        ("mre_textcat", {"loss_weight": 1.0}),
        ("mre_textcat", {"loss_weight": 1.0, "multi_label": True, "model": {"hidden_size": 8}}),
    ],
)
def test_gradients_of_the_encoder_equal_finite_differences(factory, settings, text_pooling, make_nlp, make_examples):
    tok2vec = {"@architectures": "test_shared_encoder.Table.v1"}
    encoder = {"@architectures": "spacy_mre.Tok2VecEncoder.v1", "text_pooling": text_pooling, "tok2vec": tok2vec}
    if factory == "spert_mt":
        settings = {"negatives": -1, **settings}
    nlp = make_nlp(factory, encoder=encoder, **settings)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    pipe = nlp.get_pipe(factory)
    (table,) = [node for node in pipe.model.get_ref("encoder").walk() if node.name == "hashembed"]

    def loss_at(weights):
        table.set_param("E", weights)
        return pipe.update(examples)[factory]

    weights = table.get_param("E") * 10  # so far apart that each maximum stays at the same token
    loss_at(weights)
    gradient = table.get_grad("E").copy()
    length = numpy.linalg.norm(gradient)
    assert length > 0.01
    random = numpy.random.default_rng(0)
    for share in (1.0, 0.5, 0.5):
        step = 1e-2 * gradient * (random.random(gradient.shape) < share) / length
        difference = (loss_at(weights + step) - loss_at(weights - step)) / 2
        assert difference == pytest.approx(float((gradient * step).sum()), rel=0.05)


@pytest.mark.parametrize("factories", [("spert_mt", "mre_textcat"), ("mre_textcat", "spert_mt")])
def test_gradients_of_several_listeners_are_added(factories, gradients_without):
    """Also if one of them, the last or another one, learns nothing from a batch."""
    everything = gradients_without(factories=factories)
    cats = gradients_without("entities", "relations", factories=factories)
    spans = gradients_without("cats", factories=factories)
    assert numpy.abs(cats).max() > 0 and numpy.abs(spans).max() > 0
    assert cats + spans == pytest.approx(everything, abs=1e-5)
    assert not gradients_without("entities", "relations", "cats", factories=factories).any()


@pytest.mark.parametrize("lacking", ["entities", "relations", "cats"])
def test_a_document_may_lack_one_kind_of_gold(lacking, gradients_without):
    complete, partial, without = (
        gradients_without(),
        gradients_without(lacking, texts=slice(2)),
        gradients_without(lacking),
    )
    for one, other in ((complete, partial), (partial, without)):
        assert numpy.abs(one - other).max() > 1e-4
    assert without.any()


def test_updates_with_empty_texts(make_shared_nlp, make_examples):
    nlp = make_shared_nlp("ner", "mre_textcat", "spert_mt")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    empty = make_examples(nlp, [("", [], [], {"people": 1.0, "travel": 0.0})] * 2)
    before = weights_of(nlp.get_pipe("tok2vec").model)
    sgd = Adam(0.01)
    for batch in (empty, examples[:2], [*empty, *examples], empty):
        assert all(numpy.isfinite(loss) for loss in nlp.update(batch, sgd=sgd).values())
    assert largest(a - b for a, b in zip(before, weights_of(nlp.get_pipe("tok2vec").model))) > 0
    assert [len(doc) for doc in nlp.pipe(["", "Ida lives in Lima .", ""])] == [0, 5, 0]


# Pipelines in which the encoder would learn nothing, or vectors would be wrong


def freeze(nlp, *names, annotating=()):
    nlp.config["training"] = {
        **nlp.config["training"],
        "frozen_components": list(names),
        "annotating_components": list(annotating),
    }


@pytest.mark.parametrize("between", [True, False])
def test_another_encoder_between_an_encoder_and_its_listener_raises_m306(make_shared_nlp, make_examples, between):
    """In prediction `doc.tensor` is that of the last one."""
    nlp = make_shared_nlp("spert_mt")
    nlp.add_pipe("tok2vec", name="other", **({"after": "tok2vec"} if between else {"last": True}))
    examples = make_examples(nlp)
    if not between:
        nlp.initialize(lambda: examples)
        return
    with pytest.raises(ValueError, match=r"M306.*'spert_mt' listens to 'tok2vec', but 'other'.*doc\.tensor"):
        nlp.initialize(lambda: examples)


def test_a_frozen_last_listener_raises_m304(make_shared_nlp, make_examples):
    nlp = make_shared_nlp("spert_mt", "mre_textcat")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    freeze(nlp, "mre_textcat")
    with pytest.raises(ValueError, match=r"M304.*'mre_textcat' is frozen.*'tok2vec'"):
        nlp.initialize(lambda: examples)
    nlp.config["training"] |= {"frozen_components": "${training.frozen}", "frozen": ["mre_textcat"]}
    with pytest.raises(ValueError, match=r"M304.*'mre_textcat' is frozen.*'tok2vec'"):
        nlp.initialize(lambda: examples)
    freeze(nlp, "mre_textcat", "tok2vec")  # a frozen encoder needs no gradients
    nlp.initialize(lambda: examples)
    freeze(nlp, "spert_mt")  # not the last
    with nlp.select_pipes(disable=["spert_mt"]):
        nlp.initialize(lambda: examples)


def updates(nlp, examples, **options):
    """The warnings of three updates, and whether they change the encoder."""
    before = weights_of(nlp.get_pipe("tok2vec").model)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            nlp.update(examples, sgd=False, **options)
            for _, pipe in nlp.pipeline:
                pipe.finish_update(Adam(0.01))
    after = weights_of(nlp.get_pipe("tok2vec").model)
    told = [str(warning.message) for warning in caught if "W302" in str(warning.message)]
    return told, largest(a - b for a, b in zip(before, after)) > 0


def test_a_last_listener_that_returns_no_gradient_is_w302(make_shared_nlp, make_examples):
    """Excluded, disabled, or of a component that is not initialized and therefore not checked."""
    nlp = make_shared_nlp("spert_mt", "mre_textcat")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    assert updates(nlp, examples) == ([], True)
    assert updates(nlp, examples, exclude=["spert_mt"]) == ([], True)
    told, has_learned = updates(nlp, examples, exclude=["mre_textcat"])
    assert not has_learned
    assert len(told) == 1 and "'mre_textcat' returned no gradient to 'tok2vec'" in told[0]
    assert updates(nlp, examples, exclude=["mre_textcat"]) == ([], False)  # told already
    assert updates(nlp, examples) == ([], True)
    nlp.initialize(lambda: examples)
    with nlp.select_pipes(disable=["mre_textcat"]):
        assert not updates(nlp, examples)[1]


def test_spacy_train_raises_m304_for_a_frozen_last_listener(make_examples, tmp_path):
    nlp = spacy.blank("en")
    save_docs([eg.reference for eg in make_examples(nlp)], tmp_path / "train.spacy")
    config = Config().from_str(
        CONFIG, overrides={"paths.train": str(tmp_path / "train.spacy"), "training.max_steps": 1}
    )
    train_nlp(init_nlp(config), tmp_path)
    config["components"] = {
        name: {"source": str(tmp_path / "model-last")} for name in ("tok2vec", "ner", "mre_textcat")
    } | {"spert_mt": config["components"]["spert_mt"]}
    config["training"]["frozen_components"] = ["mre_textcat"]
    with pytest.raises(ValueError, match="M304"):
        init_nlp(config)


def test_a_component_with_a_replaced_listener_can_be_frozen(make_shared_nlp, make_examples, tmp_path):
    """The advice of M304 works."""
    nlp = make_shared_nlp("spert_mt", "mre_textcat")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    before = [doc.cats for doc in nlp.pipe(eg.text for eg in examples)]
    nlp.replace_listeners("tok2vec", "mre_textcat", ["model.encoder.tok2vec"])
    assert nlp.get_pipe("tok2vec").listening_components == ["spert_mt"]
    freeze(nlp, "mre_textcat")
    check_pipeline(nlp, nlp.get_pipe("spert_mt"))
    encoder, sgd = nlp.get_pipe("tok2vec").model, Adam(0.01)
    old = weights_of(encoder)
    for _ in range(2):
        nlp.update(examples, sgd=sgd, exclude=["mre_textcat"])
    assert largest(a - b for a, b in zip(old, weights_of(encoder))) > 0
    assert [doc.cats for doc in nlp.pipe(eg.text for eg in examples)] == before
    nlp.to_disk(tmp_path)
    assert [doc.cats for doc in spacy.load(tmp_path).pipe(eg.text for eg in examples)] == before


def test_heads_learn_on_a_frozen_encoder_that_annotates(make_shared_nlp, make_examples):
    nlp = make_shared_nlp("spert_mt", "mre_textcat")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    encoder, sgd = nlp.get_pipe("tok2vec").model, Adam(0.01)
    old, losses = weights_of(encoder), []
    for _ in range(40):
        losses.append(nlp.update(examples, sgd=sgd, exclude=["tok2vec"], annotates=["tok2vec"]))
    assert largest(a - b for a, b in zip(old, weights_of(encoder))) == 0
    assert (
        losses[-1]["spert_mt"] < losses[0]["spert_mt"] / 2 and losses[-1]["mre_textcat"] < losses[0]["mre_textcat"] / 2
    )


@pytest.mark.parametrize("position", ["last", "after_encoder"])
def test_retokenizing_after_the_encoder_raises_m305(position, make_shared_nlp, make_examples):
    nlp = make_shared_nlp("spert_mt")
    nlp.add_pipe("merge_entities", **({"last": True} if position == "last" else {"after": "tok2vec"}))
    examples = make_examples(nlp)
    with pytest.raises(ValueError, match=r"M305.*'merge_entities'.*'tok2vec'"):
        nlp.initialize(lambda: examples)


def test_retokenizing_before_the_encoder_is_allowed(make_shared_nlp, make_examples, fit):
    nlp = make_shared_nlp("spert_mt")
    nlp.add_pipe("merge_entities", first=True)
    ruler = nlp.add_pipe("entity_ruler", first=True)
    fit(nlp, make_examples(nlp), 60)
    ruler.add_patterns([{"label": "word", "pattern": "lives in"}])
    doc = nlp("Tom lives in Oslo .")
    assert [token.text for token in doc] == ["Tom", "lives in", "Oslo", "."]
    assert [relation["tail"] for relation in doc._.relations] == [[2, 3]]


def test_retokenizing_raises_m305_without_a_shared_encoder_too(make_nlp, make_examples):
    nlp = make_nlp("spert_mt")
    nlp.add_pipe("merge_entities")
    examples = make_examples(nlp)
    with pytest.raises(ValueError, match="M305"):
        nlp.initialize(lambda: examples)


def test_vectors_of_other_tokens_raise_m303(make_shared_nlp, make_examples):
    nlp = make_shared_nlp("spert_mt", "mre_textcat")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    for name in ("spert_mt", "mre_textcat"):
        doc = nlp.make_doc("Ida lives in Lima .")
        doc.tensor = numpy.zeros((3, 32), dtype="f")
        with pytest.raises(ValueError, match=r"M303.*read 3 tokens.*has 5"):
            nlp.get_pipe(name)(doc)


def test_a_disabled_tok2vec_raises_m302(make_shared_nlp, make_examples):
    """Without the error, spaCy's listener would return zeros."""
    nlp = make_shared_nlp("spert_mt")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    with nlp.select_pipes(disable=["tok2vec"]):
        with pytest.raises(ValueError, match="M302"):
            nlp("Ida lives in Lima .")
        assert not len(nlp(""))


@pytest.mark.parametrize("is_tagged", [False, True])
def test_missing_annotations_that_the_encoder_reads_cause_w301(make_shared_nlp, make_examples, is_tagged, recwarn):
    nlp = make_shared_nlp("spert_mt")
    model = nlp.get_pipe("tok2vec").model
    (columns,) = [node.attrs["columns"] for node in model.walk() if node.name == "extract_features"]
    columns[:] = ["TAG", *columns[1:]]
    examples = make_examples(nlp)
    for eg in examples if is_tagged else ():
        eg.predicted[0].tag_ = "B-nr"
    nlp.initialize(lambda: examples)
    messages = [str(warning.message) for warning in recwarn if "W301" in str(warning.message)]
    assert len(messages) == (0 if is_tagged else 1)
    assert is_tagged or "'spert_mt' reads TAG" in messages[0]
