"""BioC: collections as PubTator and BioCreative give them, in XML and JSON."""

import json
import re
import sys

import pytest
import spacy

from spacy_mre.corpora import READERS, WRITERS, CorpusError, EntityRecord, Record, RelationRecord, Report, make_docs
from spacy_mre.corpora.recognise import recognise
from tests.robustness.strategies import SAMPLES


def annotation(id, label, offset, text, **infons):
    locations = [{"offset": offset, "length": len(text)}]
    return {"id": id, "infons": {"type": label, **infons}, "text": text, "locations": locations}


def passage(offset, text, *annotations):
    return {
        **{"offset": offset, "infons": {}, "text": text, "sentences": []},
        **{"annotations": list(annotations), "relations": []},
    }


def relation(id, *nodes, **infons):
    return {"id": id, "infons": infons, "nodes": [{"refid": node, "role": ""} for node in nodes]}


def collection(*documents):
    return {"source": "", "date": "", "key": "", "infons": {}, "documents": list(documents)}


# As BioRED gives it: relations are between concepts.
BIORED = {
    "id": "227508",
    "infons": {"journal": "x"},
    "passages": [
        passage(0, "Naloxone reverses.", annotation("0", "Chemical", 0, "Naloxone", identifier="D1")),
        passage(
            19,
            "Nalozone; naloxone and clonidine bind.",
            annotation("1", "Chemical", 29, "naloxone", identifier="D1"),
            annotation("2", "Chemical", 42, "clonidine", identifier="D2", note="x"),
            annotation("3", "", 19, "Nalozone"),
        ),
    ],
    "relations": [
        relation("R0", entity1="D2", entity2="D1", type="Association", novel="Novel"),
        relation("R1", "0", "2", type="binds"),
        relation("R2", "0", "1", "2", type="x"),
        relation("R3", "0", "3", type="x"),
        relation("R4", "0", "R1", type="x"),
        relation("R5", "0", "2"),
        relation("R6", entity1="D2", entity2="D9", type="x"),
    ],
}


def read(tmp_path, content, **options):
    path = tmp_path / "a.bioc"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf8")
    report = Report()
    return list(READERS["bioc"](path, report=report, **options)), report


def test_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "bioc", None)
    with pytest.raises(ValueError, match=r"M240.*a\.bioc.*pip install 'spacy-mre\[bioc\]'"):
        read(tmp_path, collection(BIORED))
    with pytest.raises(ValueError, match="M240"):
        WRITERS["bioc"]([], tmp_path / "out.xml")
    assert not (tmp_path / "out.xml").exists()


def test_json_of_biored(tmp_path):
    pytest.importorskip("bioc")
    (record,), report = read(tmp_path, collection(BIORED))
    assert record.text == "Naloxone reverses.\nNalozone; naloxone and clonidine bind."
    assert [record.text[e.start : e.end] for e in record.entities] == ["Naloxone", "naloxone", "clonidine"]
    assert record.relations == [RelationRecord(2, 1, "Association"), RelationRecord(0, 2, "binds")]
    assert (record.id, record.meta) == ("227508", {"journal": "x"})
    assert report.lost == {
        "concept of a mention (its entry in a database)": 3,
        "infon 'note' of an annotation": 1,
        "infon 'novel' of a relation": 1,
        "entity without a label": 1,
        "relation that does not have two ends": 1,
        "relation with a lost argument": 2,
        "relation with an end that is no annotation": 1,
        "relation without a label": 1,
    }
    (record,), _ = read(tmp_path, collection(BIORED), pairs="all")
    assert len(record.relations) == 3
    assert recognise(tmp_path / "a.bioc") == "bioc"


def test_xml(tmp_path):
    pytest.importorskip("bioc")
    (first, rain), report = read(tmp_path, SAMPLES["bioc"]["corpus.xml"])
    assert first.text == "🙂 Ada met Bo.\nBo was in Lima."
    assert first.entities == [
        EntityRecord(2, 5, "person"),
        EntityRecord(10, 12, "person"),
        EntityRecord(24, 28, "place"),
    ]
    assert first.relations == [RelationRecord(0, 1, "met"), RelationRecord(1, 2, "in")]
    assert (rain.text, rain.entities, rain.relations) == ("Rain", [], [])
    assert report.lost == {"concept of a mention (its entry in a database)": 1, "infon 'type' of a passage": 1}


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        (
            '<location offset="2" length="3"/>',
            '<location offset="2.5" length="3"/>',
            4,
            "'offset' of 'location' must be",
        ),
        ('<location offset="2" length="3"/>', '<location offset="2"/>', 4, "'location' has no 'length'"),
        ("<offset>13</offset>", "", 6, "'passage' has no 'offset'"),
        ("<offset>13</offset>", "<offset/>", 6, "'offset' of 'passage' must be a whole number, not ''"),
        ('<annotation id="T1">', "<annotation>", 3, "'annotation' has no 'id'"),
        (' refid="T1"', "", 7, "'node' has no 'refid'"),
        (' role="head"', "", 7, "'node' has no 'role'"),
        ('<infon key="type">met', "<infon>met", 7, "'infon' has no 'key'"),
        ("</document>", "", 9, "invalid XML"),
    ],
)
def test_wrong_xml_names_the_line(tmp_path, old, new, line, reason):
    pytest.importorskip("bioc")
    text = """<?xml version="1.0" encoding="ISO-8859-1"?><collection><source/><date/><key/>
<document><id>1</id><passage><offset>0</offset><text>Zoë met Bo.</text>
<annotation id="T0"><infon key="type">x</infon><location offset="0" length="3"/></annotation><annotation id="T1">
<location offset="2" length="3"/>
</annotation><annotation id="T2"><infon key="type">x</infon><location offset="8" length="2"/></annotation></passage>
<passage><offset>13</offset><text>Rain</text></passage>
<relation id="R1"><infon key="type">met</infon><node refid="T0" role=""/><node refid="T1" role="head"/></relation>
</document>
</collection>"""
    assert text.count(old) == 1
    for blank in (0, 2):
        with pytest.raises(CorpusError, match=re.escape(reason)) as raised:
            read(tmp_path, "\n" * blank + text.replace(old, new))
        assert f"line {line + blank}" in str(raised.value)


def test_xml_is_utf8_whatever_it_declares(tmp_path):
    pytest.importorskip("bioc")
    for name in ("ISO-8859-1", "UTF-16"):
        text = SAMPLES["bioc"]["corpus.xml"].replace("encoding='utf-8'", f"encoding='{name}'")
        assert name in text
        (first, _), _ = read(tmp_path, text)
        assert first.text == "🙂 Ada met Bo.\nBo was in Lima."


def test_utf16_sentences_gaps_and_discontinuous_annotations(tmp_path):
    pytest.importorskip("bioc")
    item = passage(2, "", annotation("1", "x", 5, "Ada"), annotation("2", "x", 12, "Bo"))
    item["sentences"] = [{**passage(2, "🙂 Ada."), "relations": []}, {**passage(12, "Bo"), "relations": []}]
    parts = annotation("3", "x", 5, "Ada Bo")
    parts["locations"] = [{"offset": 5, "length": 3}, {"offset": 12, "length": 2}]
    item["annotations"].append(parts)
    (record,), report = read(tmp_path, collection({"id": "1", "infons": {}, "passages": [item], "relations": []}))
    assert record.text == "  🙂 Ada.\n  Bo"
    assert record.entities == [EntityRecord(4, 7, "x"), EntityRecord(11, 13, "x")]
    assert record.relations is None
    assert report.lost == {"discontinuous entity": 1}
    given = collection({"id": "1", "infons": {}, "passages": [item], "relations": []})
    (record,), report = read(tmp_path, given, discontinuous="whole")
    assert record.entities[2] == EntityRecord(4, 13, "x")
    assert report.lost == {"discontinuous entity (read from its first to its last part)": 1}


def test_offsets_in_bytes(tmp_path):
    pytest.importorskip("bioc")
    first, second = "木村は Ada と", "Bo は東京。"
    start = len(first.encode()) + 1
    parts = [
        passage(0, first, annotation("1", "x", len("木村は ".encode()), "Ada")),
        passage(start, second, annotation("2", "y", start + len("Bo は".encode()), "東京")),
    ]
    parts[1]["annotations"][0]["locations"][0]["length"] = len("東京".encode())
    (record,), report = read(tmp_path, collection({"id": "1", "infons": {}, "passages": parts, "relations": []}))
    assert record.text == f"{first}\n{second}"
    assert record.entities == [EntityRecord(4, 7, "x"), EntityRecord(14, 16, "y")]
    assert report.noted == {"offsets in UTF-8, converted": 1}


WITH_WRONG_INFONS = [
    {**BIORED, "infons": 7},
    {**BIORED, "passages": [{**passage(0, "a"), "infons": [7]}]},
    {**BIORED, "passages": [passage(0, "a", {**annotation("0", "x", 0, "a"), "infons": "7"})]},
    {**BIORED, "relations": [{**relation("R0"), "infons": [[7, 7, 7]]}]},
]

NINE = annotation("9", "x", 0, "a")
# What the package cannot read of the second document, in words.
UNREADABLE = {
    "a part of it is not as in BioC": [7, {**BIORED, "passages": 7}],
    "a part of it has no 'infons'": [{"id": "7"}],
    "the annotation '9' is not as in BioC": [
        {**BIORED, "passages": [passage(0, "a", annotation("8", "x", 0, "a"), {**NINE, "locations": 7})]}
    ],
    "the annotation '9' has no 'text'": [
        {**BIORED, "passages": [passage(0, "a", {key: NINE[key] for key in ("id", "infons", "locations")})]}
    ],
    "the annotation '7' is not as in BioC": [{**BIORED, "passages": [passage(0, "a", 7)]}],
}


@pytest.mark.parametrize(
    "content, error",
    [
        ("<collection><document>", "line 1.*invalid XML"),
        ("<!DOCTYPE c [<!ENTITY a 'b'>]><collection/>", "XML entities"),
        ("<collection/>", "no document"),
        ("<collection><document><passage/></document></collection>", "line 1: 'passage' has no 'offset'"),
        ('{"documents": [', "invalid JSON"),
        ('{"documents": []}', "a part of the collection has no 'source'"),
        ("[]", "not a BioC collection"),
        (collection({**BIORED, "passages": [passage(0, "abc"), passage(2, "x")]}), "begins at 2, but .* ends at 3"),
        (collection({**BIORED, "passages": [passage(0, "a", annotation("0", "x", 0, "b"))]}), "an annotation is 'b'"),
        (collection({**BIORED, "passages": [passage(0, "a", annotation("0", "x", 1, "a"))]}), "not a valid span"),
        (collection({**BIORED, "passages": [passage("0", "a")]}), "document 1: a passage needs an offset"),
        (collection({**BIORED, "passages": [passage(0, "a", *[annotation("0", "x", 0, "a")] * 2)]}), "have the id '0'"),
        *((collection(given), "document 1: 'infons' must be an object, not") for given in WITH_WRONG_INFONS),
        *((collection(BIORED, each), f"document 2: {error}") for error, given in UNREADABLE.items() for each in given),
    ],
)
def test_malformed(content, error, tmp_path):
    pytest.importorskip("bioc")
    with pytest.raises(CorpusError, match=rf"a\.bioc.*{error}"):
        read(tmp_path, content)


@pytest.mark.parametrize("name", ["out.json", "out.xml"])
def test_what_is_written(name, tmp_path):
    pytest.importorskip("bioc")
    records = [
        Record(
            "🙂 Ada\r\nmet <Bo> & \x07",
            id="a/b: c",
            entities=[EntityRecord(2, 5, "a person: x/y"), EntityRecord(12, 14, "p&q"), EntityRecord(2, 5, "p")],
            relations=[RelationRecord(1, 0, "met <by>")],
            meta={"by": "Ada", "page": 3},
            group="g",
        ),
        Record("Rain", id="2", entities=[], relations=[]),
    ]
    docs = list(make_docs(records, spacy.blank("xx")))
    report = Report()
    assert WRITERS["bioc"](docs, tmp_path / name, report=report) == 2
    read_again = Report()
    first, rain = READERS["bioc"](tmp_path / name, report=read_again)
    assert first.text == (records[0].text if name == "out.json" else records[0].text.replace("\x07", " "))
    assert sorted(first.entities, key=lambda e: e.label) == sorted(records[0].entities, key=lambda e: e.label)
    (made,) = first.relations
    assert (first.entities[made.head], first.entities[made.tail], made.label) == (
        *records[0].entities[1::-1],
        "met <by>",
    )
    assert (first.id, first.meta, rain.entities, rain.relations) == ("a/b: c", {"by": "Ada"}, [], [])
    lost = {"group (not supported by BioC)": 1, "metadata that is not a string": 1}
    if name == "out.xml":
        lost["control character (written as a space in XML)"] = 1
    assert report.lost == lost and not read_again.lost
    assert recognise(tmp_path / name) == "bioc"


@pytest.mark.parametrize(
    "roles, ends, note",
    [
        (("head", "tail"), (0, 1), None),
        (("tail", "head"), (1, 0), None),
        (("Arg1", "Arg2"), (0, 1), None),
        (("Arg2", "Arg1"), (1, 0), None),
        (("", ""), (0, 1), None),
        (("Theme", "Cause"), (0, 1), "roles 'Theme' and 'Cause' of a relation, read as head and tail"),
        (("head", ""), (0, 1), "roles 'head' and '' of a relation, read as head and tail"),
    ],
)
def test_roles_say_which_node_is_the_head(tmp_path, roles, ends, note):
    pytest.importorskip("bioc")
    nodes = [{"refid": name, "role": role} for name, role in zip("ab", roles)]
    given = passage(0, "Ada met Bo", annotation("a", "x", 0, "Ada"), annotation("b", "x", 8, "Bo"))
    met = {"id": "R", "infons": {"type": "met"}, "nodes": nodes}
    (record,), report = read(tmp_path, collection({"id": "1", "infons": {}, "passages": [given], "relations": [met]}))
    assert record.relations == [RelationRecord(*ends, "met")]
    assert list(report.noted) == ([note] if note else [])


def test_a_mention_of_several_concepts(tmp_path):
    pytest.importorskip("bioc")
    both = annotation("a", "Gene", 0, "p38 kinases", identifier="4535; 5265")
    given = passage(0, "p38 kinases bind ATP", both, annotation("b", "Chemical", 17, "ATP", identifier="D1"))
    relations = [relation("R", entity1="5265", entity2="D1", type="binds")]
    document = {"id": "1", "infons": {}, "passages": [given], "relations": relations}
    (record,), _ = read(tmp_path, collection(document))
    assert record.relations == [RelationRecord(0, 1, "binds")]
