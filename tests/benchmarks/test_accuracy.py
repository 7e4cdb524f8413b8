"""The accuracy grid: its cells are what they say, runs resume and fail as they should, and what they say together is right."""

import json
import shutil
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from rich.console import Console
from spacy.util import load_model_from_config
from typer.testing import CliRunner

from benchmarks import tables
from benchmarks.accuracy import runner as runner_room
from benchmarks.accuracy.__main__ import app
from benchmarks.accuracy.borders import write_borders
from benchmarks.accuracy.cell import copy_cell, decoding_as, group_by_training, is_cell_made, make_cell, share_runs
from benchmarks.accuracy.corpora import prepare
from benchmarks.accuracy.grid import GRID, Cell, Grid
from benchmarks.accuracy.plot import plot_negatives
from benchmarks.accuracy.reinforcement import write_reinforcement
from benchmarks.accuracy.runner import Runner
from benchmarks.accuracy.summary import read_runs, summarise, write_summary
from benchmarks.accuracy.summary import tables as rich_tables
from spacy_mre.evaluation.reinforce import reinforce
from spacy_mre.evaluation.runs import fingerprint, load_run, set_values

ROOT = Path(__file__).parents[2]
GRID_NOW = Grid.load()


def config_of(dataset, variant, phase="screen", seed=0):
    return GRID_NOW.config(Cell(phase, dataset, variant, seed)).interpolate()


# What is in the grid


@pytest.mark.parametrize("variant", GRID_NOW.variants)
def test_every_variant_builds_its_pipeline(variant):
    dataset = GRID_NOW.variants[variant].get("datasets", ["crossre_zh"])[0]
    config = GRID_NOW.config(Cell("screen", dataset, variant, 0))
    nlp = load_model_from_config(config, auto_fill=True)
    assert set(nlp.pipe_names) - {"tok2vec", "transformer", "doc_cleaner"} <= {
        "spert_mt",
        "mre_textcat",
        "ner",
        "spancat",
    }
    assert GRID_NOW.variants[variant]["about"]


def test_every_variant_is_a_change_of_its_base():
    for dataset in ("conll04", "crossre_zh"):
        as_shipped = fingerprint(GRID_NOW.config(Cell("screen", dataset, "spert_mt", 0)))
        same = []
        for cell in GRID_NOW.cells("screen", [dataset]):
            variant, config = cell.variant, GRID_NOW.config(cell)
            if fingerprint(config) == as_shipped and not GRID_NOW.is_calibrated(variant):
                same.append(variant)
        # Of the numbers that are tried one is the default; what takes an idea away never is.
        assert {
            "no_iou",
            "ranking",
            "no_logits",
            "separate",
            "naive",
            "spert",
            "ner",
            "spancat",
            "linear",
            "no_hidden",
        }.isdisjoint(same)
        assert {"linear_no_logits", "no_product", "no_bilstm"}.isdisjoint(same)
        assert {
            "focal",
            "balanced",
            "smoothing_0.1",
            "no_bias_correction",
            "averages",
            "context_markers",
            "sees_text",
        }.isdisjoint(same)
        assert "spert_mt" in same


def test_no_phase_trains_on_what_it_is_scored_on():
    for cell in (cell for phase in GRID_NOW.phases for cell in GRID_NOW.cells(phase)):
        parts = GRID_NOW.datasets[cell.dataset]["parts"]
        trained, scored = (GRID_NOW.part(cell, name).stem for name in ("train", "test"))
        assert parts[trained] != parts[scored] and trained in parts and scored in parts
        assert scored == ("dev" if cell.phase in ("screen", "choose") else "test")
    assert GRID_NOW.part(Cell("full", "conll04", "spert", 0), "train").name == "train_dev.spacy"
    assert GRID_NOW.part(Cell("held_out", "conll04", "spert", 0), "train").name == "train.spacy"
    assert GRID_NOW.part(Cell("full", "crossre_ja", "spert", 0), "train").name == "train.spacy"


def test_full_runs_are_few_and_the_same_budget_for_all():
    full = list(GRID_NOW.cells("full"))
    assert {cell.variant for cell in full} == {"spert", "spert_mt", "best"} and {cell.seed for cell in full} == {
        0,
        1,
        2,
    }
    assert {cell.dataset for cell in full} == {
        "conll04",
        "crossre_en",
        "crossre_ja",
        "crossre_zh",
        "crossre_ja_e5",
        "crossre_zh_e5",
    }
    for dataset in GRID_NOW.datasets:
        examples = set()
        for variant in GRID_NOW.variants:
            if dataset in GRID_NOW.variants[variant].get("datasets", GRID_NOW.datasets):
                training = config_of(dataset, variant, "full")["training"]
                examples.add(training["max_steps"] * training["batcher"]["size"])
                schedules = [block for block in training["optimizer"].values() if isinstance(block, dict)]
                assert all(block["total_steps"] == training["max_steps"] for block in schedules)
        assert max(examples) - min(examples) <= 8, dataset  # one batch, as updates are whole
    third, whole = (config_of("conll04", "spert", phase)["training"]["max_steps"] for phase in ("screen", "full"))
    assert whole == 5765 and third == pytest.approx(whole / 3, abs=1)


def test_variants_take_over_from_their_base():
    config = config_of("conll04", "spert_published")
    assert (
        config["components"]["spert_mt"]["model"]["mode"] == "spert"
        and config["components"]["spert_mt"]["overlap"] == "any"
    )
    optimizer = config["training"]["optimizer"]
    assert optimizer["learn_rate"]["initial_rate"] == optimizer["head_learn_rate"]["initial_rate"] == 5e-5
    assert (optimizer["learn_rate"]["warmup_steps"], config["training"]["batcher"]["size"]) == (
        round(optimizer["learn_rate"]["total_steps"] / 10),
        2,
    )
    # Only a transformer has pieces to pool, and not every config a rate for the heads.
    assert config["components"]["spert_mt"]["model"]["encoder"]["pooling"] == "max"
    assert "pooling" not in config_of("crossre_zh", "spert")["components"]["spert_mt"]["model"]["encoder"]
    assert "head_learn_rate" not in config_of("crossre_zh", "spert")["training"]["optimizer"]


def test_stock_components_stand_on_the_same_encoder():
    for dataset, encoder in (
        ("conll04", "transformer"),
        ("crossre_en", "transformer"),
        ("crossre_ja", "tok2vec"),
        ("crossre_zh", "tok2vec"),
        ("crossre_zh_e5", "transformer"),
    ):
        ours = config_of(dataset, "spert_mt")["components"][encoder]
        for variant in ("ner", "spancat"):
            theirs = config_of(dataset, variant)["components"][encoder]
            # They may be packed into batches by another component, but not be encoded by another model.
            assert theirs.get("model", theirs) == ours.get("model", ours)


def test_runs_that_are_the_same_are_made_once():
    cells = [
        Cell("screen", "crossre_zh", variant, 0)
        for variant in ("no_hidden", "negatives_100", "iou_1", "no_iou", "calibrated")
    ]
    cells.append(Cell("screen", "crossre_zh", "negatives_100", 1))
    shared = share_runs(GRID_NOW, cells)
    model = load_model_from_config(GRID_NOW.config(cells[0]), auto_fill=True).get_pipe("spert_mt")
    if model.cfg["entity_negatives"] == 100:
        assert shared[cells[1]] == cells[0]
    # Another config, other thresholds, another seed.
    assert all(shared[cell] == cell for cell in (cells[0], cells[3], cells[4], cells[5]))


def test_variants_that_only_decode_otherwise_share_a_training():
    cells = [
        Cell("full", "crossre_zh", variant, 0)
        for variant in ("no_hidden", "no_constraints", "overlap_any", "no_iou", "calibrated")
    ]
    cells.append(Cell("full", "crossre_zh", "no_constraints", 1))
    assert group_by_training(GRID_NOW, cells) == {cells[0]: [cells[1], cells[2], cells[4]], cells[3]: [], cells[5]: []}
    assert len({fingerprint(GRID_NOW.config(cell)) for cell in cells[:4]}) == 4


def test_the_command_line_knows_the_grid():
    printed = CliRunner().invoke(app, ["config", "conll04", "no_iou", "--phase", "full"])
    assert printed.exit_code == 0 and "iou_delta = 0.0" in printed.output and "max_steps = 5765" in printed.output
    for args in (
        ["run", "--variant", "nonsense"],
        ["run", "--dataset", "nonsense"],
        ["run", "--phase", "nonsense"],
        ["reinforce", "nonsense"],
    ):
        result = CliRunner().invoke(app, args)
        assert result.exit_code == 2 and "nonsense" in result.output and "grid.yml" in result.output
    dry = CliRunner().invoke(
        app, ["run", "--dataset", "crossre_zh", "--variant", "spert", "--variant", "no_iou", "--dry"]
    )
    assert dry.exit_code == 0 and "2 runs" in dry.output


# A grid of our own, on the hand-written corpus


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder like the checkout, with Chinese texts of the hand-written corpus as JSON lines."""
    from spacy_mre.corpora.assets import compile_corpus, read_labels

    folder = tmp_path_factory.mktemp("place")
    compile_corpus(ROOT / "assets" / "corpus", folder / "all", read_labels(ROOT / "assets" / "labels.json"))
    source = folder / "assets" / "real" / "hand"
    source.mkdir(parents=True)
    for part, count in (("train", 40), ("dev", 16), ("test", 16)):
        lines = (folder / "all" / "zh" / f"{part}.jsonl").read_text(encoding="utf8").splitlines()[:count]
        (source / f"{part}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf8")
    shutil.copytree(ROOT / "configs", folder / "configs")
    return folder


@pytest.fixture
def small(place, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.delenv("MRE_DATA", raising=False)
    whole = yaml.safe_load(GRID.read_text(encoding="utf8"))
    widths = {
        "components.tok2vec.model.embed.width": 32,
        "components.tok2vec.model.encode.width": 32,
        "components.tok2vec.model.encode.depth": 1,
        "components.spert_mt.model.encoder.tok2vec.embed.width": 32,
        "components.spert_mt.model.encoder.tok2vec.encode.width": 32,
        "components.mre_textcat.model.encoder.tok2vec.width": 32,
        "components.spert_mt.model.max_width": 8,
    }
    hand = {
        "encoder": "tok2vec",
        "config": "configs/zh_cpu.cfg",
        "set": {"nlp.pipeline": ["tok2vec", "spert_mt", "doc_cleaner"], **widths},
        "updates": 6,
        "fetch": "hand",
        "corpus": "corpus/hand",
        "parts": {part: f"jsonl assets/real/hand/{part}.jsonl --lang zh" for part in ("train", "dev", "test")},
    }
    names = (
        "spert_mt",
        "spert",
        "linear",
        "no_iou",
        "negatives_30",
        "negatives_60",
        "calibrated",
        "ner",
        "given_entities",
    )
    names += ("best", "no_hidden", "no_constraints", "overlap_any")
    whole.update(datasets={"hand": hand}, variants={name: whole["variants"][name] for name in names})
    grid = Grid(**whole)
    prepare(hand)
    return grid


def made(grid, phase, variant, seed=0):
    cell = Cell(phase, "hand", variant, seed)
    if not is_cell_made(grid, cell):
        make_cell(grid, cell)
    return cell


@pytest.mark.filterwarnings("ignore")
def test_a_run_has_its_file_and_is_made_once(small):
    cell = made(small, "full", "no_iou")
    run = load_run(cell.path)
    assert cell.path == Path("benchmarks/runs/accuracy/full/hand/no_iou-0.json")
    assert (run["updates"], run["batch"], run["trained_on"], run["scored_on"]) == (
        6,
        8,
        "corpus/hand/train.spacy",
        "corpus/hand/test.spacy",
    )
    assert {len(rows) for rows in run["counts"].values()} == {16} and run["scores"]["spans_f"] is not None
    assert run["fingerprint"] == fingerprint(small.config(cell)) and run["seconds"] > 0
    assert is_cell_made(small, cell) and not list(cell.folder.glob("model-*"))
    small.variants["no_iou"] = {**small.variants["no_iou"], "set": {"components.spert_mt.model.iou_delta": 0.25}}
    assert not is_cell_made(small, cell)  # the config has changed since


@pytest.mark.filterwarnings("ignore")
def test_calibrated_thresholds_come_from_the_part_for_choosing(small):
    full = Cell("full", "hand", "calibrated", 0)
    screen = Cell("screen", "hand", "calibrated", 0)
    screen.path.unlink(missing_ok=True)
    with pytest.raises(ValueError, match="screen"):
        make_cell(small, full)
    assert not full.path.exists()
    made(small, "screen", "calibrated")
    make_cell(small, full)
    assert load_run(full.path)["thresholds"] == load_run(screen.path)["thresholds"] != {}


@pytest.mark.filterwarnings("ignore")
def test_one_training_is_scored_as_each_variant_decodes(small):
    cell, also = (
        Cell("full", "hand", "no_hidden", 3),
        [Cell("full", "hand", variant, 3) for variant in ("no_constraints", "overlap_any")],
    )
    make_cell(small, cell, also=also)
    runs = [load_run(one.path) for one in (cell, *also)]
    assert all(is_cell_made(small, one) for one in (cell, *also))
    assert len({run["fingerprint"] for run in runs}) == 3 and len({run["seconds"] for run in runs}) == 1
    assert [run["variant"] for run in runs] == ["no_hidden", "no_constraints", "overlap_any"]
    # A run that is trained by itself comes to the same.
    alone = Cell("full", "hand", "no_constraints", 3)
    alone.path.unlink()
    make_cell(small, alone)
    assert load_run(alone.path)["scores"] == runs[1]["scores"]


@pytest.mark.filterwarnings("ignore")
def test_a_pipeline_that_was_kept_is_scored_anew(small, monkeypatch):
    def changed(**settings):
        values = {f"components.spert_mt.{name}": value for name, value in settings.items()}
        as_it_was = small.variants["no_hidden"]
        return replace(
            small, variants={**small.variants, "no_hidden": {**as_it_was, "set": {**as_it_was["set"], **values}}}
        )

    cell = Cell("full", "hand", "no_hidden", 4)
    make_cell(small, cell, keep_model=True)
    before = load_run(cell.path)
    monkeypatch.setattr("benchmarks.accuracy.cell.train_last", lambda *args, **kwargs: pytest.fail("trained again"))
    lower = changed(entity_threshold=0.0, overlap="any")
    make_cell(lower, cell, keep_model=True)
    after = load_run(cell.path)
    assert is_cell_made(lower, cell) and not is_cell_made(small, cell)
    assert after["seconds"] == before["seconds"] and after["scores"]["spans_r"] > before["scores"]["spans_r"]
    make_cell(small, cell, keep_model=True)
    assert load_run(cell.path)["scores"] == before["scores"]
    # So does a variant that only decodes otherwise, when it is asked for alone.
    alike = cell._replace(variant="no_constraints")
    make_cell(small, alike)
    assert load_run(alike.path)["seconds"] == before["seconds"] and (cell.folder / "model-last").exists()
    # The same config on another part is another training: `choose` would score dev with a pipeline that has learnt it.
    elsewhere = replace(small, phases={**small.phases, "full": {**small.phases["full"], "train": "dev"}})
    assert fingerprint(elsewhere.config(cell)) == fingerprint(small.config(cell))
    with pytest.raises(pytest.fail.Exception, match="trained again"):
        make_cell(elsewhere, alike, keep_model=True)
    # Another training is one, and so is one that decodes.
    for other in (changed(entity_negatives=7), changed(train_on_predicted=True)):
        with pytest.raises(pytest.fail.Exception, match="trained again"):
            make_cell(other, cell, keep_model=True)
        (cell.folder / "trained.json").write_text(json.dumps({"fingerprint": "of another training", "seconds": 1}))
    with pytest.raises(pytest.fail.Exception, match="trained again"):
        make_cell(small, cell)
    assert not list(cell.folder.glob("model-*")) and not (cell.folder / "trained.json").exists()


def test_a_pipeline_decodes_as_a_config_says_for_a_while(small):
    nlp = load_model_from_config(small.config(Cell("full", "hand", "spert_mt", 0)), auto_fill=True)
    cfg = nlp.get_pipe("spert_mt").cfg
    before = dict(cfg)
    with decoding_as(nlp, small.config(Cell("full", "hand", "no_constraints", 0))):
        assert cfg == {**before, "constraints": None}
        cfg["entity_threshold"] = 0.9
    assert cfg == before


@pytest.mark.filterwarnings("ignore")
def test_the_relation_head_alone_and_stock_components(small):
    given, stock = (load_run(made(small, "screen", variant).path)["scores"] for variant in ("given_entities", "ner"))
    assert given["given_rel_f"] is not None and "spans_f" not in given
    assert stock["spans_f"] is not None and "rel_f" not in stock


@pytest.mark.filterwarnings("ignore")
def test_what_the_runs_say_together(small, monkeypatch):
    for variant in ("spert", "spert_mt"):
        for seed in (0, 1):
            made(small, "full", variant, seed)
    for variant in ("spert_mt", "no_iou", "negatives_30", "negatives_60"):
        made(small, "screen", variant)
    copy_cell(small, Cell("screen", "hand", "best", 0), Cell("screen", "hand", "spert_mt", 0))
    runs = read_runs()
    summary = summarise(small, runs)
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
        "versions",
    }
    assert all(keys <= set(row) for row in summary["rows"]) and summary["versions"]["spacy"]
    full = [row for row in summary["rows"] if row["phase"] == "full" and row["variant"] == "spert"]
    assert [row["seed"] for row in full] == [0, 1] and {row["split"] for row in full} == {"test"}
    (compared,) = (
        row
        for row in summary["comparisons"]
        if (row["phase"], row["variant"], row["against"], row["score"]) == ("full", "spert_mt", "spert", "spans_f")
    )
    of = {
        variant: [run["scores"]["spans_f"] for run in runs["full", "hand", variant].values()]
        for variant in ("spert", "spert_mt")
    }
    assert compared["seeds"] == [0, 1]
    assert compared["value"] == pytest.approx(sum(of["spert_mt"]) / 2 - sum(of["spert"]) / 2, abs=1e-5)
    same = [
        row
        for row in summary["comparisons"]
        if row["variant"] == "best" and row["against"] == "spert_mt" and row["phase"] == "screen"
    ]
    assert same and all(row["value"] == row["low"] == row["high"] == 0 for row in same)
    assert {table.title.split(":")[0] for table in rich_tables(summary)} >= {"full", "screen"}

    assert plot_negatives(small, runs, path=Path("docs/images/negatives.svg")) == ["hand"]
    assert Path("docs/images/negatives.svg").read_text(encoding="utf8").startswith("<?xml")
    assert (
        plot_negatives(small, {}, path=Path("docs/images/none.svg")) == [] and not Path("docs/images/none.svg").exists()
    )

    write_summary(small, runs)
    assert tables.accuracy().count("\n| hand | train | ") >= 2 and " ± " in tables.accuracy()
    assert "| no_iou | negative spans weigh the same |" in tables.ablations() and "| 0.00 (" not in tables.ablations()
    assert "| best |" in tables.ablations() and "+0.00 (+0.00 to +0.00)" in tables.ablations()
    entities, relations = tables.mistakes().split("\n\n")
    assert "type and borders" in entities and "place of an end" in relations
    assert entities.count("\n| hand | `spert_mt` | ") == relations.count("\n| hand | `spert_mt` | ") == 1
    assert (
        all(row["as_now"] for row in summary["rows"] if row["variant"] == "spert")
        and "spert †" not in tables.accuracy()
    )

    changed = {
        **small.variants["spert"],
        "set": {**small.variants["spert"]["set"], "components.spert_mt.relation_threshold": 0.45},
    }
    write_summary(replace(small, variants={**small.variants, "spert": changed}), runs)
    assert "| spert † |" in tables.accuracy() and "| spert_mt |" in tables.accuracy()
    del runs["full", "hand", "spert_mt"]
    write_summary(replace(small, variants={"spert": small.variants["spert"]}), runs)
    assert "| no_iou † |" in tables.ablations()  # there is no such variant any more


@pytest.mark.filterwarnings("ignore")
def test_reinforcement_is_gathered(small):
    from spacy.util import load_config

    parts = [Path("corpus/hand") / f"{part}.spacy" for part in ("train", "dev", "test")]
    values = {key: value for key, value in small.datasets["hand"]["set"].items() if key != "nlp.pipeline"}
    config = set_values(load_config("configs/zh_cpu.cfg", interpolate=False), values)
    reinforce(config, *parts, Path("benchmarks/runs/reinforcement/hand"), seeds=(0,), updates=3, tell=lambda line: None)
    small.reinforcement = {"hand": {}, "absent": {}}
    gains = write_reinforcement(small)
    assert set(gains) == {"hand"} and gains["hand"]
    rows = json.loads(Path("benchmarks/results/reinforcement.json").read_text(encoding="utf8"))["rows"]
    assert {"text", "word", "both", "text_reads_word"} <= {row["variant"] for row in rows}
    assert tables.reinforcement().count("\n| hand | ") == len(gains["hand"]) and "+1.13" in tables.reinforcement()


@pytest.mark.filterwarnings("ignore")
def test_what_borders_cost(small, monkeypatch):
    rows = write_borders(small, ["hand"])
    assert [(row["dataset"], row["variant"], row["split"]) for row in rows] == [
        ("hand", "spert", "test"),
        ("hand", "spert_mt", "test"),
    ]
    for row in rows:
        assert row["overlap_spans_f"] >= row["spans_f"] and row["overlap_rel_strict_f"] >= row["rel_strict_f"]
    over = rows[1]["over"]
    assert over["overlap_spans_f"]["value"] == pytest.approx(
        rows[1]["overlap_spans_f"] - rows[0]["overlap_spans_f"], abs=1e-5
    )
    assert tables.borders().count("\n| hand | ") == 2
    # Both pipelines stay, and serve the next time; what a row lacks, as text labels, is not told.
    monkeypatch.setattr("benchmarks.accuracy.cell.train_last", lambda *args, **kwargs: pytest.fail("trained again"))
    monkeypatch.setattr("benchmarks.accuracy.__main__._load", lambda *args: small)
    told = CliRunner().invoke(app, ["borders", "hand"])
    assert told.exit_code == 0, told.output
    assert (
        f"hand spert_mt: spans_f {100 * rows[1]['spans_f']:.2f}, " in told.output and "cats_macro_f" not in told.output
    )


def test_tables_without_runs_say_how_to_make_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for table in (tables.accuracy, tables.mistakes, tables.borders, tables.ablations, tables.reinforcement):
        assert table().startswith("No runs yet: `python -m benchmarks.accuracy")


# Many runs at a time

SCRIPT = """
import json, sys, time
from pathlib import Path
phase, dataset, variant, seed = sys.argv[1:5]
print("seed", seed, "of", variant)
if variant == "slow":
    time.sleep(60)
if variant == "bad":
    sys.exit("it went wrong")
path = Path(f"benchmarks/runs/accuracy/{phase}/{dataset}/{variant}-{seed}.json")
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps({"scores": {"spans_f": 0.5}, "seconds": 1, "counts": {}}))
"""


@pytest.fixture
def make_runner(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.py").write_text(SCRIPT)
    monkeypatch.setattr(runner_room, "COMMAND", [sys.executable, str(tmp_path / "one.py")])
    return lambda jobs: Runner(jobs, -1, False, Console(file=open(tmp_path / "told.txt", "w"), width=200))


def test_a_failed_run_stops_no_other_and_tells_why(make_runner):
    runner = make_runner(2)
    cells = [Cell("screen", "x", variant, seed) for seed in (0, 1) for variant in ("good", "bad")]
    failed = runner.run(dict.fromkeys(cells, ()))
    assert sorted(failed) == [cell for cell in sorted(cells) if cell.variant == "bad"]
    assert all(cell.path.exists() == (cell.variant == "good") for cell in cells)
    runner.console.file.close()
    told = Path("told.txt").read_text()
    assert told.count("it went wrong") == 2 and told.count("entities 50.00") == 2


def test_stopping_ends_the_processes_and_leaves_no_file(make_runner):
    runner = make_runner(2)
    cells = [Cell("screen", "x", "slow", seed) for seed in range(4)]

    def stop():
        while len(runner.living) < 2:
            time.sleep(0.05)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM)

    threading.Thread(target=stop).start()
    start = time.perf_counter()
    with pytest.raises(SystemExit):
        runner.run(dict.fromkeys(cells, ()))
    assert time.perf_counter() - start < 30 and runner.living == []
    assert not any(cell.path.exists() for cell in cells)
    assert not (cells[3].folder / "log.txt").exists() or (cells[3].folder / "log.txt").read_text() == ""
