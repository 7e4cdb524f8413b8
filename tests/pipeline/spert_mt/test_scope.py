"""Relations have a scope: a document of many sentences gives the relations that its sentences give."""

import random
import re
import warnings
from pathlib import Path

import pytest
import spacy
from spacy.training import Example
from spacy.util import fix_random_seed, minibatch
from thinc.api import Adam

from spacy_mre.annotations.storage import merge_docs
from spacy_mre.corpora import make_docs
from spacy_mre.corpora.assets import read_corpus, read_labels
from spacy_mre.evaluation.scorers import score_joint
from spacy_mre.pipeline.spert_mt.survey import Survey

ASSETS = Path("assets")


def test_the_scope_is_learned_from_the_data(make_doc, make_nlp):
    nlp = make_nlp()

    def scope_of(*relations):
        """Of texts with one relation each, between the first word and the word at an index."""
        survey = Survey("entities", 10)
        for index in relations:
            words = "a b . c d ? e f"
            gold = make_doc(nlp, words, [(0, 1, "x"), (index, index + 1, "x")], [(0, 1, "r")])
            survey.add(Example(nlp.make_doc(words), gold))
        return survey.learned(100)["scope"]

    assert scope_of(1) == 0
    assert scope_of(1, 4) == 1
    assert scope_of(4, 7) == 2
    assert scope_of(*[1] * 100, 7) == 0, "one in a hundred may be a sentence that was split wrongly"
    assert scope_of(*[1] * 98, 4, 7) == 1
    assert scope_of() == 0


@pytest.fixture(scope="module")
def eager(make_nlp, make_examples, fit):
    """Trained a little, and relates everything."""
    fix_random_seed(0)
    nlp = make_nlp(
        "spert_mt", relation_threshold=0.0, entity_threshold=0.3, constraints="any", overlap="flat", max_distance=0
    )
    fit(nlp, make_examples(nlp), 60)
    return nlp


@pytest.mark.parametrize(("scope", "across"), [("learned", False), ("sentence", False), ("document", True)])
def test_relations_are_within_the_scope(scope, across, eager):
    pipe = eager.get_pipe("spert_mt")
    assert pipe.label_data["scope"] == 0
    pipe.scope = scope
    doc = eager("Ida lives in Lima . Tom lives in Oslo . Ida and Tom are friends .")
    pairs = {(triple.head.text, triple.tail.text, triple.head.start) for triple in doc._.triples}
    assert {("Ida", "Lima", 0), ("Tom", "Oslo", 5)} <= pairs
    assert (("Ida", "Oslo", 0) in pairs) is across
    assert "pairs beyond the scope" not in pipe.left_out


def test_sentences_of_another_component_are_used(eager):
    eager.get_pipe("spert_mt").scope = "sentence"
    doc = eager.make_doc("Ida lives in Lima . Tom lives in Oslo .")
    for token in doc:
        token.is_sent_start = token.i == 0
    related = {(triple.head.text, triple.tail.text) for triple in eager.get_pipe("spert_mt")(doc)._.triples}
    assert ("Ida", "Oslo") in related


def test_unrelated_pairs_are_drawn_within_the_scope(make_doc, make_nlp, make_examples):
    nlp = make_nlp(negatives=-1)
    nlp.initialize(lambda: make_examples(nlp))
    pipe = nlp.get_pipe("spert_mt")
    gold = make_doc(
        nlp, "Ida saw Lima . Tom saw Oslo .", [(0, 1, "person"), (2, 3, "place"), (4, 5, "person"), (6, 7, "place")], []
    )
    example = Example(nlp.make_doc(gold.text), gold)

    def drawn():
        encoded = pipe.model.get_ref("encoder").predict([example.predicted])
        targets = pipe.get_targets([example], encoded)
        return sorted(zip(targets.pairs.heads.tolist(), targets.pairs.tails.tolist()))

    assert drawn() == [(0, 1), (1, 0), (2, 3), (3, 2)]
    pipe.scope = "document"
    assert len(drawn()) == 12


def test_unrelated_pairs_are_drawn_across_neighbouring_texts(make_doc, make_nlp):
    """With a scope of one sentence, as if the texts of a batch were one document."""
    nlp = make_nlp(negatives=-1)
    words = "Ida sings . She lives in Lima ."
    entities = [(0, 1, "person"), (6, 7, "place")]
    golds = [make_doc(nlp, words, entities, [(0, 1, "lives_in")]) for _ in range(2)]
    golds.append(make_doc(nlp, words, entities, None))
    examples = [Example(nlp.make_doc(words), gold) for gold in golds]
    nlp.initialize(lambda: examples)
    pipe = nlp.get_pipe("spert_mt")
    encoded = pipe.model.get_ref("encoder").predict([eg.predicted for eg in examples])

    def drawn():
        targets = pipe.get_targets(examples, encoded)
        pairs = zip(targets.pairs.heads.tolist(), targets.pairs.tails.tolist())
        return {pair: bool(row.any()) for pair, row in zip(pairs, targets.relations)}

    # Mentions 0 and 1 are in the first text, 2 and 3 in the second. 1 and 2 are in neighbouring sentences. Nothing is
    # known of the relations of the third text.
    within = {(0, 1): True, (1, 0): False, (2, 3): True, (3, 2): False}
    assert drawn() == {**within, (1, 2): False, (2, 1): False}
    pipe.scope = "sentence"
    assert drawn() == {(0, 1): True, (2, 3): True}


def test_a_scope_learned_across_sentences_is_saved(make_doc, make_nlp, fit, tmp_path):
    nlp = make_nlp(max_distance=0)
    words = "Ida sings . She lives in Lima ."
    gold = make_doc(nlp, words, [(0, 1, "person"), (6, 7, "place")], [(0, 1, "lives_in")])
    fit(nlp, [Example(nlp.make_doc(words), gold)], 40)
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded.get_pipe("spert_mt").label_data["scope"] == 1
    assert [(t.head.text, t.tail.text) for t in loaded(words)._.triples] == [("Ida", "Lima")]


ACROSS = "Ida sings . She lives in Lima ."


def make_across(make_doc, nlp):
    gold = make_doc(nlp, ACROSS, [(0, 1, "person"), (6, 7, "place")], [(0, 1, "lives_in")])
    return Example(nlp.make_doc(ACROSS), gold)


ABBREVIATED = "Ida of St . John lives in Lima ."


@pytest.mark.parametrize(
    "setter, config, is_other",
    [("senter", {}, True), ("sentencizer", {"punct_chars": [".", "in"]}, True), ("sentencizer", {}, False)],
)
def test_a_learned_scope_and_a_component_that_sets_sentences(setter, config, is_other, make_doc, make_nlp, settings_of):
    """It has not run at initialization, so the scope is learned from sentences by the rule of the sentencizer."""
    nlp = spacy.blank("en")
    nlp.add_pipe(setter, config=config)
    nlp.add_pipe("spert_mt", config=settings_of("spert_mt"))
    gold = make_doc(nlp, ABBREVIATED, [(0, 1, "person"), (7, 8, "place")], [(0, 1, "lives_in")])
    for token in gold:
        token.is_sent_start = token.i == 0

    def initialize():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            nlp.initialize(lambda: [Example(nlp.make_doc(ABBREVIATED), gold)])
        return [str(warning.message) for warning in caught if "W816" in str(warning.message)]

    told = initialize()
    assert nlp.get_pipe("spert_mt").label_data["scope"] == 1
    assert len(told) == is_other
    assert all("'spert_mt' has learned its scope" in text and f"{setter} will set other" in text for text in told)
    nlp.disable_pipe(setter)
    assert initialize() == []
    for names in ("frozen_components", "annotating_components"):  # disabled by `spacy train` during initialization
        nlp.config["training"] |= {"frozen_components": [], "annotating_components": [], names: [setter]}
        assert len(initialize()) == is_other
    nlp.enable_pipe(setter)
    nlp.get_pipe("spert_mt").scope = "document"
    assert initialize() == []


def test_sentences_on_the_predicted_docs_are_surveyed(make_doc, settings_of):
    nlp = spacy.blank("en")
    nlp.add_pipe("senter")
    nlp.add_pipe("spert_mt", config=settings_of("spert_mt"))
    gold = make_doc(nlp, ABBREVIATED, [(0, 1, "person"), (7, 8, "place")], [(0, 1, "lives_in")])
    for token in gold:
        token.is_sent_start = token.i == 0
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*W816")
        nlp.initialize(lambda: [Example(gold.copy(), gold)])
    assert nlp.get_pipe("spert_mt").label_data["scope"] == 0


def test_relations_beyond_the_learned_scope_are_warned_of_in_further_training(make_doc, make_nlp, make_examples, fit):
    """They would be learned but never predicted."""
    nlp = make_nlp()
    fit(nlp, make_examples(nlp), 2)
    pipe = nlp.get_pipe("spert_mt")
    example = make_across(make_doc, nlp)
    with pytest.warns(UserWarning, match="W815.*1 x relation across more sentences than the scope.*add_labels_of"):
        nlp.update([example])
    nlp.update([example])
    assert pipe.left_out["relation across more sentences than the scope in training"] == 2
    assert pipe.label_data["scope"] == 0
    pipe.add_labels_of([example])
    assert pipe.label_data["scope"] == 1
    nlp.update([example])
    assert pipe.left_out["relation across more sentences than the scope in training"] == 2


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"scope": "sentence"}, "1 x relation across more sentences than the scope .as Ida -> Lima"),
        ({"max_distance": 5}, "1 x relation over more than 5 tokens .as Ida -> Lima"),
        ({"constraints": {"lives_in": [["place", "person"]]}}, "1 x relation between types that the constraints excl"),
        ({"constraints": {"lives_in": [["place", "person"]]}, "symmetric": ["lives_in"]}, None),
        ({"constraints": {"likes": [["place", "person"]]}, "max_distance": 6}, None),
        ({}, None),
    ],
)
def test_relations_that_the_settings_exclude_are_reported_before_training(
    settings, reason, make_doc, make_nlp, recwarn
):
    nlp = make_nlp(**settings)
    example = make_across(make_doc, nlp)
    nlp.initialize(lambda: [example])
    reported = [str(warning.message) for warning in recwarn if "W801" in str(warning.message)]
    assert bool(reported) == bool(reason)
    assert not reason or re.search(reason, reported[0])
    nlp.update([example])
    assert not [warning for warning in recwarn if "W815" in str(warning.message)], "it was told already"


def test_relations_beyond_the_learned_share_are_reported(make_doc, make_nlp):
    nlp = make_nlp()
    near = make_doc(nlp, ACROSS, [(3, 4, "person"), (6, 7, "place")], [(0, 1, "lives_in")])
    examples = [Example(nlp.make_doc(ACROSS), near)] * 100 + [make_across(make_doc, nlp)]
    with pytest.warns(UserWarning, match="W801.*1 x relation across more sentences than the scope .as Ida -> Lima"):
        nlp.initialize(lambda: examples)


CONFIGS = {
    "en": {},
    "ja": {"nlp": {"tokenizer": {"@tokenizers": "spacy_mre.JapaneseTokenizer.v1"}}},
    "zh": {"nlp": {"tokenizer": {"@tokenizers": "spacy_mre.ChineseTokenizer.v1", "tags": False}}},
}


def train_until_overfit(lang, settings_of, **settings):
    """A small pipeline that overfits 120 sentences, and their gold."""
    fix_random_seed(0)
    nlp = spacy.blank(lang, config=CONFIGS[lang])
    nlp.add_pipe("spert_mt", config=settings_of("spert_mt", **settings))
    corpus = read_corpus(ASSETS / "corpus", read_labels(ASSETS / "corpus" / "labels.json"))
    golds = list(make_docs([record for record in corpus[lang] if record.relations][:120], nlp))
    examples = [Example(nlp.make_doc(gold.text), gold) for gold in golds]
    nlp.initialize(lambda: examples)
    sgd, shuffle = Adam(0.005), random.Random(0).shuffle
    for _ in range(40):
        shuffle(examples)
        for batch in minibatch(examples, 20):
            nlp.update(batch, sgd=sgd)
    return nlp, golds


def score(nlp, references):
    docs = nlp.pipe([reference.text for reference in references])
    return score_joint([Example(doc, reference) for doc, reference in zip(docs, references)])


def joined(golds):
    """Documents of ten sentences."""
    return [merge_docs(golds[i : i + 10]) for i in range(0, len(golds), 10)]


SENTENCE_ENCODER = {
    "@architectures": "spacy_mre.Tok2VecEncoder.v1",
    "tok2vec": {
        "@architectures": "spacy_mre.SentenceTok2Vec.v1",
        "embed": {
            "@architectures": "spacy.MultiHashEmbed.v2",
            "width": 32,
            "attrs": ["NORM"],
            "rows": [500],
            "include_static_vectors": False,
        },
        "encode": {
            "@architectures": "spacy.MaxoutWindowEncoder.v2",
            "width": 32,
            "window_size": 1,
            "maxout_pieces": 2,
            "depth": 2,
        },
    },
}


@pytest.mark.parametrize("lang", CONFIGS)
def test_a_document_gives_what_its_sentences_give(lang, settings_of):
    """With an encoder that reads sentences alone. docs/documents.md has figures for trained encoders that read whole
    texts."""
    if lang == "ja":
        pytest.importorskip("sudachipy")
    nlp, golds = train_until_overfit(lang, settings_of, encoder=SENTENCE_ENCODER)
    alone, of_documents = score(nlp, golds), score(nlp, joined(golds))
    assert nlp.get_pipe("spert_mt").label_data["scope"] == 1
    assert alone["rel_f"] > 0.95 and alone["spans_entities_f"] > 0.95
    assert of_documents["spans_entities_f"] > alone["spans_entities_f"] - 0.02
    # Some texts have two sentences, so relations between neighbouring ones are found across texts too.
    assert of_documents["rel_f"] > alone["rel_f"] - 0.05
    nlp.get_pipe("spert_mt").scope = "sentence"
    within = score(nlp, golds)
    assert abs(score(nlp, joined(golds))["rel_f"] - within["rel_f"]) < 0.05  # one relation is 0.01


def test_without_a_scope_most_relations_in_documents_are_wrong(settings_of):
    """The control of the test above."""
    nlp, golds = train_until_overfit("en", settings_of, scope="document")
    alone, of_documents = score(nlp, golds), score(nlp, joined(golds))
    assert alone["rel_p"] > 0.95
    assert of_documents["rel_p"] < 0.5
