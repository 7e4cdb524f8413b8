import io
import json

import pyarrow as pa
import pytest
import spacy
from filelock import FileLock
from pyarrow import parquet

from spacy_mre.scale import run as run_file
from spacy_mre.scale.options import FORMS
from tests.conftest import TEXTS
from tests.scale.components import CAN_DIE, make_pipeline
from tests.scale.outputs import FOUND, IDA, contents, read_rejected, read_rows, write_lines

NAMES = ["Ida", "Tom", "Zoë"]


@pytest.fixture
def source(tmp_path):
    """Ten texts: parts of 3, 3, 3 and 1."""
    rows = [{"id": f"t{i}", "text": f"{NAMES[i % 3]} lives in Lima with unheard{i}"} for i in range(10)]
    return write_lines(tmp_path / "texts.jsonl", rows)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "out"


def times(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("part-*")}


@pytest.mark.parametrize("form", FORMS)
def test_parts(annotate, source, folder, form):
    seen = []
    totals = annotate(source, folder, form=form, on_part=lambda *part: seen.append(part))
    assert totals == (10, 0, 0)
    parts = sorted(folder.glob("part-*"))
    assert [path.name for path in parts] == [f"part-00000{i}.{form}" for i in range(4)]
    assert [[row["id"] for row in read_rows(path)] for path in parts] == [
        ["t0", "t1", "t2"],
        ["t3", "t4", "t5"],
        ["t6", "t7", "t8"],
        ["t9"],
    ]
    assert [(partition.number, counts) for partition, counts in seen] == [
        (0, (3, 0)),
        (1, (3, 0)),
        (2, (3, 0)),
        (3, (1, 0)),
    ]
    assert sorted(contents(folder)) == ["_manifest.json", *(path.name for path in parts)]


@pytest.mark.parametrize("form", FORMS)
def test_a_run_goes_on_with_the_parts_that_are_missing(annotate, source, folder, form):
    annotate(source, folder, form=form)
    expected, before = contents(folder), times(folder)
    removed = f"part-000001.{form}"
    (folder / removed).unlink()
    seen = []
    assert annotate(source, folder, form=form, on_part=lambda part, _: seen.append(part.number)) == (10, 0, 7)
    assert seen == [1]
    assert contents(folder) == expected
    after = times(folder)
    assert {name for name in before if before[name] != after[name]} == {removed}
    assert annotate(source, folder, form=form) == (10, 0, 10)
    assert times(folder) == after


def test_a_parquet_folder_goes_on_with_the_columns_of_its_first_part(annotate, tmp_path, folder):
    rows = [{"text": IDA, "x": 1.5}] * 3 + [{"text": IDA, "x": 2}] * 3
    source = write_lines(tmp_path / "texts.jsonl", rows)
    annotate(source, folder, form="parquet")
    (folder / "part-000000.parquet").unlink()
    (folder / "part-000001.parquet").unlink()
    annotate(source, folder, form="parquet")
    schemas = {parquet.read_schema(path).field("x").type for path in folder.glob("part-*")}
    assert schemas == {pa.float64()}
    assert parquet.read_table(folder)["x"].to_pylist() == [1.5] * 3 + [2.0] * 3


@pytest.mark.parametrize("form", FORMS)
def test_the_number_of_processes_changes_no_byte(annotate, source, tmp_path, form):
    write_lines(source, [*map(json.loads, source.read_text().splitlines()), {"id": "bad", "text": None}])
    totals = [annotate(source, tmp_path / f"out{n}", form=form, workers=n, on_error="skip") for n in (1, 2)]
    assert totals == [(10, 1, 0)] * 2
    assert contents(tmp_path / "out1") == contents(tmp_path / "out2")


def test_more_processes_than_parts(annotate, source, folder):
    assert annotate(source, folder, rows=100, workers=3) == (10, 0, 0)


def test_another_pipeline_is_refused(annotate, source, folder, tmp_path):
    annotate(source, folder)
    other = make_pipeline("fail", "die", "sleep")
    other.get_pipe("span_ruler").add_patterns([{"label": "place", "pattern": "Rome"}])
    other.to_disk(tmp_path / "other")
    before = contents(folder)
    with pytest.raises(ValueError, match=r"\[M727\] .*out was made with different model: sha256 was"):
        annotate(source, folder, name=str(tmp_path / "other"))
    assert contents(folder) == before


@pytest.mark.parametrize(
    "changed, difference",
    [
        ({"rows": 4}, "options: rows was 3 and is 4"),
        ({"options": {"prefix": "x_"}}, "options: prefix was '' and is 'x_'"),
        ({"options": {"select": ("cats",)}}, "options: select was"),
        ({"options": {"keep": ("id",)}}, r"options: keep was None and is \['id'\]"),
        ({"options": {"batch_tokens": 7}}, "options: batch_tokens was 10000 and is 7"),
        ({"form": "parquet"}, "options: form was 'jsonl' and is 'parquet'"),
    ],
)
def test_other_options_are_refused(annotate, source, folder, changed, difference):
    annotate(source, folder)
    before = contents(folder)
    with pytest.raises(ValueError, match=rf"\[M727\] .*different {difference}"):
        annotate(source, folder, **changed)
    assert contents(folder) == before


@pytest.mark.parametrize("form", FORMS)
def test_a_column_to_keep_that_does_not_exist(annotate, source, folder, form):
    with pytest.raises(ValueError, match=r"\[M732\] There is no column x to keep. There are: id, text"):
        annotate(source, folder, form=form, options={"keep": ("id", "x")})


@pytest.mark.parametrize("form", FORMS)
def test_a_column_to_keep_that_the_first_part_lacks(annotate, tmp_path, folder, form):
    rows = [{"id": f"t{number}", "text": IDA, **({"x": number} if number == 7 else {})} for number in range(9)]
    source = write_lines(tmp_path / "texts.jsonl", rows)
    assert annotate(source, folder, form=form, options={"keep": ("id", "x")}) == (9, 0, 0)
    found = [row for path in sorted(folder.glob("part-*")) for row in read_rows(path)]
    values = [row["meta"] if form == "spacy" and "meta" in row else row for row in found]
    assert [value.get("x") for value in values] == [None] * 7 + [7, None]


@pytest.mark.parametrize("form", [form for form in FORMS if form != "parquet"])
def test_a_column_to_keep_from_standard_input(annotate, folder, monkeypatch, form):
    """It can be read once, so nobody knows whether the column comes later."""
    rows = [{"id": f"t{number}", "text": IDA} for number in range(4)]
    lines = "".join(f"{json.dumps(row)}\n" for row in [*rows, {"text": IDA, "x": 7}])
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    with pytest.warns(UserWarning, match=r"W701.*first 3 rows has the column x to keep. They have: id, text"):
        assert annotate("-", folder, form=form, options={"keep": ("id", "x")}) == (5, 0, 0)
    last = read_rows(folder / f"part-000001.{form}")[-1]
    assert (last["meta"] if form == "spacy" else last)["x"] == 7


@pytest.mark.parametrize("bad", [5, ["a"], {"a": 1}, True], ids=str)
def test_a_bad_text_in_the_first_part(annotate, tmp_path, folder, bad):
    source = write_lines(tmp_path / "texts.jsonl", [{"text": bad}, {"text": IDA}])
    assert annotate(source, folder, form="parquet", on_error="skip") == (1, 1, 0)
    assert [row["text"] for row in read_rows(folder / "part-000000.parquet")] == [IDA]


def test_a_changed_input_is_refused(annotate, source, folder, tmp_path):
    annotate(source, folder)
    with source.open("a") as file:
        file.write('{"text": "Ida"}\n')
    with pytest.raises(ValueError, match=r"\[M727\] .*different input"):
        annotate(source, folder)
    assert annotate(source, folder, overwrite=True) == (11, 0, 0)
    content = source.read_text()
    source.write_text(content.replace("Lima", "Oslo"))  # of the same size
    (folder / "part-000001.jsonl").unlink()
    with pytest.raises(ValueError, match=r"\[M727\] .*different input"):
        annotate(source, folder)
    assert annotate(source, folder, overwrite=True) == (11, 0, 0)
    with pytest.raises(ValueError, match=r"\[M727\] .*different input"):
        annotate(source.rename(tmp_path / "renamed.jsonl"), folder)


def test_a_folder_with_other_files_is_refused(annotate, source, folder):
    folder.mkdir()
    (folder / "notes.txt").write_text("mine", encoding="utf8")
    for overwrite in (False, True):
        with pytest.raises(ValueError, match=r"\[M726\] .*notes.txt"):
            annotate(source, folder, overwrite=overwrite)
    assert contents(folder) == {"notes.txt": b"mine"}


def test_a_file_in_place_of_the_folder_is_refused(annotate, source, folder):
    folder.write_text("mine", encoding="utf8")
    with pytest.raises(ValueError, match=r"\[M611\] .*it is a file, not a folder"):
        annotate(source, folder)
    assert folder.read_text(encoding="utf8") == "mine"


def test_two_runs_at_the_same_time(annotate, source, folder, monkeypatch):
    monkeypatch.setattr(run_file, "PATIENCE", 0.05)
    folder.mkdir()
    with FileLock(folder / run_file.LOCK), pytest.raises(ValueError, match=r"\[M731\] Another process writes to .*out"):
        annotate(source, folder)
    assert contents(folder) == {}
    assert annotate(source, folder) == (10, 0, 0)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_run_holds_the_lock_until_it_ends(annotate, source, folder, monkeypatch, overwrite):
    if overwrite:
        annotate(source, folder)
    monkeypatch.setattr(run_file, "PATIENCE", 0.05)
    refused = []

    def again(*_):
        with pytest.raises(ValueError, match="M731") as caught:
            annotate(source, folder)
        refused.append(str(caught.value))

    annotate(source, folder, overwrite=overwrite, on_part=again)
    assert len(refused) == 4


def test_files_of_a_killed_run_are_deleted(annotate, source, folder):
    (folder / "_rejected").mkdir(parents=True)
    left = [folder / ".part-000000.jsonl.x.jsonl", folder / "_rejected" / ".part-000000.jsonl.y.jsonl"]
    for path in left:
        path.write_text("half of a li", encoding="utf8")
    (folder / "_rejected").rename(folder.with_name("moved"))
    annotate(source, folder)  # a folder with hidden files only is a new one
    folder.with_name("moved").rename(folder / "_rejected")
    assert annotate(source, folder) == (10, 0, 10)
    assert not [path for path in left if path.exists()]


@pytest.mark.parametrize("form", ["jsonl", "jsonl.gz", "parquet"])
def test_rows_that_are_missing_in_a_part(annotate, source, folder, form):
    annotate(source, folder, form=form)
    path = folder / f"part-000001.{form}"
    if form == "parquet":
        parquet.write_table(parquet.read_table(path).slice(1), path)
    else:
        with pa.input_stream(path, compression=None if form == "jsonl" else "gzip") as stream:
            lines = stream.read().splitlines(keepends=True)
        with pa.output_stream(path, compression=None if form == "jsonl" else "gzip") as stream:
            stream.write(b"".join(lines[1:]))
    message = r"\[M730\] .*out has 9 rows, and 0 were left out, but 10 were read.*--overwrite"
    with pytest.raises(ValueError, match=message):
        annotate(source, folder, form=form)
    assert annotate(source, folder, form=form, overwrite=True) == (10, 0, 0)


@pytest.mark.parametrize("form", ["parquet", "jsonl.gz", "jsonl.zst", "spacy"])
def test_a_damaged_part_is_made_again(annotate, source, folder, form):
    annotate(source, folder, form=form)
    expected, path = contents(folder), folder / f"part-000001.{form}"
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(ValueError, match=rf"\[M(734|105)\].*{path.name}"):
        annotate(source, folder, form=form)
    path.unlink()
    assert annotate(source, folder, form=form) == (10, 0, 7)
    assert contents(folder) == expected


def test_a_list_of_left_out_rows_that_is_missing(annotate, tmp_path, folder):
    source = write_lines(tmp_path / "texts.jsonl", [{"text": IDA}, {"text": None}])
    assert annotate(source, folder, on_error="skip") == (1, 1, 0)
    (folder / "_rejected" / "part-000000.jsonl").unlink()
    with pytest.raises(ValueError, match=r"\[M730\] .*has 1 rows, and 0 were left out, but 2 were read"):
        annotate(source, folder, on_error="skip")


def test_a_part_too_many(annotate, source, folder):
    annotate(source, folder)
    (folder / "part-000004.jsonl").write_bytes((folder / "part-000000.jsonl").read_bytes())
    with pytest.raises(ValueError, match=r"\[M730\] .*has 13 rows"):
        annotate(source, folder)


def test_stop_and_go_on(annotate, tmp_path, folder):
    rows = [{"id": i, "text": IDA if i != 4 else "FAIL"} for i in range(8)]
    source = write_lines(tmp_path / "texts.jsonl", rows)
    message = r"\[M725\] texts.jsonl, line 5: ValueError: cannot read FAIL\. .*--on-error skip"
    for workers in (1, 2):
        with pytest.raises(ValueError, match=message):
            annotate(source, folder, workers=workers)
        assert not (folder / "part-000001.jsonl").exists()
        assert not list(folder.rglob(".part-*"))
    assert (folder / "part-000000.jsonl").exists()
    totals = annotate(source, folder, on_error="skip")
    assert (totals.written, totals.rejected) == (7, 1) and totals.earlier >= 3
    (line,) = read_rejected(folder, 1)
    assert line == {"row": 5, "place": "texts.jsonl, line 5", "reason": "ValueError: cannot read FAIL", "id": 4}


def test_a_worker_that_is_killed(annotate, tmp_path, folder, monkeypatch):
    rows = [{"id": i, "text": IDA if i != 7 else "DIE"} for i in range(9)]
    source = write_lines(tmp_path / "texts.jsonl", rows)
    annotate(source, tmp_path / "undisturbed")
    monkeypatch.setenv(CAN_DIE, "1")
    with pytest.raises(ValueError, match=r"\[M729\] A process that annotated texts was killed"):
        annotate(source, folder, workers=2)
    assert not (folder / "part-000002.jsonl").exists()
    before = times(folder)
    monkeypatch.delenv(CAN_DIE)
    totals = annotate(source, folder, workers=2)
    assert totals == (9, 0, 3 * len(before))
    assert before.items() <= times(folder).items()
    assert contents(folder) == contents(tmp_path / "undisturbed")
    assert not list(folder.rglob(".part-*"))


def test_an_empty_input(annotate, tmp_path, folder):
    (tmp_path / "texts.jsonl").write_bytes(b"")
    for form in FORMS:
        assert annotate(tmp_path / "texts.jsonl", folder, form=form, overwrite=True) == (0, 0, 0)
        assert list(contents(folder)) == ["_manifest.json", f"part-000000.{form}"]
        assert read_rows(folder / f"part-000000.{form}") == []
        assert annotate(tmp_path / "texts.jsonl", folder, form=form) == (0, 0, 0)


def test_a_parquet_input_keeps_its_types(annotate, tmp_path, folder):
    table = pa.table({"n": pa.array(range(5), pa.int8()), "text": pa.array([IDA] * 5, pa.large_string())})
    parquet.write_table(table, tmp_path / "texts.parquet", row_group_size=2)
    assert annotate(tmp_path / "texts.parquet", folder, form="parquet", workers=2) == (5, 0, 0)
    found = pa.concat_tables(parquet.read_table(path) for path in sorted(folder.glob("part-*")))
    assert found.select(["n", "text"]).equals(table)
    assert found["entities"].to_pylist() == [FOUND["entities"]] * 5
    (folder / "part-000000.parquet").unlink()
    assert annotate(tmp_path / "texts.parquet", folder, form="parquet") == (5, 0, 2)


def test_a_trained_pipeline(annotate, make_shared_nlp, make_examples, fit, tmp_path, folder):
    nlp = make_shared_nlp("mre_textcat", "spert_mt", spert_mt={"spans_key": "mentions"})
    examples = make_examples(nlp)
    for example in examples:
        example.reference.spans["mentions"] = example.reference.spans["entities"]
    fit(nlp, examples)
    nlp.to_disk(tmp_path / "model")
    texts = [words for words, *_ in TEXTS]
    source = write_lines(tmp_path / "texts.jsonl", [{"text": text} for text in texts])
    annotate(source, folder, name=str(tmp_path / "model"), rows=2, workers=2)
    found = [row for path in sorted(folder.glob("part-*")) for row in read_rows(path)]
    loaded = spacy.load(tmp_path / "model")
    assert [row["text"] for row in found] == texts
    for row, doc in zip(found, [loaded(text) for text in texts]):
        spans = list(doc.spans["mentions"])
        assert [(one["start"], one["end"], one["label"], one["text"]) for one in row["entities"]] == [
            (span.start_char, span.end_char, span.label_, span.text) for span in spans
        ]
        places = [[span.start, span.end] for span in spans]
        assert [(places[one["head"]], one["label"], places[one["tail"]]) for one in row["relations"]] == [
            (one["head"], one["label"], one["tail"]) for one in doc._.relations
        ]
        scores = [one["score"] for one in row["relations"]]
        assert scores == pytest.approx([one["score"] for one in doc._.relations], abs=1e-4)
        assert row["cats"] == pytest.approx(doc.cats, abs=1e-4)
    assert sum(len(row["relations"]) for row in found) > 2
    assert {label for row in found for label in row["cats"]} == {"people", "travel"}
