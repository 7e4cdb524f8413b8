"""The tables of README.md and the docs are those that the committed results give."""

import json
import shutil
from pathlib import Path

from benchmarks import tables

ROOT = Path(__file__).parents[2]


def test_tables_are_up_to_date(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "README.md", tmp_path)
    shutil.copytree(ROOT / "benchmarks" / "results", tmp_path / "benchmarks" / "results")
    monkeypatch.chdir(tmp_path)
    tables.main()
    for page in (Path("README.md"), *(Path("docs") / page.name for page in (ROOT / "docs").glob("*.md"))):
        assert (tmp_path / page).read_text(encoding="utf8") == (ROOT / page).read_text(encoding="utf8"), (
            "run python -m benchmarks.tables"
        )


def test_rows_hold_what_every_row_holds():
    keys = {
        "dataset",
        "variant",
        "seed",
        "split",
        "spans_f",
        "ents_f",
        "rel_f",
        "rel_strict_f",
        "cats_macro_f",
        "seconds",
    }
    for path in (ROOT / "benchmarks" / "results").glob("*.json"):
        results = json.loads(path.read_text(encoding="utf8"))
        assert results["command"] and results["versions"]
        for row in results["rows"]:
            if "ratio" in row:  # of one thing over another, not of a system
                assert {"name", "ratio", "min", "max", "runs"} <= set(row)
                continue
            assert keys <= set(row)
            assert all(row[key] is None or 0.0 <= row[key] <= 1.0 for key in keys if key.endswith("_f"))


def test_what_was_not_run_yet_is_stood_in_for_by_what_was_shipped_before(monkeypatch):
    summary = tables.read("accuracy.json")
    without = {
        **summary,
        "rows": [row for row in summary["rows"] if (row["dataset"], row["variant"]) != ("conll04", "spert_mt")],
    }
    monkeypatch.setattr(tables, "read", lambda name: without)
    before = [
        row
        for row in without["rows"]
        if (row["phase"], row["dataset"], row["variant"]) == ("full", "conll04", "no_hidden")
    ]
    assert f"| CoNLL04, English † | MiniLM | {tables.spreads(before)[0]} |" in tables.headline()
