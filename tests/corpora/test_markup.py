import pytest

from spacy_mre.corpora import CorpusError, EntityRecord, RelationRecord
from spacy_mre.corpora.markup import parse_marked, read_markup

RECORD = """## society-01
ja: [body:a|[place:b|青葉市]議会]が開かれた。
en: The [body:a|[place:b|Aoba] City Council] met.
relations: a located_in b, b part_of a
"""


def test_parse_marked():
    text, entities = parse_marked(r"The [body:a|[place:b|Aoba] \[Hall\]] \| \\")
    assert text == r"The Aoba [Hall] | \ "[:-1]
    assert entities == {"a": EntityRecord(4, 15, "body"), "b": EntityRecord(4, 8, "place")}


def test_of_entities_with_the_same_offsets_the_outer_one_is_first():
    assert list(parse_marked("[body:x|[place:b|Aoba]]")[1]) == ["x", "b"]


@pytest.mark.parametrize(
    "marked, reason",
    [
        ("[place:b|Aoba", "'b' is not closed"),
        ("Aoba]", "character 5 closes"),
        ("[Aoba]", "invalid entity"),
        ("[place:b|]", "'b' is empty"),
        ("[place:b|x][place:b|y]", "is used for two entities"),
        ("Aoba\\", "escapes nothing"),
    ],
)
def test_parse_marked_malformed(marked, reason):
    with pytest.raises(ValueError, match=reason):
        parse_marked(marked)


def test_read_markup(tmp_path):
    (tmp_path / "society.mre").write_text("<!-- a note -->\n" + RECORD + "\n## society-02\nja: 雨\n", encoding="utf8")
    records = read_markup(tmp_path / "society.mre")
    assert [record.text for record in records["ja"]] == ["青葉市議会が開かれた。", "雨"]
    (english,) = records["en"]
    assert [english.text[e.start : e.end] for e in english.entities] == ["Aoba City Council", "Aoba"]
    assert english.relations == [RelationRecord(0, 1, "located_in"), RelationRecord(1, 0, "part_of")]
    assert (english.id, english.cats, english.origin) == ("society-01", {"society": 1.0}, "society.mre, line 4")
    assert (records["ja"][1].entities, records["ja"][1].relations) == ([], [])


def test_the_register_is_metadata(tmp_path):
    (tmp_path / "a.mre").write_text(RECORD + "register: minutes\n\n## society-02\nja: 雨\n", encoding="utf8")
    records = read_markup(tmp_path / "a.mre")
    assert [record.meta for record in records["ja"]] == [{"register": "minutes"}, {}]
    assert [record.meta for record in records["en"]] == [{"register": "minutes"}]


@pytest.mark.parametrize(
    "text, reason",
    [
        ("", "the file is empty"),
        ("## society\n", "line 1: invalid heading '## society'"),
        ("en: It rained.\n", "line 1: expected"),
        (RECORD + RECORD, "line 5: duplicate id society-01, first used in line 1"),
        (RECORD.replace("body:a", "town:a", 1), "line 3: society-01: the languages have different entities"),
        (
            "## society-01\nen: It rained.\nja: [place:b|青葉]で雨が降った。\n",
            "line 3: society-01: the languages have different entities",
        ),
        (RECORD.replace("a located_in b", "a located_in c"), "line 4: society-01: .*'c'"),
        (RECORD.replace("a located_in b", "a in"), "line 4: society-01: invalid relation 'a in'"),
        (RECORD.replace("b part_of a", "a located_in b"), "line 4: society-01: .*'a located_in b' is written twice"),
        (RECORD + "en: Again.\n", "line 5: society-01 has two lines 'en:'"),
        (RECORD.replace("市]", "市"), "line 2: .*not closed"),
    ],
)
def test_read_markup_malformed(tmp_path, text, reason):
    (tmp_path / "society.mre").write_text(text, encoding="utf8")
    with pytest.raises(CorpusError, match=reason):
        read_markup(tmp_path / "society.mre")
