"""brat standoff: a folder of texts (.txt), each with its annotations by character offsets (.ann).

T lines are entities and R lines relations. A `*` line (an equivalence) becomes relations between all pairs of its
members, the earlier one as the head, and an event (E) relations from its trigger to its arguments. Attributes,
normalizations and notes are metadata. What records cannot represent is counted: discontinuous entities, and which
arguments belong to which event if several have the same trigger. The entities of a text without an .ann file are None.
Its relations are None unless some file of the folder contains a relation or an event, because brat does not state
whether relations are annotated.
"""

from collections.abc import Iterator
from pathlib import Path

from .brat_lines import Line, find_mentions, read_ann
from .brat_metadata import read_metadata
from .brat_relations import find_ends, read_relations
from .fragments import Discontinuous, join_fragments
from .offsets import Offsets
from .reading import files_in, has_mark, read_text
from .record import CorpusError, EntityRecord, Record
from .report import Report, relative_name
from .surface import Mention, check_surface, fits, with_offsets

SUFFIXES = (".txt", ".ann", ".conf")  # the settings of brat are no annotations


def read_brat(path: Path, *, discontinuous: Discontinuous = "drop", report: Report | None = None) -> Iterator[Record]:
    """Read a folder and its subfolders.

    path (Path): The folder.
    discontinuous (Discontinuous): What to read of a discontinuous entity: nothing ("drop"), all from its first to its
        last part ("whole"), or its "longest" part.
    report (Report | None): Counts what records cannot represent, and notes texts without annotations and events.
    YIELDS (Record): One record per text, sorted by file name. Its id is the file name without its suffix.
    RAISES (CorpusError): If a line is malformed, refers to an unknown identifier, or its text differs from that at its
        offsets; if annotations have no text.
    """
    path = Path(path)
    report = report if report is not None else Report()
    files = _text_files(path, report)
    annotations = {file: file.with_suffix(".ann") for file in files if file.with_suffix(".ann").is_file()}
    annotated = {file: read_ann(ann, report.of_file(ann, path)) for file, ann in annotations.items()}
    has_relations = any(line.kind in "R*E" for lines in annotated.values() for line in lines)

    def read() -> Iterator[tuple[Path, str]]:
        return ((file, read_text(file, may_be_empty=True)) for file in files)

    marks: dict[Path, int] = {}

    def parts(given: tuple[Path, str]) -> tuple[str, list[Mention], str]:
        file, text = given
        mentions = find_mentions(annotated.get(file, []))
        if file not in marks:
            marks[file] = _count_mark(file, text, mentions)
        return text, _behind_mark(mentions, marks[file]), relative_name(file, path)

    for (file, text), offsets in with_offsets(read, parts, report):
        name = relative_name(file, path)
        record = Record(text=text, id=name.removesuffix(file.suffix), origin=name)
        if file not in annotated:
            report.note("text without an .ann file (a.txt needs a.ann), read as not annotated", name)
        else:
            if marks[file]:
                report.note("offsets that count the byte order mark of the text, converted", name)
            _annotate(record, annotated[file], offsets, marks[file], discontinuous, report.of_file(file, path))
            if not has_relations:
                record.relations = None
        yield record


def _text_files(path: Path, report: Report) -> list[Path]:
    if path.is_file():
        raise CorpusError(path, 0, "expected a folder of .txt and .ann files, found a file; name its folder")
    found = files_in(path) if path.is_dir() else []
    files = [file for file in found if file.suffix == ".txt"]
    if not files:
        raise CorpusError(path, 0, "the folder contains no .txt file")
    for file in found:
        if file.suffix == ".ann" and not file.with_suffix(".txt").is_file():
            missing = file.with_suffix(".txt").name
            raise CorpusError(
                file, 0, f"there is no text for these annotations, {missing}. The annotations of a.txt must be in a.ann"
            )
    for file in found:
        if file.suffix not in SUFFIXES:
            report.note("file that is neither a .txt nor an .ann file, not read", relative_name(file, path))
    return files


def _count_mark(file: Path, text: str, mentions: list[Mention]) -> int:
    """How many characters the offsets count that are not in the text: 1 if they count a byte order mark before it."""
    if not mentions or not has_mark(file) or fits(text, mentions):
        return 0
    return int(fits(text, _behind_mark(mentions, 1)))


def _behind_mark(mentions: list[Mention], mark: int) -> list[Mention]:
    """The mentions with offsets that do not count a byte order mark of this length."""
    return [Mention(start - mark, end - mark, text) for start, end, text in mentions] if mark else mentions


def _annotate(
    record: Record, lines: list[Line], offsets: Offsets, mark: int, discontinuous: Discontinuous, report: Report
) -> None:
    entities: dict[str, EntityRecord] = {}
    for line in lines:
        if line.kind == "T":
            entity = _entity(line, record.text, offsets, mark, discontinuous, report)
            if entity is not None:
                entities[line.id] = entity
    record.entities = list(entities.values())
    ends = find_ends(lines, entities)
    relations = read_relations(lines, entities, ends, report)
    record.relations = [relation for _, relation in relations]
    record.meta = read_metadata(lines, record.entities, ends, relations, report)


def _entity(
    line: Line, text: str, offsets: Offsets, mark: int, discontinuous: Discontinuous, report: Report
) -> EntityRecord | None:
    label, given = line.fragments()
    what = f"the entity {line.id}"
    fragments = [offsets.convert(start - mark, end - mark, line.location, what) for start, end in given]
    if line.text is None:
        raise line.location.error(f"the text of {what} is missing; perhaps the line was cut off")
    # brat puts a blank between the texts of two fragments.
    check_surface(line.text, " ".join(text[start:end] for start, end in fragments), line.location, what)
    place = join_fragments(fragments, text, discontinuous, line.location, report)
    return None if place is None else EntityRecord(*place, label)
