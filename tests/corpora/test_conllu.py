"""CoNLL-U with entities in MISC, as GiNZA writes it."""

import pytest
import spacy
from spacy.training.converters import conllu_to_docs

from spacy_mre.annotations.entities import set_entities
from spacy_mre.corpora import WRITERS, CorpusError, EntityRecord, Record, RelationRecord, Report
from spacy_mre.corpora.conllu import read_conllu
from spacy_mre.corpora.conllu_writer import write_records


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


@pytest.mark.parametrize(
    "tags, places",
    [
        (("S-x", "O"), [(0, 2)]),
        (("U-x", "O"), [(0, 2)]),
        (("B-x", "I-x"), [(0, 6)]),
        (("B-x", "B-x"), [(0, 2), (3, 6)]),
        (("B-x", "L-x"), [(0, 6)]),
        (("O", "B-x"), [(3, 6)]),
        (("B-x", None), [(0, 2)]),
    ],
)
def test_the_tag_of_a_token_of_several_words(read, tags, places):
    first, second = (f"ner={tag}" if tag else "_" for tag in tags)
    lines = [word("1-3", "ab", first), word(1, "a"), word(2, "x"), word(3, "b"), word(4, "Lac", second)]
    (record,), report = read(*lines, entity_key="ner")
    assert record.text == "ab Lac" and record.entities == [EntityRecord(*place, "x") for place in places]
    assert not report.lost
    last = [word("5-6", "du", "SpaceAfter=No|ner=I-x"), word(5, "de"), word(6, "le")]
    (record,), report = read(*lines[:4], word(4, "Lac", "ner=B-x"), *last, entity_key="ner")
    assert record.entities[-1] == EntityRecord(3, 9, "x")


def test_a_token_and_its_words_have_tags(read):
    lines = [word("1-2", "du", "NE=B-y"), word(1, "de"), word(2, "le", "NE=B-place")]
    (record,), report = read(*lines)
    assert record.entities == [EntityRecord(0, 2, "place")]
    assert report.lost == {"entity tag of a token of several words, whose words have their own": 1}
    (record,), report = read(word("1-2", "du", "Entity=(y)"), word(1, "de", "Entity=(place)"), word(2, "le"))
    assert record.entities == [EntityRecord(0, 2, "place")]
    assert report.lost == {"entity tag of a token of several words, whose words have their own": 1}


def test_a_file_without_tags_is_not_annotated(read):
    records, report = read(word(1, "Ada"), "", word(1, "Bo"))
    assert [record.entities for record in records] == [None, None]
    assert not report.lost


def test_tags_of_another_key_are_noted(read):
    (record,), report = read(word(1, "Ada", "NE=O|NEE=B-person"))
    assert record.entities == []
    assert report.noted == {"key 'NEE' in MISC with tags, not read": 1}


def test_a_sentence_without_tags_in_a_file_that_tags_every_word(read):
    records, _ = read(word(1, "Ada", "NE=O"), "", word(1, "Bo"), "", word(1, "Rain", "NE=_"))
    assert [record.entities for record in records] == [[], None, []]


# As GUM writes it.
GUM = [
    *("# newdoc id = g1", "# global.Entity = etype-eid-infstat-minspan-link-identity", "# sent_id = s1"),
    *(word(1, "The", "Entity=(event-1-new-2-sgl"), word(2, "meeting"), word(3, "of")),
    *(word(4, "Ada", "Entity=(person-2-new-1,2-coref-Ada"), word(5, "Fox", "Entity=2)1)"), word(6, "ended"), ""),
    *("# sent_id = s2", word(1, "She", "Entity=(person-2-giv:act-1-coref)"), word(2, "left")),
]


def test_brackets_of_gum(read):
    (first, second), report = read(*GUM)
    assert first.text == "The meeting of Ada Fox ended"
    assert first.entities == [EntityRecord(0, 22, "event"), EntityRecord(15, 22, "person")]
    assert second.entities == [EntityRecord(0, 3, "person")]
    assert report.lost == {"fields of an entity in brackets besides its label": 3}


def test_brackets_of_corefud_cross_have_parts_and_words_without_a_form(read):
    lines = [
        "# global.Entity = eid-etype-head-other",
        word("0.1", "_", "Entity=(e1-person-1-)(e2-group-1-"),
        *(word(1, "Young", "Entity=(e3[1/2]-group-1-"), word(2, "men", "Entity=e3[1/2])"), word(3, "met")),
        *(word(4, "old", "Entity=(e3[2/2]-group-1-)"), word(5, "Bo", "Entity=e2)(e4--1-)")),
    ]
    (record,), report = read(*lines)
    assert record.entities == [EntityRecord(0, 20, "group")]
    assert report.lost == {
        "entity in brackets without a word in the text": 1,
        "fields of an entity in brackets besides its label": 2,
        "discontinuous entity": 1,
        "entity in brackets without a label": 1,
    }
    (record,), _ = read(*lines, discontinuous="whole")
    assert record.entities == [EntityRecord(0, 20, "group"), EntityRecord(0, 17, "group")]


@pytest.mark.parametrize(
    "opening, closing",
    [("(person", ")"), ("(person", "person)"), ("(person-1", "person-1)"), ("(e1-person", "e1)"), ("(1-person", "1)")],
)
def test_brackets_without_a_header(read, opening, closing):
    (record,), report = read(word(1, "Ada", f"Entity={opening}(place)"), word(2, "Fox", f"Entity={closing}"))
    assert record.entities == [EntityRecord(0, 7, "person"), EntityRecord(0, 3, "place")]
    assert bool(report.lost) == ("1" in opening)


def test_brackets_beside_tags(read):
    lines = [word(1, "Ada", "NE=B-person|Entity=(place)")]
    (record,), report = read(*lines)
    assert record.entities == [EntityRecord(0, 3, "person")]
    assert report.lost == {"entities in brackets (MISC 'Entity'), not read beside tags": 1}
    (record,), report = read(*lines, entity_key="Entity")
    assert record.entities == [EntityRecord(0, 3, "place")]
    assert not report.lost


def test_repaired_tags_and_other_texts(read):
    (record,), report = read("# text = Ada Bell", word(1, "Ada", "NE=I-person"), word(2, "Bo", "NE=B-name"))
    assert record.entities == [EntityRecord(0, 3, "person"), EntityRecord(4, 6, "name")]
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
        ([word(1, "Ada", "Entity=person")], "line 1: in the sentence that begins here: invalid brackets 'person'"),
        ([word(1, "Ada", "Entity=(a")], "line 1: .*the bracket of 'a' is not closed"),
        ([word(1, "Ada", "Entity=(a)b)")], "line 1: .*the bracket of 'b' is closed, but not open"),
        ([word(1, "A b", "SpacesInToken=Ab")], "line 1: the form of the word is 'A b', but SpacesInToken is 'Ab'"),
        ([word(1, "Ada", "NE=B-x|name=B-x")], "tags of several keys, NE, name: choose by --entity-key"),
    ],
)
def test_malformed(read, lines, reason):
    with pytest.raises(CorpusError, match=rf"a\.conllu[,:] {'.*' if 'several' in reason else ''}{reason}"):
        read(*lines)


def write(tmp_path, *records):
    report = Report()
    write_records(records, tmp_path / "out.conllu", report)
    return (tmp_path / "out.conllu").read_text(encoding="utf8"), report


def test_writing(tmp_path):
    entities = [EntityRecord(3, 7, "PERSON"), EntityRecord(8, 9, "PLACE")]
    tokens = [(0, 1), (3, 5), (5, 7), (8, 9)]
    content, report = write(tmp_path, Record("¿\t\n木村花子 で", "7", entities, tokens=tokens, group="diary"))
    assert content == (
        "# newdoc id = diary\n# sent_id = 7\n# text = ¿  木村花子 で\n"
        "1\t¿\t_\t_\t_\t_\t_\t_\t_\tSpacesAfter=\\t\\n|NE=O\n"
        "2\t木村\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No|NE=B-PERSON\n"
        "3\t花子\t_\t_\t_\t_\t_\t_\t_\tNE=I-PERSON\n"
        "4\tで\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No|NE=B-PLACE\n\n"
    )
    assert not report.lost
    (doc,) = conllu_to_docs(content, n_sents=1, no_print=True)
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("木村花子", "PERSON"), ("で", "PLACE")]


@pytest.mark.parametrize(
    "text", ["  Ada\r\nmet \t", "\n\nｶﾞ ﾊﾟ🙂 だ\n", "a | b\\c", "\u3000京都\u2028だ\u3000", "Ada ", "_", "# text"]
)
def test_texts_come_back_exactly(tmp_path, text):
    for tokens in (None, [(0, len(text))], [(i, i + 1) for i in range(len(text))]):
        record = Record(text, "7", entities=[], tokens=tokens)
        write(tmp_path, record, Record(text, "8", tokens=tokens))
        report = Report()
        first, second = read_conllu(tmp_path / "out.conllu", report=report)
        assert (first.text, second.text, first.id, second.id) == (text, text, "7", "8")
        assert (first.entities, second.entities) == ([], None)
        assert not report.lost and not report.noted
        words = [text[start:end] for start, end in tokens or ()]
        assert not tokens or [text[slice(*t)] for t in first.tokens] == [word for word in words if word.strip()]


def test_what_conllu_cannot_represent_is_counted(tmp_path):
    ada, fox = EntityRecord(0, 7, "person"), EntityRecord(4, 7, "name")
    odd = [EntityRecord(0, 3, "a|b"), EntityRecord(0, 3, ""), EntityRecord(0, 2, "x"), EntityRecord(3, 4, "blank")]
    _, report = write(
        tmp_path,
        Record(
            "Ada Fox", " 1", [ada, fox, *odd], [RelationRecord(0, 1, "is")], {"x": 1.0}, group="g", meta={"page": 3}
        ),
        Record("Rain\0", "2", None, []),
        Record(" \n", "3", []),
    )
    assert report.lost == {
        "text labels (not supported by CoNLL-U)": 1,
        "metadata (not supported by CoNLL-U)": 1,
        "relation (not supported by CoNLL-U)": 1,
        "id that is empty, begins with white space or contains a line end": 1,
        "label that is empty or contains |, a tab, a line end or NUL": 2,
        "entity off the token grid": 1,
        "entity of white space only": 1,
        "nested or overlapping entity (CoNLL-U has one tag per word)": 1,
        "missing group (CoNLL-U begins a new document)": 1,
        "empty annotation of relations (CoNLL-U cannot tell it from a missing one)": 1,
        "NUL character (written as a space)": 1,
        "text without a word (CoNLL-U has no empty sentences)": 1,
        "missing annotation of entities (all words of the other texts are entities)": 1,
    }
    records = list(read_conllu(tmp_path / "out.conllu"))
    assert [(r.id, r.text, r.entities, r.group) for r in records] == [
        ("text-000001", "Ada Fox", [ada], "g"),
        ("2", "Rain ", [], "out-doc-2"),
    ]


def test_of_overlapping_entities_the_best_scored_one_is_written(tmp_path):
    doc = spacy.blank("en")("Old Aoba Bridge stands")
    set_entities(doc, [(0, 3, "site", 0.6), (1, 2, "place", 0.9), (2, 4, "site", 0.5)])
    report = Report()
    WRITERS["conllu"]([doc], tmp_path / "out.conllu", report=report)
    (record,) = read_conllu(tmp_path / "out.conllu")
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("Aoba", "place"), ("Bridge stands", "site")]
    assert record.entities == [EntityRecord(4, 8, "place"), EntityRecord(9, 22, "site")]
    assert report.lost == {
        "nested or overlapping entity (CoNLL-U has one tag per word)": 1,
        "score (kept by spacyjson, and in predictions by labelstudio and prodigy)": 3,
    }
