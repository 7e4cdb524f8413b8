"""UIMA CAS: malformed and damaged files."""

import re

import pytest
import spacy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spacy_mre.corpora import CorpusError, make_docs
from tests.robustness.effort import count, scale
from tests.robustness.strategies import mutations

pytest.importorskip("cassis")

from tests.corpora.cas_exports import (
    ANNOTATION,
    DKPRO,
    ENTITIES,
    LAYERS,
    STRING,
    XMI,
    changed,
    item,
    json_cas,
    read_all,
    read_json,
    read_xmi,
    relation,
    span,
    type_system,
    typed,
    write,
)


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
