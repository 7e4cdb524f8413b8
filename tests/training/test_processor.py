"""What is read of the processor, and the warning that a precision is slow on it."""

import platform
import warnings
from pathlib import Path

import pytest

from spacy_mre.training import processor
from spacy_mre.training.processor import describe_processor, is_slow_in, warn_if_slow_in

PLAIN, AMX, SERVER = "fpu avx2 fma", "fpu avx2 amx_tile amx_bf16", "avx512f avx512_bf16 avx512_fp16"


@pytest.fixture
def told(monkeypatch):
    """Sets what the processor is."""
    warn_if_slow_in.cache_clear()
    yield lambda text: monkeypatch.setattr(processor, "describe_processor", lambda: text)
    warn_if_slow_in.cache_clear()


@pytest.mark.parametrize(
    ("text", "slow"),
    [
        (f"model name\t: AMD\nflags\t\t: {PLAIN}\n\nmodel name\t: AMD\nflags\t\t: {PLAIN}\n", ["bf16", "fp16"]),
        (f"model name\t: Xeon\nflags\t\t: {AMX}\n", ["fp16"]),
        (f"flags : {SERVER}", []),
        ("Features\t: fp asimd asimdhp", ["bf16"]),
        ("Features\t: fp asimd asimdhp bf16", []),
        ("bugs\t: none\n", []),  # nothing is known
        ("Intel64 Family 6", []),
    ],
)
def test_precisions_that_are_slow(told, text, slow):
    told(text)
    assert [precision for precision in ("bf16", "fp16") if is_slow_in(precision)] == slow


def test_it_is_told_once_with_the_setting(told):
    told(f"flags : {PLAIN}")
    with pytest.warns(UserWarning, match=r'W303.*precision = "bf16" computes in bf16.*amx_bf16') as raised:
        warn_if_slow_in("bf16", 'precision = "bf16"')
        warn_if_slow_in("bf16", 'precision = "bf16"')
    assert len(raised) == 1
    told(f"flags : {SERVER}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_slow_in("bf16", "mixed_precision = true")


def test_the_processor_is_read_once(monkeypatch, tmp_path):
    monkeypatch.setattr(processor, "Path", lambda name: tmp_path / "none")
    monkeypatch.setattr(platform, "processor", lambda: "arm")
    assert describe_processor.__wrapped__() == "arm"
    (tmp_path / "none").write_text("flags : x", encoding="utf8")
    assert describe_processor.__wrapped__() == "flags : x"
    if Path("/proc/cpuinfo").exists():
        assert describe_processor()
