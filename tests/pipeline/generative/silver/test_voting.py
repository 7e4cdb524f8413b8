"""Answers, and what they agree on."""

import pytest

from spacy_mre.corpora.record import EntityRecord, Record, RelationRecord
from spacy_mre.corpora.translation.engine import Answer, NoAnswer
from spacy_mre.pipeline.generative.formats import FormatError, RelationText, Task
from spacy_mre.pipeline.generative.formats.analysis import EntityText
from spacy_mre.pipeline.generative.silver.form import SilverForm
from spacy_mre.pipeline.generative.silver.labelling import label
from spacy_mre.pipeline.generative.silver.row import Lost, Reason
from spacy_mre.pipeline.generative.silver.summary import as_markdown, summarize

ENTITIES = Task("T", "en", "entities", "NER", "NER", "None", {"news": "News", "diary": "Diary"}, {"person": "Person"})
RELATIONS = Task("T", "en", "relations", "RE", "RE", "None", {}, {"knows": "knows"})
FORM = SilverForm(ENTITIES, RELATIONS)
TEXT = "Ida met Bo and Cy."


class Fixed:
    name = "fixed"

    def __init__(self, text):
        self.text = text

    def answer(self, messages):
        if self.text is None:
            raise NoAnswer("busy")
        return Answer(self.text)


def ask(*answers, agreement=None, text=TEXT):
    (row,) = label([Record(text, id="1")], [Fixed(one) for one in answers], FORM, agreement=agreement)
    return row


def test_what_most_samples_have_is_kept():
    row = ask(
        "News/NER/:Person;Ida:Person;Bo/RE/:Ida;knows;Bo",
        "Diary/NER/:Person;Ida:Person;Cy/RE/:Ida;knows;Cy",
        "News/NER/:Person;Ida:Person;Bo/RE/;None;",
    )
    assert row.record.entities == [EntityRecord(0, 3, "person"), EntityRecord(8, 10, "person")]
    assert [entity.score for entity in row.record.entities] == [1.0, pytest.approx(2 / 3)]
    assert row.record.relations == [] and row.record.cats == {"news": 1.0, "diary": 0.0}
    assert row.label_share == pytest.approx(2 / 3)
    assert row.lost == [
        Lost(Reason.DISAGREED, "person: Cy (1 of 3)"),
        Lost(Reason.DISAGREED, "Ida - knows - Bo (1 of 3)"),
        Lost(Reason.DISAGREED, "Ida - knows - Cy (1 of 3)"),
    ]


def test_the_share_can_be_set():
    answers = ("News/NER/:Person;Ida:Person;Bo/RE/:Ida;knows;Bo", "News/NER/:Person;Ida/RE/;None;")
    assert len(ask(*answers).record.entities) == 1  # more than half of two are both
    row = ask(*answers, agreement=0.5)
    assert row.record.relations == [RelationRecord(0, 1, "knows")] and row.record.relations[0].score == 0.5
    assert len(ask(*answers, agreement=1.0).record.entities) == 1


def test_a_relation_needs_its_ends():
    both = "News/NER/:Person;Ida:Person;Bo/RE/:Ida;knows;Bo"
    row = ask("News/NER/:Person;Ida/RE/:Ida;knows;Bo", "News/NER/:Person;Ida/RE/:Ida;knows;Bo", both)
    assert row.record.relations == []
    assert row.lost == [Lost(Reason.DISAGREED, "person: Bo (1 of 3)"), Lost(Reason.END_LOST, "Ida - knows - Bo")]


def test_an_answer_that_cannot_be_used_has_no_vote():
    good = "News/NER/:Person;Ida/RE/;None;"
    row = ask(good, None, good)
    assert row.record.entities[0].score == pytest.approx(2 / 3)
    row = ask(good, None, "")
    assert row.record is None and row.reasons == [Lost(Reason.NO_ANSWER, "busy"), Lost(Reason.EMPTY)]


def test_a_text_label_that_nobody_shares_leaves_the_text_out():
    row = ask("News/NER/:None;/RE/;None;", "Diary/NER/:None;/RE/;None;")
    assert row.reasons == [Lost(Reason.NO_LABEL, "news: 1, diary: 1")]
    row = ask("Sport/NER/:None;/RE/;None;")
    assert row.reasons == [Lost(Reason.NO_LABEL)]
    assert row.samples[0].lost == [Lost(Reason.INVENTED_LABEL, "Sport")]


def test_a_blank_text_is_not_asked():
    row = ask("News/NER/:None;/RE/;None;", text=" \n")
    assert row.reasons == [Lost(Reason.BLANK)] and not row.samples


@pytest.mark.parametrize(
    "string",
    [
        "News/NER/:Person;Ida:Person;B\\/o/RE/:Ida;knows;B\\/o",
        "news/NER/: person ; Ida:Person;B\\/o\n/RE/:Ida;Knows;B\\/o",
    ],
)
def test_answers_are_read(string):
    analysis, lost = FORM.read(string)
    assert analysis.label == "news" and not lost
    assert analysis.items == (
        EntityText("person", "Ida"),
        EntityText("person", "B/o"),
        RelationText("Ida", "knows", "B/o"),
    )


@pytest.mark.parametrize(
    "string",
    [
        "News",
        "News/NER/:Person;Ida",
        "News/NER//RE/;None;",
        "/NER/:None;/RE/;None;",
        "News/NER/:Person;Ida/RE/:Ida;knows",
    ],
)
def test_what_cannot_be_read_whole_is_refused(string):
    with pytest.raises(FormatError):
        FORM.read(string)


def test_a_relation_that_does_not_exist_is_counted():
    row = ask("News/NER/:Person;Ida:Person;Bo/RE/:Ida;hates;Bo")
    assert row.samples[0].lost == [Lost(Reason.INVENTED_LABEL, "Ida - hates - Bo")] and len(row.record.entities) == 2


def test_the_report():
    rows = [ask("News/NER/:Person;Ida:Person;Eva/RE/;None;"), ask("")]
    report = summarize(rows, 1)
    assert (report["texts"], report["kept"], report["answers"]["usable"]) == (2, 1, 1)
    assert report["answers"]["faults"] == {"empty": {"count": 1, "examples": [["1", ""]]}}
    left_out = {"not in the text": {"count": 1, "examples": [["1", "person: Eva (not in the text)"]]}}
    assert report["left_out"] == {"answers": left_out, "agreement": {}}
    assert report["labels"] == {"entities": {"person": 1}, "relations": {}, "cats": {"news": 1}}
    assert report["agreement"] == {"annotations": 1, "unanimous": 1, "mean": 1.0}
    assert "| not in the text | 1 | 1: person: Eva (not in the text) |" in as_markdown(report)
    report["labels"]["cats"] = {"a\\|b <b>": 1}
    assert "| a\\\\\\|b &lt;b> | 1 |" in as_markdown(report)
