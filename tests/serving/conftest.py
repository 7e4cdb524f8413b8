"""Pipelines that are fast, and running servers."""

import threading
from contextlib import contextmanager
from importlib.util import find_spec

import pytest
import spacy
from spacy.language import Language

from spacy_mre.serving.settings import PACKAGES, Settings

# The tests need the packages of the server.
collect_ignore_glob = ["test_*.py"] if any(find_spec(package) is None for package in PACKAGES) else []


@pytest.fixture(scope="session")
def make_fast_nlp():
    """Makes a pipeline that finds the person "Ida" and the place "Lima", with a spy as `nlp.spy`."""

    from tests.serving.running import PATTERNS, Spy

    def make(lang="en", patterns=None, **config):
        nlp = spacy.blank(lang, config=config)
        spy = Spy()
        name = f"spy_{id(spy)}"
        Language.component(name, func=spy)
        nlp.add_pipe(name)
        nlp.add_pipe("entity_ruler").add_patterns(patterns or PATTERNS)
        nlp.spy = spy
        return nlp

    return make


@pytest.fixture
def start():
    """Starts servers, which are stopped after the test."""
    with servers() as begin:
        yield begin


@pytest.fixture(scope="module")
def start_module():
    """Starts servers, which are stopped after the tests of a file."""
    with servers() as begin:
        yield begin


@contextmanager
def servers():
    """YIELDS (Callable): Starts a server with a pipeline, and waits until it is ready."""
    from spacy_mre.serving.service import Service
    from tests.serving.running import Running, wait_until

    running = []

    def begin(nlp, *, ready=True, more=None, **settings):
        service = Service({"demo": lambda: nlp, **(more or {})}, Settings(port=0, **settings), threads=1)
        running.append(Running(service))
        if ready:
            wait_until(lambda: service.is_ready)
            if hasattr(nlp, "spy"):  # without the text that warms up
                nlp.spy.batches.clear()
                nlp.spy.begun = threading.Semaphore(0)
        return running[-1]

    yield begin
    for each in running:
        each.server.should_exit = each.server.force_exit = True
        each.thread.join(20)
        assert not each.thread.is_alive()
