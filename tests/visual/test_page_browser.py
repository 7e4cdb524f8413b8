"""The bar of the page in a browser: labels, scores, folded texts, keys, and the page without a script."""

import pytest
from spacy.tokens import Span

from spacy_mre.annotations.entities import set_entities
from spacy_mre.visual import render
from tests.visual.test_mistakes_page import ADA, BO, NAMES
from tests.visual.test_mistakes_page import make as make_named
from tests.visual.test_mistakes_page import render as render_mistakes
from tests.visual.test_page import make
from tests.visual.test_page_filter import ODD, port

expect = pytest.importorskip("playwright.sync_api").expect

VISIBLE = """(all, name) => [...new Set(all.filter(each => getComputedStyle(each).display !== "none")
                                           .map(each => each.dataset[name]))].sort()"""
FOCUSED = """() => {
  const {tagName, name, className, dataset, textContent} = document.activeElement;
  return [tagName.toLowerCase(), name || dataset.all || className || textContent.slice(0, 1)].join(" ");
}"""


def visible(tab, selector, name):
    """The values of a data attribute of what is not hidden, each once."""
    return tab.locator(selector).evaluate_all(VISIBLE, name)


def state(tab):
    """The numbers of the entities and of the arcs, and the labels of the rows, that are shown."""
    entities = visible(tab, ".mark", "entity")
    assert visible(tab, ".tint[data-entity]", "entity") == entities
    arcs = visible(tab, ".arc", "arc")
    assert visible(tab, ".arc-label", "arc") == arcs
    return entities, arcs, visible(tab, "tbody tr", "label")


def choose(tab, name, label, checked):
    tab.locator(".labels > div").evaluate("panel => panel.parentElement.open = true")
    tab.locator(f'[name={name}][value="{label}"]').set_checked(checked)


def set_least(tab, score):
    tab.locator("[name=least]").fill(str(score))


ALL = (["0", "1", "2", "3"], ["0", "1", "2"], ["greets", "leads", "located_in", "works_for"])


def test_what_is_not_chosen_is_hidden(show):
    tab = show(render(port()))
    output = tab.locator("output")
    assert state(tab) == ALL
    expect(output).to_have_text("entities: 4 of 4 · relations: 4 of 4")
    choose(tab, "entities", "place", False)
    assert state(tab) == (["0", "1", "3"], ["0", "2"], ["greets", "leads", "works_for"])
    expect(output).to_have_text("entities: 3 of 4 · relations: 3 of 4")
    choose(tab, "entities", "place", True)
    choose(tab, "relations", "greets", False)
    assert state(tab) == (["0", "1", "2", "3"], ["0", "1"], ["leads", "located_in", "works_for"])
    # Only an arc ended there.
    assert visible(tab, ".ghost", "arcs") == []
    choose(tab, "relations", "greets", True)
    assert state(tab) == ALL and visible(tab, ".ghost", "arcs") == ["2"]


def test_an_arc_with_several_labels_shows_those_that_are_chosen(show):
    tab = show(render(port()))
    label = tab.locator(".arc-label[data-arc='0']")
    width = label.get_attribute("textLength")
    assert float(width) > 50
    choose(tab, "relations", "leads", False)
    expect(label).to_have_text("works_for")
    assert label.get_attribute("textLength") is None
    choose(tab, "relations", "works_for", False)
    assert "0" not in state(tab)[1]
    choose(tab, "relations", "leads", True)
    expect(label).to_have_text("leads")
    choose(tab, "relations", "works_for", True)
    expect(label).to_have_text("leads, works_for")
    assert label.get_attribute("textLength") == width


def test_low_scores_are_hidden(show):
    tab = show(render(port()))
    set_least(tab, 0.5)
    assert state(tab) == (["0", "1", "3"], ["0", "2"], ["greets", "leads"])
    expect(tab.locator(".arc-label[data-arc='0']")).to_have_text("leads")
    expect(tab.locator("span.least")).to_have_text("0.50")
    set_least(tab, 0.75)
    # The arc of 0.90 ends at an entity of 0.60.
    assert state(tab) == (["0", "3"], [], [])
    expect(tab.locator("output")).to_have_text("entities: 2 of 4 · relations: 0 of 4")
    tab.locator("[name=least]").press("Home")
    assert state(tab) == ALL


def test_what_has_no_score_is_always_shown(show):
    certain, strange = make(["Oslo"]), make(["Lima"])
    certain.set_ents([Span(certain, 0, 1, label="place")])
    set_entities(strange, [(0, 1, "place", float("nan"))])
    tab = show(render([certain, strange, port()]))
    set_least(tab, 1)
    expect(tab.locator("output")).to_have_text("entities: 2 of 6 · relations: 0 of 4")


def test_all_labels_at_once(show):
    tab = show(render(port()))
    everything = tab.locator("[data-all=entities]")
    tab.click(".labels > summary")
    everything.uncheck()
    assert state(tab) == ([], [], [])
    choose(tab, "entities", "person", True)
    # Both ends of "greets" are there: one is no entity.
    assert state(tab) == (["0", "3"], ["2"], ["greets"])
    assert everything.evaluate("box => box.indeterminate")
    everything.check()
    assert state(tab) == ALL and not everything.evaluate("box => box.indeterminate")
    tab.keyboard.press("Escape")
    assert not tab.locator(".labels").evaluate("panel => panel.open")


@pytest.mark.parametrize("odd", [*ODD, "a'b\\", "ラベル"])
def test_any_label_can_be_chosen(show, odd):
    tab = show(render(make([odd, "in", "Oslo"], [(0, 1, odd), (2, 3, "place")], [((0, 1), (2, 3), odd)])))
    tab.click(".labels > summary")
    boxes = tab.locator("[type=checkbox][name]")
    odd_first = boxes.evaluate_all("boxes => boxes[0].value !== 'place'")
    boxes.nth(0 if odd_first else 1).uncheck()
    assert visible(tab, ".mark", "entity") == ["1"] and visible(tab, ".arc", "arc") == []
    boxes.nth(0 if odd_first else 1).check()
    boxes.nth(2).uncheck()
    assert visible(tab, ".mark", "entity") == ["0", "1"] and visible(tab, ".arc", "arc") == []


def test_texts_are_folded_and_unfolded(show):
    tab = show(render([port(), port()]))
    pictures, fold = tab.locator(".text svg"), tab.locator("[name=fold]")
    tab.locator(".text summary").first.click()
    expect(pictures.first).to_be_hidden()
    expect(pictures.last).to_be_visible()
    expect(fold).to_have_text("Collapse all")
    fold.click()
    expect(pictures.last).to_be_hidden()
    expect(fold).to_have_text("Expand all")
    fold.click()
    expect(pictures.first).to_be_visible()
    expect(fold).to_have_text("Collapse all")


def focused_text(tab):
    return tab.evaluate("[...document.querySelectorAll('.text')].indexOf(document.activeElement.closest('.text'))")


@pytest.mark.parametrize("width", [1300, 420])
def test_keys_go_from_text_to_text(show, width):
    tab = show(render([port()] * 5), viewport={"width": width, "height": 500})
    seen = []
    for key in ("j", "j", "k", "k", "k", *"jjjjjj"):
        tab.keyboard.press(key)
        seen.append(focused_text(tab))
    assert seen == [0, 1, 0, 0, 0, 1, 2, 3, 4, 4, 4]
    # The bar does not cover the text.
    tab.keyboard.press("k")
    place = "each => each.getBoundingClientRect().top"
    bar = tab.locator(".filter").evaluate("each => each.getBoundingClientRect().bottom")
    assert tab.locator(".text").nth(3).evaluate(place) >= bar - 1
    tab.keyboard.press("Control+j")
    assert focused_text(tab) == 3
    tab.keyboard.press("Enter")
    assert not tab.locator(".text details").nth(3).evaluate("each => each.open")


def test_keys_begin_at_the_text_on_the_screen(show):
    tab = show(render([port()] * 8))
    tab.locator(".text").nth(4).evaluate("each => each.scrollIntoView()")
    tab.keyboard.press("j")
    assert focused_text(tab) == 4
    tab.evaluate("document.activeElement.blur()")
    tab.keyboard.press("k")
    assert focused_text(tab) == 3


def test_tab_reaches_every_control(show):
    tab = show(render([port(), port()]))
    tab.click(".labels > summary")
    reached = []
    for _ in range(17):
        tab.keyboard.press("Tab")
        reached.append(tab.evaluate(FOCUSED))
    bar = ["input entities"] * 4 + ["input relations"] * 5 + ["input least", "button fold"]
    assert reached == [*bar, "summary 1", "div scroll", "div scroll list", "summary 2", "div scroll", "div scroll list"]


def test_controls_have_names(show):
    tab = show(render([port()]))
    nameless = """all => all.filter(each => !(each.ariaLabel || each.textContent.trim() || each.labels?.length))
                            .map(each => each.outerHTML)"""
    assert tab.locator("button, input, summary, [tabindex], form").evaluate_all(nameless) == []


def test_without_a_script_everything_is_shown(show):
    tab = show(render([port()]), java_script_enabled=False)
    expect(tab.locator(".filter")).to_be_hidden()
    for selector, count in ((".mark", 4), (".arc", 3), ("tbody tr", 4)):
        assert tab.locator(selector).count() == count
        for each in tab.locator(selector).all():
            expect(each).to_be_visible()
    tab.locator(".text summary").click()
    expect(tab.locator(".text svg")).to_be_hidden()


def test_print_has_all_texts_and_no_bar(show):
    tab = show(render([port(), port()]))
    tab.click("[name=fold]")
    expect(tab.locator(".text svg").first).to_be_hidden()
    folded = tab.locator(".text").first.bounding_box()["height"]
    tab.emulate_media(media="print")
    expect(tab.locator(".filter")).to_be_hidden()
    for picture in tab.locator(".text svg").all():
        expect(picture).to_be_visible()
    assert tab.locator(".text").first.bounding_box()["height"] > folded + 100


def test_a_long_text_stays_readable(show):
    count = 120
    doc = make(
        ["river", "Holmstad", "and"] * (2 * count),
        [(3 * i + 1, 3 * i + 2, "person") for i in range(2 * count)],
        [((3 * i + 1, 3 * i + 2), ((i + 1 + i % 4) * 3 + 1, (i + 1 + i % 4) * 3 + 2), "near") for i in range(count)],
    )
    assert len(doc.text) > 2_000 and len(doc._.relations) > 100
    tab = show(render(doc))
    for selector in (".line tspan", ".arc-label", ".mark-label"):
        outside = tab.locator(selector).evaluate_all(
            """all => {
              const svg = document.querySelector(".text svg").getBoundingClientRect();
              return all.filter(each => {
                const {left, right} = each.getBoundingClientRect();
                return left < svg.left - 1 || right > svg.right + 1;
              }).length;
            }"""
        )
        assert outside == 0, selector
    rows = tab.locator(".list")
    assert rows.evaluate("list => list.scrollHeight") > rows.evaluate("list => list.clientHeight") + 1_000
    assert rows.bounding_box()["height"] < 400
    rows.focus()
    tab.keyboard.press("End")
    expect(tab.locator("tbody tr").last).to_be_in_viewport()
    expect(rows.locator("thead th").first).to_be_in_viewport()
    tab.emulate_media(media="print")
    assert rows.evaluate("list => list.scrollHeight - list.clientHeight") <= 1


def test_the_page_of_mistakes_has_the_same_bar(show):
    pairs = [
        (make_named(NAMES, [ADA, BO]), make_named(NAMES, [BO])),
        (make_named(NAMES, [ADA]), make_named(NAMES, [ADA, BO])),
        (make_named(NAMES, [BO]), make_named(NAMES, [])),
    ]
    tab = show(render_mistakes(*pairs, lang="ja"))
    tab.keyboard.press("j")
    assert focused_text(tab) == 0
    tab.locator("[name=what]").select_option("missed")
    # A key chooses an option there.
    tab.keyboard.press("j")
    hidden = tab.locator(".text").evaluate_all("all => all.map(text => text.hidden)")
    assert sum(hidden) == 1
    tab.locator("[name=fold]").focus()
    seen = []
    for _ in range(3):
        tab.keyboard.press("j")
        seen.append(focused_text(tab))
    assert len(set(seen)) == 2 and hidden.index(True) not in seen
    tab.click("[name=fold]")
    expect(tab.locator("[name=fold]")).to_have_text("すべて展開する")
    expect(tab.locator(".text svg").first).to_be_hidden()
