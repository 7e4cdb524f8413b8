"""Texts, labels and names from anywhere: none becomes an element or a script. And who may ask."""

import json

import spacy

from tests.serving.studio.browser.answers import replace_next

EVIL = "<img src=x onerror=alert(1)>"
SCRIPT = "</script><script>alert(2)</script>"


def save_evil(folder):
    """RETURNS (str): A pipeline whose labels are markup."""
    nlp = spacy.blank("en", meta={"name": "evil"})
    patterns = [{"label": EVIL, "pattern": "Ida"}, {"label": SCRIPT, "pattern": "Lima"}]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)
    nlp.to_disk(folder / "evil")
    return str(folder / "evil")


def test_markup_is_text(begin, tab, tmp_path):
    text = f"Ida {EVIL} {SCRIPT} Lima javascript:alert(3)"
    studio = begin((text, EVIL), ("Ida " + SCRIPT, SCRIPT), model=save_evil(tmp_path))
    opened = tab(studio)
    opened.sees("#picture", EVIL)
    opened.sees("#item-id", EVIL)
    assert opened.entities() == [f"Ida|{EVIL}", f"Lima|{SCRIPT}"]
    opened.press("j", "2", "k", "Delete", "r", "c", "R")
    opened.says("There is no relation.")
    opened.click("[data-open=paste-dialog]")
    opened.page.fill("#paste-text", f"{SCRIPT} Ida")
    opened.click("#paste-add")
    opened.says("The text was added.")
    opened.decided("Enter")
    opened.page.select_option("#filter-label", EVIL)
    opened.sees("#found", "texts")
    opened.page.fill("#search", EVIL)
    opened.sees("#found", "1 texts")
    assert opened.page.locator("img, iframe, object, body script, a[href^=javascript]").count() == 0
    opened.page.wait_for_timeout(100)  # the profile fails the test if there was a dialog


def test_the_name_of_a_download(begin, tab):
    opened = tab(begin("Ida lives in Lima."))
    opened.decided("Enter")
    headers = {"content-disposition": f'attachment; filename="{EVIL}.jsonl"', "studio-lost": json.dumps({SCRIPT: 2})}
    replace_next(opened.page, "/studio/export", headers)
    with opened.page.expect_download() as download:
        opened.click("#export")
    assert "/" not in download.value.suggested_filename and "<" not in download.value.suggested_filename
    opened.says(f"Exported: {EVIL}.jsonl")
    opened.says(f"{SCRIPT}: 2")
    assert opened.page.locator("img, body script").count() == 0


def test_the_token(begin, tab):
    token = "aZ09-._~+/="  # all kinds of characters that it can have
    studio = begin("Ida lives in Lima.", token=token)
    opened = tab(studio, wait=False)
    opened.says("The server wants its token.")
    opened.open(f"/#token={token}")
    opened.sees("#picture", "Ida lives in Lima.")
    assert opened.page.evaluate("location.hash") == ""
    assert opened.decided("Enter")["status"] == "accepted"


def test_text_that_changes_the_direction(begin, tab):
    """Characters are where their offsets are, whatever control characters are between them."""
    opened = tab(begin("a\u202eb\tc\u0000d\r\nIda \u2067Lima"))
    opened.drag(7, 10)  # the break of the line is not shown
    opened.label("site")
    saved = opened.saved()
    assert (saved["entities"][-1]["start"], saved["entities"][-1]["text"]) == (9, "Ida")
