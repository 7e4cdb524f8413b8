"""A browser profile in which a page must do nothing wrong."""

from contextlib import contextmanager

WINDOW = {"width": 1300, "height": 760}
# Milliseconds, on a machine that has much else to do.
PATIENCE = 30_000


@contextmanager
def watched(chromium, *allowed, **settings):
    """A profile that fails if a page has an error, opens a dialog, or asks for what it may not.

    chromium (Browser): The browser.
    *allowed (str): The beginnings of the addresses that pages may ask for.
    **settings (Any): Other settings of the profile.
    YIELDS (BrowserContext): The profile.
    RAISES (AssertionError): At the end.
    """
    from playwright.sync_api import expect

    context = chromium.new_context(**{"locale": "en-GB", "viewport": WINDOW, **settings})
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)  # it has its own, of five seconds
    asked, wrong = [], []
    context.on("request", lambda request: asked.append(request.url))
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on("dialog", lambda dialog: answer_dialog(dialog, wrong))
    # What the policy of the page blocks is told on the console.
    context.on("console", lambda message: "Content Security" in message.text and wrong.append(message.text))
    yield context
    for page in context.pages:
        page.close()  # without asking about drafts
    context.close()
    assert wrong == []
    assert [url for url in asked if not url.startswith(allowed)] == []


def answer_dialog(dialog, wrong):
    """Leave a page with corrections that are not saved. Any other dialog is wrong."""
    if dialog.type != "beforeunload":
        wrong.append(f"dialog: {dialog.message}")
    dialog.accept()
