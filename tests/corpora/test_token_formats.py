"""SpERT, CrossRE and GENIA: formats with token offsets."""

import json

import pytest

from spacy_mre.corpora import CorpusError, EntityRecord, RelationRecord
from spacy_mre.corpora.crossre import read_crossre
from spacy_mre.corpora.genia import read_genia
from spacy_mre.corpora.spert_json import read_spert

SPERT = {
    "tokens": ["Ada", "lives", "in", "Old", "Aoba", "."],
    "entities": [{"type": "person", "start": 0, "end": 1}, {"type": "place", "start": 3, "end": 5}],
    "relations": [{"type": "lives_in", "head": 0, "tail": 1}],
    "orig_id": 7,
}
CROSSRE = {
    "doc_key": "music-dev-1",
    "sentence": ["Ada", "sings", "in", "Old", "Aoba", "."],
    "ner": [[0, 0, "artist"], [3, 4, "place"]],
    "relations": [[0, 0, 3, 4, "physical", "", False, False]],
}
CROSSRE_JA = {
    "doc_key": "music-dev-1",
    "sentence": ["エイダ", "は", "O2", "館", "で", "歌う"],
    "sentence-detokenized": "エイダは O2館で歌う",
    "token2charspan": [[0, 3], [3, 4], [5, 7], [7, 8], [8, 9], [9, 11]],
    "ner": [[0, 0, "artist"], [2, 3, "place"], [2, 2, "company"]],
    "relations": [],
}
GENIA = {
    "tokens": ["The", "mouse", "gene", "X"],
    "doc_id": "D1",
    "sent_id": "D1-0",
    "entity_mentions": [{"start": 1, "end": 4, "entity_type": "DNA"}, {"start": 3, "end": 4, "entity_type": "DNA"}],
}


def write(path, *items, lines=True):
    path.write_text(
        "\n".join(json.dumps(item) for item in items) + "\n" if lines else json.dumps(list(items)), encoding="utf8"
    )
    return path


def test_spert(tmp_path):
    (record,) = read_spert(write(tmp_path / "a.json", SPERT, lines=False))
    assert record.text == "Ada lives in Old Aoba ."
    assert [record.text[e.start : e.end] for e in record.entities] == ["Ada", "Old Aoba"]
    assert record.relations == [RelationRecord(0, 1, "lives_in")]
    assert (record.id, record.cats, record.tokens[3]) == ("a-7", None, (13, 16))


def test_spert_absent_is_not_empty(tmp_path):
    absent, empty = read_spert(
        write(tmp_path / "a.json", {"tokens": ["a"]}, {"tokens": ["a"], "entities": [], "relations": []}, lines=False)
    )
    assert (absent.entities, absent.relations) == (None, None)
    assert (empty.entities, empty.relations) == ([], [])
    assert absent.id == "a-1"


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"tokens": None}, "'tokens' must be of type list"),
        ({"tokens": ["a", ""]}, "token 1"),
        ({"entities": [{"type": "x", "start": 5, "end": 7}]}, "from 5 to 7"),
        ({"entities": [{"type": "x", "start": 2, "end": 2}]}, "from 2 to 2"),
        ({"entities": [{"start": 0, "end": 1}]}, "'type' is missing"),
        ({"relations": [{"type": "x", "head": 0, "tail": 2}]}, "tail of 'x' is 2"),
        ({"relations": [{"type": "x", "head": -1, "tail": 0}]}, "head of 'x' is -1"),
    ],
)
def test_spert_malformed(tmp_path, change, reason):
    path = write(tmp_path / "a.json", SPERT, {**SPERT, **change}, lines=False)
    with pytest.raises(CorpusError, match=rf"(?s)\[M202\].*a\.json: record 2: .*{reason}"):
        list(read_spert(path))


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"", "the file is empty"),
        (b'[\n{"tokens": ["a"],}\n]', r"line 2: invalid JSON"),
        (b'[\n{"tokens": ["\xff"]}]', r"line 2: byte \d+ is not UTF-8"),
        (b'{"tokens": ["a"]}', "expected a JSON list"),
    ],
)
def test_spert_unreadable(tmp_path, data, reason):
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(CorpusError, match=reason):
        list(read_spert(tmp_path / "a.json"))


def test_missing_file(tmp_path):
    with pytest.raises(CorpusError, match="file not found"):
        list(read_spert(tmp_path / "a.json"))


def test_crossre_joins_words_and_has_inclusive_ends(tmp_path):
    (record,) = read_crossre(write(tmp_path / "music-dev.json", CROSSRE))
    assert [record.text[e.start : e.end] for e in record.entities] == ["Ada", "Old Aoba"]
    assert record.relations == [RelationRecord(0, 1, "physical")]
    assert record.cats == {"music": 1.0}
    assert record.id == "music-dev-1"


def test_crossre_reads_the_untokenized_text(tmp_path):
    (record,) = read_crossre(write(tmp_path / "music-dev.json", CROSSRE_JA))
    assert record.text == "エイダは O2館で歌う"
    assert [record.text[e.start : e.end] for e in record.entities] == ["エイダ", "O2館", "O2"]
    assert record.relations == []


def test_crossre_folder_and_part(tmp_path):
    for name in ("music-dev", "ai-dev", "ai-test"):
        write(tmp_path / f"{name}.json", CROSSRE)
    assert [list(record.cats) for record in read_crossre(tmp_path)] == [["ai"], ["ai"], ["music"]]
    assert [list(record.cats) for record in read_crossre(tmp_path, part="dev")] == [["ai"], ["music"]]
    with pytest.raises(CorpusError, match="contains no file"):
        list(read_crossre(tmp_path, part="train"))


@pytest.mark.parametrize(
    "base, change, reason",
    [
        (CROSSRE, {"ner": [[5, 6, "x"]]}, "from 5 to 7"),
        (CROSSRE, {"ner": [[0, 0]]}, "list of 3 values"),
        (CROSSRE, {"ner": [["0", 0, "x"]]}, "expected integers"),
        (CROSSRE, {"relations": [[1, 1, 3, 4, "x"]]}, "the head or tail of the relation 'x' is not an entity"),
        (CROSSRE, {"doc_key": 3}, "'doc_key' must be of type str"),
        (CROSSRE_JA, {"token2charspan": [[0, 3]]}, "1 spans for 6 tokens"),
        (CROSSRE_JA, {"token2charspan": [[0, 3], [2, 4], [5, 7], [7, 8], [8, 9], [9, 11]]}, "token 1 begins before"),
        (
            CROSSRE_JA,
            {"token2charspan": [[0, 3], [3, 4], [5, 7], [7, 8], [8, 9], [9, 12]]},
            "token 5 goes from 9 to 12",
        ),
    ],
)
def test_crossre_malformed(tmp_path, base, change, reason):
    path = write(tmp_path / "music-dev.json", base, {**base, **change})
    with pytest.raises(CorpusError, match=rf"music-dev\.json, line 2: .*{reason}"):
        list(read_crossre(path))


def test_crossre_file_name_must_contain_the_domain(tmp_path):
    with pytest.raises(CorpusError, match="the file name must"):
        list(read_crossre(write(tmp_path / "dev.json", CROSSRE)))


def test_genia(tmp_path):
    (record,) = read_genia(write(tmp_path / "a.jsonlines", GENIA))
    assert record.entities == [EntityRecord(4, 16, "DNA"), EntityRecord(15, 16, "DNA")]
    assert (record.id, record.group, record.relations, record.cats) == ("D1-0", "D1", None, None)


def test_genia_malformed(tmp_path):
    path = write(
        tmp_path / "a.jsonlines", GENIA, {**GENIA, "entity_mentions": [{"start": 1, "end": 5, "entity_type": "DNA"}]}
    )
    with pytest.raises(CorpusError, match=r"line 2: .*from 1 to 5"):
        list(read_genia(path))
    path.write_text('{"tokens": ["a"]}\n["a"]\n', encoding="utf8")
    with pytest.raises(CorpusError, match=r"line 2: expected a JSON object"):
        list(read_genia(path))
