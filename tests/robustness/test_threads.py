"""Threads that share one pipeline get the results of one thread: for every config, from the first text on."""

import sys
import threading
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from time import sleep

import pytest
import spacy
import torch
from torch import nn

from spacy_mre.encoders.threads import encode, one_thread_at_a_time
from spacy_mre.training.sized import set_training
from tests.robustness.effort import count
from tests.robustness.shipped_configs import (
    FUZZ,
    GOLD,
    TESTED,
    assert_same,
    examples_of,
    pipeline_of,
    results,
    thresholds_of,
)

THREADS = 16


@pytest.fixture(autouse=True)
def hasty_threads():
    """Threads take turns as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def forget(nlp):
    """Put a pipeline into the state after loading or training: torch modules are in training mode, and what the first
    text makes does not exist."""
    for _, pipe in nlp.components:
        for node in pipe.model.walk() if hasattr(pipe, "model") else ():
            for shim in node.shims:
                if isinstance(getattr(shim, "_model", None), nn.Module):
                    shim._model.train()
                    for module in shim._model.modules():
                        if hasattr(module, "cached"):
                            module.cached = None
        getattr(pipe, "_cache", {}).clear()
        if hasattr(pipe, "_question_docs"):
            pipe._question_docs = (None, {})
        if hasattr(pipe, "_run"):
            pipe._run = None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TESTED)
def test_threads_get_the_results_of_one(name):
    nlp = pipeline_of(name)
    golds = [eg.text for eg in examples_of(nlp)]
    texts = [golds[i % 2] + golds[1 - i % 2][: i + 1] for i in range(6)]
    expected = [results(nlp(text)) for text in texts]
    # With MRE_FUZZ=20, 11,520 texts of all configs together.
    wanted = [i % len(texts) for i in range(THREADS if FUZZ == 1 else 36 * FUZZ)]
    forget(nlp)
    with ThreadPoolExecutor(THREADS) as threads:
        found = list(threads.map(lambda i: results(nlp(texts[i])), wanted))
    count(len(wanted))
    for i, result in zip(wanted, found, strict=True):
        assert_same(result, expected[i], thresholds_of(nlp))


@pytest.mark.filterwarnings("ignore")
def test_threads_that_read_batches():
    nlp = pipeline_of("zh_cpu")
    texts = ["".join(GOLD["zh"][i % 2]) * (1 + i % 7) for i in range(40)]
    expected = [results(nlp(text)) for text in texts]
    with ThreadPoolExecutor(4) as threads:
        streams = threads.map(lambda size: [results(doc) for doc in nlp.pipe(texts, batch_size=size)], (1, 3, 8, 40))
        for found in streams:
            for one, other in zip(found, expected, strict=True):
                assert_same(one, other, thresholds_of(nlp))


def test_a_module_in_evaluation_mode_has_no_part_in_training_mode():
    class Slow(nn.Module):
        """Lets other threads run whenever its mode is changed, as a module with many parts does."""

        def __init__(self):
            super().__init__()
            self.part = nn.Dropout(0.5)
            self.part.train = self._train_part

        def _train_part(self, mode=True):
            started.set()
            proceed.wait(5)
            return nn.Module.train(self.part, mode)

    module, started, proceed = Slow(), threading.Event(), threading.Event()
    first = threading.Thread(target=set_training, args=(module, False))
    first.start()
    assert started.wait(5)
    # The first thread is changing the part: another one must not find the module ready.
    assert module.training
    proceed.set()
    first.join()
    set_training(module, False)
    assert not module.training and not module.part.training


def test_calls_of_tokenizers_do_not_overlap():
    assert _most_at_once(lambda work: lambda: encode(lambda text, verbose: work(), "Ida")) == 1


def test_a_locked_model_is_run_by_one_thread():
    from thinc.api import Model

    def make(work):
        model = one_thread_at_a_time(Model("test", lambda model, X, is_train: (work(), lambda dY: dY)))
        return lambda: model.predict([])

    assert _most_at_once(make) == 1


def _most_at_once(make):
    """The most threads that were within a piece of work at the same time."""
    inside, most = [], []

    def work():
        inside.append(1)
        most.append(len(inside))
        threading.Event().wait(0.002)
        inside.pop()
        return {}

    call = make(work)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: call(), range(24)))
    assert len(most) == 24
    return max(most)


@pytest.mark.filterwarnings("ignore")
def test_dropout_of_a_transformer_behind_a_shim():
    """Thinc's shim switches dropout on after each prediction."""
    nlp = pipeline_of("multi_ner_crossre_en")
    model = nlp.get_pipe("multi_ner").model.get_ref("interaction").get_ref("encoder")
    (shim,) = (shim for node in model.walk() for shim in node.shims if hasattr(shim, "_hfmodel"))
    assert any(isinstance(module, nn.Dropout) and module.p for module in shim._model.modules())
    docs = [nlp.make_doc("Ida lives in Lima . " * (1 + i)) for i in range(8)]
    expected = [model.predict([doc]).tokens for doc in docs]
    with ThreadPoolExecutor(8) as threads:
        for i, found in enumerate(threads.map(lambda i: model.predict([docs[i % 8]]).tokens, range(48))):
            assert abs(found - expected[i % 8]).max() < 1e-4


def test_nothing_is_lost_from_the_counts():
    class Slow(Counter):
        """Lets other threads run between reading and writing a count."""

        def __getitem__(self, key):
            count = super().__getitem__(key)
            sleep(1e-5)
            return count

    pipe = spacy.blank("en").add_pipe("mre_textcat")
    pipe.left_out = Slow()
    with ThreadPoolExecutor(8) as threads, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        list(threads.map(lambda _: [pipe._count_left_out("thing") for _ in range(50)], range(8)))
    assert pipe.left_out["thing"] == 400
    assert len([warning for warning in caught if "thing" in str(warning.message)]) == 1


def test_onnx_is_exported_once(monkeypatch):
    from spacy_mre.encoders.transformer import component

    nlp, made = pipeline_of("trf"), []
    make_engine = component.make_engine

    def count(*args):
        made.append(1)
        threading.Event().wait(0.05)
        return make_engine(*args)

    monkeypatch.setattr(component, "make_engine", count)
    forget(nlp)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(nlp, ["Ida lives in Lima ."] * 8))
    assert len(made) == 1


def test_torch_threads_in_forked_processes():
    """A forked process has no threads of its parent's pool, and would wait for them."""
    nlp = pipeline_of("zh_cpu")
    texts = ["".join(GOLD["zh"][i % 2]) * 3 for i in range(16)]
    expected, before = [results(nlp(text)) for text in texts], torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert torch.ones(1000, 1000).exp().sum() > 0  # starts the pool
        for found, result in zip(nlp.pipe(texts, batch_size=8, n_process=2), expected, strict=True):
            assert_same(results(found), result, thresholds_of(nlp))
    finally:
        torch.set_num_threads(before)
