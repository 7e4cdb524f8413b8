"""Windows side by side in rows: every piece once, and each sees what it would see alone."""

import numpy
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

transformers = pytest.importorskip("transformers")

from spacy_mre.encoders.transformer.packing import first_position, place_in_rows, sees  # noqa: E402

SMALL = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}


@given(st.lists(st.integers(1, 30), max_size=12), st.integers(1, 200), st.integers(1, 60))
def test_every_piece_has_one_place(lengths, max_items, row_size):
    lengths = numpy.asarray(lengths, dtype=numpy.int64)
    window_of = numpy.repeat(numpy.arange(len(lengths)), lengths)
    position_of = numpy.arange(len(window_of)) - numpy.repeat(numpy.cumsum(lengths) - lengths, lengths)
    places = [numpy.zeros(0, dtype=numpy.int64)]
    for rows in place_in_rows(lengths, max_items, row_size):
        assert rows.inside.size <= max_items or len(rows.inside) == 1
        assert (rows.windows[rows.inside] == window_of[rows.places]).all()
        assert (rows.positions[rows.inside] == position_of[rows.places]).all()
        assert (rows.windows[~rows.inside] == -1).all()
        places.append(rows.places)
    assert sorted(numpy.concatenate(places)) == list(range(lengths.sum()))


def test_windows_are_put_where_the_row_is_shortest():
    (rows,) = place_in_rows(numpy.asarray([2, 5, 3, 4]), max_items=100, row_size=7)
    assert rows.windows.tolist() == [[1, 1, 1, 1, 1, 0, 0], [3, 3, 3, 3, 2, 2, 2]]
    assert rows.positions.tolist() == [[0, 1, 2, 3, 4, 0, 1], [0, 1, 2, 3, 0, 1, 2]]
    assert sees(rows)[0, 4].tolist() == [1, 1, 1, 1, 1, 0, 0]


@pytest.mark.parametrize("model_type", ["bert", "electra", "roberta", "xlm-roberta", "camembert"])
@pytest.mark.parametrize("attention", ["eager", None])
def test_a_window_in_a_row_is_what_it_is_alone(model_type, attention):
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(model_type, **SMALL, pad_token_id=1, attn_implementation=attention)
    model = transformers.AutoModel.from_config(config).eval()
    lengths = numpy.asarray([6, 2, 9, 4, 1])
    ids = torch.randint(2, 50, (int(lengths.sum()),))
    alone = torch.cat([model(input_ids=window[None]).last_hidden_state[0] for window in ids.split(lengths.tolist())])
    together = torch.zeros_like(alone)
    for rows in place_in_rows(lengths, max_items=1000, row_size=9):
        of_rows = torch.full(rows.inside.shape, 1)
        of_rows[torch.from_numpy(rows.inside)] = ids[rows.places]
        positions = torch.from_numpy(rows.positions + first_position(model))
        states = model(
            input_ids=of_rows, attention_mask=torch.from_numpy(sees(rows)).long(), position_ids=positions
        ).last_hidden_state
        together[rows.places] = states[torch.from_numpy(rows.inside)]
    assert torch.allclose(together, alone, atol=1e-5)
    assert together.std() > 0.1


def test_a_model_that_cannot_be_told_has_windows_in_rows_of_their_own():
    config = transformers.DistilBertConfig(vocab_size=50, dim=16, n_layers=1, n_heads=2, hidden_dim=24)
    assert first_position(transformers.AutoModel.from_config(config)) is None
    assert (
        first_position(
            transformers.AutoModel.from_config(transformers.BertConfig(**SMALL, position_embedding_type="relative_key"))
        )
        is None
    )
