"""Texts, configs and pipelines for the tests of multi_ner."""

import spacy
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Adam

from spacy_mre.annotations.entities import get_entities, set_entities

QUESTIONS = {"person": "Find people .", "place": "Find towns and other places .", "site": "Find buildings and ports ."}
# Includes nested entities of two types ("the port of Oslo") and of one type ("the north of the town").
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
ENCODER = {"@architectures": "spacy_mre.Tok2VecEncoder.v1", "tok2vec": CNN}
LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32, "upstream": "*"}
LATE = {
    "@architectures": "spacy_mre.LateInteraction.v1",
    "encoder": ENCODER,
    "size": 16,
    "attention_heads": 2,
    "dropout": 0.0,
}
LISTENING = {
    **LATE,
    "encoder": {"@architectures": "spacy_mre.Tok2VecEncoder.v1", "tok2vec": LISTENER},
    "questions": ENCODER,
}
CROSS_CNN = {"@architectures": "spacy_mre.CrossTok2Vec.v1", "tok2vec": CNN}


def transformer_model(folder):
    return {
        "@architectures": "spacy-transformers.TransformerModel.v3",
        "name": folder,
        "get_spans": {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 16, "stride": 12},
        "tokenizer_config": {"use_fast": True},
    }


def cross(folder, **settings):
    return {"@architectures": "spacy_mre.CrossTransformer.v1", "transformer": transformer_model(folder), **settings}


def drop_snowmen(tokenizer):
    """Let a tokenizer drop a character that readers see. That of BERT drops only those that they do not see."""
    from tokenizers.normalizers import Replace, Sequence

    backend = tokenizer.backend_tokenizer
    backend.normalizer = Sequence([Replace("☃", ""), backend.normalizer])


def make_interaction(kind, folder, **settings):
    """The config of "late", "cross_cnn" or "cross"; the settings are those of "cross"."""
    return {"late": LATE, "cross_cnn": CROSS_CNN, "cross": cross(folder, **settings)}[kind]


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


def make_and_initialize(**settings):
    nlp = make_nlp(**settings)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    return nlp


def make_shared(*factories, **settings):
    """A pipeline with a shared tok2vec. The components after multi_ner read its entities."""
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": CNN})
    nlp.add_pipe("multi_ner", config=settings_of(LISTENING, **settings))
    for factory in factories:
        model = {"@architectures": "spacy_mre.SpertMT.v1", "encoder": LISTENING["encoder"], "dropout": 0.0}
        nlp.add_pipe(factory, config={"model": model, "entities": "given"})
    return nlp


def make_examples(nlp, texts=TEXTS):
    """None in place of entities means no gold."""
    examples = []
    for words, entities in texts:
        gold = Doc(nlp.vocab, words=words.split())
        if entities is not None:
            set_entities(gold, [(*entity, 1.0) for entity in entities])
        examples.append(Example(Doc(nlp.vocab, words=words.split()), gold))
    return examples


def fit(nlp, steps=60, texts=TEXTS, sgd=None, **settings):
    """Returns the examples and the losses of the last step."""
    examples = make_examples(nlp, texts)
    nlp.initialize(lambda: examples)
    sgd = sgd or Adam(0.01)
    losses = {}
    for _ in range(steps):
        losses = nlp.update(examples, sgd=sgd, **settings)
        sgd.step_schedules()
    return examples, losses


def found(doc):
    return [tuple(span[:3]) for span in get_entities(doc)]


def overfits(nlp, texts=TEXTS):
    return all(sorted(found(nlp(Doc(nlp.vocab, words=words.split())))) == sorted(entities) for words, entities in texts)


def change(nlp, **settings):
    """Set settings of multi_ner in Python."""
    for name, value in settings.items():
        setattr(nlp.get_pipe("multi_ner"), name, value)
