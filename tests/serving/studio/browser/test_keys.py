"""Everything with keys alone."""

import pytest

TEXT = "Ida lives in Lima."
IDA, LIMA = {"start": 0, "end": 3, "label": "person"}, {"start": 13, "end": 17, "label": "place"}


def spans(analysis):
    return [(one["start"], one["end"], one["label"]) for one in analysis["entities"]]


def triples(analysis):
    return [(one["head"], one["tail"], one["label"]) for one in analysis["relations"]]


@pytest.fixture
def ida(begin, tab):
    """A tab with two open texts."""
    return tab(begin(TEXT, "Tom lives in Oslo."))


def test_accept_and_go_on(ida):
    item = ida.decided("Enter")
    assert (item["text"], item["status"], item["version"]) == (TEXT, "accepted", 1)
    ida.sees("#picture", "Tom lives in Oslo.")
    ida.sees("#done", "1 of 2 done")
    assert ida.decided("Enter")["status"] == "accepted"
    ida.says("All texts are done.")


def test_skip_reject_and_undo(ida):
    assert ida.decided("s")["status"] == "skipped"
    ida.sees("#picture", "Tom lives")
    assert ida.decided("x")["status"] == "rejected"
    ida.says("All texts are done.")
    ida.press("u")
    ida.says("The decision was taken back: Tom lives in Oslo.")
    ida.press("u")
    ida.says("The decision was taken back: Ida lives in Lima.")
    ida.sees("#item-status", "open")
    ida.press("u")
    ida.says("There is nothing to undo.")
    ida.sees("#counts", "○ 2")


@pytest.mark.parametrize(
    "onward, back", [("j", "k"), ("ArrowDown", "ArrowUp"), ("ArrowRight", "ArrowLeft"), ("Tab", "Shift+Tab")]
)
def test_relabel(ida, onward, back):
    ida.page.focus("#picture")
    ida.press(onward, onward, back, "3", onward, "3")
    assert ida.entities() == ["Ida|site", "Lima|site"]
    assert spans(ida.saved()) == [(0, 3, "site"), (13, 17, "site")]


def test_tab_leaves_the_picture_after_the_last_entity(ida):
    ida.page.focus("#picture")
    ida.press("Tab", "Tab")
    assert ida.page.evaluate("document.activeElement.id") == "picture"
    ida.press("Tab")
    assert ida.page.evaluate("document.activeElement.id") != "picture"


def test_add(ida):
    ida.press("a", *["ArrowRight"] * 4, *["Shift+ArrowRight"] * 5)
    ida.sees("#labels-title", "Label of the new entity")
    ida.press("1")
    assert ida.entities() == ["Ida|person", "lives|person", "Lima|place"]
    assert spans(ida.saved()) == [(0, 3, "person"), (13, 17, "place"), (4, 9, "person")]


def test_add_backwards_from_the_end(ida):
    ida.press("a", "End", *["Shift+ArrowLeft"] * 5, "3")
    assert spans(ida.saved())[-1] == (13, 18, "site")


def test_add_what_is_there(ida):
    ida.press("a", "1")
    ida.says("Select characters first")
    ida.press(*["Shift+ArrowRight"] * 3, "1")
    ida.says("That is there already.")
    assert len(ida.entities()) == 2


def test_escape_leaves(ida):
    ida.press("a", "Shift+End", "Escape", "1")
    assert len(ida.entities()) == 2
    assert ida.decided("Enter")["status"] == "accepted"


def test_borders(ida):
    ida.press("j", "j", "[", "[", "}", "]", "{")
    assert ida.entities() == ["Ida|person", " Lima|place"]
    ida.press("[", "}")
    assert spans(ida.saved()) == [(0, 3, "person"), (11, 18, "place")]


def test_a_border_stops_where_nothing_would_be_left(ida):
    ida.press("j", *["["] * 2, *["{"] * 5)
    assert spans(ida.saved())[0] == (0, 1, "person")


def test_delete(ida):
    ida.press("j", "Delete")
    assert (ida.entities(), ida.relations()) == (["Lima|place"], [])
    ida.press("Backspace")
    saved = ida.saved()
    assert (spans(saved), triples(saved)) == ([], [])


def test_relations(ida):
    ida.press("j", "j", "r")
    ida.sees("#labels-title", "Label of the relation")
    ida.press("2")
    assert ida.relations() == ["Ida → Lima|lives_in", "Lima → Ida|works_in"]
    ida.press("R", "2")  # the first relation of Lima gets another label
    ida.press("k", "k", "R", "R", "Delete")
    assert triples(ida.saved()) == [(0, 1, "works_in")]


def test_the_tail_is_chosen_with_arrows(begin, tab):
    tab = tab(begin("Ida and Tom live in Lima or Oslo."))
    tab.press("j", "r", "ArrowRight", "ArrowRight", "2", "r", "ArrowLeft", "k", "1")
    tab.says("That is there already.")
    assert triples(tab.saved()) == [(0, 2, "lives_in"), (0, 3, "works_in")]


def test_category(ida):
    assert ida.page.get_attribute("[data-cat=travel]", "aria-checked") == "true"
    ida.sees("[data-cat=travel] .score", "90%")
    ida.press("c", "1")
    assert ida.page.get_attribute("[data-cat=people]", "aria-checked") == "true"
    assert ida.saved()["cats"] == {"people": 1.0, "travel": 0.0}


def test_undo_corrections(ida):
    ida.press("j", "Delete", "u")
    ida.says("The correction was undone.")
    assert ida.entities() == ["Ida|person", "Lima|place"]
    ida.press("j", "3", "Control+z")
    assert ida.decided("Enter")["status"] == "accepted"


def test_an_input_method_composes(ida):
    """Keys that an input method uses are not commands."""
    send = """options => document.querySelector("#picture").dispatchEvent(
        new KeyboardEvent("keydown", {bubbles: true, cancelable: true, ...options}))"""
    ida.press("j")
    for options in ({"key": "Delete", "isComposing": True}, {"key": "Process"}, {"key": "Delete", "keyCode": 229}):
        ida.page.evaluate(send, options)
    assert len(ida.entities()) == 2
    ida.page.evaluate(send, {"key": "Delete"})
    assert len(ida.entities()) == 1


def test_search_and_help(ida):
    ida.press("/")
    ida.page.keyboard.type("tom lives s x")  # no commands
    ida.sees("#found", "0 texts")
    ida.page.fill("#search", "Tom")
    ida.sees("#found", "1 texts")
    ida.press("Enter", "Enter")
    ida.sees("#picture", "Tom lives")
    ida.press("?")
    ida.sees("#help-dialog", "Move the left border out")
    ida.press("s", "Escape")  # no command while the help is open
    ida.sees("#counts", "○ 2")


def test_next_text_and_draft(ida):
    ida.press("j", "Delete", "n")
    ida.sees("#picture", "Tom lives")
    ida.press("p")
    ida.says("Your corrections of this text are still here.")
    assert ida.entities() == ["Lima|place"]
    ida.press("u")
    ida.says("The correction was undone.")
    assert len(ida.entities()) == 2


def test_type_a_text(ida):
    ida.press("t")
    ida.page.keyboard.type("Tom lives in Lima")
    ida.press("Control+Enter")
    ida.says("The text was added.")
    assert ida.entities() == ["Tom|person", "Lima|place"]
    assert ida.saved()["entities"][0]["text"] == "Tom"
