"""Around engines: what is kept and what is spent."""

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from spacy_mre.corpora.translation.cache import CachedEngine
from spacy_mre.corpora.translation.engine import Answer, NoAnswer
from spacy_mre.corpora.translation.spending import BudgetSpent, Spending, count_tokens


def ask(text):
    return [{"role": "system", "content": "Translate."}, {"role": "user", "content": text}]


# What is kept


class Upper:
    """An engine that counts what it is asked."""

    def __init__(self, name="upper"):
        self.name = name
        self.asked = []

    def answer(self, messages):
        self.asked.append(messages[-1]["content"])
        if self.asked[-1] == "?":
            raise NoAnswer("why")
        return Answer(self.asked[-1].upper(), is_truncated=self.asked[-1] == "long")


def test_nothing_is_asked_twice(tmp_path):
    engine = Upper()
    for _ in range(2):
        with CachedEngine(engine, tmp_path / "new" / "answers.sqlite") as cached:
            assert [cached.answer(ask(text)).text for text in ("a", "long", "a")] == ["A", "LONG", "A"]
            assert cached.answer(ask("long")).is_truncated
            with pytest.raises(NoAnswer):
                cached.answer(ask("?"))
    assert engine.asked == ["a", "long", "?", "?"]
    assert (cached.calls, cached.hits) == (0, 4)


def test_another_model_or_prompt_is_asked(tmp_path):
    path = tmp_path / "answers.sqlite"
    other, engine = Upper("other"), Upper()
    for one in (engine, other):
        with CachedEngine(one, path) as cached:
            cached.answer(ask("a"))
    with CachedEngine(engine, path) as cached:
        cached.answer([{"role": "system", "content": "Translate well."}, *ask("a")[1:]])
    assert other.asked == ["a"] and engine.asked == ["a", "a"]


def test_threads_share_a_cache(tmp_path):
    with CachedEngine(Upper(), tmp_path / "answers.sqlite") as cached, ThreadPoolExecutor(8) as pool:
        texts = [f"t{number % 50}" for number in range(400)]
        assert list(pool.map(lambda text: cached.answer(ask(text)).text, texts)) == [text.upper() for text in texts]
        assert cached.calls + cached.hits == 400
    with sqlite3.connect(tmp_path / "answers.sqlite") as file:
        assert file.execute("SELECT count(*) FROM answers").fetchone() == (50,)


class Slow(Upper):
    """Answers when all have asked; each answer is another one."""

    def answer(self, messages):
        time.sleep(0.2)
        answer = super().answer(messages)
        return Answer(f"{answer.text} {len(self.asked)}")


def test_what_several_threads_ask_is_asked_once(tmp_path):
    engine = Slow()
    with CachedEngine(engine, tmp_path / "answers.sqlite") as cached, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(cached.answer, [ask("a")] * 8)) == [Answer("A 1")] * 8
        assert (cached.calls, cached.hits) == (1, 7)
    with CachedEngine(engine, tmp_path / "answers.sqlite") as cached:
        assert cached.answer(ask("a")).text == "A 1"  # as in the first run
    assert engine.asked == ["a"]


def test_an_answer_that_another_process_kept_stays(tmp_path):
    path = tmp_path / "answers.sqlite"

    class Late(Upper):
        def answer(self, messages):
            with CachedEngine(Upper(), path) as other:
                other.answer(messages)
            return Answer("another one")

    with CachedEngine(Late(), path) as cached:
        assert cached.answer(ask("a")).text == cached.answer(ask("a")).text == "A"


def test_who_waits_hears_why_there_is_no_answer(tmp_path):
    engine = Slow()
    with CachedEngine(engine, tmp_path / "answers.sqlite") as cached, ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(cached.answer, ask("?")) for _ in range(4)]
        assert {str(one.exception()) for one in waiting} == {"why"} and engine.asked == ["?"]
        with pytest.raises(NoAnswer):
            cached.answer(ask("?"))  # is asked again
    assert engine.asked == ["?", "?"]


def test_what_broke_off_is_asked_again_at_another_limit(tmp_path):
    engine = Upper()
    for limit, asked in [(100, 2), (100, 2), (200, 3), (200, 3), (100, 3)]:
        with CachedEngine(engine, tmp_path / "answers.sqlite", max_tokens=limit) as cached:
            assert [cached.answer(ask(text)).text for text in ("a", "long")] == ["A", "LONG"]
        assert len(engine.asked) == asked


@pytest.mark.parametrize("content", [b"no database" * 100, b""])
def test_something_else_is_no_cache(tmp_path, content):
    path = tmp_path / "answers.sqlite"
    path.write_bytes(content)
    if not content:
        with sqlite3.connect(path) as file:
            file.execute("CREATE TABLE answers (other TEXT)")
        file.close()
    with pytest.raises(ValueError, match=r"M274.*answers\.sqlite"):
        CachedEngine(Upper(), path)


# What is spent


def test_a_budget_ends():
    class Counting(Upper):
        def answer(self, messages):
            return Answer("x", prompt_tokens=100, completion_tokens=10)

    spending = Spending(Counting(), budget=5.0, price_in=10_000.0, price_out=100_000.0)  # 2 for an answer
    for _ in range(3):
        spending.answer(ask("a"))
    with pytest.raises(BudgetSpent):
        spending.answer(ask("a"))
    assert spending.cost == pytest.approx(6.0)
    assert spending.describe() == "300 tokens read and 30 written, for 6.00"


def test_tokens_are_estimated():
    assert count_tokens(ask("仙台")) == 4 + 3 + 4 + 2  # "Translate." has ten letters
    spending = Spending(Upper())
    spending.answer(ask("仙台"))
    assert spending.describe() == "13 tokens read and 2 written"


def test_threads_are_counted():
    spending = Spending(Upper())
    threads = [threading.Thread(target=lambda: [spending.answer(ask("ab")) for _ in range(200)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert spending.completion_tokens == 1600
