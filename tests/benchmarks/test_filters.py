from pathlib import Path

import pytest
import srsly

from benchmarks import filters, results, tables
from benchmarks.filters import Pair, Replay, answer_with, measure, read_crossre_pairs, read_own_pairs, same_labels
from spacy_mre.corpora.record import EntityRecord, Record, RelationRecord
from spacy_mre.corpora.translation.marking import mark

SOURCE = Record(
    "Ida of Old Lima met Tom.",
    id="1",
    entities=[EntityRecord(0, 3, "person"), EntityRecord(7, 15, "place"), EntityRecord(20, 23, "person")],
    relations=[RelationRecord(0, 1, "lives_in")],
)
WHOLE = Pair(SOURCE, "旧リマのイダがトムに会った。", {0: (4, 6), 1: (0, 3), 2: (7, 9)})
LOST = Pair(SOURCE, "旧リマのイダが彼に会ったそうだ。", {0: (4, 6), 1: (0, 3)})


@pytest.mark.parametrize("mode", filters.MODES)
def test_rows_are_kept_or_dropped_with_their_reasons(mode):
    pairs = [WHOLE, LOST]
    found = measure(pairs, same_labels(pairs), "en", "ja", mode)
    assert (found["texts"], found["kept"], found["dropped"]) == (2, 1, {"marker lost": 1})
    assert (found["entities"], found["exact"], found["elsewhere"]) == (5, 5, 0)


def test_a_string_may_be_found_elsewhere():
    source = Record("Ida, not Ida", id="1", entities=[EntityRecord(9, 12, "person")])
    pair = Pair(source, "イダではなくイダ", {0: (6, 8)})
    found = {mode: measure([pair], same_labels([pair]), "en", "ja", mode) for mode in filters.MODES}
    assert [(of["exact"], of["elsewhere"]) for of in found.values()] == [(1, 0), (0, 1)]


def test_answers_have_the_keys_of_the_source():
    marked = mark(SOURCE)
    assert answer_with(WHOLE, marked, "markers") == "[place:b|旧リマ]の[person:a|イダ]が[person:c|トム]に会った。"
    assert srsly.json_loads(answer_with(LOST, marked, "strings"))["entities"] == {"a": "イダ", "b": "旧リマ"}
    assert Replay([WHOLE], {"person": "人物"}, "markers").answer([]).text.count("[人物:") == 2


def test_hand_written_translations_are_all_kept():
    pairs = list(read_own_pairs("zh", "en"))[::20]
    table = filters.read_label_table(filters.ASSETS / "labels.json", "en")
    found = measure(pairs, table, "zh", "en", "markers")
    assert found["kept"] == found["texts"] == len(pairs) > 100 and found["exact"] == found["entities"]


def test_crossre_is_read_with_its_mapping(tmp_path):
    english = {"doc_key": "news-1", "sentence": ["Ida", "saw", "Lima"], "ner": [[0, 0, "person"], [2, 2, "location"]]}
    english["relations"] = []
    other = {"doc_key": "news-1", "sentence": ["リマ", "を", "見", "た"], "ner": [[0, 0, "location"]], "relations": []}
    other |= {"sentence-detokenized": "リマを見た", "ner_mapping_to_source": [1]}
    other |= {"token2charspan": [[0, 2], [2, 3], [3, 4], [4, 5]]}
    for lang, line in (("en", english), ("ja", other)):
        (tmp_path / lang).mkdir()
        srsly.write_jsonl(tmp_path / lang / "news-train.json", [line])
    (pair,) = read_crossre_pairs(tmp_path, "ja")
    assert (pair.source.text, pair.text, pair.places) == ("Ida saw Lima", "リマを見た", {1: (0, 2)})


def test_the_committed_filters_have_no_false_alarm():
    rows = srsly.read_json(Path(results.RESULTS) / "filters.json")["rows"]
    own = [row for row in rows if row["corpus"] == "assets"]
    assert len(own) == 12 and all(row["kept"] == row["texts"] for row in own)
    assert "| crossre | en to ja | `markers` | 5,265 |" in tables.TABLES["filters"]()
