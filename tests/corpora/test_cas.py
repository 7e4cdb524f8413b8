"""UIMA CAS: JSON and XMI as INCEpTION writes them, and records written for it."""

import json
import re
import sys
import warnings
import zipfile
from collections import Counter

import pytest
import spacy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spacy_mre.corpora import READERS, WRITERS, CorpusError, EntityRecord, Record, RelationRecord, Report, make_docs
from spacy_mre.corpora.recognise import recognise, recognise_why
from tests.robustness.effort import count, scale
from tests.robustness.strategies import SAMPLES, mutations, records

pytest.importorskip("cassis")

from spacy_mre.corpora.cas import read_cas
from spacy_mre.corpora.cas_writer import write_records

DKPRO = "de.tudarmstadt.ukp.dkpro.core.api."
NER = DKPRO + "ner.type.NamedEntity"
POS = DKPRO + "lexmorph.type.pos.POS"
LINK = DKPRO + "coref.type.CoreferenceLink"
CHAIN = DKPRO + "coref.type.CoreferenceChain"
DEFINITION = "de.tudarmstadt.ukp.clarin.webanno.api.type.LayerDefinition"
TEXT = "𠮷田 met 👩\u200d🚀 Bo.\r\nRain\tfell."
# As exported by INCEpTION, with its own description of the layers and the results of a preprocessing.
XMI = f"""<?xml version="1.0" encoding="UTF-8"?>
<xmi:XMI xmlns:xmi="http://www.omg.org/XMI" xmlns:cas="http:///uima/cas.ecore" xmlns:custom="http:///custom.ecore"
    xmlns:pos="http:///de/tudarmstadt/ukp/dkpro/core/api/lexmorph/type/pos.ecore"
    xmlns:ner="http:///de/tudarmstadt/ukp/dkpro/core/api/ner/type.ecore"
    xmlns:coref="http:///de/tudarmstadt/ukp/dkpro/core/api/coref/type.ecore"
    xmlns:meta="http:///de/tudarmstadt/ukp/dkpro/core/api/metadata/type.ecore"
    xmlns:type="http:///de/tudarmstadt/ukp/dkpro/core/api/segmentation/type.ecore"
    xmlns:webanno="http:///de/tudarmstadt/ukp/clarin/webanno/api/type.ecore" xmi:version="2.0">
  <cas:NULL xmi:id="0"/>
  <meta:DocumentMetaData xmi:id="2" sofa="1" begin="0" end="29" language="ja" documentTitle="one.txt"
    documentId="anna" collectionId="letters" isLastSegment="false"/>
  <type:Token xmi:id="11" sofa="1" begin="0" end="3" order="0" pos="15"/>
  <type:Token xmi:id="12" sofa="1" begin="4" end="7" order="0"/>
  <type:Token xmi:id="13" sofa="1" begin="8" end="13" order="0"/>
  <type:Token xmi:id="14" sofa="1" begin="14" end="16" order="0"/>
  <type:Sentence xmi:id="18" sofa="1" begin="0" end="17"/>
  <pos:POS xmi:id="15" sofa="1" begin="0" end="3" PosValue="NNP" coarseValue="PROPN"/>
  <custom:Span xmi:id="21" sofa="1" begin="0" end="3" label="a person: x/y"/>
  <custom:Span xmi:id="22" sofa="1" begin="8" end="16" label="crew" role="pilot"/>
  <custom:Span xmi:id="23" sofa="1" begin="8" end="13" label="face"/>
  <custom:Span xmi:id="24" sofa="1" begin="14" end="16"/>
  <custom:Span xmi:id="25" sofa="1" begin="4" end="4" label="nothing"/>
  <custom:Span xmi:id="26" sofa="1" begin="0" end="7" label="crossing" links="22 23"/>
  <custom:Relation xmi:id="31" sofa="1" begin="8" end="16" Governor="21" Dependent="22" label="met" score="0.5"/>
  <custom:Relation xmi:id="32" sofa="1" begin="14" end="16" Governor="21" Dependent="24" label="met"/>
  <custom:Relation xmi:id="33" sofa="1" begin="0" end="3" Governor="23" Dependent="21"/>
  <custom:Relation xmi:id="34" sofa="1" begin="0" end="3" Dependent="21" label="half"/>
  <coref:CoreferenceLink xmi:id="41" sofa="1" begin="0" end="3" next="42" referenceType="pr"/>
  <coref:CoreferenceLink xmi:id="42" sofa="1" begin="14" end="16"/>
  <coref:CoreferenceChain xmi:id="43" sofa="1" first="41"/>
  <custom:DocumentLabel xmi:id="51" sofa="1" label="diary"/>
  <custom:DocumentLabel xmi:id="52" sofa="1" label="two words"/>
  <webanno:LayerDefinition xmi:id="61" name="custom.Span" uiName="Span"/>
  <cas:Sofa xmi:id="1" sofaNum="1" sofaID="_InitialView" mimeType="text"
    sofaString="{TEXT.replace(chr(13), "&#13;").replace(chr(10), "&#10;").replace(chr(9), "&#9;")}"/>
  <cas:View sofa="1" members="2 11 12 13 14 18 15 21 22 23 24 25 26 31 32 33 34 41 42 43 51 52 61"/>
</xmi:XMI>
"""
STRING, ANNOTATION, ANY = "uima.cas.String", "uima.tcas.Annotation", "uima.cas.AnnotationBase"
LAYERS = {
    DKPRO + "metadata.type.DocumentMetaData": (
        "uima.tcas.DocumentAnnotation",
        {**dict.fromkeys(["documentTitle", "documentId", "collectionId"], STRING), "isLastSegment": "uima.cas.Boolean"},
    ),
    DKPRO + "segmentation.type.Token": (ANNOTATION, {"order": "uima.cas.Integer", "pos": POS}),
    DKPRO + "segmentation.type.Sentence": (ANNOTATION, {"id": STRING}),
    POS: (ANNOTATION, {"PosValue": STRING, "coarseValue": STRING}),
    NER: (ANNOTATION, {"value": STRING, "identifier": STRING}),
    LINK: (ANNOTATION, {"next": LINK, "referenceType": STRING}),
    CHAIN: (ANY, {"first": LINK}),
    DEFINITION: ("uima.cas.TOP", {"name": STRING, "uiName": STRING}),
    "custom.Span": (ANNOTATION, {"label": STRING, "role": STRING, "links": "uima.cas.FSArray"}),
    "custom.Relation": (
        ANNOTATION,
        {"Governor": "custom.Span", "Dependent": "custom.Span", "label": STRING, "score": "uima.cas.Float"},
    ),
    "custom.DocumentLabel": (ANY, {"label": STRING}),
}
ENTITIES = [
    EntityRecord(0, 2, "a person: x/y"),
    EntityRecord(7, 13, "crew"),
    EntityRecord(7, 10, "face"),
    EntityRecord(0, 6, "crossing"),
]


def type_system(layers=LAYERS):
    """The TypeSystem.xml of an export."""
    types = "".join(
        f"<typeDescription><name>{name}</name><supertypeName>{above}</supertypeName><features>"
        + "".join(
            f"<featureDescription><name>{feature}</name><rangeTypeName>{range_type}</rangeTypeName></featureDescription>"
            for feature, range_type in features.items()
        )
        + "</features></typeDescription>\n"
        for name, (above, features) in layers.items()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><typeSystemDescription '
        f'xmlns="http://uima.apache.org/resourceSpecifier"><types>{types}</types></typeSystemDescription>'
    )


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf8", newline="")
    return folder


def read_xmi(tmp_path, xmi=XMI, types=None, **options):
    write(tmp_path, {"a.xmi": xmi, "TypeSystem.xml": types or type_system()})
    report = Report()
    (record,) = read_cas(tmp_path / "a.xmi", report=report, **options)
    return record, report


def item(id, kind, /, **features):
    return {"%ID": id, "%TYPE": kind, "@sofa": 1, **features}


def json_cas(*items, text="🙂 Ada met Bo.", layers=LAYERS, header=None, outside=()):
    """A CAS with these annotations; `outside`: ids that no view contains."""
    types = {
        name: {
            "%NAME": name,
            "%SUPER_TYPE": above,
            **{key: {"%NAME": key, "%RANGE": of} for key, of in features.items()},
        }
        for name, (above, features) in layers.items()
    }
    sofa = {"%ID": 1, "%TYPE": "uima.cas.Sofa", "sofaNum": 1, "sofaID": "_InitialView", "sofaString": text}
    return {
        **({"%HEADER": header} if header else {}),
        "%TYPES": types,
        "%FEATURE_STRUCTURES": [sofa, *items],
        "%VIEWS": {"_InitialView": {"%SOFA": 1, "%MEMBERS": [i["%ID"] for i in items if i["%ID"] not in outside]}},
    }


def span(id, begin, end, label="x", **features):
    return item(id, "custom.Span", begin=begin, end=end, label=label, **features)


def relation(id, head, tail, label="r", **features):
    return item(
        id, "custom.Relation", begin=0, end=2, label=label, **{"@Governor": head, "@Dependent": tail}, **features
    )


def read_json(tmp_path, content, **options):
    write(tmp_path, {"a.json": content})
    report = Report()
    (record,) = read_cas(tmp_path / "a.json", report=report, **options)
    return record, report


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
            "annotation/b.txt/anna.json": json_cas(span(5, 3, 6)),
            "annotation/a.txt/anna.xmi": XMI,
            "annotation/a.txt/typesystem.xml": type_system(),
            ".new/c.json": "x",
        },
    )
    report = Report()
    first, second = read_cas(project, report=report)
    assert (first.id, second.id) == ("annotation/a.txt/anna", "annotation/b.txt/anna")
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


def changed(**parts):
    return {**json_cas(span(5, 3, 6)), **parts}


def typed(name, **described):
    content = json_cas(span(5, 3, 6))
    content["%TYPES"][name] = described
    return content


@pytest.mark.parametrize(
    "content, error",
    [
        ('{"%TYPES": {', "line 1.*invalid JSON"),
        ("[]", "expected a JSON object"),
        ({"%TYPES": {}}, "'%VIEWS' is missing"),
        ({"%FEATURE_STRUCTURES": []}, "'%TYPES' is missing"),
        (changed(**{"%FEATURE_STRUCTURES": 3}), "must be a list of annotations"),
        (changed(**{"%FEATURE_STRUCTURES": [3]}), "annotation 1: expected a JSON object"),
        (changed(**{"%FEATURE_STRUCTURES": [{"%ID": 1}]}), "annotation 1: the key '%TYPE' is missing"),
        (changed(**{"%FEATURE_STRUCTURES": []}), "the view _InitialView refers to 5, which is not in the file"),
        (json_cas(text=None), "there is no text"),
        (json_cas(span(5, 3, 6), text=None), "Span 5: .* does not refer to a Sofa with a text"),
        (json_cas({**span(5, 3, 6), "@sofa": 9}), "the feature 'sofa' refers to 9"),
        (json_cas({**span(5, 3, 6), "@sofa": None}), "does not refer to a Sofa with a text"),
        (json_cas(span(5, 3, 6), span(5, 3, 6)), "Span 5: the id 5 is there twice"),
        (json_cas(span("5", 3, 6)), "the id must be a positive integer"),
        (json_cas(span(-5, 3, 6)), "the id must be a positive integer"),
        (json_cas(item(5, "custom.Other", begin=3, end=6)), "type custom.Other is not among the types"),
        (json_cas(span(5, 3, 6, labl="x")), "the type custom.Span has no feature 'labl'"),
        (json_cas(span(5, 3, 6, label=7)), "Span 5: the value of the feature 'label' must be a string"),
        (json_cas(span(5, 3, 6, label=["x"])), "Span 5: the value of the feature 'label' must be a string"),
        (json_cas(span(5, 3, 6, links=7)), "'links' must be a reference"),
        (json_cas(item(7, "uima.cas.FSArray", **{"%ELEMENTS": 7})), "FSArray 7: '%ELEMENTS' must be of type list"),
        (json_cas(relation(7, 5, 6)), "Relation 7: the feature 'Governor' refers to 5, which is not in the file"),
        (json_cas(span(5, 1, 6)), "from 1 to 6 in UTF-16, which is inside of a character"),
        (json_cas(span(5, 6, 3)), "from 6 to 3, expected integers from 0 to 14"),
        (json_cas(span(5, 3, 99)), "from 3 to 99"),
        (json_cas(span(5, -1, 3)), "from -1 to 3"),
        (json_cas(span(5, "3", 6)), "from 3 to 6, expected integers"),
        (json_cas(span(5, True, 6)), "from True to 6, expected integers"),
        (json_cas({k: v for k, v in span(5, 3, 6).items() if k != "begin"}), "from None to 6"),
        (changed(**{"%VIEWS": {"_InitialView": {"%MEMBERS": [5, 5]}}}), "Span 5: .* in several views, or twice in one"),
        (changed(**{"%VIEWS": {"_InitialView": {"%MEMBERS": [[]]}}}), "refers to .*, which is not in the file"),
        (typed("a.B"), "the key '%SUPER_TYPE' is missing"),
        (typed("a.B", **{"%SUPER_TYPE": "a.C"}), "not a valid CAS"),
        (typed("a.B", **{"%SUPER_TYPE": "a.B"}), "not a valid CAS"),
        (typed("a.B", **{"%SUPER_TYPE": ANNOTATION, "x": {}}), "the key '%RANGE' is missing"),
        (typed("a.B", **{"%SUPER_TYPE": ANNOTATION, "x": {"%RANGE": "a.C"}}), "not a valid CAS"),
        (typed("a.B", **{"%SUPER_TYPE": ANNOTATION, "x y": {"%RANGE": STRING}}), "invalid name of a feature 'x y'"),
        (typed("a.B", **{"%SUPER_TYPE": ANNOTATION, "__init__": {"%RANGE": STRING}}), "invalid name of a feature"),
        (typed("a.B", **{"%SUPER_TYPE": ANNOTATION, "xmiID": {"%RANGE": STRING}}), "invalid name of a feature"),
        (typed("a b", **{"%SUPER_TYPE": ANNOTATION}), "invalid name of a type 'a b'"),
        (
            json_cas(*(item(i, DKPRO + "segmentation.type.Token", begin=b, end=6) for i, b in ((5, 3), (6, 4)))),
            "Token 6: the token begins before the end",
        ),
    ],
)
def test_malformed_json(content, error, tmp_path):
    with pytest.raises(CorpusError, match=rf"a\.json.*{error}"):
        read_json(tmp_path, content)


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "change, error",
    [
        (("</xmi:XMI>", ""), "line 3.*invalid XML"),
        ((XMI, "<xmi/>"), "expected xmi:XMI"),
        (("<xmi:XMI", f"{BOMB}<xmi:XMI"), "has a DOCTYPE"),
        (("<xmi:XMI", '<!DOCTYPE x SYSTEM "file:///etc/passwd"><xmi:XMI'), "has a DOCTYPE"),
        (('encoding="UTF-8"', 'encoding="UTF-7"'), "said to be in UTF-7; convert it"),
        (("&#9;", "&#7;"), "invalid XML"),
        (('Governor="21"', 'Governor="99"'), "refers to 99, which is not in the file"),
        (('next="42"', 'next="x"'), "not a valid CAS"),
        (('xmi:id="51" sofa="1"', 'xmi:id="51"'), "an annotation has no Sofa"),
        (("42 43", "42 44"), "refers to 44, which is not in the file"),
        (("42 43", "42 42"), "in several views, or twice in one"),
        (('xmi:id="22"', 'xmi:id="21"'), "the id 21 is there twice"),
        (('xmi:id="22"', 'xmi:id="x"'), "the id must be a positive integer, not x"),
        (('xmi:id="22" sofa="1"', 'xmi:id="22" sofa="3"'), "Span 22: the annotation does not refer to a Sofa"),
        (('sofaString="', 'sofaText="'), "does not refer to a Sofa with a text"),
        (('begin="8" end="16" label', 'begin="9" end="16" label'), "Span 22: .*inside of a character"),
        (('begin="8" end="16" label', 'end="16" label'), "from None to 16"),
        (('begin="8" end="16" label', 'begin="8" end="160" label'), "from 8 to 160"),
        (('score="0.5"', 'score="high"'), "not a valid CAS"),
        (('role="pilot"', 'rule="pilot"'), "not a valid CAS"),
        (("<custom:Span ", "<custom:Spam "), "not a valid CAS.*custom.Spam"),
    ],
)
def test_malformed_xmi(change, error, tmp_path):
    assert change[0] in XMI
    with pytest.raises(CorpusError, match=rf"a\.xmi.*{error}"):
        read_xmi(tmp_path, XMI.replace(*change, 1))


@pytest.mark.parametrize(
    "types, error",
    [
        ("<typeSystemDescription>", "line 1.*invalid XML"),
        (BOMB + type_system()[38:], "has a DOCTYPE"),
        (type_system({**LAYERS, "a.B": ("a.C", {})}), "no valid types"),
        (type_system({**LAYERS, "a.B": (ANNOTATION, {"x": "a.C"})}), "no valid types"),
        (type_system({**LAYERS, "a.B": (ANNOTATION, {"x=print(1)": STRING})}), "invalid name of a type or feature 'x="),
    ],
)
def test_malformed_types(types, error, tmp_path):
    with pytest.raises(CorpusError, match=rf"TypeSystem\.xml.*{error}"):
        read_xmi(tmp_path, types=types)


def test_an_old_or_other_declaration(tmp_path):
    declaration = '<?xml version="1.0" encoding="UTF-8"?>'
    for other in ("", '<?xml version="1.1"?>', "<?xml version='1.0' encoding='utf-8'?>", "\ufeff" + declaration, "\n"):
        record, _ = read_xmi(tmp_path, XMI.replace(declaration, other))
        assert record.entities == ENTITIES


@pytest.mark.filterwarnings("ignore")
@settings(
    max_examples=scale(60), deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_nothing_of_a_damaged_xmi_is_missing_without_a_word(data, tmp_path_factory):
    count()
    files = {"a.xmi": XMI, "TypeSystem.xml": type_system()}
    name = data.draw(st.sampled_from(list(files)))
    kind, content = data.draw(mutations(files[name]))
    folder = write(tmp_path_factory.mktemp("cas"), files)
    before, report_before = read_all(folder)
    (folder / name).write_bytes(content)
    try:
        records, report = read_all(folder)
    except CorpusError as err:
        assert re.match(r"\[M20[12]\] ", str(err)) and ("a.xmi" in str(err) or "TypeSystem.xml" in str(err))
        return
    counted = bool(report.lost - report_before.lost or report.noted - report_before.noted)
    patterns = {"entities": b"<custom:Span", "relations": b"<custom:Relation", "cats": b"<custom:DocumentLabel"}
    for what, pattern in patterns.items():
        missing = len(getattr(before[0], what)) - len(getattr(records[0], what) or ())
        removed = XMI.encode().count(pattern) - content.count(pattern) if name == "a.xmi" else 0
        assert missing <= max(removed, 0) or counted, (kind, what, missing)
    list(make_docs(records, spacy.blank("xx")))


def read_all(folder):
    report = Report()
    return list(read_cas(folder, report=report)), report


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
