"""What nobody would feed a pipeline on purpose. Every case has a result or a numbered error, and what is lost is
counted."""

import time

import numpy
import pytest
import spacy
from spacy.tokens import Doc
from spacy.training import Example

from spacy_mre.annotations.entities import get_entities, set_entities
from spacy_mre.annotations.relations import get_relations, make_relation, set_relations
from tests.pipeline.generative import test_component as generative
from tests.pipeline.multi_ner import pipelines as multi_ner

EMPTY = ("", [], [], {"people": 1.0, "travel": 0.0})
ODD_TEXTS = {
    "empty": "",
    "white space": " \n\t  \n",
    "one token": "Ida",
    "one blank": " ",
    "emoji": "👩‍👩‍👧‍👦 Ida 🏴󠁧󠁢󠁳󠁣󠁴󠁿 lives in Lima 🎉🎉",
    "half-width kana and full-width letters": "ﾄｳｷｮｳ Ｉｄａ ﾊﾟﾘ",
    "control characters": "Ida\x00lives\u200b in\ufeff Lima\u202e.",
    "combining marks": "I\u0301d\u0308a in Li\u0302ma",
    "one long token": "x" * 5000,
    "blank lines": "Ida\n\n\nlives  in \t Lima .\n\n",
}


@pytest.fixture(scope="module")
def eager(make_nlp, settings_of, make_examples, fit):
    """A little trained, and so eager that it takes every span for an entity and every pair for a relation."""
    spacy.util.fix_random_seed(0)
    nlp = make_nlp("spert_mt", entity_threshold=0.0, relation_threshold=0.0, overlap="any", model={"max_width": 4})
    nlp.add_pipe("mre_textcat", config=settings_of("mre_textcat"))
    fit(nlp, make_examples(nlp), 5)
    return nlp


def ja():
    return spacy.blank("ja", config={"nlp": {"tokenizer": {"@tokenizers": "spacy_mre.JapaneseTokenizer.v1"}}})


def lost_of(caught):
    (warning,) = [str(warning.message) for warning in caught if "W801" in str(warning.message)]
    return warning


# Texts


@pytest.mark.filterwarnings("ignore:.*W811")
@pytest.mark.parametrize("name", ODD_TEXTS)
def test_odd_texts_in_english(name, eager):
    doc = eager(ODD_TEXTS[name])
    assert doc.text == ODD_TEXTS[name]
    entities = get_entities(doc)
    places = {(span.start, span.end) for span in entities}
    assert len(entities) == len(places)
    assert all(doc[span.start : span.end].text.strip() == doc[span.start : span.end].text for span in entities)
    assert all({tuple(relation["head"]), tuple(relation["tail"])} <= places for relation in get_relations(doc))
    assert set(doc.cats) == {"people", "travel"}
    assert sum(doc.cats.values()) == pytest.approx(1.0 if len(doc) else 0.0)


@pytest.mark.filterwarnings("ignore:.*W811")
def test_a_batch_of_odd_texts(eager, written):
    texts = [*ODD_TEXTS.values(), ""]
    together = list(eager.pipe(texts))
    assert [doc.text for doc in together] == texts
    for doc, text in zip(together, texts):
        alone = eager(text)
        assert get_entities(doc) == [
            (*tuple(span[:3]), pytest.approx(span.score, abs=1e-05)) for span in get_entities(alone)
        ]
        assert doc.cats == pytest.approx(alone.cats, abs=1e-5)


def test_empty_texts_have_empty_annotations(eager):
    for docs in (list(eager.pipe(["", ""])), list(eager.pipe(["", "Ida lives in Lima ."]))[:1]):
        for doc in docs:
            assert (
                list(doc.spans["entities"]) == []
                and get_relations(doc) == []
                and doc.cats == {"people": 0.0, "travel": 0.0}
            )
    assert list(eager.pipe([])) == []


@pytest.mark.parametrize("factory", ["spert_mt", "mre_textcat"])
def test_updates_with_empty_texts(factory, make_nlp, make_examples):
    nlp = make_nlp(factory)
    examples = make_examples(nlp)
    empty = make_examples(nlp, [EMPTY, EMPTY])
    nlp.initialize(lambda: [*empty, *examples])
    assert nlp.update(empty)[factory] == 0.0
    assert nlp.update([*empty, *examples])[factory] > 0.0
    assert nlp.update([]) == {}
    (blank,) = [Example(nlp.make_doc(" \n "), Doc(nlp.vocab, words=[" \n "], spaces=[False]))]
    set_entities(blank.reference, [])
    set_relations(blank.reference, [])
    assert numpy.isfinite(nlp.update([blank])[factory])


def test_twenty_thousand_tokens(make_nlp, make_examples, settings_of, fit):
    nlp = make_nlp("spert_mt")
    nlp.add_pipe("mre_textcat", config=settings_of("mre_textcat"))
    fit(nlp, make_examples(nlp), 60)
    pipe = nlp.get_pipe("spert_mt")
    words = ["Ida", "lives", "and", "works", "in", "Lima", ".", "Tom", "lives", "in", "Oslo", "."] * 1700
    start = time.process_time()
    pipe.scope, pipe.max_distance, pipe.relation_threshold = "document", 0, 1.0
    with pytest.warns(UserWarning, match=r"W811.*pairs beyond the budget"):
        doc = nlp(Doc(nlp.vocab, words=words))
    assert len(doc) > 20000 and len(doc.ents) == 6800 and get_relations(doc) == []
    assert pipe.left_out["pairs beyond the budget"] == 6800 * 6799 - 20 * len(words)
    pipe.max_distance, pipe.relation_threshold = "learned", 0.5
    with pytest.warns(UserWarning, match=r"W811.*pairs beyond the distance"):
        doc = nlp(Doc(nlp.vocab, words=words))
    triples = {(head.text, label, tail.text) for head, label, tail, _ in doc._.triples}
    assert {("Ida", "lives_in", "Lima"), ("Ida", "works_in", "Lima"), ("Tom", "lives_in", "Oslo")} <= triples
    reference = Doc(nlp.vocab, words=words)
    set_entities(reference, get_entities(doc)[:500])
    set_relations(reference, [])
    assert nlp.update([Example(Doc(nlp.vocab, words=words), reference)])["spert_mt"] > 0
    assert time.process_time() - start < 60  # a few seconds on an idle core


@pytest.mark.parametrize("overlap", ["flat", "nested"])
def test_twenty_thousand_tokens_that_all_are_entities(overlap, make_nlp, make_examples):
    nlp = make_nlp("spert_mt", entity_threshold=0.0, overlap=overlap, model={"max_width": 5})
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    start = time.process_time()
    with pytest.warns(UserWarning, match="W811"):
        doc = nlp(Doc(nlp.vocab, words=["Ida", "lives", "in", "Lima"] * 5000))
    assert len(doc.spans["entities"]) >= 4000
    assert time.process_time() - start < 60  # a second on an idle core; minutes, if each repetition cost a round


# Japanese


def test_a_text_beyond_the_limit_of_sudachi(settings_of, make_doc, fit):
    nlp = ja()
    nlp.add_pipe("spert_mt", config=settings_of("spert_mt"))
    gold = nlp.make_doc("葵は京都に住む。")
    assert [token.text for token in gold] == ["葵", "は", "京都", "に", "住む", "。"]
    set_entities(gold, [(0, 1, "person", 1.0), (2, 3, "place", 1.0)])
    set_relations(gold, [make_relation((0, 1), (2, 3), "lives_in", head_label="person", tail_label="place")])
    fit(nlp, [Example(nlp.make_doc(gold.text), gold)], 40)
    text = gold.text * 2500
    assert len(text.encode("utf8")) > 49149
    nlp.get_pipe("spert_mt").scope, nlp.get_pipe("spert_mt").max_distance = "document", 3
    with pytest.warns(UserWarning, match=r"W811.*pairs beyond the distance"):
        doc = nlp(text)
    assert doc.text == text and len(doc) == 2500 * 6
    assert len(doc.ents) == 5000 and {ent.text for ent in doc.ents} == {"葵", "京都"}
    assert sum(head.text == "葵" and tail.text == "京都" for head, _, tail, _ in doc._.triples) >= 2500


@pytest.mark.filterwarnings("ignore:.*W811")
def test_odd_texts_in_japanese(settings_of, fit, make_examples):
    nlp = ja()
    nlp.add_pipe("spert_mt", config=settings_of("spert_mt", entity_threshold=0.0))
    gold = nlp.make_doc("葵は京都に住む。")
    set_entities(gold, [(0, 1, "person", 1.0), (2, 3, "place", 1.0)])
    nlp.initialize(lambda: [Example(nlp.make_doc(gold.text), gold)])
    for text in ("", " ", "🎉", "ﾄｳｷｮｳ ﾊ ﾊﾟﾘ", "ｶﾞｷﾞ👩‍👩‍👧‍👦ｺﾞ", "㍿と株式会社", "か\u3099き\u3099", "\n\n葵  は　京都\n"):
        doc = nlp(text)
        assert doc.text == text
        assert all(not span.text[0].isspace() and not span.text[-1].isspace() for span in doc.spans["entities"])


def test_an_entity_inside_a_token_is_counted_with_its_relations(settings_of):
    nlp = ja()
    pipe = nlp.add_pipe("spert_mt", config=settings_of("spert_mt"))
    text = "独伊と葵"
    predicted = nlp.make_doc(text)
    assert [token.text for token in predicted] == ["独伊", "と", "葵"]
    gold = Doc(nlp.vocab, words=["独", "伊", "と", "葵"], spaces=[False] * 4)
    set_entities(gold, [(0, 1, "country", 1.0), (1, 2, "country", 1.0), (3, 4, "person", 1.0)])
    set_relations(gold, [make_relation((3, 4), (0, 1), "from"), make_relation((0, 1), (1, 2), "near")])
    other = Doc(nlp.vocab, words=["葵", "と", "伊"], spaces=[False] * 3)
    set_entities(other, [(0, 1, "person", 1.0), (2, 3, "country", 1.0)])
    set_relations(other, [make_relation((0, 1), (2, 3), "from", head_label="person", tail_label="country")])
    examples = [Example(predicted, gold), Example(other.copy(), other)]
    with pytest.warns(UserWarning, match="W801") as caught:
        nlp.initialize(lambda: examples)
    lost = lost_of(caught)
    assert "all of the 5 mentions" in lost
    assert "2 x entity off the token grid (as 独)" in lost
    assert "2 x relation with an argument off the token grid (as 葵 -> 独)" in lost
    assert pipe.relation_labels == ("from",)  # no example of "near" is left
    encoded = pipe.model.get_ref("encoder").predict([predicted])
    targets = pipe.get_targets(examples[:1], encoded)
    assert dict(targets.lost.counts) == {
        "entity off the token grid": 2,
        "relation with an argument off the token grid": 2,
    }
    assert numpy.isfinite(nlp.update(examples)["spert_mt"])


# Gold


def test_what_is_wider_than_the_limit_is_counted(make_nlp, make_examples):
    nlp = make_nlp("spert_mt", model={"max_width": 3})
    examples = make_examples(nlp)
    with pytest.warns(UserWarning, match="W801") as caught:
        nlp.initialize(lambda: examples)
    lost = lost_of(caught)
    assert "2 x entity wider than 3 tokens (as the port of Oslo)" in lost
    assert "2 x relation with an argument wider than 3 tokens (as the port of Oslo -> Oslo)" in lost
    pipe = nlp.get_pipe("spert_mt")
    encoded = pipe.model.get_ref("encoder").predict([eg.predicted for eg in examples])
    assert pipe.get_targets(examples, encoded).lost.counts["entity wider than 3 tokens"] == 2
    assert all(span.end - span.start <= 3 for span in get_entities(nlp("A ferry left the port of Oslo for Lima .")))


@pytest.mark.filterwarnings("ignore:.*W831")
@pytest.mark.parametrize(
    ("factory", "code"), [("spert_mt", "W801"), ("multi_ner", "W801"), ("slg", "W803"), ("oiellm", "W803")]
)
def test_an_entity_without_a_label_is_counted_and_no_type(factory, code, make_nlp, make_doc):
    """A span that a user or another component added to the group."""
    if factory == "spert_mt":
        nlp = make_nlp(factory)
    elif factory == "multi_ner":
        nlp = multi_ner.make_nlp()
    else:
        nlp = generative.make_nlp(factory)
    pipe = nlp.get_pipe(factory)
    text = "Ida saw Lima ."
    gold = make_doc(nlp, text, [(0, 1, "person"), (2, 3, "")], cats={"travel": 1.0, "people": 0.0})
    example = Example(make_doc(nlp, text), gold)
    with pytest.warns(UserWarning, match=rf"{code}.*1 x entity without a label \(as Lima\)"):
        nlp.initialize(lambda: [example])
        assert numpy.isfinite(nlp.update([example])[factory])
    assert "" not in pipe.labels and "person" in pipe.labels
    ((reason, count),) = pipe.left_out.items()
    assert reason.startswith("entity without a label") and count == 1
    assert pipe.add_labels_of([example]) == []


@pytest.mark.parametrize(("factory", "code"), [("spert_mt", "W801"), ("slg", "W803"), ("oiellm", "W803")])
def test_a_relation_without_a_label_is_counted_and_no_type(factory, code, make_nlp, make_doc):
    nlp = make_nlp(factory) if factory == "spert_mt" else generative.make_nlp(factory, tasks=["TCREE:RE"])
    pipe = nlp.get_pipe(factory)
    text = "Ida saw Lima ."
    entities, relations = [(0, 1, "person"), (2, 3, "place")], [(0, 1, "saw"), (1, 0, "")]
    example = Example(make_doc(nlp, text), make_doc(nlp, text, entities, relations))
    with pytest.warns(UserWarning, match=rf"{code}.*1 x relation without a label \(as Lima -> Ida\)"):
        nlp.initialize(lambda: [example])
        assert numpy.isfinite(nlp.update([example])[factory])
    assert "" not in pipe.labels and "saw" in pipe.labels
    ((reason, count),) = pipe.left_out.items()
    assert reason.startswith("relation without a label") and count == 1
    assert pipe.add_labels_of([example]) == []


def test_a_second_label_of_an_entity_is_counted(make_nlp, make_examples, fit):
    text = ("Ida lives in Lima .", [(0, 1, "person"), (0, 1, "artist"), (3, 4, "place")], [(0, 2, "lives_in")], {})
    nlp = make_nlp("spert_mt")
    examples = make_examples(nlp, [text])
    with pytest.warns(UserWarning, match=r"W801.*1 x second label of an entity .as Ida: person"):
        fit(nlp, examples, 40)
    assert len(get_entities(nlp("Ida lives in Lima ."))) == 2


def test_a_relation_between_what_are_no_entities(make_nlp, make_examples, annotations, fit):
    """Its ends are mentions all the same, if gold says nothing of entities."""
    nlp = make_nlp("spert_mt")
    examples = make_examples(nlp)
    for eg in examples[:2]:
        bare = Doc(nlp.vocab, words=[token.text for token in eg.reference], user_data=eg.reference.user_data)
        eg.reference = bare
    fit(nlp, examples, 40)
    pipe = nlp.get_pipe("spert_mt")
    encoded = pipe.model.get_ref("encoder").predict([eg.predicted for eg in examples[:2]])
    targets = pipe.get_targets(examples[:2], encoded)
    assert len(targets.spans) == 0 and targets.relations.sum() == 3
    assert not targets.lost.counts


def test_a_relation_with_an_argument_that_is_not_an_entity_is_counted(make_nlp, make_doc, make_examples):
    """Gold says which entities there are. Its type is not one of entities."""
    nlp = make_nlp("spert_mt")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    expected = nlp.get_pipe("spert_mt").label_data
    words = "Ida sails the Rosa to Lima ."
    gold = make_doc(nlp, words, [(0, 1, "person"), (5, 6, "place")])
    named = {"head_label": "person", "tail_label": "ship"}
    relations = [make_relation((0, 1), (3, 4), "sails", **named), make_relation((0, 1), (3, 4), "works_in", **named)]
    set_relations(gold, relations)
    odd = Example(make_doc(nlp, words), gold)
    with pytest.warns(UserWarning, match="W801") as caught:
        nlp.initialize(lambda: [*examples, odd])
    assert "2 x relation with an argument that is not an entity (as Ida -> Rosa)" in lost_of(caught)
    pipe = nlp.get_pipe("spert_mt")
    assert pipe.label_data == expected
    encoded = pipe.model.get_ref("encoder").predict([odd.predicted])
    targets = pipe.get_targets([odd], encoded)
    assert dict(targets.lost.counts) == {"relation with an argument that is not an entity": 2}
    assert len(targets.mentions) == 2 and not targets.relations.any()
    assert pipe.label_data == expected
    assert pipe.add_labels_of([odd]) == []


def test_a_type_that_only_arguments_have_is_no_entity_label(make_nlp, make_doc, make_examples):
    """Gold says nothing of entities: the relation is learned, but no entity gets that type."""
    nlp = make_nlp("spert_mt")
    examples = make_examples(nlp)
    bare = make_doc(nlp, "Ida sails the Rosa .")
    set_relations(bare, [make_relation((0, 1), (3, 4), "sails", head_label="person", tail_label="ship")])
    untyped = make_doc(nlp, "Ida sails the Rosa .")
    set_relations(untyped, [make_relation((0, 1), (3, 4), "steers")])
    odd = [Example(make_doc(nlp, doc.text), doc) for doc in (bare, untyped)]
    with pytest.warns(UserWarning, match="W801") as caught:
        nlp.initialize(lambda: [*examples, *odd])
    assert "2 x relation with an argument of a type that is not that of an entity" in lost_of(caught)
    pipe = nlp.get_pipe("spert_mt")
    assert "ship" not in pipe.entity_labels and {"sails", "steers"} <= set(pipe.relation_labels)
    targets = pipe.get_targets(odd, pipe.model.get_ref("encoder").predict([eg.predicted for eg in odd]))
    assert targets.relations.sum() == 2
    assert targets.lost.counts["relation with an argument of a type that is not that of an entity"] == 1
    given = make_nlp("spert_mt", entities="given")
    given.initialize(lambda: odd)
    assert given.get_pipe("spert_mt").entity_labels == ("person", "ship")  # others may find them


def test_labels_unseen_in_training_are_counted(make_nlp, make_examples):
    nlp = make_nlp("spert_mt")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    new = [("Bo orbits Mars .", [(0, 1, "person"), (2, 3, "planet")], [(0, 1, "orbits"), (0, 1, "lives_in")], {})]
    unseen = make_examples(nlp, new)
    pipe = nlp.get_pipe("spert_mt")
    targets = pipe.get_targets(unseen, pipe.model.get_ref("encoder").predict([eg.predicted for eg in unseen]))
    assert dict(targets.lost.counts) == {
        "entity 'planet' unseen at initialization": 1,
        "relation 'orbits' unseen at initialization": 1,
    }
    for batch in (unseen, [*unseen, *examples]):
        assert numpy.isfinite(nlp.update(batch)["spert_mt"])
    only_unseen = make_examples(nlp, [("Mars", [(0, 1, "planet")], [], {})])
    assert numpy.isfinite(nlp.update(only_unseen)["spert_mt"])


@pytest.mark.parametrize("mode", ["spert_mt", "paper", "spert"])
def test_batches_without_entities_and_without_pairs(mode, make_nlp, make_examples):
    nlp = make_nlp("spert_mt", model={"mode": mode})
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    odd = {
        "no entities": ("It rained .", [], [], {}),
        "one entity": ("Ida slept .", [(0, 1, "person")], [], {}),
        "no gold": ("It rained .", None, None, {}),
        "entities only": ("Ida saw Tom .", [(0, 1, "person"), (2, 3, "person")], None, {}),
    }
    for text in odd.values():
        assert numpy.isfinite(nlp.update(make_examples(nlp, [text]))["spert_mt"])
    assert nlp.update(make_examples(nlp, [odd["no gold"]]))["spert_mt"] == 0.0


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize("mode", ["spert_mt", "spert"])
@pytest.mark.parametrize("relations", [[], None])
def test_a_corpus_without_relations_teaches_entities(mode, relations, make_nlp, make_examples, fit, tmp_path):
    texts = [
        ("Ida lives in Lima .", [(0, 1, "person"), (3, 4, "place")], relations, {}),
        ("It rained .", [], relations, {}),
    ]
    nlp = make_nlp("spert_mt", model={"mode": mode}, constraints="learned")
    examples = make_examples(nlp, texts)
    fit(nlp, examples, 40)
    nlp.to_disk(tmp_path)
    for pipeline in (nlp, spacy.load(tmp_path)):
        doc = pipeline("Ida lives in Lima .")
        assert [(ent.text, ent.label_) for ent in doc.ents] == [("Ida", "person"), ("Lima", "place")]
        assert get_relations(doc) == []
    assert nlp.evaluate(examples)["spans_entities_f"] == 1.0


@pytest.mark.parametrize("relations", [[], None])
def test_a_corpus_without_labels_is_refused(relations, make_nlp, make_examples):
    nlp = make_nlp("spert_mt")
    with pytest.raises(ValueError, match=r"M811.*'spert_mt'"):
        nlp.initialize(lambda: make_examples(nlp, [("It rained .", [] if relations == [] else None, relations, {})]))


@pytest.mark.parametrize(("factory", "labels", "code"), [
    ("mre_textcat", ["sport", "travel", "sport"], "M813"),
    ("mre_textcat", "sport", "M813"),
    ("mre_textcat", ["sport", 1], "M813"),
    ("spert_mt", {"entities": ["person", "place", "person"]}, "M813"),
    ("spert_mt", {"relations": ["lives_in", "lives_in"]}, "M813"),
    ("spert_mt", {"cats": ["travel", "travel"]}, "M813"),
    ("spert_mt", {"entities": "person"}, "M813"),
    ("spert_mt", {"distance": 2.5}, "M813"),
    ("spert_mt", {"constraints": {"lives_in": [["person"]]}}, "M813"),
    ("spert_mt", ["person"], "M005"),
    ("multi_ner", [["person", "Who?"], ["person", "Which people?"]], "M005"),
    ("multi_ner", {"person": "Who?", "human": "Who?"}, "M835"),
    ("slg", {"SCNM": {"labels": ["person", "person"]}}, "M813"),
    ("slg", {"SCNM": {"classes": "travel"}}, "M813"),
    ("slg", ["person"], "M813"),
])  # fmt: skip
def test_given_labels_that_could_not_be_loaded_are_refused(factory, labels, code, make_examples):
    """A label that was there twice was trained and saved, but the pipeline could not be loaded (M807)."""
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe(factory)
    examples = make_examples(nlp)
    with pytest.raises(ValueError, match=rf"\[{code}\].*({factory}|labels)"):
        pipe.initialize(lambda: examples, nlp=nlp, labels=labels)


def test_given_labels_may_be_tuples_and_are_copied(make_nlp, make_examples):
    nlp = make_nlp("spert_mt")
    examples = make_examples(nlp)
    given = {"entities": ("place", "person"), "constraints": {"lives_in": [("person", "place")]}}
    nlp.get_pipe("spert_mt").initialize(lambda: examples, nlp=nlp, labels=given)
    assert nlp.get_pipe("spert_mt").entity_labels == ("place", "person")
    nlp.get_pipe("spert_mt").add_label("ship", kind="entity")
    assert given["entities"] == ("place", "person")
    assert spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes()).get_pipe("spert_mt").labels


@pytest.mark.parametrize(
    "labels", [{"travel", "sport"}, {"sport": 1, "travel": 2}.keys(), numpy.array(["sport", "travel"])]
)
def test_given_labels_may_be_any_collection(labels, make_nlp, make_examples):
    pipe = make_nlp("mre_textcat").get_pipe("mre_textcat")
    gold = Doc(pipe.vocab, words=["Ida", "ran"])
    gold.cats = {"sport": 1.0, "travel": 0.0}
    pipe.initialize(lambda: [Example(Doc(pipe.vocab, words=["Ida", "ran"]), gold)], labels=labels)
    assert pipe.labels == ("sport", "travel") and all(type(label) is str for label in pipe.labels)


def test_given_entities_without_relations_are_refused(make_nlp, make_examples):
    nlp = make_nlp("spert_mt", entities="given")
    with pytest.raises(ValueError, match="M811"):
        nlp.initialize(lambda: make_examples(nlp, [("Ida slept .", [(0, 1, "person")], [], {})]))


def test_relations_whose_ends_have_no_label(make_nlp):
    """Gold that knows relations but no types of entities: nothing could ever be predicted."""
    nlp = make_nlp("spert_mt")
    gold = Doc(nlp.vocab, words=["Ida", "saw", "Tom"])
    set_relations(gold, [make_relation((0, 1), (2, 3), "saw")])
    with pytest.raises(ValueError, match="M811"):
        nlp.initialize(lambda: [Example(nlp.make_doc(gold.text), gold)])


def test_a_corpus_without_cats_is_refused_by_the_one_that_needs_them(make_nlp, settings_of, make_examples):
    nlp = make_nlp("spert_mt")
    nlp.add_pipe("mre_textcat", config=settings_of("mre_textcat"))
    examples = make_examples(nlp)
    for eg in examples:
        eg.reference.cats = {}
    with pytest.raises(ValueError, match=r"M821.*'mre_textcat'.*none.*leave 'mre_textcat' out of nlp.pipeline"):
        nlp.initialize(lambda: examples)
    nlp.remove_pipe("mre_textcat")
    nlp.initialize(lambda: examples)
    assert nlp.update(examples)["spert_mt"] > 0


def test_exclusive_classes_need_two_labels_and_one_truth(make_nlp, make_examples):
    one = [("It rained .", None, None, {"weather": 1.0})]
    nlp = make_nlp("mre_textcat")
    with pytest.raises(ValueError, match=r"M821.*weather"):
        nlp.initialize(lambda: make_examples(nlp, one))
    two = [("It rained .", None, None, {"weather": 1.0, "news": 1.0})]
    with pytest.raises(ValueError, match=r"M822.*news, weather.*It rained"):
        nlp.initialize(lambda: make_examples(nlp, two))
    for texts in (one, two):
        several = make_nlp("mre_textcat", multi_label=True)
        examples = make_examples(several, texts)
        several.initialize(lambda examples=examples: examples)
        assert several.get_pipe("mre_textcat").labels


@pytest.mark.parametrize("factory", ["spert_mt", "mre_textcat"])
def test_an_uninitialised_component_says_so(factory, make_nlp):
    with pytest.raises(ValueError, match=f"M803.*'{factory}'"):
        make_nlp(factory)("Ida lives in Lima .")
    with pytest.raises(ValueError, match="M803"):
        list(make_nlp(factory).pipe(["Ida"]))


def test_an_uninitialised_component_cannot_learn(make_nlp, make_examples):
    for factory in ("spert_mt", "mre_textcat"):
        nlp = make_nlp(factory)
        with pytest.raises(ValueError, match="M803"):
            nlp.get_pipe(factory).update(make_examples(nlp))
