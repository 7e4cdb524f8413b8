"""`python -m spacy_mre page`, with a small rule-based pipeline."""

import json

import pytest
import spacy
from spacy.language import Language
from spacy.training import Example
from typer.testing import CliRunner

from spacy_mre import save_docs
from spacy_mre.cli import app


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    nlp: Language = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "place", "pattern": "Oslo"}])
    path = tmp_path_factory.mktemp("model")
    nlp.to_disk(path)
    return path


def run(*args):
    return CliRunner().invoke(app, ["page", *map(str, args)])


def source(folder, suffix, texts):
    path = folder / f"texts{suffix}"
    if suffix == ".spacy":
        nlp = spacy.blank("en")
        save_docs([nlp(text) for text in texts], path)
    elif suffix == ".jsonl":
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf8")
    else:
        path.write_text("\n\n".join(texts), encoding="utf8")
    return path


@pytest.mark.parametrize("suffix", [".txt", ".jsonl", ".spacy"])
def test_texts_are_analysed_and_drawn(model, tmp_path, suffix):
    texts = ["Rain in Oslo.", "Sun in Oslo.", "Snow."]
    result = run(model, source(tmp_path, suffix, texts), tmp_path / "out.html", "--limit", 2, "--svg", tmp_path / "svg")
    assert result.exit_code == 0, result.output
    assert "2 texts" in result.output and "1 more were left out" in result.output
    html = (tmp_path / "out.html").read_text(encoding="utf8")
    assert html.count('<text class="mark-label"') == 2 and html.count('<figure class="text">') == 2
    assert sorted(path.name for path in (tmp_path / "svg").iterdir()) == ["001.svg", "002.svg"]


def test_the_span_group_of_the_pipeline_is_drawn(tmp_path):
    nlp = spacy.blank("en")
    patterns = [{"label": "place", "pattern": "Old Lima"}, {"label": "place", "pattern": "Lima"}]
    nlp.add_pipe("span_ruler", config={"spans_key": "mentions"}).add_patterns(patterns)
    nlp.to_disk(tmp_path / "model")
    nlp = spacy.load(tmp_path / "model")
    result = run(tmp_path / "model", source(tmp_path, ".txt", ["Rain in Old Lima."]), tmp_path / "out.html")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out.html").read_text(encoding="utf8").count('<text class="mark-label"') == 2


def test_no_limit_shows_all(model, tmp_path):
    result = run(model, source(tmp_path, ".txt", ["Rain."] * 12), tmp_path / "out.html", "--limit", 0)
    assert result.exit_code == 0 and "left out" not in result.output
    assert (tmp_path / "out.html").read_text(encoding="utf8").count('<figure class="text">') == 12


def test_display_names_are_read_from_a_file(model, tmp_path):
    labels = tmp_path / "labels.json"
    labels.write_text(json.dumps({"entities": {"place": {"ja": "場所"}}}), encoding="utf8")
    texts = source(tmp_path, ".txt", ["Rain in Oslo."])
    assert run(model, texts, tmp_path / "out.html", "--labels", labels, "--lang", "ja").exit_code == 0
    html = (tmp_path / "out.html").read_text(encoding="utf8")
    assert ">場所</text>" in html and ">place</text>" not in html
    labels.write_text("{", encoding="utf8")
    result = run(model, texts, tmp_path / "out.html", "--labels", labels)
    assert result.exit_code == 1 and result.output.startswith(f"[M201] {labels}, line 1: invalid JSON: ")


@pytest.mark.parametrize(
    "name, content, code", [("a.csv", "x", "M602"), ("a.jsonl", '{"text": "a"}\n{"txt": 1}', "M603")]
)
def test_invalid_input_is_refused_with_its_line(model, tmp_path, name, content, code):
    path = tmp_path / name
    path.write_text(content, encoding="utf8")
    result = run(model, path, tmp_path / "out.html")
    assert result.exit_code == 1 and code in result.output and not (tmp_path / "out.html").exists()
    if code == "M603":
        assert "line 2" in result.output


def test_the_relations_without_direction_are_those_of_the_pipeline(tmp_path, monkeypatch):
    drawn = {}
    monkeypatch.setattr("spacy_mre.cli.page.write_page", lambda docs, path, **options: drawn.update(options))
    nlp = spacy.blank("en")
    nlp.add_pipe("spert_mt", config={"symmetric": ["near"]})
    gold = {"entities": [(8, 12, "place")]}
    nlp.initialize(lambda: [Example.from_dict(nlp.make_doc("Rain in Oslo."), gold)])
    nlp.to_disk(tmp_path / "model")
    texts = source(tmp_path, ".txt", ["Rain in Oslo."])
    result = run(tmp_path / "model", texts, tmp_path / "out.html", "--symmetric", "joins")
    assert result.exit_code == 0, result.output
    assert drawn["symmetric"] == ["joins", "near"]
