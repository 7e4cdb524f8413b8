"""Counts of instructions: what is counted, and with what it is compared."""

import os
from types import SimpleNamespace

import pytest
from torch.utils.benchmark import Timer
from typer.testing import CliRunner

from benchmarks import results
from benchmarks.__main__ import app
from benchmarks.speed import instructions

ROWS = [
    {"name": "spert_mt", "count": 1000, "min": 999, "max": 1001},
    {"name": "multi_ner", "count": 2000, "min": 2000, "max": 2000},
]
ABOUT = {"versions": {"torch": "1"}, "cpu": {"vendor": "x"}}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder, with a valgrind that is there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / results.RESULTS).mkdir(parents=True)
    monkeypatch.setattr(instructions, "missing", lambda: "")
    monkeypatch.setattr(instructions, "about_here", lambda: ABOUT)
    return tmp_path


def test_each_workload_has_something_to_do():
    output = instructions.spert_mt()()
    assert len(output.entities) == instructions.TEXTS * instructions.TOKENS / 8 and len(output.scores)
    output = instructions.multi_ner()()
    assert len(output.spans) and output.left_out
    logits = instructions.textcat()()
    assert logits.shape == (instructions.TEXTS, 4) and logits.any()


def test_workloads_take_turns(monkeypatch):
    order = []
    makers = {name: lambda name=name: lambda: order.append(name) for name in "ab"}
    monkeypatch.setattr(instructions, "WORKLOADS", makers)
    step = instructions.take_turns()
    assert order == ["a", "b"]  # what a first call does once is not counted
    order.clear()
    step()
    assert order == []
    for _ in range(4):
        step()
    assert order == ["a", "b", "a", "b"]


def test_counts_are_those_of_their_workload(monkeypatch):
    def collect(timer, **settings):
        assert os.environ["OMP_NUM_THREADS"] == "1" and os.environ["MKL_CBWR"] == "AVX2"
        turns = range(settings["repeats"])
        return [SimpleNamespace(counts=lambda turn=turn: 10 ** (turn % 3) + turn // 3) for turn in turns]

    monkeypatch.setattr(Timer, "collect_callgrind", collect)
    monkeypatch.delenv("MKL_CBWR", raising=False)
    before = dict(os.environ)
    rows = instructions.count(repeats=3)
    assert [(row["name"], row["count"], row["min"], row["max"]) for row in rows] == [
        ("spert_mt", 2, 1, 3),
        ("multi_ner", 11, 10, 12),
        ("textcat", 101, 100, 102),
    ]
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    ("share", "verdict"), [(1.0, "same"), (1.015, "same"), (1.03, "worse"), (0.97, "better"), (0.985, "same")]
)
def test_more_instructions_are_worse(share, verdict):
    moved = [{**row, **{key: share * row[key] for key in ("count", "min", "max")}} for row in ROWS]
    found = instructions.check_instructions(moved, {"rows": ROWS})
    assert [(one.name, one.verdict) for one in found] == [("spert_mt", verdict), ("multi_ner", verdict)]


def test_new_workloads_are_told():
    [one, other] = instructions.check_instructions(ROWS, {"rows": ROWS[:1]})
    assert one.verdict == "same" and other.verdict is None and other.note == "no committed count"


def test_counts_of_other_versions_are_not_compared(place, monkeypatch):
    assert "instructions.json is missing" in instructions.why_not_compared()
    instructions.record(ROWS)
    assert instructions.why_not_compared() == ""
    monkeypatch.setattr(instructions, "about_here", lambda: {**ABOUT, "versions": {"torch": "2"}})
    assert instructions.why_not_compared().endswith("torch: 2 here, 1 committed")
    result = CliRunner().invoke(app, ["instructions"])
    assert result.exit_code == 0 and "skipped" in result.output and "torch: 2 here, 1 committed" in result.output


def test_without_valgrind_it_is_skipped(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert instructions.why_not_compared().endswith("not found; install valgrind")
    assert CliRunner().invoke(app, ["instructions"]).exit_code == 0
    assert CliRunner().invoke(app, ["instructions", "--record"]).exit_code == 1


@pytest.mark.parametrize(("share", "code"), [(1, 0), (2, 1)])
def test_the_command(share, code, place, monkeypatch):
    monkeypatch.setattr(instructions, "count", lambda: ROWS)
    assert CliRunner().invoke(app, ["instructions", "--record"]).exit_code == 0
    moved = [{**row, **{key: share * row[key] for key in ("count", "min", "max")}} for row in ROWS]
    monkeypatch.setattr(instructions, "count", lambda: moved)
    result = CliRunner().invoke(app, ["instructions"])
    assert result.exit_code == code, result.output
    assert ("worse" in result.output) == bool(code)


@pytest.mark.skipif("MRE_CALLGRIND" not in os.environ, reason="minutes under valgrind; MRE_CALLGRIND=1 runs it")
@pytest.mark.skipif(bool(instructions.missing()), reason=instructions.missing())
@pytest.mark.timeout(1800)
def test_counts_under_callgrind():
    rows = {row["name"]: row for row in instructions.count(repeats=2)}
    assert set(rows) == set(instructions.WORKLOADS)
    assert 10_000 < rows["textcat"]["count"] < rows["spert_mt"]["count"] < 1e9
    assert all(row["max"] <= (1 + instructions.TOLERANCE) * row["min"] for row in rows.values())


def test_the_committed_counts_vary_less_than_the_tolerance():
    for row in instructions.read()["rows"]:
        assert row["max"] - row["min"] < instructions.TOLERANCE * row["count"]
