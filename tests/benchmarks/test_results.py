"""The committed results: complete, and the source of every table."""

import json
import shutil
from pathlib import Path

import numpy
import pytest

from benchmarks import results, tables
from benchmarks.grid import Grid
from benchmarks.plots import draw_plots
from benchmarks.tables import accuracy, generative, reliability, speed
from benchmarks.tables.formatting import difference, gold_shares, legend, markdown, scores

ROOT = Path(__file__).parents[2]
GRID = Grid.load()


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """The pages and results in a folder where they may be changed."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "README.md", tmp_path)
    shutil.copytree(ROOT / "benchmarks" / "results", tmp_path / "benchmarks" / "results")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_tables_are_up_to_date(copy):
    assert tables.write_tables() == [], "run python -m benchmarks table"


def test_every_table_is_on_a_page():
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    used = {name for page in pages for _, name, _ in tables.PLACE.findall(page.read_text(encoding="utf8"))}
    assert used == set(tables.TABLES)


def test_tables_without_results_show_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ("headline", "accuracy", "calibration", "mistakes", "boundaries", "training_times", "multi_ner")
    for name in (*names, "speed"):
        assert tables.TABLES[name]().startswith("No runs yet: `python -m benchmarks run --suite ")


@pytest.mark.parametrize("suite", [name for name, about in GRID.suites.items() if "command" not in about])
def test_rows_are_complete(suite):
    found = results.read(suite)
    keys = {"dataset", "variant", "seed", "split", "spans_f", "ents_f", "rel_f", "rel_strict_f", "cats_macro_f"}
    keys |= {"phase", "seconds", "versions", "device", "commit"}
    assert found["command"] and found["versions"] and found["rows"]
    for row in found["rows"]:
        assert keys <= set(row)
        assert row["variant"] in GRID.suites[suite]["variants"] and row["phase"] in GRID.suites[suite]["phases"]
        assert all(row[key] is None or 0.0 <= row[key] <= 1.0 for key in keys if key.endswith("_f"))
    assert len({results._key(row) for row in found["rows"]}) == len(found["rows"])


def test_runs_that_did_not_train_have_no_time(monkeypatch):
    about = {"dataset": "crossre_zh_e5", "variant": "spert_mt", "trained_on": "train", "updates": 700}
    rows = [{**about, "device": "CPU, 1 threads", "seconds": seconds} for seconds in (1.1, 600.0, 660.0)]
    rows.append({**about, "device": "NVIDIA H200", "seconds": 60.0})
    monkeypatch.setattr(accuracy, "read", lambda suite: {"rows": rows})
    assert accuracy.times().splitlines()[2:] == [
        "| `zh_e5` | multilingual E5 | CrossRE, Chinese | 2,151 | 700 | 2 | 10 | 0.9 |"
    ]


def test_seeds_of_generated_strings_are_averaged(monkeypatch):
    about = {"phase": "levels", "dataset": "smp2019", "constraint": "grammar", "updates": 9}
    about |= {"device": "CPU", "commit": "c", "format_acc": 1.0}
    text = {**about, "variant": "oiellm_text", "ner_acc": None, "all_acc": 0.5, "spans_f": None}
    both = {**about, "variant": "oiellm", "sc_acc": 0.7, "ner_acc": 0.2, "all_acc": 0.1, "spans_f": 0.3}
    rows = [{**text, "sc_acc": 0.4}, both, {**text, "sc_acc": 0.6}]
    found = {"command": "x", "versions": {}, "rows": rows}
    monkeypatch.setattr(generative, "read", lambda suite: {**found, "rows": [dict(row) for row in rows]})
    first, second = generative.levels().splitlines()[2:4]
    assert first == (
        "| smp2019 | `oiellm_text` | text label only | 9 | 2 | grammar | 100.00 ± 0.00 | 50.00 ± 14.14 | - | - | - |"
    )
    assert second.endswith("| 9 | 1 | grammar | 100.0 | 70.0 | 20.0 | 10.0 | 30.0 |")


def test_counts_give_the_scores_of_their_rows():
    layers = {"entities": "spans_f", "strict_relations": "rel_strict_f"}
    checked = 0
    for suite, about in GRID.suites.items():
        rows = results.read(suite)["rows"] if about.get("compare") else []
        counts = {dataset: results.read_counts(dataset) for dataset in {row["dataset"] for row in rows}}
        for row in rows:
            for layer, score in layers.items():
                name = f"{suite}/{row['phase']}/{row['variant']}/{row['seed']}/{layer}"
                array = counts[row["dataset"]].get(name)
                if array is not None and row[score] is not None:
                    right, wrong, missed = array.sum(axis=0, dtype=int).tolist()
                    assert 2 * right / max(2 * right + wrong + missed, 1) == pytest.approx(row[score], abs=1e-6), name
                    checked += 1
    assert checked > 50


@pytest.mark.parametrize(
    "suite, dataset, variant, score",
    [("accuracy", "conll04", "spert_mt", "rel_strict_f"), ("accuracy", "crossre_en", "spert_mt", "spans_f")],
)
def test_published_intervals_are_recomputed(suite, dataset, variant, score):
    found = results.read(suite)
    about = {"phase": "test", "dataset": dataset, "variant": variant, "score": score}
    (published,) = (one for one in found["comparisons"] if about.items() <= one.items())
    layer = GRID.suites[suite]["compare"][score]
    computed = results.compare(results.read_counts(dataset), suite, published, layer, found["rows"])
    assert computed["seeds"] == published["seeds"]
    for name in ("value", "low", "high", "p"):
        assert computed[name] == pytest.approx(published[name], abs=2e-6)


def test_counts_are_small():
    sizes = [path.stat().st_size for path in (ROOT / "benchmarks" / "results" / "counts").iterdir()]
    assert sum(sizes) < 1_000_000


def test_counts_are_kept_in_the_smallest_type(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written = {"a/test/x/0/entities": numpy.array([[1, 2, 3]]), "a/test/x/1/entities": numpy.array([[1, 2, 300]])}
    results.write_counts("d", written)
    counts = results.read_counts("d")
    assert [counts[name].dtype for name in written] == ["uint8", "uint16"]
    assert list(results.seeds_of(counts, "a", "test", "x", "entities")) == [0, 1]
    assert results.read_counts("other") == {}


def test_plots_are_the_same_every_time(copy):
    first, second = draw_plots(copy / "one"), draw_plots(copy / "two")
    assert [path.name for path in first] == ["speed_length.svg", "learning_curves.svg", "reinforcement.svg"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


# How tables are written


def test_markdown():
    table = markdown(["name", "value", "commit"], [["a", "+1.0 (-1 to 2)", "12ab"], ["b", "-", "34cd"]])
    assert table.splitlines() == [
        "| name | value | commit |",
        "| --- | ---: | --- |",
        "| a | +1.0 (-1 to 2) | 12ab |",
        "| b | - | 34cd |",
    ]


def test_numbers():
    assert scores([{"x": 0.5}, {"x": 0.6}], "x") == ["55.00 ± 7.07"] and scores([{"x": None}], "x") == ["-"]
    assert difference({"value": 0.01, "low": -0.02, "high": 0.03}) == "+1.00 (-2.00 to +3.00)"
    assert gold_shares({"right": 2, "missed": {"type": 1, "none": 1}}) == [0.5, 0.25, 0.25]
    assert [speed.number(value) for value in (0.06789, 1.0, 12.34, 1234.5)] == ["0.0679", "1.00", "12.3", "1,234"]
    assert [speed.seconds(value) for value in (0.01234, 2.345)] == ["12.3 ms", "2.35 s"]
    assert [speed.size(value) for value in (1.5e6, 2.5e9)] == ["1.5 MB", "2.50 GB"]


def test_every_row_of_speed_has_a_section():
    from benchmarks.speed.run import MEASUREMENTS

    prefixes = [prefix for of_section in speed.SECTIONS.values() for prefix in of_section]
    names = [name for measurement in MEASUREMENTS for name in measurement.rows]
    assert len(names) == len(set(names))
    assert all(sum(name.startswith(prefix) for prefix in prefixes) == 1 for name in names)


def test_the_committed_speed_is_complete():
    found = json.loads((ROOT / "benchmarks" / "results" / "speed.json").read_text(encoding="utf8"))
    promised = {"predict_vs_hf_encoder", "predict_vs_hf_encoder_ja", "predict_vs_transformer_pipe", "heads_vs_spancat"}
    promised |= {"heads_vs_textbook_speedup", "heads_vs_textbook_memory", "train_vs_encoder", "int8_speedup"}
    promised |= {"train_vs_textbook_speedup", "growth_exponent_time", "growth_exponent_memory", "blank_vs_without"}
    promised |= {"single_text_vs_hf_encoder", "load_vs_encoder_load", "same_one_by_one", "same_two_processes"}
    assert {row["name"] for row in found["rows"]} >= {*promised, "accuracy_int8_test_entities"}
    for row in found["rows"]:
        assert row["min"] <= row["ratio"] <= row["max"]
        # What does not vary is measured once.
        assert row["runs"] >= 3 or row["name"].startswith(("size_", "same_", "accuracy_"))


def test_one_thread_is_singular():
    rows = [{"device": device} for device in ("CPU, 1 threads", "CPU, 2 threads")]
    assert "Measured on: CPU, 1 thread; CPU, 2 threads." in legend({"command": "x", "versions": {}}, rows)


def test_the_test_of_the_counting_is_not_in_the_table(monkeypatch):
    about = {"about": "Threads.", "failed": 0}
    rows = [{**about, "file": "threads", "inputs": 5}, {**about, "file": "effort", "inputs": 1}]
    found = {"command": "make fuzz", "commit": "c", "seconds": 120, "versions": {}, "rows": rows}
    monkeypatch.setattr(reliability, "read", lambda suite: found)
    written = reliability.tests()
    assert "`effort`" not in written and "`make fuzz`: 5 inputs in 2 minutes." in written
