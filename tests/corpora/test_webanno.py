"""WebAnno TSV: files as INCEpTION writes them, and records written for it."""

import pytest

from spacy_mre.corpora import READERS, WRITERS, CorpusError, EntityRecord, Record, RelationRecord, Report
from spacy_mre.corpora.webanno import read_webanno
from spacy_mre.corpora.webanno_values import escape_text, escape_value, stacked, unescape
from spacy_mre.corpora.webanno_writer import write_records

NER = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"
POS = "de.tudarmstadt.ukp.dkpro.core.api.lexmorph.type.pos.POS"
HEADER = "#FORMAT=WebAnno TSV 3.3\n#T_SP=custom.Span|label\n#T_RL=custom.Relation|label|BT_custom.Span\n\n\n"
# As exported by INCEpTION: preprocessing has added parts of speech; an emoji has two units of UTF-16.
EXPORT = (
    f"#FORMAT=WebAnno TSV 3.3\n#T_SP={POS}|PosValue|coarseValue\n#T_SP={NER}|identifier|value\n"
    "#T_CH=de.tudarmstadt.ukp.dkpro.core.api.coref.type.CoreferenceLink|referenceType|referenceRelation\n"
    f"#T_RL=webanno.custom.Relation|value|BT_{NER}\n\n\n"
    "#Sentence.id=s1\n#Text=😊 Ms. Haag plays\n#Text=Elianti\\t\\\\o/ .\n"
    "1-1\t0-2\t😊\tSYM\t*\t_\t_\t_\t_\t_\t_\t\n"
    "1-2\t3-6\tMs.\tNNP\tPROPN\t*[1]|*[2]\tPER[1]|PERpart[2]\tpr[1]\tcoref->1-1\t_\t_\t\n"
    "1-3\t7-11\tHaag\tNNP\tPROPN\thttp://x.org/Q1[3]|*[1]\tfamily\\_name[3]|PER[1]\tpr[1]\t*->1-1\t_\t_\t\n"
    "1-4\t12-17\tplays\tVBZ\tVERB\t_\t_\t_\t_\t_\t_\t\n"
    "1-4.1\t12-16\tplay\t_\t_\t*\tACT\t_\t_\tby|*\t1-2[1_0]|1-3[3_0]\t\n"
    "1-5\t18-25\tElianti\tNNP\tPROPN\t*\t*\t_\t_\tof\t1-4.1\t\n"
    "1-6\t26-29\t\\o/\t_\t_\t_\t_\t_\t_\t_\t_\t\n"
    "1-7\t30-31\t.\t_\t_\t_\t_\t_\t_\t_\t_\t\n"
)


def write(tmp_path, content, name="a.tsv"):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf8", newline="")
    return path


def read(tmp_path, content, **options):
    report = Report()
    (record,) = read_webanno(write(tmp_path, content), report=report, **options)
    return record, report


def test_an_export_of_inception(tmp_path):
    record, report = read(tmp_path, EXPORT)
    assert record.text == "😊 Ms. Haag plays\nElianti\t\\o/ ."
    named = [(record.text[e.start : e.end], e.label) for e in record.entities]
    assert named == [("Ms. Haag", "PER"), ("Ms.", "PERpart"), ("Haag", "family_name"), ("play", "ACT")]
    assert record.relations == [RelationRecord(0, 3, "by")]
    assert [record.text[start:end] for start, end in record.tokens][:2] == ["😊", "Ms."]
    assert (record.id, record.cats, record.origin) == ("a", None, "a.tsv")
    assert report.lost == {
        f"annotation of the layer {POS}, not read": 5,
        "link of a chain of the layer de.tudarmstadt.ukp.dkpro.core.api.coref.type.CoreferenceLink, not read": 2,
        "value of the feature 'identifier', not read": 1,
        "entity without a label": 1,
        "relation with a lost argument": 1,
        "relation without a label": 1,
    }


def test_another_layer_or_feature(tmp_path):
    record, _ = read(tmp_path, EXPORT, layer="POS", feature="coarseValue")
    assert [entity.label for entity in record.entities] == ["PROPN", "PROPN", "VERB", "PROPN"]
    assert record.relations is None
    record, _ = read(tmp_path, EXPORT, feature="identifier")
    assert [entity.label for entity in record.entities] == ["http://x.org/Q1"]
    for options, error in (
        ({"layer": "Place"}, "no span layer 'Place' among .*POS, .*NamedEntity"),
        ({"feature": "label"}, "no feature 'label' among identifier, value"),
        ({"relation_feature": "label"}, "no feature 'label' among value"),
    ):
        with pytest.raises(CorpusError, match=error):
            read(tmp_path, EXPORT, **options)


def test_several_layers_or_features_are_not_guessed(tmp_path):
    two = "#FORMAT=WebAnno TSV 3.3\n#T_SP=a.Person|x\n#T_SP=a.Place|\n\n\n#Text=Ada\n1-1\t0-3\tAda\t{}\t{}\t\n"
    with pytest.raises(CorpusError, match=r"several span layers, a\.Person, a\.Place: choose one with --layer"):
        read(tmp_path, two.format("y", "*"))
    # A layer without features is a label.
    assert read(tmp_path, two.format("_", "*"))[0].entities == [EntityRecord(0, 3, "Place")]
    content = "#FORMAT=WebAnno TSV 3.3\n#T_SP=a.Person|x|y\n\n\n#Text=Ada\n1-1\t0-3\tAda\t{}\t{}\t\n"
    with pytest.raises(CorpusError, match="several features, x, y: choose the label with --feature"):
        read(tmp_path, content.format("1", "2"))
    assert read(tmp_path, content.format("*", "2"))[0].entities == [EntityRecord(0, 3, "2")]


def test_slots_are_counted(tmp_path):
    content = (
        "#FORMAT=WebAnno TSV 3.3\n#T_SP=a.Frame|FE|ROLE_a.Frame:Roles_a.FrameRolesLink|a.Lu\n\n\n#Text=Bob sold\n"
        "1-1\t0-3\tBob\t_\t_\t_\t\n1-2\t4-8\tsold\tsell\tseller;goods\t1-1;1-2\t\n"
    )
    record, report = read(tmp_path, content)
    assert record.entities == [EntityRecord(4, 8, "sell")]
    assert report.lost == {"link of a slot of the layer a.Frame": 1}


def test_a_relation_layer_without_features(tmp_path):
    content = (
        "#FORMAT=WebAnno TSV 3\n#T_SP=a.Span|value\n#T_RL=a.Near|BT_a.Span\n#T_RL=a.Far|BT_a.Other\n\n\n"
        "#Text=This is\n1-1\t0-4\tThis\tx\t_\t1-1\t\n1-2\t5-7\tis\ty\t1-1\t_\t\n"
    )
    record, report = read(tmp_path, content)
    assert record.relations == [RelationRecord(0, 1, "Near")]
    assert report.lost == {"relation of the layer a.Far, not read": 1}


def test_places_without_text_and_stacks_without_ids(tmp_path):
    content = HEADER + "#Text=aaa\n1-1\t0-3\taaa\tx|y\t_\t_\t\n1-1.1\t1-1\t\tz\t_\t_\t\n"
    record, report = read(tmp_path, content)
    assert record.entities == [EntityRecord(0, 3, "x"), EntityRecord(0, 3, "y")]
    assert report.lost == {"annotation without text": 1}


def test_gaps_and_escapes_of_old_versions(tmp_path):
    content = (
        "#FORMAT=WebAnno TSV 3.1\n#T_SP=a.Span|value\n\n\n#Text=caf\\u00e9 \\ud83d\\ude0a\n"
        "1-1\t1-5\tcaf\\u00e9\t_\t\n1-2\t6-8\t😊\tx\t\n\n#Text=Bo\n2-1\t10-12\tBo\t_\t\n\n#Text=.\n3-1\t12-13\t.\t_\t\n"
    )
    record, _ = read(tmp_path, content.replace("\n", "\r\n"))
    assert record.text == " café 😊\n Bo."
    assert record.entities == [EntityRecord(6, 7, "x")]


def test_folders(tmp_path):
    write(tmp_path, EXPORT, "project/doc 1/Ada.tsv")
    write(tmp_path, "#FORMAT=WebAnno TSV 3.3\n\n\n#Text=Rain\n1-1\t0-4\tRain\t\n", "project/b.tsv")
    write(tmp_path, "x", "project/.new/c.tsv")
    first, second = read_webanno(tmp_path / "project")
    assert (first.id, first.entities, first.relations) == ("b", [], [])
    assert second.id == "doc 1/Ada" and len(second.entities) == 4
    (alone,) = read_webanno(tmp_path / "project" / "b.tsv")
    assert (alone.entities, alone.relations) == (None, None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match=r"no \.tsv file"):
        list(read_webanno(tmp_path / "empty"))


ROWS = "1-1\t0-3\tAda\tperson\t_\t_\t\n1-2\t4-6\tBo\tperson\tmet\t1-1\t\n"
TEXT = "#Text=Ada Bo\n"


@pytest.mark.parametrize(
    "content, line, error",
    [
        ("Ada", 1, "expected '#FORMAT=WebAnno TSV 3.3'"),
        ("#FORMAT=WebAnno TSV 2\n", 1, "export as WebAnno TSV v3.x"),
        ("#FORMAT=WebAnno TSV 3.3\n#T_XX=a\n", 2, "expected a layer"),
        ("#FORMAT=WebAnno TSV 3.3\n#T_RL=a|b\n", 2, "must begin with BT_"),
        (HEADER + ROWS, 6, "no #Text= before"),
        (HEADER + TEXT, 6, "a sentence without rows"),
        (HEADER + "#Texts=Ada\n" + ROWS, 6, "expected #Text="),
        (HEADER + TEXT + ROWS.replace("\tperson", ""), 7, "found 5 columns, expected 6"),
        (HEADER + TEXT + ROWS.replace("0-3", "0-x"), 7, "expected a number such as 1-3"),
        (HEADER + TEXT + ROWS.replace("0-3", "0-9"), 7, "not a valid span"),
        (HEADER + TEXT + ROWS.replace("0-3", "0-2"), 7, "the token 1-1 is 'Ada', but the text .* is 'Ad'"),
        (HEADER + TEXT + ROWS.replace("1-2\t", "1-3\t"), 8, "the token 1-3 follows the token 1-1"),
        (HEADER + TEXT + ROWS.replace("1-1\t0", "2-1\t0"), 7, "the token 2-1 follows"),
        (HEADER + TEXT + ROWS.replace("1-2\t4-6\tBo", "1-2\t0-3\tAda"), 8, "begins before the end"),
        (HEADER + TEXT + ROWS.replace("1-2\t4-6", "1-1.1\t4-6"), 8, "not inside of its token"),
        (HEADER + "#Text=🙂\n" + ROWS.replace("0-3\tAda", "0-1\t🙂"), 7, "inside of a character"),
        (HEADER + TEXT + ROWS + "\n#Text=x\n2-1\t3-4\tx\t_\t_\t_\t\n", 11, "begins at 3, but the text .* ends at 6"),
        (HEADER + TEXT + ROWS.replace("\t1-1\t", "\t1-9\t"), 8, "refers to 1-9, where there is no annotation"),
        (HEADER + TEXT + ROWS.replace("\t1-1\t", "\t1-1[7_0]\t"), 8, r"refers to 1-1\[7\], where there is no"),
        (HEADER + TEXT + ROWS.replace("\t1-1\t", "\tx\t"), 8, "invalid end of a relation 'x'"),
        (HEADER + TEXT + ROWS.replace("\t1-1\t", "\t_\t"), 8, "different numbers of relations"),
        (HEADER + TEXT + ROWS.replace("Ada\tperson", "Ada\tperson|x"), 8, "several annotations|no annotation"),
        (HEADER + TEXT + ROWS.replace("Ada\tperson", "Ada\tperson[1"), 7, "invalid value"),
        (HEADER + TEXT + ROWS.replace("Ada\tperson", "Ada\tperson||x"), 7, "invalid cell"),
        (HEADER + TEXT + ROWS.replace("Ada\tperson", "Ada\tx[1]").replace("Bo\tperson", "Bo\ty[1]"), 8, "other values"),
    ],
)
def test_malformed(content, line, error, tmp_path):
    with pytest.raises(CorpusError, match=rf"a\.tsv, line {line}: .*{error}|a\.tsv.*line {line}.*{error}"):
        read(tmp_path, content)


def test_a_file_that_was_cut_off_is_noted(tmp_path):
    goes_on = "sentence that goes on after its last row, perhaps cut off"
    first, second = ROWS.splitlines(keepends=True)
    content = HEADER + "#Text=😊 Ada \n1-1\t0-2\t😊\t_\t_\t_\t\n1-2\t3-6\tAda\t_\t_\t_\t\n"
    assert not read(tmp_path, content)[1].noted
    assert not read(tmp_path, HEADER + TEXT + ROWS)[1].noted
    record, report = read(tmp_path, HEADER + TEXT + first)
    assert (record.text, report.noted, report.examples[goes_on]) == ("Ada Bo", {goes_on: 1}, ["a.tsv, line 7"])
    _, report = read(tmp_path, content + "\n#Text=Bo.\n2-1\t8-10\tBo\t_\t_\t_\t\n2-1.1\t8-9\tB\t_\t_\t_\t\n")
    assert (report.noted, report.examples[goes_on]) == ({goes_on: 1}, ["a.tsv, line 11"])
    _, report = read(tmp_path, HEADER + TEXT + first + second.rstrip())
    assert report.noted == {"last line without an end, perhaps cut off": 1}


@pytest.mark.parametrize(
    "value", ["a_b", "a|b", "a[1]", "a]", "a;b", "->", "\\", "\\_", "*", "_", "a\tb\r\n", "é 🙂 -> x"]
)
def test_values_and_texts_survive(value):
    assert list(stacked(f"{escape_value(value)}[3]|x")) == [(value, 3), ("x", 0)]
    assert list(stacked(escape_value(value))) == [(value, 0)]
    text = f"{value}\x0b\x00\x1f"
    assert unescape(escape_text(text)) == text and "\t" not in escape_text(text)


def test_what_is_written(tmp_path):
    text = "😊 Ada\n  Fox_met\n\nBo"
    record = Record(
        text,
        id="x",
        entities=[EntityRecord(2, 11, "a person"), EntityRecord(8, 11, "name"), EntityRecord(17, 19, "k|n")],
        relations=[RelationRecord(2, 0, "by"), RelationRecord(0, 2, "met")],
        tokens=[(0, 1), (2, 5), (8, 15), (17, 19)],
        cats={"news": 1.0},
        meta={"by": 1},
        group="g",
    )
    report = Report()
    assert write_records([record], tmp_path / "out", report) == 1
    assert (tmp_path / "out" / "x.tsv").read_text(encoding="utf8").split("\n") == [
        "#FORMAT=WebAnno TSV 3.3",
        "#T_SP=custom.Span|label",
        "#T_RL=custom.Relation|label|BT_custom.Span",
        "",
        "",
        "#Text=😊 Ada",
        "1-1\t0-2\t😊\t_\t_\t_\t",
        "1-2\t3-6\tAda\ta person[1]\tby\t3-1[0_1]\t",
        "",
        "#Text=Fox_met",
        "#Text=",
        "2-1\t9-16\tFox_met\t_\t_\t_\t",
        "2-1.1\t9-12\tFox\ta person[1]|name[2]\t_\t_\t",
        "",
        "#Text=Bo",
        "3-1\t18-20\tBo\tk\\|n\tmet\t1-2[1_0]\t",
        "",
    ]
    assert report.lost == {
        "text labels (not supported by WebAnno TSV)": 1,
        "metadata (not supported by WebAnno TSV)": 1,
        "group (not supported by WebAnno TSV)": 1,
    }
    (back,) = READERS["webanno"](tmp_path / "out")
    assert (back.text, back.entities, back.relations) == (text, record.entities, record.relations)
    assert back.tokens == record.tokens


def test_what_cannot_be_written(tmp_path):
    write(tmp_path, "x", "out/old.tsv")
    write(tmp_path, "x", "out/.kept/old.tsv")  # hidden, so it is not read either
    records = [
        Record("Ada Bo", id="a", entities=[EntityRecord(3, 4, "x"), EntityRecord(0, 4, "y"), EntityRecord(0, 3, "")]),
        Record(" \t ", id="b", entities=[], relations=[]),
        Record("", id="c", entities=[], relations=[]),
    ]
    records[0].relations = [RelationRecord(0, 1, "r"), RelationRecord(1, 1, "")]
    records.append(Record("no tokens\there", id="d"))
    report = Report()
    write_records(records, tmp_path / "out", report)
    assert report.lost == {
        "entity of white space only": 1,
        "label that is empty or contains NUL": 2,
        "relation with a lost argument": 1,
        "missing annotation of entities (WebAnno TSV cannot tell it from an empty one)": 1,
        "missing annotation of relations (WebAnno TSV cannot tell it from an empty one)": 1,
    }
    assert report.noted == {"file in the folder that is not part of this export": 1}
    (tmp_path / "out" / "old.tsv").unlink()
    back = list(read_webanno(tmp_path / "out"))
    assert [record.text for record in back] == ["Ada Bo", " \t ", "", "no tokens\there"]
    assert [record.entities for record in back] == [[EntityRecord(0, 3, "y")], [], [], []]
    assert set(WRITERS) <= set(READERS)


def test_the_report_shows_the_folder_of_a_file(tmp_path):
    for folder in ("annotation/doc1.txt", "annotation/doc2.txt"):
        write(tmp_path, EXPORT, f"{folder}/anna.tsv")
    report = Report()
    records = list(read_webanno(tmp_path, report=report))
    assert [record.origin for record in records] == ["annotation/doc1.txt/anna.tsv", "annotation/doc2.txt/anna.tsv"]
    assert report.lost["relation without a label"] == 2
    assert report.examples["relation without a label"] == [
        "annotation/doc1.txt/anna.tsv, line 15",
        "annotation/doc2.txt/anna.tsv, line 15",
    ]
