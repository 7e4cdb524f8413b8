"""The command `merge`."""

import json
import shutil

import pytest
import spacy

from spacy_mre import load_docs, save_docs

TEXT = "東京都に住むAda。"
WHOLE, INSIDE, ADA = (0, 3, "place"), (1, 3, "place"), (6, 9, "person")


def item(*entities, relations=(), text=TEXT, id="1", **more):
    """A text with entities as (start, end, label), and relations as (head, tail, label)."""
    places = [{"start": start, "end": end, "label": label} for start, end, label in entities]
    joined = [{"head": head, "tail": tail, "label": label} for head, tail, label in relations]
    return {"id": id, "text": text, "entities": places, "relations": joined, **more}


@pytest.fixture
def convert(run, tmp_path):
    def make(name, *items, options=("--lang", "xx")):
        source = tmp_path / f"{name}.jsonl"
        source.write_text("\n".join(map(json.dumps, items)), encoding="utf8")
        run("convert", "jsonl", source, tmp_path / f"{name}.spacy", "--allow-empty", *options)
        return tmp_path / f"{name}.spacy"

    return make


pytestmark = pytest.mark.filterwarnings("ignore:.*W210")  # one clause, one token: that is what is merged


@pytest.fixture
def three(convert):
    """Annotators with different tokens: of two tokenizers, and split by different entities."""
    lives = [(1, 0, "lives_in")]
    return [
        convert("anna", item(WHOLE, ADA, relations=lives, cats={"x": 1.0}), options=("--lang", "ja")),
        convert("ben", item(INSIDE, ADA, relations=lives, cats={"x": 0.0, "y": 1.0}), item(text="雨", id="2")),
        convert("cy", item(WHOLE, ADA, cats={"x": 1.0}, meta={"by": "cy"})),
    ]


def rows(output):
    return {" ".join(line.replace("│", " ").split()) for line in output.splitlines()}


def read(path):
    found = {}
    for doc in load_docs(path, spacy.blank("xx").vocab):
        group = doc.spans["entities"]
        spans = zip(group, group.attrs["scores"])
        found[doc.text] = (
            {(span.start_char, span.end_char, span.label_): round(score, 2) for span, score in spans},
            [(head.text, label, tail.text) for head, label, tail, _ in doc._.triples],
            doc.cats,
        )
    return found


@pytest.mark.parametrize(
    "rule, entities, relations, cats",
    [
        (
            "union",
            {WHOLE: 0.67, INSIDE: 0.33, ADA: 1.0},
            [("Ada", "lives_in", "京都"), ("Ada", "lives_in", "東京都")],
            {"x": 1.0, "y": 1.0},
        ),
        ("majority", {WHOLE: 0.67, ADA: 1.0}, [], {"x": 1.0, "y": 0.0}),
        ("unanimous", {ADA: 1.0}, [], {"x": 0.0, "y": 0.0}),
        ("first", {WHOLE: 1.0, ADA: 1.0}, [("Ada", "lives_in", "東京都")], {"x": 1.0, "y": 0.0}),
    ],
)
def test_rules(run, three, tmp_path, rule, entities, relations, cats):
    out = tmp_path / "new" / "gold.spacy"
    output = run("merge", *three, "--rule", rule, "--output", out)
    assert "2 documents in" in output
    assert {"texts in 3 of 3 files 1", "texts in 1 of 3 files 1"} <= rows(output)
    found, joined, labels = read(out)[TEXT]
    assert (found, sorted(joined), labels) == (entities, relations, cats)
    assert read(out)["雨"][0] == {}
    (first, second) = load_docs(out)
    assert (first.user_data["id"], first.user_data["meta"], second.user_data["id"]) == ("1", {"by": "cy"}, "2")


def test_what_is_not_kept_is_in_the_table(run, three, tmp_path):
    output = run("merge", *three, "--rule", "majority", "-o", tmp_path / "gold.spacy")
    dropped, place = "with less than half of the votes 1", "document 1"
    assert {
        "entities 2",
        f"changed or lost: entity {dropped} {place}: place '京都' (1 to 3), 1 of 3",
        f"changed or lost: text label {dropped} {place}: y, 1 of 3",
        "please check: text that only one file has, kept without a vote 1 ben.spacy, document 2",
    } <= rows(output)


def test_corrections_of_a_merged_file(run, three, convert, tmp_path):
    """As in the docs: merge, correct some of the texts, and merge again."""
    run("merge", *three, "--rule", "majority", "-o", tmp_path / "gold.spacy")
    corrected = convert("corrected", item(INSIDE, ADA, relations=[(1, 0, "lives_in")]))
    run("merge", corrected, tmp_path / "gold.spacy", "--rule", "first", "-o", tmp_path / "final.spacy")
    assert read(tmp_path / "final.spacy") == {
        TEXT: ({INSIDE: 1.0, ADA: 1.0}, [("Ada", "lives_in", "京都")], {"x": 1.0, "y": 0.0}),
        "雨": ({}, [], {}),
    }


def test_texts_without_ids_get_none(run, tmp_path):
    nlp = spacy.blank("en")
    for name, texts in (("a", ["Rain", "Sun"]), ("b", ["Sun", "Wind"])):
        docs = [nlp(text) for text in texts]
        for doc in docs:
            doc.set_ents([], default="outside")
        save_docs(docs, tmp_path / f"{name}.spacy")
    output = run("merge", tmp_path / "a.spacy", tmp_path / "b.spacy", "--rule", "union", "-o", tmp_path / "c.spacy")
    assert "please check" not in output
    docs = list(load_docs(tmp_path / "c.spacy"))
    assert [doc.text for doc in docs] == ["Rain", "Sun", "Wind"]
    assert not any("id" in doc.user_data for doc in docs)


def test_what_is_not_merged_is_noted(run, tmp_path):
    doc = spacy.blank("en")("Ada left. Bo came.")
    doc.set_ents([], default="outside")
    doc.spans["sc"] = [doc[0:1]]
    for token in doc:
        token.is_sent_start = token.i in (0, 3)
    doc.user_data["meta"] = "no object"
    for name in ("a", "b"):
        save_docs([doc], tmp_path / f"{name}.spacy")
    files = tmp_path / "a.spacy", tmp_path / "b.spacy"
    output = run("merge", *files, "--rule", "union", "-o", tmp_path / "c.spacy")
    assert {
        "changed or lost: metadata that is not a JSON object 2 a.spacy, document 1",
        "please check: span group 'sc', not read (--spans-key chooses another) 2 a.spacy, document 1",
        "please check: sentences that are not kept 2 a.spacy, document 1",
    } <= rows(output)


def test_another_span_group(run, convert, tmp_path):
    files = [convert(name, item(ADA), options=("--spans-key", "sc", "--lang", "xx")) for name in ("a", "b")]
    run("merge", *files, "--rule", "majority", "-o", tmp_path / "c.spacy", "--spans-key", "sc")
    (doc,) = load_docs(tmp_path / "c.spacy")
    assert list(doc.spans) == ["sc"] and [span.text for span in doc.spans["sc"]] == ["Ada"]


def test_relations_without_direction(run, convert, tmp_path):
    a = convert("a", item(WHOLE, ADA, relations=[(0, 1, "near")]))
    b = convert("b", item(WHOLE, ADA, relations=[(1, 0, "near")]))
    for options, count in (((), 0), (("--symmetric", "near"), 1)):
        run("merge", a, b, "--rule", "majority", "-o", tmp_path / "c.spacy", *options)
        assert len(read(tmp_path / "c.spacy")[TEXT][1]) == count


def test_an_existing_file_is_replaced_or_kept(run, three, tmp_path):
    out = tmp_path / "gold.spacy"
    out.write_text("old")
    (tmp_path / "bad.spacy").write_text("no corpus")
    assert "[M105]" in run("merge", three[0], tmp_path / "bad.spacy", "--rule", "union", "-o", out, code=1)
    assert out.read_text() == "old"
    run("merge", *three, "--rule", "union", "-o", out)
    assert len(read(out)) == 2


def test_wrong_arguments(run, three, tmp_path):
    out = tmp_path / "gold.spacy"
    for arguments, message in (
        ((three[0], "--rule", "union", "-o", out), "at least two files"),
        ((*three, "--rule", "all", "-o", out), "'union', 'majority', 'unanimous', 'first'"),
        ((*three, "-o", out), "--rule"),
        ((*three, "--rule", "union"), "--output"),
        ((*three, "--rule", "union", "-o", three[1]), "must not be one of the files"),
        ((*three, "--rule", "union", "-o", tmp_path / "gold.jsonl"), "must be a .spacy file"),
        ((*three, tmp_path / "new" / ".." / "ben.spacy", "--rule", "union", "-o", out), "does not exist"),
        ((*three, tmp_path / "." / "ben.spacy", "--rule", "union", "-o", out), "is given twice"),
    ):
        output = " ".join(run("merge", *arguments, code=2).replace("│", " ").split())
        assert message in output, (message, output)
    assert not out.exists()
    assert len(read(three[1])) == 2


def test_nothing_to_merge(run, three, convert, tmp_path):
    out = tmp_path / "gold.spacy"
    other = convert("other", item(text="Wind"))
    assert "[M256]" in run("merge", three[0], other, "--rule", "union", "-o", out, code=1)
    plain = convert("plain", {"text": "Wind"})
    shutil.copy(plain, tmp_path / "copy.spacy")
    assert "[M257]" in run("merge", plain, tmp_path / "copy.spacy", "--rule", "union", "-o", out, code=1)
    assert not out.exists()
