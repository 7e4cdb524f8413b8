"""The page of mistakes: what is marked, what is shown of long texts, and the choices."""

import re
import shutil
import subprocess
from collections import Counter
from xml.etree import ElementTree

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import make_relation, set_relations
from spacy_mre.evaluation.text_mistakes import find_text_mistakes
from spacy_mre.visual import render_mistakes, write_mistakes_page
from spacy_mre.visual.mistake_words import WORDS
from tests.evaluation.test_mistakes import make_doc, sides
from tests.visual.test_page import SVG, Page

ADA, BO, CAIRO = (0, 2, "person"), (3, 4, "person"), (5, 7, "place")
NAMES = ["Ada", "Lovelace", "met", "Bo", "in", "New", "Cairo"]


def make(words, entities=None, relations=None, cats=None, lang="en", spaces=None):
    doc = Doc(spacy.blank(lang).vocab, words=words, spaces=spaces)
    if entities is not None:
        set_entities(doc, [(*entity, 0.9) for entity in entities])
    if relations is not None:
        set_relations(
            doc,
            [
                make_relation(h[:2], t[:2], label, head_label=h[2], tail_label=t[2], score=0.75)
                for h, t, label in relations
            ],
        )
    doc.cats = cats or {}
    return doc


def render(*pairs, symmetric=(), **options):
    """The page of gold and predicted documents."""
    texts = find_text_mistakes([Example(predicted, gold) for gold, predicted in pairs], symmetric=list(symmetric))
    return render_mistakes(texts, symmetric=symmetric, **options)


def pictures(html):
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg xmlns.*?</svg>", html, flags=re.DOTALL)]


def labels_of(svg, cls):
    """The labels whose CSS classes begin with `cls`."""
    return Counter(e.text for e in svg.iter(f"{SVG}text") if (e.get("class") or "").startswith(cls))


def tinted(svg):
    return [rect for rect in svg.iter(f"{SVG}rect") if "tint" in rect.get("class")]


def text_of(svg):
    lines = [line for line in svg.iter(f"{SVG}text") if line.get("class") == "line"]
    return "".join("".join(line.itertext()) for line in lines)


def state(html):
    return re.search(r'<p class="state[^>]*>(.*?)</p>', html)[1]


def test_missed_are_marked_in_gold_and_wrong_in_the_prediction():
    gold = make(NAMES, [ADA, BO, CAIRO], [(ADA, BO, "met"), (BO, CAIRO, "lives_in")])
    org = (5, 7, "org")
    html = render((gold, make(NAMES, [ADA, BO, org], [(ADA, BO, "met"), (ADA, org, "works_for")])))
    Page(html)
    missed, wrong = pictures(html)
    assert labels_of(missed, "mark-label") == {"person": 2, "∅ place": 1}
    assert labels_of(wrong, "mark-label") == {"person": 2, "✗ org": 1}
    assert labels_of(missed, "arc-label missed") == {"∅ lives_in": 1}
    assert labels_of(missed, "arc-label pale") == labels_of(wrong, "arc-label pale") == {"met": 1}
    assert labels_of(wrong, "arc-label wrong") == {"✗ works_for": 1}
    tints = [Counter(rect.get("class").split()[-1] for rect in tinted(svg)) for svg in (missed, wrong)]
    assert tints == [{"pale": 2, "missed": 1}, {"pale": 2, "wrong": 1}]


def test_of_an_arc_with_several_labels_each_mistake_is_marked():
    gold = make(NAMES, [ADA, BO], [(ADA, BO, "met"), (ADA, BO, "likes")])
    missed, wrong = pictures(render((gold, make(NAMES, [ADA, BO], [(ADA, BO, "met")]))))
    assert labels_of(missed, "arc-label missed") == {"met, ∅ likes": 1} and labels_of(wrong, "arc-label pale") == {
        "met": 1
    }


def test_nested_entities_of_the_same_offsets_are_distinguished():
    outer, inner, twin = (0, 3, "org"), (1, 2, "place"), (1, 2, "person")
    gold = make(list("abcd"), [outer, inner, twin])
    missed, wrong = pictures(render((gold, make(list("abcd"), [outer, twin]))))
    assert labels_of(missed, "mark-label") == {"org": 1, "person": 1, "∅ place": 1}
    assert labels_of(wrong, "mark-label") == {"org": 1, "person": 1}


def test_a_symmetric_relation_in_the_other_direction_is_right():
    gold = make(NAMES, [ADA, BO, CAIRO], [(BO, ADA, "knows"), (ADA, CAIRO, "in")])
    predicted = make(NAMES, [ADA, BO, CAIRO], [(ADA, BO, "knows")])
    missed, wrong = pictures(render((gold, predicted), symmetric=["knows"]))
    assert labels_of(wrong, "arc-label") == {"knows": 1} and labels_of(missed, "arc-label missed") == {"∅ in": 1}
    missed, wrong = pictures(render((gold, make(NAMES, [ADA, BO, CAIRO], [(ADA, CAIRO, "in")])), symmetric=["knows"]))
    assert labels_of(missed, "arc-label missed") == {"∅ knows": 1}
    directed = render((gold, predicted))
    assert labels_of(pictures(directed)[1], "arc-label wrong") == {"✗ knows": 1}


def test_text_labels_are_shown_with_their_scores_and_marked():
    gold = make(["Rain"], cats={"nature": 1.0, "news": 0.0})
    html = render((gold, make(["Rain"], cats={"nature": 0.2, "news": 0.8})))
    chips = re.findall(r'<span class="(chip[^"]*)">(.*?)</span>', html)
    assert chips == [("chip missed", "∅ nature"), ("chip wrong", "✗ news 80%")]
    assert len(pictures(html)) == 1  # nothing else is wrong, so the text is drawn once


DOCUMENT = [word for name in "ABCDEFGH" for word in (name, "saw", "it", ".")]


def test_of_a_long_text_the_sentences_with_mistakes_are_shown():
    gold = make(DOCUMENT, [(4 * i, 4 * i + 1, "person") for i in range(8)], [])
    missing = make(DOCUMENT, [(4 * i, 4 * i + 1, "person") for i in range(8) if i not in (1, 5)], [])
    html = render((gold, missing))
    assert [text_of(svg).strip() for svg in pictures(html)] == ["B saw it ."] * 2 + ["F saw it ."] * 2
    assert [labels_of(svg, "mark-label") for svg in pictures(html)] == [{"∅ person": 1}, {}] * 2
    assert html.count('class="gap"') == 3


def test_sentences_that_an_annotation_joins_are_shown_together():
    entities = [(4 * i, 4 * i + 1, "person") for i in range(8)]
    gold = make(DOCUMENT, entities, [(entities[1], entities[3], "before"), (entities[6], entities[7], "before")])
    missed, _ = pictures(render((gold, make(DOCUMENT, entities[:2] + entities[3:], []))))[:2]
    assert text_of(missed).strip() == "B saw it . C saw it . D saw it ."
    # The wrong entity is in a sentence that a right relation joins to the next one.
    predicted = make(
        DOCUMENT,
        [*entities[:6], (24, 26, "person"), entities[7]],
        gold._.relations and [(entities[1], entities[3], "before")],
    )
    shown = [text_of(svg).strip() for svg in pictures(render((gold, predicted)))]
    assert shown == ["G saw it . H saw it ."] * 2


def test_the_whole_text_is_shown_for_a_mistake_of_white_space_only():
    gold, predicted = make(["a", ".", "b", "\n\n"], []), make(["a", ".", "b", "\n\n"])
    predicted.ents = [Span(predicted, 3, 4, label="x")]
    html = render((gold, predicted))
    assert [text_of(svg).split() for svg in pictures(html)] == [["a", ".", "b"]] * 2
    assert labels_of(pictures(html)[1], "mark-label") == {"✗ x": 1}


def test_gold_and_prediction_may_have_other_tokens():
    gold = make(["New", "York", ".", "Oslo"], [(0, 2, "place"), (3, 4, "place")], spaces=[True, False, True, False])
    predicted = make(["New York.", "Os", "lo"], [(1, 2, "place")], spaces=[True, False, False])
    html = render((gold, predicted))
    assert [text_of(svg).strip() for svg in pictures(html)] == ["New York.", "New York.", "Oslo", "Oslo"]
    assert labels_of(pictures(html)[3], "mark-label") == {"✗ place": 1}


@pytest.mark.parametrize("lang", WORDS)
def test_the_page_says_if_there_are_no_mistakes(lang):
    gold = make(NAMES, [ADA], [])
    html = render((gold, make(NAMES, [ADA], [])), lang=lang)
    page = Page(html)
    assert state(html) == WORDS[lang]["none"].format(total=1)
    assert not page.all("figure") and not page.all("script") and page.all("html") == [{"lang": lang}]
    nothing = render((make(NAMES), make(NAMES, [ADA])), lang=lang)
    assert state(nothing) == WORDS[lang]["nothing"]
    assert state(render_mistakes([], lang=lang)) == WORDS[lang]["nothing"]


def test_all_languages_have_the_same_words():
    assert len({frozenset(words) for words in WORDS.values()}) == 1
    for key, word in WORDS["en"].items():
        fields = set(re.findall(r"{(\w+)}", word))
        assert all(set(re.findall(r"{(\w+)}", words[key])) == fields for words in WORDS.values()), key


def test_counts_are_those_of_all_texts_and_the_page_is_limited():
    pair = (make(NAMES, [ADA]), make(NAMES, [BO]))
    html = render(*[pair] * 5, (make(NAMES, [ADA]), make(NAMES, [ADA])), max_texts=2, file="all.jsonl")
    assert state(html).startswith("Texts with mistakes: 5 of 6,")
    assert state(html).endswith("The first 2 are shown; all.jsonl has all of them.")
    assert len(Page(html).all("figure")) == 2
    assert '<td class="number wrong">5</td><td class="number missed">5</td>' in html and "right 1<" in html


def test_the_choices_fit_the_rows():
    gold = make(NAMES, [ADA, BO, CAIRO], [(ADA, BO, "met")], {"a": 1.0})
    page = Page(render((gold, make(NAMES, [ADA, (3, 4, "org")], [], {"a": 0.1, "b": 0.9}))))
    rows = [row for row in page.all("tr") if "data-kind" in row]
    assert len(rows) == 6
    options = {option["value"] for option in page.all("option")}
    assert {row[f"data-{name}"] for row in rows for name in ("what", "kind", "label")} | {""} == options
    (form,) = page.all("form")
    assert form["class"] == "filter" and "hidden" in form


ODD = ["<script>alert(1)</script>", "a\x00\x0bb\x1b", "]]>&\"'", "\ufffe\x85", "👩\u200d🔬", "{{ words }}", "{count}"]


@pytest.mark.parametrize("odd", ODD)
def test_any_text_and_label_make_a_well_formed_page_without_network(odd):
    gold = make(
        [odd, "in", "Oslo"], [(0, 1, odd), (2, 3, "place")], [((0, 1, odd), (2, 3, "place"), odd)], {odd: 1.0, "x": 0.0}
    )
    gold.user_data["id"] = odd
    html = render((gold, make([odd, "in", "Oslo"], [(0, 1, "x")], [], {odd: 0.1, "x": 0.9})), title=odd, about=odd)
    page = Page(html)
    assert len(page.all("script")) == 1 and not page.all("link") and not page.all("img")
    assert not re.search(r"https?:", html.replace('xmlns="http://www.w3.org/2000/svg"', "")) and "url(" not in html
    assert not any(key.startswith("on") for _, attrs in page.elements for key in attrs)
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", html)
    assert page.texts("h1") == [re.sub("[\x00-\x08\x0b\x0e-\x1f\ufffe]", "\ufffd", odd)]
    for svg in pictures(html):
        assert text_of(svg)


def test_names_are_shown_in_the_chosen_language(tmp_path):
    gold = make(["東京", "の", "海"], [(0, 1, "place")], lang="ja")
    labels = {"entities": {"place": {"ja": "場所"}}}
    texts = find_text_mistakes([Example(make(["東京", "の", "海"], [], lang="ja"), gold)])
    write_mistakes_page(texts, tmp_path / "new" / "a.html", labels=labels, lang="ja")
    html = (tmp_path / "new" / "a.html").read_text(encoding="utf8")
    assert ">∅ 場所</text>" in html and "<td>場所</td>" in html and "見逃し" in html
    assert '<figure class="text" lang="ja">' in html


def test_an_own_span_group_is_drawn():
    gold, predicted = make(NAMES), make(NAMES)
    set_entities(gold, [(*ADA, 1.0)], key="mentions")
    set_entities(predicted, [(*BO, 1.0)], key="mentions", set_ents=False)
    texts = find_text_mistakes([Example(predicted, gold)], spans_key="mentions")
    missed, wrong = pictures(render_mistakes(texts, spans_key="mentions"))
    assert labels_of(missed, "mark-label") == {"∅ person": 1} and labels_of(wrong, "mark-label") == {"✗ person": 1}


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(st.tuples(sides(), sides()), min_size=1, max_size=3))
def test_every_mistake_is_marked_once(pairs):
    texts = find_text_mistakes([Example(make_doc(*predicted), make_doc(*gold)) for gold, predicted in pairs])
    svgs = pictures(render_mistakes(texts))
    for name, sign in (("missed", "∅"), ("wrong", "✗")):
        for level, cls in (("entities", "mark-label"), ("relations", f"arc-label {name}")):
            expected = Counter(m.label for text in texts for m in text.mistakes if (m.level, m.what) == (level, name))
            shown = Counter(
                label.removeprefix(f"{sign} ")
                for svg in svgs
                for labels, count in labels_of(svg, cls).items()
                for label in labels.split(", ") * count
                if label.startswith(sign)
            )
            assert shown == expected


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")
def test_the_choices_work_in_a_browser(tmp_path):
    pairs = [
        (make(NAMES, [ADA, BO]), make(NAMES, [BO])),
        (make(NAMES, [ADA, BO]), make(NAMES, [ADA, (3, 5, "person")])),
    ]
    html = render(*pairs, (make(NAMES, [ADA]), make(NAMES, [(0, 2, "org")])))
    choose = 'form.elements.kind.value = "entities: boundaries"; form.elements.what.value = "wrong"; update();'
    (tmp_path / "a.html").write_text(html.replace("</script>", choose + "</script>"), encoding="utf8")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", f"file://{tmp_path / 'a.html'}"]
    page = Page(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)
    assert "hidden" not in page.all("form")[0] and page.texts("output") == ["1"]
    assert [("hidden" in figure) for figure in page.all("figure")] == [False, True, True]
    assert [bool(row.get("class")) for row in page.all("tr") if "data-kind" in row] == [True, False, True, True, True]
