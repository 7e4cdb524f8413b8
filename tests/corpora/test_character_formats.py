"""JSON lines, Stockmark and ASDC: formats with character offsets."""

import json

import pytest

from spacy_mre.corpora import CorpusError, EntityRecord, Record, RelationRecord, Report
from spacy_mre.corpora.asdc import DEMONSTRATIVE, SUB_SPAN, read_asdc
from spacy_mre.corpora.jsonl import read_jsonl, write_records
from spacy_mre.corpora.stockmark import read_stockmark

FULL = Record(
    text="Ada\nmet\u2028Bo.",
    id="1",
    entities=[EntityRecord(0, 3, "person"), EntityRecord(8, 10, "person")],
    relations=[RelationRecord(0, 1, "met")],
    cats={"diary": 1.0, "news": 0.0},
    tokens=[(0, 3), (4, 7), (8, 10)],
    group="g",
    meta={"by": ["Ada", 3]},
)


def test_jsonl_round_trip(tmp_path):
    path = tmp_path / "new" / "a.jsonl"
    records = [FULL, Record(text="x", id="2"), Record(text="", id="3", entities=[], relations=[], cats={}, tokens=[])]
    assert write_records(records, path) == 3
    read = list(read_jsonl(path))
    assert read[0].origin == "a.jsonl, line 1"
    for record in read:
        record.origin = ""
    assert read == records


def test_jsonl_cats_and_ids(tmp_path):
    path = tmp_path / "a.jsonl"
    lines = [
        '{"text": "a", "cats": "x", "entities": null}',
        "",
        '{"text": "a", "id": 5, "cats": ["x", "y"]}',
        '{"text": "a", "cats": {"x": 0}, "meta": "m"}',
    ]
    path.write_text("\ufeff" + "\r\n".join(lines), encoding="utf8")
    records = list(read_jsonl(path))
    assert [record.cats for record in records] == [{"x": 1.0}, {"x": 1.0, "y": 1.0}, {"x": 0.0}]
    assert [record.id for record in records] == ["a-1", "5", "a-4"]
    assert records[0].entities is None
    assert [record.meta for record in records] == [{}, {}, {"meta": "m"}]


@pytest.mark.parametrize(
    "item, reason",
    [
        ({"entities": []}, "'text' is missing"),
        ({"text": 3}, "'text' must be of type str"),
        ({"text": "ab", "entities": [{"start": 0, "end": 3, "label": "x"}]}, "from 0 to 3"),
        ({"text": "ab", "entities": [{"start": True, "end": 2, "label": "x"}]}, "'start' must be of type int"),
        ({"text": "ab", "entities": ["x"]}, "expected a JSON object"),
        ({"text": "ab", "relations": [{"head": 0, "tail": 0, "label": "x"}]}, "head of 'x' is 0"),
        ({"text": "ab", "tokens": [[0, 2], [1, 2]]}, "token 1 begins before"),
        ({"text": "ab", "tokens": [[0]]}, "token 0 must be"),
        ({"text": "ab", "cats": [1]}, "'cats' must be"),
        ({"text": "ab", "cats": {"a": "b"}}, "'cats' must be"),
    ],
)
def test_jsonl_malformed(tmp_path, item, reason):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "fine"}\n' + json.dumps(item), encoding="utf8")
    with pytest.raises(CorpusError, match=rf"a\.jsonl, line 2: .*{reason}"):
        list(read_jsonl(path))


def test_stockmark(tmp_path):
    path = tmp_path / "a.json"
    items = [
        {
            "curid": "9",
            "text": "青山社は東京にある。",
            "entities": [{"name": "青山社", "span": [0, 3], "type": "法人名"}],
        },
        {"curid": "9", "text": "無", "entities": []},
    ]
    path.write_text(json.dumps(items), encoding="utf8")
    first, second = read_stockmark(path)
    assert first.entities == [EntityRecord(0, 3, "法人名")]
    assert (first.id, second.id, first.group, second.group) == ("9-1", "9-2", "9", "9")
    assert (second.entities, second.relations, second.cats) == ([], None, None)


@pytest.mark.parametrize(
    "entity, reason",
    [
        ({"name": "青山", "span": [0, 3], "type": "x"}, "'青山', but .* '青山社'"),
        ({"name": "青山", "span": [2, 4], "type": "x"}, "from 2 to 4"),
        ({"name": "青山", "span": [2], "type": "x"}, "must be two numbers"),
        ({"name": "青山", "span": [0, 2]}, "'type' is missing"),
    ],
)
def test_stockmark_malformed(tmp_path, entity, reason):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"curid": "9", "text": "青山社", "entities": [entity]}]), encoding="utf8")
    with pytest.raises(CorpusError, match=f"record 1: .*{reason}"):
        list(read_stockmark(path))


ACTS = ["utterance_id", "src_file_id", "speaker", "utterance", "speech_act"]
SPANS = [
    *(
        f"{prefix}_{name}"
        for prefix in ("span", "sub_span", "demon_span")
        for name in ("id", "utterance_id", "start", "length", "text")
    ),
    "span_type",
    "negation",
]
AGENT = {"utterance_id": "1", "src_file_id": "5", "speaker": "agent", "utterance": "湖の部屋です。"}
USER = {
    "utterance_id": "2",
    "src_file_id": "5",
    "speaker": "user",
    "utterance": "湖の広い部屋、それで。",
    "speech_act": "要求",
}
PLAIN = {"utterance_id": "3", "src_file_id": "5", "speaker": "user", "utterance": "はい。", "speech_act": "はい"}


def span(prefix, utterance, start, text, **others):
    values = {"id": "7", "utterance_id": utterance, "start": str(start), "length": str(len(text)), "text": text}
    return {**{f"{prefix}_{name}": value for name, value in values.items()}, **others}


@pytest.fixture
def asdc(tmp_path):
    def write(*rows, spans=True):
        for folder, columns, items in (
            ("dialog_act", ACTS, (AGENT, USER, PLAIN)),
            ("request_span", ACTS + SPANS, rows),
        ):
            if folder == "dialog_act" or spans:
                (tmp_path / folder).mkdir()
                lines = ["\t".join(columns), *("\t".join(item.get(column, "") for column in columns) for item in items)]
                (tmp_path / folder / "001.tsv").write_text("\n".join(lines) + "\n", encoding="utf8")
        return tmp_path

    return write


def test_asdc(asdc):
    room = span("span", "2", 2, "広い部屋", span_type="部屋", negation="0")
    rows = [AGENT, {**USER, **room, **span("sub_span", "2", 0, "湖")}, {**USER, **room}, PLAIN]
    report = Report()
    first, second = read_asdc(asdc(*rows), report=report)
    assert first.entities == [EntityRecord(2, 6, "部屋"), EntityRecord(0, 1, SUB_SPAN)]
    assert first.relations == [RelationRecord(0, 1, "sub_span")]
    assert (first.id, first.group, first.cats) == ("2", "5", {"要求": 1.0})
    assert (second.entities, second.relations, second.cats) == ([], [], {"はい": 1.0})
    assert not report.lost


def test_asdc_counts_spans_in_another_utterance(asdc):
    elsewhere = {
        **USER,
        **span("span", "1", 2, "部屋", span_type="部屋", negation="1"),
        **span("demon_span", "2", 7, "それ"),
    }
    report = Report()
    first, _ = read_asdc(asdc(elsewhere), report=report)
    assert first.entities == [EntityRecord(7, 9, DEMONSTRATIVE)]
    assert first.relations == []
    assert report.lost == {
        "span in another utterance": 1,
        "relation demon_span to or from another utterance": 1,
        "negation of a span (an attribute)": 1,
    }
    assert report.examples["span in another utterance"] == ["001.tsv, line 2: 部屋"]


def test_asdc_without_spans_has_no_entity_annotation(asdc):
    assert [(record.entities, record.relations) for record in read_asdc(asdc(spans=False))] == [(None, None)] * 2


@pytest.mark.parametrize(
    "row, reason",
    [
        (
            span("span", "2", 2, "広い部分", span_type="部屋"),
            "line 2: .*'広い部分', but .* '広い部屋'",
        ),
        (span("span", "2", 9, "広い部屋", span_type="部屋"), "line 2: .*from 9 to 13"),
        ({**span("span", "2", 2, "広い部屋"), "span_start": "x"}, "line 2: .*'span_start' must be a number, not 'x'"),
        ({"speech_act": "a\tb"}, "line 2: found 23 columns, but the header has 22"),
    ],
)
def test_asdc_malformed(asdc, row, reason):
    with pytest.raises(CorpusError, match=reason):
        list(read_asdc(asdc({**USER, **row})))


@pytest.mark.parametrize(
    "row, reason",
    [
        ({"utterance_id": "9"}, "refers to the utterance '9', which is not in dialog_act"),
        ({"utterance_id": ""}, "refers to the utterance ''"),
        ({**span("span", "2", 2, "広い部屋"), "sub_span_utterance_id": "8"}, "refers to the utterance '8'"),
        ({**span("span", "2", 2, "広い部屋"), "span_start": "２"}, "'span_start' must be a number"),
        ({**span("span", "2", 2, "広い部屋"), "span_start": "2" * 5000}, "'span_start' must be a number"),
    ],
)
def test_asdc_references(asdc, row, reason):
    with pytest.raises(CorpusError, match=rf"request_span.001\.tsv, line 2: .*{reason}"):
        list(read_asdc(asdc({**USER, **row})))


def test_asdc_dialogues_must_be_complete(asdc):
    folder = asdc(USER)
    acts = folder / "dialog_act" / "001.tsv"
    header, *rows = acts.read_text(encoding="utf8").splitlines(keepends=True)
    for content, reason in (
        (header, "no utterance below the header"),
        (header.replace("\n", "\r"), "no utterance below the header"),
        (header + rows[1] * 2, "line 3: duplicate utterance_id 2"),
        (header + rows[1].replace("user", "uzer"), "line 2: unknown speaker 'uzer'"),
    ):
        acts.write_text(content, encoding="utf8", newline="")
        with pytest.raises(CorpusError, match=reason):
            list(read_asdc(folder))
    acts.unlink()
    (folder / "dialog_act" / "002.tsv").write_text(header + rows[1], encoding="utf8")
    with pytest.raises(CorpusError, match=r"request_span.001\.tsv: there is no file of this name in dialog_act"):
        list(read_asdc(folder))


def test_asdc_counts_what_is_not_read(asdc):
    report = Report()
    list(read_asdc(asdc({**AGENT, **span("span", "1", 2, "部屋", span_type="部屋")}), report=report))
    assert report.lost == {"span of an utterance that is not read": 1}
    assert report.noted == {"utterance without a row in request_span": 2}


def test_asdc_needs_its_folders_and_columns(asdc, tmp_path):
    with pytest.raises(CorpusError, match="expected a folder that contains"):
        list(read_asdc(tmp_path))
    (asdc(spans=False) / "dialog_act" / "001.tsv").write_text("utterance_id\n1\n", encoding="utf8")
    with pytest.raises(CorpusError, match=r"001\.tsv, line 1: the column 'speaker' is missing"):
        list(read_asdc(tmp_path))
