"""The grounding test: its texts, its comparison, and a small run."""

from dataclasses import replace

import pytest

from benchmarks import results
from benchmarks.formats import WRITTEN
from benchmarks.grounding.measure import (
    FLAT,
    TOOLS,
    UNITS,
    annotate,
    by_char_span,
    by_utf16,
    compare,
    through_format,
    ways,
)
from benchmarks.grounding.texts import LANGUAGES, language, make_texts
from spacy_mre.corpora import EntityRecord, Record, RelationRecord
from tests.robustness.strategies import with_extras

pytest.importorskip("sudachipy")


@pytest.fixture(scope="module")
def gold():
    return make_texts(30)


@pytest.fixture(scope="module")
def docs(gold):
    return annotate(gold)


def test_the_texts_are_always_the_same_and_hard(gold):
    assert make_texts(30) == gold != make_texts(30, seed=1)
    assert [language(record) for record in gold] == [lang for lang in LANGUAGES for _ in range(10)]
    every = "".join(record.text for record in make_texts(300))
    assert all(part in every for part in ("𠮷", "ﾊﾞ", "か\u3099", "\u200d", "🇯🇵", "\r\n", "\u3000", "\ufe0f", "e\u0301"))
    for record in gold:
        surfaces = [record.text[entity.start : entity.end] for entity in record.entities]
        assert surfaces and all(surface == surface.strip() != "" for surface in surfaces)
    assert sum(len(record.relations) for record in gold) > 60


def test_units():
    text = "a𠮷\r\né🙂"
    assert UNITS["UTF-16"](text) == [0, 1, 3, 4, 5, 6, 8]
    assert UNITS["UTF-8"](text) == [0, 1, 5, 6, 7, 9, 13]
    assert UNITS["browser"](text) == [0, 1, 3, 4, 4, 5, 7]


@pytest.mark.parametrize("format", with_extras(WRITTEN))
def test_nothing_is_lost_or_shifted(format, gold, docs):
    units = [unit for name, unit in ways() if name == format]
    assert units
    for unit in units:
        found = through_format(gold, docs, format, unit)
        assert found["entities"] == sum(
            len(doc.ents) if format in FLAT else len(record.entities) for record, doc in zip(gold, docs)
        )
        assert {key: found[key] for key in ("lost", "shifted", "added", "relations_lost")} == {
            "lost": 0, "shifted": 0, "added": 0, "relations_lost": 0,
        }, unit  # fmt: skip
        assert found["labels_lost"] + found["texts_changed"] <= found["counted"], unit


@pytest.mark.parametrize("format", with_extras(TOOLS))
def test_files_of_tools_are_rewritten(format, gold, docs, tmp_path):
    path = tmp_path / "out"
    rewrite, units = TOOLS[format]
    for unit in units:
        WRITTEN[format](docs, path)
        rewrite(path, lambda text: list(range(len(text) + 1)))
        in_characters = contents(path)
        WRITTEN[format](docs, path)
        rewrite(path, UNITS[unit])
        assert contents(path).keys() == in_characters.keys() and contents(path) != in_characters


def contents(path):
    return {file.name: file.read_bytes() for file in (path.iterdir() if path.is_dir() else [path])}


def test_what_is_missing_and_shifted_is_found():
    gold = Record(
        "Ada met Bo.",
        id="a",
        entities=[EntityRecord(0, 3, "person"), EntityRecord(8, 10, "person")],
        relations=[RelationRecord(0, 1, "met")],
        cats={"news": 1.0},
    )
    same = {"lost": 0, "shifted": 0, "added": 0, "relations_lost": 0, "labels_lost": 0, "texts_changed": 0}

    def found(back):
        counts = compare([gold], {"a": back})
        assert (counts["texts"], counts["entities"], counts["relations"]) == (1, 2, 1)
        return {key: counts[key] for key in same}

    assert found(gold) == same
    shifted = [gold.entities[0], EntityRecord(7, 9, "person")]
    assert found(replace(gold, entities=shifted)) == {**same, "shifted": 1, "relations_lost": 1}
    assert found(replace(gold, entities=gold.entities[:1], relations=[])) == {**same, "lost": 1, "relations_lost": 1}
    assert found(replace(gold, cats={"news": 0.0}, relations=[])) == {**same, "labels_lost": 1, "relations_lost": 1}
    spaced = [EntityRecord(0, 3, "person"), EntityRecord(9, 11, "person")]
    assert found(replace(gold, text="Ada  met Bo.", entities=spaced)) == {**same, "texts_changed": 1}
    assert compare([gold], {})["lost"] == 2


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_controls_lose(lang, gold):
    by_hand, taken = by_char_span(gold, lang), by_utf16(gold, lang)
    assert by_hand["texts"] == taken["texts"] == 10
    assert by_hand["entities"] > by_hand["off_tokens"] + by_hand["overlapping"] > 0
    assert 0 < taken["shifted"] <= taken["entities"] == by_hand["entities"]


def test_the_committed_results():
    found = results.read("grounding")
    assert [(row["format"], row["offsets"]) for row in found["rows"]] == ways(), "run python -m benchmarks.grounding"
    for row in found["rows"]:
        assert row["texts"] == 1000
        assert row["lost"] == row["shifted"] == row["added"] == row["relations_lost"] == 0
