"""Files that cannot be read or written: one numbered line instead of a traceback, and nothing is written."""

import os
import zlib

import pytest
import spacy
from typer.testing import CliRunner

from spacy_mre import save_docs
from spacy_mre.cli import app

BAD = {
    "empty.txt": (b"", "M202"),
    "empty.jsonl": (b"", "M202"),
    "empty.spacy": (b"", "M105"),
    "blank.txt": (b"\n \n\t\n\n", "M202"),
    "blank.jsonl": (b"\n\n", "M202"),
    "latin.txt": ("Düsseldorf\n".encode("latin-1"), "M201"),
    "latin.jsonl": ('{"text": "Düsseldorf"}\n'.encode("latin-1"), "M201"),
    "utf16.txt": ("Rain\n".encode("utf-16"), "M201"),
    "utf16.jsonl": ('{"text": "Rain"}\n'.encode("utf-16-le"), "M201"),
    "text.spacy": (b"Rain in Oslo.\n", "M105"),
    "other.spacy": (zlib.compress(b"Rain in Oslo.\n"), "M105"),
    "no_documents.spacy": (None, "M610"),
}
READING = {
    ".spacy": [
        ["page", "MODEL", "IN", "OUT/a.html"],
        ["evaluate", "MODEL", "IN", "-o", "OUT/a.json"],
        ["evaluate", "MODEL", "GOOD", "--baseline", "IN"],
        ["stats", "IN"],
        ["stats", "GOOD", "--against", "IN"],
        ["export", "jsonl", "IN", "OUT/a.jsonl"],
        ["strings", "IN", "OUT/a.jsonl"],
        ["few-shot", "IN", "OUT"],
        ["merge", "IN", "GOOD", "--rule", "union", "-o", "OUT/a.spacy"],
        ["merge", "GOOD", "IN", "--rule", "union", "-o", "OUT/a.spacy"],
    ],
    ".jsonl": [
        ["page", "MODEL", "IN", "OUT/a.html"],
        ["convert", "jsonl", "IN", "OUT/a.spacy"],
        ["convert", "doccano", "IN", "OUT/a.spacy"],
        ["strings", "IN", "OUT/a.spacy", "--read"],
    ],
    ".txt": [["page", "MODEL", "IN", "OUT/a.html"]],
}
# OUT is the last argument.
WRITING = [
    ["convert", "jsonl", "TEXTS", "x.spacy"],
    ["export", "jsonl", "GOOD", "x.jsonl"],
    ["export", "doccano", "GOOD", "x.jsonl"],
    ["page", "MODEL", "TEXTS", "x.html"],
    ["evaluate", "MODEL", "GOOD", "-o", "x.json"],
    ["strings", "GOOD", "x.jsonl"],
    ["merge", "GOOD", "SAME", "--rule", "union", "-o", "x.spacy"],
]
WRITING_FOLDERS = [
    ["convert", "jsonl", "TEXTS", "--split-rule", "hash", "x"],
    ["export", "brat", "GOOD", "x"],
    ["few-shot", "GOOD", "x"],
    ["evaluate", "MODEL", "GOOD", "--mistakes-to", "x"],
]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "place", "pattern": "Oslo"}])
    nlp.to_disk(folder / "model")
    doc = nlp("Rain in Oslo.")
    doc.cats = {"weather": 1.0}
    save_docs([doc], folder / "good.spacy")
    save_docs([doc], folder / "same.spacy")
    (folder / "texts.jsonl").write_text('{"text": "Rain in Oslo.", "cats": "weather"}\n', encoding="utf8")
    for name, (content, _) in BAD.items():
        if content is None:
            save_docs([], folder / name)
        else:
            (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def run(files, tmp_path):
    """Runs a command, which must fail with one line. Returns the line."""

    def invoke(command, source="good.spacy", code=1):
        places = {"MODEL": files / "model", "GOOD": files / "good.spacy", "TEXTS": files / "texts.jsonl"}
        places |= {"IN": files / source, "SAME": files / "same.spacy"}
        arguments = [str(places.get(part, part)).replace("OUT", str(tmp_path / "out")) for part in command]
        result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200", "TERM": "dumb"})
        assert isinstance(result.exception, SystemExit) and result.exit_code == code, result.output
        assert "Traceback" not in result.output
        (line,) = result.stderr.splitlines()
        return line

    return invoke


CASES = [(name, command) for name in BAD for command in READING[name[name.index(".") :]]]


@pytest.mark.parametrize("name, command", CASES, ids=lambda value: value if isinstance(value, str) else " ".join(value))
def test_a_file_that_cannot_be_read(run, tmp_path, name, command):
    line = run(command, name)
    assert line.startswith(f"[{BAD[name][1]}]") and name in line
    assert not (tmp_path / "out").exists()


def last(command, path):
    return [*command[:-1], str(path)]


@pytest.mark.parametrize("command", [*WRITING, *WRITING_FOLDERS], ids=lambda command: " ".join(command))
def test_a_place_below_a_file(run, tmp_path, command):
    (tmp_path / "file").write_text("mine", encoding="utf8")
    line = run(last(command, tmp_path / "file" / command[-1]))
    assert line.startswith("[M611]") and f"{tmp_path / 'file'} is not a folder" in line
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("command", WRITING, ids=lambda command: " ".join(command))
def test_a_folder_in_place_of_a_file(run, tmp_path, command):
    place = tmp_path / command[-1]
    place.mkdir()
    (place / "mine.txt").write_text("mine", encoding="utf8")
    if command[0] in ("page", "evaluate"):
        pytest.skip("typer's own check")
    line = run(last(command, place))
    assert line.startswith("[M611]") and "it is a folder" in line
    assert [path.name for path in tmp_path.rglob("*")] == [command[-1], "mine.txt"]


@pytest.mark.parametrize("command", WRITING_FOLDERS[:2], ids=lambda command: " ".join(command))
def test_a_file_in_place_of_a_folder_is_kept(run, tmp_path, command):
    place = tmp_path / command[-1]
    place.write_text("mine", encoding="utf8")
    line = run(last(command, place))
    assert line.startswith("[M611]") and "it is a file, not a folder" in line
    assert place.read_text(encoding="utf8") == "mine"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("command", WRITING, ids=lambda command: " ".join(command))
def test_a_device_or_pipe_is_not_replaced(run, tmp_path, command):
    place = tmp_path / command[-1]
    os.mkfifo(place)
    assert "[M611]" in (line := run(last(command, place))) and "it is a device or a pipe" in line
    assert place.is_fifo() and [path.name for path in tmp_path.iterdir()] == [command[-1]]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_as_input(run, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for format in ("jsonl", "auto"):
        assert "[M202]" in (line := run(["convert", format, str(tmp_path / "pipe"), "OUT/a.spacy"]))
        assert "a pipe or device, which cannot be read twice" in line


@pytest.mark.parametrize(
    "command",
    [
        *(["export", "jsonl", "COPY", "COPY"], ["convert", "spacy", "COPY", "COPY"], ["agree", "COPY", "GOOD", "-o"]),
        ["convert", "spacy", "COPY", "--split-rule", "hash"],
    ],
    ids=lambda command: " ".join(command),
)
def test_the_input_is_not_replaced(run, tmp_path, files, command):
    copy = tmp_path / "train.spacy"
    copy.write_bytes((files / "good.spacy").read_bytes())
    given = [str(copy) if part == "COPY" else part for part in command]
    given += {"-o": [str(copy)], "hash": [str(tmp_path)]}.get(given[-1], [])
    line = run(given)
    assert line.startswith(f"[M611] {copy} cannot be written: it is the input, which would be replaced")
    assert copy.read_bytes() == (files / "good.spacy").read_bytes() and list(tmp_path.iterdir()) == [copy]


@pytest.mark.parametrize("command", [*WRITING, *WRITING_FOLDERS], ids=lambda command: " ".join(command))
def test_a_folder_without_permission(run, tmp_path, command, monkeypatch):
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != str(tmp_path) and access(path, mode))
    line = run(last(command, tmp_path / "new" / command[-1]))
    assert line.startswith("[M611]") and f"no permission to write to {tmp_path}" in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "command, code",
    [
        (["convert", "jsonl", "TEXTS", "OUT/a.spacy", "--lang", "qq"], "E048"),
        (["page", "MODEL", "TEXTS", "OUT/a.html", "--lang", "qq"], "M612"),
        (["evaluate", "MODEL", "GOOD", "--mistakes-to", "OUT", "--lang", "qq"], "M612"),
    ],
)
def test_an_unknown_language(run, tmp_path, command, code):
    assert run(command).startswith(f"[{code}]") and not (tmp_path / "out").exists()


def test_strings_of_an_unknown_language(run, files, tmp_path):
    path = tmp_path / "a.jsonl"
    CliRunner().invoke(app, ["strings", str(files / "good.spacy"), str(path)])
    assert run(["strings", str(path), "OUT/a.spacy", "--read", "--lang", "qq"]).startswith("[E048]")


@pytest.mark.parametrize("content", [b"\xff\xfe[nlp]\n", b"[paths]\ntrain = null\n"])
def test_a_file_that_is_no_config(run, tmp_path, content):
    (tmp_path / "a.cfg").write_bytes(content)
    line = run(["stats", "GOOD", "--nlp", str(tmp_path / "a.cfg")])
    assert line.startswith("[M613]") and "a.cfg" in line


@pytest.mark.parametrize(
    "command",
    [
        ["learning-curve", "CONFIG", "GOOD", "GOOD", "OUT/a"],
        ["reinforce", "CONFIG", "GOOD", "GOOD", "GOOD", "OUT/a"],
        ["audit", "GOOD", "OUT/a", "--config", "CONFIG"],
        ["train", "TEXTS", "OUT/a", "--config", "CONFIG"],
        ["config", "CONFIG", "--fit", "GOOD", "-o", "OUT/a.cfg"],
    ],
)
def test_a_config_that_is_not_complete(run, tmp_path, command):
    path = tmp_path / "own.cfg"
    path.write_text('[nlp]\npipeline = ["spert_mt"]\n[components]\n[corpora]\n')
    line = run([str(path) if part == "CONFIG" else part for part in command])
    assert line.startswith("[M613]") and "lacks [training.train_corpus]" in line


@pytest.mark.parametrize(
    "command",
    [
        ["evaluate", "MODEL", "GOOD", "--calibration-plot", "OUT/a.nonsense"],
        ["evaluate", "MODEL", "GOOD", "--calibration-plot", "OUT/a"],
        ["page", "MODEL", "TEXTS", "OUT/a.html", "--attention", "OUT/a.nonsense"],
    ],
)
def test_a_figure_in_an_unknown_format(run, tmp_path, command):
    line = run(command)
    assert line.startswith("[M611]") and "not the suffix of an image: " in line and ".svg" in line


def test_a_gpu_that_is_not_there(run, monkeypatch):
    def fail(*args, **options):
        raise ValueError("CuPy is not installed")

    monkeypatch.setattr("spacy_mre.cli.common.setup_gpu", fail)
    assert "[M614] The GPU 3 cannot be used: CuPy" in run(["evaluate", "MODEL", "GOOD", "--gpu-id", "3"])
