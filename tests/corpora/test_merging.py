"""Merging the annotations of several annotators, against results that were found by hand."""

import random
import time

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.corpora import EntityRecord, Record, RelationRecord, Report, make_docs, make_records
from spacy_mre.corpora.merging import merge_records
from spacy_mre.corpora.voting import RULES
from tests.robustness.effort import scale
from tests.robustness.strategies import records as random_records

TEXT = "Ada met Bo in New Lima."
ADA, BO, DOG = (0, 3, "person"), (8, 10, "person"), (8, 10, "animal")
NEW_LIMA, LIMA = (14, 22, "place"), (18, 22, "place")


def record(entities=None, relations=None, cats=None, text=TEXT, **fields):
    """A text with entities as (start, end, label), and relations as (head, label, tail)."""
    places = None if entities is None else [EntityRecord(*entity) for entity in entities]
    joined = None
    if relations is not None:
        joined = [RelationRecord(entities.index(head), entities.index(tail), label) for head, label, tail in relations]
    return Record(text, entities=places, relations=joined, cats=cats, **{"id": "t", "origin": "t", **fields})


def merge(rule, *annotators, **options):
    """The only text that the annotators, who have one record each, have."""
    (merged,) = merge_records([[annotator] for annotator in annotators], rule, **options)
    return merged


def entities(merged):
    return {(entity.start, entity.end, entity.label): entity.score for entity in merged.entities}


def relations(merged):
    found = {}
    for relation in merged.relations:
        head, tail = merged.entities[relation.head], merged.entities[relation.tail]
        ends = [(entity.start, entity.end, entity.label) for entity in (head, tail)]
        found[ends[0], relation.label, ends[1]] = relation.score
    return found


# Three annotators: all have Ada; A and B have Bo, who is a dog for C; B and C have New Lima, and A has the Lima in it.
A = record([ADA, BO, LIMA], [(ADA, "met", BO), (ADA, "in", LIMA)], {"diary": 1.0, "news": 0.0})
B = record([ADA, BO, NEW_LIMA], [(ADA, "met", BO), (BO, "in", NEW_LIMA)], {"diary": 1.0, "news": 1.0})
C = record([ADA, DOG, NEW_LIMA], [(ADA, "met", DOG)], {"diary": 1.0, "letter": 1.0})
TWO_THIRDS, THIRD = pytest.approx(2 / 3), pytest.approx(1 / 3)


def test_union():
    report = Report()
    merged = merge("union", A, B, C, report=report)
    assert entities(merged) == {ADA: 1.0, DOG: THIRD, BO: TWO_THIRDS, NEW_LIMA: TWO_THIRDS, LIMA: THIRD}
    # All three have that Ada met whoever is there; two of them, that this is a person.
    assert relations(merged) == {(ADA, "met", BO): 1.0, (ADA, "in", LIMA): THIRD, (BO, "in", NEW_LIMA): THIRD}
    assert merged.cats == {"diary": 1.0, "letter": 1.0, "news": 1.0}
    assert not report.lost and not report.noted
    assert report.kept == {"texts in 3 of 3 files": 1}


def test_majority():
    report = Report()
    merged = merge("majority", A, B, C, report=report)
    assert entities(merged) == {ADA: 1.0, BO: TWO_THIRDS, NEW_LIMA: TWO_THIRDS}
    assert relations(merged) == {(ADA, "met", BO): 1.0}
    assert merged.cats == {"diary": 1.0, "letter": 0.0, "news": 0.0}
    assert report.lost == {
        "entity with less than half of the votes": 2,
        "relation with less than half of the votes": 2,
        "text label with less than half of the votes": 2,
    }
    assert report.examples["entity with less than half of the votes"] == [
        "document t: animal 'Bo' (8 to 10), 1 of 3",
        "document t: place 'Lima' (18 to 22), 1 of 3",
    ]
    assert report.examples["relation with less than half of the votes"] == [
        "document t: 'Ada' (0 to 3) in 'Lima' (18 to 22), 1 of 3",
        "document t: 'Bo' (8 to 10) in 'New Lima' (14 to 22), 1 of 3",
    ]
    assert not report.noted


def test_unanimous():
    report = Report()
    merged = merge("unanimous", A, B, C, report=report)
    assert entities(merged) == {ADA: 1.0}
    assert relations(merged) == {}
    assert merged.cats == {"diary": 1.0, "letter": 0.0, "news": 0.0}
    assert report.lost == {
        "entity that not all annotators have": 4,
        "relation that not all annotators have": 2,
        "relation with an entity that is not kept": 1,
        "text label that not all annotators have": 2,
    }
    assert report.examples["relation with an entity that is not kept"] == [
        "document t: 'Ada' (0 to 3) met 'Bo' (8 to 10)"
    ]


def test_first():
    report = Report()
    merged = merge("first", C, A, B, report=report)
    assert entities(merged) == dict.fromkeys([ADA, DOG, NEW_LIMA], 1.0)
    assert relations(merged) == {(ADA, "met", DOG): 1.0}
    assert merged.cats == {"diary": 1.0, "letter": 1.0, "news": 0.0}
    assert report.lost == {
        "entity that only later files have": 2,
        "relation that only later files have": 2,
        "text label that only later files have": 1,
    }


def test_exclusive_text_labels_hold_by_their_highest_value():
    """As those that a pipeline has predicted."""
    shares = {"diary": 0.25, "letter": 0.3, "news": 0.45}
    merged = merge("first", record(cats=shares), record(cats={"diary": 1.0}), report=Report())
    assert merged.cats == {"diary": 0.0, "letter": 0.0, "news": 1.0}


def test_a_majority_of_two_are_both_and_half_is_a_tie():
    report = Report()
    merged = merge("majority", A, B, report=report)
    assert entities(merged) == {ADA: 1.0, BO: 1.0}
    assert relations(merged) == {(ADA, "met", BO): 1.0}
    assert merged.cats == {"diary": 1.0, "news": 0.0}
    assert report.lost == {
        "entity with half of the votes": 2,
        "relation with half of the votes": 2,
        "text label with half of the votes": 1,
    }
    assert report.examples["text label with half of the votes"] == ["document t: news, 1 of 2"]


def test_labels_of_the_same_place_are_voted_on_one_by_one():
    both = record([BO, DOG])
    assert entities(merge("union", record([BO]), record([DOG]))) == {BO: 0.5, DOG: 0.5}
    assert entities(merge("majority", record([BO]), both, record([DOG]))) == {BO: TWO_THIRDS, DOG: TWO_THIRDS}
    assert entities(merge("unanimous", record([BO]), both)) == {BO: 1.0}


def test_a_relation_is_lost_with_its_entity():
    # Most have the relation and its head, but they do not agree on the tail.
    one, two, three = (record([ADA, tail], [(ADA, "met", tail)]) for tail in (BO, DOG, (8, 10, "god")))
    report = Report()
    merged = merge("majority", one, two, three, report=report)
    assert (entities(merged), merged.relations) == ({ADA: 1.0}, [])
    assert report.lost["relation with an entity that is not kept"] == 1


def test_a_relation_joins_the_kept_entity_that_most_say():
    # The person and the dog are both kept; two of three say that Ada met the dog.
    both = [ADA, BO, DOG]
    one, two, three = (record(both, [(ADA, "met", tail)]) for tail in (DOG, BO, DOG))
    for annotators in ((one, two, three), (two, one, three)):
        assert relations(merge("majority", *annotators)) == {(ADA, "met", DOG): 1.0}


def test_what_is_not_annotated_is_no_vote():
    # B has annotated no relations, and C only the text label.
    one, two = record([ADA, BO], [(ADA, "met", BO)]), record([ADA, BO])
    three = record(cats={"diary": 1.0})
    for rule in ("majority", "unanimous"):
        report = Report()
        merged = merge(rule, one, two, three, report=report)
        assert entities(merged) == {ADA: 1.0, BO: 1.0}
        assert relations(merged) == {(ADA, "met", BO): 1.0}
        assert merged.cats == {"diary": 1.0}
        assert not report.lost
        assert report.noted == {
            "text whose relations only one has annotated, kept without a vote": 1,
            "text whose text labels only one has annotated, kept without a vote": 1,
        }
    assert merge("union", one, two, three).relations == merged.relations


def test_an_empty_list_is_a_vote_against():
    report = Report()
    merged = merge("majority", record([ADA]), record([]), record([]), report=report)
    assert merged.entities == [] and report.lost == {"entity with less than half of the votes": 1}
    assert (merged.relations, merged.cats) == (None, None)
    assert merge("first", record([]), record([ADA])).entities == []


def test_first_fills_what_the_first_file_has_not_annotated():
    corrected = record([ADA, BO])
    original = record([ADA, DOG], [(ADA, "met", ADA), (ADA, "met", DOG)], {"diary": 1.0})
    report = Report()
    merged = merge("first", corrected, original, report=report)
    assert entities(merged) == {ADA: 1.0, BO: 1.0}
    # The other relation is one of the dog, which the first file has made a person.
    assert relations(merged) == {(ADA, "met", ADA): 1.0}
    assert merged.cats == {"diary": 1.0}
    assert report.lost == {"entity that only later files have": 1, "relation with an entity that is not kept": 1}


def test_relations_without_direction():
    one, two = record([ADA, BO], [(ADA, "met", BO)]), record([ADA, BO], [(BO, "met", ADA)])
    assert merge("unanimous", one, two).relations == []
    assert relations(merge("union", one, two)) == {(ADA, "met", BO): 0.5, (BO, "met", ADA): 0.5}
    assert relations(merge("unanimous", two, two, one, symmetric=["met"])) == {(BO, "met", ADA): 1.0}
    both = record([ADA, BO], [(ADA, "met", BO), (BO, "met", ADA)])
    report = Report()
    assert len(merge("union", both, one, symmetric=["met"], report=report).relations) == 1
    assert report.lost == {"duplicate relation": 1}


def test_texts_that_not_all_files_have():
    a = [record([ADA], id="1"), record([], text="Rain", id="2", origin="a, 2")]
    b = [record([(0, 3, "star")], text="Sun", id="3", origin="b, 3"), record([BO], id="1")]
    c = [record([(0, 3, "day")], text="Sun", id="3"), record([ADA], id="1")]
    for rule, first, sun in (("union", {ADA: TWO_THIRDS, BO: THIRD}, 2), ("majority", {ADA: TWO_THIRDS}, 0)):
        report = Report()
        merged = merge_records([a, b, c], rule, report=report)
        assert [each.text for each in merged] == [TEXT, "Rain", "Sun"]
        assert [each.id for each in merged] == ["1", "2", "3"]
        assert entities(merged[0]) == first and len(merged[2].entities) == sun
        counts = [("texts in 3 of 3 files", 1), ("texts in 2 of 3 files", 1), ("texts in 1 of 3 files", 1)]
        assert list(report.kept.items()) == counts
        noted = {"text that only one file has, kept without a vote": 1} if rule == "majority" else {}
        assert report.noted == noted
        assert report.examples.get("text that only one file has, kept without a vote", ["a, 2"]) == ["a, 2"]


def test_no_text_in_common():
    files = [[record([])], [record([], text="Rain"), record([], text="Sun")]]
    for rule in ("union", "majority", "unanimous"):
        with pytest.raises(ValueError, match=r"M256.*The 2 files \(1 and 2 texts\)"):
            merge_records(files, rule)
    # Nobody votes: different texts are put together.
    report = Report()
    assert [each.text for each in merge_records(files, "first", report=report)] == [TEXT, "Rain", "Sun"]
    assert report.kept == {"texts in 1 of 2 files": 3} and not report.lost


def test_what_describes_a_text_is_that_of_the_first_file():
    report = Report()
    one = record([], group="g", meta={}, text=f"{TEXT}\n")
    two = record([], id="u", group="h", meta={"by": "Ben"})
    three = record([], id="u", group="h", meta={"by": "Cy"})
    merged = merge("union", one, two, three, report=report)
    assert (merged.id, merged.group, merged.meta, merged.text) == ("t", "g", {"by": "Ben"}, f"{TEXT}\n")
    assert report.noted == {
        "id that differs between the files (the first is kept)": 1,
        "group that differs between the files (the first is kept)": 1,
        "metadata that differs between the files (the first is kept)": 1,
        "white space that differs between the files (the first is kept)": 1,
    }


def test_the_same_id_for_different_texts():
    report = Report()
    common = record([], text="Wind", id="2")
    merge_records([[record([], id="1"), common], [record([], text="Rain", id="1"), common]], "union", report=report)
    assert report.noted["id of several texts"] == 2


def test_white_space_at_the_ends_and_inside_of_entities():
    one = record([(4, 12, "person"), (12, 13, "odd")], text="\tOh Ada Bell\n\n")
    two = record([(3, 11, "person")], text="Oh Ada Bell")
    three = record([(3, 13, "person")], text="Oh Ada\r\nBell ")
    report = Report()
    assert entities(merge("unanimous", one, two, three, report=report)) == {(4, 12, "person"): 1.0}
    assert report.lost == {"entity of white space only": 1}
    assert entities(merge("unanimous", three, one, two)) == {(3, 12, "person"): 1.0}


def test_values_between_0_and_1():
    report = Report()
    assert merge("first", record(cats={"x": 0.5, "y": 0.3}), record(cats={}), report=report).cats == {
        "x": 1.0,
        "y": 0.0,
    }
    assert report.lost == {"value of a text label between 0 and 1": 2}


def test_different_tokens():
    """東京都 is an entity for one, the 京都 in it for the other, and the third has the whole and a name."""
    text = "東京都に住む山田𠮷子"
    whole, inside, name = (0, 3, "place"), (1, 3, "place"), (6, 10, "person")
    nlp = spacy.blank("xx")

    def annotator(*found, tokens):
        (doc,) = make_docs([record(found, text=text, tokens=tokens)], nlp)
        return next(make_records([doc]))

    one = annotator(whole, tokens=[(0, 3), (3, 10)])
    two = annotator(inside, tokens=[(0, 2), (2, 6), (6, 8), (8, 10)])
    three = annotator(name, whole, tokens=[(0, 10)])
    assert len({tuple(each.tokens) for each in (one, two, three)}) == 3
    for order in ((one, two, three), (three, one, two), (two, three, one)):
        report = Report()
        (doc,) = make_docs([merge("union", *order)], nlp, report=report)
        assert {(s.start_char, s.end_char, s.label_) for s in doc.spans["entities"]} == {whole, inside, name}
        assert not report.lost
        assert {each.text for each in doc.spans["entities"]} == {"東京都", "京都", "山田𠮷子"}
    (doc,) = make_docs([merge("majority", two, one, three)], nlp)
    assert [(s.text, s.label_) for s in doc.spans["entities"]] == [("東京都", "place")]


def key(merged):
    """What is annotated in a text, independent of the entity labels of the ends of relations."""
    places = [(entity.start, entity.end) for entity in merged.entities]
    joined = {(places[r.head], places[r.tail], r.label) for r in merged.relations}
    return {**entities(merged)}, joined, {label for label, value in merged.cats.items() if value}


def draw_annotators(text, data):
    """Several annotators of a text, who agree often: each has some of the same entities and relations."""
    pool = data.draw(random_records(texts=st.just(text)))
    annotators = []
    for _ in range(data.draw(st.integers(2, 4))):
        chosen = [i for i in range(len(pool.entities)) if data.draw(st.booleans())]
        new = {old: number for number, old in enumerate(chosen)}
        joined = [
            RelationRecord(new[r.head], new[r.tail], r.label) for r in pool.relations if {r.head, r.tail} <= {*new}
        ]
        cats = {label: float(data.draw(st.booleans())) for label in "xy"}
        annotators.append(Record(text, entities=[pool.entities[i] for i in chosen], relations=joined, cats=cats))
    return annotators


@settings(max_examples=scale(60), deadline=None, derandomize=True)
@given(st.text("ab 京𠮷\n", max_size=20), st.data())
def test_rules_are_ordered_and_the_order_of_annotators_does_not_matter(text, data):
    annotators = draw_annotators(text, data)
    found = {}
    for rule in ("union", "majority", "unanimous"):
        merged = merge(rule, *annotators)
        found[rule] = key(merged)
        shuffled = data.draw(st.permutations(annotators))
        again = merge(rule, *shuffled)
        assert (again.entities, again.relations, again.cats) == (merged.entities, merged.relations, merged.cats)
        for share in (*entities(merged).values(), *relations(merged).values()):
            assert share > {"union": 0, "majority": 0.5, "unanimous": 0.99}[rule]
    for fewer, more in (("unanimous", "majority"), ("majority", "union")):
        assert all(set(few) <= set(many) for few, many in zip(found[fewer], found[more]))
    # Nothing is invented, and a union forgets nothing.
    assert set(found["union"][0]) == {each for annotator in annotators for each in entities(annotator)}
    assert found["union"][1] == {each for annotator in annotators for each in key(annotator)[1]}


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=scale(40), deadline=None, derandomize=True)
@given(chosen=st.lists(random_records(), max_size=3))
def test_merged_with_itself_a_file_is_the_same(rule, chosen):
    for number, each in enumerate(chosen):
        each.id = f"{number}"
    report = Report()
    for times in (1, 2, 3):
        merged = merge_records([chosen] * times, rule, report=report)
        assert [(each.text, each.tokens, each.id) for each in merged] == [
            (each.text, each.tokens, each.id) for each in chosen
        ]
        assert [key(each) for each in merged] == [key(each) for each in chosen]
    assert not report.lost and not report.noted


def test_speed():
    """Also if thousands of texts are the same."""
    draw = random.Random(0)
    texts = [f"Ada met Bo {number}" if number % 2 else "Yes" for number in range(10_000)]
    files = [[record([ADA], text=text, id=str(draw.random()) if file else "") for text in texts] for file in range(3)]
    start = time.process_time()
    merged = merge_records(files, "majority")
    assert len(merged) == 10_000 and all(len(each.entities) == 1 for each in merged)
    assert time.process_time() - start < 10
