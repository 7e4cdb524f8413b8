"""A small pipeline of each component, trained a little and with low thresholds, so that it predicts a lot."""

import spacy
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed
from thinc.api import Adam

from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import make_relation, set_relations

# Words, entities, relations (indices of head and tail, label), text label.
TEXTS = [
    ("Ida lives and works in Lima .", [(0, 1, "person"), (5, 6, "place")], [(0, 1, "lives_in")], "people"),
    ("A ferry left the port of Oslo .", [(3, 7, "site"), (6, 7, "place")], [(0, 1, "part_of")], "travel"),
    ("Ida and Tom are friends .", [(0, 1, "person"), (2, 3, "person")], [(0, 1, "friend")], "people"),
    ("It rained .", [], [], "travel"),
]
CNN = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "pretrained_vectors": None,
    "width": 16,
    "depth": 1,
    "embed_size": 200,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": True,
}
ENCODER = {"@architectures": "spacy_mre.Tok2VecEncoder.v1", "tok2vec": CNN}
TOKENIZER = {"kind": "bpe", "vocab_size": 300}
LAYERS = {"layers": 1, "attention_heads": 2, "ffn_dim": 32}
BART = {
    "model_type": "bart",
    "d_model": 32,
    "max_position_embeddings": 192,
    **{f"{half}_{name}": value for half in ("encoder", "decoder") for name, value in LAYERS.items()},
}
LLAMA = {
    "model_type": "llama",
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "max_position_embeddings": 192,
}
COMPONENTS = {
    "spert_mt": {
        "model": {"@architectures": "spacy_mre.SpertMT.v1", "encoder": ENCODER, "max_width": 4},
        "entity_threshold": 0.02,
        "relation_threshold": 0.02,
        "overlap": "nested",
        "constraints": "any",
    },
    "mre_textcat": {"model": {"@architectures": "spacy_mre.TextCat.v1", "encoder": ENCODER}},
    "multi_ner": {
        "model": {
            "@architectures": "spacy_mre.MultiNER.v1",
            "interaction": {
                "@architectures": "spacy_mre.LateInteraction.v1",
                "encoder": ENCODER,
                "size": 8,
                "attention_heads": 2,
            },
            "hidden_size": 8,
        },
        "questions": {"person": "Find people.", "place": "Find towns.", "site": "Find buildings."},
        "boundary_threshold": 0.1,
        "span_threshold": 0.1,
    },
    "slg": {
        "model": {"@architectures": "spacy_mre.Seq2SeqLM.v1", "config": BART, "tokenizer": TOKENIZER},
        "max_new_tokens": 64,
    },
    "oiellm": {
        "model": {"@architectures": "spacy_mre.CausalLM.v1", "config": LLAMA, "tokenizer": TOKENIZER},
        "max_new_tokens": 64,
    },
}


def make_examples(nlp):
    """Gold documents of the texts, and documents with the same tokens and no annotations."""
    examples = []
    for words, entities, relations, label in TEXTS:
        gold = Doc(nlp.vocab, words=words.split())
        gold.cats = {name: float(name == label) for name in ("people", "travel")}
        set_entities(gold, [(*entity, 1.0) for entity in entities])
        set_relations(
            gold, [make_relation(entities[head][:2], entities[tail][:2], name) for head, tail, name in relations]
        )
        examples.append(Example(Doc(nlp.vocab, words=words.split()), gold))
    return examples


def make_pipeline(*factories, steps=40):
    """Make a pipeline of some components, each with its own encoder, and train it for some steps."""
    fix_random_seed(0)
    nlp = spacy.blank("en")
    for factory in factories:
        nlp.add_pipe(factory, config=COMPONENTS[factory])
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    sgd = Adam(0.005)
    for _ in range(steps):
        nlp.update(examples, sgd=sgd)
    return nlp
