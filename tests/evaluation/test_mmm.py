"""TL, WL and ALL: by hand, in groups, as the scorer of generated strings has them, and by the command."""

import json
import random

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from spacy.training import Example
from typer.testing import CliRunner

from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import make_relation, set_relations
from spacy_mre.annotations.storage import save_docs
from spacy_mre.cli import app
from spacy_mre.evaluation.mmm import TextAndWords, score_mmm
from spacy_mre.evaluation.mmm_groups import mean_of_groups, score_groups
from spacy_mre.evaluation.report import mmm_table
from spacy_mre.pipeline.generative.formats import OIELLMFormat, SLGFormat, Task
from spacy_mre.pipeline.generative.formats.from_docs import analysis_of
from spacy_mre.pipeline.generative.scorer import score_generative

NLP = spacy.blank("en")
TEXT = "Ida met Bo and Ida in Lima"
IDA, BO, IDA_AGAIN, LIMA = (0, 1), (2, 3), (4, 5), (6, 7)
TRAVEL, MUSIC = {"music": 0.0, "travel": 1.0}, {"music": 1.0, "travel": 0.0}


def doc_of(entities=None, cats=None, relations=None, text=TEXT):
    doc = NLP(text)
    if entities is not None:
        set_entities(doc, [(*offsets, label, 1.0) for offsets, label in entities])
    if relations is not None:
        set_relations(doc, [make_relation(head, tail, label) for head, label, tail in relations])
    doc.cats = dict(cats or {})
    return doc


def rows_of(*pairs, **options):
    """Each pair is gold and prediction."""
    return score_groups({"data": [Example(predicted, gold) for gold, predicted in pairs]}, **options)


def row_of(*pairs, **options):
    (row,) = rows_of(*pairs, **options)
    return row


def f1(tp, fp, fn):
    return pytest.approx(2 * tp / (2 * tp + fp + fn))


# The definitions


def test_texts_by_hand():
    two = [("person", "Ida"), ("person", "Ida")]
    scores = score_mmm(
        [
            (TextAndWords(["a"], two), TextAndWords(["a"], two[:1])),  # duplicates count
            (TextAndWords(["a"], [("person", "Bo")]), TextAndWords(["b"], [("place", "Bo")])),  # the text is right
            (TextAndWords(["b"], ()), TextAndWords(["b"], ())),
            (TextAndWords(None, two), TextAndWords(["a"], two)),  # no gold for the text label
            (TextAndWords(["b"], None), TextAndWords(["b"], two)),  # no gold for the words
            (TextAndWords(["b"], ()), TextAndWords(None, None)),  # nothing is predicted
            (TextAndWords((), ()), None),  # not readable, though there is nothing to find
        ]
    )
    # Labels: right in texts 1, 3, 5, wrong in 2, missed in 2 and 6. Words: right 1 and 2, wrong 1, missed 1 and 1.
    assert (scores["tl_p"], scores["tl_r"], scores["tl_f"]) == (3 / 4, 3 / 5, f1(3, 1, 2))
    assert (scores["wl_p"], scores["wl_r"], scores["wl_f"]) == (3 / 4, 3 / 5, f1(3, 1, 2))
    assert scores["all_acc"] == 1 / 5  # of texts 1, 2, 3, 6 and 7


WORDS = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz")), max_size=5)
LEVELS = st.builds(TextAndWords, st.one_of(st.none(), st.sampled_from(["a", "b"]).map(lambda label: [label])), WORDS)


@given(st.lists(LEVELS, max_size=5), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_gold_is_right_and_order_does_not_matter(texts, shuffler):
    def shuffled(values):
        return shuffler.sample(list(values), len(values))

    scores = score_mmm([(levels, TextAndWords(levels.text, shuffled(levels.words))) for levels in shuffled(texts)])
    assert scores["wl_f"] == (1 if any(levels.words for levels in texts) else None)
    assert scores["tl_f"] == scores["all_acc"] == (1 if any(levels.text for levels in texts) else None)


# Documents


def test_pairs_are_compared_without_offsets():
    gold = doc_of([(IDA, "person"), (LIMA, "place")], TRAVEL)
    other_place = doc_of([(IDA_AGAIN, "person"), (LIMA, "place")], TRAVEL)
    assert row_of((gold, other_place))["all_acc"] == 1
    twice = doc_of([(IDA, "person"), (IDA_AGAIN, "person"), (LIMA, "place")], TRAVEL)
    row = row_of((twice, gold), (gold, twice))
    assert (row["words"], row["texts"], row["wl_p"], row["wl_r"], row["all_acc"]) == ("entities", 2, 0.8, 0.8, 0)
    wrong_label = doc_of([(IDA, "place"), (LIMA, "place")], {"music": 0.6, "travel": 0.4})
    row = row_of((gold, wrong_label))
    assert row_of((doc_of([], MUSIC), wrong_label))["tl_f"] == 1
    assert (row["tl_f"], row["wl_f"], row["all_acc"]) == (0, 0.5, 0)


def test_white_space_and_tokens_do_not_matter():
    gold = doc_of([((0, 2), "place")], text="New York shines")
    predicted = doc_of([((0, 3), "place")], text="New   York shines")
    assert row_of((gold, predicted))["wl_f"] == 1
    with pytest.raises(ValueError, match="M501"):
        row_of((gold, doc_of([], text="New Delhi")))


def test_relations_are_whole():
    gold = doc_of([], TRAVEL, [(IDA, "meets", BO), (IDA, "visits", LIMA)])
    predicted = doc_of(None, TRAVEL, [(IDA_AGAIN, "meets", BO), (IDA, "visits", BO)])
    row = row_of((gold, predicted))
    assert (row["words"], row["wl_f"], row["all_acc"]) == ("relations", 0.5, 0)
    turned = doc_of(None, TRAVEL, [(BO, "meets", IDA), (IDA, "visits", LIMA)])
    assert row_of((gold, turned))["wl_f"] == 0.5
    assert row_of((gold, turned), symmetric=["meets"])["all_acc"] == 1


def test_a_relation_counts_once_whatever_the_labels_of_its_arguments_are():
    gold = doc_of([(IDA, "person"), (BO, "person")], relations=[(IDA, "meets", BO)])
    predicted = doc_of([(IDA, "thing")])
    labelled = [make_relation(IDA, BO, "meets", head_label=label, tail_label="person") for label in ("person", "thing")]
    set_relations(predicted, labelled)
    entities, relations = rows_of((gold, predicted))
    assert (entities["words"], entities["wl_f"]) == ("entities", 0)
    assert (relations["words"], relations["wl_f"]) == ("relations", 1)


def test_absent_is_not_empty():
    everything = doc_of([(LIMA, "place")], TRAVEL)
    row = row_of(
        (doc_of(None, TRAVEL), everything),  # no gold for entities: neither a wrong one, nor a whole text
        (doc_of([(LIMA, "place")]), everything),  # no gold for the text label
        (doc_of([], MUSIC), everything),  # there are none
    )
    assert (row["tl_f"], row["wl_p"], row["all_acc"]) == (0.5, 0.5, 0)
    unknown = row_of((doc_of([], {"music": 0.0, "travel": 0.0}), everything), (doc_of([], TRAVEL), doc_of([], MUSIC)))
    assert (unknown["tl_p"], unknown["all_acc"]) == (0, 0)
    assert row_of((doc_of(None, TRAVEL), everything))["wl_f"] is None


def test_empty_predictions_are_wrong_and_parts_that_nothing_predicts_are_left_out():
    gold = doc_of([(LIMA, "place")], TRAVEL)
    row = row_of((gold, doc_of([], {"music": 0.0, "travel": 0.0})))
    assert (row["tl_f"], row["wl_f"], row["all_acc"]) == (0, 0, 0)
    text_only = row_of((gold, doc_of(None, TRAVEL)))
    assert (text_only["words"], text_only["wl_f"], text_only["all_acc"]) == (None, None, 1)
    words_only = row_of((gold, doc_of([(LIMA, "place")])))
    assert (words_only["tl_f"], words_only["wl_f"], words_only["all_acc"]) == (None, 1, 1)
    nothing = row_of((gold, doc_of()))
    assert [nothing[key] for key in ("words", "tl_f", "wl_f", "all_acc")] == [None] * 4
    # An empty text has no part that others do not have.
    assert row_of((gold, doc_of(None, TRAVEL)), (NLP(""), NLP("")))["words"] is None


def test_several_text_labels():
    gold = doc_of([], {"music": 1.0, "sea": 0.0, "travel": 1.0})
    predicted = doc_of([], {"music": 0.7, "sea": 0.6, "travel": 0.4})
    row = row_of((gold, predicted), multi_label=True)
    assert (row["tl_p"], row["tl_r"]) == (0.5, 0.5)
    row = row_of((gold, predicted), multi_label=True, threshold=0.3)
    assert (row["tl_p"], row["tl_r"]) == (2 / 3, 1)
    none = doc_of([], {"music": 0.0, "sea": 0.0, "travel": 0.0})
    assert row_of((none, none), multi_label=True)["all_acc"] == 1
    # Nobody says whether it is about the sea.
    unknown = doc_of([], {"music": 1.0, "travel": 0.0})
    row = row_of((unknown, predicted), multi_label=True)
    assert (row["tl_p"], row["tl_r"], row["all_acc"]) == (1, 1, 1)


def test_groups_and_their_mean():
    right, wrong = doc_of([(LIMA, "place")], TRAVEL), doc_of([], MUSIC)
    relations = doc_of([(LIMA, "place")], TRAVEL, [(IDA, "visits", LIMA)])
    rows = score_groups(
        {
            "en/SCNM": [Example(right, right)],
            "ja/SCNM": [Example(right, right), Example(wrong, right), Example(wrong, right)],
            "ja/TCREE": [Example(doc_of([], TRAVEL, [(IDA, "visits", LIMA)]), relations)],
        }
    )
    assert [(row["data"], row["words"], row["texts"]) for row in rows] == [
        ("en/SCNM", "entities", 1),
        ("ja/SCNM", "entities", 3),
        ("ja/TCREE", "entities", 1),
        ("ja/TCREE", "relations", 1),
    ]
    assert [row["tl_f"] for row in rows] == [1, 1 / 3, 1, 1]
    assert [row["wl_f"] for row in rows] == [1, 0.5, 0, 1]  # ja/SCNM: one right, two missed
    mean = mean_of_groups(rows)
    assert (mean["tl_f"], mean["wl_f"], mean["all_acc"]) == pytest.approx(((4 / 3 + 1) / 3, 2.5 / 3, (4 / 3 + 1) / 3))
    alone = score_groups({"a": [Example(doc_of(None, TRAVEL), right)], "b": [Example(right, right)]})
    assert mean_of_groups(alone)["wl_f"] == 0.5 and mean_of_groups([])["wl_f"] is None
    console = Console(width=100)
    with console.capture() as capture:
        console.print(mmm_table(rows, mean))
    (line,) = [line for line in capture.get().splitlines() if "mean" in line]
    assert [cell.strip() for cell in line.strip("│ ").split("│")] == ["mean", "", "", "77.78", "83.33", "77.78"]


def random_doc(generator, task, *, gold):
    """A document with some labels of a task. Parts of gold are absent now and then."""
    spans = [IDA, BO, IDA_AGAIN, LIMA, (0, 3), (5, 7)]
    has_words, has_text = (generator.random() < 0.8 or not gold for _ in range(2))
    chosen = generator.sample(spans, generator.randint(0, 4)) if has_words else None
    labelled = None if chosen is None else [(offsets, generator.choice(list(task.labels))) for offsets in chosen]
    cats = dict.fromkeys(task.classes, 0.0)
    if cats and has_text:
        cats[generator.choice(list(cats))] = 1.0
    if task.word_level == "entities":
        return doc_of(labelled, cats)
    return doc_of(None, cats, None if chosen is None else [(at, label, BO) for at, label in labelled if at != BO])


@pytest.mark.parametrize("format", [SLGFormat, OIELLMFormat])
@pytest.mark.parametrize(
    "task",
    [
        Task.of_labels("SCNM", "en", ["music", "travel"], ["person", "place"]),
        Task.of_labels("SCNM", "en", [], ["person", "place"]),
        Task.of_labels("SCNM", "en", ["music", "travel"], []),
        Task.of_labels("TCREE:RE", "en", ["music", "travel"], ["meets", "visits"]),
    ],
    ids=["both", "words", "text", "relations"],
)
def test_as_the_scorer_of_generated_strings(task, format):
    generator = random.Random(0)
    drawn = task if task.labels else Task.of_labels("SCNM", "en", list(task.classes), ["unused"])
    examples = []
    for _ in range(40):
        gold, predicted = (random_doc(generator, drawn, gold=is_gold) for is_gold in (True, False))
        if not task.labels:
            del predicted.spans["entities"]
            predicted.set_ents([], default="missing")
        predicted._.generated = format(task).target(analysis_of(predicted, task))
        examples.append(Example(predicted, gold))
    of_strings = score_generative(examples, format=format(task))
    (row,) = score_groups({"all": examples})
    assert 0 < row["all_acc"] < 1
    assert {key: row[key] for key in row if key not in ("data", "words", "texts")} == {
        key: of_strings[key] for key in row if key not in ("data", "words", "texts")
    }


# The command


@pytest.fixture
def folder(tmp_path):
    """Gold and predictions of one task in two languages: the ids are the same, and so is a text in both."""
    gold = {"en": [doc_of([(LIMA, "place")], TRAVEL)], "ja": [doc_of([(BO, "person")], MUSIC)]}
    predicted = {"en": [doc_of([(LIMA, "place")], TRAVEL)], "ja": [doc_of([(BO, "place")], MUSIC)]}
    for lang in gold:
        for docs, name in ((gold, "mmm"), (predicted, "predicted")):
            for doc in docs[lang]:
                doc.user_data["id"] = "travel-01"
            save_docs(docs[lang], tmp_path / name / lang / "SCNM" / "test.spacy")
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "place", "pattern": "Lima"}])
    nlp.to_disk(tmp_path / "model")
    return tmp_path


def evaluate(*arguments, code=0):
    result = CliRunner().invoke(app, ["evaluate", *map(str, arguments)], env={"COLUMNS": "200", "TERM": "dumb"})
    assert result.exit_code == code, result.output + repr(result.exception)
    return result.output


def test_predictions_in_two_languages(folder):
    gold = [folder / "mmm" / lang / "SCNM" / "test.spacy" for lang in ("ja", "en")]
    printed = evaluate(folder / "predicted", *gold, "--output", folder / "scores.json")
    scores = json.loads((folder / "scores.json").read_text())
    assert {row["data"]: [row["tl_f"], row["wl_f"], row["all_acc"]] for row in scores["mmm"]} == {
        "ja/SCNM/test.spacy": [1, 0, 0],
        "en/SCNM/test.spacy": [1, 1, 1],
    }
    assert (scores["mmm_mean"]["wl_f"], scores["spans_entities_f"]) == (0.5, 0.5)
    assert "ja/SCNM/test.spacy" in printed and "mean" in printed
    assert "M528" in evaluate(folder / "predicted" / "ja", *gold, code=1)
    one = evaluate(folder / "predicted" / "en", gold[1])
    assert "Scores of MMM" in one and "test.spacy" in one and "mean" not in one


def test_a_pipeline_in_two_languages(folder):
    gold = [folder / "mmm" / lang / "SCNM" / "test.spacy" for lang in ("ja", "en")]
    evaluate(folder / "model", *gold, "--output", folder / "scores.json")
    scores = json.loads((folder / "scores.json").read_text())
    found = {row["data"]: (row["texts"], row["tl_f"], row["wl_f"], row["all_acc"]) for row in scores["mmm"]}
    assert found == {"ja/SCNM/test.spacy": (1, None, 0, 0), "en/SCNM/test.spacy": (1, None, 1, 1)}
    # The ruler has no labels for texts, and is right in one of two.
    assert (scores["mmm_mean"]["tl_f"], scores["mmm_mean"]["all_acc"]) == (None, 0.5)


def test_a_group_without_predictions_counts_if_others_have_some():
    nlp = spacy.blank("en")
    gold, found, nothing = nlp("Old Lima"), nlp("Old Lima"), nlp("Old Lima")
    set_entities(gold, [(1, 2, "place", 1.0)])
    set_entities(found, [(1, 2, "place", 1.0)])
    rows = score_groups({"en": [Example(found, gold)], "ja": [Example(nothing, gold)]})
    assert [row["wl_f"] for row in rows] == [1.0, 0.0] and mean_of_groups(rows)["wl_f"] == 0.5


def test_a_system_with_several_tasks_is_scored_by_the_task_of_the_group():
    nlp = spacy.blank("en")
    gold, predicted = nlp("the rooms are quiet"), nlp("the rooms are quiet")
    for doc in (gold, predicted):
        set_entities(doc, [(3, 4, "positive", 1.0)], key="SCPOS:Adj", set_ents=False)
    set_entities(predicted, [])
    gold.cats = {"positive": 1.0, "negative": 0.0}
    predicted.cats = {"society": 0.99, "positive": 0.9, "negative": 0.1}
    predicted._.generated = {"SCNM": "", "SCPOS:Adj": ""}
    (row,) = score_groups({"reviews": [Example(predicted, gold)]})
    assert row["tl_f"] == row["wl_f"] == row["all_acc"] == 1.0
