"""What the gold file says, and that it survives."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from types import SimpleNamespace

import pytest
import spacy

from tests.serving.running import ask
from tests.serving.studio.finder import FOUND, IDA, LIMA, TEXT
from tests.serving.studio.studios import wait_until_loaded

ROOT = Path(__file__).parents[3]


def test_a_line(begin):
    studio = begin((TEXT, "one"))
    item = studio.item()
    studio.save(item, {**FOUND, "entities": [{**LIMA, "label": "site"}, {"start": 4, "end": 9, "label": "place"}]})
    (line,) = studio.lines()
    assert {key: line[key] for key in ("id", "text", "version", "decision", "status")} == {
        "id": "one",
        "text": TEXT,
        "version": 1,
        "decision": "save",
        "status": "corrected",
    }
    assert line["entities"][0] == {**LIMA, "label": "site", "text": "Lima"} and line["cats"] == FOUND["cats"]
    assert line["predicted"] == item["predicted"]
    assert line["model"] == {"name": "en_finder", "lang": "en", "version": "1.0.0"}
    assert abs(datetime.fromisoformat(line["time"]).timestamp() - time.time()) < 60
    ida, lima = item["predicted"]["entities"]
    assert line["provenance"] == {
        "entities": [{"origin": "corrected", "was": lima}, {"origin": "added"}],
        "relations": [{"origin": "added"}],
        "cats": {"travel": {"origin": "accepted"}},
        "deleted": {
            "entities": [ida],
            "relations": [{"head": 0, "tail": 1, "label": "lives_in"}],
            "cats": [],
        },
    }


def test_decisions_are_there_again(begin):
    texts = (TEXT, "Tom saw Oslo.", "It rained.", "Tom met Ida.")
    studio = begin(*texts)
    studio.save(studio.item(0), FOUND)
    studio.save(studio.item(0), {**FOUND, "relations": []})
    studio.decide(studio.item(1), "skip")
    studio.decide(studio.item(2), "reject")
    studio.decide(studio.item(2), "undo")
    before = [studio.item(number) for number in range(4)]
    progress = studio.get("state")["progress"]
    studio.stop()
    # The input has changed; what was decided is kept.
    again = begin(texts[3], texts[1], "A new text.")
    found = {text: again.get(f"items/{again.desk.texts.add(text).key}") for text in texts}
    assert [found[text] for text in texts] == before
    assert again.get("state")["progress"] == {**progress, "total": 5, "open": 3}
    assert again.get(f"items/{again.listed()[-1]}")["text"] in texts[:3]  # behind those of the input
    assert again.undo()["item"]["text"] == texts[1]
    assert again.undo()["item"]["gold"]["relations"] == FOUND["relations"]


def test_another_file(begin, tmp_path):
    """Lines that are no decisions are passed over, and kept."""
    lines = ['{"text": "Ida", "entities": []}', '{"text": "Tom", "status": "x"}', '{"status": "open"}']
    (tmp_path / "gold.jsonl").write_text("".join(line + "\n" for line in lines))
    with pytest.warns(UserWarning, match="W771.* 3 lines"):
        studio = begin(TEXT)
    assert studio.save(studio.item(), FOUND)[0] == 200
    assert studio.gold.read_text().splitlines()[:3] == lines
    assert studio.get("state")["progress"]["total"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"entities": [{"start": 0, "end": 3}]},
        {"entities": [{"start": "0", "end": 3, "label": "person"}]},
        {"entities": [{"start": 0, "end": 99, "label": "person"}]},
        {"entities": ["person"]},
        {"relations": [{"head": 0, "tail": 9, "label": "lives_in"}]},
        {"cats": {"news": "yes"}},
        {"predicted": {"entities": [7], "relations": None, "cats": None}},
        {"predicted": []},
        {"status": "open"},
    ],
)
def test_a_line_that_was_edited_badly_is_passed_over(begin, change):
    studio = begin(TEXT)
    assert studio.save(studio.item(), FOUND)[0] == 200
    studio.stop()
    (line,) = studio.lines()
    studio.gold.write_text(json.dumps({**line, **change}) + "\n" + json.dumps(line) + "\n")
    with pytest.warns(UserWarning, match="W771.* 1 lines"):
        again = begin(TEXT)
    assert again.get("state")["progress"]["open"] == 0
    assert again.get("items?label=person")["total"] == 1


def test_a_full_disk_is_told(begin, monkeypatch):
    studio = begin(TEXT)
    item = studio.item()
    monkeypatch.setattr(os, "write", lambda file, data: 0)
    status, answer = studio.save(item, FOUND)
    monkeypatch.undo()
    assert (status, answer) == (507, {"error": "nothing was saved: No space left on device"})
    assert studio.lines() == [] and studio.item() == item
    assert studio.save(item, FOUND)[0] == 200


def test_a_typed_text_is_written_when_the_disk_has_space_again(begin, monkeypatch):
    studio = begin(TEXT)
    monkeypatch.setattr(os, "write", lambda file, data: 0)
    assert studio.ask("POST", "texts", {"text": "Tom"})[0] == 507
    monkeypatch.undo()
    keys = [studio.post("texts", {"text": "Tom"})["key"] for _ in range(2)]
    assert keys[0] == keys[1]
    assert studio.gold.with_name("gold.texts.jsonl").read_text() == '{"text":"Tom"}\n'


def test_a_decision_about_what_another_pipeline_found_is_refused(begin):
    studio = begin(TEXT)
    item = studio.item()
    status, answer = studio.save(item, FOUND, model={**item["model"], "version": "0.9"})
    assert status == 409 and answer["item"] == item
    assert studio.lines() == []
    assert studio.save(item, FOUND, model=item["model"])[0] == 200


def test_the_gold_file_is_a_corpus(begin):
    from spacy_mre.corpora import read_jsonl

    studio = begin(TEXT)
    studio.save(studio.item(), {**FOUND, "entities": [IDA, {**LIMA, "label": "site"}]})
    (record,) = read_jsonl(studio.gold)
    assert [(one.start, one.end, one.label) for one in record.entities] == [(0, 3, "person"), (13, 17, "site")]
    assert [(one.head, one.tail, one.label) for one in record.relations] == [(0, 1, "lives_in")]
    assert record.cats == FOUND["cats"]


@pytest.fixture
def ruler(tmp_path):
    nlp = spacy.blank("en", meta={"name": "ruler"})
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "person", "pattern": "Ida"}])
    nlp.to_disk(tmp_path / "ruler")
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps({"text": f"Ida {n}"}) + "\n" for n in range(3000)))
    return tmp_path


@pytest.fixture
def launch(ruler):
    """Starts the command in a process; it returns the process and its port."""
    processes = []

    def run():
        command = [sys.executable, "-m", "spacy_mre", "studio", "ruler", "texts.jsonl", "--port", "0"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, cwd=ruler, env=environment, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        line = process.stderr.readline()
        while "studio on" not in line:  # warnings come first
            assert line, "the studio has ended"
            line = process.stderr.readline()
        port = int(line.strip().rpartition(":")[2])
        threading.Thread(target=process.stderr.read, daemon=True).start()
        return process, SimpleNamespace(port=port)

    yield run
    for process in processes:
        process.kill()
        process.wait(20)


def test_a_studio_that_is_killed(launch):
    """Every decision that was answered is there after the process was killed at any moment."""
    chance = random.Random(0)
    answered = {}
    for _ in range(3):
        process, running = launch()
        wait_until_loaded(running)
        for key, version in answered.items():
            status, _, item = ask(running, "GET", f"/studio/items/{key}")
            assert status == 200 and item["version"] >= version and item["status"] == "accepted"
        timer = threading.Timer(0.3 + chance.random(), process.kill)
        key = ask(running, "GET", "/studio/next")[2]["key"]
        timer.start()
        try:
            while True:
                body = {"version": 0, "decision": "save"}
                body["analysis"] = {"entities": [{"start": 0, "end": 3, "label": "person"}], "cats": None}
                status, _, answer = ask(running, "POST", f"/studio/items/{key}", body)
                assert status == 200, answer
                answered[key] = answer["item"]["version"]
                key = answer["next"]
        except (OSError, HTTPException):
            timer.join()
            process.wait(20)
    assert len(answered) > 10
