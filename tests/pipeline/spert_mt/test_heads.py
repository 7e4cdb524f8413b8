from itertools import product

import numpy
import pytest
import torch
from thinc.api import Model

from spacy_mre.encoders.encoder import Encoded
from spacy_mre.pipeline.spans.spans import Pairs, Spans
from spacy_mre.pipeline.spert_mt.decoding import Request, find, find_spans
from spacy_mre.pipeline.spert_mt.heads import SpertMTHeads, identification_logits
from spacy_mre.pipeline.spert_mt.model import (
    CLASSIFICATIONS,
    ENTITY_FEATURES,
    IDENTIFICATIONS,
    MODES,
    RELATION_CONTEXTS,
    SPAN_VECTORS,
    Logits,
    build_spert_mt,
)
from spacy_mre.pipeline.spert_mt.targets import Targets

LENGTHS = numpy.array([5, 1, 0, 7])
WIDTH, ENTITY_LABELS, RELATION_LABELS, MAX_WIDTH = 6, 3, 2, 4


def make_heads(mode="spert_mt", seed=0, **settings):
    defaults = {
        "identification": "separate",
        "max_width": MAX_WIDTH,
        "width_size": 3,
        "dropout": 0.1,
        "entity_features": "logits",
        "classification": "ranking",
        "relation_margin": 1.0,
    }
    torch.manual_seed(seed)
    heads = SpertMTHeads(WIDTH, ENTITY_LABELS, RELATION_LABELS, mode=mode, **{**defaults, **settings})
    for parameter in heads.parameters():  # biases too, and larger than at the start of training
        torch.nn.init.normal_(parameter, std=0.5)
    return heads.eval()


@pytest.fixture(scope="module")
def batch():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(LENGTHS.sum(), WIDTH, generator=generator), torch.randn(len(LENGTHS), WIDTH, generator=generator)


def every_span(max_width=7):
    """Wider ones than the limit too: gold mentions may be."""
    offsets = numpy.cumsum(LENGTHS) - LENGTHS
    rows = [
        (offset + start, offset + start + width, text, (start + width) % (ENTITY_LABELS + 1) - 1)
        for text, (offset, length) in enumerate(zip(offsets, LENGTHS))
        for start in range(length)
        for width in range(1, min(max_width, length - start) + 1)
    ]
    return Spans(*numpy.array(rows).T)


# The textbook formulation: a mask of spans x tokens, explicit concatenations, one large weight matrix


def masked_max(tokens, starts, ends):
    rows = torch.arange(len(tokens))
    mask = (rows >= torch.as_tensor(starts)[:, None]) & (rows < torch.as_tensor(ends)[:, None])
    maxima = tokens[None].masked_fill(~mask[:, :, None], -torch.inf).amax(dim=1)
    return maxima.masked_fill(~mask.any(dim=1)[:, None], 0.0)


def width_vectors(heads, spans):
    return heads.widths.weight[[min(width, heads.max_width + 1) - 1 for width in spans.widths]]


def textbook_entities(heads, tokens, texts, spans):
    weight = torch.cat([heads.entity_text.weight, heads.entity_span.weight, heads.entity_width.weight], dim=1)
    vectors = torch.cat(
        [texts[spans.texts], masked_max(tokens, spans.starts, spans.ends), width_vectors(heads, spans)], dim=1
    )
    return vectors @ weight.T + heads.entity_span.bias


def textbook_pairs(heads, tokens, texts, spans, pairs):
    parts = [masked_max(tokens, spans.starts, spans.ends), width_vectors(heads, spans)]
    if heads.entity_features == "logits":
        parts.append(textbook_entities(heads, tokens, texts, spans))
    elif heads.entity_features == "labels":
        parts.append(torch.eye(ENTITY_LABELS + 1)[spans.labels + 1])
    mentions = torch.cat(parts, dim=1)
    begin = numpy.minimum(spans.ends[pairs.heads], spans.ends[pairs.tails])
    end = numpy.maximum(spans.starts[pairs.heads], spans.starts[pairs.tails])
    vectors = torch.cat([masked_max(tokens, begin, end), mentions[pairs.heads], mentions[pairs.tails]], dim=1)
    weight = torch.cat([heads.relation_context.weight, heads.relation_head.weight, heads.relation_tail.weight], dim=1)
    return vectors @ weight.T + heads.relation_context.bias


def every_pair(spans):
    pairs = [(i, j) for i, j in product(range(len(spans)), repeat=2) if i != j and spans.texts[i] == spans.texts[j]]
    return Pairs(*numpy.array(pairs).T)


SETTINGS = list(product(MODES, ENTITY_FEATURES))


# Text labels and other contexts; that they are right in numbers is shown in tests/fidelity


def random_cats(seed=0):
    return numpy.random.default_rng(seed).random((len(LENGTHS), 2)).astype("f")


def predict_all(heads, batch, cats):
    spans = every_span(MAX_WIDTH)
    pairs = every_pair(spans)
    with torch.no_grad():
        return (
            heads(
                *batch,
                Targets(spans, numpy.zeros(len(spans)), spans, pairs, numpy.zeros((len(pairs), 2), bool), cats=cats),
            ),
            spans,
            pairs,
        )


@pytest.mark.parametrize("mode, context", product(MODES, RELATION_CONTEXTS))
def test_the_label_of_a_text_adds_to_all_logits_of_that_text_alone(batch, mode, context):
    heads = make_heads(mode, entity_features="none", cat_labels=2, see_cats=True, relation_context=context)
    (entities, relations), spans, pairs = predict_all(heads, batch, random_cats())
    (before, relations_before), _, _ = predict_all(heads, batch, None)  # nothing is known of any text
    with torch.no_grad():
        cats = torch.as_tensor(random_cats())
        of_entities, of_relations = cats @ heads.entity_text.weight[:, WIDTH:].T, cats @ heads.relation_cats.weight.T
    assert torch.allclose(entities - before, of_entities[spans.texts], atol=1e-5)
    assert torch.allclose(relations - relations_before, of_relations[spans.texts[pairs.heads]], atol=1e-5)


def test_all_scores_see_the_label_too(batch):
    heads, spans = make_heads(cat_labels=2, see_cats=True), every_span(MAX_WIDTH)
    tokens, texts = batch[0], heads.with_cats(batch[1], random_cats())
    with torch.no_grad():
        table = heads.score_all(tokens, texts, LENGTHS)
        one_by_one = heads.span_probability(heads.score_spans(tokens, texts, spans)[0])
    assert torch.allclose(table[spans.widths - 1, spans.starts], one_by_one, atol=1e-5)


def test_heads_that_do_not_see_the_label_have_no_weights_for_it(batch):
    plain, blind = make_heads(), make_heads(cat_labels=2, see_cats=False)
    for one, other in zip(plain.named_parameters(), blind.named_parameters(), strict=True):
        assert one[0] == other[0] and torch.equal(one[1], other[1])
    assert blind.with_cats(batch[1], random_cats()) is batch[1]


def test_options_change_no_weight_that_is_there_without_them():
    """What is new stands behind all else, so that a seed gives the others the same first weights."""
    torch.manual_seed(0)
    plain = SpertMTHeads(WIDTH, 2, 2, **SIZES)
    names = [name for name, _ in plain.named_parameters()]
    torch.manual_seed(0)
    with_query = SpertMTHeads(WIDTH, 2, 2, **SIZES, relation_context="attention")
    assert [name for name, _ in with_query.named_parameters()] == [*names, "context_query.weight"]


SIZES = {
    "mode": "spert_mt",
    "identification": "tied",
    "max_width": 3,
    "width_size": 2,
    "dropout": 0.0,
    "entity_features": "logits",
    "classification": "ranking",
    "relation_margin": 1.0,
}


@pytest.mark.parametrize("context", RELATION_CONTEXTS)
def test_contexts_in_chunks_are_those_of_training(batch, context):
    heads, spans = make_heads(relation_context=context), every_span(3)
    pairs = every_pair(spans)
    with torch.no_grad():
        logits, pooled = heads.score_spans(*batch, spans)
        whole = heads.score_pairs(batch[0], spans, pooled, logits, pairs, batch[1])
        of_heads, of_tails = heads.score_mentions(spans, pooled, logits, *batch)
        scores = torch.empty_like(whole)
        for places, contexts in heads.contexts_in_chunks(*batch, spans, pairs, 17):
            assert len(places) <= 17
            scores[places] = (
                heads.score_contexts(contexts) + of_heads[pairs.heads[places]] + of_tails[pairs.tails[places]]
            )
    assert torch.allclose(scores, whole, atol=1e-6)


@pytest.mark.parametrize("mode, features", SETTINGS)
def test_scores_equal_the_textbook_formulation(batch, mode, features):
    heads, spans = make_heads(mode, entity_features=features), every_span()
    pairs = every_pair(spans)
    with torch.no_grad():
        logits, pooled = heads.score_spans(*batch, spans)
        assert torch.allclose(logits, textbook_entities(heads, *batch, spans), atol=1e-5)
        assert torch.equal(pooled, masked_max(batch[0], spans.starts, spans.ends))
        scores = heads.score_pairs(batch[0], spans, pooled, logits, pairs)
        assert torch.allclose(scores, textbook_pairs(heads, *batch, spans, pairs), atol=1e-5)
    assert scores.shape == (len(pairs), RELATION_LABELS + (mode == "spert_mt"))


@pytest.mark.parametrize("mode", MODES)
def test_the_parts_of_a_span_say_something_together(batch, mode):
    """Beside what each says alone: a hidden layer over the text, the maximum, the width, the first and the last token."""
    heads, spans = make_heads(mode, entity_hidden=5, span_vector="max_ends"), every_span()
    tokens, texts = batch
    with torch.no_grad():
        logits, _ = heads.score_spans(*batch, spans)
        layers = [heads.entity_text, heads.entity_span, heads.entity_width, heads.entity_first, heads.entity_last]
        parts = [texts[spans.texts], masked_max(tokens, spans.starts, spans.ends), width_vectors(heads, spans)]
        vectors = torch.cat([*parts, tokens[spans.starts], tokens[spans.ends - 1]], dim=1)
        sums = vectors @ torch.cat([layer.weight for layer in layers], dim=1).T + heads.entity_span.bias
        together = torch.nn.functional.gelu(sums[:, -5:]) @ heads.entity_together.weight.T
        assert torch.allclose(logits, sums[:, :-5] + together, atol=1e-4) and together.abs().min() > 0


@pytest.mark.parametrize("mode", MODES)
def test_head_and_tail_say_something_together(batch, mode):
    """Beside what each says alone: a bilinear form, with a weight for each feature of the head and each of the tail."""
    heads, spans = make_heads(mode, relation_rank=5), every_span(3)
    pairs = every_pair(spans)
    with torch.no_grad():
        logits, pooled = heads.score_spans(*batch, spans)
        scores = heads.score_pairs(batch[0], spans, pooled, logits, pairs)
        own = [heads.relation_head.weight, heads.relation_tail.weight]
        parts = [
            masked_max(batch[0], spans.starts, spans.ends),
            width_vectors(heads, spans),
            textbook_entities(heads, *batch, spans),
        ]
        mentions = torch.cat(parts, dim=1)
        forms = torch.einsum("cr,ri,rj->cij", heads.relation_product.weight, *(weight[-5:] for weight in own))
        together = torch.einsum("cij,pi,pj->pc", forms, mentions[pairs.heads], mentions[pairs.tails])
        for weight in own:
            weight[-5:] = 0.0
        alone = heads.score_pairs(batch[0], spans, pooled, logits, pairs)
    assert torch.allclose(scores, alone + together, atol=1e-4) and together.abs().min() > 0


@pytest.mark.parametrize("mode, features", SETTINGS)
def test_gradients_equal_those_of_the_textbook_formulation(batch, mode, features):
    heads, spans = make_heads(mode, entity_features=features).double(), every_span()
    pairs = every_pair(spans)
    gradients = []
    for textbook in (False, True):
        tokens, texts = (array.double().requires_grad_() for array in batch)
        heads.zero_grad()
        if textbook:
            outputs = (
                textbook_entities(heads, tokens, texts, spans),
                textbook_pairs(heads.double(), tokens, texts, spans, pairs),
            )
        else:
            outputs = heads(
                tokens, texts, Targets(spans, numpy.zeros(len(spans)), spans, pairs, numpy.zeros((len(pairs), 2), bool))
            )
        sum(
            (output * torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view_as(output)).sum()
            for output in outputs
        ).backward()
        gradients.append([tokens.grad, texts.grad, *(parameter.grad for parameter in heads.parameters())])
    for ours, textbook in zip(*gradients):
        assert torch.allclose(ours, textbook, atol=1e-9)
        assert ours.any()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("identification", IDENTIFICATIONS)
@pytest.mark.parametrize("span_vector", SPAN_VECTORS)
@pytest.mark.parametrize("hidden", [0, 5])
def test_scoring_all_equals_scoring_every_span_and_respects_the_borders_of_texts(
    batch, mode, identification, span_vector, hidden
):
    heads = make_heads(mode, identification=identification, span_vector=span_vector, entity_hidden=hidden)
    spans = every_span(MAX_WIDTH)
    with torch.no_grad():
        table = heads.score_all(*batch, LENGTHS)
        one_by_one = heads.span_probability(heads.score_spans(*batch, spans)[0])
    assert table.shape == (MAX_WIDTH, LENGTHS.sum())
    places = (spans.widths - 1, spans.starts)
    assert torch.allclose(table[places], one_by_one, atol=1e-5)
    crossing = numpy.ones(table.shape, dtype=bool)
    crossing[places] = False
    assert crossing.any() and (table[torch.as_tensor(crossing)] == -1).all()
    if mode == "spert":
        assert (one_by_one == -1).any() and (one_by_one > 0).any()


def test_a_text_does_not_feel_its_neighbours(batch):
    heads = make_heads()
    tokens, texts = batch
    with torch.no_grad():
        alone = heads.score_all(tokens[:5], texts[:1], LENGTHS[:1])
        changed = heads.score_all(torch.cat([tokens[:5], 9 * tokens[5:]]), texts, LENGTHS)
    assert torch.allclose(alone, changed[:, :5], atol=1e-6)


def test_spans_wider_than_the_limit_share_one_width_vector(batch):
    heads = make_heads()
    spans = Spans(*(numpy.array(column) for column in ([6, 6], [11, 12], [3, 3], [0, 0])))
    assert heads._width_ids(spans.widths, batch[0]).tolist() == [MAX_WIDTH, MAX_WIDTH]


def test_identification_by_hand():
    logits = torch.tensor([[1.0, 0.0, 0.0], [-2.0, 3.0, -50.0]])
    assert identification_logits(logits, tied=False).tolist() == [1.0, -2.0]
    assert identification_logits(logits, tied=True).tolist() == pytest.approx([1 + numpy.log(2), 1.0])
    assert identification_logits(logits[:, :1], tied=True).tolist() == [1.0, -2.0]  # no labels


def test_tied_identification_is_the_factor_of_a_softmax_over_labels_and_none():
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    with_none = torch.cat([-logits[:, :1], logits[:, 1:]], dim=1).softmax(
        dim=1
    )  # the identification column stands for not-None
    one_at_all = torch.sigmoid(identification_logits(logits, tied=True))
    assert torch.allclose(one_at_all, 1 - with_none[:, 0], atol=1e-6)
    assert torch.allclose(one_at_all[:, None] * logits[:, 1:].softmax(dim=1), with_none[:, 1:], atol=1e-6)


@pytest.mark.parametrize("identification", IDENTIFICATIONS)
def test_relation_probabilities_of_ranking(identification):
    heads = make_heads(identification=identification, relation_margin=1.0)
    logits = torch.tensor([[0.5, 3.0, 1.5], [0.5, 3.0, 0.5], [0.5, -2.0, -1.0], [0.5, 3.0, 1.5], [0.5, 3.0, 3.0]])
    allowed = torch.tensor([[True, True], [True, True], [True, True], [False, True], [False, False]])
    holds = heads.relation_probability(logits, allowed) >= 0
    assert holds.tolist() == [[True, True], [True, False], [False, True], [False, True], [False, False]]
    probabilities = heads.relation_probability(logits, allowed)
    expected = torch.sigmoid(identification_logits(logits, heads.tied))[:, None].expand(5, 2)
    assert torch.equal(probabilities, torch.where(holds, expected, torch.tensor(-1.0)))


def test_relation_probabilities_of_cross_entropy():
    heads = make_heads(classification="cross_entropy")
    # Of all labels they have 3/4 and 1/4, 1/2 and 1/2, or all where the other one is not allowed.
    logits = torch.tensor([[0.0, 1.0, 1.0 - numpy.log(3)], [0.0, 1.0, 1.0], [0.0, 1.0, 1.0 - numpy.log(3)]])
    allowed = torch.tensor([[True, True], [True, True], [False, True]])
    assert heads.relation_probability(logits, allowed).flatten().tolist() == pytest.approx(
        [0.5, 0.25, 0.5, 0.5, -1.0, 0.5]
    )


def test_scores_of_all_spans_are_corrected_for_a_sample_of_negatives(batch):
    heads, baseline = make_heads(classification="cross_entropy"), make_heads("spert")
    with torch.no_grad():
        as_trained, corrected = heads.score_all(*batch, LENGTHS), heads.score_all(*batch, LENGTHS, 0.25)
        heads.entity_span.bias[0] -= numpy.log(4)
        assert torch.allclose(corrected, heads.score_all(*batch, LENGTHS), atol=1e-6)
        assert torch.equal(baseline.score_all(*batch, LENGTHS, 0.25), baseline.score_all(*batch, LENGTHS))
    assert (corrected < as_trained)[as_trained >= 0].all()


def test_a_triple_is_as_sure_as_its_relation_and_its_ends_together():
    of_relations, of_heads, of_tails = (
        torch.tensor([[0.5, -1.0], [0.8, 0.1]]),
        torch.tensor([0.4, 1.0]),
        torch.tensor([0.5, 0.0]),
    )
    scores = make_heads().triple_probability(of_relations, of_heads, of_tails)
    assert torch.allclose(scores, torch.tensor([[0.5 * 0.2**0.5, -1.0], [0.0, 0.0]]))
    assert torch.equal(make_heads("spert").triple_probability(of_relations, of_heads, of_tails), of_relations)


def test_span_probabilities_of_cross_entropy():
    # The best of three types has 3/4 or 1/3.
    logits = torch.tensor([[0.0, numpy.log(6), 0.0, 0.0], [0.0, 1.0, 1.0, 1.0]])
    assert make_heads(classification="cross_entropy").span_probability(logits).tolist() == pytest.approx([1 / 2, 1 / 3])
    # Tied: the softmax over the types and None, whose score is the negative of the identification column.
    tied = make_heads(classification="cross_entropy", identification="tied")
    assert tied.span_probability(logits).tolist() == pytest.approx([8 / 9, 2 / 3 * 3 * numpy.e / (3 * numpy.e + 1)])
    assert make_heads().span_probability(logits[:, :1]).tolist() == [0.5, 0.5]


def test_relation_probabilities_of_the_baseline():
    heads = make_heads("spert")
    logits = torch.tensor([[0.0, 1.0]])
    probabilities = heads.relation_probability(logits, torch.tensor([[True, False]]))
    assert probabilities.tolist() == [[0.5, -1.0]]


# find(), with weights that make the outcome known: token vectors say "person", "place" or "neither"

PERSON, PLACE, NEITHER = numpy.eye(3, dtype="f")
TOKENS = numpy.stack([PERSON, NEITHER, PLACE, PERSON, PLACE, PERSON])
SURE = 1 / (1 + numpy.exp(-5))
# Entities: 0 person, 1 place, 2 person in the first text; 3 place, 4 person in the third.
ENTITIES = [(0, 1, 0, 0), (2, 3, 0, 1), (3, 4, 0, 0), (0, 1, 2, 1), (1, 2, 2, 0)]
LIVES, KNOWS = 0, 1
# Persons are heads; a person knows persons and lives in places.
RELATIONS = {(0, 1, LIVES), (0, 2, KNOWS), (2, 0, KNOWS), (2, 1, LIVES), (4, 3, LIVES)}


def known_heads(mode="spert_mt"):
    heads = SpertMTHeads(
        3,
        2,
        2,
        mode=mode,
        identification="separate",
        max_width=2,
        width_size=1,
        dropout=0.5,
        entity_features="none",
        classification="ranking",
        relation_margin=1.0,
    ).eval()
    for parameter in heads.parameters():
        torch.nn.init.zeros_(parameter)
    with torch.no_grad():
        heads.widths.weight[:, 0] = torch.arange(3)
        lives, knows = (-2, -1) if mode == "spert_mt" else (0, 1)
        if mode == "spert_mt":
            heads.entity_span.weight[0] = torch.tensor([10.0, 10.0, -100.0])
            heads.entity_span.bias[0] = -5
            heads.entity_width.weight[0, 0] = -20
            heads.entity_span.weight[1, 0] = heads.entity_span.weight[2, 1] = 5
            heads.relation_context.bias[0] = -5
            heads.relation_head.weight[0, 0] = 10
        else:
            heads.entity_span.weight[0, 2] = 100  # None
            heads.entity_width.weight[0, 0] = 20
            heads.entity_span.weight[1, 0] = heads.entity_span.weight[2, 1] = 10
        heads.relation_head.weight[[lives, knows], 0] = 2
        heads.relation_tail.weight[lives, 1] = heads.relation_tail.weight[knows, 0] = 2
        heads.relation_context.bias[[lives, knows]] = -3
    return heads


def encoded(tokens=TOKENS, lengths=(4, 0, 2)):
    lengths = numpy.array(lengths, dtype=numpy.int64)
    return Encoded(tokens, numpy.zeros((len(lengths), 3), "f"), lengths, numpy.arange(len(lengths)))


def request(**settings):
    defaults = {
        "entity_labels": ("person", "place"),
        "relation_labels": ("lives", "knows"),
        "entity_threshold": 0.5,
        "relation_threshold": 0.5,
        "overlap": "nested",
        "pairs_per_token": 20,
        "max_distance": 0,
        "symmetric": [],
        "constraints": {},
    }
    return Request(**{**defaults, **settings})


def run(heads=None, batch=None, **settings):
    with torch.no_grad():
        return find(heads or known_heads(), batch or encoded(), request(**settings))


def entities(found):
    spans = found.entities
    return list(zip(spans.starts.tolist(), spans.ends.tolist(), spans.texts.tolist(), spans.labels.tolist()))


def relations(found):
    rows = list(zip(found.pairs.heads.tolist(), found.pairs.tails.tolist(), found.labels.tolist()))
    assert len(rows) == len(set(rows)) == len(found.scores)
    return set(rows)


def test_what_is_found_is_known():
    found = run()
    assert entities(found) == ENTITIES
    assert relations(found) == RELATIONS
    assert found.entity_scores == pytest.approx(SURE)
    assert found.scores == pytest.approx(SURE**2)  # the relation, and its ends
    assert found.left_out == {"distance": 0, "budget": 0}
    assert found.cut.tolist() == [0, 1, 2]


def test_thresholds():
    nothing = run(entity_threshold=0.999)
    assert (entities(nothing), relations(nothing)) == ([], set())
    no_relations = run(relation_threshold=0.999)
    assert (entities(no_relations), relations(no_relations)) == (ENTITIES, set())
    # Everything within the texts: 4 + 3 spans and 2 + 1, and no crossing ones.
    assert len(run(entity_threshold=0.0, overlap="any").entities) == 10
    with torch.no_grad():
        spans, scores = find_spans(known_heads(), encoded(), request(entity_threshold=0.0, overlap="flat"))
    assert spans.starts.tolist() == [0, 1, 2, 3, 4, 5] and spans.labels.tolist() == [-1] * 6 and len(scores) == 6


def test_several_labels_of_a_pair_stand_in_several_rows():
    heads = known_heads()
    with torch.no_grad():
        heads.relation_context.bias[1:] = 3  # all scores beyond the margin
    found = run(heads)
    assert relations(found) == {(head, tail, label) for head, tail, _ in RELATIONS for label in (LIVES, KNOWS)}


@pytest.mark.parametrize("mode, overlap", product(MODES, ["flat", "nested", "any"]))
def test_joint_decoding_one_candidate_at_a_time(batch, mode, overlap):
    heads = make_heads(mode, relation_context="attention")
    tokens, texts = (array.numpy() for array in batch)
    vectors = Encoded(tokens, texts, LENGTHS, numpy.zeros(len(LENGTHS), dtype=numpy.int64))
    settings = {"entity_labels": ("a", "b", "c"), "relation_threshold": 0.3, "entity_threshold": 0.6}
    candidates = run(heads, vectors, **{**settings, "entity_threshold": 0.3, "overlap": "any"})
    own, best = candidates.entity_scores, numpy.zeros(len(candidates.entities))
    for head, tail, score in zip(candidates.pairs.heads, candidates.pairs.tails, candidates.scores):
        if mode == "spert_mt":  # what speaks for one end is the relation and the other end
            score /= (own[head] * own[tail]) ** 0.5
        best[head], best[tail] = max(best[head], score * own[tail]), max(best[tail], score * own[head])
    scores = {place: max(one, (one + other) / 2) for place, one, other in zip(entities(candidates), own, best)}
    kept = []
    for place, score in sorted(scores.items(), key=lambda item: (-item[1], item[0][2], item[0][0], -item[0][1])):
        clashes = [other for other in kept if other[2] == place[2] and place[0] < other[1] and other[0] < place[1]]
        if overlap == "nested":
            clashes = [
                o
                for o in clashes
                if not ((o[0] <= place[0] and place[1] <= o[1]) or (place[0] <= o[0] and o[1] <= place[1]))
            ]
        if score >= 0.6 and (overlap == "any" or not clashes):
            kept.append(place)

    def related(found):
        places = entities(found)
        return {
            (places[head], places[tail], label)
            for head, tail, label in zip(found.pairs.heads, found.pairs.tails, found.labels)
        }

    found = run(heads, vectors, joint=True, overlap=overlap, **settings)
    assert set(entities(found)) == set(kept) and len(entities(found)) == len(kept)
    assert dict(zip(entities(found), found.entity_scores)) == pytest.approx({place: scores[place] for place in kept})
    assert related(found) == {
        (head, tail, label) for head, tail, label in related(candidates) if head in kept and tail in kept
    }
    assert len(found.scores) == len(related(found))
    plain = run(heads, vectors, overlap=overlap, **settings)
    assert len(found.entities) >= len(plain.entities) > 0


def test_constraints_mask_labels_by_type():
    found = run(constraints={"lives": [["place", "place"]], "knows": [["person", "person"]]})
    assert relations(found) == {(0, 2, KNOWS), (2, 0, KNOWS)}
    # A label that may not hold makes room for the next.
    assert relations(run(constraints={"lives": []})) == {(head, tail, KNOWS) for head, tail, _ in RELATIONS}


def test_symmetric_relations_are_stored_with_the_earlier_mention_as_head():
    assert relations(run(symmetric=["knows"])) == RELATIONS - {(2, 0, KNOWS)}
    assert relations(run(symmetric=["lives"])) == RELATIONS - {(2, 1, LIVES), (4, 3, LIVES)}


def test_constraints_of_a_symmetric_relation_hold_in_both_directions():
    heads = known_heads()
    with torch.no_grad():
        heads.relation_context.bias[0] = 5  # places are heads too
    assert (0, 2, KNOWS) in relations(run(heads, symmetric=["knows"]))
    found = relations(run(heads, symmetric=["knows"], constraints={"knows": [["person", "place"]], "lives": []}))
    assert found == {(0, 1, KNOWS), (1, 2, KNOWS), (3, 4, KNOWS)}


def test_the_distance_and_the_budget_are_reported():
    near = run(max_distance=1)
    assert relations(near) == {(2, 1, LIVES), (4, 3, LIVES)}
    assert near.left_out == {"distance": 4, "budget": 0}
    none = run(pairs_per_token=0)
    assert relations(none) == set() and entities(none) == ENTITIES
    assert none.left_out == {"distance": 0, "budget": 8}


def test_given_entities_are_taken_as_they_are():
    def given(offsets):
        assert offsets.tolist() == [0, 4, 4]
        return Spans(numpy.array([0, 2]), numpy.array([1, 4]), numpy.array([0, 0]), numpy.array([0, -1]))

    found = run(given=given)
    assert entities(found) == [(0, 1, 0, 0), (2, 4, 0, -1)]
    assert found.entity_scores.tolist() == [1, 1]
    assert relations(found) == {(0, 1, LIVES), (0, 1, KNOWS), (1, 0, KNOWS)}
    # Of a type that the model does not know no constraint speaks.
    assert relations(run(given=given, constraints={"lives": [], "knows": [["place", "place"]]})) == relations(found)


def test_nothing_is_related_to_itself_though_given_twice():
    def given(offsets):
        return Spans(numpy.array([0, 0]), numpy.array([1, 1]), numpy.array([0, 0]), numpy.array([0, 1]))

    assert relations(run(given=given)) == set()


def test_the_baseline_has_a_sigmoid_for_each_label():
    found = run(known_heads("spert"), entity_threshold=0.0, relation_threshold=0.6)
    assert entities(found) == ENTITIES
    assert relations(found) == RELATIONS
    assert found.scores == pytest.approx(1 / (1 + numpy.exp(-1)))
    below = run(known_heads("spert"), entity_threshold=0.0, relation_threshold=0.2)
    assert relations(below) > RELATIONS
    assert (0, 2, LIVES) in relations(below) and (0, 2, KNOWS) in relations(below)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("lengths", [(), (0,), (0, 0)])
def test_empty_batches(mode, lengths):
    found = run(known_heads(mode), encoded(TOKENS[:0], lengths))
    assert (entities(found), relations(found)) == ([], set())


def test_chunks_of_pairs_change_nothing(monkeypatch):
    monkeypatch.setattr("spacy_mre.pipeline.spert_mt.decoding.PAIR_CHUNK", 3)
    assert relations(run()) == RELATIONS


# Thinc's side


def make_model(**settings):
    encoder = Model("encoder", lambda model, docs, is_train: (encoded(), lambda d_encoded: d_encoded), dims={"nO": 3})
    model = build_spert_mt(encoder, **{"max_width": 2, "dropout": 0.0, **settings})
    model.get_ref("heads").attrs["labels"] = {"entity_labels": 2, "relation_labels": 2, "cat_labels": 2}
    model.initialize()
    return model


def make_targets(pairs=()):
    spans = Spans(*(numpy.array(column) for column in ([0, 1, 2], [1, 3, 3], [0, 0, 0], [0, -1, 1])))
    heads, tails = (numpy.array([pair[i] for pair in pairs], dtype=numpy.int64) for i in (0, 1))
    return Targets(spans, numpy.zeros(3), spans, Pairs(heads, tails), numpy.zeros((len(pairs), 2), bool))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("pairs", [[(0, 2), (2, 0)], []], ids=["pairs", "no pairs"])
def test_the_heads_pass_gradients_to_tokens_and_texts(mode, pairs):
    heads = make_model(mode=mode).get_ref("heads")
    batch, targets = encoded(), make_targets(pairs)
    logits, backprop = heads.begin_update((batch, targets))
    weights = Logits(
        *(
            numpy.random.default_rng(0).normal(size=array.shape).astype("f")
            for array in (logits.entities, logits.relations)
        )
    )
    gradient = backprop(weights)
    assert gradient.lengths is batch.lengths

    def value(moved):
        scores, _ = heads.begin_update((moved, targets))
        return float((scores.entities * weights.entities).sum() + (scores.relations * weights.relations).sum())

    for name in ("tokens", "texts"):
        found = getattr(gradient, name)
        assert found.shape == getattr(batch, name).shape and found.any()
        for place in [(0, 0), (1, 2), (2, 1)]:
            values = []
            for sign in (1, -1):
                moved = encoded(batch.tokens.copy())
                moved.texts = batch.texts.copy()
                getattr(moved, name)[place] += sign * 0.1
                values.append(value(moved))
            assert found[place] == pytest.approx((values[0] - values[1]) / 0.2, abs=1e-3)


def test_no_spans_and_no_pairs_give_zeros_back():
    heads = make_model().get_ref("heads")
    none = numpy.zeros(0, dtype=numpy.int64)
    nothing = Targets(
        Spans(none, none, none, none),
        numpy.zeros(0),
        Spans(none, none, none, none),
        Pairs(none, none),
        numpy.zeros((0, 2), bool),
    )
    logits, backprop = heads.begin_update((encoded(), nothing))
    assert (logits.entities.shape, logits.relations.shape) == ((0, 3), (0, 3))
    gradient = backprop(logits)
    assert gradient.tokens.shape == TOKENS.shape and not gradient.tokens.any() and not gradient.texts.any()


def test_the_model_predicts_in_evaluation_mode():
    model = make_model(dropout=0.5, identification="separate", span_vector="max", entity_hidden=0, relation_rank=0)
    module = model.get_ref("heads").shims[0].module
    module.load_state_dict({name: weight for name, weight in known_heads_of_size(module).items()})
    module.train()
    found = model.predict(([], request()))
    assert entities(found) == ENTITIES and relations(found) == RELATIONS
    assert not module.training
    with pytest.raises(NotImplementedError, match="M801"):
        model(([], request()), is_train=True)


def known_heads_of_size(module):
    """The known weights in a module with a wider width embedding and logits as entity features, which it does not look at."""
    known, sized = known_heads().state_dict(), {}
    for name, weight in module.state_dict().items():
        sized[name] = torch.zeros_like(weight)
        old = known[name]
        if name in ("relation_head.weight", "relation_tail.weight"):
            sized[name][:, :3] = old[:, :3]
        else:
            sized[name][tuple(slice(size) for size in old.shape)] = old
    return sized


def test_the_sizes_come_at_initialisation_and_the_names_tell_the_optimizer():
    shim = make_model(identification="separate").get_ref("heads").shims[0]
    assert all(name.startswith("heads.") for name, _ in shim._model.named_parameters())
    assert (shim.sizes["width"], shim.sizes["entity_labels"], shim.sizes["max_width"]) == (3, 2, 2)
    assert shim.module.entity_span.bias.tolist() == [-3.0] + (2 + 64) * [0.0]


def test_identification_begins_at_the_same_prior_whatever_the_labels():
    bias = make_model(identification="tied").get_ref("heads").shims[0].module.entity_span.bias[None, :3]
    assert identification_logits(bias, tied=True).item() == pytest.approx(-3.0)


@pytest.mark.parametrize(
    "setting",
    [
        "mode",
        "identification",
        "classification",
        "entity_features",
        "iou_form",
        "relation_context",
        "identification_loss",
        "class_weights",
    ],
)
def test_an_unknown_setting_is_m301(setting):
    with pytest.raises(ValueError, match=rf"\[M001\].*{setting}"):
        make_model(**{setting: "nonsense"})


@pytest.mark.parametrize(
    "setting, value, mode",
    [
        ("focal_gamma", -1.0, "spert_mt"),
        ("class_weights_beta", 1.0, "spert_mt"),
        ("boundary_smoothing", 1.5, "spert_mt"),
        ("boundary_smoothing", 0.1, "spert"),
    ],
)
def test_a_number_out_of_range_is_m301(setting, value, mode):
    with pytest.raises(ValueError, match=rf"\[M001\].*{setting}"):
        make_model(mode=mode, **{setting: value})


@pytest.mark.parametrize("mode, context, see_cats", product(MODES, RELATION_CONTEXTS, [False, True]))
def test_every_context_predicts_and_learns(mode, context, see_cats):
    model = make_model(mode=mode, relation_context=context, see_cats=see_cats)
    cats = numpy.ones((3, 2), "f") if see_cats else None
    found = model.predict(([], request(entity_threshold=0.0, relation_threshold=0.0, overlap="flat", cats=cats)))
    assert (found.scores >= 0).all() and (found.entity_scores >= 0).all() and len(found.entities)
    targets = make_targets([(0, 2), (2, 0)])
    targets.cats = cats
    logits, backprop = model.get_ref("heads").begin_update((encoded(), targets))
    gradient = backprop(logits)
    assert gradient.texts.shape == (3, 3) and gradient.tokens.any()


@pytest.mark.parametrize(
    "mode, classification, features, identification", product(MODES, CLASSIFICATIONS, ENTITY_FEATURES, IDENTIFICATIONS)
)
def test_every_combination_of_settings_predicts(mode, classification, features, identification):
    model = make_model(
        mode=mode, classification=classification, entity_features=features, identification=identification
    )
    found = model.predict(([], request(entity_threshold=0.0, relation_threshold=0.0, overlap="flat")))
    assert set(found.labels.tolist()) <= {LIVES, KNOWS}
    assert (found.scores >= 0).all() and (found.entity_scores >= 0).all()
