"""The command `convert`: formats that are recognised, and sources from which nothing is read."""

import shlex

import pytest
from typer.testing import CliRunner

from spacy_mre import load_docs
from spacy_mre.cli import app
from spacy_mre.corpora import READERS, WRITERS
from tests.robustness.strategies import SAMPLES
from tests.robustness.test_readers import write


@pytest.fixture
def run():
    def invoke(*arguments, code=0):
        result = CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "200", "TERM": "dumb"})
        assert result.exit_code == code, result.output + repr(result.exception)
        return result.output

    return invoke


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
    assert "the format table has no option --part" in run(
        "convert", "auto", source, tmp_path / "a.spacy", "--part", "dev", code=2
    )


def test_the_list_of_formats(run):
    lines = run("convert", "--list").splitlines()
    assert [line.split()[0] for line in lines[::2]] == list(READERS)
    assert [line.split()[0] for line in lines[::2] if "export writes it" in line] == list(WRITERS)
    for format, line in zip(READERS, lines[1::2], strict=True):
        # Every option of an example exists: the only thing that is wrong is the source, which does not exist.
        python, *words = shlex.split(line)
        assert (python, words[:4]) == ("python", ["-m", "spacy_mre", "convert", format])
        assert "does not exist" in " ".join(run(*words[2:], code=2).replace("│", " ").split())
