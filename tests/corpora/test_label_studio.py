"""Label Studio: tasks as it exports them (JSON and JSON_MIN), and tasks with predictions that it imports."""

import json

import pytest
import spacy

from spacy_mre.annotations.entities import get_entities
from spacy_mre.corpora import READERS, WRITERS, CorpusError, EntityRecord, Record, RelationRecord, Report, make_docs
from spacy_mre.corpora.label_studio import read_label_studio
from spacy_mre.corpora.label_studio_writer import write_records

NLP = spacy.blank("xx")
ADA, BO = EntityRecord(0, 3, "person"), EntityRecord(8, 10, "person")


def region(id, start, end, text, *labels, **others):
    value = {"start": start, "end": end, "labels": list(labels)} | ({} if text is None else {"text": text})
    return {
        "id": id,
        "from_name": "label",
        "to_name": "text",
        "type": "labels",
        "origin": "manual",
        "value": value,
    } | others


def choice(*names, **place):
    tags = {"id": "q0kUpBsXgE", "from_name": "kind", "to_name": "text", "type": "choices", "origin": "manual"}
    return {**tags, "value": {"choices": list(names), **place}}


def relation(first, second, *labels, direction="right"):
    return {"from_id": first, "to_id": second, "type": "relation", "direction": direction, "labels": list(labels)}


def annotation(*results, **others):
    return {
        **{"id": 41, "completed_by": 1, "result": list(results), "was_cancelled": False, "ground_truth": False},
        **{"created_at": "2024-05-02T07:15:28.6Z", "updated_at": "2024-05-02T07:15:28.6Z", "lead_time": 9.3},
        **{"prediction": {}, "result_count": 0, "unique_id": "0f", "task": 7, "project": 3},
        **others,
    }


def task(text, *annotations, **others):
    return {
        **{"id": 7, "data": {"text": text}, "annotations": list(annotations), "drafts": [], "predictions": []},
        **{"meta": {}, "file_upload": "9e-texts.json", "created_at": "2024-05-02T07:13:01.5Z", "inner_id": 1},
        **{"total_annotations": 1, "cancelled_annotations": 0, "total_predictions": 0, "comment_count": 0},
        **{"unresolved_comment_count": 0, "last_comment_updated_at": None, "project": 3, "updated_by": 1},
        **{"comment_authors": []},
        **others,
    }


@pytest.fixture
def export(tmp_path):
    def write(*tasks):
        path = tmp_path / "project-3.json"
        path.write_bytes(json.dumps(tasks, ensure_ascii=False).encode("utf8"))
        return path

    return write


@pytest.fixture
def read(export):
    def run(*tasks, **options):
        report = Report()
        return list(read_label_studio(export(*tasks), report=report, **options)), report

    return run


REGIONS = (region("a", 0, 3, "Ada", "person"), region("b", 8, 10, "Bo", "person"))


def test_regions_relations_and_choices(read):
    full = annotation(*REGIONS, relation("b", "a", "met"), choice("diary"))
    other = annotation(region("c", 0, 2, "雨だ", "天気"))
    (first, second), report = read(task("Ada met Bo.", full), task("雨だ", other, id=8))
    assert (first.entities, first.relations, first.cats) == ([ADA, BO], [RelationRecord(1, 0, "met")], {"diary": 1.0})
    assert (second.entities, second.relations, second.cats) == ([EntityRecord(0, 2, "天気")], [], {})
    assert (first.id, second.id, first.origin) == ("7", "8", "project-3.json, record 1")
    assert not report.lost and not report.noted


@pytest.mark.parametrize(
    "direction, expected",
    [
        ("right", [RelationRecord(0, 1, "met")]),
        ("left", [RelationRecord(1, 0, "met")]),
        ("bi", [RelationRecord(0, 1, "met"), RelationRecord(1, 0, "met")]),
        (None, [RelationRecord(0, 1, "met")]),
    ],
)
def test_directions(read, direction, expected):
    (record,), _ = read(task("Ada met Bo.", annotation(*REGIONS, relation("a", "b", "met", direction=direction))))
    assert record.relations == expected


def test_several_labels(read):
    results = (region("a", 0, 3, "Ada", "person", "poet"), region("b", 8, 10, "Bo", "person"))
    (record,), report = read(task("Ada met Bo.", annotation(*results, relation("b", "a", "met", "saw"))))
    assert record.entities == [ADA, EntityRecord(0, 3, "poet"), BO]
    assert record.relations == [RelationRecord(2, 0, "met"), RelationRecord(2, 0, "saw")]
    assert list(report.noted) == ["relation of a region with several labels, read with the first of them"]
    # The labels of another tag have a result of their own with the same id.
    (record,), _ = read(task("Ada", annotation(region("a", 0, 3, "Ada", "x"), region("a", 0, 3, "Ada", "y"))))
    assert [entity.label for entity in record.entities] == ["x", "y"]


def test_what_no_text_has_is_not_annotated(read):
    records, _ = read(task("Ada met Bo.", annotation(*REGIONS)), task("Rain", annotation()))
    assert [(record.entities, record.relations, record.cats) for record in records] == [
        ([ADA, BO], None, None),
        ([], None, None),
    ]
    records, _ = read(task("Rain", annotation(choice("news"))), task("Rain", annotation()))
    assert [(record.entities, record.cats) for record in records] == [(None, {"news": 1.0}), (None, {})]


def test_texts_without_an_annotation(read):
    records, report = read(task("Ada met Bo.", annotation(*REGIONS)), task("Rain"), {"data": {"text": "Sun"}})
    assert [record.entities for record in records] == [[ADA, BO], None, None]
    assert [record.id for record in records] == ["7", "7", "project-3-3"]
    assert report.noted == {"text without an annotation, read as not annotated": 2}


NAMED = [annotation(region("a", 0, 1, None, name)) for name in ("one", "two", "three")]


@pytest.mark.parametrize(
    "choose, expected, n_left",
    [("first", ["one"], 2), ("last", ["three"], 2), ("all", ["one", "two", "three"], 0), ("predictions", ["four"], 0)],
)
def test_several_annotations(read, choose, expected, n_left):
    prediction = {"model_version": "1", "score": 0.5, "result": [region("a", 0, 1, None, "four", score=0.25)]}
    skipped = annotation(region("a", 0, 1, None, "no"), was_cancelled=True)
    records, report = read(task("Rain", skipped, *NAMED, predictions=[prediction]), annotations=choose)
    assert [entity.label for record in records for entity in record.entities] == expected
    assert report.noted["further annotation of a text, left out (choose with --annotations)"] == n_left
    assert report.noted["cancelled annotation, left out"] == (choose != "predictions")
    assert records[0].entities[0].score == (0.25 if choose == "predictions" else 1.0)
    if choose == "all":
        assert [(record.id, record.group) for record in records] == [("7-1", "7"), ("7-2", "7"), ("7-3", "7")]


def test_ground_truth_is_preferred(read):
    best = annotation(region("a", 0, 1, None, "best"), ground_truth=True)
    for choose in ("first", "last", "all"):
        records, _ = read(task("Rain", NAMED[0], best, NAMED[1]), annotations=choose)
        assert [record.entities[0].label for record in records] == ["best"]


def test_old_exports(read):
    old = {"id": 7, "data": {"text": "Ada"}}
    completions = [[{"result": [region("a", 0, 3, "Ada", "person")]}], [{"skipped": True, "result": []}], []]
    records, report = read(*({**old, "completions": given} for given in completions))
    assert [record.entities for record in records] == [[ADA], None, None]
    assert report.noted["cancelled annotation, left out"] == 1


def test_drafts_are_noted(read):
    _, report = read(task("Rain", annotation(), drafts=[{"result": []}]))
    assert report.noted == {"draft, left out": 1}


def test_data_is_metadata(read):
    data = {"text": "Rain", "record_id": "r-5", "group": 4, "by": "Ada", "size": 3}
    (record,), _ = read(task("", annotation(), data=data, meta={"page": 1}))
    assert (record.text, record.id, record.group) == ("Rain", "r-5", "4")
    assert record.meta == {"page": 1, "by": "Ada", "size": 3}


def test_the_key_of_the_text(read):
    (record,), _ = read(task("", annotation(), data={"review": "Rain", "stars": 5}))
    assert (record.text, record.meta) == ("Rain", {"stars": 5})
    (record,), _ = read(task("", annotation(), data={"title": "T", "body": "Rain"}), text_key="body")
    assert (record.text, record.meta) == ("Rain", {"title": "T"})
    with pytest.raises(CorpusError, match=r"several texts \(title, body\): name the right one with --text-key"):
        read(task("", annotation(), data={"title": "T", "body": "Rain"}))


UNITS = [
    ("🙂🙂 Ada", 3, 6),  # characters
    ("🙂🙂 Ada", 5, 8),  # UTF-16
    ("a\r\nb\r\n Ada", 7, 10),
    ("a\r\nb\r\n Ada", 5, 8),  # a line end counts once
    ("🙂\r\n Ada", 4, 7),
    ("🙂\r\n Ada", 5, 8),
    ("🙂\r\n Ada", 3, 6),
    ("🙂\r\n Ada𠮷か\u3099", 4, 7),
    ("１\u3000Ada", 2, 5),
]


@pytest.mark.parametrize("text, start, end", UNITS)
def test_the_texts_of_the_regions_show_what_offsets_count(read, text, start, end):
    (record,), report = read(task(text, annotation(region("a", start, end, "Ada", "x"))))
    (entity,) = record.entities
    assert text[entity.start : entity.end] == "Ada"
    assert not report.lost


def test_other_texts_of_the_file_decide_if_several_meanings_fit(read):
    odd = task("🙂 aaaa", annotation(region("a", 4, 6, "aa", "x")))
    clear = task("🙂 Ada", annotation(region("a", 3, 6, "Ada", "x")))
    records, _ = read(odd)
    assert records[0].entities == [EntityRecord(4, 6, "x")]
    records, _ = read(odd, clear)
    assert [record.entities for record in records] == [[EntityRecord(3, 5, "x")], [EntityRecord(2, 5, "x")]]


def test_line_ends_in_texts_of_regions(read):
    text = "Ada\nBell\r\nFox"
    (record,), _ = read(
        task(text, annotation(region("a", 0, 8, "Ada\\nBell", "x"), region("b", 4, 13, "Bell\nFox", "y")))
    )
    assert record.entities == [EntityRecord(0, 8, "x"), EntityRecord(4, 13, "y")]


def test_what_records_cannot_represent_is_counted(read):
    html = region("h", 0, 1, None, "x", type="hypertextlabels")
    html["value"] = {"start": "/p[1]/text()[1]", "end": "/p[1]/text()[1]", "startOffset": 0, "hypertextlabels": ["x"]}
    stars = {"id": "s", "type": "rating", "from_name": "stars", "to_name": "text", "value": {"rating": 4}}
    results = [*REGIONS, region("c", 4, 7, "met"), html, stars, choice("x", start=0, end=3, text="Ada")]
    links = [relation("a", "b"), relation("a", "h", "met"), relation("a", "c", "met")]
    (record,), report = read(task("Ada met Bo.", annotation(*results, *links), unheard_of=1))
    assert (record.entities, record.relations, record.cats) == ([ADA, BO], [], None)
    assert report.lost == {
        "unknown key 'unheard_of' of a task, not read": 1,
        "region without a label": 1,
        "result of type 'hypertextlabels' in HTML": 1,
        "result of type 'rating'": 1,
        "choice for a region, not for the text": 1,
        "relation without a label": 1,
        "relation with a lost argument": 2,
    }


@pytest.mark.parametrize(
    "result, reason",
    [
        (region("a", 0, 3, "Bo", "x"), "a region is 'Bo', but the text at its offsets is 'Ada'"),
        (region("a", 0, 12, None, "x"), "a region goes from 0 to 12"),
        (region("a", 3, 3, "", "x"), "a region goes from 3 to 3"),
        (region("a", True, 3, None, "x"), "'start' must be of type int"),
        (region("a", 0, 3, "Ada", 5), "'labels' must be a list of strings"),
        ({"type": "labels"}, "the key 'value' is missing"),
        ({"value": {}}, "the key 'type' is missing"),
        ("x", "expected a JSON object"),
        (choice(5), "'choices' must be a list of strings"),
        (relation("q", "z", "met"), "the from_id of a relation is 'q'"),
        ({"type": "relation", "from_id": "z"}, "the to_id of a relation is ''"),
        (relation("z", "z", "met", direction="up"), "the direction of a relation must be one of"),
        (relation("z", "z", "met", direction=""), "the direction of a relation must be one of"),
        (relation("z", "z", 5), "'labels' of a relation must be a list of strings"),
    ],
)
def test_malformed_results(read, result, reason):
    with pytest.raises(CorpusError, match=rf"project-3\.json: record 2: .*{reason}"):
        read(task("fine", annotation()), task("Ada met Bo.", annotation(region("z", 4, 7, "met", "x"), result)))


@pytest.mark.parametrize(
    "item, reason",
    [
        ({"id": 1}, "the key 'data' is missing"),
        ({"id": 1, "text": "Ada", "created_at": "x"}, "the key 'data' is missing"),
        ({"data": {"text": 5}}, "'text' must be of type str"),
        ({"data": {}}, "'text' is missing"),
        ({"data": {"text": "x"}, "annotations": {}}, "'annotations' must be of type list"),
        ({"data": {"text": "x"}, "annotations": [5]}, "'annotations' must be a list of objects"),
        ({"data": {"text": "x"}, "annotations": [{}]}, "the key 'result' is missing"),
        ({"data": {"text": "x", "size": 2**70}}, "the metadata cannot be stored"),
    ],
)
def test_malformed_tasks(read, item, reason):
    with pytest.raises(CorpusError, match=f"record 1: .*{reason}"):
        read(item)


def minimal(text, results, annotation_id=1, **others):
    """An object of JSON_MIN: data, the id of the task, results, and the annotation, in this order."""
    about = {"annotator": 1, "annotation_id": annotation_id, "created_at": "x", "updated_at": "x", "lead_time": 2.5}
    return {"by": "Ada", "text": text, "id": 7, **results, **about, **others}


def test_json_min(read):
    labels = [{"start": 0, "end": 3, "text": "Ada", "labels": ["person"]}]
    records, report = read(
        minimal("Ada met Bo.", {"label": labels, "kind": "diary", "stars": [{"rating": 3}]}),
        minimal("🙂 Ada", {"label": [{"start": 3, "end": 6, "text": "Ada", "labels": ["x"]}]}, id=8),
        minimal("Rain", {"kind": {"choices": ["diary", "news"]}}, id=9),
    )
    assert [record.entities for record in records] == [[ADA], [EntityRecord(2, 5, "x")], []]
    assert [record.relations for record in records] == [None] * 3
    assert [record.cats for record in records] == [{"diary": 1.0}, {}, {"diary": 1.0, "news": 1.0}]
    assert [(record.id, record.meta) for record in records] == [(name, {"by": "Ada"}) for name in ("7", "8", "9")]
    assert report.lost == {"result of type 'stars'": 1}
    assert report.noted == {"'kind' read as a text label": 1, "offsets in UTF-16, converted": 1}


def test_json_min_has_one_object_for_each_annotation(read):
    items = [minimal("Rain", {"kind": name}, number) for number, name in enumerate(("a", "b", "c"))]
    assert [record.cats for record in read(*items)[0]] == [{"a": 1.0}]
    assert [record.cats for record in read(*items, annotations="last")[0]] == [{"c": 1.0}]
    assert [record.cats for record in read(*items, annotations="all")[0]] == [{"a": 1.0}, {"b": 1.0}, {"c": 1.0}]
    with pytest.raises(CorpusError, match="record 2: the task 7 has another text or metadata than before"):
        read(items[0], minimal("Sun", {"kind": "b"}))


FULL = Record(
    "🙂 Ada met Bo.",
    id="r-1",
    entities=[EntityRecord(2, 5, "person", 0.5), EntityRecord(10, 12, "person", 0.75)],
    relations=[RelationRecord(1, 0, "met", 0.25)],
    cats={"diary": 1.0, "news": 0.0},
    group="g",
    meta={"page": 3},
)


def written(tmp_path, *records):
    report = Report()
    write_records(records, tmp_path / "out.json", report)
    return json.loads((tmp_path / "out.json").read_text(encoding="utf8")), report


def test_what_is_written(tmp_path):
    (first, _), report = written(tmp_path, FULL, Record("Rain", "r-2", cats={"news": 1.0}))
    assert first["data"] == {"text": "🙂 Ada met Bo.", "record_id": "r-1", "group": "g", "page": 3}
    (prediction,) = first["predictions"]
    assert (prediction["model_version"], prediction["score"]) == ("spacy_mre", pytest.approx(0.625))
    tags = {"from_name": "label", "to_name": "text", "type": "labels"}
    ada, bo, met, kind = prediction["result"]
    value = {"start": 2, "end": 5, "text": "Ada", "labels": ["person"]}
    assert ada == {"id": "e1", **tags, "value": value, "score": 0.5}
    assert (bo["id"], bo["value"]["text"]) == ("e2", "Bo")
    ends = {"from_id": "e2", "to_id": "e1", "direction": "right"}
    assert met == {"type": "relation", **ends, "labels": ["met"], "score": 0.25}
    assert (kind["from_name"], kind["type"], kind["value"]) == ("category", "choices", {"choices": ["diary"]})
    assert report.lost == {
        "missing entity annotation (Label Studio cannot tell it from an empty one)": 1,
        "missing relation annotation (Label Studio cannot tell it from an empty one)": 1,
    }


def test_what_label_studio_cannot_represent_is_counted(tmp_path):
    entities = [EntityRecord(0, 3, ""), EntityRecord(0, 3, "x")]
    relations = [RelationRecord(0, 1, "x"), RelationRecord(1, 1, "")]
    _, report = written(tmp_path, Record("Ada", entities=entities, relations=relations, cats={"a": 0.7, "b": 0.0}))
    assert report.lost == {
        "entity without a label": 1,
        "relation with a lost argument": 1,
        "relation without a label": 1,
        "value of a text label between 0 and 1": 1,
        "text label that holds for no text, so that its name is not written": 1,
    }


@pytest.mark.parametrize("meta", [{"page": 3}, {"text": "x", "group": None}, {"meta": {"a": 1}}, {"by": None}])
def test_records_survive_with_their_scores(tmp_path, meta):
    given = Record(FULL.text, "r-1", FULL.entities, FULL.relations, {"diary": 1.0}, None, "g", meta)
    report = Report()
    WRITERS["labelstudio"](make_docs([given], NLP), tmp_path / "out.json", report=report)
    assert not report.lost
    (record,) = READERS["labelstudio"](tmp_path / "out.json", annotations="predictions")
    record.origin = ""
    assert record == given
    assert [entity.score for entity in record.entities] == [0.5, 0.75]
    (doc,) = make_docs([record], NLP)
    assert [entity.score for entity in get_entities(doc)] == [0.5, 0.75]
    assert doc._.triples[0].score == 0.25
    # Predictions are no annotations.
    (record,) = READERS["labelstudio"](tmp_path / "out.json")
    assert (record.entities, record.relations, record.cats) == (None, None, None)


def test_gold_is_written_as_annotations(tmp_path):
    report = Report()
    WRITERS["labelstudio"](make_docs([FULL], NLP), tmp_path / "out.json", gold=True, report=report)
    (task,) = json.loads((tmp_path / "out.json").read_text(encoding="utf8"))
    assert task.keys() == {"data", "annotations"}
    (annotation,) = task["annotations"]
    assert annotation.keys() == {"result"} and not any("score" in result for result in annotation["result"])
    (record,) = READERS["labelstudio"](tmp_path / "out.json")
    assert (record.entities, record.relations) == (FULL.entities, FULL.relations)
    assert [entity.score for entity in record.entities] == [1.0, 1.0]
    assert report.lost["score (kept by spacyjson, and in predictions by labelstudio and prodigy)"] == 3


def region_of(tag, start, end, text=None, label="person"):
    value = {"start": start, "end": end, "labels": [label]} | ({} if text is None else {"text": text})
    return {"id": f"{tag}-{start}", "type": "labels", "to_name": tag, "from_name": "label", "value": value}


def read_results(folder, data, results, **options):
    path = folder / "a.json"
    path.write_text(json.dumps([{"data": data, "annotations": [{"result": results}]}]), encoding="utf8")
    report = Report()
    return next(read_label_studio(path, report=report, **options)), report


def test_regions_of_another_text_are_left_out(tmp_path):
    data = {"text": "Ada met Bo.", "title": "A day in Lima"}
    results = [region_of("text", 0, 3, "Ada"), region_of("title", 9, 13, label="place")]
    record, report = read_results(tmp_path, data, results)
    assert record.entities == [EntityRecord(0, 3, "person")]
    assert report.lost == {"region of another text": 1}
    record, report = read_results(tmp_path, data, results, text_key="title")
    assert (record.text, record.entities) == ("A day in Lima", [EntityRecord(9, 13, "place")])
    tags = [region_of("left", 0, 3), region_of("right", 9, 13)]
    with pytest.raises(CorpusError, match=r"several texts \(to_name: left, right\).*'text'"):
        read_results(tmp_path, data, tags)


def test_results_of_another_text_only_are_left_out(read):
    title = [region("b", 0, 3, "Ada", "star", to_name="title"), {**choice("clickbait"), "to_name": "title"}]
    first = task("Ada met Bo", annotation(*title), data={"text": "Ada met Bo", "title": "Ada rocks"})
    second = task("Bo", annotation(region("a", 0, 2, "Bo", "person")), data={"text": "Bo", "title": "t"})
    lost = {"region of another text": 1, "choice for another text": 1}
    records, report = read(first, second)
    assert ([record.entities for record in records], report.lost) == ([[], [EntityRecord(0, 2, "person")]], lost)
    assert [record.cats for record in records] == [None, None]
    # Nothing of the text itself is in the file, so the name of the tag alone shows what it is of.
    (record,), report = read(first)
    assert (record.entities, record.cats, report.lost) == (None, None, lost)
    # A tag need not have the name of the data that it shows.
    named = json.loads(json.dumps(first).replace('"to_name": "title"', '"to_name": "heading"'))
    records, report = read(named, second)
    assert (records[0].entities, report.lost) == ([], lost)


@pytest.mark.parametrize("others", [{}, {"title": "A day"}])
@pytest.mark.parametrize("tag", ["text", "title", "anything"])
def test_a_single_text_tag_may_have_any_name(read, tag, others):
    results = [region("a", 0, 3, "Ada", "person", to_name=tag), {**choice("diary"), "to_name": tag}]
    item = task("", annotation(*results), data={"body": "Ada met Bo.", **others})
    (record,), report = read(item, text_key="body")
    assert (record.entities, record.cats, report.lost) == ([ADA], {"diary": 1.0}, {})


def test_choices_of_several_tags_need_the_name_of_the_key(read):
    chosen = [{**choice(name), "to_name": name} for name in ("left", "right")]
    with pytest.raises(CorpusError, match=r"several texts \(to_name: left, right\).*'text'"):
        read(task("Ada met Bo.", annotation(*chosen)))
    # A region can only be in a text, so its tag is that of the text.
    (record,), report = read(task("Ada met Bo.", annotation(region("a", 0, 3, "Ada", "x", to_name="left"), *chosen)))
    assert (record.cats, report.lost) == ({"left": 1.0}, {"choice for another text": 1})


@pytest.mark.parametrize("text, noted", [(None, 1), ("Bo", 0)])
def test_offsets_that_nothing_proves_are_noted(text, noted, tmp_path):
    record, report = read_results(tmp_path, {"text": "🙂 Bo"}, [region_of("text", 2, 4, text)])
    assert record.entities == [EntityRecord(2, 4, "person")]
    assert report.noted.total() == noted


def of_tags(**names):
    return [{**choice(name), "from_name": tag} for tag, name in names.items()]


def test_text_labels_do_not_depend_on_the_other_texts_of_a_file(read):
    one, other = annotation(*of_tags(topic="sport", mood="good")), annotation(*of_tags(mood="good"))
    (first, _), report = read(task("Rain", one), task("Fog", other))
    (alone,), _ = read(task("Fog", other))
    assert (first.cats, alone.cats) == ({"sport": 1.0, "good": 1.0}, {"good": 1.0})
    assert not report.noted and not report.lost


def test_choices_of_one_name_in_several_tags_are_noted(read, tmp_path):
    given = [of_tags(spam="yes", urgent="yes"), of_tags(spam="yes", urgent="no"), of_tags(spam="no")]
    records, report = read(*(task("Rain", annotation(*tags)) for tags in given))
    assert [record.cats for record in records] == [{"yes": 1.0}, {"yes": 1.0, "no": 1.0}, {"no": 1.0}]
    assert report.noted == {"choice that several tags have (spam, urgent), read without its tag": 4}
    assert report.lost == {"choice with the name of one of another tag": 1}
    minimals = [minimal("Rain", {"spam": "yes", "urgent": {"choices": ["yes"]}}), minimal("Sun", {"spam": "no"}, id=8)]
    found, report = read(*minimals)
    assert [record.cats for record in found] == [{"yes": 1.0}, {"no": 1.0}] and report.lost.total() == 1
    write_records([records[1]], tmp_path / "out.json")
    assert next(read_label_studio(tmp_path / "out.json", annotations="predictions")).cats == records[1].cats


def test_rejected_annotations_are_left_out(read):
    named = [{**given, "last_action": action} for given, action in zip(NAMED, ("rejected", "accepted", None))]
    (record,), report = read(task("Rain", *named))
    assert [entity.label for entity in record.entities] == ["two"]
    assert report.noted["annotation that a reviewer rejected, left out"] == 1
    (record,), report = read(task("Rain", named[0]))
    assert record.entities is None


def test_the_scores_of_a_person_are_those_of_a_model_before(read):
    scored = [region("a", 0, 3, "Ada", "x", score=87), {**relation("a", "a", "is"), "score": 87}]
    (record,), _ = read(task("Ada", annotation(*scored)))
    assert record.entities[0].score == record.relations[0].score == 1.0
    for result in scored:
        results = [region("a", 0, 3, "Ada", "x"), result]
        with pytest.raises(
            CorpusError, match="'score' must be a number from 0 to 1, not 87: divide percentages by 100"
        ):
            read(task("Ada", predictions=[{"result": results}]), annotations="predictions")


def test_another_text_is_metadata(read):
    data = {"text": "raw", "body": "Ada", "record_id": "r"}
    (record,), _ = read(task("", annotation(), data=data), text_key="body")
    assert (record.text, record.id, record.meta) == ("Ada", "r", {"text": "raw"})


def test_sorted_keys_of_json_min(read):
    item = minimal("Rain", {"kind": "diary", "tags": ["a"], "label": []})
    (record,), report = read({key: item[key] for key in sorted(item)})
    assert (record.cats, record.meta) == (None, {"by": "Ada", "kind": "diary", "tags": ["a"], "label": []})
    reason = "'{}' read as metadata, though it may be a choice: 'annotator' is not behind 'id'"
    assert report.noted == {reason.format(name): 1 for name in ("by", "kind", "tags")}
    body = minimal("Rain", {})
    body["body"] = body.pop("text")
    del body["by"]
    (record,), report = read({key: body[key] for key in sorted(body)})
    assert record.text == "Rain" and not report.noted
