import numpy
import pytest
import torch
from thinc.api import Adam, PyTorchWrapper
from torch import nn

from spacy_mre.training.optimizer import make_adamw
from spacy_mre.training.torch_weights import MIN_SPARSE_ROWS, averaged_weights, pass_gradients, use_sparse_gradients


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


def test_averages_are_used_within_the_context():
    shim, optimizer = trained()
    before = copies(shim)
    addresses = [weight.data_ptr() for weight in shim._model.parameters()]
    with averaged_weights(shim, optimizer.averages):
        for name, weight in copies(shim).items():
            assert numpy.allclose(weight.numpy(), optimizer.averages[shim.id, name]) and not torch.equal(
                weight, before[name]
            )
    assert all(torch.equal(weight, before[name]) for name, weight in copies(shim).items())
    assert [
        weight.data_ptr() for weight in shim._model.parameters()
    ] == addresses  # other references to a weight stay valid


def test_weights_are_restored_after_an_error():
    shim, optimizer = trained()
    before = copies(shim)
    with pytest.raises(KeyError), averaged_weights(shim, optimizer.averages):
        raise KeyError
    assert all(torch.equal(weight, before[name]) for name, weight in copies(shim).items())


def test_weights_without_an_average_are_not_changed():
    shim, optimizer = trained()
    before = copies(shim)
    del optimizer.averages[shim.id, "bias"]
    with averaged_weights(shim, optimizer.averages):
        assert torch.equal(shim._model.bias, before["bias"]) and not torch.equal(shim._model.weight, before["weight"])
    with averaged_weights(shim, {}):
        assert all(torch.equal(weight, before[name]) for name, weight in copies(shim).items())


@pytest.mark.parametrize("make_optimizer", [make_adamw, Adam])
def test_sparse_gradients_give_the_same_weights_as_dense_ones(make_optimizer):
    after = []
    for is_sparse in (False, True):
        torch.manual_seed(0)
        embedding = nn.Embedding(MIN_SPARSE_ROWS, 3)
        module = nn.Sequential(embedding, nn.Linear(3, 2))
        before = embedding.weight.detach().clone()
        model, optimizer = PyTorchWrapper(module), make_optimizer(0.1, L2=0.0)
        if is_sparse:
            use_sparse_gradients(model.shims[0])
        for row in (5, 7, 5):
            module(torch.tensor([[row, 9]])).sum().backward()
            if is_sparse:
                pass_gradients(optimizer, model.shims[0])
            model.finish_update(optimizer)
            optimizer.step_schedules()
        after.append(copies(model.shims[0]))
        changed_rows = torch.ne(embedding.weight, before).any(dim=1).nonzero()[:, 0].tolist()
        assert changed_rows == [5, 7, 9]
    assert all(torch.allclose(after[0][name], after[1][name], atol=1e-6) for name in after[0])


def test_small_embeddings_keep_dense_gradients():
    module = nn.Embedding(MIN_SPARSE_ROWS - 1, 3)
    use_sparse_gradients(PyTorchWrapper(module).shims[0])
    assert not module.sparse


@pytest.mark.parametrize("overflows", [False, True])
def test_gradients_that_the_shim_scales_are_left_to_it(overflows, monkeypatch):
    """As in mixed precision on a GPU, where the shim skips an update whose gradients overflow."""
    embedding = nn.Embedding(MIN_SPARSE_ROWS, 3)
    model, optimizer = PyTorchWrapper(embedding), make_adamw(0.1)
    (shim,) = model.shims
    monkeypatch.setattr("spacy_mre.training.torch_weights.scales_gradients", lambda each: each is shim)
    use_sparse_gradients(shim)
    assert not embedding.sparse
    before = embedding.weight.detach().clone()
    embedding(torch.tensor([5])).sum().backward()
    shim._grad_scaler._found_inf = overflows
    pass_gradients(optimizer, shim)
    model.finish_update(optimizer)
    optimizer.step_schedules()
    assert torch.equal(embedding.weight, before) == overflows


def test_a_copy_is_trained_as_another_model():
    """It has the id of the original, under which the optimizer stored moments and averages of both."""
    shim, optimizer = trained(1)
    copied = shim.copy()
    assert copied.id == shim.id
    for each, direction in ((shim, 1.0), (copied, -1.0)):
        each._model.bias.grad = torch.full((2,), direction)
        pass_gradients(optimizer, each)
    assert {number for number, name in optimizer.pending if name == "bias"} == {shim.id, copied.id}
    assert copied.id != shim.id
    before = copies(shim)["bias"]
    optimizer.step()
    assert (copies(shim)["bias"] < before).all() and (copies(copied)["bias"] > before).all()
    assert {number for number, _ in optimizer.averages} == {shim.id, copied.id}
