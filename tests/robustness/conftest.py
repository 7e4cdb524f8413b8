"""Records what the robustness tests have tried in the JSON file that MRE_FUZZ_RESULTS names; `make fuzz` sets it."""

import json
import os
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import pytest

from benchmarks.results import get_commit
from tests.robustness.effort import INPUTS, function_of, scale

VERSIONS = ("spacy", "torch", "hypothesis")
FAILED: Counter[str] = Counter()
CALLED: Counter[str] = Counter()
# What the module of each test is about.
ABOUT: dict[str, str] = {}
STARTED = time.time()


def pytest_collection_modifyitems(items):
    for item in items:
        if "/robustness/" in item.nodeid:
            ABOUT[function_of(item.nodeid)] = (item.module.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")


def pytest_runtest_logreport(report):
    if report.when == "call" and "/robustness/" in report.nodeid:
        CALLED[function_of(report.nodeid)] += 1
    if report.failed and "/robustness/" in report.nodeid:
        FAILED[function_of(report.nodeid)] += 1


def pytest_sessionfinish(session):
    """With pytest-xdist each worker passes its counts to the main process, which writes the file."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["robustness_inputs"] = dict(INPUTS)
        session.config.workeroutput["robustness_about"] = ABOUT
        return
    path = os.environ.get("MRE_FUZZ_RESULTS")
    if path:
        rows = [
            {
                "test": test,
                "file": test.split("::")[0].removeprefix("test_").removesuffix(".py"),
                "about": about,
                "inputs": INPUTS[test] or CALLED[test],
                "failed": FAILED[test],
            }
            for test, about in ABOUT.items()
        ]
        results = {
            "command": f"make fuzz FUZZ={scale(1)}",
            "commit": get_commit(),
            "versions": {name: version(name) for name in VERSIONS},
            "seconds": round(time.time() - STARTED),
            "rows": sorted(rows, key=lambda row: row["test"]),
        }
        Path(path).write_text(json.dumps(results, indent=1), encoding="utf8")


def pytest_testnodedown(node, error):
    output = getattr(node, "workeroutput", {})
    INPUTS.update(output.get("robustness_inputs", {}))
    ABOUT.update(output.get("robustness_about", {}))


@pytest.fixture(scope="session")
def saved_models(tiny_bert, tmp_path_factory):
    """A saved pipeline of each kind, which no test may change."""
    from tests.robustness.saved import kinds, save

    folder = tmp_path_factory.mktemp("saved")
    return {name: save(*kind, folder / name) for name, kind in kinds(tiny_bert).items()}
