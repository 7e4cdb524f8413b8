"""Published corpora, written as strings and aligned with their texts: how many gold offsets are recovered?"""

from collections import Counter
from itertools import islice

import pytest
import spacy

from spacy_mre.corpora import READERS, make_docs
from spacy_mre.pipeline.generative.formats import OIELLMFormat, SLGFormat, Task
from spacy_mre.pipeline.generative.formats.anchoring import anchor
from spacy_mre.pipeline.generative.formats.from_docs import analysis_of, anchored_items
from spacy_mre.pipeline.generative.strings import task_of_docs

MENTIONS = [
    ("stockmark", "stockmark_ner/ner.json", {}, "ja", 13185),
    ("slots", "snips/test", {}, "en", 1790),
    ("asdc", "asdc/data/main", {}, "ja", 3638),
    *(("crossre", f"crossre/{lang}", {"part": "test"}, lang, None) for lang in ("en", "ja", "zh")),
]
# A relation is recovered only if both of its arguments are.
LINKS = [
    ("spert", "conll04/conll04_test.json", {}, "en", 0.99),
    *(("crossre", f"crossre/{lang}", {"part": "test"}, lang, 0.98) for lang in ("en", "ja", "zh")),
    ("asdc", "asdc/data/main", {}, "ja", 0.95),
]


def run(mre_data, reader, path, options, template, language):
    """Counts of the items by what became of them."""
    if not (mre_data / path).exists():
        pytest.skip(f"there is no {path} in the folder of real data")
    docs = list(make_docs(READERS[reader](mre_data / path, **options), spacy.blank("xx")))
    task = task_of_docs(docs, template, language)
    formats = [SLGFormat(task), OIELLMFormat(task)]
    grammars = [format.grammar() for format in formats]
    counts: Counter = Counter()
    for i, doc in enumerate(docs):
        analysis = analysis_of(doc, task)
        for format, grammar in zip(formats, grammars):
            string = format.target(analysis)
            assert format.parse(string).analysis == analysis
            assert i % 10 or grammar.accepts(string, doc.text)
            assert format.read_source(format.source(doc.text)) == doc.text
        anchored = anchor(doc.text, analysis)
        assert not anchored.dropped
        for item, gold in zip(anchored.items, anchored_items(doc, task)):
            counts["all"] += 1
            exact = item.string_offsets == gold.string_offsets
            counts["exact"] += exact
            counts["ambiguous"] += item.ambiguous
            if not exact:
                assert item.ambiguous  # the only reason is that the words occur elsewhere, too
                counts["the same words occur elsewhere too"] += 1
    print(f"\n{path}, {template}: {dict(counts)}, exact {counts['exact'] / counts['all']:.3%}")
    return counts


@pytest.mark.parametrize("reader, path, options, language, number", MENTIONS, ids=[path for _, path, *_ in MENTIONS])
def test_entities(mre_data, reader, path, options, language, number):
    counts = run(mre_data, reader, path, options, "SCNM", language)
    assert number is None or counts["all"] == number
    assert counts["exact"] >= 0.998 * counts["all"]


@pytest.mark.parametrize("reader, path, options, language, least", LINKS, ids=[path for _, path, *_ in LINKS])
def test_relations(mre_data, reader, path, options, language, least):
    counts = run(mre_data, reader, path, options, "TCREE:RE", language)
    assert counts["exact"] >= least * counts["all"] > 0


def test_published_words_are_the_labels_of_stockmark(mre_data):
    docs = list(
        make_docs(islice(READERS["stockmark"](mre_data / "stockmark_ner" / "ner.json"), 500), spacy.blank("xx"))
    )
    found = set(task_of_docs(docs, "SCNM", "ja").labels)
    assert found == set(Task.of_template("SCNM", "ja").labels.values())
