"""The quality report, against counts that were made by hand."""

import json

import pytest

from spacy_mre.corpora import EntityRecord, Record, RelationRecord
from spacy_mre.corpora.translation.edits import Edit, apply_edits
from spacy_mre.corpora.translation.label_table import LabelTable
from spacy_mre.corpora.translation.quality import Quality
from spacy_mre.corpora.translation.quality_text import as_markdown
from spacy_mre.corpora.translation.row import Reason, Translated


def row(name, source, target, methods, *reasons, reply="x"):
    made = Translated(source, target, methods=methods, reply=reply)
    made.source.id = name
    for reason, detail in reasons:
        made.drop(reason, detail)
    return made


def trip(place="Lima", end=4):
    return Record(f"{place} Ida", entities=[EntityRecord(0, end, "place"), EntityRecord(end + 1, end + 4, "person")])


def source():
    """Ida in Lima."""
    return Record(
        "リマのイダ",
        entities=[EntityRecord(0, 2, "地"), EntityRecord(3, 5, "人")],
        relations=[RelationRecord(1, 0, "在")],
        cats={"日記": 1.0, "報道": 0.0},
    )


def target(place="Lima", entities=2):
    record = trip(place, len(place))
    record.entities = record.entities[:entities]
    record.relations = [RelationRecord(1, 0, "in")] if entities == 2 else []
    record.cats = {"diary": 1.0, "news": 0.0}
    return record


BOTH = ["marker", "marker"]
TABLE = LabelTable({"地": "place", "人": "person"}, {"在": "in"}, {"日記": "diary", "報道": "news"})


def rows():
    return [
        row("1", source(), target(), BOTH),
        row("2", source(), target("LIMA"), ["string", "marker"]),
        row("3", source(), target("Limah"), BOTH),
        row(
            "4",
            source(),
            target(entities=1),
            ["marker", ""],
            (Reason.MARKER_LOST, "b: イダ"),
            (Reason.RELATION_LOST, "イダ 在 リマ"),
        ),
        row("5", source(), None, ["", ""], (Reason.UNPARSABLE, "]")),
        row("6", source(), None, [], (Reason.NO_ANSWER, ""), reply=""),
        row("7", source(), target("Rima"), BOTH, (Reason.MARKER_DOUBLED, "a"), (Reason.MARKER_DOUBLED, "b")),
        row("8", Record("雨"), Record("Rain"), []),
    ]


def report_of(given):
    quality = Quality(TABLE)
    for item in given:
        quality.add(item)
    return quality.report()


def test_counts():
    report = report_of(rows())
    assert (report["rows"], report["kept"]) == (8, 4)
    assert report["reasons"] == {
        "no answer": {"rows": 1, "examples": [{"id": "6", "detail": ""}], "faults": {"unknown": 1}},
        "unparsable": {"rows": 1, "examples": [{"id": "5", "detail": "]"}]},
        "marker lost": {"rows": 1, "examples": [{"id": "4", "detail": "b: イダ"}]},
        "marker doubled": {"rows": 1, "examples": [{"id": "7", "detail": "a"}]},
        "relation with a lost end": {"rows": 1, "examples": [{"id": "4", "detail": "イダ 在 リマ"}]},
    }
    # Rows 1, 3 and 8 of all but row 6.
    assert report["format_accuracy"] == 3 / 7
    # Rows 1, 2, 3 and 7 have two, row 4 has one; seven rows have two in the source.
    assert report["entity_recall"] == 9 / 14
    assert report["relation_recall"] == 4 / 7
    assert report["methods"] == {"marker": 8, "not found": 5, "string": 1}


def test_labels_are_those_of_the_target():
    report = report_of(rows())
    entities = report["labels"]["entities"]
    counts = {"rows": 7, "kept_rows": 3, "source": 7, "kept": 3, "source_share": 0.5, "kept_share": 0.5}
    assert entities == {"distance": 0, "labels": {"person": counts, "place": counts}}
    one = {**counts, "source_share": 1.0, "kept_share": 1.0}
    assert report["labels"]["relations"] == {"distance": 0, "labels": {"in": one}}
    # The label "news" holds for no text.
    assert report["labels"]["cats"] == {"distance": 0, "labels": {"diary": one}}


def test_shift():
    """A row that is dropped has the only animal, whose label no translation shows: it stays as it is."""
    only = Record("犬", entities=[EntityRecord(0, 1, "動物")])
    report = report_of([*rows()[:3], row("9", only, None, [""], (Reason.EMPTY, ""))])
    entities = report["labels"]["entities"]
    assert {label: item["source_share"] for label, item in entities["labels"].items()} == {
        "person": 3 / 7,
        "place": 3 / 7,
        "動物": 1 / 7,
    }
    assert [item["kept_share"] for item in entities["labels"].values()] == [0.5, 0.5, 0]
    assert entities["distance"] == pytest.approx(1 / 7)


def test_names():
    """Lima has two translations, ignoring case; Ida, one. That of row 7, which is dropped, does not count."""
    assert report_of(rows())["names"] == {
        "repeated": 2,
        "several_translations": 1,
        "share": 0.5,
        "examples": [{"name": "リマ", "translations": {"lima": 2, "limah": 1}}],
    }


def test_at_most_three_examples():
    lost = [row(str(number), source(), None, ["", ""], (Reason.EMPTY, "")) for number in range(5)]
    reason = report_of(lost)["reasons"]["empty"]
    assert reason["rows"] == 5
    assert [example["id"] for example in reason["examples"]] == ["0", "1", "2"]


def test_entities_that_are_sent_as_strings():
    """An entity that crosses another one has no mark, and strings of JSON have none."""
    crossing = Record("abcd", entities=[EntityRecord(0, 3, "x"), EntityRecord(1, 4, "y")])
    made = row("1", crossing, Record("abcd", entities=crossing.entities), ["marker", "string"])
    assert report_of([made])["format_accuracy"] == 1
    made.methods = ["string", "marker"]
    assert report_of([made])["format_accuracy"] == 0
    assert report_of([row("1", source(), target(), ["string"] * 2, reply='{"text": "..."}')])["format_accuracy"] == 1


def test_edited_rows_say_nothing_about_answers():
    edited = apply_edits(rows()[:5], [Edit("5", "edit", "[place:a|Lima] [person:b|Ida]")], TABLE)
    report = report_of(edited)
    assert report["kept"] == 4
    assert report["format_accuracy"] == 2 / 4
    assert report["methods"]["edit"] == 2
    assert "unparsable" not in report["reasons"]


def test_no_rows():
    report = report_of([])
    assert report["format_accuracy"] is report["entity_recall"] is report["names"]["share"] is None
    assert as_markdown(report).startswith("# Translation\n\n0 of 0 rows are kept.\n")


def test_the_report_is_json():
    report = report_of(rows())
    assert json.loads(json.dumps(report)) == report


def test_markdown():
    report = report_of([*rows(), row("a|b", source(), None, ["", ""], (Reason.EMPTY, "<b>\n&"))])
    text = as_markdown(report)
    assert "4 of 9 rows are kept." in text
    assert "| Answers in the format that was asked for | 37.5 % |" in text
    assert "| marker lost | 1 | 4 (b: イダ) |" in text
    assert "| empty | 1 | a\\|b (&lt;b> &amp;) |" in text
    assert "| リマ | lima (2), limah (1) |" in text
    assert "## Back-translation" not in text
    report["back"] = {
        "rows": 2,
        "answered": 1,
        "chrf": 54.321,
        "entities": {"precision": 0.5, "recall": None, "f1": 0.25},
        "examples": [{"id": "1", "source": "雨", "target": "Rain", "back": "雪", "chrf": 0.0}],
    }
    back = as_markdown(report)
    assert back.startswith(text)
    assert "1 of 2 kept rows of a sample were translated back." in back
    assert "| chrF | 54.3 |" in back
    assert "| Entities: recall | - |" in back
    assert "| 1 | 雨 | Rain | 雪 | 0.0 |" in back
