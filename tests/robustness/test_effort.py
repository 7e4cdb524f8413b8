"""The counts that `make fuzz` records."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.robustness.effort import scale

TESTS = """
"Some tests."
import pytest
from tests.robustness.effort import count, scale

@pytest.mark.parametrize("x", [1, 2])
def test_counts(x):
    count(scale(x))

def test_fails():
    count()
    assert False
"""


def test_inputs_and_failures_are_recorded(tmp_path, monkeypatch):
    monkeypatch.setenv("MRE_FUZZ", "5")
    monkeypatch.setenv("MRE_FUZZ_RESULTS", str(tmp_path / "results.json"))
    assert scale(2) == 10
    here = Path(__file__).parent
    folder = tmp_path / "tests" / "robustness"
    folder.mkdir(parents=True)
    for name in ("effort.py", "conftest.py"):
        (folder / name).write_bytes((here / name).read_bytes())
    (folder / "test_some.py").write_text(TESTS)
    # The package `benchmarks` is found here.
    environment = {**os.environ, "PYTHONPATH": str(here.parents[1])}
    for workers in ([], ["-n", "1"]):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", *workers]
        run = subprocess.run(
            [*command, "tests"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert run.returncode == 1, run.stdout + run.stderr
        rows = {row.pop("test"): row for row in json.loads((tmp_path / "results.json").read_text())["rows"]}
        assert rows == {
            "test_some.py::test_counts": {"file": "some", "about": "Some tests.", "inputs": 15, "failed": 0},
            "test_some.py::test_fails": {"file": "some", "about": "Some tests.", "inputs": 1, "failed": 1},
        }
