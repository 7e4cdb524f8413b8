"""Records on disk, for several passes over a corpus that is larger than the memory."""

import pickle
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from ..files import naming_full_disk
from .record import Record

ADVICE = " (records are kept there while they are converted; TMPDIR names another folder)"


class Spool:
    """Records in a temporary file, which is removed when the spool is closed or no longer used.

    records (Iterable[Record]): The records; they are read once.

    >>> with Spool([Record("Ada met Bo.")]) as records:
    ...     len(records), [record.text for record in records]
    (1, ['Ada met Bo.'])
    """

    def __init__(self, records: Iterable[Record]) -> None:
        self._folder = TemporaryDirectory(prefix="spacy_mre-")
        self._path = Path(self._folder.name) / "records"
        self._length = 0
        try:
            with naming_full_disk(gettempdir(), ADVICE), self._path.open("wb") as file:
                for record in records:
                    pickle.dump(record, file, protocol=pickle.HIGHEST_PROTOCOL)
                    self._length += 1
        except BaseException:
            self._folder.cleanup()
            raise

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *error: object) -> None:
        self._folder.cleanup()

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Record]:
        with self._path.open("rb") as file:
            for _ in range(self._length):
                yield pickle.load(file)
