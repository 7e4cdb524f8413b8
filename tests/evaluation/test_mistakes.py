from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import make_relation, set_relations
from spacy_mre.evaluation.counts import count_documents
from spacy_mre.evaluation.mistakes import find_mistakes, mistakes_tables
from spacy_mre.evaluation.text_mistakes import ENTITY_KINDS, RELATION_KINDS

VOCAB = Vocab()
WORDS = ["Ada", "Lovelace", "met", "Bo", "in", "New", "Cairo"]
ADA, BO, CAIRO = (0, 2, "person"), (3, 4, "person"), (5, 7, "place")


def make_doc(entities=None, relations=None):
    doc = Doc(VOCAB, words=WORDS)
    if entities is not None:
        set_entities(doc, [(*entity, 1.0) for entity in entities])
    if relations is not None:
        set_relations(
            doc, [make_relation(h[:2], t[:2], label, head_label=h[2], tail_label=t[2]) for h, t, label in relations]
        )
    return doc


def kinds(gold, predicted, layer="entities"):
    """The number of correct items, and the kinds of wrong and missed ones that occur."""
    mistakes = find_mistakes([Example(make_doc(*predicted), make_doc(*gold))])[layer]
    return mistakes.right, *({kind: count for kind, count in side.items() if count} for side in mistakes[1:])


def test_entities_by_hand():
    org = (0, 2, "org")
    assert kinds([[ADA, BO]], [[org, BO]]) == (1, {"type": 1}, {"type": 1})
    assert kinds([[ADA]], [[(0, 1, "person")]]) == (0, {"boundaries": 1}, {"boundaries": 1})
    assert kinds([[ADA]], [[(1, 3, "org")]]) == (0, {"type and boundaries": 1}, {"type and boundaries": 1})
    assert kinds([[ADA]], [[BO]]) == (0, {"no overlap": 1}, {"no overlap": 1})
    # The overlapping gold is found, so it is not a missed one.
    assert kinds([[ADA]], [[ADA, (0, 1, "person")]]) == (1, {"no overlap": 1}, {})
    # Two parts of one name are two wrong predictions, and one name is missed.
    assert kinds([[ADA]], [[(0, 1, "person"), (1, 2, "person")]]) == (0, {"boundaries": 2}, {"boundaries": 1})


def test_relations_by_hand():
    gold = [[ADA, BO, CAIRO], [(ADA, BO, "met")]]

    def relation_kinds(predicted):
        return kinds(gold, predicted, "relations")

    org = (0, 2, "org")
    assert relation_kinds([[ADA, BO], [(ADA, BO, "met")]]) == (1, {}, {})
    assert relation_kinds([[org, BO], [(org, BO, "met")]]) == (0, {"argument type": 1}, {"argument type": 1})
    assert relation_kinds([[ADA, BO], [(ADA, BO, "saw")]]) == (0, {"label": 1}, {"label": 1})
    assert relation_kinds([[ADA, BO], [(BO, ADA, "met")]]) == (0, {"direction": 1}, {"direction": 1})
    assert relation_kinds([[ADA, BO, CAIRO], [(ADA, CAIRO, "met")]]) == (0, {"not related": 1}, {"not related": 1})
    half = (0, 1, "person")
    assert relation_kinds([[half, BO], [(half, BO, "met")]]) == (0, {"argument offsets": 1}, {"argument offsets": 1})
    both_ways = [Example(make_doc([ADA, BO], [(BO, ADA, "met")]), make_doc(*gold))]
    assert find_mistakes(both_ways, symmetric=["met"])["relations"].right == 1


def test_layers_without_gold_or_predictions_are_left_out():
    assert find_mistakes([Example(make_doc(), make_doc([ADA], []))]) == {}
    assert find_mistakes([Example(make_doc([ADA]), make_doc())]) == {}
    assert set(find_mistakes([Example(make_doc([ADA]), make_doc([ADA], []))])) == {"entities"}
    assert set(find_mistakes([Example(make_doc([ADA], []), make_doc([ADA]))])) == {"entities"}


def sides():
    places = st.tuples(st.integers(0, 4), st.integers(1, 3)).map(lambda at: (at[0], at[0] + at[1]))
    entities = st.lists(
        st.tuples(places, st.sampled_from(["person", "place"])).map(lambda one: (*one[0], one[1])),
        unique=True,
        max_size=5,
    )
    ends = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.sampled_from(["met", "in"])), max_size=5)
    return st.tuples(entities, ends).map(
        lambda both: [
            both[0],
            [(both[0][h], both[0][t], label) for h, t, label in both[1] if h != t and max(h, t) < len(both[0])],
        ]
    )


@given(st.lists(st.tuples(sides(), sides()), min_size=1, max_size=3))
def test_sums_agree_with_the_counts(pairs):
    examples = [Example(make_doc(*predicted), make_doc(*gold)) for gold, predicted in pairs]
    mistakes, counts = find_mistakes(examples), count_documents(examples)
    for layer, counted in (("entities", "entities"), ("relations", "strict_relations")):
        each = mistakes[layer]
        assert [each.right, sum(each.wrong.values()), sum(each.missed.values())] == counts[counted].sum(axis=0).tolist()


def test_tables_show_shares():
    examples = [Example(make_doc([ADA, (3, 4, "org")], []), make_doc([ADA, BO, CAIRO], []))]
    found = {name: each._asdict() for name, each in find_mistakes(examples).items()}
    entities, relations = mistakes_tables(found)
    assert (entities.row_count, relations.row_count) == (1 + len(ENTITY_KINDS), 1 + len(RELATION_KINDS))
    console = Console(width=100, record=True)
    console.print(entities, relations)
    lines = [line.replace("│", " ").split() for line in console.export_text().splitlines()]
    assert ["right", "1", "50.0", "1", "33.3"] in lines and ["type", "1", "50.0", "1", "33.3"] in lines
    assert ["no", "overlap", "0", "0.0", "1", "33.3"] in lines
    assert ["direction", "0", "-", "0", "-"] in lines
