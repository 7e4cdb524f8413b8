"""Compilation of the hand-written corpus: mark-up files are checked and written as JSON lines by language and part."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from ..files import replacing_files
from .jsonl import write_records
from .markup import read_markup
from .reading import Location, read_json
from .record import CorpusError, Record
from .splits import PARTS, split_records


@dataclass(frozen=True)
class Labels:
    """The labels that the corpus may use.

    entities (frozenset[str]): The entity labels.
    relations (frozenset[str]): The relation labels.
    cats (frozenset[str]): The text labels.
    """

    entities: frozenset[str]
    relations: frozenset[str]
    cats: frozenset[str]


def read_labels(path: Path) -> Labels:
    """Read the label table.

    path (Path): The file: `{"entities": {"person": {"en": "person", ...}, ...}, "relations": {...}, "cats": {...}}`.
    RETURNS (Labels): The labels, without their display names.
    RAISES (CorpusError): If the input is malformed.
    """
    location = Location(Path(path), name="label table")
    table = read_json(path)
    return Labels(
        entities=frozenset(location.get(table, "entities", dict)),
        relations=frozenset(location.get(table, "relations", dict)),
        cats=frozenset(location.get(table, "cats", dict)),
    )


def read_corpus(folder: Path, labels: Labels) -> dict[str, list[Record]]:
    """Read all mark-up files of a folder. Text labels that a record does not have are set to 0.0.

    folder (Path): The folder with the `.mre` files.
    labels (Labels): The allowed labels.
    RETURNS (dict[str, list[Record]]): The records of each language, sorted by id.
    RAISES (CorpusError): If the mark-up is malformed, a label is not in the table, an id is in two files, or a record
        is missing in one of the languages.
    """
    folder = Path(folder)
    files = sorted(folder.glob("*.mre"))
    if not files:
        raise CorpusError(folder, 0, "the folder contains no .mre file")
    corpus: dict[str, list[Record]] = {}
    file_of: dict[str, Path] = {}
    for file in files:
        for lang, records in read_markup(file).items():
            for record in records:
                if file_of.setdefault(record.id, file) != file:
                    other = file_of[record.id].name
                    raise CorpusError(file, _line(record), f"duplicate id {record.id}, first used in {other}")
                _check_labels(record, labels, file)
                record.cats = {**dict.fromkeys(sorted(labels.cats), 0.0), **(record.cats or {})}
            corpus.setdefault(lang, []).extend(records)
    ids = {lang: {record.id for record in records} for lang, records in corpus.items()}
    for lang, missing in ((lang, set.union(*ids.values()) - ids[lang]) for lang in ids):
        if missing:
            raise CorpusError(folder, 0, f"{min(missing)} has no line '{lang}:', as other records have")
    for records in corpus.values():
        records.sort(key=_by_number_and_label)
    return corpus


def compile_corpus(folder: Path, output: Path, labels: Labels) -> dict[str, dict[str, int]]:
    """Convert a folder of mark-up files to `output/LANGUAGE/PART.jsonl`.

    folder (Path): The folder with the `.mre` files.
    output (Path): The folder to write.
    labels (Labels): The allowed labels.
    RETURNS (dict[str, dict[str, int]]): The number of records by language and part.
    RAISES (CorpusError): If the mark-up is malformed, or a label is not in the table.
    """
    return write_parts(read_corpus(folder, labels), output)


def write_parts(corpora: Mapping[str, list[Record]], output: Path) -> dict[str, dict[str, int]]:
    """Write `train.jsonl`, `dev.jsonl` and `test.jsonl` of several corpora, split by number: all files, or none. Parts
    of an earlier time that are empty now are removed: they may have texts that are in another part now.

    corpora (Mapping[str, list[Record]]): The records of each corpus, by its folder in the output.
    output (Path): The folder to write.
    RETURNS (dict[str, dict[str, int]]): The number of records by corpus and part.
    """
    counts: dict[str, dict[str, int]] = {}
    with replacing_files(output) as fresh:
        for folder, records in corpora.items():
            parts = split_records(records, "number")
            counts[folder] = {part: write_records(of, fresh / folder / f"{part}.jsonl") for part, of in parts.items()}
        for folder, part in product(corpora, PARTS):
            if part not in counts[folder]:
                (Path(output) / folder / f"{part}.jsonl").unlink(missing_ok=True)
    return counts


def _check_labels(record: Record, labels: Labels, file: Path) -> None:
    for kind, allowed, used in (
        ("entity", labels.entities, [entity.label for entity in record.entities or ()]),
        ("relation", labels.relations, [relation.label for relation in record.relations or ()]),
        ("text", labels.cats, list(record.cats or ())),
    ):
        unknown = [label for label in used if label not in allowed]
        if unknown:
            raise CorpusError(
                file, _line(record), f"{record.id}: the {kind} label '{unknown[0]}' is not in the label table"
            )


def _line(record: Record) -> int:
    return int(record.origin.rpartition(" ")[2])


def _by_number_and_label(record: Record) -> tuple[int, str]:
    # Sorted by number first, so that the first records of a part, which people read, have different text labels.
    label, _, number = record.id.rpartition("-")
    return int(number), label
