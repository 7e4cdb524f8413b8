"""The command `download`."""

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import requests
import typer
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version
from rich.progress import Progress

from ..errors import Errors
from .app import app

SUMS = "SHA256SUMS"
TIMEOUT = 60  # seconds without an answer
BLOCK = 2**20  # bytes

Wheels = dict[str, str]  # the checksum by the file's name


@app.command("download")
def download_cli(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The pipeline, such as ja_mre_sm.")],
    source: Annotated[
        str | None,
        typer.Option(
            "--from", envvar="SPACY_MRE_MODELS", help=f"A folder, or the URL of one, that has wheels and their {SUMS}."
        ),
    ] = None,
    index: Annotated[str | None, typer.Option(help="A package index to install from instead, as pip takes it.")] = None,
    version: Annotated[str | None, typer.Option(help="The version. Default: the newest.")] = None,
) -> None:
    """Install the wheel of a trained pipeline, after checking its checksum."""
    if index:
        _install(f"{name}=={version}" if version else name, "--index-url", index)
    elif source:
        with tempfile.TemporaryDirectory() as folder:
            _install(str(fetch_wheel(name, source, Path(folder), version=version)))
    else:
        raise ValueError(Errors.M615.format(name=name))
    typer.echo(f'Installed. Use it with: nlp = spacy.load("{name}")')


def fetch_wheel(name: str, source: str, folder: Path, *, version: str | None = None) -> Path:
    """Copy a wheel from a folder or a URL, and compare its checksum.

    name (str): The name of the pipeline.
    source (str): A folder, or the URL of one (http or https).
    folder (Path): Where to write the wheel.
    version (Optional[str]): The version. Default: the newest.
    RETURNS (Path): The wheel.
    RAISES (ValueError): If the source cannot be read, has no such wheel, or the checksum differs.
    """
    wheels = _read_sums(source)
    file = _choose(name, version, wheels, source)
    target = folder / file
    digest = hashlib.sha256()
    with target.open("wb") as output:
        for block in _read(source, file):
            digest.update(block)
            output.write(block)
    if digest.hexdigest() != wheels[file]:
        raise ValueError(Errors.M617.format(file=file, source=source, expected=wheels[file], found=digest.hexdigest()))
    return target


def _choose(name: str, version: str | None, wheels: Wheels, source: str) -> str:
    """The file of the newest, or of the given, version."""
    found = {}
    for file in wheels:
        try:
            package, number, _, _ = parse_wheel_filename(file)
        except ValueError:  # the file is not ours
            continue
        if package == canonicalize_name(name) and version in (None, str(number)):
            found[number] = file
    if not found:
        wanted = name if version is None else f"{name} {version}"
        raise ValueError(Errors.M616.format(name=wanted, source=source, known=", ".join(sorted(wheels)) or "none"))
    newest: Version = max(found)
    return found[newest]


def _read_sums(source: str) -> Wheels:
    """The wheels in a list of checksums, as `sha256sum` writes it: a checksum and a file in each line."""
    lines = b"".join(_read(source, SUMS)).decode("utf8", errors="replace").splitlines()
    pairs = (line.split(maxsplit=1) for line in lines if line.strip())
    sums = {pair[-1].lstrip("*").strip(): pair[0].lower() for pair in pairs}
    # A name with a separator could lead out of the folder.
    return {file: checksum for file, checksum in sums.items() if file.endswith(".whl") and Path(file).name == file}


def _read(source: str, file: str) -> Iterator[bytes]:
    """The content of a file in a folder or at a URL, in blocks, with a progress bar if it is long."""
    try:
        if not source.startswith(("http://", "https://")):
            with (Path(source) / file).open("rb") as opened:
                yield from iter(lambda: opened.read(BLOCK), b"")
            return
        with (
            requests.get(f"{source.rstrip('/')}/{file}", stream=True, timeout=TIMEOUT) as answer,
            Progress() as progress,
        ):
            answer.raise_for_status()
            size = int(answer.headers.get("Content-Length", 0))
            task = progress.add_task(file, total=size or None, visible=size > BLOCK)
            for block in answer.iter_content(BLOCK):
                progress.advance(task, len(block))
                yield block
    except OSError as error:  # of files, and of requests
        raise ValueError(Errors.M618.format(file=file, source=source, reason=error)) from error


def _install(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "pip", "install", *arguments])
    if done.returncode:
        raise typer.Exit(done.returncode)
