"""The command `push-to-hub`."""

import re
import tempfile
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Annotated
from zipfile import BadZipFile, ZipFile

import typer
from rich.console import Console
from rich.table import Table

from ..errors import Errors
from .app import app

PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
# As the hub has it. Its package is not needed for --dry-run.
REPOSITORY = re.compile(rf"(?!.*(?:--|\.\.|\.git\Z))(?:{PART}/)?{PART}")


@app.command("push-to-hub")
def push_to_hub_cli(
    wheel: Annotated[
        Path,
        typer.Argument(metavar="WHEEL", help="The wheel that `spacy package` built.", exists=True, dir_okay=False),
    ],
    repository: Annotated[str, typer.Argument(metavar="REPOSITORY", help="The repository: OWNER/NAME.")],
    message: Annotated[str, typer.Option(help="The message of the commit.")] = "Update the pipeline",
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be sent, and send nothing.")] = False,
) -> None:
    """Send a pipeline to the Hugging Face hub: its files, its model card and its wheel.

    The token is read from the environment (HF_TOKEN), or is that of `huggingface-cli login`.
    """
    if not REPOSITORY.fullmatch(repository):
        raise ValueError(Errors.M622.format(repository=repository))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        unpack(wheel, folder)
        _show(folder)
        if dry_run:
            typer.echo(f"Nothing was sent. Without --dry-run these files go to {repository}.")
            return
        typer.echo(f"Sent to {_send(folder, repository, message, private)}")


def unpack(wheel: Path, folder: Path) -> None:
    """Write what a repository on the hub contains: the files of the pipeline at the top, the card, and the wheel.

    wheel (Path): A wheel that `spacy package` built.
    folder (Path): An empty folder.
    RAISES (ValueError): If it is not the wheel of a pipeline, or the pipeline has no model card.
    """
    try:
        with ZipFile(wheel) as archive:
            files = {PurePosixPath(name): name for name in archive.namelist() if not name.endswith("/")}
            # PACKAGE/PACKAGE-VERSION/config.cfg
            tops = {path.parent for path in files if path.name == "config.cfg" and len(path.parts) == 3}
            if len(tops) != 1:
                raise ValueError(Errors.M619.format(wheel=wheel, reason="it contains no spaCy pipeline"))
            (top,) = tops
            for path, name in files.items():
                if path.is_relative_to(top) and ".." not in path.parts:
                    target = folder / path.relative_to(top)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.read(name))
    except BadZipFile as error:
        raise ValueError(Errors.M619.format(wheel=wheel, reason=error)) from error
    if not (folder / "README.md").exists():
        raise ValueError(
            Errors.M619.format(wheel=wheel, reason="it has no README.md; run `card` before `spacy package`")
        )
    (folder / wheel.name).write_bytes(wheel.read_bytes())


def _show(folder: Path) -> None:
    table = Table("file", "kB")
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            table.add_row(path.relative_to(folder).as_posix(), f"{path.stat().st_size / 1000:,.1f}")
    Console().print(table)


def _send(folder: Path, repository: str, message: str, private: bool) -> str:
    if find_spec("huggingface_hub") is None:
        raise ValueError(Errors.M620)
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError

    hub = HfApi()
    try:
        url = hub.create_repo(repository, private=private, exist_ok=True)
        hub.upload_folder(repo_id=repository, folder_path=folder, commit_message=message)
    except (HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, OSError) as error:
        raise ValueError(Errors.M621.format(repository=repository, reason=error)) from error
    return str(url)
