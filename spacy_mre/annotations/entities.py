"""Entities on a Doc: all of them in `doc.spans["entities"]`, and a flat subset without overlaps in `doc.ents`.

Components write their predictions with `set_entities`. The group's `attrs["scores"]` contains the score of each span,
and `attrs["sources"]` the name of the component that wrote it.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from spacy.tokens import Doc, Span, SpanGroup

DEFAULT_KEY = "entities"

# Token offsets of a span: first token, last token + 1.
Offsets = tuple[int, int]


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


def get_entities(doc: Doc, key: str = DEFAULT_KEY) -> list[EntitySpan] | None:
    """Read all entities of a document, including nested ones.

    doc (Doc): The document.
    key (str): The span group.
    RETURNS (list[EntitySpan] | None): The spans of the group. Without such a group, the spans of `doc.ents`; None if
        these are not set either.
    """
    if key in doc.spans:
        group = doc.spans[key]
        scores = group.attrs.get("scores", ())
        if len(scores) != len(group):
            # The group was changed after it was written, so the scores no longer match its spans.
            scores = [1.0] * len(group)
        return [EntitySpan(span.start, span.end, span.label_, float(score)) for span, score in zip(group, scores)]
    if doc.has_annotation("ENT_IOB"):
        return [EntitySpan(ent.start, ent.end, ent.label_) for ent in doc.ents]
    return None


def set_entities(
    doc: Doc,
    spans: Iterable[EntitySpan | tuple[int, int, str, float]],
    *,
    key: str = DEFAULT_KEY,
    source: str = "",
    set_ents: bool = True,
) -> list[EntitySpan]:
    """Write entities to a document.

    Spans written earlier by the same source are replaced; spans of other sources are kept. White space at the
    ends of gold is removed; predicted spans that begin or end with white space are dropped. Of several spans with the
    same offsets and label, the one with the best score is kept. The group is sorted by start, longer spans first.

    doc (Doc): The document.
    spans (Iterable[EntitySpan]): The entities; plain tuples of start, end, label and score are accepted too.
    key (str): The span group.
    source (str): The name of the component that writes; empty for gold.
    set_ents (bool): Also set `doc.ents` to the flat, best-scored subset. Entities that another component wrote only to
        `doc.ents` are kept, and spans of the group that overlap them are left out there.
    RETURNS (list[EntitySpan]): All spans that are now in the group, in its order.

    >>> import spacy
    >>> doc = spacy.blank("en")("Ida visits Old Lima")
    >>> entities = set_entities(doc, [(0, 1, "person", 0.9), (2, 4, "place", 0.8), (3, 4, "place", 0.6)])
    >>> [span.text for span in doc.spans["entities"]]
    ['Ida', 'Old Lima', 'Lima']
    >>> doc.ents
    (Ida, Old Lima)
    """
    foreign = _entities_outside_group(doc, key) if set_ents else []
    best: dict[tuple[int, int, str], tuple[EntitySpan, str]] = {}
    given = [(EntitySpan(*span), source) for span in spans]
    for span, span_source in [*_spans_of_other_sources(doc, key, source), *given]:
        offsets = trim(doc, span.offsets)
        if span_source and (offsets != span.offsets or doc[span.start].text.isspace()):
            # Trimmed, it could get the offsets of another prediction with another label.
            continue
        span = EntitySpan(*offsets, span.label, span.score)
        sort_key = (span.start, -span.end, span.label)
        if sort_key not in best or best[sort_key][0].score < span.score:
            best[sort_key] = (span, span_source)
    kept = [best[sort_key] for sort_key in sorted(best)]
    entities = [span for span, _ in kept]
    attrs = {"scores": [float(span.score) for span in entities], "sources": [span_source for _, span_source in kept]}
    doc_spans = [Span(doc, span.start, span.end, label=span.label) for span in entities]
    doc.spans[key] = SpanGroup(doc, name=key, attrs=attrs, spans=doc_spans)
    if set_ents:
        taken = {token for ent in foreign for token in range(ent.start, ent.end)}
        flat = set(flat_subset([span for span in entities if taken.isdisjoint(range(span.start, span.end))]))
        doc.set_ents([*foreign, *(doc_span for doc_span, span in zip(doc_spans, entities) if span in flat)])
    return entities


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


def complete_entities(doc: Doc, key: str = DEFAULT_KEY) -> None:
    """Set the span group from `doc.ents` or `doc.ents` from the span group, if only one of them is set.

    doc (Doc): The document.
    key (str): The span group.
    """
    if key in doc.spans:
        if not doc.has_annotation("ENT_IOB"):
            entities = get_entities(doc, key) or []
            doc.set_ents([Span(doc, span.start, span.end, label=span.label) for span in flat_subset(entities)])
    elif doc.has_annotation("ENT_IOB"):
        set_entities(doc, get_entities(doc, key) or [], key=key, set_ents=False)


def _entities_outside_group(doc: Doc, key: str) -> list[Span]:
    """The entities in `doc.ents` that are not in the span group, if there is one."""
    if key not in doc.spans and not doc.ents:
        return []
    group = {(span.start, span.end, span.label) for span in doc.spans[key]} if key in doc.spans else set()
    return [ent for ent in doc.ents if (ent.start, ent.end, ent.label) not in group]


def _by_preference(span: EntitySpan) -> tuple[float, int, int, str]:
    return -span.score, span.start, -span.end, span.label


def _spans_of_other_sources(doc: Doc, key: str, source: str) -> list[tuple[EntitySpan, str]]:
    if key not in doc.spans:
        return []
    spans = get_entities(doc, key) or []
    sources = doc.spans[key].attrs.get("sources", ())
    if len(sources) != len(spans):
        sources = [""] * len(spans)
    return [(span, span_source) for span, span_source in zip(spans, sources) if span_source != source]
