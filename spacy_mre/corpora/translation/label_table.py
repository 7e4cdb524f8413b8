"""The labels of a corpus in the target language. The table is closed: a label that is not in it is an error."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...annotations.kinds import KINDS
from ...errors import Errors
from ..reading import Location, read_json
from ..record import Record


@dataclass(frozen=True)
class LabelTable:
    """The target labels by the labels of the source.

    entities (Mapping[str, str]): The entity labels.
    relations (Mapping[str, str]): The relation labels.
    cats (Mapping[str, str]): The text labels.
    words (Mapping[str, str]): What a prompt shows for each entity label of the source.
    """

    entities: Mapping[str, str] = field(default_factory=dict)
    relations: Mapping[str, str] = field(default_factory=dict)
    cats: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)

    def check(self, records: Iterable[Record]) -> None:
        """Check that the table contains all labels.

        records (Iterable[Record]): The records.
        RAISES (ValueError): If a label is not in the table, with the first such label and the number of others.
        """
        missing: dict[tuple[str, str], str] = {}
        for record in records:
            for kind, label in _labels(record):
                if label not in getattr(self, kind):
                    missing.setdefault((kind, label), record.origin or record.id)
        for (kind, label), origin in missing.items():
            raise ValueError(Errors.M277.format(label=label, kind=kind, origin=origin, others=len(missing) - 1))

    def apply(self, record: Record) -> Record:
        """Give a record the target labels. If two text labels become one, it has the higher value.

        record (Record): The record.
        RETURNS (Record): The same text with other labels.
        RAISES (ValueError): If a label is not in the table.

        >>> record = Record("Ida", cats={"日記": 1.0})
        >>> LabelTable(cats={"日記": "diary"}).apply(record).cats
        {'diary': 1.0}
        """
        self.check([record])
        entities, relations, cats = record.entities, record.relations, record.cats
        if entities is not None:
            entities = [replace(entity, label=self.entities[entity.label]) for entity in entities]
        if relations is not None:
            relations = [replace(relation, label=self.relations[relation.label]) for relation in relations]
        cats = None if cats is None else renamed_cats(cats, self.cats)
        return replace(record, entities=entities, relations=relations, cats=cats)

    def reversed(self) -> "LabelTable":
        """RETURNS (LabelTable): The table of the way back. Of several labels with one target label, the first. A prompt
        shows the labels themselves.
        """
        entities = _reversed(self.entities)
        return LabelTable(entities, _reversed(self.relations), _reversed(self.cats), words=entities)


def renamed_cats(cats: Mapping[str, float], names: Mapping[str, str]) -> dict[str, float]:
    """Give text labels their target labels. If two become one, it has the higher value.

    cats (Mapping[str, float]): The values by text label.
    names (Mapping[str, str]): The target labels; a label without one stays.
    RETURNS (dict[str, float]): The values by target label.

    >>> renamed_cats({"a": 1.0, "b": 0.0}, {"a": "x", "b": "x"})
    {'x': 1.0}
    """
    renamed: dict[str, float] = {}
    for label, value in cats.items():
        target = names.get(label, label)
        renamed[target] = max(value, renamed.get(target, 0.0))
    return renamed


def read_label_table(path: Path, target: str) -> LabelTable:
    """Read a label table. With names by language, a label stays, and a prompt shows its name in the target language:

        {"entities": {"person": {"ja": "人物", "en": "person"}}, "relations": {...}, "cats": {...}}

    With one name, the name becomes the label: `{"entities": {"人物": "person"}}`.

    path (Path): The JSON file.
    target (str): The target language.
    RETURNS (LabelTable): The table.
    RAISES (CorpusError): If the file is malformed.
    RAISES (ValueError): If an entity label has no name in the target language.
    """
    location, given = _read(path)
    labels = {
        kind: {label: label if isinstance(name, dict) else name for label, name in names.items()}
        for kind, names in given.items()
    }
    words = {label: _word(label, name, target, location) for label, name in given["entities"].items()}
    return LabelTable(labels["entities"], labels["relations"], labels["cats"], words)


def read_label_words(path: Path, lang: str) -> dict[str, dict[str, str]]:
    """Read the words of all labels in a language from a label table.

    path (Path): The JSON file.
    lang (str): The language.
    RETURNS (dict[str, dict[str, str]]): By kind, the word of each label.
    RAISES (CorpusError): If the file is malformed.
    RAISES (ValueError): If a label has no name in the language.
    """
    location, given = _read(path)
    return {
        kind: {label: _word(label, name, lang, location) for label, name in names.items()}
        for kind, names in given.items()
    }


def _read(path: Path) -> tuple[Location, dict[str, dict[str, Any]]]:
    """The place for errors, and by kind the name of each label, or its names by language."""
    location = Location(Path(path), name="label table")
    given = read_json(location.path)
    if not isinstance(given, dict) or not set(given) <= set(KINDS):
        raise location.error('expected {"entities": {...}, "relations": {...}, "cats": {...}}')
    names: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
    for kind in given:
        for label, name in location.get(given, kind, dict).items():
            if not isinstance(name, dict) and not (isinstance(name, str) and name.strip()):
                raise location.error(f"the label '{label}' needs a name, or an object with its name in each language")
            names[kind][label] = name.strip() if isinstance(name, str) else name
    return location, names


def _word(label: str, name: Any, lang: str, location: Location) -> str:
    word = name.get(lang) if isinstance(name, dict) else name
    if word is None:
        languages = ", ".join(sorted(name)) or "none"
        raise ValueError(Errors.M278.format(path=location.path, label=label, lang=lang, languages=languages))
    if not isinstance(word, str) or not word.strip():
        raise location.error(f"the name of '{label}' in the language '{lang}' must be a string that is not empty")
    return word.strip()


def _labels(record: Record) -> Iterator[tuple[str, str]]:
    for entity in record.entities or ():
        yield "entities", entity.label
    for relation in record.relations or ():
        yield "relations", relation.label
    for label in record.cats or ():
        yield "cats", label


def _reversed(labels: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for label, target in labels.items():
        found.setdefault(target, label)
    return found
