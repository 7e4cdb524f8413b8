"""The command `try-package`. Its whole way, with an installation, is a step of the project."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
import spacy

from spacy_mre.cli.try_package import ANALYSIS, _newest


def test_a_pipeline_without_a_span_group(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "person", "pattern": "Ida"}])
    nlp.to_disk(tmp_path / "model")
    command = [sys.executable, "-c", ANALYSIS, "model", "Ida left."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == ["entities: [('Ida', 'person')]", "relations: []", "cats: {}"]


@pytest.mark.parametrize("statuses, number", [([1], "M623"), ([0, 1], "M624")])
def test_failures_are_errors(run, tmp_path, monkeypatch, statuses, number):
    wheel = tmp_path / "en_none-0.1.0-py3-none-any.whl"
    wheel.write_bytes(b"")
    monkeypatch.setattr("venv.create", lambda *arguments, **options: None)
    monkeypatch.setattr("subprocess.run", lambda *_, **__: SimpleNamespace(returncode=statuses.pop(0)))
    output = run("try-package", "en_none", "Ida left.", wheel, code=1)
    assert f"[{number}]" in output and wheel.name in output and not statuses


def test_the_newest_wheels_of_a_folder_are_installed(tmp_path):
    names = ["en_x-0.9.0", "en_x-0.10.0", "spacy_mre-0.1.0"]
    for name in names:
        (tmp_path / f"{name}-py3-none-any.whl").write_bytes(b"")
    (tmp_path / "notes.whl").write_bytes(b"")
    found = _newest(sorted(tmp_path.rglob("*.whl")))
    assert [file.name.removesuffix("-py3-none-any.whl") for file in found] == [*names[1:2], "notes.whl", names[2]]
