"""The manifest of an output: what its parts were made with, so that a run resumes only with the same."""

import hashlib
from base64 import b64decode, b64encode
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow
import srsly
from spacy.language import Language

from ..about import __version__
from ..errors import Errors
from ..files import replacing
from .inputs import Input
from .options import Options

NAME = "_manifest.json"


def make_manifest(nlp: Language, source: Input, options: Options) -> dict[str, Any]:
    """Describe a run.

    nlp (Language): The pipeline, as it was loaded.
    source (Input): The input.
    options (Options): The settings.
    RETURNS (dict[str, Any]): The "model" with the SHA-256 of its files, the "version" of this package, the "input"
        files and the "options".
    """
    model = {"name": f"{nlp.lang}_{nlp.meta['name']}", "version": nlp.meta["version"], "sha256": hash_model(nlp)}
    chosen = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(options).items()}
    return {"model": model, "version": __version__, "input": source.files, "options": chosen}


def hash_model(nlp: Language) -> str:
    """RETURNS (str): The SHA-256 of a pipeline: of the names and contents of its files, or of its bytes if it has no
    files."""
    found = hashlib.sha256()
    if nlp.path is None:
        found.update(nlp.to_bytes())
        return found.hexdigest()
    for path in sorted(path for path in nlp.path.rglob("*") if path.is_file()):
        found.update(f"{path.relative_to(nlp.path).as_posix()}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: found)
    return found.hexdigest()


def read_manifest(folder: Path, manifest: dict[str, Any]) -> dict[str, Any] | None:
    """Read the manifest of a folder in which a run resumes.

    folder (Path): The folder.
    manifest (dict[str, Any]): From `make_manifest`.
    RETURNS (Optional[dict[str, Any]]): The manifest of the folder; None if there are no parts yet.
    RAISES (ValueError): If the folder was made with another pipeline, input or options; if its manifest is damaged; or
        if it has other files.
    """
    check_begun(folder)
    path = folder / NAME
    if not any(folder.glob("part-*")):
        return None
    try:
        before = srsly.read_json(path)
        parts = [before[part] for part in manifest]
    except (ValueError, TypeError, KeyError) as err:
        raise ValueError(Errors.M734.format(path=path, reason=err, remedy="Start over with --overwrite.")) from None
    if not manifest["input"]:
        raise ValueError(Errors.M735.format(path=folder))
    for (part, now), earlier in zip(manifest.items(), parts):
        if earlier != now:
            raise ValueError(Errors.M727.format(path=folder, part=part, difference=_difference(earlier, now)))
    return before


def check_begun(folder: Path) -> None:
    """Check that a folder is empty, or has a manifest.

    folder (Path): The folder.
    RAISES (ValueError): If it is neither.
    """
    others = sorted(path.name for path in folder.glob("*") if not path.name.startswith("."))
    if others and not (folder / NAME).exists():
        raise ValueError(Errors.M726.format(path=folder, name=others[0], manifest=NAME))


def save_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write the manifest of a folder.

    folder (Path): The folder.
    manifest (dict[str, Any]): The manifest.
    """
    with replacing(folder / NAME) as temporary:
        srsly.write_json(temporary, manifest)


def as_text(schema: pyarrow.Schema) -> str:
    """RETURNS (str): The columns, for a manifest; `as_schema` reads them."""
    return b64encode(schema.serialize().to_pybytes()).decode()


def as_schema(text: str) -> pyarrow.Schema:
    """RETURNS (Schema): The columns of a manifest."""
    return pyarrow.ipc.read_schema(pyarrow.py_buffer(b64decode(text)))


def _difference(before: Any, now: Any) -> str:
    if isinstance(before, dict) and isinstance(now, dict):
        names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
        return "; ".join(f"{name} was {before.get(name)!r} and is {now.get(name)!r}" for name in names)
    return f"it was {before!r} and is {now!r}"
