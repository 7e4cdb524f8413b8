"""Parts of an output: a file for each part of the input, and a file for its rows that were left out."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow
from pyarrow import ArrowException, Schema, parquet
from spacy.language import Language

from ..annotations.storage import load_docs
from ..errors import Errors
from ..files import replacing
from .forms import COMPRESSION, write_json, write_parquet, write_spacy
from .options import FORMS, OnError, Options
from .rows import Partition, Row

REJECTED = "_rejected"
DIGITS = 6


class Counts(NamedTuple):
    """Rows of a part.

    written (int): Those with an analysis.
    rejected (int): Those that were left out.
    """

    written: int
    rejected: int


class Rejected:
    """The rows of a part that are left out.

    partition (Partition): The part.
    options (Options): The settings.
    on_error (OnError): "stop" raises an error for the first such row.
    """

    def __init__(self, partition: Partition, options: Options, on_error: OnError) -> None:
        self.id = options.id
        self.on_error = on_error
        self.reasons: dict[int, str] = {}
        self.rows = {row.number: row for row in partition.rows}

    def add(self, row: Row, reason: str) -> None:
        """Leave out a row.

        row (Row): The row.
        reason (str): Why.
        RAISES (ValueError): If the run stops at errors.
        """
        if self.on_error == "stop":
            raise ValueError(Errors.M725.format(place=row.place, reason=reason))
        self.reasons[row.number] = reason

    def lines(self) -> list[str]:
        """RETURNS (list[str]): A JSON object for each row, in order: its number, place and id, and the reason."""
        found = []
        for number in sorted(self.reasons):
            row = self.rows[number]
            about: dict[str, Any] = {"row": number, "place": row.place, "reason": self.reasons[number]}
            if self.id in row.values:
                name = row.values[self.id]
                about["id"] = name if isinstance(name, (str, int)) else str(name)
            found.append(json.dumps(about))
        return found


def part_path(folder: Path, number: int, form: str) -> Path:
    """RETURNS (Path): The file of a part."""
    return folder / f"part-{number:0{DIGITS}}.{form}"


def rejected_path(folder: Path, number: int) -> Path:
    """RETURNS (Path): The file of the rows of a part that were left out."""
    return folder / REJECTED / f"part-{number:0{DIGITS}}.jsonl"


def find_parts(folder: Path, form: str) -> set[int]:
    """RETURNS (set[int]): The numbers of the parts that are in a folder."""
    numbers = (path.name.removeprefix("part-").removesuffix(f".{form}") for path in folder.glob(f"part-*.{form}"))
    return {int(number) for number in numbers if number.isdecimal()}


def delete_parts(folder: Path) -> None:
    """Delete the parts of a folder, of any form, and nothing else.

    folder (Path): The folder.
    """
    # A part whose list is gone would seem to have lost rows, but a list without its part is made again with it.
    for form in FORMS:
        for number in find_parts(folder, form):
            part_path(folder, number, form).unlink()
    for number in find_parts(folder / REJECTED, "jsonl"):
        rejected_path(folder, number).unlink()
    with suppress(OSError):  # there is none, or it has files of the user
        (folder / REJECTED).rmdir()


def write_part(
    nlp: Language, partition: Partition, folder: Path, options: Options, schema: Schema | None, on_error: OnError
) -> Counts:
    """Annotate a part of the input, and write it. Its file appears when everything is on the disk, and after that of
    the rows that were left out: a part that exists is complete.

    nlp (Language): The pipeline.
    partition (Partition): The rows.
    folder (Path): Where to write.
    options (Options): The settings.
    schema (Optional[Schema]): The columns of a parquet file.
    on_error (OnError): "stop" raises an error for the first row without an analysis; "skip" leaves such rows out.
    RETURNS (Counts): The rows that were written and left out.
    RAISES (ValueError): If the run stops at errors, and a row has no analysis.
    """
    rejected = Rejected(partition, options, on_error)
    with replacing(part_path(folder, partition.number, options.form)) as temporary:
        if options.form == "spacy":
            written = write_spacy(nlp, partition.rows, temporary, options, rejected.add)
        elif options.form == "parquet":
            assert schema is not None
            written = write_parquet(nlp, partition.rows, temporary, options, schema, rejected.add)
        else:
            written = write_json(nlp, partition.rows, temporary, options, rejected.add)
        path = rejected_path(folder, partition.number)
        path.unlink(missing_ok=True)
        if rejected.reasons:
            with replacing(path) as lines:
                lines.write_text("".join(f"{line}\n" for line in rejected.lines()), encoding="utf8")
    return Counts(written, len(rejected.reasons))


def count_part(folder: Path, number: int, form: str) -> Counts:
    """Count the rows of a part, as they are on the disk.

    folder (Path): The folder of the parts.
    number (int): The part.
    form (str): Its form.
    RETURNS (Counts): The rows that were written and left out.
    RAISES (ValueError): If a file is damaged.
    """
    path, rejected = part_path(folder, number, form), rejected_path(folder, number)
    try:
        if form == "parquet":
            written = parquet.read_metadata(path).num_rows
        elif form == "spacy":
            written = sum(1 for _ in load_docs(path))
        else:
            written = count_lines(path, COMPRESSION[form])
        return Counts(written, count_lines(rejected) if rejected.exists() else 0)
    except (ArrowException, OSError, ValueError) as err:
        remedy = "Delete it: the same command makes only this part again."
        raise ValueError(Errors.M734.format(path=path, reason=err, remedy=remedy)) from None


def count_lines(path: Path, compression: str | None = None) -> int:
    """RETURNS (int): The lines of a file, compressed as its form is."""
    with pyarrow.input_stream(path, compression=compression) as stream:
        count = 0
        while chunk := stream.read(1 << 20):
            count += chunk.count(b"\n")
    return count
