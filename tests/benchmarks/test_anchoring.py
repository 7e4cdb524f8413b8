import spacy
import srsly

from benchmarks import anchoring, results, tables
from benchmarks.anchoring import measure, read_corpus


def test_offsets_that_are_found_elsewhere_are_counted(small, monkeypatch):
    monkeypatch.setattr(anchoring.Grid, "load", lambda: small)
    docs = list(read_corpus("hand", "all"))
    assert len(docs) == 72 and len(list(read_corpus("hand", "dev"))) == 16
    found = measure(docs, "SCNM")
    assert found["places"] == found["exact"] + sum(found["others"].values()) and found["exact"] > 50


def test_the_second_of_two_equal_words_is_not_found_again(make_doc):
    doc = make_doc(spacy.blank("en"), "Ida , not Ida", entities=[(3, 4, "person")], cats={"life": 1.0})
    assert measure([doc], "SCNM") == {"places": 1, "exact": 0, "others": {"the same words occur elsewhere too": 1}}


def test_the_committed_rows_are_of_all_corpora():
    rows = srsly.read_json(results.RESULTS / "anchoring.json")["rows"]
    assert [(row["template"], row["corpus"]) for row in rows] == [
        (template, name) for template, corpora in anchoring.CORPORA.items() for name in corpora
    ]
    assert all(row["exact"] > 0.96 * row["places"] for row in rows)
    assert "| own_ja | all | SCNM |" in tables.TABLES["generative_anchoring"]()
