"""From a Doc to a string and back onto a Doc."""

from pathlib import Path

import pytest
import spacy
from spacy.tokens import Span

from spacy_mre import make_relation
from spacy_mre.annotations.entities import get_entities, set_entities
from spacy_mre.annotations.relations import identity
from spacy_mre.corpora import Report, make_docs
from spacy_mre.corpora.assets import read_corpus, read_labels
from spacy_mre.pipeline.generative.formats import (
    Analysis,
    ArgumentText,
    EntityText,
    EventText,
    OIELLMFormat,
    RelationText,
    SLGFormat,
    Task,
)
from spacy_mre.pipeline.generative.formats.anchoring import anchor
from spacy_mre.pipeline.generative.formats.entity_alignment import NOT_IN_TEXT
from spacy_mre.pipeline.generative.formats.from_docs import (
    OFF_GRID,
    analysis_of,
    anchored_items,
    token_boundaries,
    write_analysis,
)
from spacy_mre.pipeline.generative.strings import task_of_docs

ASSETS = Path(__file__).parents[4] / "assets"
NLP = spacy.blank("en")
TASK = Task.of_labels("SCNM", "en", ["news", "diary"], ["person", "place"])
LINKS = Task.of_labels("TCREE:RE", "en", [], ["leads"])


@pytest.fixture
def doc():
    doc = NLP.make_doc("Ada Lake leads the Port of Ada .")
    set_entities(doc, [(0, 2, "person", 1.0), (6, 7, "person", 0.5), (3, 7, "place", 1.0)])
    doc._.relations = [make_relation((0, 2), (3, 7), "leads", head_label="person", tail_label="place")]
    doc.cats = {"news": 0.2, "diary": 0.9}
    return doc


def test_an_analysis_of_a_doc(doc):
    assert analysis_of(doc, TASK) == Analysis(
        "diary", (EntityText("person", "Ada Lake"), EntityText("person", "Ada"), EntityText("place", "the Port of Ada"))
    )
    assert [item.string_offsets for item in anchored_items(doc, TASK)] == [((0, 8),), ((27, 30),), ((15, 30),)]
    assert analysis_of(doc, LINKS) == Analysis(None, (RelationText("Ada Lake", "leads", "the Port of Ada"),))
    assert analysis_of(doc, Task.of_labels("SCNM", "en", ["news"], [])) == Analysis("diary", ())


def test_absent_is_not_empty():
    doc = NLP.make_doc("Ada left.")
    assert analysis_of(doc, TASK) == Analysis(None, None)
    assert analysis_of(doc, LINKS) == Analysis(None, None)
    set_entities(doc, [])
    doc._.relations = []
    doc.cats = {"news": 0.0, "diary": 0.0}
    assert analysis_of(doc, TASK) == Analysis(None, ())
    assert analysis_of(doc, LINKS) == Analysis(None, ())


def test_back_onto_a_doc(doc):
    for format in (SLGFormat(TASK), OIELLMFormat(TASK)):
        analysis = format.parse(format.target(analysis_of(doc, TASK))).analysis
        new = NLP.make_doc(doc.text)
        anchored = anchor(new.text, analysis, boundaries=token_boundaries(new))
        lost = write_analysis(new, anchored, TASK, source="slg", scores=[0.5, 0.6, 0.7], label_score=0.8)
        assert not lost
        assert {entity[:3] for entity in get_entities(new)} == {entity[:3] for entity in get_entities(doc)}
        assert [entity.score for entity in get_entities(new)] == [0.5, 0.7, 0.6]  # in the order of the group: by start
        assert new.spans["entities"].attrs["sources"] == ["slg"] * 3
        assert [entity.text for entity in new.ents] == ["Ada Lake", "the Port of Ada"]
        assert new.cats == {"news": 0.0, "diary": 0.8}
        assert new._.relations is None


def test_relations_back_onto_a_doc(doc):
    format = OIELLMFormat(LINKS)
    analysis = format.parse(format.target(analysis_of(doc, LINKS))).analysis
    new = NLP.make_doc(doc.text)
    write_analysis(new, anchor(new.text, analysis), LINKS, scores=[0.5])
    assert new._.relations == [make_relation((0, 2), (3, 7), "leads", score=0.5)]
    assert get_entities(new) is None and not new.cats
    write_analysis(doc, anchor(doc.text, analysis), LINKS)  # entities that are there give the labels of the ends
    assert doc._.relations == [make_relation((0, 2), (3, 7), "leads", head_label="person", tail_label="place")]


def test_what_cannot_be_written_is_counted():
    doc = NLP.make_doc("Adatown is far.")
    anchored = anchor(
        doc.text,
        Analysis(None, (EntityText("person", "Ada"), EntityText("place", "Adatown"), EntityText("place", "Bo"))),
    )
    assert write_analysis(doc, anchored, TASK) == {OFF_GRID: 1, NOT_IN_TEXT: 1}
    assert [entity.text for entity in doc.ents] == ["Adatown"]
    assert doc.cats == {"news": 0.0, "diary": 0.0}  # the string had no text label
    anchored = anchor(
        doc.text, Analysis(None, (RelationText("Ada", "leads", "far"), RelationText("Adatown", "leads", "far")))
    )
    assert write_analysis(doc, anchored, LINKS) == {OFF_GRID: 1}
    assert [triple.tail.text for triple in doc._.triples] == ["far"]


def test_white_space_at_the_ends_of_given_entities():
    doc = spacy.blank("en").make_doc("Ada   left")
    doc.spans["entities"] = [Span(doc, 0, 2, label="person"), Span(doc, 1, 2, label="person")]
    assert analysis_of(doc, TASK).items == (EntityText("person", "Ada"),)


# A text, its events (type and trigger, then each role with its argument and which mention of it is meant), and the
# string. In the second, two events share an argument, names occur twice, and an event is an argument of another one.
EVENTS = {
    "ja": (
        "小湊灯は六月、那珂川町にあかり文庫を設立した。",
        {("founding", "設立した"): {"subject": "小湊灯", "time": "六月", "place": "那珂川町", "object": "あかり文庫"}},
        ":設立;設立した;主体;小湊灯;時;六月;場所;那珂川町;対象;あかり文庫",
    ),
    "en": (
        "In June Ida founded a library in Lima, then left Oslo, said Bo.",
        {
            ("founding", "founded"): {"time": "In June", "subject": "Ida", "object": "a library", "place": "Lima"},
            ("journey", "left"): {"time": "In June", "subject": "Ida", "source": "Oslo"},
            ("report", "said"): {"object": "left", "subject": "Bo"},
        },
        ":founding;founded;time;In June;subject;Ida;object;a library;place;Lima"
        ":journey;left;time;In June;subject;Ida;source;Oslo:report;said;object;left;subject;Bo",
    ),
    "zh": (
        "六月，小凑灯在那珂川町成立了灯文库。",
        {("founding", "成立"): {"time": "六月", "subject": "小凑灯", "place": "那珂川町", "object": "灯文库"}},
        ":成立;成立;时间;六月;主体;小凑灯;地点;那珂川町;对象;灯文库",
    ),
}


@pytest.mark.parametrize("lang", EVENTS)
@pytest.mark.parametrize("make, lead", [(SLGFormat, "prompt_word"), (OIELLMFormat, "task_word")])
def test_events_there_and_back(make, lead, lang):
    text, events, string = EVENTS[lang]
    nlp = spacy.blank("xx", config={"nlp": {"tokenizer": {"@tokenizers": "spacy_mre.CharacterTokenizer.v1"}}})
    doc = nlp.make_doc(text)

    def place(mention):
        start = text.index(mention)
        span = doc.char_span(start, start + len(mention))
        return span.start, span.end

    set_entities(doc, [(*place(trigger), label, 1.0) for label, trigger in events])
    doc._.relations = [
        make_relation(place(trigger), place(argument), role, head_label=label)
        for (label, trigger), arguments in events.items()
        for role, argument in arguments.items()
    ]
    task = task_of_docs([doc], "TCREE:EE", lang)
    assert set(task.labels) == {label for label, _ in events}
    format = make(task)
    word = getattr(task, lead)
    assert format.target(analysis_of(doc, task)) == (f"/{word}/" if make is OIELLMFormat else word) + string
    new = nlp.make_doc(text)
    assert not write_analysis(new, anchor(text, format.parse(format.lead + string).analysis), task)
    assert get_entities(new) == get_entities(doc)
    assert sorted(map(identity, new._.relations)) == sorted(map(identity, doc._.relations))
    assert [relation["head_label"] for relation in new._.relations].count("founding") == 4
    assert {relation["tail_label"] for relation in new._.relations} == ({"", "journey"} if lang == "en" else {""})


def test_events_are_told_from_relations_and_arguments():
    doc = NLP.make_doc("Ida won in Lima and Bo lost")
    set_entities(doc, [(0, 1, "person", 1.0), (1, 2, "victory", 1.0), (3, 4, "place", 1.0), (6, 7, "defeat", 1.0)])
    assert analysis_of(doc, Task.of_template("TCREE:EE", "en")).items is None  # without relations, nothing is known
    doc._.relations = [
        make_relation((1, 2), (0, 1), "subject", head_label="victory"),
        make_relation((1, 2), (3, 4), "place"),
        make_relation((0, 1), (3, 4), "comes_from", head_label="person"),
    ]
    task = Task.of_labels("TCREE:EE", "en", [], ["victory", "defeat"], ["subject", "place"])
    arguments = (ArgumentText("subject", "Ida"), ArgumentText("place", "Lima"))
    assert analysis_of(doc, task).items == (EventText("victory", "won", arguments), EventText("defeat", "lost"))
    gold = EventText("person", "Ida", (ArgumentText("comes_from", "Lima"),))
    wide = Task.of_labels("TCREE:EE", "en", [], ["victory"], ["comes_from", "subject", "place"])
    assert analysis_of(doc, wide).items == (gold, EventText("victory", "won", arguments))


def test_what_is_lost_of_an_event():
    doc = NLP.make_doc("Ida won in Lima")
    task = Task.of_labels("TCREE:EE", "en", [], ["victory"], ["subject", "place"])
    arguments = (ArgumentText("subject", "Bo"), ArgumentText("place", "Lim"), ArgumentText("subject", "Ida"))
    anchored = anchor(doc.text, Analysis(None, (EventText("victory", "won", arguments), EventText("victory", "lost"))))
    assert write_analysis(doc, anchored, task, scores=[0.5, 0.4]) == {NOT_IN_TEXT: 2, OFF_GRID: 1}
    assert [(span.text, span.label_) for span in doc.spans["entities"]] == [("won", "victory")]
    assert [(head.text, label, tail.text, score) for head, label, tail, score in doc._.triples] == [
        ("won", "subject", "Ida", 0.5)
    ]


@pytest.mark.parametrize("lang", ["en", "ja", "zh"])
@pytest.mark.parametrize("folder, template", [("corpus", "SCNM"), ("corpus", "TCREE:RE"), ("events", "TCREE:EE")])
def test_the_hand_written_corpus(lang, folder, template):
    records = read_corpus(ASSETS / folder, read_labels(ASSETS / folder / "labels.json"))[lang]
    docs = list(make_docs(records, spacy.blank("xx"), report=Report()))
    task = task_of_docs(docs, template, lang)
    assert len(task.classes) == 5
    whole = Task.of_template(template, lang)
    assert set(task.labels.values()) <= set(whole.labels.values()) and task.roles == whole.roles
    exact = total = 0
    for format in (SLGFormat(task), OIELLMFormat(task)):
        grammar = format.grammar()
        for doc in docs:
            analysis = analysis_of(doc, task)
            string = format.target(analysis)
            assert format.parse(string).analysis == analysis
            assert grammar.accepts(string, doc.text)
            anchored = anchor(doc.text, analysis)
            found = {item.item: item.string_offsets for item in anchored.items}
            gold = [item.string_offsets for item in anchored_items(doc, task)]
            exact += sum(found.get(i) == places for i, places in enumerate(gold))
            total += len(gold)
    print(f"{lang}, {template}: {exact} of {total} exact")
    # In a document that mentions a name twice, a string does not tell which mention is meant.
    assert exact >= 0.98 * total > 0
