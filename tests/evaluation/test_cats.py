import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.scorer import Scorer
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_mre.evaluation.calibration import measure_calibration
from spacy_mre.evaluation.cats import CATS_KEYS, _score_with_missing, score_cats
from spacy_mre.evaluation.counts import count_documents
from spacy_mre.evaluation.items import gold_cats
from spacy_mre.evaluation.mmm_groups import score_groups
from spacy_mre.evaluation.report import per_type_tables
from spacy_mre.evaluation.text_mistakes import find_text_mistakes

VOCAB = Vocab()


def cats_doc(cats):
    doc = Doc(VOCAB, words=["Ada", "sang"])
    doc.cats = dict(cats)
    return doc


def cats_examples(rows):
    return [Example(cats_doc(predicted), cats_doc(gold)) for gold, predicted in rows]


FULL = [
    ({"a": 1.0, "b": 0.0, "c": 0.0}, {"a": 0.6, "b": 0.3, "c": 0.1}),
    ({"a": 0.0, "b": 1.0, "c": 0.0}, {"a": 0.5, "b": 0.4, "c": 0.1}),
    ({"a": 0.0, "b": 1.0, "c": 0.0}, {"a": 0.1, "b": 0.8, "c": 0.1}),
    ({"a": 0.0, "b": 0.0, "c": 1.0}, {"a": 0.2, "b": 0.1, "c": 0.7}),
]


@pytest.mark.parametrize("options", [{}, {"multi_label": True}, {"multi_label": True, "threshold": 0.3}])
def test_scores_agree_with_spacy(options):
    examples = cats_examples(FULL)
    theirs = Scorer.score_cats(examples, "cats", labels=["a", "b", "c"], **{"multi_label": False, **options})
    assert score_cats(examples, labels=["a", "b", "c"], **options) == theirs
    assert set(theirs) == {f"cats_{key}" for key in CATS_KEYS}


def test_the_positive_label_is_scored():
    examples = cats_examples(
        [({"yes": 1.0, "no": 0.0}, {"yes": 0.6, "no": 0.4}), ({"yes": 0.0, "no": 1.0}, {"yes": 0.7, "no": 0.3})]
    )
    # yes: p = 1/2, r = 1, f = 2/3.
    assert score_cats(examples, positive_label="yes")["cats_score"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("multi_label", [False, True])
def test_documents_without_gold_are_skipped(multi_label):
    examples = cats_examples(FULL)
    more = cats_examples([({}, {"a": 0.9, "b": 0.05, "c": 0.05})] * 3)
    assert score_cats([*examples, *more], multi_label=multi_label) == score_cats(examples, multi_label=multi_label)
    # Exclusive: 3 of 4 are correct. In spaCy's scorer the three without gold are false positives.
    assert score_cats([*examples, *more])["cats_micro_f"] == pytest.approx(3 / 4)
    assert (
        Scorer.score_cats([*examples, *more], "cats", labels=["a", "b", "c"], multi_label=False)["cats_micro_f"] < 0.7
    )


@pytest.mark.parametrize("multi_label", [False, True])
def test_scores_are_none_without_gold(multi_label):
    scores = score_cats(cats_examples([({}, {"a": 1.0})]), labels=["a", "b"], multi_label=multi_label)
    assert scores == {f"cats_{key}": None for key in CATS_KEYS}


def test_a_gold_label_that_the_component_lacks_is_missed():
    rows = [({"a": 1.0, "new": 0.0}, {"a": 0.9, "b": 0.1}), ({"a": 0.0, "new": 1.0}, {"a": 0.8, "b": 0.2})]
    scores = score_cats(cats_examples(rows), labels=["a", "b"])
    # a: tp 1, fp 1: f = 2/3. b: never. new: fn 1. Micro: p = r = 1/2. Macro F over three labels: 2/9.
    assert scores["cats_micro_f"] == pytest.approx(1 / 2)
    assert scores["cats_macro_f"] == pytest.approx(2 / 9)
    assert scores["cats_f_per_type"]["new"]["r"] == 0.0


def test_the_gold_label_of_a_document_without_prediction_is_missed():
    rows = [*FULL, ({"a": 1.0, "b": 0.0, "c": 0.0}, {})]
    scores = score_cats(cats_examples(rows))
    # a: tp 1, fp 1, fn 1: f = 1/2. b: tp 1, fn 1: f = 2/3. c: f = 1. Micro: p = 3/4, r = 3/5.
    # Macro F: (1/2 + 2/3 + 1) / 3 = 13/18.
    assert scores["cats_micro_p"] == pytest.approx(3 / 4)
    assert scores["cats_micro_r"] == pytest.approx(3 / 5)
    assert scores["cats_macro_f"] == scores["cats_score"] == pytest.approx(13 / 18)
    assert scores["cats_score_desc"] == "macro F"
    # c: 0.7 is higher than the others. a: of the pairs of 0.6 and 0 (no prediction) with 0.5, 0.1 and 0.2, 3 of 6 are
    # in order.
    assert scores["cats_auc_per_type"]["c"] == pytest.approx(1.0)
    assert scores["cats_auc_per_type"]["a"] == pytest.approx(1 / 2)
    assert set(scores) == {f"cats_{key}" for key in CATS_KEYS}


cats_values = st.sampled_from([0.0, 0.1, 0.2, 0.4, 0.5, 0.7, 1.0])


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("abc"), st.tuples(cats_values, cats_values, cats_values)), min_size=1, max_size=6
    )
)
def test_scores_with_missing_predictions_agree_with_spacy_if_none_is_missing(rows):
    labels = ["a", "b", "c"]
    examples = cats_examples(
        [({label: float(label == gold) for label in labels}, dict(zip(labels, values))) for gold, values in rows]
    )
    assert _score_with_missing(examples, labels=labels, positive_label=None) == score_cats(examples, labels=labels)


NONE = {"a": 0.0, "b": 0.0}


def test_exclusive_gold_in_which_no_label_holds_is_unknown():
    """Everywhere: it is not gold for the first label."""
    unknown = cats_examples([(NONE, {"a": 0.9, "b": 0.1})])
    assert score_cats(unknown) == {f"cats_{key}": None for key in CATS_KEYS}
    assert count_documents(unknown)["texts"].tolist() == [[0, 0]]
    assert "cats" not in find_text_mistakes(unknown)[0].right and "cats" not in measure_calibration(unknown)
    assert score_groups({"": unknown})[0]["tl_f"] is None
    known = cats_examples([({"a": 0.0, "b": 1.0}, {"a": 0.9, "b": 0.1})])
    assert score_cats([*unknown, *known]) == score_cats(known)
    # If several may hold, none of them does.
    assert score_cats(unknown, multi_label=True)["cats_micro_p"] == 0.0
    assert count_documents(unknown, multi_label=True)["texts"].tolist() == [[0, 1]]
    assert find_text_mistakes(unknown, multi_label=True)[0].mistakes[0].item == ("a",)


def test_scores_of_zero_are_no_prediction():
    """Those of a text without tokens."""
    right = ({"a": 1.0, "b": 0.0}, {"a": 0.9, "b": 0.1})
    examples = cats_examples([right, ({"a": 1.0, "b": 0.0}, NONE)])
    scores = score_cats(examples)
    assert (scores["cats_micro_p"], scores["cats_micro_r"]) == (1.0, 0.5)
    assert count_documents(examples)["texts"].tolist() == [[1, 1], [0, 1]]
    (mistake,) = find_text_mistakes(examples)[1].mistakes
    assert (mistake.what, mistake.kind) == ("missed", "no label")
    assert measure_calibration(examples)["cats"].bins[0].predictions == 0


def test_a_gold_label_holds_from_one_half_on():
    soft = cats_examples([({"a": 0.3, "b": 0.7}, {"a": 0.2, "b": 0.8})])
    for multi_label in (False, True):
        hard = cats_examples([({"a": 0.0, "b": 1.0}, {"a": 0.2, "b": 0.8})])
        assert score_cats(soft, multi_label=multi_label) == score_cats(hard, multi_label=multi_label)
        assert score_cats(soft, multi_label=multi_label)["cats_micro_f"] == 1.0
        assert count_documents(soft, multi_label=multi_label)["texts"].tolist() == [[1, 1]]
    assert soft[0].reference.cats == {"a": 0.3, "b": 0.7}
    (table,) = per_type_tables(score_cats(soft, multi_label=True), soft, multi_label=True)
    assert list(table.columns[-1].cells) == ["0", "1"]


def test_the_highest_share_of_exclusive_gold_holds():
    """Training learns from shares, so a text whose highest is below 0.5 is labelled in scores too."""
    soft = {"a": 0.4, "b": 0.3, "c": 0.3}
    right, wrong = cats_examples([(soft, {"a": 0.9, "b": 0.1, "c": 0.0}), (soft, {"a": 0.1, "b": 0.9, "c": 0.0})])
    assert score_cats([right])["cats_micro_f"] == 1.0 and score_cats([wrong])["cats_micro_f"] == 0.0
    (table,) = per_type_tables(score_cats([right, wrong]), [right, wrong], multi_label=False)
    assert dict(zip(*(list(table.columns[i].cells) for i in (0, -1)))) == {"a": "2", "b": "0", "c": "0"}
    assert count_documents([right, wrong])["texts"].tolist() == [[1, 1], [0, 1]]
    assert find_text_mistakes([wrong])[0].mistakes[0].item == ("a",)
    assert (
        gold_cats(right.reference, multi_label=False) == {"a"} and gold_cats(right.reference, multi_label=True) == set()
    )


# Two components, of "a", "b", "c" and of "x", "y"


def beside_another(rows):
    """Another component predicts "x", which is right in every other text."""
    return [
        ({**gold, "x": float(i % 2 == 0), "y": float(i % 2)}, {**predicted, "x": 0.9, "y": 0.1})
        for i, (gold, predicted) in enumerate(rows)
    ]


@pytest.mark.parametrize("options", [{}, {"multi_label": True}, {"multi_label": True, "threshold": 0.3}])
def test_each_component_is_scored_by_its_own_labels(options):
    examples = cats_examples(beside_another(FULL))
    alone = score_cats(cats_examples(FULL), labels=["a", "b", "c"], **options)
    assert score_cats(examples, labels=["a", "b", "c"], **options) == alone
    of_other = score_cats(examples, labels=["x", "y"], **options)
    assert of_other["cats_micro_p"] == 0.5 and set(of_other["cats_f_per_type"]) == {"x", "y"}


@pytest.mark.parametrize("multi_label", [False, True])
def test_a_document_with_gold_of_another_component_only_is_skipped(multi_label):
    more = [({"x": 1.0, "y": 0.0}, {"a": 0.9, "b": 0.1, "c": 0.0, "x": 0.9, "y": 0.1})]
    examples = cats_examples([*beside_another(FULL), *more])
    alone = score_cats(cats_examples(FULL), labels=["a", "b", "c"], multi_label=multi_label)
    assert score_cats(examples, labels=["a", "b", "c"], multi_label=multi_label) == alone


def test_a_label_that_no_component_knows_is_missed_beside_another_component():
    unknown = [({"new": 1.0, "x": 1.0}, {"a": 0.9, "b": 0.1, "c": 0.0, "x": 0.9, "y": 0.1})]
    scores = score_cats(cats_examples([*beside_another(FULL), *unknown]), labels=["a", "b", "c"])
    # 3 of 4 are right, and the fifth is missed.
    assert scores["cats_micro_r"] == pytest.approx(3 / 5) and "x" not in scores["cats_f_per_type"]
