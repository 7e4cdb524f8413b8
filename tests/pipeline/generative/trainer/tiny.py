"""Rows, and a model that learns them in seconds."""

from spacy_mre.pipeline.generative.checkpoints import load_language_model
from spacy_mre.pipeline.generative.trainer.recipe import Recipe

ROWS = [
    ("play Foo by Ida/NER", "music/NER/:album;Foo:artist;Ida"),
    ("is it cold in Oslo/NER", "weather/NER/:Location;Oslo"),
    ("it rains/NER", "weather/NER/:None;"),
    ("Ida is in Lima/NER", "travel/NER/:artist;Ida:Location;Lima"),
]
CONFIG = {
    "kind": "causal",
    "config": {
        "model_type": "llama",
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 128,
        "attention_dropout": 0.1,
    },
    "tokenizer": {"vocab_size": 320},
}


def recipe(model, **settings):
    return Recipe(
        model, **{"learn_rate": 1e-2, "batch_size": 2, "max_steps": 8, "save_steps": 100, "warmup": 0.0, **settings}
    )


def weights(folder):
    return load_language_model(folder).module.state_dict()


def difference(one, other):
    one, other = weights(one), weights(other)
    return max(float((one[name] - other[name]).abs().max()) for name in one)


def written(folder):
    lm = load_language_model(folder)
    return [
        lm.decode(row.tokens) for row in lm.generate(lm.source_ids([source for source, _ in ROWS]), max_new_tokens=40)
    ]
