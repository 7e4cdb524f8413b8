"""Writing of WebAnno TSV 3.3, which INCEpTION imports: one file per text, one row per token."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from pathlib import Path

from ..files import replacing_files
from .file_names import FileNames
from .presence import lose_missing, lose_parts
from .reading import files_in
from .record import CharOffsets, Record
from .report import Report, relative_name
from .webanno_cells import Cells
from .webanno_rows import ENDING
from .webanno_values import escape_text
from .word_pieces import words_in

# The layers of INCEpTION's projects for spans and relations, with their feature.
SPANS, RELATIONS, FEATURE = "custom.Span", "custom.Relation", "label"
# A line end between two sentences: the blanks behind it are restored by the offset of the next sentence.
BREAK = re.compile(r"\n *\Z")


def write_records(records: Iterable[Record], path: Path, report: Report | None = None) -> int:
    """Write records as a folder that `read_webanno` reads. Each line of a text is a sentence.

    Tokens of white space only are not written. The parts of tokens that are entities become sub-tokens.

    records (Iterable[Record]): The records.
    path (Path): The folder; it is created. Other files in it are kept, and noted if they would be read too.
    report (Report | None): Counts what the format cannot represent.
    RETURNS (int): The number of texts.
    """
    path = Path(path)
    report = report if report is not None else Report()
    records = list(records)
    lose_missing(records, "WebAnno TSV", report)
    # A relation layer without its span layer is not read.
    for record in records if all(record.entities is None for record in records) else ():
        if record.relations is not None:
            reason = "empty annotation of relations (WebAnno TSV cannot tell it from a missing one without entities)"
            report.lose(reason, record.origin)
    for record in records:
        lose_parts(record, "WebAnno TSV", report)
        if "\0" in record.text:
            report.lose("NUL character (written as a space)", record.origin)
    names = FileNames(ENDING)
    written = set()
    with replacing_files(path) as fresh:
        for number, record in enumerate(records, start=1):
            name = names.choose(record, number, report)
            written.add(f"{name}{ENDING}")
            file = fresh / f"{name}{ENDING}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes("".join(line + "\n" for line in _as_lines(record, report)).encode("utf8"))
    for file in files_in(path, (ENDING,)):
        if file.relative_to(path).as_posix() not in written:
            report.note("file in the folder that is not part of this export", relative_name(file, path))
    return len(records)


def _as_lines(record: Record, report: Report) -> Iterator[str]:
    yield "#FORMAT=WebAnno TSV 3.3"
    if record.entities is not None:
        yield f"#T_SP={SPANS}|{FEATURE}"
    if record.relations is not None:
        yield f"#T_RL={RELATIONS}|{FEATURE}|BT_{SPANS}"
    yield ""
    record = replace(record, text=record.text.replace("\0", " "))
    text = record.text
    tokens = _tokens(record.tokens, text)
    cells = Cells(record, tokens, report)
    lengths = [0, *accumulate(2 if char > "\uffff" else 1 for char in text)]
    sentences = list(_sentences(text, tokens))
    for number, (first, last, _) in enumerate(sentences, start=1):
        for token in range(first, last):
            cells.name(token, f"{number}-{token - first + 1}")
    for first, last, end in sentences:
        yield ""
        yield from (f"#Text={escape_text(line)}" for line in text[tokens[first][0] : end].split("\n"))
        for token in range(first, last):
            for name, (left, right), values in cells.rows(token):
                offsets = f"{lengths[left]}-{lengths[right]}"
                yield "\t".join([name, offsets, escape_text(text[left:right]), *values, ""])


def _tokens(given: Sequence[CharOffsets] | None, text: str) -> list[CharOffsets]:
    tokens = words_in(text, given)
    # A text begins with a token. Before the first one, only blanks could be restored.
    start = tokens[0][0] if tokens else len(text)
    return [(0, start), *tokens] if text[:start].strip(" ") or (text and not tokens) else tokens


def _sentences(text: str, tokens: list[CharOffsets]) -> Iterator[tuple[int, int, int]]:
    """The first token, the last one + 1, and the last character + 1 of each sentence."""
    first = 0
    for i, (left, right) in enumerate(pairwise(tokens), start=1):
        found = BREAK.search(text, left[1], right[0])
        if found:
            yield first, i, found.start()
            first = i
    if tokens:
        yield first, len(tokens), len(text)
