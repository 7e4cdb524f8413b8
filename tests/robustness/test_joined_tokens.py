"""Tokens of any script are joined to a text, in every format of tokens: none is lost, and all offsets are exact."""

import json
import tempfile
from pathlib import Path

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_mre.annotations.entities import get_entities
from spacy_mre.annotations.scripts import WITHOUT_BLANKS
from spacy_mre.corpora import READERS, Report, make_docs
from tests.robustness.effort import count, scale
from tests.robustness.test_readers import write

NLP = spacy.blank("xx")
# Of scripts with and without blanks; also halfwidth and combining characters. A token cannot contain a blank.
CHARACTERS = "aZß9.,(京都𠮷々がカー。、「」・Ａ１％ｱ한ﾡไעé\u3099\ufe00\U000e0100\u3000"
words = st.text(st.sampled_from(CHARACTERS), min_size=1, max_size=3).filter(lambda word: word.strip())
sentences = st.lists(words, min_size=1, max_size=10)


def _tags(n, start, end):
    return ["B-x" if i == start else "I-x" if start < i < end else "O" for i in range(n)]


def _conll(tokens, start, end):
    return {"a.conll": "".join(f"{word}\t{tag}\n" for word, tag in zip(tokens, _tags(len(tokens), start, end)))}


def _crossre(tokens, start, end):
    relations = [[start, end - 1, start, end - 1, "r"]]
    item = {"doc_key": "1", "sentence": tokens, "ner": [[start, end - 1, "x"]], "relations": relations}
    return {"music-dev.json": json.dumps(item)}


def _genia(tokens, start, end):
    item = {"tokens": tokens, "entity_mentions": [{"start": start, "end": end, "entity_type": "x"}]}
    return {"a.jsonlines": json.dumps(item)}


def _slots(tokens, start, end):
    return {"seq.in": " ".join(tokens) + "\n", "seq.out": " ".join(_tags(len(tokens), start, end)) + "\n"}


def _spert(tokens, start, end):
    relations = [{"type": "r", "head": 0, "tail": 0}]
    item = {"tokens": tokens, "entities": [{"type": "x", "start": start, "end": end}], "relations": relations}
    return {"a.json": json.dumps([item])}


def _docred(tokens, start, end):
    mention = {"name": "x", "sent_id": 0, "pos": [start, end], "type": "x"}
    return {"a.json": json.dumps([{"title": "a", "sents": [tokens], "vertexSet": [[mention]], "labels": []}])}


def _spacyjson(tokens, start, end):
    tags = ["O"] * len(tokens)
    tags[start:end] = ["U-x"] if end - start == 1 else ["B-x", *["I-x"] * (end - start - 2), "L-x"]
    words = [{"id": i, "orth": word, "ner": tag} for i, (word, tag) in enumerate(zip(tokens, tags))]
    return {"a.json": json.dumps([{"id": 0, "paragraphs": [{"sentences": [{"tokens": words}]}]}])}


def _table(tokens, start, end):
    cells = [json.dumps(values).replace('"', '""') for values in (tokens, _tags(len(tokens), start, end))]
    return {"a.csv": f'tokens,ner_tags\n"{cells[0]}","{cells[1]}"\n'}


# Each gives the files of a source with one sentence, and an entity of the tokens from `start` to `end`.
FORMATS = {
    "conll": _conll,
    "crossre": _crossre,
    "docred": _docred,
    "genia": _genia,
    "slots": _slots,
    "spacyjson": _spacyjson,
    "spert": _spert,
    "table": _table,
}


# Files whose name does not begin with that of their format.
FILES = {"spacy_training_json": "spacyjson"}


def test_every_format_of_tokens_is_tried():
    folder = Path(make_docs.__code__.co_filename).parent
    joining = {path.stem for path in folder.glob("*.py") if "join_words(" in path.read_text("utf8")} - {"reading"}
    assert {FILES.get(stem, stem.split("_")[0]) for stem in joining} == set(FORMATS) <= set(READERS)


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=scale(60), deadline=None, derandomize=True)
@given(tokens=sentences, data=st.data())
def test_offsets_and_entities_are_exact(format, tokens, data):
    count()
    start = data.draw(st.integers(0, len(tokens) - 1))
    end = data.draw(st.integers(start + 1, len(tokens)))
    with tempfile.TemporaryDirectory() as folder:
        (record,) = READERS[format](write(format, Path(folder), FORMATS[format](tokens, start, end)))
    assert record.text.replace(" ", "") == "".join(tokens)
    assert [record.text[s:e] for s, e in record.tokens] == tokens
    between = [record.text[left[1] : right[0]] for left, right in zip(record.tokens, record.tokens[1:])]
    for blank, left, right in zip(between, tokens, tokens[1:]):
        assert blank in ("", " ")
        if WITHOUT_BLANKS.match(left[-1]) and WITHOUT_BLANKS.match(right[0]):
            assert not blank
        if not WITHOUT_BLANKS.search(left + right) and not all(len(token) == 1 for token in tokens):
            assert blank
    # Ideographic spaces at the ends of an entity are left out.
    text = record.text[record.tokens[start][0] : record.tokens[end - 1][1]].strip()
    for policy in ("source", "fitted"):
        report = Report()
        (doc,) = make_docs([record], NLP, tokens=policy, report=report)
        assert doc.text == record.text
        is_trimmed = report.kept["entities trimmed of white space"] > 0
        if policy == "fitted" or not is_trimmed:
            assert not report.lost
            assert [doc[span.start : span.end].text for span in get_entities(doc)] == [text]
        if not is_trimmed:
            assert [token.text for token in doc] == tokens
            assert [bool(token.whitespace_) for token in doc] == [*map(bool, between), False]


@settings(max_examples=scale(60), deadline=None, derandomize=True)
@given(tokens=sentences, separator=st.sampled_from(["", " ", "_"]))
@pytest.mark.parametrize("format", ["conll", "slots"])
def test_a_given_separator_overrides_the_script(format, tokens, separator):
    count()
    with tempfile.TemporaryDirectory() as folder:
        source = write(format, Path(folder), FORMATS[format](tokens, 0, 1))
        (record,) = READERS[format](source, separator=separator)
    assert record.text == separator.join(tokens)
    assert [record.text[s:e] for s, e in record.tokens] == tokens
