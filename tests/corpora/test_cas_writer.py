"""UIMA CAS: what is written, and read again."""

import json
from collections import Counter

import pytest
import spacy
from hypothesis import HealthCheck, given, settings

from spacy_mre.corpora import READERS, WRITERS, EntityRecord, Record, RelationRecord, Report, make_docs
from spacy_mre.corpora.recognise import recognise, recognise_why
from tests.robustness.effort import count, scale
from tests.robustness.strategies import SAMPLES, records

pytest.importorskip("cassis")

from spacy_mre.corpora.cas import read_cas
from spacy_mre.corpora.cas_writer import write_records
from tests.corpora.cas_exports import (
    ENTITIES,
    TEXT,
    json_cas,
    read_xmi,
    write,
)

RECORD = Record(
    TEXT,
    id="a/b: c",
    entities=[*ENTITIES, EntityRecord(13, 16, "white space at its end")],
    relations=[RelationRecord(1, 0, "met"), RelationRecord(0, 3, "in <&>"), RelationRecord(2, 2, "self")],
    cats={"diary": 1.0, "a: b/c": 1.0},
    tokens=[(0, 2), (2, 3), (3, 6), (7, 10), (11, 13), (13, 14), (16, 20), (21, 26)],
    meta={"by": "Ada", "language": "ja", "documentId": "anna", "documentTitle": "x", "": ""},
)


@pytest.mark.parametrize("name", ["out", "one.json", "one.xmi"])
def test_nothing_is_lost_on_the_way(name, tmp_path):
    written, read = Report(), Report()
    assert write_records([RECORD], tmp_path / name, written) == 1
    (back,) = read_cas(tmp_path / name, report=read)
    assert not (written.lost or written.noted or read.lost or read.noted)
    assert (back.text, back.id, back.meta) == (RECORD.text, RECORD.id, RECORD.meta)
    assert (back.entities, back.relations, back.cats) == (RECORD.entities, RECORD.relations, RECORD.cats)
    assert back.tokens == [token for token in RECORD.tokens if TEXT[slice(*token)].strip()]
    assert recognise(tmp_path / name) == "cas"


def test_what_is_written(tmp_path):
    write_records([RECORD], tmp_path / "a.json")
    content = json.loads((tmp_path / "a.json").read_text(encoding="utf8"))
    items = content["%FEATURE_STRUCTURES"]
    kinds = Counter(i["%TYPE"].rsplit(".", 1)[-1] for i in items)
    assert kinds == {
        **{"Sofa": 1, "DocumentMetaData": 1, "Metadata": 3, "Sentence": 2, "Token": 7},
        **{"Span": 5, "Relation": 3, "DocumentLabel": 2},
    }
    by_id = {i["%ID"]: i for i in items}
    made = next(i for i in items if i["%TYPE"] == "custom.Relation")
    head, tail = by_id[made["@Governor"]], by_id[made["@Dependent"]]
    # Offsets count UTF-16; a relation is where its dependent is.
    assert (head["begin"], head["end"], head["label"]) == (8, 16, "crew")
    assert (tail["begin"], tail["end"], tail["label"]) == (0, 3, "a person: x/y")
    assert (made["begin"], made["end"], made["label"]) == (0, 3, "met")
    sentences = [(i["begin"], i["end"]) for i in items if i["%TYPE"].endswith("Sentence")]
    assert sentences == [(0, 17), (19, 29)]
    properties = next(i for i in items if i["%TYPE"].endswith("DocumentMetaData"))
    assert (properties["begin"], properties["end"], properties["documentTitle"]) == (0, 29, "a/b: c")


def test_one_text_per_file(tmp_path):
    records = [Record("Ada", id="x"), Record("Bo", id="y")]
    for name in ("a.json", "a.xmi"):
        for few in ([], records):
            with pytest.raises(ValueError, match=rf"M242.*{name}.*there are {len(few)}\. Name a folder"):
                write_records(few, tmp_path / name)
    assert not list(tmp_path.iterdir())
    write(tmp_path / "out", {"old.json": json_cas(), "notes.txt": "x"})
    report = Report()
    assert write_records(records, tmp_path / "out", report) == 2
    assert report.noted == {"file in the folder that is not part of this export": 1}
    assert [record.text for record in read_cas(tmp_path / "out")] == ["🙂 Ada met Bo.", "Ada", "Bo"]


def test_types_of_other_files_are_kept(tmp_path):
    read_xmi(tmp_path)
    with pytest.raises(ValueError, match=r"M243.*b\.xmi.*TypeSystem\.xml of other files"):
        write_records([RECORD], tmp_path / "b.xmi")
    assert not (tmp_path / "b.xmi").exists()
    for name in ("c.xmi", "d.xmi"):
        write_records([RECORD], tmp_path / "new" / name)
    assert len(list(read_cas(tmp_path / "new"))) == 2


def test_what_cannot_be_written(tmp_path):
    record = Record(
        "a\x07b\x00c",
        id="i\x07",
        entities=[EntityRecord(0, 1, "x\x07"), EntityRecord(2, 3, "y"), EntityRecord(0, 2, "")],
        relations=[RelationRecord(1, 1, "r\x07"), RelationRecord(0, 1, "r"), RelationRecord(1, 1, "")],
        cats={"c\x07": 1.0, "d": 0.7, "e": 0.0},
        meta={"k": "v\x07", "n": 3},
        group="g",
    )
    report = Report()
    write_records([record], tmp_path / "a.xmi", report)
    (back,) = read_cas(tmp_path / "a.xmi")
    assert (back.text, back.id, back.entities, back.relations) == ("a b c", "i ", [EntityRecord(2, 3, "y")], [])
    assert (back.cats, back.meta) == ({"d": 1.0}, {})
    assert report.lost == {
        "control character (written as a space in XML)": 2,
        "label that is empty or contains a control character": 4,
        "relation with a lost argument": 1,
        "text label that is empty or contains a control character": 1,
        "value of a text label between 0 and 1": 1,
        "text label that holds for no text, so that its name is not written": 1,
        "metadata with a control character": 1,
        "metadata that is not a string": 1,
        "group (not supported by UIMA CAS)": 1,
    }
    # JSON can represent control characters.
    report = Report()
    write_records([record], tmp_path / "a.json", report)
    (back,) = read_cas(tmp_path / "a.json")
    assert (back.text, back.id, back.entities) == (record.text, record.id, record.entities[:2])
    assert back.relations == record.relations[:2]
    assert report.lost["label that is empty or contains a control character"] == 2


def test_ids_and_absent_annotations(tmp_path):
    records = [Record("a", id="x/:"), Record("b", id="x/:", entities=[], cats={"c": 1.0}), Record("c", relations=[])]
    report = Report()
    write_records(records, tmp_path / "out", report)
    back = list(read_cas(tmp_path / "out"))
    assert [record.id for record in back] == ["text-000001", "text-000002", "text-000003"]
    assert [record.entities for record in back] == [[], [], []]
    assert report.lost == {
        "id that is not a valid or not a unique file name": 3,
        "missing annotation of entities (UIMA CAS cannot tell it from an empty one)": 2,
        "missing annotation of relations (UIMA CAS cannot tell it from an empty one)": 2,
        "missing annotation of text labels (UIMA CAS cannot tell it from an empty one)": 2,
    }


@settings(
    max_examples=scale(40), deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(record=records())
def test_xmi_keeps_every_text(record, tmp_path_factory):
    count()
    path = tmp_path_factory.mktemp("cas") / "a.xmi"
    report, read = Report(), Report()
    record.id = "a"
    write_records([record], path, report)
    (back,) = read_cas(path, report=read)
    assert not read.lost
    if not report.lost:
        assert back.text == record.text
        assert back.entities == record.entities
        assert (back.relations, back.cats) == (record.relations, record.cats)
    assert set(report.lost) <= {"control character (written as a space in XML)"} and len(back.text) == len(record.text)


def test_relations_without_entities(tmp_path):
    report = Report()
    write_records([Record("a", id="x", relations=[])], tmp_path / "a.json", report)
    (back,) = read_cas(tmp_path / "a.json")
    assert (back.entities, back.relations) == ([], [])
    assert report.lost == {"missing annotation of entities (written as an empty one)": 1}


def test_export_reads_what_convert_wrote(tmp_path):
    docs = list(make_docs([RECORD], spacy.blank("xx")))
    WRITERS["cas"](docs, tmp_path / "out")
    (back,) = READERS["cas"](tmp_path / "out")
    assert len(back.relations) == 3 and back.meta == RECORD.meta
    assert recognise_why(tmp_path / "out").seen == "a folder with text-000001.json"
    assert SAMPLES["cas"]
