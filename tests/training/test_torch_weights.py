import numpy
import pytest
import torch
from thinc.api import Adam, PyTorchWrapper
from torch import nn

from spacy_mre.training.optimizer import make_adamw
from spacy_mre.training.torch_weights import MIN_SPARSE_ROWS, averaged_weights, hand_over, keep_touched_rows


def trained(steps=3):
    torch.manual_seed(0)
    model, optimizer = PyTorchWrapper(nn.Linear(3, 2)), make_adamw(0.1, use_averages=True)
    for _ in range(steps):
        Y, backprop = model.begin_update(numpy.ones((4, 3), dtype="f"))
        backprop(Y)
        model.finish_update(optimizer)
        optimizer.step_schedules()
    return model.shims[0], optimizer


def copies(shim):
    return {name: weight.detach().clone() for name, weight in shim._model.named_parameters()}


def test_averages_are_used_for_a_while():
    shim, optimizer = trained()
    before = copies(shim)
    homes = [weight.data_ptr() for weight in shim._model.parameters()]
    with averaged_weights(shim, optimizer.averages):
        for name, weight in copies(shim).items():
            assert numpy.allclose(weight.numpy(), optimizer.averages[shim.id, name]) and not torch.equal(
                weight, before[name]
            )
    assert all(torch.equal(weight, before[name]) for name, weight in copies(shim).items())
    assert [weight.data_ptr() for weight in shim._model.parameters()] == homes  # what holds a weight still holds it


def test_weights_come_back_after_an_error():
    shim, optimizer = trained()
    before = copies(shim)
    try:
        with averaged_weights(shim, optimizer.averages):
            raise KeyError
    except KeyError:
        pass
    assert all(torch.equal(weight, before[name]) for name, weight in copies(shim).items())


def test_weights_without_an_average_stay():
    shim, optimizer = trained()
    before = copies(shim)
    del optimizer.averages[shim.id, "bias"]
    with averaged_weights(shim, optimizer.averages):
        assert torch.equal(shim._model.bias, before["bias"]) and not torch.equal(shim._model.weight, before["weight"])
    with averaged_weights(shim, {}):
        assert all(torch.equal(weight, before[name]) for name, weight in copies(shim).items())


@pytest.mark.parametrize("make_optimizer", [make_adamw, Adam])
def test_touched_rows_are_all_that_an_embedding_needs(make_optimizer):
    """What is handed over by rows comes to the same as Thinc's own way with whole tables."""
    after = []
    for is_sparse in (False, True):
        torch.manual_seed(0)
        module = nn.Sequential(nn.Embedding(MIN_SPARSE_ROWS, 3), nn.Linear(3, 2))
        before = module[0].weight.detach().clone()
        keep_touched_rows(module, is_sparse)
        model, optimizer = PyTorchWrapper(module), make_optimizer(0.1, L2=0.0)
        for row in (5, 7, 5):
            module(torch.tensor([[row, 9]])).sum().backward()
            if is_sparse:
                hand_over(optimizer, model.shims[0])
            model.finish_update(optimizer)
            optimizer.step_schedules()
        after.append(copies(model.shims[0]))
        moved = (module[0].weight != before).any(dim=1).nonzero()[:, 0].tolist()
        assert moved == [5, 7, 9]
    assert all(torch.allclose(after[0][name], after[1][name], atol=1e-6) for name in after[0])


def test_small_embeddings_keep_dense_gradients():
    module = nn.Embedding(MIN_SPARSE_ROWS - 1, 3)
    keep_touched_rows(module)
    assert not module.sparse
