import json
import os
import subprocess
import sys

import pytest
import spacy
from pyarrow import parquet
from typer.testing import CliRunner

from spacy_mre.cli import app
from spacy_mre.corpora.jsonl import read_jsonl
from tests.scale.components import make_pipeline
from tests.scale.outputs import FERRY, FOUND, IDA, RAIN, read_rows, write_lines

WIDE = {"COLUMNS": "200", "TERM": "dumb"}
ROWS = [{"id": f"t{i}", "text": text, "n": i} for i, text in enumerate([IDA, RAIN, FERRY, IDA, RAIN])]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "model"
    make_pipeline("fail").to_disk(path)
    return path


@pytest.fixture
def source(tmp_path):
    return write_lines(tmp_path / "texts.jsonl", ROWS)


@pytest.fixture
def annotate(model):
    """Runs the command, which must have an exit code. Returns standard output and standard error."""

    def run(*arguments, code=0, given=None):
        command = ["annotate", str(model), *map(str, arguments)]
        result = CliRunner().invoke(app, command, input=given, env=WIDE)
        assert result.exit_code == code, result.output + repr(result.exception)
        return result.stdout, result.stderr

    return run


def last_line(shown):
    return shown.splitlines()[-1]


def test_a_folder(annotate, source, tmp_path):
    shown, _ = annotate(source, tmp_path / "out", "--rows", 2)
    assert last_line(shown).startswith(f"5 texts in {tmp_path / 'out'}; 0 left out, ")
    assert last_line(shown).endswith(" texts per second")
    parts = sorted((tmp_path / "out").glob("*.parquet"))
    assert len(parts) == 3
    found = [row for path in parts for row in read_rows(path)]
    assert [row["n"] for row in found] == [0, 1, 2, 3, 4] and found[3] == {**ROWS[3], **FOUND}


def test_the_same_command_goes_on(annotate, source, tmp_path):
    annotate(source, tmp_path / "out", "--rows", 2)
    (tmp_path / "out" / "part-000002.parquet").unlink()
    shown, _ = annotate(source, tmp_path / "out", "--rows", 2)
    assert last_line(shown).startswith(f"5 texts in {tmp_path / 'out'}, 4 of them by an earlier run; 0 left out, ")
    shown, _ = annotate(source, tmp_path / "out", "--rows", 2)
    assert last_line(shown) == f"5 texts in {tmp_path / 'out'}, 5 of them by an earlier run; 0 left out"
    _, shown = annotate(source, tmp_path / "out", "--rows", 3, code=1)
    assert shown.startswith("[M727]") and "rows was 2 and is 3" in shown
    shown, _ = annotate(source, tmp_path / "out", "--rows", 3, "--overwrite")
    assert last_line(shown).startswith(f"5 texts in {tmp_path / 'out'}; ")


def test_one_text(annotate, tmp_path):
    shown, _ = annotate(write_lines(tmp_path / "a.jsonl", ROWS[:1]), tmp_path / "out.jsonl")
    assert last_line(shown).startswith("1 text in ")


@pytest.mark.parametrize("form", ["parquet", "jsonl", "jsonl.gz", "jsonl.zst", "spacy"])
def test_forms(annotate, source, tmp_path, form):
    annotate(source, tmp_path / f"out.{form}", "--workers", 2, "--rows", 2)
    annotate(source, tmp_path / "out", "--form", form, "--rows", 10)
    for path in (tmp_path / f"out.{form}", tmp_path / "out" / f"part-000000.{form}"):
        assert [(row["id"], row["text"]) for row in read_rows(path)] == [(row["id"], row["text"]) for row in ROWS]


def test_options(annotate, tmp_path):
    rows = [{"key": "a", "body": IDA, "n": 1, "m": 2, "o": 3}, {"key": "b", "body": None}]
    options = ["--text", "body", "--id", "key", "--keep", "n, key", "--select", "cats,relations", "--prefix", "mre_"]
    options += ["--on-error", "skip", "--batch-tokens", 1]
    shown, _ = annotate(write_lines(tmp_path / "a.jsonl", rows), tmp_path / "out.jsonl", *options)
    assert last_line(shown).startswith(f"1 text in {tmp_path / 'out.jsonl'}; 1 left out, ")
    assert read_rows(tmp_path / "out.jsonl") == [
        {"key": "a", "body": IDA, "n": 1, "mre_relations": FOUND["relations"], "mre_cats": FOUND["cats"]}
    ]
    rejected = json.loads((tmp_path / "out.jsonl.rejected.jsonl").read_text())
    assert rejected == {"row": 2, "place": "a.jsonl, line 2", "reason": "the text is missing", "id": "b"}


@pytest.mark.parametrize("suffix", [".csv", ".txt", ".parquet", ".spacy"])
def test_inputs(annotate, source, tmp_path, suffix):
    texts = [row["text"] for row in ROWS]
    path = tmp_path / f"texts{suffix}"
    if suffix == ".csv":
        path.write_text("id,text\n" + "".join(f"t{i},{text}\n" for i, text in enumerate(texts)), encoding="utf8")
    elif suffix == ".txt":
        path.write_text("".join(f"{text}\n" for text in texts), encoding="utf8")
    else:
        annotate(source, path, *(["--select", ""] if suffix == ".parquet" else []))
        assert suffix == ".spacy" or parquet.read_schema(path).names == ["id", "text", "n"]
    annotate(path, tmp_path / "out.jsonl", "--rows", 2)
    found = read_rows(tmp_path / "out.jsonl")
    assert [row["text"] for row in found] == texts
    assert [row["entities"] for row in found][:2] == [FOUND["entities"], []]
    ids = [1, 2, 3, 4, 5] if suffix == ".txt" else ["t0", "t1", "t2", "t3", "t4"]
    assert [row["id"] for row in found] == ids


def test_a_folder_of_files_and_back(annotate, source, tmp_path):
    annotate(source, tmp_path / "out", "--form", "jsonl.gz", "--rows", 2)
    annotate(tmp_path / "out", tmp_path / "again.jsonl", "--keep", "n")
    assert [row["n"] for row in read_rows(tmp_path / "again.jsonl")] == [0, 1, 2, 3, 4]


def test_the_output_is_a_corpus(annotate, source, tmp_path):
    annotate(source, tmp_path / "out.jsonl", "--keep", "id")
    records = list(read_jsonl(tmp_path / "out.jsonl"))
    assert [record.id for record in records] == [row["id"] for row in ROWS]
    assert [len(record.entities) for record in records] == [2, 0, 3, 2, 0]


@pytest.mark.parametrize("workers", [1, 2])
def test_standard_input_and_output(annotate, source, workers):
    lines = source.read_text(encoding="utf8") + '{"text": null}\n'
    shown, told = annotate("-", "-", "--rows", 2, "--workers", workers, "--on-error", "skip", given=lines)
    found = [json.loads(line) for line in shown.splitlines()]
    assert [row["n"] for row in found] == [0, 1, 2, 3, 4] and found[0] == {**ROWS[0], **FOUND}
    rejected, counts = told.splitlines()
    assert json.loads(rejected)["place"] == "standard input, line 6"
    assert counts.startswith("5 texts in -; 1 left out, ")


def test_standard_input_into_a_folder(annotate, source, tmp_path):
    annotate("-", tmp_path / "out", "--rows", 2, given=source.read_text(encoding="utf8"))
    assert len(list((tmp_path / "out").glob("part-*"))) == 3


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("bad, reason", [('{"text": 5}', "the text is not a string, but int"), ("{", "it is not JSON")])
def test_stop_at_a_text(annotate, source, tmp_path, workers, bad, reason):
    with source.open("a", encoding="utf8") as file:
        file.write(f"\n{bad}\n")
    _, shown = annotate(source, tmp_path / "out.jsonl", "--workers", workers, "--rows", 2, code=1)
    (line,) = [line for line in shown.splitlines() if line.startswith("[")]
    assert line.startswith(f"[M725] texts.jsonl, line 7: {reason}") and "--on-error skip" in line
    assert "Traceback" not in shown and not (tmp_path / "out.jsonl").exists()
    shown, _ = annotate(source, tmp_path / "out.jsonl", "--rows", 2, "--on-error", "skip")
    assert "of them by an earlier run; 1 left out" in last_line(shown)


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        (["out.csv"], 1, "[M724]"),
        (["out", "--select", "cats,ents"], 1, "[M001] Invalid value 'ents' for 'select'"),
        (["out", "--form", "csv"], 1, "[M001] Invalid value 'csv' for 'form'"),
        (["out", "--keep", "n,x"], 1, "[M732] There is no column x to keep"),
        (["out", "--text", "body"], 1, "[M725] texts.jsonl, line 1: it has no column 'body' (its columns: "),
        (["out", "--text", "n", "--rows", "2"], 1, "[M725] texts.jsonl, line 1: the text is not a string, but int"),
        (["texts.jsonl", "--on-error", "skip"], 1, "[M611] texts.jsonl cannot be written: the input"),
        (["out.spacy", "--select", "cats"], 2, "--select and --prefix are for columns"),
        (["out", "--form", "spacy", "--prefix", "my_"], 2, "--select and --prefix are for columns"),
        (["out", "--prefix", "", "--id", "n", "--gpu-id", "7"], 1, "[M614]"),
        (["out.jsonl", "--form", "jsonl"], 2, "--form is for folders"),
        (["-", "--form", "jsonl"], 2, "--form is for folders"),
        (["out", "--workers", "0"], 2, "--workers"),
        (["out", "--rows", "0"], 2, "--rows"),
        (["out", "--batch-tokens", "0"], 2, "--batch-tokens"),
        (["out", "--on-error", "go"], 2, "--on-error"),
        (["out", "--address", "10.0.0.1:6379"], 2, "--address has no effect"),
        (["out", "--engine", "ray", "--id", "n"], 2, "--id has no effect"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_refused(annotate, source, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    _, shown = annotate(source, *arguments, code=code)
    assert message in shown and "Traceback" not in shown
    if code == 1:
        assert len(shown.splitlines()) == 1
    assert not list(tmp_path.glob("out*/part-*"))


@pytest.mark.parametrize("name", ["part-000001.jsonl.gz", "_manifest.json"])
def test_damaged_files(annotate, source, tmp_path, name):
    arguments = source, tmp_path / "out", "--form", "jsonl.gz", "--rows", 2
    annotate(*arguments)
    path = tmp_path / "out" / name
    path.write_bytes(path.read_bytes()[:20])
    _, shown = annotate(*arguments, code=1)
    assert shown.startswith("[M734]") and name in shown and len(shown.splitlines()) == 1
    annotate(*arguments, "--overwrite")
    shown, _ = annotate(*arguments)
    assert "5 of them by an earlier run" in last_line(shown)


def test_what_cannot_be_read(annotate, tmp_path):
    _, shown = annotate(tmp_path / "nothing.jsonl", tmp_path / "out", code=1)
    assert shown.startswith("[M701]")
    (tmp_path / "texts.doc").touch()
    _, shown = annotate(tmp_path / "texts.doc", tmp_path / "out", code=1)
    assert shown.startswith("[M700]")
    assert not (tmp_path / "out").exists()


def test_no_pipeline(source, tmp_path):
    result = CliRunner().invoke(app, ["annotate", "no_such_pipeline", str(source), str(tmp_path / "out")], env=WIDE)
    assert result.exit_code == 1 and result.stderr.startswith("[E050]")


def test_as_a_program(source, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "person", "pattern": "Ida"}])
    nlp.to_disk(tmp_path / "model")
    command = [sys.executable, "-m", "spacy_mre", "annotate", str(tmp_path / "model"), "-", "-"]
    shown = subprocess.run(command, input=source.read_bytes(), capture_output=True, env=os.environ, check=True)
    found = [json.loads(line) for line in shown.stdout.splitlines()]
    assert [[entity["text"] for entity in row["entities"]] for row in found] == [["Ida"], [], [], ["Ida"], []]
    assert found[0]["relations"] is None and found[0]["cats"] is None
    assert shown.stderr.decode().splitlines()[-1].startswith("5 texts in -; 0 left out, ")
