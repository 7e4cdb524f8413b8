import json
import shutil

import pyarrow as pa
import pytest
import spacy

from spacy_mre.about import __version__
from spacy_mre.scale.inputs import open_input
from spacy_mre.scale.manifest import (
    NAME,
    as_schema,
    as_text,
    hash_model,
    make_manifest,
    read_manifest,
    save_manifest,
)
from spacy_mre.scale.options import Options
from spacy_mre.scale.tables import TYPES
from tests.scale.components import make_pipeline

OPTIONS = Options("jsonl", keep=("a",))


@pytest.fixture
def source(tmp_path):
    (tmp_path / "texts.txt").write_text("Ida\n", encoding="utf8")
    return open_input(tmp_path / "texts.txt")


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "out"
    path.mkdir()
    return path


def test_what_is_recorded(model, source, tmp_path):
    nlp = spacy.load(model)
    manifest = make_manifest(nlp, source, OPTIONS)
    assert manifest == {
        "model": {"name": "en_pipeline", "version": "0.0.0", "sha256": hash_model(nlp)},
        "version": __version__,
        "input": [{"name": "texts.txt", "size": 4, "modified": (tmp_path / "texts.txt").stat().st_mtime_ns}],
        "options": {
            **{"form": "jsonl", "text": "text", "id": "id", "keep": ["a"], "prefix": "", "rows": 10_000},
            **{"select": ["entities", "relations", "cats"], "batch_tokens": 10_000},
        },
    }
    assert json.loads(json.dumps(manifest)) == manifest


def test_the_hash_is_that_of_the_files(model, tmp_path):
    first = hash_model(spacy.load(model))
    assert len(first) == 64
    copied = tmp_path / "elsewhere"
    shutil.copytree(model, copied)
    assert hash_model(spacy.load(copied)) == first
    weights = copied / "span_ruler" / "patterns"
    content = weights.read_bytes()
    weights.write_bytes(content.replace(b"Ida", b"Eva"))
    assert hash_model(spacy.load(copied)) != first
    weights.write_bytes(content)
    assert hash_model(spacy.load(copied)) == first
    (copied / "more").write_bytes(b"")
    assert hash_model(spacy.load(copied)) != first


def test_files_cannot_be_mistaken_for_each_other(tmp_path):
    nlp, hashes = spacy.blank("en"), set()
    for i, files in enumerate([{"a": "bc"}, {"ab": "c"}, {"a": "b", "c": ""}, {"a": "", "b": "c"}]):
        nlp._path = tmp_path / str(i)
        nlp._path.mkdir()
        for name, content in files.items():
            (nlp._path / name).write_text(content)
        hashes.add(hash_model(nlp))
    assert len(hashes) == 4


def test_a_pipeline_without_files():
    assert hash_model(make_pipeline()) == hash_model(make_pipeline()) != hash_model(make_pipeline("fail"))


def test_a_new_folder(folder):
    (folder / ".lock").touch()
    manifest = {"model": 1, "options": {"a": 1}, "input": [{}]}
    assert read_manifest(folder, manifest) is None
    save_manifest(folder, {"model": 2})  # a run that had not written a part: its options may have been wrong
    assert read_manifest(folder, manifest) is None


def test_a_folder_goes_on(folder):
    manifest = {"model": {"sha256": "x"}, "options": {"a": [1]}, "input": [{}]}
    save_manifest(folder, {**manifest, "columns": "abc"})
    (folder / "part-000000.jsonl").touch()
    assert read_manifest(folder, manifest)["columns"] == "abc"
    assert [path.name for path in folder.glob("*manifest*")] == [NAME]


@pytest.mark.parametrize(
    "now, message",
    [
        (
            {"model": {"a": 2, "b": 1}},
            r"\[M727\] .*out was made with different model: a was 1 and is 2\. .*--overwrite",
        ),
        ({"model": {"a": 1, "c": 3}}, "different model: b was 1 and is None; c was None and is 3"),
        ({"version": "2"}, "different version: it was '1' and is '2'"),
        ({"input": [{"name": "b"}]}, r"different input: it was \[{'name': 'a'}\] and is \[{'name': 'b'}\]"),
    ],
)
def test_a_folder_of_another_run(folder, now, message):
    before = {"model": {"a": 1, "b": 1}, "version": "1", "input": [{"name": "a"}]}
    save_manifest(folder, before)
    (folder / "part-000000.jsonl").touch()
    with pytest.raises(ValueError, match=message):
        read_manifest(folder, {**before, **now})


def test_standard_input_cannot_be_compared(folder):
    manifest = {"model": 1, "input": []}
    save_manifest(folder, manifest)
    (folder / "part-000000.jsonl").touch()
    with pytest.raises(ValueError, match=r"\[M735\] A run into .*out cannot continue from standard input"):
        read_manifest(folder, manifest)


def test_a_folder_of_other_files(folder):
    (folder / "notes.txt").touch()
    (folder / "letters").mkdir()
    with pytest.raises(ValueError, match=rf"\[M726\] .*out has files \(letters, for example\), but no {NAME}"):
        read_manifest(folder, {})


@pytest.mark.parametrize("content", [b"", b"{", b'{"model": {"name"', b"\xff\xfe", b"[]", b"{}", b"3"])
def test_a_damaged_manifest(folder, content):
    (folder / NAME).write_bytes(content)
    (folder / "part-000000.jsonl").touch()
    with pytest.raises(ValueError, match=rf"\[M734\] .*{NAME} is damaged: .*--overwrite"):
        read_manifest(folder, {"version": "1"})


def test_columns_survive_the_manifest():
    schema = pa.schema(
        [pa.field("a", pa.dictionary(pa.int8(), pa.string()), nullable=False, metadata={"b": "c"}), *TYPES.items()],
        metadata={"d": "e"},
    )
    assert as_schema(json.loads(json.dumps(as_text(schema)))).equals(schema, check_metadata=True)
