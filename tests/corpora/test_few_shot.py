import pytest
import spacy
from typer.testing import CliRunner

from spacy_mre import load_docs, save_docs
from spacy_mre.cli import app
from spacy_mre.corpora import Report
from spacy_mre.corpora.few_shot import few_shot

NLP = spacy.blank("en")


@pytest.fixture
def docs():
    docs = []
    for i in range(60):
        doc = NLP.make_doc(f"text {i}")
        doc.cats = {label: float(label == "abc"[i % 3]) for label in "abc"} if i else {}
        docs.append(doc)
    return docs


def label(doc):
    return max(doc.cats, key=doc.cats.get)


def test_same_number_of_every_label(docs):
    drawn = few_shot(docs, 5)
    assert sorted(map(label, drawn)) == ["a"] * 5 + ["b"] * 5 + ["c"] * 5
    assert drawn == sorted(drawn, key=docs.index)


def test_shares_are_of_the_label_with_the_highest(docs):
    docs[1].cats = {"a": 0.3, "b": 0.4, "c": 0.3}
    assert docs[1] in few_shot(docs[:4], 1)


def test_smaller_sample_is_part_of_a_larger_one(docs):
    texts = [{doc.text for doc in few_shot(docs, size, seed=3)} for size in (5, 10, 19)]
    assert texts[0] < texts[1] < texts[2]


def test_sample_depends_on_the_seed(docs):
    draws = [[doc.text for doc in few_shot(docs, 5, seed=seed)] for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]
    without_c = few_shot([doc for doc in docs if not doc.cats.get("c")], 5, seed=1)
    assert [doc.text for doc in without_c] == [doc.text for doc in few_shot(docs, 5, seed=1) if label(doc) != "c"]


def test_missing_documents_are_counted(docs):
    report = Report()
    assert len(few_shot(docs, 20, report=report)) == 19 + 20 + 20
    assert report.lost == {"document without a text label": 1, "text label with fewer documents than requested": 1}
    assert report.examples["text label with fewer documents than requested"] == ["a: 19 of 20"]
    assert few_shot([], 5) == []


def test_few_shot_command(docs, tmp_path):
    save_docs(docs, tmp_path / "train.spacy")
    arguments = [
        "few-shot",
        str(tmp_path / "train.spacy"),
        str(tmp_path / "few"),
        "--size",
        "2",
        "--size",
        "4",
        "--seed",
        "7",
    ]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    texts = [[doc.text for doc in load_docs(tmp_path / "few" / f"{size}.spacy")] for size in (2, 4)]
    assert texts == [[doc.text for doc in few_shot(docs, size, seed=7)] for size in (2, 4)]
