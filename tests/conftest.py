import os
from pathlib import Path

import pytest


@pytest.fixture
def mre_data() -> Path:
    """The folder of real data, laid out as its publishers do; tests that need it skip without."""
    folder = os.environ.get("MRE_DATA")
    if not folder:
        pytest.skip("real data is needed: set MRE_DATA to its folder")
    return Path(folder)
