import pytest
from typer.testing import CliRunner

from spacy_mre.cli import app


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.delenv("MRE_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    return lambda *args, env=None: CliRunner().invoke(app, ["fetch", *args], env=env)


def test_a_folder_is_copied_from_mre_data(run, tmp_path):
    source = tmp_path / "data" / "set" / "deep"
    source.mkdir(parents=True)
    (source / "a.json").write_text("[]")
    (source / "a.json").chmod(0o444)
    source.chmod(0o555)
    for _ in range(2):  # the second time over existing files
        assert run("set", "real", env={"MRE_DATA": str(tmp_path / "data")}).exit_code == 0
    copied = tmp_path / "real" / "set" / "deep" / "a.json"
    assert copied.read_text() == "[]"
    # The copies of a read-only source can be written.
    assert copied.stat().st_mode & copied.parent.stat().st_mode & 0o200


def test_a_downloaded_data_set_is_used(run, tmp_path):
    (tmp_path / "real" / "set").mkdir(parents=True)
    assert run("set", "real").exit_code == 1  # an empty folder is not a data set
    (tmp_path / "real" / "set" / "a.json").write_text("[]")
    assert run("set", "real").exit_code == 0


def test_the_error_for_a_missing_data_set_names_the_download(run):
    result = run("nothing", "real")
    assert result.exit_code == 1 and "[M207]" in result.output and "project assets" in result.output
    assert "Data sets there: none." in result.output


def test_the_error_for_a_missing_data_set_names_those_that_are_there(run, tmp_path):
    for name in ("real/snips", "data/conll04", "data/snips"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "data" / "README.md").write_text("text")
    result = run("conl04", "real", env={"MRE_DATA": str(tmp_path / "data")})
    assert result.exit_code == 1 and "Data sets there: conll04, snips." in result.output


def test_a_package_needs_a_wheel(tmp_path):
    result = CliRunner().invoke(app, ["try-package", "x", "text", str(tmp_path)])
    assert result.exit_code == 2 and "there is no wheel" in result.output
