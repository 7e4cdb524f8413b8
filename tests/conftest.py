"""Shared fixtures: small texts, pipelines and models, seeded and on the CPU."""

import os
import shutil

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from importlib.util import find_spec
from pathlib import Path

import pytest
import spacy
import torch
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed
from thinc.api import Adam

from spacy_mre.annotations.entities import get_entities, set_entities
from spacy_mre.annotations.relations import get_relations, make_relation, set_relations

# Words, entities (start, end, label), relations (head, tail, label; head and tail are indices of the entities), cats.
# Includes nested entities ("the port of Oslo"), a pair with two labels (Ida, Lima) and a symmetric relation ("friend").
TEXTS = [
    (
        "Ida lives and works in Lima .",
        [(0, 1, "person"), (5, 6, "place")],
        [(0, 1, "lives_in"), (0, 1, "works_in")],
        {"people": 1.0, "travel": 0.0},
    ),
    ("Tom lives in Oslo .", [(0, 1, "person"), (3, 4, "place")], [(0, 1, "lives_in")], {"people": 1.0, "travel": 0.0}),
    (
        "A ferry left the port of Oslo for Lima .",
        [(3, 7, "site"), (6, 7, "place"), (8, 9, "place")],
        [(0, 1, "part_of")],
        {"people": 0.0, "travel": 1.0},
    ),
    (
        "Ida and Tom are friends .",
        [(0, 1, "person"), (2, 3, "person")],
        [(0, 1, "friend")],
        {"people": 1.0, "travel": 0.0},
    ),
    (
        "The old tower of Lima fell .",
        [(0, 5, "site"), (4, 5, "place")],
        [(0, 1, "part_of")],
        {"people": 0.0, "travel": 1.0},
    ),
    ("It rained .", [], [], {"people": 0.0, "travel": 1.0}),
]
HASH_EMBED_CNN = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "pretrained_vectors": None,
    "width": 32,
    "depth": 2,
    "embed_size": 500,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": False,
}
TOK2VEC_ENCODER = {"@architectures": "spacy_mre.Tok2VecEncoder.v1", "tok2vec": HASH_EMBED_CNN}
LISTENING_ENCODER = {
    "@architectures": "spacy_mre.Tok2VecEncoder.v1",
    "tok2vec": {"@architectures": "spacy.Tok2VecListener.v1", "width": 32, "upstream": "*"},
}
ARCHITECTURES = {"spert_mt": "spacy_mre.SpertMT.v1", "mre_textcat": "spacy_mre.TextCat.v1"}


@pytest.fixture(autouse=True)
def one_thread_and_one_seed():
    torch.set_num_threads(1)
    fix_random_seed(0)


@pytest.fixture(scope="session")
def make_doc():
    """Makes a gold document. None means no gold of that kind."""

    def make(nlp, words, entities=None, relations=None, cats=None, *, spaces=None):
        doc = Doc(nlp.vocab, words=words.split() if isinstance(words, str) else words, spaces=spaces)
        if entities is not None:
            set_entities(doc, [(*entity, 1.0) for entity in entities])
        if relations is not None:
            set_relations(doc, [_relation(entities, *relation) for relation in relations])
        doc.cats = dict(cats or {})
        return doc

    return make


def _relation(entities, head, tail, label):
    (*head, head_label), (*tail, tail_label) = entities[head], entities[tail]
    return make_relation(head, tail, label, head_label=head_label, tail_label=tail_label)


@pytest.fixture(scope="session")
def make_examples(make_doc):
    """Makes examples of texts: the gold document, and a document with the same tokens and no annotations."""

    def make(nlp, texts=TEXTS):
        golds = [make_doc(nlp, *text) for text in texts]
        return [
            Example(Doc(nlp.vocab, words=[t.text for t in gold], spaces=[bool(t.whitespace_) for t in gold]), gold)
            for gold in golds
        ]

    return make


@pytest.fixture(scope="session")
def settings_of():
    """Makes the config of a component: `model` contains the settings of its model."""

    def settings(factory, *, encoder=TOK2VEC_ENCODER, model=None, **own):
        return {
            "model": {"@architectures": ARCHITECTURES[factory], "encoder": encoder, "dropout": 0.0, **(model or {})},
            **own,
        }

    return settings


@pytest.fixture(scope="session")
def make_nlp(settings_of):
    """Makes a pipeline of one component with its own encoder."""

    def make(factory="spert_mt", **settings):
        nlp = spacy.blank("en")
        nlp.add_pipe(factory, config=settings_of(factory, **settings))
        return nlp

    return make


@pytest.fixture(scope="session")
def make_shared_nlp(settings_of):
    """Makes a pipeline of several components that share a tok2vec."""

    def make(*factories, **settings):
        nlp = spacy.blank("en")
        nlp.add_pipe("tok2vec", config={"model": HASH_EMBED_CNN})
        for factory in factories:
            if factory == "ner":
                nlp.add_pipe(factory, config={"model": {"tok2vec": LISTENING_ENCODER["tok2vec"]}})
            elif factory in ARCHITECTURES:
                nlp.add_pipe(
                    factory, config=settings_of(factory, encoder=LISTENING_ENCODER, **settings.get(factory, {}))
                )
            else:
                nlp.add_pipe(factory)
        return nlp

    return make


@pytest.fixture(scope="session")
def fit():
    """Trains a pipeline until it overfits the examples."""

    def train(nlp, examples, steps=60, learn_rate=0.01, **settings):
        nlp.initialize(lambda: examples)
        sgd = Adam(learn_rate)
        losses = {}
        for _ in range(steps):
            losses = nlp.update(examples, sgd=sgd, **settings)
        return losses

    return train


@pytest.fixture(scope="session")
def annotations():
    """Reads the entities and relations of a document, without scores."""

    def read(doc):
        entities = [tuple(span[:3]) for span in get_entities(doc) or ()]
        relations = sorted(
            (*relation["head"], *relation["tail"], relation["label"], relation["head_label"], relation["tail_label"])
            for relation in get_relations(doc) or ()
        )
        return entities, relations

    return read


@pytest.fixture(scope="session")
def written():
    """Reads everything that components write to a document, with scores."""

    def read(doc):
        return get_entities(doc), [ent.text for ent in doc.ents], get_relations(doc), dict(doc.cats)

    return read


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory):
    """A BERT with two layers and random weights. Its tokenizer has a few words; it splits all others into letters."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny_bert")
    letters = "abcdefghijklmnopqrstuvwxyz."
    words = ["ida", "lives", "in", "tom", "os", "##lo", "li", "##ma", "and", "the", "of"]
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, *letters, *(f"##{letter}" for letter in letters)]
    (folder / "vocab.txt").write_text("\n".join(vocab))
    BertTokenizerFast(str(folder / "vocab.txt"), do_lower_case=True).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocab),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.1,
    )
    BertModel(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def mre_data() -> Path:
    """The folder of real data sets, as they are published. Tests that need it are skipped without it."""
    folder = os.environ.get("MRE_DATA")
    if not folder:
        pytest.skip("set MRE_DATA to the folder of real data sets")
    return Path(folder)


@pytest.fixture(scope="session")
def chromium():
    """A browser without a window, for all tests that need one."""
    if find_spec("playwright") is None:
        pytest.skip("playwright is not installed: pip install playwright")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
