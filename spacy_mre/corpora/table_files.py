"""The files of a table in a folder: one that the library `datasets` has saved, or a folder of files for each part.

    saved/                                    data/
        dataset_info.json  (the features)         train-00000-of-00002.parquet
        state.json  (the names of the files)      train-00001-of-00002.parquet
        data-00000-of-00001.arrow                 test-00000-of-00001.parquet

A `DatasetDict` is a folder with such a folder for each part.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

from .reading import Location, read_json
from .record import CorpusError

INFO, STATE, PARTS = "dataset_info.json", "state.json", "dataset_dict.json"
ENDINGS = (".arrow", ".parquet", ".csv", ".tsv")
SHARD = re.compile(r"-[0-9]+(-of-[0-9]+.*)?\Z")  # which of several files of a part


class TableFiles(NamedTuple):
    """The files that are read as one table.

    files (list[Path]): The files.
    name (str): The beginning of the ids of texts that have none.
    features (dict[str, Any]): The features of the columns, for files that do not contain them.
    """

    files: list[Path]
    name: str
    features: dict[str, Any]


def find_files(path: Path, part: str = "") -> TableFiles:
    """Find the files of a table.

    path (Path): A file, or a folder.
    part (str): The part of the folder to read, such as "train"; empty if it has only one.
    RETURNS (TableFiles): The files.
    RAISES (CorpusError): If a file is missing, or there is no such part, or there are several and none was chosen.
    """
    if not path.is_dir():
        if part:
            raise CorpusError(path, 0, "a file has no parts to choose from: leave out --part")
        return TableFiles([path], path.stem, {})
    if (path / PARTS).is_file():
        return _saved(path / _choose(_names_of_parts(path / PARTS), part, path))
    if (path / STATE).is_file():
        if part:
            raise CorpusError(path, 0, "the folder contains one part only: leave out --part")
        return _saved(path)
    files = data_files(path)
    if not files:
        raise CorpusError(path, 0, f"the folder contains no table ({', '.join(ENDINGS)}), nor does its folder 'data'")
    of_part: dict[str, list[Path]] = {}
    for file in files:
        of_part.setdefault(_part(file), []).append(file)
    part = _choose([*of_part], part, path)
    chosen = of_part[part]
    endings = sorted({file.suffix for file in chosen})
    if len(endings) > 1:
        raise CorpusError(path, 0, f"the folder contains files of several kinds ({', '.join(endings)}): name one file")
    return TableFiles(chosen, part or path.name, _info(path))


def data_files(path: Path) -> list[Path]:
    """RETURNS (list[Path]): The files with tables in a folder, or else in its folder `data`, sorted by name."""
    for folder in (path, path / "data"):
        files = folder.iterdir() if folder.is_dir() else ()
        found = [file for file in files if file.suffix in ENDINGS and file.is_file() and not file.name.startswith(".")]
        if found:
            return sorted(found)
    return []


def is_saved(path: Path) -> bool:
    """RETURNS (bool): Whether a folder was saved by `datasets`."""
    return (path / PARTS).is_file() or (path / STATE).is_file()


def _part(file: Path) -> str:
    """The part of a file: "train" of `train-00000-of-00002.parquet`, `train.csv` and `name-train.arrow`."""
    name = SHARD.sub("", file.stem).rpartition("-")[2]
    return "" if name.isdecimal() else name


def _choose(names: list[str], part: str, path: Path) -> str:
    if part and part not in names:
        raise CorpusError(path, 0, f"there is no part '{part}' among {', '.join(names)}")
    if not part and len(names) > 1:
        raise CorpusError(path, 0, f"the folder contains the parts {', '.join(names)}: choose one with --part")
    return part or names[0]


def _names_of_parts(file: Path) -> list[str]:
    location = Location(file, name="splits")
    names = location.words(_object(file), "splits")
    if not names:
        raise location.error("there are none")
    return names


def _saved(folder: Path) -> TableFiles:
    """The files of a folder that `Dataset.save_to_disk` has written."""
    file = folder / STATE
    location = Location(file, name="_data_files")
    state = _object(file)
    if state.get("_indices_data_files"):
        raise location.error(
            "the rows are chosen by a file of indices, which is not read: load the folder and save it again with "
            "datasets 2 or later"
        )
    names = [location.get(entry, "filename", str) for entry in location.get(state, "_data_files", list)]
    files = [folder / name for name in names]
    for path in files:
        if not path.is_file():
            raise location.error(f"the file '{path.name}' is missing")
    return TableFiles(files, folder.name, _info(folder))


def _info(folder: Path) -> dict[str, Any]:
    """The features of the columns in a folder."""
    file = folder / INFO
    features = _object(file).get("features") if file.is_file() else None
    if features is None:
        return {}
    if not isinstance(features, dict):
        raise CorpusError(file, 0, "'features' must be a JSON object")
    return features


def _object(file: Path) -> dict[str, Any]:
    content = read_json(file)
    if not isinstance(content, dict):
        raise CorpusError(file, 0, "expected a JSON object")
    return content
