from io import BytesIO

import numpy
import pytest
import srsly
import torch
from thinc.api import SGD, Model
from torch import nn

from spacy_mre.training.sized import SizedShim


class Scaled(nn.Module):
    def __init__(self, width, labels, *, scale=1.0, name=""):
        super().__init__()
        self.scale = scale
        self.linear = nn.Linear(width, labels)

    def forward(self, X):
        return self.scale * self.linear(X)


def make_shim(**sizes):
    shim = SizedShim(Scaled)
    if sizes:
        torch.manual_seed(0)
        shim.build(**sizes)
    return shim


def make_model(shim):
    return Model("sized", lambda model, X, is_train: (X, lambda d: d), shims=[shim])


def same_weights(one, other):
    return all(
        torch.equal(a, b)
        for a, b in zip(one.module.state_dict().values(), other.module.state_dict().values(), strict=True)
    )


def test_sizes_travel_with_the_weights():
    built = make_shim(width=3, labels=2, scale=0.5, name="x")
    loaded = make_shim().from_bytes(built.to_bytes())
    assert loaded.sizes == {"width": 3, "labels": 2, "scale": 0.5, "name": "x"}
    assert loaded.module.scale == 0.5
    assert same_weights(built, loaded)
    assert loaded.to_bytes() == built.to_bytes()


def test_loading_replaces_a_module_of_another_size():
    shim = make_shim(width=5, labels=7)
    shim.from_bytes(make_shim(width=3, labels=2).to_bytes())
    assert shim.module.linear.weight.shape == (2, 3)


def test_a_model_without_a_module_yet_can_be_saved():
    shim = make_shim()
    assert shim.module is None
    loaded = make_shim().from_bytes(shim.to_bytes())
    assert loaded.module is None
    loaded.build(width=3, labels=2)
    assert loaded.module is not None
    assert make_shim(width=3, labels=2).from_bytes(shim.to_bytes()).module is None


def test_inside_a_thinc_model():
    model = make_model(make_shim(width=3, labels=2))
    loaded = make_model(make_shim()).from_bytes(model.to_bytes())
    assert same_weights(model.shims[0], loaded.shims[0])
    empty = make_model(make_shim())
    assert make_model(make_shim()).from_bytes(empty.to_bytes()).shims[0].module is None
    empty.finish_update(SGD(0.1))  # nothing to update, and no error


class Evil:
    def __reduce__(self):
        return (print, ("a pickled object was run",))


def test_only_weights_are_loaded(monkeypatch):
    shim = make_shim(width=3, labels=2)
    shim.sizes = {"width": Evil(), "labels": 2}
    data = shim.to_bytes()
    with pytest.raises(ValueError, match=r"M012.*heads.*more than tensors"):
        make_shim().from_bytes(data)


def saved(**changes):
    """What a shim with weights saves, with changes."""
    message = srsly.msgpack_loads(make_shim(width=3, labels=2).to_bytes())
    content = torch.load(BytesIO(message["state"]))
    buffer = BytesIO()
    torch.save({**content, **changes}, buffer)
    return srsly.msgpack_dumps({**message, "state": buffer.getvalue()})


WEIGHT, BIAS = "heads.linear.weight", "heads.linear.bias"


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"state": {WEIGHT: torch.zeros(2, 4), BIAS: torch.zeros(2)}}, r"M804.*weight has the shape \(2, 4\)"),
        ({"state": {WEIGHT: torch.zeros(2, 3).int(), BIAS: torch.zeros(2)}}, r"M804.*type torch.int32"),
        ({"state": {WEIGHT: torch.zeros(2, 3)}}, r"M804.*does not contain 'heads.linear.bias'"),
        ({"state": {WEIGHT: [0.0], BIAS: torch.zeros(2)}}, "M804.*no table of weights"),
        ({"state": [1]}, "M804.*no table of weights"),
        ({"sizes": {"width": 10**9, "labels": 10**9}}, r"M804.*\(1000000000, 1000000000\)"),
        ({"sizes": {"width": -1, "labels": 2}}, "M012.*no sizes"),
        ({"sizes": {"width": 3, "labels": 2, "other": 1}}, "M804.*other"),
        ({"sizes": {}}, "M804.*width"),
        ({"sizes": None}, "M012.*no sizes"),
        ({"more": 1}, "M012.*no sizes"),
    ],
)
def test_wrong_sizes_and_weights_are_refused_without_taking_memory(changes, reason):
    with pytest.raises(ValueError, match=reason):
        make_shim().from_bytes(saved(**changes))


def test_averaged_weights_are_used_for_a_while():
    shim = make_shim(width=3, labels=2)
    before = {name: weight.clone() for name, weight in shim._model.state_dict().items()}
    name = "heads.linear.weight"
    params = {
        (shim.id, name): numpy.ones((2, 3), "f"),
        (shim.id + 1, name): numpy.zeros((2, 3), "f"),
        (shim.id, "heads.gone"): None,
    }
    model = make_model(shim)
    with model.use_params(params):
        assert (shim.module.linear.weight == 1).all()
        assert torch.equal(shim.module.linear.bias, before["heads.linear.bias"])
    assert torch.equal(shim.module.linear.weight, before[name])
    with pytest.raises(RuntimeError), model.use_params(params):
        raise RuntimeError
    assert torch.equal(shim.module.linear.weight, before[name])
    with make_model(make_shim()).use_params(params):
        pass


def test_an_optimizer_sees_the_names_of_heads():
    shim = make_shim(width=3, labels=2)
    shim.module(torch.ones(1, 3)).sum().backward()
    seen = {}

    def optimizer(key, weights, gradient):
        seen[key] = weights.shape
        weights -= 1
        return weights, gradient

    before = shim.module.linear.weight.detach().clone()
    shim.finish_update(optimizer)
    assert seen == {(shim.id, "heads.linear.weight"): (2, 3), (shim.id, "heads.linear.bias"): (2,)}
    assert torch.allclose(shim.module.linear.weight, before - 1)
    assert not shim.module.linear.weight.grad.any()
