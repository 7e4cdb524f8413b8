import os
import stat

import pytest
import spacy

from spacy_mre import load_docs, save_docs
from spacy_mre.files import replacing


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
