"""Sums that are kept up to date are those of a full count."""

import random
from collections import Counter

import pytest

from spacy_mre.serving.studio.comparing import Cats, entity_items, f1, find_names
from spacy_mre.serving.studio.gold import SAVED, Gold, is_decision
from spacy_mre.serving.studio.journal import Journal
from spacy_mre.serving.studio.texts import Texts
from tests.serving.running import wait_until
from tests.serving.studio.finder import save_finder

MODELS = [{"name": "en_demo", "lang": "en", "version": version} for version in ("1.0.0", "1.0.0+studio.1")]
NAMES = ("Ida", "Tom", "Bo")


def count(texts, model):
    """RETURNS (tuple): The F1 of a pipeline, that of the second one with its texts, and the names, from all texts."""
    decided = [text for text in texts if text.decisions]
    saved = [(text.decisions[-1], text.other) for text in decided if text.status in SAVED]
    first = [
        (entity_items(line["predicted"]), entity_items(line))
        for line, _ in saved
        if line["predicted"] and line["model"] == model and line["version"] == 1
    ]
    others = [(entity_items(other), entity_items(line)) for line, other in saved if other is not None]
    return f1(first), f1(others), len(others), Counter(find_names(text.gold or text.predicted) for text in decided)


def read(tally, model):
    return tally.of_model(model).f1, tally.other.f1, tally.other.pairs, tally.names


@pytest.fixture
def open_gold(tmp_path):
    """Opens the gold file, as at the start of a run."""
    opened = []

    def begin():
        for journal in opened:
            journal.close()
        opened[:] = [Journal(tmp_path / "gold.jsonl", is_decision)]
        texts = Texts()
        gold = Gold(opened[0], texts)
        for number in range(60):
            texts.add(f"text number {number}")
        return gold, texts

    yield begin
    for journal in opened:
        journal.close()


def make_analysis(chance):
    names = chance.sample(NAMES, chance.randrange(4))
    entities = [{"start": at, "end": at + 3, "label": "person", "text": name} for at, name in enumerate(names)]
    return {"entities": chance.choice([entities] * 5 + [None]), "relations": None, "cats": None}


def change(chance, gold, text, model):
    """A person decides, or a pipeline answers, as it may at any time."""
    step = chance.random()
    if step < 0.6 and text.predicted is None:
        text.predicted, text.model = make_analysis(chance), model
        gold.tally.update(text)
    elif step < 0.4 and text.other is None:
        text.other = make_analysis(chance)
        gold.tally.update(text)
    elif step < 0.65 and text.decisions:
        gold.undo(text)
        if text.status == "open":
            text.forget()
    else:
        decision = chance.choice(["save", "save", "save", "skip", "reject"])
        analysis = chance.choice([text.predicted, make_analysis(chance)]) or make_analysis(chance)
        gold.decide(text, decision, analysis if decision == "save" else None, Cats())


@pytest.mark.parametrize("seed", range(5))
def test_random_decisions(open_gold, seed):
    chance, scores = random.Random(seed), set()
    for run in range(3):
        gold, texts = open_gold()
        for _ in range(150):
            change(chance, gold, chance.choice(list(texts)), MODELS[run % 2])
            for model in MODELS:
                found = read(gold.tally, model)
                assert found == count(texts, model)
                scores.add(found[:2])
    assert all(len(set(each)) > 3 for each in zip(*scores))  # not only none and all
    gold, _ = open_gold()
    while gold.last is not None:
        gold.undo(gold.last)
    for model in MODELS:
        assert read(gold.tally, model) == (None, None, 0, Counter())


def test_the_page_shows_the_same(begin, tmp_path):
    """And no decision looks at all texts that were saved."""
    studio = begin(
        *(f"{name} met {other}, {number}." for number, (name, other) in enumerate([NAMES[:2], NAMES[1:]] * 4)),
        other=save_finder(tmp_path, "other", missed=["Tom"]),
    )
    desk, chance = studio.desk, random.Random(0)
    wait_until(lambda: all(text.is_asked and text.is_other_asked for text in desk.texts))
    studio.post("order", {"order": "uncertain"})
    desk.gold.decided = desk.gold.saved = None
    for step in range(20):
        item = studio.get(f"items/{chance.choice(studio.listed())}")
        found = {**item["predicted"], "entities": item["predicted"]["entities"][: chance.randrange(3)], "relations": []}
        if item["status"] != "open" and step % 3 == 0:
            progress = studio.decide(item, "undo")["progress"]
        else:
            progress = studio.save(item, found)[1]["progress"]
        first, other, texts, names = count(desk.texts, desk.model.as_json())
        assert (progress["agreement"], progress["other"]) == (first, {"agreement": other, "texts": texts})
        assert desk.gold.tally.names == names
    assert first is not None and other is not None
