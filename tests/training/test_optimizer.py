import gc

import numpy
import pytest
import torch
from spacy import util
from thinc.api import Config, Model, PyTorchWrapper, Relu, Softmax, chain, registry
from torch import nn

from spacy_mre.training.optimizer import MIN_SPARSE_ROWS, AdamW, make_adamw
from spacy_mre.training.sized import SizedShim

# Weights of a transformer, of a head of this package and of Thinc layers. The group of a weight is known by its name.
SHAPES = {
    "encoder.layer.0.weight": (3, 4),
    "encoder.layer.0.bias": (4,),
    "heads.entity_span.weight": (2, 4),
    "heads.entity_span.bias": (2,),
    "W": (5, 3),
    "b": (5, 2),
    "G": (3,),
}
RATES = {"encoder": 0.01, "heads": 0.05, "layers": 0.002}


def group_of(name):
    return "heads" if name.startswith("heads.") else "encoder" if "." in name else "layers"


def random_weights(seed=0, shapes=SHAPES):
    generator = numpy.random.default_rng(seed)
    return {name: generator.normal(size=shape).astype("f") for name, shape in shapes.items()}


def step(optimizer, weights, gradients, step_schedules=True):
    for name, gradient in gradients.items():
        _, returned = optimizer((0, name), weights[name], gradient := gradient.copy())
        assert returned is gradient and not gradient.any()  # zeroed, as Thinc expects
    if step_schedules:
        optimizer.step_schedules()


def torch_adamw(weights, L2=0.1, rates=RATES, **settings):
    parameters = {name: nn.Parameter(torch.tensor(array)) for name, array in weights.items()}
    groups = [
        {
            "params": [parameter],
            "lr": rates[group_of(name)],
            "weight_decay": 0.0 if parameter.ndim < 2 or name == "b" else L2,
        }
        for name, parameter in parameters.items()
    ]
    return parameters, torch.optim.AdamW(groups, **settings)


def make(**settings):
    defaults = {
        "learn_rate": RATES["encoder"],
        "head_learn_rate": RATES["heads"],
        "layer_learn_rate": RATES["layers"],
        "L2": 0.1,
    }
    return make_adamw(**{**defaults, **settings})


@pytest.mark.parametrize("grad_clip", [0.0, 0.5, 100.0])
def test_several_steps_equal_those_of_torch(grad_clip):
    weights = random_weights()
    parameters, reference = torch_adamw(weights)
    optimizer = make(grad_clip=grad_clip)
    for i in range(6):
        gradients = random_weights(seed=i + 1)
        for name, gradient in gradients.items():
            parameters[name].grad = torch.tensor(gradient)
        if grad_clip:
            norm = torch.nn.utils.clip_grad_norm_(parameters.values(), grad_clip)
            assert (norm > grad_clip) == (grad_clip < 1)  # only one of the limits is reached
        reference.step()
        step(optimizer, weights, gradients)
        for name, array in weights.items():
            assert numpy.allclose(array, parameters[name].detach().numpy(), atol=1e-6), (i, name)


def test_other_betas_and_eps():
    weights = random_weights()
    parameters, reference = torch_adamw(weights, betas=(0.5, 0.7), eps=1e-2)
    optimizer = make(beta1=0.5, beta2=0.7, eps=1e-2, grad_clip=0.0)
    for i in range(4):
        gradients = random_weights(seed=i + 1)
        for name, gradient in gradients.items():
            parameters[name].grad = torch.tensor(gradient)
        reference.step()
        step(optimizer, weights, gradients)
    assert all(numpy.allclose(array, parameters[name].detach().numpy(), atol=1e-6) for name, array in weights.items())


def without_bias_correction(weights, gradients, first, second, rate, decay):
    """One step of the formula in float64. The moments are changed in place."""
    first += 0.1 * (gradients - first)
    second += 0.001 * (gradients**2 - second)
    return weights * (1 - rate * decay) - rate * first / (numpy.sqrt(second) + 1e-8)


@pytest.mark.parametrize("rows", [6, MIN_SPARSE_ROWS])
def test_without_bias_correction(rows):
    weights = {"W": random_weights(shapes={"W": (rows, 2)})["W"]}
    expected, first, second = weights["W"].astype("float64"), numpy.zeros((rows, 2)), numpy.zeros((rows, 2))
    optimizer = make(layer_learn_rate=0.01, grad_clip=0.0, bias_correction=False)
    for i in range(4):
        gradients = random_weights(seed=i + 1, shapes={"W": (rows, 2)})
        step(optimizer, weights, gradients)
        expected = without_bias_correction(expected, gradients["W"].astype("float64"), first, second, 0.01, 0.1)
        assert numpy.allclose(weights["W"], expected, atol=1e-6), i
    # The first step is sqrt(10) times as large as with the correction.
    changes = []
    for bias_correction in (False, True):
        weights = {"W": numpy.zeros((rows, 1), "f")}
        step(
            make(layer_learn_rate=0.01, grad_clip=0.0, bias_correction=bias_correction),
            weights,
            {"W": numpy.ones((rows, 1), "f")},
        )
        changes.append(weights["W"][0, 0])
    assert changes[0] / changes[1] == pytest.approx(10**0.5, rel=1e-4)


@pytest.mark.parametrize("heads, layers", [(None, None), (0.05, None), (None, 0.002), (0.05, 0.002)])
def test_groups_without_a_rate_use_that_of_the_encoder(heads, layers):
    weights = random_weights()
    rates = {"encoder": 0.01, "heads": heads or 0.01, "layers": layers or 0.01}
    parameters, reference = torch_adamw(weights, rates=rates)
    gradients = random_weights(seed=1)
    for name, gradient in gradients.items():
        parameters[name].grad = torch.tensor(gradient)
    reference.step()
    step(make(head_learn_rate=heads, layer_learn_rate=layers, grad_clip=0.0), weights, gradients)
    assert all(numpy.allclose(array, parameters[name].detach().numpy(), atol=1e-6) for name, array in weights.items())


@pytest.mark.parametrize("name", ["heads", "encoder", "layers"])
def test_a_rate_of_zero_changes_nothing_in_its_group(name):
    rates = {"encoder": "learn_rate", "heads": "head_learn_rate", "layers": "layer_learn_rate"}
    weights, before = random_weights(), random_weights()
    step(make(**{rates[name]: 0.0}), weights, random_weights(seed=1))
    assert {
        group_of(changed) for changed in weights if not numpy.array_equal(weights[changed], before[changed])
    } == set(rates) - {name}


def test_biases_and_layer_norms_have_no_weight_decay():
    weights, before = random_weights(), random_weights()
    step(make(), weights, {name: numpy.zeros_like(array) for name, array in weights.items()})
    decayed = {name for name in weights if not numpy.array_equal(weights[name], before[name])}
    assert decayed == {"encoder.layer.0.weight", "heads.entity_span.weight", "W"}
    assert numpy.allclose(weights["W"], before["W"] * (1 - 0.002 * 0.1))


def test_gradients_are_clipped_by_their_global_norm():
    """The norm of two gradients of 3 and 4 is 5."""
    optimizer = make(grad_clip=1.0)
    weights = {"a.weight": numpy.zeros((1, 1), "f"), "W": numpy.zeros((1, 1), "f")}
    step(optimizer, weights, {"a.weight": numpy.full((1, 1), 3, "f"), "W": numpy.full((1, 1), 4, "f")})
    assert [float(moment) for moment in optimizer.mom1.values()] == pytest.approx([0.1 * 3 / 5, 0.1 * 4 / 5], rel=1e-4)


# Updates of single rows


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_gradient_that_is_not_finite_is_refused(value):
    weights, gradients = random_weights(), random_weights(1)
    before = {name: array.copy() for name, array in weights.items()}
    gradients["heads.entity_span.weight"][1, 2] = value
    optimizer = make(grad_clip=1.0)
    with pytest.raises(ValueError, match=r"M808.*\(weights: heads\.entity_span\.weight\)"):
        step(optimizer, weights, gradients)
    assert all(numpy.array_equal(weights[name], before[name]) for name in weights)
    step(optimizer, weights, random_weights(2))
    assert all(numpy.isfinite(array).all() for array in weights.values())
    assert not numpy.array_equal(weights["W"], before["W"])


@pytest.mark.parametrize("grad_clip", [0.0, 0.5])
def test_rows_with_gradient_equal_dense_steps_and_other_rows_do_not_change(grad_clip):
    shapes = {"E": (MIN_SPARSE_ROWS + 50, 3), "W": (4, 3)}
    weights = random_weights(shapes=shapes)
    before = {name: array.copy() for name, array in weights.items()}
    parameters, reference = torch_adamw(weights)
    optimizer = make(grad_clip=grad_clip)
    rows = numpy.array([0, 7, 1500, MIN_SPARSE_ROWS + 49])
    for i in range(5):
        gradients = {"E": numpy.zeros(shapes["E"], "f"), "W": random_weights(seed=i, shapes=shapes)["W"]}
        gradients["E"][rows] = random_weights(seed=i + 1, shapes=shapes)["E"][rows]
        for name, gradient in gradients.items():
            parameters[name].grad = torch.tensor(gradient)
        if grad_clip:
            torch.nn.utils.clip_grad_norm_(parameters.values(), grad_clip)
        reference.step()
        step(optimizer, weights, gradients)
    expected = parameters["E"].detach().numpy()
    assert numpy.allclose(weights["E"][rows], expected[rows], atol=1e-6)
    assert numpy.allclose(weights["W"], parameters["W"].detach().numpy(), atol=1e-6)
    other_rows = numpy.setdiff1d(numpy.arange(shapes["E"][0]), rows)
    assert numpy.array_equal(weights["E"][other_rows], before["E"][other_rows])
    assert not optimizer.mom1[0, "E"][other_rows].any()


def test_a_step_without_gradient_in_any_row():
    weights = {"E": numpy.ones((MIN_SPARSE_ROWS, 2), "f")}
    step(make(), weights, {"E": numpy.zeros_like(weights["E"])})
    assert (weights["E"] == 1).all()


# When weights change and schedules advance


def test_weights_do_not_change_before_step_schedules():
    weights, before = random_weights(), random_weights()
    optimizer = make()
    step(optimizer, weights, random_weights(seed=1), step_schedules=False)
    assert all(numpy.array_equal(weights[name], before[name]) for name in weights)
    optimizer.step_schedules()
    assert all(not numpy.array_equal(weights[name], before[name]) for name in weights)
    after = {name: array.copy() for name, array in weights.items()}
    optimizer.step_schedules()  # there are no new gradients
    assert all(numpy.array_equal(weights[name], after[name]) for name in weights)


def test_a_second_update_applies_the_first():
    weights, stepped = random_weights(), random_weights()
    optimizer, reference = make(), make()
    for seed in (1, 2):
        step(optimizer, weights, random_weights(seed=seed), step_schedules=False)
        step(reference, stepped, random_weights(seed=seed))
    assert not numpy.array_equal(weights["W"], stepped["W"])  # the second is not applied yet
    optimizer.step_schedules()
    assert all(numpy.allclose(weights[name], stepped[name], atol=1e-7) for name in weights)


def test_gradients_are_copied():
    weights, gradient = {"W": numpy.ones((2, 2), "f")}, numpy.ones((2, 2), "f")
    optimizer = make(L2=0.0)
    optimizer((0, "W"), weights["W"], gradient)
    gradient[...] = -100
    optimizer.step_schedules()
    assert (weights["W"] < 1).all()


def test_each_schedule_advances_by_one_step():
    optimizer = make(learn_rate=iter([1.0, 2.0, 3.0]), head_learn_rate=iter([0.1, 0.2, 0.3]), layer_learn_rate=None)
    for encoder, head in [(1.0, 0.1), (2.0, 0.2), (3.0, 0.3), (3.0, 0.3)]:
        assert [optimizer.rate(name) for name in ("a.weight", "heads.a.weight", "W")] == [encoder, head, encoder]
        optimizer.step_schedules()


def test_the_first_rate_is_used_in_the_first_step():
    weights = {"W": numpy.ones((1, 1), "f")}
    optimizer = make(layer_learn_rate=iter([0.5, 0.0]), L2=0.0, grad_clip=0.0)
    for expected in (0.5, 0.5):
        step(optimizer, weights, {"W": numpy.ones((1, 1), "f")})
        assert weights["W"].item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("rows", [1, MIN_SPARSE_ROWS])
def test_lr_scale_scales_the_learning_rate(rows):
    results = []
    for optimizer, lr_scale in ((make(layer_learn_rate=0.01), 0.25), (make(layer_learn_rate=0.0025), 1.0)):
        weights = numpy.ones((rows, 1), "f")
        optimizer((0, "W"), weights, numpy.ones((rows, 1), "f"), lr_scale=lr_scale)
        optimizer.step_schedules()
        results.append(weights)
    assert numpy.allclose(results[0], results[1]) and (results[0] < 1).all()


def test_empty_weights_are_ignored():
    optimizer = make()
    optimizer((0, "W"), numpy.zeros((0, 3), "f"), numpy.zeros((0, 3), "f"))
    optimizer.step_schedules()
    assert not optimizer.mom1


def test_averages_equal_those_of_thinc():
    weights, optimizer = random_weights(), make(use_averages=True)
    expected = {name: numpy.zeros_like(array) for name, array in weights.items()}
    for t in range(1, 6):
        step(optimizer, weights, random_weights(seed=t))
        decay = (1 + t) / (10 + t)
        for name, array in weights.items():
            expected[name] = decay * expected[name] + (1 - decay) * array
    assert {name for _, name in optimizer.averages} == set(weights)
    assert all(numpy.allclose(average, expected[name], atol=1e-5) for (_, name), average in optimizer.averages.items())
    assert make().averages is None


# With models of Thinc and torch


def train(model, optimizer, steps=60):
    """Return the loss of each step, on a small separable task."""
    X = numpy.random.default_rng(0).normal(size=(40, 4)).astype("f")
    Y = numpy.eye(2, dtype="f")[(X[:, 0] + X[:, 1] > 0).astype(int)]
    model.initialize(X=X, Y=Y)
    losses = []
    for _ in range(steps):
        guesses, backprop = model.begin_update(X)
        losses.append(float(((guesses - Y) ** 2).sum()))
        backprop((guesses - Y) / len(X))
        model.finish_update(optimizer)
        optimizer.step_schedules()
    return losses


def thinc_model():
    return chain(Relu(8), Softmax())


def torch_model():
    torch.manual_seed(0)
    return PyTorchWrapper(nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2), nn.Softmax(dim=1)))


@pytest.mark.parametrize("make_model", [thinc_model, torch_model])
@pytest.mark.parametrize("use_averages", [False, True])
def test_training_reduces_a_loss(make_model, use_averages):
    util.fix_random_seed(0)
    losses = train(make_model(), AdamW(0.02, L2=0.0, grad_clip=1.0, use_averages=use_averages))
    assert losses[-1] < 0.5 * losses[0]


def test_averages_of_a_thinc_model_are_used():
    model, optimizer = thinc_model(), AdamW(0.02, use_averages=True)
    train(model, optimizer, steps=5)
    node = model.layers[0]
    current = node.get_param("W").copy()
    with model.use_params(optimizer.averages):
        assert not numpy.array_equal(node.get_param("W"), current)
        assert numpy.array_equal(node.get_param("W"), optimizer.averages[node.id, "W"])
    assert numpy.array_equal(node.get_param("W"), current)
    before = current.copy()
    _, backprop = model.begin_update(numpy.ones((3, 4), "f"))
    backprop(numpy.tile(numpy.array([[1, -1]], dtype="f"), (3, 1)))
    model.finish_update(optimizer)
    assert numpy.array_equal(node.get_param("W"), before)
    optimizer.step_schedules()
    assert not numpy.array_equal(node.get_param("W"), before)


def test_averages_of_heads_are_used():
    shim = SizedShim(nn.Linear)
    shim.build(in_features=3, out_features=2)
    model, optimizer = (
        Model("heads", lambda model, X, is_train: (X, lambda d: d), shims=[shim]),
        AdamW(0.1, use_averages=True),
    )
    for _ in range(3):
        shim.module(torch.ones(1, 3)).sum().backward()
        model.finish_update(optimizer)
        optimizer.step_schedules()
    current = shim.module.weight.detach().clone()
    with model.use_params(optimizer.averages):
        assert numpy.allclose(shim.module.weight.detach().numpy(), optimizer.averages[shim.id, "heads.weight"])
        assert not torch.equal(shim.module.weight, current)
    assert torch.equal(shim.module.weight, current)


CONFIG = """
[optimizer]
@optimizers = "spacy_mre.AdamW.v1"
L2 = 0.02
use_averages = true
bias_correction = false

[optimizer.learn_rate]
@schedules = "warmup_linear.v1"
initial_rate = 1.0
warmup_steps = 2
total_steps = 4

[optimizer.head_learn_rate]
@schedules = "constant.v1"
rate = 0.25
"""


def test_a_config_with_schedules():
    optimizer = util.registry.resolve(Config().from_str(CONFIG))["optimizer"]
    assert type(optimizer) is AdamW and type(registry.resolve(Config().from_str(CONFIG))["optimizer"]) is AdamW
    assert (optimizer.L2, optimizer.grad_clip, optimizer.averages, optimizer.bias_correction) == (0.02, 1.0, {}, False)
    rates = []
    for _ in range(4):
        rates.append((optimizer.rate("a.weight"), optimizer.rate("heads.a"), optimizer.rate("W")))
        optimizer.step_schedules()
    assert rates == [(0.0, 0.25, 0.0), (0.5, 0.25, 0.5), (1.0, 0.25, 1.0), (0.5, 0.25, 0.5)]


def test_training_does_not_accumulate_tensors():
    """At each step Thinc wraps a torch weight in an array, and the returned array in a tensor. The old ones must be
    freed."""
    model = PyTorchWrapper(nn.Linear(3, 2))
    model.initialize()
    optimizer = make()
    X = numpy.ones((4, 3), dtype="f")

    def train(steps):
        for _ in range(steps):
            Y, backprop = model.begin_update(X)
            backprop(Y)
            model.finish_update(optimizer)
            optimizer.step_schedules()
        gc.collect()
        return sum(isinstance(obj, torch.Tensor) for obj in gc.get_objects())

    before = train(3)
    assert train(20) <= before
