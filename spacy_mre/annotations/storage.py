"""How do annotated Docs survive a journey? Files, JSON, parts of a Doc and several Docs in one, with all that spaCy would drop."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import srsly
from spacy.tokens import Doc, DocBin, Span, SpanGroup
from spacy.vocab import Vocab

from .relations import get_relations, set_relations, shift

# Activations are as large as the model is wide and can be made again.
ACTIVATIONS = (("._.", "trf_data", None, None),)


def save_docs(docs: Iterable[Doc], path: str | Path) -> int:
    """Save Docs as a `.spacy` file with their relations, span scores and cats, and without activations.

    docs (Iterable[Doc]): The documents.
    path (Union[str, Path]): The file to write; its folder is made.
    RETURNS (int): How many documents were written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _look_codecs_up_once()
    doc_bin = DocBin(store_user_data=True)
    count = 0
    for doc in docs:
        kept = doc.user_data
        doc.user_data = {key: value for key, value in kept.items() if key not in ACTIVATIONS}
        try:
            doc_bin.add(doc)
        finally:
            doc.user_data = kept
        count += 1
    doc_bin.to_disk(path)
    return count


def load_docs(path: str | Path, vocab: Vocab | None = None) -> Iterator[Doc]:
    """Load the Docs of a `.spacy` file.

    path (Union[str, Path]): The file.
    vocab (Optional[Vocab]): The vocabulary to use; a new one by default.
    YIELDS (Doc): The documents in the order in which they were saved.
    """
    _look_codecs_up_once()
    yield from DocBin(store_user_data=True).from_disk(path).get_docs(Vocab() if vocab is None else vocab)


def to_json(doc: Doc) -> dict[str, Any]:
    """Everything on a Doc as JSON: what spaCy's `Doc.to_json` gives, the scores of the span groups, and the relations with the character
    offsets and texts of their ends.

    doc (Doc): The document.
    RETURNS (Dict[str, Any]): `from_json` reads it back.
    """
    data = doc.to_json()
    data["span_attrs"] = {key: dict(group.attrs) for key, group in doc.spans.items()}
    relations = get_relations(doc)
    if relations is not None:
        data["relations"] = [_with_characters(doc, relation) for relation in relations]
    return data


def from_json(data: dict[str, Any], vocab: Vocab | None = None) -> Doc:
    """Make a Doc of what `to_json` gave.

    data (Dict[str, Any]): The JSON data.
    vocab (Optional[Vocab]): The vocabulary to use; a new one by default.
    RETURNS (Doc): The document.
    """
    plain = {key: value for key, value in data.items() if key not in ("span_attrs", "relations")}
    doc = Doc(Vocab() if vocab is None else vocab).from_json(plain)
    for key, attrs in data.get("span_attrs", {}).items():
        if key in doc.spans:
            doc.spans[key].attrs.update(attrs)
        else:
            doc.spans[key] = SpanGroup(doc, name=key, attrs=attrs)
    if "relations" in data:
        set_relations(doc, data["relations"])
    return doc


def span_as_doc(span: Span) -> Doc:
    """`Span.as_doc` with the span groups, their scores, the cats and the relations that lie inside the span.

    span (Span): A part of a document.
    RETURNS (Doc): A document of its own.
    """
    part = span.as_doc()
    part.cats = dict(span.doc.cats)
    whole = {(ent.start - span.start, ent.end - span.start) for ent in span.doc.ents}
    if any(
        (ent.start, ent.end) not in whole for ent in part.ents
    ):  # as_doc keeps the beginning of an entity that the border cuts
        part.set_ents([ent for ent in part.ents if (ent.start, ent.end) in whole])
    for key, group in span.doc.spans.items():
        inside = [i for i, member in enumerate(group) if span.start <= member.start and member.end <= span.end]
        spans = list(group)
        moved = [
            Span(
                part, spans[i].start - span.start, spans[i].end - span.start, label=spans[i].label, kb_id=spans[i].kb_id
            )
            for i in inside
        ]
        part.spans[key] = SpanGroup(part, name=key, attrs=_attrs_of(group, inside), spans=moved)
    relations = get_relations(span.doc)
    if relations is not None:
        inside_span = [
            r for r in relations if all(span.start <= r[e][0] and r[e][1] <= span.end for e in ("head", "tail"))
        ]
        set_relations(part, [shift(relation, -span.start) for relation in inside_span])
    return part


def merge_docs(docs: list[Doc]) -> Doc | None:
    """`Doc.from_docs` with relations and span scores. Cats speak of a whole text and are left out, unless all texts agree.

    docs (List[Doc]): The documents, in order.
    RETURNS (Optional[Doc]): One document; None if there are none. Its relation store is absent if that of any part is.
    """
    plain = []
    for doc in docs:  # from_docs warns of user data that it drops
        copied = doc.copy()
        copied.user_data = {}
        plain.append(copied)
    merged = Doc.from_docs(plain)
    if merged is None:
        return None
    if all(doc.cats == docs[0].cats for doc in docs):
        merged.cats = dict(docs[0].cats)
    for key, group in merged.spans.items():
        group.attrs.update(_joined_attrs([doc.spans[key] for doc in docs if key in doc.spans]))
    stores = [get_relations(doc) for doc in docs]
    if all(store is not None for store in stores):
        starts = [sum(len(doc) for doc in docs[:i]) for i in range(len(docs))]
        set_relations(merged, [shift(relation, start) for store, start in zip(stores, starts) for relation in store])
    return merged


def _with_characters(doc: Doc, relation: dict[str, Any]) -> dict[str, Any]:
    characters = {}
    for end in ("head", "tail"):
        span = doc[relation[end][0] : relation[end][1]]
        characters[f"{end}_char"] = [span.start_char, span.end_char]
        characters[f"{end}_text"] = span.text
    return {**relation, **characters}


def _attrs_of(group: SpanGroup, places: list[int]) -> dict[str, Any]:
    """The attrs of some members of a group: lists kept in step with the spans are cut, the rest is copied."""
    in_step = {key: len(value) == len(group) for key, value in group.attrs.items() if isinstance(value, (list, tuple))}
    return {key: [value[i] for i in places] if in_step.get(key) else value for key, value in group.attrs.items()}


def _joined_attrs(groups: list[SpanGroup]) -> dict[str, Any]:
    joined: dict[str, Any] = {}
    for name in ("scores", "sources"):
        lists = [group.attrs.get(name) for group in groups]
        if groups and all(values is not None and len(values) == len(group) for values, group in zip(lists, groups)):
            joined[name] = [value for values in lists for value in values]
    return joined


def _look_codecs_up_once() -> None:
    """For every message it reads or writes, srsly looks through the entry points of all installed packages for codecs, and that takes ten times as long
    as the message. They are registered now, and not looked for again in this process."""
    for registry in (srsly.msgpack_encoders, srsly.msgpack_decoders):
        if registry.entry_points:
            for name, codec in registry.get_entry_points().items():
                registry.register(name, func=codec)
            registry.entry_points = False
