import numpy
import pytest

from spacy_mre.pipeline.spans.spans import Pairs, Spans
from spacy_mre.pipeline.spert_mt.joint_decoding import choose, rescore


def pairs(*rows):
    return Pairs(*(numpy.array([row[i] for row in rows], dtype=numpy.int64) for i in (0, 1)))


def spans(*rows):
    return Spans(
        *(numpy.array([row[i] for row in rows], dtype=numpy.int64) for i in (0, 1)),
        *numpy.zeros((2, len(rows)), dtype=numpy.int64),
    )


def test_scores_by_hand():
    scores = numpy.array([0.9, 0.3, 0.4, 0.5])
    # 1 is best related to 0, as tail: (0.3 + 0.8 * 0.9) / 2. What 0 would gain by 1 is less than it has.
    found = rescore(scores, pairs((0, 1), (2, 1), (0, 2)), numpy.array([0.8, 1.0, 0.2]))
    assert found.tolist() == pytest.approx([0.9, 0.51, 0.4, 0.5])
    assert rescore(scores, pairs((1, 0)), numpy.array([0.8])).tolist() == pytest.approx([0.9, 0.51, 0.4, 0.5])
    assert rescore(scores, pairs(), numpy.zeros(0)).tolist() == scores.tolist()
    assert rescore(scores[:0], pairs(), numpy.zeros(0)).tolist() == []


def test_a_score_is_a_probability_and_never_falls():
    generator = numpy.random.default_rng(0)
    scores = generator.random(20)
    drawn = Pairs(generator.integers(20, size=60), generator.integers(20, size=60))
    found = rescore(scores, drawn, generator.random(60))
    assert (found >= scores).all() and (found <= 1).all() and (found > scores).any()


def test_threshold_and_overlap_go_by_the_new_scores():
    candidates = spans((0, 2), (1, 3), (5, 6), (7, 8))
    stays, holds = choose(
        candidates, numpy.array([0.6, 0.7, 0.9, 0.4]), pairs((0, 2), (1, 2), (2, 3)), threshold=0.5, overlap="nested"
    )
    assert stays.tolist() == [False, True, True, False]
    assert holds.tolist() == [False, True, False]
    stays, _ = choose(candidates, numpy.array([0.6, 0.7, 0.9, 0.4]), pairs(), threshold=0.5, overlap="any")
    assert stays.tolist() == [True, True, True, False]


def test_no_candidates():
    stays, holds = choose(spans(), numpy.zeros(0), pairs(), threshold=0.5, overlap="flat")
    assert stays.tolist() == holds.tolist() == []
