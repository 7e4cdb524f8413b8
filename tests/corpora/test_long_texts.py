"""A text of many annotations, such as a book, is converted without comparing each annotation with all others."""

import random
import time

import pytest
import spacy

from spacy_mre.annotations.entities import EntitySpan
from spacy_mre.corpora import EntityRecord, Record, RelationRecord, Report, make_docs, make_records
from spacy_mre.corpora.misfits import _crossing, note_misfits
from spacy_mre.corpora.prodigy import read_prodigy
from spacy_mre.corpora.prodigy_writer import write_records

COUNT = 12_000
MAX_SECONDS = 30  # of a core; it takes 2 to 9, and with comparisons of all pairs, it took more than 60


@pytest.fixture(scope="module")
def book():
    entities = [EntityRecord(6 * i, 6 * i + 3, "x") for i in range(COUNT)]  # not the tokens of the text
    relations = [RelationRecord(i, i + 1, "y") for i in range(COUNT - 1)]
    return Record("word1 " * COUNT, "1", entities, relations)


def test_there_and_back(book, tmp_path):
    begin = time.process_time()
    (doc,) = docs = list(make_docs([book], spacy.blank("en")))
    note_misfits(doc, "book", [EntitySpan(i, i + 1, "x") for i in range(COUNT)], [], Report(), width_limit=9)
    (record,) = make_records(docs)
    write_records([record], tmp_path / "a.jsonl")
    (again,) = read_prodigy(tmp_path / "a.jsonl")
    assert time.process_time() - begin < MAX_SECONDS
    assert again.entities == record.entities == book.entities
    assert again.relations == record.relations == book.relations


def test_crossing_entities():
    draw = random.Random(0)
    for _ in range(200):
        places = [(start := draw.randrange(9), start + draw.randrange(1, 6)) for _ in range(draw.randrange(9))]
        crossing = [a for a in places if any(a[0] < b[0] < a[1] < b[1] or b[0] < a[0] < b[1] < a[1] for b in places)]
        assert [entity.offsets for entity in _crossing([EntitySpan(*place, "x") for place in places])] == crossing
