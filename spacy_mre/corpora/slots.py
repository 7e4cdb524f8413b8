"""Slot filling folders of three parallel files: `seq.in` (tokens), `seq.out` (BIO tags or others), `label` (intent)."""

from collections.abc import Iterator
from pathlib import Path

from .reading import Location, entity_from_tokens, join_words, read_lines, split_blanks
from .record import CorpusError, Record
from .report import Report
from .tags import find_scheme, read_tags


def read_slots(path: Path, *, separator: str | None = None, report: Report | None = None) -> Iterator[Record]:
    """Read one folder.

    path (Path): The folder with the three files. Without the file `label` the records have no text labels.
    separator (str | None): The string between tokens; None puts blanks where the script has them.
    report (Report | None): Counts repaired tag sequences, and notes a missing `label` and last lines without an end.
    YIELDS (Record): One record per line. Its id is the name of the folder and the number of the line.
    RAISES (CorpusError): If the files differ in length, a line has more or fewer tags than tokens, or a tag is invalid.
    """
    path = Path(path)
    report = report if report is not None else Report()
    token_lines = [line for _, line in read_lines(path / "seq.in", report=report)]
    tag_lines = [line for _, line in read_lines(path / "seq.out", report=report)]
    label_lines = None
    if (path / "label").exists():
        label_lines = [line for _, line in read_lines(path / "label", report=report)]
    else:
        report.note("folder without the file 'label', read without text labels", path.name)
    _check_length(path / "seq.out", tag_lines, token_lines)
    if label_lines is not None:
        _check_length(path / "label", label_lines, token_lines)
    scheme = find_scheme(map(split_blanks, tag_lines))
    for i, (token_line, tag_line) in enumerate(zip(token_lines, tag_lines)):
        location = Location(path / "seq.out", i + 1)
        text, tokens = join_words(split_blanks(token_line), separator)
        tags = split_blanks(tag_line)
        if len(tags) != len(tokens):
            raise location.error(f"found {len(tags)} tags for the {len(tokens)} tokens in seq.in")
        spans = read_tags(tags, scheme, location, report)
        yield Record(
            text=text,
            id=f"{path.name}-{i + 1}",
            entities=[entity_from_tokens(tokens, span.start, span.end, span.label) for span in spans],
            cats=None if label_lines is None else _cats(path / "label", i + 1, label_lines[i]),
            tokens=tokens,
            origin=str(location),
        )


def _check_length(path: Path, lines: list[str], token_lines: list[str]) -> None:
    if len(lines) != len(token_lines):
        first_difference = min(len(lines), len(token_lines)) + 1
        raise CorpusError(path, first_difference, f"found {len(lines)} lines, but seq.in has {len(token_lines)}")


def _cats(path: Path, number: int, line: str) -> dict[str, float]:
    if not line.strip():
        raise CorpusError(path, number, "the line is empty, expected a label")
    return {line.strip(): 1.0}
