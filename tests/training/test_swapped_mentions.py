import random
from collections import Counter

import pytest
import spacy
from hypothesis import assume, given
from hypothesis import strategies as st
from spacy.tokens import Doc, Span, SpanGroup

from spacy_mre import make_relation, save_docs
from spacy_mre.annotations.entities import get_entities, set_entities
from spacy_mre.annotations.storage import load_docs
from spacy_mre.training.corpus import Corpus, make_corpus
from spacy_mre.training.swapped_mentions import Mention, collect_mentions, find_innermost, swap_mentions

NLP = spacy.blank("en")
LABELS = ("person", "place", "body")


def make_doc(text, *entities, **settings):
    """Words and entities: start, end and label."""
    doc = Doc(NLP.vocab, words=text.split(), **settings)
    set_entities(doc, [(*entity, 1.0) for entity in entities])
    return doc


def one(text):
    """The mention of these words."""
    words = tuple(text.split())
    return Mention(words, (True,) * (len(words) - 1))


def texts_of(doc, spans):
    return [doc[span.start : span.end].text for span in spans]


@pytest.fixture
def museum():
    """Nested entities, equal names, and relations."""
    text = "Ida Berg runs the Lima Museum in Lima . Ida Berg sings ."
    entities = [(0, 2, "person"), (4, 6, "body"), (4, 5, "place"), (7, 8, "place"), (9, 11, "person")]
    doc = make_doc(text, *entities, sent_starts=[i in (0, 9) for i in range(13)])
    doc._.relations = [
        make_relation((0, 2), (4, 6), "leads", head_label="person", tail_label="body"),
        make_relation((4, 6), (7, 8), "located_in", head_label="body", tail_label="place"),
    ]
    doc.cats = {"culture": 1.0, "sport": 0.0}
    doc.user_data.update({"id": "7", "group": "news", "meta": {"source": "x"}})
    return doc


def test_a_copy_has_entities_and_relations(museum):
    mentions = {"person": [one("Tom")], "place": [one("New York")]}
    copied = swap_mentions(museum, mentions, 1.0)
    assert copied.text == "Tom runs the New York Museum in New York . Tom sings . "
    assert [(span.text, span.label_) for span in copied.spans["entities"]] == [
        ("Tom", "person"),
        ("New York Museum", "body"),
        ("New York", "place"),
        ("New York", "place"),
        ("Tom", "person"),
    ]
    assert [(ent.text, ent.label_) for ent in copied.ents] == [
        ("Tom", "person"),
        ("New York Museum", "body"),
        ("New York", "place"),
        ("Tom", "person"),
    ]
    assert [(t.head.text, t.label, t.tail.text) for t in copied._.triples] == [
        ("Tom", "leads", "New York Museum"),
        ("New York Museum", "located_in", "New York"),
    ]
    assert [relation["head_label"] for relation in copied._.relations] == ["person", "body"]
    assert [sent.text for sent in copied.sents] == ["Tom runs the New York Museum in New York .", "Tom sings ."]
    assert museum.cats and not copied.cats  # names tell what a text is about
    assert [copied.user_data[name] for name in ("id", "group", "meta")] == ["7", "news", {"source": "x"}]


def test_the_document_stays_as_it_is(museum):
    before = museum.text, get_entities(museum), list(museum._.relations)
    swap_mentions(museum, {"person": [one("Tom")]}, 1.0)
    assert (museum.text, get_entities(museum), list(museum._.relations)) == before


def test_only_the_mentions_of_known_labels(museum):
    copied = swap_mentions(museum, {"place": [one("Oslo")]}, 1.0)
    assert copied.text == "Ida Berg runs the Oslo Museum in Oslo . Ida Berg sings . "


@pytest.mark.parametrize(
    "mentions, probability", [({}, 1.0), ({"place": [one("Oslo")]}, 0.0), ({"place": [one("Lima")]}, 1.0)]
)
def test_nothing_to_replace(museum, mentions, probability):
    assert swap_mentions(museum, mentions, probability) is None


def test_no_entities():
    assert swap_mentions(NLP("It rained."), {"place": [one("Oslo")]}, 1.0) is None


def test_sentences_of_a_hook_are_those_of_the_copy():
    doc = make_doc("Ida sings Tom reads", (0, 1, "person"))
    doc.user_hooks["sents"] = lambda doc: (doc[0:2], doc[2:4])
    copied = swap_mentions(doc, {"person": [one("Ida Berg")]}, 1.0)
    assert [sent.text for sent in copied.sents] == ["Ida Berg sings", "Tom reads"]


def test_words_without_blanks_between_them():
    doc = Doc(NLP.vocab, words=["青葉", "市", "に", "住む"], spaces=[False] * 4)
    set_entities(doc, [(0, 2, "place", 1.0)])
    copied = swap_mentions(doc, {"place": [Mention(("東", "海", "村"), (False, False))]}, 1.0)
    assert copied.text == "東海村に住む"
    assert [ent.text for ent in copied.ents] == ["東海村"]


@pytest.mark.parametrize(
    "others, found",
    [
        ([], ["Old Lima"]),
        ([(0, 4, "body")], ["Old Lima"]),
        ([(3, 4, "place")], ["Lima"]),
        ([(1, 3, "body")], []),  # it ends inside of Old Lima, which begins inside of it
        ([(2, 4, "body")], []),  # of two labels
        ([(4, 5, "place")], ["Old Lima", "x"]),
    ],
)
def test_find_innermost(others, found):
    doc = make_doc("a b Old Lima x", (2, 4, "place"), *others)
    assert texts_of(doc, find_innermost(doc)) == found


def test_other_annotations_are_not_cut():
    def make():
        return make_doc("a b Old Lima x", (2, 4, "place"))

    doc = make()
    doc.spans["words"] = [Span(doc, 3, 5, "w")]
    assert not find_innermost(doc)
    doc = make()
    doc._.relations = [make_relation((3, 4), (0, 1), "r")]
    assert not find_innermost(doc)
    doc = make_doc("a b Old Lima x", (2, 4, "place"), sent_starts=[True, False, False, True, False])
    assert not find_innermost(doc)


def test_other_groups_and_their_attributes():
    doc = make_doc("Ida saw Lima", (2, 3, "place"))
    doc.spans["words"] = SpanGroup(doc, name="words", attrs={"scores": [0.5]}, spans=[Span(doc, 1, 3, "w")])
    copied = swap_mentions(doc, {"place": [one("New York")]}, 1.0)
    (word,) = copied.spans["words"]
    assert (word.text, word.label_) == ("saw New York", "w")
    assert copied.spans["words"].attrs == {"scores": [0.5]}


def test_ids_belong_to_words():
    doc = Doc(NLP.vocab, words=["Ida", "saw", "Lima"])
    doc.ents = [Span(doc, 0, 1, "person", kb_id="Q1", span_id="a"), Span(doc, 2, 3, "place", kb_id="Q2", span_id="b")]
    copied = swap_mentions(doc, {"place": [one("Oslo")]}, 1.0)
    assert [(ent.text, ent.kb_id_, ent.id_) for ent in copied.ents] == [("Ida", "Q1", "a"), ("Oslo", "", "")]


def test_unknown_and_excluded_tokens_stay_so():
    """What is not annotated is not without entities."""
    doc = Doc(NLP.vocab, words=["Ida", "saw", "Old", "Lima", "today"])
    doc.set_ents([Span(doc, 2, 4, "place")], missing=[doc[0:1]], blocked=[doc[4:5]])
    copied = swap_mentions(doc, {"place": [one("Oslo")]}, 1.0)
    assert [token.text for token in copied] == ["Ida", "saw", "Oslo", "today"]
    assert [token.ent_iob_ for token in copied] == ["", "O", "B", "B"]
    assert [token.ent_type_ for token in copied] == ["", "", "place", ""]


def test_what_is_known_in_part_is_not_replaced():
    doc = Doc(NLP.vocab, words=["in", "Old", "Lima"])
    doc.spans["entities"] = [Span(doc, 1, 3, "place")]
    doc.set_ents([], missing=[doc[1:2]])
    assert not find_innermost(doc)
    doc.set_ents([], missing=[doc[1:3]])
    copied = swap_mentions(doc, {"place": [one("New York City")]}, 1.0)
    assert [token.ent_iob_ for token in copied] == ["O", "", "", ""]


def test_absent_is_not_empty():
    doc = Doc(NLP.vocab, words=["Ida", "sang"])
    doc.spans["entities"] = [Span(doc, 0, 1, "person")]
    copied = swap_mentions(doc, {"person": [one("Tom Berg")]}, 1.0)
    assert not copied.has_annotation("ENT_IOB")
    assert not copied.has_annotation("SENT_START")
    assert copied._.relations is None
    doc._.relations = []
    assert swap_mentions(doc, {"person": [one("Tom")]}, 1.0)._.relations == []


def test_words_of_one_task_do_not_get_into_another():
    doc = Doc(NLP.vocab, words=["a", "quiet", "street"])
    set_entities(doc, [(1, 2, "positive", 1.0)], key="SCPOS:Adj")
    assert doc.ents and not find_innermost(doc)
    assert find_innermost(doc, "SCPOS:Adj")


def test_white_space_is_no_name():
    doc = Doc(NLP.vocab, words=["in", "\n", "Lima"], spaces=[True, False, False])
    doc.spans["entities"] = [Span(doc, 1, 2, "place"), Span(doc, 2, 3, "place")]
    assert texts_of(doc, find_innermost(doc)) == ["Lima"]


def test_collect_mentions(museum):
    other = make_doc("Old Lima", (0, 2, "place"), (1, 2, "place"))
    assert collect_mentions([museum, other]) == {"person": [one("Ida Berg")], "place": [one("Lima")]}


def test_the_probability_is_that_of_a_mention():
    random.seed(0)
    mentions = {"place": [one("Oslo")]}
    doc = make_doc(" ".join(f"place{i}" for i in range(2000)), *((i, i + 1, "place") for i in range(2000)))
    copied = swap_mentions(doc, mentions, 0.7)
    assert 0.67 < sum(token.text == "Oslo" for token in copied) / 2000 < 0.73


@st.composite
def documents(draw):
    """Up to ten words with any entities, of which each two are disjoint, nested, or overlap in part."""
    size = draw(st.integers(1, 10))
    words = draw(st.lists(st.sampled_from("abc"), min_size=size, max_size=size))
    spaces = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    doc = Doc(NLP.vocab, words=words, spaces=spaces)
    places = st.tuples(st.integers(0, size - 1), st.integers(1, size)).filter(lambda place: place[0] < place[1])
    entities = draw(st.lists(st.tuples(places, st.sampled_from(LABELS)), max_size=6))
    set_entities(doc, [(start, end, label, 1.0) for (start, end), label in entities])
    offsets = [entity.offsets for entity in get_entities(doc)]
    if offsets:
        pairs = draw(st.lists(st.tuples(st.sampled_from(offsets), st.sampled_from(offsets)), max_size=3))
        doc._.relations = [make_relation(head, tail, "r") for head, tail in pairs]
    return doc


@given(st.data(), st.integers(0, 2**32))
def test_everything_else_stays(data, seed):
    """The words around replaced mentions, the labels and order of entities, and what relations join."""
    doc = data.draw(documents())
    random.seed(seed)
    mentions = {"person": [one("X"), one("Y Z")], "place": [one("P Q R")], "body": [one("B")]}
    copied = swap_mentions(doc, mentions, 0.8)
    assume(copied is not None)
    innermost = find_innermost(doc)
    old, new = get_entities(doc), get_entities(copied)
    assert [entity.label for entity in new] == [entity.label for entity in old]
    moved = dict(zip(old, new))
    chosen = {}
    for entity in innermost:
        before, after = (texts_of(*pair)[0] for pair in ((doc, [entity]), (copied, [moved[entity]])))
        assert chosen.setdefault((entity.label, before), after) == after
    # With the old words back in their places, the text is the old one.
    words = [token.text_with_ws for token in copied]
    for entity in reversed(innermost):
        words[moved[entity].start : moved[entity].end] = [
            token.text_with_ws for token in doc[entity.start : entity.end]
        ]
    assert "".join(words) == doc.text_with_ws
    for before, after in zip(old, new):
        for other_before, other_after in zip(old, new):
            assert _relative(before, other_before) == _relative(after, other_after)
    by_offsets = {entity.offsets: place for place, entity in enumerate(old)}
    new_by_offsets = {entity.offsets: place for place, entity in enumerate(new)}
    ends = [
        [(places[tuple(r["head"])], places[tuple(r["tail"])]) for r in annotated._.relations or ()]
        for annotated, places in ((doc, by_offsets), (copied, new_by_offsets))
    ]
    assert Counter(ends[0]) == Counter(ends[1])


def _relative(one, other):
    """How two spans lie to each other."""

    def sign(number):
        return (number > 0) - (number < 0)

    return [sign(a - b) for a in one.offsets for b in other.offsets]


# Of the reader


@pytest.fixture
def path(tmp_path):
    docs = [
        make_doc("Ida lives in Lima", (0, 1, "person"), (3, 4, "place")),
        make_doc("Tom lives in Oslo", (0, 1, "person"), (3, 4, "place")),
        make_doc("it rained"),
    ]
    save_docs(docs, tmp_path / "train.spacy")
    return tmp_path / "train.spacy"


def test_copies_follow_their_documents(path):
    random.seed(1)
    texts = [eg.text.strip() for eg in Corpus(path, swap_mentions=1.0)(NLP)]
    assert [text for text in texts if text == "it rained"] == ["it rained"]
    originals = ["Ida lives in Lima", "Tom lives in Oslo"]
    assert [text for text in texts if text in originals] == originals
    copies = [text for text in texts if text not in (*originals, "it rained")]
    assert copies
    assert set(copies) <= {f"{who} lives in {where}" for who in ("Ida", "Tom") for where in ("Lima", "Oslo")}


def test_by_default_there_are_none(path):
    assert len(list(Corpus(path)(NLP))) == len(list(make_corpus(path)(NLP))) == 3


def test_mentions_of_texts_beyond_the_limit_are_not_used(path):
    assert {eg.text.strip() for eg in Corpus(path, swap_mentions=1.0, limit=1)(NLP)} == {"Ida lives in Lima"}


def test_copies_have_the_tokens_that_are_asked_for(tmp_path):
    save_docs(
        [make_doc(f"I {name} can't", (1, 2, "person")) for name in ("da-x", "do-y", "du-z")], tmp_path / "a.spacy"
    )
    random.seed(0)
    gold = list(Corpus(tmp_path / "a.spacy", swap_mentions=1.0)(NLP))
    assert len(gold) > 3
    assert all(len(eg.predicted) == len(eg.reference) == 3 for eg in gold)
    own = list(Corpus(tmp_path / "a.spacy", swap_mentions=1.0, tokens="tokenizer")(NLP))
    assert all([token.text for token in eg.predicted][-2:] == ["ca", "n't"] for eg in own)


def test_copies_are_not_too_long(tmp_path):
    long = make_doc("A B C", (0, 3, "place"), sent_starts=[True, False, False])
    short = make_doc("Ida sang", (0, 1, "place"), sent_starts=[True, False])
    save_docs([long, *[short] * 9], tmp_path / "a.spacy")
    random.seed(0)
    lengths = [len(eg.reference) for eg in Corpus(tmp_path / "a.spacy", swap_mentions=1.0)(NLP)]
    assert max(lengths) == 4
    lengths = [len(eg.reference) for eg in Corpus(tmp_path / "a.spacy", swap_mentions=1.0, max_length=3)(NLP)]
    assert max(lengths) == 3 and len(lengths) > 10


def test_a_corpus_without_entities_is_read_once_for_mentions(file_reads, tmp_path):
    save_docs([make_doc("it rained")] * 3, tmp_path / "a.spacy")
    corpus = Corpus(tmp_path / "a.spacy", swap_mentions=0.7)
    for _ in range(3):
        list(corpus(NLP))
    assert file_reads[0] == 4


@pytest.fixture
def file_reads(monkeypatch):
    """How often a file is read."""
    counts = [0]

    def load(*args):
        counts[0] += 1
        return load_docs(*args)

    monkeypatch.setattr("spacy_mre.training.corpus.load_docs", load)
    return counts


def test_a_seed_gives_the_same_copies(path):
    def read():
        random.seed(3)
        return [eg.text for eg in Corpus(path, swap_mentions=0.7)(NLP)]

    assert read() == read()


def test_a_probability_is_checked(path):
    for make in (make_corpus, Corpus):
        with pytest.raises(ValueError, match="M002"):
            make(path, swap_mentions=1.5)
