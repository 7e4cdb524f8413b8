"""Folders of tables: what the library `datasets` saves, and folders of shards as on its hub."""

import json

import pytest

from spacy_mre.corpora import CorpusError, Report, recognise
from spacy_mre.corpora.table import read_table
from tests.corpora.datasets_files import classes, listed, make_table, save, value

pa = pytest.importorskip("pyarrow")

TAGS = ("O", "B-person", "I-person", "B-place")
WORDS = {
    "id": ["7", "8", "9"],
    "tokens": [["Ada", "Fox", "left", "Lima"], ["東京", "は"], ["x"]],
    "ner_tags": [[1, 2, 0, 3], [3, 0], [0]],
    "pos_tags": [[0, 0, 1, 0], [0, 1], [1]],
}
WORD_TYPES = {
    "id": pa.string(),
    "tokens": pa.list_(pa.string()),
    "ner_tags": pa.list_(pa.int64()),
    "pos_tags": pa.list_(pa.int64()),
}
WORD_FEATURES = {
    "id": value("string"),
    "tokens": listed(value("string")),
    "ner_tags": listed(classes(*TAGS)),
    "pos_tags": listed(classes("noun", "other")),
}
FOUND = [
    ("7", "Ada Fox left Lima", [("Ada Fox", "person"), ("Lima", "place")]),
    ("8", "東京は", [("東京", "place")]),
    ("9", "x", []),
]


def read(path, **options):
    report = Report()
    return list(read_table(path, report=report, **options)), report


def shown(records):
    return [(r.id, r.text, [(r.text[e.start : e.end], e.label) for e in r.entities]) for r in records]


@pytest.fixture
def words():
    return make_table(WORDS, WORD_TYPES, WORD_FEATURES)


@pytest.mark.parametrize("n_shards", [1, 2])
def test_a_saved_dataset(tmp_path, words, n_shards):
    folder = save(words, tmp_path / "saved", WORD_FEATURES, n_shards)
    records, report = read(folder)
    assert shown(records) == FOUND
    assert records[0].meta == {"pos_tags": ["noun", "noun", "other", "noun"]}
    assert records[0].tokens == [(0, 3), (4, 7), (8, 12), (13, 17)]
    assert not report.lost and report.noted == {"key 'pos_tags' read as metadata": 3}
    assert records[2].origin == ("data-00000-of-00001.arrow, row 3", "data-00001-of-00002.arrow, row 1")[n_shards - 1]
    assert recognise(folder) == recognise(folder / f"data-00000-of-0000{n_shards}.arrow") == "table"


@pytest.mark.parametrize("kind", ["Sequence", "LargeList"])
def test_names_of_classes_in_the_folder_only(tmp_path, kind):
    features = {**WORD_FEATURES, "ner_tags": listed(classes(*TAGS), kind)}
    folder = save(make_table(WORDS, WORD_TYPES), tmp_path / "saved", features)
    assert shown(read(folder)[0]) == FOUND
    (folder / "dataset_info.json").unlink()
    with pytest.raises(CorpusError, match=r"row 1: tag 0 of 'ner_tags' is 1, which has no name"):
        read(folder)


def test_a_dict_of_datasets(tmp_path, words):
    save(words, tmp_path / "train", WORD_FEATURES)
    save(words.slice(1, 1), tmp_path / "test", WORD_FEATURES)
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    assert shown(read(tmp_path, part="train")[0]) == FOUND
    assert shown(read(tmp_path, part="test")[0]) == FOUND[1:2]
    assert recognise(tmp_path) == "table"
    with pytest.raises(CorpusError, match="the folder contains the parts train, test: choose one with --part"):
        read(tmp_path)
    with pytest.raises(CorpusError, match="there is no part 'dev' among train, test"):
        read(tmp_path, part="dev")
    (tmp_path / "test" / "state.json").unlink()
    with pytest.raises(CorpusError, match=r"test/state\.json: file not found"):
        read(tmp_path, part="test")


@pytest.mark.parametrize("inside", ["", "data"])
def test_shards_of_the_hub(tmp_path, words, inside):
    from pyarrow import parquet

    (tmp_path / inside).mkdir(exist_ok=True)
    (tmp_path / "README.md").write_text("A data set.")
    for name, table in {
        "train-00000-of-00002": words.slice(0, 1),
        "train-00001-of-00002": words.slice(1),
        "validation-00000-of-00001-3f2a": words.slice(2),
    }.items():
        parquet.write_table(table, tmp_path / inside / f"{name}.parquet")
    assert recognise(tmp_path) == "table"
    assert shown(read(tmp_path, part="train")[0]) == FOUND
    assert shown(read(tmp_path, part="validation")[0]) == FOUND[2:]
    with pytest.raises(CorpusError, match="the parts train, validation: choose one with --part"):
        read(tmp_path)


def test_a_folder_of_csv_files(tmp_path):
    for name, text in {"train.csv": "雨", "my-test.csv": "Sun", "0001.csv": "x", ".hidden.csv": "y"}.items():
        (tmp_path / name).write_text(f"text,label\n{text},w\n", encoding="utf8")
    assert recognise(tmp_path) == "table"
    ((record,), _) = read(tmp_path, part="train")
    assert (record.id, record.text, record.origin) == ("train-1", "雨", "train.csv, line 2")
    assert read(tmp_path, part="test")[0][0].text == "Sun"
    (tmp_path / "train-2.tsv").write_text("text\tlabel\nx\tw\n")
    with pytest.raises(CorpusError, match=r"several kinds \(\.csv, \.tsv\)"):
        read(tmp_path, part="train")
    with pytest.raises(CorpusError, match="leave out --part"):
        read(tmp_path / "train.csv", part="train")


def test_classes_of_texts(tmp_path):
    features = {"text": value("string"), "label": classes("bad", "good"), "moods": listed(classes("joy", "fear"))}
    table = make_table(
        {"text": ["a", "b", "c"], "label": [0, 1, -1], "moods": [[0, 1], [1], []]},
        {"text": pa.string(), "label": pa.int64(), "moods": pa.list_(pa.int64())},
        features,
    )
    folder = save(table, tmp_path / "saved", features)
    records, _ = read(folder)
    assert [record.cats for record in records] == [{"bad": 1.0}, {"good": 1.0}, None]
    assert [record.id for record in records] == ["saved-1", "saved-2", "saved-3"]
    records, _ = read(folder, label_column="moods")
    assert [record.cats for record in records] == [{"joy": 1.0, "fear": 1.0}, {"fear": 1.0}, {}]
    assert records[0].meta == {"label": "bad"}


@pytest.mark.parametrize("number", [2, -2, 10**15])
def test_a_class_without_a_name(tmp_path, number):
    features = {"text": value("string"), "label": classes("bad", "good")}
    table = make_table({"text": ["a", "b"], "label": [0, number]}, {"text": pa.string(), "label": pa.int64()}, features)
    folder = save(table, tmp_path / "saved", features)
    reason = rf"row 2: 'label' contains the class {number}, but its feature names 2 classes"
    with pytest.raises(CorpusError, match=rf"data-00000-of-00001\.arrow: {reason}"):
        read(folder)


ENTITY = pa.struct([("start", pa.int64()), ("end", pa.int64()), ("label", pa.int64())])
ENTITY_FEATURE = {"start": value("int64"), "end": value("int64"), "label": classes("person", "place")}
RELATION = {"head": [0], "tail": [1], "label": ["met"]}


@pytest.mark.parametrize(
    "entities, kind, feature",
    [
        ([{"start": 0, "end": 3, "label": 0}, {"start": 8, "end": 10, "label": 1}], pa.list_(ENTITY), listed),
        (
            [{"start": 0, "end": 3, "label": 0}, {"start": 8, "end": 10, "label": 1}],
            pa.list_(ENTITY),
            lambda inner: [inner],
        ),
        (
            {"start": [0, 8], "end": [3, 10], "label": [0, 1]},
            pa.struct([(field.name, pa.list_(field.type)) for field in ENTITY]),
            lambda inner: listed(inner, "Sequence"),
        ),
        (
            {"start": [0, 8], "end": [3, 10], "label": [0, 1]},
            pa.struct([(field.name, pa.list_(field.type)) for field in ENTITY]),
            lambda inner: {name: listed(field) for name, field in inner.items()},
        ),
    ],
)
def test_entities_and_relations(tmp_path, entities, kind, feature):
    features = {"text": value("string"), "spans": feature(ENTITY_FEATURE)}
    table = make_table(
        {"text": ["Ada met Bo.", "x"], "spans": [entities, None], "links": [RELATION, None]},
        {
            "text": pa.string(),
            "spans": kind,
            "links": pa.struct([(name, pa.list_(pa.infer_type(values))) for name, values in RELATION.items()]),
        },
        features,
    )
    folder = save(table, tmp_path / "saved", features)
    (first, second), report = read(folder, entities_column="spans", relations_column="links")
    assert shown([first]) == [("saved-1", "Ada met Bo.", [("Ada", "person"), ("Bo", "place")])]
    assert [(r.head, r.tail, r.label) for r in first.relations] == [(0, 1, "met")]
    assert (second.entities, second.relations) == (None, None)
    assert not report.lost and not report.noted


@pytest.mark.parametrize(
    "file, content, reason",
    [
        ("state.json", '{"_data_files": [{"filename": "b.arrow"}]}', "_data_files: the file 'b.arrow' is missing"),
        ("state.json", '{"_data_files": [{}]}', "_data_files: the key 'filename' is missing"),
        ("state.json", '{"_data_files": "a"}', "_data_files: '_data_files' must be of type list"),
        ("state.json", "[]", "expected a JSON object"),
        ("state.json", "{", "line 1: invalid JSON"),
        ("state.json", '{"_data_files": [], "_indices_data_files": [{"filename": "i"}]}', "a file of indices"),
        ("dataset_info.json", '{"features": []}', "'features' must be a JSON object"),
    ],
)
def test_damaged_folders(tmp_path, words, file, content, reason):
    folder = save(words, tmp_path / "saved", WORD_FEATURES)
    (folder / file).write_text(content)
    with pytest.raises(CorpusError, match=rf"saved/{file.replace('.', '[.]')},? ?:? ?.*{reason}"):
        read(folder)


def test_shards_with_other_columns(tmp_path, words):
    folder = save(words, tmp_path / "saved", WORD_FEATURES, n_shards=2)
    second = folder / "data-00001-of-00002.arrow"
    with pa.OSFile(str(second), "wb") as file:
        table = words.drop_columns(["id"])
        with pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table)
    reason = "the columns are not those of data-00000-of-00002.arrow: only one of the files has id"
    with pytest.raises(CorpusError, match=rf"data-00001-of-00002\.arrow: {reason}"):
        read(folder)


def test_a_folder_without_tables(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(CorpusError, match=r"contains no table \(\.arrow, \.parquet, \.csv, \.tsv\)"):
        read(tmp_path)
    with pytest.raises(ValueError, match="M220"):
        recognise(tmp_path)
    (tmp_path / "dataset_dict.json").write_text(json.dumps({"splits": []}))
    with pytest.raises(CorpusError, match=r"dataset_dict\.json: splits: there are none"):
        read(tmp_path)
