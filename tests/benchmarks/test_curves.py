import numpy
import pytest
import yaml

from benchmarks import curves
from benchmarks.grid import GRID, Grid
from benchmarks.results import read
from spacy_mre.evaluation.significance import f1


def runs_of(entities, texts=None):
    """RETURNS (dict): One run with 10 training texts, as `learning_curve` returns it."""
    counts = {"entities": numpy.array(entities)} | ({} if texts is None else {"texts": numpy.array(texts)})
    return {10: [{"counts": counts}]}


def test_ours_minus_the_other():
    ours, other = [[3, 1, 0], [2, 0, 2]], [[1, 1, 2], [1, 0, 3]]
    rows = curves.make_rows({"shipped": runs_of(ours, [[1, 1], [0, 1]]), "spert": runs_of(other)})
    assert [(row["level"], row["variant"]) for row in rows] == [
        ("entities", "shipped"),
        ("entities", "spert"),
        ("texts", "shipped"),
    ]
    shipped, spert, of_texts = rows
    assert shipped["value"] == round(float(f1([5, 1, 2])), 5) and spert["value"] == round(float(f1([2, 1, 5])), 5)
    assert spert["gain"]["value"] == pytest.approx(shipped["value"] - spert["value"], abs=1e-5)
    assert of_texts["value"] == 0.5 and "gain" not in shipped


@pytest.mark.filterwarnings("ignore")
def test_all_variants_are_trained_on_the_same_texts(small):
    grid = Grid(**yaml.safe_load(GRID.read_text(encoding="utf8")))
    suite = grid.suites["curves"]
    suite["datasets"] = {"hand": {**small.suites["accuracy"]["datasets"]["hand"], "set": {}}}
    grid.corpora = small.corpora
    rows = curves.measure(grid, "hand", seeds=1, sizes=(6, 8), updates=1)
    assert {(row["variant"], row["texts"]) for row in rows} == {
        (variant, texts) for variant in suite["variants"] for texts in (6, 8)
    }
    assert {row["variant"] for row in rows if row["level"] == "entities"} == set(suite["variants"])
    assert {row["variant"] for row in rows if row["level"] == "texts"} == set(suite["variants"])
    curves.record(grid, rows, 1)
    assert [(row["data"], row["variant"]) for row in read("curves")["rows"]] == [
        ("hand", row["variant"]) for row in rows
    ]
