"""Runs a command of Python, as people run it."""

import subprocess
import sys


def call(*arguments: object) -> None:
    """Run `python -m` with some arguments.

    arguments (object): A module and its arguments.
    RAISES (CalledProcessError): If it fails.
    """
    subprocess.run([sys.executable, "-m", *map(str, arguments)], check=True)
