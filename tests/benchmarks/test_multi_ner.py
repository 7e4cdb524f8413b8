"""The grid of benchmarks/multi_ner: its configs build, differ in what they say they differ in, and a grid is taken up where it stopped."""

import numpy
import pytest
import spacy
import srsly
from spacy.training import Example
from spacy.util import load_model_from_config
from typer.testing import CliRunner

from benchmarks.multi_ner import __main__ as multi_ner_commands
from benchmarks.multi_ner import runner, tables
from benchmarks.multi_ner.__main__ import app
from benchmarks.multi_ner.grid import DATASETS, VARIANTS, make_config
from benchmarks.multi_ner.summary import rarer_half
from spacy_mre.annotations.entities import set_entities
from spacy_mre.evaluation.runs import Measured, load_run, save_run


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dataset", ["genia", "stockmark"])
def test_configs_build(dataset, variant):
    if dataset == "stockmark":
        pytest.importorskip("ja_ginza")
    pytest.importorskip("spacy_transformers")
    config = make_config(DATASETS[dataset], VARIANTS[variant], None)
    for part in ("train", "dev"):
        config["corpora"][part]["path"] = f"{part}.spacy"
    nlp = load_model_from_config(config, auto_fill=True)
    component = VARIANTS[variant].component
    assert component in nlp.pipe_names
    if component == "multi_ner":
        pipe = nlp.get_pipe("multi_ner")
        settings = pipe.model.get_ref("heads").attrs["config"]
        assert {key: settings[key] for key in VARIANTS[variant].model} == VARIANTS[variant].model
        is_late = pipe.model.get_ref("interaction").name == "late_interaction"
        assert is_late == (dataset == "stockmark" or VARIANTS[variant].interaction == "late")
        assert (
            pipe.cfg["overlap"] == DATASETS[dataset].multi_ner["overlap"]
            and pipe.question_source == DATASETS[dataset].multi_ner["questions"]
        )


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("transformer", [None, "some/model"])
def test_a_variant_differs_from_its_control_in_its_own_settings_only(dataset, transformer):
    control = make_config(DATASETS[dataset], VARIANTS["bert_mrc"], transformer)
    for name in ("bert_mrc_per_type", "multi_ner", "multi_ner_shared", "multi_ner_full", "multi_ner_released"):
        config = make_config(DATASETS[dataset], VARIANTS[name], transformer)
        assert config != control
        for settings in (config, control):
            for key in ("type_attention", "heads"):
                del settings["components"]["multi_ner"]["model"][key]
        assert config == control
        control = make_config(DATASETS[dataset], VARIANTS["bert_mrc"], transformer)


def test_a_model_of_the_hub_is_read_by_all():
    for dataset in DATASETS.values():
        for variant in VARIANTS.values():
            config = make_config(dataset, variant, "some/model")
            text = config.to_str(interpolate=False)
            assert (
                '"some/model"' in text
                and "MiniLM" not in text
                and "Tok2VecListener" not in text
                and "initialize" not in config
            )
            assert config["training"]["optimizer"]["learn_rate"]["initial_rate"] == 7e-5


def make_run(path, variant, seed, right, wrong=0):
    """A run with one document of ten entities per type, of which some are right."""
    missed = 10 - right
    f = 2 * right / (2 * right + wrong + missed)
    types = {"gene": {"p": 1.0, "r": f, "f": f, "support": 5}, "cell": {"p": 1.0, "r": f / 2, "f": f / 2, "support": 2}}
    about = {
        "dataset": "genia",
        "variant": variant,
        "seed": seed,
        "encoder": "MiniLM",
        "updates": 10,
        "batch": 4,
        "limit": 0,
        "seconds": 120,
        "dev_spans_f": f,
        "split": "test",
        "in_training": {"gene": 9, "cell": 3},
        "attention": [[0.6, 0.4], [0.25, 0.75]] if variant == "multi_ner" else None,
    }
    scores = dict.fromkeys(["spans_f", "spans_p", "spans_r", "spans_macro_f", "ents_f"], f)
    counts = {"entities": numpy.array([[right, wrong, missed]])}
    mistakes = {
        "entities": {
            "right": right,
            "wrong": {"type": wrong, "borders": 0},
            "missed": {"type": 1, "borders": missed - 1},
        }
    }
    save_run(path, about, Measured(scores, {"spans_per_type": types}, counts, mistakes, "same"))


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Two seeds of the control and of a variant that is better; the tables are made of their summary."""
    folder, output = tmp_path / "runs", tmp_path / "multi_ner.json"
    for variant, right in (("bert_mrc", 4), ("multi_ner", 5)):
        for seed in (0, 1):
            make_run(folder / f"genia-{variant}-{seed}.json", variant, seed, right + seed)
    result = CliRunner().invoke(app, ["summary", "--runs", str(folder), "--output", str(output)])
    assert result.exit_code == 0, result.output
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    return folder


def test_a_grid_is_taken_up_where_it_stopped(runs, monkeypatch):
    made = []

    def run(path, name, kind, seed, **settings):
        made.append((name, kind, seed))
        make_run(path, kind, seed, 5)

    monkeypatch.setattr(multi_ner_commands, "run", run)
    arguments = ["run", "--dataset", "genia", "--variant", "multi_ner", "--variant", "bert_mrc", "--runs", str(runs)]
    result = CliRunner().invoke(app, [*arguments, "--seed", "0", "--seed", "2"])
    assert result.exit_code == 0, result.output
    assert made == [("genia", "multi_ner", 2), ("genia", "bert_mrc", 2)]


@pytest.mark.parametrize("trial", [["--updates", "3"], ["--batch", "2"], ["--limit", "5"]])
def test_a_trial_stands_for_no_run(tmp_path, monkeypatch, trial):
    made = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(multi_ner_commands, "run", lambda path, *about, **settings: made.append(path))
    arguments = ["run", "--dataset", "genia", "--variant", "multi_ner", "--seed", "0"]
    for given in ([], trial):
        assert CliRunner().invoke(app, [*arguments, *given]).exit_code == 0
    real, tried = made
    assert real.parent == multi_ner_commands.RUNS and tried.parent == multi_ner_commands.TRIALS
    assert runner.models_of(real) != runner.models_of(tried)


def test_a_run_is_measured_by_its_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "runs" / "genia-multi_ner-0.json"
    make_run(path, "multi_ner", 0, 5)
    assert not runner.score_again(path)
    (tmp_path / "training" / "runs" / path.stem / "model-best").mkdir(parents=True)
    monkeypatch.setattr(runner, "load", lambda folder: spacy.blank("en"))
    monkeypatch.setattr(runner, "save", lambda path, nlp, about: make_run(path, about["variant"], about["seed"], 9))
    assert runner.score_again(path)
    assert load_run(path)["counts"]["entities"].tolist() == [[9, 0, 1]]


@pytest.mark.parametrize("type_attention", ["token", "released", "none"])
def test_the_weights_between_types_are_kept(type_attention):
    nlp = spacy.blank("en")
    nlp.add_pipe(
        "multi_ner", config={"questions": {"a": "Find a.", "b": "Find b."}, "model": {"type_attention": type_attention}}
    )
    gold = nlp.make_doc("one two")
    set_entities(gold, [(0, 1, "a", 1.0), (1, 2, "b", 1.0)])
    example = Example(nlp.make_doc("one two"), gold)
    nlp.initialize(lambda: [example])
    weights = runner.weights_between_types(nlp, [example])
    assert (weights is None) == (type_attention != "token")
    if weights is not None:
        assert [sum(row) for row in weights] == pytest.approx([1, 1], abs=1e-3)


def test_a_type_that_is_seldom_asked_for_belongs_to_the_rarer_half():
    assert rarer_half({"a": 9, "b": 1, "c": 5, "d": 2}) == ["d", "b"]
    assert rarer_half({"a": 9, "b": 1, "c": 5}) == ["b"]


def test_the_summary_compares_with_bert_mrc(runs):
    summary = srsly.read_json(runs.parent / "multi_ner.json")
    assert [(row["variant"], row["seed"]) for row in summary["rows"]] == [
        ("bert_mrc", 0),
        ("bert_mrc", 1),
        ("multi_ner", 0),
        ("multi_ner", 1),
    ]
    assert summary["rows"][0]["rare_macro_f"] == pytest.approx(4 / 14)
    (comparison,) = summary["comparisons"]
    # F of 4, 5, 6 of 10 without wrong ones: 8/14, 10/15, 12/16.
    assert comparison["value"] == pytest.approx(((10 / 15 - 8 / 14) + (12 / 16 - 10 / 15)) / 2, abs=1e-6)
    assert (comparison["variant"], comparison["against"], comparison["seeds"]) == ("multi_ner", "bert_mrc", [0, 1])


def test_the_tables_say_what_the_rows_say(runs):
    table = tables.multi_ner().splitlines()
    assert "| 2 | 10 | 61.90 ± 6.73 | 61.90 ± 6.73 |" in table[2] and "| - | - | 2.0 |" in table[2]
    assert (
        "| 2 | 10 | 70.83 ± 5.89 |" in table[3]
        and "| 35.42 ± 2.95 | +8.93 (+8.33 to +9.52) | 0.25 to 0.75 | 2.0 |" in table[3]
    )
    types = tables.multi_ner_types().splitlines()
    assert types[4:6] == ["| cell | 3 | 2 | 31.0 | 35.4 |", "| gene | 9 | 5 | 61.9 | 70.8 |"]
    assert "| genia, 10 updates | `multi_ner` | 2 | 55.0 | 10.0 | 35.0 |" in tables.multi_ner_mistakes().splitlines()
    speeds = {"spert_mt": (100, 1.0, 0.5), "exact": (20, 5.0, 2.5), "late": (50, 2.0, 1.0)}
    rows = [
        {
            "types": 8,
            "variant": name,
            "words": 1000,
            "threads": 2,
            "words_per_second": speed,
            "times_spert_mt": one,
            "times_late": other,
        }
        for name, (speed, one, other) in speeds.items()
    ]
    srsly.write_json(runs.parent / "multi_ner_speed.json", {"rows": rows})
    assert "| 8 | 100 | 20 | 50 | 5.0 | 2.0 | 2.5 |" in tables.multi_ner_speed()


def test_without_runs_the_tables_say_how_to_make_them(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    assert all(
        "No runs yet" in table() for table in (tables.multi_ner, tables.multi_ner_types, tables.multi_ner_mistakes)
    )
