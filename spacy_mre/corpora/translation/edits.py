"""What a person decides about translated rows: accept, reject, or another translation. One JSON object per line:

    {"id": "1", "action": "accept"}
    {"id": "2", "action": "edit", "marked": "[person:a|Ida] lives in [place:b|Lima]."}

A person has the last word: an edited row is kept, and an entity whose mark was removed is not annotated. Of two edits
of one text, the later one counts. Rows that share an id are named by their lines too: "1 (row 3)".
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from ...annotations.white_space import trim_offsets
from ..json_values import InvalidJSON, parse_json
from ..reading import Location, read_json_lines
from ..record import EntityRecord
from .folding import fold
from .label_table import LabelTable, renamed_cats
from .marking import NOT_IN_WORDS, Marked, mark, read_marks
from .pairing import find_between, found_indices
from .row import Reason, Translated
from .string_anchors import anchor_strings

Action = Literal["accept", "reject", "edit"]
ACTIONS: tuple[Action, ...] = get_args(Action)
# An escaped character, or the start of a mark.
START = re.compile(r"(?P<escaped>\\.)|\[(?P<word>[^\[\]|:\\]*):(?P<key>[a-z]+)\|")


@dataclass(frozen=True)
class Edit:
    """The decision on a row.

    id (str): The name of the row (see `names_of`).
    action (Action): "accept": the row is kept. "reject": it is dropped. "edit": its translation is `marked`.
    marked (str): The translation with marks, as `make_line` shows it.
    location (Location): Where it was read.
    """

    id: str
    action: Action
    marked: str = ""
    location: Location = field(default=Location(Path("edits")), compare=False, repr=False)


def read_edits(path: Path) -> list[Edit]:
    """Read edits.

    path (Path): The file of JSON lines.
    RETURNS (list[Edit]): The edits, one for each id: its last one.
    RAISES (CorpusError): If the file is malformed.
    """
    path = Path(path)
    edits: dict[str, Edit] = {}
    for number, item in read_json_lines(path):
        location = Location(path, number)
        action = location.get(item, "action", str)
        if action not in ACTIONS:
            raise location.error(f"unknown action '{action}'. Expected one of: {', '.join(ACTIONS)}")
        marked = location.get(item, "marked", str) if action == "edit" else ""
        edit = Edit(location.get(item, "id", str), action, marked, location)
        edits[edit.id] = edit
    return list(edits.values())


def names_of(rows: Sequence[Translated]) -> list[str]:
    """RETURNS (list[str]): What edits call the rows: the id of the text, with the number of the row if others have it.

    rows (Sequence[Translated]): All rows, in order.

    >>> from spacy_mre.corpora.record import Record
    >>> names_of([Translated(Record("Ida", id=id), None) for id in ("a", "b", "a")])
    ['a (row 1)', 'b', 'a (row 3)']
    """
    counts = Counter(row.source.id for row in rows)
    names = [
        f"{row.source.id} (row {number})" if counts[row.source.id] > 1 else row.source.id
        for number, row in enumerate(rows, 1)
    ]
    # An id may look like such a name.
    while twice := {name for name, count in Counter(names).items() if count > 1}:
        names = [f"{name} (row {number})" if name in twice else name for number, name in enumerate(names, 1)]
    return names


def make_line(row: Translated, table: LabelTable) -> str:
    """Show a translation with marks, for a person to edit. The words are the target labels, and the keys those of the
    source. Entities that cross others follow in a second line, as JSON.

    row (Translated): The row.
    table (LabelTable): The labels, for a row without a translation: the source is shown for it.
    RETURNS (str): The translation with marks.

    >>> from spacy_mre.corpora.record import Record
    >>> source = Record("Ida in Lima", entities=[EntityRecord(0, 3, "person"), EntityRecord(7, 11, "place")])
    >>> target = Record("リマのイダ", entities=[EntityRecord(3, 5, "person"), EntityRecord(0, 2, "place")])
    >>> make_line(Translated(source, target, methods=["marker", "marker"]), LabelTable())
    '[place:b|リマ]の[person:a|イダ]'
    """
    if row.record is None:
        marked = mark(row.source, table.entities)
        names = {key: key for key in marked.keys}
    else:
        marked = mark(row.record)
        keys = {index: key for key, index in mark(row.source).keys.items()}
        found = found_indices(row)
        names = {key: keys[found[index]] for key, index in marked.keys.items()}

    def rename(start: re.Match[str]) -> str:
        return start[0] if start["escaped"] else f"[{start['word']}:{names[start['key']]}|"

    line = START.sub(rename, marked.line)
    if not marked.others:
        return line
    strings = {names[key]: marked.strings[key] for key in marked.others}
    return f"{line}\n{json.dumps(strings, ensure_ascii=False)}"


def apply_edits(rows: Iterable[Translated], edits: Iterable[Edit], table: LabelTable) -> list[Translated]:
    """Apply edits. To apply them again changes nothing.

    rows (Iterable[Translated]): The rows; they are not changed.
    edits (Iterable[Edit]): The edits.
    table (LabelTable): The labels.
    RETURNS (list[Translated]): All rows, in the same order.
    RAISES (CorpusError): If a name is not that of one row, a row without a translation is accepted, or a translation is
        malformed.
    """
    rows = list(rows)
    names = names_of(rows)
    numbers = {name: number for number, name in enumerate(names)}
    for edit in edits:
        if edit.id not in numbers:
            same = [name for name, row in zip(names, rows, strict=True) if row.source.id == edit.id]
            expected = " or ".join(map(repr, same)) or "the id of one row of the translated corpus"
            raise edit.location.error(f"'{edit.id}' is the id of {len(same)} rows. Expected {expected}")
        rows[numbers[edit.id]] = _apply(rows[numbers[edit.id]], edit, table)
    return rows


def _apply(row: Translated, edit: Edit, table: LabelTable) -> Translated:
    if edit.action == "edit":
        return _translate(row, edit, table)
    if edit.action == "accept":
        if row.record is None:
            raise edit.location.error(f"'{edit.id}' has no translation that could be accepted. Edit or reject it")
        return replace(row, reasons=[], details=[])
    return replace(row, reasons=[Reason.REJECTED], details=[""]) if row.is_kept else row


def _translate(row: Translated, edit: Edit, table: LabelTable) -> Translated:
    """A row with the translation of a person."""
    error = edit.location.error
    marked = mark(row.source)
    given, strings = _split(edit, marked)
    try:
        text, marks = read_marks(given)
    except ValueError as err:
        raise error(f"'{edit.id}': {err}") from None
    if not text.strip():
        raise error(f"'{edit.id}': the translation is empty. Reject the row instead")
    found: dict[int, EntityRecord] = {}
    labels = _labels(row, table)
    for place in marks:
        index = _index(place.key, marked, edit)
        if index in found:
            raise error(f"'{edit.id}': the key '{place.key}' is used twice")
        start, end = trim_offsets(text, place.start, place.end)
        if start == end:
            raise error(f"'{edit.id}': the entity '{place.key}' is empty")
        label = _label(place.word, [labels[index], *table.entities.values()], edit)
        found[index] = EntityRecord(start, end, label)
    entities = [replace(entity, label=labels[i]) for i, entity in enumerate(row.source.entities or ())]
    placed = {index: (entity.start, entity.end) for index, entity in found.items()}
    anchors = anchor_strings(text, strings, entities, placed)
    for index, string in strings.items():
        if index in found:
            raise error(f"'{edit.id}': the entity '{string}' of the second line has a mark in the text too")
        if index not in anchors:
            raise error(f"'{edit.id}': the entity '{string}' of the second line is not in the text")
        found[index] = EntityRecord(*anchors[index], labels[index])
    return _with_entities(row, text, found, table)


def _with_entities(row: Translated, text: str, found: Mapping[int, EntityRecord], table: LabelTable) -> Translated:
    source = row.source
    relations = [
        replace(relation, label=table.relations.get(relation.label, relation.label))
        for relation in find_between(source.relations or (), sorted(found))
    ]
    cats = source.cats and renamed_cats(source.cats, table.cats)
    record = replace(
        source,
        text=text,
        tokens=None,
        entities=None if source.entities is None else [found[index] for index in sorted(found)],
        relations=None if source.relations is None else relations,
        cats=cats if row.record is None else row.record.cats,
    )
    methods = ["edit" if index in found else "" for index in range(len(source.entities or ()))]
    return Translated(source, record, methods=methods, reply=row.reply)


def _split(edit: Edit, marked: Marked) -> tuple[str, dict[int, str]]:
    """The line, and the strings of the second line by the index of their entity."""
    line, _, second = edit.marked.strip("\r\n").partition("\n")
    if not second.strip():
        return line.rstrip("\r"), {}
    try:
        strings = parse_json(second)
    except InvalidJSON as err:
        raise edit.location.error(f"'{edit.id}': the second line is {err.reason}") from None
    if not isinstance(strings, dict) or not all(isinstance(string, str) and string for string in strings.values()):
        raise edit.location.error(f"'{edit.id}': the second line must be an object of keys and their strings")
    return line.rstrip("\r"), {_index(key, marked, edit): string for key, string in strings.items()}


def _index(key: str, marked: Marked, edit: Edit) -> int:
    if key not in marked.keys:
        known = ", ".join(marked.keys) or "none"
        raise edit.location.error(f"'{edit.id}': the source has no entity '{key}'. Its keys are: {known}")
    return marked.keys[key]


def _label(word: str, labels: Sequence[str], edit: Edit) -> str:
    """The label that a word stands for."""
    found = next((label for label in labels if fold(NOT_IN_WORDS.sub(" ", label)) == fold(word)), None)
    if found is None:
        known = ", ".join(sorted(set(labels)))
        raise edit.location.error(f"'{edit.id}': unknown label '{word}'. Expected one of: {known}")
    return found


def _labels(row: Translated, table: LabelTable) -> list[str]:
    """The label of each entity of the source in the translation."""
    labels = [table.entities.get(entity.label, entity.label) for entity in row.source.entities or ()]
    for number, index in enumerate(found_indices(row)):
        labels[index] = ((row.record and row.record.entities) or [])[number].label
    return labels
