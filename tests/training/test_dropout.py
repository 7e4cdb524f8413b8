"""Dropout from 16 random bits per element."""

import pytest
import torch
from torch import nn

from spacy_mre.training import dropout
from spacy_mre.training.dropout import Dropout, drop, is_slow_in_torch


@pytest.fixture(autouse=True, params=[True, False])
def seed(request, monkeypatch):
    """On CPUs on which torch's own dropout is slow, and on others."""
    monkeypatch.setattr(dropout, "is_slow_in_torch", lambda: request.param)
    torch.manual_seed(0)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_a_share_is_dropped_and_the_rest_scaled(rate):
    values = torch.full((500, 401), 3.0)
    dropped = drop(values, rate)
    share = (dropped == 0).float().mean().item()
    assert share == pytest.approx(rate, abs=0.005)  # four standard deviations at most
    assert dropped[dropped != 0].unique().tolist() == [pytest.approx(3 / (1 - rate), rel=1e-3)]
    assert dropped.mean().item() == pytest.approx(3, rel=0.03)


def test_elements_are_dropped_independently():
    """Also those that share a random number of 64 bits."""
    kept = (drop(torch.ones(20_000, 4), 0.3) != 0).float()
    correlation = torch.corrcoef(kept.T)
    assert (correlation - torch.eye(4)).abs().max() < 0.03
    assert kept.mean(dim=0).tolist() == pytest.approx([0.7] * 4, abs=0.015)
    again = (drop(torch.ones(20_000, 4), 0.3) != 0).float()
    assert torch.corrcoef(torch.stack([kept.flatten(), again.flatten()]))[0, 1].abs() < 0.015


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3,), (2, 0, 3), (5, 7, 3)])
def test_shapes(shape):
    assert drop(torch.ones(shape), 0.5).shape == shape


def test_the_gradient_is_that_of_what_was_kept():
    values = torch.randn(40, 30, requires_grad=True)
    dropped = drop(values, 0.25)
    dropped.backward(torch.full_like(values, 2.0))
    assert torch.allclose(values.grad, torch.where(dropped == 0, 0.0, 2 * dropped / values).detach())


def test_the_seed_decides():
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(drop(torch.ones(99), 0.5))
    assert torch.equal(*results[:2]) and not torch.equal(*results[1:])


@pytest.mark.parametrize(("rate", "sum_"), [(0.0, 60.0), (1e-9, 60.0), (1.0, 0.0)])
def test_rates_at_the_ends(rate, sum_):
    assert drop(torch.ones(60), rate).sum() == sum_


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_types_are_torchs(dtype):
    values = torch.ones(2000, dtype=dtype)
    dropped = drop(values, 0.5)
    torch.manual_seed(0)
    assert dropped.dtype == dtype and torch.equal(dropped, nn.functional.dropout(values, 0.5))


@pytest.mark.parametrize(("vendor", "slow"), [("GenuineIntel", False), ("AuthenticAMD", True), (None, True)])
def test_torch_is_fast_on_cpus_of_intel_with_mkl(vendor, slow, monkeypatch):
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: vendor is not None)
    monkeypatch.setattr(dropout, "describe_processor", lambda: f"vendor_id : {vendor}")
    assert is_slow_in_torch.__wrapped__() is slow


def test_the_module_drops_in_training_only():
    module, values = Dropout(0.5), torch.ones(100)
    assert isinstance(module, nn.Dropout) and not module.state_dict()
    assert set(module(values).tolist()) == {0.0, 2.0}
    assert module.eval()(values) is values
