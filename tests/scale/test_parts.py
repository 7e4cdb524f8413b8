import pytest
import spacy

from spacy_mre.scale import parts
from spacy_mre.scale.options import FORMS
from spacy_mre.scale.parts import count_lines, count_part, delete_parts, find_parts, part_path, rejected_path
from tests.scale.outputs import FERRY, IDA, RAIN, contents, make_rows, read_rejected, read_rows, write

ROWS = make_rows({"id": "a", "text": IDA}, {"id": "b", "text": None}, {"id": "c", "text": FERRY, "n": 1}, RAIN)


def test_paths(tmp_path):
    assert part_path(tmp_path, 12, "jsonl.gz") == tmp_path / "part-000012.jsonl.gz"
    assert part_path(tmp_path, 12_345_678, "parquet").name == "part-12345678.parquet"
    assert rejected_path(tmp_path, 12) == tmp_path / "_rejected" / "part-000012.jsonl"


def test_find_parts(tmp_path):
    for name in ("part-000000.jsonl", "part-000012.jsonl", "part-1234567.jsonl"):
        (tmp_path / name).touch()
    for name in ("part-000003.jsonl.gz", "part-000004.parquet", ".part-000005.jsonl.x.jsonl", "part-x.jsonl"):
        (tmp_path / name).touch()
    assert find_parts(tmp_path, "jsonl") == {0, 12, 1234567}
    assert find_parts(tmp_path, "jsonl.gz") == {3}
    assert find_parts(tmp_path / "nothing", "spacy") == set()


@pytest.mark.parametrize("form", FORMS)
def test_a_part_is_the_same_every_time(nlp, tmp_path, form):
    for name in ("one", "two"):
        assert write(nlp, tmp_path / name, form, ROWS)[0] == (3, 1)
    written = contents(tmp_path / "one")
    assert list(written) == ["_rejected/part-000000.jsonl", f"part-000000.{form}"]
    assert contents(tmp_path / "two") == written
    write(nlp, tmp_path / "one", form, ROWS)  # over itself
    assert contents(tmp_path / "one") == written


@pytest.mark.parametrize("form", FORMS)
def test_the_size_of_batches_changes_no_byte(nlp, tmp_path, form):
    write(nlp, tmp_path / "one", form, ROWS)
    write(nlp, tmp_path / "two", form, ROWS, batch_tokens=1)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.parametrize("form", FORMS)
def test_counts_are_those_of_the_disk(nlp, tmp_path, form):
    counts, path = write(nlp, tmp_path, form, ROWS, number=5)
    assert counts == count_part(tmp_path, 5, form) == (3, 1)
    assert len(read_rows(path)) == 3
    write(nlp, tmp_path, form, ROWS[:1], number=5)
    assert count_part(tmp_path, 5, form) == (1, 0)  # the old list of rows is gone


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("form", ["parquet", "jsonl.gz", "jsonl.zst", "spacy"])
def test_a_damaged_part(nlp, tmp_path, form, share):
    _, path = write(nlp, tmp_path, form, ROWS)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ValueError, match=rf"\[M(734|105)\].*{path.name}"):
        count_part(tmp_path, 0, form)


def test_delete_parts(nlp, tmp_path):
    for number, form in enumerate(FORMS):
        write(nlp, tmp_path, form, ROWS, number=number)
    mine = ["notes.txt", "part-x.jsonl", "part-000000.csv", "_rejected/notes.txt", "mine/part-000000.jsonl"]
    (tmp_path / "mine").mkdir()
    for name in mine:
        (tmp_path / name).touch()
    delete_parts(tmp_path)
    assert sorted(contents(tmp_path)) == sorted(mine)
    (tmp_path / "_rejected" / "notes.txt").unlink()
    delete_parts(tmp_path)
    assert not (tmp_path / "_rejected").exists()


@pytest.mark.parametrize("form", FORMS)
def test_stop_at_the_first_row_without_an_analysis(nlp, tmp_path, form):
    message = r"\[M725\] texts.jsonl, line 2: the text is missing. Correct it"
    with pytest.raises(ValueError, match=message):
        write(nlp, tmp_path, form, ROWS, on_error="stop")
    assert contents(tmp_path) == {} and not list(tmp_path.glob(".*"))
    assert write(nlp, tmp_path, form, ROWS[2:], on_error="stop")[0] == (2, 0)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["write_json", "write_parquet", "write_spacy"])
def test_a_failure_leaves_no_part(nlp, tmp_path, monkeypatch, form, name):
    original = getattr(parts, name)

    def fail(*arguments):
        original(*arguments)
        raise OSError("the disk is gone")

    monkeypatch.setattr(parts, name, fail)
    is_used = name.removeprefix("write_") in form
    if not is_used:
        assert write(nlp, tmp_path, form, ROWS)[0] == (3, 1)
        return
    with pytest.raises(OSError, match="the disk is gone"):
        write(nlp, tmp_path, form, ROWS)
    assert contents(tmp_path) == {} and not list(tmp_path.glob(".*"))


def test_a_failure_leaves_an_older_part_as_it_was(nlp, tmp_path):
    write(nlp, tmp_path, "jsonl", ROWS[2:])
    before = contents(tmp_path)
    with pytest.raises(ValueError, match="M725"):
        write(nlp, tmp_path, "jsonl", ROWS, on_error="stop")
    assert contents(tmp_path) == before


def test_the_list_of_left_out_rows_comes_before_the_part(nlp, tmp_path, monkeypatch):
    """A process that is killed between the two leaves a part that is made again."""
    seen = []
    replacing = parts.replacing

    def spy(path):
        if path.parent.name == "_rejected":
            seen.append(find_parts(tmp_path, "jsonl"))
        return replacing(path)

    monkeypatch.setattr(parts, "replacing", spy)
    write(nlp, tmp_path, "jsonl", ROWS)
    assert seen == [set()] and find_parts(tmp_path, "jsonl") == {0}


@pytest.mark.parametrize("name", [b"\xff", "\ud83d", float("nan"), 7, None, ["a"]], ids=ascii)
def test_names_of_rows_that_are_left_out(tmp_path, name):
    write(spacy.blank("en"), tmp_path, "jsonl", make_rows({"id": name, "text": None}, IDA))
    (line,) = read_rejected(tmp_path)
    assert line["row"] == 1 and str(line["id"]) == str(name)
    assert "NaN" not in rejected_path(tmp_path, 0).read_text()  # which is not JSON


def test_another_column_names_the_rows(nlp, tmp_path):
    write(nlp, tmp_path, "jsonl", make_rows({"id": 1, "key": "x", "text": None}), id="key")
    assert read_rejected(tmp_path)[0]["id"] == "x"


def test_count_lines(tmp_path):
    (tmp_path / "a").write_bytes(b"a\n\nb\r\n")
    (tmp_path / "b").write_bytes(b"")
    assert (count_lines(tmp_path / "a"), count_lines(tmp_path / "b")) == (3, 0)
    (tmp_path / "c").write_bytes(b"x\n" * 3_000_000)
    assert count_lines(tmp_path / "c") == 3_000_000
