"""Downloads of what was saved."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from .tools import Tools
from .training import Row

NAME = "gold"


class Download(NamedTuple):
    """A file for the person.

    name (str): Its name.
    content (bytes): Its content.
    lost (dict[str, int]): What it cannot represent: how many annotations, by reason.
    """

    name: str
    content: bytes
    lost: dict[str, int]


def make_download(tools: Tools, rows: Sequence[Row], form: str, model: str) -> Download:
    """Write what was saved as one file: as it is if the form has one, else in a zip.

    tools (Tools): Writes the form.
    rows (Sequence[dict[str, Any]]): What was saved, as in the gold file.
    form (str): The name of the form.
    model (str): The pipeline whose tokens are used.
    RETURNS (Download): The file.
    RAISES (ValueError): If the form cannot be written.
    """
    with TemporaryDirectory(prefix="studio-") as folder:
        lost = tools.export(rows, form, Path(folder), model)
        files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        if len(files) == 1:
            return Download(f"{NAME}{files[0].suffix}", files[0].read_bytes(), lost)
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                archive.write(file, file.relative_to(folder).as_posix())
        return Download(f"{NAME}-{form}.zip", content.getvalue(), lost)
