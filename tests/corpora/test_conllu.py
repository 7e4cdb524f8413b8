"""CoNLL-U with entities in MISC, as GiNZA writes it."""

import pytest

from spacy_mre.corpora import CorpusError, EntityRecord, Report
from spacy_mre.corpora.conllu import read_conllu


def word(id, form, misc="_"):
    return "\t".join([str(id), form, form, "X", "_", "_", "0", "dep", "_", misc])


@pytest.fixture
def read(tmp_path):
    def run(*lines, **options):
        (tmp_path / "a.conllu").write_text("\n".join(lines) + "\n", encoding="utf8")
        report = Report()
        return list(read_conllu(tmp_path / "a.conllu", report=report, **options)), report

    return run


GINZA = [
    "# text = 青葉市で会う。",
    word(1, "青葉", "SpaceAfter=No|BunsetuBILabel=B|NP_B|Reading=アオバ|NE=B-CITY|ENE=B-City"),
    word(2, "市", "SpaceAfter=No|BunsetuBILabel=I|NP_I|NE=I-CITY|ENE=I-City"),
    word(3, "で", "SpaceAfter=No|BunsetuBILabel=I"),
    word(4, "会う", "SpaceAfter=No|BunsetuBILabel=B|ROOT"),
    word(5, "。", "SpaceAfter=No"),
]


def test_ginza(read):
    (record,), report = read(*GINZA)
    assert (record.text, record.tokens) == ("青葉市で会う。", [(0, 2), (2, 3), (3, 4), (4, 6), (6, 7)])
    assert (record.entities, record.relations, record.id) == ([EntityRecord(0, 3, "CITY")], None, "a-1")
    assert not report.lost and not report.noted
    assert read(*GINZA, entity_key="ENE")[0][0].entities == [EntityRecord(0, 3, "City")]
    with pytest.raises(CorpusError, match=r"a\.conllu: no word has the key 'ENX' in MISC"):
        read(*GINZA, entity_key="ENX")


def test_spaces_documents_and_names(read):
    records, _ = read(
        *(
            "# newdoc id = d7",
            "# sent_id = s1",
            word(1, "Ada", "name=B-person|SpacesAfter=\\s\\n"),
            word(2, "met", "name=O"),
        ),
        *("", "# sent_id = s2", word(1, "Bo", "name=B-person"), "", "# newdoc", word(1, "Rain", "name=_")),
    )
    assert [(record.text, record.id, record.group) for record in records] == [
        ("Ada \nmet", "s1", "d7"),
        ("Bo", "s2", "d7"),
        ("Rain", "a-3", "a-doc-2"),
    ]
    assert [len(record.entities) for record in records] == [1, 1, 0]


def test_tokens_of_several_words_and_words_without_a_form(read):
    (record,), _ = read(
        *(word("1-2", "au", "SpaceAfter=No"), word(1, "à"), word(2, "le", "NE=B-place"), word("2.1", "x", "NE=B-x")),
        word(3, "Lac", "NE=I-place"),
    )
    assert (record.text, record.tokens) == ("auLac", [(0, 2), (2, 5)])
    assert record.entities == [EntityRecord(0, 5, "place")]


def test_a_file_without_tags_is_not_annotated(read):
    records, report = read(word(1, "Ada"), "", word(1, "Bo", "Entity=(e1-person)"))
    assert [record.entities for record in records] == [None, None]
    assert report.lost == {"entities in brackets (MISC 'Entity'), not read": 1}


def test_repaired_tags_and_other_texts(read):
    (record,), report = read("# text = Ada Bell", word(1, "Ada", "NE=I-person"), word(2, "Bo"))
    assert record.entities == [EntityRecord(0, 3, "person")]
    assert report.lost == {"malformed tag sequence (repaired)": 1}
    assert report.noted == {"sentence that differs from its text in the comments": 1}


@pytest.mark.parametrize(
    "lines, reason",
    [
        (["1\tAda"], "line 1: found 2 columns, expected 10"),
        ([word("x", "Ada")], "line 1: invalid id 'x'"),
        ([word(1, "Ada"), word(3, "Bo")], "line 2: the word 3 follows the word 1"),
        ([word("1-2", "Ada"), word("1-2", "Ada")], "line 2: the word 1-2 follows the word 0"),
        ([word("1-2", "Ada"), word(1, "Ada"), "", word(1, "Bo")], "line 3: the sentence ends before the word 2"),
        ([word(1, "")], "line 1: the form of the word is empty"),
        ([word(1, "Ada"), "# text = Bo", word(1, "Bo")], "line 2: a comment inside of a sentence"),
        ([word(1, "Ada", "NE=person")], "line 1: in the sentence that begins here: invalid tag 'person'"),
        ([word(1, "Ada", "NE=B-x|name=B-x")], "tags of several keys, NE, name: choose by --entity-key"),
    ],
)
def test_malformed(read, lines, reason):
    with pytest.raises(CorpusError, match=rf"a\.conllu[,:] {'.*' if 'several' in reason else ''}{reason}"):
        read(*lines)
