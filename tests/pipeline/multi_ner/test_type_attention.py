"""Attention between types, compared with plain loops."""

import math

import numpy
import pytest
import torch

from spacy_mre.pipeline.multi_ner.type_attention import TypeAttention

WIDTH, TYPES = 6, 3
SIZES = numpy.array([4, 0, 3])


def make_vectors(positions=7, types=TYPES):
    return torch.randn(types, positions, WIDTH)


def make_attention(scope):
    module = TypeAttention(WIDTH, scope, 0.0)
    for weight in module.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    return module.eval()


def attend_by_loop(module, vectors, sizes):
    """A loop over types and positions. Each attends to all types at its position, or at all positions of its text."""
    query, key, value = (layer(vectors) for layer in (module.query, module.key, module.value))
    texts = numpy.repeat(numpy.arange(len(sizes)), sizes)
    attended = torch.zeros_like(vectors)
    for i in range(vectors.shape[0]):
        for p in range(vectors.shape[1]):
            positions = [p] if module.scope == "token" else numpy.flatnonzero(texts == texts[p]).tolist()
            keys, values = key[:, positions].flatten(0, 1), value[:, positions].flatten(0, 1)
            weights = torch.softmax(keys @ query[i, p] / math.sqrt(WIDTH), dim=0)
            attended[i, p] = weights @ values
    return attended


@pytest.mark.parametrize("scope", ["token", "full"])
def test_attention_is_scaled_masked_and_has_a_residual(scope):
    module, vectors = make_attention(scope), make_vectors()
    with torch.no_grad():
        expected = vectors + attend_by_loop(module, vectors, SIZES)
        assert torch.allclose(module(vectors, SIZES), expected, atol=1e-5)


@pytest.mark.parametrize("scope", ["token", "full"])
def test_texts_do_not_attend_to_each_other(scope):
    module, vectors = make_attention(scope), make_vectors()
    other = vectors.clone()
    other[:, 4:] += 1
    with torch.no_grad():
        assert torch.allclose(module(vectors, SIZES)[:, :4], module(other, SIZES)[:, :4], atol=1e-6)
        assert not torch.allclose(module(vectors, SIZES)[:, 4:], module(other, SIZES)[:, 4:], atol=1e-2)


@pytest.mark.parametrize("scope", ["token", "full"])
def test_types_attend_to_each_other(scope):
    module, vectors = make_attention(scope), make_vectors()
    other = vectors.clone()
    other[2] += 1
    with torch.no_grad():
        assert not torch.allclose(module(vectors, SIZES)[0], module(other, SIZES)[0], atol=1e-2)


@pytest.mark.parametrize("scope", ["token", "full"])
def test_no_positions(scope):
    module, vectors = make_attention(scope), make_vectors(0)
    assert module(vectors, numpy.zeros(2, dtype=int)).shape == (TYPES, 0, WIDTH)


def test_weights_between_types_by_hand():
    module, vectors = make_attention("token"), make_vectors()
    with torch.no_grad():
        by_token = torch.stack(
            [
                torch.softmax(module.query(vectors[:, p]) @ module.key(vectors[:, p]).T / math.sqrt(WIDTH), dim=1)
                for p in range(7)
            ]
        )
        assert torch.allclose(module.between_types(vectors, SIZES), by_token.mean(dim=0), atol=1e-6)


@pytest.mark.parametrize("scope", ["token", "full"])
def test_weights_between_types_sum_to_one(scope):
    module, vectors = make_attention(scope), make_vectors()
    with torch.no_grad():
        weights = module.between_types(vectors, SIZES)
    assert weights.shape == (TYPES, TYPES) and torch.allclose(weights.sum(dim=1), torch.ones(TYPES), atol=1e-5)


def test_a_type_that_all_attend_to_has_large_weights():
    """The queries of all types are similar to the key of the second one."""
    for scope in ("token", "full"):
        module = TypeAttention(WIDTH, scope, 0.0)
        torch.nn.init.eye_(module.query.weight)
        torch.nn.init.eye_(module.key.weight)
        vectors = torch.ones(TYPES, 7, WIDTH)
        vectors[1] *= 5
        with torch.no_grad():
            weights = module.between_types(vectors, SIZES)
        assert weights[:, 1].min() > 0.9
