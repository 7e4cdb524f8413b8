import pickle
import subprocess
import sys
from functools import partial

import pyarrow as pa
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.scale.tables import TYPES, annotate_batch, annotated_schema, as_arrow

IDA, FERRY = "Ida lives in Lima", "Zoë left the port of Oslo early"
ENTITIES = [
    [
        {"start": 0, "end": 3, "label": "person", "text": "Ida", "score": 0.75},
        {"start": 13, "end": 17, "label": "place", "text": "Lima", "score": 0.75},
    ],
    [
        {"start": 0, "end": 3, "label": "person", "text": "Zoë", "score": 0.75},
        {"start": 13, "end": 25, "label": "site", "text": "port of Oslo", "score": 0.75},
        {"start": 21, "end": 25, "label": "place", "text": "Oslo", "score": 0.75},
    ],
]
RELATIONS = [
    [{"head": 0, "tail": 1, "label": "lives_in", "score": 0.5}],
    [{"head": 0, "tail": 2, "label": "lives_in", "score": 0.5}],
]
CATS = [
    [{"label": "long", "score": 0.0}, {"label": "short", "score": 0.25}],
    [{"label": "long", "score": 1.0}, {"label": "short", "score": 0.25}],
]


def texts_of(*chunks):
    return pa.table({"text": pa.chunked_array([pa.array(chunk, pa.string()) for chunk in chunks], pa.string())})


def test_values(nlp):
    table = pa.table({"n": [1, 2], "text": [IDA, FERRY]})
    found = annotate_batch(table, nlp)
    found.validate(full=True)
    assert found.to_pydict() == {
        "n": [1, 2],
        "text": [IDA, FERRY],
        "entities": ENTITIES,
        "relations": RELATIONS,
        "cats": CATS,
        "error": [None, None],
    }


def test_types(nlp):
    schema = pa.schema([pa.field("text", pa.large_string(), metadata={"a": "b"})], metadata={"from": "here"})
    table = pa.table({"text": [IDA]}, schema)
    found = annotate_batch(table, nlp).schema
    assert found.names == ["text", "entities", "relations", "cats", "error"]
    assert found.field("text").equals(schema.field("text"), check_metadata=True)
    assert found.metadata == {b"from": b"here"}
    assert [found.field(name).type for name in TYPES] == list(TYPES.values())
    assert str(found.field("entities").type.value_type) == (
        "struct<start: int32, end: int32, label: string, text: string, score: float>"
    )
    assert str(found.field("relations").type.value_type) == (
        "struct<head: int32, tail: int32, label: string, score: float>"
    )
    assert str(found.field("cats").type.value_type) == "struct<label: string, score: float>"
    assert found.field("error").type == pa.string()


def test_what_is_absent_is_not_empty(nlp):
    blank = annotate_batch(pa.table({"text": ["It rained"]}), spacy.blank("en"))
    assert [blank[level].to_pylist() for level in TYPES] == [[None], [None], [None]]
    assert blank.schema.field("cats").type == TYPES["cats"]
    found = annotate_batch(pa.table({"text": ["It rained"]}), nlp)
    assert found["entities"].to_pylist() == [[]] and found["relations"].to_pylist() == [[]]


def test_rows_without_an_analysis_stay(nlp):
    texts = [IDA, None, "FAIL", "", FERRY]
    found = annotate_batch(pa.table({"text": texts, "n": range(5)}), nlp)
    assert found["text"].to_pylist() == texts and found["n"].to_pylist() == [0, 1, 2, 3, 4]
    assert found["entities"].to_pylist() == [ENTITIES[0], None, None, [], ENTITIES[1]]
    assert found["cats"].to_pylist()[1:3] == [None, None]
    assert found["error"].to_pylist() == [
        None,
        "the text is missing",
        "ValueError: cannot read FAIL",
        None,
        None,
    ]


def test_text_labels_that_do_not_fit():
    scores = {"good": {"a": 0.5}, "a key": {5: 0.5}, "no score": {"a": None}}

    def score(doc):
        doc.cats = scores[doc.text]
        return doc

    spacy.Language.component("test_tables_score", func=score)
    nlp = spacy.blank("en")
    nlp.add_pipe("test_tables_score")
    found = annotate_batch(pa.table({"text": list(scores)}), nlp)
    assert found["cats"].to_pylist() == [[{"label": "a", "score": 0.5}], None, None]
    good, key, missing = found["error"].to_pylist()
    assert good is None and missing.startswith("TypeError")
    assert key.startswith("ValueError: [M733] A text label of ") and "is not a string: 5" in key


def test_prefix_and_selection(nlp):
    table = pa.table({"body": [IDA], "entities": [5]})
    found = annotate_batch(table, nlp, text="body", select=["cats", "entities"], prefix="mre_")
    assert found.column_names == ["body", "entities", "mre_entities", "mre_cats", "mre_error"]
    assert found["entities"].to_pylist() == [5]
    assert found["mre_entities"].to_pylist() == ENTITIES[:1]
    assert annotate_batch(table, nlp, text="body", select=[]).column_names == ["body", "entities", "error"]


@pytest.mark.parametrize(
    "columns, options, message",
    [
        ({"body": [IDA], "n": [1]}, {}, r"\[M721\] There is no column 'text'. There are: body, n"),
        ({"text": [1]}, {}, r"\[M722\] The column 'text' contains int64"),
        ({"text": [b"a"]}, {}, r"\[M722\] The column 'text' contains binary"),
        ({"text": [[IDA]]}, {}, r"\[M722\] The column 'text' contains list<"),
        ({"text": pa.array([1]).dictionary_encode()}, {}, r"\[M722\]"),
        ({"text": [IDA], "cats": [1], "entities": [1]}, {}, r"\[M723\] .* columns entities, cats already"),
        ({"text": [IDA], "error": [1]}, {}, r"\[M723\] .* columns error already"),
        ({"text": [IDA]}, {"select": ["entity"]}, r"\[M001\] Invalid value 'entity' for 'select'"),
        ({"text": [IDA], "p_relations": [1]}, {"prefix": "p_"}, r"\[M723\] .* columns p_relations already"),
    ],
)
def test_columns_that_do_not_fit(nlp, columns, options, message):
    with pytest.raises(ValueError, match=message):
        annotate_batch(pa.table(columns), nlp, **options)


def test_a_column_that_is_not_selected_may_exist(nlp):
    table = pa.table({"text": [IDA], "cats": [1]})
    assert annotate_batch(table, nlp, select=["relations"])["cats"].to_pylist() == [1]


def test_the_schema_without_errors():
    schema = pa.schema([("text", pa.string()), ("error", pa.int8())])
    assert annotated_schema(schema, text="text", select=["cats"]).names == ["text", "error", "cats"]


@pytest.mark.parametrize(
    "column_type",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.dictionary(pa.int8(), pa.string()),
        pa.dictionary(pa.int32(), pa.large_string()),
    ],
    ids=str,
)
def test_types_of_texts(nlp, column_type):
    table = pa.table({"text": pa.array([IDA, None, FERRY, IDA], pa.string()).cast(column_type)})
    found = annotate_batch(table, nlp)
    assert found["text"].equals(table["text"])
    assert found["entities"].to_pylist() == [ENTITIES[0], None, ENTITIES[1], ENTITIES[0]]


def test_a_column_of_nulls(nlp):
    found = annotate_batch(pa.table({"text": pa.nulls(2)}), nlp)
    assert found["error"].to_pylist() == ["the text is missing"] * 2
    assert found.schema.field("text").type == pa.null()


def test_slices_and_chunks(nlp):
    table = texts_of(["skip", IDA], [], [None, FERRY, "skip"]).slice(1, 3)
    found = annotate_batch(table, nlp)
    found.validate(full=True)
    assert found["text"].to_pylist() == [IDA, None, FERRY]
    assert found["entities"].to_pylist() == [ENTITIES[0], None, ENTITIES[1]]


def test_an_empty_table(nlp):
    for table in (texts_of([]), texts_of(), texts_of([IDA]).slice(1)):
        found = annotate_batch(table, nlp)
        found.validate(full=True)
        assert found.num_rows == 0
        assert found.schema == annotate_batch(texts_of([IDA]), nlp).schema


def invalid(of):
    """Strings that are not UTF-8, as files may have them."""
    binary = pa.large_binary() if of == pa.large_string() else pa.binary()
    array = pa.array([IDA.encode(), b"Lima \xff", None, FERRY.encode()], binary)
    return pa.Array.from_buffers(of, len(array), array.buffers(), array.null_count)


@pytest.mark.parametrize("of", [pa.string(), pa.large_string()], ids=str)
def test_invalid_utf8(nlp, of):
    table = pa.table({"text": pa.chunked_array([invalid(of).slice(1), invalid(of)]), "n": range(7)})
    found = annotate_batch(table, nlp)
    bad, missing = "the text is not UTF-8", "the text is missing"
    assert found["error"].to_pylist() == [bad, missing, None, None, bad, missing, None]
    assert found["entities"].to_pylist()[2:4] == [ENTITIES[1], ENTITIES[0]]
    assert found["n"].to_pylist() == list(range(7)) and found["text"].equals(table["text"])


def test_the_input_is_not_changed(nlp):
    table = pa.table({"text": [IDA, None], "n": [1, 2]})
    before = pa.table({"text": [IDA, None], "n": [1, 2]})
    annotate_batch(table, nlp)
    assert table.equals(before, check_metadata=True)


def test_text_labels_become_structs():
    assert as_arrow("cats", [{"a": 0.5, "b": 1.0}, None, {}]) == [
        [{"label": "a", "score": 0.5}, {"label": "b", "score": 1.0}],
        None,
        [],
    ]
    assert as_arrow("entities", [None, []]) == [None, []]


def test_the_function_can_be_sent_to_another_process(nlp):
    sent = pickle.loads(pickle.dumps(partial(annotate_batch, select=["entities"])))
    assert sent(pa.table({"text": [IDA]}), nlp)["entities"].to_pylist() == ENTITIES[:1]
    found = annotate_batch(pa.table({"text": [IDA, "FAIL"]}), nlp)
    assert pickle.loads(pickle.dumps(found)).equals(found)


def test_importing_the_function_loads_no_engine():
    engines = "('ray', 'pyspark', 'pandas')"
    code = f"import sys, spacy_mre.scale.tables; print([name for name in {engines} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from([IDA, FERRY, None, "FAIL", "Tom", ""]), max_size=12), st.integers(0, 12), st.data())
def test_a_table_in_pieces_gives_the_same_rows(nlp, texts, cut, data):
    table = texts_of(texts)
    tokens = data.draw(st.integers(1, 40))
    whole = annotate_batch(table, nlp)
    pieces = [annotate_batch(part, nlp, batch_tokens=tokens) for part in (table.slice(0, cut), table.slice(cut))]
    assert pa.concat_tables(pieces).to_pylist() == whole.to_pylist()
    assert whole.num_rows == len(texts)
