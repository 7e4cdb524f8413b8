"""What is sent for a text."""

import json

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from spacy_mre.annotations.entities import set_entities
from spacy_mre.serving.answers import Form, count_in_utf16, join_objects, make_answer, to_json


def slice_utf16(text, start, end):
    """What JavaScript's `text.slice(start, end)` gives."""
    return text.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le")


@given(st.text(st.sampled_from("aé東😀𠮷"), max_size=12), st.data())
def test_offsets_in_utf16_are_those_of_javascript(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    (entity,) = entities = [{"start": start, "end": end}]
    count_in_utf16(text, entities)
    assert slice_utf16(text, entity["start"], entity["end"]) == text[start:end]


def test_nested_entities_after_an_emoji():
    doc = spacy.blank("en")("😀 the port of Lima 😀 Oslo")
    set_entities(doc, [(2, 5, "site", 0.5), (4, 5, "place", 0.25), (6, 7, "place", 1.0)])
    in_characters = json.loads(make_answer(doc, "entities", Form(("entities",))))
    in_utf16 = json.loads(make_answer(doc, "entities", Form(("entities",), utf16=True)))
    assert [(e["start"], e["end"], e["text"]) for e in in_characters["entities"]] == [
        (6, 18, "port of Lima"),
        (14, 18, "Lima"),
        (21, 25, "Oslo"),
    ]
    assert [(e["start"], e["end"], e["score"]) for e in in_utf16["entities"]] == [
        (7, 19, 0.5),
        (15, 19, 0.25),
        (23, 27, 1.0),
    ]


def test_only_what_is_selected():
    doc = spacy.blank("en")("Ida")
    assert make_answer(doc, "entities", Form(("cats", "relations"))) == b'{"relations":null,"cats":null}'
    assert make_answer(doc, "entities", Form(())) == b"{}"


def test_a_score_that_json_has_not():
    doc = spacy.blank("en")("Ida")
    doc.cats = {"x": float("nan")}
    with pytest.raises(ValueError, match="JSON"):
        make_answer(doc, "entities", Form())


@given(st.text())
def test_any_text_becomes_one_line_of_json(text):
    data = to_json({"text": text})
    assert b"\n" not in data and json.loads(data) == {"text": text}


def test_half_of_a_surrogate_pair_is_escaped():
    assert to_json({"id": "\ud83d"}) == b'{"id":"\\ud83d"}'


OBJECTS = st.dictionaries(st.text(max_size=3), st.integers(), max_size=3)


@given(OBJECTS, OBJECTS)
def test_objects_are_joined(first, second):
    second = {name: value for name, value in second.items() if name not in first}
    assert json.loads(join_objects(to_json(first), to_json(second))) == {**first, **second}
