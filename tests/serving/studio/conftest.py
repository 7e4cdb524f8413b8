"""Running studios."""

from importlib.util import find_spec

import pytest

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
