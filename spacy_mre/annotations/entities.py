"""Entities on a Doc: all of them in `doc.spans["entities"]`, and a flat subset without overlaps in `doc.ents`.

Components write their predictions with `set_entities`. The group's `attrs` have one value per span: `scores`;
`sources`, the component that wrote it; and `in_ents`, the component that wrote it to `doc.ents` too, if any did.

In `doc.ents`, a component replaces its own entities only, and adds those that overlap no entity of other components,
which stay as they are.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy
from spacy.tokens import Doc, Span, SpanGroup

from ..errors import Errors
from .characters import Characters, characters, characters_of_group

DEFAULT_KEY = "entities"
# The span groups of the tasks that `slg` and `oiellm` answer, by the names of their templates.
TASK_GROUPS = frozenset(("SCNM", "SCPOS:RW", "SCPOS:Adj&N", "SCPOS:Adj", "SCPOS:N", "TCREE:RE", "TCREE:EE", "TCONER"))

# Token offsets of a span: first token, last token + 1.
Offsets = tuple[int, int]
# Start, minus end, label.
Place = tuple[int, int, str]
# The value of ENT_IOB of the first token of an entity.
BEGIN = 3


class EntitySpan(NamedTuple):
    """A labelled span of tokens.

    start (int): The first token.
    end (int): The last token + 1.
    label (str): The entity label.
    score (float): Between 0 and 1; 1.0 for gold.
    """

    start: int
    end: int
    label: str
    score: float = 1.0

    @property
    def offsets(self) -> Offsets:
        """RETURNS (tuple[int, int]): Start and end."""
        return self.start, self.end


# A span and its source.
Written = tuple[EntitySpan, str]


def get_entities(doc: Doc, key: str = DEFAULT_KEY) -> list[EntitySpan] | None:
    """Read all entities of a document, including nested ones.

    doc (Doc): The document.
    key (str): The span group.
    RETURNS (list[EntitySpan] | None): The spans of the group. Without such a group, the spans of `doc.ents`; None if
        these are not set either, or the document has no tokens.
    RAISES (ValueError): If the document was retokenized after the group was written, or a span has no tokens.
    """
    if key in doc.spans:
        group = doc.spans[key]
        check_tokens(doc, key)
        scores = _attribute(group, "scores", 1.0)
        return [EntitySpan(span.start, span.end, span.label_, float(score)) for span, score in zip(group, scores)]
    # Of a document without tokens, spaCy always says that `doc.ents` is set.
    if len(doc) and doc.has_annotation("ENT_IOB"):
        return [EntitySpan(ent.start, ent.end, ent.label_) for ent in doc.ents]
    return None


def entity_sources(doc: Doc, key: str = DEFAULT_KEY) -> list[str]:
    """RETURNS (list[str]): The component that wrote each entity of `get_entities`; empty for gold, for components that
    are not of this package, and if the group was changed after it was written."""
    if key in doc.spans:
        return list(_attribute(doc.spans[key], "sources", ""))
    return [""] * len(get_entities(doc, key) or ())


def index_entities(entities: Iterable[tuple[Offsets, str]]) -> dict[tuple[Offsets, str], int]:
    """Number entities, to find the arguments of relations.

    entities (Iterable[tuple[Offsets, str]]): The offsets and label of each.
    RETURNS (dict[tuple[Offsets, str], int]): The first entity with offsets and a label; with the label "", the first
        one of any label.

    >>> index_entities([((0, 2), "a"), ((0, 2), "b")])
    {((0, 2), 'a'): 0, ((0, 2), ''): 0, ((0, 2), 'b'): 1}
    """
    indices: dict[tuple[Offsets, str], int] = {}
    for i, (offsets, label) in enumerate(entities):
        for name in (label, ""):
            indices.setdefault((offsets, name), i)
    return indices


def set_entities(
    doc: Doc,
    spans: Iterable[EntitySpan | tuple[int, int, str, float]],
    *,
    key: str = DEFAULT_KEY,
    source: str = "",
    set_ents: bool = True,
) -> list[EntitySpan]:
    """Write entities to a document.

    Spans written earlier by the same source are replaced; spans of other sources are kept, with their ids and with the
    other attributes of the group, which are None for new spans. White space at the ends of gold is removed; predicted
    spans that begin or end with white space are dropped. Of several spans with the same offsets and label, the one with
    the best score is kept. The group is sorted by start, longer spans first.

    doc (Doc): The document.
    spans (Iterable[EntitySpan]): The entities; plain tuples of start, end, label and score are accepted too.
    key (str): The span group.
    source (str): The name of the component that writes; empty for gold.
    set_ents (bool): Also write to `doc.ents`: of the given spans that overlap no entity of another source there, the
        flat, best-scored subset.
    RETURNS (list[EntitySpan]): All spans that are now in the group, in its order.
    RAISES (ValueError): If spans are kept, and the document was retokenized after the group was written.

    >>> import spacy
    >>> doc = spacy.blank("en")("Ida visits Old Lima")
    >>> entities = set_entities(doc, [(0, 1, "person", 0.9), (2, 4, "place", 0.8), (3, 4, "place", 0.6)])
    >>> [span.text for span in doc.spans["entities"]]
    ['Ida', 'Old Lima', 'Lima']
    >>> doc.ents
    (Ida, Old Lima)
    """
    others, in_ents = _written_by_others(doc, key, source), _read_in_ents(doc, key)
    given = _best_of_equal(doc, [(EntitySpan(*span), source) for span in spans])
    kept = _best_of_equal(doc, [*others, *given.values()]) if others else given
    if set_ents:
        former = {place for place, writer in in_ents.items() if writer == source}
        added = _replace_ents(doc, former, [span for span, _ in given.values()])
        in_ents = {place: writer for place, writer in in_ents.items() if writer != source}
        in_ents |= dict.fromkeys(added, source)
    places = sorted(kept)
    entities = [kept[place][0] for place in places]
    of_others = _spans_of_others(doc, key, source) if others else {}
    indices = [of_others.get(place) for place in places]
    doc_spans = [_make_span(doc, span, key, index) for span, index in zip(entities, indices)]
    attrs = {
        **_kept_attrs(doc, key, indices),
        "scores": [float(span.score) for span in entities],
        "sources": [kept[place][1] for place in places],
        "in_ents": [in_ents.get(characters(span)) for span in doc_spans],
    }
    doc.spans[key] = SpanGroup(doc, name=key, attrs=attrs, spans=doc_spans)
    return entities


def check_tokens(doc: Doc, key: str = DEFAULT_KEY) -> None:
    """Refuse a span group whose document was retokenized after the group was written: spaCy changes the tokens, but not
    the groups, which then contain other tokens or none.

    doc (Doc): The document.
    key (str): The span group.
    RAISES (ValueError): If a span of the group has not the characters of its tokens, or has no tokens.
    """
    try:
        moved = False
        for span in doc.spans[key]:
            if span.start == span.end:
                details = {"label": span.label_, "start": span.start, "text": doc.text[:40]}
                raise ValueError(Errors.M111.format(key=key, **details))
            last = doc[span.end - 1]
            moved = moved or doc[span.start].idx != span.start_char or last.idx + len(last) != span.end_char
    except IndexError:  # fewer tokens than before
        moved = True
    if moved:
        raise ValueError(Errors.M110.format(key=key, text=doc.text[:40]))


def trim(doc: Doc, offsets: Offsets) -> Offsets:
    """Leave out white space at the ends of a span.

    doc (Doc): The document.
    offsets (tuple[int, int]): Start and end of the span, in tokens.
    RETURNS (tuple[int, int]): Those of the span without white space; the same if it is white space only.
    """
    start, end = offsets
    # Not token.is_space: a Vocab without a language does not set that flag.
    while start < end and doc[start].text.isspace():
        start += 1
    while start < end and doc[end - 1].text.isspace():
        end -= 1
    return (start, end) if start < end else offsets


def flat_subset(spans: Sequence[EntitySpan]) -> list[EntitySpan]:
    """Select the best-scored spans that do not overlap.

    spans (Sequence[EntitySpan]): Spans that may overlap.
    RETURNS (list[EntitySpan]): Selected greedily by score, then start, then length (longest first); sorted by start.

    >>> flat_subset([EntitySpan(0, 3, "site", 0.6), EntitySpan(2, 3, "place", 0.9)])
    [EntitySpan(start=2, end=3, label='place', score=0.9)]
    """
    taken: set[int] = set()
    selected = []
    for span in sorted(spans, key=_by_preference):
        tokens = range(span.start, span.end)
        if taken.isdisjoint(tokens):
            taken.update(tokens)
            selected.append(span)
    return sorted(selected)


def are_blocked(doc: Doc) -> numpy.ndarray:
    """RETURNS (numpy.ndarray): For each token, whether `doc.ents` says that there shall be no entity in it."""
    iob, types = doc.to_array(["ENT_IOB", "ENT_TYPE"]).T
    return (iob == BEGIN) & (types == 0)


def states_beside_entities(doc: Doc) -> dict[str, Any]:
    """What `doc.ents` says beside its entities, for `doc.set_ents`.

    doc (Doc): The document.
    RETURNS (dict[str, list[Span]]): "missing", the tokens of which nothing is known, and "blocked", those in which
        there shall be no entity. Each token is a span.
    """
    states = {"missing": doc.to_array("ENT_IOB") == 0, "blocked": are_blocked(doc)}
    return {name: [doc[i : i + 1] for i in numpy.flatnonzero(state).tolist()] for name, state in states.items()}


def is_partly_annotated(doc: Doc, key: str = DEFAULT_KEY) -> bool:
    """RETURNS (bool): Whether `doc.ents` says nothing about some tokens, though it does about others: those that
    `doc.set_ents` leaves out with `default="missing"`, and those of misaligned offsets in `Example.from_dict`. A span
    group with other entities does not depend on it."""
    iob = doc.to_array("ENT_IOB")
    if iob.all() or not iob.any():
        return False
    ents = {(ent.start, ent.end, ent.label_) for ent in doc.ents}
    return key not in doc.spans or {(span.start, span.end, span.label_) for span in doc.spans[key]} == ents


def complete_entities(doc: Doc, key: str = DEFAULT_KEY) -> None:
    """Set the span group from `doc.ents` or `doc.ents` from the span group, if only one of them is set. If the document
    has the group of a task (`TASK_GROUPS`), `doc.ents` is of this task, and other groups are unknown.

    doc (Doc): The document.
    key (str): The span group.
    """
    if key in doc.spans:
        if not doc.has_annotation("ENT_IOB"):
            entities = get_entities(doc, key) or []
            doc.set_ents([Span(doc, span.start, span.end, label=span.label) for span in flat_subset(entities)])
    elif TASK_GROUPS.isdisjoint(doc.spans) and (of_ents := get_entities(doc, key)) is not None:
        set_entities(doc, of_ents, key=key, set_ents=False)


def _written_by_others(doc: Doc, key: str, source: str) -> list[Written]:
    """The spans of a group that other sources wrote. Without them, the tokens of the group may have changed."""
    sources = entity_sources(doc, key) if key in doc.spans else []
    if all(each == source for each in sources):
        return []
    return [written for written in zip(get_entities(doc, key) or [], sources) if written[1] != source]


def _read_in_ents(doc: Doc, key: str) -> dict[Characters, str]:
    """The component that wrote each span of a group to `doc.ents`, if any did, by the characters of the span."""
    group = doc.spans[key] if key in doc.spans else SpanGroup(doc)
    writers = zip(characters_of_group(group), _attribute(group, "in_ents", None))
    return {span: writer for span, writer in writers if writer is not None}


def _spans_of_others(doc: Doc, key: str, source: str) -> dict[Place, int]:
    """The index in the group of each span that another source wrote, by its place without white space."""
    indices: dict[Place, int] = {}
    for i, (span, writer) in enumerate(zip(doc.spans[key], entity_sources(doc, key))):
        if writer != source:
            start, end = trim(doc, (span.start, span.end))
            indices.setdefault((start, -end, span.label_), i)
    return indices


def _kept_attrs(doc: Doc, key: str, indices: Sequence[int | None]) -> dict[str, Any]:
    """The attributes of the group, where an attribute with one value per span gets those of the spans with the indices
    that the spans had before."""
    if key not in doc.spans:
        return {}
    group = doc.spans[key]
    attrs = {}
    for name, value in group.attrs.items():
        values = values_per_span(group, value)
        attrs[name] = value if values is None else [None if i is None else values[i] for i in indices]
    return attrs


def values_per_span(group: SpanGroup, value: Any) -> list[Any] | None:
    """RETURNS (list[Any] | None): The value of an attribute of a span group if it has one element for each span."""
    if not isinstance(value, (list, tuple, numpy.ndarray)) or len(value) != len(group):
        return None
    return value.tolist() if isinstance(value, numpy.ndarray) else list(value)


def _make_span(doc: Doc, span: EntitySpan, key: str, former: int | None) -> Span:
    """A span with the ids that another component gave it."""
    if former is None:
        return Span(doc, span.start, span.end, label=span.label)
    before = doc.spans[key][former]
    return Span(doc, span.start, span.end, label=span.label, kb_id=before.kb_id, span_id=before.id)


def _attribute(group: SpanGroup, name: str, default: Any) -> Sequence[Any]:
    """One value per span. If the group was changed after it was written, its values no longer match its spans."""
    values = group.attrs.get(name, ())
    return values if len(values) == len(group) else [default] * len(group)


def _best_of_equal(doc: Doc, spans: Iterable[Written]) -> dict[Place, Written]:
    """The best-scored of each offsets and label, without white space at the ends."""
    best: dict[Place, Written] = {}
    for span, source in spans:
        offsets = trim(doc, span.offsets)
        if source and (offsets != span.offsets or doc[span.start].text.isspace()):
            # Trimmed, it could get the offsets of another prediction with another label.
            continue
        span = EntitySpan(*offsets, span.label, span.score)
        place = _place(span)
        if place not in best or best[place][0].score < span.score:
            best[place] = (span, source)
    return best


def _replace_ents(doc: Doc, former: set[Characters], spans: Iterable[EntitySpan]) -> list[Characters]:
    """Replace some entities of `doc.ents` by those spans that overlap no other one there. Returns what was added."""
    others = [ent for ent in doc.ents if characters(ent) not in former]
    blocked = [doc[i : i + 1] for i in numpy.flatnonzero(are_blocked(doc)).tolist()]
    taken = {token for span in (*others, *blocked) for token in range(span.start, span.end)}
    added = flat_subset([span for span in spans if taken.isdisjoint(range(span.start, span.end))])
    ents = [Span(doc, *span.offsets, label=span.label) for span in added]
    doc.set_ents([*others, *ents], blocked=blocked)
    return [characters(ent) for ent in ents]


def _place(span: EntitySpan) -> Place:
    """What makes two spans the same, in the order of a group."""
    return span.start, -span.end, span.label


def _by_preference(span: EntitySpan) -> tuple[float, int, int, str]:
    return -span.score, span.start, -span.end, span.label
