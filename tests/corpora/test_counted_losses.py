"""What once disappeared in a file without a count in the report."""

from dataclasses import replace

import pytest
import spacy

from spacy_mre import save_docs
from spacy_mre.corpora import READERS, WRITERS, EntityRecord, Record, Report, make_docs
from tests.robustness.strategies import with_extras

ADA = Record("Ada", id="a", entities=[EntityRecord(0, 3, "person")])
NO_RELATIONS = Record("Ada", id="a", relations=[])
NUL = replace(ADA, entities=[EntityRecord(0, 3, "\0")])
LOSSES = [
    ("brat", [replace(ADA, group="g")], "group (not supported by brat)"),
    (
        "brat",
        [NO_RELATIONS],
        "empty relation annotation of a text without entity annotation (brat has no file for it)",
    ),
    (
        "webanno",
        [NO_RELATIONS],
        "empty annotation of relations (WebAnno TSV cannot tell it from a missing one without entities)",
    ),
    (
        "docred",
        [NO_RELATIONS],
        "missing annotation of entities (DocRED cannot tell it from an empty one beside relations)",
    ),
    ("docred", [ADA, ADA], "id that is not unique (the reader of DocRED adds a number)"),
    ("bioc", [replace(ADA, id="\x1f")], "id that contains a control character"),
]
WITHOUT_ENTITIES = [
    ("bioc", NUL, "empty annotation of entities (BioC cannot tell it from a missing one)"),
    ("pubtator", NUL, "empty annotation of entities (PubTator cannot tell it from a missing one)"),
]


def write_and_read(format, records, folder):
    report = Report()
    WRITERS[format](make_docs(records, spacy.blank("en")), folder / "out", report=report)
    return list(READERS[format](folder / "out")), report


def cases(rows):
    """Rows as parameters; those of formats whose package is not installed are skipped."""
    return [pytest.param(*row, marks=with_extras([row[0]])[0].marks) for row in rows]


@pytest.mark.parametrize("format, records, reason", cases(LOSSES))
def test_a_loss_is_counted(format, records, reason, tmp_path):
    back, report = write_and_read(format, records, tmp_path)
    assert report.lost == {reason: 1}
    assert len(back) == len(records)


@pytest.mark.parametrize("format, record, reason", cases(WITHOUT_ENTITIES))
def test_texts_whose_entities_are_all_lost_become_unannotated(format, record, reason, tmp_path):
    back, report = write_and_read(format, [record, replace(ADA, id="b", entities=[])], tmp_path)
    assert [record.entities for record in back] == [None, None]
    assert report.lost[reason] == 2


@pytest.mark.parametrize("format", with_extras(["bioc"]))
def test_an_empty_value_stays_a_string(format, tmp_path):
    back, report = write_and_read(format, [replace(ADA, meta={"by": ""})], tmp_path)
    assert back[0].meta == {"by": ""} and not report.lost


def test_lists_in_metadata_stay_lists(tmp_path):
    records = [replace(ADA, meta={"by": ["Ida", {"of": []}]})]
    save_docs(make_docs(records, spacy.blank("en")), tmp_path / "docs.spacy")
    (back,) = READERS["spacy"](tmp_path / "docs.spacy")
    assert back.meta == {"by": ["Ida", {"of": []}]}


def test_texts_behind_a_document_of_conllu_have_no_group_in_common(tmp_path):
    records = [replace(ADA, id=str(i), group=group) for i, group in enumerate(["g", "g", "", ""])]
    report = Report()
    WRITERS["conllu"](list(make_docs(records, spacy.blank("en"))), tmp_path / "out", report=report)
    groups = [record.group for record in READERS["conllu"](tmp_path / "out")]
    assert groups[:2] == ["g", "g"] and len({*groups}) == 3
    assert report.lost == {"missing group (CoNLL-U begins a new document)": 2}


@pytest.mark.parametrize("format", with_extras(["cas"]))
def test_texts_with_the_same_id_get_the_names_of_their_files(format, tmp_path):
    report = Report()
    WRITERS[format](list(make_docs([ADA, ADA], spacy.blank("en"))), tmp_path / "out", report=report)
    read = [(record.id, record.meta) for record in READERS[format](tmp_path / "out", report=report)]
    assert [meta for _, meta in read] == [{}, {}]
    assert len({id for id, _ in read}) == 2
    assert report.lost == {"id that is not a valid or not a unique file name": 1}


@pytest.mark.parametrize("format, ending", [("brat", "txt"), ("brat", "ann"), ("webanno", "tsv")])
@pytest.mark.parametrize("is_file_first", [True, False])
def test_names_that_would_be_both_a_file_and_a_folder(format, ending, is_file_first, tmp_path):
    ids = ["a", f"A.{ending}/b", f"A.{ending}/c", "b/c", "b/d", "b"][:: 1 if is_file_first else -1]
    back, report = write_and_read(format, [replace(ADA, id=id) for id in ids], tmp_path)
    kept = {"b", "b/c", "b/d"} | ({"a"} if is_file_first else {f"A.{ending}/b", f"A.{ending}/c"})
    new = {"text-000002", "text-000003"} if is_file_first else {"text-000006"}
    assert {record.id for record in back} == kept | new
    assert report.lost == {"id that is not a valid or not a unique file name": len(new)}


def test_a_group_that_cannot_be_written_is_lost_in_every_text(tmp_path):
    back, report = write_and_read("conllu", [replace(ADA, group="\x1f"), replace(ADA, group="\x1f")], tmp_path)
    assert [record.group for record in back] == ["", ""]
    assert report.lost == {"group that is empty, begins with white space or contains a line end": 2}


@pytest.mark.parametrize("format", with_extras(["cas"]))
def test_relations_bring_entities_into_every_text(format, tmp_path):
    back, report = write_and_read(format, [Record("Bo", id="b"), NO_RELATIONS], tmp_path)
    assert [record.entities for record in back] == [[], []]
    assert report.lost["missing annotation of entities (written as an empty one)"] == 2


def test_texts_with_labels_that_do_not_hold_are_annotated(tmp_path):
    back, report = write_and_read("doccano", [Record("Ada", id="a", cats={"news": 0.0})], tmp_path)
    assert back[0].cats == {}
    assert report.lost == {"text label that holds for no text, so that its name is not written": 1}
