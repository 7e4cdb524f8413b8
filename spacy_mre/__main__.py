"""Runs the command line: `python -m spacy_mre`."""

import warnings

from .cli import app
from .cli.common import show_warning

if __name__ == "__main__":
    warnings.showwarning = show_warning
    app(prog_name="python -m spacy_mre")
