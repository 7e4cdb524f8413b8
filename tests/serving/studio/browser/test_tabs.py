"""Two tabs, drafts, and a server that dies: nothing is lost, and nothing is overwritten."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import spacy

from tests.serving.running import wait_until
from tests.serving.studio.browser.answers import hold_next

ROOT = Path(__file__).parents[4]
URL = re.compile(r"http://127\.0\.0\.1:(\d+)")


def test_two_tabs(begin, tab):
    studio = begin("Ida lives in Lima.", "Tom lives in Oslo.")
    first, second = tab(studio), tab(studio)
    assert first.decided("Enter")["status"] == "accepted"
    second.press("j", "Delete", "Enter")
    second.says("This text was saved or analysed anew meanwhile.")
    second.sees("#item-status", "accepted")
    assert second.entities() == ["Ida|person", "Lima|place"]
    assert len(studio.lines()) == 1
    second.page.click("#message button:has-text('Show my corrections')")
    assert second.entities() == ["Lima|place"]
    assert second.decided("Enter")["status"] == "corrected"
    assert [line["status"] for line in studio.lines()] == ["accepted", "corrected"]
    second.sees("#picture", "Tom lives")
    first.page.bring_to_front()
    first.page.evaluate("dispatchEvent(new Event('focus'))")
    first.sees("#counts", "✎ 1")


def test_a_draft_outlives_the_page_but_not_another_save(begin, tab):
    studio = begin("Ida lives in Lima.", "Tom lives in Oslo.")
    opened = tab(studio)
    opened.press("j", "3")
    opened.sees("#item-status", "not saved")
    opened.click("#queue-list li:last-child button")
    opened.sees("#picture", "Tom lives")
    with opened.page.expect_event("dialog") as dialog:  # the browser asks
        opened.open()
    assert dialog.value.type == "beforeunload"
    opened.press("p")
    opened.says("Your corrections of this text are still here.")
    assert opened.entities() == ["Ida|site", "Lima|place"]
    opened.press("n")
    item = studio.item()
    assert studio.decide(item, "skip")["item"]["status"] == "skipped"
    opened.sees("#picture", "Tom lives")
    opened.press("p")
    opened.says("This text was saved or analysed anew meanwhile.")
    assert opened.entities() == ["Ida|person", "Lima|place"]
    opened.page.click("#message button:has-text('Show my corrections')")
    assert opened.decided("Enter")["status"] == "corrected"
    assert studio.item()["gold"]["entities"][0]["label"] == "site"


def test_fast_keys_decide_once(begin, tab):
    """While the server is asked, Enter does not decide about the next text."""
    studio = begin("Ida 1", "Ida 2", "Ida 3")
    opened = tab(studio)
    let_go = hold_next(opened.page, "/studio/items/")
    opened.press("Enter", "Enter", "Enter")
    opened.page.wait_for_timeout(100)
    let_go()
    opened.sees("#picture", "Ida 2")
    assert [line["text"] for line in studio.lines()] == ["Ida 1"]


def at_the_second(begin, tab, **how):
    """A studio and its tab, which shows the second text; and what lets the answer to the next decision go."""
    studio = begin("Ida 1", "Ida 2", "Ida 3")
    opened = tab(studio)
    opened.decided("Enter")
    opened.sees("#picture", "Ida 2")
    return studio, opened, hold_next(opened.page, "/studio/items/", **how)


def test_fast_keys_take_back(begin, tab):
    """What is on its way is taken back when it has arrived."""
    studio, opened, let_go = at_the_second(begin, tab)
    opened.press("x", "u", "u", "u", "u")
    let_go()
    opened.sees("#picture", "Ida 1")
    opened.says("There is nothing to undo.")
    decisions = [(line["text"], line["decision"]) for line in studio.lines()]
    assert decisions == [("Ida 1", "save"), ("Ida 2", "reject"), ("Ida 2", "undo"), ("Ida 1", "undo")]
    assert opened.decided("s")["status"] == "skipped"
    opened.sees("#picture", "Ida 2")
    opened.page.wait_for_timeout(100)
    assert len(studio.lines()) == 5


def test_a_key_that_is_held_down_takes_back_once(begin, tab):
    studio, opened, let_go = at_the_second(begin, tab)
    opened.press("x")
    for _ in range(3):  # the browser repeats the key
        opened.page.keyboard.down("u")
    opened.page.keyboard.up("u")
    let_go()
    opened.says("The decision was taken back: Ida 2")
    opened.page.wait_for_timeout(100)
    assert [line["decision"] for line in studio.lines()] == ["save", "reject", "undo"]


def test_fast_keys_after_a_decision_that_is_lost(begin, tab):
    """Nothing else is taken back."""
    studio, opened, let_go = at_the_second(begin, tab, is_lost=True)
    opened.press("x", "u")
    let_go()
    opened.says("The server does not answer.")
    opened.page.wait_for_timeout(100)
    assert [line["decision"] for line in studio.lines()] == ["save", "reject"]


@pytest.fixture
def run(tmp_path):
    """Runs the command `studio` in a process, which can be killed."""
    nlp = spacy.blank("en", meta={"name": "one"})
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "person", "pattern": "Ida"}])
    nlp.to_disk(tmp_path / "one")
    (tmp_path / "texts.txt").write_text("Ida 東京 😀\nIda 2\n", encoding="utf8")
    processes = []

    def begin(port):
        command = [sys.executable, "-m", "spacy_mre", "studio", "one", "texts.txt", "--port", str(port)]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        log = tmp_path / f"log-{len(processes)}.txt"
        with log.open("wb") as file:
            process = subprocess.Popen(command, cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, stderr=file)
        processes.append(process)
        wait_until(lambda: URL.search(log.read_text()) or process.poll() is not None, 60)
        found = URL.search(log.read_text())
        assert found, log.read_text()
        return process, int(found[1])

    yield begin
    for process in processes:
        process.kill()
        process.wait()


def test_a_killed_server(run, tab):
    process, port = run(0)
    opened = tab(f"http://127.0.0.1:{port}", wait=False)
    opened.page.wait_for_selector("#picture .line .behind", state="attached", timeout=60_000)
    opened.drag(4, 6)
    opened.label("person")
    assert [one["text"] for one in opened.saved()["entities"]] == ["Ida", "東京"]
    opened.sees("#picture", "Ida 2")
    opened.press("j", "}")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    opened.press("[", "Delete", "Enter")
    opened.says("The server does not answer.")
    assert opened.entities() == []
    run(port)
    opened.page.reload()
    opened.page.wait_for_selector("#picture .line .behind", state="attached", timeout=60_000)
    opened.sees("#done", "1 of 2 done")
    opened.says("Your corrections of this text are still here.")
    assert opened.entities() == []
    opened.press("p")
    opened.sees("#item-status", "corrected")
    assert opened.entities() == ["Ida|person", "東京|person"]
