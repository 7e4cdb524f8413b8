import numpy
import pytest
import torch
from thinc.api import HashEmbed, LayerNorm, Linear, Maxout, Model, PyTorchShim, PyTorchWrapper, chain
from thinc.shims.pytorch import default_deserialize_torch_model
from torch import nn

from spacy_mre.encoders.stored_weights import own_readers, wrong_array
from spacy_mre.training.torch_file import read_weights


def make_model() -> Model:
    return chain(PyTorchWrapper(nn.Linear(2, 3)), PyTorchWrapper(nn.Linear(3, 1)))


def shims_of(model) -> list[PyTorchShim]:
    return [shim for node in model.walk() for shim in node.shims]


def test_readers_are_replaced_for_a_while():
    model, saved = make_model(), make_model()
    with own_readers(model):
        assert [shim._deserialize_model for shim in shims_of(model)] == [read_weights] * 2
        model.from_bytes(saved.to_bytes())
    assert [shim._deserialize_model for shim in shims_of(model)] == [default_deserialize_torch_model] * 2
    for ours, theirs in zip(shims_of(model), shims_of(saved), strict=True):
        assert torch.equal(ours._model.weight, theirs._model.weight)


def test_readers_come_back_after_an_error():
    model = make_model()
    with pytest.raises(RuntimeError), own_readers(model):
        raise RuntimeError
    assert [shim._deserialize_model for shim in shims_of(model)] == [default_deserialize_torch_model] * 2
    own_reader = PyTorchShim(nn.Linear(1, 1), deserialize_model=lambda module, data, device: module)
    function = own_reader._deserialize_model
    with own_readers(Model("m", lambda model, X, is_train: (X, lambda d: d), shims=[own_reader])):
        assert own_reader._deserialize_model is function


LAYERS = [HashEmbed(4, 10), Maxout(4, 3, 2), Linear(4, 3), LayerNorm(4)]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_arrays_of_other_shapes_and_types_are_found(layer):
    layer.initialize()
    assert wrong_array(layer) == ""
    for name in layer.param_names:
        right = layer.get_param(name)
        for wrong in (right[:-1], right[None], right.astype("float64"), numpy.zeros(right.shape, "int32")):
            layer.set_param(name, wrong)
            assert name in wrong_array(layer) and layer.name in wrong_array(layer)
        layer.set_param(name, right)
    assert wrong_array(layer) == ""


def test_a_model_without_arrays_yet_is_not_wrong():
    assert wrong_array(chain(Linear(), Maxout(4), LayerNorm())) == ""
