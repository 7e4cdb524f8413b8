"""Damaged files of every format end in an error with the name of the file, or nothing is missing without a word.

The oracle: an annotation is missing if the damaged file gives fewer documents, entities, relations or text labels than
the valid one. Missing ones are allowed if the report counts more of some loss or note than for the valid file, or if
the damaged file itself contains fewer of them. The latter is counted without the reader, by the patterns in
`DESCRIBED`, in the raw text of all files.
"""

import re
import warnings
from collections import Counter
from pathlib import Path

import pytest
import spacy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spacy_mre.corpora import READERS, CorpusError, Report, make_docs, recognise
from tests.robustness.effort import count, scale
from tests.robustness.strategies import FOLDERS, SAMPLES, mutations, with_extras

EXAMPLES = scale(40)
NLP = spacy.blank("xx")
LINES = r"(?m)^.*\S.*$"
# By format and kind: the file (by its ending) and the pattern of one annotation.
DESCRIBED = {
    "asdc": {
        "documents": ("dialog_act/001.tsv", r"\tuser\t"),
        "entities": ("request_span/001.tsv", r"\t\d+\t\d+\t\d+\t\d+\t\S"),
        "relations": ("request_span/001.tsv", r"\t\d+\t\d+\t\d+\t\d+\t\S"),
        "cats": ("dialog_act/001.tsv", r"\tuser\t"),
    },
    "bioc": {
        "documents": (".xml", "<document>"),
        "entities": (".xml", "<annotation"),
        "relations": (".xml", "<relation"),
    },
    "brat": {
        "documents": (".txt", r"(?s)\A.*\Z"),
        "entities": ("a.ann", r"(?m)^T"),
        "relations": ("a.ann", r"(?m)^[R*]|Who2?:"),
    },
    "cas": {
        "documents": (".json", r"(?s)\A.*\Z"),
        "entities": (".json", '"%TYPE": "custom.Span"'),
        "relations": (".json", '"%TYPE": "custom.Relation"'),
        "cats": (".json", '"%TYPE": "custom.DocumentLabel"'),
    },
    "conll": {
        "documents": ("part.conll", r"(?m)(?:^.*\S.*(?:[\r\n]|\Z))+"),
        "entities": ("part.conll", r"[BS]-"),
    },
    "conllu": {
        "documents": (".conllu", r"(?m)(?:^\d.*(?:[\r\n]|\Z))+"),
        "entities": (".conllu", "NE=B-"),
    },
    "crossre": {
        "documents": (".json", LINES),
        "entities": (".json", r"\[\s*\d+,\s*\d+,\s*\""),
        "relations": (".json", r"\[\s*\d+,\s*\d+,\s*\d+,\s*\d+,\s*\""),
        "cats": (".json", LINES),
    },
    "doccano": {
        "documents": (".jsonl", '"text"'),
        "entities": (".jsonl", r'"start_offset"|\[\s*\d+,\s*\d+,\s*"'),
        "relations": (".jsonl", '"from_id"'),
        "cats": (".jsonl", '"(?:diary|news)"'),
    },
    "docred": {"documents": (".json", '"sents"'), "entities": (".json", '"type"'), "relations": (".json", '"r"')},
    "genia": {"documents": (".jsonlines", LINES), "entities": (".jsonlines", '"entity_type"')},
    "jsonl": {
        "documents": (".jsonl", LINES),
        "entities": (".jsonl", '"start"'),
        "relations": (".jsonl", '"head"'),
        "cats": (".jsonl", '"(?:diary|news)"'),
    },
    "labelstudio": {
        "documents": (".json", '"data"'),
        "entities": (".json", '"(?:person|short|weather)"'),
        "relations": (".json", '"from_id"'),
        "cats": (".json", '"(?:diary|news)"'),
    },
    "prodigy": {
        "documents": (".jsonl", '"answer": "accept"'),
        "entities": (".jsonl", '"type"'),
        "relations": (".jsonl", '"head"'),
        "cats": (".jsonl", '"id": "(?:diary|news)"|"label": "weather".*"accept"'),
    },
    "pubtator": {
        "documents": (".txt", r"\|t\|"),
        "entities": (".txt", r"\t(?:person|place|weather)\t"),
        "relations": (".txt", r"\t(?:met|same)\t"),
    },
    "slots": {
        "documents": ("seq.in", r"(?m)^.*$"),
        "entities": ("seq.out", r"[BS]-"),
        "cats": ("label", LINES),
    },
    "spacyjson": {
        "documents": (".jsonl", '"(?:text|raw)"'),
        "entities": (".jsonl", '"label": "(?:PERSON|person|place)"|U-weather'),
        "relations": (".jsonl", '"head_char"'),
        "cats": (".jsonl", '"(?:diary|news)"'),
    },
    "spert": {"documents": (".json", '"tokens"'), "entities": (".json", '"start"'), "relations": (".json", '"head"')},
    "stockmark": {"documents": (".json", '"text"'), "entities": (".json", '"span"')},
    "table": {
        "documents": (".csv", r"(?m)^r\d,"),
        "entities": (".csv", '"start"'),
        "relations": (".csv", '"head"'),
        "cats": (".csv", ",(?:diary|news),"),
    },
    "webanno": {
        "documents": (".tsv", r"(?s)\A.*\Z"),
        "entities": (".tsv", r"(?:person\[1\]|animal|person\t|mark)"),
        "relations": (".tsv", r"\d_0\]"),
    },
}


def write(format, folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf8"))
    return folder if format in FOLDERS else folder / next(iter(files))


def read(format, source):
    report = Report()
    return list(READERS[format](source, report=report)), report


def amounts(records):
    return {
        "documents": len(records),
        "entities": sum(len(record.entities or ()) for record in records),
        "relations": sum(len(record.relations or ()) for record in records),
        "cats": sum(len(record.cats or ()) for record in records),
    }


def described(format, files):
    counts = Counter()
    for kind, (ending, pattern) in DESCRIBED[format].items():
        for name, content in files.items():
            if name.endswith(ending):
                text = content if isinstance(content, str) else content.decode("utf8", "replace")
                counts[kind] += len(re.findall(pattern, text))
    return counts


@pytest.mark.parametrize("format", with_extras(SAMPLES))
def test_the_samples_are_complete(format, tmp_path):
    records, _ = read(format, write(format, tmp_path, SAMPLES[format]))
    found = amounts(records)
    assert all(found[kind] for kind in DESCRIBED[format])
    assert all(count for count in described(format, SAMPLES[format]).values())


@pytest.mark.parametrize("format", with_extras(SAMPLES))
@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_nothing_is_missing_without_a_word(format, data, tmp_path_factory):
    count()
    valid = SAMPLES[format]
    name = data.draw(st.sampled_from([name for name, content in valid.items() if content]))
    kind, content = data.draw(mutations(valid[name]), label="mutation")
    folder = tmp_path_factory.mktemp("corpus")
    before, report_before = read(format, write(format, folder / "valid", valid))
    files = {**valid, name: content}
    source = write(format, folder / "damaged", files)
    try:
        records, report = read(format, source)
    except CorpusError as err:
        assert re.match(r"\[M20[12]\] ", str(err))
        # A damaged file may be found out by its partner.
        assert any(Path(name).name in str(err) for name in valid)
        str(err).encode("utf8")
        return
    found, expected = amounts(records), amounts(before)
    # By reason: a line that is gone may take a loss with it.
    counted = bool(report.lost - report_before.lost or report.noted - report_before.noted)
    contained, contained_before = described(format, files), described(format, valid)
    for amount, number in expected.items():
        missing = number - found[amount]
        removed = contained_before[amount] - contained[amount]
        # One line of brat (an equivalence) or ASDC (a span with its parts) has several annotations.
        per_unit = 3 if format in ("asdc", "brat") else 1
        assert missing <= per_unit * max(removed, 0) or counted, (kind, amount, missing, removed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = Report()
        docs = list(make_docs(records, NLP, report=again))
    assert len(docs) == len(records)
    lost_entities = sum(count for reason, count in again.lost.items() if "entity" in reason)
    assert again.kept["entities"] + lost_entities == found["entities"]


@pytest.mark.parametrize("format", SAMPLES)
@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_the_format_of_a_damaged_file_is_recognised_or_an_error(format, data, tmp_path_factory):
    count()
    valid = SAMPLES[format]
    name = data.draw(st.sampled_from([name for name, content in valid.items() if content]))
    _, content = data.draw(mutations(valid[name]), label="mutation")
    source = write(format, tmp_path_factory.mktemp("corpus"), {**valid, name: content})
    try:
        assert recognise(source) in READERS
    except ValueError as err:
        assert re.match(r"\[M(201|202|220|221)\] ", str(err))
        assert source.name in str(err)
