"""Have the .spacy files of a data set in place: fetched and converted when they are not, by the commands of the package."""

import shlex
from pathlib import Path
from typing import Any

from spacy_mre.cli import app


def prepare(dataset: dict[str, Any]) -> None:
    """Fetch and convert what is missing.

    dataset (Dict[str, Any]): As in grid.yml: `fetch`, the name of the source; `corpus`, the folder; and what `convert` is told, for each of the
        `parts`, or once for a `split`.
    RAISES (SystemExit): A command that failed; it has said why.
    """
    folder = Path(dataset["corpus"])
    outputs = {folder / f"{part}.spacy": how for part, how in dataset.get("parts", {}).items()}
    missing = {output: how for output, how in outputs.items() if not output.exists()}
    if "split" in dataset and not all((folder / f"{part}.spacy").exists() for part in ("train", "dev", "test")):
        missing[folder] = dataset["split"]
    if missing:
        _command("fetch", dataset["fetch"])
    for output, how in missing.items():
        reader, source, *options = shlex.split(how)
        _command("convert", reader, source, str(output), *options)


def _command(*arguments: str) -> None:
    status = app(list(arguments), standalone_mode=False)
    if status:
        raise SystemExit(status)
