"""The comparison of rows measured anew with the committed ones."""

from io import StringIO

import pytest
from rich.console import Console
from typer.testing import CliRunner

from benchmarks import results
from benchmarks.__main__ import app
from benchmarks.speed import check as checking
from benchmarks.speed.check import CHECKED, Finding, Spread, check, compare, differing, is_bad, judge, table
from benchmarks.speed.measuring import MEASUREMENTS, Settings

QUICK = "heads_vs_textbook_speedup"


@pytest.mark.parametrize(
    ("new", "verdict"),
    [
        (Spread(1.0, 0.9, 1.1), "same"),
        (Spread(1.5, 1.3, 1.6), "worse"),  # 1.3 > 1.2, and 1.5 > 1.1
        (Spread(1.5, 1.2, 1.6), "same"),  # the ranges touch
        (Spread(1.5, 1.1, 1.6), "same"),  # the ranges overlap
        (Spread(0.7, 0.6, 0.75), "better"),  # 0.75 < 0.8, and 0.7 < 0.9
        (Spread(0.7, 0.6, 0.85), "same"),
    ],
)
def test_ranges_and_medians(new, verdict):
    committed = Spread(1.0, 0.8, 1.2)
    assert judge(committed, new, 0.1) == verdict
    opposite = {"worse": "better", "better": "worse", "same": "same"}[verdict]
    assert judge(committed, new, 0.1, more_is_better=True) == opposite


@pytest.mark.parametrize(("tolerance", "verdict"), [(0.0, "worse"), (0.04, "worse"), (0.06, "same")])
def test_a_difference_within_the_tolerance_counts_for_nothing(tolerance, verdict):
    assert judge(Spread(1.0, 1.0, 1.0), Spread(1.05, 1.05, 1.05), tolerance) == verdict
    assert judge(Spread(1.0, 1.0, 1.0), Spread(0.95, 0.95, 0.95), tolerance, more_is_better=True) == verdict


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("heads_vs_spancat", "worse"),
        ("growth_exponent_time", "worse"),
        ("fast_tok2vec_speedup", "better"),
        ("same_sorted", "better"),
        ("accuracy_int8_dev_entities", "better"),
    ],
)
def test_more_is_better_for_some_rows(name, verdict):
    old, new = ({"name": name, "ratio": value, "min": value, "max": value} for value in (1.0, 2.0))
    assert compare(old, new).verdict == verdict
    assert name in [row for measurement in MEASUREMENTS for row in measurement.rows]


def test_checked_rows_are_measured_and_committed():
    known = {row for measurement in MEASUREMENTS for row in measurement.rows}
    assert set(CHECKED) <= known & {row["name"] for row in results.read("speed")["rows"]}


def test_what_differs_is_told():
    committed = {"versions": {"torch": "1", "numpy": "2"}, "machine": {"threads": 2}}
    here = {"versions": {"torch": "1", "numpy": "3"}, "machine": {"threads": 2}}
    assert differing(committed, committed) == []
    assert differing(committed, here) == ["numpy: 3 here, 2 committed"]
    assert differing({}, {"machine": {"threads": 2}}) == ["threads: 2 here, None committed"]


def test_a_run_is_compared_and_not_recorded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / results.RESULTS).mkdir(parents=True)
    results.write("speed", {"rows": [{"name": QUICK, "ratio": 1e6, "min": 1e6, "max": 1e6}]})
    before = (tmp_path / results.RESULTS / "speed.json").read_bytes()
    [found] = check([QUICK], Settings(rounds=2, quick=True), Console(quiet=True), threads=1)
    assert (found.name, found.verdict) == (QUICK, "worse") and is_bad(found)
    assert found.new is not None and 0 < found.new.low <= found.new.median <= found.new.high < 1e6
    assert (tmp_path / results.RESULTS / "speed.json").read_bytes() == before


def test_what_cannot_be_compared_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / results.RESULTS).mkdir(parents=True)
    committed = [{"name": name, "ratio": 1.0, "min": 1.0, "max": 1.0} for name in CHECKED if name != "blank_vs_without"]
    results.write("speed", {"rows": committed})
    monkeypatch.setattr(checking, "measure", lambda *arguments: None)
    found = {one.name: one for one in check([], Settings(), Console(quiet=True))}
    assert set(found) == set(CHECKED)
    assert [one.name for one in found.values() if is_bad(one)] == [QUICK] and found[QUICK].failed
    assert found["blank_vs_without"].note == "no committed row"
    assert "benchmarks check int8_speedup" in found["int8_speedup"].note
    # A named row is measured, whatever it needs.
    assert [(one.name, one.failed) for one in check(["int8_speedup"], Settings(), Console(quiet=True))] == [
        ("int8_speedup", True)
    ]
    with pytest.raises(ValueError, match="nonsense"):
        check(["nonsense"], Settings(), Console(quiet=True))


def test_the_table_tells_every_verdict():
    spread = Spread(2.0, 1.0, 3.0)
    findings = [
        Finding("a", "worse", spread, Spread(6.0, 5.0, 7.0)),
        Finding("b", "better", Spread(2e6, 2e6, 2e6), Spread(1e6, 1e6, 1e6)),
        Finding("c", note="no reason"),
        Finding("d", note="an error", failed=True),
    ]
    console = Console(width=200, record=True, file=StringIO())
    console.print(table(findings, "Ratios"))
    lines = console.export_text().splitlines()
    cells = {
        row[1]: row[2:-1] for row in ([cell.strip() for cell in line.split("│")] for line in lines) if len(row) > 2
    }
    assert cells["a"] == ["2 (1 to 3)", "6 (5 to 7)", "3", "worse"]
    assert cells["b"][1:] == ["1,000,000 (1,000,000 to 1,000,000)", "0.5", "better"]
    assert cells["c"][-1] == "skipped: no reason" and cells["d"][-1] == "failed: an error"


@pytest.mark.parametrize(("verdict", "code"), [("worse", 1), ("better", 0), ("same", 0)])
def test_the_command_fails_if_a_row_is_worse(verdict, code, monkeypatch):
    found = Finding(QUICK, verdict, Spread(1.0, 1.0, 1.0), Spread(1.0, 1.0, 1.0))
    monkeypatch.setattr(checking, "check", lambda *arguments, **options: [found])
    result = CliRunner().invoke(app, ["check", QUICK])
    assert result.exit_code == code and verdict in result.output
    assert CliRunner().invoke(app, ["check", "nonsense"]).exit_code == 2
