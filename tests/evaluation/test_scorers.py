import pickle
from itertools import pairwise

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import registry
from spacy.vocab import Vocab

from spacy_mre import load_docs, make_relation, save_docs
from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import set_relations
from spacy_mre.evaluation.scorers import score_entities, score_joint, score_relations
from spacy_mre.evaluation.thresholds import relation_predictions

VOCAB = Vocab()
WORDS = ["Ada", "Lake", "of", "Port", "Bo", "met", "Cy"]


def make_doc(words=WORDS, *, spaces=None, entities=None, relations=None, cats=None, key="entities"):
    """Entities: start, end, label. Relations: head start and end, tail start and end, label, head label, tail label."""
    doc = Doc(VOCAB, words=words, spaces=spaces)
    if entities is not None:
        set_entities(doc, [(*entity, 1.0) for entity in entities], key=key)
    if relations is not None:
        set_relations(doc, [make_relation(r[0:2], r[2:4], r[4], head_label=r[5], tail_label=r[6]) for r in relations])
    doc.cats = dict(cats or {})
    return doc


def example(gold, predicted, words=WORDS):
    return Example(make_doc(words, **predicted), make_doc(words, **gold))


def numbers(scores, name):
    return [scores[f"{name}_{key}"] for key in ("p", "r", "f", "macro_f")]


# Entities


def test_entities_by_hand():
    gold = {"entities": [(0, 1, "person"), (1, 4, "place"), (3, 4, "place"), (4, 5, "person")]}
    predicted = {"entities": [(0, 1, "person"), (1, 4, "place"), (1, 2, "place"), (4, 5, "place"), (5, 6, "event")]}
    scores = score_entities([example(gold, predicted)])
    # All: correct are (0, 1, person) and (1, 4, place): p = 2/5, r = 2/4, f = 2 * 0.4 * 0.5 / 0.9 = 4/9.
    # person: tp 1, fp 0, fn 1: p = 1, r = 1/2, f = 2/3. place: tp 1, fp 2, fn 1: p = 1/3, r = 1/2, f = 2/5.
    # event is only predicted, so the macro F is (2/3 + 2/5) / 2 = 8/15.
    assert numbers(scores, "spans_entities") == pytest.approx([2 / 5, 1 / 2, 4 / 9, 8 / 15])
    assert scores["spans_entities_per_type"] == {
        "event": {"p": 0.0, "r": 0.0, "f": 0.0, "support": 0},
        "person": {"p": 1.0, "r": 0.5, "f": pytest.approx(2 / 3), "support": 2},
        "place": {"p": pytest.approx(1 / 3), "r": 0.5, "f": pytest.approx(2 / 5), "support": 2},
    }
    # Flat: gold is (0, 1), (1, 4), (4, 5); predicted is (0, 1), (1, 4), (4, 5) as place, (5, 6). 2 are correct:
    # p = 1/2, r = 2/3, f = 4/7. person: p = 1, r = 1/2, f = 2/3; place: p = 1/2, r = 1, f = 2/3; macro F = 2/3.
    assert numbers(scores, "ents") == pytest.approx([1 / 2, 2 / 3, 4 / 7, 2 / 3])
    assert scores["ents_per_type"]["place"] == {"p": 0.5, "r": 1.0, "f": pytest.approx(2 / 3), "support": 1}


def test_another_span_group_has_its_own_keys():
    scores = score_entities(
        [example({"entities": [(0, 1, "a")], "key": "mine"}, {"entities": [(0, 1, "a")], "key": "mine"})],
        spans_key="mine",
    )
    assert scores["spans_mine_f"] == scores["ents_f"] == 1.0
    assert not any(key.startswith("spans_entities") for key in scores)


def test_entities_that_are_only_in_doc_ents():
    eg = example({"entities": [(0, 1, "person")]}, {})
    eg.predicted.set_ents([Span(eg.predicted, 0, 1, label="person")])
    scores = score_entities([eg])
    assert scores["spans_entities_f"] == scores["ents_f"] == 1.0


def test_gold_group_without_ents_is_made_flat():
    eg = example({}, {"entities": [(1, 4, "place")]})
    eg.reference.spans["entities"] = [Span(eg.reference, 1, 4, label="place"), Span(eg.reference, 3, 4, label="place")]
    scores = score_entities([eg])
    assert scores["spans_entities_r"] == 0.5
    assert scores["ents_r"] == 1.0


# Relations


def test_relations_by_hand():
    gold = [
        (0, 1, 1, 4, "lives_in", "person", "place"),
        (0, 1, 1, 4, "rules", "person", "place"),
        (4, 5, 0, 1, "knows", "person", "person"),
        (6, 7, 1, 4, "lives_in", "person", "place"),
    ]
    predicted = [
        (0, 1, 1, 4, "lives_in", "person", "place"),
        (0, 1, 1, 4, "rules", "person", "event"),  # correct, but not strictly
        (0, 1, 4, 5, "knows", "person", "person"),  # the wrong direction
    ]
    scores = score_relations([example({"relations": gold}, {"relations": predicted})])
    # Correct are lives_in and rules between the same two spans: p = 2/3, r = 2/4, f = 2 * (1/3) / (7/6) = 4/7.
    # lives_in: p = 1, r = 1/2, f = 2/3; rules: f = 1; knows: f = 0; macro F = (2/3 + 1 + 0) / 3 = 5/9.
    assert numbers(scores, "rel") == pytest.approx([2 / 3, 1 / 2, 4 / 7, 5 / 9])
    assert scores["rel_per_type"]["lives_in"] == {"p": 1.0, "r": 0.5, "f": pytest.approx(2 / 3), "support": 2}
    # Strictly correct is only lives_in: p = 1/3, r = 1/4, f = 2 * (1/12) / (7/12) = 2/7.
    # Macro F = (2/3 + 0 + 0) / 3 = 2/9.
    assert numbers(scores, "rel_strict") == pytest.approx([1 / 3, 1 / 4, 2 / 7, 2 / 9])
    assert scores["rel_strict_per_type"]["rules"] == {"p": 0.0, "r": 0.0, "f": 0.0, "support": 1}


def test_symmetric_labels_have_no_direction():
    gold = [(4, 5, 0, 1, "knows", "person", "ruler"), (0, 1, 1, 4, "lives_in", "ruler", "place")]
    turned = [(0, 1, 4, 5, "knows", "ruler", "person"), (1, 4, 0, 1, "lives_in", "place", "ruler")]
    examples = [example({"relations": gold}, {"relations": turned})]
    assert score_relations(examples)["rel_f"] == 0.0
    scores = score_relations(examples, symmetric=["knows"])
    # knows is correct, lives_in is not: p = r = f = 1/2; also strictly, because each argument keeps its entity label.
    assert numbers(scores, "rel") == numbers(scores, "rel_strict") == pytest.approx([0.5] * 4)


def test_symmetric_gold_in_both_directions_counts_once():
    both = [(0, 1, 4, 5, "knows", "a", "a"), (4, 5, 0, 1, "knows", "a", "a")]
    scores = score_relations([example({"relations": both}, {"relations": both[:1]})], symmetric=["knows"])
    assert scores["rel_per_type"]["knows"] == {"p": 1.0, "r": 1.0, "f": 1.0, "support": 1}


def test_a_relation_outside_its_document_is_m102():
    eg = example({"relations": []}, {"relations": []})
    eg.predicted.user_data[("._.", "relations", None, None)] = [make_relation((0, 1), (90, 91), "knows")]
    with pytest.raises(ValueError, match="M102"):
        score_relations([eg])


# Absent, empty


def test_absent_gold_is_skipped_but_empty_gold_is_not():
    predicted = {"entities": [(0, 1, "person")], "relations": [(0, 1, 1, 4, "lives_in", "person", "place")]}
    absent = example({}, predicted)
    right = example(predicted, predicted)
    empty = example({"entities": [], "relations": []}, predicted)
    scores = score_joint([absent, right])
    assert scores["spans_entities_p"] == scores["ents_p"] == scores["rel_p"] == scores["rel_strict_p"] == 1.0
    scores = score_joint([absent, right, empty])
    assert scores["spans_entities_p"] == scores["ents_p"] == scores["rel_p"] == scores["rel_strict_p"] == 0.5


def test_one_layer_may_be_absent():
    predicted = {"entities": [(0, 1, "person")], "relations": [(0, 1, 1, 4, "lives_in", "person", "place")]}
    scores = score_joint([example({"entities": predicted["entities"]}, predicted)])
    assert scores["spans_entities_f"] == 1.0
    assert scores["rel_f"] is None


def test_no_gold_is_none():
    scores = score_joint([example({}, {"entities": [(0, 1, "person")], "relations": [(0, 1, 1, 4, "knows", "", "")]})])
    assert len(scores) == 20
    assert set(scores.values()) == {None}
    assert score_joint([]) == scores


def test_nothing_in_gold_and_nothing_predicted_is_none():
    scores = score_joint([example({"entities": [], "relations": []}, {"entities": [], "relations": []})])
    assert set(scores.values()) == {None}


@pytest.mark.parametrize("predicted", [{}, {"entities": [], "relations": []}])
def test_empty_prediction_scores_zero(predicted):
    gold = {"entities": [(0, 1, "person")], "relations": [(0, 1, 1, 4, "lives_in", "person", "place")]}
    scores = score_joint([example(gold, predicted)])
    for name in ("spans_entities", "ents", "rel", "rel_strict"):
        assert numbers(scores, name) == [0.0, 0.0, 0.0, 0.0]


def test_only_false_positives_score_zero():
    scores = score_entities([example({"entities": []}, {"entities": [(0, 1, "person")]})])
    assert numbers(scores, "spans_entities") == [0.0, 0.0, 0.0, 0.0]


def test_scoring_does_not_change_the_docs():
    eg = example({}, {})
    score_joint([eg])
    assert eg.reference.user_data == eg.predicted.user_data == {}
    assert "entities" not in eg.reference.spans


# Tokens and white space


def test_spans_are_compared_by_characters():
    gold = make_doc(["North", "port", "is", "old"], spaces=[False, True, True, False], entities=[(0, 2, "place")])
    whole = make_doc(["Northport", "is", "old"], entities=[(0, 1, "place")])
    assert score_entities([Example(whole, gold)])["spans_entities_f"] == 1.0


def test_gold_that_does_not_fit_the_predicted_tokens_is_missed():
    gold = make_doc(
        ["North", "port", "knows", "Bo"],
        spaces=[False, True, True, False],
        entities=[(0, 1, "place"), (3, 4, "person")],
        relations=[(0, 1, 3, 4, "knows", "place", "person")],
    )
    # The prediction cannot represent "North": "Northport" is wrong, and the gold is missed.
    whole = make_doc(
        ["Northport", "knows", "Bo"],
        entities=[(0, 1, "place"), (2, 3, "person")],
        relations=[(0, 1, 2, 3, "knows", "place", "person")],
    )
    scores = score_joint([Example(whole, gold)])
    assert (scores["spans_entities_p"], scores["spans_entities_r"]) == (0.5, 0.5)
    assert (scores["rel_p"], scores["rel_r"]) == (0.0, 0.0)


def test_texts_may_differ_in_white_space():
    joined = make_doc(
        ["青葉", "市", "の", "湖"],
        spaces=[True] * 4,
        entities=[(0, 2, "place"), (3, 4, "lake")],
        relations=[(3, 4, 0, 2, "in", "lake", "place")],
    )
    raw = make_doc(
        ["青葉市", "\n", "の湖"],
        spaces=[False] * 3,
        entities=[(0, 1, "place"), (2, 3, "lake")],
        relations=[(2, 3, 0, 1, "in", "lake", "place")],
    )
    scores = score_joint([Example(raw, joined)])
    assert scores["spans_entities_per_type"]["place"]["f"] == 1.0
    assert scores["spans_entities_per_type"]["lake"]["f"] == 0.0
    assert scores["rel_f"] == 0.0
    characters = make_doc(
        list("青葉市の　湖"),
        spaces=[False] * 6,
        entities=[(0, 3, "place"), (5, 6, "lake")],
        relations=[(5, 6, 0, 3, "in", "lake", "place")],
    )
    scores = score_joint([Example(characters, joined)])
    assert scores["spans_entities_f"] == scores["rel_strict_f"] == 1.0


def test_different_texts_are_m501():
    gold = make_doc(["Ada", "sang"], entities=[(0, 1, "person")], relations=[])
    other = make_doc(["Ida", "sang"], entities=[(0, 1, "person")], relations=[])
    for score in (score_entities, score_relations):
        with pytest.raises(ValueError, match=r"M501.*'Ada sang ' and 'Ida sang '"):
            score([Example(other, gold)])
    # In lower case these are the same, but everything after the first letter is at other offsets.
    gold = make_doc(["İda", "saw", "Lima"], entities=[(2, 3, "place")], relations=[])
    other = make_doc(["i̇da", "saw", "Lima"], entities=[(2, 3, "place")], relations=[])
    with pytest.raises(ValueError, match="M501"):
        score_entities([Example(other, gold)])


# A slow, independent implementation


def visible(text):
    return len("".join(text.split()))


def slow_offsets(span):
    return visible(span.doc.text[: span.start_char]), visible(span.doc.text[: span.end_char])


def slow_entities(spans):
    return [(slow_offsets(span), span.label_) for span in spans]


def slow_relations(doc, strict, symmetric):
    items = []
    for relation in doc._.relations or []:
        arguments = []
        for argument in ("head", "tail"):
            offsets = slow_offsets(doc[relation[argument][0] : relation[argument][1]])
            arguments.append((offsets, relation[f"{argument}_label"] if strict else ""))
        if relation["label"] in symmetric and arguments[1] < arguments[0]:
            arguments.reverse()
        items.append((arguments, relation["label"]))
    return items


def slow_scores(pairs):
    def unique(items):
        return [item for i, item in enumerate(items) if item not in items[:i]]

    def f1(tp, n_gold, n_predicted):
        precision = tp / n_predicted if n_predicted else 0.0
        recall = tp / n_gold if n_gold else 0.0
        return precision, recall, 2 * precision * recall / (precision + recall) if tp else 0.0

    pairs = [(unique(gold), unique(predicted)) for gold, predicted in pairs]
    if not any(gold or predicted for gold, predicted in pairs):
        return [None] * 4

    def count(label):
        tp = n_gold = n_predicted = 0
        for gold, predicted in pairs:
            gold = [item for item in gold if label in (None, item[1])]
            predicted = [item for item in predicted if label in (None, item[1])]
            tp += len([item for item in gold if item in predicted])
            n_gold += len(gold)
            n_predicted += len(predicted)
        return f1(tp, n_gold, n_predicted)

    gold_labels = {label for gold, _ in pairs for _, label in gold}
    macro = sum(count(label)[2] for label in gold_labels) / len(gold_labels) if gold_labels else 0.0
    return [*count(None), macro]


@st.composite
def annotated_pairs(draw):
    text = "abcdefgh"[: draw(st.integers(1, 8))]
    docs = []
    for _ in range(2):
        cuts = [0, *sorted(draw(st.sets(st.integers(1, len(text) - 1)))), len(text)] if len(text) > 1 else [0, 1]
        words = [text[start:end] for start, end in pairwise(cuts)]
        n_words = len(words)
        starts = st.integers(0, n_words - 1)
        spans = starts.flatmap(
            lambda start, n=n_words: st.tuples(st.just(start), st.integers(start + 1, min(n, start + 3)))
        )
        entity = st.tuples(spans, st.sampled_from("xyz")).map(lambda e: (*e[0], e[1]))
        relation = st.tuples(spans, spans, st.sampled_from("kl"), st.sampled_from("xy"), st.sampled_from("xy"))
        docs.append(
            make_doc(
                words,
                spaces=draw(st.lists(st.booleans(), min_size=len(words), max_size=len(words))),
                entities=draw(st.none() | st.lists(entity, max_size=5)),
                relations=draw(st.none() | st.lists(relation.map(lambda r: (*r[0], *r[1], *r[2:])), max_size=5)),
            )
        )
    return Example(*docs)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(examples=st.lists(annotated_pairs(), min_size=1, max_size=3), symmetric=st.sampled_from([(), ("k",)]))
def test_scores_agree_with_the_slow_implementation(examples, symmetric):
    scores = score_joint(examples, symmetric=symmetric)
    with_entities = [eg for eg in examples if "entities" in eg.reference.spans]
    groups = [
        [slow_entities(doc.spans.get("entities", [])) for doc in (eg.reference, eg.predicted)] for eg in with_entities
    ]
    flat = [[slow_entities(doc.ents) for doc in (eg.reference, eg.predicted)] for eg in with_entities]
    assert numbers(scores, "spans_entities") == pytest.approx(slow_scores(groups))
    assert numbers(scores, "ents") == pytest.approx(slow_scores(flat))
    with_relations = [eg for eg in examples if eg.reference._.relations is not None]
    for name, strict in (("rel", False), ("rel_strict", True)):
        pairs = [
            [slow_relations(doc, strict, symmetric) for doc in (eg.reference, eg.predicted)] for eg in with_relations
        ]
        assert numbers(scores, name) == pytest.approx(slow_scores(pairs))


# Registered scorers


def test_options_of_the_scorer_replace_those_of_the_component():
    gold = {"entities": [(0, 1, "a")], "relations": [(4, 5, 0, 1, "knows", "a", "a")]}
    turned = {"entities": [(0, 1, "a")], "relations": [(0, 1, 4, 5, "knows", "a", "a")]}
    examples = [example(gold, turned)]
    make = registry.scorers.get("spacy_mre.joint_scorer.v1")
    component = {"spans_key": "mine", "symmetric": ["knows"], "labels": ["a"], "threshold": 0.5}
    assert "spans_entities_f" in make()(examples)
    assert "spans_mine_f" in make()(examples, **component)
    assert "spans_entities_f" in make(spans_key="entities")(examples, **component)
    assert make()(examples)["rel_f"] == 0.0
    assert make()(examples, **component)["rel_f"] == 1.0
    assert make(symmetric=[])(examples, **component)["rel_f"] == 0.0


@pytest.mark.parametrize(
    "name, key", [("entity", "ents_f"), ("relation", "rel_f"), ("joint", "rel_f"), ("textcat", "cats_score")]
)
def test_scorers_can_be_made_from_a_config_and_pickled(name, key):
    scorer = registry.resolve({"scorer": {"@scorers": f"spacy_mre.{name}_scorer.v1"}})["scorer"]
    layers = {"entities": [(0, 1, "a")], "relations": [(0, 1, 4, 5, "knows", "a", "a")], "cats": {"x": 1.0, "y": 0.0}}
    for each in (scorer, pickle.loads(pickle.dumps(scorer))):
        scores = each(
            iter([example(layers, layers), example(layers, {**layers, "cats": {"x": 0.2, "y": 0.8}})]),
            labels=["x", "y"],
        )
        # Cats: x is once correct, once y: f of x is 2/3, of y 0; macro F is 1/3.
        assert scores[key] == pytest.approx(1 / 3 if name == "textcat" else 1.0)


def test_the_textcat_scorer_uses_the_threshold_of_the_component():
    examples = [example({"cats": {"x": 1.0, "y": 0.0}}, {"cats": {"x": 0.4, "y": 0.2}})]
    scorer = registry.scorers.get("spacy_mre.textcat_scorer.v1")(multi_label=True)
    assert scorer(examples, threshold=0.3, labels=["x", "y"])["cats_micro_f"] == 1.0
    assert scorer(examples, threshold=0.5, labels=["x", "y"])["cats_micro_f"] == 0.0


def test_gold_from_a_file_scores_the_same(tmp_path):
    layers = {
        "entities": [(0, 1, "person"), (1, 4, "place")],
        "relations": [(0, 1, 1, 4, "lives_in", "person", "place")],
    }
    save_docs([make_doc(**layers)], tmp_path / "gold.spacy")
    (gold,) = load_docs(tmp_path / "gold.spacy", spacy.blank("en").vocab)
    scores = score_joint([Example(make_doc(**layers), gold)])
    assert scores["spans_entities_f"] == scores["rel_strict_f"] == 1.0


# Arguments without a label


def test_an_argument_without_a_label_has_that_of_its_entity():
    entities = [(0, 1, "person"), (1, 4, "place"), (4, 5, "person")]
    gold = {"entities": entities, "relations": [(0, 1, 1, 4, "visits", "", ""), (4, 5, 0, 1, "knows", "", "person")]}
    found = [(0, 1, 1, 4, "visits", "person", "place"), (4, 5, 0, 1, "knows", "place", "person")]
    scores = score_relations([example(gold, {"entities": entities, "relations": found})])
    assert scores["rel_f"] == 1.0 and scores["rel_strict_f"] == 0.5
    assert scores["rel_strict_per_type"]["visits"]["f"] == 1.0
    eg = example({**gold, "key": "mine"}, {"relations": found})
    eg.reference.ents = []
    assert score_relations([eg])["rel_strict_f"] == 0.0  # of another group, which is not read
    assert score_relations([eg], spans_key="mine")["rel_strict_f"] == 0.5


def test_calibration_reads_the_labels_of_entities_too():
    entities = [(0, 1, "person"), (1, 4, "place")]
    eg = example({"entities": entities, "relations": [(0, 1, 1, 4, "visits", "", "")]}, {"entities": entities})
    found = make_relation((0, 1), (1, 4), "visits", head_label="person", tail_label="place", score=0.5)
    set_relations(eg.predicted, [found], source="spert_mt")
    predictions, _ = relation_predictions([eg], [{}], (), "entities", "spert_mt")
    assert predictions.correct.tolist() == [True] and predictions.gold == 1
