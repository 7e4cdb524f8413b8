import gc
import shutil
import zlib

import pytest
import spacy
import srsly
from spacy.tokens import DocBin
from spacy.training import Corpus as SpacyCorpus

from spacy_mre import load_docs, save_docs
from spacy_mre.training.corpus import Corpus

TEXTS = ["one two", "three", "four five six", "seven"]


@pytest.fixture
def nlp():
    return spacy.blank("en")


@pytest.fixture
def bytes_per_token(nlp):
    return 8 * len(DocBin().attrs)


@pytest.fixture
def parts(tmp_path, nlp, bytes_per_token):
    """A corpus whose files have room for three tokens."""
    path = tmp_path / "train.spacy"
    assert save_docs(nlp.pipe(TEXTS), path, max_bytes=3 * bytes_per_token) == 4
    return path


def test_documents_beyond_the_limit_go_to_further_files(parts, nlp):
    assert sorted(file.name for file in parts.iterdir()) == [
        "0001-of-0003.spacy",
        "0002-of-0003.spacy",
        "0003-of-0003.spacy",
    ]
    assert [doc.text for doc in load_docs(parts, nlp.vocab)] == TEXTS
    assert [example.text for example in Corpus(parts)(nlp)] == TEXTS
    assert [example.text for example in SpacyCorpus(parts)(nlp)] == TEXTS


def test_a_document_over_the_limit_is_not_split(tmp_path, nlp):
    save_docs(nlp.pipe(TEXTS), tmp_path / "a.spacy", max_bytes=1)
    assert [doc.text for doc in load_docs(tmp_path / "a.spacy")] == TEXTS


def test_a_file_becomes_a_folder_and_a_folder_gets_fewer_parts(tmp_path, nlp, bytes_per_token):
    path = tmp_path / "train.spacy"
    for max_bytes in (10**9, 2 * bytes_per_token, 4 * bytes_per_token, 10**9):
        save_docs(nlp.pipe(TEXTS), path, max_bytes=max_bytes)
        assert [doc.text for doc in load_docs(path)] == TEXTS


def test_other_folders_are_not_replaced(tmp_path, nlp):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"M611.*folder of other files"):
        save_docs([nlp("one")], tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_folder_of_parts_is_replaced_after_a_process_was_killed(parts, nlp):
    (parts / ".new-a1b2c3d4").mkdir()
    (parts / ".new-a1b2c3d4" / "0001").write_bytes(b"half")
    (parts / ".DS_Store").write_bytes(b"of a file manager")
    save_docs([nlp("one")], parts)
    assert sorted(file.name for file in parts.iterdir()) == [".DS_Store", "0001-of-0001.spacy"]
    assert [doc.text for doc in load_docs(parts)] == ["one"]


def test_a_folder_with_a_hidden_folder_is_not_replaced(parts, nlp):
    (parts / ".git").mkdir()
    with pytest.raises(ValueError, match=r"M611.*folder of other files"):
        save_docs([nlp("one")], parts)
    assert [doc.text for doc in load_docs(parts)] == TEXTS


def test_a_missing_part_is_refused(parts, nlp):
    (parts / "0003-of-0003.spacy").unlink()
    with pytest.raises(ValueError, match=r"M106.*train\.spacy.*0001-of-0003\.spacy, 0002-of-0003\.spacy"):
        list(load_docs(parts))
    with pytest.raises(ValueError, match="M106"):
        list(Corpus(parts)(nlp))
    with pytest.raises(ValueError, match="M106"):
        list(Corpus(parts.parent)(nlp))


def test_parts_of_two_corpora_are_refused(parts, nlp):
    shutil.copy(parts / "0001-of-0003.spacy", parts / "0004-of-0004.spacy")
    with pytest.raises(ValueError, match="M106"):
        list(load_docs(parts))


@pytest.mark.parametrize("damage", ["truncated", "empty", "text", "other"])
def test_a_damaged_file_is_refused(tmp_path, nlp, damage):
    path = tmp_path / "train.spacy"
    save_docs([nlp("Ida lives in Lima")], path)
    data = path.read_bytes()
    path.write_bytes(
        {
            "truncated": data[: len(data) // 2],
            "empty": b"",
            "text": b"Ida lives in Lima",
            "other": zlib.compress(srsly.msgpack_dumps({"version": "0.1"})),
        }[damage]
    )
    with pytest.raises(ValueError, match=r"M105.*train\.spacy"):
        list(load_docs(path))
    assert gc.isenabled()


@pytest.mark.parametrize("key, value", [("user_data", b"\xa3"), ("span_groups", b"\x01"), ("spaces", b"")])
def test_damaged_documents_are_refused(tmp_path, nlp, key, value):
    path = tmp_path / "train.spacy"
    doc = nlp("Ida lives in Lima")
    doc.spans["entities"] = [doc[:1]]
    save_docs([doc], path)
    message = srsly.msgpack_loads(zlib.decompress(path.read_bytes()))
    message[key] = value if isinstance(message[key], bytes) else [value]
    path.write_bytes(zlib.compress(srsly.msgpack_dumps(message)))
    with pytest.raises(ValueError, match=r"M105.*train\.spacy"):
        list(load_docs(path))
    assert gc.isenabled()


def test_errors_of_those_who_read_are_theirs(tmp_path, nlp):
    save_docs([nlp("one"), nlp("two")], tmp_path / "train.spacy")
    with pytest.raises(KeyError, match="mine"):
        for _ in load_docs(tmp_path / "train.spacy"):
            raise KeyError("mine")
