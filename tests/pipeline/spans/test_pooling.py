import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.pipeline.spans.pooling import all_maxima, range_max, to_index


def textbook_max(vectors, starts, ends):
    """Spans x tokens x width: what is outside a span is -inf."""
    rows = torch.arange(len(vectors))
    mask = (rows >= to_index(starts, vectors)[:, None]) & (rows < to_index(ends, vectors)[:, None])
    filled = vectors[None].masked_fill(~mask[:, :, None], -torch.inf)
    return filled.amax(dim=1)


def random_vectors(rows=13, width=5, seed=0):
    # Different everywhere: with ties the gradient may go to any of the best.
    return torch.randn(rows, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def every_range(rows):
    return numpy.array([(start, end) for start in range(rows) for end in range(start + 1, rows + 1)]).T


def same_forward_and_gradient(vectors, starts, ends):
    ours, textbook = range_max(vectors, starts, ends), textbook_max(vectors, starts, ends)
    assert torch.equal(ours, textbook)
    weights = torch.randn(ours.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    (d_ours,) = torch.autograd.grad((ours * weights).sum(), vectors)
    (d_textbook,) = torch.autograd.grad((textbook * weights).sum(), vectors)
    assert torch.allclose(d_ours, d_textbook, atol=1e-12, rtol=0)
    assert d_ours.any()


@pytest.mark.parametrize("rows", [1, 2, 3, 8, 13])
def test_range_max_is_the_textbook_maximum_of_every_range(rows):
    same_forward_and_gradient(random_vectors(rows), *every_range(rows))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.integers(1, 40).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(1, n)), min_size=1))
    )
)
def test_range_max_of_ranges_in_any_order(case):
    rows, places = case
    starts = numpy.array([start for start, _ in places])
    ends = numpy.minimum(starts + numpy.array([width for _, width in places]), rows)
    same_forward_and_gradient(random_vectors(rows, 3, seed=rows), starts, ends)


def test_range_max_passes_gradcheck():
    starts, ends = every_range(5)
    assert torch.autograd.gradcheck(lambda vectors: range_max(vectors, starts, ends), random_vectors(5, 2))


def test_an_empty_range_gives_zeros_and_no_gradient():
    vectors = random_vectors(4)
    pooled = range_max(vectors, numpy.array([2, 1, 0, 4]), numpy.array([2, 3, 0, 4]))
    assert not pooled[[0, 2, 3]].any()
    assert torch.equal(pooled[1], vectors[1:3].amax(dim=0))
    only_empty = range_max(vectors, numpy.array([1]), numpy.array([1]))
    assert only_empty.tolist() == [[0.0] * 5] and not only_empty.requires_grad
    (gradient,) = torch.autograd.grad(pooled.sum(), vectors)
    assert not gradient[[0, 3]].any()


def test_no_ranges_and_no_rows():
    none = numpy.zeros(0, dtype=numpy.int64)
    assert range_max(random_vectors(4, 5), none, none).shape == (0, 5)
    assert range_max(torch.zeros(0, 5), none, none).shape == (0, 5)
    assert range_max(torch.zeros(0, 5), numpy.array([0]), numpy.array([0])).tolist() == [[0.0] * 5]


@pytest.mark.parametrize("max_width", [1, 3, 6, 9])
@pytest.mark.parametrize("begin, size", [(0, 6), (0, 100), (2, 2), (5, 3)])
def test_all_maxima_are_the_textbook_maxima(max_width, begin, size):
    vectors = random_vectors(6).detach()
    maxima = all_maxima(vectors, begin, size, max_width)
    starts = numpy.arange(begin, min(begin + size, 6))
    assert maxima.shape == (max_width, len(starts), vectors.shape[1])
    for width in range(1, max_width + 1):
        inside = starts + width <= 6
        textbook = textbook_max(vectors, starts[inside], starts[inside] + width)
        assert torch.equal(maxima[width - 1, : inside.sum()], textbook)


def test_index_tensors():
    index = to_index(numpy.arange(6, dtype=numpy.int32)[::2], torch.zeros(1))
    assert (index.dtype, index.tolist()) == (torch.int64, [0, 2, 4])
