import subprocess
import sys

import pytest

# Prints the share of the memory of arrays with gaps between them that is given back.
SCRIPT = """
import sys
import numpy, psutil
from spacy_mre.serving.memory import return_large_arrays

if sys.argv[1] == "yes":
    assert return_large_arrays()
numpy.ones(30_000_000, dtype="uint8")  # raises the limit of glibc
rss = lambda: psutil.Process().memory_info().rss
arrays, kept = [], []
before = rss()
for _ in range(100):
    arrays.append(numpy.ones(1_000_000, dtype="uint8"))
    kept.append(bytes(50_000))
most = rss()
arrays.clear()
print((most - rss()) / (most - before))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps the memory of large arrays")
def test_large_arrays_are_given_back():
    returned = {
        wanted: float(subprocess.run([sys.executable, "-c", SCRIPT, wanted], capture_output=True, check=True).stdout)
        for wanted in ("yes", "no")
    }
    assert returned["yes"] > 0.9 and returned["no"] < 0.5
