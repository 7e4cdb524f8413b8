import json

import numpy
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.training import Example
from typer.testing import CliRunner

from spacy_mre.annotations.entities import EntitySpan, set_entities
from spacy_mre.annotations.storage import save_docs
from spacy_mre.cli import app
from spacy_mre.evaluation.calibration import BINS, bin_tables, compare_scores, measure_calibration


def test_by_hand():
    """Two bins: three predictions of mean score 0.85, two right; one of score 0.3, wrong."""
    error, _, bins = compare_scores([0.8, 0.85, 0.9 - 1e-9, 0.3], [True, True, False, False])
    assert error == pytest.approx((3 * abs(0.85 - 2 / 3) + 1 * 0.3) / 4, abs=1e-6)
    assert [each.predictions for each in bins] == [0, 0, 0, 1, 0, 0, 0, 0, 3, 0]
    assert bins[8].score == pytest.approx(0.85) and bins[8].right == pytest.approx(2 / 3)
    assert (bins[8].low, bins[8].high) == (0.8, 0.9)


def test_the_ends_belong_to_the_first_and_the_last_bin():
    _, _, bins = compare_scores([0.0, 1.0], [False, True])
    assert bins[0].predictions == bins[-1].predictions == 1


def test_exact_probabilities_have_the_error_of_chance():
    """100 scores of 0.5 are 4 points from the share of right ones, on average: 0.5 / 10 times the root of 2 / pi."""
    assert compare_scores([0.5] * 100, [True] * 50 + [False] * 50).chance == pytest.approx(0.04, abs=0.005)
    assert compare_scores([1.0] * 100, [True] * 100).chance == 0.0


def test_nothing_is_calibrated():
    assert compare_scores([], []).error == 0.0


def test_probabilities_have_nearly_no_error():
    generator = numpy.random.default_rng(0)
    scores = generator.random(20_000)
    assert compare_scores(scores, generator.random(20_000) < scores).error < 0.01
    assert compare_scores(scores, generator.random(20_000) < scores / 2).error == pytest.approx(0.25, abs=0.01)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30))
def test_it_agrees_with_the_formula(pairs):
    scores, right = zip(*pairs)
    error, total = 0.0, len(pairs)
    for i in range(BINS):
        rows = [(s, r) for s, r in pairs if min(int(s * BINS), BINS - 1) == i]
        if rows:
            confidence, accuracy = (sum(column) / len(rows) for column in zip(*rows))
            error += len(rows) / total * abs(accuracy - confidence)
    found = compare_scores(scores, right)
    assert found.error == pytest.approx(error, abs=2e-6)
    assert sum(each.predictions for each in found.bins) == total


def make_example(nlp, *, relations=True):
    gold = nlp.make_doc("Ida lives in Lima")
    set_entities(gold, [EntitySpan(0, 1, "person"), EntitySpan(3, 4, "place")])
    found = nlp.make_doc("Ida lives in Lima")
    set_entities(found, [EntitySpan(0, 1, "person", 0.95), EntitySpan(3, 4, "person", 0.65)])
    gold.cats, found.cats = {"travel": 1.0, "food": 0.0}, {"travel": 0.7, "food": 0.3}
    if relations:
        lives = {"head": (0, 1), "head_label": "person", "tail": (3, 4), "label": "lives_in"}
        gold._.relations = [{**lives, "tail_label": "place"}]
        found._.relations = [{**lives, "tail_label": "person", "score": 0.45}]
    return Example(found, gold)


def test_each_level_of_a_text():
    nlp = spacy.blank("en")
    found = measure_calibration([make_example(nlp)])
    assert list(found) == ["entities", "relations", "cats"]
    assert found["entities"].error == pytest.approx((0.05 + 0.65) / 2)
    # Its tail has another type in gold.
    assert found["relations"].error == pytest.approx(0.45)
    assert found["cats"].error == pytest.approx(0.3)
    assert len(bin_tables(found)) == 3


def test_texts_without_gold_or_predictions_do_not_count():
    nlp = spacy.blank("en")
    example = make_example(nlp, relations=False)
    example.reference.cats = {}
    assert list(measure_calibration([example])) == ["entities"]
    other = Example(nlp.make_doc("Ida"), nlp.make_doc("Ida"))
    assert measure_calibration([other]) == {}


def test_an_unknown_label_is_no_mistake_if_several_may_hold():
    nlp = spacy.blank("en")
    example = make_example(nlp)
    example.predicted.cats["sport"] = 0.9
    several = measure_calibration([example], multi_label=True)["cats"]
    assert sum(each.predictions for each in several.bins) == 1 and several.error == pytest.approx(0.3)
    single = measure_calibration([example])["cats"]
    assert single.error == pytest.approx(0.9)


@pytest.mark.filterwarnings("ignore")
def test_the_command(tmp_path):
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("span_ruler", config={"spans_key": "entities"})
    ruler.add_patterns([{"label": "place", "pattern": "Lima"}, {"label": "place", "pattern": "lives"}])
    nlp.to_disk(tmp_path / "model")
    save_docs([make_example(nlp).reference], tmp_path / "test.spacy")
    files = ["evaluate", tmp_path / "model", tmp_path / "test.spacy", "--output", tmp_path / "scores.json"]
    options = ["--calibration", "--calibration-plot", tmp_path / "plots" / "reliability.svg"]
    result = CliRunner().invoke(app, [*map(str, [*files, *options])], catch_exceptions=False, env={"COLUMNS": "120"})
    assert result.exit_code == 0, result.output
    row = next(line for line in result.output.splitlines() if line.startswith("│ entities"))
    assert [cell.strip() for cell in row.split("│")[1:-1]] == ["entities", "2", "100.0", "50.0", "50.0", "0.0"]
    assert "<svg" in (tmp_path / "plots" / "reliability.svg").read_text(encoding="utf8")
    scores = json.loads((tmp_path / "scores.json").read_text(encoding="utf8"))
    last = scores["calibration"]["entities"]["bins"][-1]
    assert last == {"low": 0.9, "high": 1.0, "predictions": 2, "score": 1.0, "right": 0.5}
