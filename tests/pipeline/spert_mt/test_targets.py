import numpy
import pytest

from spacy_mre.annotations.alignment import Gold, Losses
from spacy_mre.annotations.entities import EntitySpan
from spacy_mre.pipeline.spans.spans import Spans
from spacy_mre.pipeline.spert_mt.targets import BEYOND_SCOPE, Sampler, token_iou

ENTITY_IDS = {"person": 0, "place": 1}
RELATION_IDS = {"lives": 0, "knows": 1, "near": 2}


def gold(mentions=(), n_entities=0, relations=None):
    return Gold([EntitySpan(*mention) for mention in mentions], n_entities, relations, Losses())


def make(golds, lengths, *, negatives=0, max_width=3, seed=0, generator=None, **options):
    generator = generator or numpy.random.default_rng(seed)
    sampler = Sampler(negatives, max_width, generator)
    return sampler.make_targets(golds, numpy.array(lengths), ENTITY_IDS, RELATION_IDS, **options)


def places(spans):
    return list(zip(spans.starts.tolist(), spans.ends.tolist(), spans.texts.tolist(), spans.labels.tolist()))


def negative_spans(targets):
    return [place for place in places(targets.spans) if place[3] == -1]


def pair_rows(targets):
    return {
        (head, tail): tuple(row)
        for head, tail, row in zip(targets.pairs.heads, targets.pairs.tails, targets.relations.tolist())
    }


def test_entities_stand_in_the_flat_rows_of_the_batch():
    golds = [gold([(0, 2, "person")], 1), gold([(1, 2, "place"), (0, 3, "person")], 2)]
    targets = make(golds, [4, 3])
    assert places(targets.spans) == [(0, 2, 0, 0), (5, 6, 1, 1), (4, 7, 1, 0)]
    assert targets.ious.tolist() == [0, 0, 0]
    assert targets.spans.widths.tolist() == [2, 1, 3]


def test_all_negatives_are_all_other_spans_within_width_and_text():
    golds = [gold([(0, 2, "person")], 1), gold([], 0)]
    targets = make(golds, [4, 2], negatives=-1, max_width=2)
    expected = {(0, 1, 0), (1, 2, 0), (2, 3, 0), (3, 4, 0), (1, 3, 0), (2, 4, 0), (4, 5, 1), (5, 6, 1), (4, 6, 1)}
    found = [place[:3] for place in negative_spans(targets)]
    assert set(found) == expected and len(found) == len(expected)
    assert len(targets.spans) == len(expected) + 1
    assert {place[:3]: iou for place, iou in zip(places(targets.spans), targets.ious)}[1, 3, 0] == pytest.approx(1 / 3)


@pytest.mark.parametrize("wanted", [0, 1, 5, 17])
def test_sampling_is_without_replacement_within_width_and_never_a_gold_span(wanted):
    mentions = [(0, 1, "person"), (2, 4, "place"), (2, 3, "unknown label")]
    for seed in range(10):
        targets = make([gold(mentions, 3)] * 2, [9, 9], negatives=wanted, seed=seed)
        found = [place[:3] for place in negative_spans(targets)]
        assert len(found) == len(set(found)) == 2 * wanted
        for start, end, text in found:
            assert 1 <= end - start <= 3
            assert 9 * text <= start < end <= 9 * (text + 1)
            assert (start - 9 * text, end - 9 * text) not in {mention[:2] for mention in mentions}


def test_fewer_negatives_than_wanted_are_all():
    targets = make([gold([(0, 1, "person")], 1)], [2], negatives=100)
    assert sorted(negative_spans(targets)) == [(0, 2, 0, -1), (1, 2, 0, -1)]


def test_sampling_is_seeded_and_goes_on():
    golds, lengths = [gold([(0, 1, "person"), (1, 2, "place"), (2, 3, "place")], 3, [])], [40]
    options = {"negatives": 2}
    assert places(make(golds, lengths, seed=3, **options).spans) == places(
        make(golds, lengths, seed=3, **options).spans
    )
    assert pair_rows(make(golds, lengths, seed=3, **options)) == pair_rows(make(golds, lengths, seed=3, **options))
    assert places(make(golds, lengths, seed=3, **options).spans) != places(
        make(golds, lengths, seed=4, **options).spans
    )
    generator = numpy.random.default_rng(3)
    first, second = (make(golds, lengths, generator=generator, **options) for _ in range(2))
    assert places(first.spans) != places(second.spans)


def test_absent_layers_add_nothing():
    mentions = [(0, 1, "person"), (1, 2, "place")]
    no_entities = make([gold(mentions, None, [(0, 1, "lives")])], [3], negatives=-1)
    assert len(no_entities.spans) == 0
    assert pair_rows(no_entities) == {(0, 1): (True, False, False), (1, 0): (False, False, False)}
    no_relations = make([gold(mentions, 2, None)], [3], negatives=0)
    assert len(no_relations.spans) == 2
    assert len(no_relations.pairs) == 0 and no_relations.relations.shape == (0, 3)


def test_empty_layers_add_negatives():
    targets = make([gold([(0, 1, "person"), (1, 2, "place")], 2, [])], [3], negatives=-1)
    assert len(negative_spans(targets)) == 6 - 2
    assert pair_rows(targets) == {(0, 1): (False,) * 3, (1, 0): (False,) * 3}


def test_related_pairs_with_all_their_labels_and_all_unrelated_ones():
    mentions = [(0, 1, "person"), (1, 2, "place"), (2, 3, "person")]
    relations = [(0, 1, "lives"), (0, 1, "near"), (2, 0, "knows")]
    targets = make([gold([], 0, []), gold(mentions, 3, relations)], [2, 4], negatives=-1)
    rows = pair_rows(targets)
    assert rows[0, 1] == (True, False, True)
    assert rows[2, 0] == (False, True, False)
    assert set(rows) == {(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)}
    assert sum(not any(row) for row in rows.values()) == 4


def test_sampled_pairs_are_unrelated_and_without_replacement():
    mentions = [(i, i + 1, "person") for i in range(5)]
    for seed in range(5):
        targets = make([gold(mentions, 5, [(0, 1, "knows")])], [5], negatives=6, seed=seed)
        rows = pair_rows(targets)
        assert len(targets.pairs) == len(rows) == 7
        assert [pair for pair, row in rows.items() if any(row)] == [(0, 1)]
        assert all(head != tail for head, tail in rows)


def test_pairs_point_to_the_mentions_of_their_own_text():
    mentions = [(0, 1, "person"), (1, 2, "place")]
    golds = [gold(mentions, 2, [(0, 1, "lives")]), gold(mentions[:1], 1, None), gold(mentions, 2, [(1, 0, "near")])]
    targets = make(golds, [3, 3, 3])
    assert pair_rows(targets) == {(0, 1): (True, False, False), (4, 3): (False, False, True)}
    assert places(targets.mentions) == [(0, 1, 0, 0), (1, 2, 0, 1), (3, 4, 1, 0), (6, 7, 2, 0), (7, 8, 2, 1)]


def test_a_symmetric_relation_holds_in_both_directions():
    mentions = [(3, 4, "person"), (0, 1, "person")]
    for relation in [(0, 1, "knows"), (1, 0, "knows")]:
        targets = make([gold(mentions, 2, [relation])], [5], negatives=-1, symmetric=["knows"])
        assert pair_rows(targets) == {(0, 1): (False, True, False), (1, 0): (False, True, False)}


def test_the_reverse_of_a_symmetric_relation_may_be_another_relation_too():
    targets = make(
        [gold([(0, 1, "person"), (1, 2, "person")], 2, [(0, 1, "knows"), (1, 0, "lives")])],
        [3],
        negatives=-1,
        symmetric=["knows"],
    )
    assert pair_rows(targets) == {(0, 1): (False, True, False), (1, 0): (True, True, False)}


def test_unknown_labels_are_counted_and_never_negatives():
    mentions = [(0, 1, "person"), (1, 2, "animal"), (2, 3, "animal")]
    relations = [(0, 1, "eats"), (1, 2, "knows")]
    targets = make([gold(mentions, 3, relations)], [3], negatives=-1)
    assert targets.lost.counts == {
        "entity 'animal' unseen at initialization": 2,
        "relation 'eats' unseen at initialization": 1,
    }
    assert not {(1, 2), (2, 3)} & {place[:2] for place in negative_spans(targets)}
    assert (0, 1) not in pair_rows(targets)
    assert pair_rows(targets)[1, 2] == (False, True, False)
    assert targets.mentions.labels.tolist() == [0, -1, -1]


def test_a_relation_beyond_the_scope_is_counted_once():
    mentions = [(0, 1, "person"), (1, 2, "person")]
    options = {"sentences": [numpy.array([0, 1])], "scope": 0}
    known, unknown = (make([gold(mentions, 2, [(0, 1, label)])], [2], **options) for label in ("knows", "eats"))
    assert known.lost.counts == {BEYOND_SCOPE: 1} and pair_rows(known) == {(0, 1): (False, True, False)}
    assert unknown.lost.counts == {"relation 'eats' unseen at initialization": 1} and not pair_rows(unknown)


def test_a_too_wide_entity_is_counted_and_still_an_end_of_relations():
    targets = make([gold([(0, 4, "person"), (4, 5, "place")], 2, [(0, 1, "lives")])], [5], negatives=-1)
    assert targets.lost.counts == {"entity wider than 3 tokens": 1}
    assert "4 tokens" in targets.lost.examples["entity wider than 3 tokens"]
    assert (0, 4, 0, 0) not in places(targets.spans)
    assert pair_rows(targets) == {(0, 1): (True, False, False), (1, 0): (False, False, False)}
    assert places(targets.mentions)[0] == (0, 4, 0, 0)


def test_what_the_alignment_lost_is_handed_on():
    lost = Losses()
    lost.add("entity off the token grid", "x")
    targets = make([Gold([], 0, [], lost)] * 2, [1, 1])
    assert targets.lost.counts == {"entity off the token grid": 2}


def test_given_mentions_add_negative_pairs():
    golds = [gold([(0, 1, "person"), (1, 2, "place")], 2, [(0, 1, "lives")])]
    targets = make(
        golds, [5], negatives=-1, given=[[EntitySpan(3, 4, ""), EntitySpan(1, 2, "person"), EntitySpan(2, 4, "place")]]
    )
    # The one at the place of a gold mention is that mention.
    assert places(targets.mentions) == [(0, 1, 0, 0), (1, 2, 0, 1), (3, 4, 0, -1), (2, 4, 0, 1)]
    rows = pair_rows(targets)
    assert len(rows) == 4 * 3
    assert [pair for pair, row in rows.items() if any(row)] == [(0, 1)]
    positives = [place for place in places(targets.spans) if place[3] >= 0]
    assert positives == [(0, 1, 0, 0), (1, 2, 0, 1)]  # no given mention becomes an entity


def test_given_mentions_of_a_text_without_gold_relations_add_no_pairs():
    targets = make([gold([], 0, None)], [5], negatives=-1, given=[[EntitySpan(0, 1, ""), EntitySpan(1, 2, "")]])
    assert len(targets.pairs) == 0


def test_counts_are_exact_over_a_batch():
    golds = [gold([(i, i + 1, "person") for i in range(n)], n, [(0, 1, "knows")]) for n in (2, 3, 4)]
    targets = make(golds, [6, 6, 6], negatives=4)
    assert len(targets.spans) == (2 + 3 + 4) + 3 * 4 == len(targets.ious)
    assert len(targets.pairs) == 3 + (1 + 4 + 4) == len(targets.relations)  # one text has fewer unrelated pairs
    assert targets.relations.sum() == 3


@pytest.mark.parametrize("golds, lengths", [([], []), ([gold()], [0]), ([gold(relations=[])], [0])])
def test_nothing_gives_nothing(golds, lengths):
    targets = make(golds, lengths, negatives=-1)
    assert len(targets.spans) == len(targets.mentions) == len(targets.pairs) == len(targets.ious) == 0
    assert targets.relations.shape == (0, 3)


def test_token_iou_by_hand():
    starts, ends = numpy.array([0, 1, 2, 5, 0]), numpy.array([2, 3, 3, 6, 6])
    others = [(1, 3, "x"), (0, 1, "x")]
    assert token_iou(starts, ends, others).tolist() == pytest.approx([1 / 2, 1, 1 / 2, 0, 1 / 3])
    assert token_iou(starts, ends, []).tolist() == [0] * 5
    assert token_iou(starts[:0], ends[:0], others).tolist() == []


def test_token_iou_against_sets_of_tokens():
    generator = numpy.random.default_rng(0)
    starts = generator.integers(0, 10, 40)
    ends = starts + generator.integers(1, 5, 40)
    others = [(int(start), int(end), "x") for start, end in zip(starts[:7], ends[:7])]
    expected = [
        max(len(one & other) / len(one | other) for other in (set(range(s, e)) for s, e, _ in others))
        for one in (set(range(start, end)) for start, end in zip(starts, ends))
    ]
    assert token_iou(starts, ends, others).tolist() == pytest.approx(expected)


def test_spans_of_mentions():
    spans = Spans.of(
        [[EntitySpan(0, 1, "place")], [], [EntitySpan(2, 4, "unknown")]], numpy.array([0, 5, 7]), ENTITY_IDS
    )
    assert places(spans) == [(0, 1, 0, 1), (9, 11, 2, -1)]
    assert len(Spans.of([], numpy.zeros(0, dtype=numpy.int64), ENTITY_IDS)) == 0


def test_gold_wider_than_the_limit_still_counts_in_the_iou_of_others():
    targets = make([gold([(0, 6, "person")], 1)], [6], negatives=-1, max_width=5)
    ious = {span[:2]: iou for span, iou in zip(places(targets.spans), targets.ious)}
    assert ious[0, 5] == ious[1, 6] == pytest.approx(5 / 6)


def test_the_words_of_a_related_pair_are_never_an_unrelated_pair():
    # The first mention has two labels, and only one of the two mentions is in the relation.
    mentions = [(0, 1, "person"), (0, 1, "place"), (2, 3, "place"), (4, 5, "person")]
    targets = make([gold(mentions, 4, [(0, 2, "lives")])], [5], negatives=-1)
    rows = pair_rows(targets)
    assert rows[0, 2] == (True, False, False)
    assert (1, 2) not in rows
    assert rows[2, 0] == rows[2, 1] == rows[1, 3] == (False, False, False)
