"""Relations on a Doc: the list `doc._.relations` and the read-only view `doc._.triples`.

A relation is a plain dict that contains only `str`, `int`, `float` and `list`:

    {"head": [0, 2], "tail": [5, 6], "head_label": "person", "tail_label": "place", "label": "lives_in", "score": 0.93}

`head` and `tail` are token offsets, end exclusive. Two relations are the same if both spans and the label are equal.
`doc._.relations` is None if nothing is known about relations, and an empty list if it is known that there are none.

Next to the list, the document stores what each component wrote, and a checksum of the tokens. A component replaces only
the relations that it wrote, and reading fails if the tokens have changed since, because the offsets are then wrong. So
relations may be appended and removed by hand; an appended one needs a head, a tail and a label only. One with other
offsets or another label is a new one; one with another score or other labels of its arguments is still the component's,
and is replaced when the component runs again.
"""

import zlib
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypedDict

from spacy.attrs import LENGTH, SPACY
from spacy.tokens import Doc, Span

from ..errors import Errors
from .entities import DEFAULT_KEY, EntitySpan, Offsets, check_tokens, get_entities, trim

KEY = ("._.", "relations", None, None)
# The identity and the source of each relation that a component wrote, as one list.
SOURCES_KEY = ("._.", "relation_writers", None, None)
TOKENS_KEY = ("._.", "relation_tokens", None, None)
# The label of a head or tail that is listed as an entity, but has no label of its own.
ARGUMENT_LABEL = "entity"


class Relation(TypedDict):
    """A relation as it is stored in `doc._.relations`.

    head (list[int]): The first token of the head, and its last token + 1.
    tail (list[int]): The first token of the tail, and its last token + 1.
    head_label (str): The entity label of the head; empty if unknown.
    tail_label (str): The entity label of the tail; empty if unknown.
    label (str): The relation label.
    score (float): Between 0 and 1; 1.0 for gold.
    """

    head: list[int]
    tail: list[int]
    head_label: str
    tail_label: str
    label: str
    score: float


class Triple(NamedTuple):
    """A relation with its head and tail as Spans.

    head (Span): The head, with its entity label.
    label (str): The relation label.
    tail (Span): The tail, with its entity label.
    score (float): Between 0 and 1; 1.0 for gold.
    """

    head: Span
    label: str
    tail: Span
    score: float


def make_relation(
    head: Offsets | Span,
    tail: Offsets | Span,
    label: str,
    *,
    head_label: str = "",
    tail_label: str = "",
    score: float = 1.0,
) -> Relation:
    """Make a relation that can be stored in `doc._.relations`.

    head (tuple[int, int] | Span): The first token of the head, and its last token + 1.
    tail (tuple[int, int] | Span): The same of the tail.
    label (str): The relation label.
    head_label (str): The entity label of the head.
    tail_label (str): The entity label of the tail.
    score (float): Between 0 and 1; 1.0 for gold.
    RETURNS (Relation): Contains plain Python types only; numpy and torch scalars are converted.

    >>> import spacy
    >>> doc = spacy.blank("en")("Ida lives in Lima")
    >>> doc._.relations = [make_relation((0, 1), (3, 4), "lives_in", head_label="person", tail_label="place")]
    >>> doc._.triples
    [Triple(head=Ida, label='lives_in', tail=Lima, score=1.0)]
    """
    return {
        "head": _offsets(head),
        "tail": _offsets(tail),
        "head_label": str(head_label),
        "tail_label": str(tail_label),
        "label": str(label),
        "score": float(score),
    }


def _offsets(argument: Offsets | Span) -> list[int]:
    start, end = (argument.start, argument.end) if isinstance(argument, Span) else argument
    return [int(start), int(end)]


def identity(relation: Mapping[str, Any]) -> tuple[int, int, int, int, str]:
    """RETURNS (tuple[int, int, int, int, str]): The offsets of head and tail, and the label, as a key to compare."""
    return (*relation["head"], *relation["tail"], relation["label"])


def arguments(relation: Relation) -> tuple[Offsets, Offsets]:
    """RETURNS (tuple[tuple[int, int], tuple[int, int]]): The token offsets of head and tail."""
    head, tail = relation["head"], relation["tail"]
    return (head[0], head[1]), (tail[0], tail[1])


def get_relations(doc: Doc) -> list[Relation] | None:
    """Read the relations of a document.

    doc (Doc): The document.
    RETURNS (list[Relation] | None): The stored list itself, so relations can be appended to it. None if the document
        has no relations set; reading does not create the list.
    RAISES (ValueError): If the document was retokenized after its relations were written, or a relation that was
        appended lacks a required key or refers to tokens outside the document.
    """
    user_data: dict[Any, Any] = doc.user_data
    tokens = user_data.get(TOKENS_KEY)
    if tokens is not None and tokens != (now := _checksum(doc)):
        if stored := user_data.get(KEY):
            raise ValueError(Errors.M104.format(count=len(stored), text=doc.text[:40]))
        user_data[TOKENS_KEY] = now  # those of an empty list are the tokens of what is appended to it
    return _read_stored(doc)


def relation_sources(doc: Doc) -> list[str]:
    """RETURNS (list[str]): The component that wrote each relation of `get_relations`; empty for gold, and for relations
    that were appended by hand, or got other offsets or another label."""
    user_data: dict[Any, Any] = doc.user_data
    # A relation that is stored twice was written once, and appended once.
    written = {tuple(same): source for *same, source in user_data.get(SOURCES_KEY, ())}
    return [written.pop(identity(relation), "") for relation in _read_stored(doc) or ()]


def set_relations(doc: Doc, relations: Iterable[Mapping[str, Any]] | None, *, source: str | None = None) -> None:
    """Write the relations of a document.

    doc (Doc): The document.
    relations (Iterable[Mapping[str, Any]] | None): Mappings with `head`, `tail` and `label`, and optionally
        `head_label`, `tail_label` and `score`. They are normalized: numpy and torch scalars are converted, other keys
        are dropped, white space at the ends of head and tail is removed, and of several equal relations the one with
        the best score is kept. None removes the list.
    source (str | None): The name of the component that writes: relations written earlier by the same source are
        replaced, and those of other sources are kept. None replaces all relations. Default: None.
    RAISES (ValueError): If a relation is not a mapping, lacks a required key, or refers to tokens outside the document.

    >>> import spacy
    >>> doc = spacy.blank("en")("Ida lives in Lima")
    >>> set_relations(doc, [{"head": (0, 1), "tail": (3, 4), "label": "lives_in"}])
    >>> doc._.relations[0]["tail"]
    [3, 4]
    """
    if relations is None:
        for key in (KEY, SOURCES_KEY, TOKENS_KEY):
            doc.user_data.pop(key, None)  # type: ignore[call-overload]
        return
    others = [] if source is None else _relations_of_other_sources(doc, source)
    _write(doc, [*others, *((_normalized(doc, relation), source or "") for relation in relations)])


def copy_relations(doc: Doc, relations: Iterable[Mapping[str, Any]], sources: Iterable[str]) -> None:
    """Write relations of another document, with the components that wrote them. They replace all relations.

    doc (Doc): The document.
    relations (Iterable[Mapping[str, Any]]): As for `set_relations`, with offsets in this document.
    sources (Iterable[str]): One for each relation, see `relation_sources`.
    RAISES (ValueError): If a relation lacks a required key, or refers to tokens outside the document.
    """
    _write(doc, [(_normalized(doc, relation), source) for relation, source in zip(relations, sources)])


def _write(doc: Doc, relations: Iterable[tuple[Relation, str]]) -> None:
    """Write relations with their sources; of several equal ones the one with the best score."""
    best: dict[tuple[int, int, int, int, str], tuple[Relation, str]] = {}
    for relation, relation_source in relations:
        same = identity(relation)
        if same not in best or best[same][0]["score"] < relation["score"]:
            best[same] = (relation, relation_source)
    user_data: dict[Any, Any] = doc.user_data
    user_data[KEY] = [relation for relation, _ in best.values()]
    user_data[SOURCES_KEY] = [[*same, source] for same, (_, source) in best.items() if source]
    user_data[TOKENS_KEY] = _checksum(doc)


def get_triples(doc: Doc) -> list[Triple]:
    """Read the relations of a document as named tuples of Spans, in the order of the list.

    doc (Doc): The document.
    RETURNS (list[Triple]): Empty if the document has no relations set.
    RAISES (ValueError): If a relation refers to tokens outside the document, for example after retokenization.
    """
    triples = []
    for relation in get_relations(doc) or []:
        _check_offsets(doc, relation)
        head, tail = arguments(relation)
        head_span = Span(doc, *head, label=relation["head_label"])
        tail_span = Span(doc, *tail, label=relation["tail_label"])
        triples.append(Triple(head_span, relation["label"], tail_span, relation["score"]))
    return triples


def get_arguments(doc: Doc, key: str = DEFAULT_KEY) -> list[tuple[EntitySpan, EntitySpan]]:
    """Read the head and tail of each relation, in the order of the list.

    doc (Doc): The document.
    key (str): The span group of the entities.
    RETURNS (list[tuple[EntitySpan, EntitySpan]]): With their labels. One that has no label gets that of the entity with
        its offsets, the first one if there are several, as in training; empty if there is none.
    RAISES (ValueError): If a relation refers to tokens outside the document, for example after retokenization.

    >>> import spacy
    >>> from spacy_mre.annotations.entities import set_entities
    >>> doc = spacy.blank("en")("Ida lives in Lima")
    >>> entities = set_entities(doc, [(0, 1, "person", 1.0), (3, 4, "place", 1.0)])
    >>> doc._.relations = [make_relation((0, 1), (3, 4), "lives_in")]
    >>> [(head.label, tail.label) for head, tail in get_arguments(doc)]
    [('person', 'place')]
    """
    relations = get_relations(doc) or []
    labels: dict[Offsets, str] = {}
    if not all(relation["head_label"] and relation["tail_label"] for relation in relations):
        for entity in get_entities(doc, key) or ():
            labels.setdefault(trim(doc, entity.offsets), entity.label)
    found = []
    for relation in relations:
        _check_offsets(doc, relation)
        head, tail = arguments(relation)
        head_label = relation["head_label"] or labels.get(trim(doc, head), "")
        tail_label = relation["tail_label"] or labels.get(trim(doc, tail), "")
        found.append((EntitySpan(*head, head_label), EntitySpan(*tail, tail_label)))
    return found


def check_annotations(doc: Doc) -> None:
    """Refuse a document that was retokenized after entities or relations of this package were written.

    doc (Doc): The document.
    RAISES (ValueError): If the offsets of its relations, or of a span group with sources, are of other tokens.
    """
    get_relations(doc)
    for key, group in doc.spans.items():
        if "sources" in group.attrs:
            check_tokens(doc, key)


def shift(relation: Relation, offset: int) -> Relation:
    """Move a relation within a document.

    relation (Relation): The relation.
    offset (int): The number of tokens to add to head and tail; may be negative.
    RETURNS (Relation): A new relation.
    """
    head = [position + offset for position in relation["head"]]
    tail = [position + offset for position in relation["tail"]]
    return {**relation, "head": head, "tail": tail}


def register_extensions() -> None:
    """Register `doc._.relations` and `doc._.triples`. Called when spacy_mre is imported."""
    Doc.set_extension("relations", getter=get_relations, setter=set_relations, force=True)
    Doc.set_extension("triples", getter=get_triples, setter=_reject_triples, force=True)


def _reject_triples(doc: Doc, value: Any) -> None:
    # Without a setter spaCy would store the value in user_data, where it is never read.
    raise ValueError(Errors.M103)


def _read_stored(doc: Doc) -> list[Relation] | None:
    """The stored list, after its relations were completed. The tokens may have changed since they were written."""
    user_data: dict[Any, Any] = doc.user_data
    stored = user_data.get(KEY)
    # A DocBin restores lists as tuples; Doc.from_bytes keeps lists.
    if isinstance(stored, tuple):
        user_data[KEY] = [_normalized(doc, relation) for relation in stored]
    elif stored and not all(_is_complete(relation) for relation in stored):
        stored[:] = [each if _is_complete(each) else _normalized(doc, each) for each in stored]
    return user_data.get(KEY)


def _is_complete(relation: Any) -> bool:
    return isinstance(relation, dict) and relation.keys() == Relation.__annotations__.keys()


def _normalized(doc: Doc, given: Mapping[str, Any]) -> Relation:
    if not isinstance(given, Mapping):
        raise ValueError(Errors.M101.format(missing="head, tail, label", relation=given))
    missing = [key for key in ("head", "tail", "label") if key not in given]
    if missing:
        raise ValueError(Errors.M101.format(missing=", ".join(missing), relation=dict(given)))
    _check_offsets(doc, given)
    return make_relation(
        trim(doc, given["head"]),
        trim(doc, given["tail"]),
        given["label"],
        head_label=given.get("head_label", ""),
        tail_label=given.get("tail_label", ""),
        score=given.get("score", 1.0),
    )


def _relations_of_other_sources(doc: Doc, source: str) -> list[tuple[Relation, str]]:
    """The relations that another source wrote."""
    sources = relation_sources(doc)
    if all(each == source for each in sources):
        return []
    return [(relation, each) for relation, each in zip(get_relations(doc) or [], sources) if each != source]


def _checksum(doc: Doc) -> int:
    return zlib.crc32(doc.to_array([LENGTH, SPACY]).tobytes())


def _check_offsets(doc: Doc, relation: Mapping[str, Any]) -> None:
    for start, end in (relation["head"], relation["tail"]):
        if not 0 <= start < end <= len(doc):
            raise ValueError(Errors.M102.format(label=relation["label"], start=start, end=end, length=len(doc)))
