"""Slot filling folders: three parallel files, `seq.in` (tokens), `seq.out` (BIO or BIOES tags) and `label` (the intent)."""

from collections.abc import Iterator
from pathlib import Path

from .reading import Location, join_words, read_lines, split_blanks
from .record import CorpusError, EntityRecord, Record
from .report import Report
from .tags import decode_tags, has_closing_tags


def read_slots(path: Path, *, separator: str = " ", report: Report | None = None) -> Iterator[Record]:
    """Read one part.

    path (Path): The folder with the three files. Without the file `label` the records have no cats.
    separator (str): What to put between the tokens: a blank, or nothing for Chinese characters.
    report (Optional[Report]): Counts tag sequences that had to be repaired.
    YIELDS (Record): The records; their ids are the folder's name and the number of the line.
    RAISES (CorpusError): Files of different length, another number of tags than of tokens, something that is no tag.
    """
    path = Path(path)
    report = report if report is not None else Report()
    words, tags = ([line for _, line in read_lines(path / name)] for name in ("seq.in", "seq.out"))
    labels = [line for _, line in read_lines(path / "label")] if (path / "label").is_file() else None
    for name, lines in (("seq.out", tags), ("label", labels)):
        if lines is not None and len(lines) != len(words):
            raise CorpusError(
                path / name,
                min(len(lines), len(words)) + 1,
                f"there are {len(lines)} lines where seq.in has {len(words)}",
            )
    closing = any(has_closing_tags(split_blanks(line)) for line in tags)
    for i, line in enumerate(words):
        place = Location(path / "seq.out", i + 1)
        text, tokens = join_words(split_blanks(line), separator)
        row = split_blanks(tags[i])
        if len(row) != len(tokens):
            raise place.error(f"there are {len(row)} tags where seq.in has {len(tokens)} tokens")
        try:
            spans, repairs = decode_tags(row, closing=closing)
        except ValueError as err:
            raise place.error(str(err)) from None
        for _, repair in repairs:
            report.lose("malformed tag sequence (repaired)", str(place), repair)
        cats = None
        if labels is not None:
            if not labels[i].strip():
                raise CorpusError(path / "label", i + 1, "the line is empty, a label was expected")
            cats = {labels[i].strip(): 1.0}
        yield Record(
            text=text,
            id=f"{path.name}-{i + 1}",
            entities=[EntityRecord(tokens[start][0], tokens[end - 1][1], label) for start, end, label in spans],
            cats=cats,
            tokens=tokens,
            origin=str(place),
        )
