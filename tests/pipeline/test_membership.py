"""A component knows its pipeline, also after both were copied: settings that are changed then are saved."""

import copy
import gc
import pickle
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
import spacy
import srsly
from spacy.training import Example
from thinc.api import Config

from spacy_mre.pipeline.membership import pipeline_of, pipelines_with
from spacy_mre.training.new_labels import make_add_labels

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


def test_components_with_a_source_join_their_pipeline(make_nlp, tmp_path):
    """Each leaves the labels of the other one to it."""
    made = make_nlp("mre_textcat")
    made.rename_pipe("mre_textcat", "topic")
    made.add_pipe("mre_textcat", name="length")
    cats = [{"sea": 1.0, "land": 0.0, "long": 0.0, "short": 1.0}, {"sea": 0.0, "land": 1.0, "long": 1.0, "short": 0.0}]
    examples = [Example.from_dict(made.make_doc("Ida swims ."), {"cats": each}) for each in cats]
    for name, labels in {"topic": ["sea", "land"], "length": ["long", "short"]}.items():
        made.get_pipe(name).initialize(lambda: examples, nlp=made, labels=labels)
    made.to_disk(tmp_path)
    sources = {name: {"source": str(tmp_path)} for name in made.pipe_names}
    config = {"nlp": {"lang": "en", "pipeline": list(made.pipe_names)}, "components": sources}
    nlp = spacy.util.load_model_from_config(Config(config), auto_fill=True)
    make_add_labels(lambda nlp: examples)(nlp)
    assert [pipe.labels for _, pipe in nlp.components] == [("sea", "land"), ("long", "short")]
    assert all(pipeline_of(pipe) is nlp for _, pipe in nlp.components)


def test_pipelines_are_listed_while_others_are_made(nlp):
    with ThreadPoolExecutor(4) as threads:
        made = [threads.submit(copy.deepcopy, nlp.get_pipe("spert_mt")) for _ in range(4)]
        made += [threads.submit(spacy.blank("en").add_pipe, "spert_mt") for _ in range(20)]
        while not all(each.done() for each in made):
            assert nlp in pipelines_with(nlp.get_pipe("spert_mt"))
    assert not any(each.exception() for each in made)


def test_no_cycle_keeps_a_copy_alive(nlp):
    copied = copy.deepcopy(nlp)
    copied.get_pipe("spert_mt").seed = 3
    gone = [weakref.ref(copied), weakref.ref(copied.get_pipe("spert_mt"))]
    del copied
    gc.collect()
    assert [each() for each in gone] == [None, None]
