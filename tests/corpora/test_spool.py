"""Records wait on disk, and nothing of them is left behind."""

import errno
import tempfile

import pytest

from spacy_mre.corpora import EntityRecord, Record, RelationRecord
from spacy_mre.corpora.spool import Spool

RECORDS = [
    Record("Ada met Bo.", "1", [EntityRecord(0, 3, "x", 0.5)], [RelationRecord(0, 0, "r")], {"a": 1.0}, [(0, 3)], "g"),
    Record("雨🙂", meta={"深": [1, None]}, origin="a.jsonl, line 2"),
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_records_can_be_read_several_times_at_once(folder):
    with Spool(iter(RECORDS)) as spool:
        assert len(spool) == 2
        first = iter(spool)
        assert next(first) == RECORDS[0]
        assert list(spool) == list(spool) == RECORDS
        assert next(first) == RECORDS[1]
    assert not any(folder.iterdir())


def test_a_source_that_fails_leaves_no_file(folder):
    def read():
        yield RECORDS[0]
        assert not any(folder.iterdir())  # a process that is killed leaves nothing
        raise ValueError("line 2")

    with pytest.raises(ValueError, match="line 2"):
        Spool(read())
    assert not any(folder.iterdir())


def test_a_full_disk_is_named(folder, monkeypatch):
    def fail(*args, **options):
        raise OSError(errno.ENOSPC, "x")

    monkeypatch.setattr("pickle.dump", fail)
    with pytest.raises(ValueError, match=rf"M611.*{folder} cannot be written: No space left.*TMPDIR"):
        Spool(RECORDS)
    assert not any(folder.iterdir())
