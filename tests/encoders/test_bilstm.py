import numpy
import pytest
import torch
from spacy.ml.models.tok2vec import BiLSTMEncoder
from thinc.api import Adam, fix_random_seed

from spacy_mre.encoders.bilstm import build_bilstm
from spacy_mre.training.optimizer import make_adamw

WIDTH = 8


def texts(*lengths, seed=0):
    random = numpy.random.default_rng(seed)
    return [random.normal(size=(length, WIDTH)).astype("f") for length in lengths]


def textbook(model):
    """torch's own bidirectional LSTM, with the same weights."""
    layers = model.shims[0]._model.layers
    lstm = torch.nn.LSTM(WIDTH, WIDTH // 2, num_layers=len(layers), bidirectional=True)
    lstm.load_state_dict(
        {
            f"{name}{suffix}": weight
            for i, pair in enumerate(layers)
            for layer, suffix in zip(pair, (f"_l{i}", f"_l{i}_reverse"))
            for name, weight in ((name.removesuffix("_l0"), weight) for name, weight in layer.named_parameters())
        }
    )
    return lstm


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_each_text_is_read_as_by_the_lstm_of_torch(depth):
    model, batch = build_bilstm(WIDTH, depth), texts(5, 1, 0, 9, 5, 2)
    lstm = textbook(model)
    for read, written in zip(batch, model.predict(batch), strict=True):
        assert written.shape == read.shape
        if len(read):
            expected = lstm(torch.from_numpy(read))[0].detach().numpy()
            numpy.testing.assert_allclose(written, expected, atol=1e-6)


@pytest.mark.parametrize("depth", [1, 2])
def test_a_text_has_the_same_vectors_alone_and_in_any_batch(depth):
    model, batch = build_bilstm(WIDTH, depth), texts(3, 40, 0, 7, 1, 40, 12)
    alone = [model.predict([text])[0] for text in batch]
    many = numpy.random.default_rng(0).integers(0, 7, 96)
    for order in (range(7), reversed(range(7)), [6, 1, 3], [0, 1], [2, 2], many):
        order = list(order)
        for i, vectors in zip(order, model.predict([batch[i] for i in order]), strict=True):
            numpy.testing.assert_allclose(vectors, alone[i], atol=1e-6)


@pytest.mark.parametrize("depth", [1, 2])
def test_training_and_prediction_read_the_same(depth):
    model = build_bilstm(WIDTH, depth)
    for lengths in ([7], [1, 1], [3, 40, 0, 7, 1, 40, 12], numpy.random.default_rng(0).integers(0, 9, 50)):
        batch = texts(*lengths)
        for one, other in zip(model.predict(batch), model.begin_update(batch)[0], strict=True):
            numpy.testing.assert_allclose(one, other, atol=1e-6)


def test_prediction_reads_no_padding():
    module, rows = build_bilstm(WIDTH).shims[0]._model.eval(), []
    for lstm in module.layers[0]:
        lstm.register_forward_pre_hook(lambda _, arguments: rows.append(getattr(arguments[0], "data", arguments[0])))
    lengths = numpy.array([900] + [3] * 300)
    module(torch.zeros(int(lengths.sum()), WIDTH), lengths)
    assert [len(part) for part in rows] == [1800, 1800]


def test_the_stock_layer_reads_padding():
    # The reason for this layer. If this fails, the stock one may be used again.
    stock, (short, long) = BiLSTMEncoder(WIDTH, 1, 0.0), texts(3, 40)
    assert abs(stock.predict([short])[0] - stock.predict([short, long])[0]).max() > 0.01


@pytest.mark.parametrize("depth", [1, 2])
def test_gradients_are_those_of_torch(depth):
    lengths = [5, 0, 2, 7] + [1, 3] * 30
    model, batch = build_bilstm(WIDTH, depth), texts(*lengths)
    d_batch = texts(*lengths, seed=1)
    _, backprop = model.begin_update(batch)
    found = backprop(d_batch)
    lstm = textbook(model)
    for read, d_written, d_read in zip(batch, d_batch, found, strict=True):
        assert d_read.shape == read.shape
        if len(read):
            leaf = torch.from_numpy(read).requires_grad_()
            lstm(leaf)[0].backward(torch.from_numpy(d_written))
            numpy.testing.assert_allclose(d_read, leaf.grad.numpy(), atol=1e-5)
    gradients = [weight.grad for weight in model.shims[0]._model.parameters()]
    for gradient, expected in zip(gradients, lstm.parameters(), strict=True):
        numpy.testing.assert_allclose(gradient, expected.grad, atol=1e-4)


@pytest.mark.parametrize("batch", [[], texts(0), texts(0, 0)])
def test_without_tokens(batch):
    model = build_bilstm(WIDTH)
    assert [vectors.shape for vectors in model.predict(batch)] == [vectors.shape for vectors in batch]
    written, backprop = model.begin_update(batch)
    assert [vectors.shape for vectors in backprop(written)] == [vectors.shape for vectors in batch]


def test_dropout_is_between_layers_and_in_training_only():
    model, batch = build_bilstm(WIDTH, 2, dropout=0.5), texts(6)
    first, second = (model.begin_update(batch)[0][0] for _ in range(2))
    assert abs(first - second).max() > 1e-3
    first, second = (model.predict(batch)[0] for _ in range(2))
    assert numpy.array_equal(first, second)


def test_the_same_seed_gives_the_weights_of_the_stock_layer():
    fix_random_seed(3)
    ours = [weight.detach() for weight in build_bilstm(WIDTH, 2).shims[0]._model.parameters()]
    fix_random_seed(3)
    stock = BiLSTMEncoder(WIDTH, 2, 0.0)
    (shim,) = (shim for node in stock.walk() for shim in node.shims)
    assert all(torch.equal(one, other) for one, other in zip(ours, shim._model.parameters(), strict=True))


def test_saving_and_loading():
    model, batch = build_bilstm(WIDTH, 2), texts(4, 2)
    loaded = build_bilstm(WIDTH, 2).from_bytes(model.to_bytes())
    for one, other in zip(model.predict(batch), loaded.predict(batch), strict=True):
        assert numpy.array_equal(one, other)


def test_loading_accepts_only_plain_tensors():
    class Code:
        def __reduce__(self):
            return print, ("executed",)

    model = build_bilstm(WIDTH)
    model.shims[0]._serialize_model = lambda module: _saved({"layers": Code()})
    with pytest.raises(Exception, match=r"(?i)weights.only"):
        build_bilstm(WIDTH).from_bytes(model.to_bytes())


def _saved(value):
    from io import BytesIO

    buffer = BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("settings", [{"width": 7}, {"width": 0}, {"width": 8, "depth": 0}])
def test_sizes_that_are_refused(settings):
    with pytest.raises(ValueError, match="M001"):
        build_bilstm(**settings)


@pytest.mark.parametrize("make_optimizer", [lambda: Adam(0.03), lambda: make_adamw(0.03)])
def test_it_learns(make_optimizer):
    # The backward half of the vector of the first token must tell what the last token is.
    random, optimizer, model = numpy.random.default_rng(0), make_optimizer(), build_bilstm(WIDTH)
    losses = []
    for _ in range(150):
        batch = [random.normal(size=(length, WIDTH)).astype("f") for length in random.integers(1, 4, 16)]
        written, backprop = model.begin_update(batch)
        d_written = [numpy.zeros_like(vectors) for vectors in written]
        losses.append(0.0)
        for text, vectors, gradient in zip(batch, written, d_written):
            gradient[0, 4:] = vectors[0, 4:] - 0.5 * numpy.sign(text[-1, 4:])
            losses[-1] += float((gradient**2).sum())
        backprop(d_written)
        model.finish_update(optimizer)
        optimizer.step_schedules()
    assert sum(losses[-20:]) < 0.6 * sum(losses[:20])


def test_rate_of_thinc_layers_and_averages():
    optimizer = make_adamw(0.0, layer_learn_rate=0.1, use_averages=True)
    model, batch = build_bilstm(WIDTH), texts(4)
    before = model.predict(batch)[0]
    for _ in range(3):
        written, backprop = model.begin_update(batch)
        backprop(written)
        model.finish_update(optimizer)
        optimizer.step_schedules()
    last = model.predict(batch)[0]
    assert abs(last - before).max() > 0.01
    with model.use_params(optimizer.averages):
        assert abs(model.predict(batch)[0] - last).max() > 1e-4
    assert numpy.array_equal(model.predict(batch)[0], last)
