"""The command `serve`."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import spacy

from spacy_mre.serving import settings
from spacy_mre.serving.client import Client, ServingError
from spacy_mre.serving.settings import PACKAGES

ROOT = Path(__file__).parents[2]
TOKEN = "s3cret"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder with the pipelines "one" and "two"."""
    for package in PACKAGES:
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("models")
    for name, label in (("one", "person"), ("two", "name")):
        nlp = spacy.blank("en", meta={"name": name})
        nlp.add_pipe("entity_ruler").add_patterns([{"label": label, "pattern": "Ida"}])
        nlp.to_disk(folder / name)
    return folder


@pytest.fixture
def begin(models):
    """Starts the command in a process, which is ended after the test, and reads the first line that it prints."""
    processes = []

    def run(*arguments, **variables):
        command = [sys.executable, "-m", "spacy_mre", "serve", *arguments, "--port", "0"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
        process = subprocess.Popen(command, cwd=models, env=environment, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        return process, process.stderr.readline().strip()

    yield run
    for process in processes:
        process.kill()
        process.wait(20)
        process.stderr.close()


def test_serve_until_it_is_stopped(begin):
    process, line = begin("one", "other=two", "--threads", "1", SPACY_MRE_TOKEN=TOKEN)
    names, _, url = line.partition(" on ")
    assert names == "en_one, other" and url.startswith("http://127.0.0.1:")
    client = Client(url, TOKEN)
    # The client asks again until the pipelines are loaded.
    assert {name: labels["entities"] for name, labels in client.labels().items()} == {
        "en_one": ["person"],
        "other": ["name"],
    }
    found = [client.analyse("Ida confidential", model)[0]["entities"][0]["label"] for model in (None, "other")]
    assert found == ["person", "name"]
    with pytest.raises(ServingError, match="401"):
        Client(url).labels()
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    log = process.stderr.read()
    assert "POST /analyse 200" in log and "Traceback" not in log
    assert "confidential" not in log and TOKEN not in log


def test_a_pipeline_that_cannot_be_loaded(run, models):
    (models / "broken").mkdir()
    (models / "broken" / "meta.json").write_text('{"lang": "en", "name": "broken", "version": "1.0.0"}')
    output = run("serve", models / "broken", models / "one", "--port", 0, code=1)
    assert "en_broken, en_one on http://127.0.0.1:" in output
    assert "[E053]" in output and "Traceback" not in output


@pytest.mark.parametrize(
    "arguments, error",
    [
        (["one", "--host", "0.0.0.0"], "M751"),
        (["one", "--token", "a b"], "M752"),
        (["nowhere"], "M753"),
        (["one", "en_one=two"], "M754"),
        (["one", "--host", "192.0.2.1", "--token", TOKEN], "M755"),
    ],
)
def test_what_is_refused(run, models, monkeypatch, arguments, error):
    monkeypatch.chdir(models)
    monkeypatch.delenv("SPACY_MRE_TOKEN", raising=False)
    assert error in run("serve", *arguments, code=1)


def test_a_missing_package(run, monkeypatch):
    monkeypatch.setattr(settings, "find_spec", lambda name: None)
    assert "pip install 'spacy-mre[serve]'" in run("serve", "one", code=1)
