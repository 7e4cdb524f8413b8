import numpy
import torch
from thinc.api import PyTorchWrapper
from torch import nn

from spacy_mre.models.torch_weights import averaged_weights
from spacy_mre.training.optimizer import make_adamw


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
            assert numpy.allclose(weight.numpy(), optimizer.averages[shim.id, name]) and not torch.equal(weight, before[name])
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
