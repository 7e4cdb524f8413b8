"""What all commands share: the version, and errors without a traceback."""

import pytest
import typer
from typer.testing import CliRunner

import spacy_mre
from spacy_mre.cli import app
from spacy_mre.cli.common import report_errors


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200", "TERM": "dumb"})


def test_version():
    result = run("--version")
    assert result.exit_code == 0 and result.output == f"spacy_mre {spacy_mre.__version__}\n"


def test_an_unknown_language_has_no_traceback(tmp_path):
    source = tmp_path / "a.jsonl"
    source.write_text('{"text": "Ida"}\n')
    result = run("convert", "jsonl", source, tmp_path / "a.spacy", "--lang", "xyz")
    assert result.exit_code == 1 and "[E048]" in result.output and "Traceback" not in result.output
    assert not (tmp_path / "a.spacy").exists()


def test_an_error_in_a_config_has_no_traceback(tmp_path):
    source, config = tmp_path / "a.jsonl", tmp_path / "a.cfg"
    source.write_text('{"text": "Ida"}\n')
    config.write_text('[nlp]\nlang = "en"\n\n[nlp.tokenizer]\n@tokenizers = "spacy_mre.ChineseTokenizer.v1"\ntag = 1\n')
    result = run("convert", "jsonl", source, tmp_path / "a.spacy", "--nlp", config)
    assert result.exit_code == 1 and "unexpected argument: 'tag'" in result.output and "Traceback" not in result.output


def test_errors_without_a_number_are_faults_of_the_program():
    with pytest.raises(KeyError, match="surprise"), report_errors():
        raise KeyError("surprise")
    with pytest.raises(ValueError, match="surprise"), report_errors():
        raise ValueError("surprise")


def test_a_numbered_key_error_is_shown_as_others(capsys):
    with pytest.raises(typer.Exit), report_errors():
        raise KeyError("[E018] Can't retrieve string")
    assert capsys.readouterr().err == "[E018] Can't retrieve string\n"
