"""Analyses of Docs, and anchored analyses written to Docs."""

from collections import Counter
from collections.abc import Iterable, Sequence

from spacy.tokens import Doc

from ....annotations.entities import DEFAULT_KEY, Offsets, get_entities, set_entities
from ....annotations.relations import arguments, get_relations, set_relations
from .analysis import Analysis, EntityText, Item, RelationText
from .anchored import Anchored, AnchoredEntity, AnchoredRelation, order_of_entity, order_of_relation
from .task import Task

AnchoredItem = AnchoredEntity | AnchoredRelation

OFF_GRID = "not on the token grid"


def analysis_of(doc: Doc, task: Task, spans_key: str = DEFAULT_KEY, *, keep_order: bool = False) -> Analysis:
    """Read the labels of a task from a Doc.

    doc (Doc): The document.
    task (Task): The task.
    spans_key (str): The span group of the entities. Default: "entities".
    keep_order (bool): Keep the order of the Doc. Default: False.
    RETURNS (Analysis): The text label with the best score, and the entities or relations in the order in which they
        are written (see `anchoring`). A part is None if the Doc has no gold for it.
    """
    label = None
    if task.classes and any(score > 0 for score in doc.cats.values()):
        label = max(doc.cats, key=doc.cats.__getitem__)
    if not task.labels:
        return Analysis(label, ())
    anchored = anchored_items(doc, task, spans_key, keep_order=keep_order)
    if anchored is None:
        return Analysis(label, None)
    text = doc.text
    return Analysis(label, tuple(_without_offsets(item, text) for item in anchored))


def anchored_items(
    doc: Doc, task: Task, spans_key: str = DEFAULT_KEY, *, keep_order: bool = False
) -> list[AnchoredItem] | None:
    """Read the entities or relations of a Doc with their character offsets.

    doc (Doc): The document.
    task (Task): The task, which determines the word level.
    spans_key (str): The span group of the entities. Default: "entities".
    keep_order (bool): Keep the order of the Doc. Default: False.
    RETURNS (Optional[list[Union[AnchoredEntity, AnchoredRelation]]]): The entities or relations in the order in which
        they are written; None if the Doc has no gold for them.
    """
    text = doc.text
    if task.word_level == "entities":
        entities = get_entities(doc, spans_key)
        if entities is None:
            return None
        labelled = dict.fromkeys((_characters(doc, text, e.start, e.end), e.label) for e in entities)
        in_order = [item for item in labelled if item[0][0] < item[0][1]]
        if not keep_order:
            in_order.sort(key=_entity_key)
        return [AnchoredEntity(*offsets, label, i, False) for i, (offsets, label) in enumerate(in_order)]
    relations = get_relations(doc)
    if relations is None:
        return None
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
    spans_key: str = DEFAULT_KEY,
    source: str = "",
    scores: Sequence[float] | None = None,
    label_score: float = 1.0,
    set_ents: bool = True,
) -> Counter:
    """Write an anchored analysis to a Doc, limited to the parts of the task. The arguments of a relation have the
    labels of the Doc's entities with the same offsets, if there are any.

    doc (Doc): The document.
    anchored (Anchored): The labels and offsets.
    task (Task): The task.
    spans_key (str): The span group of the entities. Default: "entities".
    source (str): The name of the component; empty for gold. Default: "".
    scores (Optional[Sequence[float]]): The score of each item of the analysis. Default: 1.0 for all.
    label_score (float): The score of the text label. All others have 0.0. Default: 1.0.
    set_ents (bool): Also set `doc.ents`. Default: True.
    RETURNS (Counter): The number of items that could not be written, by reason, including those not found in the text.
    """
    lost = Counter(reason for _, reason in anchored.dropped)
    if task.classes:
        doc.cats = dict.fromkeys(task.classes, 0.0)
        if anchored.label is not None:
            doc.cats[anchored.label] = label_score
    if not task.labels:
        return lost
    items: list[AnchoredItem] = [*anchored.entities, *anchored.relations]
    tokens = _token_offsets(doc, [offsets for item in items for offsets in item.string_offsets])
    if task.word_level == "entities":
        entities = [entity for entity in anchored.entities if entity.string_offsets[0] in tokens]
        lost[OFF_GRID] += len(anchored.entities) - len(entities)
        spans = [(*tokens[entity.string_offsets[0]], entity.label, _score(scores, entity.item)) for entity in entities]
        set_entities(doc, spans, key=spans_key, source=source, set_ents=set_ents)
        return +lost
    relations = [relation for relation in anchored.relations if relation.head in tokens and relation.tail in tokens]
    lost[OFF_GRID] += len(anchored.relations) - len(relations)
    labels = {entity.offsets: entity.label for entity in reversed(get_entities(doc, spans_key) or [])}
    stored = [
        {
            "head": tokens[relation.head],
            "tail": tokens[relation.tail],
            "head_label": labels.get(tokens[relation.head], ""),
            "tail_label": labels.get(tokens[relation.tail], ""),
            "label": relation.label,
            "score": _score(scores, relation.item),
        }
        for relation in relations
    ]
    set_relations(doc, stored, source=source or None)
    return +lost


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
    return RelationText(text[slice(*item.head)], item.label, text[slice(*item.tail)])


def _characters(doc: Doc, text: str, start: int, end: int) -> Offsets:
    """The characters of some tokens, without white space at the ends."""
    first, last = doc[start].idx, doc[end - 1].idx + len(doc[end - 1])
    span = text[first:last]
    return first + len(span) - len(span.lstrip()), last - len(span) + len(span.rstrip())
