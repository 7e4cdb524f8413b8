"""Annotation on Ray."""

import json
import os

import cloudpickle
import pyarrow
import pytest
import torch
from pyarrow import parquet

from spacy_mre.scale import on_ray, workers
from spacy_mre.scale.engines import Annotated
from spacy_mre.scale.on_ray import Annotator, annotate_with_ray
from spacy_mre.scale.options import Options
from spacy_mre.scale.tables import annotate_batch
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

pytest.importorskip("ray.data", reason="Ray is not installed")
PARQUET = Options(form="parquet", rows=10)


@pytest.fixture(scope="module")
def ray():
    import ray

    ray.init(num_cpus=2, object_store_memory=100_000_000, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_pipeline(tmp_path_factory.mktemp("model") / "nlp")


def test_parquet_with_as_many_actors_as_processors(ray, model, tmp_path):
    source, output = write_texts(tmp_path / "in", "parquet"), tmp_path / "out"
    found = annotate_with_ray(model, source, str(output), PARQUET, workers=2)
    assert found == Annotated(N_ROWS, N_MISSING)
    assert_same(read_output(output), expected(model, "parquet"))
    assert (output / "_SUCCESS").exists()
    with pytest.raises(ValueError, match="M742"):
        annotate_with_ray(model, source, str(output), PARQUET)
    assert ray.is_initialized()  # as it was before


def test_json_lines_through_a_model_with_relations(ray, make_nlp, make_examples, fit, tmp_path):
    nlp = make_nlp("spert_mt")
    fit(nlp, make_examples(nlp), steps=40)
    nlp.to_disk(tmp_path / "nlp")
    source, output = write_texts(tmp_path / "in", "jsonl"), tmp_path / "out"
    settings = {"keep": ("id",), "select": ("entities", "relations"), "prefix": "found_"}
    options = Options(form="jsonl.gz", rows=20, **settings)
    assert annotate_with_ray(str(tmp_path / "nlp"), source, str(output), options) == Annotated(N_ROWS, N_MISSING)
    wanted = expected(tmp_path / "nlp", "jsonl", **settings)
    assert any(row["found_entities"] for row in wanted)
    assert_same(read_output(output), wanted)


@pytest.mark.parametrize("form", ["csv", "tsv", "parquet"])
def test_another_column_of_texts(ray, model, tmp_path, form):
    source, texts = tmp_path / f"in.{form}", ["Ida saw Lima", "Lima"]
    if form == "parquet":
        parquet.write_table(pyarrow.table({"id": ["a", "b"], "body": texts}), source)
    else:
        lines = [["id", "body"], ["a", texts[0]], ["b", texts[1]]]
        source.write_text("".join(("," if form == "csv" else "\t").join(line) + "\n" for line in lines))
    options = Options(form="parquet", text="body", select=("entities",))
    assert annotate_with_ray(model, str(source), str(tmp_path / "out"), options) == Annotated(2, 0)
    rows = read_output(tmp_path / "out")
    assert [(row["body"], [one["text"] for one in row["entities"]]) for row in rows] == [
        (texts[0], ["Ida", "Lima"]),
        (texts[1], ["Lima"]),
    ]


def test_a_column_to_keep_that_the_first_rows_lack(ray, model, tmp_path):
    lines = [{"id": str(number), "text": "Ida", **({"n": number} if number == 5 else {})} for number in range(7)]
    (tmp_path / "in.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    options = Options(form="parquet", keep=("id", "n"), select=(), rows=2)
    assert annotate_with_ray(model, str(tmp_path / "in.jsonl"), str(tmp_path / "out"), options) == Annotated(7, 0)
    assert [row["n"] for row in read_output(tmp_path / "out")] == [None] * 5 + [5, None]
    with pytest.raises(ValueError, match=r"M732.*no column x to keep. There are: id, text"):
        annotate_with_ray(
            model, str(tmp_path / "in.jsonl"), str(tmp_path / "no"), Options("parquet", keep=("x",), rows=2)
        )


def test_an_error_in_an_actor_is_told(ray, tmp_path):
    (tmp_path / "nlp").mkdir()
    (tmp_path / "nlp" / "config.cfg").write_text("no config")
    source = write_texts(tmp_path / "in", "parquet")
    with pytest.raises(ValueError, match="M748"):
        annotate_with_ray(str(tmp_path / "nlp"), source, str(tmp_path / "out"), PARQUET)


def test_an_actor_loads_the_pipeline_once(model, monkeypatch):
    loaded = []
    monkeypatch.setattr(on_ray, "load_pipeline", lambda name: loaded.append(name) or workers.load_pipeline(name))
    annotate = Annotator(model, PARQUET, threads=2)
    assert torch.get_num_threads() == 2
    for start in (0, 25):
        found = annotate(make_texts().slice(start, 25)).to_pylist()
        assert_same(found, expected(model, "parquet")[start : start + 25])
    assert loaded == [model]


def test_what_is_sent_to_actors_is_small(model):
    for sent in (Annotator, annotate_batch, PARQUET):
        pickled = cloudpickle.dumps(sent)
        assert len(pickled) < 1000 and cloudpickle.loads(pickled) == sent


def test_ray_is_not_installed(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(ValueError, match=r"M745.*spacy-mre\[ray\]"):
        annotate_with_ray("en", "texts.jsonl", str(tmp_path / "out"), PARQUET)
    assert not os.path.exists(tmp_path / "out")


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_all_actors_get_parts_of_one_file(ray, tmp_path, form):
    from spacy_mre.scale.ray_files import read_dataset

    texts = [f"Ida saw Lima {number} times, and went home by the last train of the day." for number in range(60_000)]
    path = tmp_path / f"texts.{form}"
    if form == "parquet":
        parquet.write_table(pyarrow.table({"text": texts}), path)
    else:
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf8")
    found, count = read_dataset(str(path), Options(form="parquet", rows=10_000))
    assert count == 60_000
    assert found.materialize().num_blocks() >= 3  # with Ray's own size, one
