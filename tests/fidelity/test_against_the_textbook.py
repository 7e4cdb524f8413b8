"""All of `spert_mt` against the textbook formulation in float64: losses, gradients and what is found."""

import copy

import numpy
import pytest
import torch
from torch.nn.functional import softplus

from spacy_mre.encoders.encoder import Encoded
from spacy_mre.pipeline.spans.spans import Pairs, Spans
from spacy_mre.pipeline.spert_mt.decoding import decode
from spacy_mre.pipeline.spert_mt.heads import SpertMTHeads
from spacy_mre.pipeline.spert_mt.output import SpertMTOptions
from spacy_mre.pipeline.spert_mt.settings import PRESETS
from spacy_mre.pipeline.spert_mt.targets import Targets
from tests.fidelity import textbook

MODELS = [{"mode": mode, "see_cats": see_cats} for mode in PRESETS for see_cats in (False, True)]
IDS = [f"{model['mode']}{', cats' if model['see_cats'] else ''}" for model in MODELS]
LENGTHS = numpy.array([7, 1, 0, 12, 4])
WIDTH, ENTITY_LABELS, RELATION_LABELS, MAX_WIDTH = 16, 3, 4, 5
# The published formulas: weights of the four losses, of the overlap with gold, and the ranking loss.
WEIGHTS = {"spert_mt": (1.0, 1.0, 0.2, 0.2), "paper": (1.0, 1.0, 1.0, 1.0), "spert": (1.0, 0.0, 1.0, 0.0)}
GAMMA, MARGIN_RIGHT, MARGIN_WRONG = 2.0, 2.5, 0.5


# In training


def textbook_loss(module, mode, tokens, texts, targets, offsets):
    """The loss of a batch, one span and one pair at a time."""
    entity_id, entity_type, relation_id, relation_type = WEIGHTS[mode]
    spans, mentions, pairs = targets.spans, targets.mentions, targets.pairs
    total = 0.0
    for i, text in enumerate(spans.texts):
        own = tokens[offsets[text] : offsets[text + 1]]
        start, end = (torch.tensor([column[i] - offsets[text]]) for column in (spans.starts, spans.ends))
        logits = textbook.score_spans(module, own, texts[text], start, end)[0][0]
        label = int(spans.labels[i])
        if mode == "spert":
            total = total + entity_id * (logits.logsumexp(dim=0) - logits[label + 1]) / len(spans)
            continue
        weight = 1 + targets.ious[i]
        total = total + entity_id * weight * binary(is_one(module, logits), label >= 0) / len(spans)
        total = total + entity_type * type_loss(mode, logits[1:], {label} - {-1}) / len(spans)
    for i, (head, tail) in enumerate(zip(pairs.heads, pairs.tails)):
        text, rows = mentions.texts[head], [head, tail]
        own = tokens[offsets[text] : offsets[text + 1]]
        starts, ends = (torch.tensor(column[rows] - offsets[text]) for column in (mentions.starts, mentions.ends))
        entity_logits, pooled = textbook.score_spans(module, own, texts[text], starts, ends)
        of_pair = (starts, ends, pooled, entity_logits, torch.tensor([0]), torch.tensor([1]))
        logits = textbook.score_pairs(module, own, texts[text], *of_pair)[0]
        labels = set(numpy.flatnonzero(targets.relations[i]).tolist())
        if mode == "spert":
            each = [binary(logit, label in labels) for label, logit in enumerate(logits)]
            total = total + relation_id * sum(each) / len(each) / len(pairs)
            continue
        total = total + relation_id * binary(is_one(module, logits), bool(labels)) / len(pairs)
        total = total + relation_type * type_loss(mode, logits[1:], labels) / len(pairs)
    return total


def is_one(module, logits):
    return textbook.identification(module, logits[None])[0]


def binary(logit, target):
    return softplus(logit) - float(target) * logit


def type_loss(mode, scores, right):
    if not right:
        return 0.0
    if mode == "spert_mt":
        return sum(scores.logsumexp(dim=0) - scores[label] for label in right) / len(right)
    loss = sum(softplus(GAMMA * (MARGIN_RIGHT - scores[label])) for label in right)
    wrong = [scores[label] for label in range(len(scores)) if label not in right]
    return loss + (softplus(GAMMA * (MARGIN_WRONG + max(wrong))) if wrong else 0.0)


@pytest.mark.parametrize("model", MODELS, ids=IDS)
def test_the_loss_and_its_gradients(make_nlp, examples_of, module_of, model):
    nlp = make_nlp(model, negatives=12, symmetric=["knows"])
    pipe, examples = nlp.get_pipe("spert_mt"), examples_of(nlp)
    encoded, _ = pipe.model.get_ref("encoder").begin_update([eg.predicted for eg in examples])
    targets = pipe.get_targets(examples, encoded)
    assert targets.relations.sum(axis=1).max() > 1 and ((targets.ious > 0) & (targets.ious < 1)).any()
    logits, backprop = pipe.model.get_ref("heads").begin_update((encoded, targets))
    loss, d_logits = pipe.get_loss(examples, logits, targets)
    gradient = backprop(d_logits)

    module = copy.deepcopy(module_of(pipe)).double()
    module.zero_grad()
    tokens, texts = (
        torch.tensor(array, dtype=torch.float64, requires_grad=True) for array in (encoded.tokens, encoded.texts)
    )
    offsets = [0, *numpy.cumsum(encoded.lengths).tolist()]
    expected = textbook_loss(module, model["mode"], tokens, module.with_cats(texts, targets.cats), targets, offsets)
    expected.backward()
    assert loss == pytest.approx(expected.item(), abs=1e-5, rel=1e-5)
    assert gradient.tokens == pytest.approx(tokens.grad.numpy(), abs=1e-4)
    assert gradient.texts == pytest.approx(texts.grad.numpy(), abs=1e-4)
    for (name, ours), theirs in zip(module_of(pipe).named_parameters(), module.parameters()):
        assert theirs.grad.abs().max() > 0, name
        assert ours.grad.numpy() == pytest.approx(theirs.grad.numpy(), abs=1e-4), name


@pytest.mark.parametrize("mode", PRESETS)
@pytest.mark.parametrize("with_pairs", [True, False])
def test_the_logits_of_a_text_and_their_gradients(mode, with_pairs):
    """The formulation that the speed benchmark trains with gives the logits and gradients of the heads."""
    module = make_heads(mode)
    generator = torch.Generator().manual_seed(3)
    tokens, texts = (torch.randn(rows, WIDTH, generator=generator, requires_grad=True) for rows in (9, 1))
    spans = Spans(*(numpy.array(column) for column in ([0, 2, 3, 8], [1, 5, 8, 9], [0] * 4, [1, -1, 0, 2])))
    pairs = Pairs(*(numpy.array(column if with_pairs else [], dtype=int) for column in ([0, 1, 3], [1, 2, 0])))
    targets = Targets(spans, numpy.zeros(4), spans, pairs, numpy.zeros((len(pairs), RELATION_LABELS), dtype=bool))
    results = []
    for outputs in (module(tokens, texts, targets), textbook.forward(module, tokens, texts, targets)):
        loss = sum((output * torch.arange(1.0, output.numel() + 1).view_as(output)).sum() for output in outputs)
        weights = [tokens, texts, *module.parameters()]
        results.append([*outputs, *torch.autograd.grad(loss, weights, allow_unused=True)])
    for ours, theirs in zip(*results):
        assert (ours is None) == (theirs is None)
        assert ours is None or torch.allclose(ours, theirs, rtol=1e-3, atol=1e-3)


# In prediction


def make_heads(mode):
    torch.manual_seed(2)
    module = SpertMTHeads(WIDTH, ENTITY_LABELS, RELATION_LABELS, mode=mode, max_width=MAX_WIDTH, dropout=0.5)
    for parameter in module.parameters():  # larger than at the start of training, when nothing is certain
        torch.nn.init.normal_(parameter, std=0.4)
    return module.eval()


def assert_same(ours, theirs):
    for part in ("starts", "ends", "texts", "labels"):
        assert getattr(ours.entities, part).tolist() == getattr(theirs.entities, part).tolist()
    assert ours.entity_scores == pytest.approx(theirs.entity_scores, abs=1e-4)
    our_relations, their_relations = map(relations_of, (ours, theirs))
    assert set(our_relations) == set(their_relations)
    assert our_relations == pytest.approx(their_relations, abs=1e-4)


def relations_of(output):
    columns = (output.pairs.heads, output.pairs.tails, output.labels)
    return dict(zip(zip(*(column.tolist() for column in columns)), output.scores.tolist()))


@pytest.mark.parametrize("overlap", ["flat", "flat_by_label", "nested", "any"])
@pytest.mark.parametrize("mode", PRESETS)
def test_a_batch(mode, overlap, monkeypatch):
    """Random vectors, with and without pairs in chunks: what the speed benchmark compares is the same."""
    generator = numpy.random.default_rng(1)
    tokens, texts = (generator.standard_normal((rows, WIDTH)).astype("f") for rows in (LENGTHS.sum(), len(LENGTHS)))
    encoded = Encoded(tokens, texts, LENGTHS, numpy.zeros(len(LENGTHS), dtype=int))
    labels = {"entity_labels": ["E0", "E1", "E2"], "relation_labels": ["R0", "R1", "R2", "R3"]}
    limits = {"entity_threshold": 0.2, "relation_threshold": 0.0, "pairs_per_token": 1000, "max_distance": 0}
    options = SpertMTOptions(**labels, **limits, overlap=overlap, symmetric=[], constraints={})
    module = make_heads(mode)
    with torch.no_grad():
        ours, theirs = decode(module, encoded, options), textbook.decode(module, encoded, options)
        monkeypatch.setattr(textbook, "PAIR_CHUNK", 7)
        chunked = textbook.decode(module, encoded, options)
    assert len(ours.entities) > 3 and len(ours.scores) > 3
    assert_same(ours, theirs)
    assert_same(ours, chunked)


@pytest.mark.filterwarnings("ignore:.*W812")
@pytest.mark.parametrize("model", MODELS, ids=IDS)
@pytest.mark.parametrize("overlap", ["flat", "flat_by_label", "nested", "any"])
def test_a_pipeline(make_nlp, examples_of, module_of, model, overlap):
    """With text labels, constraints, a symmetric label and negative sampling."""
    is_baseline = model["mode"] == "spert"
    constraints = {"in": [["site", "place"], ["place", "place"], ["person", "site"]], "knows": [["person", "person"]]}
    nlp = make_nlp(
        model,
        overlap=overlap,
        symmetric=["knows"],
        constraints=constraints,
        pairs_per_token=10_000,
        max_distance=0,
        negatives=9,
        entity_threshold=0.5 if is_baseline else 0.3,
        relation_threshold=0.4 if is_baseline else 0.6,
    )
    pipe = nlp.get_pipe("spert_mt")
    docs = [eg.predicted for eg in examples_of(nlp)]
    encoded, ours = pipe.model.get_ref("encoder").predict(docs), pipe.predict(docs)
    options = pipe.options()
    if model["see_cats"]:
        options.cats = numpy.array([[doc.cats.get(label, 0.0) for label in pipe.cfg["cat_labels"]] for doc in docs])
    with torch.no_grad():
        module = copy.deepcopy(module_of(pipe)).double()
        precise = Encoded(
            *(array.astype("float64") for array in (encoded.tokens, encoded.texts)), encoded.lengths, encoded.cut
        )
        theirs = textbook.decode(module, precise, options)
    assert len(theirs.scores) and (is_baseline or options.share_drawn < 1)
    assert_same(ours, theirs)


# The reference itself


def test_one_pass_by_hand():
    spans = [(0, 2), (1, 3), (1, 2), (4, 5), (0, 2)]
    scores = [0.6, 0.9, 0.7, 0.5, 0.6]
    every = range(len(spans))
    labels = [0, 0, 1, 1, 0]
    assert textbook.choose_spans(every, spans, labels, scores, "flat") == [1, 3]
    assert textbook.choose_spans(every, spans, labels, scores, "flat_by_label") == [1, 2, 3]
    assert textbook.choose_spans(every, spans, [0] * 5, scores, "flat_by_label") == [1, 3]
    assert textbook.choose_spans(every, spans, labels, scores, "nested") == [1, 2, 3]
    assert textbook.choose_spans(every, spans, labels, scores, "any") == [0, 4, 1, 2, 3]
    assert textbook.choose_spans([0, 3], spans, labels, scores, "flat") == [0, 3]


def test_max_pooling_by_hand():
    tokens = torch.tensor([[1.0, -5.0], [3.0, -7.0], [2.0, 4.0]])
    masks = textbook.span_masks(3, torch.tensor([0, 1]), torch.tensor([2, 3]))
    assert masks.tolist() == [[True, True, False], [False, True, True]]
    assert textbook.max_pool(tokens, masks).tolist() == [[3.0, -5.0], [3.0, 4.0]]
