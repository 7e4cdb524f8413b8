"""Question sets of the package, and the checks of other ones."""

import json

import pytest

from spacy_mre.pipeline.multi_ner.questions import (
    SETS,
    check_questions,
    default_questions,
    question_sets,
    read_questions,
)

LANGUAGES = {"assets_ja": "ja", "assets_zh": "zh", "crossre_ja": "ja", "crossre_zh": "zh", "stockmark": "ja"}


@pytest.mark.parametrize("name", question_sets())
def test_every_set_reads(name):
    questions = read_questions(name)
    assert len(questions) > 3
    assert all(question == question.strip() and question[-1] in ".。" for question in questions.values())
    is_english = all(ord(char) < 128 for question in questions.values() for char in question)
    assert is_english == (name not in LANGUAGES)


def test_the_sets_of_one_corpus_have_the_same_labels():
    for names in (["crossre_en", "crossre_ja", "crossre_zh"], ["assets_en", "assets_ja", "assets_zh"]):
        labels = [set(read_questions(name)) for name in names]
        assert labels[0] == labels[1] == labels[2]
    assert [len(read_questions(name)) for name in ("genia", "stockmark", "snips", "conll04", "crossre_en")] == [
        5,
        8,
        39,
        4,
        39,
    ]


def test_the_sets_are_indented_json():
    for name in question_sets():
        text = (SETS / f"{name}.json").read_text(encoding="utf8")
        assert text == json.dumps(json.loads(text), ensure_ascii=False, indent=2) + "\n"


def write(tmp_path, text):
    path = tmp_path / "mine.json"
    path.write_text(text, encoding="utf8")
    return str(path)


def test_a_file_is_read(tmp_path):
    path = write(tmp_path, '{"river": " Find rivers. ", "lake": "Find lakes."}')
    assert list(read_questions(path).items()) == [("river", "Find rivers."), ("lake", "Find lakes.")]


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", "M836.*mine.json"),
        ("[]", "M836.*not an object"),
        ('"genia"', "M836.*not an object"),
        ('{"river": ""}', "M836.*question of the label 'river' is ''"),
        ('{"river": {"en": "Find rivers."}}', "M836.*question of the label 'river' is .*Find rivers"),
        ('{" ": "Find rivers."}', "M836"),
        ('{"river": "Find rivers.", "river": "Find streams."}', "M836.*'river' twice"),
        ('{"river": "Find water.", "lake": "Find water. "}', "M835.*'river' and 'lake'"),
    ],
)
def test_a_file_that_cannot_be_used(text, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        read_questions(write(tmp_path, text))


def test_no_such_set():
    with pytest.raises(ValueError, match=r"M830.*'genai'.*genia"):
        read_questions("genai")


def test_questions_of_names():
    assert default_questions(["cell_line"], "en") == {"cell_line": "Find every mention of the type cell line."}
    assert default_questions(["人名"], "ja") == {"人名": "「人名」に当たる表現をすべて探す。"}
    assert default_questions(["river"], "de") == default_questions(["river"], "en")
    assert check_questions(default_questions(["a", "b"], "zh"), "names")
