"""Several annotations of the same texts become one, by a rule.

Annotators vote on what they have annotated: one who has not annotated relations has no vote on relations, and one
whose file does not have a text has no vote on this text. So what only one has annotated is kept under every rule, and
noted if there should have been a vote.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ..annotations.same_texts import match_texts
from ..errors import Errors
from .ballots import Ballot, EntityKey, RelationKey, make_ballot
from .record import CharOffsets, EntityRecord, Record, RelationRecord
from .report import Report
from .voting import Rule, elect

VOTED = ("majority", "unanimous")
DROPPED: dict[str, str] = {
    "majority": "with less than half of the votes",
    "unanimous": "that not all annotators have",
    "first": "that only later files have",
}
TIED = "with half of the votes"
# One and several of each layer.
NAMES = {
    "entities": ("entity", "entities"),
    "relations": ("relation", "relations"),
    "cats": ("text label", "text labels"),
}
DESCRIBED = {"id": "id", "group": "group", "meta": "metadata"}


def merge_records(
    files: Sequence[Sequence[Record]], rule: Rule, *, symmetric: Sequence[str] = (), report: Report | None = None
) -> list[Record]:
    """Merge the annotations of several annotators of the same texts (see `match_texts`).

    files (Sequence[Sequence[Record]]): The records of each annotator.
    rule (Rule): What is kept. "union": what any annotator has. "majority": what more than half of those have who
        annotated it; of two, what both have. "unanimous": what all of them have. "first": the annotations of the first
        file, and those of the next one for what the files before it have not annotated: texts, or the entities,
        relations or text labels of a text.
    symmetric (Sequence[str]): Relation labels without direction.
    report (Report | None): Counts what is not kept, and notes what should have been voted on by several, but was not.
    RETURNS (list[Record]): One record per text, in the order of the first file, then those that only later files have.
        Text and tokens are those of the first file that has the text, and so are id, group and metadata, unless only a
        later one has them. The score of an entity or a relation is its share of the votes; 1.0 with "first". A relation
        needs both of its entities, with offsets and labels. A text label that an annotator did not give does not hold.
    RAISES (ValueError): If there are several files, and no text is in two of them, except with "first".

    >>> a = Record("Ida in Lima", entities=[EntityRecord(0, 3, "person"), EntityRecord(7, 11, "place")])
    >>> b = Record("Ida in Lima", entities=[EntityRecord(0, 3, "person")])
    >>> [[entity.score for entity in merge_records([[a], [b]], rule)[0].entities] for rule in ("union", "unanimous")]
    [[1.0, 0.5], [1.0]]
    """
    report = report if report is not None else Report()
    texts = match_texts([[(record.id, record.text) for record in records] for records in files])
    if rule != "first" and texts and len(files) > 1 and all(len(places) == 1 for places in texts):
        counts = " and ".join(str(len(records)) for records in files)
        raise ValueError(Errors.M256.format(files=len(files), counts=counts))
    for number, count in sorted(Counter(map(len, texts)).items(), reverse=True):
        report.keep(f"texts in {number} of {len(files)} files", count)
    merged = []
    for places in texts:
        if len(places) == 1 < len(files) and rule in VOTED:
            ((number, place),) = places.items()
            report.note("text that only one file has, kept without a vote", files[number][place].origin)
        merged.append(_merge([files[number][places[number]] for number in sorted(places)], rule, symmetric, report))
    ids = Counter(record.id for record in merged if record.id)
    for record in merged:
        if ids[record.id] > 1:
            report.note("id of several texts", record.origin)
    return merged


def _merge(records: Sequence[Record], rule: Rule, symmetric: Sequence[str], report: Report) -> Record:
    merged = _describe(records, report)
    ballots = [make_ballot(record, merged.text, report, symmetric=symmetric) for record in records]

    def count(layer: str, show: Callable[[str, Any], str]) -> dict[Any, float] | None:
        result = elect([getattr(ballot, layer) for ballot in ballots], rule)
        if result is None:
            return None
        one, several = NAMES[layer]
        if result.voters == 1 < len(ballots) and rule in VOTED:
            report.note(f"text whose {several} only one has annotated, kept without a vote", merged.origin)
        for key, votes in result.dropped.items():
            reason = TIED if rule == "majority" and 2 * votes == result.voters else DROPPED[rule]
            shown = f"{show(merged.text, key)}, {votes} of {result.voters}"
            report.lose(f"{one} {reason}", merged.origin, shown)
        return result.kept

    entities, relations = count("entities", _show_entity), count("relations", _show_relation)
    cats = count("cats", lambda text, label: label)
    if entities is not None:
        merged.entities = [EntityRecord(start, end, label, score) for (start, end, label), score in entities.items()]
    if relations is not None:
        merged.relations = _relations(relations, list(entities or ()), ballots, merged, report)
    if cats is not None:
        labels = sorted({label for record in records for label in record.cats or ()})
        merged.cats = {label: float(label in cats) for label in labels}
    return merged


def _describe(records: Sequence[Record], report: Report) -> Record:
    """The first record without its annotations, with the id, group and metadata of the first that has them."""
    first = records[0]
    chosen = {}
    for name, shown in DESCRIBED.items():
        values = [value for record in records if (value := getattr(record, name))]
        if any(value != values[0] for value in values):
            report.note(f"{shown} that differs between the files (the first is kept)", first.origin)
        chosen[name] = values[0] if values else getattr(first, name)
    if any(record.text != first.text for record in records):
        report.note("white space that differs between the files (the first is kept)", first.origin)
    if chosen["id"]:
        chosen["origin"] = f"document {chosen['id']}"  # in any of the files
    return replace(first, **chosen, entities=None, relations=None, cats=None)


def _relations(
    kept: dict[RelationKey, float], entities: list[EntityKey], ballots: list[Ballot], merged: Record, report: Report
) -> list[RelationRecord]:
    """The relations both of whose entities are kept. If annotators gave these different labels, most decide."""
    index = {key: number for number, key in enumerate(entities)}
    relations = []
    for key, score in kept.items():
        given = Counter(ballot.relations[key] for ballot in ballots if ballot.relations and key in ballot.relations)
        possible = [(-votes, ends) for ends, votes in given.items() if index.keys() >= set(ends)]
        if possible:
            head, tail = min(possible)[1]
            relations.append(RelationRecord(index[head], index[tail], key[2], score))
        else:
            report.lose("relation with an entity that is not kept", merged.origin, _show_relation(merged.text, key))
    return relations


def _show_entity(text: str, key: EntityKey) -> str:
    return f"{key[2]} {_quote(text, key[:2])}"


def _show_relation(text: str, key: RelationKey) -> str:
    return f"{_quote(text, key[0])} {key[2]} {_quote(text, key[1])}"


def _quote(text: str, offsets: CharOffsets) -> str:
    return f"'{text[slice(*offsets)]}' ({offsets[0]} to {offsets[1]})"
