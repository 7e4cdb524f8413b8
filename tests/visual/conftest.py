"""What the browser tests of pages share."""

from contextlib import ExitStack

import pytest

from tests.browsing import watched


@pytest.fixture
def show(chromium, tmp_path):
    """Opens a page in a tab: `show(html, java_script_enabled=False)`. It may ask for itself, and for what begins with
    one of `allowed`."""
    path = tmp_path / "page.html"
    with ExitStack() as opened:

        def make_tab(html, allowed=(), **settings):
            path.write_text(html, encoding="utf8")
            context = opened.enter_context(watched(chromium, path.as_uri(), *allowed, **settings))
            tab = context.new_page()
            tab.goto(path.as_uri())
            return tab

        yield make_tab
