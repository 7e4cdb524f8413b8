"""Reads raw texts: what commands take that annotate or draw texts."""

from collections.abc import Iterator
from pathlib import Path

from ..annotations.storage import load_docs
from ..corpora.reading import read_json_lines, read_lines
from ..corpora.record import Record
from ..errors import Errors


def read_raw_texts(path: Path) -> Iterator[Record]:
    """Read texts without their annotations. Their ids are those of the file, or else their numbers.

    path (Path): A .txt file (one text per line), a .jsonl file (field "text", and optionally "id" and "group") or a
        .spacy file.
    YIELDS (Record): The texts.
    RAISES (ValueError): If it is another file, or a line has no text.
    """
    if path.suffix == ".spacy":
        for number, doc in enumerate(load_docs(path), start=1):
            group = str(doc.user_data.get("group", ""))
            yield Record(doc.text, id=str(doc.user_data.get("id", number)), group=group, origin=f"document {number}")
        return
    if path.suffix not in (".txt", ".jsonl"):
        raise ValueError(Errors.M602.format(path=path, suffix=path.suffix))
    if path.suffix == ".txt":
        lines = ((number, line) for number, line in read_lines(path) if line.strip())
        for count, (number, line) in enumerate(lines, start=1):
            yield Record(line, id=str(count), origin=f"line {number}")
        return
    for count, (number, item) in enumerate(read_json_lines(path), start=1):
        text = item.get("text")
        if not isinstance(text, str):
            raise ValueError(Errors.M603.format(path=path, line=number, found=ascii(item)[:60]))
        given, of_group = item.get("id"), item.get("group")
        name = str(given) if isinstance(given, (str, int)) and given != "" else str(count)
        yield Record(text, id=name, group=of_group if isinstance(of_group, str) else "", origin=f"line {number}")
