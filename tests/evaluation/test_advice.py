"""Labels that need more annotated texts, by hand."""

from rich.console import Console

from spacy_mre.evaluation.advice import MAX_ROWS, Advice, advice_table, what_to_annotate

SCORES = {
    "spans_entities_f": 0.6,
    "spans_entities_per_type": {"person": {"f": 0.8}, "place": {"f": 0.5}, "firm": {"f": 0.9}},
    "rel_f": 0.3,
    "rel_per_type": {"near": {"f": 0.3}, "odd": {"f": 0.0}},
    "cats_micro_f": 0.7,
    "cats_f_per_type": {"news": {"f": 0.7}, "diary": {"f": 0.6}},
}
EXAMPLES = {
    "entity": {"person": 100, "place": 40, "firm": 5},
    "relation": {"near": 50, "odd": 2, "rare": 1},
    "text label": {"news": 50, "diary": 50},
}
SUPPORT = {
    "entity": {"person": 20, "place": 9, "firm": 1},
    "relation": {"near": 9, "odd": 1},
    "text label": {"news": 9, "diary": 9},
}


def test_what_to_annotate():
    found = what_to_annotate(SCORES, EXAMPLES, SUPPORT)
    assert [(advice.level, advice.label, advice.reason) for advice in found] == [
        ("relation", "rare", "none to test on"),
        ("relation", "odd", "few examples"),
        ("entity", "place", "low score"),
        ("text label", "diary", "low score"),
        ("entity", "firm", "few examples"),
    ]
    assert found[2] == Advice("entity", "place", 40, 9, 0.5)


def test_a_label_of_the_test_data_only_has_no_examples():
    (found,) = what_to_annotate({"rel_f": 0.0, "rel_per_type": {"odd": {"f": 0.0}}}, {}, {"relation": {"odd": 2}})
    assert found == Advice("relation", "odd", 0, 2, 0.0) and found.reason == "few examples"


def test_without_scores():
    scores = {"rel_per_type": None, "rel_f": None}
    assert [advice.label for advice in what_to_annotate(scores, {"relation": {"near": 3}}, {})] == ["near"]
    assert what_to_annotate({}, {}, {}) == []


def test_a_level_that_the_pipeline_does_not_predict_is_left_out():
    """Its labels have examples in the test data, but no scores."""
    scores = {**SCORES, "cats_micro_f": None, "cats_f_per_type": None}
    examples = {**EXAMPLES, "text label": {"news": 3, "diary": 2}}
    found = what_to_annotate(scores, examples, SUPPORT)
    assert {advice.level for advice in found} == {"entity", "relation"}


def test_the_table_is_short():
    many = [Advice("entity", f"[label {i}]", i, 1, 0.0) for i in range(MAX_ROWS + 2)]
    console = Console(width=100, record=True)
    console.print(advice_table(many))
    text = console.export_text()
    assert "[label 9]" in text and "[label 10]" not in text
    assert "2 more labels are not shown." in text
