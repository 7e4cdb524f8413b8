"""Metadata must be storable in `.spacy` files."""

from pathlib import Path

import pytest
import srsly

from spacy_mre.corpora import CorpusError
from spacy_mre.corpora.metadata import MAX_LEVELS, read_meta
from spacy_mre.corpora.reading import Location

PLACE = Location(Path("a.csv"), 2)


def nested(levels):
    value = "x"
    for i in range(levels):
        value = [value] if i % 2 else {"a": value}
    return value


@pytest.mark.parametrize(
    "value", [2**64 - 1, -(2**63), 0.5, True, None, "🙂", [1], {"b": None}, nested(MAX_LEVELS - 1)]
)
def test_what_can_be_stored(value):
    meta = read_meta({"a": value}, PLACE)
    assert srsly.msgpack_loads(srsly.msgpack_dumps([[meta]])) == [[{"a": value}]]


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, [{"b": 2**64}], nested(MAX_LEVELS), nested(600)])
def test_what_cannot_be_stored(value):
    with pytest.raises(CorpusError, match=r"a\.csv, line 2: the metadata cannot be stored"):
        read_meta({"a": value}, PLACE)


def test_other_values():
    assert (read_meta(None, PLACE), read_meta({}, PLACE), read_meta(3, PLACE)) == ({}, {}, {"meta": 3})
