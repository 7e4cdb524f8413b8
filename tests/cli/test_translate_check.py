"""The commands `translate-check` and `translate-apply`."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import spacy
import srsly

from spacy_mre import load_docs
from spacy_mre.corpora import EntityRecord, Record
from spacy_mre.corpora.translation.label_table import LabelTable
from spacy_mre.corpora.translation.results import About, write_results
from spacy_mre.corpora.translation.row import Reason, Translated

SOURCE = Record("Idaは仙台にいる。", entities=[EntityRecord(0, 3, "person"), EntityRecord(4, 6, "place")])
TARGET = Record("Ida is in Sendai.", entities=[EntityRecord(0, 3, "person"), EntityRecord(10, 16, "place")])


@pytest.fixture
def folder(tmp_path):
    def row(name, *reasons):
        made = Translated(replace(SOURCE, id=name), replace(TARGET, id=name), methods=["marker", "string"])
        for reason in reasons:
            made.drop(reason, "b: 仙台")
        return made

    rows = [row("good"), row("bad", Reason.LENGTH_RATIO)]
    about = About("train.spacy", "xx", "en", "m", "markers")
    write_results(tmp_path / "out", rows, about, LabelTable({"person": "person", "place": "place"}), spacy.blank("en"))
    return tmp_path / "out"


def test_rows_are_shown_and_edited(run, folder, tmp_path):
    assert "2 texts in" in run("translate-check", folder)
    html = (folder / "check.html").read_text(encoding="utf8")
    assert "[person:a|Ida] is in [place:b|Sendai]." in html and "train.spacy · xx → en · m" in html
    edits = [
        {"id": "good", "action": "reject"},
        {"id": "bad", "action": "edit", "marked": "[place:b|Sendai] has [person:a|Ida]."},
    ]
    (tmp_path / "edits.jsonl").write_text("\n".join(map(json.dumps, edits)), encoding="utf8")
    assert "2 edits: 1 of 2 texts are kept, 1 before" in run("translate-apply", folder, tmp_path / "edits.jsonl")
    (doc,) = load_docs(folder / "train.spacy", spacy.blank("en").vocab)
    assert doc.user_data["id"] == "bad" and [ent.text for ent in doc.ents] == ["Sendai", "Ida"]


def test_the_back_translation_stays_in_the_report(run, folder, tmp_path):
    report = srsly.read_json(folder / "report.json")
    scores = {"precision": 1.0, "recall": 1.0, "f1": 1.0}
    examples = [{"id": "good", "source": "s", "target": "t", "back": "b", "chrf": 71.0}]
    back = {"rows": 3, "answered": 2, "chrf": 71.25, "entities": scores, "examples": examples}
    srsly.write_json(folder / "report.json", {**report, "back": back})
    (tmp_path / "edits.jsonl").write_text('{"id": "good", "action": "reject"}', encoding="utf8")
    for _ in range(2):
        run("translate-apply", folder, tmp_path / "edits.jsonl")
        assert srsly.read_json(folder / "report.json")["back"] == {**back, "before_edits": True}
    told = (folder / "report.md").read_text(encoding="utf8")
    assert "2 of 3 kept rows of a sample were translated back, before rows were edited." in told and "71.2" in told
    srsly.write_json(folder / "report.json", {**report, "back": {"rows": 3}})
    assert "the key 'answered' is missing" in run("translate-apply", folder, tmp_path / "edits.jsonl", code=1)


def test_rows_with_one_id_are_edited_apart(run, folder, tmp_path):
    lines = (folder / "rows.jsonl").read_text(encoding="utf8").splitlines()
    (folder / "rows.jsonl").write_text("\n".join([lines[0], *lines]), encoding="utf8")
    run("translate-check", folder)
    html = (folder / "check.html").read_text(encoding="utf8")
    assert "good (row 1)" in html and "good (row 2)" in html
    (tmp_path / "edits.jsonl").write_text('{"id": "good (row 2)", "action": "reject"}', encoding="utf8")
    assert "1 edit: 1 of 3 texts are kept, 2 before" in run("translate-apply", folder, tmp_path / "edits.jsonl")


# It says when it has the lock, and keeps it.
HOLDER = """
import sys, time
from pathlib import Path
from spacy_mre.cli.locks import alone_in
with alone_in(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(600)
"""


def test_one_process_at_a_time(run, folder, tmp_path):
    (tmp_path / "edits.jsonl").write_text('{"id": "good", "action": "reject"}', encoding="utf8")
    with subprocess.Popen([sys.executable, "-c", HOLDER, folder], stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout.readline() == "locked\n"
            output = run("translate-apply", folder, tmp_path / "edits.jsonl", code=1)
            assert "M285" in output and "Another process" in output
        finally:
            holder.kill()
    # The lock of a process that was killed, whose file is still there.
    assert (folder / ".lock").exists()
    run("translate-apply", folder, tmp_path / "edits.jsonl")


def test_the_page_has_a_limit_and_a_place(run, folder, tmp_path):
    output = run("translate-check", folder, "--page", tmp_path / "p.html", "--limit", 1)
    assert "1 text in" in output and "1 more were left out" in output
    assert (tmp_path / "p.html").read_text(encoding="utf8").count('<figure class="text"') == 1


def test_an_unknown_id_changes_nothing(run, folder, tmp_path):
    before = (folder / "rows.jsonl").read_bytes()
    (tmp_path / "edits.jsonl").write_text('{"id": "x", "action": "accept"}', encoding="utf8")
    assert "'x'" in run("translate-apply", folder, tmp_path / "edits.jsonl", code=1)
    assert (folder / "rows.jsonl").read_bytes() == before


@pytest.mark.parametrize("file", ["../train.spacy", "rows.jsonl", ""])
def test_nothing_is_written_outside_of_the_folder(run, folder, tmp_path, file):
    about = json.loads((folder / "about.json").read_text(encoding="utf8"))
    (folder / "about.json").write_text(json.dumps({**about, "file": file}), encoding="utf8")
    (tmp_path / "edits.jsonl").write_text('{"id": "bad", "action": "accept"}', encoding="utf8")
    assert "must be the name of a .spacy file" in run("translate-apply", folder, tmp_path / "edits.jsonl", code=1)
    assert not (tmp_path / "train.spacy").exists()
