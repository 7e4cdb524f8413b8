"""Offsets of other tools: random texts with emoji, combining marks, full-width blanks and all kinds of line ends."""

import json
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.corpora.label_studio import read_label_studio
from spacy_mre.corpora.offsets import Offsets, has_clusters
from spacy_mre.corpora.reading import Location
from tests.robustness.effort import scale
from tests.robustness.strategies import SPECIAL

TEXTS = st.lists(
    st.sampled_from([*SPECIAL, "\r\n", "👍🏽", "🇯🇵", "か\u3099", "ｶﾞ", "ᄒ\u1161\u11ab", "雨"]), min_size=1
).map("".join)


@st.composite
def spans(draw):
    """A text and a part of it."""
    text = draw(TEXTS)
    start = draw(st.integers(0, len(text) - 1))
    return text, start, draw(st.integers(start + 1, len(text)))


def utf16(text):
    return len(text.encode("utf-16-le")) // 2


@settings(max_examples=scale(100), deadline=None, derandomize=True)
@given(spans())
def test_utf16(span):
    text, start, end = span
    offsets = Offsets(text, "utf16")
    location = Location("a", 1)
    assert offsets.convert(utf16(text[:start]), utf16(text[:end]), location, "x") == (start, end)
    assert len(offsets.positions) == utf16(text) + 1
    assert Offsets(text).convert(start, end, location, "x") == (start, end)


@settings(max_examples=scale(100), deadline=None, derandomize=True)
@given(TEXTS)
def test_graphemes(text):
    regex = pytest.importorskip("regex")
    clusters = regex.findall(r"\X", text)
    ends = list(accumulate(map(len, clusters)))
    assert list(Offsets(text, "graphemes").positions) == [0, *ends]
    # What the reader notes as unclear is at least all that differs.
    assert has_clusters(text) or len(clusters) == len(text)


@settings(max_examples=scale(100), deadline=None, derandomize=True)
@given(st.lists(spans(), min_size=1, max_size=4), st.booleans(), st.booleans())
def test_label_studio_finds_what_its_offsets_count(tmp_path_factory, chosen, in_utf16, short):
    """Every region gets the text that it had, whatever its offsets count."""

    def offset(before):
        before = before.replace("\r\n", "\n") if short else before
        return utf16(before) if in_utf16 else len(before)

    chosen = [
        (text, start, end)
        for text, start, end in chosen
        if not short or not any(text[place - 1 : place + 1] == "\r\n" for place in (start, end) if place)
    ]
    tasks = []
    for text, start, end in chosen:
        value = {"start": offset(text[:start]), "end": offset(text[:end]), "text": text[start:end], "labels": ["x"]}
        tasks.append({"data": {"text": text}, "annotations": [{"result": [{"type": "labels", "value": value}]}]})
    path = tmp_path_factory.mktemp("export") / "a.json"
    path.write_text(json.dumps(tasks), encoding="utf8")
    for record, (text, start, end) in zip(read_label_studio(path), chosen, strict=True):
        (entity,) = record.entities
        assert text[entity.start : entity.end].split() == text[start:end].split()
