"""Annotation on Spark."""

import os
import shutil
import sys
from functools import partial

import cloudpickle
import pyarrow
import pytest

from spacy_mre.scale import on_spark, workers
from spacy_mre.scale.engines import Annotated
from spacy_mre.scale.on_spark import annotate_in_arrow, annotate_with_spark
from spacy_mre.scale.options import Options
from tests.scale.engine_cases import (
    N_MISSING,
    N_ROWS,
    assert_same,
    expected,
    make_pipeline,
    make_texts,
    read_output,
    write_texts,
)

pytest.importorskip("pyspark", reason="Spark is not installed")
PARQUET = Options(form="parquet", rows=10)


@pytest.fixture(scope="module")
def spark():
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("Java is not installed")
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    settings = {"spark.ui.enabled": "false", "spark.driver.memory": "512m", "spark.sql.shuffle.partitions": "2"}
    builder = SparkSession.builder.master("local[2]").appName("tests")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_pipeline(tmp_path_factory.mktemp("model") / "nlp")


def test_parquet(spark, model, tmp_path):
    source, output = write_texts(tmp_path / "in", "parquet"), tmp_path / "out"
    batch = spark.conf.get("spark.sql.execution.arrow.maxRecordsPerBatch")
    assert annotate_with_spark(model, source, str(output), PARQUET, workers=2) == Annotated(N_ROWS, N_MISSING)
    assert_same(read_output(output), expected(model, "parquet"))
    assert (output / "_SUCCESS").exists()
    assert spark.conf.get("spark.sql.execution.arrow.maxRecordsPerBatch") == batch
    assert spark.range(1).count() == 1  # the session goes on
    with pytest.raises(ValueError, match="M742"):
        annotate_with_spark(model, source, str(output), PARQUET)


def test_json_lines_through_a_model_with_relations(spark, make_nlp, make_examples, fit, tmp_path):
    nlp = make_nlp("spert_mt")
    fit(nlp, make_examples(nlp), steps=40)
    nlp.to_disk(tmp_path / "nlp")
    source, output = write_texts(tmp_path / "in", "jsonl"), tmp_path / "out"
    settings = {"keep": ("id",), "select": ("entities", "relations"), "prefix": "found_"}
    options = Options(form="jsonl.gz", rows=20, **settings)
    assert annotate_with_spark(str(tmp_path / "nlp"), source, str(output), options) == Annotated(N_ROWS, N_MISSING)
    wanted = expected(tmp_path / "nlp", "jsonl", **settings)
    assert any(row["found_entities"] for row in wanted)
    assert_same(read_output(output), wanted)


def test_lines_that_are_not_json(spark, model, tmp_path):
    source, output = tmp_path / "texts.jsonl", tmp_path / "out"
    source.write_text('{"id": "0", "text": "Ida"}\n{"id": "1", "text"\n\n{"id": "2"}\n')
    assert annotate_with_spark(model, str(source), str(output), PARQUET) == Annotated(3, 2)
    errors = {row["error"]: row["text"] for row in spark.read.parquet(str(output)).collect()}
    assert errors == {None: "Ida", 'it cannot be read: {"id": "1", "text"': None, "the text is missing": None}


def test_csv(spark, model, tmp_path):
    source, output = tmp_path / "texts.csv", tmp_path / "out"
    source.write_text('id,text,day.of\n007,"Ida, in\nLima",2026-01-02\n008,,\n009,"a ""b""",NA\n010,Ida\n')
    annotated = annotate_with_spark(model, str(source), str(output), Options(form="jsonl", select=("entities",)))
    assert annotated == Annotated(4, 1)
    rows = read_output(output)
    assert [row["id"] for row in rows] == ["007", "008", "009", "010"]
    assert [row["text"] for row in rows] == ["Ida, in\nLima", "", 'a "b"', "Ida"]
    assert [row["day.of"] for row in rows] == ["2026-01-02", "", "NA", ""]
    assert [entity["label"] for entity in rows[0]["entities"]] == ["person", "place"]
    assert [row["error"] for row in rows] == [None, None, None, "it cannot be read: 010,Ida"]


def test_lines_of_text(spark, model, tmp_path):
    source, output = tmp_path / "texts.txt", tmp_path / "out"
    source.write_bytes("Ida\u2028Lima\r\n \nLima\n".encode())
    assert annotate_with_spark(model, str(source), str(output), PARQUET) == Annotated(2, 0)
    assert sorted(row["text"] for row in spark.read.parquet(str(output)).collect()) == ["Ida\u2028Lima", "Lima"]


def test_inputs_that_spark_cannot_read(model, tmp_path):
    for name in ("texts.jsonl.zst", "texts.spacy"):
        (tmp_path / name).write_bytes(b"x")
        with pytest.raises(ValueError, match="M744"):
            annotate_with_spark(model, str(tmp_path / name), str(tmp_path / "out"), PARQUET)
    with pytest.raises(ValueError, match=r"M741.*jsonl\.zst"):
        annotate_with_spark(model, "texts.jsonl", str(tmp_path / "out"), Options(form="jsonl.zst"))


def test_a_process_loads_the_pipeline_once(model, monkeypatch):
    loaded = []
    monkeypatch.setattr(on_spark, "_pipelines", {})
    monkeypatch.setattr(on_spark, "load_pipeline", lambda name: loaded.append(name) or workers.load_pipeline(name))
    for _ in range(2):
        batches = make_texts().to_batches(max_chunksize=20)
        found = pyarrow.Table.from_batches(annotate_in_arrow(iter(batches), model, PARQUET))
        assert_same(found.to_pylist(), expected(model, "parquet"))
    assert loaded == [model]


def test_what_is_sent_to_processes_is_small(model):
    sent = partial(annotate_in_arrow, model=model, options=PARQUET)
    pickled = cloudpickle.dumps(sent)
    assert len(pickled) < 1000
    (found,) = cloudpickle.loads(pickled)(iter(make_texts().to_batches()))
    assert found.num_rows == N_ROWS


def test_spark_or_java_is_not_installed(model, monkeypatch, tmp_path):
    from pyspark.sql import SparkSession

    source, output = write_texts(tmp_path / "in", "jsonl"), str(tmp_path / "out")
    monkeypatch.setattr(SparkSession, "getActiveSession", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(ValueError, match="M747"):
        annotate_with_spark(model, source, output, PARQUET)
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(ValueError, match=r"M746.*spacy-mre\[spark\]"):
        annotate_with_spark(model, source, output, PARQUET)
