"""A newcomer's first day, in empty environments: forty sentences of one's own become a package that works elsewhere.

Downloads several hundred megabytes, so it only runs with `make newcomer`.
"""

import json
import os
import subprocess
import sys
import time
import venv

import pytest

from tests.cli.test_train import write_texts
from tests.installed import ROOT, build_wheel

pytestmark = pytest.mark.skipif(not os.environ.get("MRE_NEWCOMER"), reason="needs MRE_NEWCOMER=1 and downloads")

# Precision on single sentences and on documents of ten, of entities and of relations.
MEASURE = """
import json, sys, spacy
nlp = spacy.load("ja_news")
gold = [json.loads(line) for line in open(sys.argv[1], encoding="utf8")]

def items(doc):
    entities = {(span.start_char, span.end_char, span.label_) for span in doc.spans["entities"]}
    relations = {(t.head.start_char, t.tail.start_char, t.label) for t in doc._.triples}
    return entities, relations

def expected(records, offsets):
    entities, relations = set(), set()
    for record, offset in zip(records, offsets):
        by_id = {entity["id"]: entity for entity in record["entities"]}
        entities |= {(e["start_offset"] + offset, e["end_offset"] + offset, e["label"]) for e in record["entities"]}
        for relation in record["relations"]:
            head, tail = by_id[relation["from_id"]], by_id[relation["to_id"]]
            relations.add((head["start_offset"] + offset, tail["start_offset"] + offset, relation["type"]))
    return entities, relations

def precision(size):
    right, found = [0, 0], [0, 0]
    for first in range(0, len(gold), size):
        records = gold[first : first + size]
        offsets = [sum(len(other["text"]) for other in records[:i]) for i in range(len(records))]
        doc = nlp("".join(record["text"] for record in records))
        for level, (predicted, wanted) in enumerate(zip(items(doc), expected(records, offsets))):
            right[level] += len(predicted & wanted)
            found[level] += len(predicted)
    return [100 * one / max(all_, 1) for one, all_ in zip(right, found)], found

print(json.dumps({"sentences": precision(1), "documents": precision(10)}))
"""


# The packages of these tests are not for the environments.
CLEAN = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("newcomer")


def make_environment(path, *requirements):
    """A virtual environment with nothing but the requirements, and its Python."""
    venv.create(path, with_pip=True)
    python = path / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    command = [python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", "torch"]
    subprocess.run([*command, *requirements], check=True, cwd=path, env=CLEAN)
    return python


@pytest.mark.timeout(3600)
def test_from_forty_sentences_to_a_package_that_works_elsewhere(folder):
    (folder / "source").mkdir()
    wheel = build_wheel(folder / "source", folder / "dist")
    python = make_environment(folder / "training", f"{wheel}[ja]")
    assert write_texts(folder / "own.jsonl") == 40

    start = time.monotonic()
    command = [python, "-m", "spacy_mre", "train", "own.jsonl", "own", "--name", "news"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=CLEAN)
    seconds = time.monotonic() - start
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    print(done.stdout)
    scores = json.loads((folder / "own/scores.json").read_text(encoding="utf8"))
    assert scores["spans_entities_f"] > 0.2

    (package,) = (folder / "own/packages").rglob("*.whl")
    elsewhere = make_environment(folder / "elsewhere", wheel, package)
    start = time.monotonic()
    measure = [elsewhere, "-c", MEASURE, folder / "own.jsonl"]
    done = subprocess.run(measure, cwd=folder / "elsewhere", capture_output=True, text=True, env=CLEAN)
    assert done.returncode == 0, done.stderr
    seconds += time.monotonic() - start
    measured = json.loads(done.stdout)
    print(f"{seconds:.0f} seconds besides installing; precision (entities, relations) and counts: {measured}")
    (alone, _), (of_documents, _) = measured["sentences"], measured["documents"]
    assert all(abs(one - other) <= 5 for one, other in zip(alone, of_documents))
    assert seconds < 600
