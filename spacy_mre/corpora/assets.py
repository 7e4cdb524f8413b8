"""How does the hand-written corpus become files to convert? Mark-up in, JSON lines by language and part out, labels checked on the way."""

from dataclasses import dataclass
from pathlib import Path

from .jsonl import write_records
from .markup import read_markup
from .reading import Location, read_json
from .record import CorpusError, Record
from .splits import split_records


@dataclass(frozen=True)
class Labels:
    """The label identifiers that the corpus may use, as its label table names them."""

    entities: frozenset[str]
    relations: frozenset[str]
    cats: frozenset[str]


def read_labels(path: Path) -> Labels:
    """Read the label table.

    path (Path): The file: `{"entities": {"person": {"en": "person", ...}, ...}, "relations": {...}, "cats": {...}}`.
    RETURNS (Labels): The identifiers.
    RAISES (CorpusError): Malformed input.
    """
    place = Location(Path(path), name="label table")
    table = read_json(path)
    return Labels(*(frozenset(place.get(table, kind, dict)) for kind in ("entities", "relations", "cats")))


def read_corpus(folder: Path, labels: Labels) -> dict[str, list[Record]]:
    """Read all mark-up files of a folder, with the cats filled in for all classes.

    folder (Path): The folder with the `.mre` files.
    labels (Labels): The labels that may occur.
    RETURNS (Dict[str, List[Record]]): The records of each language, in the order of their ids.
    RAISES (CorpusError): Malformed mark-up, a label that is not in the table.
    """
    folder = Path(folder)
    files = sorted(folder.glob("*.mre"))
    if not files:
        raise CorpusError(folder, 0, "there is no .mre file in this folder")
    corpus: dict[str, list[Record]] = {}
    for file in files:
        for lang, records in read_markup(file).items():
            for record in records:
                _check_labels(record, labels, file)
                record.cats = {**dict.fromkeys(sorted(labels.cats), 0.0), **(record.cats or {})}
            corpus.setdefault(lang, []).extend(records)
    for records in corpus.values():
        records.sort(key=_by_number_and_class)
    return corpus


def compile_corpus(folder: Path, output: Path, labels: Labels) -> dict[str, dict[str, int]]:
    """Write a folder of mark-up files as `output/LANGUAGE/PART.jsonl`.

    folder (Path): The folder with the `.mre` files.
    output (Path): The folder to write.
    labels (Labels): The labels that may occur.
    RETURNS (Dict[str, Dict[str, int]]): How many records were written, by language and part.
    RAISES (CorpusError): Malformed mark-up, a label that is not in the table.
    """
    counts: dict[str, dict[str, int]] = {}
    for lang, records in read_corpus(folder, labels).items():
        for part, chosen in split_records(records, "number").items():
            counts.setdefault(lang, {})[part] = write_records(chosen, Path(output) / lang / f"{part}.jsonl")
    return counts


def _check_labels(record: Record, labels: Labels, file: Path) -> None:
    line = int(record.origin.rpartition(" ")[2])
    for kind, known, used in (
        ("entity", labels.entities, [entity.label for entity in record.entities or ()]),
        ("relation", labels.relations, [relation.label for relation in record.relations or ()]),
        ("text class", labels.cats, list(record.cats or ())),
    ):
        unknown = [label for label in used if label not in known]
        if unknown:
            raise CorpusError(file, line, f"{record.id}: the {kind} label '{unknown[0]}' is not in the label table")


def _by_number_and_class(record: Record):
    """So that the first few sentences of a part, which people look at, are of all classes."""
    name, _, number = record.id.rpartition("-")
    return int(number), name
