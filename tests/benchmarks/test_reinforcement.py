import pytest

from benchmarks import reinforcement, tables
from benchmarks.results import read


@pytest.mark.filterwarnings("ignore")
def test_each_gain_is_a_row(small, monkeypatch):
    monkeypatch.setattr(reinforcement, "DATA", {"other": ("zh_cpu", 2), "hand": ("zh_cpu", 2)})
    rows = reinforcement.measure(small, "hand", seeds=1, updates=1)
    # The text label, entities and whole texts; relations are not found after one update, but there is gold.
    assert [row["level"] for row in rows] == ["text", *["word"] * 3, *["whole"] * 2, *["relations"] * 2]
    assert {row["arm"].partition("-")[0] for row in rows} == {"both", "word_reads_text"}
    assert all(row["seeds"] == [0] and row["updates"] == 1 for row in rows)
    reinforcement.record(rows, 1)
    reinforcement.record([{**row, "data": "other"} for row in rows], 1)
    assert [row["data"] for row in read("reinforcement")["rows"]] == ["other"] * 8 + ["hand"] * 8
    table = tables.TABLES["reinforcement"]()
    assert table.count("\n| hand | `zh_cpu` | ") == 8 and ", weight 0.03 |" in table


def test_the_committed_rows_have_the_best_weights():
    rows = read("reinforcement")["rows"]
    assert {row["data"] for row in rows} <= set(reinforcement.DATA) and len(rows) >= 8
    assert all(row["arm"].partition("-")[2] in {f"{one:g}" for one in reinforcement.WEIGHTS} for row in rows)
    assert all(len(row["seeds"]) >= 2 for row in rows)
