"""Where real data comes from: the folder in MRE_DATA, or what `spacy project assets --extra` brought from the public sources."""

import shutil
from pathlib import Path
from typing import Optional

from ..errors import Errors


def fetch(name: str, target: Path, source: Optional[Path] = None) -> Path:
    """Have a data set in place.

    name (str): The data set, as its folder is called ("conll04", "crossre/ja").
    target (Path): The folder that holds the data sets of the project.
    source (Optional[Path]): A folder of data sets to copy from; without it the data set must be in place already.
    RETURNS (Path): The folder of the data set.
    RAISES (ValueError): It is in neither place.
    """
    place = target / name
    if source is not None and (source / name).is_dir():
        # Not copytree's metadata: a read-only source would make folders that cannot be cleared away.
        shutil.copytree(source / name, place, dirs_exist_ok=True, copy_function=shutil.copyfile)
        place.chmod(0o755)
    if not place.is_dir() or not any(path.is_file() for path in place.rglob("*")):
        raise ValueError(Errors.M207.format(name=name, place=place, source=source or "not set"))
    return place
