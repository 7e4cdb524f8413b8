from itertools import product

import numpy
import pytest
import torch
from thinc.api import Model

from spacy_mre.encoders.encoder import Encoded
from spacy_mre.pipeline.spans.spans import Pairs, Spans
from spacy_mre.pipeline.spert_mt.decoding import decode, find_spans
from spacy_mre.pipeline.spert_mt.heads import SpertMTHeads
from spacy_mre.pipeline.spert_mt.loss import SpertMTLogits
from spacy_mre.pipeline.spert_mt.model import build_spert_mt
from spacy_mre.pipeline.spert_mt.output import SpertMTOptions
from spacy_mre.pipeline.spert_mt.probabilities import (
    identification_logits,
    relation_probability,
    span_probability,
    triple_probability,
)
from spacy_mre.pipeline.spert_mt.settings import PRESETS
from spacy_mre.pipeline.spert_mt.targets import Targets

MODES = tuple(PRESETS)
LENGTHS = numpy.array([5, 1, 0, 7])
WIDTH, ENTITY_LABELS, RELATION_LABELS, MAX_WIDTH = 6, 3, 2, 4


def make_heads(mode="spert_mt", seed=0, cat_labels=0, **settings):
    torch.manual_seed(seed)
    settings = {"mode": mode, "max_width": MAX_WIDTH, "dropout": 0.1, **settings}
    heads = SpertMTHeads(WIDTH, ENTITY_LABELS, RELATION_LABELS, cat_labels, **settings)
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


def every_pair(spans):
    pairs = [(i, j) for i, j in product(range(len(spans)), repeat=2) if i != j and spans.texts[i] == spans.texts[j]]
    return Pairs(*numpy.array(pairs).T)


# Text labels. That all scores equal the textbook formulation is tested in tests/fidelity.


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


def test_the_label_of_a_text_adds_to_all_logits_of_that_text_alone(batch):
    # In the other modes the relations read the entity logits too, and in "spert_mt" there is a hidden layer.
    heads = make_heads("spert", cat_labels=2, see_cats=True)
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
        one_by_one = span_probability(heads.score_spans(tokens, texts, spans)[0], heads.preset)
    assert torch.allclose(table[spans.widths - 1, spans.starts], one_by_one, atol=1e-5)


def test_heads_that_do_not_see_the_label_have_no_weights_for_it(batch):
    plain, blind = make_heads(), make_heads(cat_labels=2, see_cats=False)
    for one, other in zip(plain.named_parameters(), blind.named_parameters(), strict=True):
        assert one[0] == other[0] and torch.equal(one[1], other[1])
    assert blind.with_cats(batch[1], random_cats()) is batch[1]


@pytest.mark.parametrize("mode", MODES)
def test_scoring_all_equals_scoring_every_span_and_respects_the_boundaries_of_texts(batch, mode):
    heads = make_heads(mode)
    spans = every_span(MAX_WIDTH)
    with torch.no_grad():
        table = heads.score_all(*batch, LENGTHS)
        one_by_one = span_probability(heads.score_spans(*batch, spans)[0], heads.preset)
    assert table.shape == (MAX_WIDTH, LENGTHS.sum())
    places = (spans.widths - 1, spans.starts)
    assert torch.allclose(table[places], one_by_one, atol=1e-5)
    crossing = numpy.ones(table.shape, dtype=bool)
    crossing[places] = False
    assert crossing.any() and (table[torch.as_tensor(crossing)] == -1).all()
    assert (one_by_one >= 0).all()


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
    assert torch.equal(heads._embed_widths(spans), heads.widths.weight[[MAX_WIDTH, MAX_WIDTH]])


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


def test_relation_probabilities_of_ranking():
    logits = torch.tensor([[0.5, 3.0, 1.5], [0.5, 3.0, 0.5], [0.5, -2.0, -1.0], [0.5, 3.0, 1.5], [0.5, 3.0, 3.0]])
    allowed = torch.tensor([[True, True], [True, True], [True, True], [False, True], [False, False]])
    probabilities = relation_probability(logits, allowed, PRESETS["paper"])
    holds = probabilities >= 0
    assert holds.tolist() == [[True, True], [True, False], [False, True], [False, True], [False, False]]
    expected = torch.sigmoid(logits[:, :1]).expand(5, 2)
    assert torch.equal(probabilities, torch.where(holds, expected, torch.tensor(-1.0)))


def test_relation_probabilities_of_cross_entropy():
    # Of the labels' probability they have 3/4 and 1/4, 1/2 and 1/2, or all if the other one is not allowed.
    logits = torch.tensor([[0.0, 1.0, 1.0 - numpy.log(3)], [0.0, 1.0, 1.0], [0.0, 1.0, 1.0 - numpy.log(3)]])
    allowed = torch.tensor([[True, True], [True, True], [False, True]])
    related = torch.sigmoid(identification_logits(logits, tied=True))
    expected = related[:, None] * torch.tensor([[1.0, 0.5], [1.0, 1.0], [0.0, 1.0]])
    expected[2, 0] = -1.0
    assert torch.allclose(relation_probability(logits, allowed, PRESETS["spert_mt"]), expected)


def test_scores_of_all_spans_are_corrected_for_a_sample_of_negatives(batch):
    heads, baseline = make_heads(), make_heads("spert")
    with torch.no_grad():
        as_trained, corrected = heads.score_all(*batch, LENGTHS), heads.score_all(*batch, LENGTHS, 0.25)
        heads.entity_span.bias[0] -= numpy.log(4)
        assert torch.allclose(corrected, heads.score_all(*batch, LENGTHS), atol=1e-6)
        assert torch.equal(baseline.score_all(*batch, LENGTHS, 0.25), baseline.score_all(*batch, LENGTHS))
    assert (corrected <= as_trained).all() and (corrected < as_trained)[as_trained >= 0].float().mean() > 0.5


def test_a_triple_is_as_sure_as_its_relation_and_its_ends_together():
    of_relations, of_heads, of_tails = (
        torch.tensor([[0.5, -1.0], [0.8, 0.1]]),
        torch.tensor([0.4, 1.0]),
        torch.tensor([0.5, 0.0]),
    )
    scores = triple_probability(of_relations, of_heads, of_tails, PRESETS["spert_mt"])
    assert torch.allclose(scores, torch.tensor([[0.5 * 0.2**0.5, -1.0], [0.0, 0.0]]))
    for mode in ("paper", "spert"):
        assert torch.equal(triple_probability(of_relations, of_heads, of_tails, PRESETS[mode]), of_relations)


def test_span_probabilities():
    # The best of three types has 3/4 or 1/3 of the types' probability.
    logits = torch.tensor([[0.0, numpy.log(6), 0.0, 0.0], [0.0, 1.0, 1.0, 1.0]])
    # Tied: the softmax over the types and None, whose score is the negative of the identification column.
    shipped = span_probability(logits, PRESETS["spert_mt"])
    assert shipped.tolist() == pytest.approx([8 / 9, 2 / 3 * 3 * numpy.e / (3 * numpy.e + 1)])
    assert span_probability(logits, PRESETS["paper"]).tolist() == [0.5, 0.5]
    assert span_probability(logits[:, :1], PRESETS["spert_mt"]).tolist() == [0.5, 0.5]  # no labels
    # The softmax over None and the best type.
    logits[1, 0] = 2.0
    assert span_probability(logits, PRESETS["spert"]).tolist() == pytest.approx([6 / 7, 1 / (1 + numpy.e)])
    assert span_probability(logits[:, :1], PRESETS["spert"]).tolist() == [-1.0, -1.0]  # no labels


def test_relation_probabilities_of_spert():
    probabilities = relation_probability(torch.tensor([[0.0, 1.0]]), torch.tensor([[True, False]]), PRESETS["spert"])
    assert probabilities.tolist() == [[0.5, -1.0]]


# decode(), with weights that make the outcome known: token vectors are "person", "place" or "neither"

PERSON, PLACE, NEITHER = numpy.eye(3, dtype="f")
TOKENS = numpy.stack([PERSON, NEITHER, PLACE, PERSON, PLACE, PERSON])
SURE = 1 / (1 + numpy.exp(-5))
# Entities: 0 person, 1 place, 2 person in the first text; 3 place, 4 person in the third.
ENTITIES = [(0, 1, 0, 0), (2, 3, 0, 1), (3, 4, 0, 0), (0, 1, 2, 1), (1, 2, 2, 0)]
LIVES, KNOWS = 0, 1
# Persons are heads; a person knows persons and lives in places.
RELATIONS = {(0, 1, LIVES), (0, 2, KNOWS), (2, 0, KNOWS), (2, 1, LIVES), (4, 3, LIVES)}


def known_heads(mode="paper"):
    """Weights that find ENTITIES and RELATIONS, in presets without hidden layer and bilinear form."""
    heads = SpertMTHeads(3, 2, 2, mode=mode, max_width=2, dropout=0.5).eval()
    for parameter in heads.parameters():
        torch.nn.init.zeros_(parameter)
    with torch.no_grad():
        heads.widths.weight[:, 0] = torch.arange(3)
        lives, knows = (1, 2) if mode == "paper" else (0, 1)
        if mode == "paper":
            heads.entity_span.weight[0] = torch.tensor([10.0, 10.0, -100.0])
            heads.entity_span.bias[0] = -5
            heads.entity_width.weight[0, 0] = -20
            heads.entity_span.weight[1, 0] = heads.entity_span.weight[2, 1] = 5
            heads.relation_context.bias[0] = -5
            heads.head_argument.weight[0, 0] = 10
        else:
            heads.entity_span.weight[0, 2] = 100  # None
            heads.entity_width.weight[0, 0] = 20
            heads.entity_span.weight[1, 0] = heads.entity_span.weight[2, 1] = 10
        heads.head_argument.weight[[lives, knows], 0] = 2
        heads.tail_argument.weight[lives, 1] = heads.tail_argument.weight[knows, 0] = 2
        heads.relation_context.bias[[lives, knows]] = -3
    return heads


def encoded(tokens=TOKENS, lengths=(4, 0, 2)):
    lengths = numpy.array(lengths, dtype=numpy.int64)
    return Encoded(tokens, numpy.zeros((len(lengths), 3), "f"), lengths, numpy.arange(len(lengths)))


def options(**settings):
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
    return SpertMTOptions(**{**defaults, **settings})


def run(heads=None, batch=None, **settings):
    with torch.no_grad():
        return decode(heads or known_heads(), batch or encoded(), options(**settings))


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
    assert found.scores == pytest.approx(SURE)
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
        batch = encoded()
        tokens, texts = torch.as_tensor(batch.tokens), torch.as_tensor(batch.texts)
        settings = options(entity_threshold=0.0, overlap="flat")
        spans, scores = find_spans(known_heads(), tokens, texts, batch.lengths, settings)
    assert spans.starts.tolist() == [0, 1, 2, 3, 4, 5] and spans.labels.tolist() == [-1] * 6 and len(scores) == 6


def test_several_labels_of_a_pair_have_several_rows():
    heads = known_heads()
    with torch.no_grad():
        heads.relation_context.bias[1:] = 3  # all scores beyond the margin
    found = run(heads)
    assert relations(found) == {(head, tail, label) for head, tail, _ in RELATIONS for label in (LIVES, KNOWS)}


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
    found = run(known_heads("spert"), entity_threshold=0.5, relation_threshold=0.6)
    assert entities(found) == ENTITIES
    assert relations(found) == RELATIONS
    assert found.scores == pytest.approx(1 / (1 + numpy.exp(-1)))
    below = run(known_heads("spert"), entity_threshold=0.5, relation_threshold=0.2)
    assert relations(below) > RELATIONS
    assert (0, 2, LIVES) in relations(below) and (0, 2, KNOWS) in relations(below)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("lengths", [(), (0,), (0, 0)])
def test_empty_batches(mode, lengths):
    heads = SpertMTHeads(3, 2, 2, mode=mode, max_width=2).eval()
    found = run(heads, encoded(TOKENS[:0], lengths))
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
    weights = SpertMTLogits(
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
    model = make_model(dropout=0.5, mode="paper")
    module = model.get_ref("heads").shims[0].module
    module.load_state_dict(known_heads().state_dict())
    module.train()
    found = model.predict(([], options()))
    assert entities(found) == ENTITIES and relations(found) == RELATIONS
    assert not module.training
    with pytest.raises(NotImplementedError, match="M801"):
        model(([], options()), is_train=True)


def test_the_sizes_come_at_initialization_and_the_names_tell_the_optimizer():
    shim = make_model().get_ref("heads").shims[0]
    assert all(name.startswith("heads.") for name, _ in shim._model.named_parameters())
    assert shim.sizes == {"width": 3, "entity_labels": 2, "relation_labels": 2, "cat_labels": 2}
    assert shim.settings == {"mode": "spert_mt", "max_width": 2, "dropout": 0.0, "see_cats": False}


def test_identification_begins_at_the_same_prior_for_any_number_of_labels():
    bias = make_model().get_ref("heads").shims[0].module.entity_span.bias[None, :3]
    assert identification_logits(bias, tied=True).item() == pytest.approx(-3.0)
    bias = make_model(mode="paper").get_ref("heads").shims[0].module.entity_span.bias
    assert bias.tolist() == [-3.0, 0.0, 0.0]


@pytest.mark.parametrize("mode, see_cats", product(MODES, [False, True]))
def test_every_preset_predicts_and_learns(mode, see_cats):
    torch.manual_seed(0)
    model = make_model(mode=mode, see_cats=see_cats)
    cats = numpy.ones((3, 2), "f") if see_cats else None
    module = model.get_ref("heads").shims[0].module
    with torch.no_grad():
        module.entity_span.bias[0] = -1.0  # in "spert", None loses
    found = model.predict(([], options(entity_threshold=0.0, relation_threshold=0.0, overlap="flat", cats=cats)))
    assert set(found.labels.tolist()) <= {LIVES, KNOWS}
    assert (found.scores >= 0).all() and (found.entity_scores >= 0).all() and len(found.entities)
    targets = make_targets([(0, 2), (2, 0)])
    targets.cats = cats
    logits, backprop = model.get_ref("heads").begin_update((encoded(), targets))
    gradient = backprop(logits)
    assert gradient.texts.shape == (3, 3) and gradient.tokens.any()


def test_spert_is_spert():
    """The heads and the decoding of SpERT, as its code has them."""
    heads = make_model(mode="spert").get_ref("heads").shims[0].module
    sizes = {name: tuple(parameter.shape) for name, parameter in heads.named_parameters()}
    argument = (2, 3 + 25)
    assert sizes == {
        "widths.weight": (3, 25),
        "entity_span.weight": (3, 3),
        "entity_span.bias": (3,),
        "entity_text.weight": (3, 3),
        "entity_width.weight": (3, 25),
        "relation_context.weight": (2, 3),
        "relation_context.bias": (2,),
        "head_argument.weight": argument,
        "tail_argument.weight": argument,
    }
    preset = PRESETS["spert"]
    assert (preset.entity_threshold, preset.relation_threshold) == (0.5, 0.4)
    assert (preset.overlap, preset.constraints, preset.max_distance) == ("any", "any", 0)
    assert preset.loss_weights[0] == preset.loss_weights[2] == 1.0


def test_identification_and_classification_are_separate_in_the_paper():
    preset = PRESETS["paper"]
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    changed = logits.clone()
    changed[:, 1:] += 5.0
    assert torch.equal(span_probability(logits, preset), span_probability(changed, preset))
    assert preset.is_ranked and preset.uses_entity_logits and preset.iou_delta == 1.0
    assert (preset.entity_threshold, preset.relation_threshold) == (0.5, 0.5)
