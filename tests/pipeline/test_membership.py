"""A component knows its pipeline, also after both were copied: settings that are changed then are saved."""

import copy
import gc
import pickle
import weakref

import pytest
import spacy
import srsly
from thinc.api import Config

from spacy_mre.pipeline.membership import pipeline_of

COPIES = {"deepcopy": copy.deepcopy, "pickle": lambda nlp: pickle.loads(pickle.dumps(nlp))}
SETTINGS = {
    "spert_mt": ("entity_threshold", 0.7),
    "mre_textcat": ("threshold", 0.7),
    "multi_ner": ("questions", {"person": "Who?"}),
    "slg": ("num_beams", 3),
}


@pytest.fixture(scope="module")
def nlp():
    nlp = spacy.blank("en")
    for factory in SETTINGS:
        nlp.add_pipe(factory)
    return nlp


@pytest.mark.parametrize("how", COPIES)
def test_a_setting_that_is_changed_in_a_copy_is_saved_with_it(how, nlp, tmp_path):
    before = nlp.config.to_str()
    copied = COPIES[how](COPIES[how](nlp))  # a copy of a copy too
    for factory, (setting, value) in SETTINGS.items():
        setattr(copied.get_pipe(factory), setting, value)
    copied.to_disk(tmp_path, exclude=list(SETTINGS))
    saved = spacy.util.load_config(tmp_path / "config.cfg")
    in_bytes = Config().from_bytes(srsly.msgpack_loads(copied.to_bytes(exclude=list(SETTINGS)))["config.cfg"])
    for factory, (setting, value) in SETTINGS.items():
        assert saved["components"][factory][setting] == in_bytes["components"][factory][setting] == value
    loaded = spacy.blank("en").from_config(saved)
    assert loaded.get_pipe("spert_mt").entity_threshold == 0.7
    assert nlp.config.to_str() == before


def test_a_component_that_is_copied_alone_has_no_pipeline(nlp):
    pipe = nlp.get_pipe("spert_mt")
    alone = pickle.loads(pickle.dumps(pipe))
    assert pipeline_of(pipe) is nlp and pipeline_of(alone) is None
    alone.entity_threshold = 0.9
    assert nlp.get_pipe_config("spert_mt")["entity_threshold"] is None


def test_no_cycle_keeps_a_copy_alive(nlp):
    copied = copy.deepcopy(nlp)
    copied.get_pipe("spert_mt").seed = 3
    gone = [weakref.ref(copied), weakref.ref(copied.get_pipe("spert_mt"))]
    del copied
    gc.collect()
    assert [each() for each in gone] == [None, None]
