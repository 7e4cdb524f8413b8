"""The list of texts, texts in, corpora out, and learning."""

import json

from tests.serving.studio.finder import save_finder


def test_search_filters_and_order(begin, tab, tmp_path):
    other = save_finder(tmp_path, "other", missed=["Tom"])
    studio = begin("Ida lives in Lima.", "Nobody is here.", "perhaps Tom", other=other)
    opened = tab(studio)
    opened.page.fill("#search", "o")
    opened.sees("#found", "2 texts")
    opened.page.fill("#search", "")
    opened.page.select_option("#filter-label", "lives_in")
    opened.sees("#found", "1 texts")
    opened.page.select_option("#filter-label", "")
    opened.page.select_option("#filter-status", "skipped")
    opened.sees("#found", "0 texts")
    opened.page.select_option("#filter-status", "")
    for order in ("uncertain", "disagreement"):
        opened.page.select_option("#order", order)
        opened.sees("#queue-list li:first-child", "perhaps Tom")
    opened.click("#queue-list li:first-child button")
    opened.sees("#comparison", "1 differences from the second model en_other")
    opened.click("[data-take=other]")
    assert opened.entities() == []
    opened.decided("Enter")
    opened.sees("#agreement", "F1 of the model against the saved texts: 0%")
    opened.page.select_option("#order", "file")
    opened.sees("#queue-list li:first-child", "Ida lives in Lima.")
    opened.click("#queue-list li:first-child button")
    opened.sees("#picture", "Ida lives in Lima.")
    opened.decided("Enter")
    opened.sees("#agreement", "F1 of the second model en_other against 2 saved texts: 100%")


def test_many_texts(begin, tab):
    opened = tab(begin(*(f"Text {number} of Ida" for number in range(120))))
    assert opened.page.locator("#queue-list li").count() == 50
    opened.click("#more")
    opened.sees("#queue-list li:last-child", "Text 99")
    opened.click("#queue-list li:last-child button")
    opened.sees("#picture", "Text 99 of Ida")
    opened.press("n")
    opened.sees("#picture", "Text 100 of Ida")
    opened.sees("#queue-list [aria-current]", "Text 100")


def test_paste_a_text_and_export(begin, tab):
    opened = tab(begin("Ida lives in Lima."))
    opened.click("[data-open=paste-dialog]")
    opened.page.fill("#paste-text", "Tom\nlives in 京都")
    opened.click("#paste-add")
    opened.says("The text was added.")
    opened.sees("#queue-list [aria-current]", "Tom lives in 京都")
    assert opened.entities() == ["Tom|person"]
    opened.click("#export")
    opened.says("nothing was saved yet")
    opened.decided("Enter")
    opened.page.select_option("#export-form", "jsonl")
    with opened.page.expect_download() as download:
        opened.click("#export")
    opened.says("Exported:")
    (line,) = download.value.path().read_text(encoding="utf8").splitlines()
    assert json.loads(line)["text"] == "Tom\nlives in 京都"


def test_learning(begin, tab, tmp_path):
    studio = begin("Ida lives in Lima.")
    opened = tab(studio)
    opened.click("#learn")
    opened.says("there is nothing to learn from")
    learning = studio.desk.learning
    learning.told = {**learning.told, "state": "running", "step": 3, "steps": 10}
    opened.open()
    opened.sees("#learning-state", "The model learns.")
    assert opened.page.evaluate("document.querySelector('#learning-bar').value") == 3
    assert opened.page.is_disabled("#learn")
    scores = {"entities": 0.5, "relations": 0.25, "cats": None}
    result = {"train": 8, "held_out": 2, "before": scores, "after": {**scores, "entities": 0.75}}
    learning.told = {**learning.told, "state": "done", "step": 10, "result": result}
    opened.sees("#learning-result", "Learned from 8 texts, scored on 2 others")
    assert opened.page.locator("#learning-result tbody tr").all_inner_texts() == [
        "Entities\t50%\t75%",
        "Relations\t25%\t25%",
    ]
    learning._folder = save_finder(tmp_path, "learned", missed=["Ida"])
    opened.click("#use")
    opened.says("The model in use is now en_learned 1.0.0.")
    opened.sees("#model", "en_learned")
    opened.lists("Lima|place")


def test_cancel_learning(begin, tab):
    studio = begin("Ida lives in Lima.")
    learning = studio.desk.learning
    learning.told = {**learning.told, "state": "running", "steps": 10}
    cancelled = []
    learning.cancel = lambda: (
        cancelled.append(True),
        setattr(learning, "told", {**learning.told, "state": "cancelled"}),
    )
    opened = tab(studio)
    opened.click("#cancel-learning")
    opened.sees("#learning-state", "Learning was cancelled.")
    assert cancelled
    del learning.cancel


def test_no_texts(begin, tab):
    opened = tab(begin(), wait=False)
    opened.says("There are no texts.")
    opened.press("s", "a", "Enter", "t")
    opened.page.keyboard.type("Ida")
    opened.press("Control+Enter")
    opened.says("The text was added.")
