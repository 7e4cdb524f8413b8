"""A browser without a window. What a page must never do fails any test."""

import shutil
from contextlib import contextmanager
from importlib.util import find_spec

import pytest

from tests.serving.studio.conftest import MISSING

collect_ignore_glob = ["test_*.py"] if MISSING else []
WINDOW = {"width": 1300, "height": 760}


@pytest.fixture(scope="session")
def chromium():
    """A browser for all tests."""
    if find_spec("playwright") is None:
        pytest.skip("playwright is not installed: pip install playwright")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


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

    context = chromium.new_context(**{"locale": "en-GB", "viewport": WINDOW, **settings})
    context.set_default_timeout(8_000)
    asked, wrong = [], []
    context.on("request", lambda request: asked.append(request.url))
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on("dialog", lambda dialog: answer_dialog(dialog, wrong))
    # What the policy of the page blocks is told on the console.
    context.on("console", lambda message: "Content Security" in message.text and wrong.append(message.text))

    def open_tab(where, path="/", *, wait=True):
        tab = Tab(context.new_page(), where)
        tab.open(path, wait=wait)
        return tab

    yield open_tab
    for page in context.pages:
        page.close()  # without asking about drafts
    context.close()
    assert wrong == []
    foreign = [url for url in asked if not url.startswith(("http://127.0.0.1:", "data:", "blob:http://127.0.0.1:"))]
    assert foreign == []


def answer_dialog(dialog, wrong):
    """Leave a page with corrections that are not saved. Any other dialog is wrong."""
    if dialog.type != "beforeunload":
        wrong.append(f"dialog: {dialog.message}")
    dialog.accept()
