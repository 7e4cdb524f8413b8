"""Batch files: what is written for a service, and what is read from it."""

import pytest

from spacy_mre.corpora import CorpusError
from spacy_mre.corpora.translation.cache import CachedEngine
from spacy_mre.corpora.translation.chat_completion import RESPONSE_FORMAT
from spacy_mre.corpora.translation.engine import Answer, NoAnswer
from spacy_mre.corpora.translation.kept_answers import KeptAnswers
from spacy_mre.corpora.translation.replay_engine import ReplayEngine, id_of, write_prompts
from tests.corpora.translation.batches import completion, line_of, read_lines, serve_batch, write_lines


def ask(text):
    return [{"role": "system", "content": "Translate."}, {"role": "user", "content": text}]


@pytest.fixture
def replay(tmp_path):
    """Make an engine that reads lines."""

    def make(*rows):
        write_lines(rows, tmp_path / "output.jsonl")
        return ReplayEngine(tmp_path / "output.jsonl")

    return make


def test_a_batch_file(tmp_path):
    path = tmp_path / "prompts.jsonl"
    assert write_prompts([ask("a"), ask("b"), ask("a")], path, "m", max_tokens=100) == 2
    first, second = read_lines(path)
    body = {"model": "m", "messages": ask("a"), "temperature": 0, "max_tokens": 100}
    body["response_format"] = RESPONSE_FORMAT
    assert first == {"custom_id": id_of(ask("a")), "method": "POST", "url": "/v1/chat/completions", "body": body}
    assert second["custom_id"] != first["custom_id"] and len(first["custom_id"]) <= 64


def test_there_and_back(tmp_path):
    write_prompts([ask("a"), ask("b")], tmp_path / "prompts.jsonl", "m")
    serve_batch(tmp_path / "prompts.jsonl", tmp_path / "output.jsonl", str.upper)
    engine = ReplayEngine(tmp_path / "output.jsonl")
    assert [engine.answer(ask(text)) for text in "ab"] == [
        Answer(text, prompt_tokens=10, completion_tokens=5) for text in "AB"
    ]
    assert engine.name == "m-2026" and engine.has(ask("a")) and not engine.has(ask("c"))
    other = [{"role": "system", "content": "Translate well."}, *ask("a")[1:]]
    with pytest.raises(NoAnswer, match=r"^not in the answers$"):
        engine.answer(other)


@pytest.mark.parametrize(
    "line, reason",
    [
        (
            {"error": {"code": "batch_expired", "message": "Not run in\n24 hours."}},
            "batch_expired: Not run in 24 hours.",
        ),
        ({"error": "gone"}, "error: gone"),
        ({"status": 429, "body": {"error": {"message": "Rate limit: 3"}}}, "429: Rate limit: 3"),
        ({"status": 500}, "500: no reason"),
        ({"status": 200, "body": {"choices": []}}, "no chat completion: the body has another form"),
    ],
)
def test_each_error_has_its_own_reason(replay, line, reason):
    engine = replay(line_of(id_of(ask("a")), **line))
    with pytest.raises(NoAnswer) as no_answer:
        engine.answer(ask("a"))
    assert str(no_answer.value) == reason and not engine.has(ask("a"))


def test_truncated_and_refused(replay):
    filtered = {"error": {"code": "content_filter", "message": "no"}}
    engine = replay(
        line_of(id_of(ask("a")), completion("A", finish_reason="length")),
        line_of(id_of(ask("b")), completion(None, finish_reason="content_filter")),
        line_of(id_of(ask("c")), filtered, status=400),
    )
    assert engine.answer(ask("a")).is_truncated
    assert engine.answer(ask("b")).is_refused and engine.answer(ask("c")).is_refused


def test_an_answer_counts_more_than_an_error(tmp_path):
    first, second = tmp_path / "errors.jsonl", tmp_path / "second.jsonl"
    write_lines([line_of(id_of(ask("a")), status=500)], first)
    write_lines([line_of(id_of(ask("a")), completion("A"))], second)
    for paths in ([first, second], [second, first]):
        assert ReplayEngine(*paths).answer(ask("a")).text == "A"


def test_a_whole_answer_replaces_one_that_was_cut_off(tmp_path):
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    write_lines([line_of(id_of(ask("a")), completion("It ra", finish_reason="length"))], first)
    write_lines([line_of(id_of(ask("a")), completion("It rains."))], second)
    for paths in ([first, second], [second, first]):
        engine = ReplayEngine(*paths)
        assert engine.answer(ask("a")).text == "It rains." and engine.has(ask("a"))


def test_what_was_cut_off_is_asked_again_at_a_higher_limit(replay, tmp_path):
    engine = replay(line_of(id_of(ask("a")), completion("It ra", finish_reason="length")))  # of 5 tokens
    assert not engine.has(ask("a")) and not engine.has(ask("a"), 6) and engine.has(ask("a"), 5)
    for limit, has in [(5, True), (6, False)]:
        with KeptAnswers(engine, cache=tmp_path / "none", max_tokens=limit) as kept:
            assert kept.has(ask("a")) is has and kept.answer(ask("a")).is_truncated


class Fixed:
    name = "m"

    def __init__(self, answer):
        self.answer = lambda messages: answer


@pytest.mark.parametrize("in_cache, used", [(Answer("whole"), "whole"), (Answer("cut", is_truncated=True), "It ra")])
def test_a_whole_answer_of_the_cache_counts_more_than_one_that_was_cut_off(replay, tmp_path, in_cache, used):
    engine = replay(
        line_of(id_of(ask("a")), completion("It ra", finish_reason="length")),
        line_of(id_of(ask("b")), completion("B")),
    )
    with CachedEngine(Fixed(in_cache), tmp_path / "cache", max_tokens=9) as cached:
        cached.answer(ask("a")), cached.answer(ask("b"))
    with KeptAnswers(engine, model="m", cache=tmp_path / "cache", max_tokens=9) as kept:
        assert kept.answer(ask("a")).text == used and kept.answer(ask("b")).text == "B"
        assert kept.has(ask("a"))


def test_options_that_a_model_does_not_take_are_left_out_of_the_next_batch(replay, tmp_path):
    told = "Unsupported value: 'temperature' does not support 0 with this model."
    engine = replay(line_of(id_of(ask("a")), {"error": {"message": told}}, status=400))
    write_prompts([ask("a")], tmp_path / "second.jsonl", "m", left_out=engine.left_out)
    (row,) = read_lines(tmp_path / "second.jsonl")
    assert "temperature" not in row["body"] and "response_format" in row["body"]


def test_what_is_no_batch(replay):
    for row, message in [
        ({"prompt": "a", "answer": "A"}, "the key 'custom_id' is missing"),
        ({"custom_id": "a", "response": None, "error": None}, "'response' must be of type dict"),
        ({"custom_id": "a", "response": {"body": {}}}, "the key 'status_code' is missing"),
    ]:
        with pytest.raises(CorpusError, match=rf"line 1.*{message}"):
            replay(row)
    with pytest.raises(CorpusError, match=r"line 2.*another answer"):
        replay(*[line_of("a", completion(text)) for text in "AB"])
    assert replay(*[line_of("a", completion("A"))] * 2).name == "m-2026"
