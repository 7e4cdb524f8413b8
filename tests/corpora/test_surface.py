"""The texts of entities prove what offsets count, in every format that has them."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.corpora import READERS, CorpusError, EntityRecord, Report
from tests.corpora.test_offsets import spans, utf16
from tests.robustness.effort import scale

UNITS = {"characters": len, "UTF-16": utf16, "UTF-8": lambda text: len(text.encode())}


def as_jsonl(text, entities):
    return {"text": text, "entities": [{"start": s, "end": e, "label": "x", "text": t} for s, e, t in entities]}


def as_prodigy(text, entities):
    return {"text": text, "spans": [{"start": s, "end": e, "label": "x", "text": t} for s, e, t in entities]}


def as_label_studio(text, entities):
    values = [{"start": s, "end": e, "text": t, "labels": ["x"]} for s, e, t in entities]
    results = [{"id": str(i), "type": "labels", "value": value} for i, value in enumerate(values)]
    return {"data": {"text": text}, "annotations": [{"result": results}]}


def as_stockmark(text, entities):
    return {"curid": "1", "text": text, "entities": [{"name": t, "span": [s, e], "type": "x"} for s, e, t in entities]}


def as_table(text, entities):
    cell = json.dumps(as_jsonl(text, entities)["entities"], ensure_ascii=False).replace('"', '""')
    return f'"{text}","{cell}"\r\n'


def as_brat(text, entities):
    return "".join(f"T{i}\tx {s} {e}\t{t}\n" for i, (s, e, t) in enumerate(entities, start=1))


LINES = {"jsonl": as_jsonl, "prodigy": as_prodigy}
LISTS = {"labelstudio": as_label_studio, "stockmark": as_stockmark}
FORMATS = [*LINES, *LISTS, "table", "brat"]


def read(format, folder, *records):
    """Write texts with entities (start, end, text), and read them."""
    report = Report()
    path = folder / "a"
    if format == "brat":
        path.mkdir()
        for number, (text, entities) in enumerate(records):
            (path / f"{number}.txt").write_bytes(text.encode())
            (path / f"{number}.ann").write_bytes(as_brat(text, entities).encode())
    elif format == "table":
        path.write_bytes(("text,entities\r\n" + "".join(as_table(*record) for record in records)).encode())
    elif format in LINES:
        items = [json.dumps(LINES[format](*record), ensure_ascii=False) for record in records]
        path.write_text("\n".join(items), encoding="utf8")
    else:
        items = [LISTS[format](*record) for record in records]
        path.write_text(json.dumps(items, ensure_ascii=False), encoding="utf8")
    return list(READERS[format](path, report=report)), report


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "text, start, end, noted",
    [
        ("京🙂 Ada met Bo", 3, 6, None),
        ("京🙂 Ada met Bo", 4, 7, "offsets in UTF-16, converted"),
        ("京🙂 Ada met Bo", 8, 11, "offsets in UTF-8, converted"),
        ("a\r\nb\r\n Ada", 5, 8, "offsets in characters with line ends as one, converted"),
        ("a\nb\n Ada", 7, 10, "offsets in characters with line ends as two, converted"),
        ("京\r\n🙂 Ada", 5, 8, None),
        ("京\r\n🙂\r\n Ada", 6, 9, "offsets in UTF-16 with line ends as one, converted"),
        ("京\n🙂\n Ada", 12, 15, "offsets in UTF-8 with line ends as two, converted"),
    ],
)
def test_what_offsets_count_is_found_and_told(format, text, start, end, noted, tmp_path):
    (record,), report = read(format, tmp_path, (text, [(start, end, "Ada")]))
    place = text.index("Ada")
    assert record.text == text
    assert record.entities == [EntityRecord(place, place + 3, "x")]
    assert report.noted == ({noted: 1} if noted else {})
    assert not report.lost


@pytest.mark.parametrize("format", FORMATS)
def test_what_differs_is_an_error(format, tmp_path):
    text = "京🙂 Ada met Bo"
    # The first fits UTF-16, the second characters: no meaning fits the whole record.
    with pytest.raises(CorpusError, match=r"'Ada', but the text at its offsets is 'da '") as caught:
        read(format, tmp_path, ("Rain", []), (text, [(4, 7, "Ada"), (11, 13, "Bo")]))
    place = {"brat": "1.ann, line 1", "jsonl": "line 2", "prodigy": "line 2", "table": "line 3"}
    assert place.get(format, "record 2") in str(caught.value)


@pytest.mark.parametrize("format", FORMATS)
def test_other_records_decide_if_several_meanings_fit(format, tmp_path):
    odd = ("🙂 aaaa", [(4, 6, "aa")])
    clear = ("🙂 Ada", [(3, 6, "Ada")])
    plain = ("Ada", [(0, 3, "Ada")])
    records, _ = read(format, tmp_path, odd, clear, *[plain] * 5)
    assert [record.entities[0].start for record in records] == [3, 2, 0, 0, 0, 0, 0]


def test_entities_without_texts(tmp_path):
    clear = ("🙂 Ada", [(3, 6, "Ada")])
    bare = ("🙂 Bo", [(3, 5, None)])
    records, report = read("jsonl", tmp_path, clear, bare)
    assert [record.entities[0].start for record in records] == [2, 2]
    assert report.noted == {"offsets in UTF-16, converted": 2}
    # Nothing proves another meaning: an invalid span stays an error.
    with pytest.raises(CorpusError, match="line 1: the entity 'x' goes from 3 to 5"):
        read("jsonl", tmp_path, bare)


def test_tokens_are_converted_too(tmp_path):
    item = as_jsonl("🙂 Ada", [(3, 6, "Ada")]) | {"tokens": [[0, 2], [3, 6]]}
    (tmp_path / "a").write_text(json.dumps(item), encoding="utf8")
    (record,) = READERS["jsonl"](tmp_path / "a")
    assert record.tokens == [(0, 1), (2, 5)]
    tokens = [{"text": "🙂", "start": 0, "end": 2, "id": 0}, {"text": "Ada", "start": 3, "end": 6, "id": 1}]
    item = {"text": "🙂 Ada", "tokens": tokens, "spans": [{"start": 3, "end": 6, "label": "x"}]}
    item["spans"][0].update(token_start=1, token_end=1)
    (tmp_path / "a").write_text(json.dumps(item), encoding="utf8")
    (record,) = READERS["prodigy"](tmp_path / "a")
    assert record.tokens == [(0, 1), (2, 5)] and record.entities == [EntityRecord(2, 5, "x")]


def test_the_text_of_an_entity_must_be_a_string(tmp_path):
    item = {"text": "Ada", "entities": [{"start": 0, "end": 3, "label": "x", "text": 5}]}
    (tmp_path / "a").write_text(json.dumps(item), encoding="utf8")
    with pytest.raises(CorpusError, match="line 1: 'text' must be of type str"):
        list(READERS["jsonl"](tmp_path / "a"))


def test_white_space_may_differ(tmp_path):
    (record,), report = read("jsonl", tmp_path, ("Ada  met\nBo", [(0, 11, "Ada met Bo")]))
    assert record.entities == [EntityRecord(0, 11, "x")] and not report.noted


@settings(max_examples=scale(60), deadline=None, derandomize=True)
@given(st.lists(spans(), min_size=1, max_size=4), st.sampled_from([*UNITS]), st.sampled_from(["jsonl", "prodigy"]))
def test_every_entity_gets_its_text(tmp_path_factory, chosen, unit, format):
    length = UNITS[unit]
    given = [(text, [(length(text[:start]), length(text[:end]), text[start:end])]) for text, start, end in chosen]
    records, _ = read(format, tmp_path_factory.mktemp("export"), *given)
    for record, (text, start, end) in zip(records, chosen, strict=True):
        (entity,) = record.entities
        assert text[entity.start : entity.end].split() == text[start:end].split()
