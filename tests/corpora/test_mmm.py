"""The 21 data sets of MMM from the hand-written corpora."""

import json
from collections import Counter
from pathlib import Path

import pytest

from spacy_mre.corpora import CorpusError
from spacy_mre.corpora.assets import read_corpus, read_labels
from spacy_mre.corpora.jsonl import read_jsonl
from spacy_mre.corpora.mmm import KINDS, compile_mmm, read_mmm
from spacy_mre.corpora.splits import split_records
from tests.corpora.similarity import near_duplicates

ASSETS = Path(__file__).parents[2] / "assets"
LANGUAGES = ["en", "ja", "zh"]
FOLDERS = {"sentiment": 400, "events": 400, "open": 400}
CLASSES = {
    "sentiment": {"positive": 140, "negative": 140, "neutral": 120},
    "events": dict.fromkeys(["society", "literature_art", "academia", "technology", "nature"], 80),
    "open": dict.fromkeys(["food", "sport", "travel", "health", "music", "games", "business", "home"], 50),
}
MARKUP = {
    "corpus": "## nature-01\nen: [place:a|Lima] is in [place:b|Peru].\nrelations: a located_in b\n",
    "sentiment": (
        "## positive-10\nen: A [positive_adjective:a|quiet] [positive_noun:b|gem] that [negative_other:c|hurts].\n"
    ),
    "events": "## nature-09\nen: [thing:a|Snow] [observation:t|fell].\nrelations: t subject a\n",
    "open": "## food-01\nen: [dish:a|Soup].\n",
}
LABELS = {
    "corpus": {"entities": {"place": {}}, "relations": {"located_in": {}}, "cats": {"nature": {}}},
    "sentiment": {
        "entities": {"positive_adjective": {}, "positive_noun": {}, "negative_other": {}},
        "relations": {},
        "cats": {"positive": {}},
    },
    "events": {"entities": {"thing": {}, "observation": {}}, "relations": {"subject": {}}, "cats": {"nature": {}}},
    "open": {"entities": {"dish": {}}, "relations": {}, "cats": {"food": {}}},
}


@pytest.fixture(scope="module", params=sorted(FOLDERS))
def folder(request):
    return request.param


@pytest.fixture(scope="module")
def corpora():
    return {name: read_corpus(ASSETS / name, read_labels(ASSETS / name / "labels.json")) for name in FOLDERS}


def test_ids_and_classes_are_the_same_in_every_language(corpora, folder):
    corpus = corpora[folder]
    assert sorted(corpus) == LANGUAGES
    for records in corpus.values():
        assert [record.id for record in records] == [record.id for record in corpus["ja"]]
        assert Counter(max(record.cats, key=record.cats.get) for record in records) == CLASSES[folder]
        parts = split_records(records, "number")
        assert [len(parts[part]) for part in ("train", "dev", "test")] == [320, 40, 40]


def test_entities_and_relations_are_the_same_in_every_language(corpora, folder):
    for records in zip(*corpora[folder].values()):
        found = [
            Counter((r.entities[of.head].label, of.label, r.entities[of.tail].label) for of in r.relations)
            for r in records
        ]
        assert found[0] == found[1] == found[2], records[0].id


@pytest.mark.parametrize("lang, n", [("en", 5), ("ja", 3), ("zh", 3)])
def test_no_near_duplicates(corpora, folder, lang, n):
    records = corpora[folder][lang]
    found = near_duplicates([record.text for record in records], 0.3, n=n)
    assert not [(records[i].id, records[j].id, similarity) for i, j, similarity in found]


def test_labels_are_frequent(corpora):
    words = label_counts(corpora["sentiment"]["ja"])
    for part_of_speech, least in (("adjective", 150), ("noun", 90), ("other", 80)):
        assert min(words[f"positive_{part_of_speech}"], words[f"negative_{part_of_speech}"]) >= least
    events = corpora["events"]["ja"]
    table = read_labels(ASSETS / "events" / "labels.json")
    assert label_counts(events).keys() == table.entities and min(label_counts(events).values()) >= 10
    roles = Counter(relation.label for record in events for relation in record.relations)
    assert roles.keys() == table.relations and min(roles.values()) >= 30
    triggers = [len({relation.head for relation in record.relations}) for record in events]
    assert sum(count >= 2 for count in triggers) >= 80
    open_labels = label_counts(corpora["open"]["ja"])
    assert len(open_labels) >= 150
    assert sum(count for count in open_labels.values() if count >= 5) >= 0.6 * open_labels.total()


def label_counts(records):
    return Counter(entity.label for record in records for entity in record.entities)


def test_open_labels_have_words_in_every_language():
    table = json.loads((ASSETS / "open" / "labels.json").read_text(encoding="utf8"))["entities"]
    for lang in LANGUAGES:
        words = [words[lang] for words in table.values()]
        assert all(words) and not [word for word, count in Counter(words).items() if count > 1]


def test_there_are_21_data_sets_with_tcree_in_two_parts():
    mmm = read_mmm(ASSETS)
    assert [(lang, kind) for lang in mmm for kind in mmm[lang]] == [
        (lang, kind) for lang in LANGUAGES for kind in KINDS
    ]
    for kinds in mmm.values():
        assert {kind: len(records) for kind, records in kinds.items()} == {
            **{"SCNM": 2800, "TCREE_RE": 2800, "TCREE_EE": 400, "TCONER": 400},
            **dict.fromkeys(["SCPOS_RW", "SCPOS_Adj_N", "SCPOS_Adj", "SCPOS_N"], 400),
        }
        for records in kinds.values():
            assert len({record.id for record in records}) == len(records)


@pytest.fixture
def assets(tmp_path):
    for name, markup in MARKUP.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.mre").write_text(markup, encoding="utf8")
        (tmp_path / name / "labels.json").write_text(json.dumps(LABELS[name]), encoding="utf8")
    return tmp_path


def test_what_each_kind_contains(assets):
    kinds = read_mmm(assets)["en"]
    words = {
        kind: [(e.label, r.text[e.start : e.end]) for r in records for e in r.entities]
        for kind, records in kinds.items()
    }
    assert words == {
        "SCNM": [("place", "Lima"), ("place", "Peru")],
        "SCPOS_RW": [("positive", "quiet"), ("positive", "gem"), ("negative", "hurts")],
        "SCPOS_Adj_N": [("positive", "quiet"), ("positive", "gem")],
        "SCPOS_Adj": [("positive", "quiet")],
        "SCPOS_N": [("positive", "gem")],
        "TCREE_RE": [("place", "Lima"), ("place", "Peru")],
        "TCREE_EE": [("thing", "Snow"), ("observation", "fell")],
        "TCONER": [("dish", "Soup")],
    }
    assert {kind: records[0].relations is None for kind, records in kinds.items()} == {
        kind: not kind.startswith("TCREE") for kind in KINDS
    }
    labels = {
        kind: [relation.label for record in kinds[kind] for relation in record.relations]
        for kind in ("TCREE_RE", "TCREE_EE")
    }
    assert labels == {"TCREE_RE": ["located_in"], "TCREE_EE": ["subject"]}


def test_compile_mmm(assets, tmp_path):
    counts = compile_mmm(assets, tmp_path / "out")
    assert counts["en"]["TCREE_RE"] == {"train": 1} and counts["en"]["TCREE_EE"] == {"dev": 1}
    assert counts["en"]["SCPOS_N"] == {"test": 1}
    (record,) = read_jsonl(tmp_path / "out" / "en" / "SCPOS_N" / "test.jsonl")
    assert [entity.label for entity in record.entities] == ["positive"]
    (assets / "open" / "labels.json").write_text(json.dumps({**LABELS["open"], "entities": {}}), encoding="utf8")
    with pytest.raises(CorpusError, match="the entity label 'dish' is not in the label table"):
        compile_mmm(assets, tmp_path / "other")


def test_corpora_of_different_languages_are_refused(assets, tmp_path):
    (assets / "open" / "a.mre").write_text("## food-01\nen: [dish:a|Soup].\nja: [dish:a|汁]。\n", encoding="utf8")
    with pytest.raises(ValueError, match=r"M258.*corpus: en; sentiment: en; events: en; open: en, ja"):
        compile_mmm(assets, tmp_path / "out")
    assert not (tmp_path / "out").exists()
