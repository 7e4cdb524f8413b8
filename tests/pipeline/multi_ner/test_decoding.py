"""Decoding of given probabilities."""

import numpy
import pytest
import torch

from spacy_mre.annotations.entities import EntitySpan
from spacy_mre.pipeline.multi_ner.decoding import decode
from spacy_mre.pipeline.multi_ner.interaction import EncodedPairs
from spacy_mre.pipeline.multi_ner.output import MultiNEROptions, MultiNEROutput


class FixedHeads:
    """Returns probabilities: of starts and ends, types x tokens; of spans by type, start and last token."""

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


def decode_with(starts, ends, spans, lengths=(5,), unseen=(), default=0.9, **settings):
    encoded = EncodedPairs.of_tokens(numpy.zeros((len(starts), len(starts[0]), 2), dtype="f"), numpy.array(lengths))
    encoded.firsts = numpy.where(numpy.isin(encoded.firsts, unseen), -1, encoded.firsts)
    values = {
        "boundary_threshold": 0.5,
        "span_threshold": 0.5,
        "overlap": "nested",
        "one_type_per_span": True,
        "ends_per_start": 10,
        **settings,
    }
    output = decode(FixedHeads(starts, ends, spans, default), encoded, MultiNEROptions(questions=[], **values))
    columns = (output.spans.texts, output.spans.starts, output.spans.ends, output.spans.labels)
    return sorted(zip(*(column.tolist() for column in columns))), output


LOW, HIGH = 0.1, 0.9


def test_nested_entities_of_one_type_and_of_two():
    starts = [[HIGH, HIGH, LOW, LOW, LOW], [LOW, LOW, HIGH, LOW, LOW]]
    ends = [[LOW, LOW, HIGH, LOW, HIGH], [LOW, LOW, LOW, LOW, HIGH]]
    wrong = {(0, 0, 2): 0.2, (0, 1, 4): 0.3}
    rows, output = decode_with(starts, ends, wrong)
    # The entity of the other type crosses the second one, which starts before it.
    assert rows == [(0, 0, 5, 0), (0, 1, 3, 0)]
    assert output.scores == pytest.approx([0.9, 0.9])
    rows, _ = decode_with(starts, ends, {**wrong, (1, 2, 4): 0.95})
    assert rows == [(0, 0, 5, 0), (0, 2, 5, 1)]
    rows, _ = decode_with(starts, ends, wrong, overlap="any")
    assert rows == [(0, 0, 5, 0), (0, 1, 3, 0), (0, 2, 5, 1)]


def test_the_score_is_the_geometric_mean():
    _, output = decode_with([[0.5, LOW]], [[LOW, 0.8]], {(0, 0, 1): 0.6}, lengths=(2,))
    assert output.scores == pytest.approx([(0.5 * 0.8 * 0.6) ** (1 / 3)])


def test_flat_takes_the_nearest_end_and_the_best_type():
    starts = [[HIGH, LOW, LOW, LOW, LOW], [HIGH, LOW, LOW, HIGH, LOW]]
    ends = [[LOW, HIGH, LOW, HIGH, LOW], [LOW, LOW, HIGH, LOW, HIGH]]
    rows, output = decode_with(starts, ends, {(0, 0, 1): 0.6, (1, 0, 2): 0.95, (0, 0, 3): 0.99}, overlap="flat")
    assert rows == [(0, 0, 3, 1), (0, 3, 5, 1)]
    assert output.left_out == 0
    rows, _ = decode_with(starts, ends, {(0, 0, 1): 0.1, (1, 0, 2): 0.1, (0, 0, 3): 0.99}, overlap="flat")
    # The farther end is not tried, as in BERT-MRC.
    assert rows == [(0, 3, 5, 1)]


def test_starts_and_ends_of_different_types_or_texts_are_not_joined():
    assert decode_with([[HIGH, LOW], [LOW, LOW]], [[LOW, LOW], [LOW, HIGH]], {}, lengths=(2,))[0] == []
    assert decode_with([[HIGH, LOW]], [[LOW, HIGH]], {}, lengths=(1, 1))[0] == []
    assert decode_with([[LOW, HIGH]], [[HIGH, LOW]], {}, lengths=(2,))[0] == []


def test_the_limit_of_ends_is_counted():
    rows, output = decode_with([[HIGH, LOW, LOW, LOW]], [[HIGH, HIGH, HIGH, HIGH]], {}, lengths=(4,), ends_per_start=2)
    assert rows == [(0, 0, 1, 0), (0, 0, 2, 0)] and output.left_out == 2


@pytest.mark.parametrize("threshold, expected", [(0.0, 6), (0.5, 1), (1.0, 0)])
def test_thresholds(threshold, expected):
    rows, _ = decode_with(
        [[HIGH, LOW, LOW]],
        [[LOW, LOW, HIGH]],
        {},
        lengths=(3,),
        boundary_threshold=threshold,
        span_threshold=threshold,
        overlap="any",
    )
    assert len(rows) == expected


def test_tokens_without_pieces_are_not_boundaries():
    rows, _ = decode_with(
        [[HIGH, HIGH, HIGH]], [[HIGH, HIGH, HIGH]], {}, lengths=(3,), unseen=(1,), overlap="any", boundary_threshold=0.0
    )
    assert rows == [(0, 0, 1, 0), (0, 0, 3, 0), (0, 2, 3, 0)]


def test_more_candidates_than_one_chunk_holds(monkeypatch):
    ones = [[HIGH] * 6]
    whole, _ = decode_with(ones, ones, {}, lengths=(6,), overlap="any")
    monkeypatch.setattr("spacy_mre.pipeline.multi_ner.decoding.SPAN_CHUNK", 4)
    assert decode_with(ones, ones, {}, lengths=(6,), overlap="any")[0] == whole and len(whole) == 21


def test_outputs_of_portions_are_concatenated():
    first = decode_with([[LOW, HIGH]], [[LOW, HIGH]], {}, lengths=(1, 1))[1]
    second = decode_with([[HIGH]], [[HIGH]], {}, lengths=(1,))[1]
    both = MultiNEROutput.concatenate([first, MultiNEROutput.empty(2), second])
    entity = EntitySpan(0, 1, "person", pytest.approx(0.9))
    assert both.by_text(["person"]) == [[], [entity], [], [], [entity]]
