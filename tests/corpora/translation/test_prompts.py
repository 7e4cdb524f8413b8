import json

import pytest

from spacy_mre.corpora import EntityRecord
from spacy_mre.corpora.record import Record
from spacy_mre.corpora.translation.label_table import LabelTable
from spacy_mre.corpora.translation.marking import mark
from spacy_mre.corpora.translation.prompts import make_messages, read_example

EXAMPLE = ("[place:x|仙台]の雨", "rain in [place:x|Sendai]")
FILE = r"""## news-01
ja: 雨
zh: 雨

## news-02
ja: [big_city:a|仙台]の\[place:雨\]
en: \[place:rain\] in [big_city:a|Sendai]
"""


def contents(messages):
    assert [message["role"] for message in messages] in (["system", "user"], ["system", "user", "assistant", "user"])
    return [message["content"] for message in messages]


def test_markers():
    marked = mark(Record("仙台で\n会う", entities=[EntityRecord(0, 2, "city")]), {"city": "large city"})
    system, asked, answered, last = contents(make_messages(marked, "ja", "tlh", EXAMPLE))
    assert "from Japanese into tlh" in system and "{" not in system and "second line" not in system
    assert (asked, answered) == EXAMPLE
    assert last == r"[large city:a|仙台]で\n会う"


def test_the_system_message_does_not_depend_on_the_text():
    messages = [make_messages(mark(Record(text)), "ja", "en") for text in ("雨", "雪")]
    assert messages[0][0] == messages[1][0]
    assert contents(messages[0])[1:] == ["雨"]


def test_crossing_entities_are_in_a_second_line():
    record = Record("a b c", entities=[EntityRecord(0, 3, "x"), EntityRecord(2, 5, "x")])
    system, last = contents(make_messages(mark(record), "en", "ja"))
    assert "second line" in system
    assert last == '[x:a|a b] c\n{"b": "b c"}'


def test_strings():
    record = Record("a [b", entities=[EntityRecord(0, 4, "x"), EntityRecord(0, 1, "x")])
    _, *given = contents(make_messages(mark(record), "en", "ja", EXAMPLE, "strings"))
    assert list(map(json.loads, given)) == [
        {"text": "仙台の雨", "entities": {"x": "仙台"}},
        {"text": "rain in Sendai", "entities": {"x": "Sendai"}},
        {"text": "a [b", "entities": {"a": "a [b", "b": "a"}},
    ]


def test_an_unknown_mode():
    with pytest.raises(ValueError, match=r"'mode'\. Expected one of: markers, strings"):
        make_messages(mark(Record("a")), "en", "ja", mode="tags")


def test_read_example(tmp_path):
    path = tmp_path / "one.mre"
    path.write_text(FILE, encoding="utf8")
    table = LabelTable(words={"big_city": "large city", "place": "spot"})
    assert read_example(path, "ja", "en", table) == (
        r"[large city:a|仙台]の\[place:雨\]",
        r"\[place:rain\] in [large city:a|Sendai]",
    )
    assert read_example(path, "ja", "zh") == ("雨", "雨")
    with pytest.raises(ValueError, match=r"M279.*one\.mre has no text in both 'ja' and 'fr'"):
        read_example(path, "ja", "fr")
    path.write_text(FILE.replace("]の", "の"), encoding="utf8")
    with pytest.raises(ValueError, match=r"line 6: .*not closed"):
        read_example(path, "ja", "en")
