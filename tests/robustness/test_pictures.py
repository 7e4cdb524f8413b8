"""Labels that a picture might interpret are shown as they are, and every picture is well-formed."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc

from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import make_relation, set_relations
from spacy_mre.corpora import make_docs
from spacy_mre.evaluation.reinforce import Gain
from spacy_mre.evaluation.reinforce_report import plot_gains
from spacy_mre.evaluation.significance import Difference
from spacy_mre.visual import render, render_svg, write_attention
from spacy_mre.visual.attention import Attention
from tests.robustness.effort import count, scale
from tests.robustness.strategies import ODD_LABELS, records, texts

NLP = spacy.blank("xx")
VOID = {"meta", "br", "img", "hr", "input", "link"}
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class Page(HTMLParser):
    """Checks that all elements of a page are closed in the right order, and collects their texts."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.texts, self.tags, self.attributes = [], [], set(), []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def shown(label):
    return FORBIDDEN.sub("\ufffd", label)


def labelled(label):
    doc = Doc(NLP.vocab, words=["Ida", "lives", "in", "Lima"])
    set_entities(doc, [(0, 1, label, 1.0), (3, 4, "place", 1.0)])
    set_relations(doc, [make_relation((0, 1), (3, 4), label or "x", head_label=label, tail_label="place")])
    doc.cats = {label: 0.5}
    doc.user_data["title"] = label
    return doc


@pytest.mark.parametrize("label", ODD_LABELS, ids=range(len(ODD_LABELS)))
def test_page_and_svg(label):
    doc = labelled(label)
    attention = Attention([label, "place"], numpy.full((2, 2), 0.5))
    html = render(doc, title=label, attention=attention, labels={"entities": {label: {"en": label}}})
    page = Page(html)
    assert not FORBIDDEN.search(html) and html.count("<script") == 1
    if label.strip():
        assert shown(label) in page.texts  # in the legend, the table or the heat map
    svg = ElementTree.fromstring(render_svg(doc))
    if label.strip() and len(label) < 100:
        assert any(shown(label) in (element.text or "") for element in svg.iter())


def test_attention_image(tmp_path):
    write_attention(Attention(ODD_LABELS, numpy.eye(len(ODD_LABELS))), tmp_path / "a.svg")
    words = {(element.text or "").strip() for element in ElementTree.parse(tmp_path / "a.svg").iter()}
    for label in ODD_LABELS:
        visible = " ".join(shown(label).split())
        assert (visible if len(visible) <= 30 else visible[:29] + "…") in words


def test_attention_image_of_few_long_labels_has_room(tmp_path, recwarn):
    write_attention(Attention(["$x_$" * 1000, "place"], numpy.full((2, 2), 0.5)), tmp_path / "a.png")
    assert not recwarn.list and (tmp_path / "a.png").stat().st_size > 1000


def test_names_of_corpora_in_the_plot_of_gains(tmp_path):
    gain = Gain("text", "both", "text", [0], Difference(0.1, 0.0, 0.2, 0.5))
    plot_gains({"US$_and_$": [gain], "$\\frac": [gain]}, tmp_path / "a.svg")
    ElementTree.parse(tmp_path / "a.svg")


@settings(max_examples=scale(25), deadline=None, derandomize=True)
@given(records(labels=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5)), texts)
def test_pages_of_any_text_are_well_formed(record, title):
    count()
    docs = list(make_docs([record], NLP))
    html = render(docs, title=title)
    Page(html)
    assert not FORBIDDEN.search(html)
    for doc in docs:
        ElementTree.fromstring(render_svg(doc))
