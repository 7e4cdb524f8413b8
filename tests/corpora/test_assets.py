"""The hand-written corpus and its conversion to JSON lines."""

import json
from pathlib import Path

import pytest

from spacy_mre.corpora import CorpusError
from spacy_mre.corpora.assets import Labels, compile_corpus, read_corpus, read_labels
from spacy_mre.corpora.jsonl import read_jsonl
from spacy_mre.corpora.similarity import near_duplicates
from spacy_mre.corpora.splits import split_records

ASSETS = Path(__file__).parents[2] / "assets"
LANGUAGES = ["en", "ja", "zh"]
LABELS = Labels(frozenset({"person", "place"}), frozenset({"comes_from"}), frozenset({"nature", "society"}))
MARKUP = """
## nature-10
ja: [person:a|エイダ]は[place:b|青葉]出身だ。
en: [person:a|Ada] is from [place:b|Aoba].
relations: a comes_from b

## nature-06
ja: 雨が降った。
en: It rained.
"""


@pytest.fixture(scope="module")
def labels():
    return read_labels(ASSETS / "labels.json")


@pytest.fixture(scope="module")
def corpus(labels):
    return read_corpus(ASSETS / "corpus", labels)


def test_every_language_has_the_same_ids(corpus, labels):
    assert sorted(corpus) == LANGUAGES
    ids = [record.id for record in corpus["ja"]]
    assert sorted(ids) == sorted(f"{cat}-{number:02}" for cat in labels.cats for number in range(1, 73))
    assert len(ids) == 360
    for lang in LANGUAGES:
        assert [record.id for record in corpus[lang]] == ids


@pytest.mark.parametrize("lang", LANGUAGES)
def test_parts_and_cats(corpus, labels, lang):
    split = split_records(corpus[lang], "number")
    assert {part: len(records) for part, records in split.items()} == {"train": 240, "dev": 60, "test": 60}
    for records in split.values():
        for cat in labels.cats:
            assert sum(record.cats[cat] for record in records) == len(records) / 5


@pytest.mark.parametrize("lang", LANGUAGES)
def test_nested_and_empty_records_exist(corpus, lang):
    entities = [record.entities for record in corpus[lang]]
    assert any(a != b and a.start <= b.start and b.end <= a.end for found in entities for a in found for b in found)
    assert any(not found for found in entities)
    assert any(record.entities and not record.relations for record in corpus[lang])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_label_is_used(corpus, labels, lang):
    assert {entity.label for record in corpus[lang] for entity in record.entities} == labels.entities
    assert {relation.label for record in corpus[lang] for relation in record.relations} == labels.relations


@pytest.mark.parametrize("lang, n", [("en", 4), ("ja", 2), ("zh", 2)])
def test_no_near_duplicates(corpus, lang, n):
    records = corpus[lang]
    found = near_duplicates([record.text for record in records], 0.5, n=n)
    assert not [(records[i].id, records[j].id, similarity) for i, j, similarity in found]


def test_compile_corpus(tmp_path):
    (tmp_path / "nature.mre").write_text(MARKUP, encoding="utf8")
    assert compile_corpus(tmp_path, tmp_path / "out", LABELS) == {
        "ja": {"train": 1, "test": 1},
        "en": {"train": 1, "test": 1},
    }
    (record,) = read_jsonl(tmp_path / "out" / "ja" / "train.jsonl")
    assert (record.id, record.cats) == ("nature-10", {"nature": 1.0, "society": 0.0})
    assert record.text == "エイダは青葉出身だ。"
    assert [record.id for record in read_corpus(tmp_path, LABELS)["en"]] == ["nature-06", "nature-10"]


@pytest.mark.parametrize(
    "old, new, reason",
    [
        ("[person:a|エイダ]", "[planet:a|エイダ]", "nature-10: the languages have different entities"),
        ("comes_from", "leaves", "line 3: nature-10: the relation label 'leaves' is not in the label table"),
        ("nature-06", "sport-06", "line 8: sport-06: the text label 'sport' is not in the label table"),
        ("person:", "robot:", "line 3: nature-10: the entity label 'robot' is not in the label table"),
    ],
)
def test_labels_are_checked(tmp_path, old, new, reason):
    (tmp_path / "nature.mre").write_text(MARKUP.replace(old, new), encoding="utf8")
    with pytest.raises(CorpusError, match=reason):
        compile_corpus(tmp_path, tmp_path / "out", LABELS)
    assert not (tmp_path / "out").exists()


def test_label_table(tmp_path):
    path = tmp_path / "labels.json"
    path.write_text(
        json.dumps({"entities": {"person": {"en": "person"}}, "relations": {}, "cats": {"nature": {}}}), encoding="utf8"
    )
    assert read_labels(path) == Labels(frozenset({"person"}), frozenset(), frozenset({"nature"}))
    path.write_text('{"entities": {}, "relations": {}}', encoding="utf8")
    with pytest.raises(CorpusError, match="'cats' is missing"):
        read_labels(path)
    with pytest.raises(CorpusError, match=r"no \.mre file"):
        read_corpus(tmp_path, LABELS)


def test_a_record_that_is_missing_in_one_language_is_refused(tmp_path):
    (tmp_path / "a.mre").write_text(MARKUP.replace("en: It rained.\n", ""), encoding="utf8")
    with pytest.raises(CorpusError, match="nature-06 has no line 'en:'"):
        read_corpus(tmp_path, LABELS)
