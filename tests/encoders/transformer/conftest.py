import pytest
import torch

SIZES = {
    "vocab_size": 50,
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_attention_heads": 3,
    "num_hidden_layers": 2,
    "max_position_embeddings": 64,
}


@pytest.fixture
def make_model():
    transformers = pytest.importorskip("transformers")

    def make(kind="Bert", **settings):
        torch.manual_seed(0)
        config = getattr(transformers, f"{kind}Config")(**{**SIZES, **settings})
        model = getattr(transformers, f"{kind}Model")(config, add_pooling_layer=False).eval()
        with torch.no_grad():  # so that biases are not zero, and norms not one
            for weight in model.parameters():
                weight += 0.1 * torch.rand_like(weight)
        return model

    return make
