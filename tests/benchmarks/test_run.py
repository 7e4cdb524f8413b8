"""Runs are trained, scored, recorded and compared."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import spacy
import srsly
from rich.console import Console
from spacy.training import Example

from benchmarks import results, run, tables
from benchmarks.generative import CONSTRAINTS, score_as_strings, time_ratios
from benchmarks.grid import Cell, Grid
from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.storage import load_docs, save_docs
from spacy_mre.evaluation.run_config import fingerprint
from spacy_mre.evaluation.significance import f1
from spacy_mre.evaluation.thresholds import tune_thresholds
from spacy_mre.pipeline.spert_mt.settings import PRESETS


def make(grid, variant, seed=0, suite="accuracy", phase="test"):
    """Run a cell in this process, and record it."""
    cell = Cell(suite, phase, "hand", variant, seed)
    grid.prepare(cell)
    run.run_cell(grid, cell)
    results.record(grid, suite, srsly.read_json(cell.path))
    return cell


@pytest.mark.filterwarnings("ignore")
def test_a_run_is_recorded_and_made_once(small):
    cell = make(small, "spert_mt")
    assert cell.path == Path("benchmarks/runs/accuracy/test/hand/spert_mt-0.json")
    assert srsly.read_json(cell.path)["fingerprint"] == fingerprint(small.config(cell))
    assert run.is_made(small, cell) and not list(cell.folder.glob("model-*"))
    (row,) = results.read("accuracy")["rows"]
    assert (row["updates"], row["trained_on"], row["split"]) == (4, "train", "test")
    assert row["spans_f"] is not None and row["overlap_spans_f"] >= row["spans_f"] and row["seconds"] > 0
    counts = results.read_counts("hand")
    assert counts["accuracy/test/spert_mt/0/entities"].shape == (16, 3)
    assert f1(counts["accuracy/test/spert_mt/0/entities"].sum(axis=0)) == pytest.approx(row["spans_f"])
    changed = replace(small, suites=json.loads(json.dumps(small.suites)))
    changed.suites["accuracy"]["variants"]["spert_mt"]["set"] = {"components.spert_mt.entity_threshold": 0.1}
    assert not run.is_made(changed, cell)


@pytest.mark.parametrize(
    "change",
    [
        {"few_5": {"shots": 6}},
        {"others_of_5": {"without_shots": 6}},
        {"others_of_5": {"updates": 700}},
        {"few_5_after_others": {"start": "entities_alone"}},
        {"entities_alone": {"set": {"components.slg.parts": "both"}}},
    ],
)
def test_the_fingerprint_contains_the_start_and_what_is_drawn(change):
    cell, grid = Cell("generative", "few_shot", "snips", "few_5_after_others", 0), Grid.load()
    before = run.fingerprint_of(grid, cell)
    alone = run.fingerprint_of(grid, cell._replace(variant="both_levels"))
    assert alone == fingerprint(grid.config(cell._replace(variant="both_levels")))
    for variant, values in change.items():
        grid.suites["generative"]["variants"][variant].update(values)
    assert run.fingerprint_of(grid, cell) != before
    assert run.fingerprint_of(grid, cell._replace(variant="both_levels")) == alone


@pytest.mark.filterwarnings("ignore")
def test_a_run_with_other_settings_is_made_again(small):
    cell = make(small, "spert_mt")
    about = small.suites["accuracy"]
    for part, name, value in (
        (about["phases"]["test"], "tune", False),
        (about["phases"]["test"], "test", "dev"),
        (about["phases"]["test"], "limit", 5),
        (about["variants"]["spert_mt"], "updates", 0),
        (small.corpora["hand"], "convert", {}),
    ):
        before = dict(part)
        part[name] = value
        assert not run.is_made(small, cell), name
        part.clear()
        part.update(before)
    assert run.is_made(small, cell)
    # A run from before settings were stored.
    srsly.write_json(cell.path, {"fingerprint": run.fingerprint_of(small, cell)})
    assert run.is_made(small, cell)


@pytest.mark.filterwarnings("ignore")
def test_runs_are_compared(small):
    for variant in ("spert", "spert_mt"):
        for seed in (0, 1):
            make(small, variant, seed)
    make(small, "no_constraints")
    found = results.read("accuracy")
    assert [(row["variant"], row["seed"]) for row in found["rows"]][:2] == [("spert_mt", 0), ("spert_mt", 1)]
    (over,) = (one for one in found["comparisons"] if (one["variant"], one["score"]) == ("spert_mt", "spans_f"))
    scores = {
        variant: [row["spans_f"] for row in found["rows"] if row["variant"] == variant]
        for variant in ("spert", "spert_mt")
    }
    assert over["seeds"] == [0, 1] and over["against"] == "spert"
    assert over["value"] == pytest.approx(sum(scores["spert_mt"]) / 2 - sum(scores["spert"]) / 2, abs=1e-5)
    pairs = {(one["variant"], one["against"]) for one in found["comparisons"]}
    assert {("no_constraints", "spert_mt"), ("no_constraints", "spert")} <= pairs
    table = tables.TABLES["accuracy"]()
    assert table.count("\n| hand | test | `` | 4 | `spert_mt` | 2 | ") == 1 and " ± " in table
    assert "\n| hand | `spert_mt` | 2 |" in tables.TABLES["mistakes"]()
    # A new run of the same cell replaces the old one.
    make(small, "spert_mt", 1)
    assert len(results.read("accuracy")["rows"]) == len(found["rows"])
    assert len(results.read("accuracy")["comparisons"]) == len(found["comparisons"])


@pytest.mark.filterwarnings("ignore")
def test_both_sides_of_a_control_have_their_best_thresholds(small, monkeypatch):
    monkeypatch.setattr(Grid, "load", lambda: small)
    tuned = []
    monkeypatch.setattr(run, "tune_thresholds", lambda nlp, dev: tuned.append(len(dev)) or tune_thresholds(nlp, dev))
    for variant in ("spert", "spert_mt"):
        make(small, variant)
    assert tuned == [16, 16]  # the dev part, not the test part
    theirs, ours = (
        small.config(Cell("accuracy", "test", "hand", variant, 0)).interpolate()["components"]["spert_mt"]
        for variant in ("spert", "spert_mt")
    )
    different = {key for key in {*theirs, *ours} if theirs.get(key) != ours.get(key)}
    # What SpERT's preset would set otherwise.
    assert different == {"model", "overlap", "constraints", "scope", "max_distance"}
    assert all(theirs[key] == "learned" for key in different - {"model"})
    assert {key for key in ours["model"] if theirs["model"].get(key) != ours["model"][key]} == {"mode"}
    ours, theirs = results.read("accuracy")["rows"]
    assert all(0.05 <= threshold <= 0.95 for row in (ours, theirs) for threshold in row["thresholds"])
    assert "\n| hand | `spert_mt` | " in tables.TABLES["calibration"]()


@pytest.mark.filterwarnings("ignore")
def test_one_idea_is_left_out(small, monkeypatch):
    monkeypatch.setattr(run, "PRESETS", dict(PRESETS))
    cell = make(small, "separate")
    assert run.PRESETS["spert_mt"] == replace(PRESETS["spert_mt"], is_tied=False)
    assert run.is_made(small, cell) and srsly.read_json(cell.path)["fingerprint"].endswith(" is_tied=False")
    assert not run.is_made(small, cell._replace(variant="spert_mt"))


@pytest.mark.filterwarnings("ignore")
def test_texts_that_stand_in_training_too(small):
    train, test = ([*load_docs(Path("corpus/hand") / f"{part}.spacy")] for part in ("train", "test"))
    save_docs([*test[3:], *train[:3]], Path("corpus/hand/test.spacy"))
    try:
        make(small, "spert_mt")
    finally:
        save_docs(test, Path("corpus/hand/test.spacy"))
    (row,) = results.read("accuracy")["rows"]
    counts = results.read_counts("hand")["accuracy/test/spert_mt/0/entities"]
    assert row["seen"] == 3 and row["unseen_spans_f"] == pytest.approx(f1(counts[:-3].sum(axis=0)))


@pytest.mark.filterwarnings("ignore")
def test_spacys_ner_and_given_entities(small):
    make(small, "ner")
    make(small, "given_entities")
    given, ner = results.read("accuracy")["rows"]
    assert ner["spans_f"] is not None and ner["rel_f"] is None
    assert given["given_rel_f"] is not None and given["spans_f"] is None


def test_a_few_texts_of_each_class(small):
    cell = Cell("accuracy", "test", "hand", "spert_mt", 0)
    small.suites["accuracy"]["variants"]["spert_mt"]["shots"] = 1
    vocab = spacy.blank("zh").vocab
    drawn = []
    for seed in (0, 1):
        small.prepare(cell._replace(seed=seed))
        drawn.append([doc.text for doc in load_docs(small.train_part(cell._replace(seed=seed)), vocab)])
    assert 0 < len(drawn[0]) < 40 and drawn[0] != drawn[1]


SCRIPT = """
import json, sys
from pathlib import Path
suite, phase, dataset, variant, seed = sys.argv[2:7]
if variant == "ner":
    sys.exit("it went wrong")
row = {"phase": phase, "dataset": dataset, "variant": variant, "seed": int(seed), "spans_f": 0.5, "seconds": 1.0}
path = Path(f"benchmarks/runs/{suite}/{phase}/{dataset}/{variant}-{seed}.json")
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps({"fingerprint": "", "rows": [row], "counts": {"entities": [[1, 0, 1]]}}))
"""


def test_a_failed_run_stops_no_other(small, monkeypatch, tmp_path):
    """The processes run a script that only writes a run."""
    script = tmp_path / "python"
    script.write_text(f"#!{sys.executable}\nimport sys\nsys.argv = sys.argv[2:]\n{SCRIPT}")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    cells = [Cell("accuracy", "test", "hand", variant, seed) for seed in (0, 1) for variant in ("spert", "ner")]
    console = Console(file=(tmp_path / "told.txt").open("w"), width=200)
    failed = run.run_cells(small, cells, console, jobs=2)
    console.file.close()
    told = (tmp_path / "told.txt").read_text()
    assert sorted(failed) == [cell for cell in sorted(cells) if cell.variant == "ner"]
    assert told.count("it went wrong") == 2 and told.count("spans_f 50.00") == 2
    assert [row["variant"] for row in results.read("accuracy")["rows"]] == ["spert", "spert"]


# Strings


@pytest.fixture
def generative():
    nlp = spacy.blank("en")
    sizes = {"model_type": "bart", "d_model": 16, "max_position_embeddings": 192}
    for half in ("encoder", "decoder"):
        sizes.update({f"{half}_layers": 1, f"{half}_attention_heads": 2, f"{half}_ffn_dim": 16})
    tokenizer = {"kind": "bpe", "vocab_size": 300}
    model = {"@architectures": "spacy_mre.Seq2SeqLM.v1", "config": sizes, "tokenizer": tokenizer}
    nlp.add_pipe("slg", config={"model": model})
    examples = []
    for text, label in (("play Foo", "music"), ("fly to Lima", "travel")):
        gold = nlp.make_doc(text)
        set_entities(gold, [(len(gold) - 1, len(gold), label, 1.0)])
        gold.cats = {name: float(name == label) for name in ("music", "travel")}
        examples.append(Example(nlp.make_doc(text), gold))
    nlp.initialize(lambda: examples)
    return nlp, examples


def test_the_time_of_a_step_under_each_constraint(generative):
    nlp, examples = generative
    pipe = nlp.get_pipe("slg")
    generate, constraint = pipe._lm.generate, pipe.constraint
    ratios = time_ratios(pipe, [eg.reference for eg in examples], rounds=2)
    assert set(ratios) == set(CONSTRAINTS) and ratios["none"]["time_ratio"] == 1.0
    for found in ratios.values():
        assert 0 < found["time_ratio_min"] <= found["time_ratio"] <= found["time_ratio_max"]
    assert pipe._lm.generate == generate and pipe.constraint == constraint


def test_a_joint_pipeline_is_scored_as_strings(generative):
    _, examples = generative
    nlp = spacy.blank("en")
    nlp.add_pipe("spert_mt")
    nlp.add_pipe("mre_textcat")
    nlp.initialize(lambda: examples)
    perfect = [Example(eg.reference.copy(), eg.reference) for eg in examples]
    scores = score_as_strings(nlp, perfect)
    assert scores["all_acc"] == scores["ents_f"] == scores["sc_acc"] == 1.0
