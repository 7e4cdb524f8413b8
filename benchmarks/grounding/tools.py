"""Files as tools write them whose offsets do not count characters: written files are rewritten with other offsets."""

import csv
import json
import re
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

# From a text to the offset in another unit of each of its characters, and of its end.
Unit = Callable[[str], list[int]]


def utf16(text: str) -> list[int]:
    """Code units of UTF-16, as in JavaScript and Java."""
    return [0, *accumulate(1 + (char > "\uffff") for char in text)]


def utf8(text: str) -> list[int]:
    """Bytes of UTF-8."""
    return [0, *accumulate(len(char.encode()) for char in text)]


def browser(text: str) -> list[int]:
    """Code units of UTF-16 in which a carriage return and line feed are one, as in a text field of a browser."""
    widths = (0 if text[max(i - 1, 0) : i + 1] == "\r\n" else 1 + (char > "\uffff") for i, char in enumerate(text))
    return [0, *accumulate(widths)]


UNITS: dict[str, Unit] = {"UTF-16": utf16, "UTF-8": utf8, "browser": browser}


def _json(text: str, item: dict[str, Any], unit: Unit) -> dict[str, Any]:
    """Convert all objects with "start" and "end", and give them their text. Tokens are left out."""
    item.pop("tokens", None)
    offsets = unit(text)
    for value in list(_objects(item)):
        if isinstance(value.get("start"), int):
            value["text"] = text[value["start"] : value["end"]]
            value["start"], value["end"] = offsets[value["start"]], offsets[value["end"]]
    return item


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """All objects in a value of JSON, each once."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(inner)


def _json_lines(path: Path, unit: Unit) -> None:
    items = [json.loads(line) for line in path.read_text(encoding="utf8").split("\n") if line]
    items = [_json(item["text"], item, unit) for item in items]
    path.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf8")


def _label_studio(path: Path, unit: Unit) -> None:
    tasks = json.loads(path.read_text(encoding="utf8"))
    path.write_text(json.dumps([_json(task["data"]["text"], task, unit) for task in tasks]), encoding="utf8")


def _table(path: Path, unit: Unit) -> None:
    with path.open(encoding="utf8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        converted = _json(row["text"], {"entities": json.loads(row["entities"])}, unit)
        row["entities"] = json.dumps(converted["entities"])
        del row["tokens"]
    with path.open("w", encoding="utf8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(rows)


def _brat(path: Path, unit: Unit) -> None:
    for file in path.glob("*.txt"):
        offsets = unit(file.read_bytes().decode("utf-8-sig"))

        def convert(match: re.Match[str], offsets: list[int] = offsets) -> str:
            return f"{match[1]}{offsets[int(match[2])]} {offsets[int(match[3])]}\t"

        annotations = file.with_suffix(".ann")
        content = annotations.read_bytes().decode("utf8")
        annotations.write_bytes(re.sub(r"(?m)^(T\d+\t.*?)(\d+) (\d+)\t", convert, content).encode("utf8"))


def _pubtator(path: Path, unit: Unit) -> None:
    blocks = []
    for block in path.read_bytes().decode("utf8").split("\n\n"):
        lines = block.removesuffix("\n").split("\n")
        title, abstract = (line.split("|", 2)[2] for line in lines[:2])
        offsets = unit(f"{title}\n{abstract}")
        for i, line in enumerate(lines[2:], start=2):
            fields = line.split("\t")
            if len(fields) == 6:
                fields[1:3] = (str(offsets[int(place)]) for place in fields[1:3])
                lines[i] = "\t".join(fields)
        blocks.append("\n".join([*lines, ""]))
    path.write_bytes("\n".join(blocks).encode("utf8"))


def _bioc(path: Path, unit: Unit) -> None:
    from bioc import biocxml

    collection = biocxml.loads(path.read_text(encoding="utf8"))
    for document in collection.documents:
        (passage,) = document.passages
        offsets = unit(passage.text)
        for annotation in passage.annotations:
            for location in annotation.locations:
                end = offsets[location.offset + location.length]
                location.offset = offsets[location.offset]
                location.length = end - location.offset
    path.write_text(biocxml.dumps(collection), encoding="utf8")


# Formats whose entities have texts: how a file is rewritten, and the units that its reader finds. A text of PubTator
# has line feeds only; of BioC, UTF-16 is measured.
TOOLS: dict[str, tuple[Callable[[Path, Unit], None], tuple[str, ...]]] = {
    "bioc": (_bioc, ("UTF-16",)),
    "brat": (_brat, ("UTF-16", "UTF-8", "browser")),
    "jsonl": (_json_lines, ("UTF-16", "UTF-8", "browser")),
    "labelstudio": (_label_studio, ("UTF-16", "UTF-8", "browser")),
    "prodigy": (_json_lines, ("UTF-16", "UTF-8", "browser")),
    "pubtator": (_pubtator, ("UTF-16", "UTF-8")),
    "table": (_table, ("UTF-16", "UTF-8", "browser")),
}
