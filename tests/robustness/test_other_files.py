"""Damaged files other than corpora: generated strings, formats, questions, display names, texts, mark-up, `.spacy`."""

import json
import warnings

import pytest
import spacy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spacy_mre import load_docs, save_docs
from spacy_mre.cli.common import read_display_names
from spacy_mre.cli.page import _read_texts
from spacy_mre.corpora.assets import compile_corpus, read_labels
from spacy_mre.pipeline.generative.format_files import load_formats
from spacy_mre.pipeline.generative.formats import FORMATS, Task
from spacy_mre.pipeline.generative.rows import read_rows
from spacy_mre.pipeline.generative.strings import read_strings
from spacy_mre.pipeline.multi_ner.questions import read_questions
from spacy_mre.visual.names import Names
from tests.robustness.effort import count, scale
from tests.robustness.strategies import mutations

EXAMPLES = scale(25)
NLP = spacy.blank("xx")
FORMAT = FORMATS["oiellm"](Task.of_labels("SCNM", "en", ["diary"], ["person", "place"]))
ANALYSES = [FORMAT.source("Ada met Bo."), FORMAT.source("Rain.")]
MARKUP = """## diary-1
en: [person:a|Ada [place:b|Lima]] met \\[Bo\\].
ja: [person:a|[place:b|リマ]のエイダ]。
relations: a in b

## diary-2
en: Rain.
ja: 雨。
"""
LABELS = {"entities": {"person": {"en": "person"}, "place": {}}, "relations": {"in": {}}, "cats": {"diary": {}}}


def _compile(path):
    folder = path.parent / "corpus"
    folder.mkdir(exist_ok=True)
    labels = path if path.suffix == ".json" else path.parent / "labels.json"
    if labels != path:
        labels.write_text(json.dumps(LABELS))
    (folder / "diary.mre").write_bytes(MARKUP.encode("utf8") if labels == path else path.read_bytes())
    compile_corpus(folder, path.parent / "compiled", read_labels(labels))


# The name of the file, its content, and what reads it.
FILES = {
    "strings": (
        "a.jsonl",
        "".join(json.dumps({"input": source, "output": "x"}) + "\n" for source in ANALYSES),
        lambda path: list(read_strings(path, FORMAT)),
    ),
    "rows": ("a.jsonl", '{"input": "Ada", "output": "person"}\n{"input": "雨", "output": "x"}\n', read_rows),
    "format": (
        "a.format.json",
        json.dumps({"format": FORMAT.name, "tasks": [FORMAT.task.to_dict()]}, indent=1),
        lambda path: [format.to_dict() for format in load_formats(path)],
    ),
    "questions": (
        "a.json",
        '{"person": "Find persons.", "場所": "場所を探す。"}\n',
        lambda path: read_questions(str(path)),
    ),
    "names": ("a.json", json.dumps(LABELS, indent=1), lambda path: Names(read_display_names(path), "en")),
    "lines": ("a.txt", "Ada met Bo.\nRain.\n", lambda path: list(_read_texts(path))),
    "records": ("a.jsonl", '{"text": "Ada"}\n{"text": "雨", "x": [1]}\n', lambda path: list(_read_texts(path))),
    "markup": ("diary.mre", MARKUP, _compile),
    "labels": ("labels.json", json.dumps(LABELS, indent=1), _compile),
}


@pytest.mark.parametrize("kind", FILES)
def test_the_samples_are_valid(kind, tmp_path):
    name, content, read = FILES[kind]
    (tmp_path / name).write_text(content, encoding="utf8")
    read(tmp_path / name)


@pytest.mark.parametrize("kind", FILES)
@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_files_are_read_or_refused(kind, data, tmp_path_factory):
    name, content, read = FILES[kind]
    count()
    _, damaged = data.draw(mutations(content), label="mutation")
    path = tmp_path_factory.mktemp("files") / name
    path.write_bytes(damaged)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(path)
    except ValueError as err:
        assert str(err).startswith("[M")
        # The table of display names may also come from Python, so that its error has no file.
        # The table of labels is found out by the corpus that uses it.
        names = {"names": [""], "labels": ["labels.json", "diary.mre"]}.get(kind, [name.split(".")[0]])
        assert any(name in str(err) for name in names)
        str(err).encode("utf8")


@pytest.mark.parametrize("kind", FILES)
def test_missing_files_and_folders_are_refused(kind, tmp_path):
    name, _, read = FILES[kind]
    if kind == "markup":
        pytest.skip("a corpus is a folder")
    (tmp_path / name).mkdir()
    with pytest.raises(ValueError, match=r"^\[M"):
        read(tmp_path / name)


@settings(max_examples=EXAMPLES, deadline=None, derandomize=True)
@given(data=st.data())
def test_damaged_spacy_files_are_refused(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "a.spacy"
    save_docs(NLP.pipe(["Ada met Bo.", "雨"]), path)
    count()
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[place:]
    else:
        content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"M105.*a\.spacy"):
        list(load_docs(path))
