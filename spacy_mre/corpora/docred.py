"""DocRED's JSON, also of Re-DocRED and JacRED: texts of tokens, and relations between entities with several mentions.

    [{"title": "Ada", "sents": [["Ada", "met", "Bo", "."], ["Bo", "was", "in", "Lima", "."]],
      "vertexSet": [[{"name": "Ada", "sent_id": 0, "pos": [0, 1], "type": "PER"}],
                    [{"name": "Bo", "sent_id": 0, "pos": [2, 3], "type": "PER"},
                     {"name": "Bo", "sent_id": 1, "pos": [0, 1], "type": "PER"}], ...],
      "labels": [{"h": 0, "t": 1, "r": "P26", "evidence": [0]}]}]

Mentions become entities. A relation becomes one between the two nearest mentions, or all pairs. Which mentions belong
to the same entity, and the evidence of relations, are lost and counted. A document without "labels" has no relation
annotation; without "vertexSet", no entity annotation either.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .extra_keys import count_extra_keys
from .mentions import Pairs, relations_between
from .reading import Location, entity_from_tokens, join_words, read_json_items
from .record import CharOffsets, EntityRecord, Record, RelationRecord
from .report import Report

RECORD_KEYS = {"title", "sents", "vertexSet", "labels"}
# Re-DocRED adds the last two, which say again what the others do.
MENTION_KEYS = {"name", "sent_id", "pos", "type", "global_pos", "index"}
RELATION_KEYS = {"h", "t", "r", "evidence"}


def read_docred(path: Path, *, pairs: Pairs = "nearest", report: Report | None = None) -> Iterator[Record]:
    """Read one file.

    path (Path): The file: a list of documents, or one document per line.
    pairs (Pairs): The mentions between which a relation is read: the "nearest" two, or "all" pairs.
    report (Report | None): Counts what records cannot represent.
    YIELDS (Record): One record per document. Its id is the title, or the name of the file and its number without one;
        a title that was there before gets its number too.
    RAISES (CorpusError): If the input is malformed.
    """
    path = Path(path)
    report = report if report is not None else Report()
    names: set[str] = set()
    for number, (location, item) in enumerate(read_json_items(path), start=1):
        title = location.get_id(item, "title") or f"{path.stem}-{number}"
        name = f"{title}-{number}" if title in names else title
        names.add(name)
        yield _record(item, name, pairs, location, report)


def _record(item: dict[str, Any], name: str, pairs: Pairs, location: Location, report: Report) -> Record:
    count_extra_keys(item, RECORD_KEYS, location, report)
    text, tokens, firsts = _text(item, location)
    entities: list[EntityRecord] = []
    vertices: list[list[int]] = []
    is_annotated = "vertexSet" in item or "labels" in item
    for given in location.get(item, "vertexSet", list) if is_annotated else ():
        if not isinstance(given, list):
            raise location.error("'vertexSet' must be a list of lists of mentions")
        mentions = [_mention(mention, tokens, firsts, location, report) for mention in given]
        # Some mentions are in the corpus twice.
        indices = []
        for mention in dict.fromkeys(mentions):
            indices.append(len(entities))
            entities.append(mention)
        for _ in range(len(mentions) - len(indices)):
            report.lose("duplicate mention", str(location))
        if len(indices) > 1:
            report.lose("which mentions belong to the same entity", str(location), text[slice(*_place(mentions[0]))])
        vertices.append(indices)
    relations = None
    if item.get("labels") is not None:
        relations = [
            relation
            for given in location.get(item, "labels", list)
            for relation in _relations(given, vertices, entities, pairs, location, report)
        ]
    return Record(text, name, entities if is_annotated else None, relations, tokens=tokens, origin=str(location))


def _text(item: dict[str, Any], location: Location) -> tuple[str, list[CharOffsets], list[int]]:
    """The text, its tokens, and the first token of each sentence; at the end, the number of tokens."""
    sentences = location.get(item, "sents", list)
    words = [location.words({"sents": sentence}, "sents") for sentence in sentences]
    text, tokens = join_words([word for sentence in words for word in sentence])
    firsts = [0]
    for sentence in words:
        firsts.append(firsts[-1] + len(sentence))
    return text, tokens, firsts


def _place(entity: EntityRecord) -> CharOffsets:
    return entity.start, entity.end


def _mention(
    given: Any, tokens: list[CharOffsets], firsts: list[int], location: Location, report: Report
) -> EntityRecord:
    label = location.get(given, "type", str)
    sentence, place = location.get(given, "sent_id", int), location.get(given, "pos", list)
    if not 0 <= sentence < len(firsts) - 1 or len(place) != 2:
        raise location.error(f"the sentence or place of a mention '{label[:40]}' is invalid: {sentence}, {place!r:.40}")
    length = firsts[sentence + 1] - firsts[sentence]
    start, end = location.check_offsets(place[0], place[1], length, f"a mention '{label[:40]}'")
    count_extra_keys(given, MENTION_KEYS, location, report, "a mention")
    return entity_from_tokens(tokens, firsts[sentence] + start, firsts[sentence] + end, label)


def _relations(
    given: Any,
    vertices: list[list[int]],
    entities: list[EntityRecord],
    pairs: Pairs,
    location: Location,
    report: Report,
) -> list[RelationRecord]:
    label = location.get(given, "r", str)
    ends = []
    for key in ("h", "t"):
        vertex = location.get(given, key, int)
        if not 0 <= vertex < len(vertices):
            raise location.error(f"'{key}' of '{label[:40]}' is {vertex}, but there are {len(vertices)} entities")
        ends.append(vertices[vertex])
    count_extra_keys(given, RELATION_KEYS, location, report, "a relation")
    if given.get("evidence"):
        report.lose("evidence of a relation", str(location), label)
    relations = relations_between(ends[0], ends[1], label, entities, pairs)
    if not relations:
        report.lose("relation of an entity without a mention", str(location), label)
    return relations
