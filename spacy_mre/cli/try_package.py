import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Annotated

import typer

from .app import app

PROBE = """
import sys, spacy
nlp = spacy.load(sys.argv[1])
doc = nlp(sys.argv[2])
print(nlp.meta["lang"], nlp.meta["name"], nlp.meta["version"], nlp.pipe_names)
print("entities:", [(span.text, span.label_) for span in doc.spans["entities"]])
print("relations:", [(t.head.text, t.label, t.tail.text) for t in doc._.triples])
print("cats:", {label: round(score, 2) for label, score in doc.cats.items()})
"""


@app.command("try-package")
def try_package_cli(
    package: Annotated[str, typer.Argument(help="The name by which spacy.load finds the pipeline.")],
    text: Annotated[str, typer.Argument(help="A text to analyse with it.")],
    wheels: Annotated[
        list[Path], typer.Argument(help="The wheels to install, or folders that hold some.", exists=True)
    ],
    constraints: Annotated[Path | None, typer.Option(help="A constraints file for pip.", exists=True)] = None,
):
    """Install wheels in a fresh virtual environment, load the pipeline there, and analyse a text."""
    files = [file for path in wheels for file in ([path] if path.is_file() else sorted(path.rglob("*.whl")))]
    if not files:
        raise typer.BadParameter("there is no wheel")
    with tempfile.TemporaryDirectory() as folder:
        typer.echo(f"Installing {', '.join(file.name for file in files)} in a fresh environment")
        venv.create(folder, with_pip=True)
        python = Path(folder) / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        pinned = ["--constraint", str(constraints.absolute())] if constraints else []
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", *pinned, *(file.absolute() for file in files)], check=True
        )
        # Not from here: the package must be found in the environment, not in the working directory.
        subprocess.run([python, "-c", PROBE, package, text], check=True, cwd=folder)
