"""Tabs with a studio. What a page must never do fails any test."""

from contextlib import contextmanager

import pytest

from tests.browsing import watched
from tests.serving.studio.conftest import MISSING

collect_ignore_glob = ["test_*.py"] if MISSING else []


@pytest.fixture
def tab(chromium):
    """Opens studios in tabs. All tabs of a test share one browser profile."""
    with profile(chromium) as opener:
        yield opener


@pytest.fixture
def tab_of(chromium):
    """Opens tabs with other settings of the browser: `tab_of(locale="ja-JP")(studio)`."""
    opened = []

    def make(**settings):
        opened.append(profile(chromium, **settings))
        return opened[-1].__enter__()

    yield make
    for each in opened:
        each.__exit__(None, None, None)


@contextmanager
def profile(chromium, **settings):
    """YIELDS (Callable): Opens a studio, or an address, and waits for its first text."""
    from tests.serving.studio.browser.tabs import Tab

    with watched(chromium, "http://127.0.0.1:", "data:", "blob:http://127.0.0.1:", **settings) as context:

        def open_tab(where, path="/", *, wait=True):
            tab = Tab(context.new_page(), where)
            tab.open(path, wait=wait)
            return tab

        yield open_tab
