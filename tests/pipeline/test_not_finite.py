"""A loss or a gradient that is not finite stops the training of every component."""

import numpy
import pytest
import spacy

from spacy_mre.training.optimizer import make_adamw
from tests.pipeline.generative import test_component as generative
from tests.pipeline.multi_ner import pipelines as multi_ner

VALUES = [float("nan"), float("inf")]


@pytest.fixture(params=["spert_mt", "mre_textcat", "multi_ner", "slg", "oiellm"])
def component(request, make_nlp, make_examples):
    """A component that is ready for training, and examples."""
    factory = request.param
    if factory == "multi_ner":
        nlp = multi_ner.make_nlp()
        examples = multi_ner.make_examples(nlp)
    elif factory in generative.MODELS:
        nlp = generative.make_nlp(factory, parts="words", tasks=["SCNM"])
        texts = [(words, entities, None, {}) for words, entities, _ in generative.TEXTS[:2]]
        examples = make_examples(nlp, texts)
    else:
        nlp = make_nlp(factory)
        examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    return nlp.get_pipe(factory), nlp, examples


@pytest.mark.parametrize("value", VALUES)
def test_a_loss_that_is_not_finite(value, component, monkeypatch):
    pipe, nlp, examples = component
    get_loss = pipe.get_loss

    def spoiled(*args):
        _, gradient = get_loss(*args)
        return value, gradient

    monkeypatch.setattr(type(pipe), "get_loss", lambda self, *args: spoiled(*args))
    with pytest.raises(ValueError, match=rf"M805.*'{pipe.name}'"):
        nlp.update(examples, sgd=make_adamw(0.001))


def test_a_gradient_that_is_not_finite(component, monkeypatch):
    """As after an overflow in the backward pass: the loss itself is finite."""
    pipe, nlp, examples = component
    get_loss = pipe.get_loss

    def spoiled(*args):
        loss, gradient = get_loss(*args)
        arrays = (
            [gradient] if hasattr(gradient, "shape") else [v for v in vars(gradient).values() if hasattr(v, "dtype")]
        )
        for array in arrays:
            if array.dtype.kind == "f" and array.size:
                array[...] = numpy.nan
        return loss, gradient

    monkeypatch.setattr(type(pipe), "get_loss", lambda self, *args: spoiled(*args))
    sgd = make_adamw(0.001)
    before = pipe.model.to_bytes() if pipe.name not in generative.MODELS else None
    nlp.update(examples, sgd=sgd)
    with pytest.raises(ValueError, match="M808"):
        sgd.step_schedules()
    assert before is None or pipe.model.to_bytes() == before


@pytest.fixture
def with_transformer(settings_of, tiny_bert, make_examples):
    """A pipeline with a transformer, and examples."""
    pytest.importorskip("spacy_transformers")
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy-transformers.TransformerModel.v3", "name": tiny_bert}
    nlp.add_pipe("mre_transformer", name="transformer", config={"model": model})
    encoder = {"@architectures": "spacy_mre.TransformerEncoder.v1"}
    nlp.add_pipe("mre_textcat", config=settings_of("mre_textcat", encoder=encoder))
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    return nlp, examples


def test_a_gradient_of_a_transformer_that_is_not_finite(with_transformer, monkeypatch):
    nlp, examples = with_transformer
    textcat = nlp.get_pipe("mre_textcat")
    get_loss = textcat.get_loss
    monkeypatch.setattr(type(textcat), "get_loss", lambda self, *args: (1.0, get_loss(*args)[1] * numpy.nan))
    with pytest.raises(ValueError, match=r"M808.*'transformer'"):
        nlp.update(examples, sgd=make_adamw(0.001))


def test_a_transformer_whose_updates_are_all_skipped(with_transformer):
    """Overflows are counted on a GPU only, so they are set by hand."""
    from spacy_mre.encoders.transformer.component import MAX_OVERFLOWS

    nlp, examples = with_transformer
    scaler, sgd = nlp.get_pipe("transformer").model.layers[0].shims[0]._grad_scaler, make_adamw(0.001)
    for skipped in (*[True] * (MAX_OVERFLOWS - 1), False, *[True] * (MAX_OVERFLOWS - 1)):
        scaler._found_inf = skipped
        nlp.update(examples[:1], sgd=sgd)
    with pytest.raises(ValueError, match=rf"M810.*last {MAX_OVERFLOWS} updates of 'transformer'"):
        nlp.update(examples[:1], sgd=sgd)
