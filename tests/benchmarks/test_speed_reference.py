"""The textbook formulation of the benchmark finds what our heads find, so that the two may be compared in time and memory."""

import numpy
import pytest
import torch

from benchmarks.speed import heads, textbook
from spacy_mre.encoders.encoder import Encoded
from spacy_mre.pipeline.spans.spans import Pairs, Spans
from spacy_mre.pipeline.spert_mt.decoding import Request, find
from spacy_mre.pipeline.spert_mt.heads import SpertMTHeads
from spacy_mre.pipeline.spert_mt.model import CLASSIFICATIONS, ENTITY_FEATURES, IDENTIFICATIONS
from spacy_mre.pipeline.spert_mt.targets import Targets

LENGTHS = numpy.array([7, 1, 0, 12, 4])
WIDTH, ENTITY_LABELS, RELATION_LABELS, MAX_WIDTH = 16, 3, 4, 5


@pytest.fixture
def batch():
    generator = numpy.random.default_rng(1)
    tokens = generator.standard_normal((LENGTHS.sum(), WIDTH)).astype("f")
    return Encoded(
        tokens,
        generator.standard_normal((len(LENGTHS), WIDTH)).astype("f"),
        LENGTHS,
        numpy.zeros(len(LENGTHS), dtype=int),
    )


def make_heads(mode="spert_mt", identification="tied", features="logits", classification="ranking", rank=0, hidden=0):
    torch.manual_seed(2)
    module = SpertMTHeads(
        WIDTH,
        ENTITY_LABELS,
        RELATION_LABELS,
        mode=mode,
        identification=identification,
        max_width=MAX_WIDTH,
        width_size=3,
        dropout=0.5,
        entity_features=features,
        classification=classification,
        relation_margin=1.0,
        entity_hidden=hidden,
        relation_rank=rank,
    )
    for parameter in module.parameters():  # with their first weights the heads are sure of nothing
        torch.nn.init.normal_(parameter, std=0.4)
    return module.eval()


def make_request(**settings):
    defaults = {
        "entity_labels": [f"E{i}" for i in range(ENTITY_LABELS)],
        "relation_labels": [f"R{i}" for i in range(RELATION_LABELS)],
        "entity_threshold": 0.5,
        "relation_threshold": 0.0,  # every pair is compared
        "overlap": "nested",
        "pairs_per_token": 1000,
        "max_distance": 0,
        "symmetric": [],
        "constraints": {},
    }
    return Request(**{**defaults, **settings})


def assert_same(ours, theirs):
    """The same spans and labels, the same labelled pairs, scores to 1e-4."""
    for part in ("starts", "ends", "texts", "labels"):
        assert getattr(ours.entities, part).tolist() == getattr(theirs.entities, part).tolist()
    assert ours.entity_scores == pytest.approx(theirs.entity_scores, abs=1e-4)
    (scores, by_ours), (expected, by_theirs) = map(by_relation, (ours, theirs))
    assert by_ours == by_theirs
    assert scores == pytest.approx(expected, abs=1e-4)


def by_relation(found):
    rows = sorted(
        zip(found.pairs.heads.tolist(), found.pairs.tails.tolist(), found.labels.tolist(), found.scores.tolist())
    )
    return [row[3] for row in rows], [row[:3] for row in rows]


@pytest.mark.parametrize("overlap", ["flat", "nested", "any"])
@pytest.mark.parametrize(
    "settings",
    [
        *(
            {"identification": identification, "features": features}
            for identification in IDENTIFICATIONS
            for features in ENTITY_FEATURES
        ),
        *({"classification": classification} for classification in CLASSIFICATIONS),
        {"rank": 4},
        {"hidden": 5},
        {"mode": "spert", "features": "none"},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)
def test_the_textbook_finds_the_same(batch, settings, overlap):
    module, request = make_heads(**settings), make_request(overlap=overlap)
    with torch.no_grad():
        ours, theirs = find(module, batch, request), textbook.find(module, batch, request)
    assert_same(ours, theirs)
    assert len(ours.entities) > 3 and len(ours.scores) > 3  # or nothing was compared


def test_pairs_in_several_chunks(batch, monkeypatch):
    module, request = make_heads(), make_request(overlap="any")
    with torch.no_grad():
        whole = textbook.find(module, batch, request)
        monkeypatch.setattr(textbook, "PAIR_CHUNK", 7)
        assert_same(whole, textbook.find(module, batch, request))


def test_one_pass_by_hand():
    spans = [(0, 2), (1, 3), (1, 2), (4, 5), (0, 2)]
    scores = [0.6, 0.9, 0.7, 0.5, 0.6]
    every = range(len(spans))
    assert textbook.choose_spans(every, spans, scores, "flat") == [1, 3]
    assert textbook.choose_spans(every, spans, scores, "nested") == [1, 2, 3]
    assert textbook.choose_spans(every, spans, scores, "any") == [0, 4, 1, 2, 3]
    assert textbook.choose_spans([0, 3], spans, scores, "flat") == [0, 3]


def test_max_pooling_by_hand():
    tokens = torch.tensor([[1.0, -5.0], [3.0, -7.0], [2.0, 4.0]])
    masks = textbook.span_masks(3, torch.tensor([0, 1]), torch.tensor([2, 3]))
    assert masks.tolist() == [[True, True, False], [False, True, True]]
    assert textbook.max_pool(tokens, masks).tolist() == [[3.0, -5.0], [3.0, 4.0]]


@pytest.mark.parametrize("features", ENTITY_FEATURES)
@pytest.mark.parametrize("with_pairs", [True, False])
def test_the_textbook_learns_the_same(features, with_pairs):
    """The logits of a training batch of one text, and the gradients of every weight and vector (without dropout, which is drawn per part)."""
    module = make_heads(features=features)
    generator = torch.Generator().manual_seed(3)
    tokens, texts = (torch.randn(rows, WIDTH, generator=generator, requires_grad=True) for rows in (9, 1))
    spans = Spans(*(numpy.array(column) for column in ([0, 2, 3, 8], [1, 5, 8, 9], [0] * 4, [1, -1, 0, 2])))
    pairs = Pairs(*(numpy.array(column if with_pairs else [], dtype=int) for column in ([0, 1, 3], [1, 2, 0])))
    targets = Targets(spans, numpy.zeros(4), spans, pairs, numpy.zeros((len(pairs), RELATION_LABELS), dtype=bool))
    results = []
    for forward in (module, lambda *given: textbook.forward(module, *given)):
        outputs = forward(tokens, texts, targets)
        weights = [tokens, texts, *module.parameters()]
        loss = sum((output * torch.arange(1.0, output.numel() + 1).view_as(output)).sum() for output in outputs)
        results.append((outputs, torch.autograd.grad(loss, weights, allow_unused=True)))
    (ours, our_gradients), (theirs, their_gradients) = results
    for one, other in zip(ours, theirs):
        assert one.shape == other.shape
        assert torch.allclose(one, other, atol=1e-4)
    for one, other in zip(our_gradients, their_gradients):
        assert (one is None) == (other is None)
        assert one is None or torch.allclose(one, other, rtol=1e-3, atol=1e-3)


def test_what_is_timed_is_the_same():
    """Thresholds of the benchmark find as many entities and relations as it says, and both formulations find the same ones."""
    ours, theirs = (heads.subject(name, 3, 24)() for name in ("ours", "textbook"))
    assert_same(ours, theirs)
    assert len(ours.entities) == 3 * 24 * heads.ENTITIES_PER_TOKEN
    assert len(ours.scores) == round(heads.RELATIONS_PER_ENTITY * len(ours.entities))
    assert ours.left_out["budget"] == 0
