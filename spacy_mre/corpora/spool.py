"""Records on disk, for several passes over a corpus that is larger than the memory."""

import pickle
from collections.abc import Iterable, Iterator
from tempfile import TemporaryFile, gettempdir

from ..files import naming_full_disk
from .record import Record

ADVICE = " (records are kept there while they are converted; TMPDIR names another folder)"


class Spool:
    """Records in a temporary file, which is removed when the spool is closed, no longer used, or its process is killed.

    records (Iterable[Record]): The records; they are read once.

    >>> with Spool([Record("Ada met Bo.")]) as records:
    ...     len(records), [record.text for record in records]
    (1, ['Ada met Bo.'])
    """

    def __init__(self, records: Iterable[Record]) -> None:
        self._file = TemporaryFile(prefix="spacy_mre-")  # noqa: SIM115 (closed by `__exit__`)
        self._length = 0
        try:
            with naming_full_disk(gettempdir(), ADVICE):
                for record in records:
                    pickle.dump(record, self._file, protocol=pickle.HIGHEST_PROTOCOL)
                    self._length += 1
                self._file.flush()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Record]:
        position = 0
        for _ in range(self._length):
            # Somebody else may have read meanwhile.
            self._file.seek(position)
            record = pickle.load(self._file)
            position = self._file.tell()
            yield record
