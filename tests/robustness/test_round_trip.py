"""Records survive writing and reading: random Unicode texts with nested and overlapping entities and relations."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.annotations.doc_json import from_json, to_json
from spacy_mre.annotations.entities import get_entities
from spacy_mre.annotations.relations import get_relations
from spacy_mre.annotations.storage import load_docs, save_docs
from spacy_mre.corpora import READERS, WRITERS, EntityRecord, Record, Report, make_docs
from spacy_mre.corpora.xml_text import NOT_XML
from tests.robustness.effort import count, scale
from tests.robustness.strategies import READ_WITH, records, with_extras

NLP = spacy.blank("xx")
# What a format does not tell from a missing annotation, if no record has it.
EMPTY = {
    "brat": {"relations": "empty relation annotation (brat cannot distinguish it from a missing one)"},
    "labelstudio": {
        "entities": "empty entity annotation (Label Studio cannot tell it from a missing one)",
        "relations": "empty relation annotation (Label Studio cannot tell it from a missing one)",
    },
    "conllu": {"relations": "empty annotation of relations (CoNLL-U cannot tell it from a missing one)"},
    "bioc": {
        "entities": "empty annotation of entities (BioC cannot tell it from a missing one)",
        "relations": "empty annotation of relations (BioC cannot tell it from a missing one)",
    },
    "pubtator": {
        "entities": "empty annotation of entities (PubTator cannot tell it from a missing one)",
        "relations": "empty annotation of relations (PubTator cannot tell it from a missing one)",
    },
}
WITHOUT_CATS = {
    "brat": "text labels (not supported by brat)",
    "webanno": "text labels (not supported by WebAnno TSV)",
}
WITHOUT_WHITE_SPACE = ("webanno",)  # has no entities of white space only, so that the writer loses them
# Formats that change white space: what they count as lost besides text labels.
CHANGED = {
    "bioc": {
        "control character (written as a space in XML)",
        *EMPTY["bioc"].values(),
    },
    "docred": {
        "white space of a text (DocRED has tokens only)",
    },
    "pubtator": {
        "line end (written as a space)",
        "line end at the end of a text",
        "NUL character (written as a space)",
        "entity of white space only",
        "relation with a lost argument",
        "concept of a mention (its entry in a database)",
        *EMPTY["pubtator"].values(),
    },
}
# Formats with several kinds of files, by the ending of the name.
KINDS = {"table": ("", ".parquet", ".arrow")}
FLAT = ("conllu",)  # formats without overlapping entities and without relations
EXAMPLES = scale(60)


def places(doc):
    return [(token.idx, token.idx + len(token)) for token in doc]


def contents(docs, *, tokens=True, cats=True):
    return [
        (
            doc.text,
            [token.idx for token in doc] if tokens else None,
            [(doc[s.start].idx, doc[s.end - 1].idx + len(doc[s.end - 1]), s.label) for s in get_entities(doc) or []],
            sorted(
                [*(doc[r[e][0] : r[e][1]].text for e in ("head", "tail")), r["label"]] for r in get_relations(doc) or []
            ),
            sorted(
                (doc[r["head"][0]].idx, r["head_label"], doc[r["tail"][0]].idx, r["tail_label"])
                for r in get_relations(doc) or []
            ),
            doc.cats if cats else None,
            doc.user_data["id"],
        )
        for doc in docs
    ]


def with_ids(chosen):
    for i, record in enumerate(chosen):
        record.id = f"record {i}"
    return chosen


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
@given(st.lists(records(), min_size=1, max_size=3).map(with_ids))
def test_docs_keep_every_record(chosen):
    count(len(chosen))
    report = Report()
    docs = list(make_docs(chosen, NLP, report=report))
    assert not report.lost
    assert [doc.text for doc in docs] == [record.text for record in chosen]
    for doc, record in zip(docs, chosen):
        spans = {(doc[s.start].idx, doc[s.end - 1].idx + len(doc[s.end - 1]), s.label) for s in get_entities(doc)}
        assert spans == {(entity.start, entity.end, entity.label) for entity in record.entities}
        assert len(get_relations(doc)) == len(record.relations)
        assert {token.idx for token in doc} >= {start for start, _ in record.tokens}


@pytest.mark.parametrize(
    "format, ending",
    [
        pytest.param(format.values[0], ending, marks=format.marks, id=f"{format.values[0]}{ending}")
        for format in with_extras([format for format in WRITERS if format not in (*CHANGED, *FLAT)])
        for ending in KINDS.get(format.values[0], ("",))
    ],
)
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
@given(chosen=st.lists(records(), min_size=1, max_size=3).map(with_ids))
def test_export_and_read_again(format, ending, chosen):
    if ending:
        pytest.importorskip("pyarrow")
    count(len(chosen))
    docs = list(make_docs(chosen, NLP))
    expected = Report()
    with tempfile.TemporaryDirectory() as folder:
        save_docs(docs, Path(folder) / "docs.spacy")
        written, read = Report(), Report()
        WRITERS[format](load_docs(Path(folder) / "docs.spacy"), Path(folder) / f"out{ending}", report=written)
        back = list(READERS[format](Path(folder) / f"out{ending}", report=read, **READ_WITH.get(format, {})))
    expected_losses = {WITHOUT_CATS[format]} if format in WITHOUT_CATS else set()
    for what, reason in EMPTY.get(format, {}).items():
        if not any(getattr(record, what) for record in chosen):
            expected_losses.add(reason)
    if any("\0" in record.text for record in chosen) and format + ending in ("brat", "table", "webanno"):
        expected_losses.add("NUL character (written as a space)")
        pairs = zip(chosen, docs)
        # An entity of NUL only becomes one of white space only.
        spaced = [replace(record, text=record.text.replace("\0", " "), tokens=places(doc)) for record, doc in pairs]
        docs = list(make_docs(spaced, NLP, report=expected))
    if format in WITHOUT_WHITE_SPACE:
        expected_losses |= set(expected.lost)
        expected = Report()
    assert set(written.lost) == expected_losses
    assert not read.lost
    if format not in ("jsonl", "prodigy", "spacyjson", "table"):  # the others have no tokens
        for record, doc in zip(back, docs):
            record.tokens = places(doc)
    again = Report()
    same = contents(make_docs(back, NLP, report=again), cats=format not in WITHOUT_CATS)
    assert same == contents(docs, cats=format not in WITHOUT_CATS)
    assert again.lost == expected.lost


@pytest.mark.parametrize("format", with_extras(CHANGED))
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
@given(chosen=st.lists(records(), min_size=1, max_size=3).map(with_ids))
def test_export_that_changes_white_space(format, chosen):
    count(len(chosen))
    written, read = Report(), Report()
    with tempfile.TemporaryDirectory() as folder:
        WRITERS[format](list(make_docs(chosen, NLP)), Path(folder) / "out", report=written)
        back = list(READERS[format](Path(folder) / "out", report=read))
    cats = {reason for reason in written.lost if reason.startswith("text labels (not supported by ")}
    assert cats and set(written.lost) - cats | set(read.lost) <= CHANGED[format]
    for record, given_record in zip(back, chosen, strict=True):
        assert record.id == given_record.id
        assert visible(record.text) == visible(given_record.text)
        entities = [entity for entity in given_record.entities if visible(given_record.text[entity.start : entity.end])]
        found = [entity for entity in record.entities or () if visible(record.text[entity.start : entity.end])]
        assert sorted(map(sort_key(record), found)) == sorted(map(sort_key(given_record), entities))
        if len(entities) == len(given_record.entities):
            assert sorted(ends(record)) == sorted(ends(given_record))


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
@given(chosen=st.lists(records(), min_size=1, max_size=3).map(with_ids))
def test_export_of_flat_entities(chosen):
    count(len(chosen))
    docs = list(make_docs(chosen, NLP))
    written, read = Report(), Report()
    with tempfile.TemporaryDirectory() as folder:
        WRITERS["conllu"](docs, Path(folder) / "out", report=written)
        back = (
            list(READERS["conllu"](Path(folder) / "out", report=read)) if (Path(folder) / "out").stat().st_size else []
        )
    assert not read.lost and not read.noted
    docs = [doc for doc in docs if doc.text.replace("\0", " ").strip()]
    nested = sum(len(get_entities(doc)) - len(doc.ents) for doc in docs)
    for doc, record in zip(docs, back, strict=True):
        assert (record.text, record.id) == (doc.text.replace("\0", " "), doc.user_data["id"])
    if not any("\0" in doc.text for doc in docs):  # NUL becomes white space, so that entities lose their ends
        assert written.lost["nested or overlapping entity (CoNLL-U has one tag per word)"] == nested
        for doc, record in zip(docs, back, strict=True):
            assert record.tokens == [(t.idx, t.idx + len(t)) for t in doc if not t.text.isspace()]
            assert record.entities == [EntityRecord(e.start_char, e.end_char, e.label_) for e in doc.ents]


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
@given(record=records().filter(lambda record: "\0" not in record.text))
def test_attributes_and_notes_of_brat(record):
    count()
    record.id = "a"
    targets = [as_target(entity, record) for entity in (*record.entities, *record.relations)]
    entries = [{"kind": "note", "label": "Note", "of": target, "text": f"{i}"} for i, target in enumerate(targets)]
    entries += [{"kind": "attribute", "label": "Sure", "of": target, "value": "low"} for target in targets]
    record.meta = {"brat": entries} if entries else {}
    record.cats = None
    written, read = Report(), Report()
    with tempfile.TemporaryDirectory() as folder:
        WRITERS["brat"](make_docs([record], NLP), Path(folder) / "out", report=written)
        (back,) = READERS["brat"](Path(folder) / "out", report=read)
    assert back.meta == record.meta
    assert set(written.lost) <= {EMPTY["brat"]["relations"]} and not read.lost


def as_target(annotation, record):
    if isinstance(annotation, EntityRecord):
        return {"start": annotation.start, "end": annotation.end, "label": annotation.label}
    head, tail = (as_target(record.entities[i], record) for i in (annotation.head, annotation.tail))
    return {"head": head, "label": annotation.label, "tail": tail}


def visible(text):
    """A text without white space and control characters, which may become a space."""
    return "".join(NOT_XML.sub(" ", text).split())


def sort_key(record):
    return lambda e: (len(visible(record.text[: e.start])), visible(record.text[e.start : e.end]), e.label)


def ends(record):
    key = sort_key(record)
    return [(key(record.entities[r.head]), key(record.entities[r.tail]), r.label) for r in record.relations or ()]


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
@given(st.lists(records(), min_size=1, max_size=3).map(with_ids))
def test_spacy_files_and_json(chosen):
    count(len(chosen))
    docs = list(make_docs(chosen, NLP))
    with tempfile.TemporaryDirectory() as folder:
        save_docs(docs, Path(folder) / "docs.spacy", max_bytes=1000)
        assert contents(load_docs(Path(folder) / "docs.spacy")) == contents(docs)
    back = [from_json(json.loads(json.dumps(to_json(doc)))) for doc in docs]
    for doc, original in zip(back, docs):
        doc.user_data["id"] = original.user_data["id"]  # not in the JSON of spaCy
    assert contents(back) == contents(docs)


@pytest.mark.parametrize("format", with_extras(WRITERS))
@pytest.mark.parametrize("entities, relations", [(None, None), ([], None), ([], [])])
def test_absent_annotations_stay_absent(format, entities, relations, tmp_path):
    records = [Record("Ada", id="a", entities=entities, relations=relations)]
    report = Report()
    WRITERS[format](make_docs(records, NLP), tmp_path / "out", report=report)
    (record,) = READERS[format](tmp_path / "out", **READ_WITH.get(format, {}))
    assert record.cats is None
    for what, expected in (("entities", entities), ("relations", relations)):
        found = getattr(record, what)
        assert found == expected or (found is None and EMPTY[format][what] in report.lost)
