"""The speed benchmark measures what it claims. (The textbook formulation is tested in tests/fidelity.)"""

import time
from pathlib import Path

import numpy
import pytest
from rich.console import Console
from spacy.lang.en import English

from benchmarks.speed import check as checking
from benchmarks.speed import heads, run
from benchmarks.speed.agreement import agree
from benchmarks.speed.growth import exponents, make_entity_pipeline
from benchmarks.speed.measuring import MEASUREMENTS, Settings, alternate, extra_memory, ratio_row, run_script
from benchmarks.speed.pipelines import exact_docs, long_text, nth_best
from benchmarks.speed.startup import BLANK
from benchmarks.tables import speed

ON_LINUX = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="resident memory is read from Linux's /proc"
)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ([{(0, 1, "x"): 0.9}, {}, {("a",): 0.4}], True),
        ([{(0, 1, "x"): 0.90005}, {}, {("a",): 0.4}], True),
        ([{(0, 1, "x"): 0.9, (2, 3, "x"): 0.50005}, {}, {("a",): 0.4}], True),  # as near to the threshold
        ([{(0, 1, "x"): 0.9, (2, 3, "x"): 0.51}, {}, {("a",): 0.4}], False),
        ([{(0, 1, "y"): 0.9}, {}, {("a",): 0.4}], False),
        ([{(0, 1, "x"): 0.9}, {(0, 1, "r", 2, 3): 0.7}, {("a",): 0.4}], False),
        ([{(0, 1, "x"): 0.9}, {}, {("a",): 0.41}], False),
    ],
)
def test_agreement(other, same):
    assert agree(({(0, 1, "x"): 0.9}, {}, {("a",): 0.4}), other, (0.5, 0.5)) == same


def test_calls_take_turns_after_a_run_that_does_not_count():
    order = []

    def call(name):
        return lambda argument: order.append((name, argument))

    times = alternate(2, call("a"), call("b"), before=lambda: len(order))
    assert order == [("a", 0), ("b", 1), ("a", 2), ("b", 3), ("a", 4), ("b", 5)]
    assert [len(of_call) for of_call in times] == [2, 2]


def test_only_the_call_is_timed():
    times = alternate(2, lambda _: time.sleep(0.02), before=lambda: time.sleep(0.1))
    assert all(0.02 <= value < 0.1 for value in times[0])


def test_ratios_are_taken_round_by_round():
    found = ratio_row("x", [2.0, 30.0, 6.0], [1.0, 10.0, 4.0], note="one / other", dataset="y")
    assert (found["ratio"], found["min"], found["max"], found["runs"]) == (2.0, 1.5, 3.0, 3)
    assert (found["a_seconds"], found["b_seconds"], found["dataset"]) == (6.0, 4.0, "y")


@ON_LINUX
def test_the_peak_of_memory_includes_what_is_freed():
    def peak():
        numpy.ones(5_000_000).sum()  # 40 MB

    assert 39e6 < extra_memory(peak) < 60e6
    assert extra_memory(lambda: None) < 10e6


def test_exponents_of_known_powers():
    sizes = [1, 10, 100, 1000]
    values = [[50.0, 50.0], *([3.0 * n, 0.2 * n**1.5] for n in sizes[1:])]
    assert exponents(sizes, values, fitted=[1, 2, 3]) == pytest.approx([1.0, 1.5])


def test_a_threshold_that_a_number_of_scores_reach():
    scores = numpy.array([0.9, 0.1, 0.4, 0.7], dtype="f")
    for count in (1, 2, 3):
        assert (scores >= nth_best(scores, count)).sum() == count
    assert nth_best(scores, 4) == 0.0


def test_texts_of_exact_length():
    nlp = English()
    docs = [nlp("Anna met Bo ."), nlp("Bo left\nOslo")]
    assert long_text(docs, 9) == "Anna met Bo . Bo left Oslo Anna met"
    assert [doc.text.strip() for doc in exact_docs(nlp, docs, 3, 4)] == [
        "Anna met Bo .",
        "Bo left Oslo Anna",
        "met Bo . Bo",
    ]


def test_entry_points_can_be_hidden():
    assert run_script(BLANK, "spacy_mre") > 0  # the script itself checks that they are


def test_both_formulations_find_as_much_as_trained_heads():
    ours, theirs = (heads.subject(name, 3, 24)() for name in ("ours", "textbook"))
    assert len(ours.entities) == len(theirs.entities) == 3 * 24 * heads.ENTITIES_PER_TOKEN
    assert len(ours.scores) == len(theirs.scores) == round(heads.RELATIONS_PER_ENTITY * len(ours.entities))
    assert sorted(ours.scores) == pytest.approx(sorted(theirs.scores), abs=1e-4) and ours.left_out["budget"] == 0


@pytest.mark.parametrize("variant", ["spert_mt", "bert_mrc", "late"])
def test_untrained_pipelines_have_a_number_of_types(variant):
    nlp = make_entity_pipeline(variant, 3)
    pipe = nlp.get_pipe("spert_mt" if variant == "spert_mt" else "multi_ner")
    assert len(pipe.labels) == 3 and len(nlp("Anna met Bo .")) == 4


# The command


def test_rows_are_chosen_by_name():
    chosen = run.choose(["growth_exponent_memory", "growth_exponent_time"])
    assert [measurement.rows[0] for measurement in chosen] == ["growth_exponent_time"]
    assert run.choose([]) == MEASUREMENTS
    with pytest.raises(ValueError, match="nonsense"):
        run.choose(["int8_speedup", "nonsense"])


def test_a_quick_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ["heads_vs_textbook_speedup"]
    console = Console(file=(tmp_path / "told.txt").open("w"))
    measured, failed = run.run_speed(names, Settings(rounds=2, quick=True), console, threads=1)
    assert not failed and [row["name"] for row in measured["rows"]] == names
    for row in measured["rows"]:
        assert 0 < row["min"] <= row["ratio"] <= row["max"] and row["runs"] == 2
    assert not (tmp_path / "benchmarks").exists()  # a quick run is not recorded


def test_results_of_other_versions_are_dropped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    measured = run.start(threads=2)
    run.merge(measured, {"rows": [{"name": "x"}, {"name": "y"}], "series": {"length": []}})
    run.merge(measured, {"rows": [{"name": "z"}, {"name": "x", "ratio": 3.0}]})
    assert [row["name"] for row in measured["rows"]] == ["x", "y", "z"] and measured["rows"][0]["ratio"] == 3.0
    run.results.write("speed", measured)
    assert len(run.start(threads=2)["rows"]) == 3
    assert run.start(threads=4)["rows"] == []
    run.results.write("speed", {**measured, "versions": {"torch": "0.1"}})
    assert run.start(threads=2)["rows"] == []


def test_each_processor_has_its_own_results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    about = {"versions": {}, "runs": 5, "note": "x / y", "commit": "abc"}
    of = {"one": {"name": "heads_x", "ratio": 2.0, "min": 1.0, "max": 3.0}}
    of["other"] = {**of["one"], "ratio": 5.0, "min": 4.0, "max": 6.0}
    for name, row in of.items():
        monkeypatch.setattr(run, "processor", lambda name=name: f"{name.title()} (R) 3")
        measured = run.start(threads=2)
        run.merge(measured, {"rows": [{**about, **row}]})
        run.results.RESULTS.mkdir(parents=True, exist_ok=True)
        run.results.write("speed", measured, run.name_here())
    assert {path.name for path in run.results.RESULTS.iterdir()} == {"speed.json", "speed_other_r_3.json"}
    assert run.results.read("speed")["rows"][0]["ratio"] == 2.0
    assert checking.read_committed()["rows"][0]["ratio"] == 5.0
    table = speed.ratios()
    assert "| on Other (R) 3 |" in table and "| **2.00** | 1.00 - 3.00 |" in table and "**5.00** (4.00 - 6.00)" in table
    monkeypatch.setattr(run, "processor", lambda: "Third")
    assert checking.read_committed()["rows"][0]["ratio"] == 2.0  # where none was measured, that of the first
