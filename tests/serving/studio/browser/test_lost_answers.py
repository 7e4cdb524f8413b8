"""Answers that never arrive, and a tab without room: no key does anything twice, and the page tells what is lost."""

import pytest

from tests.serving.running import in_thread, wait_until
from tests.serving.studio.browser.answers import cut_next, hold_next, lose_next, wait_held

# Until the storage of the tab takes no character more.
FILL = """() => {
  for (let size = 1 << 22; size >= 1; ) {
    try {
      sessionStorage.setItem(`fill.${sessionStorage.length}`, "x".repeat(size));
    } catch {
      size = size >> 1;
    }
  }
}"""

NO_STORAGE = 'Object.defineProperty(window, "sessionStorage", { get() { throw new Error("blocked"); } });'


@pytest.mark.parametrize("key, status", [("Enter", "accepted"), ("s", "skipped"), ("x", "rejected")])
def test_a_decision(begin, tab, key, status):
    studio = begin("Ida 1", "Ida 2", "Ida 3")
    opened = tab(studio)
    lose_next(opened.page, "/studio/items/")
    opened.press(key)
    opened.says("The server does not answer.")
    opened.press(key)
    opened.sees("#picture", "Ida 2")
    assert [(line["text"], line["status"]) for line in studio.lines()] == [("Ida 1", status)]


def test_a_correction(begin, tab):
    """It is no draft any more when the page is loaded again."""
    studio = begin("Ida 1", "Ida 2")
    opened = tab(studio)
    lose_next(opened.page, "/studio/items/")
    opened.press("j", "3", "Enter")
    opened.says("The server does not answer.")
    opened.open()
    opened.sees("#item-status", "corrected")
    assert opened.entities() == ["Ida|site"]
    assert opened.page.inner_text("#message") == ""
    assert opened.page.evaluate("Object.keys(sessionStorage).filter(name => name.includes('draft'))") == []


@pytest.mark.parametrize("is_loaded_again", [False, True])
def test_undo(begin, tab, is_loaded_again):
    studio = begin("Ida 1", "Ida 2", "Ida 3")
    opened = tab(studio)
    opened.decided("Enter")
    opened.sees("#picture", "Ida 2")
    opened.decided("Enter")
    opened.sees("#picture", "Ida 3")
    lose_next(opened.page, "/studio/items/")
    opened.press("u")
    opened.says("The server does not answer.")
    opened.page.evaluate("dispatchEvent(new Event('focus'))")  # the state is loaded
    opened.sees("#counts", "✓ 1")
    if is_loaded_again:
        opened.open()
    opened.press("u")
    opened.says("The decision was taken back: Ida 2")
    assert [line["decision"] for line in studio.lines()] == ["save", "save", "undo"]
    opened.press("u")
    opened.says("The decision was taken back: Ida 1")


def test_half_an_answer(begin, tab):
    """The server was killed while it answered."""
    studio = begin("Ida 1", "Ida 2")
    opened = tab(studio)
    cut_next(opened.page, "/studio/items/")
    opened.press("Enter")
    opened.says("The server does not answer.")
    opened.press("Enter")
    opened.sees("#picture", "Ida 2")
    assert [line["text"] for line in studio.lines()] == ["Ida 1"]


def test_an_answer_that_comes_late(begin, tab):
    """A state from before a decision does not replace what the page knows."""
    studio = begin("Ida 1", "Ida 2", "Ida 3")
    opened = tab(studio)
    let_go = hold_next(opened.page, "/studio/state", method="GET")
    opened.page.evaluate("dispatchEvent(new Event('focus'))")
    wait_held(opened.page)
    opened.decided("Enter")
    opened.sees("#picture", "Ida 2")
    let_go()
    opened.page.wait_for_timeout(100)
    opened.sees("#counts", "✓ 1")
    opened.press("u")
    opened.says("The decision was taken back: Ida 1")


def test_undo_of_what_another_tab_has_changed(begin, tab):
    studio = begin("Ida 1", "Ida 2")
    opened = tab(studio)
    opened.decided("s")
    opened.sees("#picture", "Ida 2")
    studio.decide(studio.item(), "reject")
    opened.press("u")
    opened.says("Nothing was taken back")
    opened.sees("#item-status", "rejected")
    assert [line["decision"] for line in studio.lines()] == ["skip", "reject"]
    opened.press("u")  # now the person has seen it
    opened.sees("#item-status", "skipped")


def test_a_draft_of_a_text_that_is_taken_back(begin, tab):
    """Its button is not covered by another message."""
    studio = begin("Ida 1", "Ida 2")
    opened = tab(studio)
    opened.decided("Enter")
    opened.sees("#picture", "Ida 2")
    opened.press("p")
    opened.sees("#picture", "Ida 1")
    opened.press("j", "3", "n")
    opened.sees("#picture", "Ida 2")
    opened.press("u")
    opened.sees("#picture", "Ida 1")
    opened.click("#message button:has-text('Show my corrections')")
    assert opened.entities() == ["Ida|site"]


def test_learn_and_use_in_two_tabs(begin_loading, tab):
    studio, go = begin_loading("Ida lives in Lima.", "Ida saw Oslo.")
    first, second = tab(studio), tab(studio)
    for each in (first, second):
        each.sees("#learning-state", "The model has learned.")
    first.decided("Enter")
    using = in_thread(studio.post, "use", {"run": 1})
    wait_until(lambda: studio.get("learn")["state"] == "loading")
    first.click("#learn")
    first.says("the learned pipeline is being loaded; learn when it is in use")
    first.sees("#learning-state", "The learned model is being loaded.")
    assert first.page.is_disabled("#learn")
    second.click("#use")
    second.says("the learned pipeline is being loaded")
    go.set()
    using.result(30)
    for each in (first, second):
        each.says("The model in use is now en_learned 1.0.0.")
        each.sees("#model", "en_learned")
    first.lists("Oslo|place")


def test_use(begin_loading, tab):
    studio, go = begin_loading("Ida lives in Lima.")
    go.set()
    opened = tab(studio)
    lose_next(opened.page, "/studio/use")
    opened.click("#use")
    opened.says("The model in use is now en_learned 1.0.0.")
    opened.lists("Lima|place")


def test_a_draft_for_which_there_is_no_room(begin, tab):
    studio = begin("Ida 1", "Ida 2")
    opened = tab(studio)
    opened.page.evaluate(FILL)
    opened.press("j", "3")
    opened.says("The browser has no room for these corrections")
    opened.press("n")
    opened.sees("#picture", "Ida 2")
    opened.press("p")
    opened.says("Your corrections of this text are still here.")
    assert opened.entities() == ["Ida|site"]
    with opened.page.expect_event("dialog") as dialog:  # the browser asks
        opened.open()
    assert dialog.value.type == "beforeunload"
    assert opened.entities() == ["Ida|person"]


def test_a_text_that_is_typed_and_not_added(begin, tab):
    opened = tab(begin("Ida 1"))
    opened.click("[data-open=paste-dialog]")
    opened.page.fill("#paste-text", "Tom")
    opened.press("Escape")
    with opened.page.expect_event("dialog") as dialog:
        opened.open()
    assert dialog.value.type == "beforeunload"


def test_a_browser_without_storage(begin, tab):
    opened = tab(begin("Ida 1", "Ida 2"), wait=False)
    opened.page.add_init_script(NO_STORAGE)
    opened.open()
    opened.press("j", "3")
    opened.says("The browser has no room for these corrections")
    assert opened.decided("Enter")["status"] == "corrected"
    opened.sees("#picture", "Ida 2")
