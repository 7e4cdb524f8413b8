"""Mistakes by text, and the JSON lines with them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import make_relation, set_relations
from spacy_mre.evaluation.mistakes import count_mistakes, find_mistakes
from spacy_mre.evaluation.mistakes_file import write_mistakes
from spacy_mre.evaluation.text_mistakes import find_text_mistakes, worst_first
from tests.evaluation.test_mistakes import make_doc, sides

VOCAB = Vocab()
ADA, BO, CAIRO = (0, 2, "person"), (3, 4, "person"), (5, 7, "place")


def found(gold, predicted, **settings):
    return find_text_mistakes([Example(predicted, gold)], **settings)[0]


def with_cats(cats):
    doc = Doc(VOCAB, words=["Rain"])
    doc.cats = cats
    return doc


def cat_mistakes(gold, predicted, **settings):
    text = found(with_cats(gold), with_cats(predicted), **settings)
    return text.right.get("cats"), [(each.what, each.kind, each.label, each.score) for each in text.mistakes]


def test_exclusive_text_labels():
    assert cat_mistakes({"a": 1.0, "b": 0.0}, {"a": 0.4, "b": 0.3}) == (1, [])
    assert cat_mistakes({"a": 1.0, "b": 0.0}, {"a": 0.1, "b": 0.9}) == (
        0,
        [("missed", "label", "a", None), ("wrong", "label", "b", 0.9)],
    )


def test_several_text_labels():
    both = {"multi_label": True, "threshold": 0.6}
    assert cat_mistakes({"a": 1.0, "b": 1.0, "c": 0.0}, {"a": 0.7, "b": 0.5, "c": 0.1}, **both) == (
        1,
        [("missed", "no label", "b", None)],
    )
    assert cat_mistakes({"a": 0.0}, {"a": 0.7}, **both) == (0, [("wrong", "no label", "a", 0.7)])
    # b is unknown in gold.
    assert cat_mistakes({"a": 1.0}, {"a": 0.7, "b": 0.9}, **both) == (1, [])


def test_text_labels_without_gold_or_prediction_are_left_out():
    assert cat_mistakes({}, {"a": 0.9}) == cat_mistakes({"a": 1.0}, {}) == (None, [])
    assert find_mistakes([Example(with_cats({"a": 0.9}), with_cats({}))]) == {}
    counts = find_mistakes([Example(with_cats({"a": 0.9}), with_cats({"b": 1.0}))])["cats"]
    assert counts == (0, {"label": 1, "no label": 0}, {"label": 1, "no label": 0})


@given(st.lists(st.tuples(sides(), sides()), min_size=1, max_size=3))
def test_each_mistake_is_counted_once(pairs):
    texts = find_text_mistakes([Example(make_doc(*predicted), make_doc(*gold)) for gold, predicted in pairs])
    counts = count_mistakes(texts)
    mistakes = [mistake for text in texts for mistake in text.mistakes]
    for level, of_level in counts.items():
        for what, by_kind in (("wrong", of_level.wrong), ("missed", of_level.missed)):
            for kind, count in by_kind.items():
                assert count == sum(mistake[:3] == (level, what, kind) for mistake in mistakes)
    assert len(mistakes) == sum(sum(side.values()) for of_level in counts.values() for side in of_level[1:])
    for text in texts:
        assert len({(mistake.level, mistake.what, mistake.item) for mistake in text.mistakes}) == len(text.mistakes)


def test_texts_with_most_mistakes_come_first_then_the_most_confident():
    def predicting(score):
        doc = make_doc([])
        set_entities(doc, [(*ADA, score)])
        return doc

    gold = make_doc([])
    examples = [
        Example(predicting(0.6), gold),
        Example(predicting(0.9), gold),
        Example(make_doc([]), gold),
        Example(make_doc([CAIRO]), make_doc([ADA])),
        Example(predicting(0.9), gold),
        Example(make_doc([]), make_doc([ADA])),
    ]
    assert [text.id for text in worst_first(find_text_mistakes(examples))] == ["4", "2", "5", "1", "6"]


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf8").splitlines()]


def test_the_lines(tmp_path):
    gold = make_doc([ADA, BO, CAIRO], [(ADA, BO, "met")])
    gold.user_data["id"] = "a-1"
    predicted = make_doc([ADA, BO], [(BO, ADA, "met")])
    set_entities(predicted, [(*ADA, 0.9), (*BO, 0.8), (6, 7, "place", 0.71239)])
    assert write_mistakes([found(gold, predicted)], tmp_path / "new" / "a.jsonl") == 1
    ada = {"start": 0, "end": 12, "text": "Ada Lovelace", "label": "person"}
    bo = {"start": 17, "end": 19, "text": "Bo", "label": "person"}
    boundaries, direction = {"kind": "boundaries", "label": "place"}, {"kind": "direction", "label": "met"}
    assert lines(tmp_path / "new" / "a.jsonl") == [
        {
            "id": "a-1",
            "text": "Ada Lovelace met Bo in New Cairo ",
            "mistakes": [
                {
                    "level": "entity",
                    "what": "missed",
                    **boundaries,
                    "score": None,
                    "start": 23,
                    "end": 32,
                    "text": "New Cairo",
                },
                {
                    "level": "entity",
                    "what": "wrong",
                    **boundaries,
                    "score": 0.7124,
                    "start": 27,
                    "end": 32,
                    "text": "Cairo",
                },
                {"level": "relation", "what": "missed", **direction, "score": None, "head": ada, "tail": bo},
                {"level": "relation", "what": "wrong", **direction, "score": 1.0, "head": bo, "tail": ada},
            ],
        }
    ]


def test_the_head_of_a_symmetric_relation_is_the_earlier_one(tmp_path):
    gold, predicted = make_doc([ADA, BO], [(BO, ADA, "met")]), make_doc([ADA, BO], [])
    write_mistakes([found(gold, predicted, symmetric=["met"])], tmp_path / "a.jsonl")
    (line,) = lines(tmp_path / "a.jsonl")
    assert [line["mistakes"][0][end]["text"] for end in ("head", "tail")] == ["Ada Lovelace", "Bo"]


@pytest.mark.parametrize(
    "words",
    [["東京", "の", "海"], ["a\x00", "\u2028", "👩\u200d🔬"], ["上\u3000海", "的", "\n\n"], ["İ", "e\u0301", "ß"]],
)
def test_offsets_are_those_of_the_text(words, tmp_path):
    gold = Doc(VOCAB, words=words, spaces=[False, True, False])
    set_entities(gold, [(0, 1, "place", 1.0), (0, 3, "org", 1.0)])
    predicted = Doc(VOCAB, words=[gold.text])
    set_entities(predicted, [(0, 1, "x", 0.5)])
    write_mistakes([found(gold, predicted)], tmp_path / "a.jsonl")
    (line,) = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="utf8").split("\n")[:-1]]
    assert line["text"] == gold.text
    assert all(each["text"] == gold.text[each["start"] : each["end"]] for each in line["mistakes"])
    shown = {(each["what"], each["label"], each["text"]) for each in line["mistakes"]}
    assert shown == {
        ("missed", "place", words[0]),
        ("missed", "org", gold.text.strip()),
        ("wrong", "x", gold.text.strip()),
    }


def test_the_prediction_may_have_other_white_space(tmp_path):
    gold = Doc(VOCAB, words=["Old", "Lima", "\n\n", "Oslo"], spaces=[True, True, False, False])
    set_entities(gold, [(0, 2, "place", 1.0)])
    predicted = Doc(VOCAB, words=["Old", "Lima", "Oslo"])
    set_entities(predicted, [(2, 3, "place", 1.0)])
    write_mistakes([found(gold, predicted)], tmp_path / "a.jsonl")
    (line,) = lines(tmp_path / "a.jsonl")
    assert [(each["text"], each["start"]) for each in line["mistakes"]] == [("Old Lima", 0), ("Oslo", 11)]


def test_a_predicted_entity_of_white_space_is_a_mistake(tmp_path):
    gold, predicted = (Doc(VOCAB, words=["a", "\n\n", "b"]) for _ in range(2))
    gold.set_ents([])
    predicted.set_ents([predicted.char_span(2, 4, label="x")])
    set_relations(predicted, [make_relation((0, 1), (2, 3), "r")])
    set_relations(gold, [])
    write_mistakes([found(gold, predicted)], tmp_path / "a.jsonl")
    (line,) = lines(tmp_path / "a.jsonl")
    assert [(each["level"], each.get("text")) for each in line["mistakes"]] == [("entity", ""), ("relation", None)]


def test_a_score_that_is_no_number_is_null(tmp_path):
    assert write_mistakes([found(with_cats({"a": 1.0}), with_cats({"b": float("nan")}))], tmp_path / "a.jsonl") == 1
    assert [each["score"] for each in lines(tmp_path / "a.jsonl")[0]["mistakes"]] == [None, None]
