"""The endpoints: values and status codes."""

import pytest
import spacy

from spacy_mre.annotations.entities import set_entities
from spacy_mre.annotations.relations import make_relation, set_relations
from tests.serving.running import in_thread, wait_until
from tests.serving.studio.finder import FOUND, IDA, LIMA, TEXT

TEXTS = (TEXT, "Tom saw Oslo.", "It rained.", "😀 Ida fail", "Tom perhaps met Ida.")


def test_state(begin, finder):
    state = begin(*TEXTS).get("state")
    counts = {"total": 5, "open": 5, "accepted": 0, "corrected": 0, "rejected": 0, "skipped": 0}
    progress = {**counts, "agreement": None, "other": {"agreement": None, "texts": 0}, "undo": None}
    assert state["model"] == {"name": "en_finder", "lang": "en", "version": "1.0.0"}
    assert state["labels"] == {
        "entities": ["person", "place", "site"],
        "relations": ["lives_in", "works_in"],
        "cats": ["people", "travel"],
        "exclusive_cats": True,
        "cats_threshold": 0.5,
    }
    assert (state["other"], state["progress"], state["order"]) == (None, progress, "file")
    assert state["orders"] == ["file", "uncertain"]


def test_the_page(begin):
    from tests.serving.running import ask

    running = begin().running
    assert ask(running, "GET", "/")[0] == 200
    assert ask(running, "GET", "/static/../app.py")[0] == 404
    assert ask(running, "GET", "/static/%2e%2e/app.py")[0] == 404
    assert ask(running, "GET", "/openapi.json")[0] == 404


def test_an_item(begin):
    item = begin((TEXT, "one")).item()
    assert (item["id"], item["text"], item["status"], item["version"]) == ("one", TEXT, "open", 0)
    assert (item["gold"], item["other"], item["error"]) == (None, None, None)
    ida, lima = item["predicted"]["entities"]
    assert (ida["text"], lima["start"], lima["end"]) == ("Ida", 13, 17)
    assert ida["score"] == pytest.approx(0.99) and item["predicted"]["cats"] == {"people": 0.1, "travel": 0.9}


def test_a_text_that_fails(begin):
    studio = begin(*TEXTS)
    item = studio.item(3)
    assert (item["predicted"], item["error"]) == (None, "ValueError: this text fails")
    status, answer = studio.save(item, {"entities": [{"start": 2, "end": 5, "label": "person"}]})
    assert (status, answer["item"]["status"]) == (200, "corrected")
    assert answer["item"]["gold"]["entities"][0]["text"] == "Ida"  # offsets are characters


def test_save_what_was_found(begin):
    studio = begin(*TEXTS)
    status, answer = studio.save(studio.item(), FOUND)
    assert (status, answer["item"]["status"], answer["item"]["version"]) == (200, "accepted", 1)
    assert answer["next"] == studio.listed()[1]
    assert (answer["progress"]["accepted"], answer["progress"]["agreement"]) == (1, 1.0)
    # The scores may stay, and the label of the text may be a list.
    item = studio.item(1)
    found = {**item["predicted"], "cats": ["travel"]}
    assert studio.save(item, found)[1]["item"]["status"] == "accepted"


def test_save_what_was_corrected(begin):
    studio = begin(*TEXTS)
    _, answer = studio.save(studio.item(), {**FOUND, "entities": [IDA, {**LIMA, "label": "site"}]})
    assert answer["item"]["status"] == "corrected"
    assert answer["item"]["gold"]["entities"] == [{**IDA, "text": "Ida"}, {**LIMA, "label": "site", "text": "Lima"}]
    assert answer["progress"]["agreement"] == 0.5


def test_skip_and_reject(begin):
    studio = begin(*TEXTS)
    keys = studio.listed()
    assert studio.decide(studio.item(0), "skip")["item"]["status"] == "skipped"
    answer = studio.decide(studio.item(1), "reject")
    assert (answer["item"]["status"], answer["item"]["gold"], answer["next"]) == ("rejected", None, keys[2])
    assert studio.listed(status="open") == keys[2:]
    assert studio.listed(status="rejected") == [keys[1]]


def test_next(begin):
    studio = begin(*TEXTS)
    keys = studio.listed()
    assert studio.get("next")["key"] == keys[0]
    assert studio.get(f"next?after={keys[1]}")["key"] == keys[2]
    studio.decide(studio.item(0), "skip")
    assert studio.get(f"next?after={keys[4]}")["key"] == keys[1]  # from the start again
    for number in (1, 2, 3):
        studio.decide(studio.item(number), "skip")
    assert studio.get(f"next?after={keys[0]}")["key"] == keys[4]
    assert studio.get(f"next?after={keys[4]}")["key"] is None


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"entities": [IDA, {**LIMA, "end": 99}]}, "entity 1 is outside the text, or empty: 13 to 99"),
        ({"entities": [{**IDA, "start": -1}, LIMA]}, "entity 0 is outside the text, or empty: -1 to 3"),
        ({"entities": [{**IDA, "start": 3}, LIMA]}, "entity 0 is outside the text, or empty: 3 to 3"),
        ({"entities": [{**IDA, "start": 3, "end": 4}, LIMA]}, "entity 0 has nothing but white space"),
        ({"entities": [IDA, {**LIMA, "label": "x"}]}, "entity 1 has an unknown label; there are: person, place, site"),
        ({"entities": [IDA, LIMA, IDA]}, "the same entity is there twice"),
        ({"entities": [{**IDA, "start": "0"}]}, "analysis.entities.0.start: Input should be a valid integer"),
        ({"relations": [{"head": 0, "tail": 2, "label": "lives_in"}]}, "relation 0: there are 2 entities, no 0 or 2"),
        ({"relations": [{"head": -1, "tail": 0, "label": "lives_in"}]}, "relation 0: there are 2 entities, no -1 or 0"),
        ({"relations": [{"head": 1, "tail": 1, "label": "lives_in"}]}, "relation 0 joins an entity with itself"),
        (
            {"relations": [{"head": 0, "tail": 1, "label": "x"}]},
            "relation 0 has an unknown label; there are: lives_in, works_in",
        ),
        ({"relations": FOUND["relations"] * 2}, "the same relation is there twice"),
        ({"cats": {"people": 1.0, "travel": 1.0}}, "a text has exactly one text label, not 2"),
        ({"cats": {}}, "a text has exactly one text label, not 0"),
        ({"cats": ["travel", "travel"]}, "the same text label is there twice"),
        ({"cats": {"x": 1.0}}, "the text has an unknown label; there are: people, travel"),
        ({"more": 1}, "analysis.more: Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_saved(begin, change, reason):
    studio = begin(TEXT)
    status, answer = studio.save(studio.item(), {**FOUND, **change})
    assert (status, answer) == (422, {"error": reason})
    assert studio.lines() == [] and studio.item()["version"] == 0


def test_several_text_labels(begin, tmp_path):
    from tests.serving.studio.finder import save_finder

    studio = begin(TEXT, model=save_finder(tmp_path, multi_label=True))
    assert not studio.get("state")["labels"]["exclusive_cats"]
    for number, cats in enumerate(({"people": True, "travel": True}, {})):
        status, answer = studio.save(studio.item(), {**FOUND, "cats": cats})
        assert (status, answer["item"]["version"]) == (200, number + 1)
        assert set(answer["item"]["gold"]["cats"].values()) == {1.0 if cats else 0.0}


def test_labels_that_no_component_tells(begin, tmp_path):
    """What was found can be saved."""

    @spacy.Language.component("test_app_untold")
    def find(doc):
        set_entities(doc, [(0, 1, "hero", 1.0), (3, 4, "land", 1.0)])
        set_relations(doc, [make_relation((0, 1), (3, 4), "rules", head_label="hero", tail_label="land")])
        doc.cats = {"saga": 0.9, "news": 0.1}
        return doc

    nlp = spacy.blank("en")
    nlp.add_pipe("test_app_untold")
    nlp.to_disk(tmp_path / "untold")
    studio = begin(TEXT, model=str(tmp_path / "untold"))
    assert studio.get("state")["labels"]["entities"] == []
    item = studio.item()
    status, answer = studio.save(item, item["predicted"])
    assert (status, answer["item"]["status"]) == (200, "accepted")
    assert answer["item"]["gold"]["cats"] == {"saga": 1.0, "news": 0.0}
    assert studio.save(item, item["predicted"])[0] == 200 and len(studio.lines()) == 1  # its answer was lost
    entities = [{**IDA, "label": "land"}]
    assert studio.save(studio.item(), {"entities": entities, "cats": {"news": 1.0}})[0] == 200
    unknown = {**IDA, "label": "person"}
    expected = {"error": "entity 0 has an unknown label; there are: hero, land"}
    assert studio.save(studio.item(), {"entities": [unknown]}) == (422, expected)


def test_another_body(begin):
    studio = begin(TEXT)
    path = f"items/{studio.item()['key']}"
    assert studio.ask("POST", path, {"version": 0, "decision": "save"}) == (422, {"error": "analysis: it is missing"})
    assert studio.ask("POST", path, {"version": 0, "decision": "x"})[0] == 422
    assert studio.ask("POST", path, b"{")[0] == 422
    assert studio.ask("POST", "items/1", {"version": 0, "decision": "skip"})[0] == 404
    assert studio.ask("GET", "items/x")[0] == 422
    assert studio.ask("GET", "items/1")[0] == 404
    assert studio.ask("GET", "items?offset=-1")[0] == 422
    assert studio.ask("POST", "order", {"order": "x"}) == (422, {"error": "order: expected one of: file, uncertain"})


def test_two_tabs(begin):
    studio = begin(*TEXTS)
    in_both = studio.item()
    assert studio.save(in_both, FOUND)[0] == 200
    status, answer = studio.save(in_both, {**FOUND, "relations": []})
    assert status == 409
    assert answer["item"]["status"] == "accepted" and answer["item"]["version"] == 1
    assert len(studio.lines()) == 1
    assert studio.save(answer["item"], {**FOUND, "relations": []})[0] == 200


def test_saves_at_the_same_time(begin):
    studio = begin(TEXT)
    item = studio.item()
    analyses = [{**FOUND, "entities": [IDA, {**LIMA, "end": 14 + number}], "relations": []} for number in range(5)]
    answers = [in_thread(studio.save, item, analysis) for analysis in analyses]
    assert sorted(answer.result(20)[0] for answer in answers) == [200] + [409] * 4
    assert len(studio.lines()) == 1


def test_undo(begin):
    studio = begin(*TEXTS)
    none = {"error": "there is no decision to take back"}
    assert studio.get("state")["progress"]["undo"] is None
    assert studio.ask("POST", f"items/{studio.item()['key']}", {"version": 0, "decision": "undo"}) == (422, none)
    studio.save(studio.item(0), FOUND)
    studio.save(studio.item(0), {**FOUND, "relations": []})
    studio.decide(studio.item(1), "skip")
    answer = studio.undo()
    assert (answer["item"]["text"], answer["item"]["status"], answer["item"]["version"]) == (TEXTS[1], "open", 2)
    answer = studio.decide(studio.item(0), "undo")
    assert (answer["item"]["status"], answer["item"]["gold"]["relations"]) == ("accepted", FOUND["relations"])
    assert answer["progress"]["accepted"] == 1
    studio.undo()
    body = {"version": 4, "decision": "undo"}
    assert studio.ask("POST", f"items/{studio.listed()[0]}", body) == (422, none)
    assert [line["decision"] for line in studio.lines()] == ["save", "save", "skip", "undo", "undo", "undo"]
    assert [line["status"] for line in studio.lines()][3:] == ["open", "accepted", "open"]


def test_what_another_tab_decided_is_not_taken_back(begin):
    studio = begin(*TEXTS)
    studio.decide(studio.item(0), "skip")
    path, body = studio.undo_request()
    assert studio.save(studio.item(0), FOUND)[0] == 200
    status, answer = studio.ask("POST", path, body)
    assert (status, answer["item"]["status"], answer["item"]["version"]) == (409, "accepted", 2)
    assert [line["decision"] for line in studio.lines()] == ["skip", "save"]


@pytest.mark.parametrize("decision", ["save", "skip", "reject", "undo"])
@pytest.mark.parametrize("is_started_again", [False, True])
def test_a_request_whose_answer_was_lost_is_repeated(begin, decision, is_started_again):
    studio = begin(*TEXTS)
    studio.save(studio.item(0), {**FOUND, "relations": []})
    studio.save(studio.item(1), {**studio.item(1)["predicted"], "relations": []})
    item = studio.item(1)
    body = {"version": 1, "model": item["model"], "decision": decision}
    if decision == "save":
        body["analysis"] = {**item["predicted"], "cats": ["people"]}
    first = studio.post(f"items/{item['key']}", body)
    if is_started_again:
        studio.stop()
        studio = begin(*TEXTS)
    again = studio.post(f"items/{item['key']}", body)
    assert again == first and len(studio.lines()) == 3
    assert studio.item(0)["status"] == "corrected"
    # Another decision about the version is still refused.
    other = {"version": 1, "decision": "save", "analysis": {**FOUND, "entities": [], "relations": []}}
    assert studio.ask("POST", f"items/{item['key']}", other)[0] == 409


def test_search(begin):
    studio = begin(*TEXTS)
    keys = studio.listed()
    wait_until(lambda: all(text.is_asked for text in studio.desk.texts))
    assert studio.listed(text="Ida") == [keys[0], keys[3], keys[4]]
    assert studio.listed(text="%F0%9F%98%80") == [keys[3]]
    assert studio.listed(label="place") == keys[:2]
    assert studio.listed(label="lives_in") == keys[:2]
    assert studio.listed(label="people") == [keys[2], keys[4]]
    studio.save(studio.item(0), {"entities": [{**LIMA, "label": "site"}], "relations": [], "cats": ["people"]})
    assert studio.listed(label="site") == [keys[0]] and studio.listed(label="place") == [keys[1]]
    found = studio.get("items?offset=1&limit=2&text=I")
    assert (found["total"], [row["key"] for row in found["items"]]) == (4, [keys[2], keys[3]])
    assert found["items"][0]["start"] == "It rained."


def test_a_typed_text(begin):
    studio = begin(TEXT)
    key = studio.post("texts", {"text": "Tom saw Oslo."})["key"]
    assert studio.post("texts", {"text": "Tom saw Oslo."})["key"] == key
    assert studio.get(f"items/{key}")["predicted"]["entities"][0]["text"] == "Tom"
    assert studio.ask("POST", "texts", {"text": " \n"}) == (422, {"error": "the text is empty"})
    assert studio.ask("POST", "texts", {"text": "\ud83d"})[0] == 422
    studio.stop()
    again = begin(TEXT)
    assert len(again.listed()) == 2 and again.get(f"items/{key}")["text"] == "Tom saw Oslo."
