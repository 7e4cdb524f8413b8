"""Everything with the mouse."""

import pytest

from tests.serving.studio.browser.test_keys import spans, triples
from tests.serving.studio.finder import save_finder

# A family of five code points and seven UTF-16 code units, which is seen as one character.
FAMILY = "👨\u200d👩\u200d👧"
JAPANESE = f"😀{FAMILY}三浦美咲は Ida と京都に住む。"
MIURA = (6, 10)
# What Ctrl+C puts on the clipboard, without the clipboard of the machine.
COPY = """() => {
  const data = {bubbles: true, cancelable: true, clipboardData: new DataTransfer()};
  const event = new ClipboardEvent("copy", data);
  document.querySelector("#picture").dispatchEvent(event);
  return event.clipboardData.getData("text/plain");
}"""


@pytest.fixture
def ida(begin, tab):
    """A tab with two open texts."""
    return tab(begin("Ida lives in Lima.", "Tom lives in Oslo."))


def test_add_in_japanese_after_an_emoji(begin, tab):
    studio = begin(JAPANESE)
    opened = tab(studio)
    opened.drag(*MIURA)
    opened.sees("#labels-title", "Label of the new entity")
    opened.label("person")
    assert opened.entities() == ["三浦美咲|person", "Ida|person"]
    opened.drag(MIURA[1] - 2, MIURA[1])
    opened.label("site")  # nested in the first
    opened.command("save")
    opened.says("All texts are done.")
    gold = studio.item()["gold"]
    assert [(one["text"], one["label"]) for one in gold["entities"]] == [
        ("Ida", "person"),
        ("三浦美咲", "person"),
        ("美咲", "site"),
    ]
    assert spans(gold)[1:] == [(*MIURA, "person"), (8, 10, "site")]


def test_an_emoji_is_never_cut(begin, tab):
    opened = tab(begin(JAPANESE))
    opened.press("a", "Home", "ArrowRight", "Shift+ArrowRight", "1", "}", "[")
    assert spans(opened.saved())[-1] == (0, 7, "person")


def test_brackets_are_under_their_characters(begin, tab):
    kerned = "Kerning: AVAVA To. Ida fi ffi Lima"
    opened = tab(begin(JAPANESE, kerned))
    for text, names in ((JAPANESE, ["Ida"]), (kerned, ["Ida", "Lima"])):
        for index, name in enumerate(names):
            start, end = text.index(name), text.index(name) + len(name)
            bracket = opened.page.locator(f"#picture [data-entity='{index}'] .bracket").bounding_box()
            left, right = opened.box(start)["left"], opened.box(end - 1)["right"]
            assert bracket["x"] == pytest.approx(left, abs=2.5)
            assert bracket["x"] + bracket["width"] == pytest.approx(right, abs=2.5)
        opened.press("n")
        opened.sees("#picture", "Kerning")


def test_relabel_and_delete(ida):
    ida.entity(1).click()
    ida.label("site")
    assert ida.entities() == ["Ida|person", "Lima|site"]
    ida.point_at(1)  # a character of the first
    ida.command("remove")
    assert (ida.entities(), ida.relations()) == (["Lima|site"], [])
    ida.command("undo")
    ida.command("undo")
    assert ida.entities() == ["Ida|person", "Lima|place"]


def test_the_inner_entity_first_then_the_outer(ida):
    ida.drag(0, 9)
    ida.label("site")
    for expected in ("Ida", "Ida lives", "Ida"):
        ida.point_at(1)
        ida.sees("#announced", f"{expected}, ")
        ida.page.wait_for_timeout(550)  # no double click


def test_borders(ida):
    ida.entity(1).click()
    handle = ida.page.locator("#picture [data-side=start]").bounding_box()
    ida.drag_points((handle["x"] + 4, handle["y"] + 8), (ida.box(10)["left"], handle["y"] + 8))
    assert ida.entities()[1] == "in Lima|place"
    ida.command("right_in")
    ida.command("left_in")
    ida.command("left_out")
    ida.command("left_out")
    ida.command("right_out")
    ida.command("save")
    ida.says("Saved with corrections")
    assert spans(ida.studio.item()["gold"])[1] == (9, 17, "place")


def test_draw_relabel_and_delete_relations(ida):
    first, second = (ida.entity(index).bounding_box() for index in (0, 1))
    ida.drag_points((second["x"] + 5, second["y"] + 5), (first["x"] + 5, first["y"] + 5))
    ida.sees("#labels-title", "Label of the relation")
    ida.label("works_in")
    assert ida.relations() == ["Ida → Lima|lives_in", "Lima → Ida|works_in"]
    ida.page.locator("#picture [data-relation='0'] .label").click()
    ida.command("remove")
    assert ida.relations() == ["Lima → Ida|works_in"]
    ida.page.locator("#picture [data-relation='0'] .label").click()
    ida.label("lives_in")
    ida.entity(0).click()
    ida.command("relate")
    ida.entity(1).click()
    ida.label("works_in")
    ida.command("save")
    ida.says("Saved with corrections")
    assert triples(ida.studio.item()["gold"]) == [(1, 0, "lives_in"), (0, 1, "works_in")]


def test_category_and_decisions(ida):
    ida.sees("[data-cat=travel] .score", "90%")
    ida.click("[data-cat=people]")
    assert ida.page.get_attribute("[data-cat=travel]", "aria-checked") == "false"
    ida.command("save")
    ida.says("Saved with corrections")
    assert ida.studio.item()["gold"]["cats"] == {"people": 1.0, "travel": 0.0}
    ida.command("skip")
    ida.says("All texts are done.")
    ida.command("undo")
    ida.says("The decision was taken back")
    ida.command("reject")
    ida.sees("#counts", "✎ 1 ✕ 1")


def test_a_word_by_double_click_and_its_copy(ida):
    box = ida.box(5)
    ida.page.mouse.dblclick(box["left"] + 2, box["y"])
    assert ida.page.evaluate(COPY) == "lives"
    ida.label("site")
    assert ida.entities()[1] == "lives|site"


def test_take_over_what_the_model_found(ida):
    ida.press("j", "Delete")
    ida.sees("#comparison", "differences from the model en_finder")
    ida.sees("#comparison", "＋ Ida (person)")
    ida.click("[data-take=predicted]")
    ida.sees("#comparison", "As in the model en_finder")
    assert ida.decided("Enter")["status"] == "accepted"


def test_categories_that_do_not_exclude_each_other(begin, tab, tmp_path):
    opened = tab(begin("Ida lives in Lima.", model=save_finder(tmp_path, multi_label=True)))
    assert opened.page.get_attribute("[data-cat=travel]", "role") == "checkbox"
    opened.click("[data-cat=people]")
    assert opened.saved()["cats"] == {"people": 1.0, "travel": 1.0}
    opened.press("c", "1", "2", "Escape")
    assert opened.saved()["cats"] == {"people": 0.0, "travel": 0.0}


def test_a_text_that_cannot_be_analysed(begin, tab):
    opened = tab(begin("fail Ida"))
    opened.says("The pipeline could not analyse this text")
    opened.drag(5, 8)
    opened.label("person")
    opened.click("[data-cat=people]")
    assert spans(opened.saved()) == [(5, 8, "person")]
