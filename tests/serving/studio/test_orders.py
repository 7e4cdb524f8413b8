"""Which texts come first."""

import time
from collections import Counter

import pytest

from spacy_mre.serving.studio.analyst import AHEAD
from spacy_mre.serving.studio.comparing import Cats, find_names
from spacy_mre.serving.studio.orders import arrange, find_uncertainty
from spacy_mre.serving.studio.texts import Text
from tests.serving.running import wait_until
from tests.serving.studio.finder import FOUND, TEXT, save_finder

CATS = Cats()


def analysis(*names, relations=(), cats=None):
    entities = [{"start": 0, "end": 1, "label": "person", "text": name, "score": score} for name, score in names]
    return {"entities": entities, "relations": [{"score": score} for score in relations], "cats": cats}


def make_texts(*found):
    texts = [Text(number, f"text {number}", predicted=one) for number, one in enumerate(found)]
    for text in texts:
        if text.predicted is not None:
            text.uncertainty = find_uncertainty(text.predicted, CATS)
    return texts


def keys(texts, order, cats=CATS):
    decided = [text for text in texts if text.status != "open"]
    seen = Counter(find_names(text.gold or text.predicted) for text in decided)
    return [text.key for text in arrange([text for text in texts if text not in decided], seen, order, cats)]


@pytest.mark.parametrize(
    "found, uncertainty, with_several",
    [
        (analysis(), 0.0, 0.0),
        (analysis(("Ida", 1.0)), 0.0, 0.0),
        (analysis(("Ida", 0.9), ("Tom", 0.6)), 0.8, 0.8),
        (analysis(("Ida", 0.9), ("Tom", 0.4)), 0.8, 0.8),  # below 0.5, with a lower threshold
        (analysis(("Ida", 0.9), relations=[0.5]), 1.0, 1.0),
        (analysis(("Ida", 0.9), cats={"a": 0.5, "b": 0.4, "c": 0.1}), 0.9, 1.0),
        (analysis(cats={"a": 0.2}), 0.0, 0.4),
        ({"entities": None, "relations": None, "cats": None}, 0.0, 0.0),
    ],
)
def test_uncertainty(found, uncertainty, with_several):
    assert find_uncertainty(found, CATS) == pytest.approx(uncertainty)
    assert find_uncertainty(found, Cats(True)) == pytest.approx(with_several)


def test_uncertain_texts_come_first():
    texts = make_texts(analysis(("Ida", 0.9)), analysis(("Tom", 0.6)), None, analysis(("Bo", 0.7)))
    assert keys(texts, "uncertain") == [1, 3, 0, 2]


def test_texts_with_the_same_names_come_later():
    ida = [analysis(("Ida", score)) for score in (0.6, 0.55, 0.5)]
    texts = make_texts(*ida, analysis(("Tom", 0.8)), analysis(), analysis(), analysis(("Tom", 0.9), ("Ida", 0.99)))
    assert keys(texts, "uncertain") == [2, 3, 6, 4, 5, 1, 0]
    # Names of a text that was decided count as seen.
    texts[3].decisions.append({"status": "accepted", **analysis(("Ida", 1.0))})
    assert keys(texts, "uncertain") == [6, 4, 5, 2, 1, 0]


def test_texts_on_which_two_pipelines_disagree_come_first():
    first = [{**analysis(("Ida", 0.9)), "relations": None} for _ in range(4)]
    texts = make_texts(*first)
    other = {**analysis(("Ida", 0.5), ("Tom", 0.9)), "relations": None}
    other["entities"][1] |= {"start": 4, "end": 5}
    texts[0].other, texts[1].other = first[0], other
    texts[2].other = {**analysis(), "relations": None}
    assert keys(texts, "disagreement") == [2, 1, 0, 3]


def test_disagreement_of_pipelines(begin, tmp_path):
    other = save_finder(tmp_path, "other", missed=["Tom", "Lima"])
    studio = begin(TEXT, "Ida rests.", "Tom rests.", "Tom saw Lima.", "It rained.", other=other)
    state = studio.get("state")
    assert (state["other"], state["orders"]) == ("en_other", ["file", "uncertain", "disagreement"])
    by_file = studio.listed()
    item = studio.get(f"items/{by_file[0]}")
    assert [one["text"] for one in item["other"]["entities"]] == ["Ida"] and item["predicted"]["relations"]
    # Both have answered: the second pipeline is asked first.
    wait_until(lambda: all(text.is_asked and text.is_other_asked for text in studio.desk.texts))
    studio.post("order", {"order": "disagreement"})
    shown = [studio.get(f"items/{key}")["text"] for key in studio.listed()]
    assert shown == ["Tom saw Lima.", TEXT, "Tom rests.", "Ida rests.", "It rained."]
    assert studio.get("next")["key"] == by_file[3]


def test_texts_of_an_earlier_run_are_given_to_the_second_pipeline(begin, tmp_path):
    texts = (TEXT, "Tom saw Oslo.", "It rained.", "Ida met Tom.")
    studio = begin(*texts)
    studio.save(studio.item(0), FOUND)
    studio.save(studio.item(1), {**studio.item(1)["predicted"], "entities": [], "relations": []})
    studio.decide(studio.item(2), "skip")
    assert studio.get("state")["progress"]["other"] == {"agreement": None, "texts": 0}
    studio.stop()
    again = begin(texts[3], other=save_finder(tmp_path, "other", missed=["Lima", "Oslo"]))
    wait_until(lambda: again.get("state")["progress"]["other"]["texts"] == 2)
    # Ida was saved, Lima was missed, and Tom was not saved.
    assert again.get("state")["progress"]["other"]["agreement"] == 0.5
    first = again.get(f"items/{again.desk.texts.add(TEXT).key}")
    assert [one["text"] for one in first["other"]["entities"]] == ["Ida"]
    assert first["predicted"]["entities"][1]["text"] == "Lima"  # as it was when it was saved
    # One that was skipped is given to it when it is opened; one that is saved now counts too.
    skipped = again.get(f"items/{again.desk.texts.add(texts[2]).key}")
    assert skipped["other"]["entities"] == []
    assert again.save(again.item(0), again.item(0)["predicted"])[1]["progress"]["other"]["texts"] == 3


def test_next_in_the_order_of_uncertainty(begin):
    studio = begin(TEXT, "Ida rests.", "Tom perhaps met Ida.", "It rained.")
    wait_until(lambda: all(text.is_asked for text in studio.desk.texts))
    keys = studio.listed()
    assert studio.post("order", {"order": "uncertain"})["open"] == 4
    ranked = studio.listed()
    assert ranked[0] == keys[2] and studio.get("state")["order"] == "uncertain"
    rows = studio.get("items")["items"]
    assert [row["uncertainty"] for row in rows] == sorted((row["uncertainty"] for row in rows), reverse=True)
    answer = studio.decide(studio.get(f"items/{ranked[0]}"), "skip")
    assert answer["next"] == ranked[1]
    assert studio.get(f"next?after={ranked[1]}")["key"] == ranked[2]
    assert studio.get(f"next?after={ranked[3]}")["key"] == ranked[1]


def test_only_some_hundred_texts_are_analysed_ahead(begin):
    studio = begin(*(f"Ida saw {number}." for number in range(AHEAD + 100)))

    def count():
        return sum(text.is_asked for text in studio.desk.texts)

    wait_until(lambda: count() >= AHEAD)
    time.sleep(0.5)
    assert count() == AHEAD
    # One that is opened is analysed at once, and those that are decided are followed by others.
    last = studio.listed()[-1]
    assert studio.get(f"items/{last}")["predicted"]["entities"]
    found = {"entities": [], "relations": [], "cats": ["people"]}
    for number in range(5):
        assert studio.save(studio.item(number), found)[0] == 200
    wait_until(lambda: count() == AHEAD + 5)


def test_a_large_queue_is_fast(begin):
    """No request looks at all texts, but a search."""
    studio = begin(*(f"Ida saw {number}." for number in range(100_000)))
    for order in ("file", "uncertain"):
        studio.post("order", {"order": order})
        started = time.perf_counter()
        for _ in range(20):
            key = studio.get("next")["key"]
            studio.decide(studio.get(f"items/{key}"), "skip")
            studio.get("items?limit=50")
        assert time.perf_counter() - started < 4
    assert studio.get("state")["progress"]["skipped"] == 40
