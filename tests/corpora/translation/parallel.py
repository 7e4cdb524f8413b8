"""Perfect answers, from the hand-written corpus in three languages."""

import re
from collections.abc import Iterator
from pathlib import Path

from spacy_mre.corpora.markup import parse_marked, read_blocks, read_markup
from spacy_mre.corpora.record import Record
from spacy_mre.corpora.translation.label_table import LabelTable
from spacy_mre.corpora.translation.marking import Marked, mark

CORPUS = Path(__file__).parents[3] / "assets" / "corpus"
# An escaped character, or the beginning of a mark.
OPENING = re.compile(r"(\\.)|\[([a-z_]+):([a-z0-9]+)\|")


def read_parallel(path: Path, source: str, target: str, table: LabelTable) -> Iterator[tuple[Record, Record, str]]:
    """YIELDS (tuple[Record, Record, str]): Each text of a mark-up file, its translation, and the answer with marks that
    `project` turns into it. The entities of both are in the same order.
    """
    records = read_markup(path)
    for before, after, block in zip(records[source], records[target], read_blocks(path), strict=True):
        names = list(parse_marked(block.fields[source][1])[1])
        line = block.fields[target][1]
        text, entities = parse_marked(line)
        wanted = Record(text, before.id, [entities[name] for name in names], before.relations, after.cats)
        yield before, wanted, rename(line, names, mark(before, table.words))


def rename(line: str, names: list[str], marked: Marked) -> str:
    """RETURNS (str): The line with the keys and words that a prompt has for the names of the corpus."""
    keys = {names[index]: key for key, index in marked.keys.items()}

    def opening(match: re.Match[str]) -> str:
        key = keys.get(match[3], "")
        return match[1] or f"[{marked.words[key]}:{key}|"

    return OPENING.sub(opening, line)
