"""The command `card`."""

import json

import pytest
import spacy

SCORES = {"spans_entities_f": 0.5, "cats_macro_f": 0.25}


def test_card(run, tmp_path):
    spacy.blank("ja").to_disk(tmp_path / "model")
    (tmp_path / "scores.json").write_text(json.dumps(SCORES))
    about = tmp_path / "about.yml"
    about.write_text("description: Names.\nlicense: MIT\nuse: |\n  Read\n  it.\n", encoding="utf8")
    files = [tmp_path / "model", tmp_path / "scores.json"]
    run("card", *files, "--about", about, "--name", "names", "--version", "2.0.0")
    assert "# ja_names 2.0.0\n\nNames.\n" in (tmp_path / "model" / "README.md").read_text(encoding="utf8")
    meta = spacy.load(tmp_path / "model").meta
    assert (meta["name"], meta["version"], meta["license"]) == ("names", "2.0.0", "MIT")
    assert meta["performance"] == SCORES
    about.write_text("- a list\n")
    assert "M202" in run("card", *files, "--about", about, code=1)
    about.write_text("use: [\n")
    assert "invalid YAML" in run("card", *files, "--about", about, code=1)
    about.write_text("")
    assert run("card", *files, "--about", about, code=1).count("M202") == 1


@pytest.mark.parametrize(
    "scores",
    [
        [1],
        {"spans_entities_f": "0.5"},
        {"spans_entities_per_type": [0.5]},
        {"cats_f_per_type": {"travel": 0.5}},
        {"rel_strict_per_type": {"lives_in": {"p": 0.5}}},
        {"mmm": {"data": "test"}},
        {"mmm": [{"data": "test"}]},
    ],
)
def test_a_file_that_has_no_scores(run, tmp_path, scores):
    spacy.blank("ja").to_disk(tmp_path / "model")
    path = tmp_path / "scores.json"
    path.write_text(json.dumps(scores))
    output = run("card", tmp_path / "model", path, code=1)
    assert output.startswith("[M202]") and "scores that evaluate --output wrote" in " ".join(output.split())
    assert not (tmp_path / "model" / "README.md").exists()
