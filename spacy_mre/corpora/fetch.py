"""Copying real data sets into the project, from a local folder such as MRE_DATA."""

import shutil
from pathlib import Path

from ..errors import Errors
from ..files import replacing


def fetch(name: str, target: Path, source: Path | None = None) -> Path:
    """Make sure that a data set is in the project: copy it if a source is given, and check that it exists.

    name (str): The folder name of the data set, such as "conll04" or "crossre/ja".
    target (Path): The folder that contains the data sets of the project.
    source (Path | None): A folder of data sets to copy from. None only checks that the data set exists.
    RETURNS (Path): The folder of the data set.
    RAISES (ValueError): If the data set does not exist in `target` or `source`.
    """
    folder = target / name
    if source is not None:
        _copy_files(source / name, folder)
    if not folder.is_dir() or not any(path.is_file() for path in folder.rglob("*")):
        found = ", ".join(_list_folders(target, source)) or "none"
        raise ValueError(Errors.M207.format(name=name, place=folder, source=source or "not set", found=found))
    return folder


def _list_folders(*places: Path | None) -> list[str]:
    folders = [place for place in places if place and place.is_dir()]
    return sorted({path.name for folder in folders for path in folder.iterdir() if path.is_dir()})


def _copy_files(source: Path, target: Path) -> None:
    # Not copytree, which would make the folders read-only if those of the source are.
    for path in source.rglob("*"):
        if path.is_file():
            with replacing(target / path.relative_to(source)) as temporary:
                shutil.copyfile(path, temporary)
