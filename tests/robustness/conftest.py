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
TITLES: dict[str, str] = {}
STARTED = time.time()


def pytest_collection_modifyitems(items):
    for item in items:
        if "/robustness/" in item.nodeid:
            TITLES[function_of(item.nodeid)] = item.function.__name__.removeprefix("test_").replace("_", " ")


def pytest_runtest_logreport(report):
    if report.failed and "/robustness/" in report.nodeid:
        FAILED[function_of(report.nodeid)] += 1


def pytest_sessionfinish(session):
    """With pytest-xdist each worker passes its counts to the main process, which writes the file."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["robustness_inputs"] = dict(INPUTS)
        session.config.workeroutput["robustness_titles"] = TITLES
        return
    path = os.environ.get("MRE_FUZZ_RESULTS")
    if path:
        rows = [
            {
                "test": test,
                "file": test.split("::")[0].removeprefix("test_").removesuffix(".py"),
                "title": title,
                "inputs": INPUTS[test],
                "failed": FAILED[test],
            }
            for test, title in TITLES.items()
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
    TITLES.update(output.get("robustness_titles", {}))


@pytest.fixture(scope="session")
def saved_models(tiny_bert, tmp_path_factory):
    """A saved pipeline of each kind, which no test may change."""
    from tests.robustness.saved import kinds, save

    folder = tmp_path_factory.mktemp("saved")
    return {name: save(*kind, folder / name) for name, kind in kinds(tiny_bert).items()}
