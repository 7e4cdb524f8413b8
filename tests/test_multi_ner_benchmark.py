"""The grid of benchmarks/multi_ner.py: its configs build, differ in what they say they differ in, and a grid is taken up where it stopped."""

import pytest
import srsly
from spacy.util import load_model_from_config
from typer.testing import CliRunner

from benchmarks import multi_ner, multi_ner_tables
from benchmarks.multi_ner import DATASETS, VARIANTS, make_config


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
            assert '"some/model"' in text and "MiniLM" not in text and "Tok2VecListener" not in text and "initialize" not in config
            assert config["training"]["optimizer"]["learn_rate"]["initial_rate"] == 7e-5


def make_row(variant, seed, f, **more):
    types = {"gene": {"f": f, "in_training": 9, "support": 5}, "cell": {"f": f / 2, "in_training": 3, "support": 2}}
    row = {
        "dataset": "genia",
        "encoder": "MiniLM",
        "variant": variant,
        "seed": seed,
        "updates": 10,
        "device": "cpu",
        "seconds": 120,
        "per_type": types,
    }
    return {**row, "spans_f": f, "ents_f": f, "spans_macro_f": f, "rare_macro_f": f / 2, **more}


def test_a_grid_is_taken_up_where_it_stopped(tmp_path, monkeypatch):
    made = []

    def run(name, kind, seed, place, **settings):
        made.append((name, kind, seed))
        return make_row(kind, seed, 0.5)

    monkeypatch.setattr(multi_ner, "run", run)
    arguments = ["run", "--dataset", "genia", "--variant", "multi_ner", "--variant", "bert_mrc", "--runs", str(tmp_path)]
    srsly.write_json(tmp_path / "genia-bert_mrc-1.json", make_row("bert_mrc", 1, 0.4))
    result = CliRunner().invoke(multi_ner.app, [*arguments, "--seed", "0", "--seed", "1"])
    assert result.exit_code == 0, result.output
    assert made == [("genia", "multi_ner", 0), ("genia", "multi_ner", 1), ("genia", "bert_mrc", 0)]
    result = CliRunner().invoke(multi_ner.app, ["summary", "--runs", str(tmp_path), "--output", str(tmp_path / "new" / "summary.json")])
    assert result.exit_code == 0, result.output
    rows = srsly.read_json(tmp_path / "new" / "summary.json")["rows"]
    assert [(row["variant"], row["seed"]) for row in rows] == [("bert_mrc", 0), ("bert_mrc", 1), ("multi_ner", 0), ("multi_ner", 1)]


def test_the_tables_say_what_the_rows_say(tmp_path, monkeypatch):
    monkeypatch.setattr(multi_ner_tables, "RESULTS", tmp_path)
    assert "No runs yet" in multi_ner_tables.multi_ner() and "No runs yet" in multi_ner_tables.multi_ner_types()
    rows = [make_row("bert_mrc", 0, 0.4), make_row("bert_mrc", 1, 0.42), make_row("multi_ner", 0, 0.5), make_row("multi_ner", 1, 0.54)]
    srsly.write_json(tmp_path / "multi_ner.json", {"rows": rows})
    table = multi_ner_tables.multi_ner().splitlines()
    assert "| 2 | 10 | 52.00 ± 2.83 | 52.00 ± 2.83 | 52.00 ± 2.83 | 26.00 ± 1.41 | +11.00 | 2 |" in table[3]
    assert "+0.00" in table[2] and table[-1] == "Made on: cpu."
    types = multi_ner_tables.multi_ner_types().splitlines()
    assert types[4:6] == ["| cell | 3 | 2 | 20.5 | 26.0 |", "| gene | 9 | 5 | 41.0 | 52.0 |"]
    speeds = {"spert_mt": (100, 1.0, 0.5), "exact": (20, 5.0, 2.5), "late": (50, 2.0, 1.0)}
    rows = [
        {"types": 8, "variant": name, "words": 1000, "threads": 2, "words_per_second": speed, "times_spert_mt": one, "times_late": other}
        for name, (speed, one, other) in speeds.items()
    ]
    srsly.write_json(tmp_path / "multi_ner_speed.json", {"rows": rows})
    assert "| 8 | 100 | 20 | 50 | 5.0 | 2.0 | 2.5 |" in multi_ner_tables.multi_ner_speed()
