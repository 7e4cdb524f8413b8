import pickle

import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import registry
from spacy.vocab import Vocab

import spacy_mre
from spacy_mre import make_relation
from spacy_mre.annotations.entities import set_entities
from spacy_mre.pipeline.generative.formats import OIELLMFormat, SLGFormat, Task
from spacy_mre.pipeline.generative.scorer import make_generative_scorer, score_generative, score_parsed, score_strings

VOCAB = Vocab()
TASK = Task.of_labels("SCNM", "ja", ["society", "nature"], ["person", "place"])
SLG = SLGFormat(TASK)
GOLD = "<社会>固有表現抽出:人名;青山:地名;港町"
# What each string is: of the format, right class part, right word part, right labels, right / wrong / missed items
PREDICTED = {
    GOLD: (1, 1, 1, 1, (2, 0, 0)),
    "<自然>固有表現抽出:人名;青山:地名;港町": (1, 0, 1, 0, (2, 0, 0)),
    "<社会>固有表現抽出:地名;港町:人名;青山": (1, 1, 0, 1, (2, 0, 0)),  # only the order is another
    "<社会>固有表現抽出:人名;青山:人名;青山": (1, 1, 0, 1, (1, 1, 1)),
    "<社会>固有表現抽出:無い;": (1, 1, 0, 1, (0, 0, 2)),
    "<社会固有表現抽出:人名;青山:地名;港町": (0, 0, 0, 0, (0, 0, 2)),
    "<社会>:人名;青山:地名;港町": (0, 1, 0, 0, (0, 0, 2)),
    "": (0, 0, 0, 0, (0, 0, 2)),
}


@pytest.mark.parametrize("string", PREDICTED)
def test_one_string(string):
    format_acc, sc_acc, ner_acc, label, (tp, fp, fn) = PREDICTED[string]
    assert score_strings([(GOLD, string)], SLG) == {
        "format_acc": format_acc,
        "sc_acc": sc_acc,
        "ner_acc": ner_acc,
        "scnm_acc": float(string == GOLD),
    }
    scores = score_parsed([(GOLD, string)], SLG)
    assert scores["tl_f"] == label
    assert (scores["wl_p"], scores["wl_r"]) == pytest.approx((tp / max(1, tp + fp), tp / (tp + fn)))
    assert scores["all_acc"] == float(bool(label) and (tp, fp, fn) == (2, 0, 0))


def test_all_strings_by_hand():
    pairs = [(GOLD, string or None) for string in PREDICTED]
    assert score_strings(pairs, SLG) == pytest.approx(
        {"format_acc": 5 / 8, "sc_acc": 5 / 8, "ner_acc": 2 / 8, "scnm_acc": 1 / 8}
    )
    # Labels: 4 right, 1 wrong (of another class), so p = 4/5, r = 4/8, f = 8/13. Items: tp 7, fp 1, fn 9: p = 7/8, r
    # = 7/16, f = 14/24.
    assert score_parsed(pairs, SLG) == pytest.approx(
        {"tl_p": 4 / 5, "tl_r": 4 / 8, "tl_f": 8 / 13, "wl_p": 7 / 8, "wl_r": 7 / 16, "wl_f": 14 / 24, "all_acc": 2 / 8}
    )


def test_nothing_found_and_nothing_there():
    none = "<社会>固有表現抽出:無い;"
    assert score_parsed([(none, none)], SLG) == {
        "tl_p": 1,
        "tl_r": 1,
        "tl_f": 1,
        "wl_p": None,
        "wl_r": None,
        "wl_f": None,
        "all_acc": 1,
    }
    assert score_parsed([(none, GOLD)], SLG)["wl_f"] == 0
    assert score_strings([(none, none)], SLG)["ner_acc"] == 1
    assert set(score_strings([], SLG).values()) == set(score_parsed([], SLG).values()) == {None}


def test_one_part_only():
    words = SLGFormat(Task.of_labels("SCNM", "ja", [], ["person"]))
    pairs = [("固有表現抽出:人名;青山", "固有表現抽出:人名;青山"), ("固有表現抽出:無い;", "固有表現抽出:人名;青山")]
    assert score_strings(pairs, words) == {"format_acc": 1, "sc_acc": None, "ner_acc": 0.5, "scnm_acc": 0.5}
    assert score_parsed(pairs, words) == pytest.approx(
        {"tl_p": None, "tl_r": None, "tl_f": None, "wl_p": 0.5, "wl_r": 1, "wl_f": 2 / 3, "all_acc": 0.5}
    )
    text = OIELLMFormat(Task.of_labels("SCNM", "ja", ["nature", "society"], []))
    scores = score_strings(
        [("自然/固有表現抽出/", "自然/固有表現抽出/"), ("自然/固有表現抽出/", "社会/固有表現抽出/")], text
    )
    assert scores == {"format_acc": 1, "sc_acc": 0.5, "ner_acc": None, "scnm_acc": 0.5}


def test_gold_strings_must_be_of_the_format():
    with pytest.raises(ValueError, match="M901"):
        score_parsed([("社会", GOLD)], SLG)


# Documents


def make_doc(entities=None, cats=None, relations=None, generated=None):
    doc = Doc(VOCAB, words=["Ada", "of", "Aoba", "left"])
    if entities is not None:
        set_entities(doc, [(*entity, 1.0) for entity in entities])
    doc._.relations = relations
    doc.cats = cats or {}
    doc._.generated = generated
    return doc


FORMAT = OIELLMFormat(Task.of_labels("SCNM", "en", ["nature", "society"], ["person", "place"]))
ENTITIES = [(0, 1, "person"), (2, 3, "place")]
CATS = {"nature": 1.0, "society": 0.0}
STRING = "Nature/NER/:Person;Ada:Location;Aoba"


def test_documents():
    gold = make_doc(ENTITIES, CATS)
    right = make_doc(ENTITIES, CATS, generated=STRING)
    wrong = make_doc([(0, 1, "person")], {"nature": 0.1, "society": 0.9}, generated="Society/NER/:Person;Ada")
    for format in (FORMAT, FORMAT.to_dict()):
        scores = score_generative([Example(right, gold), Example(wrong, gold)], format=format)
        assert scores["format_acc"] == 1
        assert [scores[f"{name}_acc"] for name in ("sc", "ner", "scnm", "all")] == [0.5] * 4
        assert (scores["tl_f"], scores["wl_p"], scores["wl_r"]) == (0.5, 1.0, 0.75)
        assert (scores["spans_entities_r"], scores["ents_p"]) == (0.75, 1.0)
        assert scores["cats_f_per_type"]["nature"]["r"] == 0.5
        assert "rel_f" not in scores


def test_links():
    task = Task.of_labels("TCREE:RE", "en", [], ["comes_from"])
    relations = [make_relation((0, 1), (2, 3), "comes_from")]
    gold = make_doc(relations=relations)
    predicted = make_doc(relations=relations, generated="/Relation Extraction/:Ada;comes from;Aoba")
    scores = score_generative([Example(predicted, gold)], format=OIELLMFormat(task))
    assert scores["rel_f"] == scores["wl_f"] == scores["all_acc"] == scores["ner_acc"] == 1
    assert scores["sc_acc"] is None and "cats_macro_f" not in scores and "ents_f" not in scores


def test_absent_is_not_empty():
    string = "Nature/NER/:None;"
    no_entities, no_cats = make_doc(None, CATS), make_doc([], None)
    scores = score_generative(
        [Example(make_doc([], CATS, generated=string), gold) for gold in (no_entities, no_cats)], format=FORMAT
    )
    assert (scores["sc_acc"], scores["ner_acc"]) == (1, 1)  # of one document each
    assert scores["scnm_acc"] is None and scores["all_acc"] is None
    assert scores["format_acc"] == 1


def test_no_string_is_a_wrong_string():
    scores = score_generative([Example(make_doc([], {}), make_doc(ENTITIES, CATS))], format=FORMAT)
    assert {
        scores[name] for name in ("format_acc", "sc_acc", "ner_acc", "scnm_acc", "all_acc", "tl_f", "wl_f", "ents_f")
    } == {0}


def test_gold_with_unknown_labels_is_missed():
    gold = make_doc([*ENTITIES, (3, 4, "deed")], {"sport": 1.0})
    scores = score_generative([Example(make_doc(ENTITIES, CATS, generated=STRING), gold)], format=FORMAT)
    assert (scores["tl_f"], scores["wl_p"], scores["wl_r"], scores["ner_acc"]) == (0, 1, pytest.approx(2 / 3), 0)


def test_registered_and_picklable():
    scorer = registry.scorers.get("spacy_mre.generative_scorer.v1")()
    examples = [Example(make_doc(ENTITIES, CATS, generated=STRING), make_doc(ENTITIES, CATS))]
    assert pickle.loads(pickle.dumps(scorer))(examples, format=FORMAT)["all_acc"] == 1
    with pytest.raises(ValueError, match="M910"):
        scorer(examples)
    elsewhere = make_doc(None, CATS)
    elsewhere.spans["other"] = [elsewhere[0:1]]
    scores = make_generative_scorer(spans_key="other")(
        [Example(elsewhere, elsewhere)], format=FORMAT, spans_key="entities"
    )
    assert scores["spans_other_f"] == 1


def test_two_different_texts():
    with pytest.raises(ValueError, match="M501"):
        score_generative([Example(Doc(VOCAB, words=["Ada"]), Doc(VOCAB, words=["Bo"]))], format=FORMAT)


def test_strings_survive_with_the_document(tmp_path):
    nlp = spacy.blank("en")
    doc = nlp("Ada left.")
    assert doc._.generated is None and doc._.generated_score is None
    doc._.generated, doc._.generated_score = STRING, -0.5
    spacy_mre.save_docs([doc], tmp_path / "a.spacy")
    (loaded,) = spacy_mre.load_docs(tmp_path / "a.spacy", nlp.vocab)
    assert (loaded._.generated, loaded._.generated_score) == (STRING, -0.5)
