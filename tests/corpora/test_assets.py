"""The hand-written corpus and its conversion to JSON lines."""

import errno
import json
import re
from collections import Counter
from itertools import permutations
from pathlib import Path

import pytest

from spacy_mre.corpora import CorpusError, assets
from spacy_mre.corpora.assets import Labels, compile_corpus, read_corpus, read_labels
from spacy_mre.corpora.jsonl import read_jsonl
from spacy_mre.corpora.splits import split_records
from tests.corpora.similarity import near_duplicates

ASSETS = Path(__file__).parents[2] / "assets"
LANGUAGES = ["en", "ja", "zh"]
REGISTERS = {
    *("news", "business", "mail", "review", "dialogue", "minutes"),
    *("notice", "medical", "legal", "social", "reference", "story"),
}
# From 401 on all are for training.
NUMBERS = [number for number in range(1, 599) if number <= 400 or number % 10 not in (9, 0)]
LABELS = Labels(frozenset({"person", "place"}), frozenset({"comes_from"}), frozenset({"nature", "society"}))
MARKUP = """
## nature-11
ja: [person:a|エイダ]は[place:b|青葉]出身だ。
en: [person:a|Ada] is from [place:b|Aoba].
relations: a comes_from b

## nature-10
ja: 雨が降った。
en: It rained.
"""


@pytest.fixture(scope="module")
def labels():
    return read_labels(ASSETS / "corpus" / "labels.json")


@pytest.fixture(scope="module")
def corpus(labels):
    return read_corpus(ASSETS / "corpus", labels)


def test_every_language_has_the_same_ids(corpus, labels):
    assert sorted(corpus) == LANGUAGES
    ids = [record.id for record in corpus["ja"]]
    assert sorted(ids) == sorted(f"{cat}-{number:02}" for cat in labels.cats for number in NUMBERS)
    for lang in LANGUAGES:
        assert [record.id for record in corpus[lang]] == ids


def test_the_languages_have_the_same_entities_and_relations(corpus):
    """The reader compares the labels of entities; this also compares which of them are related, and their nesting."""
    for records in zip(*(corpus[lang] for lang in LANGUAGES)):
        counts = [Counter(entity.label for entity in record.entities) for record in records]
        related = [Counter(types_of(record)) for record in records]
        assert counts[0] == counts[1] == counts[2], records[0].id
        assert related[0] == related[1] == related[2], records[0].id


def types_of(record):
    return [(record.entities[r.head].label, r.label, record.entities[r.tail].label) for r in record.relations]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_parts_and_cats(corpus, labels, lang):
    split = split_records(corpus[lang], "number")
    assert {part: len(records) for part, records in split.items()} == {"train": 2400, "dev": 200, "test": 200}
    for records in split.values():
        for cat in labels.cats:
            assert sum(record.cats[cat] for record in records) == len(records) / 5


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_label_is_frequent(corpus, labels, lang):
    split = split_records(corpus[lang], "number")
    for part, least_entities, least_relations in (("train", 300, 150), ("dev", 20, 8), ("test", 20, 8)):
        entities = Counter(entity.label for record in split[part] for entity in record.entities)
        relations = Counter(relation.label for record in split[part] for relation in record.relations)
        assert entities.keys() == labels.entities and min(entities.values()) >= least_entities, (part, entities)
        assert relations.keys() == labels.relations and min(relations.values()) >= least_relations, (part, relations)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_nested_and_empty_records_are_frequent(corpus, lang):
    records = corpus[lang]
    inside = sum(is_inside(entity, other) for record in records for entity, other in permutations(record.entities, 2))
    assert inside >= 0.08 * sum(len(record.entities) for record in records)
    assert sum(not record.entities for record in records) >= 0.08 * len(records)
    assert any(record.entities and not record.relations for record in records)


def is_inside(entity, other):
    return other.start <= entity.start and entity.end <= other.end


@pytest.mark.parametrize("lang", LANGUAGES)
def test_registers_and_lengths(corpus, lang):
    new = [record for record in corpus[lang] if "register" in record.meta]
    registers = Counter(record.meta["register"] for record in new)
    assert len(new) == 2440 and registers.keys() == REGISTERS and min(registers.values()) >= 50
    assert sum(len(re.findall(r"[。！？!?.](?!\d)", record.text)) >= 3 for record in new) >= 150
    lengths = sorted(len(record.text) for record in corpus[lang])
    assert lengths[0] * 10 < lengths[-1]


def test_relations_across_sentences_are_frequent(corpus):
    assert sum(is_across(record, relation) for record in corpus["ja"] for relation in record.relations) >= 150


def is_across(record, relation):
    first, second = sorted((record.entities[relation.head], record.entities[relation.tail]), key=lambda e: e.start)
    return bool(re.search("[。！？]", record.text[first.end : second.start]))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_parts_share_names_of_places_only(corpus, lang):
    parts = {}
    for part, records in split_records(corpus[lang], "number").items():
        for record in records:
            for entity in record.entities:
                if entity.label != "place":
                    parts.setdefault(record.text[entity.start : entity.end], set()).add(part)
    assert not [name for name, found in parts.items() if len(found) > 1]


@pytest.mark.parametrize("lang, n", [("en", 5), ("ja", 3), ("zh", 3)])
def test_no_near_duplicates(corpus, lang, n):
    records = corpus[lang]
    found = near_duplicates([record.text for record in records], 0.3, n=n)
    assert not [(records[i].id, records[j].id, similarity) for i, j, similarity in found]


def test_compile_corpus(tmp_path):
    (tmp_path / "nature.mre").write_text(MARKUP, encoding="utf8")
    assert compile_corpus(tmp_path, tmp_path / "out", LABELS) == {
        "ja": {"train": 1, "test": 1},
        "en": {"train": 1, "test": 1},
    }
    (record,) = read_jsonl(tmp_path / "out" / "ja" / "train.jsonl")
    assert (record.id, record.cats) == ("nature-11", {"nature": 1.0, "society": 0.0})
    assert record.text == "エイダは青葉出身だ。"
    assert [record.id for record in read_corpus(tmp_path, LABELS)["en"]] == ["nature-10", "nature-11"]


def test_parts_that_are_empty_now_are_removed(tmp_path):
    """Their texts may be in another part now."""
    both = MARKUP.replace("nature-11", "nature-01")
    (tmp_path / "nature.mre").write_text(both, encoding="utf8")
    out = tmp_path / "out"
    assert compile_corpus(tmp_path, out, LABELS)["en"] == {"train": 1, "test": 1}
    (out / "en" / "notes.txt").write_text("mine", encoding="utf8")
    (tmp_path / "nature.mre").write_text(both.replace("nature-10", "nature-02"), encoding="utf8")
    assert compile_corpus(tmp_path, out, LABELS)["en"] == {"train": 2}
    assert sorted(path.name for path in (out / "en").iterdir()) == ["notes.txt", "train.jsonl"]


def test_all_languages_are_written_or_none(tmp_path, monkeypatch):
    (tmp_path / "nature.mre").write_text(MARKUP, encoding="utf8")
    compile_corpus(tmp_path, tmp_path / "out", LABELS)
    before = {path: path.read_text(encoding="utf8") for path in (tmp_path / "out").rglob("*.jsonl")}
    (tmp_path / "nature.mre").write_text(MARKUP.replace("It rained", "It snowed"), encoding="utf8")
    write, written = assets.write_records, []

    def write_once(records, path):
        if written:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(path)
        return write(records, path)

    monkeypatch.setattr(assets, "write_records", write_once)
    with pytest.raises(ValueError, match=r"\[M611\]"):
        compile_corpus(tmp_path, tmp_path / "out", LABELS)
    assert {path: path.read_text(encoding="utf8") for path in (tmp_path / "out").rglob("*.jsonl")} == before


def test_an_id_in_two_files_is_refused(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.mre").write_text(MARKUP, encoding="utf8")
    with pytest.raises(CorpusError, match=r"b\.mre, line 3: duplicate id nature-11, first used in a\.mre"):
        read_corpus(tmp_path, LABELS)


@pytest.mark.parametrize(
    "old, new, reason",
    [
        ("[person:a|エイダ]", "[planet:a|エイダ]", "nature-11: the languages have different entities"),
        ("comes_from", "leaves", "line 3: nature-11: the relation label 'leaves' is not in the label table"),
        ("nature-10", "sport-06", "line 8: sport-06: the text label 'sport' is not in the label table"),
        ("person:", "robot:", "line 3: nature-11: the entity label 'robot' is not in the label table"),
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
    with pytest.raises(CorpusError, match="nature-10 has no line 'en:'"):
        read_corpus(tmp_path, LABELS)
