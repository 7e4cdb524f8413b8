"""Documents that come out of a pipeline hold its results, but not the vectors of its encoder: for every config."""

from collections.abc import Mapping

import numpy
import pytest
from spacy.tokens import Doc
from spacy_transformers.data_classes import TransformerData

from tests.robustness.shipped_configs import TESTED, examples_of, pipeline_of, results

ENCODERS = ("transformer", "tok2vec")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TESTED)
def test_results_hold_no_activations(name):
    nlp = pipeline_of(name)
    texts = [eg.text * i for eg in examples_of(nlp) for i in (1, 2, 0)]
    docs = list(nlp.pipe(texts, batch_size=4))
    assert [doc.text for doc in docs] == texts and any(results(docs[0]).values())
    for doc in docs:
        assert held(doc) == []
    shared = [encoder for encoder in ENCODERS if nlp.has_pipe(encoder)]
    with nlp.select_pipes(enable=shared):
        assert bool(held(nlp(texts[0]))) == bool(shared)


def held(doc: Doc) -> list[str]:
    """Where a document holds vectors. A number for each span, such as the scores of `spancat`, is a result."""
    groups = {f"spans.{key}": dict(group.attrs) for key, group in doc.spans.items()}
    places = {"tensor": doc.tensor, "user_data": doc.user_data, "cats": doc.cats, **groups}
    return [place for place, value in places.items() if _has_vectors(value)]


def _has_vectors(value) -> bool:
    if isinstance(value, TransformerData):
        return True
    if isinstance(value, Mapping):
        return any(map(_has_vectors, value.values()))
    if isinstance(value, list | tuple | set):
        return any(map(_has_vectors, value))
    return len(getattr(value, "shape", ())) > 1 and numpy.size(value) > 0
