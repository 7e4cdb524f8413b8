"""Learning from what was saved, in a process, and using what was learned."""

import os
import signal

import pytest
import spacy

from spacy_mre.serving.studio.learning import IDLE
from spacy_mre.serving.studio.training import HELD_OUT, count_updates, is_held_out, make_optimizer
from tests.serving.running import in_thread, wait_until
from tests.serving.studio.finder import FOUND, TEXT
from tests.serving.studio.sentences import corpus, sentence

# Seconds. The process gives way to others on a busy machine.
PATIENCE = 500


@pytest.fixture
def saved(begin, trained):
    """A studio in which forty texts are saved."""
    gold = dict(corpus())
    studio = begin(*gold, model=trained)
    for key in studio.listed():
        item = studio.get(f"items/{key}")
        assert studio.save(item, gold[item["text"]])[0] == 200
    return studio


def test_learn_and_use(saved, tmp_path):
    typed = saved.post("texts", {"text": "Tom lives today in Riga ."})["key"]
    before = saved.get(f"items/{typed}")
    assert saved.get("learn") == {"state": "idle", "run": 0, "step": 0, "steps": 0, "message": "", "result": None}
    told = saved.post("learn", {})
    n_held_out = sum(is_held_out(text) for text, _ in corpus())
    assert (told["state"], told["steps"]) == ("running", count_updates(40 - n_held_out))
    assert saved.ask("POST", "learn", {}) == (409, {"error": "the pipeline is learning already"})
    assert saved.ask("POST", "use", {})[0] == 409
    wait_until(lambda: saved.get("learn")["state"] != "running", PATIENCE)
    told = saved.get("learn")
    assert (told["state"], told["step"], told["message"]) == ("done", told["steps"], "")
    result = told["result"]
    assert (result["train"], result["held_out"]) == (40 - n_held_out, n_held_out) and n_held_out > 2
    assert result["after"]["entities"] > result["before"]["entities"]
    assert result["after"]["relations"] > result["before"]["relations"]
    assert result["after"]["cats"] == 1.0  # "travel" is in none of the texts
    assert saved.get("state")["learning"] == told

    agreement = saved.get("state")["progress"]["agreement"]
    state = saved.post("use", {})
    assert state["model"] == {"name": "en_small", "lang": "en", "version": "1.0.0+studio.1"}
    assert state["learning"]["state"] == "idle"
    assert 0 < agreement < 1 and state["progress"]["agreement"] is None  # nothing was saved with it yet
    after = saved.get(f"items/{typed}")
    learned = spacy.load(tmp_path / "gold.learned-1")(after["text"])
    found = [(span.text, span.label_) for span in learned.spans["entities"]]
    assert [(one["text"], one["label"]) for one in after["predicted"]["entities"]] == found
    assert ("Riga", "place") in found and after["predicted"] != before["predicted"]
    # What was saved with the old pipeline is as it was.
    assert saved.item(0)["status"] in ("accepted", "corrected")
    assert saved.lines()[0]["model"]["version"] == "1.0.0"
    text, gold = sentence("Tom", "Riga", " today")
    assert text == after["text"] and saved.save(after, gold)[0] == 200
    assert saved.lines()[-1]["model"]["version"] == "1.0.0+studio.1"
    assert saved.ask("POST", "use", {}) == (409, {"error": "there is no learned pipeline"})


def test_cancel(saved, tmp_path):
    saved.post("learn", {})
    process = saved.desk.learning._process
    status, told = saved.ask("DELETE", "learn")
    assert (status, told["state"]) == (200, "cancelled") and not process.is_alive()
    assert saved.ask("POST", "use", {})[0] == 409
    assert list(tmp_path.glob("*learned*")) == []
    assert saved.ask("DELETE", "learn")[1]["state"] == "cancelled"  # nothing happens
    assert saved.post("learn", {})["state"] == "running"


def test_the_studio_is_stopped(saved):
    saved.post("learn", {})
    process = saved.desk.learning._process
    saved.stop()
    assert not process.is_alive()


def test_a_process_that_is_killed(saved):
    saved.post("learn", {})
    os.kill(saved.desk.learning._process.pid, signal.SIGKILL)
    wait_until(lambda: saved.get("learn")["state"] == "failed", PATIENCE)
    assert saved.get("learn")["message"].startswith("the process has ended with code -9")
    assert saved.get(f"items/{saved.listed()[0]}")["status"] != "open"  # the studio goes on


def test_a_pipeline_that_cannot_learn(begin):
    """Its component is not known in the process that learns."""
    studio = begin(*(f"Ida lives in Lima {number}." for number in range(10)))
    for key in studio.listed():
        studio.save(studio.get(f"items/{key}"), FOUND)
    studio.post("learn", {})
    wait_until(lambda: studio.get("learn")["state"] == "failed", PATIENCE)
    assert "studio_finder" in studio.get("learn")["message"]


def test_nothing_to_learn_from(begin):
    studio = begin(TEXT)
    assert studio.ask("POST", "learn", {}) == (422, {"error": "save some texts first: there is nothing to learn from"})
    studio.decide(studio.item(), "reject")
    assert studio.ask("POST", "learn", {})[0] == 422


def test_a_learned_pipeline_that_is_gone(saved, tmp_path):
    saved.post("learn", {})
    wait_until(lambda: saved.get("learn")["state"] == "done", PATIENCE)
    meta = tmp_path / "gold.learned-1" / "meta.json"
    result = saved.get("learn")["result"]
    meta.rename(tmp_path / "away")
    status, answer = saved.ask("POST", "use", {})
    assert status == 503 and "cannot be loaded" in answer["error"]
    state = saved.get("state")
    assert (state["model"]["version"], state["learning"]["state"]) == ("1.0.0", "done")
    assert "cannot be loaded" in state["learning"]["message"] and state["learning"]["result"] == result
    # The page offers it again.
    (tmp_path / "away").rename(meta)
    learned = saved.post("use", {"run": 1})
    assert learned["model"] != state["model"] and learned["learning"] == {**IDLE, "run": 1}


def test_what_was_learned_is_being_loaded(begin_loading):
    """Nothing begins meanwhile that would be lost, and a request whose answer was lost changes nothing."""
    studio, go = begin_loading()
    studio.save(studio.item(), FOUND)
    using = in_thread(studio.post, "use", {"run": 1})
    wait_until(lambda: studio.get("learn")["state"] == "loading")
    reason = {"error": "the learned pipeline is being loaded; learn when it is in use"}
    assert studio.ask("POST", "learn", {}) == (409, reason)
    assert studio.ask("POST", "use", {"run": 1}) == (409, {"error": "the learned pipeline is being loaded"})
    assert studio.ask("DELETE", "learn")[1]["state"] == "loading"
    go.set()
    state = using.result(20)
    assert (state["model"]["name"], state["learning"]["state"]) == ("en_learned", "idle")
    assert studio.post("use", {"run": 1}) == state
    assert studio.ask("POST", "use", {"run": 2}) == (409, {"error": "there is no learned pipeline"})


def test_a_run_whose_answer_was_lost_does_not_begin_again(begin_loading):
    studio, _ = begin_loading()
    studio.save(studio.item(), FOUND)
    assert studio.post("learn", {"run": 0})["state"] == "done"
    assert studio.desk.learning._process is None


def test_one_in_five_is_held_out():
    texts = [f"text {number}" for number in range(5000)]
    held_out = [text for text in texts if is_held_out(text)]
    assert abs(len(held_out) / len(texts) - 1 / HELD_OUT) < 0.02
    assert held_out == [text for text in texts if is_held_out(text)]


def test_the_learning_rates(make_nlp):
    nlp = make_nlp()
    nlp.config["training"]["optimizer"] = {
        "@optimizers": "spacy_mre.AdamW.v1",
        "learn_rate": {"@schedules": "warmup_linear.v1", "initial_rate": 0.01, "warmup_steps": 1, "total_steps": 9},
        "head_learn_rate": "${training.own_rate}",
    }
    nlp.config["training"]["own_rate"] = 0.1
    optimizer = make_optimizer(nlp, 10)
    optimizer.step_schedules()
    assert optimizer.learn_rate == pytest.approx(0.003) and optimizer.head_learn_rate == pytest.approx(0.03)
    rates = []
    for _ in range(10):
        rates.append(optimizer.learn_rate)
        optimizer.step_schedules()
    assert rates == sorted(rates, reverse=True) and optimizer.learn_rate == 0.0
