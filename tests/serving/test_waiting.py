"""The queue: turns, limits, and texts that are dropped."""

import threading

import pytest

from spacy_mre.serving.answers import Form
from spacy_mre.serving.waiting import Caller, Item, Waiting


def make_items(texts):
    return [Item(text, Form(), None) for text in texts]


@pytest.fixture
def three():
    """A queue with a large request, which came first, and two small ones."""
    waiting, callers = Waiting(10), [Caller(), Caller(), Caller()]
    for caller, texts in zip(callers, ("abcd", "x", "yz")):
        assert waiting.put(caller, make_items(texts))
    return waiting, callers


def take_all(waiting):
    return "".join(iter(lambda: getattr(waiting.take(), "text", None), None))


def test_callers_take_turns(three):
    waiting, _ = three
    assert len(waiting) == 7
    assert take_all(waiting) == "axybzcd"
    assert len(waiting) == 0


def test_a_new_caller_comes_after_those_that_wait_for_a_turn(three):
    waiting, _ = three
    assert waiting.take().text == "a"
    waiting.put(Caller(), make_items("n"))
    assert take_all(waiting) == "xybnzcd"


def test_all_or_no_texts_are_added(three):
    waiting, callers = three
    assert not waiting.put(callers[1], make_items("1234"))
    assert waiting.put(callers[1], make_items("123"))
    assert not waiting.put(Caller(), make_items("4"))
    assert take_all(waiting) == "axyb1zc2d3"


def test_texts_that_have_not_begun_are_dropped(three):
    waiting, (large, small, _) = three
    waiting.take()
    assert (waiting.drop(large), waiting.drop(large), waiting.drop(small)) == (3, 0, 1)
    assert len(waiting) == 2
    assert take_all(waiting) == "yz"


def test_one_text_is_dropped(three):
    waiting, (large, *_) = three
    assert waiting.drop(large, [large.items[1]]) == 1
    assert take_all(waiting) == "axyczd"


def test_a_closed_queue_gives_what_it_has():
    waiting = Waiting(10)
    found = []
    thread = threading.Thread(target=lambda: found.append(waiting.wait()))
    thread.start()
    waiting.put(Caller(), make_items("a"))
    thread.join(10)
    waiting.close()
    assert not waiting.put(Caller(), make_items("b"))
    assert (found, waiting.wait(), take_all(waiting), waiting.wait()) == ([True], True, "a", False)


def test_there_is_room_for_so_many_characters():
    waiting, caller = Waiting(10, characters=5), Caller()
    assert waiting.put(caller, make_items(["abc"]))
    assert not waiting.put(Caller(), make_items(["xyz"]))
    assert waiting.put(caller, make_items(["xy"]))
    assert not waiting.put(caller, make_items("z"))
    assert waiting.take().text == "abc"
    assert waiting.put(Caller(), make_items(["123"]))
    waiting.drop(caller)
    assert waiting.put(Caller(), make_items(["45"])) and not waiting.put(Caller(), make_items("6"))
