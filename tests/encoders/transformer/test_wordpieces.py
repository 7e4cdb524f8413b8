"""Windows of wordpieces, as many as the model can read. test_component.py tests the pieces themselves."""

import pytest
import torch

transformers = pytest.importorskip("transformers")

from spacy_mre.encoders.transformer.wordpieces import count_positions  # noqa: E402

SMALL = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}


@pytest.mark.parametrize(
    ("model_type", "limit"),
    [
        ("bert", 24),
        ("electra", 24),
        ("roberta", 22),
        ("xlm-roberta", 22),
        ("camembert", 22),
        ("mpnet", 22),
        ("albert", 24),
        # Models with relative positions or rotations read any number of pieces.
        ("deberta-v2", None),
        ("modernbert", None),
    ],
)
def test_the_most_pieces_that_a_model_can_read(model_type, limit):
    extra = {"deberta-v2": {"relative_attention": True, "position_biased_input": False}}.get(model_type, {})
    config = transformers.AutoConfig.for_model(
        model_type, **SMALL, pad_token_id=1, max_position_embeddings=24, embedding_size=16, **extra
    )
    model = transformers.AutoModel.from_config(config).eval()
    assert count_positions(model) == limit
    model(input_ids=torch.full((1, limit or 60), 5))
    if limit:
        with pytest.raises((RuntimeError, IndexError)):
            model(input_ids=torch.full((1, limit + 1), 5))
