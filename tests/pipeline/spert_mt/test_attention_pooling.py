import numpy
import pytest
import torch

from spacy_mre.pipeline.spert_mt.attention_pooling import SHARPEST, range_attention_in_chunks


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def every_range(rows):
    starts, ends = numpy.meshgrid(numpy.arange(rows + 1), numpy.arange(rows + 1), indexing="ij")
    inside = starts <= ends  # empty ones too
    return starts[inside], ends[inside]


def plain(vectors, scores, start, end):
    if start == end:
        return torch.zeros(vectors.shape[1], dtype=vectors.dtype)
    weights = torch.softmax(SHARPEST * torch.tanh(scores[start:end] / SHARPEST), dim=0)
    return weights @ vectors[start:end]


def whole(vectors, scores, starts, ends, size):
    places, means = zip(*range_attention_in_chunks(vectors, scores, starts, ends, size))
    assert numpy.concatenate(places).tolist() == list(range(len(starts))) and all(
        len(chunk) <= size for chunk in places
    )
    return torch.cat(means)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_it_is_the_softmax_over_each_range(size):
    vectors, scores = random(9, 4), 3 * random(9, seed=1)
    starts, ends = every_range(9)
    expected = torch.stack([plain(vectors, scores, start, end) for start, end in zip(starts, ends)])
    assert torch.allclose(whole(vectors, scores, starts, ends, size), expected, atol=1e-12)


def test_equal_scores_are_a_mean_and_one_token_is_itself():
    vectors = random(5, 3).float()
    (means,) = (
        means
        for _, means in range_attention_in_chunks(vectors, torch.zeros(5), numpy.array([0, 2]), numpy.array([5, 3]), 10)
    )
    assert means.dtype == torch.float32
    assert torch.allclose(means, torch.stack([vectors.mean(dim=0), vectors[2]]), atol=1e-6)


def test_the_lightest_token_of_a_large_batch_is_not_lost():
    """The first and the last of many tokens are as light as can be, all others as heavy."""
    vectors, scores = random(50_000, 2).float(), torch.full((50_000,), 1e4)
    scores[[0, -1]] = -1e4
    found = whole(vectors, scores, numpy.array([0, 49_999]), numpy.array([1, 50_000]), 10)
    assert torch.allclose(found, vectors[[0, -1]], atol=1e-5)


def test_gradients_by_finite_differences():
    starts, ends = every_range(4)
    vectors, scores = random(4, 2).requires_grad_(), random(4, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda vectors, scores: whole(vectors, scores, starts, ends, 6), (vectors, scores))


def test_no_ranges():
    none = numpy.zeros(0, dtype=numpy.int64)
    assert list(range_attention_in_chunks(random(3, 2), random(3), none, none, 5)) == []
