import subprocess
import sys

import pytest

from spacy_mre.serving.memory import FreedMemory

# Prints the share of the memory of arrays with gaps between them that is given back.
SCRIPT = """
import sys
import numpy, psutil
from spacy_mre.serving.memory import FreedMemory

freed = FreedMemory(batches=1)
numpy.ones(30_000_000, dtype="uint8")  # glibc now takes smaller ones from the heap
rss = lambda: psutil.Process().memory_info().rss
arrays, kept = [], []
before = rss()
for _ in range(100):
    arrays.append(numpy.ones(1_000_000, dtype="uint8"))
    kept.append(bytes(50_000))
most = rss()
arrays.clear()
if sys.argv[1] == "yes":
    freed.add_batch()
print((most - rss()) / (most - before))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps the gaps")
def test_gaps_are_given_back():
    returned = {
        wanted: float(subprocess.run([sys.executable, "-c", SCRIPT, wanted], capture_output=True, check=True).stdout)
        for wanted in ("yes", "no")
    }
    assert returned["yes"] > 0.8 and returned["no"] < 0.5


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps the gaps")
def test_not_after_each_batch(monkeypatch):
    times = []
    freed = FreedMemory(batches=3)
    monkeypatch.setattr(freed, "_trim", lambda pad: times.append(pad) or 1)
    for _ in range(7):
        freed.add_batch()
    assert len(times) == 2 and freed.give_back() and not freed.give_back()
