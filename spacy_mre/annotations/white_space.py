"""White space at the ends of annotated spans, which annotation tools often include and no component predicts."""

from spacy.tokens import Doc, Span, SpanGroup

from .entities import DEFAULT_KEY, Offsets, states_beside_entities, trim
from .relations import arguments, get_relations, set_relations


def trim_offsets(text: str, start: int, end: int) -> Offsets:
    """Leave out white space at the ends of a part of a text.

    text (str): The text.
    start (int): The first character of the part.
    end (int): The last character + 1.
    RETURNS (tuple[int, int]): The offsets of what is left. They are equal if nothing is.

    >>> trim_offsets("In Lima .", 2, 8), trim_offsets("In Lima .", 2, 3)
    ((3, 7), (3, 3))
    """
    part = text[start:end]
    first = start + len(part) - len(part.lstrip())
    return first, first + len(part.strip())


def trim_annotations(doc: Doc, key: str = DEFAULT_KEY) -> None:
    """Trim the entities and relations of a document: white space at their ends is removed, so that gold and
    predictions have the same boundaries. A span of white space only stays as it is.

    doc (Doc): The document.
    key (str): The span group of the entities.

    >>> import spacy
    >>> doc = Doc(spacy.blank("en").vocab, words=["Ida", "\\n", "sang"], spaces=[False, False, False])
    >>> doc.ents = [Span(doc, 0, 2, label="person")]
    >>> trim_annotations(doc)
    >>> doc.ents
    (Ida,)
    """
    if any(_untrimmed(span) for span in doc.spans.get(key, ())):
        group = doc.spans[key]
        doc.spans[key] = SpanGroup(doc, name=key, attrs=dict(group.attrs), spans=[_trimmed(span) for span in group])
    if any(_untrimmed(ent) for ent in doc.ents):
        doc.set_ents([_trimmed(ent) for ent in doc.ents], **states_beside_entities(doc))
    relations = get_relations(doc) or []
    if any(trim(doc, offsets) != offsets for relation in relations for offsets in arguments(relation)):
        set_relations(doc, relations)


def _untrimmed(span: Span) -> bool:
    return trim(span.doc, (span.start, span.end)) != (span.start, span.end)


def _trimmed(span: Span) -> Span:
    start, end = trim(span.doc, (span.start, span.end))
    return Span(span.doc, start, end, label=span.label_, kb_id=span.kb_id_, span_id=span.id_)
