"""Any text through each component: what is written to the Doc is consistent, and survives every way of saving."""

import gc
import json
import math

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin

from spacy_mre.annotations.doc_json import from_json, to_json
from spacy_mre.annotations.entities import get_entities
from spacy_mre.annotations.relations import get_relations
from tests.robustness.effort import count, scale
from tests.robustness.pipelines import COMPONENTS, make_pipeline

WORDS = (
    "Ida",
    "Tom",
    "lives",
    "in",
    "Lima",
    "the",
    "port",
    "of",
    "Oslo",
    "東京",
    "と",
    "大阪",
    ".",
    "\n",
    "  ",
    "😀",
    "e\u0301",
)
# Half of them words that the pipelines know, half of them any characters but lone surrogates, which no file can hold.
texts = st.one_of(
    st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=80),
)
# Generation takes a hundred times as long as the heads.
BATCHES = {"spert_mt": 20, "mre_textcat": 20, "multi_ner": 20, "slg": 2, "oiellm": 2}
BATCH = 8


@pytest.mark.filterwarnings("ignore:.*W8", "ignore:.*W9")
@pytest.mark.parametrize("factory", COMPONENTS)
def test_any_text_gives_a_consistent_document(factory):
    nlp = make_pipeline(factory)
    written_to = []

    @settings(
        max_examples=scale(BATCHES[factory]), deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(st.lists(texts, max_size=BATCH))
    def run(batch):
        docs = list(nlp.pipe(batch))
        assert [doc.text for doc in docs] == batch
        for doc in docs:
            check(doc, nlp)
            check_saving(doc, nlp)
        written_to.extend(bool(get_entities(doc) or doc.cats) for doc in docs)
        count(len(batch))

    run()
    assert any(written_to)


def check(doc, nlp):
    """Entities and relations are within the text, without white space at their ends, and have probabilities."""
    entities = get_entities(doc) or []
    for start, end, label, score in entities:
        span = doc[start:end]
        assert 0 <= start < end <= len(doc) and label
        assert span.text == span.text.strip() != ""
        assert 0 <= score <= 1
    offsets = {(start, end) for start, end, _, _ in entities}
    assert {(ent.start, ent.end) for ent in doc.ents} <= offsets
    for relation in get_relations(doc) or []:
        head, tail = tuple(relation["head"]), tuple(relation["tail"])
        assert head in offsets and tail in offsets and head != tail
        assert 0 <= relation["score"] <= 1
    assert len(doc._.triples) == len(get_relations(doc) or [])
    assert all(0 <= score <= 1 and math.isfinite(score) for score in doc.cats.values())


def check_saving(doc, nlp):
    """JSON, bytes and DocBin give the same annotations."""
    before = written(doc)
    assert written(from_json(json.loads(json.dumps(to_json(doc))), nlp.vocab)) == before
    assert written(Doc(nlp.vocab).from_bytes(doc.to_bytes())) == before
    stored = DocBin(docs=[doc], store_user_data=True).to_bytes()
    assert written(next(DocBin().from_bytes(stored).get_docs(nlp.vocab))) == before


def written(doc):
    return doc.text, get_entities(doc), [ent.text for ent in doc.ents], get_relations(doc), dict(doc.cats)


@pytest.mark.filterwarnings("ignore:.*W8")
def test_memory_does_not_grow_with_the_number_of_texts():
    """A soak: after a warm-up, memory grows by no more than what a few texts need. Known words only, so that the
    vocabulary does not grow."""
    nlp = make_pipeline("spert_mt", "mre_textcat", "multi_ner")
    process = psutil.Process()
    total = scale(600)
    known = [" ".join(WORDS[i % len(WORDS)] for i in range(j, j + 20)) for j in range(50)]

    def run(number):
        for doc in nlp.pipe((known[i % len(known)] for i in range(number)), batch_size=64):
            assert doc.has_extension("relations")
        gc.collect()
        return process.memory_info().rss

    before = run(200)
    after = run(total)
    count(total)
    assert after - before < 30e6
