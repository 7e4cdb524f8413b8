"""What a run replaces and deletes, and what it does not."""

import os

import pytest

from spacy_mre.scale.inputs import open_input
from spacy_mre.scale.manifest import save_manifest
from spacy_mre.scale.run import check_apart, clear
from tests.scale.outputs import IDA, contents, read_rows, write_lines

MINE = ["notes.txt", "mine/part-000000.jsonl", "_rejected/notes.txt"]


class Killed(BaseException):
    pass


@pytest.fixture
def source(tmp_path):
    """Two parts of three rows, each with a list of left out rows."""
    return write_lines(tmp_path / "texts.jsonl", [{"text": IDA}, {"text": None}, {"text": "Tom"}] * 2)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "out"


def add_mine(folder):
    for name in MINE:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("mine", encoding="utf8")


def test_overwrite(annotate, source, folder):
    annotate(source, folder, on_error="skip", options={"prefix": "old_"})
    (folder / "part-000009.jsonl").touch()
    assert annotate(source, folder, on_error="skip", overwrite=True) == (4, 2, 0)
    assert sorted(path.name for path in folder.glob("part-*")) == ["part-000000.jsonl", "part-000001.jsonl"]
    assert "old_cats" not in read_rows(folder / "part-000000.jsonl")[0]


def test_overwriting_with_another_form(annotate, source, folder):
    annotate(source, folder, on_error="skip")
    annotate(source, folder, form="parquet", on_error="skip", overwrite=True)
    assert sorted(path.name for path in folder.glob("part-*")) == ["part-000000.parquet", "part-000001.parquet"]


def test_overwriting_after_a_part_was_deleted(annotate, source, folder):
    annotate(source, folder, on_error="skip")
    expected = contents(folder)
    (folder / "part-000001.jsonl").unlink()
    assert annotate(source, folder, on_error="skip", overwrite=True) == (4, 2, 0)
    assert contents(folder) == expected


def test_other_files_stay(annotate, source, folder):
    annotate(source, folder, on_error="skip")
    made = contents(folder)
    add_mine(folder)
    annotate(source, folder, on_error="skip", overwrite=True)
    assert sorted(contents(folder)) == sorted([*MINE, *made])


def test_clear(folder):
    made = ["_rejected/part-000000.jsonl", "part-000000.jsonl", "part-000001.parquet"]
    folder.mkdir()
    add_mine(folder)
    for name in made:
        (folder / name).touch()
    with pytest.raises(ValueError, match="M726"):
        clear(folder)
    assert sorted(contents(folder)) == sorted([*MINE, *made])  # perhaps not made by this package
    save_manifest(folder, {})
    clear(folder)
    assert sorted(contents(folder)) == sorted(MINE)


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("deleted", range(5))
def test_a_run_that_is_killed_while_it_deletes(annotate, source, folder, monkeypatch, deleted, overwrite):
    annotate(source, folder, on_error="skip")
    expected = contents(folder)
    left = [None] * deleted
    unlink = os.unlink

    def kill(*arguments, **settings):
        if not left:
            raise Killed
        left.pop()
        unlink(*arguments, **settings)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(os, "unlink", kill)
        clear(folder)
    assert len(contents(folder)) == 5 - deleted
    totals = annotate(source, folder, on_error="skip", overwrite=overwrite)
    assert totals[:2] == (4, 2) and contents(folder) == expected


@pytest.mark.parametrize(
    "read, written",
    [
        ("in/a.jsonl", "in/a.jsonl"),
        ("in/a.jsonl", "in/../in/a.jsonl"),
        ("in/a.jsonl", "link/a.jsonl"),
        ("in/a.jsonl", "in"),
        ("in", "in"),
        ("in", "in/out"),
        ("in", "in/out/b.jsonl"),
        ("link", "in/b.jsonl"),
    ],
)
def test_the_output_is_apart_from_the_input(tmp_path, read, written):
    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to("in")
    write_lines(tmp_path / "in" / "a.jsonl", [{"text": IDA}])
    with pytest.raises(ValueError, match=rf"\[M611\] .*{written} cannot be written: the input .*{read} is there"):
        check_apart(open_input(tmp_path / read), tmp_path / written)


def test_what_is_apart(tmp_path):
    (tmp_path / "in").mkdir()
    source = write_lines(tmp_path / "in" / "a.jsonl", [{"text": IDA}])
    for written in ("in/b.jsonl", "in/a", "in/a.jsonl.parts", "in2", "out"):
        check_apart(open_input(source), tmp_path / written)
    check_apart(open_input(tmp_path / "in"), tmp_path / "in2")
    check_apart(open_input("-"), tmp_path / "in")


def test_an_output_is_not_annotated_into_itself(annotate, source, folder):
    annotate(source, folder, on_error="skip")
    before = contents(folder)
    with pytest.raises(ValueError, match=r"\[M611\] .*out cannot be written: the input .*out is there"):
        annotate(folder, folder, overwrite=True, options={"keep": ()})
    assert contents(folder) == before
