"""Docs as JSON lines of strings, and back."""

import json
import tempfile
from pathlib import Path

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from spacy_mre import load_docs, save_docs
from spacy_mre.annotations.entities import get_entities
from spacy_mre.cli import app
from spacy_mre.corpora import CorpusError, EntityRecord, Record, RelationRecord, Report, make_docs
from spacy_mre.files import write_json_lines
from spacy_mre.pipeline.generative.format_files import format_path, load_formats, save_formats
from spacy_mre.pipeline.generative.formats import OIELLMFormat, SLGFormat, Task
from spacy_mre.pipeline.generative.strings import (
    read_strings,
    string_rows,
    task_of_docs,
    task_of_strings,
)

NLP = spacy.blank("xx")
RECORDS = [
    Record(
        text="Ada met Bo in Aoba.",
        id="1",
        entities=[EntityRecord(0, 3, "person"), EntityRecord(8, 10, "person"), EntityRecord(14, 18, "town")],
        relations=[RelationRecord(0, 2, "lives in"), RelationRecord(1, 0, "met")],
        cats={"society": 1.0},
    ),
    Record(text="It rained.", id="2", entities=[], relations=[], cats={"nature": 1.0}),
]


@pytest.fixture
def docs():
    return list(make_docs(RECORDS, NLP, cats=["nature", "society"]))


def write_strings(docs, path, format, report=None):
    report = Report() if report is None else report
    return write_json_lines(string_rows(docs, format, spans_key="entities", keep_order=False, report=report), path)


def entities(docs):
    return [
        {(doc[e.start : e.end].start_char, doc[e.start : e.end].text, e.label) for e in get_entities(doc) or ()}
        for doc in docs
    ]


def relations(docs):
    return [{(head.start_char, label, tail.start_char) for head, label, tail, _ in doc._.triples} for doc in docs]


def test_there_and_back(docs, tmp_path):
    task = task_of_docs(docs, "SCNM", "en")
    assert (list(task.classes), list(task.labels)) == (["nature", "society"], ["person", "town"])
    for format in (SLGFormat(task), SLGFormat(task, prompt_words=False), OIELLMFormat(task)):
        report = Report()
        assert write_strings(docs, tmp_path / "a.jsonl", format, report=report) == 2
        assert not report.lost and report.kept["entities with offsets that are found again"] == 3
        read = list(read_strings(tmp_path / "a.jsonl", format, strict=True))
        assert [record.id for record in read] == ["a-1", "a-2"] and read[0].relations is None
        back = list(make_docs(read, NLP, cats=["nature", "society"]))
        assert [doc.text for doc in back] == [doc.text for doc in docs]
        assert entities(back) == entities(docs)
        assert [doc.cats for doc in back] == [doc.cats for doc in docs]
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="utf8").splitlines()]
    assert rows[0] == {"input": "Ada met Bo in Aoba./NER", "output": "Society/NER/:Person;Ada:Person;Bo:town;Aoba"}
    assert rows[1] == {"input": "It rained./NER", "output": "Nature/NER/:None;"}


def test_links_there_and_back(docs, tmp_path):
    format = OIELLMFormat(task_of_docs(docs, "TCREE:RE", "en"))
    assert list(format.task.labels) == ["lives in", "met"]
    write_strings(docs, tmp_path / "a.jsonl", format)
    back = list(make_docs(read_strings(tmp_path / "a.jsonl", format), NLP))
    assert relations(back) == relations(docs)
    assert {label for found in entities(back) for _, _, label in found} == {"entity"}


ODD = "aZ京都𠮷🙂e\u0301|\\\"':;<>/\t\n\r\x1c\x85\u2028\u3000 "
LABELS = st.text(st.sampled_from("aZ地:;<\\"), min_size=1, max_size=4).filter(lambda label: label != "None")


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_random_texts(data):
    records = []
    for i in range(data.draw(st.integers(1, 3))):
        text = "x" + data.draw(st.text(st.sampled_from(ODD), max_size=25))
        found = set()
        for start, end, label in data.draw(
            st.lists(st.tuples(st.integers(0, 20), st.integers(1, 25), LABELS), max_size=5)
        ):
            piece = text[start:end]
            if piece.strip():
                lead = start + len(piece) - len(piece.lstrip())
                found.add(EntityRecord(lead, lead + len(piece.strip()), label))
        records.append(
            Record(
                text=text,
                id=str(i),
                entities=sorted(found, key=lambda e: (e.start, e.end, e.label)),
                cats={data.draw(LABELS): 1.0},
            )
        )
    docs = list(make_docs(records, NLP))
    kept = [entity for found in entities(docs) for entity in found]
    if not kept:
        return
    format = data.draw(st.sampled_from([SLGFormat, OIELLMFormat]))(task_of_docs(docs, "SCNM", "en"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.jsonl"
        written, read = Report(), Report()
        write_strings(docs, path, format, report=written)
        back = list(read_strings(path, format, strict=True, report=read))
    assert [record.text for record in back] == [record.text for record in records]
    assert [record.cats for record in back] == [record.cats for record in records]
    assert not read.lost
    reason = "offsets of one of the entities: the same words occur elsewhere too"
    exact = sum(
        (entity.start, record.text[entity.start : entity.end], entity.label) in gold
        for record, gold in zip(back, entities(docs))
        for entity in record.entities
    )
    assert exact == written.kept["entities with offsets that are found again"] == len(kept) - written.lost[reason]
    assert written.lost[reason] <= read.kept["entities with several possible positions"]


def test_what_cannot_be_written_is_counted(docs, tmp_path):
    no_gold, blank, harp = NLP.make_doc("Ada left."), NLP.make_doc("  "), NLP.make_doc("a harp a harp")
    harp.spans["entities"] = [harp.char_span(9, 13, label="person")]
    harp.cats = {"nature": 1.0}
    report = Report()
    assert (
        write_strings(
            [*docs, no_gold, blank, harp],
            tmp_path / "a.jsonl",
            OIELLMFormat(task_of_docs(docs, "SCNM", "en")),
            report=report,
        )
        == 3
    )
    assert report.lost == {
        "document without gold for a part of the task": 1,
        "document without text": 1,
        "offsets of one of the entities: the same words occur elsewhere too": 1,
    }
    with pytest.raises(ValueError, match=r"M907.*town"):
        write_strings(
            docs, tmp_path / "b.jsonl", OIELLMFormat(Task.of_labels("SCNM", "en", ["nature", "society"], ["person"]))
        )


def test_what_cannot_be_read_is_counted_or_refused(tmp_path):
    path = tmp_path / "a.jsonl"
    format = OIELLMFormat(Task.of_template("SCNM", "en"))
    rows = ["Nature/NER/:Person;Ada:Poet;Bo:Person;Eve:Person;Ada", "Nature/NER/:None;"]
    path.write_text(
        "\n".join(json.dumps({"input": "Ada saw Bo, Bo./NER", "output": row}) for row in rows), encoding="utf8"
    )
    report = Report()
    records = list(read_strings(path, format, report=report))
    assert [record.entities for record in records] == [[EntityRecord(0, 3, "person")], []]
    assert report.lost == {
        "part of an output that is not in the format": 2,
        "not in the text": 1,
        "given more often than it occurs in the text": 1,
    }
    assert report.examples["not in the text"] == ["a.jsonl, line 1: person Eve"]
    with pytest.raises(CorpusError, match="line 1: 'Poet' is no label"):
        list(read_strings(path, format, strict=True))
    with pytest.raises(CorpusError, match="line 1: 'input': '/Relation Extraction' was expected"):
        list(read_strings(path, OIELLMFormat(Task.of_template("TCREE:RE", "en"))))
    path.write_text('{"input": "x/NER"}', encoding="utf8")
    with pytest.raises(CorpusError, match="line 1: the key 'output' is missing"):
        list(read_strings(path, format))


@pytest.mark.parametrize(
    "output, cats, entities",
    [
        ("", None, None),
        ("I cannot help.", None, None),
        ("Nature/NER/:Pers", {"nature": 1.0}, None),
        ("Nature/NER/", {"nature": 1.0}, None),
        (":None;", None, []),
        ("Nature/NER/:None;", {"nature": 1.0}, []),
        ("Nature/NER/:Person;Eve", {"nature": 1.0}, []),
        ("Nature/NER/:Person;Cy:Pers", {"nature": 1.0}, [EntityRecord(0, 2, "person")]),
    ],
)
@pytest.mark.filterwarnings("ignore:.*W933")
def test_what_cannot_be_read_does_not_say_that_there_are_none(output, cats, entities, tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"input": "Cy left./NER", "output": output}), encoding="utf8")
    format = OIELLMFormat(Task.of_template("SCNM", "en"))
    (record,) = read_strings(tmp_path / "a.jsonl", format)
    assert (record.cats, record.entities) == (cats, entities)


@pytest.mark.parametrize("template", ["TCREE:RE", "TCREE:EE"])
@pytest.mark.filterwarnings("ignore:.*W933")
def test_relations_that_cannot_be_read_are_not_annotated(template, tmp_path):
    format = OIELLMFormat(Task.of_template(template, "en"))
    row = {"input": format.source("Cy left."), "output": "I cannot help."}
    (tmp_path / "a.jsonl").write_text(json.dumps(row), encoding="utf8")
    (record,) = read_strings(tmp_path / "a.jsonl", format)
    assert (record.entities, record.relations) == (None, None)


def test_the_format_is_saved_next_to_the_strings(tmp_path):
    format = SLGFormat(Task.of_template("SCNM", "zh"), prompt_words=False)
    path = format_path(tmp_path / "train.jsonl")
    assert path.name == "train.format.json"
    save_formats([format], path)
    assert [one.to_dict() for one in load_formats(path)] == [format.to_dict()]
    for data in ("[]", '{"format": "slg"}', '{"format": "slg", "tasks": [{"x": 1}]}', '{"format": "slg", "tasks": []}'):
        path.write_text(data, encoding="utf8")
        with pytest.raises(CorpusError, match=r"train.format.json: this is not a format file"):
            load_formats(path)


def test_labels_are_read_from_the_strings(tmp_path):
    path = tmp_path / "a.jsonl"

    def task(template, *outputs):
        path.write_text("\n".join(json.dumps({"input": "x", "output": output}) for output in outputs), encoding="utf8")
        return task_of_strings(path, "oiellm", template, "en")

    found = task("SCNM", "Sport/NER/:Person;Ada:Poet;Bo", "Nature/NER/:None;")
    assert list(found.classes)[-1] == "Sport" and found.classes["nature"] == "Nature" and "Nature" not in found.classes
    assert found.labels["Poet"] == "Poet" and found.labels["person"] == "Person" and "Person" not in found.labels
    found = task("TCREE:RE", "/Relation Extraction/:Ada\\: x;knows;Bo", "/Relation Extraction/;None;")
    assert not found.classes and list(found.labels)[-1] == "knows"
    found = task("TCONER", "Sport/Open NER/:team;Lions\\:B")
    assert (found.classes, found.labels) == ({"Sport": "Sport"}, {"team": "team"})
    with pytest.raises(ValueError, match="M976"):
        task("TCONER", "nothing")


# The command


@pytest.fixture
def run():
    def invoke(*arguments, code=0):
        result = CliRunner().invoke(app, ["strings", *map(str, arguments)], env={"COLUMNS": "200", "TERM": "dumb"})
        assert result.exit_code == code, result.output + repr(result.exception)
        return result.output

    return invoke


@pytest.mark.parametrize("format", ["slg", "oiellm"])
def test_the_command_there_and_back(run, docs, tmp_path, format):
    save_docs(docs, tmp_path / "train.spacy")
    save_docs(docs[:1], tmp_path / "test.spacy")
    assert "2 documents" in run(tmp_path / "train.spacy", tmp_path / "train.jsonl", "--format", format)
    # The test part has fewer labels, but is to be written with those of the training part.
    run(tmp_path / "test.spacy", tmp_path / "test.jsonl", "--format-file", tmp_path / "train.format.json")
    saved = (tmp_path / "train.format.json").read_bytes()
    run(tmp_path / "test.spacy", tmp_path / "train.jsonl", "--format-file", tmp_path / "train.format.json")
    assert (tmp_path / "train.format.json").read_bytes() == saved
    run(tmp_path / "train.spacy", tmp_path / "train.jsonl", "--format", format)
    first = [(tmp_path / f"{name}.jsonl").read_text(encoding="utf8").splitlines()[0] for name in ("train", "test")]
    assert first[0] == first[1]
    assert "2 documents" in run(tmp_path / "train.jsonl", tmp_path / "back.spacy", "--read", "--strict", "--lang", "en")
    back = list(load_docs(tmp_path / "back.spacy"))
    assert entities(back) == entities(docs) and [doc.cats for doc in back] == [doc.cats for doc in docs]


@pytest.mark.parametrize("end", ["；", "： ", "；；"])
def test_a_fullwidth_end_is_no_part_of_a_name(tmp_path, end):
    texts = ["東京に行く。", f"東京{end.strip()}大阪に行く。"]
    rows = [{"input": f"{text}/固有表現抽出", "output": f"/固有表現抽出/:地名;東京{end}"} for text in texts]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf8")
    first, second = read_strings(path, OIELLMFormat(Task.of_labels("SCNM", "ja", (), ["place"])))
    assert first.entities == [EntityRecord(0, 2, "place")]
    # The text has the name with its end: it may be one.
    assert second.entities == [EntityRecord(0, 2 + len(end.strip()), "place")]


@pytest.mark.parametrize("separator", [",", "\t"])
def test_quotation_marks_in_a_table(tmp_path, separator):
    path = tmp_path / "a.csv"
    lines = [("input", "output"), ('"Ada" won./NER', "/NER/:Person;Ada"), ('"Bo ""x"" won./NER"', "/NER/:Person;Bo")]
    path.write_text("\n".join(map(separator.join, lines)), encoding="utf8")
    task = Task.of_labels("SCNM", "en", (), ["person"])
    records = list(read_strings(path, OIELLMFormat(task)))
    assert [record.text for record in records] == ['"Ada" won.', 'Bo "x" won.']
    assert [record.entities for record in records] == [[EntityRecord(1, 4, "person")], [EntityRecord(0, 2, "person")]]
    assert [record.origin for record in records] == ["a.csv, line 2", "a.csv, line 3"]


def test_the_command_reads_what_others_wrote(run, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"input": "Ada won./NER", "output": "Sport/NER/:Person;Ada:Poet;Bo"}), encoding="utf8")
    assert "not in the text" in run(path, tmp_path / "a.spacy", "--read")
    (doc,) = load_docs(tmp_path / "a.spacy")
    assert doc.cats == {"Sport": 1.0} and [(entity.text, entity.label_) for entity in doc.ents] == [("Ada", "person")]


def test_a_file_that_is_read_may_have_its_template_and_language(run, tmp_path):
    path = tmp_path / "a.jsonl"
    row = {"input": "Ada met Bo./関係抽出", "output": "/関係抽出/:Ada;met;Bo"}
    path.write_text(json.dumps(row, ensure_ascii=False), encoding="utf8")
    run(f"TCREE:RE@ja={path}", tmp_path / "a.spacy", "--read")
    (doc,) = load_docs(tmp_path / "a.spacy")
    assert [(triple.head.text, triple.label, triple.tail.text) for triple in doc._.triples] == [("Ada", "met", "Bo")]
    save_formats([OIELLMFormat(Task.of_template("TCREE:RE", "ja"))], format_path(path))
    output = " ".join(run(f"TCREE:RE={path}", tmp_path / "a.spacy", "--read", code=2).replace("│", "").split())
    assert "has no effect" in output and f"{format_path(path)} has it" in output


@pytest.mark.parametrize("parts, output", [("text", "Society/NER/"), ("words", "/NER/:Person;Ada:Person;Bo:town;Aoba")])
def test_the_command_for_one_part(run, docs, tmp_path, parts, output):
    save_docs(docs, tmp_path / "a.spacy")
    run(tmp_path / "a.spacy", tmp_path / "a.jsonl", "--parts", parts)
    assert json.loads((tmp_path / "a.jsonl").read_text(encoding="utf8").splitlines()[0])["output"] == output


def test_the_command_tells_errors_without_a_traceback(run, docs, tmp_path):
    save_docs(docs, tmp_path / "a.spacy")
    assert "must be a .spacy file" in run(tmp_path / "a.spacy", tmp_path / "a.txt", code=2)
    save_docs([NLP.make_doc("Ada left.")], tmp_path / "bare.spacy")
    assert "[M903]" in run(tmp_path / "bare.spacy", tmp_path / "a.jsonl", code=1)
    (tmp_path / "b.jsonl").write_text("{", encoding="utf8")
    assert "line 1: expected a JSON object on each line" in run(
        tmp_path / "b.jsonl", tmp_path / "b.spacy", "--read", code=1
    )


def test_the_order_of_the_corpus_is_kept_on_request(run, tmp_path):
    doc = NLP("Ada met Bo in Aoba.")
    places = [(14, 18, "town"), (0, 3, "person"), (8, 10, "person")]
    doc.spans["entities"] = [doc.char_span(start, end, label=label) for start, end, label in places]
    save_docs([doc], tmp_path / "a.spacy")

    def output(*options):
        run(tmp_path / "a.spacy", tmp_path / "a.jsonl", *options)
        return json.loads((tmp_path / "a.jsonl").read_text(encoding="utf8"))["output"]

    assert output() == "/NER/:Person;Ada:Person;Bo:town;Aoba"
    assert output("--keep-order") == "/NER/:town;Aoba:Person;Ada:Person;Bo"
    (record,) = read_strings(tmp_path / "a.jsonl", load_formats(format_path(tmp_path / "a.jsonl"))[0], strict=True)
    assert sorted((entity.start, entity.end, entity.label) for entity in record.entities) == sorted(places)


@pytest.mark.parametrize(
    "text, words",
    [
        ("田中さんは町に着いた。", "固有表現抽出/:人名;田中"),
        ("张伟昨天到达小镇。", "命名实体识别/:人名;张伟"),
        ("Ada arrived.", "NER/:Person;Ada"),
    ],
)
def test_the_words_are_in_the_language_of_the_texts(run, tmp_path, text, words):
    doc = spacy.blank("zh")(text) if "Ada" not in text else NLP(text)
    end = 3 if "Ada" in text else 2
    doc.spans["entities"] = [doc.char_span(0, end, label="person")]
    save_docs([doc], tmp_path / "a.spacy")
    run(tmp_path / "a.spacy", tmp_path / "a.jsonl")
    assert json.loads((tmp_path / "a.jsonl").read_text(encoding="utf8"))["output"].endswith(words)
    format_path(tmp_path / "a.jsonl").unlink()
    run(tmp_path / "a.jsonl", tmp_path / "back.spacy", "--read", "--lang", "zh")
    (back,) = load_docs(tmp_path / "back.spacy")
    assert [(span.text, span.label_) for span in back.spans["entities"]] == [(text[:end], "person")]
    run(tmp_path / "a.spacy", tmp_path / "a.jsonl", "--language", "en")
    assert "/NER/:Person;" in (tmp_path / "a.jsonl").read_text(encoding="utf8")


def test_names_are_found_at_token_boundaries(run, tmp_path):
    pytest.importorskip("sudachipy")
    path = tmp_path / "a.jsonl"
    row = {"input": "東京都庁は京都にある。/固有表現抽出", "output": "/固有表現抽出/:地名;京都:施設名;東京都庁"}
    path.write_text(json.dumps(row), encoding="utf8")
    run(path, tmp_path / "a.spacy", "--read", "--lang", "ja")
    (doc,) = load_docs(tmp_path / "a.spacy")
    assert sorted((span.start_char, span.end_char) for span in doc.spans["entities"]) == [(0, 4), (5, 7)]


def test_outputs_without_labels_are_told_with_their_file(run, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"input": "雨だ。/固有表現抽出", "output": "わかりません"}), encoding="utf8")
    assert "[M976]" in run(path, tmp_path / "a.spacy", "--read", "--lang", "ja", code=1)


@pytest.mark.parametrize(
    "options,told",
    [
        (["--strict", "--nlp", "en_cpu"], "--strict, --nlp have no effect: strings are written"),
        (["--read", "--seed", "0"], "--seed has no effect: strings are read"),
        (["--seed", "0"], "--seed has no effect: nothing is mixed"),
        (["--format-file", "FORMATS", "--parts", "words"], "--parts has no effect: FORMATS has them"),
        (
            ["--read", "--format", "slg", "--no-prompt-words"],
            "--format, --prompt-words have no effect: FORMATS has them",
        ),
        (["--format-file", "FORMATS", "--format", "oiellm"], "--format has no effect: FORMATS has them"),
    ],
)
def test_options_without_effect(run, docs, tmp_path, options, told):
    save_docs(docs, tmp_path / "a.spacy")
    run(tmp_path / "a.spacy", tmp_path / "a.jsonl")
    formats = str(tmp_path / "a.format.json")
    names = ["a.jsonl", "b.spacy"] if "--read" in options else ["a.spacy", "b.jsonl"]
    options = [formats if option == "FORMATS" else option for option in options]
    output = " ".join(run(*(tmp_path / name for name in names), *options, code=2).replace("│", "").split())
    assert told.replace("FORMATS", formats) in output and not (tmp_path / names[1]).exists()
