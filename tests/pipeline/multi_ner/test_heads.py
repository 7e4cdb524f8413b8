"""The heads and the attention between types, against what the formulas say, written out."""

import math

import numpy
import pytest
import torch
import torch.nn.functional as F

from spacy_mre.pipeline.multi_ner.boundaries import Boundaries, Candidates
from spacy_mre.pipeline.multi_ner.exact import Asked
from spacy_mre.pipeline.multi_ner.heads import MultiNERHeads, TypeAttention
from spacy_mre.pipeline.multi_ner.model import Logits, Request, boundary_loss, find
from spacy_mre.pipeline.spans.losses import sigmoid_loss
from spacy_mre.pipeline.spans.spans import Spans

WIDTH, TYPES = 6, 3
SIZES = numpy.array([4, 0, 3])


@pytest.fixture(autouse=True)
def one_seed():
    torch.manual_seed(0)


def make_heads(heads="per_type", type_attention="none", types=TYPES, hidden_size=5):
    module = MultiNERHeads(
        WIDTH, types, type_attention=type_attention, heads=heads, hidden_size=hidden_size, dropout=0.0
    )
    for weight in module.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    return module.eval()


def make_vectors(positions=7, types=TYPES):
    return torch.randn(types, positions, WIDTH)


def make_attention(scope):
    module = TypeAttention(WIDTH, scope, 0.0)
    for weight in module.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    return module.eval()


# Attention between types


def attend_by_loop(module, vectors, sizes, softmax):
    """Every position of every type attends to what it may see: all types at its place, or all of its text."""
    query, key, value = (layer(vectors) for layer in (module.query, module.key, module.value))
    texts = numpy.repeat(numpy.arange(len(sizes)), sizes)
    seen = torch.zeros_like(vectors)
    for i in range(vectors.shape[0]):
        for p in range(vectors.shape[1]):
            places = [p] if module.scope == "token" else numpy.flatnonzero(texts == texts[p]).tolist()
            keys, values = key[:, places].flatten(0, 1), value[:, places].flatten(0, 1)
            weights = keys @ query[i, p]
            if softmax:
                weights = torch.softmax(weights / math.sqrt(WIDTH), dim=0)
            seen[i, p] = weights @ values
    return seen


@pytest.mark.parametrize("scope", ["token", "full"])
def test_attention_is_scaled_masked_and_has_a_residual(scope):
    module, vectors = make_attention(scope), make_vectors()
    with torch.no_grad():
        expected = vectors + attend_by_loop(module, vectors, SIZES, softmax=True)
        assert torch.allclose(module(vectors, SIZES), expected, atol=1e-5)


def test_attention_as_released():
    module, vectors = make_attention("released"), make_vectors()
    with torch.no_grad():
        assert torch.allclose(module(vectors, SIZES), attend_by_loop(module, vectors, SIZES, softmax=False), atol=1e-4)


@pytest.mark.parametrize("scope", ["token", "full", "released"])
def test_texts_do_not_see_each_other(scope):
    module, vectors = make_attention(scope), make_vectors()
    other = vectors.clone()
    other[:, 4:] += 1
    with torch.no_grad():
        assert torch.allclose(module(vectors, SIZES)[:, :4], module(other, SIZES)[:, :4], atol=1e-6)
        assert not torch.allclose(module(vectors, SIZES)[:, 4:], module(other, SIZES)[:, 4:], atol=1e-2)


@pytest.mark.parametrize("scope", ["token", "full", "released"])
def test_types_see_each_other(scope):
    module, vectors = make_attention(scope), make_vectors()
    other = vectors.clone()
    other[2] += 1
    with torch.no_grad():
        assert not torch.allclose(module(vectors, SIZES)[0], module(other, SIZES)[0], atol=1e-2)


@pytest.mark.parametrize("scope", ["token", "full", "released"])
def test_no_positions(scope):
    module, vectors = make_attention(scope), make_vectors(0)
    assert module(vectors, numpy.zeros(2, dtype=int)).shape == (TYPES, 0, WIDTH)


def test_weights_between_types_by_hand():
    module, vectors = make_attention("token"), make_vectors()
    with torch.no_grad():
        by_token = torch.stack(
            [
                torch.softmax(module.query(vectors[:, p]) @ module.key(vectors[:, p]).T / math.sqrt(WIDTH), dim=1)
                for p in range(7)
            ]
        )
        assert torch.allclose(module.between_types(vectors, SIZES), by_token.mean(dim=0), atol=1e-6)


@pytest.mark.parametrize("scope", ["token", "full"])
def test_weights_between_types_sum_to_one(scope):
    module, vectors = make_attention(scope), make_vectors()
    with torch.no_grad():
        weights = module.between_types(vectors, SIZES)
    assert weights.shape == (TYPES, TYPES) and torch.allclose(weights.sum(dim=1), torch.ones(TYPES), atol=1e-5)


def test_a_type_that_all_look_at_is_seen_in_the_weights():
    """Every other vector asks for what the second type offers."""
    for scope in ("token", "full"):
        module = TypeAttention(WIDTH, scope, 0.0)
        torch.nn.init.eye_(module.query.weight)
        torch.nn.init.eye_(module.key.weight)
        vectors = torch.ones(TYPES, 7, WIDTH)
        vectors[1] *= 5
        with torch.no_grad():
            weights = module.between_types(vectors, SIZES)
        assert weights[:, 1].min() > 0.9


# Heads


@pytest.mark.parametrize("heads", ["per_type", "shared"])
def test_boundary_logits_by_hand(heads):
    module, vectors = make_heads(heads), make_vectors(3)
    firsts, lasts = numpy.array([0, -1, 1]), numpy.array([0, -1, 2])
    with torch.no_grad():
        starts, ends = module.score_boundaries(vectors, firsts, lasts)
        for i in range(TYPES):
            row = i if heads == "per_type" else 0
            for token, first, last in ((0, 0, 0), (2, 1, 2)):
                assert starts[i, token] == pytest.approx(
                    float(vectors[i, first] @ module.start.weight[row, 0] + module.start.bias[row]), abs=1e-5
                )
                assert ends[i, token] == pytest.approx(
                    float(vectors[i, last] @ module.end.weight[row, 0] + module.end.bias[row]), abs=1e-5
                )
    assert (starts[:, 1] == torch.finfo(torch.float32).min).all() and (
        ends[:, 1] == torch.finfo(torch.float32).min
    ).all()


@pytest.mark.parametrize("heads", ["per_type", "shared"])
def test_span_logits_are_those_of_a_layer_over_start_and_end(heads):
    module, vectors = make_heads(heads), make_vectors(5)
    firsts, lasts = numpy.array([0, 1, 3]), numpy.array([0, 2, 4])
    candidates = Candidates(numpy.array([0, 0, 0, 2, 2]), numpy.array([0, 0, 1, 0, 1]), numpy.array([0, 2, 1, 2, 2]))
    with torch.no_grad():
        found = module.score_spans(vectors, firsts, lasts, candidates)
        for i, (type_, start, last) in enumerate(zip(candidates.types, candidates.starts, candidates.lasts)):
            row = type_ if heads == "per_type" else 0
            pair = torch.cat([vectors[type_, firsts[start]], vectors[type_, lasts[last]]])
            weight = torch.cat([module.span_start.weight[row], module.span_end.weight[row]], dim=1)
            bias = (module.span_start.bias + module.span_end.bias).view(-1, 5)[row]
            hidden = F.gelu(weight @ pair + bias)
            assert found[i] == pytest.approx(
                float(hidden @ module.span.weight[row, 0] + module.span.bias[row]), abs=1e-5
            )


@pytest.mark.parametrize("heads", ["per_type", "shared"])
def test_no_candidates_and_no_positions(heads):
    none = numpy.zeros(0, dtype=numpy.int64)
    module = make_heads(heads)
    assert module.score_spans(make_vectors(3), none, none, Candidates(none, none, none)).shape == (0,)
    starts, _ = module.score_boundaries(make_vectors(0), numpy.array([-1, -1]), numpy.array([-1, -1]))
    assert starts.shape == (TYPES, 2) and (starts < -1e30).all()


def test_shared_heads_have_no_weight_of_a_type():
    few, many = make_heads("shared", "token", types=2), make_heads("shared", "token", types=9)
    assert {name: weight.shape for name, weight in few.named_parameters()} == {
        name: weight.shape for name, weight in many.named_parameters()
    }
    assert make_heads("per_type", types=9).start.weight.shape[0] == 9


def test_few_tokens_are_a_boundary_before_training():
    module = MultiNERHeads(WIDTH, TYPES, type_attention="none", heads="per_type", hidden_size=5, dropout=0.0)
    starts, ends = module.score_boundaries(make_vectors(), numpy.arange(7), numpy.arange(7))
    assert torch.sigmoid(torch.cat([starts, ends])).mean().item() == pytest.approx(0.05, abs=0.01)


# Loss


def make_targets(*spans, known):
    columns = [numpy.array(column, dtype=numpy.int64) for column in zip(*spans)] or [
        numpy.zeros(0, dtype=numpy.int64)
    ] * 4
    return Boundaries(Spans(*columns), numpy.array(known, dtype=bool), None)


def test_loss_by_hand():
    targets = make_targets((0, 2, 0, 1), known=[True, True, False])
    starts, ends = numpy.array([[0.5, -1, 9], [2, 0, 9]], dtype="f"), numpy.array([[0, 0, 9], [-1, 3, 9]], dtype="f")
    spans, gold = numpy.array([0.7, -0.2], dtype="f"), numpy.array([True, False])

    def bce(logit, right):
        probability = 1 / (1 + math.exp(-logit))
        return -math.log(probability if right else 1 - probability)

    of_starts = (bce(0.5, False) + bce(-1, False) + bce(2, True) + bce(0, False)) / 4
    of_ends = (bce(0, False) + bce(0, False) + bce(-1, False) + bce(3, True)) / 4
    of_spans = (bce(0.7, True) + bce(-0.2, False)) / 2
    loss, gradient = boundary_loss(Logits(starts, ends, spans, None, gold), targets, [0.5, 0.4, 0.1])
    assert loss == pytest.approx(0.5 * of_starts + 0.4 * of_ends + 0.1 * of_spans, rel=1e-5)
    assert not gradient.starts[:, 2].any() and not gradient.ends[:, 2].any()
    assert gradient.starts[1, 0] == pytest.approx(0.5 * (1 / (1 + math.exp(-2)) - 1) / 4, rel=1e-5)
    assert gradient.spans[1] == pytest.approx(0.1 * (1 / (1 + math.exp(0.2))) / 2, rel=1e-5)


def test_nothing_known_teaches_nothing():
    zeros = numpy.zeros((2, 3), dtype="f")
    logits = Logits(zeros, zeros, numpy.zeros(0, dtype="f"), None, numpy.zeros(0, dtype=bool))
    loss, gradient = boundary_loss(logits, make_targets(known=[False] * 3), [0.5, 0.4, 0.1])
    assert loss == 0.0
    assert (
        gradient.starts.shape == (2, 3)
        and not gradient.starts.any()
        and not gradient.ends.any()
        and gradient.spans.shape == (0,)
    )


def test_the_three_parts_are_means():
    """Twice the same batch is not twice the loss."""
    logits = torch.randn(2, 4)
    gold = torch.rand(2, 4) < 0.5
    assert sigmoid_loss(torch.cat([logits, logits], dim=1), torch.cat([gold, gold], dim=1)) == pytest.approx(
        float(sigmoid_loss(logits, gold))
    )


# Decoding


class FixedHeads:
    """Says what a test wants: probabilities of starts and ends, types x tokens, and of spans by type, start and last token."""

    def __init__(self, starts, ends, spans, default=0.9):
        self.starts, self.ends = torch.logit(torch.tensor(starts)), torch.logit(torch.tensor(ends))
        self.spans, self.default = spans, default

    def attend(self, vectors, sizes):
        return vectors

    def score_boundaries(self, vectors, firsts, lasts):
        return self.starts, self.ends

    def score_spans(self, vectors, firsts, lasts, candidates):
        places = zip(candidates.types.tolist(), candidates.starts.tolist(), candidates.lasts.tolist())
        return torch.logit(torch.tensor([self.spans.get(place, self.default) for place in places]))


def decode(starts, ends, spans, lengths=(5,), unseen=(), default=0.9, **settings):
    asked = Asked.of_tokens(numpy.zeros((len(starts), len(starts[0]), 2), dtype="f"), numpy.array(lengths))
    asked.firsts = numpy.where(numpy.isin(asked.firsts, unseen), -1, asked.firsts)
    values = {
        "boundary_threshold": 0.5,
        "span_threshold": 0.5,
        "overlap": "nested",
        "one_type": True,
        "ends_per_start": 10,
        **settings,
    }
    found = find(FixedHeads(starts, ends, spans, default), asked, Request(questions=[], **values))
    rows = zip(
        found.spans.texts.tolist(), found.spans.starts.tolist(), found.spans.ends.tolist(), found.spans.labels.tolist()
    )
    return list(rows), found


LOW, HIGH = 0.1, 0.9


def test_nested_entities_of_one_type_and_of_two():
    starts = [[HIGH, HIGH, LOW, LOW, LOW], [LOW, LOW, HIGH, LOW, LOW]]
    ends = [[LOW, LOW, HIGH, LOW, HIGH], [LOW, LOW, LOW, LOW, HIGH]]
    wrong = {(0, 0, 2): 0.2, (0, 1, 4): 0.3}
    rows, found = decode(starts, ends, wrong)
    assert rows == [(0, 0, 5, 0), (0, 1, 3, 0)]  # that of the other type crosses the second, which starts before it
    assert found.scores == pytest.approx([0.9, 0.9])
    rows, _ = decode(starts, ends, {**wrong, (1, 2, 4): 0.95})
    assert rows == [(0, 0, 5, 0), (0, 2, 5, 1)]
    rows, _ = decode(starts, ends, wrong, overlap="any")
    assert rows == [(0, 0, 5, 0), (0, 1, 3, 0), (0, 2, 5, 1)]


def test_the_score_is_the_geometric_mean():
    _, found = decode([[0.5, LOW]], [[LOW, 0.8]], {(0, 0, 1): 0.6}, lengths=(2,))
    assert found.scores == pytest.approx([(0.5 * 0.8 * 0.6) ** (1 / 3)])


def test_flat_takes_the_nearest_end_and_the_best_type():
    starts = [[HIGH, LOW, LOW, LOW, LOW], [HIGH, LOW, LOW, HIGH, LOW]]
    ends = [[LOW, HIGH, LOW, HIGH, LOW], [LOW, LOW, HIGH, LOW, HIGH]]
    rows, found = decode(starts, ends, {(0, 0, 1): 0.6, (1, 0, 2): 0.95, (0, 0, 3): 0.99}, overlap="flat")
    assert rows == [(0, 0, 3, 1), (0, 3, 5, 1)]
    assert found.left_out == 0
    rows, _ = decode(starts, ends, {(0, 0, 1): 0.1, (1, 0, 2): 0.1, (0, 0, 3): 0.99}, overlap="flat")
    assert rows == [(0, 3, 5, 1)]  # the farther end is not asked, as in BERT-MRC


def test_starts_and_ends_of_different_types_or_texts_do_not_meet():
    assert decode([[HIGH, LOW], [LOW, LOW]], [[LOW, LOW], [LOW, HIGH]], {}, lengths=(2,))[0] == []
    assert decode([[HIGH, LOW]], [[LOW, HIGH]], {}, lengths=(1, 1))[0] == []
    assert decode([[LOW, HIGH]], [[HIGH, LOW]], {}, lengths=(2,))[0] == []


def test_the_limit_of_ends_is_counted():
    rows, found = decode([[HIGH, LOW, LOW, LOW]], [[HIGH, HIGH, HIGH, HIGH]], {}, lengths=(4,), ends_per_start=2)
    assert rows == [(0, 0, 2, 0), (0, 0, 1, 0)] and found.left_out == 2


@pytest.mark.parametrize("threshold, expected", [(0.0, 6), (0.5, 1), (1.0, 0)])
def test_thresholds(threshold, expected):
    rows, _ = decode(
        [[HIGH, LOW, LOW]],
        [[LOW, LOW, HIGH]],
        {},
        lengths=(3,),
        boundary_threshold=threshold,
        span_threshold=threshold,
        overlap="any",
    )
    assert len(rows) == expected


def test_tokens_that_the_encoder_does_not_see_are_no_boundaries():
    rows, _ = decode(
        [[HIGH, HIGH, HIGH]], [[HIGH, HIGH, HIGH]], {}, lengths=(3,), unseen=(1,), overlap="any", boundary_threshold=0.0
    )
    assert rows == [(0, 0, 3, 0), (0, 0, 1, 0), (0, 2, 3, 0)]


def test_more_candidates_than_one_chunk_holds(monkeypatch):
    ones = [[HIGH] * 6]
    whole, _ = decode(ones, ones, {}, lengths=(6,), overlap="any")
    monkeypatch.setattr("spacy_mre.pipeline.multi_ner.model.SPAN_CHUNK", 4)
    assert decode(ones, ones, {}, lengths=(6,), overlap="any")[0] == whole and len(whole) == 21
