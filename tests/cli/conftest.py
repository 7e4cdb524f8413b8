"""How tests of commands run them."""

import pytest
from typer.testing import CliRunner

from spacy_mre.cli import app


@pytest.fixture
def run():
    """Runs a command, which must have an exit code, and returns its output."""

    def invoke(*arguments, code=0):
        result = CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "200", "TERM": "dumb"})
        assert result.exit_code == code, result.output + repr(result.exception)
        return result.output

    return invoke
