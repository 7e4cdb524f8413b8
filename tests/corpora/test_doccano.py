"""doccano: the keys of each kind of project, as doccano exports them, and what it imports."""

import json
import sys

import pytest
import spacy

from spacy_mre.annotations.entities import get_entities
from spacy_mre.corpora import READERS, WRITERS, CorpusError, EntityRecord, Record, RelationRecord, Report, make_docs
from spacy_mre.corpora.doccano import read_doccano
from spacy_mre.corpora.doccano_writer import write_records
from spacy_mre.corpora.recognise import recognise

NLP = spacy.blank("xx")
ADA, BO = EntityRecord(0, 3, "person"), EntityRecord(8, 10, "person")


@pytest.fixture
def export(tmp_path):
    def write(*items, name="admin.jsonl"):
        path = tmp_path / name
        if name.endswith(".json"):
            content = json.dumps(items, ensure_ascii=False)
        else:
            content = "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items)
        path.write_bytes(content.encode("utf8"))
        return path

    return write


def span(id, label, start, end):
    return {"id": id, "label": label, "start_offset": start, "end_offset": end}


def test_a_project_with_relations(export):
    report = Report()
    item = {
        "id": 3,
        "text": "Ada met Bo.",
        "page": 12,
        "entities": [span(70, "person", 8, 10), span(64, "person", 0, 3)],
        "relations": [{"id": 5, "from_id": 64, "to_id": 70, "type": "met"}],
        "Comments": ["sure?"],
    }
    other = {"id": 4, "text": "Rain", "page": 13, "entities": [], "relations": [], "Comments": []}
    first, second = read_doccano(export(item, other), report=report)
    assert first.entities == [BO, ADA]
    assert first.relations == [RelationRecord(1, 0, "met")]
    assert (first.id, first.meta, first.cats) == ("3", {"page": 12}, None)
    assert (second.entities, second.relations) == ([], [])
    assert report.lost == {"comments of a text": 1}
    assert report.noted == {"key 'page' read as metadata": 2}


def test_the_import_form_has_no_ids_of_relations(export):
    item = {
        "text": "Ada met Bo.",
        "entities": [span(0, "person", 0, 3), span(1, "person", 8, 10)],
        "relations": [{"from_id": 0, "to_id": 1, "type": "met"}],
    }
    (record,) = read_doccano(export(item))
    assert (record.id, record.relations) == ("admin-1", [RelationRecord(0, 1, "met")])


@pytest.mark.parametrize("key", ["label", "labels"])
def test_sequences(export, key):
    old = {"meta": {"by": "x"}, "annotation_approver": None, "comments": []}
    items = [{"id": 1, "text": "Ada met Bo.", key: [[0, 3, "person"], [8, 10, "person"]], **old}]
    first, second = read_doccano(export(*items, {"id": 2, "text": "Rain", key: []}))
    assert (first.entities, first.relations, first.cats, first.meta) == ([ADA, BO], None, None, {"by": "x"})
    assert (second.entities, second.cats) == ([], None)


@pytest.mark.parametrize("name", ["admin.jsonl", "admin.json"])
def test_text_classes(export, name):
    items = [
        {"id": 1, "text": "雨", "label": ["天気", "news"], "Comments": []},
        {"id": 2, "text": "Ada", "label": [], "Comments": []},
        {"id": 3, "data": "Bo", "label": "news"},
    ]
    records = list(read_doccano(export(*items, name=name)))
    assert [record.cats for record in records] == [{"天気": 1.0, "news": 1.0}, {}, {"news": 1.0}]
    assert [record.text for record in records] == ["雨", "Ada", "Bo"]
    assert [record.entities for record in records] == [None] * 3
    assert [record.meta for record in records] == [{}] * 3


def test_intents(export):
    item = {"id": 1, "text": "Ada met Bo.", "entities": [[0, 3, "person"]], "cats": ["diary"], "Comments": []}
    (record,) = read_doccano(export(item))
    assert (record.entities, record.relations, record.cats) == ([ADA], None, {"diary": 1.0})


def test_an_empty_label_means_what_the_others_of_the_file_mean(export):
    report = Report()
    (record,) = read_doccano(export({"text": "Rain", "label": []}), report=report)
    assert (record.entities, record.cats) == (None, None)
    assert list(report.noted) == ["empty 'label', of entities or of text labels: read as not annotated"]


TEXTS = [
    ("🙂🙂 Ada", 3, 6, 5, 8),
    ("𠮷野家", 0, 3, 0, 4),
    ("か\u3099 Ada", 3, 6, 3, 6),
    ("１\u3000Ada", 2, 5, 2, 5),
]


@pytest.mark.parametrize("text, start, end, start_16, end_16", TEXTS)
def test_offsets_count_characters(export, text, start, end, start_16, end_16):
    path = export({"text": text, "label": [[start, end, "x"]]})
    (record,) = read_doccano(path)
    assert record.entities == [EntityRecord(start, end, "x")]
    (record,) = read_doccano(export({"text": text, "label": [[start_16, end_16, "x"]]}), offsets="utf16")
    assert record.entities == [EntityRecord(start, end, "x")]


def test_utf16_offsets_inside_a_character(export):
    with pytest.raises(CorpusError, match="from 1 to 5 in UTF-16, which is inside of a character"):
        list(read_doccano(export({"text": "🙂 Ada", "label": [[1, 5, "x"]]}), offsets="utf16"))


CLUSTERS = "\r\n👩\u200d🚀 か\u3099ｶﾞ👍🏽🇯🇵e\u0301Ada"


def test_offsets_that_count_grapheme_clusters(export):
    pytest.importorskip("regex")
    path = export({"text": CLUSTERS, "label": [[8, 11, "x"]]})
    (record,) = read_doccano(path, offsets="graphemes")
    (entity,) = record.entities
    assert CLUSTERS[entity.start : entity.end] == "Ada"
    report = Report()
    list(read_doccano(path, report=report))
    assert any("Count grapheme clusters" in note for note in report.noted)


@pytest.mark.parametrize("cluster", ["\r\n", "👩\u200d🚀", "か\u3099", "ｶﾞ", "👍🏽", "🇯🇵", "e\u0301", "☺\ufe0f"])
def test_clusters_before_an_entity_are_noted(export, cluster):
    report = Report()
    list(read_doccano(export({"text": f"{cluster} Ada", "label": [[3, 4, "x"]]}), report=report))
    assert len(report.noted) == 1


def test_no_clusters_are_noted(export):
    report = Report()
    list(read_doccano(export({"text": "雨🙂ガ\n Ada", "label": [[5, 6, "x"]]}), report=report))
    assert not report.noted


def test_grapheme_clusters_need_regex(export, monkeypatch):
    monkeypatch.setitem(sys.modules, "regex", None)
    with pytest.raises(ValueError, match="M222"):
        list(read_doccano(export({"text": "Ada", "label": [[0, 3, "x"]]}), offsets="graphemes"))


@pytest.mark.parametrize(
    "item, reason",
    [
        ({"label": []}, "the key 'text' is missing"),
        ({"text": "Ada", "label": [[0, 4, "x"]]}, "'x' goes from 0 to 4"),
        ({"text": "Ada", "label": [[0, 3]]}, r"an entity must be \[start, end, label\]"),
        ({"text": "Ada", "label": [[0, 3, 5]]}, r"an entity must be \[start, end, label\]"),
        ({"text": "Ada", "label": [[0, 3, "x"], "y"]}, "'label' must be a list of"),
        ({"text": "Ada", "label": {"x": 1}}, "'label' must be a list of"),
        ({"text": "Ada", "label": [], "labels": []}, "both a 'label' and a 'labels'"),
        ({"text": "Ada", "label": [[0, 3, "x"]], "entities": []}, "both a 'label' and 'entities'"),
        ({"text": "Ada", "label": ["x"], "cats": ["y"]}, "both a 'label' and 'cats'"),
        ({"text": "Ada", "cats": {"x": 1}}, "text labels must be a list"),
        ({"text": "Ada", "entities": {}}, "'entities' must be a list"),
        ({"text": "Ada", "entities": [span(1, "x", 0, 3), span(1, "x", 0, 2)]}, "two entities have the id 1"),
        ({"text": "Ada", "entities": [{"label": "x", "start_offset": 0}]}, "'end_offset' is missing"),
        ({"text": "Ada", "relations": [{"from_id": 1, "to_id": 1, "type": "x"}]}, "from_id of the relation 'x' is '1'"),
        ({"text": "Ada", "relations": [{"from_id": 1, "to_id": 1}]}, "'type' is missing"),
        ({"text": "Ada", "size": 2**70}, "the metadata cannot be stored"),
        ({"text": "Ada", "group": []}, "'group' must be a string or an integer"),
    ],
)
@pytest.mark.parametrize("name, place", [("admin.jsonl", "line 2"), ("admin.json", "record 2")])
def test_malformed(export, item, reason, name, place):
    with pytest.raises(CorpusError, match=rf"{name}.*{place}: .*{reason}"):
        list(read_doccano(export({"text": "fine"}, item, name=name)))


def test_misspelt_keys_are_losses(export):
    report = Report()
    list(read_doccano(export({"text": "Ada", "entitys": [[0, 3, "x"]]}), report=report))
    assert report.lost == {"key 'entitys' read as metadata (did you mean 'entities'?)": 1}


FULL = Record(
    "Ada met Bo.",
    id="7",
    entities=[ADA, BO],
    relations=[RelationRecord(1, 0, "met")],
    cats={"diary": 1.0, "news": 0.0},
    group="g",
    meta={"page": 3},
)


def written(tmp_path, *records):
    report = Report()
    write_records(records, tmp_path / "out.jsonl", report)
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf8").splitlines()]
    return lines, report


def test_what_is_written_for_relations(tmp_path):
    other = Record("Rain", id="8", cats={"news": 1.0})
    (first, second), report = written(tmp_path, FULL, other)
    assert first == {
        "id": "7",
        "text": "Ada met Bo.",
        "group": "g",
        "page": 3,
        "cats": ["diary"],
        "entities": [span(1, "person", 0, 3), span(2, "person", 8, 10)],
        "relations": [{"id": 1, "from_id": 2, "to_id": 1, "type": "met"}],
    }
    assert second == {"id": "8", "text": "Rain", "cats": ["news"]}
    assert not report.lost
    assert list(report.noted) == ["text labels beside relations, which doccano imports as metadata only"]


def test_what_is_written_for_the_other_projects(tmp_path):
    sequence = Record("Ada met Bo.", id="7", entities=[ADA])
    (item, empty), _ = written(tmp_path, sequence, Record("Rain", entities=[]))
    assert item == {"id": "7", "text": "Ada met Bo.", "label": [[0, 3, "person"]]}
    assert empty["label"] == []
    (item,), _ = written(tmp_path, Record("Ada", entities=[ADA], cats={"diary": 1.0}))
    assert (item["entities"], item["cats"]) == ([[0, 3, "person"]], ["diary"])
    (item,), _ = written(tmp_path, Record("Ada", cats={"diary": 1.0}))
    assert item == {"id": "", "text": "Ada", "label": ["diary"]}


def test_what_doccano_cannot_represent_is_counted(tmp_path):
    entities = [EntityRecord(0, 3, ""), EntityRecord(0, 3, "x")]
    record = Record("Ada", entities=entities, relations=[RelationRecord(0, 1, "x"), RelationRecord(1, 1, "")])
    _, report = written(tmp_path, record, Record("", cats={"a": 0.7, "b": 0.2, "": 1.0}))
    assert report.lost == {
        "entity without a label": 1,
        "relation with a lost argument": 1,
        "relation without a label": 1,
        "value of a text label between 0 and 1": 2,
        "text label that holds for no text, so that its name is not written": 1,
        "text label without a name": 1,
    }
    assert "empty text, which doccano does not import" in report.noted


@pytest.mark.parametrize("format_name", ["doccano", "labelstudio", "prodigy", "cas"])
def test_the_likeliest_of_exclusive_text_labels_is_written_although_it_is_below_one_half(tmp_path, format_name):
    """As it is predicted. Otherwise "none holds" would be read again."""
    docs = list(make_docs([Record("Ada", cats={"diary": 0.25, "news": 0.3, "work": 0.45})] * 2, NLP))
    path = tmp_path / "out"
    WRITERS[format_name](docs, path)
    choice = {"annotations": "predictions"} if format_name == "labelstudio" else {}
    records = list(READERS[format_name](path, **choice))
    assert [{label for label, value in record.cats.items() if value} for record in records] == [{"work"}] * 2


@pytest.mark.parametrize("meta", [{"page": 3, "by": ["Ada"]}, {"label": "x"}, {"page": None}, {"meta": {"a": 1}}, {}])
def test_records_survive(tmp_path, meta):
    docs = list(make_docs([Record(FULL.text, "7", [ADA, BO], FULL.relations, {"diary": 1.0}, None, "g", meta)], NLP))
    WRITERS["doccano"](docs, tmp_path / "out.jsonl")
    (record,) = READERS["doccano"](tmp_path / "out.jsonl")
    record.origin = ""
    assert record == Record(FULL.text, "7", [ADA, BO], FULL.relations, {"diary": 1.0}, None, "g", meta)
    assert len(get_entities(docs[0])) == 2


def test_the_numbers_of_labels_of_an_old_export(export):
    annotation = {"label": 1, "start_offset": 0, "end_offset": 3, "user": 1}
    path = export({"id": 1, "text": "Rain", "annotations": []}, {"id": 2, "text": "Ada", "annotations": [annotation]})
    assert recognise(path) == "doccano"
    with pytest.raises(
        CorpusError, match=r"line 2: 'annotations' has labels as numbers.*export 'JSONL \(Text label\)'"
    ):
        list(read_doccano(path))
