"""The callback that makes thinc's layers faster."""

from functools import partial

import spacy
from numpy.testing import assert_allclose
from spacy.util import load_model_from_config
from thinc.api import NumpyOps

from spacy_mre.encoders.fast_tok2vec import make_fast_tok2vec
from spacy_mre.encoders.torch_gemm import TorchGemmOps


def forwards(nlp):
    nodes = nlp.get_pipe("tok2vec").model.walk()
    return {type(node.layers[0]._func) for node in nodes if node.name.startswith("with_array(")}


def test_a_pipeline_from_a_config_uses_it_and_so_does_the_saved_one(tmp_path):
    config = {"nlp": {"after_pipeline_creation": {"@callbacks": "spacy_mre.fast_tok2vec.v1"}}}
    nlp = spacy.blank("en", config=config)
    nlp.add_pipe("sentencizer")  # without a model
    nlp.add_pipe("tok2vec")
    nlp = load_model_from_config(nlp.config)
    nlp.initialize()
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    for each in (nlp, loaded):
        assert {type(node.ops) for node in each.get_pipe("tok2vec").model.walk()} == {TorchGemmOps}
        assert forwards(each) == {partial}
    plain = spacy.load(tmp_path, config={"nlp": {"after_pipeline_creation": None}})
    assert {type(node.ops) for node in plain.get_pipe("tok2vec").model.walk()} == {NumpyOps}
    assert partial not in forwards(plain)
    text = "Ida lives in Lima. " * 300
    assert_allclose(loaded(text).tensor, plain(text).tensor, atol=1e-4)
    assert make_fast_tok2vec()(nlp) is nlp
