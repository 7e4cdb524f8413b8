"""Runs commands as people run them."""

import subprocess
import sys


def call(*arguments: object) -> None:
    """Run `python -m` with some arguments.

    arguments (object): A module and its arguments.
    RAISES (CalledProcessError): If it fails.
    """
    subprocess.run([sys.executable, "-m", *map(str, arguments)], check=True)


def run_here(*arguments: object) -> None:
    """Run a command of this package in this process, which saves the time to start another.

    arguments (object): The command and its arguments.
    RAISES (SystemExit): If it fails; it has printed why.
    """
    from spacy_mre.cli import app

    status = app([str(argument) for argument in arguments], standalone_mode=False)
    if status:
        raise SystemExit(status)
