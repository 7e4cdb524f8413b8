"""The command `download`: what is installed is the wheel whose checksum is listed."""

import hashlib
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from spacy_mre.cli import download
from spacy_mre.cli.download import fetch_wheel

FILES = {
    "ja_names-0.1.0-py3-none-any.whl": b"old",
    "ja_names-0.10.0-py3-none-any.whl": b"new",
    "ja_names-0.9.0-py3-none-any.whl": b"middle",
    "en_names-1.0.0-py3-none-any.whl": b"English" * 1_000_000,
}


@pytest.fixture
def wheels(tmp_path):
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    write_sums(folder)
    return folder


def write_sums(folder, extra=""):
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in folder.glob("*.whl")]
    (folder / "SHA256SUMS").write_text("".join(lines) + extra)


@pytest.fixture
def server(wheels):
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=wheels)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(params=["folder", "url"])
def source(request, wheels):
    return str(wheels) if request.param == "folder" else request.getfixturevalue("server")


@pytest.mark.parametrize(
    "name, version, file",
    [
        ("ja_names", None, "ja_names-0.10.0-py3-none-any.whl"),
        ("ja-names", "0.1.0", "ja_names-0.1.0-py3-none-any.whl"),
        ("en_names", None, "en_names-1.0.0-py3-none-any.whl"),
    ],
)
def test_the_newest_or_the_given_version(source, tmp_path, name, version, file):
    wheel = fetch_wheel(name, source, tmp_path, version=version)
    assert wheel == tmp_path / file and wheel.read_bytes() == FILES[file]


def test_a_changed_wheel_is_refused(source, wheels, tmp_path):
    (wheels / "ja_names-0.10.0-py3-none-any.whl").write_bytes(b"changed")
    with pytest.raises(ValueError, match=r"M617.*ja_names-0\.10\.0.*is damaged or was changed"):
        fetch_wheel("ja_names", source, tmp_path)


def test_what_is_missing_is_named(source, wheels, tmp_path):
    with pytest.raises(ValueError, match=r"M616.*no wheel of zh_names\. It has: en_names-1\.0\.0"):
        fetch_wheel("zh_names", source, tmp_path)
    with pytest.raises(ValueError, match=r"M616.*no wheel of ja_names 7"):
        fetch_wheel("ja_names", source, tmp_path, version="7")
    (wheels / "en_names-1.0.0-py3-none-any.whl").unlink()
    with pytest.raises(ValueError, match=r"M618.*en_names-1\.0\.0"):
        fetch_wheel("en_names", source, tmp_path)
    (wheels / "SHA256SUMS").unlink()
    with pytest.raises(ValueError, match=r"M618.*SHA256SUMS"):
        fetch_wheel("ja_names", source, tmp_path)


def test_other_lines_are_ignored(wheels, tmp_path):
    write_sums(wheels, extra="abc  ../ja_names-9.0.0-py3-none-any.whl\nabc  strange.whl\nabc *README.md\n\nabc\n")
    assert fetch_wheel("ja_names", str(wheels), tmp_path).name == "ja_names-0.10.0-py3-none-any.whl"


def test_no_answer(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 1)
    with pytest.raises(ValueError, match="M618"):
        fetch_wheel("ja_names", "http://127.0.0.1:9", tmp_path)


def test_pip_gets_the_wheel(run, wheels, monkeypatch):
    commands = []
    monkeypatch.setattr(subprocess, "run", lambda command: commands.append(command[1:]) or done(0))
    assert "spacy.load" in run("download", "ja_names", "--from", wheels)
    assert commands[0][:3] == ["-m", "pip", "install"] and commands[0][3].endswith("ja_names-0.10.0-py3-none-any.whl")
    run("download", "ja_names", "--index", "https://localhost/simple", "--version", "0.1.0")
    assert commands[1][3:] == ["ja_names==0.1.0", "--index-url", "https://localhost/simple"]
    monkeypatch.delenv("SPACY_MRE_MODELS", raising=False)
    assert "M615" in run("download", "ja_names", code=1)
    monkeypatch.setenv("SPACY_MRE_MODELS", str(wheels))
    run("download", "ja_names")
    assert len(commands) == 3
    monkeypatch.setattr(subprocess, "run", lambda command: done(3))
    run("download", "ja_names", code=3)


def done(code):
    return subprocess.CompletedProcess([], code)
