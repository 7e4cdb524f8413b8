"""Many clients at the same time get the answers that they would get alone."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from spacy_mre.scale.analysis import make_reader
from tests.conftest import TEXTS

THREADS = 16
WORDS = ["Ida", "Lima", "rain", "in", "😀", "."]
JAPANESE = {"nlp": {"tokenizer": {"@tokenizers": "spacy_mre.JapaneseTokenizer.v1"}}}


def ask_at_the_same_time(client, asked):
    """RETURNS (list[Any]): The answers of each of some lists of requests, each list in a thread of its own."""
    with ThreadPoolExecutor(len(asked)) as pool:
        return list(pool.map(lambda requests: [client.analyse(texts) for texts in requests], asked))


def test_sixteen_threads(start, make_fast_nlp):
    rng = random.Random(0)
    texts = [" ".join(rng.choices(WORDS, k=rng.randint(0, 5))) for _ in range(300)]
    nlp, read = make_fast_nlp(), make_reader("entities")
    alone = {text: read(0, nlp(text)) for text in texts}
    asked = [[rng.choices(texts, k=rng.choice((1, 1, 1, 3))) for _ in range(200)] for _ in range(THREADS)]
    running = start(nlp)
    answers = ask_at_the_same_time(running.client(), asked)
    wrong = sum(
        answer != [alone[text] for text in request]
        for requests, of_thread in zip(asked, answers)
        for request, answer in zip(requests, of_thread)
    )
    assert wrong == 0
    assert len(nlp.spy.batches) < THREADS * 200
    assert sum(map(len, nlp.spy.batches)) == sum(len(request) for requests in asked for request in requests)


def test_japanese_from_sixteen_threads(start, make_fast_nlp):
    pytest.importorskip("sudachipy")
    patterns = [{"label": "place", "pattern": "大阪"}, {"label": "person", "pattern": "高橋"}]
    texts = ["高橋は大阪に住む。", "選挙管理委員会は大阪にある。", "😀高橋が走る。", "", "雨。"]
    running = start(make_fast_nlp("ja", patterns, **JAPANESE))
    other = make_fast_nlp("ja", patterns, **JAPANESE)
    read = make_reader("entities")
    alone = [read(0, other(text)) for text in texts]
    assert [len(each["entities"]) for each in alone] == [2, 1, 1, 0, 0]
    answers = ask_at_the_same_time(running.client(), [[texts] * 5] * THREADS)
    assert answers == [[alone] * 5] * THREADS


def test_a_trained_pipeline(start, make_nlp, make_examples, fit):
    """With nested entities and relations, whose scores depend on the batch in the last digits only."""
    nlp = make_nlp()
    fit(nlp, make_examples(nlp))
    texts = [words for words, *_ in TEXTS]
    running = start(nlp)
    client = running.client()
    found = client.analyse(texts)
    for (_, entities, relations, _), analysis in zip(TEXTS, found):
        assert len(analysis["entities"]) == len(entities)
        heads = [(each["head"], each["tail"], each["label"]) for each in analysis["relations"]]
        assert sorted(heads) == sorted(relations)
    assert [each["text"] for each in found[2]["entities"]] == ["the port of Oslo", "Oslo", "Lima"]
    labels = client.labels()["demo"]
    assert labels["entities"] == ["person", "place", "site"]
    assert labels["relations"] == ["friend", "lives_in", "part_of", "works_in"]
    for of_thread in ask_at_the_same_time(client, [[[text] for text in texts]] * 4):
        for expected, (analysis,) in zip(found, of_thread):
            assert analysis == approx(expected)


def approx(value):
    """The same values, with numbers that may differ in the last digits."""
    if isinstance(value, dict):
        return {name: approx(each) for name, each in value.items()}
    if isinstance(value, list):
        return [approx(each) for each in value]
    return pytest.approx(value, abs=1e-4) if isinstance(value, float) else value
