import json
from itertools import pairwise

import pytest
from typer.testing import CliRunner

from spacy_mre.annotations.storage import load_docs, save_docs
from spacy_mre.cli import app
from spacy_mre.cli.locks import alone_in
from spacy_mre.evaluation import learning_curve as module
from spacy_mre.evaluation.learning_curve import default_sizes, learning_curve, make_curves
from spacy_mre.evaluation.learning_curve_report import curve_row, curve_table, describe_outlook
from spacy_mre.evaluation.run_config import set_values

SIZES = [10, 20, 40, 60]


@pytest.mark.parametrize(
    "texts, sizes", [(10, [10]), (25, [25]), (26, [25, 26]), (400, [25, 50, 100, 200, 400]), (1, [1])]
)
def test_default_sizes(texts, sizes):
    assert default_sizes(texts) == sizes


@pytest.fixture(scope="module")
def made(small_config, assets, tmp_path_factory):
    """Four sizes and two seeds, and the texts that each run was trained on."""
    output, parts = tmp_path_factory.mktemp("curve"), []
    patch = pytest.MonkeyPatch()

    def save(docs, path):
        parts.append([doc.text for doc in docs])
        return save_docs(docs, path)

    patch.setattr(module, "save_docs", save)
    lines = []
    files = assets / "train.spacy", assets / "dev.spacy"
    runs = learning_curve(small_config, *files, output, sizes=SIZES, seeds=(0, 1), updates=3, log=lines.append)
    patch.undo()
    return output, files, runs, parts, lines


@pytest.mark.filterwarnings("ignore")
def test_each_part_is_in_the_next_one(made, assets):
    _, _, runs, parts, lines = made
    assert [len(part) for part in parts] == SIZES * 2
    for smaller, larger in pairwise(parts):
        assert set(smaller) <= set(larger) or len(smaller) > len(larger)
    assert set(parts[0]) != set(parts[4]), "another seed draws other texts"
    assert parts[3] == [doc.text for doc in load_docs(assets / "train.spacy")]
    assert lines[:2] == ["10 texts, seed 0: 3 updates", "20 texts, seed 0: 3 updates"]
    assert {size: [run["seed"] for run in of_size] for size, of_size in runs.items()} == {
        size: [0, 1] for size in SIZES
    }


@pytest.mark.filterwarnings("ignore")
def test_the_points_are_the_scores_of_the_runs(made):
    _, _, runs, _, _ = made
    curves = {curve.level: curve for curve in make_curves(runs, more=100)}
    for level, key in (("entities", "spans_f"), ("texts", "cats_accuracy")):
        for size in SIZES:
            mean = sum(run["scores"][key] for run in runs[size]) / 2
            point = curves[level].points[size]
            assert point.value == pytest.approx(mean) and point.low <= point.value <= point.high
        assert curves[level].outlook.texts == 60 and curves[level].outlook.more == 100
        assert "100 texts more than 60 would bring" in describe_outlook(curves[level])
        assert json.loads(json.dumps(curve_row(curves[level])))["points"][0]["texts"] == 10
    assert curve_table(list(curves.values())).row_count == len(SIZES)
    few = make_curves({size: runs[size] for size in SIZES[:3]}, more=100)
    assert few[0].outlook is None and "at least 4" in describe_outlook(few[0]) and curve_row(few[0])["outlook"] is None


@pytest.mark.filterwarnings("ignore")
def test_a_part_without_gold_of_a_level_is_no_point_of_it(made):
    _, _, runs, _, _ = made
    lacking = {
        size: [{**run, "counts": {k: v for k, v in run["counts"].items() if size > 10 or k == "texts"}} for run in of]
        for size, of in runs.items()
    }
    curves = {curve.level: curve for curve in make_curves(lacking, more=100)}
    assert list(curves["entities"].points) == SIZES[1:] and list(curves["texts"].points) == SIZES
    assert curves["entities"].outlook is None, "three points are too few"
    assert next(iter(curve_table(list(curves.values())).columns[1].cells)) == "-"
    assert "too few sizes" in describe_outlook(curves["entities"])


@pytest.mark.filterwarnings("ignore")
def test_it_continues_and_sees_changed_data(made, small_config, tmp_path):
    output, (train, dev), runs, _, _ = made
    lines = []
    again = learning_curve(small_config, train, dev, output, sizes=SIZES, seeds=(0, 1), updates=3, log=lines.append)
    assert lines == [] and sorted(again) == sorted(runs)
    docs = list(load_docs(train))
    for doc in docs:
        doc.cats = {label: float(label == "society") for label in doc.cats}
    save_docs(docs, tmp_path / "train.spacy")
    learning_curve(small_config, tmp_path / "train.spacy", dev, output, sizes=[10], updates=3, log=lines.append)
    assert lines == ["10 texts, seed 0: 3 updates"]
    assert not (output / "training").exists()


@pytest.mark.parametrize("sizes", [[10, 61], [0, 10]])
def test_a_size_that_the_corpus_does_not_have_is_m520(small_config, assets, tmp_path, sizes):
    with pytest.raises(ValueError, match=rf"\[M520\].*{61 if 61 in sizes else 0} training texts.*has 60"):
        learning_curve(small_config, assets / "train.spacy", assets / "dev.spacy", tmp_path, sizes=sizes)


def test_a_folder_of_files_is_read_as_the_corpus_reader_reads_it(small_config, assets, tmp_path):
    """`reinforce` reads such a folder too."""
    (tmp_path / "train").mkdir()
    for name in ("a", "b"):
        save_docs(load_docs(assets / "train.spacy"), tmp_path / "train" / f"{name}.spacy")
    with pytest.raises(ValueError, match=r"\[M520\].*has 120"):
        learning_curve(small_config, tmp_path / "train", assets / "dev.spacy", tmp_path / "out", sizes=[121])


@pytest.mark.filterwarnings("ignore")
def test_the_command(small_config, assets, tmp_path):
    config = set_values(small_config, {"nlp.pipeline": ["tok2vec", "mre_textcat"]})
    config["components"].pop("spert_mt")
    config.to_disk(tmp_path / "config.cfg")
    args = ["learning-curve", tmp_path / "config.cfg", assets / "train.spacy", assets / "dev.spacy", tmp_path / "out"]
    options = [*(f"--size={size}" for size in SIZES), "--updates=2", "--more=40"]
    kept = tmp_path / "out" / "training" / "model-best"  # as `train` writes it
    kept.mkdir(parents=True)
    result = CliRunner().invoke(app, [*map(str, args), *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert kept.is_dir() and [path.name for path in (tmp_path / "out").glob(".*")] == [".lock"]
    assert "text labels, accuracy: 40 texts more than 60 would bring" in result.output
    (curve,) = json.loads((tmp_path / "out" / "curves.json").read_text(encoding="utf8"))
    assert [point["texts"] for point in curve["points"]] == SIZES and curve["outlook"]["more"] == 40
    assert "<svg" in (tmp_path / "out" / "curves.svg").read_text(encoding="utf8")
    assert len(list((tmp_path / "out" / "runs").glob("*.json"))) == len(SIZES)


@pytest.mark.parametrize("command", ["learning-curve", "reinforce"])
def test_one_process_writes_to_a_folder(small_config, assets, tmp_path, command):
    (tmp_path / "small.cfg").write_text(small_config.to_str(), encoding="utf8")
    parts = ("train", "dev") if command == "learning-curve" else ("train", "dev", "test")
    args = [command, tmp_path / "small.cfg", *(assets / f"{part}.spacy" for part in parts), tmp_path / "out"]
    with alone_in(tmp_path / "out"):
        result = CliRunner().invoke(app, [*map(str, args), "--updates", "1"])
    assert result.exit_code == 1 and "M285" in result.output
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".lock"]
