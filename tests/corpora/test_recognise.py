"""The format of a file or folder is recognised by its content, never guessed."""

import json
import re

import pytest
import spacy

from spacy_mre.corpora import READERS, WRITERS, CorpusError, EntityRecord, Record, RelationRecord, make_docs
from spacy_mre.corpora.catalogue import CATALOGUE
from spacy_mre.corpora.json_evidence import EVIDENCE
from spacy_mre.corpora.recognise import recognise, recognise_why
from tests.corpora.test_real_data import CASES
from tests.robustness.strategies import FOLDERS, SAMPLES, with_extras
from tests.robustness.test_readers import write

ENTITY = {"start": 0, "end": 3, "label": "x"}


def test_every_format_can_be_recognised():
    assert set(CATALOGUE) == set(READERS) == {*SAMPLES, "spacy"}
    assert set(EVIDENCE) <= set(READERS)


@pytest.mark.parametrize("format", SAMPLES)
def test_the_samples(format, tmp_path):
    assert recognise(write(format, tmp_path / "a", SAMPLES[format])) == format


@pytest.mark.parametrize("format", [format for format in SAMPLES if format not in FOLDERS])
def test_names_of_files_do_not_matter(format, tmp_path):
    (content,) = SAMPLES[format].values()
    for name in ("data", "data.txt", "data.json", "data.jsonl"):
        (tmp_path / name).write_text(f"\ufeff{content}", encoding="utf8")
        assert recognise(tmp_path / name) == format


@pytest.mark.parametrize("format", [format for format in SAMPLES if format not in FOLDERS])
def test_a_malformed_record_further_down_is_left_to_the_reader(format, tmp_path):
    (content,) = SAMPLES[format].values()
    if not content.startswith("{") or content[1] == "\n":
        pytest.skip("not JSON lines")
    (tmp_path / "a").write_text(content + "{", encoding="utf8")
    assert recognise(tmp_path / "a") == format


def test_folders(tmp_path):
    folder = tmp_path / "crossre"
    folder.mkdir()
    (folder / "music-dev.json").write_text(SAMPLES["crossre"]["music-dev.json"], encoding="utf8")
    (folder / "README").write_text("Rain", encoding="utf8")
    assert recognise(folder) == "crossre"
    (tmp_path / "docs.spacy").mkdir()
    assert recognise(tmp_path / "docs.spacy") == "spacy"


@pytest.mark.parametrize(
    "line, format",
    [
        ({"text": "Ada"}, "jsonl"),
        ({"text": "Ada", "entities": [], "cats": ["x"]}, "jsonl"),
        ({"text": "Ada", "entities": [ENTITY], "meta": {"label": 1}}, "jsonl"),
        ({"text": "Ada", "cats": {"x": 1}}, "jsonl"),
        ({"text": "Ada", "entities": [], "relations": [], "Comments": []}, "doccano"),
        ({"text": "Ada", "label": []}, "doccano"),
        ({"text": "Ada", "label": "x"}, "doccano"),
        ({"data": "Ada", "label": ["x"]}, "doccano"),
        ({"text": "Ada", "labels": [[0, 3, "x"]]}, "doccano"),
        ({"text": "Ada", "entities": [[0, 3, "x"]], "cats": ["x"]}, "doccano"),
        ({"text": "Ada", "label": "x", "answer": "accept"}, "prodigy"),
        ({"text": "Ada", "label": "x", "_task_hash": 5}, "prodigy"),
        ({"text": "Ada", "spans": [ENTITY], "meta": {}}, "prodigy"),
        ({"text": "Ada", "options": [{"id": "x"}]}, "prodigy"),
        ({"data": {"text": "Ada"}, "predictions": []}, "labelstudio"),
        ({"tokens": ["Ada"], "ner_tags": ["O"]}, "table"),
        ({"tokens": ["Ada"], "tags": [0], "id": "7"}, "table"),
        ({"tokens": ["Ada"], "ner_tags": ["B-x"], "tags": ["NOUN"]}, "table"),
        ({"text": "Ada", "annotations": [{"label": 1, "user": 1}]}, "doccano"),
        ({"text": "Ada", "id": 1, "label": "x", "annotator": 1, "annotation_id": 2, "lead_time": 1.5}, "labelstudio"),
    ],
)
def test_json_lines(line, format, tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(line), encoding="utf8")
    assert recognise(tmp_path / "a.json") == format


def test_parts_of_speech_are_no_table(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"tokens": ["Ada", "met"], "tags": ["PROPN", "VERB"]}), encoding="utf8")
    with pytest.raises(ValueError, match=r"M220.*JSON lines with the keys tokens, tags"):
        recognise(tmp_path / "a.json")


def test_evidence_may_come_late(tmp_path):
    lines = [{"text": "Rain", "entities": []}] * 500 + [{"text": "Ada", "entities": [[0, 3, "x"]]}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf8")
    assert recognise(tmp_path / "a.jsonl") == "doccano"


@pytest.mark.parametrize(
    "content, format",
    [
        ("[ O\n1 O\n] O\n\n{ B-x\n} I-x\n", "conll"),
        ("Ada\tNNP\tS-person\n", "conll"),
        ("Ada\tB-young person\n", "conll"),
        ("東 B-x\n京 M-x\n都 E-x\n", "conll"),
        ("-DOCSTART- -X- O\n\nAda NNP B-person\n", "conll"),
        ("id;text\n1;Ada met Bo.\n", "table"),
        ('text\tlabel\n"Ada\nmet"\tdiary\n', "table"),
        ('tokens,ner_tags\n"[""Ada""]","[""O""]"\n', "table"),
    ],
)
def test_columns(content, format, tmp_path):
    (tmp_path / "a").write_text(content, encoding="utf8")
    assert recognise(tmp_path / "a") == format


@pytest.mark.parametrize(
    "content, seen",
    [
        ('{"tokens": ["Ada"], "entities": []}', "JSON lines with the keys tokens, entities"),
        ('[{"name": "Ada"}]', "a JSON list of objects with the keys name"),
        ("[]", "a JSON list of objects without a record"),
        ('{\n "entities": {},\n "relations": {}\n}', "one JSON object with the keys entities, relations"),
        ("Ada met Bo.", "a text of 3 columns, the last of which has no tags such as B-person and O ('Bo.')"),
        ("B-person Ada\nO met\n", "a text of 2 columns, the last of which has no tags such as B-person and O ('Ada')"),
        ("Ada met Bo.\nRain.\n", "a text without columns"),
        ("text\nRain\n", "a text without columns"),
        ("a,b\n1,2\n", "a table without a column 'text' (the first line is a, b; if it is a table, name"),
        ('"Ada"', "a text without columns"),
    ],
)
def test_no_format_fits(content, seen, tmp_path):
    (tmp_path / "a.x").write_text(content, encoding="utf8")
    with pytest.raises(ValueError, match=rf"M220.*a\.x.*{re.escape(seen)}.*Expected one of: .*doccano.*convert FORMAT"):
        recognise(tmp_path / "a.x")


@pytest.mark.parametrize(
    "content, error",
    [
        ('{"text": ', "line 1: invalid JSON"),
        ("[1, 2]", "record 1: expected a JSON object"),
        ('[{"text": 1', "invalid JSON"),
        ("", "the file is empty"),
        ("\0", "NUL"),
    ],
)
def test_what_cannot_be_read(content, error, tmp_path):
    (tmp_path / "a").write_text(content, encoding="utf8")
    with pytest.raises(CorpusError, match=error):
        recognise(tmp_path / "a")
    with pytest.raises(CorpusError, match="file or folder not found"):
        recognise(tmp_path / "b")


@pytest.mark.parametrize(
    "lines, candidates",
    [
        ([{"text": "Ada", "entities": [ENTITY]}, {"text": "Ada", "label": ["x"]}], "doccano, jsonl"),
        ([{"text": "Ada", "entities": [ENTITY], "label": "news"}], "doccano, jsonl"),
        ([{"text": "Ada", "entities": [[0, 3, "x"]], "answer": "accept"}], "doccano, prodigy"),
        ([{"text": "Ada", "entities": [], "data": {}, "cats": {"x": 1}}], "jsonl, labelstudio"),
    ],
)
def test_several_formats_fit(lines, candidates, tmp_path):
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf8")
    with pytest.raises(ValueError, match=rf"M221.*keys text, entities.*several formats: {candidates}\."):
        recognise(tmp_path / "a.jsonl")


def test_a_folder_of_several_formats(tmp_path):
    write("slots", tmp_path, SAMPLES["slots"])
    write("brat", tmp_path, SAMPLES["brat"])
    with pytest.raises(ValueError, match=r"M221.*a folder with a\.ann, a\.txt.*: brat, slots\."):
        recognise(tmp_path)


def test_a_file_of_a_folder(tmp_path):
    write("slots", tmp_path, SAMPLES["slots"])
    with pytest.raises(ValueError, match=r"M220.*in a folder in the format slots, which is read as a whole"):
        recognise(tmp_path / "seq.in")


@pytest.mark.parametrize("format", ["brat", "slots"])
@pytest.mark.parametrize("name", ["b.jsonl", "notes.txt", "b.json"])
def test_a_file_beside_a_folder_is_no_part_of_it(format, name, tmp_path):
    write(format, tmp_path / "inner" if format == "brat" else tmp_path, SAMPLES[format])
    (tmp_path / name).write_text('{"words": 1}\n', encoding="utf8")
    with pytest.raises(ValueError, match="M220") as error:
        recognise(tmp_path / name)
    assert "read as a whole" not in str(error.value)


def test_a_text_of_brat(tmp_path):
    write("brat", tmp_path, SAMPLES["brat"])
    for name in ("a.txt", "a.ann"):
        with pytest.raises(ValueError, match=r"M220.*in a folder in the format brat, which is read as a whole"):
            recognise(tmp_path / name)


def test_a_table_beside_a_folder_of_another_format(tmp_path):
    write("brat", tmp_path / "standoff", SAMPLES["brat"])
    (tmp_path / "a.csv").write_text("body,stars\nRain,5\n", encoding="utf8")
    with pytest.raises(ValueError, match=r"M220.*convert table IN OUT --text-column NAME\)\. Expected"):
        recognise(tmp_path / "a.csv")


def test_a_file_beside_a_table_is_no_part_of_it(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\nRain,weather\n")
    (tmp_path / "b.jsonl").write_text('{"words": 1}\n')
    with pytest.raises(ValueError, match="M220") as error:
        recognise(tmp_path / "b.jsonl")
    assert "read as a whole" not in str(error.value)


@pytest.mark.parametrize("content", [{}, {"a.txt": "Rain"}, {"train/seq.in": "Rain", "train/seq.out": "O"}])
def test_a_folder_of_no_format(content, tmp_path):
    write("brat", tmp_path, content)
    with pytest.raises(ValueError, match=r"M220.*a folder with (nothing in it|a\.txt|train)"):
        recognise(tmp_path)


@pytest.mark.parametrize("format", with_extras(WRITERS))
def test_what_is_exported_is_recognised(format, tmp_path):
    entities = [EntityRecord(0, 3, "person"), EntityRecord(8, 10, "person")]
    for number, record in enumerate(
        [
            Record("Ada met Bo.", "1", entities, [RelationRecord(0, 1, "met")], {"diary": 1.0}),
            Record("Ada met Bo.", "1", entities, [RelationRecord(0, 1, "met")]),
            Record("Ada met Bo.", "1", entities, None, {"diary": 1.0}),
            Record("Ada met Bo.", "1", entities),
            Record("Ada met Bo.", "1", entities, meta={"label": "x", "page": 3}),
        ]
    ):
        WRITERS[format](make_docs([record], spacy.blank("xx")), tmp_path / f"out-{number}")
        assert recognise(tmp_path / f"out-{number}") == format


@pytest.mark.parametrize("format, path", sorted({(format, path) for format, path, *_ in CASES}))
def test_real_data(mre_data, format, path):
    if not (mre_data / path).exists():
        pytest.skip(f"there is no {path} in the folder of real data")
    assert recognise(mre_data / path) == format
    if format == "crossre":
        for file in (mre_data / path).glob("*.json"):
            assert recognise(file) == format


def test_other_files_of_real_data(mre_data):
    for path in ("conll04/conll04_types.json", "snips", "asdc/data/main/dialog_act", "README.md"):
        if (mre_data / path).exists():
            with pytest.raises(ValueError, match="M220"):
                recognise(mre_data / path)


@pytest.mark.parametrize(
    "content, format, seen",
    [
        ('{"text": "Ada", "label": [[0, 3, "x"]]}', "doccano", "JSON lines with the keys text, label [...]"),
        (
            json.dumps({"text": "Rain", "entities": []}) + "\n" + json.dumps({"text": "Ada", "entities": [ENTITY]}),
            "jsonl",
            "JSON lines with the keys text, entities [start, end, label]",
        ),
        ("Ada B-x\n", "conll", "a text of 2 columns, the last of which has tags (as 'B-x')"),
    ],
)
def test_what_was_seen_says_why(content, format, seen, tmp_path):
    (tmp_path / "a").write_text(content, encoding="utf8")
    assert recognise_why(tmp_path / "a") == (format, seen)


def test_the_catalogue_has_every_format():
    assert CATALOGUE.keys() == READERS.keys()
