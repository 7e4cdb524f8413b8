"""The check of the server."""

import pytest

for package in ("fastapi", "uvicorn", "prometheus_client"):
    pytest.importorskip(package)

ENTITY = {"start": 0, "end": 3, "label": "person", "text": "Ida", "score": 0.5}
RELATION = {"head": 0, "tail": 1, "label": "knows", "score": 0.5}
RIGHT = {"entities": [ENTITY], "relations": [RELATION], "cats": {"diary": 0.5}}


@pytest.mark.parametrize(
    "found, is_wrong",
    [
        (RIGHT, False),
        ({**RIGHT, "entities": [{**ENTITY, "score": 0.50005}], "cats": {"diary": 0.50005}}, False),
        ({**RIGHT, "entities": [{**ENTITY, "score": 0.501}]}, True),
        ({**RIGHT, "entities": [{**ENTITY, "end": 4}]}, True),
        ({**RIGHT, "relations": [RELATION, RELATION]}, True),
        ({**RIGHT, "relations": None}, True),
        ({**RIGHT, "cats": {"diary": 0.6}}, True),
        ({**RIGHT, "cats": {"essay": 0.5}}, True),
        ({"error": "none"}, True),
    ],
)
def test_answers_differ_in_more_than_the_last_digits(found, is_wrong):
    from benchmarks.serving_check import differs

    assert differs(found, RIGHT) == differs(RIGHT, found) == is_wrong
