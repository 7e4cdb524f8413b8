"""The command `convert`: formats that are recognised, and sources from which nothing is read."""

import gc
import json
import shlex
import sys
from collections import Counter
from inspect import signature

import pytest
from spacy.tokens import Doc

from spacy_mre import load_docs
from spacy_mre.cli import convert
from spacy_mre.corpora import READERS, WRITERS, Record, make_docs
from spacy_mre.corpora.splits import PARTS
from tests.robustness.strategies import SAMPLES
from tests.robustness.test_readers import write


@pytest.mark.parametrize("format", SAMPLES)
def test_auto_says_the_format_and_converts_the_same(format, run, tmp_path):
    source = write(format, tmp_path / "a", SAMPLES[format])
    first, *_ = run("convert", "auto", source, tmp_path / "auto.spacy").splitlines()
    assert first.startswith(f"Format: {format}, because the source is ")
    run("convert", format, source, tmp_path / "named.spacy")
    auto, named = ([doc.to_json() for doc in load_docs(tmp_path / f"{name}.spacy")] for name in ("auto", "named"))
    assert auto == named


def test_auto_of_an_unknown_format(run, tmp_path):
    (tmp_path / "a").write_text("Ada met Bo.", encoding="utf8")
    assert "[M220]" in run("convert", "auto", tmp_path / "a", tmp_path / "a.spacy", code=1)
    assert not (tmp_path / "a.spacy").exists()


def test_auto_takes_the_options_of_the_format_it_found(run, tmp_path):
    source = tmp_path / "a.csv"
    source.write_text("text,stars\nAda,5\n", encoding="utf8")
    run("convert", "auto", source, tmp_path / "a.spacy", "--label-column", "stars")
    (doc,) = load_docs(tmp_path / "a.spacy")
    assert doc.cats == {"5": 1.0}
    assert "the format table has no option --layer" in run(
        "convert", "auto", source, tmp_path / "a.spacy", "--layer", "Span", code=2
    )


def test_an_error_of_a_source_in_another_format_names_it(run, tmp_path):
    source = write("labelstudio", tmp_path / "a", SAMPLES["labelstudio"])
    shown = run("convert", "doccano", source, tmp_path / "a.spacy", code=1)
    assert shown.startswith("[M20")
    assert "Read as 'doccano', but its content is that of 'labelstudio' (python -m spacy_mre convert" in shown
    source.write_text('{"text": "Ada", "label": [[0, 9, "person"]]}', encoding="utf8")
    assert "but its content" not in run("convert", "doccano", source, tmp_path / "a.spacy", code=1)
    assert not (tmp_path / "a.spacy").exists()


def test_auto_takes_the_only_format_with_an_option(run, tmp_path):
    source = tmp_path / "a.csv"
    source.write_text("body,stars\nAda,5\n", encoding="utf8")
    assert "[M220]" in run("convert", "auto", source, tmp_path / "a.spacy", code=1)
    options = ("--text-column", "body", "--label-column", "stars")
    output = run("convert", "auto", source, tmp_path / "a.spacy", *options)
    assert "Format: table, because only it has --text-column and --label-column" in output
    # Several formats have this one.
    assert "[M220]" in run("convert", "auto", source, tmp_path / "b.spacy", "--pairs", "all", code=1)


@pytest.mark.parametrize(
    "options, package",
    [
        (["--lang", "th"], "pythainlp"),
        (["--lang", "ko"], "natto"),
        (["--lang", "vi"], "pyvi"),
        (["--lang", "ja"], "sudachipy"),
        (["--nlp", "ja_cpu"], "sudachipy"),
    ],
)
def test_a_missing_tokenizer_is_told_before_the_source_is_read(run, tmp_path, monkeypatch, options, package):
    monkeypatch.setitem(sys.modules, package, None)
    source = tmp_path / "a.jsonl"
    source.write_text("{", encoding="utf8")
    output = run("convert", "jsonl", source, tmp_path / "a.spacy", *options, code=1)
    assert output.startswith(f"[M033] '{options[1]}' needs packages that are not installed: ") and "--nlp" in output


@pytest.mark.parametrize("rule", [None, "hash"])
def test_a_seed_without_draws_is_refused(run, tmp_path, rule):
    source = write("jsonl", tmp_path / "a", SAMPLES["jsonl"])
    chosen = ["--split-rule", rule] if rule else []
    output = run("convert", "jsonl", source, tmp_path / "a.spacy", "--seed", "0", *chosen, code=2)
    assert "--seed has no effect: only --split-rule stratified draws" in output
    assert not (tmp_path / "a.spacy").exists()


def test_a_file_of_crossre_has_no_parts(run, tmp_path):
    source = tmp_path / "music-train.json"
    source.write_text(SAMPLES["crossre"]["music-dev.json"], encoding="utf8")
    output = run("convert", "crossre", source, tmp_path / "a.spacy", "--part", "dev", code=1)
    assert "[M202]" in output and "leave out --part" in output
    assert not (tmp_path / "a.spacy").exists()


def test_every_reader_can_be_told_its_options():
    parameters = signature(convert.convert_cli).parameters.keys()
    assert convert.READER_OPTIONS and parameters >= convert.READER_OPTIONS


def test_the_list_of_formats(run):
    lines = run("convert", "--list").splitlines()
    assert [line.split()[0] for line in lines[::2]] == list(READERS)
    assert [line.split()[0] for line in lines[::2] if "export writes it" in line] == list(WRITERS)
    for format, line in zip(READERS, lines[1::2], strict=True):
        # Every option of an example exists: the only thing that is wrong is the source, which does not exist.
        python, *words = shlex.split(line)
        assert (python, words[:4]) == ("python", ["-m", "spacy_mre", "convert", format])
        assert "does not exist" in " ".join(run(*words[2:], code=2).replace("│", " ").split())


ENTITY = {"start": 0, "end": 3, "label": "x"}
RESULT = {"id": "a", "type": "labels", "value": {"start": 0, "end": 3, "text": "Ada", "labels": ["x"]}}
# Format, source, what the error names.
NOTHING = {
    "jsonl, a misspelt key": ("jsonl", {"text": "Ada", "entitites": [ENTITY]}, "'entitites'", "mean 'entities'"),
    "jsonl, the key of doccano": ("jsonl", {"text": "Ada", "label": "x"}, "'label'", "convert doccano"),
    "jsonl, empty lists": ("jsonl", {"text": "Ada", "entities": [], "relations": []}, "--allow-empty"),
    "jsonl, empty labels": ("jsonl", {"text": "Ada", "entities": [{**ENTITY, "label": ""}]}, "without a label"),
    "spert, the key of CrossRE": ("spert", [{"tokens": ["Ada"], "ner": [[0, 0, "x"]]}], "'ner'"),
    "genia, a misspelt key": ("genia", {"tokens": ["Ada"], "entity_mention": []}, "mean 'entity_mentions'"),
    "doccano, a misspelt key": ("doccano", {"text": "Ada", "lable": ["x"]}, "'lable'", "mean 'label'"),
    "prodigy, a misspelt key": ("prodigy", {"text": "Ada", "span": [ENTITY]}, "'span'", "mean 'spans'"),
    "stockmark, a misspelt key": ("stockmark", [{"curid": "1", "text": "Ada", "entity": []}], "'entity'"),
    "labelstudio, only predictions": (
        "labelstudio",
        [{"data": {"text": "Ada"}, "predictions": [{"result": [RESULT]}]}],
        "--annotations predictions",
    ),
    "labelstudio, a misspelt key": (
        "labelstudio",
        [{"data": {"text": "Ada"}, "annotation": [{"result": [RESULT]}]}],
        "'annotation'",
    ),
    "labelstudio, cancelled": (
        "labelstudio",
        [{"data": {"text": "Ada"}, "annotations": [{"was_cancelled": True, "result": [RESULT]}]}],
        "cancelled annotation",
    ),
    "labelstudio, another key of labels": (
        "labelstudio",
        [{"data": {"text": "Ada"}, "annotations": [{"result": [{**RESULT, "value": {"start": 0, "end": 3}}]}]}],
        "region without a label",
    ),
    "table, another column": ("table", "text,lable\nAda,x\n", "'lable'", "mean 'label'"),
    "conll, only O": ("conll", "Ada O\n", "--allow-empty"),
    "conllu, another key": ("conllu", "1\tAda\t_\t_\t_\t_\t0\t_\t_\tENE=B-x\n", "--allow-empty"),
}


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_read_is_nothing_converted(name, run, tmp_path):
    format, content, *named = NOTHING[name]
    source, target = tmp_path / "a", tmp_path / "a.spacy"
    source.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf8")
    output = run("convert", format, source, target, code=1)
    assert "[M252]" in output and str(source) in output
    for words in named:
        assert words in output
    assert not target.exists()
    run("convert", format, source, target, "--allow-empty")
    (doc,) = load_docs(target)
    assert doc.text == "Ada" and not doc.ents


@pytest.mark.parametrize("name", ["a.txt.ann", "b.ann", "a.a1", "a.ANN"])
def test_files_of_annotations_that_are_not_read(name, run, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.txt").write_text("Ada", encoding="utf8")
    (tmp_path / "folder" / name).write_text("T1\tx 0 3\tAda\n", encoding="utf8")
    output = run("convert", "brat", tmp_path / "folder", tmp_path / "a.spacy", code=1)
    assert name in output and "a.ann" in output
    assert not (tmp_path / "a.spacy").exists()


def test_answers_that_are_not_read(run, tmp_path):
    source = tmp_path / "a.jsonl"
    source.write_text(json.dumps({"text": "Ada", "spans": [ENTITY], "answer": "reject"}), encoding="utf8")
    output = run("convert", "prodigy", source, tmp_path / "a.spacy", code=1)
    assert "[M208]" in output and "text with the answer 'reject', left out: 1" in output
    assert "[M208]" in run("convert", "prodigy", source, tmp_path / "a.spacy", "--allow-empty", code=1)


@pytest.mark.parametrize(
    "format, item",
    [
        ("jsonl", {"text": "Ada", "entities": [ENTITY], "relatons": []}),
        ("doccano", {"text": "Ada", "entities": [[0, 3, "x"]], "relatons": [{"type": "met"}]}),
        ("prodigy", {"text": "Ada", "spans": [ENTITY], "relation": [{"label": "met"}]}),
    ],
)
def test_strict_refuses_keys_that_may_be_annotations(format, item, run, tmp_path):
    source = tmp_path / "a.jsonl"
    source.write_text(json.dumps(item), encoding="utf8")
    output = run("convert", format, source, tmp_path / "a.spacy", "--strict", code=1)
    assert "[M203]" in output and "did you mean 'relations'?" in output
    run("convert", format, source, tmp_path / "a.spacy")


def test_strict_accepts_metadata(run, tmp_path):
    source = tmp_path / "a.jsonl"
    source.write_text(json.dumps({"text": "Ada", "label": ["x"], "page": [1], "text_id": 5}), encoding="utf8")
    run("convert", "doccano", source, tmp_path / "a.spacy", "--strict")
    (doc,) = load_docs(tmp_path / "a.spacy")
    assert doc.user_data["meta"] == {"page": (1,), "text_id": 5}


def write_texts(path, count, label="person"):
    lines = [
        {"id": f"t-{i}", "text": f"Ada{i} met Bo.", "entities": [{"start": 0, "end": 3 + len(str(i)), "label": label}]}
        for i in range(1, count + 1)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf8")
    return path


def test_a_large_corpus_becomes_several_files_and_a_small_one_replaces_them(run, tmp_path, monkeypatch):
    source, output = write_texts(tmp_path / "a.jsonl", 60), tmp_path / "corpus"
    monkeypatch.setattr(convert, "BATCH", 7)
    with monkeypatch.context() as small:
        small.setattr(convert, "MAX_BYTES", 1000)
        run("convert", "jsonl", source, output, "--split-rule", "number")
        assert len(list((output / "train.spacy").iterdir())) > 3
        run("convert", "jsonl", source, tmp_path / "a.spacy")
        assert len(list((tmp_path / "a.spacy").iterdir())) > 3
    in_order = [doc.user_data["id"] for doc in load_docs(tmp_path / "a.spacy")]
    assert in_order == [f"t-{i}" for i in range(1, 61)]
    assert [doc.ents[0].text for doc in load_docs(tmp_path / "a.spacy")] == [f"Ada{i}" for i in range(1, 61)]
    several = [[doc.to_json() for doc in load_docs(output / f"{part}.spacy")] for part in PARTS]
    assert [len(part) for part in several] == [48, 6, 6]
    # The folders of earlier files go, and the other way round.
    run("convert", "jsonl", source, output, "--split-rule", "number")
    assert sorted(path.name for path in output.iterdir() if path.is_file()) == [f"{p}.spacy" for p in sorted(PARTS)]
    assert [[doc.to_json() for doc in load_docs(output / f"{part}.spacy")] for part in PARTS] == several
    (output / "train.spacy").unlink()
    (output / "train.spacy").mkdir()
    (output / "train.spacy" / "notes").touch()
    assert "[M611]" in run("convert", "jsonl", source, output, "--split-rule", "number", code=1)
    (output / "train.spacy" / "notes").unlink()
    with monkeypatch.context() as small:
        small.setattr(convert, "MAX_BYTES", 1000)
        run("convert", "jsonl", write_texts(tmp_path / "b.jsonl", 12), output, "--split-rule", "number")
    assert [len(list(load_docs(output / f"{part}.spacy"))) for part in PARTS] == [10, 1, 1]


def test_a_split_is_written_whole_or_not_at_all(run, tmp_path):
    output = tmp_path / "corpus"
    run("convert", "jsonl", write_texts(tmp_path / "a.jsonl", 12, "old"), output, "--split-rule", "number")
    before = {path.name: path.read_bytes() for path in output.iterdir()}
    lost = write_texts(tmp_path / "b.jsonl", 12, "new")
    with lost.open("a", encoding="utf8") as file:
        file.write('{"id": "t-13", "text": "Ada", "entities": [{"start": 0, "end": 3, "label": ""}]}\n')
    assert "[M203]" in run("convert", "jsonl", lost, output, "--split-rule", "number", "--strict", code=1)
    assert {path.name: path.read_bytes() for path in output.iterdir()} == before
    assert "[M203]" in run("convert", "jsonl", lost, output / "test.spacy", "--strict", code=1)
    assert {path.name: path.read_bytes() for path in output.iterdir()} == before
    run("convert", "jsonl", lost, output, "--split-rule", "number")
    assert {doc.ents[0].label_ for doc in load_docs(output / "test.spacy")} == {"new"}


def test_few_records_and_documents_are_in_memory_at_a_time(run, tmp_path, monkeypatch):
    def count():
        gc.collect()
        objects = Counter(map(type, gc.get_objects()))
        return objects[Record], objects[Doc]

    before = count()  # those of other tests
    in_memory = []

    def counting(batch, *args, **kwargs):
        in_memory.append(count())
        yield from make_docs(batch, *args, **kwargs)

    monkeypatch.setattr(convert, "BATCH", 5)
    monkeypatch.setattr(convert, "make_docs", counting)
    source = write_texts(tmp_path / "a.jsonl", 100)
    run("convert", "jsonl", source, tmp_path / "a.spacy")
    run("convert", "jsonl", source, tmp_path / "corpus", "--split-rule", "hash")
    run("convert", "jsonl", source, tmp_path / "corpus", "--split-rule", "stratified")
    assert len(in_memory) >= 60
    n_records, n_docs = map(max, zip(*in_memory))
    assert 5 <= n_records - before[0] <= 15
    assert n_docs - before[1] <= 5
