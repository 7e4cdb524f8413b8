"""Exports of INCEpTION for the tests of UIMA CAS, in XMI and JSON."""

import json

import pytest

from spacy_mre.corpora import EntityRecord, Report

pytest.importorskip("cassis")

from spacy_mre.corpora.cas import read_cas

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


def changed(**parts):
    return {**json_cas(span(5, 3, 6)), **parts}


def typed(name, **described):
    content = json_cas(span(5, 3, 6))
    content["%TYPES"][name] = described
    return content


def read_all(folder):
    report = Report()
    return list(read_cas(folder, report=report)), report
