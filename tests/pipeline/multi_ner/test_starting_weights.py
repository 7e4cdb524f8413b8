"""Initial weights from another component."""

import pytest
import spacy
import torch

from spacy_mre.training.optimizer import make_adamw
from tests.pipeline.multi_ner.pipelines import (
    CNN,
    CROSS_CNN,
    cross,
    make_examples,
    make_nlp,
    settings_of,
    transformer_model,
)


def test_the_encoder_starts_from_the_weights_of_the_transformer(tiny_bert):
    nlp = spacy.blank("en")
    nlp.add_pipe("transformer", config={"model": transformer_model(tiny_bert)})
    nlp.get_pipe("transformer").model.initialize()
    with torch.no_grad():
        for weight in nlp.get_pipe("transformer").model.transformer.parameters():
            weight += 0.5
    nlp.add_pipe("multi_ner", config=settings_of(cross(tiny_bert), init_from="transformer"))
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    encoder = nlp.get_pipe("multi_ner").model.get_ref("interaction").get_ref("encoder").transformer
    source = nlp.get_pipe("transformer").model.transformer
    assert encoder is not source
    for name, weight in encoder.state_dict().items():
        assert torch.equal(weight, source.state_dict()[name]), name
    assert nlp.update(examples, sgd=make_adamw(1e-3))["multi_ner"] > 0


def test_a_tok2vec_starts_from_the_weights_of_the_tok2vec():
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": CNN})
    nlp.add_pipe("multi_ner", config=settings_of(CROSS_CNN, init_from="tok2vec"))
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    encoder = nlp.get_pipe("multi_ner").model.get_ref("interaction").get_ref("encoder")
    docs = [eg.x for eg in examples]
    for one, other in zip(encoder.predict(docs), nlp.get_pipe("tok2vec").model.predict(docs)):
        assert (one == other).all()


@pytest.mark.parametrize(
    "init_from, width, reason",
    [("tok3vec", 32, "no such component"), ("tok2vec", 16, "no encoder of the same architecture and width")],
)
def test_no_weights_to_start_from(init_from, width, reason):
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": {**CNN, "width": width}})
    nlp.add_pipe("multi_ner", config=settings_of(CROSS_CNN, init_from=init_from))
    examples = make_examples(nlp)
    with pytest.raises(ValueError, match=f"M839.*{reason}"):
        nlp.initialize(lambda: examples)


def test_a_later_transformer_is_not_initialized_yet(tiny_bert):
    nlp = make_nlp(cross(tiny_bert), init_from="transformer")
    nlp.add_pipe("transformer", config={"model": transformer_model(tiny_bert)})
    examples = make_examples(nlp)
    with pytest.raises(ValueError, match=r"M839.*not initialized yet"):
        nlp.initialize(lambda: examples)
