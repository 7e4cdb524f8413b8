"""UIMA CAS: exports of INCEpTION, layers and features, offsets, and what is counted."""

import sys
import warnings
import zipfile

import pytest

from spacy_mre.corpora import READERS, CorpusError, EntityRecord, RelationRecord, Report
from spacy_mre.corpora.recognise import recognise

pytest.importorskip("cassis")

from spacy_mre.corpora.cas import read_cas
from spacy_mre.corpora.cas_writer import write_records
from tests.corpora.cas_exports import (
    ANNOTATION,
    ANY,
    ENTITIES,
    LAYERS,
    LINK,
    NER,
    POS,
    STRING,
    TEXT,
    XMI,
    changed,
    item,
    json_cas,
    read_json,
    read_xmi,
    relation,
    span,
    type_system,
    write,
)


def test_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cassis", None)
    with pytest.raises(ValueError, match=r"M241.*a\.json.*pip install 'spacy-mre\[cas\]'"):
        read_json(tmp_path, json_cas())
    with pytest.raises(ValueError, match="M241"):
        write_records([], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_xmi_export(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        record, report = read_xmi(tmp_path)
    assert record.text == TEXT
    assert record.entities == ENTITIES
    assert [record.text[e.start : e.end] for e in ENTITIES] == ["𠮷田", "👩\u200d🚀 Bo", "👩\u200d🚀", "𠮷田 met"]
    assert record.relations == [RelationRecord(0, 1, "met")]
    assert record.cats == {"diary": 1.0, "two words": 1.0}
    assert [record.text[start:end] for start, end in record.tokens] == ["𠮷田", "met", "👩\u200d🚀", "Bo"]
    assert (record.id, record.origin) == ("one.txt", "a.xmi")
    assert record.meta == {"language": "ja", "documentId": "anna", "collectionId": "letters"}
    assert report.lost == {
        "entity without a label": 1,
        "annotation without text": 1,
        "value of the feature 'role', not read": 1,
        "value of the feature 'links', not read": 1,
        "value of the feature 'score', not read": 1,
        "relation with a lost argument": 2,
        "relation without a label": 1,
        f"annotation of the layer {POS}, not read": 1,
        f"link of a chain of the layer {LINK}, not read": 2,
    }
    assert report.examples["value of the feature 'role', not read"] == ["a.xmi, Span 22: pilot"]
    assert not report.noted
    assert recognise(tmp_path / "a.xmi") == recognise(tmp_path) == "cas"


def test_relations_point_as_in_webanno_tsv(tmp_path):
    # The same project in both formats: Ada (the governor) met Bo, and the relation is drawn at Bo.
    tsv = (
        "#FORMAT=WebAnno TSV 3.3\n#T_SP=custom.Span|label\n#T_RL=custom.Relation|label|BT_custom.Span\n\n\n"
        "#Text=🙂 Ada met Bo.\n1-1\t0-2\t🙂\t_\t_\t_\t\n1-2\t3-6\tAda\tx\t_\t_\t\n1-3\t7-10\tmet\t_\t_\t_\t\n"
        "1-4\t11-13\tBo\tx\tr\t1-2\t\n1-5\t13-14\t.\t_\t_\t_\t\n"
    )
    write(tmp_path, {"a.tsv": tsv})
    (expected,) = READERS["webanno"](tmp_path / "a.tsv")
    record, _ = read_json(tmp_path, json_cas(span(5, 3, 6), span(6, 11, 13), relation(7, 5, 6)))
    assert record.relations == expected.relations == [RelationRecord(0, 1, "r")]
    assert (record.text, record.entities) == (expected.text, expected.entities)


@pytest.mark.parametrize(
    "header, places",
    [
        (None, [(5, 8), (8, 13)]),
        ({"%VERSION": "0.4.0"}, [(5, 8), (8, 13)]),
        ({"%OFFSET_ENCODING": "UTF-16"}, [(5, 8), (8, 13)]),
        ({"%OFFSET_ENCODING": "UTF-32"}, [(4, 7), (7, 10)]),
        ({"%OFFSET_ENCODING": "utf-8"}, [(10, 13), (13, 24)]),
    ],
)
def test_what_offsets_count(tmp_path, header, places):
    text = "𠮷é 한Ada👩\u200d🚀"
    record, _ = read_json(tmp_path, json_cas(*(span(i, *p) for i, p in enumerate(places, 5)), text=text, header=header))
    assert [text[e.start : e.end] for e in record.entities] == ["Ada", "👩\u200d🚀"]


def test_an_unknown_header_is_refused(tmp_path):
    for header in ({"%OFFSET_ENCODING": "UTF-7"}, {"unit": 3}, "UTF-8x"):
        with pytest.raises(CorpusError, match=r"a\.json.*the header has.*UTF-8, UTF-16, UTF-32"):
            read_json(tmp_path, json_cas(span(5, 3, 6), header=header))


def test_another_layer_or_feature(tmp_path):
    record, _ = read_xmi(tmp_path, layer="POS", feature="coarseValue")
    assert (record.entities, record.relations) == ([EntityRecord(0, 2, "PROPN")], None)
    record, report = read_xmi(tmp_path, feature="role")
    assert [entity.label for entity in record.entities] == ["pilot"]
    assert report.lost["value of the feature 'label', not read"] == 5
    # The tool defines NamedEntity in every project.
    record, _ = read_xmi(tmp_path, layer="NamedEntity")
    assert (record.entities, record.relations) == ([], None)
    for options, error in (
        ({"layer": "Place"}, r"no span layer 'Place' among custom\.Span, .*NamedEntity"),
        ({"feature": "value"}, "no feature 'value' among label, role"),
        ({"relation_feature": "value"}, "no feature 'value' among label, score"),
        ({"document_layer": "Span"}, r"no document layer 'Span' among custom\.DocumentLabel"),
    ):
        with pytest.raises(CorpusError, match=error):
            read_xmi(tmp_path, **options)


def test_several_layers_or_features_are_not_guessed(tmp_path):
    layers = {
        "a.Person": (ANNOTATION, {"x": STRING, "y": STRING}),
        "a.Place": (ANNOTATION, {}),
        "a.Topic": (ANY, {"value": STRING}),
        "a.Mood": (ANY, {"type": STRING}),
        "a.Near": (ANNOTATION, {"Governor": "a.Place", "Dependent": "a.Place"}),
        "a.Far": (ANNOTATION, {"Governor": "a.Person", "Dependent": "a.Place"}),
    }
    person, place = item(5, "a.Person", begin=3, end=6, x="1"), item(6, "a.Place", begin=11, end=13)
    near = item(9, "a.Near", begin=0, end=0, **{"@Governor": 6, "@Dependent": 6})
    far = item(10, "a.Far", begin=0, end=0, **{"@Governor": 5, "@Dependent": 6})
    topic, mood = item(7, "a.Topic", value="news"), item(8, "a.Mood", type="happy")
    content = json_cas(person, place, near, far, topic, layers=layers)
    with pytest.raises(CorpusError, match=r"several span layers, a\.Person, a\.Place: choose one with --layer"):
        read_json(tmp_path, content)
    # A layer without features is itself the label.
    record, report = read_json(tmp_path, content, layer="Place")
    assert record.entities == [EntityRecord(10, 12, "Place")]
    assert (record.relations, record.cats) == ([RelationRecord(0, 0, "Near")], {"news": 1.0})
    assert report.lost == {
        "annotation of the layer a.Person, not read": 1,
        "relation of the layer a.Far, not read": 1,
    }
    other = item(11, "a.Person", begin=3, end=6, y="2")
    with pytest.raises(CorpusError, match=r"several features, x, y: choose the label with --feature"):
        read_json(tmp_path, json_cas(person, other, layers=layers))
    both = json_cas(person, topic, mood, layers=layers)
    with pytest.raises(
        CorpusError, match=r"several document layers, a\.Mood, a\.Topic: choose one with --document-layer"
    ):
        read_json(tmp_path, both)
    record, report = read_json(tmp_path, both, document_layer="Mood")
    assert (record.entities, record.cats) == ([EntityRecord(2, 5, "1")], {"happy": 1.0})
    assert report.lost == {"annotation of the layer a.Topic, not read": 1}


def test_the_feature_of_text_labels(tmp_path):
    layers = {"a.Text": (ANY, {"topic": STRING, "mood": STRING})}
    content = json_cas(item(5, "a.Text", topic="news", mood="happy"), layers=layers)
    with pytest.raises(CorpusError, match=r"several features, topic, mood: choose the label with --document-feature"):
        read_json(tmp_path, content)
    record, report = read_json(tmp_path, content, document_feature="mood")
    assert record.cats == {"happy": 1.0}
    assert report.lost == {"value of the feature 'topic', not read": 1}


def test_features_with_names_of_python(tmp_path):
    names = ["class", "from", "type", "self", "get", "None"]
    layers = {**LAYERS, "custom.Span": (ANNOTATION, dict.fromkeys([*names, "links"], STRING))}
    for name in names:
        content = json_cas(item(5, "custom.Span", begin=3, end=6, **dict(zip(names, "abcdef"))), layers=layers)
        record, report = read_json(tmp_path, content, feature=name)
        assert record.entities == [EntityRecord(2, 5, "abcdef"[names.index(name)])]
        assert {f"value of the feature '{other}', not read" for other in names if other != name} == set(report.lost)
    for name in names:
        types = type_system({**LAYERS, "custom.Span": (ANNOTATION, {**LAYERS["custom.Span"][1], name: STRING})})
        record, _ = read_xmi(tmp_path, XMI.replace("role=", f"{name}="), types.replace("role", "other"), feature=name)
        assert record.entities == [EntityRecord(7, 13, "pilot")]


def test_absent_and_empty(tmp_path):
    record, _ = read_json(tmp_path, json_cas(layers={}))
    assert (record.entities, record.relations, record.cats, record.tokens) == (None, None, None, None)
    record, _ = read_json(tmp_path, json_cas())
    assert (record.entities, record.relations, record.cats) == ([], [], {})
    # The types of a file are those that it uses: another file shows that this one has no entities.
    bare = {NER: LAYERS[NER]}
    write(
        tmp_path / "two",
        {"a.json": json_cas(layers={}), "b.json": json_cas(item(5, NER, begin=3, end=6, value="x"), layers=bare)},
    )
    first, second = read_cas(tmp_path / "two")
    assert (first.entities, second.entities) == ([], [EntityRecord(2, 5, "x")])
    assert (first.relations, second.relations) == (None, None)


def test_texts_labels_and_metadata(tmp_path):
    layers = {**LAYERS, "custom.Metadata": (ANY, {"key": STRING, "value": STRING})}
    label, key = "custom.DocumentLabel", "custom.Metadata"
    record, report = read_json(
        tmp_path,
        json_cas(
            *(item(i, label, **values) for i, values in enumerate([{"label": "a"}, {"label": "a"}, {}], 5)),
            *(item(i, key, key=name, value=i * "v") for i, name in enumerate(["by", "by", ""], 8)),
            layers=layers,
            text="",
        ),
    )
    assert (record.text, record.entities, record.cats) == ("", [], {"a": 1.0})
    assert record.meta == {"by": 8 * "v", "": 10 * "v"}
    assert report.lost == {
        "text label that is there twice": 1,
        "text label without a name": 1,
        "metadata with a key that is there twice": 1,
    }


def test_a_layer_that_is_called_metadata(tmp_path):
    layers = {"custom.Metadata": (ANY, {"value": STRING})}
    record, _ = read_json(tmp_path, json_cas(item(5, "custom.Metadata", value="news"), layers=layers))
    assert (record.cats, record.meta) == ({"news": 1.0}, {})
    layers = {"custom.Metadata": (ANY, {"key": STRING, "value": STRING, "by": STRING})}
    record, report = read_json(
        tmp_path, json_cas(item(5, "custom.Metadata", key="a", value="b", by="c"), layers=layers)
    )
    assert (record.cats, record.meta) == (None, {"a": "b"})
    assert report.lost == {"value of the feature 'by', not read": 1}


def test_links_of_slots_are_counted(tmp_path):
    layers = {
        "custom.Frame": (ANNOTATION, {"label": STRING, "links": "custom.Link[]"}),
        "custom.Link": ("uima.cas.TOP", {"role": STRING, "target": ANNOTATION}),
    }
    frame = item(5, "custom.Frame", begin=7, end=10, label="meet", **{"@links": 6})
    links = {"%ID": 6, "%TYPE": "custom.Link[]", "%ELEMENTS": [7, None]}
    link = {"%ID": 7, "%TYPE": "custom.Link", "role": "who", "@target": 5}
    record, report = read_json(tmp_path, json_cas(frame, links, link, layers=layers, outside=(6,)))
    assert (record.entities, record.cats) == ([EntityRecord(6, 9, "meet")], None)
    assert report.lost == {
        "value of the feature 'links', not read": 1,
        "annotation of the layer custom.Link, not read": 1,
    }
    with pytest.raises(CorpusError, match=r"an element refers to 7, which is not in the file"):
        read_json(tmp_path, json_cas(frame, links, layers=layers, outside=(6,)))


def test_other_views_and_no_view(tmp_path):
    content = json_cas(span(5, 3, 6), span(6, 11, 13), item(7, "custom.DocumentLabel", label="x"), outside=(6, 7))
    sofa = {"%ID": 2, "%TYPE": "uima.cas.Sofa", "sofaNum": 2, "sofaID": "pdf", "sofaString": "Ada"}
    content["%FEATURE_STRUCTURES"] += [sofa, {**span(8, 0, 3), "@sofa": 2}]
    content["%VIEWS"]["pdf"] = {"%SOFA": 2, "%MEMBERS": [8]}
    record, report = read_json(tmp_path, content)
    assert (record.entities, record.cats) == ([EntityRecord(2, 5, "x")], {})
    assert report.lost == {
        "annotation that is in no view, not read": 2,
        "annotation of another view, not read": 1,
    }
    # A file without views contains no annotations.
    record, report = read_json(tmp_path, changed(**{"%VIEWS": {}}))
    assert (record.text, record.entities) == ("🙂 Ada met Bo.", [])
    assert report.lost == {"annotation that is in no view, not read": 1}
    second = (
        '<cas:Sofa xmi:id="9" sofaNum="2" sofaID="pdf" sofaString="🙂 Ada"/><cas:View sofa="9" members="99"/>'
        '<custom:Span xmi:id="99" sofa="9" begin="3" end="6" label="x"/></xmi:XMI>'
    )
    record, report = read_xmi(tmp_path, XMI.replace("</xmi:XMI>", second))
    assert (record.text, record.entities) == (TEXT, ENTITIES)
    assert report.lost["annotation of another view, not read"] == 1
    with pytest.raises(CorpusError, match=r"a\.xmi.*there is no text \(the sofaString of the view _InitialView\)"):
        read_xmi(tmp_path, XMI.replace("_InitialView", "pdf"))
    # Without its view, an annotation of XMI is not read either.
    _, report = read_xmi(tmp_path, XMI.replace(" 21 22 23", " 21 22"))
    assert report.lost["annotation that is in no view, not read"] == 1


def test_annotations_as_an_object(tmp_path):
    content = json_cas(span(5, 3, 6), span(6, 11, 13), relation(7, 5, 6))
    items = content["%FEATURE_STRUCTURES"]
    content["%FEATURE_STRUCTURES"] = {str(i["%ID"]): {k: v for k, v in i.items() if k != "%ID"} for i in items}
    record, _ = read_json(tmp_path, content)
    assert record.relations == [RelationRecord(0, 1, "r")]


def test_folders(tmp_path):
    project = write(
        tmp_path / "project",
        {
            "exportedproject.json": {"name": "letters", "layers": []},
            "annotation/b.txt/anna.json": json_cas(span(5, 3, 6, label=None)),
            "annotation/a.txt/anna.xmi": XMI,
            "annotation/a.txt/typesystem.xml": type_system(),
            ".new/c.json": "x",
        },
    )
    report = Report()
    first, second = read_cas(project, report=report)
    assert (first.id, second.id) == ("annotation/a.txt/anna", "annotation/b.txt/anna")
    assert [first.origin, second.origin] == ["annotation/a.txt/anna.xmi", "annotation/b.txt/anna.json"]
    assert report.examples["entity without a label"][-1] == "annotation/b.txt/anna.json, Span 5"
    assert first.meta["documentTitle"] == "one.txt"
    assert report.noted == {"JSON file that is not a CAS, not read": 1}
    assert recognise(project) == "cas"
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match=r"empty.*contains no CAS"):
        list(read_cas(tmp_path / "empty"))
    with pytest.raises(CorpusError, match=r"there is no TypeSystem\.xml beside it"):
        list(read_cas(write(tmp_path / "alone", {"a.xmi": XMI}) / "a.xmi"))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.xmi", XMI)
    with pytest.raises(CorpusError, match=r"a\.zip.*ZIP archive; unpack it"):
        list(read_cas(tmp_path / "a.zip"))
