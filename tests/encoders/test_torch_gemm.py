"""Matrix products by torch."""

import subprocess
import sys

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from thinc.api import Linear, NumpyOps, chain

from spacy_mre.encoders.torch_gemm import TorchGemmOps, use_torch_gemm

OPS = TorchGemmOps()
SIZES = st.integers(0, 5)


def make_matrix(rows, columns, seed):
    return numpy.random.default_rng(seed).normal(size=(rows, columns)).astype("float32")


@settings(deadline=None)
@given(SIZES, SIZES, SIZES, st.booleans(), st.booleans(), st.booleans(), st.integers(0, 99))
def test_products_are_those_of_numpy(rows, inner, columns, trans1, trans2, has_out, seed):
    first = make_matrix(*((inner, rows) if trans1 else (rows, inner)), seed)
    second = make_matrix(*((columns, inner) if trans2 else (inner, columns)), seed + 1)
    expected = (first.T if trans1 else first) @ (second.T if trans2 else second)
    out = numpy.full((rows, columns), 7, dtype="float32") if has_out else None
    found = OPS.gemm(first, second, out=out, trans1=trans1, trans2=trans2)
    assert found.dtype == numpy.float32 and found.shape == (rows, columns)
    assert_allclose(found, expected, atol=1e-5)
    if has_out:
        assert_allclose(out, expected, atol=1e-5)


@pytest.mark.filterwarnings("error")
def test_arrays_that_torch_cannot_share_are_multiplied_too():
    first, second = make_matrix(4, 3, 0), make_matrix(3, 2, 1)
    expected = first @ second
    read_only = first.copy()
    read_only.flags.writeable = False
    in_columns, with_gaps = numpy.asfortranarray(first), make_matrix(4, 6, 0)[:, ::2]
    assert_allclose(OPS.gemm(read_only, second), expected, atol=1e-5)
    assert_allclose(OPS.gemm(in_columns, second), expected, atol=1e-5)
    assert_allclose(OPS.gemm(with_gaps, second), with_gaps @ second, atol=1e-5)
    with pytest.raises(ValueError, match="float32"):  # as thinc does
        OPS.gemm(first.astype("float64"), second)


def test_products_are_exact_within_autocast():
    first, second = make_matrix(4, 3, 0), make_matrix(3, 2, 1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert_allclose(OPS.gemm(first, second), first @ second, atol=1e-6)


def test_only_layers_on_numpy_change():
    class OtherOps(NumpyOps):
        """Those of another library."""

    model = chain(Linear(2, 3), Linear(2, 2))
    model.layers[1].ops = other = OtherOps()
    use_torch_gemm(model)
    assert type(model.ops) is type(model.layers[0].ops) is TorchGemmOps and model.layers[1].ops is other
    model.initialize()
    x = make_matrix(5, 3, 0)
    weights, others = ((layer.get_param("W"), layer.get_param("b")) for layer in model.layers)
    assert_allclose(model.predict(x), (x @ weights[0].T + weights[1]) @ others[0].T + others[1], atol=1e-5)


SCRIPT = """
import spacy, torch
from spacy_mre.encoders.torch_gemm import use_torch_gemm
torch.set_num_threads(2)
nlp = spacy.blank("en")
model = nlp.add_pipe("tok2vec").model
model.initialize()
use_torch_gemm(model)
texts = ["Ida lives in Lima and works there."] * 1000
assert len(list(nlp.pipe(texts, batch_size=500))) == len(list(nlp.pipe(texts, batch_size=500, n_process=2)))
"""


def test_processes_that_are_forked_do_not_wait_for_the_threads_of_their_parent():
    subprocess.run([sys.executable, "-W", "ignore", "-c", SCRIPT], check=True, timeout=120)
