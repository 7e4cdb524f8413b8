"""A command that is killed (SIGKILL) at any moment goes on, and its output is that of an undisturbed run."""

import os
import random
import subprocess
import sys
import time
from multiprocessing import get_context
from pathlib import Path

import pytest
from typer.testing import CliRunner

from spacy_mre.cli import app
from spacy_mre.scale.inputs import open_input
from spacy_mre.scale.one_file import annotate_file
from spacy_mre.scale.options import FORMS, Options
from spacy_mre.scale.run import annotate_folder
from tests.scale.components import SLEEP
from tests.scale.outputs import contents, write_lines

ROOT = Path(__file__).parents[2]
COMMAND = "import tests.scale.components; from spacy_mre.cli import app; app(prog_name='spacy_mre')"
ROWS, PARTS = 3, 12

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    rows = [{"id": i, "text": f"Ida lives in Lima with unheard{i}"} for i in range(ROWS * PARTS)]
    for bad in (4, 17, 30):
        rows[bad]["text"] = "FAIL"
    return write_lines(tmp_path_factory.mktemp("input") / "texts.jsonl", rows)


@pytest.fixture(scope="module")
def undisturbed(model, source, tmp_path_factory):
    """The files of an output in each form."""
    folder = tmp_path_factory.mktemp("undisturbed")

    def make(form):
        if not (folder / form).exists():
            annotate_folder(
                model, open_input(source, size=ROWS), folder / form, Options(form, rows=ROWS), on_error="skip"
            )
        return contents(folder / form)

    return make


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(condition, seconds):
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.005)
    return condition()


@pytest.mark.parametrize("form, workers", [("jsonl", 2), ("parquet", 1)])
def test_the_command(model, source, undisturbed, tmp_path, form, workers):
    folder = tmp_path / "out"
    command = [sys.executable, "-c", COMMAND, "annotate", model, str(source), str(folder), "--form", form]
    command += ["--rows", str(ROWS), "--workers", str(workers), "--on-error", "skip"]
    environment = {**os.environ, SLEEP: "0.03", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, cwd=tmp_path) as process:
        assert wait_for(lambda: list(folder.glob("part-*")) or process.poll() is not None, 120)
        time.sleep(random.Random(workers).uniform(0, 0.3))
        workers_of_run = children(process.pid)
        process.kill()
        process.wait()
    assert process.returncode == -9
    assert len(workers_of_run) == (workers if workers > 1 else 0)
    assert wait_for(lambda: not any(map(is_running, workers_of_run)), 2)
    done = {path: path.stat().st_mtime_ns for path in folder.glob("part-*")}
    assert 0 < len(done) < PARTS
    ended = CliRunner().invoke(app, command[3:])
    assert ended.exit_code == 0, ended.stderr
    assert f"33 texts in {folder}, " in ended.stdout and "of them by an earlier run; 3 left out" in ended.stdout
    assert all(path.stat().st_mtime_ns == written for path, written in done.items())
    assert contents(folder) == undisturbed(form)
    assert not [path for path in folder.rglob(".*") if path.name != ".lock"]


def kill_at_random(run, folder, randomness):
    """Kill a run that is forked from this process, some time after it has written a part of its own. Returns whether
    it was killed before its end."""

    def count():
        return len(list(folder.glob("part-*")))

    before = count()
    process = get_context("fork").Process(target=run)
    process.start()
    wait_for(lambda: count() > before or not process.is_alive(), 60)
    time.sleep(randomness.uniform(0, 0.1))
    process.kill()
    process.join()
    return process.exitcode == -9


@pytest.mark.parametrize("form", FORMS)
def test_a_folder(model, source, undisturbed, tmp_path, monkeypatch, form):
    monkeypatch.setenv(SLEEP, "0.01")
    folder, randomness = tmp_path / "out", random.Random(form)
    settings = {"on_error": "skip", "workers": 2}

    def run():
        annotate_folder(model, open_input(source, size=ROWS), folder, Options(form, rows=ROWS), **settings)

    assert kill_at_random(run, folder, randomness)
    for _ in range(3):
        kill_at_random(run, folder, randomness)
    monkeypatch.setenv(SLEEP, "0")
    run()
    assert contents(folder) == undisturbed(form)


@pytest.mark.parametrize("form", FORMS)
def test_a_file(model, source, tmp_path, monkeypatch, form):
    randomness = random.Random(form)
    names = f"out.{form}", f"expected.{form}"

    def run(name):
        options = Options(form, rows=ROWS)
        annotate_file(model, open_input(source, size=ROWS), tmp_path / name, options, on_error="skip")

    run(names[1])
    expected = contents(tmp_path)
    monkeypatch.setenv(SLEEP, "0.01")
    folder = tmp_path / f".{names[0]}.parts"
    for number in range(4):
        is_killed = kill_at_random(lambda: run(names[0]), folder, randomness)
        assert is_killed or number
        if (tmp_path / names[0]).exists():
            assert (tmp_path / names[0]).read_bytes() == expected[names[1]]
        if not folder.exists():  # it was complete
            break
    monkeypatch.setenv(SLEEP, "0")
    if folder.exists():
        run(names[0])
    found = contents(tmp_path)
    assert {name: found[name.replace("expected", "out")] for name in expected} == expected
    assert not folder.exists()
