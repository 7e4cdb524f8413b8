"""The command `try-package`."""

import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from ..errors import Errors
from .app import app

ANALYSIS = """
import sys, spacy
nlp = spacy.load(sys.argv[1])
doc = nlp(sys.argv[2])
spans = doc.spans["entities"] if "entities" in doc.spans else doc.ents
triples = doc._.triples if doc.has_extension("triples") else []
print(nlp.meta["lang"], nlp.meta["name"], nlp.meta["version"], nlp.pipe_names)
print("entities:", [(span.text, span.label_) for span in spans])
print("relations:", [(t.head.text, t.label, t.tail.text) for t in triples])
print("cats:", {label: round(score, 2) for label, score in doc.cats.items()})
"""


@app.command("try-package")
def try_package_cli(
    package: Annotated[
        str, typer.Argument(metavar="PACKAGE", help="The name of the pipeline, as spacy.load takes it.")
    ],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="A text to analyse.")],
    wheels: Annotated[
        list[Path],
        typer.Argument(
            metavar="WHEELS",
            help="The wheels to install, or folders that contain wheels, of which the newest versions are installed.",
            exists=True,
        ),
    ],
    constraints: Annotated[Path | None, typer.Option(help="A constraints file for pip.", exists=True)] = None,
) -> None:
    """Install wheels in a new virtual environment, load the pipeline there, and analyse a text."""
    files = [path for path in wheels if path.is_file()]
    files += _newest(file for path in wheels if path.is_dir() for file in sorted(path.rglob("*.whl")))
    if not files:
        raise typer.BadParameter("there is no wheel")
    with tempfile.TemporaryDirectory() as folder:
        names = ", ".join(file.name for file in files)
        typer.echo(f"Installing {names} in a new environment")
        venv.create(folder, with_pip=True)
        python = Path(folder) / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        pinned = ["--constraint", str(constraints.absolute())] if constraints else []
        pip = [str(python), "-m", "pip", "install", "--quiet", *pinned]
        if subprocess.run([*pip, *(str(file.absolute()) for file in files)]).returncode:
            raise ValueError(Errors.M623.format(files=names))
        # Run in the temporary folder, so that the package is not imported from the working directory.
        if subprocess.run([python, "-c", ANALYSIS, package, text], cwd=folder).returncode:
            raise ValueError(Errors.M624.format(package=package, files=names))


def _newest(files: Iterable[Path]) -> list[Path]:
    """The newest wheel of each distribution: builds of earlier versions stay in the same folder."""
    newest: dict[str, tuple[Version, Path]] = {}
    for file in files:
        name, version = file.name, Version("0")
        with suppress(InvalidWheelFilename):  # pip says what is wrong with it
            name, version, *_ = parse_wheel_filename(file.name)
        if name not in newest or version > newest[name][0]:
            newest[name] = version, file
    return [file for _, file in newest.values()]
