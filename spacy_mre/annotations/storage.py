"""Saving, splitting and merging Docs without losing the annotations that spaCy would drop."""

from collections.abc import Iterable, Iterator
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy
import srsly
from spacy.tokens import Doc, DocBin, Span, SpanGroup
from spacy.vocab import Vocab

from .doc_bins import MAX_BYTES, fill_doc_bins, read_doc_bins, write_doc_bins
from .entities import values_per_span
from .relations import (
    Relation,
    arguments,
    check_annotations,
    copy_relations,
    get_relations,
    relation_sources,
    shift,
)
from .scripts import is_without_blank

# Activations are large and can be computed again.
ACTIVATIONS = (("._.", "trf_data", None, None),)


def save_docs(docs: Iterable[Doc], path: str | Path, *, max_bytes: int = MAX_BYTES) -> int:
    """Save Docs to a `.spacy` file with their relations, span scores and text labels, but without activations.

    docs (Iterable[Doc]): The documents.
    path (str | Path): The file to write; its folder is created.
    max_bytes (int): The most bytes that spaCy can store for the tokens of one file. More documents become a folder of
        numbered `.spacy` files with the name of the file, which `load_docs` and the corpus readers read in the same
        way. Default: 2**32 - 1.
    RETURNS (int): The number of documents.
    RAISES (ValueError): If a document was retokenized after its entities or relations were written.

    >>> import spacy
    >>> nlp = spacy.blank("en")
    >>> doc = nlp("Ida lives in Lima")
    >>> doc._.relations = [{"head": (0, 1), "tail": (3, 4), "label": "lives_in"}]
    >>> save_docs([doc], "docs.spacy")
    1
    >>> [loaded._.triples for loaded in load_docs("docs.spacy", nlp.vocab)]
    [[Triple(head=Ida, label='lives_in', tail=Lima, score=1.0)]]
    """
    _register_msgpack_codecs()
    return write_doc_bins(fill_doc_bins(docs, add_to_doc_bin, max_bytes), Path(path))


def add_to_doc_bin(doc_bin: DocBin, doc: Doc) -> None:
    """Add a document as `save_docs` does: with its user data, but without activations.

    doc_bin (DocBin): One that stores user data.
    doc (Doc): The document.
    RAISES (ValueError): If the document was retokenized after its entities or relations were written.
    """
    _register_msgpack_codecs()
    check_annotations(doc)
    user_data = doc.user_data
    doc.user_data = {key: value for key, value in user_data.items() if key not in ACTIVATIONS}
    try:
        doc_bin.add(doc)
    finally:
        doc.user_data = user_data


def load_docs(path: str | Path, vocab: Vocab | None = None) -> Iterator[Doc]:
    """Load the Docs of a `.spacy` file.

    path (str | Path): The file, or the folder that `save_docs` wrote.
    vocab (Vocab | None): The vocabulary to use; a new one by default.
    YIELDS (Doc): The documents, in the order in which they were saved.
    RAISES (ValueError): If the file is damaged or not a `.spacy` file, or a file of the folder is missing.
    """
    _register_msgpack_codecs()
    yield from read_doc_bins(Path(path), Vocab() if vocab is None else vocab)


def span_as_doc(span: Span) -> Doc:
    """Copy a part of a document into a new Doc, like `Span.as_doc`, with the annotations that `Span.as_doc` would drop.

    span (Span): The part to copy.
    RETURNS (Doc): A Doc with the text labels of the whole document, and the entities, span groups, scores and relations
        that are completely inside the part.
    RAISES (ValueError): If the document was retokenized after its entities or relations were written.

    >>> import spacy
    >>> doc = spacy.blank("en")("Ida lives in Lima")
    >>> doc._.relations = [{"head": (0, 1), "tail": (3, 4), "label": "lives_in"}]
    >>> len(span_as_doc(doc[0:4])._.relations), len(span_as_doc(doc[0:3])._.relations)
    (1, 0)
    """
    check_annotations(span.doc)
    if span.doc.tensor is None:
        # The default of `doc_cleaner`, which Span.as_doc cannot read.
        span.doc.tensor = numpy.zeros((0,), dtype="f")
    part = span.as_doc()
    part.cats = dict(span.doc.cats)
    for key, group in span.doc.spans.items():
        part.spans[key] = _copy_group(key, group, span, part)
    relations = get_relations(span.doc)
    if relations is not None:
        inside = [pair for pair in zip(relations, relation_sources(span.doc)) if _is_inside(pair[0], span)]
        copy_relations(part, [shift(relation, -span.start) for relation, _ in inside], [source for _, source in inside])
    return part


def merge_docs(docs: list[Doc]) -> Doc | None:
    """Merge documents into one, like `Doc.from_docs`, with the annotations that `Doc.from_docs` would drop. A blank is
    put between two of them, but not between Japanese or Chinese characters.

    docs (list[Doc]): The documents, in order.
    RETURNS (Doc | None): The merged document; None if `docs` is empty. It has entities, a span group or relations only
        if all documents have them set, and text labels only if they are the same in all documents.
    RAISES (ValueError): If a document was retokenized after its entities or relations were written.

    >>> import spacy
    >>> doc = spacy.blank("en")("Ida lives in Lima")
    >>> doc._.relations = [{"head": (0, 1), "tail": (3, 4), "label": "lives_in"}]
    >>> [relation["head"] for relation in merge_docs([doc, doc])._.relations]
    [[0, 1], [4, 5]]
    """
    if not docs:
        return None
    for doc in docs:
        check_annotations(doc)
    merged = _concatenate([_copy_without_user_data(doc) for doc in docs])
    if all(doc.cats == docs[0].cats for doc in docs):
        merged.cats = dict(docs[0].cats)
    if not all(doc.has_annotation("ENT_IOB") for doc in docs):
        merged.set_ents([], default="missing")
    for key, group in list(merged.spans.items()):
        groups = [doc.spans[key] for doc in docs if key in doc.spans]
        if len(groups) == len(docs):
            group.attrs.update(_concatenate_attrs(groups))
        else:
            del merged.spans[key]
    relations: list[Relation] = []
    sources: list[str] = []
    for doc, start in zip(docs, accumulate(map(len, docs), initial=0)):
        stored = get_relations(doc)
        if stored is None:
            return merged
        relations += [shift(relation, start) for relation in stored]
        sources += relation_sources(doc)
    copy_relations(merged, relations, sources)
    return merged


def without_annotations(doc: Doc) -> Doc:
    """Copy the tokens of a document, to predict on.

    doc (Doc): The document.
    RETURNS (Doc): A Doc with the same tokens and nothing else.
    """
    words, spaces = [token.text for token in doc], [bool(token.whitespace_) for token in doc]
    return Doc(doc.vocab, words=words, spaces=spaces)


def _is_inside(relation: Relation, span: Span) -> bool:
    return all(span.start <= start and end <= span.end for start, end in arguments(relation))


def _copy_group(key: str, group: SpanGroup, span: Span, part: Doc) -> SpanGroup:
    """Copy the members of a group that are inside the span to the Doc made from the span."""
    inside = [i for i, member in enumerate(group) if span.start <= member.start and member.end <= span.end]
    copied = [_copy_member(group[i], span.start, part) for i in inside]
    attrs = {}
    for name, value in group.attrs.items():
        values = values_per_span(group, value)
        attrs[name] = value if values is None else [values[i] for i in inside]
    return SpanGroup(part, name=key, attrs=attrs, spans=copied)


def _copy_member(member: Span, offset: int, part: Doc) -> Span:
    start, end = member.start - offset, member.end - offset
    return Span(part, start, end, label=member.label, kb_id=member.kb_id, span_id=member.id)


def _concatenate(docs: list[Doc]) -> Doc:
    runs = [[docs[0]]]
    for left, right in pairwise(docs):
        if is_without_blank(left.text, right.text):
            runs[-1].append(right)
        else:
            runs.append([right])
    # Tensors of different widths cannot be joined, and documents of a tokenizer have none.
    widths = {() if doc.tensor is None else doc.tensor.shape[1:] for doc in docs if len(doc)}
    # The stubs of spaCy lack the argument.
    options: Any = {} if len(widths) == 1 and () not in widths else {"exclude": ["tensor"]}
    joined = [run[0] if len(run) == 1 else Doc.from_docs(run, ensure_whitespace=False, **options) for run in runs]
    return Doc.from_docs(joined, **options)


def _copy_without_user_data(doc: Doc) -> Doc:
    # Doc.from_docs drops user data with a warning.
    copied = doc.copy()
    copied.user_data = {}
    return copied


def _concatenate_attrs(groups: list[SpanGroup]) -> dict[str, Any]:
    """The attributes with one value per span that all groups have."""
    attrs = {}
    for name in groups[0].attrs:
        values = [values_per_span(group, group.attrs.get(name)) for group in groups]
        if None not in values:
            attrs[name] = [value for of_group in values for value in of_group or ()]
    return attrs


def _register_msgpack_codecs() -> None:
    """Register the msgpack codecs of all installed packages. Without this, srsly reads the entry points again for every
    message, which is ten times slower.
    """
    for registry in (srsly.msgpack_encoders, srsly.msgpack_decoders):
        if registry.entry_points:
            for name, codec in registry.get_entry_points().items():
                registry.register(name, func=codec)
            registry.entry_points = False
