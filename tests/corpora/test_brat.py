import pytest

from spacy_mre.corpora import CorpusError, EntityRecord, Record, RelationRecord, Report
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
        "R1\tmet Arg1:T1 Arg2:T2",
        "R2\tmet Arg1:T2 Arg2:E1",
        "A1\tNegation T2",
        "M1\tNegation T2",
        "N1\tReference T2 Wiki:1\tAda",
        "#1\tAnnotatorNotes T2\tsure?",
    ]
    report = Report()
    (record,) = read_brat(brat("Ada met Bo.", lines), report=report)
    assert (record.entities, record.relations) == ([EntityRecord(0, 3, "person")], [])
    assert report.lost == {
        "discontinuous entity": 1,
        "event (brat line E)": 1,
        "attribute (brat line A)": 1,
        "attribute (brat line M)": 1,
        "normalization (brat line N)": 1,
        "note (brat line #)": 1,
        "relation with a lost argument": 2,
    }


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
    ],
)
def test_brat_malformed(brat, line, reason):
    with pytest.raises(CorpusError, match=rf"a\.ann, line 2: .*{reason}"):
        list(read_brat(brat("Ada", ["T1\tperson 0 3\tAda", line])))


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


def test_writing_again_removes_old_annotations(tmp_path):
    write_records([Record("Ada", id="a", entities=[])], tmp_path)
    write_records([Record("Ada", id="a")], tmp_path)
    assert next(read_brat(tmp_path)).entities is None
