"""Files that only grow: half lines, broken lines, the lock, and full disks."""

import errno
import json
import os
import random
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from spacy_mre.serving.studio.journal import Journal
from spacy_mre.serving.studio.server import is_text

ROOT = Path(__file__).parents[3]
LINES = [{"text": "Ida"}, {"text": "東京 😀"}, {"text": "half of a pair \ud83d"}]


def read(path):
    with Journal(path, is_text) as journal:
        return journal.lines


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "gold.jsonl"


def test_lines_are_there_again(path):
    assert read(path) == []
    with Journal(path, is_text) as journal:
        for line in LINES:
            journal.append(line)
            assert json.loads(path.read_bytes().splitlines()[-1]) == line
    with warnings.catch_warnings(action="error"):
        assert read(path) == LINES


def test_any_half_of_the_last_line(path):
    with Journal(path, is_text) as journal:
        journal.append(LINES[0])
        first = path.stat().st_size
        journal.append(LINES[1])
    whole = path.read_bytes()
    aside = path.with_name("gold.jsonl.broken")
    for size in range(first + 1, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.warns(UserWarning, match=rf"W770.*\({size - first} bytes\).*gold.jsonl.broken"):
            assert read(path) == LINES[:1]
        assert path.read_bytes() == whole[:first]
        assert aside.read_bytes().endswith(whole[first:size] + b"\n")
        with Journal(path, is_text) as journal:
            journal.append(LINES[1])
        assert path.read_bytes() == whole
        assert read(path) == LINES[:2]


def test_a_last_line_that_lost_its_end_is_kept(path):
    """An editor may have taken it."""
    path.parent.mkdir()
    path.write_bytes(b'{"text": "a"}\n{"text": "b"}')
    with warnings.catch_warnings(action="error"):
        assert read(path) == [{"text": "a"}, {"text": "b"}]
    assert path.read_bytes() == b'{"text": "a"}\n{"text": "b"}\n'


@pytest.mark.parametrize("broken", [b"\0" * 20, b"{", b"5", b'{"text": 5}', b"\xff"])
def test_a_broken_line_inside(path, broken):
    path.parent.mkdir()
    content = b'{"text": "a"}\n' + broken + b'\n{"text": "b"}\n'
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="W771.*: 1 lines|W771.* 1 lines"):
        assert read(path) == [{"text": "a"}, {"text": "b"}]
    assert path.read_bytes() == content


def test_one_process_at_a_time(path):
    code = f"from pathlib import Path; from {Journal.__module__} import Journal; Journal(Path({str(path)!r}), bool)"
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with Journal(path, is_text):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 1 and "[M770] Another process writes to" in done.stderr
    assert subprocess.run(command, env=environment, timeout=120).returncode == 0


def test_a_link_has_the_lock_of_its_file(path, tmp_path):
    link = tmp_path / "link.jsonl"
    link.symlink_to(path)
    with Journal(path, is_text), pytest.raises(ValueError, match="M770"):
        Journal(link, is_text)


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "gold.jsonl", tmp_path):
        with pytest.raises(ValueError, match="M771"):
            Journal(path, is_text)


@pytest.mark.parametrize("what", ["write", "fsync"])
def test_a_full_disk(path, monkeypatch, what):
    def write_half(file, data):
        return whole(file, data[: len(data) // 2])

    def fail(file):
        raise OSError(errno.EIO, "Input/output error")

    whole = os.write
    with Journal(path, is_text) as journal:
        journal.append(LINES[0])
        monkeypatch.setattr(os, what, write_half if what == "write" else fail)
        with pytest.raises(OSError):
            journal.append(LINES[1])
        monkeypatch.undo()
        journal.append(LINES[2])
    with warnings.catch_warnings(action="error"):
        assert read(path) == [LINES[0], LINES[2]]


def test_a_half_line_that_cannot_be_removed_at_once(path, monkeypatch):
    def write_half(file, data):
        return whole(file, data[: len(data) // 2])

    def fail(file, size):
        raise OSError(errno.EIO, "Input/output error")

    whole = os.write
    with Journal(path, is_text) as journal:
        journal.append(LINES[0])
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", write_half)
            patch.setattr(os, "ftruncate", fail)
            with pytest.raises(OSError):
                journal.append(LINES[1])
        journal.append(LINES[2])
    with warnings.catch_warnings(action="error"):
        assert read(path) == [LINES[0], LINES[2]]


WRITER = """
import sys
from pathlib import Path
from spacy_mre.serving.studio.journal import Journal
journal = Journal(Path(sys.argv[1]), bool)
number = len(journal.lines)
while True:
    journal.append({"text": str(number) + "x" * 5000})
    print(number, flush=True)
    number += 1
"""


def test_a_writer_that_is_killed(path):
    chance = random.Random(0)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    answered = -1
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, path], env=environment, stdout=subprocess.PIPE, text=True
        )
        first = process.stdout.readline()
        assert int(first) > answered
        time.sleep(chance.random() / 5)
        process.kill()
        answered = int([first, *process.stdout.read().splitlines()][-1])
        process.wait(20)
        process.stdout.close()
        with warnings.catch_warnings(action="ignore"):
            lines = read(path)
        assert len(lines) > answered
        assert [line["text"].rstrip("x") for line in lines] == [str(number) for number in range(len(lines))]
    assert answered > 4
