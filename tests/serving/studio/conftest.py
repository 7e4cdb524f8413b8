"""Running studios."""

import threading
from importlib.util import find_spec
from pathlib import Path

import pytest
from spacy.util import fix_random_seed

from spacy_mre.serving.settings import PACKAGES, Settings

# The tests need the packages of the server.
MISSING = any(find_spec(package) is None for package in (*PACKAGES, "filelock"))
collect_ignore_glob = ["test_*.py"] if MISSING else []


@pytest.fixture(scope="session")
def finder(tmp_path_factory):
    """The folder of a pipeline of `finder.py`."""
    from tests.serving.studio.finder import save_finder

    return save_finder(tmp_path_factory.mktemp("finder"))


@pytest.fixture
def begin(tmp_path, finder):
    """Starts studios in `tmp_path`, which are stopped after the test."""
    from tests.serving.studio.studios import Studio

    studios = []

    def start(*texts, model=finder, other=None, **settings):
        settings = Settings(port=0, **settings)
        studios.append(Studio(tmp_path / "gold.jsonl", texts, model, other, settings))
        return studios[-1]

    yield start
    for studio in studios:
        studio.stop()


@pytest.fixture
def begin_loading(begin, tmp_path, monkeypatch):
    """Starts a studio in which a pipeline was learned. It is loaded when an event is set, which is returned too."""
    from spacy_mre.serving.studio import desk
    from spacy_mre.serving.studio.model import Model
    from tests.serving.studio.finder import save_finder

    go = threading.Event()

    class Slow(Model):
        def load(self):
            assert go.wait(30)
            return super().load()

    def start(*texts):
        studio = begin(*(texts or ("Ida lives in Lima.",)))
        learning = studio.desk.learning
        learning._folder = Path(save_finder(tmp_path, "learned", missed=["Ida"]))
        learning.told = {**learning.told, "state": "done", "run": 1}
        monkeypatch.setattr(desk, "Model", Slow)
        return studio, go

    yield start
    go.set()


@pytest.fixture(scope="session")
def trained(tmp_path_factory, make_shared_nlp, make_examples, fit):
    """The folder of a small pipeline that has learned the texts of the tests, and does not know Rome, Bern and Riga."""
    fix_random_seed(4)  # so that it does not matter which tests ran before
    nlp = make_shared_nlp("spert_mt", "mre_textcat")
    nlp.meta.update(name="small", version="1.0.0")
    examples = make_examples(nlp)
    fit(nlp, examples, steps=30)
    folder = tmp_path_factory.mktemp("trained") / "small"
    nlp.to_disk(folder)
    return str(folder)
