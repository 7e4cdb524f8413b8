"""Templates, and tasks made from them."""

import json

import pytest

from spacy_mre.annotations.entities import TASK_GROUPS
from spacy_mre.pipeline.generative.formats import (
    Analysis,
    ArgumentText,
    EntityText,
    EventText,
    RelationText,
    Task,
    template_names,
)
from spacy_mre.pipeline.generative.formats.task import LANGUAGES, get_template, load_templates

WITH_LABELS = [name for name in template_names() if name != "TCONER"]


def test_every_language_has_the_same_templates():
    assert set(template_names()) == {
        "SCNM",
        "SCPOS:RW",
        "SCPOS:Adj&N",
        "SCPOS:Adj",
        "SCPOS:N",
        "TCREE:RE",
        "TCREE:EE",
        "TCONER",
    }
    for name in template_names():
        shapes = [
            (
                list(template["classes"]),
                list(template["labels"]),
                list(template.get("roles", ())),
                template["word_level"],
            )
            for template in (load_templates(language)[name] for language in LANGUAGES)
        ]
        assert shapes[0] == shapes[1] == shapes[2]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", WITH_LABELS)
def test_every_template_is_a_task(name, language):
    task = Task.of_template(name, language)
    assert Task.from_dict(json.loads(json.dumps(task.to_dict()))) == task
    # The tasks of a language differ in their words.
    words = [get_template(other, language)["task_word"] for other in template_names()]
    assert len(set(words)) == len(words)


def test_published_words():
    ja = Task.of_template("SCNM", "ja")
    assert list(ja.classes.values()) == ["社会", "文芸", "学問", "技術", "自然"]
    assert list(ja.labels.values()) == [
        "人名",
        "法人名",
        "政治的組織名",
        "その他の組織名",
        "地名",
        "施設名",
        "製品名",
        "イベント名",
    ]
    assert (ja.prompt_word, ja.none_word) == ("固有表現抽出", "無い")
    words = [get_template(name, "en")["task_word"] for name in template_names() if name != "TCONER"]
    assert words == [
        "NER",
        "Sentiment Relation Word",
        "Sentiment Adj and N",
        "Sentiment Adj",
        "Sentiment N",
        "Relation Extraction",
        "Event Extraction",
    ]


def test_labels_of_a_corpus():
    task = Task.of_labels("SCNM", "ja", ["nature", "weather"], ["person", "船名"])
    assert task.classes == {"nature": "自然", "weather": "weather"}
    assert task.labels == {"person": "人名", "船名": "船名"}
    assert Task.of_labels("SCNM", "en", [], ["x"]).classes == {}
    assert get_template("SCNM", "ja")["labels"]["person"] == "人名"  # of_labels took nothing out of the template


def test_gold_with_labels_that_nobody_foresaw():
    task = Task.of_labels("SCNM", "en", ["a"], ["b"])
    assert task.extended([Analysis("a", (EntityText("b", "x"),)), Analysis(None, None)]) is task
    more = task.extended([Analysis("c", (EntityText("d", "x"),))])
    assert (more.classes, more.labels) == ({"a": "a", "c": "c"}, {"b": "b", "d": "d"})
    odd = task.extended([Analysis("", tuple(EntityText(label, "x") for label in ("", " ", "None", "b ")))])
    assert odd.classes == {"a": "a", "": "'"}
    assert odd.labels == {"b": "b", "": "'", " ": "''", "None": "None'", "b ": "b'"}
    only_words = Task.of_labels("SCNM", "en", [], ["b"])
    assert only_words.extended([Analysis("c", ())]) is only_words
    events = Task.of_labels("TCREE:EE", "en", [], ["merger"], ["time"])
    new = events.extended([Analysis(None, (EventText("race", "ran", (ArgumentText("winner", "Ida"),)),))])
    assert (list(new.labels), new.roles) == (["merger", "race"], {"time": "time", "winner": "winner"})


def test_what_a_task_asks_for():
    both, text, words = (Task.of_labels("SCNM", "en", *labels) for labels in (("a", "b"), ("a", ""), ("", "b")))
    assert [task.complete(Analysis("a", None)) for task in (both, text, words)] == [False, True, False]
    assert [task.complete(Analysis(None, ())) for task in (both, text, words)] == [False, False, True]
    relations = Task.of_labels("TCREE:RE", "en", [], ["b"])
    assert relations.can_write(RelationText("x", "b", "y")) and not relations.can_write(EntityText("b", "x"))
    assert words.can_write(EntityText("b", "x")) and not words.can_write(RelationText("x", "b", "y"))


@pytest.mark.parametrize(
    "make, code, reason",
    [
        (lambda: Task.of_template("SCNM", "fr"), "M001", "ja, en, zh"),
        (lambda: Task.of_template("scnm", "en"), "M001", "SCNM"),
        (lambda: Task.of_template("TCONER", "en"), "M903", "of_labels"),
        (lambda: Task.of_labels("SCNM", "en", [], ["x "]), "M904", "'x '"),
        (lambda: Task.of_labels("SCNM", "en", [""], []), "M904", "''"),
        (lambda: Task.of_labels("SCNM", "en", [], ["person", "Person"]), "M905", "person and for Person"),
        (lambda: Task.of_labels("SCNM", "en", [], ["None"]), "M905", "None"),
        (
            lambda: Task(**{**Task.of_template("SCNM", "en").to_dict(), "word_level": "words"}),
            "M001",
            "entities, relations, events",
        ),
    ],
)
def test_invalid_tasks_are_refused(make, code, reason):
    with pytest.raises(ValueError, match=code) as caught:
        make()
    assert reason in str(caught.value)


def test_the_groups_of_tasks_are_named_like_templates():
    assert set(template_names()) == TASK_GROUPS
