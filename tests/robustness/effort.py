"""How many inputs the robustness tests try, and how many they have tried.

They are quick in `make test`; `make fuzz` sets MRE_FUZZ, which multiplies the number of their inputs.
"""

import os
from collections import Counter

# By the name of the test function.
INPUTS: Counter[str] = Counter()


def scale(number: int) -> int:
    """The number of inputs to try."""
    return number * int(os.environ.get("MRE_FUZZ", "1"))


def count(inputs: int = 1) -> None:
    """Count inputs that the current test has tried."""
    INPUTS[function_of(os.environ["PYTEST_CURRENT_TEST"])] += inputs


def function_of(node: str) -> str:
    """From "tests/robustness/test_x.py::test_y[param] (call)" to "test_x.py::test_y"."""
    return node.rsplit("/", 1)[-1].split("[")[0].split(" ")[0]
