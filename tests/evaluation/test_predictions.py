import json
import re

import pytest
import spacy
from typer.testing import CliRunner

from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import make_relation, set_relations
from spacy_mre.annotations.storage import load_docs, save_docs
from spacy_mre.cli import app
from spacy_mre.evaluation.predictions import evaluate_predictions, name_entities, pair_predictions

NLP = spacy.blank("en")
TEXTS = ["Ida left Oslo", "Bo met Ida", "It rained"]


def doc_of(text, entities=(), relations=(), cats=None, *, id=None, set_ents=True):
    doc = NLP(text)
    set_entities(doc, [(start, end, label, 1.0) for start, end, label in entities], set_ents=set_ents)
    labels = {(start, end): label for start, end, label in entities}
    set_relations(
        doc,
        [
            make_relation(head, tail, label, head_label=labels[head], tail_label=labels[tail])
            for head, tail, label in relations
        ],
    )
    doc.cats = cats or {}
    if id is not None:
        doc.user_data["id"] = id
    return doc


def gold_docs():
    return [
        doc_of(TEXTS[0], [(0, 1, "person"), (2, 3, "place")], [((0, 1), (2, 3), "leaves")], {"a": 1.0, "b": 0.0}),
        doc_of(TEXTS[1], [(0, 1, "person"), (2, 3, "person")], [], {"a": 0.0, "b": 1.0}),
        doc_of(TEXTS[2], [], [], {"a": 0.0, "b": 1.0}),
    ]


def predicted_docs(set_ents=True):
    """In another order. Right: 2 of 3 entities (of 4 in gold), 2 of 3 text labels. A relation has a wrong type."""
    return [
        doc_of(TEXTS[2], [], [], {"a": 0.4, "b": 0.6}, set_ents=set_ents),
        doc_of(
            TEXTS[0],
            [(0, 1, "person"), (2, 3, "site")],
            [((0, 1), (2, 3), "leaves")],
            {"a": 0.9, "b": 0.1},
            set_ents=set_ents,
        ),
        doc_of(TEXTS[1], [(2, 3, "person")], [], {"a": 0.7, "b": 0.3}, set_ents=set_ents),
    ]


def test_scores_by_hand():
    examples = pair_predictions(predicted_docs(), gold_docs())
    assert [eg.reference.text for eg in examples] == [eg.predicted.text for eg in examples] == TEXTS
    scores = evaluate_predictions(examples, overlap_matching=True, mistakes=True)
    assert (scores["spans_entities_p"], scores["spans_entities_r"]) == (pytest.approx(2 / 3), 0.5)
    assert (scores["ents_p"], scores["rel_f"], scores["rel_strict_f"]) == (pytest.approx(2 / 3), 1.0, 0.0)
    assert scores["cats_micro_f"] == pytest.approx(2 / 3)
    assert scores["overlap_spans_entities_p"] == scores["spans_entities_p"]
    assert scores["mistakes"]["entities"]["wrong"]["type"] == 1
    # A relation without direction is right in both.
    turned = predicted_docs()
    set_relations(turned[1], [make_relation((2, 3), (0, 1), "leaves")])
    for symmetric, expected in (([], 0.0), (["leaves"], 1.0)):
        found = evaluate_predictions(pair_predictions(turned, gold_docs()), symmetric=symmetric)
        assert found["rel_f"] == expected


def test_what_is_not_predicted_is_not_scored():
    plain = [NLP(text) for text in TEXTS]
    examples = pair_predictions(plain, gold_docs())
    with pytest.raises(ValueError, match=r"M525.*3 predicted documents"):
        evaluate_predictions(examples)
    for doc in plain:
        doc.cats = {"b": 1.0}
    scores = evaluate_predictions(pair_predictions(plain, gold_docs()))
    assert scores["cats_micro_p"] == pytest.approx(2 / 3) and not any(
        key.startswith(("rel", "spans")) for key in scores
    )
    # Gold that is absent is not scored either.
    gold = gold_docs()
    gold[0] = NLP(TEXTS[0])
    scores = evaluate_predictions(pair_predictions(predicted_docs(), gold))
    assert (scores["spans_entities_p"], scores["spans_entities_r"], scores["rel_f"]) == (1.0, 0.5, None)


def test_an_empty_text_has_no_predictions():
    empty = NLP("")
    assert empty.has_annotation("ENT_IOB")
    labelled = [NLP(text) for text in TEXTS]
    for doc in labelled:
        doc.cats = {"b": 1.0}
    examples = pair_predictions([*labelled, empty], [*gold_docs(), NLP("")])
    assert not any(key.startswith("spans") for key in evaluate_predictions(examples))
    for doc in labelled:
        doc.cats = {}
    with pytest.raises(ValueError, match="M525"):
        evaluate_predictions(examples)


def test_relations_alone():
    related = predicted_docs(set_ents=False)
    for doc in related:
        del doc.spans["entities"]
    examples = pair_predictions(related, gold_docs())
    scores = evaluate_predictions(examples, mistakes=True)
    assert scores["rel_f"] == 1.0 and "spans_entities_f" not in scores and "entities" not in scores["mistakes"]
    assert scores["mistakes"]["relations"]["missed"]["argument type"] == 1


def test_other_span_groups_are_named():
    others = predicted_docs(set_ents=False)
    for doc in others:
        doc.spans["sc"] = list(doc.spans.pop("entities"))
    with pytest.warns(UserWarning, match=r"W505.*no entities in 'entities'.*: sc\."):
        evaluate_predictions(pair_predictions(others, gold_docs()))
    scores = evaluate_predictions(pair_predictions(name_entities(others, "sc", "entities"), gold_docs()))
    assert (scores["spans_entities_p"], scores["spans_entities_r"]) == (pytest.approx(2 / 3), 0.5)


@pytest.mark.parametrize(
    "predicted, cause",
    [
        (
            ["Wind", "ida LEFT"],
            "no prediction, such as 'Ida left...': the predicted text 'ida LEFT...' differs only in",
        ),
        (
            ["Wind", "Ｉｄａ left"],
            "'Ｉｄａ left...' differs only in case or in the forms of characters, as 1 of them do",
        ),
        (
            ["Wind", "Ida has left"],
            "such as 'Ida left...': the prediction with its id 'b' has another text, 'Ida has left",
        ),
    ],
)
def test_the_likely_cause_of_a_missing_prediction(predicted, cause):
    docs = [doc_of(text, id=id) for text, id in zip(predicted, "ab", strict=True)]
    gold = [doc_of("Rain", id="c"), doc_of("Ida left", id="b"), doc_of("Wind", id="a")]
    with pytest.raises(ValueError, match=f"M524.*2 of the 3 texts.*{re.escape(cause)}"):
        pair_predictions(docs, gold)


def test_texts_are_matched_by_id_then_by_text():
    predicted = [doc_of("Ida left", [(0, 1, "x")], id="2"), doc_of("Ida left", [(1, 2, "y")], id="1")]
    gold = [doc_of("Ida left", id="1"), doc_of("Ida  left", id="2"), doc_of("Ida left", id="3")]
    with pytest.raises(ValueError, match=r"M524.*1 of the 3 texts with gold.*'Ida left"):
        pair_predictions(predicted, gold)
    pairs = pair_predictions(predicted, gold[:2])
    assert [eg.predicted.user_data["id"] for eg in pairs] == ["1", "2"]
    with pytest.warns(UserWarning, match=r"W504.*1 of the 2 predicted"):
        assert len(pair_predictions(predicted, gold[:1])) == 1


@pytest.fixture
def files(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("spert_mt", config={"entity_threshold": 0.0, "relation_threshold": 0.0, "constraints": "any"})
    nlp.add_pipe("mre_textcat")
    nlp.initialize(lambda: [spacy.training.Example(nlp.make_doc(doc.text), doc) for doc in gold_docs()])
    nlp.to_disk(tmp_path / "model")
    save_docs(gold_docs(), tmp_path / "gold.spacy")
    save_docs(nlp.pipe(TEXTS), tmp_path / "predicted.spacy")
    return tmp_path


def run(*args):
    return CliRunner().invoke(app, ["evaluate", *map(str, args)], terminal_width=160)


@pytest.mark.filterwarnings("ignore")
def test_predictions_of_a_pipeline_have_the_scores_of_the_pipeline(files):
    options = ["--mistakes", "--overlap-matching", "--calibration", "--per-type", "--output"]
    of = {}
    for name in ("model", "predicted.spacy"):
        result = run(files / name, files / "gold.spacy", *options, files / f"{name}.json", "--mistakes-to", files / "m")
        assert result.exit_code == 0, result.output
        of[name] = json.loads((files / f"{name}.json").read_text()), (files / "m" / "mistakes.jsonl").read_text()
    assert of["model"][0].pop("speed") > 0
    assert of["model"][0]["spans_entities_f"] is not None and of["model"][0]["cats_score"] is not None
    scores, mistakes = of["predicted.spacy"]
    assert mistakes == of["model"][1]
    assert scores == {key: value for key, value in of["model"][0].items() if key in scores}
    assert of["model"][0].keys() - scores.keys() <= {"token_acc", "token_p", "token_r", "token_f"}


@pytest.mark.filterwarnings("ignore")
def test_folders_and_span_groups_of_predictions(files):
    of = {}
    (files / "parts").mkdir()
    for number, doc in enumerate(load_docs(files / "predicted.spacy")):
        save_docs([doc], files / "parts" / f"part-{number:05}.spacy")
    renamed = list(load_docs(files / "predicted.spacy"))
    for doc in renamed:
        doc.spans["sc"] = list(doc.spans.pop("entities"))
        doc.ents = []
    save_docs(renamed, files / "sc.spacy")
    for name, *options in (["predicted.spacy"], ["parts"], ["sc.spacy", "--spans-key", "sc"]):
        result = run(files / name, files / "gold.spacy", *options, "--output", files / "scores.json")
        assert result.exit_code == 0, result.output
        of[name] = json.loads((files / "scores.json").read_text())
    assert of["predicted.spacy"] == of["parts"] and of["predicted.spacy"]["spans_entities_f"] is not None
    assert of["sc.spacy"]["spans_entities_f"] == of["parts"]["spans_entities_f"]


@pytest.mark.filterwarnings("ignore")
def test_the_settings_of_text_labels(files):
    several = [doc_of(text, cats={"a": 0.9, "b": 0.8}) for text in TEXTS]
    save_docs(several, files / "several.spacy")
    expected = {"--exclusive": 1 / 3, "--multi-label": 0.5}  # 1 of 3, or p = 3/6 and r = 3/3
    for option, value in expected.items():
        result = run(files / "several.spacy", files / "gold.spacy", option, "--output", files / "scores.json")
        assert result.exit_code == 0, result.output
        assert json.loads((files / "scores.json").read_text())["cats_micro_p"] == pytest.approx(value)
    run(
        files / "several.spacy", files / "gold.spacy", "--multi-label", "--threshold", 0.85, "-o", files / "scores.json"
    )
    assert json.loads((files / "scores.json").read_text())["cats_micro_p"] == pytest.approx(1 / 3)


def test_options_that_need_a_pipeline_are_refused(files):
    result = run(files / "predicted.spacy", files / "gold.spacy", "--gold-entities", "--documents", 2)
    assert result.exit_code == 1 and "M526" in result.output and "--gold-entities, --documents" in result.output
    result = run(files / "model", files / "gold.spacy", "--symmetric", "leaves")
    assert result.exit_code == 1 and "M527" in result.output and "--symmetric" in result.output
    few = list(load_docs(files / "predicted.spacy"))[:2]
    save_docs(few, files / "few.spacy")
    result = run(files / "few.spacy", files / "gold.spacy")
    assert result.exit_code == 1 and "M524" in result.output
