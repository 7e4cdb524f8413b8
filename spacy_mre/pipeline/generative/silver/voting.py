"""What the samples of a text agree on."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ....corpora.record import EntityRecord, Record, RelationRecord
from .form import SilverForm
from .row import FoundEntity, FoundRelation, Labelled, Lost, Reason, Sample


def samples_needed(samples: int, agreement: float | None) -> int:
    """How many samples must have an annotation.

    samples (int): The number of samples.
    agreement (Optional[float]): The share of them; None for more than half.
    RETURNS (int): The number, at least 1.

    >>> samples_needed(4, None), samples_needed(3, 0.6), samples_needed(3, 1.0)
    (3, 2, 3)
    """
    if agreement is None:
        return samples // 2 + 1
    # 0.1 x 30 is a little more than 3.
    return max(1, math.ceil(agreement * samples - 1e-9))


def vote(source: Record, samples: Sequence[Sample], form: SilverForm, needed: int) -> Labelled:
    """Keep what enough samples have. A sample without a usable answer counts as one that has nothing.

    source (Record): The text.
    samples (Sequence[Sample]): Its answers.
    form (SilverForm): The labels.
    needed (int): How many samples must have an annotation.
    RETURNS (Labelled): The text with its annotations. It is dropped if fewer answers can be used, or if it has no text
        label although the labels have some.
    """
    row = Labelled(source, samples=list(samples))
    usable = [sample for sample in samples if sample.fault is None]
    if len(usable) < needed:
        row.reasons = [sample.fault for sample in samples if sample.fault is not None]
        return row
    cats = None
    classes = form.entities.task.classes
    if classes:
        labels = Counter(sample.label for sample in usable if sample.label is not None)
        # Of several with as many votes, that of the earliest sample.
        label, votes = labels.most_common(1)[0] if labels else ("", 0)
        row.label_share = votes / len(samples)
        if votes < needed:
            row.reasons = [Lost(Reason.NO_LABEL, ", ".join(f"{name}: {count}" for name, count in labels.items()))]
            return row
        cats = {**dict.fromkeys(classes, 0.0), label: 1.0}
    entities = _elect_entities(row, usable, needed) if form.entities.task.labels else None
    relations = None
    if form.relations is not None:
        relations = _elect_relations(row, usable, needed, entities or [])
    row.record = replace(source, entities=entities, relations=relations, cats=cats)
    return row


def _elect_entities(row: Labelled, usable: Sequence[Sample], needed: int) -> list[EntityRecord]:
    votes = Counter(entity for sample in usable for entity in sample.entities)
    elected = []
    for entity in sorted(votes, key=_order):
        if votes[entity] < needed:
            text = f"{entity.label}: {row.source.text[entity.start : entity.end]}"
            row.lost.append(_disagreed(text, votes[entity], len(row.samples)))
        else:
            elected.append(EntityRecord(*entity, score=votes[entity] / len(row.samples)))
    return elected


def _elect_relations(
    row: Labelled, usable: Sequence[Sample], needed: int, entities: Sequence[EntityRecord]
) -> list[RelationRecord]:
    # Of several entities at one place, the one that most samples have.
    places: dict[tuple[int, int], int] = {}
    for index in sorted(range(len(entities)), key=lambda index: -entities[index].score):
        places.setdefault((entities[index].start, entities[index].end), index)
    votes = Counter(relation for sample in usable for relation in sample.relations)
    elected = []
    for relation in sorted(votes):
        text = _describe(relation, row.source.text)
        if votes[relation] < needed:
            row.lost.append(_disagreed(text, votes[relation], len(row.samples)))
        elif relation.head not in places or relation.tail not in places:
            row.lost.append(Lost(Reason.END_LOST, text))
        else:
            head, tail = places[relation.head], places[relation.tail]
            elected.append(RelationRecord(head, tail, relation.label, votes[relation] / len(row.samples)))
    return elected


def _order(entity: FoundEntity) -> tuple[int, int, str]:
    return entity.start, -entity.end, entity.label


def _describe(relation: FoundRelation, text: str) -> str:
    return f"{text[slice(*relation.head)]} - {relation.label} - {text[slice(*relation.tail)]}"


def _disagreed(text: str, votes: int, samples: int) -> Lost:
    return Lost(Reason.DISAGREED, f"{text} ({votes} of {samples})")
