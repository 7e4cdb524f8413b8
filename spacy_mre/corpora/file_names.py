"""Names of files for formats that have one file per text."""

import re
from pathlib import PurePosixPath

from .record import Record
from .report import Report

SAFE_NAME = re.compile(r"[\w][\w .-]*(/[\w][\w .-]*)*\Z")
MAX_NAME = 200  # bytes; file systems allow 255


class FileNames:
    """Chooses the names of the files of texts. File systems may ignore case, so no two differ in it only.

    endings (str): How the names of the files of each text end, such as ".txt".
    """

    def __init__(self, *endings: str) -> None:
        self.endings = endings
        self.files: set[str] = set()
        self.folders: set[str] = set()

    def choose(self, record: Record, number: int, report: Report) -> str:
        """RETURNS (str): The id of a record if it is a valid and unused file name, otherwise a new name from its
        number. Names have no ending.
        """
        name = record.id
        if not SAFE_NAME.match(name) or len(name.encode("utf8")) > MAX_NAME or not self._is_free(name):
            report.lose("id that is not a valid or not a unique file name", record.origin, name)
            name = f"text-{number:06}"
            while not self._is_free(name):
                name += "-"
        self.files |= self._files(name)
        self.folders |= _folders(name)
        return name

    def _is_free(self, name: str) -> bool:
        is_used = any(file in self.files or file in self.folders for file in self._files(name))
        return not is_used and _folders(name).isdisjoint(self.files)

    def _files(self, name: str) -> set[str]:
        return {f"{name}{ending}".lower() for ending in self.endings}


def _folders(name: str) -> set[str]:
    """The folders in which a file is."""
    return {folder.as_posix() for folder in PurePosixPath(name.lower()).parents[:-1]}
