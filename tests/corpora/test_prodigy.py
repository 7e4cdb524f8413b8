"""Prodigy: accepted answers as `db-out` writes them, and tasks for its recipes."""

import json

import pytest
import spacy

from spacy_mre.annotations.entities import get_entities
from spacy_mre.corpora import READERS, WRITERS, CorpusError, EntityRecord, Record, RelationRecord, Report, make_docs
from spacy_mre.corpora.prodigy import read_prodigy
from spacy_mre.corpora.prodigy_writer import write_records

NLP = spacy.blank("xx")
TEXT = "🙂 Ada Fox met Bo"
TOKENS = [(0, 1), (2, 5), (6, 9), (10, 13), (14, 16)]
ADA, FOX, BO = EntityRecord(2, 9, "person"), EntityRecord(6, 9, "surname"), EntityRecord(14, 16, "person")


def token(i, start, end):
    return {"text": TEXT[start:end], "start": start, "end": end, "id": i, "ws": end < len(TEXT), "disabled": False}


def span(start, end, first, last, label="person", **others):
    place = {"start": start, "end": end, "token_start": first, "token_end": last}
    return {**place, "label": label, **others}


ADA_SPAN, FOX_SPAN, BO_SPAN = span(2, 9, 1, 2), span(6, 9, 2, 2, "surname"), span(14, 16, 4, 4)


def relation(head, child, label="met"):
    ends = {"head": head["token_end"], "child": child["token_end"], "head_span": head, "child_span": child}
    return {**ends, "color": "#c5bdf4", "label": label}


def answer(text=TEXT, view="relations", **others):
    about = {"_input_hash": 7, "_task_hash": -8, "_session_id": None, "_view_id": view, "_timestamp": 1714650000}
    return {"text": text, **about, "answer": "accept", **others}


def full(spans=(ADA_SPAN, FOX_SPAN, BO_SPAN), **others):
    tokens = [token(i, *place) for i, place in enumerate(TOKENS)]
    return answer(tokens=tokens, spans=[{**given, "type": "span"} for given in spans], **others)


@pytest.fixture
def read(tmp_path):
    def run(*items):
        path = tmp_path / "out.jsonl"
        path.write_bytes("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items).encode("utf8"))
        report = Report()
        return list(read_prodigy(path, report=report)), report

    return run


def test_spans_and_relations(read):
    item = full(relations=[relation(BO_SPAN, ADA_SPAN), relation(FOX_SPAN, BO_SPAN)], meta={"source": "x"})
    (record,), report = read(item)
    assert (record.text, record.tokens, record.id) == (TEXT, TOKENS, "out-1")
    assert record.entities == [ADA, FOX, BO]
    assert record.relations == [RelationRecord(2, 0, "met"), RelationRecord(1, 2, "met")]
    assert (record.meta, record.cats) == ({"source": "x"}, None)
    assert not report.lost and not report.noted


def test_arguments_are_last_tokens_of_spans(read):
    item = full([ADA_SPAN, BO_SPAN], relations=[{"head": 4, "child": 2, "label": "met"}])
    assert read(item)[0][0].relations == [RelationRecord(1, 0, "met")]
    first_token = {"head": 4, "child": 1, "label": "met"}
    several_end_here = {"head": 4, "child": 2, "label": "met"}
    no_span = relation(BO_SPAN, span(10, 13, 3, 3, None))
    (record,), report = read(full(relations=[first_token, several_end_here, no_span]))
    assert record.relations == []
    assert report.lost == {
        "relation of a token that is no span": 2,
        "relation of a token at which several spans end": 1,
    }


def test_a_span_with_two_labels(read):
    poet = {**ADA_SPAN, "label": "poet"}
    (record,), _ = read(full([ADA_SPAN, poet, BO_SPAN], relations=[relation(poet, BO_SPAN)]))
    assert record.relations == [RelationRecord(1, 2, "met")]


def test_spans_without_a_label(read):
    unnamed = span(2, 9, 1, 2, None)
    (record,), report = read(full([unnamed, BO_SPAN], relations=[relation(unnamed, BO_SPAN)]))
    assert (record.entities, record.relations) == ([BO], [])
    assert report.lost == {"span without a label": 1, "relation with a lost argument": 1}


@pytest.mark.parametrize(
    "view, entities, relations",
    [
        ("ner_manual", [], None),
        ("spans_manual", [], None),
        ("relations", [], []),
        ("choice", None, None),
        (None, None, None),
    ],
)
def test_the_interface_says_what_is_annotated(read, view, entities, relations):
    (record,), _ = read(answer(view=view))
    assert (record.entities, record.relations) == (entities, relations)


def test_choices(read):
    options = [{"id": "diary", "text": "Diary"}, {"id": 2, "text": "News"}]
    records, _ = read(
        answer("a", "choice", options=options, accept=["diary"]),
        answer("b", "choice", options=options, accept=[2]),
        answer("c", "choice", options=options, accept=[]),
        answer("d", "classification", label="天気"),
        answer("e", "choice", accept=["news"]),
    )
    assert [record.cats for record in records] == [
        {"diary": 1.0, "2": 0.0},
        {"diary": 0.0, "2": 1.0},
        {"diary": 0.0, "2": 0.0},
        {"天気": 1.0},
        {"news": 1.0},
    ]


def test_only_accepted_texts_are_read(read):
    items = [answer("a"), answer("b", answer="reject"), answer("c", answer="ignore"), {"text": "d", "spans": []}]
    records, report = read(*items)
    assert [record.text for record in records] == ["a", "d"]
    assert report.noted == {
        "text with the answer 'reject', left out": 1,
        "text with the answer 'ignore', left out": 1,
    }


def test_texts_that_were_answered_twice_are_noted(read):
    _, report = read(answer("a"), answer("b"), answer("a", _session_id="x-bo"), answer("b", answer="reject"))
    assert report.noted["text that occurs more than once"] == 1


def test_other_keys(read):
    (record,), report = read(full(id="r-1", group="g", page=3, meta={"source": "x"}, spans_=[]))
    assert (record.id, record.group) == ("r-1", "g")
    assert record.meta == {"source": "x", "page": 3, "spans_": []}
    assert report.noted == {"key 'page' read as metadata": 1}
    assert report.lost == {"key 'spans_' read as metadata (did you mean 'spans'?)": 1}
    _, report = read(full([{**ADA_SPAN, "labl": "x"}]))
    assert report.lost == {"unknown key 'labl' of a span, not read (did you mean 'label'?)": 1}


@pytest.mark.parametrize(
    "item, reason",
    [
        ({"answer": "accept"}, "the key 'text' is missing"),
        (answer(answer="maybe"), "'answer' must be one of accept, reject, ignore"),
        (answer(answer=[]), "'answer' must be one of"),
        (full([span(2, 30, 1, 2)]), "a span goes from 2 to 30"),
        (full([span(2, 9, 1, 3)]), "a span goes from 2 to 9, but its tokens 1 to 3 do not"),
        (full([span(2, 9, 1, 9)]), "its tokens 1 to 9 do not"),
        (full([span(2, 9, -4, 2)]), "its tokens -4 to 2 do not"),
        (full([span(2, 9, 1, 2, 5)]), "'label' must be of type str"),
        (full([span(2, 9, 1, 2, score="x")], answer=None), "'score' must be a number from 0 to 1"),
        (answer(spans=5), "'spans' must be of type list"),
        (answer(tokens=[token(0, 2, 5), token(1, 0, 1)]), "token 1 begins before the end"),
        (answer(tokens=[{"text": "Bo", "start": 2, "end": 5}]), "token 0 is not the text at its offsets, 'Ada'"),
        (full(relations=[relation(ADA_SPAN, span(0, 1, 0, 0))]), "the child_span of a relation, from 0 to 1, is none"),
        (full(relations=[{"head": 2, "label": "met"}]), "the key 'child' is missing"),
        (full(relations=[{"head": 2, "child": 4}]), "the key 'label' is missing"),
        (full(relations=[[]]), "expected a JSON object"),
        (answer(options=[{"text": "x"}], accept=[]), "each of the 'options' must have an 'id'"),
        (answer(options=[5], accept=[]), "each of the 'options' must have an 'id'"),
        (answer(options=[{"id": "x"}], accept=["y"]), "'accept' contains 'y', which is none of the options"),
        (answer(label=5), "'label' must be of type str"),
        (answer(meta={"a": 2**70}), "the metadata cannot be stored"),
    ],
)
def test_malformed(read, item, reason):
    with pytest.raises(CorpusError, match=rf"out\.jsonl, line 2: .*{reason}"):
        read(answer("fine"), item)


FULL = Record(
    TEXT,
    id="r-1",
    entities=[ADA, FOX, BO],
    relations=[RelationRecord(2, 0, "met")],
    cats={"diary": 1.0, "news": 0.0},
    tokens=TOKENS,
    group="g",
    meta={"page": 3},
)


def written(tmp_path, *records):
    report = Report()
    write_records(records, tmp_path / "out.jsonl", report)
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf8").splitlines()
    return [json.loads(line) for line in lines], report


def test_what_is_written(tmp_path):
    (task, bare), report = written(tmp_path, FULL, Record("Rain", id="r-2", tokens=[(0, 4)]))
    assert task == {
        "text": TEXT,
        "id": "r-1",
        "group": "g",
        "meta": {"page": 3},
        "tokens": [
            {key: value for key, value in token(i, *place).items() if key != "disabled"}
            for i, place in enumerate(TOKENS)
        ],
        "spans": [ADA_SPAN, FOX_SPAN, BO_SPAN],
        "relations": [{"head": 4, "child": 2, "head_span": BO_SPAN, "child_span": ADA_SPAN, "label": "met"}],
        "options": [{"id": "diary", "text": "diary"}, {"id": "news", "text": "news"}],
        "accept": ["diary"],
    }
    assert bare.keys() == {"text", "id", "tokens"}
    assert not report.lost


def test_records_without_tokens_get_some(tmp_path):
    written(tmp_path, Record("Ada\u3000met Bo", entities=[EntityRecord(4, 7, "x"), EntityRecord(0, 7, "y")]))
    (record,) = read_prodigy(tmp_path / "out.jsonl")
    assert record.tokens == [(0, 4), (4, 7), (7, 10)]
    assert record.entities == [EntityRecord(4, 7, "x"), EntityRecord(0, 7, "y")]


def test_what_prodigy_cannot_represent_is_counted(tmp_path):
    entities = [EntityRecord(0, 3, ""), EntityRecord(0, 3, "x"), EntityRecord(0, 1, "x")]
    relations = [RelationRecord(0, 1, "x"), RelationRecord(1, 1, ""), RelationRecord(1, 2, "x")]
    record = Record("Ada", entities=entities, relations=relations, cats={"a": 0.7}, tokens=[(0, 3)])
    _, report = written(tmp_path, record)
    assert report.lost == {
        "entity without a label": 1,
        "entity off the token grid": 1,
        "relation with a lost argument": 2,
        "relation without a label": 1,
        "value of a text label between 0 and 1": 1,
    }


@pytest.mark.parametrize("meta", [{"page": 3}, {"text": "x", "by": None}, {}])
def test_records_survive_with_their_scores(tmp_path, meta):
    entities = [EntityRecord(2, 9, "person", 0.5), EntityRecord(14, 16, "person", 0.75)]
    given = Record(TEXT, "r-1", entities, [RelationRecord(1, 0, "met", 0.25)], FULL.cats, TOKENS, "g", meta)
    report = Report()
    WRITERS["prodigy"](make_docs([given], NLP), tmp_path / "out.jsonl", report=report)
    assert not report.lost
    (record,) = READERS["prodigy"](tmp_path / "out.jsonl")
    record.origin = ""
    assert record == given
    (doc,) = make_docs([record], NLP)
    assert [entity.score for entity in get_entities(doc)] == [0.5, 0.75]
    assert doc._.triples[0].score == 0.25


def test_gold_is_written_as_accepted_answers(tmp_path):
    WRITERS["prodigy"](make_docs([FULL, Record("Rain", entities=[])], NLP), tmp_path / "out.jsonl", gold=True)
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf8").splitlines()
    assert [json.loads(line)["answer"] for line in lines] == ["accept", "accept"]
    assert [len(record.entities) for record in READERS["prodigy"](tmp_path / "out.jsonl")] == [3, 0]
    WRITERS["prodigy"](make_docs([FULL], NLP), tmp_path / "out.jsonl")
    assert "answer" not in json.loads((tmp_path / "out.jsonl").read_text(encoding="utf8"))


def test_answers_to_single_questions_are_noted(read):
    records, report = read(
        answer("a", "classification", label="news"),
        answer("b", "ner", spans=[span(0, 1, 0, 0)]),
        answer("c", "ner_manual", spans=[]),
    )
    assert [record.cats for record in records] == [{"news": 1.0}, None, None]
    reason = "answer to a single question (interface '{}'), read as all that holds"
    assert report.noted == {reason.format(view): 1 for view in ("classification", "ner")}


def test_highlights_are_no_entities(read):
    marks = [{"start": 0, "end": 1, "pattern": 7}, {"start": 2, "end": 5, "pattern": 8}]
    (record,), report = read(answer(view="classification", label="news", spans=marks))
    assert (record.entities, record.cats) == (None, {"news": 1.0})
    assert not report.lost
    assert report.noted["highlights without a label (interface 'classification'), not read"] == 1
    # Without an interface, they may have been entities.
    (record,), report = read({"text": TEXT, "spans": marks, "answer": "accept"})
    assert (record.entities, report.lost) == (None, {"span without a label": 2})
    (record,), _ = read(answer(view="classification", label="news", spans=[*marks, {**ADA_SPAN}]))
    assert record.entities == [ADA]


def test_options_that_nobody_answered(read):
    task = {"text": "Rain", "options": [{"id": "news"}, {"id": "diary"}]}
    (first, second), report = read(task, {**task, "answer": "accept"})
    assert (first.cats, second.cats) == (None, {"news": 0.0, "diary": 0.0})
    assert report.noted["options without an answer, read as not annotated"] == 1


def test_scores_are_those_of_tasks_without_an_answer(read):
    spans = [{**ADA_SPAN, "score": 0.25}]
    relations = [{**relation(ADA_SPAN, ADA_SPAN), "score": 0.25}]
    asked = full(spans, relations=relations)
    accepted, proposed = read(asked, {**asked, "answer": None})[0]
    assert [accepted.entities[0].score, accepted.relations[0].score] == [1.0, 1.0]
    assert [proposed.entities[0].score, proposed.relations[0].score] == [0.25, 0.25]
