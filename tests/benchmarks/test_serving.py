"""The benchmark of the server."""

import pytest

for package in ("fastapi", "uvicorn", "prometheus_client"):
    pytest.importorskip(package)


def test_a_run_is_summarized():
    from benchmarks.serving import summarize

    seconds = [0.001 * number for number in range(1, 101)]
    assert summarize(seconds, 3, wall=2.0) == {
        "requests": 100,
        "errors": 3,
        "rate": 50.0,
        "p50": 50.5,
        "p95": 95.0,
        "p99": 99.0,
    }
    assert summarize([], 1, wall=2.0)["rate"] == 0


def test_texts_are_short_and_long():
    from benchmarks.serving import JOINED, make_texts

    for lang in ("ja", "xx"):  # of a language without texts, they are English
        texts = make_texts(lang)
        assert min(map(len, texts.values())) >= 20
        assert texts["long"][0].startswith(" ".join(texts["short"][:JOINED]))
