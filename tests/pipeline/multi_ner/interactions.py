"""Texts, questions and checks for the tests of interactions."""

import numpy
import pytest
import spacy
from spacy.ml.models.tok2vec import build_hash_embed_cnn_tok2vec
from spacy.util import registry

from spacy_mre.pipeline.multi_ner.interaction import EncodedPairs

NLP = spacy.blank("en")
QUESTIONS = ["who lives in Lima", "the towers", "of"]
TEXTS = ["Ida lives in Lima .", "", " \n ", "Tom", "The old tower of Lima fell on Tom and Ida ."]


def make_docs(texts=TEXTS):
    return [NLP.make_doc(text) for text in texts]


def make_cnn(width=8, depth=2):
    return build_hash_embed_cnn_tok2vec(
        width=width,
        depth=depth,
        embed_size=100,
        window_size=1,
        maxout_pieces=2,
        subword_features=False,
        pretrained_vectors=None,
    )


def make_transformer(folder):
    config = {
        "@architectures": "spacy-transformers.TransformerModel.v3",
        "name": folder,
        "get_spans": {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 20, "stride": 15},
        "tokenizer_config": {"use_fast": True, "model_max_length": 64},
        "transformer_config": {},
        "mixed_precision": False,
        "grad_scaler_config": {},
    }
    return registry.resolve({"model": config})["model"]


def random_like(array):
    return numpy.random.default_rng(0).normal(size=array.shape).astype("f")


def with_vectors(encoded, vectors):
    return EncodedPairs(vectors, encoded.firsts, encoded.lasts, encoded.sizes, encoded.lengths, encoded.cut)


def check_gradient(model, docs, questions, tolerance=2e-2):
    """Compare the gradient with the change of a random sum of the vectors after a small step along it."""
    encoded, backprop = model.begin_update((docs, questions))
    weights = random_like(encoded.vectors)
    backprop(with_vectors(encoded, weights))
    pairs = []
    for node in model.walk():
        pairs += [(node.get_param(name), node.get_grad(name)) for name in node.param_names if node.has_grad(name)]
        for shim in node.shims:
            parameters = [weight for weight in shim._model.parameters() if weight.grad is not None]
            pairs += [(weight.data.numpy(), weight.grad.numpy()) for weight in parameters]
    norm = float(numpy.sqrt(sum((gradient**2).sum() for _, gradient in pairs)))
    assert norm > 0
    values = []
    for step in (1e-3, -2e-3):
        for weight, gradient in pairs:
            weight += step * gradient / norm
        encoded, _ = model.begin_update((docs, questions))
        values.append(float((encoded.vectors.astype("float64") * weights).sum()))
    assert (values[0] - values[1]) / 2e-3 == pytest.approx(norm, rel=tolerance)
