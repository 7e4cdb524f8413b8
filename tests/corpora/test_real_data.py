"""The published data sets: the number of records, and that all offsets are valid."""

from itertools import islice

import pytest
import spacy

from spacy_mre.annotations.entities import get_entities
from spacy_mre.corpora import READERS, WRITERS, Report, cat_labels, make_docs
from spacy_mre.corpora.splits import split_records

CROSSRE = {"train": 668, "dev": 2151, "test": 2446}
CASES = [
    *(
        ("spert", f"conll04/conll04_{part}.json", {}, n)
        for part, n in (("train", 922), ("dev", 231), ("test", 288), ("train_dev", 1153))
    ),
    *(("crossre", f"crossre/{lang}", {"part": part}, n) for lang in ("en", "ja", "zh") for part, n in CROSSRE.items()),
    *(("slots", f"snips/{part}", {}, n) for part, n in (("train", 13084), ("valid", 700), ("test", 700))),
    *(
        ("slots", f"smp2019/{part}", {"separator": ""}, n)
        for part, n in (("train", 2053), ("valid", 256), ("test", 270))
    ),
    ("asdc", "asdc/data/main", {}, 3001),
    ("genia", "genia/dev.jsonlines", {}, 1765),
    ("genia", "genia/test.jsonlines", {}, 1732),
    ("stockmark", "stockmark_ner/ner.json", {}, 5343),
]
ODD_TAGS = "malformed tag sequence (repaired)"


def read(mre_data, format, path, **options):
    if not (mre_data / path).exists():
        pytest.skip(f"there is no {path} in the folder of real data")
    report = Report()
    return list(READERS[format](mre_data / path, report=report, **options)), report


@pytest.mark.parametrize(
    "format, path, options, count", CASES, ids=[f"{path}-{options.get('part', '')}" for _, path, options, _ in CASES]
)
def test_every_record_becomes_a_doc(mre_data, format, path, options, count):
    records, report = read(mre_data, format, path, **options)
    assert len(records) == count
    assert len({record.id for record in records}) == count
    assert any(record.entities for record in records)
    for record in records:
        assert all(record.text[entity.start : entity.end].strip() for entity in record.entities)
    if records[0].tokens is None:
        # Every character is a token, so that no tokenizer of the language is needed.
        for record in records:
            record.tokens = [(i, i + 1) for i in range(len(record.text))]
    losses = Report()
    assert len(list(make_docs(records, spacy.blank("xx"), report=losses))) == count
    assert set(losses.lost) <= {"duplicate entity", "duplicate relation"}
    assert losses.kept["entities"] + losses.lost["duplicate entity"] == sum(len(record.entities) for record in records)
    relations = sum(len(record.relations or ()) for record in records)
    assert losses.kept["relations"] + losses.lost["duplicate relation"] == relations
    if format != "asdc":
        assert set(report.lost) <= {ODD_TAGS}


def test_crossre_is_parallel(mre_data):
    ids = [[record.id for record in read(mre_data, "crossre", f"crossre/{lang}")[0]] for lang in ("en", "ja", "zh")]
    assert ids[0] == ids[1] == ids[2]


def test_asdc_counts_add_up(mre_data):
    records, report = read(mre_data, "asdc", "asdc/data/main")
    assert len({label for record in records for label in record.cats}) == 9
    assert len({entity.label for record in records for entity in record.entities}) == 12 + 2
    links = sum(len(record.relations) for record in records)
    assert links == 307
    assert (
        report.lost["relation sub_span to or from another utterance"]
        + report.lost["relation demon_span to or from another utterance"]
        == 295
    )
    split = split_records(records, "hash")
    dialogues = [{record.group for record in part} for part in split.values()]
    assert len(dialogues) == 3 and sum(map(len, dialogues)) == len(set().union(*dialogues)) == 210


def test_genia_is_split_between_articles(mre_data):
    split = split_records(read(mre_data, "genia", "genia/dev.jsonlines")[0], "last-tenth")
    assert sum(map(len, split.values())) == 1765
    assert len(split["dev"]) == pytest.approx(176, abs=20)
    assert not {record.group for record in split["train"]} & {record.group for record in split["dev"]}


@pytest.mark.parametrize(
    "tool, options", [("doccano", {}), ("labelstudio", {"annotations": "predictions"}), ("prodigy", {})]
)
@pytest.mark.parametrize("format, path", sorted({(format, path) for format, path, *_ in CASES if "train" not in path}))
def test_nothing_is_lost_on_the_way_to_a_tool_and_back(mre_data, tmp_path, tool, options, format, path):
    if not (mre_data / path).exists():
        pytest.skip(f"there is no {path} in the folder of real data")
    records = list(islice(READERS[format](mre_data / path), 300))
    nlp, report = spacy.blank("xx"), Report()
    labels = cat_labels(records)
    docs = list(make_docs(records, nlp, cats=labels))
    WRITERS[tool](docs, tmp_path / "out.json", report=report)
    back = list(READERS[tool](tmp_path / "out.json", report=report, **options))
    assert not report.lost
    assert [contents(doc) for doc in make_docs(back, nlp, cats=labels)] == [contents(doc) for doc in docs]


def contents(doc):
    """What a tool keeps: all but the tokens."""
    entities = [(doc[s.start : s.end].start_char, doc[s.start : s.end].end_char, s.label) for s in get_entities(doc)]
    relations = doc._.relations and [
        (r["label"], *(doc[slice(*r[end])].start_char for end in ("head", "tail")), r["head_label"], r["tail_label"])
        for r in doc._.relations
    ]
    return doc.text, sorted(entities), relations, doc.cats, doc.user_data["id"], doc.user_data.get("group")
