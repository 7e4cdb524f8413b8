import sys

import numpy
import psutil
import pytest

from spacy_mre.serving.memory import FreedMemory


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps freed memory")
def test_freed_memory_is_given_back():
    freed = FreedMemory(interval=0.0)
    kept, gaps = [], []
    for _ in range(2000):  # pieces of 64 kB are taken from the heap
        gaps.append(numpy.ones(64_000, dtype="uint8"))
        kept.append(numpy.ones(1_000, dtype="uint8"))
    before = psutil.Process().memory_info().rss
    gaps.clear()
    assert freed.give_back()
    assert before - psutil.Process().memory_info().rss > 64_000_000
    assert len(kept) == 2000


def test_not_too_often():
    freed = FreedMemory(interval=3600.0)
    assert not freed.give_back()
