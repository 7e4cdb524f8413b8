"""Corpus formats: `READERS` read files as records, `make_docs` converts these to Docs, `WRITERS` write Docs to files.

To add a format NAME:

1. Write `corpora/NAME.py` with a generator that yields one `Record` per text:

       def read_NAME(path: Path, *, report: Report | None = None) -> Iterator[Record]

   Read the file with the functions of `corpora/reading.py`, which raise a `CorpusError` with the line of an error, and
   check values with its `Location`. If a record cannot represent an annotation, count it with
   `report.lose(reason, origin)`. Leave entities, relations or cats None if the format does not annotate them.
2. Add the function to `READERS` below. It is then a format of `python -m spacy_mre convert`.
3. To write the format too, add `write_records` to `corpora/NAME.py`, call it from a function for Docs in
   `corpora/from_docs.py`, and add that to `WRITERS`. It is then a format of `python -m spacy_mre export`.
4. Test a valid file and malformed ones in `tests/corpora/`, and add the format to the list in `docs/data.md`.

`corpora/genia.py` is a short reader to start from, `corpora/jsonl.py` a short reader and writer.
"""

from collections.abc import Callable, Iterator

from .asdc import read_asdc
from .brat import read_brat
from .conll import read_conll
from .crossre import read_crossre
from .from_docs import make_records, write_brat, write_jsonl
from .genia import read_genia
from .jsonl import read_jsonl
from .record import CorpusError, EntityRecord, Record, RelationRecord
from .report import Report
from .slots import read_slots
from .spert_json import read_spert
from .stockmark import read_stockmark
from .to_docs import cat_labels, make_docs

READERS: dict[str, Callable[..., Iterator[Record]]] = {
    "asdc": read_asdc,
    "brat": read_brat,
    "conll": read_conll,
    "crossre": read_crossre,
    "genia": read_genia,
    "jsonl": read_jsonl,
    "slots": read_slots,
    "spert": read_spert,
    "stockmark": read_stockmark,
}
WRITERS: dict[str, Callable[..., int]] = {"brat": write_brat, "jsonl": write_jsonl}

__all__ = [
    "READERS",
    "WRITERS",
    "CorpusError",
    "EntityRecord",
    "Record",
    "RelationRecord",
    "Report",
    "cat_labels",
    "make_docs",
    "make_records",
]
