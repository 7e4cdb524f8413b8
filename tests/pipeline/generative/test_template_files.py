"""Rows of every template in every language come back identical: documents, rows, documents, rows."""

from itertools import product
from pathlib import Path

import pytest
import spacy

from spacy_mre.corpora import EntityRecord, Record, RelationRecord, Report, cat_labels, make_docs
from spacy_mre.corpora.mmm import read_mmm
from spacy_mre.files import write_json_lines
from spacy_mre.pipeline.generative.formats import FORMATS, template_names
from spacy_mre.pipeline.generative.formats.task import LANGUAGES
from spacy_mre.pipeline.generative.strings import read_strings, string_rows, task_of_docs, task_of_strings

ASSETS = Path(__file__).parents[3] / "assets"
KINDS = {
    "SCNM": "SCNM",
    "SCPOS:RW": "SCPOS_RW",
    "SCPOS:Adj&N": "SCPOS_Adj_N",
    "SCPOS:Adj": "SCPOS_Adj",
    "SCPOS:N": "SCPOS_N",
    "TCREE:RE": "TCREE_RE",
    "TCREE:EE": "TCREE_EE",
    "TCONER": "TCONER",
}
# Tokens are characters, so that no tokenizer decides which entities are kept.
NLP = spacy.blank("zh")
LIMIT = 200


@pytest.fixture(scope="module")
def mmm():
    return read_mmm(ASSETS)


def chosen(records):
    """A part of a data set."""
    return records[:: max(1, len(records) // LIMIT)]


def to_docs(records):
    return list(make_docs(records, NLP, tokens="tokenizer", cats=cat_labels(records)))


def write(docs, path, format):
    write_json_lines(string_rows(docs, format, spans_key="entities", keep_order=False, report=Report()), path)
    return path.read_bytes()


def test_every_template_has_a_data_set(mmm):
    assert list(KINDS) == template_names() and len(KINDS) * len(LANGUAGES) == 24
    assert set(mmm) == set(LANGUAGES)


@pytest.mark.parametrize("template, lang", list(product(KINDS, LANGUAGES)))
def test_rows_come_back_identical(mmm, tmp_path, template, lang):
    records = chosen(mmm[lang][KINDS[template]])
    docs = to_docs(records)
    task = task_of_docs(docs, template, lang)
    for name, make in FORMATS.items():
        report = Report()
        first = write(docs, tmp_path / f"{name}.jsonl", make(task))
        back = list(read_strings(tmp_path / f"{name}.jsonl", make(task), strict=True, report=report))
        assert len(back) == len(docs) >= 100 and not report.lost
        assert sum(len(record.relations or record.entities) for record in back) >= 30
        assert write(to_docs(back), tmp_path / "again.jsonl", make(task)) == first
        # Also with labels that are only read from the rows
        read_task = task_of_strings(tmp_path / f"{name}.jsonl", name, template, lang)
        assert {*task.labels.values()} <= {*read_task.labels.values()}
        assert {*task.roles.values()} <= {*read_task.roles.values()}


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_open_labels(tmp_path, name):
    text = "Ida ate soup: a/b; at <Bo>."
    entities = [EntityRecord(0, 3, "who: eats"), EntityRecord(8, 12, "dish/soup"), EntityRecord(14, 17, "そのほか;x")]
    docs = to_docs([Record(text=text, id="1", entities=entities, cats={"food": 1.0})])
    format = FORMATS[name](task_of_docs(docs, "TCONER", "en"))
    first = write(docs, tmp_path / "a.jsonl", format)
    (record,) = read_strings(tmp_path / "a.jsonl", format, strict=True)
    assert record.entities == entities
    assert write(to_docs([record]), tmp_path / "b.jsonl", format) == first
    task = task_of_strings(tmp_path / "a.jsonl", name, "TCONER", "en")
    assert set(task.labels) == {entity.label for entity in entities}


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_events_with_three_roles(tmp_path, name):
    """An event is a trigger with a relation to each argument. Rows have no types of arguments."""
    text = "In May Ida sold Bo a boat."
    places = {"trigger": (11, 15), "seller": (7, 10), "buyer": (16, 18), "goods": (21, 25)}
    entities = [EntityRecord(*offsets, "sale" if role == "trigger" else "thing") for role, offsets in places.items()]
    relations = [RelationRecord(0, i, role) for i, role in enumerate(places) if i]
    docs = to_docs([Record(text=text, id="1", entities=entities, relations=relations)])
    format = FORMATS[name](task_of_docs(docs, "TCREE:EE", "en"))
    first = write(docs, tmp_path / "a.jsonl", format)
    (record,) = read_strings(tmp_path / "a.jsonl", format, strict=True)
    span = [(entity.start, entity.end) for entity in record.entities]
    assert {(span[r.head], r.label, span[r.tail]) for r in record.relations} == {
        (places["trigger"], role, places[role]) for role in ("seller", "buyer", "goods")
    }
    assert [entity.label for entity in record.entities] == ["sale", "entity", "entity", "entity"]
    assert write(to_docs([record]), tmp_path / "b.jsonl", format) == first
