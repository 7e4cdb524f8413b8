"""What the bar of the page compares, and its words."""

import re
from xml.etree import ElementTree

import pytest
from spacy.tokens import Span

from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import make_relation, set_relations
from spacy_mre.visual import render, render_svg
from spacy_mre.visual.names import WORDS
from tests.visual.test_page import SVG, Page, make

PORT = ["Mira", "Holm", "runs", "the", "Port", "of", "Oslo", "with", "Jan", "Ek", "."]


def port():
    """Nested entities, a pair with two labels, and a relation end that is not an entity; all with other scores."""
    doc = make(PORT)
    set_entities(
        doc,
        [(0, 2, "person", 0.95), (4, 7, "facility", 0.6), (6, 7, "place", 0.4), (8, 10, "person", 0.8)],
    )
    relations = [
        ((0, 2), (4, 7), "leads", 0.9),
        ((0, 2), (4, 7), "works_for", 0.3),
        ((4, 7), (6, 7), "located_in", 0.7),
        ((8, 10), (3, 4), "greets", 0.5),
    ]
    set_relations(doc, [make_relation(*relation, score=score) for *relation, score in relations])
    return doc


def data(attrs):
    return {name.removeprefix("data-"): value for name, value in attrs.items() if name.startswith("data-")}


def with_data(svg, tag, cls):
    return [data(e.attrib) for e in svg.iter(f"{SVG}{tag}") if (e.get("class") or "").split(" ")[0] == cls]


def test_entities_have_their_number_label_and_score():
    svg = ElementTree.fromstring(render_svg(port()))
    expected = [
        {"entity": "0", "label": "person", "score": "0.95"},
        {"entity": "1", "label": "facility", "score": "0.60"},
        {"entity": "2", "label": "place", "score": "0.40"},
        {"entity": "3", "label": "person", "score": "0.80"},
    ]
    assert with_data(svg, "g", "mark") == expected
    assert sorted(with_data(svg, "rect", "tint"), key=lambda each: each["entity"]) == expected


def test_arcs_and_outlines_have_the_numbers_of_arcs():
    svg = ElementTree.fromstring(render_svg(port()))
    numbers = [{"arc": "0"}, {"arc": "1"}, {"arc": "2"}]
    for tag, cls in (("g", "arc"), ("text", "arc-label")):
        assert sorted(with_data(svg, tag, cls), key=lambda each: each["arc"]) == numbers
    assert with_data(svg, "rect", "ghost") == [{"arcs": "2"}]
    narrow = ElementTree.fromstring(render_svg(port(), width=200))
    assert {each["arc"] for each in with_data(narrow, "text", "cut-number")} <= {"0", "1", "2"}
    assert len(with_data(narrow, "text", "cut-number")) == len(with_data(narrow, "path", "cut")) > 0


def test_rows_have_their_arc_and_the_entities_at_their_ends():
    rows = [data(attrs) for attrs in Page(render(port())).all("tr") if attrs]
    assert rows == [
        {"arc": "0", "label": "leads", "name": "leads", "score": "0.90", "head": "0", "tail": "1"},
        {"arc": "0", "label": "works_for", "name": "works_for", "score": "0.30", "head": "0", "tail": "1"},
        {"arc": "1", "label": "located_in", "name": "located_in", "score": "0.70", "head": "1", "tail": "2"},
        {"arc": "2", "label": "greets", "name": "greets", "score": "0.50", "head": "3"},
    ]


def test_mirror_images_of_a_symmetric_relation_are_two_rows_of_one_arc():
    pair = [((0, 1), (2, 3), "knows"), ((2, 3), (0, 1), "knows")]
    doc = make(["Ann", "and", "Bo"], [(0, 1, "person"), (2, 3, "person")], pair)
    for symmetric, arcs in ((["knows"], ["0", "0"]), ([], ["0", "1"])):
        html = render(doc, symmetric=symmetric)
        assert [attrs["data-arc"] for attrs in Page(html).all("tr") if attrs] == arcs
        assert set(re.findall(r'class="arc" data-arc="(\d)"', html)) == set(arcs)


def test_a_relation_ends_at_the_entity_of_its_label():
    doc = make(["Lima", "Ann"], [(0, 1, "place"), (0, 1, "team"), (1, 2, "person")])
    set_relations(
        doc,
        [
            make_relation((0, 1), (1, 2), "a", head_label="team", tail_label="person"),
            make_relation((0, 1), (1, 2), "b", head_label="place"),
            make_relation((0, 1), (1, 2), "c", head_label="river"),
        ],
    )
    entities = {span.label_: str(number) for number, span in enumerate(doc.spans["entities"])}
    rows = [data(attrs) for attrs in Page(render(doc)).all("tr") if attrs]
    assert [(row["head"], row["tail"]) for row in rows] == [
        (entities["team"], entities["person"]),
        (entities["place"], entities["person"]),
        ("0", entities["person"]),
    ]


def test_entities_without_scores_are_certain():
    doc = make(["Oslo"])
    doc.set_ents([Span(doc, 0, 1, label="place")])
    assert [attrs["data-score"] for attrs in Page(render(doc)).all("g") if "data-score" in attrs] == ["1.00"]


def test_titles_have_the_display_name_and_the_score():
    html = render(
        port(), labels={"entities": {"place": {"ja": "場所"}}, "relations": {"leads": {"ja": "率いる"}}}, lang="ja"
    )
    titles = Page(html).texts("title")
    assert "Oslo: 場所 (0.40)" in titles and "Mira Holm → Port of Oslo: 率いる (0.90), works_for (0.30)" in titles


def test_labels_can_be_chosen():
    page = Page(render([port(), port()]))
    boxes = [(box["name"], box["value"]) for box in page.all("input") if "name" in box and box["type"] == "checkbox"]
    assert boxes == [
        ("entities", "facility"),
        ("entities", "person"),
        ("entities", "place"),
        ("relations", "greets"),
        ("relations", "leads"),
        ("relations", "located_in"),
        ("relations", "works_for"),
    ]
    assert "person (4)" in page.texts("label") and "leads (2)" in page.texts("label")
    assert page.texts("output") == ["entities: ", " of 8 · relations: ", " of 8"]


@pytest.mark.parametrize("lang", WORDS)
def test_the_bar_is_in_the_language_of_the_page(lang):
    words = WORDS[lang]
    page = Page(render(port(), lang=lang))
    (form,) = page.all("form")
    assert form["aria-label"] == words["filter"] and "hidden" in form
    assert page.texts("button") == [words["collapse"]]
    (button,) = page.all("button")
    assert (button["data-collapse"], button["data-expand"]) == (words["collapse"], words["expand"])
    assert {words["labels"], words["entities"], words["relations"]} <= set(page.texts("summary") + page.texts("label"))
    shown = re.search(r"<output.*?</output>", render(port(), lang=lang))[0]
    expected = " · ".join(words[f"shown_{kind}"].format(shown=4, total=4) for kind in ("entities", "relations"))
    assert re.sub("<.*?>", "", shown) == expected and 'aria-live="polite"' in shown


def test_all_languages_have_the_same_words():
    assert len({frozenset(words) for words in WORDS.values()}) == 1
    for key, word in WORDS["en"].items():
        fields = set(re.findall(r"{(\w+)}", word))
        assert all(set(re.findall(r"{(\w+)}", words[key])) == fields for words in WORDS.values()), key


def test_without_labels_there_is_nothing_to_choose():
    page = Page(render([make(["Rain"]), make(["Sun"])]))
    assert len(page.all("form")) == 1 and not page.all("input") and not page.all("output")
    assert not Page(render([])).all("form")


def test_fragments_and_pictures_have_no_bar():
    fragment = render(port(), page=False)
    page = Page(fragment)
    assert not page.all("form") and not page.all("script") and ".filter" not in fragment
    assert page.all("details") == [{"open": None}]
    assert not re.search("<(form|script|details)", render_svg(port()))


ODD = ['"><script>alert(1)</script>', "' onload='x", "</tr>&lt;&amp;", "a\x00\x0bb", "{{ words }}", "{shown}", "\n x\t"]


@pytest.mark.parametrize("odd", ODD)
def test_any_label_is_a_value_and_nothing_else(odd):
    doc = make([odd, "in", "Oslo"], [(0, 1, odd), (2, 3, "place")], [((0, 1), (2, 3), odd)])
    html = render(doc, labels={"relations": {odd: {"en": odd * 2}}})
    page = Page(html)
    label = re.sub("[\x00\x0b]", "\ufffd", odd)
    marks = [data(attrs) for attrs in page.all("g") if "data-label" in attrs]
    assert [mark["label"] for mark in marks] == [label, "place"]
    (row,) = [data(attrs) for attrs in page.all("tr") if attrs]
    assert row == {"arc": "0", "label": label, "name": label * 2, "score": "0.75", "head": "0", "tail": "1"}
    assert [box["value"] for box in page.all("input") if "value" in box and box["type"] == "checkbox"] == [
        *sorted([label, "place"]),
        label,
    ]
    assert len(page.all("script")) == 1
    assert not any(key.startswith("on") for _, attrs in page.elements for key in attrs)


def test_a_label_with_a_carriage_return_is_the_same_in_picture_and_bar():
    doc = make(PORT)
    set_entities(doc, [(0, 2, "a\rb", 0.9)])
    html = render(doc)
    assert "\r" not in html and "&#13;" not in html and html.count('"a b"') >= 2
