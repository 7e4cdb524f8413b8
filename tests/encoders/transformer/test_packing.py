"""Packing of windows into rows: every piece is in one row, and its vector does not depend on the row."""

import numpy
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

transformers = pytest.importorskip("transformers")

from spacy_mre.encoders.transformer.packing import attention_mask, first_position, pack_rows  # noqa: E402

SMALL = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}


@given(st.lists(st.integers(1, 30), max_size=12), st.integers(1, 200), st.integers(1, 60))
def test_every_piece_is_in_one_row(lengths, max_items, row_size):
    lengths = numpy.asarray(lengths, dtype=numpy.int64)
    window_of = numpy.repeat(numpy.arange(len(lengths)), lengths)
    position_of = numpy.arange(len(window_of)) - numpy.repeat(numpy.cumsum(lengths) - lengths, lengths)
    indices = [numpy.zeros(0, dtype=numpy.int64)]
    for rows in pack_rows(lengths, max_items, row_size):
        assert rows.mask.size <= max_items or len(rows.mask) == 1
        assert (rows.windows[rows.mask] == window_of[rows.indices]).all()
        assert (rows.positions[rows.mask] == position_of[rows.indices]).all()
        assert (rows.windows[~rows.mask] == -1).all()
        indices.append(rows.indices)
    assert sorted(numpy.concatenate(indices)) == list(range(lengths.sum()))


def test_each_window_goes_to_the_shortest_row():
    (rows,) = pack_rows(numpy.asarray([2, 5, 3, 4]), max_items=100, row_size=7)
    assert rows.windows.tolist() == [[1, 1, 1, 1, 1, 0, 0], [3, 3, 3, 3, 2, 2, 2]]
    assert rows.positions.tolist() == [[0, 1, 2, 3, 4, 0, 1], [0, 1, 2, 3, 0, 1, 2]]
    assert attention_mask(rows)[0, 4].tolist() == [1, 1, 1, 1, 1, 0, 0]


@pytest.mark.parametrize("model_type", ["bert", "electra", "roberta", "xlm-roberta", "camembert"])
@pytest.mark.parametrize("attention", ["eager", None])
def test_packed_windows_have_the_same_vectors_as_separate_ones(model_type, attention):
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(model_type, **SMALL, pad_token_id=1, attn_implementation=attention)
    model = transformers.AutoModel.from_config(config).eval()
    lengths = numpy.asarray([6, 2, 9, 4, 1])
    ids = torch.randint(2, 50, (int(lengths.sum()),))
    separate = torch.cat([model(input_ids=window[None]).last_hidden_state[0] for window in ids.split(lengths.tolist())])
    packed = torch.zeros_like(separate)
    for rows in pack_rows(lengths, max_items=1000, row_size=9):
        row_ids = torch.full(rows.mask.shape, 1)
        row_ids[torch.from_numpy(rows.mask)] = ids[rows.indices]
        positions = torch.from_numpy(rows.positions + first_position(model))
        states = model(
            input_ids=row_ids, attention_mask=torch.from_numpy(attention_mask(rows)).long(), position_ids=positions
        ).last_hidden_state
        packed[rows.indices] = states[torch.from_numpy(rows.mask)]
    assert torch.allclose(packed, separate, atol=1e-5)
    assert packed.std() > 0.1


def test_models_without_a_mask_for_pairs_are_not_packed():
    config = transformers.DistilBertConfig(vocab_size=50, dim=16, n_layers=1, n_heads=2, hidden_dim=24)
    assert first_position(transformers.AutoModel.from_config(config)) is None
    assert (
        first_position(
            transformers.AutoModel.from_config(transformers.BertConfig(**SMALL, position_embedding_type="relative_key"))
        )
        is None
    )
