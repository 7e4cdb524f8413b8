"""Where real data comes from: the folder in MRE_DATA, or what `spacy project assets --extra` brought from the public sources."""

import shutil
from pathlib import Path

from ..errors import Errors


def fetch(name: str, target: Path, source: Path | None = None) -> Path:
    """Have a data set in place.

    name (str): The data set, as its folder is called ("conll04", "crossre/ja").
    target (Path): The folder that holds the data sets of the project.
    source (Optional[Path]): A folder of data sets to copy from; without it the data set must be in place already.
    RETURNS (Path): The folder of the data set.
    RAISES (ValueError): It is in neither place.
    """
    place = target / name
    # File by file: copytree would make read-only folders of a read-only source.
    for path in (source / name).rglob("*") if source is not None else ():
        if path.is_file():
            copy = place / path.relative_to(source / name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    if not place.is_dir() or not any(path.is_file() for path in place.rglob("*")):
        raise ValueError(Errors.M207.format(name=name, place=place, source=source or "not set"))
    return place
