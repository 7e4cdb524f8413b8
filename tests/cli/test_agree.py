"""The command `agree`."""

import json
import re

import pytest
import spacy

from spacy_mre import save_docs


@pytest.fixture
def convert(run, tmp_path):
    def make(name, *items):
        source = tmp_path / f"{name}.jsonl"
        source.write_text("\n".join(map(json.dumps, items)), encoding="utf8")
        run("convert", "jsonl", source, tmp_path / f"{name}.spacy", "--allow-empty")
        return tmp_path / f"{name}.spacy"

    return make


def item(text, label, cat, id):
    return {"id": id, "text": text, "entities": [{"start": 0, "end": 3, "label": label}], "cats": cat}


def test_scores_and_disagreements(run, convert, tmp_path):
    a = convert("a", item("Ada met Bo.", "person", "x", "1"), item("Bob left.", "person", "y", "2"))
    b = convert(
        "b", item("Bob left.", "[dog]", "x", "2"), item("Ada met Bo.", "person", "x", "1"), item("Eve", "x", "x", "3")
    )
    output = run("agree", a, b, "--output", tmp_path / "scores.json", "--disagreements-to", tmp_path / "found")
    assert "2 texts in both files; only in A: 0, only in B: 1" in output
    rows = [" ".join(line.replace("│", " ").split()) for line in output.splitlines()]
    assert {"all 0.500 2 2 1", "person 0.667 2 1 1", "[dog] 0.000 0 1 0"} <= set(rows)
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["texts"] == {"both": 2, "only_a": 0, "only_b": 1}
    assert scores["entities"]["f1"] == 0.5
    assert (scores["cats"]["kappa"], scores["cats"]["observed"]) == (0.0, 0.5)
    (line,) = (tmp_path / "found" / "disagreements.jsonl").read_text().splitlines()
    text = json.loads(line)
    assert (text["id"], text["text"]) == ("2", "Bob left.")
    found = {(d["level"], d["what"], d["label"], d["score"]) for d in text["disagreements"]}
    assert found == {
        ("entity", "only A", "person", None),
        ("entity", "only B", "[dog]", None),
        ("text label", "only A", "y", None),
        ("text label", "only B", "x", None),
    }
    page = (tmp_path / "found" / "disagreements.html").read_text(encoding="utf8")
    assert "Texts with disagreements: 1 of 2" in page and "<b>A</b>" in page and "<b>B</b>" in page
    assert "in A, but not in B" in page and "≠ person" in page
    assert not any(word in page for word in ("Gold", "Predicted", "predicted,", "✗", "∅", "isses"))


def test_the_page_names_the_annotators_without_colours_and_shows_no_scores(run, convert, tmp_path):
    a = convert("a", item("Bob left.", "person", {"x": 1.0, "y": 0.0}, "2"))
    b = convert("b", item("Bob left.", "dog", {"x": 1.0, "y": 1.0}, "2"))
    run("agree", a, b, "--disagreements-to", tmp_path / "found")
    page = (tmp_path / "found" / "disagreements.html").read_text(encoding="utf8")
    table = page[page.index('<table class="rows">') :]
    rows = [("missed", "only A", "entity"), ("wrong", "only B", "entity"), ("wrong", "only B", "text label")]
    for what, name, level in rows:
        assert f'<td class="{what}" lang="en"><b>≠ {name}</b> {level}</td>' in table
    assert "Score" not in table
    assert re.findall(r'<span class="chip.*?">(.*?)</span>', page) == ["x", "x", "≠ y"]
    # A comes before B, as in the command.
    for part in ("<thead>", "<summary", '<select name="what">', "<ul class=", 'class="shares" role="img"'):
        rest = page[page.index(part) :]
        assert rest.index("only A") < rest.index("only B"), part


@pytest.mark.parametrize("lang", ["en", "ja", "zh"])
def test_the_page_in_other_languages(run, convert, tmp_path, lang):
    a, b = convert("a", item("Ada", "x", "x", "1")), convert("b", item("Ada", "y", "x", "1"))
    run("agree", a, b, "--disagreements-to", tmp_path / "found", "--lang", lang)
    page = (tmp_path / "found" / "disagreements.html").read_text(encoding="utf8")
    assert {"en": "only A", "ja": "Aのみ", "zh": "仅A"}[lang] in page
    assert not any(word in page for word in ("正解", "予測", "标准答案", "预测", "Gold"))


def test_the_same_file(run, convert, tmp_path):
    a = convert("a", item("Ada", "x", "x", "1"))
    output = run("agree", a, a, "--disagreements-to", tmp_path / "found")
    assert "0 texts with disagreements" in output and "-" in output
    page = (tmp_path / "found" / "disagreements.html").read_text(encoding="utf8")
    assert "There are no disagreements" in page


def test_nothing_to_compare(run, convert, tmp_path):
    a, b = convert("a", item("Ada", "x", "x", "1")), convert("b", item("Bob", "x", "x", "1"))
    output = run("agree", a, b, "--output", tmp_path / "scores.json", code=1)
    assert "[M253]" in output and not (tmp_path / "scores.json").exists()
    empty = convert("c", {"text": "Ada"})
    assert "[M254]" in run("agree", a, empty, code=1)


def test_another_span_group_is_told(run, tmp_path):
    doc = spacy.blank("en")("Ida left.")
    doc.spans["sc"] = [doc[0:1]]
    file = tmp_path / "a.spacy"
    save_docs([doc], file)
    told = f"{file}: span group 'sc', not read (--spans-key chooses another): 1 (as in document 1)"
    assert told in " ".join(run("stats", file).split())
    assert told in " ".join(run("agree", file, file, code=1).split())
    assert "not read" not in run("stats", file, "--spans-key", "sc")


def test_options_of_the_page_without_a_page(run, convert):
    a = convert("a", item("Ada", "x", "x", "1"))
    output = " ".join(run("agree", a, a, "--lang", "ja", code=2).replace("│", "").split())
    assert "--lang has no effect: there is no page without --disagreements-to" in output
