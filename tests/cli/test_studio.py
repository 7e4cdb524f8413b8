"""The command `studio`: its inputs, and what it refuses."""

import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import spacy

from spacy_mre.annotations.storage import save_docs
from spacy_mre.serving import settings
from spacy_mre.serving.settings import PACKAGES

ROOT = Path(__file__).parents[2]
TOKEN = "s3cret"
TEXTS = ["Ida rests.", "東京 😀", "Tom, too"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the pipeline "one", and texts in files of several kinds."""
    for package in (*PACKAGES, "filelock", "pyarrow"):
        pytest.importorskip(package)
    import pyarrow
    from pyarrow import csv, parquet

    folder = tmp_path_factory.mktemp("studio")
    nlp = spacy.blank("en", meta={"name": "one"})
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "person", "pattern": "Ida"}])
    nlp.to_disk(folder / "one")
    lines = "".join(json.dumps({"id": number, "text": text}) + "\n" for number, text in enumerate(TEXTS)).encode()
    (folder / "texts.jsonl").write_bytes(lines)
    (folder / "texts.jsonl.gz").write_bytes(gzip.compress(lines))
    (folder / "texts.jsonl.zst").write_bytes(pyarrow.Codec("zstd").compress(lines, asbytes=True))
    (folder / "texts.txt").write_text("\n".join(TEXTS), encoding="utf8")
    table = pyarrow.table({"words": TEXTS})
    parquet.write_table(table, folder / "texts.parquet")
    csv.write_csv(table, folder / "texts.csv")
    save_docs(map(nlp.make_doc, TEXTS), folder / "texts.spacy")
    (folder / "odd.jsonl").write_text(
        '{"text": "Ida"}\n{"text": ""}\n{"text": 5}\n{\n{"text": "Ida"}\n{"text": "Tom"}\n'
    )
    (folder / "broken.parquet").write_bytes(b"PAR1")
    (folder / "other.csv").write_text("words\nIda\n")
    return folder


@pytest.fixture
def begin(folder, tmp_path):
    """Starts the command in a process, which is ended after the test, and waits until it listens."""
    processes = []

    def start(*arguments, **variables):
        gold = ["--gold", tmp_path / "gold.jsonl", "--port", "0"]
        command = [sys.executable, "-m", "spacy_mre", "studio", "one", *arguments, *gold]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
        process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        line = process.stderr.readline()
        return (
            process,
            line,
            SimpleNamespace(port=int(line.removesuffix("/#token=... (the token)\n").rpartition(":")[2])),
        )

    yield start
    for process in processes:
        process.kill()
        process.wait(20)
        process.stderr.close()


def ask(*arguments):
    from tests.serving.running import ask

    status, _, answer = ask(*arguments)
    assert status == 200, answer
    return answer


def find_texts(running, n_texts):
    """Wait until so many texts were read, and return their beginnings."""
    from tests.serving.running import wait_until
    from tests.serving.studio.studios import wait_until_loaded

    wait_until_loaded(running)
    wait_until(lambda: ask(running, "GET", "/studio/items")["total"] >= n_texts)
    return [row["start"] for row in ask(running, "GET", "/studio/items")["items"]]


def test_a_studio_until_it_is_stopped(begin, folder, tmp_path):
    process, line, running = begin("texts.jsonl")
    assert line.startswith("studio on http://127.0.0.1:")
    assert find_texts(running, 3) == TEXTS
    first = ask(running, "GET", "/studio/items")["items"][0]
    item = ask(running, "GET", f"/studio/items/{first['key']}")
    assert item["id"] == "0" and item["predicted"]["entities"][0]["label"] == "person"
    body = {"version": 0, "decision": "save", "analysis": {"entities": item["predicted"]["entities"]}}
    answer = ask(running, "POST", f"/studio/items/{first['key']}", body)
    assert answer["item"]["status"] == "accepted"
    command = [sys.executable, "-m", "spacy_mre", "studio", "one", "--gold", tmp_path / "gold.jsonl", "--port", "0"]
    second = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert second.returncode == 1 and "[M770]" in second.stderr and "Traceback" not in second.stderr
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    log = process.stderr.read()
    assert "Ida" not in log and "Traceback" not in log
    (line,) = (tmp_path / "gold.jsonl").read_text(encoding="utf8").splitlines()
    assert json.loads(line)["entities"] == [{"start": 0, "end": 3, "label": "person", "text": "Ida"}]


@pytest.mark.parametrize(
    "file, options",
    [
        ("texts.jsonl.gz", []),
        ("texts.jsonl.zst", []),
        ("texts.txt", []),
        ("texts.csv", ["--text", "words"]),
        ("texts.parquet", ["--text", "words"]),
        ("texts.spacy", []),
    ],
)
def test_inputs(folder, file, options):
    from spacy_mre.scale.inputs import open_input
    from spacy_mre.serving.studio.server import read_texts

    column = options[1] if options else "text"
    found = [words for part in read_texts(open_input(folder / file, text=column), column) for words, *_ in part]
    assert found == TEXTS


def test_columns_are_kept(tmp_path):
    pytest.importorskip("pyarrow")
    from spacy_mre.scale.inputs import open_input
    from spacy_mre.serving.studio.server import read_texts

    lines = [
        {"text": "a", "id": 7, "group": 3, "date": "2026-01-02", "meta": {"by": "Bo"}},
        {"text": "b", "id": None, "n": None},
    ]
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (rows,) = read_texts(open_input(path), "text")
    assert rows == [("a", "7", {"group": "3", "meta": {"date": "2026-01-02", "by": "Bo"}}), ("b", None, {})]


def test_rows_without_a_text(begin):
    process, _, running = begin("odd.jsonl")
    assert find_texts(running, 2) == ["Ida", "Tom"]  # each text once
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    assert "[W772] 3 rows of odd.jsonl" in process.stderr.read()


def test_the_token(begin):
    from tests.serving.running import ask
    from tests.serving.studio.studios import wait_until_loaded

    _, line, running = begin(SPACY_MRE_TOKEN=TOKEN)
    assert TOKEN not in line
    wait_until_loaded(running)
    assert ask(running, "GET", "/studio/next")[0] == 401
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert ask(running, "GET", "/studio/next", None, headers)[2] == {"key": None}


def test_show(run, folder, tmp_path, monkeypatch):
    from spacy_mre.serving.studio import server

    shown = []
    monkeypatch.chdir(folder)
    monkeypatch.setattr("webbrowser.open", shown.append)
    monkeypatch.setattr(server, "serve_studio", lambda *given, on_listen, **more: on_listen("http://127.0.0.1:1"))
    run("studio", "one")
    assert shown == []
    run("studio", "one", "--show", "--token", TOKEN)
    assert shown == ["http://127.0.0.1:1"]


@pytest.mark.parametrize(
    "arguments, error",
    [
        (["one", "--host", "0.0.0.0"], "M751"),
        (["one", "--token", "a b"], "M752"),
        (["nowhere"], "M753"),
        (["one", "--other", "nowhere"], "M753"),
        (["one", "--host", "192.0.2.1", "--token", TOKEN], "M755"),
        (["one", "nowhere.jsonl"], "M701"),
        (["one", "other.csv"], "M705"),
        (["one", "broken.parquet"], "M7"),
        (["one", "--gold", "one/meta.json/gold.jsonl"], "M771"),
    ],
)
def test_what_is_refused(run, folder, tmp_path, monkeypatch, arguments, error):
    monkeypatch.chdir(folder)
    monkeypatch.delenv("SPACY_MRE_TOKEN", raising=False)
    gold = [] if "--gold" in arguments else ["--gold", tmp_path / "gold.jsonl"]
    assert error in run("studio", *arguments, *gold, code=1)


def test_a_missing_package(run, monkeypatch):
    monkeypatch.setattr(settings, "find_spec", lambda name: None)
    assert "pip install 'spacy-mre[serve]'" in run("studio", "one", code=1)
