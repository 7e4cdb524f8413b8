"""A small pipeline with its own encoder, and texts with nested entities, pairs with two labels and a symmetric one."""

import pytest
import spacy
import torch
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed

from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import make_relation, set_relations

# Words, entities (start, end, label), relations (head, tail, label; places among the entities).
TEXTS = [
    (
        "Mara runs the old mill of Brook with Tess",
        [(0, 1, "person"), (2, 7, "site"), (6, 7, "place"), (8, 9, "person")],
        [(0, 1, "runs"), (1, 2, "in"), (0, 3, "knows")],
    ),
    ("Tess was born in and left Brook", [(0, 1, "person"), (6, 7, "place")], [(0, 1, "born_in"), (0, 1, "left")]),
    ("the road", [], []),
    ("Fell Farm lies by Brook", [(0, 2, "site"), (4, 5, "place")], [(0, 1, "in")]),
]
# What is gold of the text label, and what was predicted before; nothing is known of one text.
GOLD_CATS = [{"town": 1.0, "land": 0.0}, {"town": 0.0, "land": 1.0}, {}, {"town": 0.0, "land": 1.0}]
PREDICTED_CATS = [{"town": 0.8, "land": 0.2}, {"town": 0.3, "land": 0.7}, {}, {"town": 0.1, "land": 0.9}]
TOK2VEC = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "pretrained_vectors": None,
    "width": 16,
    "depth": 1,
    "embed_size": 200,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": False,
}


@pytest.fixture(autouse=True)
def one_thread_and_one_seed():
    torch.set_num_threads(1)
    fix_random_seed(0)


@pytest.fixture
def tok2vec():
    return TOK2VEC


@pytest.fixture
def make_nlp():
    """An initialised pipeline of `spert_mt` whose heads are far from their first weights; settings of its model in
    `model`."""

    def make(model=None, **settings):
        nlp = spacy.blank("en")
        encoder = {"@architectures": "spacy_mre.Tok2VecEncoder.v1", "tok2vec": TOK2VEC}
        architecture = {
            "@architectures": "spacy_mre.SpertMT.v1",
            "encoder": encoder,
            "dropout": 0.0,
            "max_width": 6,
            **(model or {}),
        }
        pipe = nlp.add_pipe("spert_mt", config={"model": architecture, **settings})
        nlp.initialize(lambda: make_examples(nlp))
        generator, heads = torch.Generator().manual_seed(1), heads_of(pipe)
        for parameter in heads.parameters():
            # With a hidden layer larger weights would give scores so near to 1 that float32 cannot tell them apart.
            torch.nn.init.normal_(parameter, std=0.2 if heads.preset.hidden_size else 0.4, generator=generator)
        return nlp

    return make


def make_examples(nlp):
    examples = []
    for (words, entities, relations), gold_cats, predicted_cats in zip(TEXTS, GOLD_CATS, PREDICTED_CATS):
        gold = Doc(nlp.vocab, words=words.split())
        set_entities(gold, [(*entity, 1.0) for entity in entities])
        joined = [(entities[head], entities[tail], label) for head, tail, label in relations]
        set_relations(
            gold, [make_relation(h[:2], t[:2], label, head_label=h[2], tail_label=t[2]) for h, t, label in joined]
        )
        examples.append(Example(Doc(nlp.vocab, words=words.split()), gold))
        gold.cats, examples[-1].predicted.cats = gold_cats, predicted_cats
    return examples


def heads_of(pipe):
    return pipe.model.get_ref("heads").shims[0].module


@pytest.fixture
def examples_of():
    return make_examples


@pytest.fixture
def module_of():
    return heads_of
