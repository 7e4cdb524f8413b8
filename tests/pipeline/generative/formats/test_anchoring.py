"""Offsets of strings: ambiguity is reported, and nothing is lost without a reason."""

import time
import unicodedata
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.pipeline.generative.formats import Analysis, EntityText, RelationText
from spacy_mre.pipeline.generative.formats.anchored import order_of_entity, order_of_relation
from spacy_mre.pipeline.generative.formats.anchoring import anchor
from spacy_mre.pipeline.generative.formats.entity_alignment import (
    CROSSING,
    NESTED,
    NOT_IN_TEXT,
    TOO_OFTEN,
    align,
    find_places,
)
from spacy_mre.pipeline.generative.formats.occurrences import SearchedText

SETTINGS = settings(max_examples=150, deadline=None, derandomize=True)
# Few characters, so that strings repeat and overlap themselves; and none that certainly are inside of a word.
REPEATING = st.text(st.sampled_from("12青 "), min_size=1, max_size=12).filter(str.strip)


def entities(text, spans):
    """An analysis of (start, end, label) in the order in which they are written, and the spans in that order."""
    ordered = sorted(set(spans), key=lambda span: order_of_entity(span[:2], span[2]))
    return Analysis(None, tuple(EntityText(label, text[start:end]) for start, end, label in ordered)), ordered


def found(text, *items, **options):
    return [
        (entity.start, entity.end)
        for entity in anchor(text, Analysis(None, tuple(EntityText("x", item) for item in items)), **options).entities
    ]


@st.composite
def spans(draw, text):
    start = draw(st.integers(0, len(text) - 1))
    end = draw(st.integers(start + 1, len(text)))
    piece = text[start:end]
    if not piece.strip():
        return draw(spans(text))
    return start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())


@st.composite
def annotated(draw):
    text = draw(REPEATING)
    return text, draw(
        st.lists(st.tuples(spans(text), st.sampled_from("xy")).map(lambda item: (*item[0], item[1])), max_size=5)
    )


def best_chain(text, items):
    """The most entities in order, then the most plausible ones, then the leftmost, of all possible choices."""
    analysis = Analysis(None, tuple(items))
    searched = SearchedText(text, analysis, None, None)
    best = (0, 0, 0)
    for chosen in product(*([None, *searched.places(item.text)] for item in items)):
        chain = [(offsets, item.label) for offsets, item in zip(chosen, items) if offsets is not None]
        keys = [order_of_entity(*one) for one in chain]
        if all(one < other for one, other in pairwise(keys)):
            best = max(best, score_of(searched, [offsets for offsets, _ in chain]))
    return best


def score_of(searched, chain):
    costs = [
        0 if end <= start else CROSSING if before < start else NESTED for (before, end), (start, _) in pairwise(chain)
    ]
    return len(chain), sum(map(searched.word_ends, chain)) - sum(costs), -sum(start for start, _ in chain)


# By hand


def test_repeated_strings_are_found_in_order():
    text = "Ada met Bo. Ada left Bo."
    assert found(text, "Ada", "Bo", "Ada", "Bo") == [(0, 3), (8, 10), (12, 15), (21, 23)]
    assert found(text, "Bo", "Ada") == [(8, 10), (12, 15)]
    assert found(text, "Ada", "Bo", "Bo") == [(0, 3), (8, 10), (21, 23)]


def test_inner_entities_are_written_first():
    text = "青葉市役所は青葉市にある。"
    assert found(text, "青葉市", "青葉市役所") == [(0, 3), (0, 5)]
    assert found(text, "青葉市役所", "青葉市") == [(0, 5), (6, 9)]
    assert found(text, "青葉市", "青葉市役所", "青葉市") == [(0, 3), (0, 5), (6, 9)]
    analysis, ordered = entities(text, [(0, 5, "x"), (0, 3, "x"), (3, 5, "x")])
    assert [item.text for item in analysis.items] == ["青葉市", "役所", "青葉市役所"]
    assert found(text, *(item.text for item in analysis.items)) == [span[:2] for span in ordered]


def test_words_are_preferred_to_parts_of_words():
    assert found("Sharpening the harp.", "harp") == [(15, 19)]
    assert found("in Indiana in May", "in") == [(0, 2)]
    assert found("未解決の決定", "決定") == [(4, 6)]
    assert found("二一二号室の二号", "二号") == [(6, 8)]
    assert found("abab", "ab", boundaries={2, 4}) == [(2, 4)]


def test_a_word_that_stands_alone_is_not_found_in_another():
    """Whatever the order."""
    text, tokens = "東京都庁は京都にある。", {0, 4, 5, 7, 8, 10, 11}
    for items in (["京都", "東京都庁"], ["東京都庁", "京都"]):
        assert sorted(found(text, *items, boundaries=tokens)) == [(0, 4), (5, 7)]
        assert sorted(found("Anna saw Ann", *(["Ann", "Anna"] if items[0] == "京都" else ["Anna", "Ann"]))) == [
            (0, 4),
            (9, 12),
        ]
    assert found(text, "京都", "東京都庁") == [(1, 3), (0, 4)]  # it may be one, if nothing is known of words
    # A model that repeats itself has not seen it inside of a word.
    assert found("Lima near Limassol", "Lima", "Lima") == [(0, 4)]
    assert found("Lima is Lima", "Lima", "Lima", boundaries={4, 5, 7, 8}) == [(0, 4), (8, 12)]
    assert found("東京都庁", "京都", boundaries={0, 4}) == [(1, 3)]  # the only place
    links = Analysis(None, (RelationText("Ann", "meets", "Anna"),))
    assert anchor("Anna saw Ann", links).relations[0].string_offsets == ((9, 12), (0, 4))


def test_separate_entities_are_preferred_to_overlapping_ones():
    assert found("aba ba", "ab", "ba") == [(0, 2), (4, 6)]
    assert found("aba", "ab", "ba") == [(0, 2), (1, 3)]  # where nothing else is possible


def test_two_labels_of_one_span():
    anchored = anchor("Ada left.", Analysis(None, (EntityText("x", "Ada"), EntityText("y", "Ada"))))
    assert [(entity.start, entity.label) for entity in anchored.entities] == [(0, "x"), (0, "y")]
    anchored = anchor("Ada saw Ada.", Analysis(None, (EntityText("x", "Ada"), EntityText("y", "Ada"))))
    assert [(entity.start, entity.label) for entity in anchored.entities] == [(0, "x"), (8, "y")]


def test_entities_out_of_order_are_found():
    anchored = anchor(
        "Ada met Bo and Cy.", Analysis("a", (EntityText("x", "Cy"), EntityText("x", "Ada"), EntityText("x", "Bo")))
    )
    assert [(entity.start, entity.item) for entity in anchored.entities] == [(15, 0), (0, 1), (8, 2)]
    assert anchored.label == "a" and not anchored.dropped
    assert not any(entity.ambiguous for entity in anchored.entities)


def test_strings_that_are_not_found_are_reported():
    anchored = anchor(
        "Ada met Bo.", Analysis(None, tuple(EntityText("x", text) for text in ("Ada", "Eve", "Ada", "bo")))
    )
    assert [entity.item for entity in anchored.entities] == [0]
    assert anchored.dropped == ((1, NOT_IN_TEXT), (2, TOO_OFTEN), (3, NOT_IN_TEXT))
    assert anchor("", Analysis(None, (EntityText("x", "Ada"),))).dropped == ((0, NOT_IN_TEXT),)
    assert anchor("Ada", Analysis(None, None)).entities == ()


def test_ambiguity_is_reported():
    def ambiguous(text, *items):
        return [
            entity.ambiguous
            for entity in anchor(text, Analysis(None, tuple(EntityText("x", item) for item in items))).entities
        ]

    assert ambiguous("Ada met Bo. Ada left.", "Ada", "Bo") == [False, False]  # the later Ada is after Bo
    assert ambiguous("Ada met Bo. Ada left.", "Bo", "Ada") == [False, False]
    assert ambiguous("Ada met Ada.", "Ada") == [True]
    assert ambiguous("Ada met Ada.", "Ada", "Ada") == [False, False]
    assert ambiguous("Ada Bo Ada Bo", "Ada", "Bo") == [True, True]
    assert ambiguous("Ada Bo Ada Bo", "Bo", "Ada") == [False, False]


def test_links():
    text = "Ada of Lakeside met Bo of Lakeside."
    analysis = Analysis(
        None,
        (
            RelationText("Ada", "from", "Lakeside"),
            RelationText("Bo", "met", "Ada"),
            RelationText("Eve", "from", "Lakeside"),
        ),
    )
    anchored = anchor(text, analysis)
    assert [(relation.head, relation.tail, relation.label) for relation in anchored.relations] == [
        ((0, 3), (7, 15), "from"),
        ((20, 22), (0, 3), "met"),
    ]
    assert [relation.ambiguous for relation in anchored.relations] == [True, False]
    assert anchored.dropped == ((2, NOT_IN_TEXT),)
    # The relation follows one whose later argument is Bo, so this Lakeside is after Bo.
    later = anchor(text, Analysis(None, (RelationText("Bo", "met", "Ada"), RelationText("Ada", "from", "Lakeside"))))
    assert later.relations[1].tail == (26, 34)


def test_links_share_places_and_relate_no_place_to_itself():
    text = "Ada met Bo. Later Ada met Ada."
    (relation,) = anchor(text, Analysis(None, (RelationText("Ada", "met", "Ada"),))).relations
    assert relation.head != relation.tail
    first, second = anchor(
        text, Analysis(None, (RelationText("Ada", "knew", "met"), RelationText("Ada", "met", "Bo")))
    ).relations
    assert first.head == second.head == (0, 3) and first.tail == (4, 7)
    (known,) = anchor(
        "Ada Bo Ada", Analysis(None, (EntityText("x", "Bo"), EntityText("x", "Ada"), RelationText("Ada", "r", "Bo")))
    ).relations
    assert known.head == (7, 10)  # where the entity is


# As a tokenizer changes the text


def lower(text):
    return text.lower(), list(range(len(text)))


def compatible(text):
    """NFKC without combining marks, as BERT's uncased tokenizers have it."""
    chars, offsets = [], []
    for offset, char in enumerate(text):
        for changed in unicodedata.normalize("NFKD", char):
            if not unicodedata.combining(changed):
                chars.append(changed)
                offsets.append(offset)
    return "".join(chars), [*offsets, len(text)]


def test_normalised_strings():
    assert found("ADA met Ada", "ada", "Ada", normalize=lower) == [(0, 3), (8, 11)]
    text = "Cafe\u0301 ㍿港 ﬁne Ａda"
    assert [text[start:end] for start, end in found(text, "Cafe", "株式会社港", "fi", "Ada", normalize=compatible)] == [
        "Cafe\u0301",
        "㍿港",
        "ﬁ",
        "Ａda",
    ]
    assert [text[start:end] for start, end in found(text, "会社", normalize=compatible)] == ["㍿"]
    assert found("a b", "b a", normalize=lower) == []
    without_joiners = "Ada\u200b left ｶﾞ。"
    kept = [i for i, char in enumerate(without_joiners) if char not in "\u200bﾞ"]

    def drop(text):
        return (
            ("".join(text[i] for i in kept).replace("ｶ", "ガ"), kept)
            if text == without_joiners
            else (text, list(range(len(text))))
        )

    assert [without_joiners[start:end] for start, end in found(without_joiners, "Ada", "ガ", normalize=drop)] == [
        "Ada",
        "ｶﾞ",
    ]


# By property


@SETTINGS
@given(annotated())
def test_what_was_written_is_found(case):
    text, gold = case
    analysis, ordered = entities(text, gold)
    anchored = anchor(text, analysis)
    assert not anchored.dropped
    aligned = [(entity.start, entity.end, entity.label) for entity in anchored.entities]
    assert [entity.item for entity in anchored.entities] == list(range(len(ordered)))
    assert len(set(aligned)) == len(aligned)
    assert aligned == sorted(aligned, key=lambda span: order_of_entity(span[:2], span[2]))
    for (start, end, label), item in zip(aligned, analysis.items):
        assert (text[start:end], label) == (item.text, item.label)
    for entity, span, true in zip(anchored.entities, aligned, ordered):
        assert entity.ambiguous or span == true
    assert all(entity.string_offsets == (span[:2],) for entity, span in zip(anchored.entities, aligned))


@SETTINGS
@given(st.text(st.sampled_from("ab青 "), min_size=1, max_size=12).filter(str.strip), st.data())
def test_what_was_written_at_tokens_is_found_at_tokens(text, data):
    gold = data.draw(st.lists(st.tuples(spans(text), st.sampled_from("xy")).map(lambda item: (*item[0], item[1]))))
    tokens = {0, len(text), *(offset for span in gold for offset in span[:2])}
    tokens |= data.draw(st.sets(st.integers(0, len(text)), max_size=4))
    analysis, ordered = entities(text, gold)
    anchored = anchor(text, analysis, boundaries=tokens)
    aligned = [(entity.start, entity.end, entity.label) for entity in anchored.entities]
    assert not anchored.dropped and tokens.issuperset(offset for span in aligned for offset in span[:2])
    assert aligned == sorted(set(aligned), key=lambda span: order_of_entity(span[:2], span[2]))
    assert all(entity.ambiguous or span == true for entity, span, true in zip(anchored.entities, aligned, ordered))


def occurrences(text, string):
    return [(start, start + len(string)) for start in range(len(text)) if text.startswith(string, start)]


def in_order(chosen):
    keys = [order_of_entity(span, label) for span, label in chosen]
    return all(before < after for before, after in pairwise(keys))


@SETTINGS
@given(annotated(), st.data())
def test_most_entities_are_aligned_and_ambiguity_is_exact(case, data):
    text, gold = case
    analysis, _ = entities(text, gold)
    items = data.draw(st.permutations(analysis.items))[:4]
    anchored = anchor(text, Analysis(None, tuple(items)))
    # All alignments in order
    ways = []
    for choice in product(*([None, *occurrences(text, item.text)] for item in items)):
        if in_order([(span, item.label) for span, item in zip(choice, items) if span is not None]):
            ways.append(choice)
    most = max(sum(span is not None for span in way) for way in ways)
    aligned = {entity.item: (entity.start, entity.end) for entity in anchored.entities}
    if most == len(items):
        assert tuple(aligned[i] for i in range(len(items))) in ways
        for entity in anchored.entities:
            possible = {way[entity.item] for way in ways if None not in way}
            assert entity.ambiguous == (len(possible) > 1)
    assert len(aligned) >= most
    for number, reason in anchored.dropped:
        assert reason == TOO_OFTEN and occurrences(text, items[number].text)
    assert len(aligned) + len(anchored.dropped) == len(items)
    assert len({(*span, items[i].label) for i, span in aligned.items()}) == len(aligned)


@SETTINGS
@given(st.data(), REPEATING)
def test_links_that_were_written_are_found(data, text):
    drawn = data.draw(st.lists(st.tuples(spans(text), spans(text), st.sampled_from("rs")), max_size=4))
    ordered = sorted(set(drawn), key=lambda relation: order_of_relation(*relation))
    analysis = Analysis(
        None, tuple(RelationText(text[slice(*head)], label, text[slice(*tail)]) for head, tail, label in ordered)
    )
    anchored = anchor(text, analysis)
    assert not anchored.dropped and [relation.item for relation in anchored.relations] == list(range(len(ordered)))
    for relation, item, (head, tail, label) in zip(anchored.relations, analysis.items, ordered):
        assert (text[slice(*relation.head)], relation.label, text[slice(*relation.tail)]) == item
        assert relation.ambiguous or (relation.head, relation.tail, relation.label) == (head, tail, label)
        assert relation.string_offsets == (relation.head, relation.tail)


@pytest.mark.parametrize("kind", [lambda text: EntityText("x", text), lambda text: RelationText(text, "r", text)])
def test_a_long_text_of_one_word_takes_no_time(kind):
    start = time.process_time()
    anchored = anchor("ab " * 2000, Analysis(None, tuple(map(kind, ["ab", "a"] * 10))))
    assert len(anchored.entities) + len(anchored.relations) == 20
    assert time.process_time() - start < 10


@SETTINGS
@given(st.data())
def test_the_best_of_all_alignments_is_found(data):
    text = data.draw(REPEATING)
    names = data.draw(st.lists(spans(text), min_size=1, max_size=3))
    items = data.draw(
        st.lists(
            st.builds(
                lambda span, label: EntityText(label, text[slice(*span)]), st.sampled_from(names), st.sampled_from("xy")
            ),
            max_size=5,
        )
    )
    searched = SearchedText(text, Analysis(None, tuple(items)), None, None)
    entities = list(enumerate(items))
    aligned = align(find_places(searched, entities), entities)
    chain = [aligned[item] for item in sorted(aligned)]
    keys = [order_of_entity(aligned[item], items[item].label) for item in sorted(aligned)]
    assert all(one < other for one, other in pairwise(keys))
    assert score_of(searched, chain) == best_chain(text, items)


@pytest.mark.parametrize("labels", ["x", "xy"])
def test_a_name_that_is_repeated_often_takes_no_long_time(labels):
    items = [EntityText(label, "Ida") for _ in range(500 // len(labels)) for label in labels]
    start = time.process_time()
    anchored = anchor("Ida, " * 500, Analysis(None, tuple(items)))
    assert time.process_time() - start < 10  # cubic, it takes a minute
    assert len(anchored.entities) == 500
