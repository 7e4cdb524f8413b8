import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_mre.annotations.alignment import Losses, align_gold
from spacy_mre.annotations.entities import EntitySpan, set_entities
from spacy_mre.annotations.relations import make_relation, set_relations

VOCAB = Vocab()


def make_doc(words, spaces=None):
    return Doc(VOCAB, words=words, spaces=spaces)


def example(predicted, gold, entities=None, relations=None):
    """Texts with tokens separated by spaces, or lists of tokens without spaces."""
    docs = [
        make_doc(text.split()) if isinstance(text, str) else make_doc(text, [False] * len(text))
        for text in (predicted, gold)
    ]
    if entities is not None:
        set_entities(docs[1], [(*entity, 1.0) for entity in entities])
    if relations is not None:
        set_relations(docs[1], relations)
    return Example(*docs)


def test_same_tokens():
    eg = example(
        "Old Aoba by Mizu",
        "Old Aoba by Mizu",
        [(0, 2, "town"), (1, 2, "name"), (3, 4, "lake")],
        [make_relation((0, 2), (3, 4), "near")],
    )
    gold = align_gold(eg)
    assert (
        gold.mentions == gold.entities == [EntitySpan(0, 2, "town"), EntitySpan(1, 2, "name"), EntitySpan(3, 4, "lake")]
    )
    assert gold.relations == [(0, 2, "near")]
    assert not gold.lost.counts


def test_finer_predicted_tokens():
    eg = example(
        ["東", "京", "の", "山", "田"],
        ["東京", "の", "山田"],
        [(0, 1, "place"), (2, 3, "person")],
        [make_relation((2, 3), (0, 1), "of")],
    )
    gold = align_gold(eg)
    assert gold.mentions == [EntitySpan(0, 2, "place"), EntitySpan(3, 5, "person")]
    assert gold.relations == [(1, 0, "of")]
    assert not gold.lost.counts


def test_coarser_predicted_tokens():
    eg = example(["東京", "の", "山田"], ["東", "京", "の", "山", "田"], [(0, 2, "place"), (3, 5, "person")])
    assert align_gold(eg).entities == [EntitySpan(0, 1, "place"), EntitySpan(2, 3, "person")]


def test_entity_inside_a_predicted_token_is_lost_and_counted():
    relations = [make_relation((0, 1), (3, 4), "met"), make_relation((1, 2), (3, 4), "met")]
    eg = example(
        ["独伊", "と", "日本"],
        ["独", "伊", "と", "日本"],
        [(0, 1, "land"), (1, 2, "land"), (3, 4, "land"), (0, 2, "group")],
        relations,
    )
    gold = align_gold(eg)
    assert gold.entities == [EntitySpan(0, 1, "group"), EntitySpan(2, 3, "land")]
    assert gold.relations == []
    assert gold.lost.counts == {"entity off the token grid": 2, "relation with an argument off the token grid": 2}
    assert gold.lost.examples == {
        "entity off the token grid": "独",
        "relation with an argument off the token grid": "独 -> 日本",
    }


def test_span_that_begins_inside_a_predicted_token_is_lost():
    gold = align_gold(example(["大東京", "都"], ["大", "東京", "都"], [(1, 3, "place")]))
    assert (gold.entities, gold.lost.counts) == ([], {"entity off the token grid": 1})


def test_gold_tokens_joined_with_spaces_align_with_raw_text():
    raw = make_doc(list("王五去北京。"), [False] * 6)
    gold_doc = make_doc(["王五", "去", "北京", "。"])
    assert gold_doc.text == "王五 去 北京 。 "
    set_entities(gold_doc, [(0, 1, "person", 1.0), (2, 3, "place", 1.0)])
    set_relations(gold_doc, [make_relation((0, 1), (2, 3), "goes_to")])
    gold = align_gold(Example(raw, gold_doc))
    assert gold.entities == [EntitySpan(0, 2, "person"), EntitySpan(3, 5, "place")]
    assert gold.relations == [(0, 1, "goes_to")]
    assert not gold.lost.counts


def test_white_space_tokens_are_ignored():
    predicted = make_doc(["a", "\n", "b", "c"], [False, False, True, False])
    gold_doc = make_doc(["a", "b", "c"])
    set_entities(gold_doc, [(0, 2, "x", 1.0), (1, 3, "y", 1.0)])
    assert align_gold(Example(predicted, gold_doc)).entities == [EntitySpan(0, 3, "x"), EntitySpan(2, 4, "y")]


def test_arguments_that_are_not_entities_are_appended_to_the_mentions():
    relations = [
        make_relation((0, 1), (2, 3), "r", head_label="x", tail_label="y"),
        make_relation((2, 3), (3, 4), "s", tail_label="z"),
    ]
    gold = align_gold(example("a b c d", "a b c d", [(0, 1, "x")], relations))
    assert gold.n_entities == 1
    assert gold.entities == [EntitySpan(0, 1, "x")]
    assert gold.mentions == [EntitySpan(0, 1, "x"), EntitySpan(2, 3, "y"), EntitySpan(3, 4, "z")]
    assert gold.relations == [(0, 1, "r"), (1, 2, "s")]


def test_argument_is_the_mention_with_its_label_or_any_with_its_offsets():
    entities = [(0, 1, "x"), (0, 1, "y"), (1, 2, "z")]
    relations = [
        make_relation((0, 1), (1, 2), "r", head_label="y"),
        make_relation((0, 1), (1, 2), "s", head_label="unknown", tail_label="z"),
    ]
    gold = align_gold(example("a b", "a b", entities, relations))
    assert [gold.mentions[head] for head, _, _ in gold.relations] == [EntitySpan(0, 1, "y"), EntitySpan(0, 1, "x")]
    assert len(gold.mentions) == 3


def test_an_argument_without_its_label_is_the_first_mention_with_its_offsets():
    entities = [(0, 1, "b"), (2, 3, "a"), (2, 3, ""), (2, 3, "c")]
    relations = [
        make_relation((0, 1), (2, 3), "to_none", head_label="", tail_label=""),
        make_relation((0, 1), (2, 3), "to_other", head_label="x", tail_label="x"),
        make_relation((0, 1), (4, 5), "to_new", tail_label="y"),
        make_relation((4, 5), (0, 1), "from_new", head_label="z"),
        make_relation((4, 5), (2, 3), "from_same", head_label="y", tail_label="c"),
    ]
    gold = align_gold(example("A b C d E", "A b C d E", entities, relations))
    mentions = [(0, 1, "b"), (2, 3, ""), (2, 3, "a"), (2, 3, "c"), (4, 5, "y")]
    assert gold.mentions == [EntitySpan(*mention) for mention in mentions]
    found = {label: (head, tail) for head, tail, label in gold.relations}
    assert found == {"to_none": (0, 1), "to_other": (0, 1), "to_new": (0, 4), "from_new": (4, 0), "from_same": (4, 3)}


def test_the_mentions_are_read_once_for_all_arguments(monkeypatch):
    words, read = "w " * 60, []
    pairs = [make_relation((i, i + 1), (i + 1, i + 2), "next") for i in range(59)]
    eg = example(words, words, [(i, i + 1, "x") for i in range(60)], pairs)
    monkeypatch.setattr(EntitySpan, "offsets", property(lambda span: read.append(span) or (span.start, span.end)))
    assert len(align_gold(eg).relations) == 59
    assert len(read) <= 4 * 60


def test_several_labels_of_a_pair_are_kept():
    relations = [make_relation((0, 1), (1, 2), "r"), make_relation((0, 1), (1, 2), "s")]
    gold = align_gold(example("a b", "a b", [(0, 1, "x"), (1, 2, "x")], relations))
    assert gold.relations == [(0, 1, "r"), (0, 1, "s")]


def test_relation_of_a_span_with_itself_is_counted():
    gold = align_gold(example("a b", "a b", [(0, 1, "x")], [make_relation((0, 1), (0, 1), "same")]))
    assert (gold.relations, gold.lost.counts) == ([], {"relation of a span with itself": 1})


def test_absent_is_not_empty():
    absent = align_gold(example("a b", "a b"))
    assert (absent.mentions, absent.n_entities, absent.entities, absent.relations) == ([], None, [], None)
    empty = align_gold(example("a b", "a b", [], []))
    assert (empty.mentions, empty.n_entities, empty.entities, empty.relations) == ([], 0, [], [])
    only_relations = align_gold(example("a b", "a b", None, [make_relation((0, 1), (1, 2), "r")]))
    assert (only_relations.n_entities, only_relations.entities, len(only_relations.mentions)) == (None, [], 2)
    assert align_gold(example("a b", "a b", [(0, 1, "x")])).relations is None


def test_predicted_annotations_are_not_read():
    eg = example("a b", "a b", [(0, 1, "x")])
    set_entities(eg.predicted, [(1, 2, "predicted", 1.0)])
    set_relations(eg.predicted, [make_relation((0, 1), (1, 2), "predicted")])
    gold = align_gold(eg)
    assert (gold.mentions, gold.relations) == ([EntitySpan(0, 1, "x")], None)


def test_another_span_group():
    eg = example("a b", "a b")
    set_entities(eg.reference, [(0, 1, "x", 1.0)], key="other", set_ents=False)
    assert align_gold(eg, "other").entities == [EntitySpan(0, 1, "x")]


def test_losses_are_added_and_keep_the_first_example():
    losses, more = Losses(), Losses()
    losses.add("why", "first")
    more.add("why", "second")
    more.add("else", "third")
    losses.update(more)
    assert losses.counts == {"why": 2, "else": 1}
    assert str(losses) == "2 x why (as first); 1 x else (as third)"


@st.composite
def two_tokenizations(draw):
    text = draw(st.text(st.sampled_from("abAB青葉é "), min_size=1, max_size=14))
    cuts = st.lists(st.booleans(), min_size=len(text), max_size=len(text))
    return [tokens_of(text, draw(cuts)) for _ in range(2)], draw(
        st.lists(st.tuples(st.integers(0, 13), st.integers(1, 6)), max_size=6)
    )


def tokens_of(text, cuts):
    words = [""]
    for character, cut in zip(text, cuts):
        if words[-1] and (cut or character == " " or words[-1] == " "):
            words.append("")
        words[-1] += character
    return make_doc(words, [False] * len(words))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(two_tokenizations())
def test_aligned_span_covers_exactly_the_gold_text(case):
    (predicted, reference), places = case
    assert predicted.text == reference.text
    spans = [
        (start, min(start + width, len(reference)), f"{start}-{width}", 1.0)
        for start, width in places
        if start < len(reference)
    ]
    spans = set_entities(reference, spans)
    gold = align_gold(Example(predicted, reference))
    aligned = {label: predicted[start:end] for start, end, label, _ in gold.entities}
    starts, ends = {token.idx for token in predicted}, {token.idx + len(token) for token in predicted}
    for start, end, label, _ in spans:
        span = reference[start:end]
        reachable = span.start_char in starts and span.end_char in ends and not span.text.isspace()
        assert (label in aligned) == reachable
        if reachable:
            assert (aligned[label].text, aligned[label].start_char) == (span.text, span.start_char)
    assert len(aligned) + gold.lost.counts.total() == len({span.label for span in spans})


@settings(max_examples=60, deadline=None, derandomize=True)
@given(two_tokenizations())
def test_every_relation_is_aligned_or_counted(case):
    (predicted, reference), places = case
    spans = sorted({(start, min(start + width, len(reference))) for start, width in places if start < len(reference)})
    spans = [
        (start, end) for start, end in spans if not (reference[start].text == " " or reference[end - 1].text == " ")
    ]
    set_relations(reference, [make_relation(head, tail, "r") for head in spans for tail in spans if head != tail])
    gold = align_gold(Example(predicted, reference))
    assert len(gold.relations) + gold.lost.counts.total() == len(spans) * (len(spans) - 1)
    for head, tail, _ in gold.relations:
        moved = [predicted[gold.mentions[end][0] : gold.mentions[end][1]].text for end in (head, tail)]
        assert moved[0] in {reference[start:end].text for start, end in spans}
        assert moved[1] in {reference[start:end].text for start, end in spans}


@pytest.mark.parametrize("n", [0, 1])
def test_tiny_documents(n):
    assert align_gold(example(["a"] * n, ["a"] * n, [], [])).relations == []
