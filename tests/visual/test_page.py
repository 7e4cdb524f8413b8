"""The HTML page and the SVG."""

import re
import sys
from collections import Counter
from html.parser import HTMLParser
from types import ModuleType
from xml.etree import ElementTree

import pytest
import spacy
from spacy.tokens import Doc

from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import make_relation, set_relations
from spacy_mre.visual import display, render, render_svg, write_page
from spacy_mre.visual.palette import DARK_GROUND, HUES, LIGHT_GROUND, assign_hues

SVG = "{http://www.w3.org/2000/svg}"
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """Parses a page, checks that all elements are closed, and collects elements and text."""

    def __init__(self, html):
        super().__init__()
        self.open, self.elements, self.text = [], [], []
        self.feed(html)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append((self.open[-1] if self.open else "", data))

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]

    def texts(self, tag):
        return [data for name, data in self.text if name == tag]


def make(words, entities=None, relations=None, cats=None, lang="en", spaces=None):
    doc = Doc(spacy.blank(lang).vocab, words=words, spaces=spaces)
    if entities is not None:
        set_entities(doc, [(*entity, 0.9) for entity in entities])
    if relations is not None:
        set_relations(doc, [make_relation(*relation, score=0.75) for relation in relations])
    doc.cats = cats or {}
    return doc


def drawn(doc, **options):
    return ElementTree.fromstring(render_svg(doc, **options))


def labels_of(svg, cls):
    return Counter(element.text for element in svg.iter(f"{SVG}text") if element.get("class") == cls)


def harbour(**options):
    """Nested entities, a pair with two labels, and a relation end that is not an entity."""
    words = ["Mira", "Holm", "runs", "the", "Port", "of", "Oslo", "with", "Jan", "Ek", "and", "Acme", "."]
    entities = [(0, 2, "person"), (4, 7, "facility"), (6, 7, "place"), (8, 10, "person"), (11, 12, "company")]
    relations = [
        ((0, 2), (4, 7), "leads"),
        ((0, 2), (4, 7), "works_for"),
        ((4, 7), (6, 7), "located_in"),
        ((8, 10), (3, 4), "greets"),
    ]
    return make(words, entities, relations, {"society": 0.9, "nature": 0.1}, **options)


CASES = {
    "empty": lambda: make([]),
    "no annotation": lambda: make(["Rain", "."]),
    "nothing found": lambda: make(["Rain", "."], [], []),
    "no entities but a relation": lambda: make(["a", "b"], None, [((0, 1), (1, 2), "r")]),
    "one token": lambda: make(["Oslo"], [(0, 1, "place")], [((0, 1), (0, 1), "same_as")], {"x": 1.0}),
    "long": lambda: make(
        ["river", "Holm", "and"] * 100,
        [(3 * i + 1, 3 * i + 2, "person") for i in range(100)],
        [
            ((3 * i + 1, 3 * i + 2), ((37 * i + 13) % 100 * 3 + 1, (37 * i + 13) % 100 * 3 + 2), f"label{i % 7}")
            for i in range(40)
        ],
    ),
    "deep": lambda: make(list("abcdefgh"), [(0, 8 - i, f"level{i}") for i in range(4)] + [(0, 5, "twin")], []),
    "emoji": lambda: make(
        ["👩\u200d🔬", "in", "🇯🇵"], [(0, 1, "person"), (2, 3, "place")], [((0, 1), (2, 3), "lives_in")]
    ),
    "special": lambda: make(
        ["<script>", "&", '"x"', "]]>", "\x00\x0b"], [(0, 1, "<b>"), (4, 5, "\x01")], [((0, 1), (2, 3), "a<b&\x02")]
    ),
    "white space": lambda: make(["a", "\n\n", "\t", "b", " "], [(0, 1, "x"), (3, 4, "y")], [((0, 1), (3, 4), "r")]),
    "chinese": lambda: make(
        list("李明在北京大学工作，住在上海。" * 8), [(0, 2, "person"), (3, 7, "org"), (3, 5, "place")], [], lang="zh"
    ),
    "strange cats": lambda: make(["a"], cats={"nan": float("nan"), "big": 3.0, "below": -1.0, "tiny": 0.001}),
    "many cats": lambda: make(["a"], cats={f"category_{i}": i / 60 for i in range(60)}),
    "harbour": harbour,
}


@pytest.mark.parametrize("name", CASES)
def test_text_entities_arcs_and_categories_appear_exactly_once(name):
    doc = CASES[name]()
    svg = drawn(doc)
    shown = "".join("".join(line.itertext()) for line in svg.iter(f"{SVG}text") if line.get("class") == "line")
    expected = re.sub("[\x00-\x08\x0b]", "\ufffd", doc.text)
    assert re.sub(r"\s", "", shown) == re.sub(r"\s", "", expected)
    entities = [span.label_ for span in doc.spans["entities"]] if "entities" in doc.spans else []
    assert labels_of(svg, "mark-label") == Counter(label.replace("\x01", "\ufffd") for label in entities)
    arcs = {}
    for relation in doc._.relations or []:
        arcs.setdefault((*relation["head"], *relation["tail"]), []).append(relation["label"])
    parts = Counter(element.get("data-arc") for element in svg.iter(f"{SVG}g") if element.get("class") == "arc")
    expected_labels = Counter()
    for number, labels in enumerate(arcs.values()):
        expected_labels[", ".join(labels).replace("\x02", "\ufffd")] += parts.pop(str(number))
    assert not parts
    assert labels_of(svg, "arc-label") == expected_labels
    assert sum(labels_of(svg, "cat-label").values()) == len(doc.cats)


@pytest.mark.parametrize("name", CASES)
def test_every_page_is_well_formed_and_self_contained(name):
    html = render(CASES[name]())
    page = Page(html)
    assert len(page.all("script")) == 1 and not page.all("link") and not page.all("img")
    assert not re.search(r"https?:", html.replace('xmlns="http://www.w3.org/2000/svg"', ""))
    assert "url(" not in html and "@import" not in html
    assert not any(key.startswith("on") for _, attrs in page.elements for key in attrs)
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("desc")) == 1
    for svg in re.findall(r"<svg xmlns.*?</svg>", html, flags=re.DOTALL):
        assert [child.tag for child in ElementTree.fromstring(svg)][:2] == [f"{SVG}title", f"{SVG}desc"]


def test_several_labels_of_a_pair_share_one_arc():
    svg = drawn(harbour())
    assert labels_of(svg, "arc-label") == {"leads, works_for": 1, "located_in": 1, "greets": 1}


def test_an_own_span_group_is_drawn():
    doc = make(["Old", "Lima"])
    set_entities(doc, [(0, 2, "place", 0.9), (1, 2, "place", 0.8)], key="mentions")
    assert labels_of(drawn(doc, spans_key="mentions"), "mark-label") == {"place": 2}
    html = render(doc, spans_key="mentions")
    assert html.count('<text class="mark-label"') == 2 and "entities: 2" in html


def test_the_arrowhead_is_at_the_tail():
    doc = make(["Ann", "and", "Bo"], [(0, 1, "person"), (2, 3, "person")], [((2, 3), (0, 1), "greets")])
    svg = drawn(doc)
    words = {element.get("data-token"): float(element.get("x")) for element in svg.iter(f"{SVG}tspan")}
    tips = [re.match(r"M([\d.]+)", path.get("d")) for path in svg.iter(f"{SVG}path") if path.get("class") == "tip"]
    roots = [float(circle.get("cx")) for circle in svg.iter(f"{SVG}circle")]
    assert len(tips) == len(roots) == 1
    assert words["0"] < float(tips[0][1]) < words["1"] and roots[0] > words["2"]


def test_a_symmetric_relation_and_its_mirror_image_share_an_arc_with_two_arrowheads():
    doc = make(
        ["Ann", "and", "Bo"],
        [(0, 1, "person"), (2, 3, "person")],
        [((0, 1), (2, 3), "knows"), ((2, 3), (0, 1), "knows")],
    )
    tips = {True: 2, False: 2}
    arcs = {True: 1, False: 2}
    for both in (True, False):
        svg = drawn(doc, symmetric=["knows"] if both else [])
        assert sum(path.get("class") == "tip" for path in svg.iter(f"{SVG}path")) == tips[both]
        assert sum(group.get("class") == "arc" for group in svg.iter(f"{SVG}g")) == arcs[both]


def test_a_relation_end_that_is_not_an_entity_is_outlined():
    svg = drawn(harbour())
    assert sum(rect.get("class") == "ghost" for rect in svg.iter(f"{SVG}rect")) == 1


def test_the_table_contains_all_triples():
    page = Page(render(harbour()))
    cells = [text.strip() for text in page.texts("td") if text.strip()]
    assert cells[:4] == ["Mira Holm", "leads", "Port of Oslo", "0.75"]
    assert len(cells) == 16


def test_absent_annotations_are_not_counted_and_empty_ones_are():
    captions = {
        name: "".join(Page(render(CASES[name]())).texts("summary")) for name in ("no annotation", "nothing found")
    }
    assert captions == {"no annotation": "", "nothing found": " · entities: 0 · relations: 0"}


def test_rendering_does_not_change_the_doc():
    doc = make(["Rain"])
    before = doc.to_bytes()
    render(doc)
    assert doc.to_bytes() == before


def test_names_are_shown_in_the_chosen_language():
    labels = {
        "entities": {"person": {"ja": "人物"}},
        "relations": {"leads": {"ja": "率いる"}},
        "cats": {"society": {"ja": "社会"}},
    }
    svg = drawn(harbour(), labels=labels, lang="ja")
    assert labels_of(svg, "mark-label") == {"人物": 2, "facility": 1, "place": 1, "company": 1}
    assert labels_of(svg, "arc-label")["率いる, works_for"] == 1
    assert set(labels_of(svg, "cat-label")) == {"社会", "nature"}
    html = render(harbour(), labels=labels, lang="ja")
    assert Page(html).all("html") == [{"lang": "ja"}] and "スコア" in html


@pytest.mark.parametrize("labels", [[], {"entities": ["person"]}, {"cats": {"society": "社会"}}])
def test_an_invalid_table_of_names_is_refused(labels):
    with pytest.raises(ValueError, match="M601"):
        render(harbour(), labels=labels)


@pytest.mark.parametrize(
    "words, vocab_lang, lang",
    [(["東京", "の", "海"], "", "ja"), (["上海"], "", "zh"), (["Oslo"], "", None), (["東京"], "ja", "ja")],
)
def test_each_text_has_its_language(words, vocab_lang, lang):
    vocab = spacy.blank(vocab_lang).vocab if vocab_lang else spacy.vocab.Vocab()
    assert drawn(Doc(vocab, words=words)).get("lang") == lang


def test_scores_are_shown_as_percent():
    svg = drawn(make(["a"], cats={"a": 0.999, "b": 0.42, "c": 0.001, "d": 0.0, "e": 1.0}))
    assert list(labels_of(svg, "percent")) == ["100%", ">99%", "42%", "<1%", "0%"]
    bars = [float(rect.get("width")) for rect in svg.iter(f"{SVG}rect") if rect.get("class") == "bar"]
    assert bars == sorted(bars, reverse=True) and bars[0] == 150 and bars[-1] == 0


def test_each_label_has_one_colour_on_the_page_and_no_two_share_one():
    html = render([harbour(), CASES["emoji"]()])
    marks = re.findall(r'<g class="mark (k\d+ d\d)".*?<text class="mark-label"[^>]*>([^<]*)<', html)
    assert len(marks) == 7
    by_label = {}
    for hue, label in marks:
        by_label.setdefault(label, set()).add(hue)
    assert all(len(hues) == 1 for hues in by_label.values())
    assert len(set.union(*by_label.values())) == len(by_label) == 4
    legend = re.findall(r'<li class="(k\d+ d\d)">.*?</svg>([^<]*)</li>', html)
    assert {label: {hue} for hue, label in legend} == by_label


def test_hues_are_distinct_and_do_not_depend_on_other_labels():
    many = assign_hues(f"label{i}" for i in range(50))
    assert len(set(many.values())) == 50
    assert assign_hues(["place"])["place"] == assign_hues(["place", "zebra"])["place"]


def test_with_a_table_of_names_colours_are_the_same_on_all_pages():
    labels = {"entities": {label: {} for label in ("company", "event", "facility", "person", "place", "product")}}

    def colour(doc):
        return re.search(r'class="mark (k\d+ d\d)"', render(doc, labels=labels))[1]

    alone, among_others = make(["Ann"], [(0, 1, "person")]), make(["Ann", "Fair"], [(0, 1, "person"), (1, 2, "event")])
    assert colour(alone) == colour(among_others)
    assert render(alone, labels=labels).count("<li class=") == 1


@pytest.mark.parametrize("hue", HUES)
def test_contrast_on_both_backgrounds_and_on_the_tints(hue):
    for ink, ground, text, tint in (
        (hue.light, LIGHT_GROUND, "#1f2328", hue.light_tint),
        (hue.dark, DARK_GROUND, "#e6e8eb", hue.dark_tint),
    ):
        assert contrast(ink, ground) >= 4.5
        assert contrast(text, tint) >= 7


def contrast(one, two):
    """The contrast ratio of the Web Content Accessibility Guidelines."""
    lighter, darker = sorted((luminance(one), luminance(two)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour):
    shares = [channel / 255 for channel in bytes.fromhex(colour[1:])]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_an_svg_contains_its_style():
    svg = drawn(harbour(), width=500)
    assert svg.get("width") == "500" and ".bracket" in svg.find(f"{SVG}style").text


def test_write_page_makes_the_folder(tmp_path):
    write_page([harbour()], tmp_path / "new" / "page.html", title="A <fine> page")
    page = Page((tmp_path / "new" / "page.html").read_text(encoding="utf8"))
    assert page.texts("h1") == ["A <fine> page"]


def test_display_is_html_in_a_notebook_and_a_string_elsewhere(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", None)
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    html = display(harbour())
    assert html.startswith("<style>") and "<html" not in html
    notebook = ModuleType("IPython.display")
    notebook.HTML = lambda data: ("shown", data)
    monkeypatch.setitem(sys.modules, "IPython.display", notebook)
    assert display(harbour()) == ("shown", html)
