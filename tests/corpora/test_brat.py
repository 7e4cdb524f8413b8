import pytest
import spacy

from spacy_mre.corpora import WRITERS, CorpusError, EntityRecord, Record, RelationRecord, Report, make_docs
from spacy_mre.corpora.brat import read_brat
from spacy_mre.corpora.brat_writer import write_records


@pytest.fixture
def brat(tmp_path):
    def write(text, annotations, name="a"):
        file = tmp_path / f"{name}.txt"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(text.encode("utf8"))
        if annotations is not None:
            file.with_suffix(".ann").write_bytes("\n".join(annotations).encode("utf8"))
        return tmp_path

    return write


def test_brat(brat):
    (record,) = read_brat(
        brat("Ada met\nBo.", ["T1\tperson 0 3\tAda", "R1\tmet Arg1:T1 Arg2:T2", "T2\tperson 8 10\tBo", ""])
    )
    assert record.entities == [EntityRecord(0, 3, "person"), EntityRecord(8, 10, "person")]
    assert record.relations == [RelationRecord(0, 1, "met")]
    assert (record.id, record.cats) == ("a", None)


def test_brat_absent_is_not_empty(brat):
    brat("Ada", None, "a")
    brat("Ada", [], "b")
    folder = brat("x", [], "inner/c")
    assert [(record.id, record.entities, record.relations) for record in read_brat(folder)] == [
        ("a", None, None),
        ("b", [], None),
        ("inner/c", [], None),
    ]
    brat("Ada", ["T1\tperson 0 3\tAda", "*\talias T1 T1"], "d")
    assert [record.relations for record in read_brat(folder)] == [None, [], [RelationRecord(0, 0, "alias")], []]


def test_brat_equivalences_become_relations_of_all_pairs(brat):
    (record,) = read_brat(brat("a b c", ["T1\tx 0 1\ta", "T2\tx 2 3\tb", "T3\tx 4 5\tc", "*\tEquiv T1 T2 T3"]))
    assert record.relations == [
        RelationRecord(0, 1, "Equiv"),
        RelationRecord(0, 2, "Equiv"),
        RelationRecord(1, 2, "Equiv"),
    ]


def test_brat_counts_what_records_cannot_represent(brat):
    lines = [
        "T1\tperson 0 3;8 10\tAda Bo",
        "T2\tperson 0 3\tAda",
        "E1\tmeeting:T2 Who:T1",
        "E2\tperson:T2 Who:T2",
        "R1\tmet Arg1:T1 Arg2:T2",
        "A1\tNegation T1",
        "#1\tAnnotatorNotes A1\tsure?",
        "#2\tAnnotatorNotes\tsure?",
    ]
    report = Report()
    (record,) = read_brat(brat("Ada met Bo.", lines), report=report)
    assert (record.entities, record.relations) == ([EntityRecord(0, 3, "person")], [RelationRecord(0, 0, "Who")])
    assert record.meta == {}
    assert report.lost == {
        "discontinuous entity": 1,
        "label of an event that is not that of its trigger": 1,
        "event with the trigger of another one (they become one)": 1,
        "relation with a lost argument": 2,
        "attribute of something else than an entity, event or relation that is read": 1,
        "note of something else than an entity, event or relation that is read": 2,
    }


def test_events_become_relations_from_their_triggers(brat):
    report = Report()
    lines = [
        "T1\tperson 0 3\tAda",
        "T2\tBirth 8 12\tborn",
        "T3\tplace 16 20\tLima",
        "T4\tSay 23 27\tsaid",
        "E1\tBirth:T2 Who:T1 Where:T3 Where2:T3 ",
        "E2\tSay:T4 What:E1",
        "R1\tbefore Arg1:E1 Arg2:E2",
    ]
    (record,) = read_brat(brat("Ada was born in Lima , said Bo.", lines), report=report)
    assert record.relations == [
        RelationRecord(1, 0, "Who"),
        RelationRecord(1, 2, "Where"),
        RelationRecord(1, 2, "Where"),  # Where2
        RelationRecord(3, 1, "What"),
        RelationRecord(1, 3, "before"),
    ]
    assert not report.lost
    assert report.noted == {
        "last line without an end, perhaps cut off": 1,
        "event, read as relations from its trigger": 2,
        "number of the role of an event, left out": 1,
    }


def test_an_event_without_arguments_states_that_there_are_no_relations(brat):
    (record,) = read_brat(brat("Ada was born.", ["T1\tBirth 8 12\tborn", "E1\tBirth:T1"]))
    assert (record.entities, record.relations) == ([EntityRecord(8, 12, "Birth")], [])


def test_arguments_of_relations_have_names(brat):
    report = Report()
    lines = [
        *("T1\tperson 0 3\tAda", "T2\tperson 8 10\tBo", "R1\tmet Arg2:T2 Arg1:T1"),
        *("R2\tcoref Anaphor:T2 Antecedent:T1", "R3\tmet T1 T2", ""),
    ]
    (record,) = read_brat(brat("Ada met Bo.", lines), report=report)
    assert record.relations == [RelationRecord(0, 1, "met"), RelationRecord(1, 0, "coref"), RelationRecord(0, 1, "met")]
    assert report.noted == {"arguments Anaphor and Antecedent of a relation, read as head and tail": 1}


ADA = {"start": 0, "end": 3, "label": "person"}
BO = {"start": 8, "end": 10, "label": "person"}
METADATA = [
    {"kind": "attribute", "label": "Negation", "of": ADA},
    {"kind": "attribute", "label": "Certainty", "of": BO, "value": "very low"},
    {"kind": "note", "label": "AnnotatorNotes", "of": {"head": ADA, "label": "met", "tail": BO}, "text": "sure?\tyes"},
    {"kind": "normalization", "label": "Reference", "of": BO, "value": "Wiki:1", "text": "Bo Fox"},
]
WITH_METADATA = [
    *("T1\tperson 0 3\tAda", "T2\tperson 8 10\tBo", "R1\tmet Arg1:T1 Arg2:T2"),
    *("A1\tNegation T1", "A2\tCertainty T2 very low", "#1\tAnnotatorNotes R1\tsure?\tyes"),
    "N1\tReference T2 Wiki:1\tBo Fox",
]


def test_attributes_notes_and_normalizations_are_metadata_and_written_back(brat, tmp_path):
    report = Report()
    given = [line.replace("A2\t", "M2\t") for line in WITH_METADATA]  # an older form of attributes
    (record,) = read_brat(brat("Ada met Bo.", [*given, ""]), report=report)
    assert record.meta == {"brat": METADATA}
    assert not report.lost and not report.noted
    assert report.kept == {
        "attributes of brat, in the metadata": 2,
        "notes of brat, in the metadata": 1,
        "normalizations of brat, in the metadata": 1,
    }
    docs = [*make_docs([record], spacy.blank("en"))]
    assert WRITERS["brat"](docs, tmp_path / "out", report=report) == 1
    assert (tmp_path / "out" / "a.ann").read_text().splitlines() == WITH_METADATA
    assert not report.lost


def test_metadata_follow_entities_in_another_order_and_without_white_space(brat, tmp_path):
    lines = ["T1\tperson 7 10\t Bo", "T2\tperson 0 3\tAda", "A1\tNegation T1", ""]
    docs = [*make_docs(read_brat(brat("Ada met Bo.", lines)), spacy.blank("en"))]
    WRITERS["brat"](docs, tmp_path / "out")
    written = (tmp_path / "out" / "a.ann").read_text().splitlines()
    assert written == ["T1\tperson 0 3\tAda", "T2\tperson 8 10\tBo", "A1\tNegation T2"]


@pytest.mark.parametrize(
    "meta, lost",
    [
        ({"brat": [METADATA[2]]}, "note of an entity or relation that is not there"),
        ({"brat": [{**METADATA[0], "of": {"start": 0, "end": 99, "label": "person"}}]}, "attribute of an entity"),
        ({"brat": [{**METADATA[0], "of": {"head": 1, "tail": 2, "label": "met"}}]}, "attribute of an entity"),
        ({"brat": [{**METADATA[0], "of": None}]}, "attribute of an entity"),
        ({"brat": [{**METADATA[0], "label": "no label"}]}, "metadata 'brat' that is no"),
        ({"brat": [{**METADATA[0], "value": 3}]}, "metadata 'brat' that is no"),
        ({"brat": [{**METADATA[3], "value": ""}]}, "metadata 'brat' that is no"),
        ({"brat": [{**METADATA[0], "kind": "event"}]}, "metadata 'brat' that is no"),
        ({"brat": ["x"]}, "metadata 'brat' that is no"),
        ({"brat": 3}, "metadata 'brat' that is no"),
        ({"brat": [{**METADATA[0], "value": "a", "text": "b\nc"}]}, "line end or NUL in a note"),
        ({"brat": [], "page": 3}, "metadata (not supported by brat)"),
    ],
)
def test_metadata_that_cannot_be_written_are_counted(tmp_path, meta, lost):
    report = Report()
    write_records([Record("Ada met Bo.", "a", [EntityRecord(0, 3, "person")], meta=meta)], tmp_path, report)
    ((reason, count),) = report.lost.items()
    assert reason.startswith(lost) and count == 1
    read = Report()
    (record,) = read_brat(tmp_path, report=read)
    assert not read.lost
    assert record.meta == ({"brat": [{**METADATA[0], "value": "a", "text": "b c"}]} if "line end" in lost else {})


@pytest.mark.parametrize(
    "lines",
    [
        ["T1\tp 3 6;14 17\tAda Fox"],
        ["T1\tp 14 17;3 6\tFox Ada"],
        ["T1\tp 0 2;3 6;14 17\t😀 Ada Fox"],
        ["T1\tp 3 6;15 17\tAda ox"],
    ],
)
def test_discontinuous_entities_show_what_offsets_count(brat, lines):
    report = Report()
    (record,) = read_brat(brat("😀 Ada and Bo Fox", [*lines, ""]), discontinuous="whole", report=report)
    (entity,) = record.entities
    assert (entity.start, entity.end) == (2 * ("😀" not in lines[0]), 16)
    assert report.noted == {"offsets in UTF-16, converted": 1}


@pytest.mark.parametrize(
    "rule, place, reason",
    [
        ("drop", None, "discontinuous entity"),
        ("whole", (0, 22), "discontinuous entity (read from its first to its last part)"),
        ("longest", (0, 11), "discontinuous entity (its longest part is read)"),
    ],
)
def test_discontinuous_entities_by_rule(brat, rule, place, reason):
    report = Report()
    text = "young women or old men are"
    lines = ["T1\tgroup 15 22;0 11\told men young women", "T2\tgroup 0 5\tyoung", "R1\tis Arg1:T1 Arg2:T2", ""]
    (record,) = read_brat(brat(text, lines), discontinuous=rule, report=report)
    assert record.entities == [*([EntityRecord(*place, "group")] if place else []), EntityRecord(0, 5, "group")]
    assert record.relations == ([RelationRecord(0, 1, "is")] if place else [])
    assert report.lost == {reason: 1, **({} if place else {"relation with a lost argument": 1})}
    assert report.examples[reason] == ["a.ann, line 1: young women old men"]


def test_the_text_of_a_discontinuous_entity_is_compared(brat):
    with pytest.raises(CorpusError, match=r"line 1: the entity T1 is 'old men', but .* 'old young'"):
        list(read_brat(brat("young women or old men", ["T1\tgroup 15 18;0 5\told men"])))


def test_brat_joins_fragments_split_by_a_line_end(brat):
    (record,) = read_brat(brat("New\nYork", ["T1\tplace 0 3;4 8\tNew York"]))
    assert record.entities == [EntityRecord(0, 8, "place")]


def test_brat_offsets_count_carriage_returns(brat):
    (record,) = read_brat(brat("Hi\r\nAda", ["T1\tperson 4 7\tAda\r"]))
    assert record.text[4:7] == "Ada"
    assert record.entities == [EntityRecord(4, 7, "person")]


@pytest.mark.parametrize(
    "line, reason",
    [
        ("T2\tperson 0 4\tAda", "from 0 to 4"),
        ("T2\tperson 0 2\tBo", "the entity T2 is 'Bo', but .* 'Ad'"),
        ("T1\tperson 0 3\tAda", "duplicate identifier T1"),
        ("T2\tperson\tAda", "expected LABEL START END"),
        ("T2\tperson 0 x\tAda", "expected LABEL START END"),
        ("R1\tmet Arg1:T1 Arg2:T9", "refers to T9"),
        ("R1\tmet Arg1:T1", "expected LABEL Arg1:T1 Arg2:T2"),
        ("R1\tmet Arg1:T1 Arg2:T1 Arg3:T1", "expected LABEL Arg1:T1 Arg2:T2"),
        ("T2 person 0 3 Ada", "a tab"),
        ("Q1\tx", "invalid identifier 'Q1'"),
        ("E1\tmeeting:T1 T1", "invalid event 'meeting:T1 T1': expected LABEL:T1 ROLE:T2"),
        ("E1\t", "invalid event"),
        ("E1\tmeeting:E1", "the trigger of the event E1 is E1, expected an entity"),
        ("E1\tmeeting:T9", "refers to T9"),
        ("A1\tNegation", "invalid attribute 'Negation': expected NAME T1"),
        ("N1\tReference T1\tAda", "invalid normalization 'Reference T1': expected NAME T1 DATABASE:ENTRY"),
    ],
)
def test_brat_malformed(brat, line, reason):
    with pytest.raises(CorpusError, match=rf"a\.ann, line 2: .*{reason}"):
        list(read_brat(brat("Ada", ["T1\tperson 0 3\tAda", line])))


def test_the_report_shows_the_folder_of_a_file(brat, tmp_path):
    for name in ("b/a", "c/a"):
        brat("🙂 Ada", ["T1\tx 3 6\tAda", "A1\tSure T1", "R1\tis From:T1 To:T1"], name)
        brat("", None, f"{name}-2")
        (tmp_path / f"{name}.pdf").touch()
    report = Report()
    records = list(read_brat(tmp_path, report=report))
    assert [record.origin for record in records] == ["b/a-2.txt", "b/a.txt", "c/a-2.txt", "c/a.txt"]
    assert report.examples == {
        "last line without an end, perhaps cut off": ["b/a.ann, line 3", "c/a.ann, line 3"],
        "file that is neither a .txt nor an .ann file, not read": ["b/a.pdf", "c/a.pdf"],
        "text without an .ann file (a.txt needs a.ann), read as not annotated": ["b/a-2.txt", "c/a-2.txt"],
        "offsets in UTF-16, converted": ["b/a.txt", "c/a.txt"],
        "arguments From and To of a relation, read as head and tail": ["b/a.ann, line 3", "c/a.ann, line 3"],
    }


def test_brat_unreadable(tmp_path):
    with pytest.raises(CorpusError, match=r"no \.txt file"):
        list(read_brat(tmp_path))
    (tmp_path / "a.txt").write_bytes(b"a\n\xff")
    with pytest.raises(CorpusError, match=r"a\.txt, line 2: byte 2 is not UTF-8"):
        list(read_brat(tmp_path))


def test_writing_counts_what_brat_cannot_represent(tmp_path):
    records = [
        Record("Ada", id="../up", cats={"x": 1.0}, meta={"page": 3}),
        Record(
            "Ada",
            id="a",
            entities=[EntityRecord(0, 3, "a person"), EntityRecord(0, 3, "")],
            relations=[RelationRecord(0, 0, "is"), RelationRecord(0, 0, "")],
        ),
        Record("Ada", id="A", entities=[]),
    ]
    report = Report()
    assert write_records(records, tmp_path / "out", report) == 3
    assert report.lost == {
        "id that is not a valid or not a unique file name": 2,
        "text labels (not supported by brat)": 1,
        "metadata (not supported by brat)": 1,
        "label that is empty or contains white space or NUL": 3,
        "relation with a lost argument": 1,
    }
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "a.ann",
        "a.txt",
        "text-000001.txt",
        "text-000003.ann",
        "text-000003.txt",
    ]


@pytest.mark.parametrize(
    "relations, lost",
    [
        (
            [None, [RelationRecord(0, 0, "is")]],
            {"missing relation annotation (brat cannot distinguish it from an empty one)": 1},
        ),
        ([None, []], {"empty relation annotation (brat cannot distinguish it from a missing one)": 1}),
        ([[], [RelationRecord(0, 0, "is")]], {}),
        ([None, None], {}),
    ],
)
def test_writing_counts_relations_that_become_absent_or_empty(tmp_path, relations, lost):
    report = Report()
    write_records(
        [Record("Ada", id=str(i), entities=[EntityRecord(0, 3, "x")], relations=r) for i, r in enumerate(relations)],
        tmp_path,
        report,
    )
    assert report.lost == lost


def test_writing_notes_other_texts_that_are_read_too(tmp_path):
    for name in ("old.txt", ".kept/old.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("Bo", encoding="utf8")
    report = Report()
    write_records([Record("Ada", id="a", entities=[])], tmp_path, report)
    assert report.noted == {"text in the folder that is not part of this export": 1}


def test_writing_notes_labels_that_brat_cannot_offer(tmp_path):
    entities = [EntityRecord(0, 2, "人物"), EntityRecord(3, 5, "place_1-a")]
    relations = [RelationRecord(0, 1, "生まれ"), RelationRecord(1, 0, "home")]
    records = [Record("三浦 京都", id=name, entities=entities, relations=relations) for name in "ab"]
    report = Report()
    write_records(records, tmp_path, report)
    (note,) = report.noted
    assert "annotation.conf" in note
    assert (report.noted[note], report.examples[note], not report.lost) == (2, ["人物", "生まれ"], True)
    assert [record.entities for record in read_brat(tmp_path)] == [entities, entities]


def test_writing_again_removes_old_annotations(tmp_path):
    write_records([Record("Ada", id="a", entities=[])], tmp_path)
    write_records([Record("Ada", id="a")], tmp_path)
    assert next(read_brat(tmp_path)).entities is None


def test_brat_offsets_may_count_the_byte_order_mark(brat):
    ada, bo = EntityRecord(0, 3, "person"), EntityRecord(8, 10, "person")
    reason = "offsets that count the byte order mark of the text, converted"
    for start, notes in ((0, {}), (1, {reason: 1})):
        lines = [f"T1\tperson {start} {start + 3}\tAda", f"T2\tperson {start + 8} {start + 10}\tBo"]
        report = Report()
        (record,) = read_brat(brat("\ufeffAda\nmet Bo", [*lines, "R1\tmet Arg1:T1 Arg2:T2", ""]), report=report)
        assert (record.text, record.entities, record.relations) == (
            "Ada\nmet Bo",
            [ada, bo],
            [RelationRecord(0, 1, "met")],
        )
        assert report.noted == notes
    # Without a mark, the same offsets are wrong.
    with pytest.raises(CorpusError, match="the entity T1 is 'Ada', but the text at its offsets is 'da"):
        list(read_brat(brat("Ada\nmet Bo", lines)))
