"""What all commands share: the version, and errors without a traceback."""

import runpy
import warnings

import pytest
import typer
from typer.testing import CliRunner

import spacy_mre
from spacy_mre.cli import app
from spacy_mre.cli.app import ORDER
from spacy_mre.cli.common import report_errors, show_warning

COMMANDS = typer.main.get_command(app).commands


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200", "TERM": "dumb"})


def test_version():
    result = run("--version")
    assert result.exit_code == 0 and result.output == f"spacy_mre {spacy_mre.__version__}\n"


def test_commands_are_listed_in_the_order_of_work():
    listed = typer.main.get_command(app).list_commands(None)
    assert listed == list(ORDER) and listed.index("translate") == listed.index("label") + 1
    assert run("--help").exit_code == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_arguments_are_in_capitals_and_no_help_is_mark_up(name):
    for parameter in COMMANDS[name].params:
        assert "[default" not in (parameter.help or "")  # rich takes it for mark-up
        if parameter.param_type_name == "argument":
            assert parameter.metavar and parameter.metavar.isupper()


def test_warnings_are_shown_as_errors_are(tmp_path, monkeypatch, capsys):
    source = tmp_path / "a.jsonl"
    source.write_text('{"id": "a-1", "text": "Ida"}\n')
    words = ["convert", "jsonl", source, tmp_path / "out", "--split-rule", "number", "--allow-empty"]
    monkeypatch.setattr("sys.argv", ["spacy_mre", *map(str, words)])
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # is set below
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        with pytest.raises(SystemExit) as end:
            runpy.run_module("spacy_mre", run_name="__main__")
        shown = capsys.readouterr().err
        assert not end.value.code and ".py" not in shown
        assert shown.startswith("Warning [W201] The split rule 'number' leaves")
        warnings.simplefilter("ignore")
        warnings.warn("[W201] Ignored", stacklevel=1)
        assert not capsys.readouterr().err


def test_warnings_without_a_number_are_shown_as_python_does(capsys):
    show_warning(UserWarning("surprise"), UserWarning, "a.py", 3, line="call()")
    assert capsys.readouterr().err == "a.py:3: UserWarning: surprise\n  call()\n"


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
