"""The table of what each format keeps is what is measured."""

import pytest

from benchmarks import results
from benchmarks.formats import FEATURES, Feature, _is_kept, measure
from benchmarks.tables import formats
from spacy_mre.corpora import READERS, EntityRecord, Record
from tests.robustness.strategies import with_extras

COMMITTED = {row["format"]: row for row in results.read("formats")["rows"]}


def test_every_format_has_a_row():
    assert list(COMMITTED) == list(READERS), "run python -m benchmarks.formats"


@pytest.mark.parametrize("format", with_extras(READERS))
def test_the_results_are_what_is_measured(format):
    assert measure(format) == COMMITTED[format], "run python -m benchmarks.formats, then python -m benchmarks table"


def test_what_formats_are_known_to_keep():
    assert measure("jsonl") == {
        "format": "jsonl",
        "read": ["entities", "nested", "relations", "text labels", "metadata", "tokens", "groups"],
        "written": ["entities", "nested", "relations", "text labels", "metadata", "tokens", "groups"],
        "told": ["entities", "relations", "text labels"],
    }
    brat = measure("brat")
    assert (brat["written"], brat["told"]) == (["entities", "nested", "relations"], ["entities"])
    conll = measure("conll")
    assert (conll["read"], conll["written"], conll["told"]) == (["entities", "tokens", "groups"], [], [])


def test_what_is_changed_is_not_kept():
    # brat has no scores: the entity is there, its score is not.
    scored = Record("Ada", id="a", entities=[EntityRecord(0, 3, "person", 0.5)])
    assert not _is_kept("brat", Feature(scored, lambda record: [entity.score for entity in record.entities]))
    assert _is_kept("brat", FEATURES["entities"])


def test_the_table(monkeypatch):
    row = {"format": "x", "read": ["entities", "nested"], "written": ["entities"], "told": []}
    monkeypatch.setattr(formats, "read", lambda name: {"rows": [row], "command": "c"})
    line = formats.kept().splitlines()[2]
    assert line == "| `x` | ↔ | → | - | - | - | - | - | - | - |"
