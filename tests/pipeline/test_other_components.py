"""Our components beside those of spaCy and GiNZA, and beside each other: one rule for each neighbour."""

from itertools import product

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import fix_random_seed

from spacy_mre import save_docs, span_as_doc, to_json
from spacy_mre.annotations.entities import get_entities, set_entities
from spacy_mre.evaluation.evaluate import evaluate
from spacy_mre.evaluation.pipeline_settings import get_spans_key
from spacy_mre.evaluation.scaling import Scaling
from spacy_mre.visual import render
from tests.robustness.pipelines import CNN, COMPONENTS, ENCODER, make_examples, make_pipeline

TEXT = "Ida lives and works in Lima ."
NESTED = "A ferry left the port of Oslo ."
THRESHOLDS = {"entity_threshold": 0.3, "relation_threshold": 0.3}


@pytest.fixture(scope="module")
def trained():
    nlp = make_pipeline("spert_mt", steps=80)
    for name, value in THRESHOLDS.items():
        setattr(nlp.get_pipe("spert_mt"), name, value)
    return nlp


@pytest.fixture(scope="module")
def with_ner():
    """A pipeline with spaCy's `ner`, which finds "Ida" and "Oslo", but not "Lima"."""
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("ner")
    gold = [(TEXT, [(0, 3, "PERSON")]), (NESTED, [(25, 29, "GPE")])]
    examples = [Example.from_dict(nlp.make_doc(text), {"entities": entities}) for text, entities in gold]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(30):
        nlp.update(examples, sgd=optimizer)
    return nlp


@pytest.fixture(scope="module")
def saved(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("trained")
    trained.to_disk(path)
    return path


@pytest.fixture
def make(saved, with_ner):
    """Make a pipeline of "spert_mt", "ner" and rules. Sourced components are not copied, so each is loaded again."""

    def make(*steps):
        nlp = spacy.blank("en")
        for step in steps:
            factory, config, patterns = step if isinstance(step, tuple) else (step, {}, ())
            if factory == "spert_mt":
                source = spacy.load(saved)
                name = config.pop("name", factory)
                for setting, value in config.items():
                    setattr(source.get_pipe(factory), setting, value)
                nlp.add_pipe(factory, name=name, source=source)
            elif factory == "ner":
                nlp.add_pipe("ner", source=with_ner)
            else:
                pipe = nlp.add_pipe(factory, config=config)
                if patterns:
                    pipe.add_patterns([{"label": label, "pattern": text, "id": "7"} for label, text in patterns])
        return nlp

    return make


def ruler(*patterns, **config):
    return "entity_ruler", config, patterns


def span_ruler(*patterns, **config):
    return "span_ruler", config, patterns


def spert_mt(**settings):
    return "spert_mt", settings, ()


def ents(doc):
    return [(ent.text, ent.label_) for ent in doc.ents]


def group(doc, key="entities"):
    return [(span.text, span.label_) for span in doc.spans[key]]


def related(doc):
    return [(triple.head.text, triple.label, triple.tail.text) for triple in doc._.triples]


FOUND = [("Ida", "person"), ("Lima", "place")]
RELATED = [("Ida", "lives_in", "Lima")]


# The rule: what others wrote to doc.ents stays


def test_alone(make):
    doc = make("spert_mt")(TEXT)
    assert ents(doc) == group(doc) == FOUND and related(doc) == RELATED


def test_ner_before_is_kept_and_completed(make):
    doc = make("ner", "spert_mt")(TEXT)
    assert ents(doc) == [("Ida", "PERSON"), ("Lima", "place")]
    assert group(doc) == FOUND and related(doc) == RELATED


def test_ner_behind_keeps_ours_and_adds_its_own(make, with_ner):
    pattern = [("PERSON", "ferry")]
    doc = make("spert_mt", "ner")(TEXT)
    assert ents(doc) == group(doc) == FOUND and related(doc) == RELATED
    doc = make("ner", ruler(*pattern), "spert_mt")("Ida left Oslo for a ferry .")
    assert ("ferry", "PERSON") in ents(doc)


def find_nothing(pipe):
    """A threshold of 1.0 alone is reached by a model that is sure."""
    pipe.set_scaling({"entities": Scaling(1.0, -50.0)})
    pipe.entity_threshold = 1.0


def test_ner_behind_adds_what_ours_did_not_find(make):
    nlp = make("spert_mt", "ner")
    find_nothing(nlp.get_pipe("spert_mt"))
    doc = nlp(TEXT)
    assert ents(doc) == [("Ida", "PERSON")] and group(doc) == [] and related(doc) == []


def test_entities_of_ner_can_be_given(make):
    """Relations between the entities of another component: there is no span group, so doc.ents is read."""
    doc = make("ner", ruler(("TOWN", "Lima")), spert_mt(entities="given"))(TEXT)
    assert ents(doc) == [("Ida", "PERSON"), ("Lima", "TOWN")] and "entities" not in doc.spans
    assert related(doc) == RELATED
    assert [(relation["head_label"], relation["tail_label"]) for relation in doc._.relations] == [("PERSON", "TOWN")]


def test_entity_ruler_before_is_kept_with_its_ids(make):
    nlp = make(ruler(("verbs", "works in Lima"), ("person", "Ida")), "spert_mt")
    for doc in (nlp(TEXT), nlp(nlp(TEXT))):
        assert [(ent.text, ent.label_, ent.ent_id_) for ent in doc.ents] == [
            ("Ida", "person", "7"),
            ("works in Lima", "verbs", "7"),
        ]
        assert group(doc) == FOUND and related(doc) == RELATED


def test_entity_ruler_behind_keeps_ours_unless_it_overwrites(make):
    pattern = ("verbs", "works in Lima")
    assert ents(make("spert_mt", ruler(pattern))(TEXT)) == FOUND
    doc = make("spert_mt", ruler(pattern, overwrite_ents=True))(TEXT)
    assert ents(doc) == [("Ida", "person"), ("works in Lima", "verbs")]
    assert group(doc) == FOUND and related(doc) == RELATED


def test_span_ruler_with_another_key_is_apart(make):
    for steps in (["spert_mt", span_ruler(("verb", "lives"))], [span_ruler(("verb", "lives")), "spert_mt"]):
        doc = make(*steps)(TEXT)
        assert group(doc) == ents(doc) == FOUND and group(doc, "ruler") == [("lives", "verb")]


def test_span_ruler_before_with_the_same_key_is_kept_in_the_group_only(make):
    doc = make(span_ruler(("verb", "lives"), spans_key="entities"), "spert_mt")(TEXT)
    assert group(doc) == [FOUND[0], ("lives", "verb"), FOUND[1]] and ents(doc) == FOUND
    assert doc.spans["entities"].attrs["sources"] == ["spert_mt", "", "spert_mt"]


def test_span_ruler_behind_with_the_same_key_replaces_the_group_unless_told(make):
    replacing, adding = (
        make("spert_mt", span_ruler(("verb", "lives"), spans_key="entities", overwrite=overwrite))(TEXT)
        for overwrite in (True, False)
    )
    assert group(replacing) == [("lives", "verb")] and group(adding) == [*FOUND, ("lives", "verb")]
    for doc in (replacing, adding):
        assert ents(doc) == FOUND and related(doc) == RELATED
        # The scores belonged to other spans.
        assert {span.score for span in get_entities(doc)} == {1.0}


@pytest.mark.parametrize("place", ["first", "last"])
def test_spancat_with_the_same_key(place, make):
    nlp = make("spert_mt")
    config = {
        "spans_key": "entities",
        "threshold": 0.0,
        "suggester": {"@misc": "spacy.ngram_suggester.v1", "sizes": [7]},
    }
    spancat = nlp.add_pipe("spancat", config=config, **{place: True})
    gold = nlp.make_doc(TEXT)
    gold.spans["entities"] = [Span(gold, 0, 7, label="whole")]
    spancat.initialize(lambda: [Example(nlp.make_doc(TEXT), gold)], nlp=nlp)
    doc = nlp(TEXT)
    whole = (TEXT, "whole")
    assert group(doc) == ([whole, *FOUND] if place == "first" else [whole])
    assert 0 < get_entities(doc)[0].score < 1  # that of spancat
    assert ents(doc) == FOUND and related(doc) == RELATED


def test_entities_that_a_component_removed_do_not_come_back(make):
    nlp = make("spert_mt", spert_mt(name="second"))

    @Language.component("no_towns")
    def no_towns(doc):
        doc.ents = [ent for ent in doc.ents if ent.label_ != "place"]
        return doc

    nlp.add_pipe("no_towns", after="spert_mt")
    find_nothing(nlp.get_pipe("second"))
    doc = nlp(TEXT)
    assert ents(doc) == FOUND[:1] and group(doc) == FOUND


def test_without_set_ents_the_ents_stay_as_they_are(make):
    doc = make("ner", spert_mt(set_ents=False))(TEXT)
    assert ents(doc) == [("Ida", "PERSON")] and group(doc) == FOUND and related(doc) == RELATED
    doc = make(spert_mt(set_ents=False))(TEXT)
    assert not doc.has_annotation("ENT_IOB") and group(doc) == FOUND


@pytest.mark.parametrize("factory", ["spert_mt", "multi_ner", "slg", "oiellm"])
@pytest.mark.parametrize("set_ents", [True, False])
def test_every_component_has_set_ents(factory, set_ents):
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "verb", "pattern": "lives", "id": "7"}])
    pipe = nlp.add_pipe(factory, config={**COMPONENTS[factory], "set_ents": set_ents})
    nlp.initialize(lambda: make_examples(nlp))
    nlp.get_pipe("entity_ruler").add_patterns([{"label": "verb", "pattern": "lives", "id": "7"}])
    for text in (TEXT, NESTED):
        before = nlp.get_pipe("entity_ruler")(nlp.make_doc(text))
        doc = pipe(before.copy())
        kept = [(ent.text, ent.label_, ent.ent_id_) for ent in doc.ents if ent.ent_id_]
        assert kept == [(ent.text, ent.label_, ent.ent_id_) for ent in before.ents]
        assert "entities" in doc.spans
        if not set_ents:
            assert len(doc.ents) == len(before.ents)


# Retokenization


def test_merge_entities_before_merges_what_others_found(make):
    doc = make(ruler(("activity", "lives and works")), "merge_entities", "spert_mt")(TEXT)
    assert [token.text for token in doc] == ["Ida", "lives and works", "in", "Lima", "."]
    assert ("lives and works", "activity") in ents(doc)
    assert all(len(relation["head"]) == 2 and relation["tail"][1] <= 5 for relation in doc._.relations)
    assert [span.text for span in doc.spans["entities"]] == ["Ida", "Lima"]


def check_refused(doc, count):
    """Nothing of ours is read with wrong tokens."""
    if count:
        for read in (lambda: doc._.relations, lambda: doc._.triples):
            with pytest.raises(ValueError, match=r"\[M104\]"):
                read()
    with pytest.raises(ValueError, match=r"\[M110\].*doc.copy\(\)"):
        get_entities(doc)
    for use in (to_json, render, lambda doc: span_as_doc(doc[:]), lambda doc: save_docs([doc], "unused.spacy")):
        with pytest.raises(ValueError, match=r"\[M1(04|10)\]"):
            use(doc)


@Language.component("one_noun_chunk")
def one_noun_chunk(doc):
    """A parse with one noun chunk: "A ferry"."""
    heads = [1, 2, 2, *[2] * (len(doc) - 3)]
    parse = Doc(
        doc.vocab,
        words=[token.text for token in doc],
        heads=heads,
        deps=["det", "nsubj", "ROOT", *["dep"] * (len(doc) - 3)],
        pos=["DET", "NOUN", "VERB", *["X"] * (len(doc) - 3)],
    )
    columns = ["HEAD", "DEP", "POS"]
    return doc.from_array(columns, parse.to_array(columns))


SPLITTER = ("token_splitter", {"min_length": 5, "split_length": 3}, ())
RETOKENIZING = {
    "merge_entities": ["merge_entities"],
    "merge_noun_chunks": ["one_noun_chunk", "merge_noun_chunks"],
    "token_splitter": [SPLITTER],
}


@pytest.mark.parametrize("steps", RETOKENIZING.values(), ids=RETOKENIZING)
def test_retokenizing_behind_is_refused_when_read_and_works_on_a_copy(steps, make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    steps = [ruler(("move", "left the")), "spert_mt", *steps]
    nlp = make(*steps)
    with pytest.raises(ValueError, match=r"\[M305\]"):
        nlp.initialize(lambda: make_examples(nlp))
    nlp = make(*steps)
    doc = nlp(NESTED)
    assert len(doc) != len(NESTED.split())
    check_refused(doc, 1)
    assert not list(tmp_path.iterdir())

    doc = make(*steps[:-1])(NESTED)
    changed = nlp.get_pipe(nlp.pipe_names[-1])(doc.copy())
    assert len(changed) != len(doc)
    assert related(doc) == [("the port of Oslo", "part_of", "Oslo")]
    assert group(doc) == [("the port of Oslo", "site"), ("Oslo", "place")]


def test_training_on_merged_tokens():
    """The components that merge are listed as annotating."""
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler")
    nlp.add_pipe("merge_entities")
    nlp.add_pipe("spert_mt", config={"model": {"encoder": ENCODER, "max_width": 4}})
    optimizer = nlp.initialize(lambda: make_examples(nlp))
    nlp.get_pipe("entity_ruler").add_patterns([{"label": "harbour", "pattern": "the port of Oslo"}])
    for _ in range(80):
        nlp.update(make_examples(nlp), sgd=optimizer, annotates=["entity_ruler", "merge_entities"])
    doc = nlp(NESTED)
    assert [token.text for token in doc] == ["A", "ferry", "left", "the port of Oslo", "."]
    assert group(doc) == [("the port of Oslo", "site")] and ents(doc) == [("the port of Oslo", "harbour")]


def test_merge_noun_chunks_before(make):
    doc = make("one_noun_chunk", "merge_noun_chunks", "spert_mt")(NESTED)
    assert doc[0].text == "A ferry"
    assert related(doc) == [("the port of Oslo", "part_of", "Oslo")]


def test_a_group_of_the_same_length_is_refused_too(trained):
    """Merging and splitting can leave as many tokens as before."""
    doc = trained(TEXT)
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[1:3])
        retokenizer.split(doc[5], ["Li", "ma"], heads=[doc[4], doc[4]])
    assert len(doc) == len(TEXT.split())
    doc._.relations = []
    check_refused(doc, 0)


def test_tokens_that_do_not_move_a_span_are_no_reason(trained):
    doc = trained(TEXT)
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[5:7])
    with pytest.raises(ValueError, match=r"\[M110\]"):
        get_entities(doc)
    doc = trained(TEXT + " Yes indeed")
    with doc.retokenize() as retokenizer:
        retokenizer.merge(doc[7:9])
    assert [span.label for span in get_entities(doc)] == ["person", "place"]


# Two of ours


def test_two_models_with_one_spans_key(make):
    nlp = make(spert_mt(name="first"), spert_mt(name="second"))
    doc = nlp(TEXT)
    assert group(doc) == ents(doc) == FOUND and related(doc) == RELATED
    find_nothing(nlp.get_pipe("second"))
    doc = nlp(TEXT)
    assert group(doc) == ents(doc) == FOUND and related(doc) == RELATED
    assert doc.spans["entities"].attrs["sources"] == ["first", "first"]
    # A second time: the first replaces its own, the second has nothing to replace.
    find_nothing(nlp.get_pipe("first"))
    doc = nlp(doc)
    assert group(doc) == [] and related(doc) == []


def test_two_models_with_two_spans_keys(make):
    nlp = make(spert_mt(name="first", overlap="nested"), spert_mt(name="second", spans_key="more", entity_threshold=0))
    doc = nlp(NESTED)
    assert group(doc) == [("the port of Oslo", "site"), ("Oslo", "place")]
    assert set(group(doc)) <= set(group(doc, "more"))
    alone = make(spert_mt(name="first", overlap="nested"))(NESTED)
    assert set(ents(alone)) <= set(ents(doc))
    scores = nlp.evaluate(make_examples(nlp))
    assert scores["spans_entities_f"] == 1.0 and "spans_more_f" in scores and scores["rel_f"] == 1.0


def test_multi_ner_for_the_entities_and_spert_mt_for_the_relations(trained):
    nlp = make_pipeline("multi_ner", steps=1)
    nlp.add_pipe("spert_mt", source=trained)
    nlp.get_pipe("spert_mt").entities = "given"
    nlp.get_pipe("multi_ner").set_annotations = lambda docs, output: [
        set_entities(doc, [(0, 1, "person", 0.9), (5, 6, "place", 0.9)], source="multi_ner") for doc in docs
    ]
    assert related(nlp(TEXT)) == RELATED


LEFT_OUT = [*product(["exclude", "disable"], ["ner", "first", "second"]), ("exclude", "entity_ruler")]


@pytest.mark.parametrize("how, left_out", LEFT_OUT)
def test_loading_without_one_component(how, left_out, make, tmp_path):
    nlp = make("ner", ruler(("verb", "works")), spert_mt(name="first"), spert_mt(name="second", spans_key="more"))
    nlp.to_disk(tmp_path)
    doc = spacy.load(tmp_path, **{how: [left_out]})(TEXT)
    assert ("PERSON" in {ent.label_ for ent in doc.ents}) == (left_out != "ner")
    assert ("verb" in {ent.label_ for ent in doc.ents}) == (left_out != "entity_ruler")
    assert ("entities" in doc.spans, "more" in doc.spans) == (left_out != "first", left_out != "second")
    assert related(doc) == RELATED


def test_a_disabled_ruler_makes_spacy_run_what_is_not_loaded(make, tmp_path):
    make(ruler(("verb", "works")), "spert_mt", "ner").to_disk(tmp_path)
    with pytest.raises(ValueError, match=r"\[M803\]"):
        spacy.load(tmp_path, disable=["entity_ruler"])
    nlp = spacy.load(tmp_path)
    nlp.disable_pipe("entity_ruler")
    assert ents(nlp(TEXT)) == FOUND


def test_without_all_of_ours_there_is_nothing_of_ours(make, tmp_path):
    make("ner", "spert_mt").to_disk(tmp_path)
    doc = spacy.load(tmp_path, exclude=["spert_mt"])(TEXT)
    assert ents(doc) == [("Ida", "PERSON")] and doc._.relations is None and not doc.spans


# From another pipeline


def test_settings_that_are_changed_before_are_saved_with_the_new_pipeline(make, tmp_path):
    nlp = make("ner", spert_mt(set_ents=False))
    nlp.to_disk(tmp_path)
    for doc in (nlp(TEXT), spacy.load(tmp_path)(TEXT)):
        assert ents(doc) == [("Ida", "PERSON")] and group(doc) == FOUND


def test_settings_that_are_changed_later_are_saved_if_the_config_has_them(make, tmp_path):
    nlp = make("ner", "spert_mt")
    nlp.get_pipe("spert_mt").set_ents = False
    nlp.get_pipe_config("spert_mt")["set_ents"] = False
    nlp.to_disk(tmp_path)
    assert ents(spacy.load(tmp_path)(TEXT)) == [("Ida", "PERSON")]


def test_a_shared_encoder_becomes_its_own(tmp_path):
    fix_random_seed(0)
    trained = spacy.blank("en")
    trained.add_pipe("tok2vec", config={"model": CNN})
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": CNN["width"], "upstream": "tok2vec"}
    encoder = {"@architectures": "spacy_mre.Tok2VecEncoder.v1", "tok2vec": listener}
    trained.add_pipe("spert_mt", config={"model": {"encoder": encoder, "max_width": 4}})
    trained.add_pipe("mre_textcat", config={"model": {"encoder": encoder}})
    examples = make_examples(trained)
    optimizer = trained.initialize(lambda: examples)
    for _ in range(40):
        trained.update(examples, sgd=optimizer)
    expected = group(trained(TEXT))
    assert expected
    trained.replace_listeners("tok2vec", "spert_mt", ["model.encoder.tok2vec"])
    nlp = spacy.blank("en")
    nlp.add_pipe("spert_mt", source=trained)
    assert group(nlp(TEXT)) == expected
    nlp.to_disk(tmp_path)
    assert group(spacy.load(tmp_path)(TEXT)) == expected


def test_text_labels_beside_textcat():
    nlp = make_pipeline("mre_textcat", steps=1)
    gold = nlp.make_doc(TEXT)
    gold.cats = {"long": 1.0, "short": 0.0}
    for place in ("first", "last"):
        pipe = nlp.add_pipe("textcat", name=place, **{place: True})
        pipe.initialize(lambda: [Example(nlp.make_doc(TEXT), gold)], nlp=nlp)
    assert set(nlp(TEXT).cats) == {"people", "travel", "long", "short"}


# Evaluation


def test_scores_are_of_our_group_also_behind_components_with_another(make):
    nlp = make(span_ruler(("verb", "lives")), "spert_mt")
    assert get_spans_key(nlp) == "entities"
    nlp.add_pipe("spancat", first=True)
    assert get_spans_key(nlp) == "entities"
    nlp.remove_pipe("spancat")
    scores = evaluate(nlp, make_examples(nlp), gold_entities=True, overlap_matching=True)
    assert scores["given_rel_f"] == scores["rel_f"] == scores["overlap_spans_entities_f"] == 1.0


def test_without_set_ents_the_scores_of_the_ents_are_those_of_ner(make):
    examples = make_examples(make("spert_mt"))
    for example in examples:
        example.reference.ents = [ent for ent in example.reference.ents if ent.text in ("Ida", "Oslo")]
    alone = make("ner").evaluate(examples)
    both = make("ner", spert_mt(set_ents=False)).evaluate(examples)
    assert {key: both[key] for key in ("ents_p", "ents_r", "ents_f")} == {
        key: alone[key] for key in ("ents_p", "ents_r", "ents_f")
    }
    assert both["spans_entities_f"] == both["rel_f"] == 1.0


# GiNZA

JAPANESE = [
    ("三浦美咲は京都で生まれた。", [("三浦美咲", "person"), ("京都", "town")], "born_in"),
    ("田中一郎は大阪で生まれた。", [("田中一郎", "person"), ("大阪", "town")], "born_in"),
]


def make_japanese_examples(nlp):
    examples = []
    for text, entities, label in JAPANESE:
        gold = nlp.make_doc(text)
        spans = [gold.char_span(text.index(name), text.index(name) + len(name), label=kind) for name, kind in entities]
        set_entities(gold, [(span.start, span.end, span.label_, 1.0) for span in spans])
        head, tail = ((span.start, span.end) for span in spans)
        gold._.relations = [{"head": head, "tail": tail, "label": label}]
        examples.append(Example(nlp.make_doc(text), gold))
    return examples


def test_behind_ja_ginza_all_that_ginza_found_is_kept():
    pytest.importorskip("ja_ginza")
    fix_random_seed(0)
    nlp = spacy.load("ja_ginza")
    text = "三浦美咲は京都で生まれ、青葉電機の研究所で働いている。"
    before = nlp(text)
    assert len(before.ents) >= 2
    model = {"encoder": ENCODER, "max_width": 4}
    examples = make_japanese_examples(nlp)
    for spans_key, set_ents in (("entities", True), ("more", False)):
        config = {"model": model, "spans_key": spans_key, "set_ents": set_ents}
        pipe = nlp.add_pipe("spert_mt", name=f"spert_{spans_key}", config=config)
        pipe.initialize(lambda: examples, nlp=nlp)
        optimizer = nlp.create_optimizer()
        for _ in range(40):
            pipe.update(examples, sgd=optimizer)
    doc = nlp(text)
    assert [(ent.text, ent.label_) for ent in before.ents] == [
        (ent.text, ent.label_) for ent in doc.ents if ent.label_ not in ("person", "town")
    ]
    assert [token.text for token in doc] == [token.text for token in before]
    assert [(token.pos_, token.dep_, token.head.i) for token in doc] == [
        (token.pos_, token.dep_, token.head.i) for token in before
    ]
    for key in ("entities", "more"):
        assert {("三浦美咲", "person"), ("京都", "town")} <= set(group(doc, key))
    assert ("三浦美咲", "born_in", "京都") in related(doc)


def test_sharing_the_encoder_of_ja_ginza_is_refused_for_its_splitter():
    pytest.importorskip("ja_ginza")
    nlp = spacy.load("ja_ginza")
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96, "upstream": "tok2vec"}
    config = {"model": {"encoder": {"@architectures": "spacy_mre.Tok2VecEncoder.v1", "tok2vec": listener}}}
    pipe = nlp.add_pipe("spert_mt", config=config)
    with pytest.raises(ValueError, match=r"\[M305\].*compound_splitter"):
        pipe.initialize(lambda: make_japanese_examples(nlp), nlp=nlp)
