"""Labels that a model writes by itself, in the template TCONER."""

from collections import Counter

import pytest
from spacy.training import Example

from spacy_mre.annotations.entities import get_entities
from spacy_mre.pipeline.generative.format_files import load_formats, save_formats
from spacy_mre.pipeline.generative.formats import (
    FORMATS,
    Analysis,
    EntityText,
    FormatError,
    SLGFormat,
    Task,
    format_from_dict,
)
from spacy_mre.pipeline.generative.formats.escaping import MAX_WORD
from spacy_mre.pipeline.generative.formats.task import LANGUAGES
from tests.pipeline.generative.test_component import MODELS, TEXTS, fit, make_nlp, make_texts

__all__ = ["make_texts"]  # a fixture

NAMES = {"en": ("sake-steamed dish", "food: a/b"), "ja": ("漁港", "酒蒸し；料理"), "zh": ("渔港", "酒蒸 小鲍鱼")}


def of_language(language):
    return Task.of_labels("TCONER", language, ["food"], ["known"])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", FORMATS)
def test_labels_that_nobody_listed_come_back(name, language, tmp_path):
    format = FORMATS[name](of_language(language))
    text = "Ida: 舞浦 / Ida"
    items = tuple(EntityText(label, "Ida") for label in (*NAMES[language], "known", "x" * MAX_WORD))
    string = format.target(Analysis("food", items))
    assert format.parse(string).analysis == Analysis("food", items) and format.grammar().accepts(string, text)
    save_formats([format], tmp_path / "a.format.json")
    for again in (format_from_dict(format.to_dict()), *load_formats(tmp_path / "a.format.json")):
        assert again.parse(string).analysis.items == items
        assert again.read_source(again.source(text)) == text
    lenient = format.parse(string.replace(":known;", ": known ;") + ":cut", strict=False)
    assert lenient.analysis.items == items and lenient.problems


def test_a_source_lists_no_open_labels():
    format = SLGFormat(of_language("en"))
    assert format.source("soup") == "soup<food>soupOpen NER:None;"
    assert SLGFormat(Task.of_labels("SCNM", "en", [], ["dish"])).source("soup").endswith(":dish;:None;")


@pytest.mark.parametrize("label", ["", " a", "a\tb", "None", "x" * (MAX_WORD + 1), ":" * (MAX_WORD // 2 + 1)])
def test_what_can_be_no_open_label(label):
    format = SLGFormat(of_language("en"))
    assert format.task.word_of(label) is None
    with pytest.raises(ValueError, match="M907"):
        format.target(Analysis("food", (EntityText(label, "Ida"),)))
    written = "".join(f"\\{char}" if char in ":\\" else char for char in label)
    string = f"<food>Open NER:{written};Ida"
    assert not format.grammar().accepts(string, "Ida")
    with pytest.raises(FormatError):
        format.parse(string)


def test_a_known_label_that_is_too_long():
    format = SLGFormat(Task.of_labels("TCONER", "en", [], ["x" * (MAX_WORD + 1)]))
    with pytest.raises(ValueError, match=f"M911.*{MAX_WORD}"):
        format.grammar()


def with_labels(nlp, make_texts, labels):
    """The texts, with other labels for their entities."""
    texts = [(text, [(s, e, labels[label]) for s, e, label in entities], cls) for text, entities, cls in TEXTS]
    return make_texts(nlp, texts)


@pytest.mark.parametrize("factory", MODELS)
def test_reads_back_open_labels(factory, make_texts):
    labels = {"album": "album: live", "artist": "singer", "place": "port/city", "site": "構造物"}
    nlp = make_nlp(factory, tasks=["TCONER"])
    examples = with_labels(nlp, make_texts, labels)
    assert fit(nlp, examples) < 0.05
    component = nlp.get_pipe(factory)
    # A model of its own knows the labels; the list of the component is no restriction.
    component.cfg["tasks"]["TCONER"]["labels"] = ["singer"]
    component._cache.clear()
    for eg in examples:
        doc = nlp(eg.predicted)
        assert [span[:3] for span in get_entities(doc)] == [span[:3] for span in get_entities(eg.reference)]
    scores = nlp.evaluate(with_labels(nlp, make_texts, labels))
    assert scores["all_acc"] == scores["wl_f"] == scores["spans_entities_f"] == 1.0
    assert not component.left_out


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("template", ["SCNM", "TCONER"])
@pytest.mark.parametrize("factory", MODELS)
def test_random_weights_write_nothing_too_often(factory, template, beams, make_texts):
    nlp = make_nlp(factory, tasks=[template], num_beams=beams, max_new_tokens=100)
    examples = make_texts(nlp)
    nlp.initialize(lambda: examples)
    component, labels = nlp.get_pipe(factory), set()
    for doc in nlp.pipe([eg.predicted for eg in examples]):
        items = component.format.parse(doc._.generated).analysis.items
        found = list(get_entities(doc))
        assert len(found) == len(items)
        assert all(count <= doc.text.count(item.text) for item, count in Counter(items).items())
        labels.update(span.label for span in found)
    assert not component.left_out
    if template == "TCONER":
        assert labels - set(component.word_labels)  # never seen, and written to doc.spans
    else:
        assert labels <= set(component.word_labels)


def test_a_new_label_can_be_learned_and_scored(make_texts):
    nlp = make_nlp("slg", tasks=["TCONER"])
    examples = make_texts(nlp)
    nlp.initialize(lambda: examples)
    new = make_texts(nlp, [("it rains in Oslo", [(3, 4, "capital city")], "weather")])
    assert nlp.update(new)["slg"] > 0
    assert not nlp.get_pipe("slg").left_out
    doc = new[0].reference.copy()
    doc._.generated = "<weather>Open NER:capital city;Oslo"
    scores = nlp.get_pipe("slg").score([Example(doc, new[0].reference)])
    assert scores["all_acc"] == scores["format_acc"] == 1.0
