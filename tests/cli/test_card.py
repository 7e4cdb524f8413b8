"""The command `card`."""

import json

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
