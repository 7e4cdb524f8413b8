"""The scorers, compared with their formulas."""

import numpy
import pytest
import torch
import torch.nn.functional as F

from spacy_mre.pipeline.multi_ner.boundaries import Candidates
from spacy_mre.pipeline.multi_ner.heads import MultiNERHeads

WIDTH, TYPES = 6, 3


def make_heads(heads="per_type", type_attention="none", types=TYPES, hidden_size=5):
    settings = {"type_attention": type_attention, "heads": heads, "hidden_size": hidden_size, "dropout": 0.0}
    module = MultiNERHeads(WIDTH, types, **settings)
    for weight in module.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    return module.eval()


def make_vectors(positions=7, types=TYPES):
    return torch.randn(types, positions, WIDTH)


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
def test_span_logits_equal_those_of_a_layer_over_the_concatenation(heads):
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


def test_shared_scorers_have_the_same_weights_for_any_number_of_types():
    few, many = make_heads("shared", "token", types=2), make_heads("shared", "token", types=9)
    assert {name: weight.shape for name, weight in few.named_parameters()} == {
        name: weight.shape for name, weight in many.named_parameters()
    }
    assert make_heads("per_type", types=9).start.weight.shape[0] == 9


def test_few_tokens_are_boundaries_before_training():
    module = MultiNERHeads(WIDTH, TYPES, type_attention="none", heads="per_type", hidden_size=5, dropout=0.0)
    starts, ends = module.score_boundaries(make_vectors(), numpy.arange(7), numpy.arange(7))
    assert torch.sigmoid(torch.cat([starts, ends])).mean().item() == pytest.approx(0.05, abs=0.01)
