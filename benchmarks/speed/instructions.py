"""Instructions of the head code, counted by callgrind: they depend neither on the clock nor on other processes.

callgrind emulates a processor with AVX2 and without AVX-512, and the libraries are told to use AVX2, so that machines
with more than that count the same.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy
import srsly
import torch
from thinc.api import Model
from torch.utils.benchmark import Timer

from spacy_mre.encoders.encoder import Encoded
from spacy_mre.evaluation.run_files import get_versions
from spacy_mre.files import replacing
from spacy_mre.pipeline.multi_ner.decoding import decode
from spacy_mre.pipeline.multi_ner.heads import MultiNERHeads
from spacy_mre.pipeline.multi_ner.interaction import EncodedPairs
from spacy_mre.pipeline.multi_ner.output import MultiNEROptions
from spacy_mre.pipeline.textcat.model import build_textcat

from .. import results
from .check import Finding, Spread, differing, judge
from .heads import ENTITY_LABELS, WIDTH, random_batch, subject
from .measuring import THREAD_VARIABLES

FILE = results.RESULTS / "instructions.json"
COMMAND = "python -m benchmarks instructions --record"
TOOLS = ("valgrind", "callgrind_control", "callgrind_annotate")
PACKAGES = ("spacy", "thinc", "torch", "numpy")
TEXTS, TOKENS = 2, 32
REPEATS = 5
# Two processes counted the same; the turns of one process differ by up to 1 %, because memory is not in the same state.
TOLERANCE = 0.02
# What takes part in the choice of kernels.
CPU_FLAGS = ("avx2", "fma", "bmi2")
ENVIRONMENT = {
    **dict.fromkeys(THREAD_VARIABLES, "1"),
    "PYTHONHASHSEED": "0",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_CBWR": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "HF_HUB_OFFLINE": "1",
}


# What is counted


def spert_mt() -> Callable[[], Any]:
    """Scores of spans and pairs, and decoding."""
    return subject("ours", TEXTS, TOKENS)


def multi_ner() -> Callable[[], Any]:
    """Attention between types, scores of boundaries and spans, and decoding."""
    torch.manual_seed(0)
    made = MultiNERHeads(WIDTH, ENTITY_LABELS, type_attention="token", heads="per_type", hidden_size=256, dropout=0.1)
    vectors = numpy.random.default_rng(0).standard_normal((ENTITY_LABELS, TEXTS * TOKENS, WIDTH), dtype="f")
    encoded = EncodedPairs.of_tokens(vectors, numpy.full(TEXTS, TOKENS))
    # Untrained scorers of boundaries say about 0.05: many tokens are above half of that, and all spans above 0.
    options = MultiNEROptions([], 0.05, 0.0, overlap="nested", one_type_per_span=True, ends_per_start=10)
    made.eval()

    def call() -> Any:
        with torch.no_grad():
            return decode(made, encoded, options)

    return call


def textcat() -> Callable[[], Any]:
    """The scores of text labels, through its model."""
    torch.manual_seed(0)
    encoded = random_batch(TEXTS, TOKENS)

    def forward(model: Model, docs: list, is_train: bool) -> tuple[Encoded, Callable]:
        return encoded, lambda d_encoded: []

    model = build_textcat(Model("random_batch", forward, dims={"nO": WIDTH}))
    model.get_ref("head").attrs["labels"] = {"labels": ENTITY_LABELS}
    model.initialize()
    return lambda: model.predict([])


WORKLOADS = {"spert_mt": spert_mt, "multi_ner": multi_ner, "textcat": textcat}


def take_turns() -> Callable[[], Any]:
    """RETURNS (Callable[[], Any]): A function that calls the workloads in turn, all of which have run before. Its own
    first call does nothing: a timer makes one that does not count."""
    calls = [make() for make in WORKLOADS.values()]
    for call in calls:
        call()
    turn = -1

    def step() -> None:
        nonlocal turn
        if turn >= 0:
            calls[turn % len(calls)]()
        turn += 1

    return step


# Counting


def missing() -> str:
    """RETURNS (str): Why nothing can be counted here; empty if it can."""
    lacking = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"{', '.join(lacking)} not found; install valgrind" if lacking else ""


def count(repeats: int = REPEATS) -> list[dict[str, Any]]:
    """Count the instructions of all workloads, in one process under callgrind.

    repeats (int): How often each is counted. Default: 5.
    RETURNS (list[dict[str, Any]]): A row with the median, the lowest and the highest count for each.
    """
    timer = Timer("step()", setup=f"from {__name__} import take_turns\nstep = take_turns()")
    with environment():
        turns = timer.collect_callgrind(
            number=1, repeats=repeats * len(WORKLOADS), collect_baseline=False, retain_out_file=False
        )
    counts = [stats.counts() for stats in turns]
    rows = []
    for i, name in enumerate(WORKLOADS):
        found = counts[i :: len(WORKLOADS)]
        rows.append({"name": name, "count": statistics.median(found), "min": min(found), "max": max(found)})
    return rows


@contextmanager
def environment() -> Iterator[None]:
    """The process that is counted is the first `python` on the path, and imports this package."""
    paths = {"PATH": str(Path(sys.executable).parent), "PYTHONPATH": str(Path.cwd())}
    before = dict(os.environ)
    os.environ.update(ENVIRONMENT)
    os.environ.update({name: os.pathsep.join(filter(None, [first, before.get(name)])) for name, first in paths.items()})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def about_here() -> dict[str, Any]:
    """RETURNS (dict[str, Any]): "versions" and "cpu": what counts depend on."""
    valgrind = subprocess.run(["valgrind", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    versions = {**get_versions(PACKAGES), "python": sys.version.split()[0], "valgrind": valgrind.partition("-")[2]}
    info = Path("/proc/cpuinfo").read_text()
    vendor, flags = (re.search(rf"^{field}\s*: (.+)", info, re.M) for field in ("vendor_id", "flags"))
    known = set(flags[1].split()) if flags else set()
    features = " ".join(flag for flag in CPU_FLAGS if flag in known)
    return {"versions": versions, "cpu": {"vendor": vendor[1] if vendor else "unknown", "features": features}}


def read() -> dict[str, Any]:
    """RETURNS (dict[str, Any]): What `record` wrote."""
    return srsly.read_json(FILE)


def record(rows: list[dict[str, Any]]) -> None:
    """Write the counts, with all that they depend on."""
    about = {"command": COMMAND, "commit": results.get_commit(), **about_here(), "repeats": REPEATS}
    with replacing(FILE) as temporary:
        srsly.write_json(temporary, {**about, "rows": rows})


def check_instructions(rows: list[dict[str, Any]], committed: dict[str, Any]) -> list[Finding]:
    """Compare counts with the committed ones, by the rule of `judge`.

    rows (list[dict[str, Any]]): From `count`.
    committed (dict[str, Any]): What `record` wrote.
    RETURNS (list[Finding]): One for each row.
    """
    before = {row["name"]: row for row in committed["rows"]}
    findings = []
    for row in rows:
        if row["name"] not in before:
            findings.append(Finding(row["name"], note="no committed count"))
            continue
        old, new = (Spread(of["count"], of["min"], of["max"]) for of in (before[row["name"]], row))
        findings.append(Finding(row["name"], judge(old, new, TOLERANCE), old, new))
    return findings


def why_not_compared() -> str:
    """RETURNS (str): Why counts from here cannot be compared with the committed ones; empty if they can."""
    if reason := missing():
        return reason
    if not FILE.exists():
        return f"{FILE} is missing; `{COMMAND}` writes it"
    different = differing(read(), about_here())
    return f"counts depend on what differs here: {'; '.join(different)}" if different else ""
