"""What is an entity? A labelled span in `doc.spans["entities"]`; `doc.ents` is the flat, best-scored subset.

Every component writes its predictions through `set_entities`. The scores of the spans, and the name of the component that wrote each, stand beside
them in the group's `attrs["scores"]` and `attrs["sources"]`.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from spacy.tokens import Doc, Span, SpanGroup

DEFAULT_KEY = "entities"

# First token, and the token after the last.
Offsets = tuple[int, int]


class EntitySpan(NamedTuple):
    """A labelled span: token offsets (end exclusive), label, and a score between 0 and 1, which is 1 for gold."""

    start: int
    end: int
    label: str
    score: float = 1.0

    @property
    def offsets(self) -> Offsets:
        """RETURNS (tuple[int, int]): Start and end."""
        return self.start, self.end


def get_entities(doc: Doc, key: str = DEFAULT_KEY) -> list[EntitySpan] | None:
    """Read all entities of a document, nested ones too.

    doc (Doc): The document.
    key (str): The span group.
    RETURNS (Optional[List[EntitySpan]]): The spans of the group; where there is no such group, `doc.ents`; None where nothing is known
        about entities at all.
    """
    if key in doc.spans:
        group = doc.spans[key]
        scores = group.attrs.get("scores", ())
        if len(scores) != len(group):  # somebody changed the group by hand: the scores belong to other spans now
            scores = [1.0] * len(group)
        return [EntitySpan(span.start, span.end, span.label_, float(score)) for span, score in zip(group, scores)]
    if doc.has_annotation("ENT_IOB"):
        return [EntitySpan(ent.start, ent.end, ent.label_) for ent in doc.ents]
    return None


def set_entities(
    doc: Doc,
    spans: Iterable[tuple[int, int, str, float]],
    *,
    key: str = DEFAULT_KEY,
    source: str = "",
    set_ents: bool = True,
) -> list[EntitySpan]:
    """Write entities on a document.

    Spans that this source wrote before are replaced and those of other sources stay; spans that begin or end with white space are dropped; of
    several with the same place and label the best scored stays. The group is sorted by start, then longer first.

    doc (Doc): The document.
    spans (Iterable[Tuple[int, int, str, float]]): Start token, end token (exclusive), label, score.
    key (str): The span group.
    source (str): The name of the writing component; empty for gold.
    set_ents (bool): Also set `doc.ents` to the flat, best-scored subset.
    RETURNS (List[EntitySpan]): What the group holds now, in its order.
    """
    best = {}
    for span, writer in [*_others(doc, key, source), *((EntitySpan(*span), source) for span in spans)]:
        # Not is_space: a Vocab of no language does not know it.
        if doc[span.start].text.isspace() or doc[span.end - 1].text.isspace():
            continue
        place = (span.start, -span.end, span.label)
        if place not in best or best[place][0].score < span.score:
            best[place] = (span, writer)
    kept = [best[place] for place in sorted(best)]
    attrs = {"scores": [float(span.score) for span, _ in kept], "sources": [writer for _, writer in kept]}
    made = [Span(doc, span.start, span.end, label=span.label) for span, _ in kept]
    doc.spans[key] = SpanGroup(doc, name=key, attrs=attrs, spans=made)
    if set_ents:
        flat = set(flat_subset([span for span, _ in kept]))
        doc.set_ents([entity for entity, (span, _) in zip(made, kept) if span in flat])
    return [span for span, _ in kept]


def flat_subset(spans: Sequence[EntitySpan]) -> list[EntitySpan]:
    """The best-scored spans of which no two overlap.

    spans (Sequence[EntitySpan]): Spans that may overlap.
    RETURNS (List[EntitySpan]): Chosen greedily by score, then start, then greater length; sorted by start.
    """
    taken = set()
    chosen = []
    for span in sorted(spans, key=lambda span: (-span.score, span.start, -span.end, span.label)):
        tokens = range(span.start, span.end)
        if taken.isdisjoint(tokens):
            taken.update(tokens)
            chosen.append(span)
    return sorted(chosen)


def complete_entities(doc: Doc, key: str = DEFAULT_KEY) -> None:
    """Write whichever of the span group and `doc.ents` is missing from the other. Documents without both stay without.

    doc (Doc): The document.
    key (str): The span group.
    """
    if key in doc.spans:
        if not doc.has_annotation("ENT_IOB"):
            entities = get_entities(doc, key) or []
            doc.set_ents([Span(doc, span.start, span.end, label=span.label) for span in flat_subset(entities)])
    elif doc.has_annotation("ENT_IOB"):
        set_entities(doc, get_entities(doc, key) or [], key=key, set_ents=False)


def _others(doc: Doc, key: str, source: str) -> list[tuple[EntitySpan, str]]:
    """The spans of the group that somebody else wrote, with their writers."""
    if key not in doc.spans:
        return []
    spans = get_entities(doc, key) or []
    sources = doc.spans[key].attrs.get("sources", ())
    if len(sources) != len(spans):
        sources = [""] * len(spans)
    return [(span, writer) for span, writer in zip(spans, sources) if writer != source]
