"""Annotations that components may not learn: the kinds, how many there are, and where the first ones are."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from spacy.language import Language
from spacy.tokens import Doc

from ..annotations.entities import EntitySpan, Offsets
from ..annotations.relations import Relation, arguments
from ..annotations.sentences import sentence_numbers
from .report import Report

MAX_SHOWN = 24  # characters of an entity

OFF_TOKENS = "entities that do not fit the tokens of the tokenizer"
WIDE = "entities of more than {limit} tokens"
CROSSING = "entities that cross another"
NO_ENTITY = "relations with an end that is no entity"
SELF = "relations of an entity with itself"
ACROSS = "relations across sentences"


def note_misfits(
    doc: Doc,
    origin: str,
    entities: Sequence[EntitySpan],
    relations: Sequence[Relation],
    report: Report,
    *,
    width_limit: int,
    nlp: Language | None = None,
) -> None:
    """Note the entities and relations of a document that components may not learn.

    doc (Doc): The document.
    origin (str): Its name in the examples.
    entities (Sequence[EntitySpan]): Its entities.
    relations (Sequence[Relation]): Its relations.
    report (Report): Counts them, with examples.
    width_limit (int): The most tokens of an entity.
    nlp (Language | None): Also note the entities that its tokenizer cannot represent.
    """

    def note(kind: str, chosen: Iterator[EntitySpan] | Iterator[Relation], show: Callable) -> None:
        for annotation in chosen:
            report.note(kind, f"{origin}: {show(doc, annotation)}")

    if nlp is not None and entities:
        note(OFF_TOKENS, _off_tokens(doc, entities, nlp), _show_entity)
    wide = (entity for entity in entities if entity.end - entity.start > width_limit)
    note(WIDE.format(limit=width_limit), wide, _show_entity)
    note(CROSSING, _crossing(entities), _show_entity)
    known = {entity.offsets for entity in entities}
    note(NO_ENTITY, (r for r in relations if not known.issuperset(arguments(r))), _show_relation)
    note(SELF, (r for r in relations if r["head"] == r["tail"]), _show_relation)
    if relations:
        sentences = sentence_numbers(doc)
        across = (r for r in relations if sentences[r["head"][0]] != sentences[r["tail"][0]])
        note(ACROSS, across, _show_relation)


def _off_tokens(doc: Doc, entities: Sequence[EntitySpan], nlp: Language) -> Iterator[EntitySpan]:
    tokens = nlp.make_doc(doc.text)
    starts = {token.idx for token in tokens}
    ends = {token.idx + len(token) for token in tokens}
    for entity in entities:
        span = doc[entity.start : entity.end]
        if span.start_char not in starts or span.end_char not in ends:
            yield entity


def _crossing(entities: Sequence[EntitySpan]) -> Iterator[EntitySpan]:
    """The entities that overlap another one, where neither is inside the other."""
    places = sorted({entity.offsets for entity in entities})
    crossing: set[Offsets] = set()
    for start, end in places:
        # Those that begin inside of this one, and end after it.
        inside = places[bisect_left(places, (start + 1,)) : bisect_left(places, (end,))]
        across = {other for other in inside if other[1] > end}
        crossing |= across | ({(start, end)} if across else set())
    yield from (entity for entity in entities if entity.offsets in crossing)


def _show_entity(doc: Doc, entity: EntitySpan) -> str:
    return f"{entity.label} {_quote(doc, entity.offsets)}"


def _show_relation(doc: Doc, relation: Relation) -> str:
    head, tail = arguments(relation)
    return f"{_quote(doc, head)} {relation['label']} {_quote(doc, tail)}"


def _quote(doc: Doc, offsets: Offsets) -> str:
    text = " ".join(doc[slice(*offsets)].text.split())
    return f"'{text}'" if len(text) <= MAX_SHOWN else f"'{text[: MAX_SHOWN - 1]}…'"
