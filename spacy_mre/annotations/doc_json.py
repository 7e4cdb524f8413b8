"""Docs as JSON, with the annotations that `Doc.to_json` would drop."""

from collections.abc import Iterable, Mapping
from typing import Any

from spacy.tokens import Doc, Span, SpanGroup
from spacy.vocab import Vocab

from .entities import states_beside_entities
from .relations import Relation, arguments, check_annotations, copy_relations, get_relations, relation_sources

# What `to_json` takes from `doc.user_data`: what a corpus says about a text beside its annotations.
ABOUT_KEYS = ("id", "group", "meta")
# The identifiers of a span. spaCy writes the first one of spans in groups only, and the second one never.
ID_KEYS = ("kb_id", "id")


def to_json(doc: Doc) -> dict[str, Any]:
    """Convert a Doc with all its annotations to JSON.

    doc (Doc): The document.
    RETURNS (dict[str, Any]): The output of `Doc.to_json`, with all identifiers of spans, and: `ent_states`, the tokens
        of which `doc.ents` says that nothing is known about them ("missing"), or that there shall be no entity in them
        ("blocked"); `span_attrs`, the attributes of the span groups with their scores; `relations`, with the character
        offsets and texts of heads and tails; `relation_sources`, the component that wrote each of them; `id`, `group`
        and `meta` of `doc.user_data`. `from_json` reads it.
    RAISES (ValueError): If the document was retokenized after its entities or relations were written.

    >>> import spacy
    >>> doc = spacy.blank("en")("Ida lives in Lima")
    >>> doc._.relations = [{"head": (0, 1), "tail": (3, 4), "label": "lives_in"}]
    >>> to_json(doc)["relations"][0]["tail_char"]
    [13, 17]
    """
    check_annotations(doc)
    data = doc.to_json()
    data |= {key: _as_json(doc.user_data[key]) for key in ABOUT_KEYS if key in doc.user_data}
    if "cats" in data:
        data["cats"] = _as_json(data["cats"])
    if "ents" in data:
        _add_ids(data["ents"], doc.ents)
        states = states_beside_entities(doc)
        if any(states.values()):
            data["ent_states"] = {name: [token.start for token in tokens] for name, tokens in states.items()}
    for key, group in doc.spans.items():
        _add_ids(data["spans"][key], group)
    data["span_attrs"] = {key: _as_json(dict(group.attrs)) for key, group in doc.spans.items()}
    relations = get_relations(doc)
    if relations is not None:
        data["relations"] = [_as_json(_with_characters(doc, relation)) for relation in relations]
        data["relation_sources"] = relation_sources(doc)
    return data


def from_json(data: dict[str, Any], vocab: Vocab | None = None) -> Doc:
    """Make a Doc from the output of `to_json`.

    data (dict[str, Any]): The JSON data.
    vocab (Vocab | None): The vocabulary to use; a new one by default.
    RETURNS (Doc): The document.
    """
    doc = _from_spacy_json(data, Vocab() if vocab is None else vocab)
    doc.user_data.update({key: data[key] for key in ABOUT_KEYS if key in data})
    if "ents" in data:
        states = data.get("ent_states", {})
        missing, blocked = ([doc[i : i + 1] for i in states.get(name, ())] for name in ("missing", "blocked"))
        doc.set_ents(_read_spans(doc, data["ents"]), missing=missing, blocked=blocked)
    for key, spans in data.get("spans", {}).items():
        doc.spans[key] = SpanGroup(doc, name=key, spans=_read_spans(doc, spans))
    for key, attrs in data.get("span_attrs", {}).items():
        doc.spans.setdefault(key, SpanGroup(doc, name=key)).attrs.update(attrs)
    relations, sources = data.get("relations"), data.get("relation_sources") or ()
    if relations is not None:
        known = len(sources) == len(relations)  # unlike after a change by hand
        copy_relations(doc, relations, sources if known else [""] * len(relations))
    return doc


def _add_ids(items: list[dict[str, Any]], spans: Iterable[Span]) -> None:
    """Add the identifiers that spans have to what spaCy wrote about them."""
    for item, span in zip(items, spans):
        item |= {name: value for name, value in zip(ID_KEYS, (span.kb_id_, span.id_)) if value}


def _read_spans(doc: Doc, items: list[dict[str, Any]]) -> list[Span]:
    """Spans with their identifiers. spaCy has already checked that they are at tokens."""
    spans = (
        doc.char_span(item["start"], item["end"], item["label"], item.get("kb_id", ""), span_id=item.get("id", ""))
        for item in items
    )
    return [span for span in spans if span is not None]


def _from_spacy_json(data: dict[str, Any], vocab: Vocab) -> Doc:
    """`Doc.from_json`, which refuses tokens with white space inside or at their ends: they are masked for it."""
    text = data["text"]
    words = [text[token["start"] : token["end"]] for token in data["tokens"]]
    if not any(char.isspace() for word in words for char in word):
        return Doc(vocab).from_json(data)
    masked = list(text)
    for token in data["tokens"]:
        masked[token["start"] : token["end"]] = "x" * (token["end"] - token["start"])
    values = Doc(vocab).from_json({**data, "text": "".join(masked)}).to_dict()
    doc = Doc(vocab).from_dict({**values, "text": text})
    for token in doc:
        token.norm_ = vocab[token.text].norm_
    return doc


def _with_characters(doc: Doc, relation: Relation) -> dict[str, Any]:
    characters: dict[str, Any] = {}
    for name, (start, end) in zip(("head", "tail"), arguments(relation)):
        span = doc[start:end]
        characters[f"{name}_char"] = [span.start_char, span.end_char]
        characters[f"{name}_text"] = span.text
    return {**relation, **characters}


def _as_json(value: Any) -> Any:
    """A value whose numbers may be those of numpy, which spaCy's own components write."""
    if isinstance(value, Mapping):
        return {key: _as_json(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_json(inner) for inner in value]
    return value.tolist() if hasattr(value, "tolist") else value
