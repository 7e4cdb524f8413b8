"""Boundaries and candidate spans, compared with plain loops."""

import itertools

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.annotations.alignment import Gold, Losses
from spacy_mre.annotations.entities import EntitySpan
from spacy_mre.pipeline.multi_ner.boundaries import Boundaries, Candidates, candidate_spans, choose_spans, with_gold
from spacy_mre.pipeline.spans.spans import Spans

IDS = {"person": 0, "place": 1}


def rows(candidates):
    return list(zip(candidates.types.tolist(), candidates.starts.tolist(), candidates.lasts.tolist()))


def make_candidates(*triples):
    return Candidates(*numpy.array(triples, dtype=numpy.int64).reshape(-1, 3).T)


def make_gold(*mentions, known=True):
    return Gold([EntitySpan(*mention) for mention in mentions], len(mentions) if known else None, None, Losses())


def test_targets_by_hand():
    golds = [
        make_gold((0, 2, "person"), (1, 2, "place")),
        make_gold(known=False),
        make_gold((0, 1, "planet"), (1, 3, "place")),
    ]
    lengths = numpy.array([3, 2, 4])
    targets = Boundaries.of(golds, lengths, IDS, numpy.zeros(9, dtype=bool))
    assert targets.known.tolist() == [True] * 3 + [False] * 2 + [True] * 4
    starts, ends = targets.matrices(2)
    assert numpy.argwhere(starts).tolist() == [[0, 0], [1, 1], [1, 6]]
    assert numpy.argwhere(ends).tolist() == [[0, 1], [1, 1], [1, 7]]
    assert targets.lost.counts == {"entity 'planet' unseen at initialization": 1}


def test_tokens_without_pieces_are_not_trained_on():
    unseen = numpy.array([False, True, False, False])
    targets = Boundaries.of(
        [make_gold((0, 2, "person"), (2, 4, "place"), (0, 3, "place"))], numpy.array([4]), IDS, unseen
    )
    assert targets.known.tolist() == [True, False, True, True]
    assert list(zip(targets.spans.starts, targets.spans.ends, targets.spans.labels)) == [(2, 4, 1), (0, 3, 1)]
    assert targets.lost.counts == {"entity with a boundary token that has no wordpieces": 1}


def test_no_texts_and_no_entities():
    targets = Boundaries.of([], numpy.zeros(0, dtype=int), IDS, numpy.zeros(0, dtype=bool))
    assert not len(targets.spans) and not targets.known.size and targets.matrices(2)[0].shape == (2, 0)
    candidates, left_out = candidate_spans(*targets.matrices(2), numpy.zeros(0, dtype=int), 3)
    assert len(candidates) == 0 and left_out == 0
    assert len(with_gold(candidates, targets.spans)[0]) == 0
    assert choose_spans(candidates, numpy.zeros(0), "nested", one_type_per_span=True).tolist() == []


def enumerate_candidates(starts, ends, lengths, ends_per_start):
    """A loop over types, texts and starts."""
    found, left_out = [], 0
    boundaries = numpy.cumsum([0, *lengths])
    for type_ in range(len(starts)):
        for begin, end in itertools.pairwise(boundaries):
            for start in range(begin, end):
                if starts[type_, start]:
                    partners = [last for last in range(start, end) if ends[type_, last]]
                    found += [(type_, start, last) for last in partners[:ends_per_start]]
                    left_out += max(len(partners) - ends_per_start, 0)
    return found, left_out


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 6), max_size=4), st.integers(0, 3), st.integers(1, 4), st.randoms(use_true_random=False))
def test_candidates_equal_those_of_a_loop(lengths, types, ends_per_start, random):
    shape = (types, sum(lengths))
    starts, ends = (
        numpy.array([random.random() < 0.5 for _ in range(shape[0] * shape[1])], dtype=bool).reshape(shape)
        for _ in range(2)
    )
    candidates, left_out = candidate_spans(starts, ends, numpy.array(lengths, dtype=int), ends_per_start)
    assert (rows(candidates), left_out) == enumerate_candidates(starts, ends, lengths, ends_per_start)


def test_gold_is_always_a_candidate():
    spans = Spans(numpy.array([4, 0]), numpy.array([6, 1]), numpy.array([0, 0]), numpy.array([1, 0]))
    candidates, gold = with_gold(make_candidates((0, 0, 0), (0, 0, 3), (1, 2, 2)), spans)
    assert rows(candidates) == [(0, 0, 0), (0, 0, 3), (1, 2, 2), (1, 4, 5)]
    assert gold.tolist() == [True, False, False, True]


# Candidates as (type, start, last token); scores; overlap; one_type_per_span; indices of those that are kept.
CHOICES = {
    "one type per span": ([(0, 1, 2), (1, 1, 2)], [0.6, 0.9], "nested", True, [1]),
    "several types per span": ([(0, 1, 2), (1, 1, 2)], [0.6, 0.9], "nested", False, [0, 1]),
    "of equal scores the first type": ([(0, 1, 2), (1, 1, 2)], [0.6, 0.6], "nested", True, [0]),
    "nested, same type": ([(0, 0, 3), (0, 1, 2)], [0.6, 0.9], "nested", True, [0, 1]),
    "nested, other types": ([(0, 1, 1), (1, 0, 3)], [0.6, 0.9], "nested", True, [0, 1]),
    "crossing, other types": ([(0, 0, 2), (1, 1, 3)], [0.6, 0.9], "nested", True, [1]),
    "crossing is allowed": ([(0, 0, 2), (1, 1, 3)], [0.6, 0.9], "any", True, [0, 1]),
    "flat": ([(0, 0, 3), (1, 1, 2), (1, 4, 5)], [0.6, 0.9, 0.5], "flat", True, [1, 2]),
    "flat, several types per span": ([(0, 1, 2), (1, 1, 2)], [0.6, 0.9], "flat", False, [1]),
}


@pytest.mark.parametrize("name", CHOICES)
def test_choice(name):
    triples, scores, overlap, one_type_per_span, expected = CHOICES[name]
    kept = choose_spans(make_candidates(*triples), numpy.array(scores), overlap, one_type_per_span)
    assert numpy.flatnonzero(kept).tolist() == expected
