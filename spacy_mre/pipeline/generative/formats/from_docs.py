"""Analyses of Docs, and anchored analyses written to Docs."""

from collections import Counter
from collections.abc import Iterable, Sequence

from spacy.tokens import Doc

from ....annotations.entities import DEFAULT_KEY, EntitySpan, Offsets, get_entities, set_entities
from ....annotations.relations import Relation, arguments, make_relation, set_relations
from ....annotations.text_labels import highest_cat
from ....annotations.white_space import trim_offsets
from .analysis import Analysis, ArgumentText, EntityText, EventText, Item, RelationText
from .anchored import (
    Anchored,
    AnchoredArgument,
    AnchoredEntity,
    AnchoredEvent,
    AnchoredItem,
    AnchoredRelation,
    order_of_entity,
    order_of_relation,
)
from .task import Task
from .task_gold import TaskGold, heads_of

OFF_GRID = "not on the token grid"


def analysis_of(
    doc: Doc, task: Task, spans_key: str = DEFAULT_KEY, *, keep_order: bool = False, gold: TaskGold | None = None
) -> Analysis:
    """Read the labels of a task from a Doc.

    doc (Doc): The document.
    task (Task): The task.
    spans_key (str): The span group of the entities. Default: "entities".
    keep_order (bool): Keep the order of the Doc. Default: False.
    gold (Optional[TaskGold]): Where the labels are, instead of `spans_key`. Default: those of one task.
    RETURNS (Analysis): The text label with the best score, and the entities, relations or events in the order in which
        they are written (see `anchoring`). A part is None if the Doc has no gold for it.
    """
    gold = gold or TaskGold([task.name], spans_key)
    owners = gold.owners(doc) if task.classes else []
    cats = doc.cats if task.name in owners else {}
    if len(owners) > 1:
        cats = {label: score for label, score in cats.items() if label in task.classes}
    label = highest_cat(cats)
    if not task.labels:
        return Analysis(label, ())
    anchored = anchored_items(doc, task, spans_key, keep_order=keep_order, gold=gold)
    if anchored is None:
        return Analysis(label, None)
    text = doc.text
    return Analysis(label, tuple(_without_offsets(item, text) for item in anchored))


def anchored_items(
    doc: Doc, task: Task, spans_key: str = DEFAULT_KEY, *, keep_order: bool = False, gold: TaskGold | None = None
) -> list[AnchoredItem] | None:
    """Read the entities, relations or events of a Doc with their character offsets.

    doc (Doc): The document.
    task (Task): The task, which determines the word level.
    spans_key (str): The span group of the entities. Default: "entities".
    keep_order (bool): Keep the order of the Doc. Default: False.
    gold (Optional[TaskGold]): Where the labels are, instead of `spans_key`. Default: those of one task.
    RETURNS (Optional[list[Union[AnchoredEntity, AnchoredRelation, AnchoredEvent]]]): The entities, relations or events
        in the order in which they are written; None if the Doc has no gold for them.
    """
    gold = gold or TaskGold([task.name], spans_key)
    if not gold.has_words(doc, task.name):
        return None
    entities, relations = gold.entities(doc, task.name) or [], gold.relations(doc, task.name) or []
    if task.word_level == "events":
        return [*_anchored_events(doc, task, entities, relations, keep_order)]
    text = doc.text
    if task.word_level == "entities":
        labelled = dict.fromkeys((_characters(doc, text, e.start, e.end), e.label) for e in entities)
        in_order = [item for item in labelled if item[0][0] < item[0][1]]
        if not keep_order:
            in_order.sort(key=_entity_key)
        return [AnchoredEntity(*offsets, label, i, False) for i, (offsets, label) in enumerate(in_order)]
    triples: dict[tuple[Offsets, Offsets, str], None] = {}
    for relation in relations:
        head, tail = (_characters(doc, text, start, end) for start, end in arguments(relation))
        if head[0] < head[1] and tail[0] < tail[1]:
            triples[head, tail, relation["label"]] = None
    triples_in_order = list(triples) if keep_order else sorted(triples, key=_relation_key)
    return [AnchoredRelation(head, label, tail, i, False) for i, (head, tail, label) in enumerate(triples_in_order)]


def token_boundaries(doc: Doc) -> set[int]:
    """The character offsets of token boundaries. Only spans between them can be written to the Doc.

    doc (Doc): The document.
    RETURNS (set[int]): The offsets.
    """
    return {offset for token in doc for offset in (token.idx, token.idx + len(token))}


def write_analysis(
    doc: Doc,
    anchored: Anchored,
    task: Task,
    *,
    source: str = "",
    scores: Sequence[float] | None = None,
    label_score: float = 1.0,
    set_ents: bool = True,
    gold: TaskGold | None = None,
    relations: list[Relation] | None = None,
) -> Counter:
    """Write an anchored analysis to a Doc, limited to the parts of the task. The arguments of a relation or event have
    the labels of the Doc's entities with the same offsets, if there are any. An event is an entity for its trigger,
    whose label is the type, with a relation to each argument, whose label is the role.

    doc (Doc): The document.
    anchored (Anchored): The labels and offsets.
    task (Task): The task.
    source (str): The name of the component; empty for gold. Default: "".
    scores (Optional[Sequence[float]]): The score of each item of the analysis. Default: 1.0 for all.
    label_score (float): The score of the text label. All others have 0.0. Default: 1.0.
    set_ents (bool): Also set `doc.ents`. Default: True.
    gold (Optional[TaskGold]): Where the labels are. Default: those of one task, with its entities in the span group
        "entities".
    relations (Optional[list[Relation]]): What the same source has written for other tasks, to which those of this task
        are added. Default: none.
    RETURNS (Counter): The number of items that could not be written, by reason, including those not found in the text.
    """
    lost = Counter(reason for _, reason in anchored.dropped)
    if task.classes:
        doc.cats = dict.fromkeys(task.classes, 0.0)
        if anchored.label is not None:
            doc.cats[anchored.label] = label_score
    if not task.labels:
        return lost
    gold = gold or TaskGold([task.name])
    relations = [] if relations is None else relations
    tokens = _token_offsets(doc, [offsets for item in anchored.items for offsets in item.string_offsets])
    written = [item for item in anchored.items if item.string_offsets[0] in tokens]
    lost[OFF_GRID] += len(anchored.items) - len(written)
    if task.word_level != "relations":
        spans = [
            (*tokens[item.string_offsets[0]], item.label, _score(scores, item.item))
            for item in written
            if not isinstance(item, AnchoredRelation)
        ]
        set_entities(doc, spans, key=gold.keys[task.name], source=source, set_ents=set_ents)
    if task.word_level != "entities":
        labels = {entity.offsets: entity.label for entity in reversed(get_entities(doc, gold.spans_key) or [])}
        for item in written:
            pairs = _pairs(item)
            kept = [(offsets, label) for offsets, label in pairs if offsets in tokens]
            lost[OFF_GRID] += len(pairs) - len(kept)
            head = tokens[item.string_offsets[0]]
            head_label = item.label if isinstance(item, AnchoredEvent) else labels.get(head, "")
            for offsets, label in kept:
                tail = tokens[offsets]
                made = make_relation(head, tail, label, head_label=head_label, tail_label=labels.get(tail, ""))
                relations.append({**made, "score": _score(scores, item.item)})
        set_relations(doc, relations, source=source or None)
    return +lost


def _pairs(item: AnchoredItem) -> list[tuple[Offsets, str]]:
    """What an item relates to its first string: the offsets and the label of each."""
    if isinstance(item, AnchoredRelation):
        return [(item.tail, item.label)]
    return [(argument.offsets, argument.role) for argument in item.arguments] if isinstance(item, AnchoredEvent) else []


def _anchored_events(
    doc: Doc, task: Task, entities: Sequence[EntitySpan], relations: list[Relation], keep_order: bool
) -> list[AnchoredEvent]:
    """The entities with a type of the task or with an argument, and the relations of which they are the head."""
    text = doc.text
    offsets = {entity.offsets: _characters(doc, text, *entity.offsets) for entity in entities}
    events: dict[tuple[Offsets, str], dict[tuple[Offsets, str], None]] = {
        (offsets[entity.offsets], entity.label): {} for entity in entities if entity.label in task.labels
    }
    for relation, labels in heads_of(relations, list(entities)):
        head, tail = arguments(relation)
        known = [label for label in labels if label in task.labels]
        for label in known or (labels if relation["label"] in task.roles else []):
            key = _characters(doc, text, *tail), relation["label"]
            events.setdefault((offsets[head], label), {})[key] = None
    in_order = [event for event in events if event[0][0] < event[0][1]]
    if not keep_order:
        in_order.sort(key=_entity_key)
    anchored = []
    for i, (trigger, label) in enumerate(in_order):
        found = [key for key in events[trigger, label] if key[0][0] < key[0][1]]
        found = found if keep_order else sorted(found, key=_entity_key)
        roles = tuple(AnchoredArgument(*place, role) for place, role in found)
        anchored.append(AnchoredEvent(*trigger, label, roles, i, False))
    return anchored


def _token_offsets(doc: Doc, character_offsets: Iterable[Offsets]) -> dict[Offsets, Offsets]:
    """Token offsets by character offsets, for those at token boundaries."""
    starts = {token.idx: token.i for token in doc}
    ends = {token.idx + len(token): token.i + 1 for token in doc}
    return {
        (start, end): (starts[start], ends[end]) for start, end in character_offsets if start in starts and end in ends
    }


def _entity_key(item: tuple[Offsets, str]) -> tuple:
    offsets, label = item
    return order_of_entity(offsets, label)


def _relation_key(triple: tuple[Offsets, Offsets, str]) -> tuple:
    head, tail, label = triple
    return order_of_relation(head, tail, label)


def _score(scores: Sequence[float] | None, item: int) -> float:
    return 1.0 if scores is None else float(scores[item])


def _without_offsets(item: AnchoredItem, text: str) -> Item:
    if isinstance(item, AnchoredEntity):
        return EntityText(item.label, text[item.start : item.end])
    if isinstance(item, AnchoredEvent):
        found = (ArgumentText(role, text[start:end]) for start, end, role in item.arguments)
        return EventText(item.label, text[item.start : item.end], tuple(found))
    return RelationText(text[slice(*item.head)], item.label, text[slice(*item.tail)])


def _characters(doc: Doc, text: str, start: int, end: int) -> Offsets:
    """The characters of some tokens, without white space at the ends."""
    return trim_offsets(text, doc[start].idx, doc[end - 1].idx + len(doc[end - 1]))
