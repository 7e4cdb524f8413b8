import gzip
import io
import json
from functools import partial

import pyarrow
import pytest
import spacy
from pyarrow import parquet

from spacy_mre.annotations.storage import save_docs
from spacy_mre.files import replacing
from spacy_mre.scale import one_file
from spacy_mre.scale.inputs import open_input
from spacy_mre.scale.one_file import annotate_file, annotate_to_stdout
from spacy_mre.scale.options import FORMS, Options
from tests.scale.outputs import FERRY, FOUND, IDA, RAIN, contents, read_rows, write_lines

ROWS = [{"id": f"t{i}", "text": text} for i, text in enumerate([IDA, RAIN, FERRY, IDA, IDA, FERRY, RAIN])]


@pytest.fixture
def source(tmp_path):
    return write_lines(tmp_path / "texts.jsonl", ROWS)


@pytest.fixture
def write(model):
    def annotate(source, path, *, form=None, rows=2, **settings):
        form = form or next(form for form in FORMS if path.name.endswith(f".{form}"))
        return annotate_file(model, open_input(source, size=rows), path, Options(form, rows=rows), **settings)

    return annotate


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("form", FORMS)
def test_one_file(write, source, tmp_path, form, workers):
    path = tmp_path / f"out.{form}"
    assert write(source, path, workers=workers) == (7, 0, 0)
    found = read_rows(path)
    assert [(row["id"], row["text"]) for row in found] == [(row["id"], row["text"]) for row in ROWS]
    if form != "spacy":
        assert found[3] == {"id": "t3", "text": IDA, **FOUND}
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted([path.name, "texts.jsonl"])


def test_what_others_read(write, source, tmp_path):
    write(source, tmp_path / "out.jsonl")
    write(source, tmp_path / "out.jsonl.gz")
    assert gzip.decompress((tmp_path / "out.jsonl.gz").read_bytes()) == (tmp_path / "out.jsonl").read_bytes()
    write(source, tmp_path / "out.jsonl.zst")
    with pyarrow.input_stream(tmp_path / "out.jsonl.zst", compression="zstd") as stream:
        assert stream.read() == (tmp_path / "out.jsonl").read_bytes()


def test_the_size_of_parts_does_not_change_the_rows(write, source, tmp_path):
    for rows in (1, 3, 100):
        write(source, tmp_path / f"{rows}.jsonl", rows=rows)
        write(source, tmp_path / f"{rows}.parquet", rows=rows)
    assert len({(tmp_path / f"{rows}.jsonl").read_bytes() for rows in (1, 3, 100)}) == 1
    assert parquet.read_table(tmp_path / "1.parquet").equals(parquet.read_table(tmp_path / "100.parquet"))


@pytest.mark.parametrize("form", FORMS)
def test_rows_that_are_left_out(write, tmp_path, form):
    rows = [ROWS[0], {"id": "x", "text": None}, *ROWS[1:3], {"id": "z", "text": "FAIL"}]
    source, path = write_lines(tmp_path / "texts.jsonl", rows), tmp_path / f"out.{form}"
    assert write(source, path, on_error="skip") == (3, 2, 0)
    assert [row["id"] for row in read_rows(path)] == ["t0", "t1", "t2"]
    lines = [json.loads(line) for line in (tmp_path / f"out.{form}.rejected.jsonl").read_text().splitlines()]
    assert [(line["row"], line["place"], line["id"]) for line in lines] == [
        (2, "texts.jsonl, line 2", "x"),
        (5, "texts.jsonl, line 5", "z"),
    ]
    write_lines(source, ROWS)
    write(source, path, overwrite=True)
    assert not (tmp_path / f"out.{form}.rejected.jsonl").exists()


def test_stop_and_go_on(write, tmp_path):
    source, path = write_lines(tmp_path / "texts.jsonl", [*ROWS[:3], {"text": None}]), tmp_path / "out.jsonl"
    with pytest.raises(ValueError, match=r"\[M725\] texts.jsonl, line 4: the text is missing"):
        write(source, path)
    assert not path.exists() and (tmp_path / ".out.jsonl.parts" / "part-000000.jsonl").exists()
    assert write(source, path, on_error="skip") == (3, 1, 2)
    assert sorted(contents(tmp_path)) == ["out.jsonl", "out.jsonl.rejected.jsonl", "texts.jsonl"]


def test_an_old_file_stays_until_the_new_one_is_complete(write, source, tmp_path, monkeypatch):
    path = tmp_path / "out.jsonl"
    path.write_text("old", encoding="utf8")

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(source, path, on_part=stop, overwrite=True)
    assert path.read_text(encoding="utf8") == "old"
    assert write(source, path) == (7, 0, 2)
    assert len(read_rows(path)) == 7


def test_a_file_that_exists_is_not_replaced(write, source, tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_text("important", encoding="utf8")
    with pytest.raises(ValueError, match=r"\[M737\] .*out.jsonl exists already.*--overwrite"):
        write(source, path)
    assert (
        contents(tmp_path) == {**contents(tmp_path), "out.jsonl": b"important"} and len(list(tmp_path.iterdir())) == 2
    )
    # What a run leaves that has written no part yet does not say that the file may be replaced.
    (tmp_path / ".out.jsonl.parts").mkdir()
    (tmp_path / ".out.jsonl.parts" / ".lock").touch()
    with pytest.raises(ValueError, match="M737"):
        write(source, path)
    assert path.read_text(encoding="utf8") == "important"
    assert write(source, path, overwrite=True) == (7, 0, 0)
    with pytest.raises(ValueError, match="M737"):  # the same run, too: it would be made once more
        write(source, path)


def test_a_place_that_cannot_be_written_is_told_before_the_work(write, source, tmp_path):
    (tmp_path / "file").touch()

    def work(*_):
        raise AssertionError("it has begun")

    with pytest.raises(ValueError, match=r"\[M611\]"):
        write(source, tmp_path / "file" / "out.jsonl", on_part=work)


@pytest.mark.parametrize("name", ["texts.jsonl", "folder/../texts.jsonl"])
def test_the_input_is_not_replaced(write, source, tmp_path, name):
    (tmp_path / "folder").mkdir()
    before = source.read_bytes()
    with pytest.raises(ValueError, match=r"\[M611\] .*the input .*texts.jsonl is there"):
        write(source, tmp_path / name, on_error="skip")
    assert source.read_bytes() == before


def test_a_run_that_is_killed_before_the_parts_are_deleted(write, source, tmp_path, monkeypatch):
    def kill(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(one_file, "clear", kill)
        write(source, tmp_path / "out.jsonl")
    assert len(read_rows(tmp_path / "out.jsonl")) == 7
    assert write(source, tmp_path / "out.jsonl") == (7, 0, 7)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "texts.jsonl"]


@pytest.mark.parametrize("form", FORMS)
def test_files_of_a_killed_run_are_deleted(write, source, tmp_path, form):
    with replacing(tmp_path / f"out.{form}") as temporary:
        temporary.write_text("half")
        write(source, tmp_path / f"out.{form}")
        assert not temporary.exists()
        temporary.touch()  # for `replacing`
    others = [
        tmp_path / f".other.{form}.x.{form}",
        tmp_path / f".out.{form}.swp",
        tmp_path / f".out.{form}.backup.{form}",
    ]
    for other in others:
        other.touch()
    write(source, tmp_path / f"out.{form}", overwrite=True)
    assert all(other.exists() for other in others)


def test_documents_of_documents(write, tmp_path):
    doc = spacy.blank("en")(IDA)
    doc.user_data.update({"id": "a", "meta": {"year": 1}, "group": "g"})
    save_docs([doc], tmp_path / "in.spacy")
    assert write(tmp_path / "in.spacy", tmp_path / "out.spacy") == (1, 0, 0)
    assert read_rows(tmp_path / "out.spacy") == [{"text": IDA, "id": "a", "meta": {"year": 1}, "group": "g"}]


def test_documents_that_do_not_fit_into_one_file(write, tmp_path, monkeypatch):
    rows = [*ROWS, {"id": "x", "text": None}]
    source, path = write_lines(tmp_path / "texts.jsonl", rows), tmp_path / "out.spacy"
    write(source, path, on_error="skip")
    expected = read_rows(path)
    path.unlink()
    monkeypatch.setattr(one_file, "save_docs", partial(save_docs, max_bytes=1000))  # some ten tokens
    assert write(source, path, on_error="skip") == (7, 1, 0)
    assert len(list(path.iterdir())) > 1 and read_rows(path) == expected
    assert write(source, path, on_error="skip", overwrite=True) == (7, 1, 0) and read_rows(path) == expected
    assert len((tmp_path / "out.spacy.rejected.jsonl").read_text().splitlines()) == 1
    assert sorted(each.name for each in tmp_path.iterdir()) == ["out.spacy", "out.spacy.rejected.jsonl", "texts.jsonl"]


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_input(write, tmp_path, form):
    (tmp_path / "texts.jsonl").touch()
    path = tmp_path / f"out.{form}"
    assert write(tmp_path / "texts.jsonl", path) == (0, 0, 0)
    assert read_rows(path) == []
    assert list(open_input(path).partitions()) == []
    if form == "parquet":
        assert parquet.read_schema(path).names == ["text", "entities", "relations", "cats"]


class Standard:
    """Standard output or error with bytes."""

    def __init__(self):
        self.buffer = io.BytesIO()


@pytest.mark.parametrize("workers", [1, 2])
def test_standard_output(model, write, tmp_path, monkeypatch, workers):
    source = write_lines(tmp_path / "texts.jsonl", [*ROWS, {"id": "x", "text": None}])
    write(source, tmp_path / "out.jsonl", on_error="skip")
    out, err = Standard(), Standard()
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setattr("sys.stderr", err)
    seen = []
    totals = annotate_to_stdout(
        model,
        open_input(source, size=2),
        Options("jsonl", rows=2),
        workers=workers,
        on_error="skip",
        on_part=lambda partition, counts: seen.append(counts),
    )
    assert totals == (7, 1, 0) and sum(map(sum, seen)) == 8
    assert out.buffer.getvalue() == (tmp_path / "out.jsonl").read_bytes()
    assert json.loads(err.buffer.getvalue()) == {
        **{"row": 8, "place": "texts.jsonl, line 8", "id": "x"},
        "reason": "the text is missing",
    }


def test_standard_output_comes_part_by_part(model, source, monkeypatch):
    out = Standard()
    monkeypatch.setattr("sys.stdout", out)
    lines = []
    annotate_to_stdout(
        model,
        open_input(source, size=2),
        Options("jsonl", rows=2),
        on_part=lambda *_: lines.append(out.buffer.getvalue().count(b"\n")),
    )
    assert lines == [2, 4, 6, 7]
