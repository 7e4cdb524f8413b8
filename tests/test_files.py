import errno
import os
import shutil
import stat

import pytest
import spacy

from spacy_mre import load_docs, save_docs
from spacy_mre.files import replacing, replacing_files


def test_a_file_is_written_and_its_folder_made(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new" and os.listdir(path.parent) == ["file.txt"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(OSError, match="disk full"), replacing(path) as temporary:
        temporary.write_text("half of the n")
        raise OSError("disk full")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["file.txt"]


@pytest.mark.parametrize("write", [replacing, replacing_files])
def test_a_full_disk_is_named(tmp_path, write):
    with pytest.raises(ValueError, match=r"M611.*new cannot be written: No space left"), write(tmp_path / "new"):
        raise OSError(errno.ENOSPC, "x")
    with pytest.raises(FileNotFoundError), write(tmp_path / "new"):
        (tmp_path / "other").read_text()
    assert not list(tmp_path.iterdir())


def test_the_mode_of_an_existing_file_is_kept(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    path.chmod(0o640)
    with replacing(path) as temporary:
        temporary.write_text("new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_doc_that_cannot_be_written_does_not_destroy_the_corpus(tmp_path):
    nlp = spacy.blank("en")
    path = tmp_path / "docs.spacy"
    save_docs([nlp("one"), nlp("two")], path)
    bad = nlp("three")
    bad.user_data["model"] = object()
    with pytest.raises(TypeError):
        save_docs([bad], path)
    assert [doc.text for doc in load_docs(path, nlp.vocab)] == ["one", "two"]
    assert os.listdir(tmp_path) == ["docs.spacy"]


def test_a_full_disk_does_not_destroy_the_corpus(tmp_path, monkeypatch):
    nlp = spacy.blank("en")
    path = tmp_path / "docs.spacy"
    save_docs([nlp("one")], path)

    def full(self, target):
        target.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr("spacy.tokens.DocBin.to_disk", full)
    with pytest.raises(OSError, match="No space left"):
        save_docs([nlp("two")], path)
    monkeypatch.undo()
    assert [doc.text for doc in load_docs(path, nlp.vocab)] == ["one"]


@pytest.fixture
def model_folder(tmp_path):
    """A folder of a small and a large file, as a model has."""
    folder = tmp_path / "model"
    folder.mkdir()
    for name, content in (("config.json", "old"), ("weights", "old" * 100), ("other", "kept")):
        (folder / name).write_text(content)
    return folder


def write_model(folder, **options):
    with replacing_files(folder, **options) as fresh:
        (fresh / "config.json").write_text("new")
        (fresh / "weights").write_text("new" * 100)


def contents(folder):
    return {path.name: path.read_text()[:3] for path in folder.iterdir()}


def test_files_of_a_folder_are_replaced_and_others_kept(model_folder):
    write_model(model_folder)
    assert contents(model_folder) == {"config.json": "new", "weights": "new", "other": "kep"}
    write_model(model_folder, keep_others=False)
    assert contents(model_folder) == {"config.json": "new", "weights": "new"}


def test_a_failure_leaves_the_old_folder(model_folder):
    before = contents(model_folder)
    with pytest.raises(OSError, match="disk full"), replacing_files(model_folder) as fresh:
        (fresh / "config.json").write_text("new")
        raise OSError("disk full")
    assert contents(model_folder) == before


def test_a_failure_leaves_a_file_that_would_become_a_folder(tmp_path):
    path = tmp_path / "model"
    path.write_text("old")
    with pytest.raises(OSError, match="disk full"), replacing_files(path):
        raise OSError("disk full")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["model"]
    write_model(path)
    assert contents(path) == {"config.json": "new", "weights": "new"}


@pytest.mark.parametrize("exists", [False, True])
def test_what_a_killed_process_has_left_is_removed(tmp_path, exists):
    folder = tmp_path / "model"
    if exists:
        write_model(folder)
    with replacing_files(folder) as fresh:
        killed = shutil.copytree(fresh, tmp_path / "killed")
        place = fresh
    shutil.move(killed, place)
    if not exists:
        write_model(folder)
        assert place.exists()  # another process may be writing it
        shutil.rmtree(folder)
        os.utime(place, (0, 0))
    others = tmp_path / ".new-other-a1b2c3d4"  # of a process that writes another folder
    others.mkdir()
    write_model(folder)
    assert not place.exists() and others.exists()
    assert contents(folder) == {"config.json": "new", "weights": "new"}


def test_hidden_files_are_kept(model_folder):
    (model_folder / ".notes").write_text("mine")
    write_model(model_folder, keep_others=False)
    assert contents(model_folder) == {"config.json": "new", "weights": "new", ".notes": "min"}


def test_an_interruption_between_two_files_leaves_a_folder_without_its_largest_file(model_folder, monkeypatch):
    replace, moved = os.replace, []

    def interrupted(source, target):
        if moved:
            raise KeyboardInterrupt
        moved.append(target.name)
        replace(source, target)

    monkeypatch.setattr("os.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_model(model_folder)
    assert moved == ["config.json"] and contents(model_folder) == {"config.json": "new", "other": "kep"}
