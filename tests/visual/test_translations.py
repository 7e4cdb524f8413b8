"""The page of translations: order, what is escaped, its policy, and decisions in a browser."""

import json
import re
from functools import partial

import pytest

from spacy_mre.visual.translation_words import WORDS
from spacy_mre.visual.translations import Pair, sort_worst_first, translations_page
from tests.visual.test_page import Page, make

ODD = "</script><b>&\"'\\ </textarea>"


def pair(name, *reasons, by_string=0, has_target=True, marked="[place:a|Lima] is far."):
    source = make(["Oslo", "is", "far", "."], [(0, 1, "place")])
    target = make(["Lima", "is", "far", "."], [(0, 1, "place")]) if has_target else None
    status = "dropped" if reasons else "kept"
    return Pair(source, target, name, status, reasons, [f"a: {name}"] * len(reasons), marked, by_string)


PAIRS = [
    pair("kept"),
    pair("gone", "refused", has_target=False),
    pair("string", by_string=1),
    pair("one", "marker lost"),
    pair("two", "marker lost", "length ratio"),
]
ORDER = ["two", "one", "string", "kept", "gone"]


def test_the_worst_are_first():
    assert [each.id for each in sort_worst_first(PAIRS)] == ORDER
    html = translations_page(PAIRS, max_texts=2)
    assert [json.loads(each["data-id"]) for each in Page(html).all("figure")] == ORDER[:2]
    assert "Translations: 5, of which 3 are dropped." in html and "The first 2 are shown." in html


def test_source_and_translation_are_drawn():
    page = Page(translations_page(PAIRS[:2]))
    assert len([each for each in page.all("svg") if each.get("role") == "img"]) == 3
    assert page.texts("title").count("Text: Lima is far .") == 1


def test_anything_is_escaped():
    html = translations_page([pair(ODD, ODD, marked=ODD)], title=ODD, about=ODD)
    page = Page(html)
    (figure,) = page.all("figure")
    assert json.loads(figure["data-id"]) == ODD and json.loads(figure["data-reasons"]) == [ODD]
    assert html.count("<script>") == html.count("</script>") == 1


def test_nothing_may_be_loaded_or_sent():
    (policy,) = [each["content"] for each in Page(translations_page(PAIRS)).all("meta") if "http-equiv" in each]
    assert policy.startswith("default-src 'none';") and re.search("script-src 'sha256-[^']{44}';", policy)


@pytest.mark.parametrize("lang", ["ja", "zh"])
def test_the_words_are_translated(lang):
    assert WORDS[lang].keys() == WORDS["en"].keys()
    html = translations_page(PAIRS, lang=lang)
    for key in ("accept", "reject", "edit", "save", "keyboard"):
        assert WORDS[lang][key] in html


@pytest.fixture
def show(show):
    """Opens a page that may make a file of edits."""
    return partial(show, allowed=("blob:file://", "blob:null"))


def saved(tab):
    with tab.expect_download() as download:
        tab.click("[name=save]")
    assert download.value.suggested_filename == "edits.jsonl"
    return [json.loads(line) for line in download.value.path().read_text(encoding="utf8").splitlines()]


def test_decisions_are_saved_and_kept_as_drafts(show):
    tab = show(translations_page(PAIRS))
    assert tab.locator("[name=save]").is_disabled()
    for key in "jajrje":
        tab.keyboard.press(key)
    box = tab.locator(".text").nth(2).locator("textarea")
    assert box.input_value() == "[place:a|Lima] is far."
    box.fill("jare [place:a|リマ]")  # keys are letters there
    expected = [
        {"id": "two", "action": "accept"},
        {"id": "one", "action": "reject"},
        {"id": "string", "action": "edit", "marked": "jare [place:a|リマ]"},
    ]
    assert saved(tab) == expected
    tab.reload()
    assert tab.locator("[name=decided]").text_content() == "3" and saved(tab) == expected
    # Twice the same takes it back.
    tab.locator(".text").first.locator("[data-action=accept]").click()
    assert saved(tab) == expected[1:]


def test_other_translations_do_not_get_the_drafts(show):
    tab = show(translations_page(PAIRS))
    tab.keyboard.press("a")
    assert saved(tab) == [{"id": "two", "action": "accept"}]
    tab = show(translations_page(PAIRS[:-1]))
    assert tab.locator("[name=save]").is_disabled()


def test_a_text_without_a_translation_can_only_be_edited(show):
    tab = show(translations_page([PAIRS[1]]))
    for key in "ar":
        tab.keyboard.press(key)
    assert tab.locator("[name=decided]").text_content() == "0"
    tab.keyboard.press("e")
    assert [each["action"] for each in saved(tab)] == ["edit"]


def test_rows_are_filtered(show):
    tab = show(translations_page(PAIRS))

    def ids():
        return tab.locator(".text:not([hidden])").evaluate_all("all => all.map(each => JSON.parse(each.dataset.id))")

    tab.locator("[name=reason]").select_option("marker lost")
    assert ids() == ["two", "one"] and tab.locator("[name=shown]").text_content() == "2"
    tab.locator("[name=reason]").select_option("")
    tab.locator("[name=status]").select_option("kept")
    assert ids() == ["string", "kept"]
    tab.locator(".text:not([hidden]) [data-action=reject]").first.click()
    tab.locator("[name=decision]").select_option("undecided")
    assert ids() == ["kept"]


def test_an_odd_text_survives_the_box(show):
    line = "\n  [x:a|" + ODD + "]\n"
    tab = show(translations_page([pair(ODD, "marker lost", marked=line)]))
    tab.keyboard.press("e")
    assert saved(tab) == [{"id": ODD, "action": "edit", "marked": line}]
