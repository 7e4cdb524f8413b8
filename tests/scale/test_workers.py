import gc
import time
from multiprocessing import active_children

import pytest
import spacy
import torch

from spacy_mre.scale.options import Options
from spacy_mre.scale.rows import Partition
from spacy_mre.scale.workers import load_pipeline, set_threads, write_parts
from tests.scale.components import CAN_DIE, SLEEP
from tests.scale.outputs import IDA, contents, make_rows, read_rows

OPTIONS = Options("jsonl")


def partitions(*texts):
    return [Partition(number, make_rows({"id": number, "text": text}), number) for number, text in enumerate(texts)]


@pytest.fixture
def write(model, tmp_path):
    nlp = spacy.load(model)

    def run(parts, *, workers=1, on_error="stop"):
        return write_parts(nlp, parts, tmp_path, OPTIONS, None, on_error, model=model, workers=workers)

    return run


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_each_part_is_told_when_it_is_written(write, tmp_path, workers):
    seen = []
    for partition, counts in write(partitions(*[IDA] * 7), workers=workers):
        seen.append(partition.number)
        assert counts == (1, 0)
        assert read_rows(tmp_path / f"part-00000{partition.number}.jsonl")[0]["id"] == partition.number
    assert sorted(seen) == list(range(7)) and (workers > 1 or seen == list(range(7)))


@pytest.mark.parametrize("workers, most", [(1, 1), (2, 4)])
def test_few_parts_are_read_ahead(write, workers, most):
    read = 0

    def parts():
        nonlocal read
        for partition in partitions(*[IDA] * 12):
            read += 1
            yield partition

    for done, _ in enumerate(write(parts(), workers=workers), start=1):
        assert read - done < most
    assert read == 12


def test_no_parts(write, tmp_path):
    assert list(write([], workers=1)) == list(write([], workers=2)) == []
    assert contents(tmp_path) == {}


def test_what_the_processes_share_is_not_searched_for_garbage(write):
    before = gc.get_freeze_count()
    parts = write(partitions(IDA, IDA), workers=2)
    next(parts)
    assert gc.get_freeze_count() > before + 10_000
    list(parts)
    assert gc.get_freeze_count() == 0


def test_processes_do_the_work(write, tmp_path, monkeypatch):
    """A process that dies is another than this one."""
    monkeypatch.setenv(CAN_DIE, "1")
    with pytest.raises(ValueError, match=r"\[M729\]"):
        list(write(partitions("DIE", IDA, IDA), workers=2))


def test_a_process_dies_while_parts_are_read(write, monkeypatch):
    monkeypatch.setenv(CAN_DIE, "1")

    def parts():
        died, other = partitions("DIE", IDA)
        yield died
        end = time.monotonic() + 10
        while active_children() and time.monotonic() < end:
            time.sleep(0.05)
        yield other

    with pytest.raises(ValueError, match=r"\[M729\]"):
        list(write(parts(), workers=2))


def test_an_error_ends_the_processes(write, monkeypatch):
    monkeypatch.setenv(SLEEP, "0.05")
    with pytest.raises(ValueError, match=r"\[M725\] texts.jsonl, line 1: ValueError: cannot read FAIL"):
        list(write(partitions(IDA, "FAIL", *[IDA] * 20), workers=2))
    assert active_children() == []


def test_a_caller_may_stop(write, tmp_path):
    found = write(partitions(*[IDA] * 20), workers=2)
    next(found)
    found.close()
    assert 0 < len(contents(tmp_path)) < 20


def test_threads():
    set_threads(1)
    assert torch.get_num_threads() == 1  # as the tests have set it
    torch.set_num_threads(2)
    set_threads(1)
    assert torch.get_num_threads() == 2
    set_threads(2)
    assert torch.get_num_threads() == 1


def test_load_pipeline(model, tmp_path):
    assert load_pipeline(model).pipe_names == spacy.load(model).pipe_names

    class Tokenizer:
        readings = True

        def __init__(self, nlp):
            self.vocab = nlp.vocab

        def __call__(self, text):
            return spacy.tokens.Doc(self.vocab, words=text.split())

        def from_disk(self, path, **_):
            return self

        def to_disk(self, path, **_):
            path.mkdir(exist_ok=True)

    spacy.registry.tokenizers("test_workers_tokenizer.v1", func=lambda: Tokenizer)
    nlp = spacy.blank("en", config={"nlp": {"tokenizer": {"@tokenizers": "test_workers_tokenizer.v1"}}})
    nlp.to_disk(tmp_path / "model")
    assert load_pipeline(tmp_path / "model").tokenizer.readings is False
