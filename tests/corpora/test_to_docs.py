import pytest
import spacy
from spacy.tokens import Span

from spacy_mre.annotations.entities import EntitySpan, get_entities, set_entities
from spacy_mre.annotations.relations import get_relations, make_relation, set_relations
from spacy_mre.corpora import EntityRecord, Record, RelationRecord, Report, cat_labels, make_docs
from spacy_mre.corpora.from_docs import make_records
from spacy_mre.corpora.to_docs import split_words


@pytest.fixture
def nlp():
    return spacy.blank("en")


def convert(record, nlp, **options):
    report = Report()
    (doc,) = make_docs([record], nlp, report=report, **options)
    return doc, report


def test_entities_relations_cats_and_ids(nlp):
    record = Record(
        "Ada of Old Aoba met Bo.",
        id="7",
        group="g",
        entities=[
            EntityRecord(0, 3, "person"),
            EntityRecord(7, 15, "place"),
            EntityRecord(11, 15, "place"),
            EntityRecord(20, 22, "person"),
        ],
        relations=[RelationRecord(0, 3, "met"), RelationRecord(3, 0, "met"), RelationRecord(0, 2, "from")],
        cats={"diary": 1.0},
    )
    doc, report = convert(record, nlp, cats=["diary", "news"])
    assert get_entities(doc) == [
        (0, 1, "person", 1.0),
        (2, 4, "place", 1.0),
        (3, 4, "place", 1.0),
        (5, 6, "person", 1.0),
    ]
    assert [ent.text for ent in doc.ents] == ["Ada", "Old Aoba", "Bo"]
    assert [(head.text, label, tail.text) for head, label, tail, _ in doc._.triples] == [
        ("Ada", "met", "Bo"),
        ("Bo", "met", "Ada"),
        ("Ada", "from", "Aoba"),
    ]
    assert get_relations(doc)[0]["tail_label"] == "person"
    assert doc.cats == {"diary": 1.0, "news": 0.0}
    assert (doc.user_data["id"], doc.user_data["group"]) == ("7", "g")
    assert not report.lost
    assert report.kept == {
        "documents": 1,
        "documents with text labels": 1,
        "entities": 4,
        "nested or overlapping entities": 1,
        "relations": 3,
    }


def test_absent_is_not_empty(nlp):
    absent, _ = convert(Record("Ada"), nlp, cats=["x"])
    assert (get_entities(absent), get_relations(absent), absent.cats) == (None, None, {})
    empty, _ = convert(Record("Ada", entities=[], relations=[], cats={}), nlp, cats=["x"])
    assert (get_entities(empty), get_relations(empty), empty.cats) == ([], [], {"x": 0.0})


def test_that_no_text_has_a_text_label_is_counted_as_lost(nlp):
    """`doc.cats` has no state for it."""
    for cats, lost in (([], 1), (["x"], 0)):
        report = Report()
        list(make_docs([Record("Ada", cats={}), Record("Ada")], nlp, cats=cats, report=report))
        assert sum(report.lost.values()) == lost


@pytest.mark.parametrize(
    "entity, reason",
    [
        (EntityRecord(0, 2, "x"), "entity off the token grid"),
        (EntityRecord(2, 2, "x"), "empty entity"),
        (EntityRecord(3, 4, "x"), "entity of white space only"),
        (EntityRecord(4, 8, "x"), "entity outside the text"),
        (EntityRecord(-3, 3, "x"), "entity outside the text"),
    ],
)
def test_lost_annotations_are_counted(nlp, entity, reason):
    record = Record(
        "Ada met",
        entities=[EntityRecord(4, 7, "y"), entity],
        relations=[RelationRecord(0, 1, "r")],
        origin="a, line 3",
    )
    doc, report = convert(record, nlp, tokens="source")
    assert report.lost == {reason: 1, "relation with a lost argument": 1}
    assert report.examples[reason][0].startswith("a, line 3: x ")
    assert get_entities(doc) == [(1, 2, "y", 1.0)]
    assert get_relations(doc) == []


def test_annotations_without_a_label_are_lost_and_relations_of_an_entity_with_itself_are_noted(nlp):
    record = Record(
        "Ada met Bo",
        entities=[EntityRecord(0, 3, "x"), EntityRecord(0, 3, "y"), EntityRecord(8, 10, "x"), EntityRecord(4, 7, "")],
        relations=[
            RelationRecord(0, 2, ""),
            RelationRecord(0, 0, "r"),
            RelationRecord(0, 1, "r"),
            RelationRecord(0, 2, "r"),
        ],
    )
    doc, report = convert(record, nlp)
    assert report.lost == {"entity without a label": 1, "relation without a label": 1, "duplicate relation": 1}
    assert report.noted == {"relation of an entity with itself, which is never predicted": 2}
    pairs = [(relation["head"], relation["tail"]) for relation in get_relations(doc)]
    assert pairs == [([0, 1], [0, 1]), ([0, 1], [2, 3])]


def test_white_space_at_the_ends_of_entities_is_left_out(nlp):
    entities = [EntityRecord(0, 4, "x"), EntityRecord(3, 8, "y"), EntityRecord(8, 10, "x")]
    doc, report = convert(Record("Ada met Bo", entities=entities, relations=[RelationRecord(0, 1, "r")]), nlp)
    assert [(span.text, span.label_) for span in doc.spans["entities"]] == [("Ada", "x"), ("met", "y"), ("Bo", "x")]
    assert report.kept["entities trimmed of white space"] == 2 and not report.lost
    assert [(relation["head"], relation["tail"]) for relation in get_relations(doc)] == [([0, 1], [1, 2])]


def test_duplicates_are_merged_and_counted(nlp):
    entities = [EntityRecord(0, 3, "x"), EntityRecord(0, 3, "x"), EntityRecord(0, 3, "y"), EntityRecord(4, 7, "x")]
    relations = [RelationRecord(0, 3, "r"), RelationRecord(1, 3, "r"), RelationRecord(1, 3, "s")]
    doc, report = convert(Record("Ada met", entities=entities, relations=relations), nlp)
    assert report.lost == {"duplicate entity": 1, "duplicate relation": 1}
    assert [entity.label for entity in get_entities(doc)] == ["x", "y", "x"]
    assert [relation["label"] for relation in get_relations(doc)] == ["r", "s"]


def test_strict_raises_after_the_last_record(nlp):
    records = [Record("Ada", entities=[EntityRecord(0, 2, "x")], origin="here"), Record("Bo")]
    with pytest.raises(ValueError, match=r"\[M203\].*lose 1 .*entity off the token grid: 1 \(as in here: x 'Ad'"):
        list(make_docs(records, nlp, tokens="source", strict=True))
    assert len(list(make_docs(records[1:], nlp, strict=True))) == 1


def test_source_tokens_keep_the_text():
    record = Record("  a\u3000b ,c  x? ", tokens=[(2, 3), (4, 5), (6, 7), (7, 8), (10, 11)])
    words, _ = split_words(record)
    assert words == ["  ", "a", "\u3000", "b", ",", "c", " ", "x", "?"]
    doc, _ = convert(record, spacy.blank("ja"))
    assert doc.text == record.text


def test_source_or_tokenizer_tokens(nlp):
    record = Record("Aoba-shi", tokens=[(0, 8)], entities=[EntityRecord(0, 4, "place")])
    doc, report = convert(record, nlp, tokens="source")
    assert len(doc) == 1 and report.lost == {"entity off the token grid": 1}
    doc, report = convert(record, nlp, tokens="tokenizer")
    assert len(doc) == 3 and not report.lost


def test_fitted_tokens_lose_no_entity(nlp):
    record = Record(
        "Aoba-shi met",
        tokens=[(0, 8), (9, 12)],
        entities=[EntityRecord(0, 4, "place"), EntityRecord(0, 8, "town"), EntityRecord(9, 9, "x")],
    )
    doc, report = convert(record, nlp)
    assert [token.text for token in doc] == ["Aoba", "-shi", "met"] and doc.text == record.text
    assert [doc[start:end].text for start, end, _, _ in get_entities(doc)] == ["Aoba-shi", "Aoba"]
    assert report.kept["tokens split to fit an entity"] == 1 and report.lost == {"empty entity": 1}
    doc, report = convert(Record("Bo met Adamson", entities=[EntityRecord(7, 10, "x")]), nlp)
    assert [token.text for token in doc] == ["Bo", "met", "Ada", "mson"] and not report.lost


@pytest.mark.parametrize("tokens", [[(0, 2), (1, 3)], [(0, 4)], [(1, 1)], [(2, 1)], [(-1, 2)]])
def test_invalid_tokens(nlp, tokens):
    with pytest.raises(ValueError, match=r"\[M204\] there: "):
        convert(Record("Ada", tokens=tokens, origin="there"), nlp)


def test_tokenizer_that_changes_the_text(nlp):
    nlp.tokenizer = lambda text: spacy.tokens.Doc(nlp.vocab, words=text.lower().split())
    report = Report()
    assert list(make_docs([Record("Ada")], nlp, report=report)) == []
    assert report.lost == {"document whose text is changed by the tokenizer": 1}


def test_cat_labels():
    assert cat_labels([Record("a", cats={"y": 1.0}), Record("a"), Record("a", cats={"x": 0.0})]) == ["x", "y"]


def test_report_keeps_three_examples():
    report = Report()
    for i in range(5):
        report.lose("reason", f"line {i}")
    assert report.examples == {"reason": ["line 0", "line 1", "line 2"]}
    assert report.lost["reason"] == 5
    assert report.table().row_count == 1


def test_records_of_predicted_docs(nlp):
    doc = nlp("Ada met Bo")
    set_entities(doc, [EntitySpan(0, 1, "x", 0.5), EntitySpan(0, 1, "y"), EntitySpan(2, 3, "x")])
    relations = [
        make_relation((0, 1), (2, 3), "met", head_label="y", tail_label="x"),
        make_relation((2, 3), (0, 1), "met", score=0.5),
        make_relation((1, 2), (0, 1), "lost"),
        make_relation((2, 3), (0, 1), "lost", head_label="z"),
    ]
    set_relations(doc, relations)
    report = Report()
    (record,) = make_records([doc], report=report)
    assert record.entities == [EntityRecord(0, 3, "x"), EntityRecord(0, 3, "y"), EntityRecord(8, 10, "x")]
    assert record.relations == [RelationRecord(1, 2, "met"), RelationRecord(2, 0, "met")]
    assert (record.id, record.cats) == ("1", None)
    assert report.lost == {
        "score (kept by spacyjson, and in predictions by labelstudio and prodigy)": 2,
        "relation whose head or tail is not an entity": 2,
    }


def test_records_of_docs_without_annotation(nlp):
    (record,) = make_records([nlp("Ada")])
    assert (record.entities, record.relations, record.cats) == (None, None, None)


def test_metadata_and_scores(nlp):
    meta = {"by": ["Ada", None], "page": 3}
    entities = [EntityRecord(0, 3, "person", 0.5), EntityRecord(8, 10, "person")]
    record = Record("Ada met Bo", entities=entities, relations=[RelationRecord(0, 1, "met", 0.25)], meta=meta)
    doc, _ = convert(record, nlp)
    assert doc.user_data["meta"] == meta
    assert [entity.score for entity in get_entities(doc)] == [0.5, 1.0]
    report = Report()
    (back,) = make_records([doc], scores=True, report=report)
    assert (back.meta, [entity.score for entity in back.entities]) == (meta, [0.5, 1.0])
    assert back.relations[0].score == 0.25 and not report.lost
    (back,) = make_records([doc], report=report)
    assert [entity.score for entity in back.entities] == [1.0, 1.0]
    assert report.lost == {"score (kept by spacyjson, and in predictions by labelstudio and prodigy)": 2}


@pytest.mark.parametrize("meta", ["x", {"x": {1, 2}}, {"x": float("nan")}])
def test_metadata_that_is_not_json_is_counted(nlp, meta):
    doc = nlp("Ada")
    doc.user_data["meta"] = meta
    report = Report()
    (record,) = make_records([doc], report=report)
    assert record.meta == {}
    assert report.lost == {"metadata that is not a JSON object": 1}


def test_what_a_record_cannot_have_is_counted(nlp):
    doc = nlp("Ada met Bo")
    doc.spans["entities"] = [Span(doc, 0, 1, label="x", kb_id="Q1"), Span(doc, 0, 3, label="y")]
    doc.ents = [Span(doc, 0, 1, label="x", kb_id="Q1"), Span(doc, 2, 3, label="x", kb_id="Q2", span_id="7")]
    doc[1].is_sent_start = True
    set_relations(doc, [make_relation((0, 1), (0, 3), "in")])
    for name in ("page", "empty"):
        Span.set_extension(name, default=None, force=True)
    doc[0:1]._.page, doc[1:2]._.page, doc[1:2]._.empty = 3, 4, None
    doc.user_data["own"] = "a key of another kind"
    report = Report()
    (record,) = make_records([doc], report=report)
    for name in ("page", "empty"):
        Span.remove_extension(name)
    assert len(record.entities) == 2
    assert report.lost == {"'kb_id' of an entity": 2, "'id' of an entity": 1, "custom attribute 'page'": 1}
    beside = "entity of doc.ents that is not in the span group 'entities', not read"
    assert report.noted == {beside: 1, "sentences that are not kept": 1}
    assert report.examples[beside] == ["document 1: x"]
    assert report.examples["'kb_id' of an entity"] == ["document 1: x", "document 1: x"]


@pytest.mark.parametrize(
    "lang, sentence, times, message",
    [
        ("ja", "東京は晴れです。\n", 2000, r"\[M210\] a.jsonl, line 7: the text has 50,000 bytes.*--nlp ja_cpu"),
        ("en", "rain ", 200_001, r"\[M209\] a.jsonl, line 7: the text has 1,000,005 characters.*1,000,000\. Split"),
    ],
)
def test_text_that_is_too_long(lang, sentence, times, message):
    record = Record(sentence * times, origin="a.jsonl, line 7")
    with pytest.raises(ValueError, match=message):
        list(make_docs([record], spacy.blank(lang)))


@pytest.mark.parametrize("entities", [None, []])
def test_text_without_tokens_there_and_back(entities, nlp):
    (record,) = make_records(make_docs([Record("", id="1", entities=entities)], nlp))
    assert record.entities == entities
