"""spaCy's JSON: the objects of `Doc.to_json`, as a list, as JSON lines or alone, and the older JSON for training.

    {"text": "Ada met Bo.", "ents": [{"start": 0, "end": 3, "label": "person"}], "cats": {"diary": 1.0},
     "tokens": [{"id": 0, "start": 0, "end": 3}, ...], "spans": {"entities": [...]},
     "span_attrs": {"entities": {"scores": [...]}}, "relations": [...]}

`span_attrs` and `relations` are those of `spacy_mre.to_json`; "id", "group" and "meta" are those of our JSON lines.
Offsets count characters. Entities are read from the span group that `choose_group` chooses for the file; without it
from "ents". Lemmas, tags, dependencies and sentences are not read. Objects with "paragraphs" are JSON for training.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..annotations.entities import index_entities
from .extra_keys import count_extra_keys
from .json_values import InvalidJSON, parse_json
from .jsonl import read_cats, read_tokens
from .metadata import read_meta
from .offsets import Offsets
from .reading import Location, read_json_items, read_text
from .record import CharOffsets, EntityRecord, Record, RelationRecord
from .report import Report
from .spacy_training_json import read_paragraphs
from .span_groups import choose_group
from .surface import check_surface

OWN_KEYS = {"span_attrs", "relations", "relation_sources", "id", "group", "meta"}
CUSTOM_KEYS = {"_", "underscore_token", "underscore_span"}
KEYS = {"text", "ents", "sents", "cats", "tokens", "spans", *OWN_KEYS, *CUSTOM_KEYS}
SPAN_KEYS = {"start", "end", "label", "kb_id", "id"}
RELATION_KEYS = {
    *("head", "tail", "head_label", "tail_label", "label", "score"),
    *("head_char", "head_text", "tail_char", "tail_text"),
}
MAX_SHOWN = 40  # characters of a name


def read_spacy_json(path: Path, *, report: Report | None = None) -> Iterator[Record]:
    """Read one file.

    path (Path): The file.
    report (Report | None): Counts what records cannot represent, and notes span groups and entities that are not read.
    YIELDS (Record): One record per document or paragraph, with its tokens. Without an id, it gets the name of the file
        and its number.
    RAISES (CorpusError): If the input is malformed.
    """
    path = Path(path)
    report = report if report is not None else Report()
    key = choose_group(_groups(item) for _, item in _items(path))
    for number, (location, item) in enumerate(_items(path), start=1):
        name = f"{path.stem}-{number}"
        if "paragraphs" in item:
            yield from read_paragraphs(item, name, location, report)
        else:
            yield _Document(item, key, location, report).record(name)


def _items(path: Path) -> Iterator[tuple[Location, dict[str, Any]]]:
    """The objects of the file, which may also be one object over several lines."""
    text = read_text(path)
    try:
        whole = parse_json(text) if text.lstrip().startswith("{") else None
    except InvalidJSON:
        whole = None
    if isinstance(whole, dict):
        yield Location(path, 1), whole
    else:
        yield from read_json_items(path)


def _groups(item: dict[str, Any]) -> tuple[list[str], bool]:
    """The span groups of a document, and whether it has other entities."""
    groups = item.get("spans")
    return list(groups) if isinstance(groups, dict) else [], bool(item.get("ents"))


class _Document:
    """An object of `Doc.to_json`, whose entities are those of the span group `key`."""

    def __init__(self, item: dict[str, Any], key: str, location: Location, report: Report) -> None:
        self.item = item
        self.key = key
        self.location = location
        self.report = report
        self.text: str = location.get(item, "text", str)
        self.offsets = Offsets(self.text)

    def record(self, name: str) -> Record:
        """RETURNS (Record): The document as a record."""
        item, location = self.item, self.location
        count_extra_keys(item, KEYS, location, self.report, "a document")
        for key in CUSTOM_KEYS & item.keys():
            if item[key]:
                self.report.lose(f"custom attributes ('{key}')", str(location))
        tokens = self._tokens()
        entities = self._entities()
        return Record(
            text=self.text,
            id=location.get_id(item, "id", name),
            entities=entities,
            relations=self._relations(entities or [], tokens or []),
            cats=read_cats(item.get("cats") or None, location),
            tokens=tokens,
            group=location.get_id(item, "group"),
            meta=read_meta(item.get("meta"), location),
            origin=str(location),
        )

    def _list(self, item: Any, key: str) -> list[Any] | None:
        return None if item.get(key) is None else self.location.get(item, key, list)

    def _tokens(self) -> list[CharOffsets] | None:
        given = self._list(self.item, "tokens")
        if given is None:
            return None
        pairs = [[self.location.get(token, key, int) for key in ("start", "end")] for token in given]
        return list(read_tokens(pairs, self.offsets, self.location))

    def _entities(self) -> list[EntityRecord] | None:
        groups = {} if self.item.get("spans") is None else self.location.get(self.item, "spans", dict)
        for other in groups:
            if other != self.key:
                self.report.note(f"span group '{other[:MAX_SHOWN]}' that is not read", str(self.location))
        ents = self._spans(self._list(self.item, "ents"))
        spans = self._spans(self._list(groups, self.key), self._scores(self.key))
        if spans is None:
            return ents
        read = set(spans)
        for entity in dict.fromkeys(ents or ()):
            if entity not in read:
                reason = "entity of 'ents' that is not in the span group, not read"
                self.report.note(reason, f"{self.location}: {entity.label}")
        return spans

    def _spans(self, given: list[Any] | None, scores: list[Any] | None = None) -> list[EntityRecord] | None:
        if given is None:
            return None
        if scores is None or len(scores) != len(given):
            scores = [None] * len(given)
        return [self._span(span, score) for span, score in zip(given, scores)]

    def _span(self, given: Any, score: Any) -> EntityRecord:
        label = self.location.get(given, "label", str)
        what = f"the entity '{label[:MAX_SHOWN]}'"
        start, end = self.location.get(given, "start", int), self.location.get(given, "end", int)
        place = self.offsets.convert(start, end, self.location, what)
        count_extra_keys(given, SPAN_KEYS, self.location, self.report, "an entity")
        for key in ("kb_id", "id"):
            if given.get(key):
                self.report.lose(f"'{key}' of an entity", str(self.location), label[:MAX_SHOWN])
        return EntityRecord(*place, label, self.location.score(score))

    def _scores(self, key: str) -> list[Any] | None:
        attrs = {} if self.item.get("span_attrs") is None else self.location.get(self.item, "span_attrs", dict)
        return self._list(self.location.get(attrs, key, dict), "scores") if key in attrs else None

    def _relations(self, entities: list[EntityRecord], tokens: list[CharOffsets]) -> list[RelationRecord] | None:
        given_relations = self._list(self.item, "relations")
        if given_relations is None:
            return None
        indices = index_entities(((entity.start, entity.end), entity.label) for entity in entities)
        relations = []
        for given in given_relations:
            label = self.location.get(given, "label", str)
            count_extra_keys(given, RELATION_KEYS, self.location, self.report, "a relation")
            head, tail = (indices.get(self._end(given, name, tokens)) for name in ("head", "tail"))
            if head is None or tail is None:
                reason = "relation whose head or tail is not an entity"
                self.report.lose(reason, str(self.location), label[:MAX_SHOWN])
            else:
                relations.append(RelationRecord(head, tail, label, self.location.score(given.get("score"))))
        return relations

    def _end(self, given: dict[str, Any], name: str, tokens: list[CharOffsets]) -> tuple[CharOffsets, str]:
        """The offsets and the label of the head or tail, which is given in characters or only in tokens."""
        what = f"the {name} of a relation"
        key = f"{name}_char" if given.get(f"{name}_char") is not None else name
        pair = self.location.get(given, key, list)
        if len(pair) != 2:
            raise self.location.error(f"'{key}' must be [start, end]")
        if key == name:
            first, last = self.location.check_offsets(pair[0], pair[1], len(tokens), what)
            place = tokens[first][0], tokens[last - 1][1]
        else:
            place = self.offsets.convert(pair[0], pair[1], self.location, what)
        text, label = (
            None if given.get(key) is None else self.location.get(given, key, str)
            for key in (f"{name}_text", f"{name}_label")
        )
        check_surface(text, self.text[slice(*place)], self.location, what)
        return place, label or ""
